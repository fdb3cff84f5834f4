/* Making a ledger operation, having the server order it, and taking its line in. */
#include "sync/submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/sent.h"

enum { SUBMIT_TRIES = 5 };

/* Of what it does not take nobody ever needs the boxes. `exists` says that it took it; of an answer to come back later it may have
 * heard twice, and have taken the other. */
static enum rc
post_op(struct session *session, const struct request_call *call, const struct wire_boxes *boxes, struct buf *answer)
{
    enum wire_error error = WIRE_ERROR_NONE;
    enum rc rc = request_send(session->replica, session->transport, call, answer, &error);

    if (rc == RC_OK || rc == RC_OFFLINE || rc == RC_NOMEM || error == WIRE_ERROR_NONE || error == WIRE_ERROR_EXISTS)
        return rc;
    char said[200];
    snprintf(said, sizeof said, "%s", rc_sentence());
    enum rc dropped = sent_drop(session->replica, boxes);
    return dropped == RC_OK ? rc_fail(rc, "%s", said) : dropped;
}

static enum rc
send_op(struct session *session, struct draft *draft, const void *op, size_t len)
{
    struct replica *replica = session->replica;
    struct request_call call = {.method = "POST"};
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES);
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    bool more;

    submission.operation = (struct wire_bytes){op, len};
    submission.boxes = draft->boxes; /* lent for the call */
    enum rc rc = wire_submission_encode(&submission, false, &body);
    if (rc == RC_OK)
        rc = request_target(replica, &call, "/ledger");
    call.body = &body;
    ledger_op_hash(op, len, session->made_by);
    if (rc == RC_OK)
        rc = sent_keep(replica, &draft->boxes);
    if (rc == RC_OK)
        rc = post_op(session, &call, &draft->boxes, &answer);
    if (rc == RC_OK)
        rc = session_take_lines(session, &answer, &more);
    if (rc == RC_OK)
        rc = session_ledger(session);
    if (rc == RC_OK && ledger_find_op(replica->ledger, session->made_by) == 0)
        rc = rc_fail(RC_UNTRUSTED, _("the server's ledger lacks what it just took"));
    memset(session->made_by, 0, sizeof session->made_by);
    buf_wipe(&answer);
    buf_wipe(&body);
    return rc;
}

/* A rule that fails here is not worth asking the server. */
enum rc
submit_check(struct session *session, const void *op, size_t len)
{
    struct ledger_verdict verdict = {.rule = NULL};
    struct replica *replica = session->replica;

    return ledger_check(replica->ledger, op, len, replica_server_ms(replica), &verdict);
}

static enum rc
submit_once(struct session *session, submit_build_fn build, void *context)
{
    struct replica *replica = session->replica;
    struct draft draft = {.op = LEDGER_OP_EMPTY, .boxes = WIRE_BOXES_EMPTY, .fresh = NULL};
    struct buf op = BUF_EMPTY(WIRE_OPERATION_BYTES);

    enum rc rc = keyring_new(&draft.fresh);
    if (rc == RC_OK)
        rc = build(session, context, &draft);
    if (rc != RC_OK)
        goto out;
    draft.op.created_ms = (uint64_t)replica_now_ms(replica);
    ledger_address(replica->ledger, &draft.op);
    rc = ledger_op_sign(&draft.op, &replica->identity, &draft.boxes, &op);
    if (rc == RC_OK)
        rc = submit_check(session, op.data, op.len);
    if (rc == RC_OK)
        rc = send_op(session, &draft, op.data, op.len);
    if (rc == RC_EXISTS) /* the server's word: only the ledger, read again, tells whether it is done */
        rc = RC_STALE;
out:
    buf_wipe(&op);
    keyring_free(draft.fresh);
    wire_boxes_wipe(&draft.boxes);
    ledger_op_wipe(&draft.op);
    return rc;
}

enum rc
submit(struct session *session, submit_build_fn build, void *context)
{
    enum rc rc = RC_STALE;

    session->has_short_heads = false;
    for (int i = 0; rc == RC_STALE && i < SUBMIT_TRIES && !session->has_short_heads; i++) { /* short once, short again */
        rc = i > 0 ? session_ledger(session) : RC_OK;
        if (rc == RC_OK)
            rc = submit_once(session, build, context);
    }
    if (rc == RC_EXISTS)
        rc = RC_OK;
    enum rc forgotten = replica_forget_lent(session->replica);
    return rc == RC_OK ? forgotten : rc;
}

enum rc
submit_ready(struct session *session, const void *op, size_t len)
{
    struct draft draft = {.op = LEDGER_OP_EMPTY, .boxes = WIRE_BOXES_EMPTY, .fresh = NULL};
    enum rc rc = submit_check(session, op, len);

    return rc == RC_OK ? send_op(session, &draft, op, len) : rc;
}

