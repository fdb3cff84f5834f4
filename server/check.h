/* Reads a whole depot and compares it with what it claims: after a restore, or out of doubt. */
#ifndef SERVER_CHECK_H
#define SERVER_CHECK_H

#include "core/rc.h"

#include <stdint.h>

struct server;

struct check_counts {
    uint64_t teams;
    uint64_t lines;
    uint64_t entries;
};

/* The file's structure, each team's ledger from its first line, each entry's hashes and signature.
 * RC_CORRUPT names the first finding. */
enum rc check_depot(struct server *server, struct check_counts *counts) MUST_CHECK;

#endif
