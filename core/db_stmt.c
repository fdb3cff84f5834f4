/* Statements: made once for each literal, bound, stepped, read. */
#include "core/db_inside.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"

static size_t
bucket_of(const char *sql)
{
    uintptr_t address = (uintptr_t)sql;

    return (size_t)((address ^ (address >> 8) ^ (address >> 16)) % DB_STATEMENT_BUCKETS);
}

enum rc
db_stmt(struct db *db, const char *sql, struct stmt **out)
{
    struct stmt **bucket = &db->buckets[bucket_of(sql)];

    *out = NULL;
    for (struct stmt *stmt = *bucket; stmt != NULL; stmt = stmt->next)
        if (!stmt->is_out && stmt->text == sql && strcmp(sqlite3_sql(stmt->handle), sql) == 0) {
            stmt->is_out = true;
            *out = stmt;
            return RC_OK;
        }
    struct stmt *stmt = calloc(1, sizeof *stmt);
    if (stmt == NULL)
        return rc_nomem();
    int code =
        sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->handle, NULL);
    if (code != SQLITE_OK) {
        free(stmt);
        return db_fail_with(db, sqlite3_extended_errcode(db->handle), true);
    }
    assert(stmt->handle != NULL); /* an empty text is our own mistake */
    stmt->db = db;
    stmt->text = sql;
    stmt->is_out = true;
    stmt->next = *bucket;
    *bucket = stmt;
    *out = stmt;
    return RC_OK;
}

static void
bound(struct stmt *stmt, int code)
{
    if (code != SQLITE_OK && stmt->bind_code == SQLITE_OK)
        stmt->bind_code = code;
}

void
stmt_int(struct stmt *stmt, int at, int64_t value)
{
    bound(stmt, sqlite3_bind_int64(stmt->handle, at, value));
}

void
stmt_text(struct stmt *stmt, int at, const char *text)
{
    /* A NULL text binds NULL. */
    bound(stmt, sqlite3_bind_text64(stmt->handle, at, text, text == NULL ? 0 : strlen(text),
                                    SQLITE_TRANSIENT, SQLITE_UTF8));
}

void
stmt_text_bytes(struct stmt *stmt, int at, const void *text, size_t len)
{
    bound(stmt, sqlite3_bind_text64(stmt->handle, at, len == 0 ? "" : text, len, SQLITE_TRANSIENT,
                                    SQLITE_UTF8));
}

void
stmt_blob(struct stmt *stmt, int at, const void *bytes, size_t len)
{
    if (len == 0) /* a NULL pointer would bind NULL, not an empty blob */
        bound(stmt, sqlite3_bind_zeroblob(stmt->handle, at, 0));
    else
        bound(stmt, sqlite3_bind_blob64(stmt->handle, at, bytes, len, SQLITE_TRANSIENT));
}

void
stmt_text_lent(struct stmt *stmt, int at, const void *text, size_t len)
{
    bound(stmt, sqlite3_bind_text64(stmt->handle, at, len == 0 ? "" : text, len, SQLITE_STATIC,
                                    SQLITE_UTF8));
}

void
stmt_blob_lent(struct stmt *stmt, int at, const void *bytes, size_t len)
{
    if (len == 0)
        bound(stmt, sqlite3_bind_zeroblob(stmt->handle, at, 0));
    else
        bound(stmt, sqlite3_bind_blob64(stmt->handle, at, bytes, len, SQLITE_STATIC));
}

void
stmt_id(struct stmt *stmt, int at, struct id id)
{
    if (at >= STMT_IDS) {
        stmt_blob(stmt, at, id.bytes, sizeof id.bytes);
        return;
    }
    stmt->ids[at] = id;
    stmt_blob_lent(stmt, at, stmt->ids[at].bytes, sizeof id.bytes);
}

void
stmt_null(struct stmt *stmt, int at)
{
    bound(stmt, sqlite3_bind_null(stmt->handle, at));
}

void
stmt_copy(struct stmt *stmt, int at, struct stmt *from, int column)
{
    bound(stmt, sqlite3_bind_value(stmt->handle, at, sqlite3_column_value(from->handle, column)));
}

enum rc
stmt_step(struct stmt *stmt, bool *row)
{
    *row = false;
    if (stmt->bind_code != SQLITE_OK)
        return db_fail_with(stmt->db, stmt->bind_code, false);
    enum rc rc = db_settle(stmt->db);
    if (rc != RC_OK)
        return rc;
    int code = sqlite3_step(stmt->handle);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return RC_OK;
    rc = db_fail_with(stmt->db, sqlite3_extended_errcode(stmt->db->handle), false);
    sqlite3_reset(stmt->handle); /* ends the read that it may have begun */
    return rc;
}

enum rc
stmt_run(struct stmt *stmt)
{
    bool row;
    enum rc rc;

    do
        rc = stmt_step(stmt, &row);
    while (rc == RC_OK && row);
    sqlite3_reset(stmt->handle);
    return rc;
}

void
stmt_done(struct stmt *stmt)
{
    if (stmt == NULL)
        return;
    sqlite3_reset(stmt->handle);
    sqlite3_clear_bindings(stmt->handle);
    stmt->bind_code = SQLITE_OK;
    stmt->is_out = false;
}

int64_t
stmt_get_int(struct stmt *stmt, int at)
{
    return sqlite3_column_int64(stmt->handle, at);
}

const char *
stmt_get_text(struct stmt *stmt, int at)
{
    return (const char *)sqlite3_column_text(stmt->handle, at);
}

const uint8_t *
stmt_get_blob(struct stmt *stmt, int at, size_t *len)
{
    const void *bytes = sqlite3_column_blob(stmt->handle, at);

    *len = (size_t)sqlite3_column_bytes(stmt->handle, at);
    return bytes;
}

enum rc
stmt_get_fixed(struct stmt *stmt, int at, void *out, size_t len)
{
    size_t stored = 0;
    const uint8_t *bytes = stmt_get_blob(stmt, at, &stored);

    if (sqlite3_column_type(stmt->handle, at) != SQLITE_BLOB || stored != len || bytes == NULL) {
        memset(out, 0, len);
        return rc_fail(RC_CORRUPT, _("a stored value is not a blob of %zu bytes"), len);
    }
    memcpy(out, bytes, len);
    return RC_OK;
}

bool
stmt_is_null(struct stmt *stmt, int at)
{
    return sqlite3_column_type(stmt->handle, at) == SQLITE_NULL;
}
