/* A step of a session: key boxes, fetched and opened. */
#include <string.h>

#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/session.h"

static enum rc
store_box(struct replica *replica, const struct wire_box *box)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "INSERT OR REPLACE INTO sync_box (stream, epoch, recipient, box, is_lent) VALUES (?1, ?2, ?3, ?4,"
                         " NOT EXISTS (SELECT 1 FROM sync_stream WHERE stream = ?1))",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, box->stream);
    stmt_int(stmt, 2, box->epoch);
    stmt_id(stmt, 3, box->recipient);
    stmt_blob(stmt, 4, box->bytes, box->len);
    replica->box_changes++;
    return stmt_finish(stmt);
}

enum rc
session_open_box(struct replica *replica, const struct wire_box *box, bool *is_forged)
{
    const struct ledger *ledger = replica->ledger;
    struct ledger_epoch epoch, below;
    bool is_link = id_equal(box->recipient, ledger_link());
    uint32_t wanted = is_link ? box->epoch - 1 : box->epoch;
    enum rc rc;

    *is_forged = false;
    if (box->epoch == 0 || (is_link && box->epoch < 2) ||
        keyring_has(replica->keys, box->stream, wanted) ||
        !ledger_epoch(ledger, box->stream, box->epoch, &epoch))
        return RC_OK;
    if (is_link) {
        if (!keyring_has(replica->keys, box->stream, box->epoch) ||
            !ledger_epoch(ledger, box->stream, wanted, &below))
            return RC_OK;
        rc = keyring_open_link(replica->keys, box, below.commitment);
    } else if (id_equal(box->stream, ledger_reserve())) {
        rc = keyring_open_reserve_secret(replica->keys, box, &replica->identity, epoch.commitment,
                                         epoch.reserve_public);
    } else if (id_equal(box->recipient, replica->identity.device)) {
        rc = keyring_open_box(replica->keys, box, &replica->identity, epoch.commitment);
    } else {
        return RC_OK; /* the reserve's: opened when a grant or rotation is to be paid */
    }
    *is_forged = rc == RC_LOCKED || rc == RC_UNTRUSTED || rc == RC_CORRUPT || rc == RC_EXISTS;
    return *is_forged ? RC_OK : rc;
}

/* Opens what can be opened of one stream and stores the keys; links go down from the newest epoch, so boxes are read in that
 * order. Inside the caller's transaction. */
