/* A connection, its transactions, and SQLite's errors mapped to rc. Statements are db_stmt.c, what can be said with these db_short.c. */
#include "core/db_inside.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "core/db_error.h"
#include "core/db_start.h"
#include "core/i18n.h"
#include "core/text.h"
#include "core/vfs.h"

enum { DETAILS_BYTES = 64 * 1024 };

enum rc
db_fail_with(struct db *db, int code, bool is_ours)
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
                       vfs_memory_user());
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

/* Ends the outermost transaction without a word: the sentence of the failure that led here stays. */
static void
roll_back(struct db *db)
{
    if (sqlite3_get_autocommit(db->handle) == 0)
        (void)sqlite3_step(db->rollback);
    sqlite3_reset(db->rollback);
    db->is_stuck = sqlite3_get_autocommit(db->handle) == 0;
    db->depth = 0;
    db->is_doomed = false;
}

enum rc
db_settle(struct db *db)
{
    if (db->depth > 0 && sqlite3_get_autocommit(db->handle) != 0)
        return rc_fail(RC_STALE, _("the transaction was rolled back"));
    if (db->is_stuck)
        roll_back(db);
    return db->is_stuck ? rc_nomem() : RC_OK;
}

static enum rc
exec(struct db *db, const char *sql)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    if (code == SQLITE_OK)
        return RC_OK;
    return db_fail_with(db, sqlite3_extended_errcode(db->handle), true);
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

/* COLLATE folded: for questions alone. In an index another version of the tables of Unicode would put a text elsewhere. */
static int
compare_folded(void *unused, int a_len, const void *a, int b_len, const void *b)
{
    (void)unused;
    return text_compare_folded(a, (size_t)a_len, b, (size_t)b_len);
}

static enum rc
configure(struct db *db, const struct db_options *options)
{
    enum rc rc = RC_OK;

    sqlite3_busy_timeout(db->handle, options->busy_ms);
    /* SQLite opens a file that is shorter than its header says only where the schema may be written, which defensive forbids. */
    if (sqlite3_db_config(db->handle, options->takes_cut ? SQLITE_DBCONFIG_WRITABLE_SCHEMA : SQLITE_DBCONFIG_DEFENSIVE, 1,
                          NULL) != SQLITE_OK ||
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL) != SQLITE_OK ||
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL) != SQLITE_OK)
        return rc_fail(RC_IO, "SQLite lacks a setting");
    if (sqlite3_create_collation_v2(db->handle, "folded", SQLITE_UTF8, NULL, compare_folded, NULL) != SQLITE_OK)
        return rc_nomem();
    if (options->exclusive && !(options->share && has_shared_memory(db))) /* first: several of the others read the schema */
        rc = exec(db, "PRAGMA locking_mode=EXCLUSIVE");
    if (rc == RC_OK)
        rc = exec(db, "PRAGMA page_size=4096; PRAGMA cache_size=-65536; PRAGMA cache_spill=OFF;"
                      "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA secure_delete=ON;"
                      "PRAGMA wal_autocheckpoint=4000");
    if (rc == RC_OK)
        rc = db_set_synchronous(db, options->synchronous_full);
    if (rc == RC_OK && (sqlite3_prepare_v2(db->handle, "BEGIN IMMEDIATE", -1, &db->begin, NULL) != SQLITE_OK ||
                        sqlite3_prepare_v2(db->handle, "COMMIT", -1, &db->commit, NULL) != SQLITE_OK ||
                        sqlite3_prepare_v2(db->handle, "ROLLBACK", -1, &db->rollback, NULL) != SQLITE_OK))
        rc = db_fail_with(db, sqlite3_extended_errcode(db->handle), true);
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
    db_start();
    int code = sqlite3_open_v2(path, &db->handle, flags, options->vfs);
    if (code != SQLITE_OK && db->handle == NULL)
        rc = rc_nomem();
    else if ((code & 0xff) == SQLITE_CANTOPEN && must_exist &&
             sqlite3_system_errno(db->handle) == ENOENT)
        rc = rc_fail(RC_ABSENT, _("there is no store at %s"), path);
    else if (code != SQLITE_OK)
        rc = db_fail_with(db, code, true);
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
    for (size_t i = 0; i < DB_STATEMENT_BUCKETS; i++) {
        struct stmt *stmt = db->buckets[i];
        while (stmt != NULL) {
            struct stmt *next = stmt->next;
            sqlite3_finalize(stmt->handle);
            free(stmt);
            stmt = next;
        }
    }
    sqlite3_finalize(db->begin);
    sqlite3_finalize(db->commit);
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
    enum rc rc = db_settle(db);

    return rc == RC_OK ? exec(db, sql) : rc;
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

/* BEGIN or COMMIT, made at opening: they would be parsed for every save. */
static enum rc
step(struct db *db, sqlite3_stmt *handle)
{
    int code = sqlite3_step(handle);
    enum rc rc = code == SQLITE_DONE ? RC_OK : db_fail_with(db, sqlite3_extended_errcode(db->handle), true);

    sqlite3_reset(handle);
    return rc;
}

enum rc
db_begin(struct db *db)
{
    if (db->is_doomed)
        return rc_fail(RC_STALE, _("the transaction was rolled back"));
    enum rc rc = db_settle(db);
    if (rc == RC_OK && db->depth == 0) {
        rc = forget_where_needed(db);
        if (rc == RC_OK)
            rc = step(db, db->begin);
    }
    if (rc != RC_OK)
        return rc;
    assert(db->depth < INT_MAX);
    db->depth++;
    return RC_OK;
}

enum rc
db_commit(struct db *db)
{
    assert(db->depth > 0);
    if (db->depth > 1) {
        db->depth--;
        return RC_OK;
    }
    enum rc rc = db->is_doomed ? rc_fail(RC_STALE, _("the transaction was rolled back")) : db_settle(db);
    if (rc == RC_OK)
        rc = step(db, db->commit);
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

    return code == SQLITE_OK ? RC_OK : db_fail_with(db, code, false);
}

/* The first thing that SQLite finds, in its own words and on one line. */
static enum rc
check(struct db *db, const char *sql, struct buf *details)
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
    bool is_damaged = rc == RC_OK && strcmp(finding, "ok") != 0;
    for (const char *at = finding; is_damaged && rc == RC_OK && *at != '\0'; at++)
        rc = buf_put_u8(details, (uint8_t)(*at == '\n' ? ' ' : *at));
    stmt_done(stmt);
    return is_damaged && rc == RC_OK ? rc_fail(RC_CORRUPT, _("the structure is damaged")) : rc;
}

static enum rc
check_and_say(struct db *db, const char *sql)
{
    struct buf details = BUF_EMPTY(DETAILS_BYTES);
    enum rc rc = check(db, sql, &details);

    const char *words = rc == RC_CORRUPT && details.len > 0 ? buf_text(&details) : NULL;
    if (words != NULL)
        rc = rc_fail(rc, _("the structure is damaged (details: %s)"), words);
    buf_wipe(&details);
    return rc;
}

enum rc
db_find_damage(struct db *db, struct buf *details)
{
    return check(db, "PRAGMA quick_check(1)", details);
}

enum rc
db_check_structure(struct db *db)
{
    return check_and_say(db, "PRAGMA quick_check(1)");
}

enum rc
db_check_indexes(struct db *db)
{
    return check_and_say(db, "PRAGMA integrity_check(1)");
}
