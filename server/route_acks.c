/* Acknowledgements: checked, kept, and passed on verbatim. */
#include "server/ask.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "server/pile.h"
#include "sync/ack.h"
#include "sync/ledger.h"

/* What names a stream is kept until a later one names it: of streams that nobody made, that would be for ever. */
static bool
streams_are_known(const struct ledger *ledger, const struct ack *ack)
{
    for (size_t i = 0; i < ack->stream_count; i++)
        if (ledger_stream(ledger, ack->streams[i].stream) == NULL)
            return false;
    return true;
}

/* True when the device that asks may say this; otherwise it was refused. */
static bool
check_ack(struct ask *ask, const struct ack *ack)
{
    const struct ledger *ledger = ask->team->ledger;
    const struct ledger_device *device = ledger_device(ledger, ask->device);
    const uint8_t *hash = ledger_hash_at(ledger, ack->position);

    if (!id_equal(ack->device, ask->device) ||
        memcmp(ack->team, ask->team_id, sizeof ack->team) != 0)
        ask_refuse(ask, WIRE_ERROR_DENIED, "A device acknowledges for itself, in its own team.");
    else if (!ack_verify(ask->request->body, ask->request->body_len, device->sign_public))
        ask_refuse(ask, WIRE_ERROR_SIGNATURE, "The acknowledgement's signature does not hold.");
    else if (hash == NULL || memcmp(hash, ack->line_hash, sizeof ack->line_hash) != 0)
        ask_refuse(ask, WIRE_ERROR_STALE, "The acknowledgement names another ledger line.");
    else if (!streams_are_known(ledger, ack))
        ask_refuse(ask, WIRE_ERROR_DENIED, "The acknowledgement names a stream that nobody made.");
    else
        return true;
    return false;
}

/* Within the transaction. RC_EXISTS: the incarnation has used this number, or a
 * higher one, for other bytes. */
static enum rc
store_ack(struct ask *ask, const struct depot_ack *ack)
{
    uint8_t stored[CRYPTO_HASH_BYTES], own[CRYPTO_HASH_BYTES];
    uint64_t number;
    enum rc rc =
        depot_last_ack(ask->depot, ask->team->key, ack->device, ack->incarnation, &number, stored);

    if (rc != RC_OK)
        return rc;
    if (ack->number > number)
        return depot_put_ack(ask->depot, ask->team->key, ack);
    crypto_hash_plain(ack->bytes, ack->len, own);
    if (ack->number == number && memcmp(own, stored, sizeof own) == 0)
        return RC_OK;
    return rc_fail(RC_EXISTS, _("this number has been used"));
}

static enum rc
keep_ack(struct ask *ask, const struct ack *ack)
{
    struct depot_ack row = {.device = ack->device,
                            .incarnation = ack->incarnation,
                            .number = ack->number,
                            .stream_count = ack->stream_count,
                            .bytes = ask->request->body,
                            .len = ask->request->body_len};
    struct id *streams = calloc(ack->stream_count + 1, sizeof *streams);
    enum rc rc;

    if (streams == NULL)
        return rc_nomem();
    for (size_t i = 0; i < ack->stream_count; i++)
        streams[i] = ack->streams[i].stream;
    row.streams = streams;
    rc = server_begin(ask->server, ask->depot);
    if (rc == RC_OK) {
        rc = store_ack(ask, &row);
        if (rc == RC_OK)
            rc = server_commit(ask->server, ask->depot);
        else
            server_rollback(ask->server, ask->depot);
    }
    free(streams);
    return rc;
}

void
route_post_ack(struct ask *ask)
{
    struct ack ack = ACK_EMPTY;
    enum rc rc = ack_decode(ask->request->body, ask->request->body_len, &ack);

    if (rc == RC_NOMEM) {
        ask_fail(ask, rc);
    } else if (rc != RC_OK) {
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "The body is not an acknowledgement.");
    } else if (check_ack(ask, &ack)) {
        rc = keep_ack(ask, &ack);
        if (rc == RC_EXISTS)
            ask_refuse(ask, WIRE_ERROR_EXISTS,
                       "A later acknowledgement of this device is there already.");
        else if (rc != RC_OK)
            ask_fail(ask, rc);
        else
            ask->reply->status = 204;
    }
    ack_wipe(&ack);
}

/* ---- passing on ---- */

struct picked_acks {
    struct pile pile;
    struct wire_ack_list list;
};

static enum rc
pick_ack(void *context, uint64_t at, const uint8_t *bytes, size_t len, bool *stop)
{
    struct picked_acks *picked = context;
    const uint8_t *kept;

    if (picked->pile.bytes > 0 && picked->pile.bytes + len > WIRE_PAGE_BYTES) {
        picked->list.more = true;
        *stop = true;
        return RC_OK;
    }
    picked->list.next = at;
    enum rc rc = pile_keep(&picked->pile, bytes, len, &kept);
    return rc == RC_OK ? wire_blocks_add(&picked->list.acks, kept, len) : rc;
}

void
route_get_acks(struct ask *ask)
{
    struct picked_acks picked = {.pile = PILE_EMPTY, .list = WIRE_ACK_LIST_EMPTY};
    uint64_t after = 0;

    if (!ask_number(ask, "after", &after) || !ask_cursor(ask, DEPOT_ACKS, after, NULL))
        return;
    picked.list.next = after;
    enum rc rc = depot_list_acks(ask->depot, ask->team->key, after, pick_ack, &picked);
    if (rc == RC_OK)
        rc = wire_ack_list_encode(&picked.list, &ask->reply->body);
    ask_answer(ask, rc);
    wire_ack_list_wipe(&picked.list);
    pile_wipe(&picked.pile);
}
