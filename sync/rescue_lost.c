/* What waits of a rescued store: what could not be read is made good from the tables, or named. */
#include "sync/rescue_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/family.h"
#include "core/i18n.h"
#include "core/journal_salvage.h"
#include "sync/outbox.h"

struct losses {
    struct replica *replica;
    rescue_lost_fn visit;
    void *context;
    struct rescue *rescue;
    struct db *from;
    struct salvage *items; /* saves that are not here, ascending by (stream, save) */
    size_t count, room;
    bool has_unread; /* of the registers */
};

static enum rc
tell(struct losses *losses, struct rescue_lost lost)
{
    struct replica *replica = losses->replica;
    const struct ledger_stream *stream = replica->ledger == NULL ? NULL : ledger_stream(replica->ledger, lost.stream);
    struct texts texts = TEXTS_EMPTY;
    struct family family;

    if (lost.first == 0)
        return RC_OK;
    losses->rescue->lost += lost.last - lost.first + 1;
    if (stream != NULL && family_get(replica->journal, stream->family, &family, &texts) == RC_OK)
        lost.code_name = family.code_name;
    enum rc rc = losses->visit(losses->context, &lost);
    texts_wipe(&texts);
    return rc;
}

/* What an ended incarnation did not send has other numbers by now. */
static bool
is_ours(const struct losses *losses, const struct elog_feed *feed)
{
    return feed->is_own && feed->feed.incarnation == replica_feed(losses->replica).incarnation;
}

/* Whether a save is here, and when it was written where it waits in line. */
static enum rc
look_for(struct replica *replica, const struct elog_feed *feed, uint32_t save, uint32_t *last, int64_t *at_ms)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct change *change = NULL;

    *last = save;
    *at_ms = 0;
    enum rc rc = outbox_get(replica->db, feed->key, save, &body);
    if (rc == RC_OK && body_read(feed->stream, feed->feed, save, save, body.data, body.len, &change) == RC_OK) {
        *at_ms = hlc_ms(change->hlc);
        body_free(change, 1);
    }
    if (rc == RC_ABSENT) {
        rc = elog_find(replica->db, feed->key, save, &row);
        if (rc == RC_OK)
            *last = row.entry.last;
    }
    elog_row_wipe(&row);
    buf_wipe(&body);
    return rc == RC_CORRUPT || rc == RC_UNSUPPORTED ? RC_OK : rc; /* it is here; the doctor names it */
}

/* ---- feeds that only the tables know -------------------------------------------------------------------- */

static enum rc
put_feed(struct losses *losses, struct stmt *row)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(losses->replica->db,
                         "INSERT INTO sync_feed (stream, device, incarnation, is_own, saved) VALUES (?1, ?2, ?3, 1, ?4)"
                         " ON CONFLICT (stream, device, incarnation) DO UPDATE SET saved = max(saved, excluded.saved)",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    for (int i = 0; i < 4; i++)
        stmt_copy(stmt, i + 1, row, i);
    return stmt_finish(stmt);
}

/* The tables count the saves of each own feed as well. */
static enum rc
take_feed(struct losses *losses, int64_t key)
{
    struct stmt *stmt;
    bool found;
    enum rc rc = db_stmt(losses->from,
                         "SELECT t.id, j.device, j.incarnation, j.frontier FROM journal_feed AS j NOT INDEXED"
                         " JOIN journal_stream AS t ON t.s = j.s WHERE j.f = ?1 AND j.device = ?2",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, key);
    stmt_id(stmt, 2, losses->replica->identity.device);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && found)
        rc = put_feed(losses, stmt);
    stmt_done(stmt);
    return rc;
}

static enum rc
take_feeds(struct losses *losses)
{
    int64_t key = 0;
    uint64_t bad = 0;
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        rc = db_next_past(losses->from, "SELECT f FROM journal_feed NOT INDEXED WHERE f > ?1 ORDER BY f LIMIT 1", &key, &found,
                          &bad);
        if (rc == RC_OK && found)
            rc = take_feed(losses, key);
        if (rc == RC_CORRUPT)
            rc = RC_OK;
    }
    return rc == RC_INVALID ? RC_OK : rc; /* tables that were dropped, to be made anew */
}

