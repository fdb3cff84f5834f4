/* Own scalars of the sync layer by name. */
#include "sync/state.h"

/* What stands there already is not written again: a page less, and often a commit without a flush. */
static const char PUT[] = "INSERT INTO sync_state (name, value) VALUES (?1, ?2) ON CONFLICT (name)"
                          " DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value";

enum rc
state_get_int(struct db *db, const char *name, int64_t *value)
{
    struct stmt *stmt;

    *value = 0;
    enum rc rc = db_stmt(db, "SELECT value FROM sync_state WHERE name = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, name);
    return stmt_finish_int(stmt, value);
}

enum rc
state_put_int(struct db *db, const char *name, int64_t value)
{
    struct stmt *stmt;

    enum rc rc = db_stmt(db, PUT, &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, name);
    stmt_int(stmt, 2, value);
    return stmt_finish(stmt);
}

enum rc
state_get_bytes(struct db *db, const char *name, struct buf *out)
{
    struct stmt *stmt;

    buf_clear(out);
    enum rc rc = db_stmt(db, "SELECT value FROM sync_state WHERE name = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, name);
    rc = stmt_need_row(stmt);
    if (rc == RC_OK)
        rc = stmt_get_buf(stmt, 0, out);
    stmt_done(stmt);
    return rc;
}

enum rc
state_put_bytes(struct db *db, const char *name, const void *bytes, size_t len)
{
    struct stmt *stmt;

    enum rc rc = db_stmt(db, PUT, &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, name);
    stmt_blob(stmt, 2, bytes, len);
    return stmt_finish(stmt);
}

enum rc
state_drop(struct db *db, const char *name)
{
    struct stmt *stmt;

    enum rc rc = db_stmt(db, "DELETE FROM sync_state WHERE name = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, name);
    return stmt_finish(stmt);
}
