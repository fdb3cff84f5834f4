/* Received entries: verified, stored with the cursor, applied in batches. */
#include "sync/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "sync/outbox.h"

enum { BATCH_ENTRIES = 1000 };

/* ---- storing ---------------------------------------------------------------------------------- */

/* The server knows saves of our own that this store never gave, or others under their numbers: this is an old copy. What was
 * sealed here and not sent goes back in line, to be compared and renumbered. */
static enum rc
find_copy(struct replica *replica, const struct elog_feed *feed, const struct entry *items,
          size_t count)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    /* Beyond the end of a feed that was given up here, a copy goes on: nothing more is written there. */
    bool is_given_up = feed->saved > 0 && feed->feed.incarnation != replica->incarnation;
    bool is_other = items[count - 1].last > feed->saved && !is_given_up;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        rc = elog_find(replica->db, feed->key, items[i].first, &row);
        bool differs =
            rc == RC_OK && memcmp(row.entry.hash, items[i].hash, sizeof row.entry.hash) != 0;
        if (differs && !row.is_sent) {
            is_other = true;
            rc = outbox_unseal(replica, row.key);
        }
        if (rc == RC_ABSENT)
            rc = RC_OK;
    }
    elog_row_wipe(&row);
    if (rc != RC_OK || !is_other || replica->must_recover)
        return rc;
    replica->must_recover = true;
    return state_put_int(replica->db, STATE_MUST_RECOVER, 1);
}

static enum rc
store_items(struct replica *replica, const struct entry *items, size_t count, bool is_verified,
            bool from_server, uint64_t *stored)
{
    struct elog_feed feed;
    bool is_own = id_equal(items[0].device, replica->identity.device);

    enum rc rc =
        elog_feed_open(replica->db, items[0].stream,
                       (struct feed_ref){items[0].device, items[0].incarnation}, is_own, &feed);
    if (rc == RC_OK && is_own && is_verified) {
        rc = find_copy(replica, &feed, items, count);
        if (rc == RC_OK)
            rc = elog_feed_get(replica->db, feed.key, &feed);
    }
    inbox_chain_forget(replica);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        if (!entry_body_fits(&items[i]))
            return rc_fail(RC_UNTRUSTED,
                           _("an entry's body is not the one that its author signed"));
        rc = elog_put(replica->db, &feed, &items[i], is_verified ? ELOG_NEW : ELOG_PARKED,
                      is_verified ? ELOG_NO_REASON : ELOG_LEDGER, from_server);
        if (rc == RC_OK)
            ++*stored;
        /* Its author signed two, or it is nobody's: that stops nobody else's work. What follows it is parked. */
        if (rc == RC_EXISTS || (rc == RC_UNTRUSTED && !is_own))
            rc = RC_OK;
    }
    if (rc == RC_OK && from_server && items[count - 1].last > feed.on_server) {
        feed.on_server = items[count - 1].last;
        rc = elog_feed_put(replica->db, &feed);
    }
    return rc;
}

/* What a bundle brings was not looked at by the server, and may go on in a bundle that ends a run elsewhere. */
static size_t
verify_each(const struct entry *items, size_t count, const uint8_t *sign_public)
{
    size_t good = 0;

    while (good < count && entry_verify(&items[good], sign_public))
        good++;
    return good;
}

static enum rc
store_run(struct replica *replica, const struct entry *items, size_t count, bool from_server,
          uint64_t *stored)
{
    bool is_here, is_filling;
    const struct ledger_device *device = ledger_device(replica->ledger, items[0].device);

    enum rc rc = streams_have(replica, items[0].stream, &is_here, &is_filling);
    if (rc != RC_OK || !is_here)
        return rc; /* gained by a line that was not read yet: it will be filled from zero */
    if (device == NULL)
        return store_items(replica, items, count, false, from_server, stored);
    size_t good = from_server ? entry_verify_run(items, count, device->sign_public)
                              : verify_each(items, count, device->sign_public);
    if (good < count)
        return rc_fail(RC_UNTRUSTED, _("an entry's signature does not hold"));
    return store_items(replica, items, count, true, from_server, stored);
}

