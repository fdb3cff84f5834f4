/* What has synced, and at whom. */
#include "sync/status.h"

#include <string.h>

#include "sync/ack.h"
#include "sync/inbox.h"
#include "sync/outbox.h"

enum rc
status_done(struct db *db, int64_t feed, uint32_t *last)
{
    struct stmt *stmt;
    bool found;

    *last = 0;
    enum rc rc =
        db_stmt(db,
                "SELECT last FROM sync_entry WHERE feed = ?1 AND first < coalesce("
                "(SELECT min(first) FROM sync_entry"
                " WHERE feed = ?1 AND state IN (0, 2) AND state <> 1), 4294967296)"
                " ORDER BY first DESC LIMIT 1",
                &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && found)
        *last = (uint32_t)stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return rc;
}

/* ---- feeds ------------------------------------------------------------------------------------ */

struct feed_walk {
    struct replica *replica;
    replica_feed_fn visit;
    void *context;
};

static enum rc
visit_feed(void *context, const struct elog_feed *feed)
{
    struct feed_walk *walk = context;
    uint32_t stored, applied;

    enum rc rc = elog_last(walk->replica->db, feed->key, &stored, &applied);
    if (rc != RC_OK)
        return rc;
    struct feed_status status = {
        .stream = feed->stream,
        .feed = feed->feed,
        .written = stored > feed->saved ? stored : feed->saved,
        .sealed = feed->is_own ? feed->sealed : stored,
        .on_server = feed->on_server,
    };
    return walk->visit(walk->context, &status);
}

struct ack_feed
status_vector_next(struct reader *reader)
{
    struct ack_feed feed;

    reader_copy(reader, feed.device.bytes, ID_BYTES);
    feed.incarnation = reader_u64(reader);
    feed.last = reader_u32(reader);
    return feed;
}

/* Every feed that a writer's own acknowledgement names: what is known of a stream that one may not read. */
static enum rc
visit_acknowledged(struct replica *replica, struct id stream, replica_feed_fn visit, void *context)
{
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(replica->db, "SELECT device, vector FROM sync_ack WHERE stream = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        struct id device;
        size_t len;
        rc = stmt_get_id(stmt, 0, &device);
        const uint8_t *bytes = stmt_get_blob(stmt, 1, &len);
        struct reader reader = reader_of(bytes, len);
        while (rc == RC_OK && reader_left(&reader) > 0 && !reader.failed) {
            struct ack_feed feed = status_vector_next(&reader);
            struct feed_status status = {stream, {feed.device, feed.incarnation}, feed.last, feed.last, feed.last};
            if (!reader.failed && id_equal(feed.device, device))
                rc = visit(context, &status);
        }
    }
    stmt_done(stmt);
    return rc;
}

enum rc
replica_feeds(struct replica *replica, struct id stream, replica_feed_fn visit, void *context)
{
    struct feed_walk walk = {replica, visit, context};
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);

    if (replica->ledger != NULL && !ledger_may_read(replica->ledger, replica->identity.device, stream, now_ms))
        return visit_acknowledged(replica, stream, visit, context);
    return elog_feeds(replica->db, stream, visit_feed, &walk);
}

enum rc
replica_applied_at(struct replica *replica, struct id device, struct id stream,
                   struct feed_ref feed, struct ack_status *status)
{
    struct stmt *stmt;
    bool found;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    uint64_t since = replica->ledger == NULL
                         ? 0
                         : ledger_reads_since(replica->ledger, device, stream, now_ms);

    *status = (struct ack_status){.device = device};
    if (since == 0)
        return RC_OK;
    /* What it told before it came to read the stream, it told of what it has purged since. */
    enum rc rc = db_stmt(replica->db,
                         "SELECT created_ms, vector, position FROM sync_ack WHERE device = ?1 AND"
                         " stream = ?2 AND position >= ?3",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, device);
    stmt_id(stmt, 2, stream);
    stmt_int(stmt, 3, (int64_t)since);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && found) {
        size_t len;
        const uint8_t *bytes = stmt_get_blob(stmt, 1, &len);
        struct reader reader = reader_of(bytes, len);
        status->acked_at_ms = stmt_get_int(stmt, 0);
        status->position = (uint64_t)stmt_get_int(stmt, 2);
        while (reader_left(&reader) > 0 && !reader.failed) {
            struct ack_feed applied = status_vector_next(&reader);
            if (id_equal(applied.device, feed.device) && applied.incarnation == feed.incarnation)
                status->last = applied.last;
        }
    }
    stmt_done(stmt);
    return rc;
}

