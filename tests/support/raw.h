/* SQLite itself over the encrypting VFS, for tests that need more of it than core/db gives. */
#ifndef TESTS_SUPPORT_RAW_H
#define TESTS_SUPPORT_RAW_H

#include <sqlite3.h>

/* Opens for reading and writing, creating, URIs allowed; settings are SQLite's own. Fails the test. */
sqlite3 *raw_open(const char *vfs, const char *name);
/* The code of opening with these flags; what was opened is closed again. */
int raw_try(const char *vfs, const char *name, int flags);
void raw_close(sqlite3 *db); /* fails the test when something is still open; accepts NULL */
/* Runs statements; fails the test with SQLite's message. */
void raw_run(sqlite3 *db, const char *sql);
/* The extended code of running them. */
int raw_code(sqlite3 *db, const char *sql);
/* The first column of the first row as text, lent until seven calls later: "" for none,
 * "error CODE" where it failed. */
const char *raw_ask(sqlite3 *db, const char *sql);
/* Copies every page of `from`'s main database over `to`'s: an extended code. */
int raw_backup(sqlite3 *to, sqlite3 *from);

#endif
