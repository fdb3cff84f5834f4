/* Key boxes that ledger lines gave, made once more. */
#include "sync/boxes_again.h"

#include "sync/sent.h"

/* For whom a box is sealed; *is_ours false: no line gave it, or it is of no use any more. */
static void
find_recipient(struct replica *replica, const struct wire_box *box, const uint8_t **box_public,
               struct ledger_epoch *reserve, bool *is_ours)
{
    const struct ledger *ledger = replica->ledger;
    const struct ledger_stream *stream = ledger_stream(ledger, box->stream);
    uint64_t now_ms = replica_server_ms(replica);
    struct ledger_epoch epoch;

    *box_public = NULL;
    *is_ours = false;
    if (stream == NULL || !ledger_epoch(ledger, box->stream, box->epoch, &epoch) || box->epoch == 0)
        return;
    if (id_equal(box->recipient, ledger_link())) {
        *is_ours = box->epoch > 1 && stream->kind != STREAM_RESERVE;
        return;
    }
    if (box->epoch != stream->epoch)
        return;
    if (id_equal(box->recipient, ledger_reserve())) {
        *is_ours = (stream->kind == STREAM_INDEX || stream->kind == STREAM_FILE) &&
                   ledger_epoch(ledger, ledger_reserve(), epoch.reserve_epoch, reserve);
        *box_public = reserve->reserve_public;
        return;
    }
    const struct ledger_device *device = ledger_device(ledger, box->recipient);
    *is_ours = device != NULL && ledger_may_hold(ledger, box->recipient, box->stream, now_ms) &&
               !ledger_grant_is_due(ledger, box->stream, box->recipient, now_ms);
    *box_public = device != NULL ? device->box_public : NULL;
}

enum rc
boxes_again(struct replica *replica, struct wire_box *box, bool *found)
{
    struct ledger_epoch reserve;
    const uint8_t *box_public;

    find_recipient(replica, box, &box_public, &reserve, found);
    if (!*found)
        return RC_OK;
    enum rc rc = keyring_box_again(replica->keys, box_public, box);
    return rc == RC_LOCKED ? sent_find(replica, box, found) : rc;
}

enum rc
boxes_keep_for_others(struct replica *replica, struct id stream)
{
    struct ledger_pairs given = LEDGER_PAIRS_EMPTY;
    enum rc rc =
        ledger_boxes_of_use(replica->ledger, replica->identity.device, stream, (uint64_t)replica_server_ms(replica), &given);

    for (size_t i = 0; rc == RC_OK && i < given.count; i++) {
        struct wire_box box = {.stream = given.items[i].stream, .epoch = given.items[i].epoch, .recipient = given.items[i].device};
        bool found = false;
        bool is_kept = box.epoch == ledger_stream(replica->ledger, stream)->epoch &&
                       !id_equal(box.recipient, replica->identity.device);
        if (is_kept)
            rc = boxes_again(replica, &box, &found);
        if (rc == RC_CORRUPT) { /* a damaged key holds up no purge */
            rc = RC_OK;
            found = false;
        }
        if (rc == RC_OK && found)
            rc = sent_keep_made(replica, &box);
    }
    ledger_pairs_wipe(&given);
    return rc;
}
