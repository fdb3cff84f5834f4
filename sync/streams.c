/* The streams of this device, in step with ledger and time: gained ones are filled, lost ones hidden or purged. */
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "sync/boxes_again.h"
#include "sync/news.h"
#include "sync/outbox.h"
#include "sync/replica_own.h"

/* How long a stream stays hidden while the server is not heard of, by the highest device time. */
#define HIDDEN_MS (7 * DAY_MS)

enum rc
streams_have(struct replica *replica, struct id stream, bool *is_here, bool *is_filling)
{
    struct stmt *stmt;
    enum rc rc =
        db_stmt(replica->db, "SELECT is_filling FROM sync_stream WHERE stream = ?1 AND hidden_ms IS NULL",
                &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    rc = stmt_step(stmt, is_here);
    *is_filling = rc == RC_OK && *is_here && stmt_get_int(stmt, 0) != 0;
    stmt_done(stmt);
    return rc;
}

enum rc
streams_touch(struct replica *replica, struct id stream)
{
    return db_run_id(replica->db,
                     "UPDATE sync_stream SET is_unacknowledged = 1 WHERE stream = ?1", stream);
}

enum rc
streams_next(struct replica *replica, const struct id *after, struct id *stream, bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "SELECT stream FROM sync_stream WHERE stream > ?1 AND hidden_ms IS NULL"
                         " ORDER BY stream LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, after != NULL ? *after : (struct id){{0}}); /* no stream is zero */
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        rc = stmt_get_id(stmt, 0, stream);
    stmt_done(stmt);
    return rc;
}

/* A stream's row: one of ours, be it hidden or not. */
struct held {
    struct id stream;
    enum stream_kind kind;
    bool is_hidden;
    int64_t hidden_ms;
};

/* All of them, ascending: in one statement, and listed first, for what is done of one writes to the table. */
struct held_list {
    struct held *items;
    size_t count, room;
};

static enum rc
add_held(struct held_list *list, struct stmt *stmt)
{
    struct held held = {.kind = (enum stream_kind)stmt_get_int(stmt, 1),
                        .is_hidden = !stmt_is_null(stmt, 2),
                        .hidden_ms = stmt_get_int(stmt, 2)};
    struct held *items = array_grow(list->items, &list->room, list->count + 1, sizeof *items);

    if (items == NULL)
        return RC_NOMEM;
    list->items = items;
    enum rc rc = stmt_get_id(stmt, 0, &held.stream);
    items[list->count++] = held;
    return rc;
}

/* `list` is the caller's to free, success or not. */
static enum rc
list_held(struct replica *replica, struct held_list *list)
{
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(replica->db, "SELECT stream, kind, hidden_ms FROM sync_stream ORDER BY stream", &stmt);

    *list = (struct held_list){NULL, 0, 0};
    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found)
        rc = add_held(list, stmt);
    stmt_done(stmt);
    return rc;
}

