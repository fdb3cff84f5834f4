/* A team as this process knows it: its ledger, read from the depot's lines and kept up with them. */
#ifndef SERVER_TEAM_H
#define SERVER_TEAM_H

#include "core/crypto.h"
#include "core/rc.h"

#include <pthread.h>
#include <stdint.h>

struct depot;
struct ledger;
struct server;

/* Lives until the server closes. `ledger` is read under the lock and changed under the writing lock.
 * Order of locks: a team's, then the server's writing lock (server_begin). */
struct team {
    struct team *next;
    uint8_t id[CRYPTO_HASH_BYTES];
    int64_t key; /* in the depot */
    pthread_rwlock_t lock;
    struct ledger *ledger;
};

enum team_access { TEAM_READ, TEAM_WRITE };

/* Finds the team, reads the lines that other processes have added, and takes its lock; RC_OK needs a
 * team_leave. RC_ABSENT no such team; RC_CORRUPT its stored lines do not hold. */
enum rc team_enter(struct server *server, struct depot *depot, const uint8_t id[CRYPTO_HASH_BYTES],
                   enum team_access access, struct team **team) MUST_CHECK;
void team_leave(struct team *team);
/* Under the writing lock: reads what the depot has beyond the ledger in memory. */
enum rc team_catch_up(struct team *team, struct depot *depot) MUST_CHECK;
/* Under the writing lock, when the ledger in memory may be ahead of the depot: whoever enters next reads it anew. */
void team_drop_ledger(struct team *team);
void team_free_all(struct server *server);

#endif
