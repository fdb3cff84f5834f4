/* Grants due and rotations owed, paid as far as this device can. */
#include <stdlib.h>
#include <string.h>

#include "sync/submit.h"

enum { PAY_PARTS = 256, PAY_BOXES = 4096 }; /* of one operation, before the last stream: far below the ceilings */

/* Room is left in each draft for one stream more. */
static bool
has_room(const struct draft *draft)
{
    return draft->op.part_count < PAY_PARTS && draft->boxes.count < PAY_BOXES;
}

/* ---- how much ---------------------------------------------------------------------------------- */

/* Each stream is asked about each device: once for a ledger and a time in which nothing changes. */
static enum rc
count_debts(struct replica *replica)
{
    struct settled *settled = &replica->settled;
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    struct ledger_ids owed = LEDGER_IDS_EMPTY;
    uint64_t now_ms = replica_server_ms(replica);

    if (ledger_is_within(replica->ledger, &settled->debts, now_ms))
        return RC_OK;
    enum rc rc = ledger_grants_due(replica->ledger, now_ms, &due);
    if (rc == RC_OK)
        rc = ledger_rotations_owed(replica->ledger, now_ms, &owed);
    if (rc == RC_OK) {
        settled->grants_due = due.count;
        settled->rotations_owed = owed.count;
        settled->debts = ledger_span(replica->ledger, now_ms);
    }
    ledger_pairs_wipe(&due);
    ledger_ids_wipe(&owed);
    return rc;
}

static enum rc
count_due(struct replica *replica, uint64_t *count)
{
    enum rc rc = count_debts(replica);

    *count = replica->settled.grants_due;
    return rc;
}

static enum rc
count_owed(struct replica *replica, uint64_t *count)
{
    enum rc rc = count_debts(replica);

    *count = replica->settled.rotations_owed;
    return rc;
}

/* ---- grants ----------------------------------------------------------------------------------- */

/* Devices of one stream that wait, from pairs[*at] on, as many as one line holds; moves *at behind all of them. */
static enum rc
grant_stream(struct session *session, const struct ledger_pairs *due, size_t *at,
             struct draft *draft)
{
    struct replica *replica = session->replica;
    struct id stream = due->items[*at].stream;
    size_t count = 0, start = *at;

    while (*at < due->count && id_equal(due->items[*at].stream, stream)) {
        ++*at;
        count += count < LEDGER_MAX_RECIPIENTS;
    }
    enum rc rc = submit_need_key(session, stream);
    if (rc == RC_LOCKED || rc == RC_UNTRUSTED)
        return RC_OK; /* another pays */
    struct id *devices = calloc(count, sizeof *devices);
    if (devices == NULL)
        return rc_nomem();
    for (size_t i = 0; i < count; i++)
        devices[i] = due->items[start + i].device;
    if (rc == RC_OK)
        rc = submit_share(replica, draft, stream, devices, count);
    free(devices);
    return rc;
}

/* May this device grant in the stream at all? */
static bool
may_grant(const struct replica *replica, struct id stream, uint64_t now_ms)
{
    return ledger_may_hold(replica->ledger, replica->identity.device, stream, now_ms) ||
           ledger_may_hold(replica->ledger, replica->identity.device, ledger_reserve(), now_ms);
}

static enum rc
build_grant(struct session *session, void *context, struct draft *draft)
{
    struct replica *replica = session->replica;
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    uint64_t now_ms = replica_server_ms(replica);
    size_t at = 0;
    (void)context;

    draft->op.kind = LEDGER_GRANT;
    enum rc rc = ledger_grants_due(replica->ledger, now_ms, &due);
    while (rc == RC_OK && at < due.count && has_room(draft)) {
        if (may_grant(replica, due.items[at].stream, now_ms))
            rc = grant_stream(session, &due, &at, draft);
        else
            at++;
    }
    ledger_pairs_wipe(&due);
    return rc == RC_OK && draft->op.part_count == 0 ? RC_EXISTS : rc;
}

static enum rc
pay_grants(struct session *session)
{
    uint64_t before, after;

    enum rc rc = count_due(session->replica, &before);
    after = before;
    while (rc == RC_OK && after > 0) {
        rc = submit(session, build_grant, NULL);
        if (rc == RC_OK)
            rc = count_due(session->replica, &after);
        if (rc != RC_OK || after >= before)
            break;
        session->report->grants += before - after;
        before = after;
    }
    session->report->grants_due = after;
    return rc;
}

/* ---- rotations -------------------------------------------------------------------------------- */

