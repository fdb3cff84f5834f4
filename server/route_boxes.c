/* GET /v1/teams/T/boxes: a device's own key boxes, and those that the ledger lets it fetch. */
#include "server/ask.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "server/lies.h"
#include "sync/ledger.h"

enum { BOXES_MAX = 4096 }; /* in one answer: about 1 MiB */

struct picked_boxes {
    const struct ask *ask;
    struct wire_box_list list;
};

static enum rc
pick_box(void *context, const struct depot_box *box, bool *stop)
{
    struct picked_boxes *picked = context;
    struct wire_box_list *list = &picked->list;
    struct wire_box copy = {
        .stream = box->stream, .epoch = box->epoch, .recipient = box->recipient};

    if (list->boxes.count == BOXES_MAX) {
        list->more = true;
        *stop = true;
        return RC_OK;
    }
    list->next = box->number;
    if (!ledger_may_fetch(picked->ask->team->ledger, picked->ask->device, box->stream,
                          box->recipient, picked->ask->now_ms) &&
        !broken_is(BROKEN_FETCH))
        return RC_OK;
    if (box->len > sizeof copy.bytes)
        return rc_fail(RC_CORRUPT, _("a stored box has another length"));
    copy.len = (uint16_t)box->len;
    memcpy(copy.bytes, box->bytes, box->len);
    list->numbers[list->boxes.count] = box->number;
    return wire_boxes_add(&list->boxes, &copy);
}

void
route_get_boxes(struct ask *ask)
{
    struct picked_boxes picked = {.ask = ask, .list = WIRE_BOX_LIST_EMPTY};
    uint64_t after = 0;
    struct id stream;
    bool one_stream;
    enum rc rc = RC_OK;

    if (!ask_number(ask, "after", &after) ||
        !ask_hex(ask, "stream", stream.bytes, sizeof stream.bytes, &one_stream) ||
        !ask_cursor(ask, DEPOT_BOXES, after, NULL))
        return;
    picked.list.next = after;
    picked.list.numbers = calloc(BOXES_MAX, sizeof *picked.list.numbers);
    if (picked.list.numbers == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = depot_list_boxes(ask->depot, ask->team->key, one_stream ? &stream : NULL, after,
                              pick_box, &picked);
    if (rc == RC_OK) {
        lies_boxes(&picked.list);
        rc = wire_box_list_encode(&picked.list, &ask->reply->body);
    }
    ask_answer(ask, rc);
    wire_box_list_wipe(&picked.list);
}
