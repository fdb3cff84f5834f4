/* Statements, transactions and SQLite's errors mapped to rc. With core/vfs the home of sqlite3.h. */
#ifndef CORE_DB_H
#define CORE_DB_H

#include "core/buf.h"
#include "core/id.h"
#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct stmt;

struct db_options {
    const char *vfs;       /* name of a registered VFS; NULL is SQLite's default */
    bool must_exist;       /* RC_ABSENT instead of creating */
    bool exclusive;        /* locking_mode=EXCLUSIVE before the first read: no wal-index */
    bool share;            /* not so where the VFS gives shared memory: then several processes at once */
    bool readonly;         /* writes nothing, makes no file; must_exist is implied */
    bool takes_cut;        /* with readonly: opens also a file that lacks its last pages, and is not defensive */
    bool in_memory;        /* no file, no log: the path is ":memory:" */
    int busy_ms;           /* how long to wait for another process */
    bool synchronous_full; /* FULL, else NORMAL */
};

/* Opens with the settings of docs/STORE.md: WAL, cache_spill=OFF, page size 4096, temp_store=MEMORY,
 * secure_delete, trusted_schema=OFF, defensive. One thread at a time uses a `struct db`. RC_BUSY,
 * RC_LOCKED (wrong key), RC_CORRUPT (also: not a store), RC_IO, RC_FULL. Statements also fail with
 * RC_EXISTS (unique), RC_INVALID (constraint, or words that a search cannot read), RC_TOO_LARGE. */
enum rc db_open(const char *path, const struct db_options *options, struct db **db) MUST_CHECK;
void db_close(struct db *db); /* accepts NULL; frees cached statements, checkpoints */
/* Closes and leaves file and log as they are: after an opening that was refused. Accepts NULL. */
void db_close_as_is(struct db *db);
enum rc db_set_synchronous(struct db *db, bool full) MUST_CHECK;

enum rc db_run(struct db *db, const char *sql) MUST_CHECK; /* one or more statements, no results */
/* A cached statement by its text (the text must be a string literal: the cache keys by pointer and
 * content). Reset and unbound. Belongs to `db`; give back with stmt_done as soon as read. */
enum rc db_stmt(struct db *db, const char *sql, struct stmt **stmt) MUST_CHECK;
/* The integer that a literal without parameters gives: db_stmt, then stmt_finish_int. */
enum rc db_get_int(struct db *db, const char *sql, int64_t *value) MUST_CHECK;
/* The first key above *key that `sql` (a literal, as for db_stmt) gives for ?1, past pages that cannot be read: key by key, for keys
 * are dense, and then in growing steps. *found false at the end of the table; *bad rises by one where something failed. `sql` goes by
 * the table alone: "SELECT rowid FROM t NOT INDEXED WHERE rowid > ?1 ORDER BY rowid LIMIT 1". */
enum rc db_next_past(struct db *db, const char *sql, int64_t *key, bool *found, uint64_t *bad) MUST_CHECK;
/* Runs a statement without rows that has one parameter; `sql` as for db_stmt. */
enum rc db_run_id(struct db *db, const char *sql, struct id id) MUST_CHECK;
enum rc db_run_int(struct db *db, const char *sql, int64_t value) MUST_CHECK;