enum rc
submit_recipients(struct replica *replica, const struct id *devices, size_t count,
                  struct keyring_recipient **recipients)
{
    *recipients = calloc(count + 1, sizeof **recipients);
    if (*recipients == NULL)
        return rc_nomem();
    for (size_t i = 0; i < count; i++) {
        const struct ledger_device *device = ledger_device(replica->ledger, devices[i]);
        (*recipients)[i] = (struct keyring_recipient){device->id, device->box_public};
    }
    return RC_OK;
}

enum rc
submit_reserve_public(struct replica *replica, uint8_t public_key[CRYPTO_PUBLIC_BYTES])
{
    struct ledger_epoch epoch;

    if (!ledger_epoch(replica->ledger, ledger_reserve(), 0, &epoch))
        return rc_fail(RC_UNTRUSTED, _("the team has no reserve key"));
    memcpy(public_key, epoch.reserve_public, CRYPTO_PUBLIC_BYTES);
    return RC_OK;
}

enum rc
submit_share(struct replica *replica, struct draft *draft, struct id stream,
             const struct id *devices, size_t count)
{
    struct keyring_recipient *recipients = NULL;
    const struct ledger_stream *known = ledger_stream(replica->ledger, stream);

    enum rc rc = submit_recipients(replica, devices, count, &recipients);
    struct keyring_epoch epoch = {stream, known->epoch, recipients, count, NULL};
    if (rc == RC_OK)
        rc = keyring_share(replica->keys, &epoch, &draft->op, &draft->boxes);
    free(recipients);
    return rc;
}

/* ---- keys through the reserve ------------------------------------------------------------------- */

/* The reserve's box of the stream's current epoch, if the server handed it out. */
static enum rc
open_by_reserve(struct replica *replica, struct id stream, uint32_t current)
{
    struct ledger_epoch epoch, reserve;
    struct wire_box box = {.stream = stream, .epoch = current, .recipient = ledger_reserve()};
    struct stmt *stmt;
    bool found;

    if (!ledger_epoch(replica->ledger, stream, current, &epoch) ||
        !ledger_epoch(replica->ledger, ledger_reserve(), epoch.reserve_epoch, &reserve))
        return rc_fail(RC_LOCKED, _("the key of that stream is not here"));
    enum rc rc = db_stmt(
        replica->db, "SELECT box FROM sync_box WHERE stream = ?1 AND epoch = ?2 AND recipient = ?3",
        &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_int(stmt, 2, current);
    stmt_id(stmt, 3, box.recipient);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && !found)
        rc = rc_fail(RC_LOCKED, _("the key of that stream is not here"));
    if (rc == RC_OK) {
        size_t len;
        const uint8_t *bytes = stmt_get_blob(stmt, 0, &len);
        box.len = (uint16_t)(len <= sizeof box.bytes ? len : 0);
        memcpy(box.bytes, bytes, box.len);
    }
    stmt_done(stmt);
    if (rc == RC_OK)
        rc = keyring_open_reserve_box(replica->keys, &box, epoch.reserve_epoch,
                                      reserve.reserve_public, epoch.commitment);
    replica->has_loose_keys = replica->has_loose_keys || rc == RC_OK; /* lent, or to be kept by a line that comes */
    return rc;
}

enum rc
submit_need_key(struct session *session, struct id stream)
{
    struct replica *replica = session->replica;
    const struct ledger_stream *known = ledger_stream(replica->ledger, stream);

    if (known == NULL)
        return rc_fail(RC_ABSENT, _("no such stream"));
    if (keyring_has(replica->keys, stream, known->epoch))
        return RC_OK;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    if (!ledger_may_hold(replica->ledger, replica->identity.device, ledger_reserve(), now_ms))
        return rc_fail(RC_LOCKED, _("the key of that stream is not here"));
    enum rc rc = session_boxes_of(session, stream);
    if (rc == RC_OK && !keyring_has(replica->keys, stream, known->epoch))
        rc = open_by_reserve(replica, stream, known->epoch);
    return rc;
}

/* ---- heads -------------------------------------------------------------------------------------- */

/* What is known here of a feed that the server speaks of: where its chain can be read, the server's
 * word is not enough, for the line that carries it makes all saves up to the head count. */
