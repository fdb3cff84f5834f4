/* GET lacking, POST boxes: the key boxes that a server which was put back from a backup lost, from a device that has their keys. */
#include "server/ask.h"

#include <stdlib.h>
#include <string.h>

#include "sync/ledger.h"

static bool
is_box(const struct ledger_pair *pair, struct id stream, uint32_t epoch, struct id recipient)
{
    return pair->epoch == epoch && id_equal(pair->device, recipient) && id_equal(pair->stream, stream);
}

/* One box that is there: it is crossed out of the list. */
static enum rc
cross_out(void *context, const struct depot_box *box, bool *stop)
{
    struct ledger_pairs *pairs = context;

    (void)stop;
    for (size_t i = 0; i < pairs->count; i++)
        if (is_box(&pairs->items[i], box->stream, box->epoch, box->recipient))
            pairs->items[i--] = pairs->items[--pairs->count];
    return RC_OK;
}

/* Of one stream's boxes of use those that are not there; the list holds only them afterwards. */
static enum rc
keep_lacking(struct ask *ask, const struct ledger_pairs *all, size_t from, size_t to, struct ledger_pairs *lacking)
{
    struct ledger_pairs of_stream = {.items = &all->items[from], .count = to - from, .room = to - from};
    enum rc rc = depot_list_boxes(ask->depot, ask->team->key, &all->items[from].stream, 0, cross_out, &of_stream);

    for (size_t i = 0; rc == RC_OK && i < of_stream.count && lacking->count < WIRE_LACKING_BOXES; i++)
        lacking->items[lacking->count++] = of_stream.items[i];
    return rc;
}

/* What the asker may pass on and is not there. `lacking` has room for WIRE_LACKING_BOXES. */
static enum rc
find_lacking(struct ask *ask, struct ledger_pairs *lacking)
{
    struct ledger_pairs all = LEDGER_PAIRS_EMPTY;
    size_t from = 0;

    lacking->items = calloc(WIRE_LACKING_BOXES, sizeof *lacking->items);
    if (lacking->items == NULL)
        return rc_nomem();
    enum rc rc = ledger_boxes_of_use(ask->team->ledger, ask->device, ask->now_ms, &all);
    while (rc == RC_OK && from < all.count && lacking->count < WIRE_LACKING_BOXES) {
        struct id stream = all.items[from].stream;
        size_t to = from;
        while (to < all.count && id_equal(all.items[to].stream, stream))
            to++;
        rc = keep_lacking(ask, &all, from, to, lacking);
        from = to;
    }
    ledger_pairs_wipe(&all);
    return rc;
}

void
route_get_lacking(struct ask *ask)
{
    struct ledger_pairs lacking = LEDGER_PAIRS_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    enum rc rc = find_lacking(ask, &lacking);

    for (size_t i = 0; rc == RC_OK && i < lacking.count; i++) {
        const struct wire_box box = {
            .stream = lacking.items[i].stream, .epoch = lacking.items[i].epoch, .recipient = lacking.items[i].device};
        rc = wire_boxes_add(&boxes, &box);
    }
    if (rc == RC_OK)
        rc = wire_box_names_encode(&boxes, &ask->reply->body);
    ask_answer(ask, rc);
    wire_boxes_wipe(&boxes);
    ledger_pairs_wipe(&lacking);
}

/* ---- and taking them ---- */

/* Nobody can replace a box that is there, or make one for whom no line gave the key. */
static enum rc
store_lacking(struct ask *ask, const struct wire_boxes *boxes)
{
    struct ledger_pairs lacking = LEDGER_PAIRS_EMPTY;
    enum rc rc = find_lacking(ask, &lacking);

    for (size_t i = 0; rc == RC_OK && i < boxes->count; i++) {
        const struct wire_box *from = &boxes->items[i];
        struct depot_box box = {.stream = from->stream,
                                .epoch = from->epoch,
                                .recipient = from->recipient,
                                .bytes = from->bytes,
                                .len = from->len};
        bool is_lacking = false;
        for (size_t k = 0; k < lacking.count && !is_lacking; k++)
            is_lacking = is_box(&lacking.items[k], box.stream, box.epoch, box.recipient);
        if (is_lacking)
            rc = depot_put_box(ask->depot, ask->team->key, &box);
    }
    ledger_pairs_wipe(&lacking);
    return rc;
}

static enum rc
store(struct ask *ask, const struct wire_boxes *boxes)
{
    enum rc rc = server_begin(ask->server, ask->depot);

    if (rc != RC_OK)
        return rc;
    rc = store_lacking(ask, boxes);
    if (rc == RC_OK)
        return server_commit(ask->server, ask->depot);
    server_rollback(ask->server, ask->depot);
    return rc;
}

void
route_post_boxes(struct ask *ask)
{
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    enum rc rc = wire_boxes_decode(ask->request->body, ask->request->body_len, &boxes);

    if (rc == RC_CORRUPT)
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "The body is not key boxes.");
    else if (rc == RC_OK && (rc = store(ask, &boxes)) == RC_OK)
        ask->reply->status = 204;
    else
        ask_fail(ask, rc);
    wire_boxes_wipe(&boxes);
}
