/* The insides of the SQLite back end of depot.h, shared by its files alone. */
#ifndef SERVER_DEPOT_SQLITE_H
#define SERVER_DEPOT_SQLITE_H

#include "core/db.h"

#include "server/depot.h"

struct depot {
    struct db *db;
    uint64_t first; /* the least number that this life gives; 0: it goes on from the last one */
};

/* The next number of a team's counter. What is skipped since the last one is noted. */
enum rc depot_next_number(struct depot *depot, enum depot_counter counter, int64_t team,
                          uint64_t *number) MUST_CHECK;
/* Gives `stmt` back; what SQLite said outweighs nothing: returns `rc`. */
enum rc depot_done(struct stmt *stmt, enum rc rc) MUST_CHECK;

#endif
