/* Saving: journal and outbox in one transaction. */
#include "core/i18n.h"
#include "sync/outbox.h"
#include "sync/recover.h"
#include "sync/replica_own.h"

/* The right to write, and the key to seal with. */
static enum rc
check(struct replica *replica, struct id stream)
{
    bool is_here, is_filling;

    if (!ledger_may_write(replica->ledger, replica->identity.device, stream))
        return rc_fail(RC_DENIED, _("no right to write there"));
    enum rc rc = streams_have(replica, stream, &is_here, &is_filling);
    if (rc != RC_OK)
        return rc;
    if (!is_here)
        return rc_fail(RC_DENIED, _("no right to write there"));
    if (keyring_newest(replica->keys, stream) == 0)
        return rc_fail(RC_LOCKED, _("the key has not come yet: sync first"));
    return RC_OK;
}

/* A save goes on where the own feed ends, and all of that must be applied here. */
static enum rc
is_torn(struct replica *replica, struct id stream, bool *torn)
{
    struct elog_feed feed;
    uint32_t frontier;

    *torn = false;
    enum rc rc = elog_feed_find(replica->db, stream, replica_feed(replica), &feed);
    if (rc == RC_OK)
        rc = journal_frontier(replica->journal, stream, feed.feed, &frontier);
    *torn = rc == RC_OK && frontier != feed.saved;
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* Where what was written before is held, or has not been fetched again, work goes on in a new incarnation. */
static enum rc
prepare(struct replica *replica, struct change *changes, size_t count)
{
    bool torn = false;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && !torn && i < count; i++) {
        rc = check(replica, changes[i].stream);
        if (rc == RC_OK)
            rc = is_torn(replica, changes[i].stream, &torn);
    }
    if (rc != RC_OK || !torn)
        return rc;
    if (replica->must_recover) /* then it is drawn when the feeds were compared */
        return rc_fail(RC_STALE,
                       _("what was written here before has not been fetched yet: sync first"));
    return recover_anew(replica, changes, count);
}

/* Who may replace versions is asked here of what the merge itself lets anybody replace. In reports it does not: what another
 * person writes removes nothing of the author's. */
static enum rc
check_choices(struct replica *replica, const struct change *change)
{
    struct author self = replica_self_in(replica, change->stream);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < change->count; i++) {
        const struct operation *operation = &change->operations[i];
        struct replacing replacing = {change->stream, operation->entity, operation->unit, operation->record,
                                      operation->value, operation->value_len, operation->supersedes,
                                      operation->supersedes_count};
        if (operation->supersedes == NULL || operation->supersedes_count < 2 ||
            schema_policy(operation->entity, operation->unit) == POLICY_ONCE)
            continue;
        rc = journal_may_resolve(replica->journal, &self, &replacing);
        if (rc == RC_ABSENT)
            rc = RC_OK; /* of a record that is not here, there is nothing to choose */
    }
    return rc;
}

static enum rc
save_one(struct replica *replica, struct change *change, struct buf *body)
{
    const struct author self = replica_self_in(replica, change->stream);
    struct elog_feed feed;

    enum rc rc = check(replica, change->stream);
    if (rc == RC_OK)
        rc = elog_feed_open(replica->db, change->stream, self.feed, true, &feed);
    buf_clear(body);
    if (rc == RC_OK)
        rc = check_choices(replica, change);
    if (rc == RC_OK)
        rc = journal_save(replica->journal, &self, change, body, &feed.saved);
    if (rc == RC_OK)
        rc = outbox_put(replica->db, feed.key, feed.saved, body);
    if (rc == RC_OK)
        rc = elog_feed_put(replica->db, &feed);
    return rc;
}

enum rc
replica_save(struct replica *replica, struct change *changes, size_t count)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    uint64_t before = replica->incarnation;

    enum rc rc = replica_need_team(replica);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = prepare(replica, changes, count);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = save_one(replica, &changes[i], &body);
    if (rc == RC_OK)
        rc = replica_keep_time(replica);
    rc = store_end_saves(replica->store, rc);
    if (rc != RC_OK)
        replica->incarnation = before;
    buf_wipe(&body);
    return rc;
}
