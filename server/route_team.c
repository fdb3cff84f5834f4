/* POST /v1/teams: a one-time code makes one team. */
#include "server/ask.h"

#include <string.h>

#include "server/order.h"
#include "sync/ledger.h"

/* The code was found. True when it may make this team, or has made it (*made). */
static bool
may_use_code(struct ask *ask, const struct order *order, const struct depot_code *code, bool *made)
{
    *made = code->used && memcmp(code->used_by, order->hash, sizeof code->used_by) == 0;
    if (*made)
        return true;
    if (code->used)
        ask_refuse(ask, WIRE_ERROR_USED, "This one-time code has made another team.");
    else if ((uint64_t)code->expires_ms <= ask->now_ms)
        ask_refuse(ask, WIRE_ERROR_EXPIRED, "This one-time code has expired.");
    else
        return true;
    return false;
}

/* Before a transaction and once more within: two requests may bring the same code at once. */
static bool
check_code(struct ask *ask, const struct order *order, uint8_t code_hash[CRYPTO_HASH_BYTES],
           bool *made)
{
    struct depot_code code;
    bool found = false;
    enum rc rc = server_code_hash(order->submission.code, code_hash);

    if (rc == RC_OK)
        rc = depot_find_code(ask->depot, code_hash, &found, &code);
    if (rc != RC_OK && rc != RC_INVALID) {
        ask_fail(ask, rc);
        return false;
    }
    if (!found) {
        ask_refuse(ask, WIRE_ERROR_DENIED, "This one-time code is not one of this server.");
        return false;
    }
    return may_use_code(ask, order, &code, made);
}

/* A lawful first line of a ledger that names this server. */
static bool
check_first(struct ask *ask, struct order *order)
{
    struct ledger *ledger = NULL;
    uint64_t position;
    enum rc rc;

    if (order->op.kind != LEDGER_CREATE_TEAM) {
        ask_refuse(ask, WIRE_ERROR_RULE, "The first operation of a team is create_team.");
        return false;
    }
    if (memcmp(order->op.as.create_team.server_public, ask->server->public_key,
               CRYPTO_PUBLIC_BYTES) != 0) {
        ask_refuse(ask, WIRE_ERROR_RULE, "The operation names the key of another server.");
        return false;
    }
    rc = ledger_new(&ledger);
    if (rc != RC_OK)
        ask_fail(ask, rc);
    bool may = rc == RC_OK && order_judge(ask, ledger, order, &position);
    ledger_free(ledger);
    return may;
}

/* Within the transaction. */
static enum rc
store_team(struct ask *ask, struct order *order, const uint8_t *code_hash)
{
    struct depot_team row;
    struct ledger *ledger = NULL;
    enum rc rc = depot_put_team(ask->depot, order->hash, &row);

    if (rc == RC_OK)
        rc = ledger_new(&ledger);
    if (rc == RC_OK)
        rc = order_store(ask, row.key, ledger, order);
    if (rc == RC_OK)
        rc = depot_use_code(ask->depot, code_hash, order->hash);
    ledger_free(ledger);
    return rc;
}

static bool
make_team(struct ask *ask, struct order *order)
{
    uint8_t code_hash[CRYPTO_HASH_BYTES];
    bool made = false;
    enum rc rc = server_begin(ask->server, ask->depot);

    if (rc != RC_OK) {
        ask_fail(ask, rc);
        return false;
    }
    if (!check_code(ask, order, code_hash, &made) || made) {
        server_rollback(ask->server, ask->depot);
        return made;
    }
    struct depot_team row;
    rc = depot_find_team(ask->depot, order->hash, &row);
    if (rc == RC_OK) {
        server_rollback(ask->server, ask->depot);
        ask_refuse(ask, WIRE_ERROR_EXISTS, "This team was made with another code.");
        return false;
    }
    if (rc == RC_ABSENT)
        rc = store_team(ask, order, code_hash);
    if (rc != RC_OK)
        server_rollback(ask->server, ask->depot);
    else
        rc = server_commit(ask->server, ask->depot);
    if (rc != RC_OK)
        ask_fail(ask, rc);
    else
        atomic_fetch_add(&ask->server->counts.lines, 1);
    return rc == RC_OK;
}

void
route_make_team(struct ask *ask)
{
    struct server *server = ask->server;
    struct order order = ORDER_EMPTY;
    uint8_t code_hash[CRYPTO_HASH_BYTES];
    bool done = false;

    if (!limit_take(server->limit, &server->rates, LIMIT_TEAM, ask->request->peer,
                    strlen(ask->request->peer), clock_mono_ms(&server->clock))) {
        ask_refuse(ask, WIRE_ERROR_SLOW_DOWN, "Too many tries; ask again soon.");
        return;
    }
    if (order_read(ask, true, &order) && check_code(ask, &order, code_hash, &done) && !done &&
        check_first(ask, &order))
        done = make_team(ask, &order);
    if (done) {
        memcpy(ask->team_id, order.hash, sizeof ask->team_id);
        enum rc rc = team_enter(server, ask->depot, ask->team_id, TEAM_READ, &ask->team);
        if (rc == RC_OK)
            order_answer(ask, 1);
        else
            ask_fail(ask, rc);
    }
    order_wipe(&order);
}
