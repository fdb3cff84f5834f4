/* What one server process holds: key, clock, depot handles, limits and the ledgers it has read. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "core/clock.h"
#include "core/crypto.h"
#include "core/rc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct depot;
struct limit;
struct team;

enum {
    SERVER_HANDLES = 4, /* depot handles that wait for use; more threads open more */
    SERVER_CODE_CHARS = 23, /* a one-time code: 20 characters in groups of five, three hyphens */
};

/* Counted since the start, for /metrics. */
struct server_counts {
    atomic_ullong requests;
    atomic_ullong refused;       /* answers of 400 and above */
    atomic_ullong slowed;        /* answers of 429 */
    atomic_ullong entries_stored;
    atomic_ullong entries_refused;
    atomic_ullong entries_sent;
    atomic_ullong lines;
};

/* Shared by all threads. A route may be run by any number of threads at a time. */
struct server {
    struct clock clock;
    uint8_t public_key[CRYPTO_PUBLIC_BYTES];
    struct secret secret_key;
    char *depot_path;
    struct limit *limit;
    struct server_counts counts;
    atomic_bool stopping;
    /* Told after each commit that gave a team an entry or a line; any thread. May be NULL. */
    void (*moved)(void *context);
    void *moved_context;

    pthread_mutex_t mutex; /* guards what follows */
    struct depot *idle[SERVER_HANDLES];
    struct team *teams;
};

/* Makes `dir` (0700), its server.key (0600) and its depot; what is there already is kept. `made`
 * tells whether a key was made. RC_IO, RC_FULL, RC_CORRUPT. */
enum rc server_setup(const char *dir, bool *made) MUST_CHECK;

/* Opens what server_setup made. The system's clock when `clock` is NULL. server_close frees it. */
enum rc server_open(const char *dir, const struct clock *clock, struct server **server) MUST_CHECK;
void server_close(struct server *server); /* accepts NULL; no route may be running */

/* A new one-time code for making one team, valid for 24 hours; `text` has SERVER_CODE_CHARS + 1. */
enum rc server_new_code(struct server *server, char *text) MUST_CHECK;

/* A depot handle for this thread until it is given back. */
enum rc server_take_depot(struct server *server, struct depot **depot) MUST_CHECK;
void server_give_depot(struct server *server, struct depot *depot);

int64_t server_now_ms(const struct server *server);
/* Tells who waits that a team moved on. */
void server_moved(struct server *server);

#endif
