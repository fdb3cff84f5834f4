/* What the server must hold and did not give: seen by gaps in feeds, by the writers' own acknowledgements and by the heads
 * that ledger lines name. */
#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/session.h"
#include "sync/status.h"

/* Entries came from the server whose predecessors did not. It takes no entry after a gap, so it has them; of another life of this
 * device, which may be a copy of its store that works on, too. A run of a newer format that waits for an upgrade may hold what is
 * missing. Of an entry whose signature nobody looked at it is not known whose it is, nor whether anything goes before it: it is looked at
 * again with the ledger line that it waits for. */
#define GAPS                                                                                       \
    " FROM sync_entry AS e JOIN sync_feed AS f ON f.feed = e.feed WHERE e.state = 2 AND "          \
    "e.state <> 1 AND e.reason NOT IN (2, 6) AND e.arrived_ms > 0" /* ELOG_LEDGER, ELOG_FORK */    \
    " AND NOT (f.is_own AND f.incarnation IS (SELECT value FROM sync_state WHERE name = 'incarnation'))" \
    " AND e.first > 1 AND e.first - 1 IS NOT (SELECT b.last FROM sync_entry AS b" \
    " WHERE b.feed = e.feed AND b.first < e.first ORDER BY b.first DESC LIMIT 1)"                  \
    " AND NOT EXISTS (SELECT 1 FROM sync_newer_run)"

/* One save that is missing; 0 when none. */
static enum rc
find_gap(struct replica *replica, int64_t *missing)
{
    return db_get_int(replica->db, "SELECT e.first - 1" GAPS " LIMIT 1", missing);
}

/* ---- what is lacking ------------------------------------------------------------------------------ */

/* A lack of which only others tell is asked for at once, after this time again, then after twice that, at last once a day: of a
 * save that is withheld or lost for good the whole stream would else be fetched in every session, and it may come back any day. */
#define ASK_AGAIN_MS INT64_C(600000)

/* Of one device in one stream: as many as it can have lives there (PROTOCOL section 3). Anybody may claim what never was. */
enum { LACKS_MOST = 64 };

static enum rc
note_lack(struct replica *replica, struct id stream, struct feed_ref feed, uint32_t save)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "INSERT OR IGNORE INTO sync_lack (stream, device, incarnation, save) SELECT ?1, ?2, ?3, ?4"
                         " WHERE (SELECT count(*) FROM sync_lack WHERE stream = ?1 AND device = ?2) < ?5",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_id(stmt, 2, feed.device);
    stmt_int(stmt, 3, (int64_t)feed.incarnation);
    stmt_int(stmt, 4, save);
    stmt_int(stmt, 5, LACKS_MOST);
    return stmt_finish(stmt);
}

/* A gap ends the session with an alarm, which somebody reads and tries again: it is asked for each time. */
static enum rc
note_gaps(struct replica *replica)
{
    return db_run(replica->db, "INSERT INTO sync_lack (stream, device, incarnation, save)"
                               " SELECT f.stream, f.device, f.incarnation, e.first - 1" GAPS
                               " ON CONFLICT DO UPDATE SET times = 0");
}

/* What came after all. */
static enum rc
forget_filled(struct replica *replica)
{
    int64_t any = 0;
    enum rc rc = db_get_int(replica->db, "SELECT EXISTS (SELECT 1 FROM sync_lack)", &any);

    if (rc != RC_OK || any == 0)
        return rc;
    return db_run(replica->db,
                  "DELETE FROM sync_lack WHERE EXISTS (SELECT 1 FROM sync_feed AS f JOIN sync_entry AS e ON e.feed = f.feed"
                  " WHERE f.stream = sync_lack.stream AND f.device = sync_lack.device"
                  " AND f.incarnation = sync_lack.incarnation AND e.first <= sync_lack.save AND e.last >= sync_lack.save)");
}

/* What is being filled is looked at when it is whole. */
static enum rc
list_due(struct replica *replica, struct ledger_ids *streams)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "SELECT DISTINCT stream FROM sync_lack JOIN sync_stream USING (stream)"
                         " WHERE NOT is_filling AND hidden_ms IS NULL AND (times = 0 OR asked_ms > ?1"
                         " OR asked_ms + min(?2 << min(times - 1, 10), ?3) <= ?1)",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, replica_now_ms(replica));
    stmt_int(stmt, 2, ASK_AGAIN_MS);
    stmt_int(stmt, 3, DAY_MS);
    return streams_list(stmt, streams);
}

