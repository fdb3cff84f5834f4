/* What is said again and again with the statements and transactions of db.c, in one call each. */
#include "core/db.h"

void
stmt_id_or_null(struct stmt *stmt, int at, const struct id *id)
{
    if (id == NULL)
        stmt_null(stmt, at);
    else
        stmt_id(stmt, at, *id);
}

enum rc
stmt_need_row(struct stmt *stmt)
{
    bool row;
    enum rc rc = stmt_step(stmt, &row);

    return rc == RC_OK && !row ? RC_ABSENT : rc;
}

enum rc
stmt_finish(struct stmt *stmt)
{
    enum rc rc = stmt_run(stmt);

    stmt_done(stmt);
    return rc;
}

enum rc
stmt_finish_int(struct stmt *stmt, int64_t *value)
{
    bool row;
    enum rc rc = stmt_step(stmt, &row);

    *value = rc == RC_OK && row ? stmt_get_int(stmt, 0) : 0;
    stmt_done(stmt);
    return rc;
}

enum rc
stmt_get_buf(struct stmt *stmt, int at, struct buf *out)
{
    size_t len;
    const uint8_t *bytes = stmt_get_blob(stmt, at, &len);

    return buf_put(out, bytes, len);
}

enum rc
stmt_get_id(struct stmt *stmt, int at, struct id *id)
{
    return stmt_get_fixed(stmt, at, id->bytes, sizeof id->bytes);
}

enum rc
db_get_int(struct db *db, const char *sql, int64_t *value)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, sql, &stmt);

    *value = 0;
    return rc == RC_OK ? stmt_finish_int(stmt, value) : rc;
}

enum rc
db_run_id(struct db *db, const char *sql, struct id id)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, id);
    return stmt_finish(stmt);
}

enum rc
db_run_int(struct db *db, const char *sql, int64_t value)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, value);
    return stmt_finish(stmt);
}

enum rc
db_end(struct db *db, enum rc rc)
{
    if (rc == RC_OK)
        return db_commit(db);
    db_rollback(db);
    return rc;
}
