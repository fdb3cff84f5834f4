/* Saves that wait and say nothing of their own: the line that a save in a family's file writes into its index. */
#include <string.h>

#include "core/schema.h"
#include "sync/outbox.h"
#include "sync/replica_own.h"

struct counting {
    struct replica *replica;
    enum stream_kind kind;
    uint64_t twins;
    uint64_t unread; /* saves that cannot be */
};

static bool
is_twin(const struct counting *counting, const struct change *save)
{
    for (size_t i = 0; i < save->count; i++) {
        const struct schema_entity *entity = schema_entity(save->operations[i].entity);
        if (entity == NULL || entity->home == counting->kind)
            return false;
    }
    return save->count > 0;
}

static void
count_saves(struct counting *counting, const struct elog_feed *feed, uint32_t first, uint32_t last, const struct buf *body)
{
    struct change *saves = NULL;

    if (body_read(feed->stream, feed->feed, first, last, body->data, body->len, &saves) != RC_OK) {
        counting->unread += last - first + 1;
        return;
    }
    for (size_t i = 0; i <= last - first; i++)
        counting->twins += is_twin(counting, &saves[i]);
    body_free(saves, last - first + 1);
}

/* The saves of one entry. */
static void
count_entry(struct counting *counting, const struct elog_feed *feed, const struct entry *entry, struct buf *body)
{
    if (source_open(counting->replica, entry, body) == RC_OK)
        count_saves(counting, feed, entry->first, entry->last, body);
    else
        counting->unread += entry->last - entry->first + 1;
}

/*
 * What cannot be read is counted as a change: better one too many. Of a stream that was purged nothing can be, so that every visit
 * would count twice: there each is taken for the twin of one of the saves in the family's file, as far as these reach.
 */
static enum rc
add_purged(struct counting *counting, const struct ledger_stream *index, uint64_t in_file)
{
    enum streams_place place = STREAMS_SHOWN;
    enum rc rc = counting->unread == 0 ? RC_OK : streams_find(counting->replica, index->id, &place);

    if (rc != RC_OK || place == STREAMS_SHOWN || in_file <= counting->twins)
        return rc;
    uint64_t most = in_file - counting->twins;
    counting->twins += counting->unread < most ? counting->unread : most;
    return RC_OK;
}

static enum rc
count_waiting(struct counting *counting, const struct elog_feed *feed, struct buf *body)
{
    uint32_t first, last;
    enum rc rc = outbox_range(counting->replica->db, feed->key, &first, &last);

    for (uint32_t save = first; rc == RC_OK && save != 0 && save <= last; save++) {
        rc = outbox_get(counting->replica->db, feed->key, save, body);
        if (rc == RC_OK)
            count_saves(counting, feed, save, save, body);
        else if (rc == RC_ABSENT || rc == RC_CORRUPT)
            rc = RC_OK;
    }
    return rc;
}

/* The own entry of a feed that is not known to be at the server, next after `key`; 0: none. */
static enum rc
next_unsent(struct db *db, int64_t feed, int64_t key, int64_t *next)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, "SELECT entry FROM sync_entry WHERE is_sent = 0 AND feed = ?1 AND entry > ?2 ORDER BY entry LIMIT 1",
                         &stmt);

    *next = 0;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, key);
    return stmt_finish_int(stmt, next);
}

static enum rc
count_sealed(struct counting *counting, const struct elog_feed *feed, struct buf *body)
{
    struct db *db = counting->replica->db;
    int64_t key = 0;
    enum rc rc;

    while ((rc = next_unsent(db, feed->key, key, &key)) == RC_OK && key != 0) {
        struct elog_row row = ELOG_ROW_EMPTY;
        rc = elog_get(db, key, &row);
        if (rc == RC_OK)
            count_entry(counting, feed, &row.entry, body);
        elog_row_wipe(&row);
        if (rc != RC_OK)
            break;
    }
    return rc;
}

