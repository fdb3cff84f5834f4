/* SQLite itself over the encrypting VFS, for tests that need more of it than core/db gives. */
#include "tests/support/raw.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXTS = 8, TEXT_BYTES = 512 };

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    abort();
}

sqlite3 *
raw_open(const char *vfs, const char *name)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    sqlite3 *db;

    if (sqlite3_open_v2(name, &db, flags, vfs) != SQLITE_OK)
        die(name, sqlite3_errmsg(db));
    sqlite3_extended_result_codes(db, 1);
    return db;
}

int
raw_try(const char *vfs, const char *name, int flags)
{
    sqlite3 *db;

    int code = sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE, vfs);
    sqlite3_close(db);
    return code;
}

void
raw_close(sqlite3 *db)
{
    if (sqlite3_close(db) != SQLITE_OK)
        die("closing", sqlite3_errmsg(db));
}

void
raw_run(sqlite3 *db, const char *sql)
{
    if (raw_code(db, sql) != SQLITE_OK)
        die(sql, sqlite3_errmsg(db));
}

int
raw_code(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? SQLITE_OK
                                                                : sqlite3_extended_errcode(db);
}

const char *
raw_ask(sqlite3 *db, const char *sql)
{
    static char texts[TEXTS][TEXT_BYTES];
    static unsigned at;
    char *text = texts[at++ % TEXTS];
    sqlite3_stmt *stmt;

    text[0] = '\0';
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW && sqlite3_column_text(stmt, 0) != NULL)
        snprintf(text, TEXT_BYTES, "%s", (const char *)sqlite3_column_text(stmt, 0));
    else if (code != SQLITE_ROW && code != SQLITE_DONE)
        snprintf(text, TEXT_BYTES, "error %d", sqlite3_extended_errcode(db));
    sqlite3_finalize(stmt);
    return text;
}

int
raw_backup(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");

    if (backup == NULL)
        return sqlite3_extended_errcode(to);
    int code = sqlite3_backup_step(backup, -1);
    int finished = sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? finished : sqlite3_extended_errcode(to);
}
