/* A real server in a scratch directory, asked in process, with teams, devices and entries made by the
 * code that real devices use. Time is the test's. Every helper ends the program when it fails. */
#ifndef TESTS_SUPPORT_HOSTED_H
#define TESTS_SUPPORT_HOSTED_H

#include "core/clock.h"
#include "server/route.h"
#include "server/server.h"
#include "sync/entry.h"
#include "sync/identity.h"
#include "sync/keyring.h"
#include "sync/ledger.h"
#include "sync/wire_run.h"
#include "tests/support/scratch.h"

struct hosted_device {
    struct identity identity;
    struct id person;
};

/* The end of one feed as its author knows it. */
struct hosted_feed {
    struct id stream;
    uint64_t incarnation;
    uint32_t last;
    uint8_t hash[CRYPTO_HASH_BYTES];
};

struct hosted {
    struct scratch scratch;
    struct server *server;
    struct clock clock;
    int64_t now_ms; /* wall and monotonic */
    char code[SERVER_CODE_CHARS + 1];
    struct hosted_device first; /* administrator, coordinator, coach */
    struct ledger *ledger;      /* as `first` has read it */
    struct keyring *keys;       /* every key that was made */
    uint8_t team[CRYPTO_HASH_BYTES];
    char path[80]; /* "/v1/teams/HEX" */
    struct id team_stream;
};

void hosted_start(struct hosted *hosted); /* server and one-time code; no team yet */
void hosted_restart(struct hosted *hosted); /* closes and opens the server on the same directory */
void hosted_stop(struct hosted *hosted);

/* Asks; signed when `device` is not NULL. `reply` is the caller's to wipe. */
void hosted_ask(struct hosted *hosted, const struct hosted_device *device, const char *method,
                const char *path, const char *query, const struct buf *body, struct reply *reply);
/* The same below the team's path ("/ledger"); gives the status alone. */
int hosted_get(struct hosted *hosted, const struct hosted_device *device, const char *route,
               const char *query, struct buf *body);
int hosted_post(struct hosted *hosted, const struct hosted_device *device, const char *route,
                const struct buf *body, struct buf *answer);

/* The body of POST teams for a new team of hosted->first, and what it takes to read it. */
void hosted_team_body(struct hosted *hosted, const char *code, struct buf *body);
void hosted_make_team(struct hosted *hosted);

/* An operation on the head of the ledger, wiped by the caller. */
struct ledger_op hosted_op(const struct hosted *hosted, enum ledger_kind kind);
/* Signs and submits; gives the status. 200: the line was taken into hosted->ledger. Wipes op and boxes. */
int hosted_submit(struct hosted *hosted, const struct hosted_device *author, struct ledger_op *op,
                  struct wire_boxes *boxes);
/* The request body of such a submission. */
void hosted_submission(struct hosted *hosted, const struct hosted_device *author,
                       struct ledger_op *op, struct wire_boxes *boxes, struct buf *body);

/* Invites, asks and approves a new person's device. */
void hosted_join(struct hosted *hosted, uint32_t roles, struct hosted_device *newcomer);
/* Writes an invite line and gives the newcomer's request. */
void hosted_invite(struct hosted *hosted, uint32_t roles, const struct hosted_device *newcomer,
                   struct joining_request *request);
void hosted_device_wipe(struct hosted_device *device);

/* A family of that owner; its index and file. */
struct ledger_family hosted_family(struct hosted *hosted, const struct hosted_device *owner);

/* Seals the next `saves` saves of a feed on the ledger's head. `cipher` holds what the entry lends. */
struct entry hosted_seal(struct hosted *hosted, const struct hosted_device *author,
                         struct hosted_feed *feed, uint32_t saves, struct buf *cipher);
/* Pushes one entry; gives the result and reason, or {255, status} when the request failed. */
struct wire_push_item hosted_push(struct hosted *hosted, const struct hosted_device *bringer,
                                  const struct entry *entry);
/* Pulls one page; gives the status. */
int hosted_pull(struct hosted *hosted, const struct hosted_device *device, const char *query,
                struct wire_run_page *page, struct buf *body);

#endif
