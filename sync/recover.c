/* A new incarnation: what waits gets new numbers. After a restore, and where held work of one's own stands in the way. */
#include "sync/recover.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "sync/outbox.h"
#include "sync/recover_inside.h"

static void
sent_wipe(struct sent *sent)
{
    if (sent->saves != NULL)
        body_free(sent->saves, sent->last - sent->first + 1);
    *sent = (struct sent){.feed = 0};
}

static void
leftovers_wipe(struct leftovers *list)
{
    for (size_t i = 0; i < list->count; i++)
        body_free(list->items[i].change, 1);
    free(list->items);
    list->items = NULL;
    list->count = list->room = 0;
    sent_wipe(&list->sent);
}

static enum rc
keep(struct leftovers *list, const struct elog_feed *feed, uint32_t save, struct change *change)
{
    struct leftover *grown = array_grow(list->items, &list->room, list->count + 1, sizeof *grown);

    if (grown == NULL) {
        body_free(change, 1);
        return RC_NOMEM;
    }
    list->items = grown;
    grown[list->count++] = (struct leftover){feed->stream, feed->feed, save, 0, change};
    return RC_OK;
}

static bool
has_operation(const struct change *change, const struct operation *wanted)
{
    bool has = false;

    for (size_t i = 0; !has && i < change->count; i++) {
        const struct operation *operation = &change->operations[i];
        has = operation->entity == wanted->entity && operation->unit == wanted->unit &&
              id_equal(operation->record, wanted->record) && operation->value_len == wanted->value_len &&
              memcmp(operation->value, wanted->value, wanted->value_len) == 0;
    }
    return has;
}

/* Reads the entry of the feed that holds the save; RC_ABSENT when none does. */
static enum rc
read_sent(struct leftovers *list, const struct elog_feed *feed, uint32_t save)
{
    struct replica *replica = list->replica;
    struct sent *sent = &list->sent;
    struct elog_row row = ELOG_ROW_EMPTY;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);

    if (sent->feed == feed->key && save >= sent->first && save <= sent->last)
        return RC_OK;
    sent_wipe(sent);
    enum rc rc = elog_find(replica->db, feed->key, save, &row);
    uint32_t first = row.entry.first, last = row.entry.last;
    if (rc == RC_OK)
        rc = source_open(replica, &row.entry, &body);
    if (rc == RC_OK)
        rc = body_read(feed->stream, feed->feed, first, last, body.data, body.len, &sent->saves);
    if (rc == RC_OK || rc == RC_LOCKED) {
        sent->feed = feed->key;
        sent->first = first;
        sent->last = last;
        rc = RC_OK;
    }
    buf_wipe(&body);
    elog_row_wipe(&row);
    return rc;
}