enum rc
inbox_store(struct replica *replica, const struct wire_run_list *runs, bool from_server,
            uint64_t *stored)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < runs->run_count; i++) {
        size_t count;
        const struct entry *items = wire_run_at(runs, i, &count);
        rc = store_run(replica, items, count, from_server, stored);
    }
    return rc == RC_OK ? inbox_keep_newer(replica, &runs->unknown) : rc;
}

/* ---- applying --------------------------------------------------------------------------------- */

/* What stands before it in its feed must be here, and be what it says. */
static enum rc
follow(struct replica *replica, const struct elog_row *row, struct inbox_verdict *verdict)
{
    const struct entry *entry = &row->entry;
    uint8_t hash[CRYPTO_HASH_BYTES] = {0};
    uint32_t frontier;
    struct feed_ref feed = {entry->device, entry->incarnation};

    enum rc rc = RC_OK;
    if (entry->first > 1)
        rc = elog_head_at(replica->db, row->feed, entry->first - 1, hash);
    if (rc == RC_ABSENT && broken_is(BROKEN_GAP))
        return RC_OK;
    if (rc == RC_ABSENT) {
        *verdict = inbox_park(ELOG_GAP);
        return RC_OK;
    }
    if (rc == RC_OK && memcmp(hash, entry->previous, sizeof hash) != 0)
        *verdict = inbox_park(ELOG_FORK);
    if (rc == RC_OK && verdict->state == ELOG_APPLIED)
        rc = journal_frontier(replica->journal, entry->stream, feed, &frontier);
    if (rc == RC_OK && verdict->state == ELOG_APPLIED && frontier + 1 < entry->first &&
        !broken_is(BROKEN_GAP))
        *verdict = inbox_park(ELOG_GAP);
    return rc;
}

/* Every header that the author had seen must be here. */
static enum rc
saw(struct replica *replica, const struct entry *entry, const struct feed_seen *seen,
    struct inbox_verdict *verdict)
{
    struct elog_feed feed;
    uint8_t hash[CRYPTO_HASH_BYTES];

    enum rc rc = elog_feed_find(replica->db, entry->stream, seen->feed, &feed);
    if (rc == RC_OK)
        rc = elog_head_at(replica->db, feed.key, seen->last, hash);
    if (rc == RC_ABSENT) {
        *verdict = inbox_park(ELOG_GAP);
        return RC_OK;
    }
    if (rc == RC_OK && memcmp(hash, seen->header, CHANGE_SEEN_BYTES) != 0)
        *verdict = inbox_park(ELOG_FORK);
    return rc;
}

static enum rc
apply_saves(struct replica *replica, const struct entry *entry, const struct buf *body)
{
    struct change *saves = NULL;
    struct author author = {
        .feed = {entry->device, entry->incarnation},
        .person = ledger_device(replica->ledger, entry->device)->person,
    };
    uint32_t frontier;
    int64_t trusted_ms = clock_wall_ms(replica->clock) + replica->clock_offset_ms;

    enum rc rc = body_read(entry->stream, author.feed, entry->first, entry->last, body->data,
                           body->len, &saves);
    if (rc == RC_OK)
        rc = journal_frontier(replica->journal, entry->stream, author.feed, &frontier);
    for (uint32_t save = entry->first; rc == RC_OK && save <= entry->last; save++) {
        const struct change *change = &saves[save - entry->first];
        if (save <= frontier)
            continue;
        if (save > entry->first && broken_is(BROKEN_HALF))
            break;
        rc = journal_apply(replica->journal, &author, save, change);
        if (rc == RC_OK && !id_equal(entry->device, replica->identity.device))
            rc = journal_observe_clock(replica->journal, change->hlc, trusted_ms);
    }
    if (saves != NULL)
        body_free(saves, entry->last - entry->first + 1);
    return rc;
}

/* A fault (core/broken.h): the saves count as applied, and are not. */
static enum rc
pass_by(struct replica *replica, const struct entry *entry)
{
    const struct author author = {.feed = {entry->device, entry->incarnation},
                                  .person = ledger_device(replica->ledger, entry->device)->person};
    const struct change nothing = CHANGE_EMPTY(entry->stream);
    enum rc rc = RC_OK;

    for (uint32_t save = entry->first; rc == RC_OK && save <= entry->last; save++)
        rc = journal_apply(replica->journal, &author, save, &nothing);
    return rc;
}

