/* POST handback: the lines that a server which was put back from a backup lost, from a device that has them. */
#include "server/ask.h"

#include <string.h>

#include "server/order.h"
#include "sync/ledger.h"

static bool
refuse(struct ask *ask, enum wire_error error, const char *sentence)
{
    ask_refuse(ask, error, sentence);
    return false;
}

/* Whoever brings them: that this server gave these lines this order and these times, its own word on the last one says. */
static bool
is_our_word(struct ask *ask, const struct wire_ledger_answer *page)
{
    const struct wire_statement *statement = &page->statement;
    uint8_t hash[CRYPTO_HASH_BYTES];

    if (page->lines.count == 0 || page->more)
        return refuse(ask, WIRE_ERROR_MALFORMED, "The body must end with the line that its statement is on.");
    const struct wire_bytes *last = &page->lines.items[page->lines.count - 1];
    ledger_line_hash(last->data, last->len, hash);
    if (memcmp(statement->team, ask->team_id, sizeof statement->team) != 0 ||
        memcmp(statement->line_hash, hash, sizeof hash) != 0 ||
        !wire_statement_verify(statement, ask->server->public_key))
        return refuse(ask, WIRE_ERROR_SIGNATURE, "The statement is not this server's word on these lines.");
    return true;
}

static bool
read_page(struct ask *ask, struct wire_ledger_answer *page)
{
    enum rc rc = wire_ledger_answer_decode(ask->request->body, ask->request->body_len, page);

    if (rc == RC_OK)
        return is_our_word(ask, page);
    if (rc == RC_NOMEM)
        ask_fail(ask, rc);
    else
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "The body is not lines of a ledger with a statement.");
    return false;
}

/* Within the transaction: one line, behind those that stand. *is_new false: it stands already. *time_ms: the line's. */
static bool
take_line(struct ask *ask, const struct wire_bytes *bytes, bool *is_new, uint64_t *time_ms)
{
    struct ledger *ledger = ask->team->ledger;
    struct ledger_line line;
    uint8_t hash[CRYPTO_HASH_BYTES], op_hash[CRYPTO_HASH_BYTES];

    *is_new = false;
    if (ledger_line_decode(bytes->data, bytes->len, &line) != RC_OK)
        return refuse(ask, WIRE_ERROR_MALFORMED, "One of the lines is none.");
    *time_ms = line.time_ms;
    const uint8_t *known = ledger_hash_at(ledger, line.position);
    if (known != NULL) {
        ledger_line_hash(bytes->data, bytes->len, hash);
        return memcmp(hash, known, sizeof hash) == 0 ||
               refuse(ask, WIRE_ERROR_STALE, "The server's ledger has gone on otherwise.");
    }
    enum rc rc = ledger_append(ledger, bytes->data, bytes->len);
    if (rc == RC_UNTRUSTED)
        return refuse(ask, WIRE_ERROR_STALE, "The lines do not go on from the server's ledger.");
    if (rc == RC_UNSUPPORTED)
        return refuse(ask, WIRE_ERROR_RULE, "A line was made by a newer program.");
    ledger_op_hash(line.op, line.op_len, op_hash);
    if (rc == RC_OK)
        rc = depot_put_line(ask->depot, ask->team->key, line.position, op_hash, bytes->data, bytes->len);
    if (rc != RC_OK)
        ask_fail(ask, rc);
    *is_new = rc == RC_OK;
    return rc == RC_OK;
}

static bool
take_all(struct ask *ask, const struct wire_ledger_answer *page, uint64_t *count)
{
    bool is_new = false;
    uint64_t last_ms = 0;
    enum rc rc = team_catch_up(ask->team, ask->depot);

    for (size_t i = 0; rc == RC_OK && i < page->lines.count; i++) {
        if (!take_line(ask, &page->lines.items[i], &is_new, &last_ms))
            return false;
        *count += is_new;
    }
    if (rc == RC_OK && *count > 0 && !is_new) /* the word is on a line before these: it says nothing of them */
        return refuse(ask, WIRE_ERROR_STALE, "The lines do not lead to the one that their statement is on.");
    if (rc == RC_OK && *count > 0)
        rc = order_end_boxes(ask, ask->team->key, ask->team->ledger, last_ms);
    if (rc != RC_OK)
        ask_fail(ask, rc);
    return rc == RC_OK;
}

static void
take_page(struct ask *ask, const struct wire_ledger_answer *page)
{
    uint64_t count = 0;
    enum rc rc = server_begin(ask->server, ask->depot);

    if (rc != RC_OK) {
        ask_fail(ask, rc);
        return;
    }
    if (!take_all(ask, page, &count) || count == 0) {
        server_rollback(ask->server, ask->depot);
        if (ask->reply->error != NULL)
            team_drop_ledger(ask->team);
    } else {
        rc = server_commit(ask->server, ask->depot);
        if (rc != RC_OK) {
            team_drop_ledger(ask->team);
            ask_fail(ask, rc);
        }
    }
    if (ask->reply->error != NULL)
        return;
    ask->reply->status = 204;
    atomic_fetch_add(&ask->server->counts.lines, count);
}

void
route_post_handback(struct ask *ask)
{
    struct server *server = ask->server;
    struct wire_ledger_answer page = WIRE_LEDGER_ANSWER_EMPTY;

    if (!limit_take(server->limit, &server->rates, LIMIT_JOIN, ask->request->peer,
                    strlen(ask->request->peer), clock_mono_ms(&server->clock))) {
        ask_refuse(ask, WIRE_ERROR_SLOW_DOWN, "Too many lines are handed back; ask again soon.");
        return;
    }
    if (read_page(ask, &page)) {
        team_leave(ask->team);
        enum rc rc = team_enter(server, ask->depot, ask->team_id, TEAM_WRITE, &ask->team);
        if (rc != RC_OK)
            ask_fail(ask, rc);
        else
            take_page(ask, &page);
    }
    wire_ledger_answer_wipe(&page);
    if (ask->reply->error == NULL)
        server_moved(server, ask->team_id);
}