static enum rc
count_feed(void *context, const struct elog_feed *feed)
{
    struct counting *counting = context;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);

    if (!feed->is_own)
        return RC_OK;
    enum rc rc = count_waiting(counting, feed, &body);
    if (rc == RC_OK)
        rc = count_sealed(counting, feed, &body);
    buf_wipe(&body);
    return rc;
}

static struct id
file_of(const struct replica *replica, const struct ledger_stream *index)
{
    const struct ledger_family *family = ledger_family(replica->ledger, index->family);

    return family == NULL ? (struct id){{0}} : family->file;
}

enum rc
replica_waiting_twins(struct replica *replica, struct id stream, uint64_t *twins)
{
    const struct ledger_stream *known = replica->ledger == NULL ? NULL : ledger_stream(replica->ledger, stream);
    struct counting counting = {.replica = replica};
    struct stream_waiting in_file = {.unsealed = 0};

    *twins = 0;
    if (known == NULL || known->kind != STREAM_INDEX)
        return RC_OK;
    counting.kind = known->kind;
    enum rc rc = elog_feeds(replica->db, stream, count_feed, &counting);
    if (rc == RC_OK && counting.unread > 0)
        rc = replica_waiting_in(replica, file_of(replica, known), &in_file);
    if (rc == RC_OK)
        rc = add_purged(&counting, known, in_file.unsealed + in_file.unsent);
    *twins = counting.twins;
    return rc;
}

/* The entry of a feed that is parked or held, next after `key` and up to a save; 0: none. */
static enum rc
next_received(struct db *db, int64_t feed, const struct parked_group *group, int64_t key, int64_t *next)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "SELECT entry FROM sync_entry WHERE state = ?1 AND state <> 1 AND feed = ?2"
                         " AND first BETWEEN ?3 AND ?4 AND entry > ?5 ORDER BY entry LIMIT 1",
                         &stmt);

    *next = 0;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, group->is_held ? ELOG_HELD : ELOG_PARKED);
    stmt_int(stmt, 2, feed);
    stmt_int(stmt, 3, group->first);
    stmt_int(stmt, 4, group->last);
    stmt_int(stmt, 5, key);
    return stmt_finish_int(stmt, next);
}

static enum rc
count_received(struct counting *counting, const struct elog_feed *feed, const struct parked_group *group)
{
    struct db *db = counting->replica->db;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    int64_t key = 0;
    enum rc rc;

    while ((rc = next_received(db, feed->key, group, key, &key)) == RC_OK && key != 0) {
        struct elog_row row = ELOG_ROW_EMPTY;
        rc = elog_get(db, key, &row);
        if (rc == RC_OK && strcmp(elog_reason_name(row.reason), group->reason) == 0)
            count_entry(counting, feed, &row.entry, &body);
        elog_row_wipe(&row);
        if (rc != RC_OK)
            break;
    }
    buf_wipe(&body);
    return rc;
}

enum rc
replica_received_twins(struct replica *replica, const struct parked_group *group, uint64_t *twins)
{
    const struct ledger_stream *known = replica->ledger == NULL ? NULL : ledger_stream(replica->ledger, group->stream);
    struct counting counting = {.replica = replica, .kind = STREAM_INDEX};
    struct elog_feed feed;
    uint64_t alike = 0; /* in the family's file */

    *twins = 0;
    if (known == NULL || known->kind != STREAM_INDEX)
        return RC_OK;
    enum rc rc = elog_feed_find(replica->db, group->stream, group->feed, &feed);
    if (rc == RC_OK)
        rc = count_received(&counting, &feed, group);
    if (rc == RC_OK && counting.unread > 0)
        rc = replica_parked_alike(replica, group, file_of(replica, known), &alike);
    if (rc == RC_OK)
        rc = add_purged(&counting, known, alike);
    *twins = counting.twins;
    return rc == RC_ABSENT ? RC_OK : rc;
}
