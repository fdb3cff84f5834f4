/* What the files core/db*.c share. Private to them. */
#ifndef CORE_DB_INSIDE_H
#define CORE_DB_INSIDE_H

#include "core/db.h"

struct sqlite3; /* SQLite's connection */
struct sqlite3_stmt;

enum { DB_STATEMENT_BUCKETS = 256, STMT_IDS = 12 /* parameters that an id is bound to without asking for memory */ };

struct stmt {
    struct sqlite3_stmt *handle;
    struct db *db;
    struct stmt *next; /* in the bucket */
    const char *text;  /* the literal's address: the first half of the key */
    int bind_code;     /* of the first bind that failed */
    bool is_out;       /* lent to a caller */
    struct id ids[STMT_IDS]; /* what is bound, by parameter */
};

struct db {
    struct sqlite3 *handle;
    struct sqlite3_stmt *begin, *commit;
    struct sqlite3_stmt *rollback; /* made at opening: where memory ran out none could be made */
    struct stmt *buckets[DB_STATEMENT_BUCKETS];
    int depth;        /* of nested transactions */
    bool is_doomed;   /* the outermost must not commit */
    bool is_stuck;    /* the outermost failed, and could not be taken back yet */
    bool must_forget; /* what virtual tables keep in memory: see forget_where_needed */
};

struct sqlite3 *db_handle(const struct db *db);
/* A sentence by code. SQLite's own messages are used only for our own SQL: those of a running statement may quote what was
 * searched for. */
enum rc db_fail_with(struct db *db, int code, bool is_ours) MUST_CHECK;
/* Before anything runs. RC_STALE: SQLite rolled back by itself (full disk, I/O error), and what follows must not commit alone.
 * RC_NOMEM: a transaction that failed still stands, for a schema that changed has ROLLBACK parsed anew; that is tried again here. */
enum rc db_settle(struct db *db) MUST_CHECK;

#endif