static enum rc
open_boxes_of(struct session *session, struct id stream)
{
    struct replica *replica = session->replica;
    struct stmt *stmt;
    bool found = true;
    uint64_t before = keyring_changes(replica->keys);

    enum rc rc = db_stmt(replica->db,
                         "SELECT epoch, recipient, box FROM sync_box WHERE stream = ?1"
                         " ORDER BY epoch DESC, recipient DESC",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    while (rc == RC_OK && found) {
        struct wire_box box = {.stream = stream};
        bool is_forged;
        size_t len;
        rc = stmt_step(stmt, &found);
        if (rc != RC_OK || !found)
            break;
        rc = stmt_get_id(stmt, 1, &box.recipient);
        const uint8_t *bytes = stmt_get_blob(stmt, 2, &len);
        if (rc == RC_OK && len > sizeof box.bytes)
            rc = rc_fail(RC_CORRUPT, _("a key box in the store is too long"));
        if (rc != RC_OK)
            break;
        box.epoch = (uint32_t)stmt_get_int(stmt, 0);
        box.len = (uint16_t)len;
        memcpy(box.bytes, bytes, len);
        rc = session_open_box(replica, &box, &is_forged);
        session->report->forged_boxes += is_forged;
    }
    stmt_done(stmt);
    return rc == RC_OK && keyring_changes(replica->keys) > before
               ? replica_store_keys_of(replica, stream)
               : rc;
}

/* The same of `only`, or (NULL) of every stream of ours that lacks a key. */
static enum rc
open_boxes(struct session *session, const struct id *only)
{
    struct replica *replica = session->replica;
    const struct ledger_stream *stream;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    uint64_t before = keyring_changes(replica->keys);
    enum rc rc = only != NULL ? open_boxes_of(session, *only) : RC_OK;

    for (size_t i = 0; rc == RC_OK && only == NULL &&
                       (stream = ledger_stream_at(replica->ledger, i)) != NULL; i++)
        if (replica_lacks_keys(replica, stream->id) &&
            ledger_may_hold(replica->ledger, replica->identity.device, stream->id, now_ms))
            rc = open_boxes_of(session, stream->id);
    if (rc == RC_OK && replica->has_loose_keys)
        rc = replica_store_keys(replica);
    return rc == RC_OK && keyring_changes(replica->keys) > before ? inbox_retry(replica) : rc;
}

/* One page of boxes, of all streams from a cursor on or of `only`, and where to ask next. */
static enum rc
take_boxes(struct session *session, const struct buf *answer, const struct id *only,
           uint64_t *after, bool *more)
{
    struct replica *replica = session->replica;
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    uint64_t before = keyring_changes(replica->keys);
    bool were_loose = replica->has_loose_keys;

    enum rc rc = wire_box_list_decode(answer->data, answer->len, &list);
    if (rc != RC_OK) {
        wire_box_list_wipe(&list);
        return rc == RC_CORRUPT ? rc_while(RC_UNTRUSTED, _("the server's answer about keys")) : rc;
    }
    *more = list.more && list.next > *after;
    *after = list.next;
    rc = db_begin(replica->db);
    for (size_t i = 0; rc == RC_OK && i < list.boxes.count; i++)
        rc = store_box(replica, &list.boxes.items[i]);
    if (rc == RC_OK && only == NULL)
        rc = session_note_life(replica, list.next);
    if (rc == RC_OK && only == NULL)
        rc = state_put_int(replica->db, STATE_BOXES_AFTER, (int64_t)list.next);
    if (rc == RC_OK && only == NULL && !*more)
        rc = state_put_int(replica->db, STATE_BOXES_POSITION,
                           (int64_t)ledger_position(replica->ledger));
    if (rc == RC_OK && !*more) /* with the last page: a key that came is never without its place in the store */
        rc = open_boxes(session, only);
    rc = db_end(replica->db, rc);
    if (rc != RC_OK)
        replica->has_loose_keys = were_loose || keyring_changes(replica->keys) != before;
    wire_box_list_wipe(&list);
    return rc;
}

static enum rc
fetch_boxes(struct session *session, const struct id *only)
{
    struct replica *replica = session->replica;
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    char text[2 * ID_BYTES + 1];
    int64_t stored = 0;
    bool more = true;

    enum rc rc = only == NULL ? state_get_int(replica->db, STATE_BOXES_AFTER, &stored) : RC_OK;
    uint64_t after = (uint64_t)stored;
    if (only != NULL)
        request_hex(only->bytes, sizeof only->bytes, text);
    while (rc == RC_OK && more) {
        struct request_call call = {.method = "GET"};
        if (only == NULL)
            rc = request_target(replica, &call, "/boxes?after=%llu", (unsigned long long)after);
        else
            rc = request_target(replica, &call, "/boxes?stream=%s&after=%llu", text, (unsigned long long)after);
        if (rc == RC_OK)
            rc = request_send(replica, session->transport, &call, &answer, NULL);
        if (rc == RC_OK)
            rc = take_boxes(session, &answer, only, &after, &more);
    }
    buf_wipe(&answer);
    return rc;
}

enum rc
session_boxes_of(struct session *session, struct id stream)
{
    return fetch_boxes(session, &stream);
}

/* A stream of ours whose keys did not come by the shared cursor: its boxes were withheld until we had the right. */
static enum rc
fetch_missing(struct session *session)
{
    struct replica *replica = session->replica;
    const struct ledger_stream *stream;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    enum rc rc = RC_OK;

    for (size_t i = 0;
         rc == RC_OK && (stream = ledger_stream_at(replica->ledger, i)) != NULL; i++) {
        bool is_here, is_filling;
        if (!replica_lacks_keys(replica, stream->id))
            continue;
        rc = streams_have(replica, stream->id, &is_here, &is_filling);
        if (rc == RC_OK && is_here && ledger_reads_by_lines(replica->ledger, replica->identity.device, stream->id, now_ms))
            rc = session_boxes_of(session, stream->id);
    }
    return rc;
}

/* Boxes come with lines: behind those of the head there are none. */
static enum rc
fetch_new(struct session *session)
{
    struct replica *replica = session->replica;
    int64_t after, position;
    enum rc rc = state_get_int(replica->db, STATE_BOXES_AFTER, &after);

    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_BOXES_POSITION, &position);
    if (rc != RC_OK || (after > 0 && (uint64_t)position == ledger_position(replica->ledger)))
        return rc;
    rc = fetch_boxes(session, NULL);
    if (rc != RC_STALE)
        return rc;
    rc = state_put_int(session->replica->db, STATE_BOXES_AFTER, 0); /* the server was restored: a box comes twice, which changes nothing */
    if (rc == RC_OK)
        rc = state_put_int(session->replica->db, STATE_RETURN_BOXES, 1);
    return rc == RC_OK ? fetch_boxes(session, NULL) : rc;
}

enum rc
session_boxes(struct session *session)
{
    enum rc rc = fetch_new(session);

    if (rc == RC_OK)
        rc = fetch_missing(session);
    /* The server may count a cover as running that is over by this device's time, or tell what is none of ours: that goes
     * however the session ends. */
    enum rc forgotten = replica_forget_lent(session->replica);
    return rc == RC_OK ? forgotten : rc;
}