enum rc
streams_list(struct stmt *stmt, struct ledger_ids *streams)
{
    struct id stream;
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        rc = stmt_get_id(stmt, 0, &stream);
        if (rc == RC_OK)
            rc = ledger_ids_add(streams, stream);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
streams_find(struct replica *replica, struct id stream, enum streams_place *place)
{
    struct stmt *stmt;
    bool found;

    *place = STREAMS_ABSENT;
    enum rc rc =
        db_stmt(replica->db, "SELECT hidden_ms FROM sync_stream WHERE stream = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && found)
        *place = stmt_is_null(stmt, 0) ? STREAMS_SHOWN : STREAMS_HIDDEN;
    stmt_done(stmt);
    return rc;
}

enum rc
streams_fill_again(struct replica *replica, struct id stream)
{
    struct stmt *stmt;
    int64_t cursor;

    enum rc rc = state_get_int(replica->db, STATE_CURSOR, &cursor);
    if (rc == RC_OK)
        rc = db_stmt(replica->db,
                     "UPDATE sync_stream SET is_filling = 1, fill_after = 0, fill_until = ?2 WHERE stream = ?1",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_int(stmt, 2, cursor);
    return stmt_finish(stmt);
}

enum rc
streams_shown_by(struct replica *replica, uint64_t position)
{
    int64_t known;
    enum rc rc = state_get_int(replica->db, STATE_SHOWN_BY, &known);

    if (rc != RC_OK || (uint64_t)known >= position)
        return rc;
    return state_put_int(replica->db, STATE_SHOWN_BY, (int64_t)position);
}

enum rc
streams_pass_line(struct replica *replica)
{
    struct held_list list;
    int64_t shown_by;
    enum rc rc = state_get_int(replica->db, STATE_SHOWN_BY, &shown_by);

    if (rc != RC_OK || (uint64_t)shown_by < ledger_position(replica->ledger))
        return rc;
    rc = list_held(replica, &list);
    for (size_t i = 0; rc == RC_OK && i < list.count; i++)
        if (!ledger_reads_by_lines(replica->ledger, replica->identity.device, list.items[i].stream,
                                   (uint64_t)replica_now_ms(replica)))
            rc = streams_fill_again(replica, list.items[i].stream);
    free(list.items);
    return rc;
}

static enum rc
gain(struct replica *replica, const struct ledger_stream *stream)
{
    struct stmt *stmt;
    int64_t cursor;

    enum rc rc = state_get_int(replica->db, STATE_CURSOR, &cursor);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = db_stmt(
        replica->db,
        "INSERT INTO sync_stream (stream, kind, is_filling, fill_until) VALUES (?1, ?2, ?3, ?4)",
        &stmt);
    if (rc == RC_OK) {
        stmt_id(stmt, 1, stream->id);
        stmt_int(stmt, 2, stream->kind);
        stmt_int(stmt, 3, cursor > 0);
        stmt_int(stmt, 4, cursor);
        rc = stmt_finish(stmt);
    }
    if (rc == RC_OK)
        rc = journal_add_stream(replica->journal, stream->id, stream->kind, stream->family);
    if (rc == RC_OK) /* own entries that outlived an earlier purge are applied once more */
        rc = elog_renew(replica->db, stream->id);
    if (rc == RC_OK) /* what acknowledgements claim of it can be held against what comes from now on */
        rc = db_run_id(replica->db, "UPDATE sync_ack SET is_asked = 0 WHERE stream = ?1", stream->id);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_ACKS_ASKED, -1);
    if (rc == RC_OK)
        rc = db_run_id(replica->db, "UPDATE sync_box SET is_lent = 0 WHERE stream = ?1 AND is_lent", stream->id);
    return db_end(replica->db, rc);
}

/* Deletes everything of a stream but own feeds and own entries, whose key goes. Those go too once the server has shown after this that
 * it has them (session_push.c): it may have been put back from a backup. */
static enum rc
delete_rows(struct replica *replica, struct id stream)
{
    static const char *const deletes[] = {
        "DELETE FROM sync_unconfirmed WHERE feed IN (SELECT feed FROM sync_feed WHERE stream = ?1 AND NOT is_own)",
        "DELETE FROM sync_entry WHERE feed IN (SELECT feed FROM sync_feed WHERE stream = ?1 AND NOT is_own)",
        ("INSERT INTO sync_unconfirmed (feed, last) SELECT feed, max(last) FROM sync_entry JOIN sync_feed USING (feed)"
         " WHERE stream = ?1 AND is_sent = 1 AND ciphertext IS NOT NULL GROUP BY feed"
         " ON CONFLICT (feed) DO UPDATE SET was_had = 0, last = max(last, excluded.last)"),
        "DELETE FROM sync_feed WHERE stream = ?1 AND NOT is_own",
        "DELETE FROM sync_key WHERE stream = ?1",
        "DELETE FROM sync_box WHERE stream = ?1",
        "DELETE FROM sync_lack WHERE stream = ?1",
        "DELETE FROM sync_stream WHERE stream = ?1",
    };
    enum streams_place place;
    enum rc rc = streams_find(replica, stream, &place);

    if (rc == RC_OK && place == STREAMS_SHOWN)
        rc = journal_purge_stream(replica->journal, stream);
    for (size_t i = 0; rc == RC_OK && i < sizeof deletes / sizeof deletes[0]; i++)
        rc = db_run_id(replica->db, deletes[i], stream);
    return rc == RC_OK ? news_keys_freed(replica->db) : rc;
}

static enum rc
lose(struct replica *replica, struct id stream)
{
    enum rc rc = outbox_seal(replica, stream);

    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = boxes_keep_for_others(replica, stream);
    if (rc == RC_OK)
        rc = delete_rows(replica, stream);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_MUST_SCRUB, 1);
    rc = db_end(replica->db, rc);
    if (rc != RC_OK)
        return rc;
    keyring_drop(replica->keys, stream);
    source_forget(replica);
    return RC_OK;
}

/* No page of what was purged stays in a free page, in the log or in a copy of one; begun again when it was cut off. */
static enum rc
scrub(struct replica *replica)
{
    int64_t must_scrub;

    enum rc rc = state_get_int(replica->db, STATE_MUST_SCRUB, &must_scrub);
    if (rc != RC_OK || must_scrub == 0)
        return rc;
    rc = db_run(replica->db, "VACUUM");
    if (rc == RC_OK)
        rc = db_checkpoint(replica->db, true);
    if (rc == RC_OK)
        rc = store_forget_kept(replica->store);
    return rc == RC_OK ? state_put_int(replica->db, STATE_MUST_SCRUB, 0) : rc;
}

static enum rc
put_hidden(struct replica *replica, struct id stream, const int64_t *hidden_ms)
{
    struct stmt *stmt;
    enum rc rc =
        db_stmt(replica->db, "UPDATE sync_stream SET hidden_ms = ?2, heads_asked = 0 WHERE stream = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    if (hidden_ms != NULL)
        stmt_int(stmt, 2, *hidden_ms);
    else
        stmt_null(stmt, 2);
    return stmt_finish(stmt);
}

/* No command can show what the journal has no row of; log, keys and outbox can give every row again. */
static enum rc
hide(struct replica *replica, struct id stream, int64_t now_ms)
{
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = journal_purge_stream(replica->journal, stream);
    if (rc == RC_OK)
        rc = put_hidden(replica, stream, &now_ms);
    if (rc == RC_OK) /* with the time that hid it: a clock that is put back shows it no more */
        rc = replica_store_time(replica);
    rc = db_end(replica->db, rc);
    source_forget(replica);
    return rc;
}

static enum rc
show(struct replica *replica, const struct held *held)
{
    const struct ledger_stream *known = ledger_stream(replica->ledger, held->stream);
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = put_hidden(replica, held->stream, NULL);
    if (rc == RC_OK)
        rc = journal_add_stream(replica->journal, held->stream, held->kind,
                                known != NULL ? known->family : (struct id){{0}});
    if (rc == RC_OK)
        rc = replica_rebuild(replica, held->stream);
    return db_end(replica->db, rc);
}

static bool
may_read_at(const struct replica *replica, struct id stream, int64_t ms)
{
    return ledger_may_read(replica->ledger, replica->identity.device, stream, (uint64_t)ms);
}

enum rc
streams_show(struct replica *replica)
{
    int64_t now_ms = replica_now_ms(replica);
    struct held_list list;

    if (!replica->has_hidden)
        return RC_OK;
    enum rc rc = list_held(replica, &list);
    for (size_t i = 0; rc == RC_OK && i < list.count; i++)
        if (list.items[i].is_hidden && may_read_at(replica, list.items[i].stream, now_ms))
            rc = show(replica, &list.items[i]);
    free(list.items);
    return rc == RC_OK ? rc : rc_while(rc, _("showing again what a jump of the clock hid"));
}

/* What was acknowledged last of each stream, and since when it may be read now. */
struct told {
    struct id stream;
    uint64_t position;
};

static enum rc
list_told(struct replica *replica, struct told **told, size_t *count)
{
    struct stmt *stmt;
    size_t room = 0;
    bool found = true;
    enum rc rc = db_stmt(replica->db, "SELECT stream, position FROM sync_ack WHERE device = ?1", &stmt);

    *told = NULL;
    *count = 0;
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, replica->identity.device);
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        struct told *grown = array_grow(*told, &room, *count + 1, sizeof *grown);
        if (grown == NULL) {
            rc = RC_NOMEM;
            break;
        }
        *told = grown;
        grown[*count].position = (uint64_t)stmt_get_int(stmt, 1);
        rc = stmt_get_id(stmt, 0, &grown[(*count)++].stream);
    }
    stmt_done(stmt);
    return rc;
}