/* Parameters from 1. Bound bytes are copied unless said. */
void stmt_int(struct stmt *stmt, int at, int64_t value);
void stmt_text(struct stmt *stmt, int at, const char *text);                   /* NULL binds NULL */
void stmt_text_bytes(struct stmt *stmt, int at, const void *text, size_t len); /* UTF-8, no NUL */
void stmt_blob(struct stmt *stmt, int at, const void *bytes, size_t len);
/* Not copied: the bytes stay as they are until stmt_done. */
void stmt_text_lent(struct stmt *stmt, int at, const void *text, size_t len);
void stmt_blob_lent(struct stmt *stmt, int at, const void *bytes, size_t len);
void stmt_id(struct stmt *stmt, int at, struct id id);
void stmt_id_or_null(struct stmt *stmt, int at, const struct id *id); /* NULL binds NULL */
void stmt_null(struct stmt *stmt, int at);
/* As column `column` of another statement's row, of whatever type. */
void stmt_copy(struct stmt *stmt, int at, struct stmt *from, int column);
/* Runs to the next row. RC_OK and *row tells whether there is one. Any bind error surfaces here. */
enum rc stmt_step(struct stmt *stmt, bool *row) MUST_CHECK;
/* As stmt_step, of a row that should be there: RC_ABSENT without a sentence when it is not. */
enum rc stmt_need_row(struct stmt *stmt) MUST_CHECK;
/* Runs a statement that gives no rows, then resets it. */
enum rc stmt_run(struct stmt *stmt) MUST_CHECK;
enum rc stmt_finish(struct stmt *stmt) MUST_CHECK; /* stmt_run, then stmt_done */
/* The first column of its first row, 0 when there is none; then stmt_done. */
enum rc stmt_finish_int(struct stmt *stmt, int64_t *value) MUST_CHECK;
void stmt_done(struct stmt *stmt); /* reset and clear; accepts NULL */

/* Columns from 0, lent until the next step or done. */
int64_t stmt_get_int(struct stmt *stmt, int at);
const char *stmt_get_text(struct stmt *stmt, int at); /* NULL for NULL */
const uint8_t *stmt_get_blob(struct stmt *stmt, int at, size_t *len);
enum rc stmt_get_buf(struct stmt *stmt, int at, struct buf *out) MUST_CHECK; /* appends a blob */
/* RC_CORRUPT unless the column is a blob of exactly 16 bytes. */
enum rc stmt_get_id(struct stmt *stmt, int at, struct id *id) MUST_CHECK;
/* RC_CORRUPT unless the column is a blob of exactly `len` bytes. */
enum rc stmt_get_fixed(struct stmt *stmt, int at, void *out, size_t len) MUST_CHECK;
bool stmt_is_null(struct stmt *stmt, int at);

int64_t db_last_rowid(const struct db *db);
int64_t db_changes(const struct db *db);

/* IMMEDIATE transactions; they nest by count, and only the outermost commits. A rollback anywhere
 * dooms the outermost (its commit then fails with RC_STALE). */
enum rc db_begin(struct db *db) MUST_CHECK;
enum rc db_commit(struct db *db) MUST_CHECK;
void db_rollback(struct db *db); /* keeps rc_sentence; does nothing outside a transaction */
/* Commits when what was done in the transaction went well (rc is RC_OK), else rolls back; tells the first failure. */
enum rc db_end(struct db *db, enum rc rc) MUST_CHECK;
bool db_in_transaction(const struct db *db);

/* Writes what the database holds at this moment to the file `path` through the VFS `vfs`, empty or absent before. Others
 * may write meanwhile. Not synced. RC_FULL, RC_IO, RC_CORRUPT, RC_BUSY. Outside a transaction. */
enum rc db_copy(struct db *db, const char *path, const char *vfs) MUST_CHECK;
/* The same into a database in memory of its own: what is written there reaches no disk, and goes with db_close. RC_TOO_LARGE:
 * it would fill more than a quarter of this machine's memory. */
enum rc db_copy_to_memory(struct db *db, struct db **copy) MUST_CHECK;
enum rc db_checkpoint(struct db *db, bool truncate) MUST_CHECK; /* the WAL into the file */
/* quick_check; RC_CORRUPT names the first finding, in SQLite's own words, which are English. */
enum rc db_check_structure(struct db *db) MUST_CHECK;
/* The same, with these words apart: appended to `details`. */
enum rc db_find_damage(struct db *db, struct buf *details) MUST_CHECK;
/* The same, and that every index fits its table (integrity_check): an old page put back may look whole by itself. */
enum rc db_check_indexes(struct db *db) MUST_CHECK;

#endif
