/* Statements, transactions and SQLite's errors mapped to rc. What can be said with these is db_short.c. */
#include "core/db.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/db_error.h"
#include "core/db_inside.h"
#include "core/i18n.h"
#include "core/vfs.h"

enum { STATEMENT_BUCKETS = 256 };

struct stmt {
    sqlite3_stmt *handle;
    struct db *db;
    struct stmt *next; /* in the bucket */
    const char *text;  /* the literal's address: the first half of the key */
    int bind_code;     /* of the first bind that failed */
    bool is_out;       /* lent to a caller */
};

struct db {
    sqlite3 *handle;
    sqlite3_stmt *rollback; /* made at opening: where memory ran out none could be made */
    struct stmt *buckets[STATEMENT_BUCKETS];
    int depth;      /* of nested transactions */
    bool is_doomed;   /* the outermost must not commit */
    bool must_forget; /* what virtual tables keep in memory: see forget_where_needed */
};

/* A sentence by code. SQLite's own messages are used only for our own SQL: those of a running
 * statement may quote what was searched for. */
static enum rc
fail_with(struct db *db, int code, bool is_ours)
{
    enum rc rc = db_rc_of(code);

    if (rc == RC_OK)
        return RC_OK;
    db->must_forget = db->must_forget || rc == RC_IO || rc == RC_NOMEM || rc == RC_FULL || rc == RC_CORRUPT;
    if (code == VFS_WRONG_KEY)
        return rc_fail(rc, _("the key does not fit this store"));
    if (code == VFS_NEWER)
        return rc_fail(rc, _("a newer program wrote the store"));
    if (code == VFS_OTHER_MEMORY)
        return rc_fail(rc, _("a program that shares no memory with this one has the store open (in another container, or as "
                             "another user): end that first"));
    if (code == VFS_MEMORY_REFUSED)
        return rc_fail(rc, _("/dev/shm/baken-%lu is not a directory of yours alone: have it removed"),
                       (unsigned long)geteuid());
    if ((code & 0xff) == SQLITE_READONLY)
        return rc_fail(rc, _("the store was opened to be read only"));
    if ((code & 0xff) == SQLITE_NOTADB)
        return rc_fail(rc, _("the file is not a store, or its first bytes are lost"));
    if (rc == RC_CORRUPT)
        return rc_fail(rc, _("a page of the store is damaged, foreign or cut (SQLite %d)"), code);
    if (rc == RC_FULL)
        return rc_fail(rc, _("the disk is full"));
    if (rc == RC_BUSY)
        return rc_fail(rc, _("another process holds the store"));
    if (rc == RC_NOMEM)
        return rc_nomem();
    if (rc == RC_IO && sqlite3_system_errno(db->handle) != 0)
        return rc_fail(rc, "%s (SQLite %d): %s", sqlite3_errstr(code), code,
                       strerror(sqlite3_system_errno(db->handle)));
    if (is_ours || (code & 0xff) == SQLITE_CONSTRAINT)
        return rc_fail(rc, "%s (SQLite %d)", sqlite3_errmsg(db->handle), code);
    return rc_fail(rc, "%s (SQLite %d)", sqlite3_errstr(code), code);
}

/* SQLite may roll back by itself (full disk, I/O error). What follows must not commit alone. */
static bool
is_rolled_back(const struct db *db)
{
    return db->depth > 0 && sqlite3_get_autocommit(db->handle) != 0;
}

static enum rc
exec(struct db *db, const char *sql)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    if (code == SQLITE_OK)
        return RC_OK;
    return fail_with(db, sqlite3_extended_errcode(db->handle), true);
}

/* --- opening ------------------------------------------------------------------------------- */

/* Whether the VFS below offers a wal-index that processes share. */
static bool
has_shared_memory(struct db *db)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    return code == SQLITE_OK && file != NULL && file->pMethods != NULL &&
           file->pMethods->iVersion >= 2 && file->pMethods->xShmMap != NULL;
}

