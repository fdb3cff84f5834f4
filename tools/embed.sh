#!/bin/sh
# usage: embed.sh core/schema/*.sql: prints the C file that holds these migrations as text, in order.
set -eu
cat <<'END'
/* Made by tools/embed.sh from core/schema/NNN_name.sql. */
#include "core/migration.h"

const struct migration MIGRATIONS[] = {
END
for file in "$@"; do
    name=${file##*/}
    number=$(expr "$name" : '\([0-9][0-9][0-9]\)_[a-z0-9_]*\.sql$') ||
        { echo "$file: not NNN_name.sql" >&2; exit 1; }
    printf '    {%s, "%s",\n' "$(expr "$number" + 0)" "${name%.sql}"
    sed 's/\\/\\\\/g; s/"/\\"/g; s/^/     "/; s/$/\\n"/' "$file"
    printf '    },\n'
done
cat <<'END'
};

const size_t MIGRATION_COUNT = sizeof MIGRATIONS / sizeof MIGRATIONS[0];
END