/* ---- made good from the tables ------------------------------------------------------------------------- */

static enum rc
add_item(struct losses *losses, struct id stream, uint32_t save)
{
    struct salvage *grown = array_grow(losses->items, &losses->room, losses->count + 1, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    losses->items = grown;
    losses->items[losses->count++] = SALVAGE_EMPTY(stream, save);
    return RC_OK;
}

/* Own saves that the server is not known to hold and that are neither in line nor in the log. */
static enum rc
list_missing(void *context, const struct elog_feed *feed)
{
    struct losses *losses = context;
    int64_t at_ms;
    enum rc rc = RC_OK;

    if (!is_ours(losses, feed))
        return RC_OK;
    for (uint32_t save = feed->on_server + 1; rc == RC_OK && save <= feed->saved && save != 0; save++) {
        uint32_t last;
        rc = look_for(losses->replica, feed, save, &last, &at_ms);
        if (rc == RC_ABSENT)
            rc = add_item(losses, feed->stream, save);
        save = last;
    }
    return rc;
}

static enum rc
put_again(struct losses *losses, struct salvage *item)
{
    struct replica *replica = losses->replica;
    struct elog_feed feed;
    enum streams_place place = STREAMS_ABSENT;
    enum rc rc = elog_feed_find(replica->db, item->stream, replica_feed(replica), &feed);

    if (rc == RC_OK)
        rc = outbox_put_again(replica, &feed, item);
    if (rc == RC_ABSENT || rc == RC_TOO_LARGE || rc == RC_CORRUPT) {
        change_wipe(&item->change); /* named as lost */
        return RC_OK;
    }
    if (rc == RC_OK)
        rc = streams_find(replica, item->stream, &place);
    if (rc == RC_OK && place == STREAMS_SHOWN)
        rc = outbox_reapply(replica, item->stream);
    losses->rescue->remade += rc == RC_OK;
    return rc;
}

/* A waiting save with another body under its number. */
static enum rc
replace(struct replica *replica, const struct elog_feed *feed, uint32_t save, const struct change *change)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    enum rc rc = body_write(feed->feed, save, change, 1, NULL, 0, &body);

    if (rc == RC_OK && body.len > CHANGE_SAVE_BYTES)
        rc = rc_fail(RC_TOO_LARGE, _("more than %d bytes in one save"), CHANGE_SAVE_BYTES);
    if (rc == RC_OK)
        rc = outbox_drop(replica->db, feed->key, save, save);
    if (rc == RC_OK)
        rc = outbox_put(replica->db, feed->key, save, &body);
    buf_wipe(&body);
    return rc;
}

/* Whether a save can name the version: nothing of its own feed that comes after it. */
static bool
can_name(const struct losses *losses, uint32_t save, const struct version *version)
{
    struct feed_ref own = replica_feed(losses->replica);

    return version->save < save || !feed_equal(version->feed, own);
}

/* What a save that waits replaced by way of a lost one, it replaces itself. */
static enum rc
replace_itself(struct losses *losses, const struct elog_feed *feed, const struct salvage_returned *returned)
{
    struct replica *replica = losses->replica;
    struct version versions[CHANGE_SUPERSEDES];
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct change *change = NULL;
    uint32_t save = returned->shown->save;
    enum rc rc = outbox_get(replica->db, feed->key, save, &body);

    if (rc == RC_OK)
        rc = body_read(feed->stream, feed->feed, save, save, body.data, body.len, &change);
    if (rc == RC_OK && returned->shown->index < change->count) {
        struct operation *operation = &change->operations[returned->shown->index];
        size_t count = operation->supersedes_count;
        if (count > 0)
            memcpy(versions, operation->supersedes, count * sizeof *versions);
        for (size_t i = 0; i < returned->count && count < CHANGE_SUPERSEDES; i++) {
            bool is_named = !can_name(losses, save, &returned->versions[i]);
            for (size_t k = 0; !is_named && k < operation->supersedes_count; k++)
                is_named = version_compare(&versions[k], &returned->versions[i]) == 0;
            if (!is_named)
                versions[count++] = returned->versions[i];
        }
        operation->supersedes = versions;
        operation->supersedes_count = count;
        rc = replace(replica, feed, save, change);
    }
    if (change != NULL)
        body_free(change, 1);
    buf_wipe(&body);
    return rc == RC_ABSENT ? RC_OK : rc; /* it was sealed, or is lost itself */
}

