/* Applies the numbered SQL files of core/schema. */
#include "core/migration.h"

#include <stdio.h>

#include "core/i18n.h"

static enum rc
read_version(struct db *db, int64_t *version)
{
    struct stmt *stmt;
    bool row = false;
    enum rc rc = db_stmt(db, "PRAGMA user_version", &stmt);

    if (rc == RC_OK)
        rc = stmt_step(stmt, &row);
    *version = rc == RC_OK && row ? stmt_get_int(stmt, 0) : 0;
    stmt_done(stmt);
    return rc;
}

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
    enum rc rc = read_version(db, &version);

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
