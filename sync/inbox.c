/* Received entries that are stored: applied in batches, parked or held. */
#include "sync/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "sync/outbox.h"

enum { BATCH_ENTRIES = 1000 };

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

/* Every header that the author had seen must be here. One that nobody has proven is anybody's. */
static enum rc
saw(struct replica *replica, const struct entry *entry, const struct feed_seen *seen,
    struct inbox_verdict *verdict)
{
    struct elog_feed feed;
    struct entry there;
    bool is_unproven = false;

    enum rc rc = elog_feed_find(replica->db, entry->stream, seen->feed, &feed);
    if (rc == RC_OK)
        rc = inbox_header_at(replica, feed.key, seen->last, &there, &is_unproven);
    if (rc == RC_ABSENT || (rc == RC_OK && is_unproven)) {
        *verdict = inbox_park(ELOG_GAP);
        return RC_OK;
    }
    if (rc == RC_OK && !inbox_is_seen(seen, &there))
        *verdict = inbox_park(ELOG_FORK);
    return rc;
}

/* Who wrote it: with the functions at the line that it names, which are the same for everybody. */
static struct author
author_of(const struct replica *replica, const struct entry *entry)
{
    return (struct author){
        .feed = {entry->device, entry->incarnation},
        .person = ledger_device(replica->ledger, entry->device)->person,
        .functions = ledger_functions_at(replica->ledger, entry->device, entry->stream, entry->position),
    };
}

/* What an entry holds, once it is open. */
struct opened {
    const struct entry *entry;
    struct author author;
    struct buf *body;
    struct change *saves; /* NULL: it is parked instead */
};

static void
opened_wipe(struct opened *opened)
{
    if (opened->saves != NULL)
        body_free(opened->saves, opened->entry->last - opened->entry->first + 1);
    opened->saves = NULL;
}

/* A code that speaks of what the author sealed, as the verdict that parks it. */
static enum rc
blame(enum rc rc, struct inbox_verdict *verdict)
{
    if (rc == RC_UNSUPPORTED)
        *verdict = inbox_park(ELOG_UNKNOWN);
    else if (rc == RC_CORRUPT || rc == RC_INVALID || rc == RC_TOO_LARGE)
        *verdict = inbox_park(ELOG_DAMAGED);
    else
        return rc;
    return RC_OK;
}

/* Opens and decodes. RC_CORRUPT: the row is not what was stored, or a key is not: that is this disk, and no fault of the author. */
static enum rc
open_entry(struct replica *replica, const struct elog_row *row, struct opened *opened, struct inbox_verdict *verdict)
{
    const struct entry *entry = &row->entry;
    struct secret key = SECRET_EMPTY;

    opened->entry = entry;
    opened->author = author_of(replica, entry);
    buf_clear(opened->body);
    enum rc rc = keyring_get(replica->keys, entry->stream, entry->epoch, &key);
    if (rc == RC_LOCKED) {
        *verdict = inbox_park(ELOG_KEY);
        return RC_OK;
    }
    if (rc != RC_OK)
        goto out;
    rc = entry_open(entry, &key, opened->body);
    if (rc == RC_CORRUPT && !entry_body_fits(entry))
        goto out;
    if (rc == RC_ABSENT) {
        *verdict = inbox_park(ELOG_GONE);
        rc = RC_OK;
    } else if (rc == RC_OK)
        rc = body_read(entry->stream, opened->author.feed, entry->first, entry->last, opened->body->data,
                       opened->body->len, &opened->saves);
    if (rc != RC_OK)
        opened_wipe(opened);
    rc = blame(rc, verdict);
out:
    secret_wipe(&key);
    return rc;
}

/* Two machines may have numbered alike. Until the feeds were compared, a number stands for what waits here, in a rebuild too: else what is
 * written meanwhile names the other's, and is renumbered as if it named ours. RC_ABSENT when nothing waits under it. */
