/* GET and POST of a team's ledger. */
#include "server/ask.h"

#include <string.h>

#include "server/order.h"
#include "sync/ledger.h"

void
route_get_ledger(struct ask *ask)
{
    uint64_t from = 1;

    if (!ask_number(ask, "from", &from))
        return;
    if (from == 0) {
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "Positions begin at 1.");
        return;
    }
    order_answer_from(ask, from, false);
}

/* ---- what an ending right must not cut off ---- */

struct head_check {
    const struct ledger_op *op;
    struct id stream;
    struct id device;
    bool is_short; /* something stored lies beyond what the operation names */
};

static enum rc
check_feed(void *context, uint64_t incarnation, uint32_t last, bool *stop)
{
    struct head_check *check = context;

    for (size_t i = 0; i < check->op->head_count; i++) {
        const struct ledger_head *head = &check->op->heads[i];
        if (id_equal(head->stream, check->stream) && id_equal(head->device, check->device) &&
            head->incarnation == incarnation && head->last >= last)
            return RC_OK;
    }
    check->is_short = true;
    *stop = true;
    return RC_OK;
}

static enum rc
check_heads(struct ask *ask, const struct ledger_op *op, bool *is_short)
{
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    struct head_check check = {.op = op};
    enum rc rc = ledger_heads_due(ask->team->ledger, op, &due);

    for (size_t i = 0; rc == RC_OK && i < due.count && !check.is_short; i++) {
        check.stream = due.items[i].stream;
        check.device = due.items[i].device;
        rc = depot_list_feeds(ask->depot, ask->team->key, check.stream, check.device, check_feed,
                              &check);
    }
    ledger_pairs_wipe(&due);
    *is_short = check.is_short;
    return rc;
}

/* ---- ordering ---- */

/* A team that has moved to another server is ordered there. */
static bool
is_ours(struct ask *ask)
{
    const uint8_t *key = ledger_server_public(ask->team->ledger);

    if (key != NULL && memcmp(key, ask->server->public_key, CRYPTO_PUBLIC_BYTES) == 0)
        return true;
    ask_refuse(ask, WIRE_ERROR_DENIED, "This team's ledger is kept by another server now.");
    return false;
}

/* Within the transaction. True when everything was stored or stands there already. */
static bool
order_line(struct ask *ask, struct order *order, uint64_t *position, bool *is_new)
{
    struct team *team = ask->team;
    bool is_short = false;
    enum rc rc;

    *is_new = false;
    rc = team_catch_up(team, ask->depot);
    if (rc != RC_OK) {
        ask_fail(ask, rc);
        return false;
    }
    if (!order_judge(ask, team->ledger, order, position))
        return false;
    if (*position != 0)
        return true;
    if (!is_ours(ask))
        return false;
    rc = check_heads(ask, &order->op, &is_short);
    if (rc == RC_OK && is_short) {
        ask_refuse(ask, WIRE_ERROR_STALE,
                   "The server holds saves beyond the heads that this operation names.");
        return false;
    }
    *is_new = true;
    *position = ledger_position(team->ledger) + 1;
    if (rc == RC_OK)
        rc = order_store(ask, team->key, team->ledger, order);
    if (rc != RC_OK)
        ask_fail(ask, rc);
    return rc == RC_OK;
}

/* The ledger in memory may be ahead of the depot now: whoever enters next reads it anew. */
static void
drop_ledger(struct team *team)
{
    ledger_free(team->ledger);
    team->ledger = NULL;
}

static bool
submit(struct ask *ask, struct order *order, uint64_t *position)
{
    bool is_new;
    enum rc rc = server_begin(ask->server, ask->depot);

    if (rc != RC_OK) {
        ask_fail(ask, rc);
        return false;
    }
    bool may_commit = order_line(ask, order, position, &is_new);
    if (!may_commit || !is_new) {
        server_rollback(ask->server, ask->depot);
        if (is_new)
            drop_ledger(ask->team);
        return may_commit;
    }
    rc = server_commit(ask->server, ask->depot);
    if (rc != RC_OK) {
        drop_ledger(ask->team);
        ask_fail(ask, rc);
        return false;
    }
    atomic_fetch_add(&ask->server->counts.lines, 1);
    return true;
}

void
route_post_ledger(struct ask *ask)
{
    struct order order = ORDER_EMPTY;
    uint64_t position = 0;
    bool done = false;

    if (order_read(ask, false, &order)) {
        /* Reading is over; ordering needs the team for itself. */
        team_leave(ask->team);
        enum rc rc =
            team_enter(ask->server, ask->depot, ask->team_id, TEAM_WRITE, &ask->team);
        if (rc != RC_OK)
            ask_fail(ask, rc);
        else
            done = submit(ask, &order, &position);
    }
    if (done)
        order_answer(ask, position);
    order_wipe(&order);
    if (done)
        server_moved(ask->server);
}
