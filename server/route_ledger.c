/* GET and POST of a team's ledger, and GET heads, which an operation that ends a right must name. */
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

/* ---- heads: what is stored of a device, for who ends its rights ---- */

struct picked_heads {
    const struct ask *ask;
    bool sees_all;
    struct ledger_heads heads;
};

static enum rc
pick_head(void *context, const struct depot_feed_end *end, bool *stop)
{
    struct picked_heads *picked = context;
    const struct ask *ask = picked->ask;
    struct ledger_head head = {.stream = end->feed.stream,
                               .device = end->feed.device,
                               .incarnation = end->feed.incarnation,
                               .last = end->last};

    (void)stop;
    if (!picked->sees_all &&
        !ledger_may_read(ask->team->ledger, ask->device, head.stream, ask->now_ms))
        return RC_OK;
    memcpy(head.hash, end->header_hash, sizeof head.hash);
    return ledger_heads_add(&picked->heads, &head);
}

/* Who ends rights of people sees every feed; an owner those of streams that they read. */
static bool
may_see_all(const struct ask *ask, struct id device)
{
    const struct ledger *ledger = ask->team->ledger;
    const struct ledger_device *asks = ledger_device(ledger, ask->device);
    const struct ledger_device *about = ledger_device(ledger, device);
    const struct ledger_person *person = ledger_person(ledger, asks->person);

    return (person != NULL &&
            (person->roles & (LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR)) != 0) ||
           (about != NULL && id_equal(asks->person, about->person));
}

void
route_get_heads(struct ask *ask)
{
    struct picked_heads picked = {.ask = ask, .heads = LEDGER_HEADS_EMPTY};
    struct id device;
    bool found;

    if (!ask_hex(ask, "device", device.bytes, sizeof device.bytes, &found))
        return;
    if (!found) {
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "The query must name a device.");
        return;
    }
    picked.sees_all = may_see_all(ask, device);
    enum rc rc =
        depot_list_feeds(ask->depot, ask->team->key, device, NULL, pick_head, &picked);
    if (rc == RC_OK)
        rc = ledger_heads_encode(&picked.heads, &ask->reply->body);
    ask_answer(ask, rc);
    ledger_heads_wipe(&picked.heads);
}

/* ---- what an ending right must not cut off ---- */

struct head_check {
    const struct ledger_heads *heads;
    bool is_short; /* something stored lies beyond what the operation names */
};

static enum rc
check_feed(void *context, const struct depot_feed_end *end, bool *stop)
{
    struct head_check *check = context;

    for (size_t i = 0; i < check->heads->count; i++) {
        const struct ledger_head *head = &check->heads->items[i];
        if (id_equal(head->stream, end->feed.stream) && id_equal(head->device, end->feed.device) &&
            head->incarnation == end->feed.incarnation && head->last >= end->last)
            return RC_OK;
    }
    check->is_short = true;
    *stop = true;
    return RC_OK;
}

/* A revocation, or the end of a membership, is never held up: what is beyond its heads is late work. */
static enum rc
check_heads(struct ask *ask, const struct ledger_op *op, bool *is_short)
{
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    struct head_check check = {.heads = &op->heads};
    enum rc rc = RC_OK;

    if (op->kind == LEDGER_ASSIGN || op->kind == LEDGER_COVER_END)
        rc = ledger_heads_due(ask->team->ledger, op, &due);
    for (size_t i = 0; rc == RC_OK && i < due.count && !check.is_short; i++)
        rc = depot_list_feeds(ask->depot, ask->team->key, due.items[i].device, &due.items[i].stream,
                              check_feed, &check);
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

/* Put back from a backup: a new line now could stand where a device knows another, which nothing would mend. */
static bool
is_open(struct ask *ask)
{
    if (ask->now_ms >= ask->server->closed_until_ms)
        return true;
    ask_refuse_restored(ask);
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
    if (!is_ours(ask) || !is_open(ask))
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
            team_drop_ledger(ask->team);
        return may_commit;
    }
    rc = server_commit(ask->server, ask->depot);
    if (rc != RC_OK) {
        team_drop_ledger(ask->team);
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
        server_moved(ask->server, ask->team_id);
}
