/* The insides of the SQLite back end of depot.h, shared by its files alone. */
#ifndef SERVER_DEPOT_SQLITE_H
#define SERVER_DEPOT_SQLITE_H

#include "core/db.h"

struct depot {
    struct db *db;
};

/* The next number of a team's counter ("arrival", "box", "ack"): `sql` adds one and returns it. */
enum rc depot_next_number(struct depot *depot, const char *sql, int64_t team,
                          uint64_t *number) MUST_CHECK;
/* Gives `stmt` back; what SQLite said outweighs nothing: returns `rc`. */
enum rc depot_done(struct stmt *stmt, enum rc rc) MUST_CHECK;

#endif
