/* One request on its way through the routes: what they share, and how they answer or refuse. */
#ifndef SERVER_ASK_H
#define SERVER_ASK_H

#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "server/depot.h"
#include "server/route.h"
#include "server/server.h"
#include "server/team.h"
#include "sync/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct ask {
    struct server *server;
    const struct request *request;
    struct reply *reply;
    struct depot *depot;
    uint64_t now_ms;
    uint8_t team_id[CRYPTO_HASH_BYTES]; /* of the path */
    struct team *team;                  /* entered; NULL outside a team */
    struct id device;                   /* of a signed request */
    bool is_revoked;                    /* that device may hand in its own feeds, nothing else */
};

/* Refuses with one English sentence. */
void ask_refuse(struct ask *ask, enum wire_error error, const char *sentence);
/* Refuses a new operation while the ledgers are closed: as a rule, with `"why": "restored"` for programs that know it. */
void ask_refuse_restored(struct ask *ask);
/* Refuses for a result code that no rule of the protocol explains: full, busy, damaged. */
void ask_fail(struct ask *ask, enum rc rc);
/* Answers 200 with what stands in reply->body, when `rc` is RC_OK; otherwise ask_fail. */
void ask_answer(struct ask *ask, enum rc rc);

/* Parameters of the query; false when one stands twice or has another form, after refusing it. An
 * absent one leaves *value as it was. */
bool ask_number(struct ask *ask, const char *name, uint64_t *value) MUST_CHECK;
/* Whether the number can be asked on from. False, and refused as stale: it was never given, or by a life of the server that a restore
 * took away. `row` (may be NULL) gets the team's counters. */
bool ask_cursor(struct ask *ask, enum depot_counter counter, uint64_t number, struct depot_team *row) MUST_CHECK;
bool ask_hex(struct ask *ask, const char *name, uint8_t *out, size_t len, bool *found) MUST_CHECK;
/* Exactly 2 * len lower-case hex digits. */
bool ask_parse_hex(const char *text, size_t chars, uint8_t *out, size_t len) MUST_CHECK;

/* The routes, by file. */
void route_hello(struct ask *ask);        /* route_hello.c */
void route_healthz(struct ask *ask);
void route_readyz(struct ask *ask);
void route_metrics(struct ask *ask);
void route_make_team(struct ask *ask);    /* route_team.c */
void route_get_ledger(struct ask *ask);   /* route_ledger.c */
void route_post_ledger(struct ask *ask);
void route_get_heads(struct ask *ask);
void route_post_handback(struct ask *ask); /* route_handback.c */
void route_get_boxes(struct ask *ask);    /* route_boxes.c */
void route_get_lacking(struct ask *ask);  /* route_lacking.c */
void route_post_boxes(struct ask *ask);
void route_get_joins(struct ask *ask);    /* route_joins.c */
void route_post_join(struct ask *ask);
void route_get_entries(struct ask *ask);  /* route_pull.c */
void route_post_entries(struct ask *ask); /* route_push.c */
void route_get_acks(struct ask *ask);     /* route_acks.c */
void route_post_ack(struct ask *ask);

#endif
