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

static enum rc
read_version(struct db *db, int64_t *version)
{
    enum rc rc = db_get_int(db, "PRAGMA user_version", version);

    if (rc == RC_OK && (*version < 0 || *version > MIGRATIONS[MIGRATION_COUNT - 1].number))
        rc = rc_fail(RC_UNSUPPORTED, _("the store was written by a newer program (schema %lld)"),
                     (long long)*version);
    return rc;
}

enum rc
migration_check(struct db *db)
{
    int64_t version;
    enum rc rc = read_version(db, &version);

    if (rc == RC_OK && version < MIGRATIONS[MIGRATION_COUNT - 1].number)
        rc = rc_fail(RC_STALE, _("an older program wrote the store: open it once with `baken status`, which brings it up to date"));
    return rc;
}

enum rc
migration_run(struct db *db, bool *changed)
{
    int64_t version;
    enum rc rc = read_version(db, &version);

    *changed = false;
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < MIGRATION_COUNT && rc == RC_OK; i++)
        if (MIGRATIONS[i].number > version) {
            rc = apply(db, &MIGRATIONS[i]);
            *changed = true;
        }
    return rc;
}
