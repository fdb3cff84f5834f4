/* Requests to join: delivered by strangers who hold an invitation, fetched by who can approve them. */
#include "server/ask.h"

#include <string.h>

#include "server/pile.h"
#include "sync/identity.h"
#include "sync/joining.h"
#include "sync/ledger.h"

enum { REQUESTS_PER_INVITATION = 8 };

/* The request is well signed. NULL when it was refused, or answered because it has been approved. */
static const struct ledger_invitation *
find_invitation(struct ask *ask, const struct joining_request *request)
{
    const struct ledger *ledger = ask->team->ledger;
    const struct ledger_invitation *invitation =
        ledger_invitation(ledger, request->invite_public);
    struct id device = identity_device_id(request->sign_public, request->box_public);

    if (invitation == NULL)
        ask_refuse(ask, WIRE_ERROR_DENIED, "The team's ledger does not know this invitation.");
    else if (invitation->used != 0 && ledger_device(ledger, device) != NULL)
        ask->reply->status = 204;
    else if (invitation->used != 0)
        ask_refuse(ask, WIRE_ERROR_USED, "This invitation has been used.");
    else if (invitation->expires_ms <= ask->now_ms)
        ask_refuse(ask, WIRE_ERROR_EXPIRED, "This invitation has expired.");
    else
        return invitation;
    return NULL;
}

static void
store_join(struct ask *ask, const struct ledger_invitation *invitation)
{
    struct depot_join join = {.expires_ms = (int64_t)invitation->expires_ms,
                              .bytes = ask->request->body,
                              .len = ask->request->body_len};
    enum rc rc = server_begin(ask->server, ask->depot);

    if (rc == RC_OK) {
        memcpy(join.invite, invitation->invite_public, sizeof join.invite);
        rc = depot_expire_joins(ask->depot, (int64_t)ask->now_ms);
        if (rc == RC_OK)
            rc = depot_put_join(ask->depot, ask->team->key, &join, REQUESTS_PER_INVITATION);
        if (rc == RC_OK)
            rc = server_commit(ask->server, ask->depot);
        else
            server_rollback(ask->server, ask->depot);
    }
    if (rc == RC_EXISTS)
        ask_refuse(ask, WIRE_ERROR_EXISTS, "Too many devices have asked with this invitation.");
    else if (rc != RC_OK)
        ask_fail(ask, rc);
    else
        ask->reply->status = 204;
}

void
route_post_join(struct ask *ask)
{
    struct server *server = ask->server;
    struct joining_request request;

    if (!limit_take(server->limit, &server->rates, LIMIT_JOIN, ask->request->peer,
                    strlen(ask->request->peer), clock_mono_ms(&server->clock))) {
        ask_refuse(ask, WIRE_ERROR_SLOW_DOWN, "Too many requests to join; ask again soon.");
        return;
    }
    if (joining_request_decode(ask->request->body, ask->request->body_len, &request) != RC_OK ||
        memcmp(request.team, ask->team_id, sizeof request.team) != 0) {
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "The body is not a request to join this team.");
        return;
    }
    if (!joining_request_verify(&request)) {
        ask_refuse(ask, WIRE_ERROR_SIGNATURE, "The signatures of the request do not hold.");
        return;
    }
    const struct ledger_invitation *invitation = find_invitation(ask, &request);
    if (invitation != NULL)
        store_join(ask, invitation);
}

/* ---- fetching ---- */

struct picked_joins {
    const struct ask *ask;
    struct pile pile;
    struct wire_blocks blocks;
};

/* The person whose device wrote the invitation; only that very device can approve. */
static bool
may_see(const struct ask *ask, const struct ledger_invitation *invitation)
{
    const struct ledger_device *asks = ledger_device(ask->team->ledger, ask->device);
    const struct ledger_device *invited = ledger_device(ask->team->ledger, invitation->device);

    return asks != NULL && invited != NULL && id_equal(asks->person, invited->person);
}

static enum rc
pick_join(void *context, const struct depot_join *join, bool *stop)
{
    struct picked_joins *picked = context;
    const struct ledger_invitation *invitation =
        ledger_invitation(picked->ask->team->ledger, join->invite);
    const uint8_t *kept;

    (void)stop;
    if (invitation == NULL || invitation->used != 0 || !may_see(picked->ask, invitation))
        return RC_OK;
    enum rc rc = pile_keep(&picked->pile, join->bytes, join->len, &kept);
    return rc == RC_OK ? wire_blocks_add(&picked->blocks, kept, join->len) : rc;
}

void
route_get_joins(struct ask *ask)
{
    struct picked_joins picked = {
        .ask = ask, .pile = PILE_EMPTY, .blocks = WIRE_BLOCKS_EMPTY};
    enum rc rc = depot_list_joins(ask->depot, ask->team->key, (int64_t)ask->now_ms, pick_join,
                                  &picked);

    if (rc == RC_OK)
        rc = wire_joins_encode(&picked.blocks, &ask->reply->body);
    ask_answer(ask, rc);
    wire_blocks_wipe(&picked.blocks);
    pile_wipe(&picked.pile);
}