/* Opens, looks whether all that it names is here, applies. */
static enum rc
open_and_apply(struct replica *replica, const struct entry *entry, struct buf *body,
               struct inbox_verdict *verdict)
{
    struct feed_seen *seen = NULL;
    size_t count = 0;

    buf_clear(body);
    enum rc rc = source_open(replica, entry, body);
    if (rc == RC_LOCKED && broken_is(BROKEN_PARKED))
        return pass_by(replica, entry);
    if (rc == RC_LOCKED || rc == RC_ABSENT) {
        *verdict = inbox_park(rc == RC_LOCKED ? ELOG_KEY : ELOG_GONE);
        return RC_OK;
    }
    if (rc == RC_OK)
        rc = body_seen(body->data, body->len, &seen, &count);
    for (size_t i = 0; rc == RC_OK && verdict->state == ELOG_APPLIED && i < count; i++)
        rc = saw(replica, entry, &seen[i], verdict);
    free(seen);
    if (rc == RC_OK && verdict->state == ELOG_APPLIED)
        rc = apply_saves(replica, entry, body);
    return rc;
}

/* RC_CORRUPT, RC_UNSUPPORTED, RC_INVALID and RC_TOO_LARGE speak of the entry itself: the caller rolls back and parks it. */
static enum rc
apply_one(struct replica *replica, int64_t key, struct elog_row *row, struct buf *body,
          struct inbox_verdict *verdict)
{
    enum streams_place place = STREAMS_SHOWN;
    enum rc rc = elog_get(replica->db, key, row);

    if (rc == RC_OK && replica->has_hidden)
        rc = streams_find(replica, row->entry.stream, &place);
    if (rc != RC_OK)
        return rc;
    if (place == STREAMS_HIDDEN) {
        *verdict = (struct inbox_verdict){ELOG_NEW, row->reason}; /* until it is shown again */
        return RC_OK;
    }
    const struct ledger_device *device = ledger_device(replica->ledger, row->entry.device);
    rc = inbox_verdict(replica, &row->entry, verdict);
    if (rc != RC_OK)
        return rc;
    if (device == NULL)
        *verdict = inbox_park(ELOG_LEDGER);
    else if (row->reason == ELOG_LEDGER && !entry_verify(&row->entry, device->sign_public))
        *verdict = inbox_park(ELOG_LEDGER); /* still nobody's: the device's own takes its place */
    else if (verdict->state != ELOG_PARKED)
        rc = follow(replica, row, verdict);
    if (rc == RC_OK && verdict->state == ELOG_HELD && broken_is(BROKEN_HELD))
        rc = pass_by(replica, &row->entry);
    if (rc == RC_OK && verdict->state == ELOG_APPLIED)
        rc = open_and_apply(replica, &row->entry, body, verdict);
    return rc;
}

static void
count(struct sync_report *report, const struct inbox_verdict *verdict)
{
    if (report == NULL)
        return;
    report->applied += verdict->state == ELOG_APPLIED;
    report->held += verdict->state == ELOG_HELD;
}

/* One pass's place and what it did. */
struct pass {
    struct replica *replica;
    struct sync_report *report;
    struct elog_row row;
    struct buf body;
    struct elog_place place;
    uint64_t applied;
    int64_t bad; /* the entry that made the batch fail; 0 when none */
};

static enum rc
apply_batch(struct pass *pass, const int64_t *keys, size_t key_count)
{
    struct replica *replica = pass->replica;
    struct id touched = {{0}};
    struct sync_report before = pass->report != NULL ? *pass->report : (struct sync_report){0};
    uint64_t applied = 0;

    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    journal_gather(replica->journal);
    for (size_t i = 0; rc == RC_OK && i < key_count; i++) {
        struct inbox_verdict verdict = inbox_park(ELOG_NO_REASON);
        rc = apply_one(replica, keys[i], &pass->row, &pass->body, &verdict);
        if (rc == RC_OK)
            rc = elog_set_state(replica->db, keys[i], verdict.state, verdict.reason);
        if (rc == RC_OK && verdict.state != ELOG_PARKED &&
            !id_equal(touched, pass->row.entry.stream)) {
            touched = pass->row.entry.stream;
            rc = streams_touch(replica, touched);
        }
        if (rc == RC_CORRUPT || rc == RC_UNSUPPORTED || rc == RC_INVALID || rc == RC_TOO_LARGE)
            pass->bad = keys[i];
        applied += rc == RC_OK && verdict.state == ELOG_APPLIED;
        if (rc == RC_OK)
            count(pass->report, &verdict);
    }
    rc = journal_settle(replica->journal, rc);
    rc = db_end(replica->db, rc);
    if (rc == RC_OK)
        pass->applied += applied;
    else if (pass->report != NULL)
        *pass->report = before;
    return rc;
}