/* Elements of a set that a lost save removed are removed by the last of the stream's lost ones. */
static enum rc
remove_again(struct losses *losses, const struct salvage_returned *returned)
{
    struct version versions[CHANGE_SUPERSEDES];
    struct buf none = BUF_EMPTY(1);
    struct salvage *last = NULL;
    size_t count = 0;

    for (size_t i = 0; i < losses->count; i++)
        if (id_equal(losses->items[i].stream, returned->stream))
            last = &losses->items[i];
    for (size_t i = 0; last != NULL && i < returned->count; i++)
        if (can_name(losses, last->save, &returned->versions[i]))
            versions[count++] = returned->versions[i];
    if (count == 0)
        return RC_OK;
    last->is_marked = true;
    return change_put_over(&last->change, returned->entity, returned->record, returned->unit, &none, versions, count);
}

static enum rc
visit_returned(void *context, const struct salvage_returned *returned)
{
    struct losses *losses = context;
    struct elog_feed feed;

    if (returned->shown == NULL)
        return remove_again(losses, returned);
    enum rc rc = elog_feed_find(losses->replica->db, returned->stream, replica_feed(losses->replica), &feed);
    return rc == RC_OK ? replace_itself(losses, &feed, returned) : rc;
}

static enum rc
put_removals(struct losses *losses, struct salvage *item)
{
    struct replica *replica = losses->replica;
    struct elog_feed feed;
    bool was_lost = item->change.hlc == 0; /* nothing else is left of it */

    if (was_lost)
        item->change.hlc = hlc_pack(journal_now_ms(replica->journal), 0);
    enum rc rc = elog_feed_find(replica->db, item->stream, replica_feed(replica), &feed);
    if (rc == RC_OK)
        rc = replace(replica, &feed, item->save, &item->change);
    losses->rescue->remade += rc == RC_OK && was_lost;
    return rc == RC_TOO_LARGE || rc == RC_INVALID ? RC_OK : rc; /* it stays as it is */
}

static enum rc
mend_returned(struct losses *losses)
{
    struct replica *replica = losses->replica;
    enum rc rc = salvage_find_returned(losses->from, replica_feed(replica), losses->items, losses->count, replica->journal,
                                       visit_returned, losses);

    for (size_t i = 0; rc == RC_OK && i < losses->count; i++)
        if (losses->items[i].is_marked)
            rc = put_removals(losses, &losses->items[i]);
    return rc == RC_OK ? replica_rebuild_all(replica) : rc;
}

/* What is current there was not replaced by anything: so it is what was written last. */
static enum rc
make_good(struct losses *losses)
{
    struct replica *replica = losses->replica;
    uint64_t unread = 0;
    enum rc rc = elog_feeds(replica->db, (struct id){{0}}, list_missing, losses);

    if (rc == RC_OK && losses->count > 0)
        rc = salvage_read(losses->from, replica_feed(replica), losses->items, losses->count, &unread);
    losses->has_unread = unread > 0;
    if (rc == RC_OK)
        rc = replica_rebuild_all(replica);
    for (size_t i = 0; rc == RC_OK && i < losses->count; i++)
        rc = put_again(losses, &losses->items[i]);
    return rc == RC_OK && losses->count > 0 ? mend_returned(losses) : rc;
}

