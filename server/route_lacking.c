/* GET lacking, POST boxes: the key boxes that a server which was put back from a backup lost, from a device that has their keys. */
#include "server/ask.h"

#include <stdlib.h>
#include <string.h>

#include "server/order.h"
#include "sync/ledger.h"

static int
by_name(const void *a, const void *b)
{
    const struct ledger_pair *one = a, *other = b;
    int order = id_compare(one->stream, other->stream);

    if (order == 0)
        order = (one->epoch > other->epoch) - (one->epoch < other->epoch);
    return order != 0 ? order : id_compare(one->device, other->device);
}

/* Among sorted ones; NULL when it is none of them. */
static struct ledger_pair *
find(const struct ledger_pairs *pairs, struct id stream, uint32_t epoch, struct id recipient)
{
    const struct ledger_pair wanted = {stream, epoch, recipient};

    return pairs->count == 0 ? NULL : bsearch(&wanted, pairs->items, pairs->count, sizeof wanted, by_name);
}

/* Boxes of use of one stream, sorted, and which of them are there. */
struct crossing {
    struct ledger_pairs pairs;
    bool *is_there;
};

static enum rc
cross_out(void *context, const struct depot_box *box, bool *stop)
{
    struct crossing *crossing = context;
    const struct ledger_pair *found = find(&crossing->pairs, box->stream, box->epoch, box->recipient);

    (void)stop;
    if (found != NULL)
        crossing->is_there[found - crossing->pairs.items] = true;
    return RC_OK;
}

/* Of one stream's boxes of use those that are not there. A member can give a stream as many epochs as the ledger has lines. */
static enum rc
keep_lacking(struct ask *ask, const struct ledger_pairs *all, size_t from, size_t to, struct ledger_pairs *lacking)
{
    struct crossing crossing = {.pairs = {.items = &all->items[from], .count = to - from, .room = to - from},
                                .is_there = calloc(to - from, sizeof *crossing.is_there)};
    struct id stream = all->items[from].stream;

    if (crossing.is_there == NULL)
        return rc_nomem();
    qsort(crossing.pairs.items, crossing.pairs.count, sizeof *crossing.pairs.items, by_name);
    enum rc rc = depot_list_boxes(ask->depot, ask->team->key, &stream, 0, cross_out, &crossing);
    for (size_t i = 0; rc == RC_OK && i < crossing.pairs.count && lacking->count < WIRE_LACKING_BOXES; i++)
        if (!crossing.is_there[i])
            lacking->items[lacking->count++] = crossing.pairs.items[i];
    free(crossing.is_there);
    return rc;
}

/* What the asker may pass on and is not there, sorted, WIRE_LACKING_BOXES at most. */
static enum rc
find_lacking(struct ask *ask, struct ledger_pairs *lacking)
{
    struct ledger_pairs all = LEDGER_PAIRS_EMPTY;
    size_t from = 0;

    lacking->items = calloc(WIRE_LACKING_BOXES, sizeof *lacking->items);
    if (lacking->items == NULL)
        return rc_nomem();
    enum rc rc = ledger_boxes_of_use(ask->team->ledger, ask->device, (struct id){{0}}, ask->now_ms, &all);
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

static bool
is_any_lacking(const struct ledger_pairs *lacking, const struct wire_boxes *boxes)
{
    bool is = false;

    for (size_t i = 0; i < boxes->count && !is; i++)
        is = find(lacking, boxes->items[i].stream, boxes->items[i].epoch, boxes->items[i].recipient) != NULL;
    return is;
}

static enum rc
store_lacking(struct ask *ask, const struct ledger_pairs *lacking, const struct wire_boxes *boxes)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < boxes->count; i++) {
        const struct wire_box *box = &boxes->items[i];
        if (find(lacking, box->stream, box->epoch, box->recipient) != NULL)
            rc = order_store_box(ask, ask->team->key, box);
    }
    return rc;
}

/* Nobody can replace a box that is there, or make one for whom no line gave the key. What is not lacking keeps no writer waiting. */
static enum rc
store(struct ask *ask, const struct wire_boxes *boxes)
{
    struct ledger_pairs lacking = LEDGER_PAIRS_EMPTY;
    enum rc rc = find_lacking(ask, &lacking);

    if (rc == RC_OK && is_any_lacking(&lacking, boxes)) {
        rc = server_begin(ask->server, ask->depot);
        ledger_pairs_wipe(&lacking);
        if (rc != RC_OK)
            return rc;
        rc = find_lacking(ask, &lacking); /* another may have brought some meanwhile */
        if (rc == RC_OK)
            rc = store_lacking(ask, &lacking, boxes);
        if (rc == RC_OK)
            rc = server_commit(ask->server, ask->depot);
        else
            server_rollback(ask->server, ask->depot);
    }
    ledger_pairs_wipe(&lacking);
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