/* Whether the server holds this save under that number. What was made good from the tables (sync/rescue.h) may have less in it. */
static enum rc
was_sent(struct leftovers *list, const struct elog_feed *feed, uint32_t save, const struct change *ours, bool *sent)
{
    enum rc rc = read_sent(list, feed, save);

    *sent = rc == RC_OK && list->sent.saves != NULL;
    if (*sent) {
        const struct change *theirs = &list->sent.saves[save - list->sent.first];
        *sent = theirs->hlc == ours->hlc;
        for (size_t i = 0; *sent && i < ours->count; i++)
            *sent = has_operation(theirs, &ours->operations[i]);
    }
    return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
compare_save(struct leftovers *list, const struct elog_feed *feed, uint32_t save)
{
    struct db *db = list->replica->db;
    struct buf waiting = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct change *change = NULL;
    bool sent = false;

    enum rc rc = outbox_get(db, feed->key, save, &waiting);
    if (rc == RC_OK)
        rc = body_read(feed->stream, feed->feed, save, save, waiting.data, waiting.len, &change);
    if (rc == RC_OK)
        rc = was_sent(list, feed, save, change, &sent);
    if (rc == RC_OK && !sent)
        rc = keep(list, feed, save, change);
    else if (change != NULL)
        body_free(change, 1);
    buf_wipe(&waiting);
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* The feed ends where its entries do: what waited beyond gets other numbers, and nobody will ever acknowledge those. */
static enum rc
end_feed(struct db *db, const struct elog_feed *feed)
{
    struct elog_feed ended = *feed;
    uint32_t stored, applied;
    enum rc rc = elog_last(db, feed->key, &stored, &applied);

    ended.saved = ended.sealed = stored > feed->on_server ? stored : feed->on_server;
    return rc == RC_OK ? elog_feed_put(db, &ended) : rc;
}

static enum rc
compare_feed(void *context, const struct elog_feed *feed)
{
    struct leftovers *list = context;
    uint32_t first, last;

    if (!feed->is_own)
        return RC_OK;
    enum rc rc = outbox_range(list->replica->db, feed->key, &first, &last);
    for (uint32_t save = first; rc == RC_OK && first > 0 && save <= last; save++)
        rc = compare_save(list, feed, save);
    if (rc == RC_OK && first > 0)
        rc = outbox_drop(list->replica->db, feed->key, first, last);
    return rc == RC_OK ? end_feed(list->replica->db, feed) : rc;
}

static enum rc
draw_incarnation(struct replica *replica)
{
    struct secret random = SECRET_EMPTY;
    enum rc rc = secret_random(&random, sizeof replica->incarnation);

    if (rc == RC_OK) {
        memcpy(&replica->incarnation, random.bytes, sizeof replica->incarnation);
        replica->incarnation |= 1; /* never 0 */
        rc = state_put_int(replica->db, STATE_INCARNATION, (int64_t)replica->incarnation);
    }
    secret_wipe(&random);
    return rc;
}

/* Takes what waits out of line, into `list`, and draws the incarnation in which it goes on. */
static enum rc
begin_incarnation(struct replica *replica, struct leftovers *list)
{
    enum rc rc = elog_feeds(replica->db, (struct id){{0}}, compare_feed, list);

    return rc == RC_OK ? draw_incarnation(replica) : rc;
}

static enum rc
recover_inside(struct replica *replica, struct leftovers *list)
{
    enum rc rc = begin_incarnation(replica, list);

    if (rc == RC_OK)
        rc = replica_rebuild_all(replica);
    if (rc == RC_OK)
        rc = recover_save_again(replica, list);
    if (rc == RC_OK) /* what the lost life had told of each stream is not what is here: all are named again */
        rc = db_run(replica->db, "UPDATE sync_stream SET is_unacknowledged = 1");
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_MUST_RECOVER, 0);
    return rc;
}

/* Continuity is proven: work goes on in the new incarnation. */
static enum rc
go_on(struct replica *replica)
{
    const char *reason;

    replica->must_recover = false;
    return store_is_continuous(replica->store, &reason) ? RC_OK : store_prove_continuity(replica->store);
}

enum rc
recover_feeds(struct session *session)
{
    struct replica *replica = session->replica;
    struct leftovers list = {.replica = replica, .drops_lost = true};
    uint64_t before = replica->incarnation;

    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = recover_inside(replica, &list);
    rc = db_end(replica->db, rc);
    leftovers_wipe(&list);
    source_forget(replica);
    if (rc != RC_OK) {
        replica->incarnation = before;
        return rc_while(rc, _("comparing what this store wrote with the server"));
    }
    return go_on(replica);
}

/* ---- without the server -------------------------------------------------------------------------- */

struct reached {
    struct replica *replica;
    bool all;
};

/* Of one own feed: is everything applied that anybody is known to have? */
static enum rc
reaches(void *context, const struct elog_feed *feed)
{
    struct reached *reached = context;
    struct replica *replica = reached->replica;
    const struct ledger_device *device;
    enum streams_place place;
    uint32_t frontier = 0, known = feed->on_server;

    if (!feed->is_own || !reached->all)
        return RC_OK;
    enum rc rc = streams_find(replica, feed->stream, &place);
    if (rc != RC_OK || place != STREAMS_SHOWN)
        return rc; /* of a stream that is not ours any more nothing is compared */
    for (size_t i = 0; rc == RC_OK && (device = ledger_device_at(replica->ledger, i)) != NULL; i++) {
        struct ack_status ack = {.last = 0};
        if (!id_equal(device->id, replica->identity.device))
            rc = replica_applied_at(replica, device->id, feed->stream, feed->feed, &ack);
        known = ack.last > known ? ack.last : known;
    }
    if (rc == RC_OK)
        rc = journal_frontier(replica->journal, feed->stream, feed->feed, &frontier);
    reached->all = reached->all && frontier >= known;
    return rc;
}

enum rc
recover_by_bundle(struct replica *replica)
{
    struct reached reached = {replica, true};
    struct leftovers list = {.replica = replica};
    uint64_t before = replica->incarnation;

    enum rc rc = elog_feeds(replica->db, (struct id){{0}}, reaches, &reached);
    if (rc == RC_OK && reached.all)
        rc = db_begin(replica->db);
    if (rc != RC_OK || !reached.all)
        return rc;
    rc = recover_inside(replica, &list);
    bool waits = list.count > 0; /* the lost life may have given it away */
    rc = db_end(replica->db, rc == RC_OK && waits ? RC_STALE : rc);
    leftovers_wipe(&list);
    source_forget(replica);
    if (rc != RC_OK) {
        replica->incarnation = before;
        return waits && rc == RC_STALE ? RC_OK : rc_while(rc, _("comparing what this store wrote with a bundle"));
    }
    return go_on(replica);
}

/* ---- held work in the way ------------------------------------------------------------------------ */

/* Only what waited is shown under other numbers. */
static enum rc
rebuild_streams(struct replica *replica, const struct leftovers *list)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < list->count; i++)
        if (i == 0 || !id_equal(list->items[i - 1].stream, list->items[i].stream))
            rc = replica_rebuild(replica, list->items[i].stream);
    return rc;
}