static enum rc
apply_own(struct replica *replica, const struct entry *entry, uint32_t save)
{
    struct elog_feed feed;

    if (!replica->must_recover || !id_equal(entry->device, replica->identity.device))
        return RC_ABSENT;
    enum rc rc = elog_feed_find(replica->db, entry->stream, (struct feed_ref){entry->device, entry->incarnation}, &feed);
    return rc == RC_OK ? outbox_reapply_save(replica, &feed, save) : rc;
}

static enum rc
apply_saves(struct replica *replica, const struct opened *opened)
{
    const struct entry *entry = opened->entry;
    uint32_t frontier;
    int64_t trusted_ms = clock_wall_ms(replica->clock) + replica->clock_offset_ms;

    enum rc rc = journal_frontier(replica->journal, entry->stream, opened->author.feed, &frontier);
    for (uint32_t at = 0; rc == RC_OK && at <= entry->last - entry->first; at++) { /* the last save may be the last number there is */
        const struct change *change = &opened->saves[at];
        uint32_t save = entry->first + at;
        if (save <= frontier)
            continue;
        if (at > 0 && broken_is(BROKEN_HALF))
            break;
        rc = apply_own(replica, entry, save);
        if (rc == RC_ABSENT)
            rc = journal_apply(replica->journal, &opened->author, save, change);
        if (rc == RC_OK && !id_equal(entry->device, replica->identity.device))
            rc = journal_observe_clock(replica->journal, change->hlc, trusted_ms);
    }
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

/* What is named of that feed is another's, or nowhere: then nothing of it is named. */
static void
drop_names(const struct opened *opened, struct feed_ref feed)
{
    for (uint32_t save = 0; save <= opened->entry->last - opened->entry->first; save++)
        for (size_t i = 0; i < opened->saves[save].count; i++) {
            struct operation *operation = &opened->saves[save].operations[i];
            size_t kept = 0;
            for (size_t k = 0; k < operation->supersedes_count; k++)
                if (!feed_equal(operation->supersedes[k].feed, feed))
                    operation->supersedes[kept++] = operation->supersedes[k];
            operation->supersedes_count = kept;
        }
}

/* Whether all that it names is here: else it waits, or (inbox_names.c) names less. */
static enum rc
look_at_names(struct replica *replica, const struct elog_row *row, const struct opened *opened,
              struct inbox_verdict *verdict)
{
    bool names_less = replica->names_less || row->reason == ELOG_GAP;
    struct feed_seen *seen = NULL;
    size_t count = 0;
    enum rc rc = blame(body_seen(opened->body->data, opened->body->len, &seen, &count), verdict);

    for (size_t i = 0; rc == RC_OK && verdict->state == ELOG_APPLIED && i < count; i++) {
        struct inbox_verdict one = *verdict;
        rc = saw(replica, &row->entry, &seen[i], &one);
        if (rc != RC_OK || one.state == ELOG_APPLIED)
            continue;
        if (names_less) {
            drop_names(opened, seen[i].feed);
            verdict->reason = ELOG_GAP;
        } else {
            *verdict = one;
        }
    }
    free(seen);
    return rc;
}

/* Opens, looks at what it names, applies. */
static enum rc
open_and_apply(struct replica *replica, const struct elog_row *row, struct buf *body, struct inbox_verdict *verdict)
{
    struct opened opened = {.body = body};

    enum rc rc = open_entry(replica, row, &opened, verdict);
    if (rc == RC_OK && verdict->state == ELOG_PARKED && verdict->reason == ELOG_KEY && broken_is(BROKEN_PARKED)) {
        *verdict = (struct inbox_verdict){ELOG_APPLIED, ELOG_NO_REASON};
        return pass_by(replica, &row->entry);
    }
    if (rc == RC_OK && opened.saves != NULL)
        rc = look_at_names(replica, row, &opened, verdict);
    if (rc == RC_OK && verdict->state == ELOG_APPLIED)
        rc = apply_saves(replica, &opened);
    if (rc == RC_OK && verdict->state == ELOG_APPLIED && verdict->reason == ELOG_GAP)
        rc = state_put_int(replica->db, STATE_NAMES_LESS, 1);
    opened_wipe(&opened);
    return rc;
}

/* What late work writes into strict units protects at once. What nobody here can read protects nothing. */
static enum rc
open_and_hold(struct replica *replica, const struct elog_row *row, struct buf *body)
{
    struct opened opened = {.body = body};
    struct inbox_verdict ignored;

    enum rc rc = open_entry(replica, row, &opened, &ignored);
    for (uint32_t at = 0; rc == RC_OK && opened.saves != NULL && at <= row->entry.last - row->entry.first; at++)
        rc = journal_hold(replica->journal, &opened.author, row->entry.first + at, &opened.saves[at]);
    opened_wipe(&opened);
    return rc;
}

/* The ledger's verdict. Only when everything was pulled (inbox_settle) does a head that is not here speak against what was applied: not
 * when its stream is made anew before that. */
static enum rc
judge_row(struct replica *replica, const struct elog_row *row, struct inbox_verdict *verdict)
{
    enum rc rc = inbox_verdict(replica, &row->entry, verdict);
    bool stood = row->reason == ELOG_STOOD || row->reason == ELOG_GAP;

    if (rc != RC_OK || !stood || verdict->state != ELOG_PARKED || verdict->reason != ELOG_GAP)
        return rc;
    *verdict = (struct inbox_verdict){ELOG_APPLIED, ELOG_NO_REASON};
    return state_put_int(replica->db, STATE_UNSETTLED, 1);
}

static enum rc
apply_one(struct replica *replica, int64_t key, struct elog_row *row, struct buf *body,
          struct inbox_verdict *verdict)
{
    enum streams_place place = STREAMS_SHOWN;
    enum rc rc = elog_get(replica->db, key, row);

    if (rc == RC_OK && (replica->has_hidden || id_equal(row->entry.device, replica->identity.device)))
        rc = streams_find(replica, row->entry.stream, &place);
    if (rc != RC_OK)
        return rc;
    if (place == STREAMS_ABSENT) { /* own, of a stream that was purged: here until the server has it */
        *verdict = (struct inbox_verdict){ELOG_APPLIED, ELOG_NO_REASON};
        return RC_OK;
    }
    if (place == STREAMS_HIDDEN) {
        *verdict = (struct inbox_verdict){ELOG_NEW, row->reason}; /* until it is shown again */
        return RC_OK;
    }
    const struct ledger_device *device = ledger_device(replica->ledger, row->entry.device);
    bool was_held = row->reason == ELOG_LATE;
    rc = judge_row(replica, row, verdict);
    if (rc != RC_OK)
        return rc;
    if (device == NULL)
        *verdict = inbox_park(ELOG_LEDGER);
    else if (row->reason == ELOG_LEDGER && !entry_verify(&row->entry, device->sign_public)) {
        /* Nobody's. Were it kept, what the device wrote there would seem to be here, and what follows that would seem another chain. */
        *verdict = inbox_park(ELOG_LEDGER);
        inbox_chain_forget(replica);
        rc = elog_drop(replica->db, key);
    } else if (verdict->state != ELOG_PARKED)
        rc = follow(replica, row, verdict);
    if (rc == RC_OK && verdict->state == ELOG_HELD && broken_is(BROKEN_HELD))
        rc = pass_by(replica, &row->entry);
    if (rc == RC_OK && verdict->state == ELOG_APPLIED)
        rc = open_and_apply(replica, row, body, verdict);
    else if (rc == RC_OK && verdict->state == ELOG_HELD)
        rc = open_and_hold(replica, row, body);
    if (rc == RC_OK && was_held && verdict->state == ELOG_PARKED)
        rc = inbox_mark_rebuild(replica, row->entry.stream); /* what it protected is no longer held */
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
    struct id stream; /* zero: all */
    uint64_t applied;
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

static void
tell(const struct pass *pass, const struct sync_options *options, uint64_t of)
{
    if (options != NULL && options->progress != NULL)
        options->progress(options->context, "apply", pass->applied, of);
}

static enum rc
run_pass(struct pass *pass, const struct sync_options *options, uint64_t of)
{
    int64_t keys[BATCH_ENTRIES];
    size_t key_count;

    pass->place = (struct elog_place){0, 0};
    for (;;) {
        struct elog_place place = pass->place;
        enum rc rc = elog_keys(pass->replica->db, pass->stream, ELOG_NEW, &place, keys, BATCH_ENTRIES, &key_count);
        if (rc != RC_OK || key_count == 0)
            return rc;
        tell(pass, options, of); /* the first part may take a while */
        rc = apply_batch(pass, keys, key_count);
        if (rc != RC_OK)
            return rc;
        pass->place = place;
        tell(pass, options, of);
    }
}

static enum rc
end_pass(struct pass *pass, enum rc rc)
{
    elog_row_wipe(&pass->row);
    buf_wipe(&pass->body);
    if (pass->applied > 0)
        source_forget(pass->replica);
    return rc == RC_OK ? rc : rc_while(rc, _("applying what was received"));
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
                     "UPDATE sync_entry SET state = 0" /* the reason stays: it tells that its words may protect */
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
    enum rc rc = inbox_names_came(replica);
    if (rc == RC_OK)
        rc = retry_touched(replica);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_NEW, &of);
    do {
        before = pass.applied;
        if (rc == RC_OK)
            rc = run_pass(&pass, options, of);
        waiting = 0;
        /* A header that was missing may have come with an entry that is parked or held itself. */
        if (rc == RC_OK && (pass.applied > before || (is_first && of > 0)))
            rc = elog_unpark(replica->db, (struct id){{0}}, ELOG_GAP, &waiting);
        is_first = false;
    } while (rc == RC_OK && waiting > 0);
    return end_pass(&pass, rc);
}

enum rc
inbox_apply_stream(struct replica *replica, struct id stream)
{
    struct pass pass = {
        .replica = replica,
        .row = ELOG_ROW_EMPTY,
        .body = BUF_EMPTY(CHANGE_BODY_BYTES),
        .stream = stream,
    };
    uint64_t before, waiting;
    enum rc rc = RC_OK;

    if (!replica->is_in_team)
        return RC_OK;
    inbox_chain_forget(replica);
    do {
        before = pass.applied;
        rc = run_pass(&pass, NULL, 0);
        waiting = 0;
        if (rc == RC_OK && pass.applied > before)
            rc = elog_unpark(replica->db, stream, ELOG_GAP, &waiting);
    } while (rc == RC_OK && waiting > 0);
    return end_pass(&pass, rc);
}

/* What is held of the stream and sealed in one of those epochs. */
static enum rc
hold_anew(struct replica *replica, struct id stream, uint32_t oldest, uint32_t newest)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct elog_place place = {0, 0};
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        rc = elog_next(replica->db, stream, ELOG_HELD, &place, &row, &found);
        if (rc != RC_OK || !found || row.entry.epoch < oldest || row.entry.epoch > newest)
            continue;
        if (ledger_device(replica->ledger, row.entry.device) != NULL)
            rc = open_and_hold(replica, &row, &body);
        else /* the lines of its author were lost: it waits for them */
            rc = elog_set_state(replica->db, row.key, ELOG_NEW, ELOG_LATE);
    }
    elog_row_wipe(&row);
    buf_wipe(&body);
    return rc;
}

enum rc
inbox_key_came(struct replica *replica, struct id stream, uint32_t oldest, uint32_t newest)
{
    enum streams_place shown;
    uint64_t waited;
    enum rc rc = elog_unpark(replica->db, stream, ELOG_KEY, &waited);

    if (rc == RC_OK)
        rc = streams_find(replica, stream, &shown);
    if (rc != RC_OK || shown != STREAMS_SHOWN) /* what is hidden is built when it is shown again */
        return rc;
    journal_gather(replica->journal); /* else a record is written once for each save that is held of it */
    return journal_settle(replica->journal, hold_anew(replica, stream, oldest, newest));
}