/* A new epoch of one stream, in the draft. RC_EXISTS: this device cannot, or nobody: more may hold it than one line gives keys to. */
static enum rc
rotate_stream(struct session *session, struct id stream, struct draft *draft)
{
    struct replica *replica = session->replica;
    const struct ledger_stream *known = ledger_stream(replica->ledger, stream);
    bool is_reserve = id_equal(stream, ledger_reserve());
    struct ledger_ids holders = LEDGER_IDS_EMPTY;
    struct keyring_recipient *recipients = NULL;
    uint8_t reserve_public[CRYPTO_PUBLIC_BYTES];
    bool is_sealed_to_reserve = known->kind == STREAM_INDEX || known->kind == STREAM_FILE;

    enum rc rc = is_reserve ? RC_OK : submit_need_key(session, stream);
    if (rc == RC_LOCKED || rc == RC_UNTRUSTED)
        return RC_EXISTS;
    if (rc == RC_OK)
        rc = ledger_holders(replica->ledger, stream, replica_server_ms(replica), &holders);
    if (rc == RC_OK && holders.count + !is_reserve + is_sealed_to_reserve > LEDGER_MAX_RECIPIENTS) /* and the link, and the reserve */
        rc = RC_EXISTS;
    if (rc == RC_OK)
        rc = submit_recipients(replica, holders.items, holders.count, &recipients);
    if (rc == RC_OK)
        rc = submit_reserve_public(replica, reserve_public);
    struct keyring_epoch epoch = {
        .stream = stream, .recipients = recipients, .recipient_count = holders.count};
    if (rc == RC_OK)
        epoch.epoch = known->epoch + 1;
    if (rc == RC_OK && is_reserve) {
        draft->op.as.rotate.has_reserve = true;
        rc = keyring_make_reserve(&epoch, draft->fresh, &draft->op, &draft->boxes,
                                  draft->op.as.rotate.reserve_public);
    } else if (rc == RC_OK) {
        if (is_sealed_to_reserve)
            epoch.reserve_public = reserve_public;
        rc = keyring_make_epoch(replica->keys, &epoch, draft->fresh, &draft->op, &draft->boxes);
    }
    free(recipients);
    ledger_ids_wipe(&holders);
    return rc;
}

/* May this device rotate the stream? Its writer, or who holds the reserve. */
static bool
may_rotate(const struct replica *replica, struct id stream, uint64_t now_ms)
{
    struct id device = replica->identity.device;
    bool holds_reserve = ledger_may_hold(replica->ledger, device, ledger_reserve(), now_ms);

    return holds_reserve || (!id_equal(stream, ledger_reserve()) &&
                             ledger_may_write(replica->ledger, device, stream));
}

static enum rc
build_rotate(struct session *session, void *context, struct draft *draft)
{
    struct replica *replica = session->replica;
    struct ledger_ids owed = LEDGER_IDS_EMPTY;
    uint64_t now_ms = replica_server_ms(replica);
    bool *is_reserve = context;

    draft->op.kind = LEDGER_ROTATE;
    enum rc rc = ledger_rotations_owed(replica->ledger, now_ms, &owed);
    for (size_t i = 0; rc == RC_OK && i < owed.count && has_room(draft); i++) {
        if (id_equal(owed.items[i], ledger_reserve()) != *is_reserve ||
            !may_rotate(replica, owed.items[i], now_ms))
            continue;
        rc = rotate_stream(session, owed.items[i], draft);
        if (rc == RC_EXISTS)
            rc = RC_OK;
    }
    ledger_ids_wipe(&owed);
    return rc == RC_OK && draft->op.part_count == 0 ? RC_EXISTS : rc;
}

static enum rc
pay_rotations(struct session *session, bool is_reserve)
{
    uint64_t before, after;

    enum rc rc = count_owed(session->replica, &before);
    after = before;
    while (rc == RC_OK && after > 0) {
        uint64_t lines = ledger_position(session->replica->ledger);
        rc = submit(session, build_rotate, &is_reserve);
        if (rc == RC_OK)
            rc = count_owed(session->replica, &after);
        if (rc != RC_OK || ledger_position(session->replica->ledger) == lines)
            break;
        session->report->rotations += before > after ? before - after : 1;
        before = after;
        if (is_reserve)
            break;
    }
    session->report->rotations_owed = after;
    return rc;
}

/* A list of streams, of which one draft takes some. */
struct listed {
    const struct ledger_ids *streams;
    size_t from, to;
};

static enum rc
build_listed(struct session *session, void *context, struct draft *draft)
{
    struct listed *listed = context;
    enum rc rc = RC_OK;

    draft->op.kind = LEDGER_ROTATE;
    for (listed->to = listed->from; rc == RC_OK && listed->to < listed->streams->count && has_room(draft); listed->to++) {
        struct id stream = listed->streams->items[listed->to];
        if (!may_rotate(session->replica, stream, replica_server_ms(session->replica)))
            continue;
        rc = rotate_stream(session, stream, draft);
        if (rc == RC_EXISTS)
            rc = RC_OK;
    }
    return rc == RC_OK && draft->op.part_count == 0 ? RC_EXISTS : rc;
}

enum rc
session_rotate(struct session *session, const struct ledger_ids *streams)
{
    struct listed listed = {.streams = streams};
    enum rc rc = RC_OK;

    for (; rc == RC_OK && listed.from < streams->count; listed.from = listed.to)
        rc = submit(session, build_listed, &listed);
    return rc;
}

enum rc
session_pay(struct session *session)
{
    enum rc rc = pay_rotations(session, true);

    if (rc == RC_OK)
        rc = pay_rotations(session, false);
    if (rc == RC_OK)
        rc = pay_grants(session);
    /* What cannot be paid now, or was refused, stays owed; the rest of the session goes on. */
    if (rc == RC_DENIED || rc == RC_INVALID || rc == RC_STALE)
        rc = RC_OK;
    return rc;
}

enum rc
session_pay_after(struct session *session)
{
    enum rc rc = session_pay(session);

    return rc == RC_OFFLINE ? RC_OK : rc;
}