enum rc
replica_heard_at(struct replica *replica, struct id device, int64_t *at_ms)
{
    struct stmt *stmt;

    *at_ms = 0;
    enum rc rc = db_stmt(replica->db,
                         "SELECT coalesce(max(created_ms), 0) FROM sync_ack WHERE device = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, device);
    return stmt_finish_int(stmt, at_ms);
}

/* ---- digests of others ------------------------------------------------------------------------ */

enum rc
status_digest(struct replica *replica, struct id stream, const uint8_t *vector, size_t len,
              uint8_t digest[CRYPTO_HASH_BYTES], bool *is_known)
{
    struct ack_digest made;
    struct reader reader = reader_of(vector, len);
    enum rc rc = RC_OK;

    *is_known = true;
    ack_digest_start(&made);
    while (rc == RC_OK && *is_known && reader_left(&reader) > 0 && !reader.failed) {
        struct ack_feed named = status_vector_next(&reader);
        struct elog_feed feed;
        uint8_t hash[CRYPTO_HASH_BYTES];
        rc = elog_feed_find(replica->db, stream, (struct feed_ref){named.device, named.incarnation}, &feed);
        if (rc == RC_OK)
            rc = elog_head_at(replica->db, feed.key, named.last, hash);
        *is_known = rc == RC_OK;
        if (rc == RC_OK)
            ack_digest_add(&made, named.device, named.incarnation, named.last, hash);
    }
    ack_digest_end(&made, digest);
    return rc == RC_ABSENT || rc == RC_CORRUPT ? RC_OK : rc; /* damage is told of where the feeds are looked at */
}

/* ---- what waits ------------------------------------------------------------------------------- */

static enum rc
count_hidden_files(struct db *db, int64_t *count)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(
        db, "SELECT count(*) FROM sync_stream WHERE hidden_ms NOT NULL AND kind = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, STREAM_FILE);
    return stmt_finish_int(stmt, count);
}

/* The accepted cover by which this person works with the family; NULL for none. */
static const struct ledger_cover *
find_cover(const struct replica *replica, struct id family)
{
    struct id self = ledger_device(replica->ledger, replica->identity.device)->person;
    const struct ledger_cover *cover;

    for (size_t i = 0; (cover = ledger_cover_at(replica->ledger, i)) != NULL; i++)
        if (cover->state == LEDGER_COVER_ACCEPTED && id_equal(cover->person, self) &&
            id_is_among(family, cover->families, cover->family_count, sizeof *cover->families))
            return cover;
    return NULL;
}

/* Which of the streams that are being filled a cover opened: of others the family was shared in another way. */
static enum rc
count_covered(struct replica *replica, struct waiting *waiting)
{
    struct ledger_ids filling = LEDGER_IDS_EMPTY;
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "SELECT stream FROM sync_stream WHERE is_filling AND hidden_ms IS NULL", &stmt);

    if (rc == RC_OK)
        rc = streams_list(stmt, &filling);
    for (size_t i = 0; rc == RC_OK && i < filling.count; i++) {
        const struct ledger_stream *stream = ledger_stream(replica->ledger, filling.items[i]);
        const struct ledger_cover *cover =
            stream == NULL || id_is_zero(stream->family) ? NULL : find_cover(replica, stream->family);
        waiting->filling_covered += cover != NULL;
        waiting->is_cover_carried = waiting->is_cover_carried || (cover != NULL && cover->is_carried);
    }
    ledger_ids_wipe(&filling);
    return rc;
}

static enum rc
count_filling(struct replica *replica, struct waiting *waiting)
{
    struct db *db = replica->db;
    int64_t filling, is_open = 0, is_full = 0;
    enum rc rc = db_get_int(db, "SELECT count(*) FROM sync_stream WHERE is_filling AND hidden_ms IS NULL",
                            &filling);

    if (rc == RC_OK)
        rc = state_get_int(db, STATE_NEWER_FULL, &is_full);
    waiting->needs_upgrade = waiting->needs_upgrade || is_full != 0;
    if (rc == RC_OK)
        rc = state_get_int(db, STATE_PULL_OPEN, &is_open);
    waiting->filling = rc == RC_OK ? (uint64_t)filling : 0;
    waiting->is_pull_open = is_open != 0;
    waiting->is_incomplete = rc == RC_OK && (filling > 0 || is_open != 0);
    return rc == RC_OK && filling > 0 ? count_covered(replica, waiting) : rc;
}

enum rc
replica_waiting(struct replica *replica, struct waiting *waiting)
{
    uint64_t newer = 0;
    int64_t unsent = 0, carried = 0, hidden = 0;

    *waiting = (struct waiting){.clock_off_ms = -replica->clock_offset_ms, .needs_upgrade = replica->has_newer_line};
    enum rc rc = outbox_count(replica->db, &waiting->saves_unsealed);
    if (rc == RC_OK)
        rc = db_get_int(replica->db,
                        "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed)"
                        " WHERE is_sent = 0 AND is_own",
                        &unsent);
    if (rc == RC_OK)
        rc = db_get_int(replica->db,
                        "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed)"
                        " WHERE is_sent = 0 AND NOT is_own",
                        &carried);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_PARKED, &waiting->parked);
    if (rc == RC_OK)
        rc = inbox_count_newer(replica->db, &newer);
    waiting->parked += newer;
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_HELD, &waiting->held);
    if (rc == RC_OK)
        rc = count_hidden_files(replica->db, &hidden);
    waiting->entries_unsent = (uint64_t)unsent;
    waiting->entries_carried = (uint64_t)carried;
    waiting->hidden = (uint64_t)hidden;
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_LAST_SYNC_MS, &waiting->last_sync_ms);
    return rc == RC_OK && replica->is_in_team ? count_filling(replica, waiting) : rc;
}