static enum rc
park_bad(struct pass *pass, enum rc why)
{
    struct replica *replica = pass->replica;
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = elog_set_state(replica->db, pass->bad, ELOG_PARKED,
                        why == RC_UNSUPPORTED ? ELOG_UNKNOWN : ELOG_DAMAGED);
    rc = db_end(replica->db, rc);
    pass->bad = 0;
    return rc;
}

static enum rc
run_pass(struct pass *pass, const struct sync_options *options, uint64_t of)
{
    int64_t keys[BATCH_ENTRIES];
    size_t key_count;

    pass->place = (struct elog_place){0, 0};
    for (;;) {
        struct elog_place place = pass->place;
        enum rc rc =
            elog_keys(pass->replica->db, ELOG_NEW, &place, keys, BATCH_ENTRIES, &key_count);
        if (rc != RC_OK || key_count == 0)
            return rc;
        rc = apply_batch(pass, keys, key_count);
        if (rc != RC_OK && pass->bad != 0)
            rc = park_bad(pass, rc); /* and the same batch again, without it */
        else if (rc == RC_OK)
            pass->place = place;
        if (rc != RC_OK)
            return rc;
        if (options != NULL && options->progress != NULL)
            options->progress(options->context, "apply", pass->applied, of);
    }
}

/* In a feed that has something new: what waited for the rest of its chain, up to a line's head. */
static enum rc
retry_touched(struct replica *replica)
{
    struct stmt *stmt;

    inbox_chain_forget(replica);
    enum rc rc = db_stmt(replica->db, /* ELOG_PARKED for ELOG_GAP */
                         "UPDATE sync_entry SET state = 0, reason = 0"
                         " WHERE state = 2 AND state <> 1 AND reason = 3"
                         " AND feed IN (SELECT feed FROM sync_entry WHERE state = 0 AND state <> 1)",
                         &stmt);
    if (rc == RC_OK)
        rc = stmt_finish(stmt);
    if (rc == RC_OK)
        rc = db_stmt(replica->db, /* ELOG_HELD for ELOG_LATE */
                     "UPDATE sync_entry SET state = 0, reason = 0"
                     " WHERE state = 3 AND state <> 1 AND reason = 9"
                     " AND feed IN (SELECT feed FROM sync_entry WHERE state = 0 AND state <> 1)",
                     &stmt);
    return rc == RC_OK ? stmt_finish(stmt) : rc;
}

enum rc
inbox_apply(struct replica *replica, struct sync_report *report, const struct sync_options *options)
{
    struct pass pass = {
        .replica = replica,
        .report = report,
        .row = ELOG_ROW_EMPTY,
        .body = BUF_EMPTY(CHANGE_BODY_BYTES),
    };
    uint64_t before, waiting, of;
    bool is_first = true;

    if (!replica->is_in_team)
        return RC_OK;
    enum rc rc = retry_touched(replica);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_NEW, &of);
    do {
        before = pass.applied;
        if (rc == RC_OK)
            rc = run_pass(&pass, options, of);
        waiting = 0;
        /* A header that was missing may have come with an entry that is parked or held itself. */
        if (rc == RC_OK && (pass.applied > before || (is_first && of > 0)))
            rc = elog_unpark(replica->db, ELOG_PARKED, ELOG_GAP, &waiting);
        is_first = false;
    } while (rc == RC_OK && waiting > 0);
    elog_row_wipe(&pass.row);
    buf_wipe(&pass.body);
    if (pass.applied > 0)
        source_forget(replica);
    return rc == RC_OK ? rc : rc_while(rc, _("applying what was received"));
}