static enum rc
fill_again(struct replica *replica, struct id stream)
{
    struct stmt *stmt;

    enum rc rc = streams_fill_again(replica, stream);
    if (rc == RC_OK)
        rc = db_stmt(replica->db, "UPDATE sync_lack SET asked_ms = ?2, times = times + 1 WHERE stream = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_int(stmt, 2, replica_now_ms(replica));
    return stmt_finish(stmt);
}

static enum rc
fill_due(struct replica *replica, bool *again)
{
    struct ledger_ids streams = LEDGER_IDS_EMPTY;
    enum rc rc = forget_filled(replica);

    if (rc == RC_OK)
        rc = list_due(replica, &streams);
    *again = streams.count > 0;
    if (rc == RC_OK && *again) {
        rc = db_begin(replica->db);
        for (size_t i = 0; rc == RC_OK && i < streams.count; i++)
            rc = fill_again(replica, streams.items[i]);
        if (db_in_transaction(replica->db))
            rc = db_end(replica->db, rc);
    }
    ledger_ids_wipe(&streams);
    return rc;
}

/* ---- acknowledgements ---------------------------------------------------------------------------- */

/* The last save of a feed that the log has, applied or not; 0: none. */
static enum rc
last_stored(struct replica *replica, struct id stream, struct feed_ref ref, uint32_t *stored)
{
    struct elog_feed feed;
    uint32_t applied;

    *stored = 0;
    enum rc rc = elog_feed_find(replica->db, stream, ref, &feed);
    if (rc == RC_OK)
        rc = elog_last(replica->db, feed.key, stored, &applied);
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* The last save that this store gave in a feed, or knew the server to have; 0: none. */
static enum rc
last_given(struct replica *replica, struct id stream, struct feed_ref ref, uint32_t *given)
{
    struct elog_feed feed;
    enum rc rc = elog_feed_find(replica->db, stream, ref, &feed);

    *given = rc == RC_OK ? feed.saved : 0;
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* Notes what the writer's own acknowledgement names of its feed and never came, or anybody's of another life of ours: we cannot
 * acknowledge what a restored store never saw, and what a copy of this store writes it acknowledges as this device. Of this life we
 * know more than anybody; and what we gave a number ourselves is no lack on our own word alone: when it is here no longer, the
 * server said twice that it had it (decision 024). By the first save that lacks: a claim that grows is no new lack. */
static enum rc
note_short(struct replica *replica, struct id stream, struct id device, const void *vector, size_t len)
{
    struct reader reader = reader_of(vector, len);
    enum rc rc = RC_OK;

    while (rc == RC_OK && reader_left(&reader) > 0 && !reader.failed) {
        struct ack_feed named = status_vector_next(&reader);
        struct feed_ref ref = {named.device, named.incarnation};
        uint32_t stored, given = 0;
        bool is_own = id_equal(named.device, replica->identity.device);
        bool is_writers = !is_own && id_equal(named.device, device);
        bool is_past = is_own && named.incarnation != replica->incarnation;
        if (reader.failed || (!is_writers && !is_past))
            continue;
        rc = last_stored(replica, stream, ref, &stored);
        if (rc == RC_OK && is_own && id_equal(device, named.device))
            rc = last_given(replica, stream, ref, &given);
        if (rc == RC_OK && stored < named.last && given < named.last)
            rc = note_lack(replica, stream, ref, stored + 1);
    }
    return rc;
}

/* What a device claims to have written where it never might says nothing. */
static bool
might_write(const struct ledger *ledger, struct id device, struct id stream)
{
    uint64_t head = ledger_position(ledger);
    struct ledger_entry_facts facts = {.device = device,
                                       .stream = stream,
                                       .last = UINT32_MAX,
                                       .position = head,
                                       .position_hash = ledger_hash_at(ledger, head)};

    return ledger_entry_counts(ledger, &facts, NULL) != LEDGER_NO_RIGHT;
}

/* The next acknowledgement that is to be looked at now, after that of `*stream` and `*device`: its vector. */
static enum rc
next_claim(struct replica *replica, struct id *stream, struct id *device, struct buf *vector, bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "SELECT stream, device, vector FROM sync_ack WHERE is_asked = 2 AND is_asked <> 1"
                         " AND (stream, device) > (?1, ?2) ORDER BY stream, device LIMIT 1",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, *stream);
    stmt_id(stmt, 2, *device);
    buf_clear(vector);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        rc = stmt_get_id(stmt, 0, stream);
    if (rc == RC_OK && *found)
        rc = stmt_get_id(stmt, 1, device);
    if (rc == RC_OK && *found)
        rc = stmt_get_buf(stmt, 2, vector);
    stmt_done(stmt);
    return rc;
}

static enum rc
note_claims(struct replica *replica)
{
    struct buf vector = BUF_EMPTY(ACK_MAX_BYTES);
    struct id stream = {{0}}, device = {{0}};
    bool found = true;
    enum rc rc = db_run(replica->db, /* those of a stream that is being filled are looked at when it is whole */
                        "UPDATE sync_ack SET is_asked = 2 WHERE is_asked = 0 AND is_asked <> 1 AND EXISTS"
                        " (SELECT 1 FROM sync_stream AS s WHERE s.stream = sync_ack.stream AND NOT s.is_filling)");

    while (rc == RC_OK && (rc = next_claim(replica, &stream, &device, &vector, &found)) == RC_OK && found)
        if (might_write(replica->ledger, device, stream))
            rc = note_short(replica, stream, device, vector.data, vector.len);
    buf_wipe(&vector);
    return rc == RC_OK ? db_run(replica->db, "UPDATE sync_ack SET is_asked = 1 WHERE is_asked = 2 AND is_asked <> 1 AND EXISTS"
                                             " (SELECT 1 FROM sync_stream AS s WHERE s.stream = sync_ack.stream)")
                       : rc;
}

/* A writer acknowledges its own saves after it pushed them. What an acknowledgement of an earlier session names and this
 * one did not bring is asked for: each acknowledgement is looked at once. */
static enum rc
look_at_acks(struct replica *replica)
{
    int64_t asked, acks, filling = 0;

    enum rc rc = state_get_int(replica->db, STATE_ACKS_AFTER, &acks);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_ACKS_ASKED, &asked);
    if (rc == RC_OK && asked != acks)
        rc = db_begin(replica->db);
    if (rc != RC_OK || asked == acks)
        return rc;
    rc = note_claims(replica);
    if (rc == RC_OK)
        rc = db_get_int(replica->db, "SELECT count(*) FROM sync_stream WHERE is_filling", &filling);
    if (rc == RC_OK && filling == 0)
        rc = state_put_int(replica->db, STATE_ACKS_ASKED, acks);
    return db_end(replica->db, rc);
}

/* ---- heads of lines ------------------------------------------------------------------------------- */

static enum rc
note_head(struct replica *replica, const struct ledger_head *head)
{
    const struct feed_ref ref = {head->device, head->incarnation};
    uint32_t stored;

    enum rc rc = last_stored(replica, head->stream, ref, &stored);
    return rc == RC_OK && stored < head->last ? note_lack(replica, head->stream, ref, head->last) : rc;
}

/* Those of ours that no head was held against yet: they were gained, or shown again, since. */
static enum rc
list_unheaded(struct replica *replica, struct ledger_ids *streams)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "SELECT stream FROM sync_stream WHERE NOT heads_asked AND NOT is_filling AND hidden_ms IS NULL"
                         " ORDER BY stream",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    return streams_list(stmt, streams);
}

