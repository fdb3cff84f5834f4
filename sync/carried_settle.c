/* The server is met: what was carried is handed to it, and what it refuses comes to nothing. */
#include "sync/carried.h"

#include "core/broken.h"
#include "core/i18n.h"
#include "sync/carried_inside.h"
#include "sync/inbox.h"
#include "sync/recover.h"
#include "sync/submit.h"

struct ended {
    struct ledger_ids touched; /* streams whose entries are judged again */
    struct ledger_ids keyed;   /* those that this device makes new keys for */
    struct ledger_ids told;    /* those that are acknowledged again: what was told before the lines stood counts for no reader by lines */
};

static enum rc
add_families(struct replica *replica, const struct id *families, size_t count, struct ledger_ids *ids)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        const struct ledger_family *family = ledger_family(replica->ledger, families[i]);
        if (family == NULL)
            continue;
        rc = ledger_ids_add(ids, family->index);
        if (rc == RC_OK)
            rc = ledger_ids_add(ids, family->file);
    }
    return rc;
}

/* The streams that an operation is about. */
static enum rc
add_streams(struct replica *replica, const struct ledger_op *op, struct ledger_ids *ids)
{
    if (op->kind == LEDGER_COVER_GIVE)
        return add_families(replica, op->families, op->family_count, ids);
    const struct ledger_cover *cover = ledger_cover(replica->ledger, op->as.cover_accept);
    return cover != NULL ? add_families(replica, cover->families, cover->family_count, ids) : RC_OK;
}

/* What an operation that came to nothing leaves to be done. */
static enum rc
end_one(struct replica *replica, struct carried_item *item, struct ended *ended)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    enum rc rc = ledger_op_decode(item->op, item->len, &op);
    if (rc == RC_OK)
        rc = add_streams(replica, &op, &ended->touched);
    if (rc == RC_OK && op.kind == LEDGER_COVER_GIVE && id_equal(op.author, replica->identity.device))
        item->flags |= CARRIED_OWES_KEYS;
    item->flags |= CARRIED_IS_REFUSED;
    ledger_op_wipe(&op);
    return rc;
}

static enum rc
order_one(struct session *session, struct carried_item *item, struct ended *ended)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    enum rc rc = ledger_op_decode(item->op, item->len, &op);
    if (rc == RC_OK)
        rc = add_streams(session->replica, &op, &ended->told);
    item->is_dropped = true;
    session->report->carried_ordered++;
    ledger_op_wipe(&op);
    return rc;
}

static bool
is_refusal(enum rc rc)
{
    return rc == RC_STALE || rc == RC_INVALID || rc == RC_DENIED;
}

/* One operation: ordered by now, refused for good, or still waiting. */
static enum rc
settle_one(struct session *session, struct carried_item *item, struct ended *ended)
{
    struct replica *replica = session->replica;
    uint8_t hash[CRYPTO_HASH_BYTES];

    ledger_op_hash(item->op, item->len, hash);
    if (broken_is(BROKEN_CARRIED))
        return RC_OK;
    enum rc rc = ledger_find_op(replica->ledger, hash) != 0 ? RC_OK : submit_ready(session, item->op, item->len);
    if (is_refusal(rc) || rc == RC_EXISTS) {
        /* By the lines as they are now, and not by the server's bare word. */
        rc = session_ledger(session);
        if (rc == RC_OK && ledger_find_op(replica->ledger, hash) == 0)
            rc = submit_check(session, item->op, item->len);
        if (is_refusal(rc)) {
            session->report->carried_refused++;
            return end_one(replica, item, ended);
        }
    }
    return rc == RC_OK && ledger_find_op(replica->ledger, hash) != 0 ? order_one(session, item, ended) : rc;
}

static enum rc
settle_all(struct session *session, struct carried_kept *kept, struct ended *ended)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < kept->count; i++)
        if ((kept->items[i].flags & CARRIED_IS_REFUSED) == 0)
            rc = settle_one(session, &kept->items[i], ended);
    if (rc != RC_OK)
        return rc;
    rc = carried_kept_write(session->replica, kept);
    if (rc == RC_OK)
        rc = carried_load(session->replica);
    for (size_t i = 0; rc == RC_OK && i < ended->told.count; i++)
        rc = streams_touch(session->replica, ended->told.items[i]);
    if (rc == RC_OK && ended->touched.count > 0)
        rc = inbox_judge_streams(session->replica, &ended->touched);
    if (rc == RC_OK)
        rc = streams_refresh(session->replica);
    return rc == RC_OK ? recover_blocked(session->replica) : rc;
}

/* Whoever gave a cover that came to nothing gave its keys away: what is sealed from now on is not for them. */
static enum rc
renew_keys(struct session *session, struct carried_kept *kept, struct ended *ended)
{
    struct replica *replica = session->replica;
    struct ledger_op op = LEDGER_OP_EMPTY;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < kept->count; i++) {
        if (kept->items[i].is_dropped || (kept->items[i].flags & CARRIED_OWES_KEYS) == 0)
            continue;
        ledger_op_wipe(&op);
        rc = ledger_op_decode(kept->items[i].op, kept->items[i].len, &op);
        if (rc == RC_OK)
            rc = add_families(replica, op.families, op.family_count, &ended->keyed);
        kept->items[i].flags &= (uint8_t)~CARRIED_OWES_KEYS;
    }
    ledger_op_wipe(&op);
    if (rc == RC_OK && ended->keyed.count > 0)
        rc = session_rotate(session, &ended->keyed);
    return rc == RC_OK && ended->keyed.count > 0 ? carried_kept_write(replica, kept) : rc;
}

enum rc
carried_settle(struct session *session)
{
    struct ended ended = {LEDGER_IDS_EMPTY, LEDGER_IDS_EMPTY, LEDGER_IDS_EMPTY};
    struct carried_kept *kept;
    bool waits = false, owes = false;

    enum rc rc = carried_kept_read(session->replica, &kept);
    for (size_t i = 0; rc == RC_OK && i < kept->count; i++) {
        waits = waits || (kept->items[i].flags & CARRIED_IS_REFUSED) == 0;
        owes = owes || (kept->items[i].flags & CARRIED_OWES_KEYS) != 0;
    }
    if (rc == RC_OK && waits)
        rc = settle_all(session, kept, &ended);
    if (rc == RC_OK && (waits || owes))
        rc = renew_keys(session, kept, &ended);
    ledger_ids_wipe(&ended.touched);
    ledger_ids_wipe(&ended.keyed);
    ledger_ids_wipe(&ended.told);
    carried_kept_free(kept);
    return rc == RC_OK ? rc : rc_while(rc, _("telling the server of a cover that was given without it"));
}
