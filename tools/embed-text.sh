#!/bin/sh
# usage: embed-text.sh FILE: prints C that defines embedded_FILE[], the file as NUL-terminated text, where
# every character of the path that C cannot have in a name becomes an underscore.
set -eu
name=$(printf '%s' "$1" | tr -c 'a-zA-Z0-9' '_')
printf '/* %s, embedded by tools/embed-text.sh. */\n' "$1"
printf 'extern const char embedded_%s[];\nconst char embedded_%s[] =\n' "$name" "$name"
sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/    "&\\n"/' "$1"
printf '    "";\n'