/* Of lines after `asked`, and of all lines where the stream is among those. */
static enum rc
note_heads(struct replica *replica, uint64_t asked, const struct ledger_ids *unheaded)
{
    const struct ledger_head *heads;
    uint64_t position;
    size_t count;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && (heads = ledger_heads_at(replica->ledger, i, &position, &count)) != NULL; i++)
        for (size_t k = 0; rc == RC_OK && k < count; k++) {
            enum streams_place place = STREAMS_ABSENT;
            if (id_is_among(heads[k].stream, unheaded->items, unheaded->count, sizeof *unheaded->items))
                place = STREAMS_SHOWN;
            else if (position > asked)
                rc = streams_find(replica, heads[k].stream, &place);
            if (rc == RC_OK && place == STREAMS_SHOWN)
                rc = note_head(replica, &heads[k]);
        }
    return rc;
}

static enum rc
note_all_heads(struct replica *replica, uint64_t asked, const struct ledger_ids *unheaded)
{
    enum rc rc = note_heads(replica, asked, unheaded);

    for (size_t i = 0; rc == RC_OK && i < unheaded->count; i++)
        rc = db_run_id(replica->db, "UPDATE sync_stream SET heads_asked = 1 WHERE stream = ?1", unheaded->items[i]);
    return rc == RC_OK ? state_put_int(replica->db, STATE_HEADS_ASKED, (int64_t)ledger_position(replica->ledger)) : rc;
}

