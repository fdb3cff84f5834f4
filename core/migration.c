/* Applies the numbered SQL files of core/schema. */
#include "core/migration.h"

#include <stdio.h>

#include "core/i18n.h"

static enum rc
apply(struct db *db, const struct migration *migration)
{
    char sql[64];
    enum rc rc = db_begin(db);

    if (rc != RC_OK)
        return rc;
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", migration->number);
    rc = db_run(db, migration->sql);
    if (rc == RC_OK)
        rc = db_run(db, sql);
    if (rc == RC_OK)
        rc = db_commit(db);
    if (rc == RC_OK)
        return RC_OK;
    db_rollback(db);
    return rc_while(rc, _("schema %s"), migration->name);
}

enum rc
migration_run(struct db *db, bool *changed)
{
    int64_t version;
    enum rc rc = db_get_int(db, "PRAGMA user_version", &version);

    *changed = false;
    if (rc != RC_OK)
        return rc;
    if (version < 0 || version > MIGRATIONS[MIGRATION_COUNT - 1].number)
        return rc_fail(RC_UNSUPPORTED, _("the store was written by a newer program (schema %lld)"),
                       (long long)version);
    for (size_t i = 0; i < MIGRATION_COUNT && rc == RC_OK; i++)
        if (MIGRATIONS[i].number > version) {
            rc = apply(db, &MIGRATIONS[i]);
            *changed = true;
        }
    return rc;
}