static enum rc
visit_state(struct replica *replica, enum elog_state state, replica_parked_fn visit, void *context)
{
    struct elog_place place = {0, 0};
    struct elog_row row = ELOG_ROW_EMPTY;
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        rc = elog_next(replica->db, (struct id){{0}}, state, &place, &row, &found);
        if (rc == RC_OK && found)
            rc = visit(context, row.entry.stream,
                       (struct feed_ref){row.entry.device, row.entry.incarnation}, row.entry.first,
                       row.entry.last, elog_reason_name(row.reason));
    }
    elog_row_wipe(&row);
    return rc;
}

enum rc
replica_parked(struct replica *replica, replica_parked_fn visit, void *context)
{
    enum rc rc = visit_state(replica, ELOG_PARKED, visit, context);

    return rc == RC_OK ? visit_state(replica, ELOG_HELD, visit, context) : rc;
}

static enum rc
count_in(struct db *db, const char *sql, struct id stream, uint64_t *count)
{
    struct stmt *stmt;
    int64_t found = 0;
    enum rc rc = db_stmt(db, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    rc = stmt_finish_int(stmt, &found);
    *count = (uint64_t)found;
    return rc;
}

enum rc
replica_waiting_in(struct replica *replica, struct id stream, struct stream_waiting *waiting)
{
    struct db *db = replica->db;

    *waiting = (struct stream_waiting){.unsealed = 0};
    enum rc rc = count_in(db,
                          "SELECT count(*) FROM sync_feed JOIN sync_outbox USING (feed) WHERE stream = ?1",
                          stream, &waiting->unsealed);
    if (rc == RC_OK)
        rc = count_in(db,
                      "SELECT coalesce(sum(last - first + 1), 0) FROM sync_feed JOIN sync_entry USING (feed)"
                      " WHERE stream = ?1 AND is_own AND is_sent = 0",
                      stream, &waiting->unsent);
    if (rc == RC_OK)
        rc = count_in(db,
                      "SELECT coalesce(sum(last - first + 1), 0) FROM sync_feed JOIN sync_entry USING (feed)"
                      " WHERE stream = ?1 AND state = 2 AND state <> 1",
                      stream, &waiting->parked);
    if (rc == RC_OK)
        rc = count_in(db,
                      "SELECT coalesce(sum(last - first + 1), 0) FROM sync_feed JOIN sync_entry USING (feed)"
                      " WHERE stream = ?1 AND state = 3 AND state <> 1",
                      stream, &waiting->held);
    return rc;
}

bool
replica_group_is_like(const struct parked_group *one, const struct parked_group *other)
{
    return feed_equal(one->feed, other->feed) && one->is_held == other->is_held && strcmp(one->reason, other->reason) == 0;
}

struct looking {
    const struct parked_group *like;
    struct id stream;
    uint64_t saves;
};

static enum rc
look_for_like(void *context, const struct parked_group *group)
{
    struct looking *looking = context;

    if (id_equal(group->stream, looking->stream) && replica_group_is_like(group, looking->like))
        looking->saves = group->saves;
    return RC_OK;
}

enum rc
replica_parked_alike(struct replica *replica, const struct parked_group *group, struct id stream, uint64_t *saves)
{
    struct looking looking = {.like = group, .stream = stream};
    enum rc rc = replica_parked_groups(replica, look_for_like, &looking);

    *saves = looking.saves;
    return rc;
}

enum rc
replica_parked_groups(struct replica *replica, replica_parked_groups_fn visit, void *context)
{
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(replica->db,
                         "SELECT stream, device, incarnation, state, reason, min(first), max(last), count(*),"
                         " sum(last - first + 1) FROM sync_entry JOIN sync_feed USING (feed)"
                         " WHERE state IN (2, 3) AND state <> 1 GROUP BY state, stream, device, incarnation, reason"
                         " ORDER BY state, stream, device, incarnation, reason",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        struct parked_group group = {
            .feed.incarnation = (uint64_t)stmt_get_int(stmt, 2),
            .is_held = stmt_get_int(stmt, 3) == ELOG_HELD,
            .reason = elog_reason_name((enum elog_reason)stmt_get_int(stmt, 4)),
            .first = (uint32_t)stmt_get_int(stmt, 5),
            .last = (uint32_t)stmt_get_int(stmt, 6),
            .entries = (uint64_t)stmt_get_int(stmt, 7),
            .saves = (uint64_t)stmt_get_int(stmt, 8),
        };
        rc = stmt_get_id(stmt, 0, &group.stream);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 1, &group.feed.device);
        if (rc == RC_OK)
            rc = visit(context, &group);
    }
    stmt_done(stmt);
    return rc;
}