static enum rc
is_known(struct replica *replica, const struct ledger_head *head, bool *is_here, bool *agrees)
{
    struct elog_feed feed;
    uint8_t hash[CRYPTO_HASH_BYTES];
    bool is_filling;

    *agrees = false;
    enum rc rc = streams_have(replica, head->stream, is_here, &is_filling);
    if (rc != RC_OK || !*is_here)
        return rc;
    rc = elog_feed_find(replica->db, head->stream,
                        (struct feed_ref){head->device, head->incarnation}, &feed);
    if (rc == RC_OK)
        rc = elog_head_at(replica->db, feed.key, head->last, hash);
    *agrees = rc == RC_OK && memcmp(hash, head->hash, sizeof hash) == 0;
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* Without waiting for anything to come. */
static enum rc
pull_now(struct session *session)
{
    const struct sync_options *options = session->options;

    session->options = NULL;
    enum rc rc = session_pull(session);
    session->options = options;
    return rc;
}

static enum rc
fetch_now(struct session *session, const struct ledger_head *head)
{
    const struct sync_options *options = session->options;

    session->options = NULL;
    enum rc rc = session_fetch_head(session, head);
    session->options = options;
    return rc;
}

/* The last verified entry of that feed here takes the head's place; none: last is 0. */
static enum rc
use_own(struct replica *replica, struct ledger_head *head)
{
    struct elog_feed feed;
    struct stmt *stmt;
    bool found;

    head->last = 0;
    enum rc rc = elog_feed_find(replica->db, head->stream,
                                (struct feed_ref){head->device, head->incarnation}, &feed);
    if (rc != RC_OK)
        return rc == RC_ABSENT ? RC_OK : rc;
    rc = db_stmt(replica->db, /* ELOG_LEDGER: nobody looked at the signature */
                 "SELECT last FROM sync_entry WHERE feed = ?1 AND reason <> 2 ORDER BY first DESC"
                 " LIMIT 1",
                 &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed.key);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && found)
        head->last = (uint32_t)stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return rc == RC_OK && found ? elog_head_at(replica->db, feed.key, head->last, head->hash) : rc;
}

static enum rc
add_head(struct session *session, struct ledger_head head, bool *has_pulled, struct ledger_op *op)
{
    bool is_here, agrees;

    enum rc rc = is_known(session->replica, &head, &is_here, &agrees);
    if (rc == RC_OK && is_here && !agrees && !*has_pulled) {
        *has_pulled = true;
        rc = pull_now(session);
        if (rc == RC_OK)
            rc = is_known(session->replica, &head, &is_here, &agrees);
    }
    if (rc == RC_OK && is_here && !agrees) {
        rc = fetch_now(session, &head);
        if (rc == RC_OK)
            rc = is_known(session->replica, &head, &is_here, &agrees);
    }
    if (rc == RC_OK && is_here && !agrees) {
        session->has_short_heads = true;
        rc = use_own(session->replica, &head);
    }
    return rc == RC_OK && head.last > 0 ? ledger_op_add_head(op, &head) : rc;
}

/* What the server stores of one device's feeds, where the operation ends the device's writing. */
static enum rc
heads_of_device(struct session *session, const struct ledger_pairs *due, struct id device,
                bool *has_pulled, struct ledger_op *op)
{
    struct request_call call = {.method = "GET"};
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct ledger_heads heads = LEDGER_HEADS_EMPTY;
    char text[2 * ID_BYTES + 1];

    request_hex(device.bytes, sizeof device.bytes, text);
    enum rc rc = request_target(session->replica, &call, "/heads?device=%s", text);
    if (rc == RC_OK)
        rc = request_send(session->replica, session->transport, &call, &answer, NULL);
    if (rc == RC_OK)
        rc = ledger_heads_decode(answer.data, answer.len, &heads);
    for (size_t i = 0; rc == RC_OK && i < heads.count; i++) {
        bool is_due = false;
        for (size_t j = 0; j < due->count; j++)
            is_due = is_due || (id_equal(due->items[j].device, heads.items[i].device) &&
                                id_equal(due->items[j].stream, heads.items[i].stream));
        if (is_due && id_equal(heads.items[i].device, device))
            rc = add_head(session, heads.items[i], has_pulled, op);
    }
    if (rc == RC_CORRUPT)
        rc = rc_while(RC_UNTRUSTED, _("the server's answer"));
    ledger_heads_wipe(&heads);
    buf_wipe(&answer);
    return rc;
}

enum rc
submit_heads(struct session *session, struct ledger_op *op)
{
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    bool has_pulled = false;

    enum rc rc = ledger_heads_due(session->replica->ledger, op, &due);
    if (rc == RC_OK && due.count > 0) /* a server that was put back is handed what it lost before it is asked what it has */
        rc = pull_now(session);
    for (size_t i = 0; rc == RC_OK && i < due.count; i++) {
        bool is_asked = false;
        for (size_t j = 0; j < i; j++)
            is_asked = is_asked || id_equal(due.items[j].device, due.items[i].device);
        if (!is_asked)
            rc = heads_of_device(session, &due, due.items[i].device, &has_pulled, op);
    }
    ledger_pairs_wipe(&due);
    return rc;
}