/* The right ended, and began again by a later line, before this device looked: what it told before that line counts nowhere any more. */
static enum rc
tell_again(struct replica *replica, int64_t now_ms)
{
    struct id own = replica->identity.device;
    struct told *told;
    size_t count;
    enum rc rc = list_told(replica, &told, &count);

    for (size_t i = 0; rc == RC_OK && i < count; i++)
        if (may_read_at(replica, told[i].stream, now_ms) &&
            told[i].position < ledger_reads_since(replica->ledger, own, told[i].stream, (uint64_t)now_ms))
            rc = db_run_id(replica->db,
                           "UPDATE sync_stream SET is_unacknowledged = 1 WHERE stream = ?1 AND is_unacknowledged = 0",
                           told[i].stream);
    free(told);
    return rc;
}

/* One that is here; it may be read no longer: gone when that is sure, hidden while only a jump of the clock says so. */
static enum rc
lose_one(struct replica *replica, const struct held *held, int64_t now_ms)
{
    bool is_shown = may_read_at(replica, held->stream, now_ms);
    bool is_over = !is_shown && (!may_read_at(replica, held->stream, replica_settled_ms(replica)) ||
                                 (held->is_hidden && now_ms - held->hidden_ms >= HIDDEN_MS));
    bool is_lost = is_over && !replica->must_recover; /* before, what waits has no number to be sealed under */

    replica->has_hidden = replica->has_hidden || (!is_shown && !is_lost);
    if (is_lost)
        return lose(replica, held->stream);
    if (!is_shown && !held->is_hidden)
        return hide(replica, held->stream, now_ms);
    return is_shown && held->is_hidden ? show(replica, held) : RC_OK;
}