/* What is not in line is in the typed tables at most: building them anew would take it from there without a word. */
static enum rc
check_line(void *context, const struct elog_feed *feed)
{
    struct replica *replica = context;
    bool is_here, is_filling;
    int64_t missing = 0;

    if (!feed->is_own || feed->saved <= feed->sealed)
        return RC_OK;
    enum rc rc = streams_have(replica, feed->stream, &is_here, &is_filling);
    if (rc == RC_OK && is_here && !is_filling)
        rc = outbox_missing(replica->db, feed, &missing);
    return missing > 0 ? rc_fail(RC_CORRUPT, _("something that was not sent yet is missing")) : rc;
}

enum rc
recover_anew(struct replica *replica, struct change *changes, size_t count)
{
    struct leftovers list = {.replica = replica};
    uint64_t before = replica->incarnation;

    enum rc rc = elog_feeds(replica->db, (struct id){{0}}, check_line, replica);
    if (rc == RC_OK)
        rc = begin_incarnation(replica, &list);
    if (rc == RC_OK)
        rc = rebuild_streams(replica, &list);
    if (rc == RC_OK)
        rc = recover_save_again(replica, &list);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = recover_renumber(&list, &changes[i]);
    leftovers_wipe(&list);
    source_forget(replica);
    if (rc != RC_OK)
        replica->incarnation = before;
    return rc;
}

/* Saves wait in the own feed behind some that are applied nowhere, and the right to write is there. */
static enum rc
is_blocked(struct replica *replica, struct id stream, bool *blocked)
{
    struct elog_feed feed;
    enum streams_place place;
    uint32_t first = 0, last = 0, frontier = 0;

    *blocked = false;
    if (!ledger_may_write(replica->ledger, replica->identity.device, stream))
        return RC_OK;
    enum rc rc = streams_find(replica, stream, &place);
    if (rc != RC_OK || place != STREAMS_SHOWN)
        return rc;
    rc = elog_feed_find(replica->db, stream, replica_feed(replica), &feed);
    if (rc == RC_OK)
        rc = outbox_range(replica->db, feed.key, &first, &last);
    if (rc == RC_OK)
        rc = journal_frontier(replica->journal, stream, feed.feed, &frontier);
    *blocked = rc == RC_OK && frontier < last;
    return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
recover_blocked(struct replica *replica)
{
    uint64_t before = replica->incarnation;
    struct id stream;
    int64_t feed = 0;
    bool found, blocked = false;

    if (replica->must_recover)
        return RC_OK;
    enum rc rc = outbox_next_stream(replica->db, &feed, &stream, &found);
    while (rc == RC_OK && found && !blocked) {
        rc = is_blocked(replica, stream, &blocked);
        if (rc == RC_OK && !blocked)
            rc = outbox_next_stream(replica->db, &feed, &stream, &found);
    }
    if (rc == RC_OK && blocked)
        rc = db_begin(replica->db);
    if (rc != RC_OK || !blocked)
        return rc;
    rc = recover_anew(replica, NULL, 0);
    rc = db_end(replica->db, rc);
    if (rc != RC_OK)
        replica->incarnation = before;
    return rc;
}
