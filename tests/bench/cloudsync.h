/* The peer sqlite-sync (`make bench-peers`): the extension in plain SQLite, writing the same visits with prepared statements. */
#ifndef TESTS_BENCH_CLOUDSYNC_H
#define TESTS_BENCH_CLOUDSYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/figure.h"

#define CLOUDSYNC_EXTENSION "./build/peers/cloudsync"

struct sqlite3;
struct sqlite3_stmt;

struct cloudsync {
    struct sqlite3 *db;
    struct sqlite3_stmt *begin, *insert, *index, *commit;
};

bool cloudsync_is_there(void);
/* A database at `path` with the table of visits; WAL. What fails ends the program. */
void cloudsync_open(struct cloudsync *peer, const char *path);
void cloudsync_close(struct cloudsync *peer);
/* synchronous FULL, or NORMAL. */
void cloudsync_set_full(struct cloudsync *peer, bool is_full);
/* Visits number `from` and on, `per_commit` to a commit; with its search index where each is a commit of its own. */
void cloudsync_put_visits(struct cloudsync *peer, int from, int count, int per_commit, unsigned *seed);
/* Brings the search index up to date with what lies behind the first `indexed` visits, in one commit. */
void cloudsync_index(struct cloudsync *peer, int indexed);
/* The one number that a statement gives. */
int64_t cloudsync_ask(struct cloudsync *peer, const char *sql);
/* One JSON line with how it is loaded, and the settings as the database answers them. */
void cloudsync_print_settings(struct cloudsync *peer, const char *what);

/* The file `payload`, which holds `visits` visits, loaded in the stock shell into a database at `path`, with the settings of
 * cloudsync_open and synchronous NORMAL: the time that the shell's own timer gives for that one statement. */
struct span cloudsync_load_in_shell(const char *path, const char *payload, int visits, bool tells_settings);

#endif