static enum rc
lose_all(struct replica *replica, int64_t now_ms)
{
    struct held_list list;
    enum rc rc = list_held(replica, &list);

    replica->has_hidden = false;
    for (size_t i = 0; rc == RC_OK && i < list.count; i++)
        rc = lose_one(replica, &list.items[i], now_ms);
    free(list.items);
    if (rc == RC_OK)
        rc = tell_again(replica, now_ms);
    return rc == RC_OK ? scrub(replica) : rc;
}

enum rc
streams_gain(struct replica *replica)
{
    int64_t now_ms = replica_now_ms(replica);
    const struct ledger_stream *stream;
    struct held_list list;
    enum rc rc = list_held(replica, &list);

    for (size_t i = 0; rc == RC_OK && (stream = ledger_stream_at(replica->ledger, i)) != NULL; i++)
        if (stream->kind != STREAM_RESERVE && may_read_at(replica, stream->id, now_ms) &&
            !id_is_among(stream->id, list.items, list.count, sizeof *list.items))
            rc = gain(replica, stream);
    free(list.items);
    return rc;
}

/* Nothing was gained, lost, hidden or shown since the latest look, for no right began or ended. */
static bool
are_settled(struct replica *replica, int64_t now_ms)
{
    const struct settled *settled = &replica->settled;

    return !replica->has_hidden && !replica->must_recover &&
           ledger_is_within(replica->ledger, &settled->streams, (uint64_t)now_ms) &&
           ledger_is_within(replica->ledger, &settled->streams_before,
                            (uint64_t)replica_settled_ms(replica));
}

static void
settle(struct replica *replica, int64_t now_ms)
{
    struct settled *settled = &replica->settled;

    if (replica->has_hidden || replica->must_recover)
        return;
    settled->streams = ledger_span(replica->ledger, (uint64_t)now_ms);
    settled->streams_before = ledger_span(replica->ledger, (uint64_t)replica_settled_ms(replica));
}

enum rc
streams_refresh(struct replica *replica)
{
    int64_t now_ms = replica_now_ms(replica);
    struct id device = replica->identity.device;

    if (!replica->is_in_team || replica->is_ledger_short)
        return RC_OK;
    if (are_settled(replica, now_ms))
        return replica_forget_lent(replica);
    replica->settled.streams = (struct ledger_span){.position = 0};
    enum rc rc = lose_all(replica, now_ms);
    if (rc == RC_OK)
        rc = replica_forget_lent(replica);
    if (!ledger_may_hold(replica->ledger, device, ledger_reserve(), (uint64_t)now_ms))
        keyring_drop(replica->keys, ledger_reserve());
    if (rc == RC_OK)
        rc = streams_gain(replica);
    if (rc == RC_OK && !db_in_transaction(replica->db)) /* which may yet fail */
        settle(replica, now_ms);
    return rc;
}