static enum rc
configure(struct db *db, const struct db_options *options)
{
    enum rc rc = RC_OK;

    sqlite3_busy_timeout(db->handle, options->busy_ms);
    if (sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL) != SQLITE_OK)
        return rc_fail(RC_IO, "SQLite lacks a setting");
    if (options->exclusive && !(options->share && has_shared_memory(db))) /* first: several of the others read the schema */
        rc = exec(db, "PRAGMA locking_mode=EXCLUSIVE");
    if (rc == RC_OK)
        rc = exec(db, "PRAGMA page_size=4096; PRAGMA cache_size=-65536; PRAGMA cache_spill=OFF;"
                      "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA secure_delete=ON;"
                      "PRAGMA wal_autocheckpoint=4000");
    if (rc == RC_OK)
        rc = db_set_synchronous(db, options->synchronous_full);
    if (rc == RC_OK &&
        sqlite3_prepare_v2(db->handle, "ROLLBACK", -1, &db->rollback, NULL) != SQLITE_OK)
        rc = fail_with(db, sqlite3_extended_errcode(db->handle), true);
    return rc;
}

/* Runs one PRAGMA journal_mode statement and tells whether the mode is now WAL. */
static enum rc
journal_mode(struct db *db, const char *sql, bool *is_wal)
{
    struct stmt *stmt;
    bool row = false;
    enum rc rc;

    *is_wal = false;
    rc = db_stmt(db, sql, &stmt);
    if (rc != RC_OK)
        return rc;
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row) {
        const char *mode = stmt_get_text(stmt, 0);
        *is_wal = mode != NULL && strcmp(mode, "wal") == 0;
    }
    stmt_done(stmt);
    return rc;
}

static enum rc
enter_wal(struct db *db, const struct db_options *options)
{
    bool is_wal;
    enum rc rc = journal_mode(db, "PRAGMA journal_mode", &is_wal);

    if (rc != RC_OK || is_wal || options->readonly || options->in_memory)
        return rc;
    /* A creation that is cut short is begun anew by store_create: it needs no journal on disk. A
     * store that a person put into another mode returns under its journal. */
    if (options->exclusive && !options->must_exist)
        rc = journal_mode(db, "PRAGMA journal_mode=MEMORY", &is_wal);
    if (rc == RC_OK)
        rc = journal_mode(db, "PRAGMA journal_mode=WAL", &is_wal);
    if (rc == RC_OK && !is_wal)
        rc = rc_fail(RC_IO, _("the file system does not allow a write-ahead log"));
    return rc;
}