/* ---- what is lost -------------------------------------------------------------------------------------- */

/* How far the old tables had applied an own feed; 0 where they cannot tell. */
static enum rc
shown_up_to(struct losses *losses, const struct elog_feed *feed, int64_t *save)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(losses->from,
                         "SELECT j.frontier FROM journal_feed AS j JOIN journal_stream AS t ON t.s = j.s"
                         " WHERE t.id = ?1 AND j.device = ?2 AND j.incarnation = ?3",
                         &stmt);

    *save = 0;
    if (rc == RC_OK) {
        stmt_id(stmt, 1, feed->stream);
        stmt_id(stmt, 2, feed->feed.device);
        stmt_int(stmt, 3, (int64_t)feed->feed.incarnation);
        rc = stmt_finish_int(stmt, save);
    }
    return rc == RC_CORRUPT || rc == RC_INVALID ? RC_OK : rc;
}

static enum rc
find_lost(void *context, const struct elog_feed *feed)
{
    struct losses *losses = context;
    struct rescue_lost lost = {.stream = feed->stream};
    int64_t shown = 0;

    if (!is_ours(losses, feed))
        return RC_OK;
    enum rc rc = losses->has_unread ? RC_OK : shown_up_to(losses, feed, &shown);
    for (uint32_t save = feed->on_server + 1; rc == RC_OK && save <= feed->saved && save != 0; save++) {
        uint32_t last;
        rc = look_for(losses->replica, feed, save, &last, &lost.before_ms);
        if (rc == RC_ABSENT && save <= shown) { /* they show nothing of it, and all of them could be read */
            losses->rescue->replaced++;
            rc = RC_OK;
        } else if (rc == RC_ABSENT) {
            lost.first = lost.first == 0 ? save : lost.first;
            lost.last = save;
            rc = RC_OK;
            continue;
        }
        if (rc == RC_OK)
            rc = tell(losses, lost);
        lost.first = 0;
        save = last;
    }
    lost.before_ms = 0;
    return rc == RC_OK ? tell(losses, lost) : rc;
}

/* What waits of feeds of which nothing else is known cannot be given a family. */
static enum rc
drop_nameless(struct losses *losses, int64_t *count)
{
    struct db *db = losses->replica->db;
    enum rc rc = db_get_int(db, "SELECT count(*) FROM sync_outbox WHERE feed NOT IN (SELECT feed FROM sync_feed)", count);

    return rc == RC_OK ? db_run(db, "DELETE FROM sync_outbox WHERE feed NOT IN (SELECT feed FROM sync_feed)") : rc;
}

static enum rc
settle(struct losses *losses)
{
    int64_t nameless = 0;
    enum rc rc = drop_nameless(losses, &nameless);

    if (rc == RC_OK)
        rc = take_feeds(losses);
    if (rc == RC_OK)
        rc = outbox_unseal_torn(losses->replica);
    if (rc == RC_OK)
        rc = make_good(losses);
    if (rc == RC_OK)
        rc = elog_feeds(losses->replica->db, (struct id){{0}}, find_lost, losses);
    uint64_t found = losses->rescue->remade + losses->rescue->replaced + losses->rescue->lost; /* by feeds that the tables knew */
    struct rescue_lost lost = {.first = 1, .last = (uint32_t)((uint64_t)nameless - found)};
    return rc == RC_OK && (uint64_t)nameless > found ? tell(losses, lost) : rc;
}

enum rc
rescue_waiting(struct replica *replica, struct db *from, rescue_lost_fn visit, void *context, struct rescue *rescue)
{
    struct losses losses = {.replica = replica, .visit = visit, .context = context, .rescue = rescue, .from = from};
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = db_end(replica->db, settle(&losses));
    for (size_t i = 0; i < losses.count; i++)
        salvage_wipe(&losses.items[i]);
    free(losses.items);
    return rc;
}