/* A line that ends a right names what the server had of each feed: also of an author who was shut out before it acknowledged that. What
 * the log lacks of it when all was pulled is asked for, for nobody else may have looked whether it is there. */
static enum rc
look_at_heads(struct replica *replica)
{
    struct ledger_ids unheaded = LEDGER_IDS_EMPTY;
    int64_t asked = 0;

    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = state_get_int(replica->db, STATE_HEADS_ASKED, &asked);
    if (rc == RC_OK)
        rc = list_unheaded(replica, &unheaded);
    if (rc == RC_OK && (unheaded.count > 0 || (uint64_t)asked < ledger_position(replica->ledger)))
        rc = note_all_heads(replica, (uint64_t)asked, &unheaded);
    ledger_ids_wipe(&unheaded);
    return db_end(replica->db, rc);
}

/* ---- the step of a session ------------------------------------------------------------------------ */

enum rc
session_fetch_head(struct session *session, const struct ledger_head *head)
{
    struct replica *replica = session->replica;
    const struct feed_ref ref = {head->device, head->incarnation};
    uint32_t stored;
    bool again = false;

    enum rc rc = last_stored(replica, head->stream, ref, &stored);
    if (rc != RC_OK || stored >= head->last)
        return rc;
    rc = note_lack(replica, head->stream, ref, stored + 1);
    if (rc == RC_OK)
        rc = fill_due(replica, &again);
    return rc == RC_OK && again ? session_pull(session) : rc;
}

/* Behind a fork there is no gap to be filled: it is told as what it is, with the device whose it is, and stops nobody. */
static enum rc
mark_forks(struct replica *replica)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < replica->forked_count; i++)
        rc = db_run_int(replica->db, /* ELOG_GAP becomes ELOG_FORK */
                        "UPDATE sync_entry SET reason = 6 WHERE feed = ?1 AND state = 2 AND state <> 1 AND reason = 3",
                        replica->forked[i]);
    return rc;
}

/* Once more all of what lacks something, where that is due. */
static enum rc
ask(struct session *session)
{
    struct replica *replica = session->replica;
    bool again;
    enum rc rc = fill_due(replica, &again);

    if (rc == RC_OK && again)
        rc = session_pull(session);
    if (rc == RC_OK && again)
        rc = inbox_apply(replica, session->report, session->options);
    return rc == RC_OK ? forget_filled(replica) : rc;
}

enum rc
session_close_gaps(struct session *session)
{
    struct replica *replica = session->replica;
    int64_t missing;

    enum rc rc = look_at_acks(replica);
    if (rc == RC_OK)
        rc = look_at_heads(replica);
    if (rc == RC_OK)
        rc = find_gap(replica, &missing);
    if (rc == RC_OK && missing > 0)
        rc = note_gaps(replica);
    if (rc == RC_OK)
        rc = ask(session);
    if (rc == RC_OK)
        rc = mark_forks(replica);
    if (rc == RC_OK)
        rc = find_gap(replica, &missing);
    if (rc == RC_OK && missing > 0)
        rc =
            rc_fail(RC_UNTRUSTED,
                    _("the server withholds entries: it shows what follows save %lld of a feed, and"
                      " not that save"),
                    (long long)missing);
    return rc;
}