enum rc
db_open(const char *path, const struct db_options *options, struct db **out)
{
    bool must_exist = options->must_exist || options->readonly;
    int flags = SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                (options->readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                (must_exist ? 0 : SQLITE_OPEN_CREATE);
    struct db *db = calloc(1, sizeof *db);
    enum rc rc;

    *out = NULL;
    if (db == NULL)
        return rc_nomem();
    int code = sqlite3_open_v2(path, &db->handle, flags, options->vfs);
    if (code != SQLITE_OK && db->handle == NULL)
        rc = rc_nomem();
    else if ((code & 0xff) == SQLITE_CANTOPEN && must_exist &&
             sqlite3_system_errno(db->handle) == ENOENT)
        rc = rc_fail(RC_ABSENT, _("there is no store at %s"), path);
    else if (code != SQLITE_OK)
        rc = fail_with(db, code, true);
    else
        rc = configure(db, options);
    if (rc == RC_OK)
        rc = enter_wal(db, options);
    if (rc != RC_OK) {
        db_close_as_is(db);
        return rc;
    }
    *out = db;
    return RC_OK;
}

void
db_close_as_is(struct db *db)
{
    if (db == NULL)
        return;
    if (db->handle != NULL)
        (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    db_close(db);
}

void
db_close(struct db *db)
{
    if (db == NULL)
        return;
    for (size_t i = 0; i < STATEMENT_BUCKETS; i++) {
        struct stmt *stmt = db->buckets[i];
        while (stmt != NULL) {
            struct stmt *next = stmt->next;
            sqlite3_finalize(stmt->handle);
            free(stmt);
            stmt = next;
        }
    }
    sqlite3_finalize(db->rollback);
    int code = sqlite3_close(db->handle); /* the last one checkpoints */
    assert(code == SQLITE_OK);
    (void)code;
    free(db);
}

enum rc
db_set_synchronous(struct db *db, bool full)
{
    return exec(db, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
}

enum rc
db_run(struct db *db, const char *sql)
{
    if (is_rolled_back(db))
        return rc_fail(RC_STALE, _("the transaction was rolled back"));
    return exec(db, sql);
}

/* --- statements ---------------------------------------------------------------------------- */

static size_t
bucket_of(const char *sql)
{
    uintptr_t address = (uintptr_t)sql;

    return (size_t)((address ^ (address >> 8) ^ (address >> 16)) % STATEMENT_BUCKETS);
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
        return fail_with(db, sqlite3_extended_errcode(db->handle), true);
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
stmt_null(struct stmt *stmt, int at)
{
    bound(stmt, sqlite3_bind_null(stmt->handle, at));
}

enum rc
stmt_step(struct stmt *stmt, bool *row)
{
    *row = false;
    if (stmt->bind_code != SQLITE_OK)
        return fail_with(stmt->db, stmt->bind_code, false);
    if (is_rolled_back(stmt->db))
        return rc_fail(RC_STALE, _("the transaction was rolled back"));
    int code = sqlite3_step(stmt->handle);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return RC_OK;
    enum rc rc = fail_with(stmt->db, sqlite3_extended_errcode(stmt->db->handle), false);
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

int64_t
db_last_rowid(const struct db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

int64_t
db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}

/* --- transactions -------------------------------------------------------------------------- */

/* A call that failed in the middle of FTS5's work leaves it with a picture of its index that is no longer true, and what is
 * saved next makes the index unlike its notes (found by `make faults`, SQLite 3.40.1). Virtual tables are
 * connected anew after the schema is read anew (https://sqlite.org/pragma.html#pragma_writable_schema). */
static enum rc
forget_where_needed(struct db *db)
{
    if (!db->must_forget)
        return RC_OK;
    enum rc rc = exec(db, "PRAGMA writable_schema=RESET");
    db->must_forget = rc != RC_OK;
    return rc;
}

enum rc
db_begin(struct db *db)
{
    if (db->is_doomed || is_rolled_back(db))
        return rc_fail(RC_STALE, _("the transaction was rolled back"));
    if (db->depth == 0) {
        enum rc rc = forget_where_needed(db);
        if (rc == RC_OK)
            rc = exec(db, "BEGIN IMMEDIATE");
        if (rc != RC_OK)
            return rc;
    }
    assert(db->depth < INT_MAX);
    db->depth++;
    return RC_OK;
}

/* Ends the outermost transaction without a word: the sentence of the failure that led here stays. */
static void
roll_back(struct db *db)
{
    if (sqlite3_get_autocommit(db->handle) == 0)
        (void)sqlite3_step(db->rollback);
    sqlite3_reset(db->rollback);
    db->depth = 0;
    db->is_doomed = false;
}

enum rc
db_commit(struct db *db)
{
    assert(db->depth > 0);
    if (db->depth > 1) {
        db->depth--;
        return RC_OK;
    }
    if (db->is_doomed || is_rolled_back(db)) {
        roll_back(db);
        return rc_fail(RC_STALE, _("the transaction was rolled back"));
    }
    enum rc rc = exec(db, "COMMIT");
    if (rc != RC_OK) {
        roll_back(db);
        return rc;
    }
    db->depth = 0;
    return RC_OK;
}

void
db_rollback(struct db *db)
{
    if (db->depth > 1) {
        db->depth--;
        db->is_doomed = true;
        return;
    }
    roll_back(db);
}

bool
db_in_transaction(const struct db *db)
{
    return db->depth > 0;
}

sqlite3 *
db_handle(const struct db *db)
{
    return db->handle;
}

/* --- upkeep -------------------------------------------------------------------------------- */

enum rc
db_checkpoint(struct db *db, bool truncate)
{
    int code = sqlite3_wal_checkpoint_v2(
        db->handle, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_FULL, NULL,
        NULL);

    return code == SQLITE_OK ? RC_OK : fail_with(db, code, false);
}

static enum rc
check(struct db *db, const char *sql)
{
    struct stmt *stmt;
    bool row = false;
    enum rc rc = db_stmt(db, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    rc = stmt_step(stmt, &row);
    const char *finding = rc == RC_OK && row ? stmt_get_text(stmt, 0) : NULL;
    if (rc == RC_OK && finding == NULL)
        rc = rc_nomem();
    else if (rc == RC_OK && strcmp(finding, "ok") != 0)
        rc = rc_fail(RC_CORRUPT, _("the structure is damaged: %s"), finding);
    stmt_done(stmt);
    return rc;
}

enum rc
db_check_structure(struct db *db)
{
    return check(db, "PRAGMA quick_check(1)");
}

enum rc
db_check_indexes(struct db *db)
{
    return check(db, "PRAGMA integrity_check(1)");
}
