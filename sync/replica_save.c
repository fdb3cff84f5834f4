/* Saving: journal and outbox in one transaction, of one act or of many. */
#include <assert.h>

#include "core/array.h"
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

/* ---- the feeds that are written to ---------------------------------------------------------------- */

static struct saving_feed *
feed_of(struct saving *saving, struct id stream)
{
    for (size_t i = saving->count; i > 0; i--) /* what was written to last is written to next */
        if (id_equal(saving->feeds[i - 1].feed.stream, stream))
            return &saving->feeds[i - 1];
    return NULL;
}

/* Looks once in a transaction whether the stream may be written to. A save goes on where the own feed ends, and all of that must
 * be applied here, or the feed is torn. */
static enum rc
open_feed(struct replica *replica, struct id stream, bool *torn)
{
    struct saving *saving = &replica->saving;
    struct saving_feed at = {.is_changed = false};
    uint32_t frontier = 0;
    enum rc rc = check(replica, stream);

    if (rc != RC_OK)
        return rc;
    at.self = replica_self_in(replica, stream);
    rc = elog_feed_open(replica->db, stream, at.self.feed, true, &at.feed);
    if (rc == RC_OK)
        rc = journal_frontier(replica->journal, stream, at.self.feed, &frontier);
    *torn = rc == RC_OK && frontier != at.feed.saved;
    if (rc != RC_OK || *torn)
        return rc;
    void *grown = array_grow(saving->feeds, &saving->room, saving->count + 1, sizeof at);
    if (grown == NULL)
        return RC_NOMEM;
    saving->feeds = grown;
    saving->feeds[saving->count++] = at;
    return RC_OK;
}

static enum rc
put_feeds(struct replica *replica, enum rc rc)
{
    struct saving *saving = &replica->saving;

    for (size_t i = 0; rc == RC_OK && i < saving->count; i++)
        if (saving->feeds[i].is_changed)
            rc = elog_feed_put(replica->db, &saving->feeds[i].feed);
    saving->count = 0;
    return rc;
}

static enum rc
open_feeds(struct replica *replica, const struct change *changes, size_t count, bool *torn)
{
    enum rc rc = RC_OK;

    *torn = false;
    for (size_t i = 0; rc == RC_OK && !*torn && i < count; i++)
        if (feed_of(&replica->saving, changes[i].stream) == NULL)
            rc = open_feed(replica, changes[i].stream, torn);
    return rc;
}

/* Where what was written before is held, or has not been fetched again, work goes on in a new incarnation. */
static enum rc
prepare(struct replica *replica, struct change *changes, size_t count)
{
    struct saving *saving = &replica->saving;
    bool torn;
    enum rc rc = open_feeds(replica, changes, count, &torn);

    if (rc != RC_OK || !torn)
        return rc;
    if (replica->must_recover) /* then it is drawn when the feeds were compared */
        return rc_fail(RC_STALE,
                       _("what was written here before has not been fetched yet: sync first"));
    rc = put_feeds(replica, journal_settle(replica->journal, RC_OK));
    if (rc == RC_OK)
        rc = recover_anew(replica, changes, count);
    if (rc == RC_OK)
        journal_gather_own(replica->journal, saving->is_many);
    if (rc == RC_OK)
        rc = open_feeds(replica, changes, count, &torn);
    assert(rc != RC_OK || !torn); /* an incarnation begins with nothing */
    saving->is_broken = rc != RC_OK;
    return rc;
}

/* ---- saving ----------------------------------------------------------------------------------------- */

/* Who may replace versions is asked here of what the merge itself lets anybody replace. In reports it does not: what another
 * person writes removes nothing of the author's. */
static enum rc
check_choices(struct replica *replica, const struct author *self, const struct change *change)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < change->count; i++) {
        const struct operation *operation = &change->operations[i];
        struct replacing replacing = {change->stream, operation->entity, operation->unit, operation->record,
                                      operation->value, operation->value_len, operation->supersedes,
                                      operation->supersedes_count};
        if (operation->supersedes == NULL || operation->supersedes_count < 2 ||
            schema_policy(operation->entity, operation->unit) == POLICY_ONCE)
            continue;
        rc = journal_may_resolve(replica->journal, self, &replacing);
        if (rc == RC_ABSENT)
            rc = RC_OK; /* of a record that is not here, there is nothing to choose */
    }
    return rc;
}

static enum rc
save_one(struct replica *replica, struct change *change, struct buf *body)
{
    struct saving_feed *at = feed_of(&replica->saving, change->stream);

    enum rc rc = check_choices(replica, &at->self, change);
    buf_clear(body);
    if (rc == RC_OK)
        rc = journal_save(replica->journal, &at->self, change, body, &at->feed.saved);
    at->is_changed = true;
    return rc == RC_OK ? outbox_put(replica->db, at->feed.key, at->feed.saved, body) : rc;
}

static enum rc
save_all(struct replica *replica, struct change *changes, size_t count)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    enum rc rc = prepare(replica, changes, count);

    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        rc = save_one(replica, &changes[i], &body);
        replica->saving.is_broken |= rc != RC_OK;
    }
    buf_wipe(&body);
    return rc;
}

static enum rc
begin(struct replica *replica, bool is_many)
{
    struct saving *saving = &replica->saving;
    enum rc rc = replica_need_team(replica);

    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    saving->is_many = is_many;
    saving->is_broken = false;
    saving->incarnation = replica->incarnation;
    journal_gather_own(replica->journal, is_many);
    return RC_OK;
}

static enum rc
end(struct replica *replica, enum rc rc)
{
    struct saving *saving = &replica->saving;

    if (rc == RC_OK && saving->is_broken)
        rc = rc_fail(RC_STALE, _("the transaction was rolled back"));
    rc = put_feeds(replica, journal_settle(replica->journal, rc));
    if (rc == RC_OK)
        rc = replica_keep_time(replica);
    rc = store_end_saves(replica->store, rc);
    if (rc != RC_OK)
        replica->incarnation = saving->incarnation;
    saving->is_many = false;
    return rc;
}

enum rc
replica_save(struct replica *replica, struct change *changes, size_t count)
{
    if (replica->saving.is_many)
        return save_all(replica, changes, count);
    enum rc rc = begin(replica, false);
    return rc == RC_OK ? end(replica, save_all(replica, changes, count)) : rc;
}

enum rc
replica_saves_begin(struct replica *replica)
{
    assert(!replica->saving.is_many);
    return begin(replica, true);
}

enum rc
replica_saves_end(struct replica *replica, enum rc rc)
{
    assert(replica->saving.is_many);
    return end(replica, rc);
}
