/* What one server process holds: key, clock, depot handles, limits and the ledgers it has read. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "core/clock.h"
#include "core/crypto.h"
#include "core/rc.h"
#include "core/secret.h"
#include "server/limit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct depot;
struct team;

enum {
    SERVER_HANDLES = 8,          /* depot handles kept open for use; more threads open more */
    SERVER_CODE_CHARS = 23,      /* a one-time code: 20 characters in groups of five, three hyphens */
    SERVER_CODE_HOURS = 24,
};

/* Counted since the start, for /metrics. */
struct server_counts {
    atomic_ullong requests;
    atomic_ullong refused; /* answers of 400 and above */
    atomic_ullong slowed;  /* answers of 429 */
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
    uint64_t first_number; /* of this life: depot_new_life */
    uint64_t closed_until_ms; /* until then it was put back from a backup, and no team's ledger takes a new operation; 0: open */
    struct limit *limit;
    struct limit_rates rates; /* limit_rates_usual(); the owner may change them before the first request */
    struct server_counts counts;
    atomic_bool stopping;
    /* Told after each commit that gave a team an entry or a line; any thread. May be NULL. */
    void (*moved)(void *context, const uint8_t team[CRYPTO_HASH_BYTES]);
    void *moved_context;

    pthread_mutex_t writing; /* held through each transaction that writes: SQLite takes one at a time */
    pthread_mutex_t mutex;   /* guards what follows */
    struct depot *idle[SERVER_HANDLES];
    struct team *teams;
};

/* Makes `dir` (0700), its server.key (0600) and its depot; what is there already is kept. `made`
 * tells whether a key was made. RC_IO, RC_FULL, RC_CORRUPT. */
enum rc server_setup(const char *dir, bool *made) MUST_CHECK;

/* Whoever serves holds `dir` from before it opens it, until the caller closes the descriptor; more than one may. -1: no such directory. */
int server_hold(const char *dir);

/* The depot was put back from a backup: whoever opens `dir` from now on takes no new operations until `hours` hours from now have
 * passed; 0: at once again. Lines that are handed back are taken all the same. RC_ABSENT nothing was set up there; RC_BUSY somebody
 * holds `dir`, and hours are not 0; RC_IO, RC_FULL. */
enum { SERVER_CLOSED_HOURS = 24, SERVER_CLOSED_MOST_HOURS = 24 * 31 };
enum rc server_close_ledgers(const char *dir, unsigned hours) MUST_CHECK;

/* Opens what server_setup made. The system's clock when `clock` is NULL. RC_ABSENT when nothing was
 * set up there. server_close frees it. */
enum rc server_open(const char *dir, const struct clock *clock, struct server **server) MUST_CHECK;
void server_close(struct server *server); /* accepts NULL; no route may be running */

/* A new one-time code for making one team, valid for SERVER_CODE_HOURS; `text` has
 * SERVER_CODE_CHARS + 1 bytes. */
enum rc server_new_code(struct server *server, char *text) MUST_CHECK;
/* The hash that the depot keeps of a code as typed: case, blanks, hyphens and Crockford's look-alikes
 * are forgiven. RC_INVALID when it cannot be one. */
enum rc server_code_hash(const char *typed, uint8_t hash[CRYPTO_HASH_BYTES]) MUST_CHECK;

/* A depot handle for this thread until it is given back. */
enum rc server_take_depot(struct server *server, struct depot **depot) MUST_CHECK;
void server_give_depot(struct server *server, struct depot *depot);
/* A transaction that writes, one at a time in this process. Each begin that gave RC_OK needs one end
 * (commit or rollback). */
enum rc server_begin(struct server *server, struct depot *depot) MUST_CHECK;
enum rc server_commit(struct server *server, struct depot *depot) MUST_CHECK;
void server_rollback(struct server *server, struct depot *depot);

uint64_t server_now_ms(const struct server *server);
/* Tells who waits that a team moved on. */
void server_moved(struct server *server, const uint8_t team[CRYPTO_HASH_BYTES]);

#endif
