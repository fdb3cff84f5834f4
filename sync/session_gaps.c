/* What the server must hold and did not give: seen by gaps in feeds, by the writers' own acknowledgements and by the heads
 * that ledger lines name. */
#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/session.h"
#include "sync/status.h"

/* Entries came from the server whose predecessors did not. It takes no entry after a gap, so it has them. A run of a newer
 * format that waits for an upgrade may hold what is missing. */
#define GAPS                                                                                       \
    " FROM sync_entry AS e JOIN sync_feed AS f ON f.feed = e.feed WHERE e.state = 2 AND "          \
    "e.state <> 1 AND e.reason <> 6 AND e.arrived_ms > 0" /* ELOG_FORK */                          \
    " AND e.first > 1 AND NOT f.is_own AND e.first - 1 IS NOT (SELECT b.last FROM sync_entry AS b" \
    " WHERE b.feed = e.feed AND b.first < e.first ORDER BY b.first DESC LIMIT 1)"                  \
    " AND NOT EXISTS (SELECT 1 FROM sync_newer_run)"

/* One save that is missing; 0 when none. */
static enum rc
find_gap(struct replica *replica, int64_t *missing)
{
    return db_get_int(replica->db, "SELECT e.first - 1" GAPS " LIMIT 1", missing);
}

/* A whole stream, or (NULL) each with a gap, is asked for once more, from zero up to the shared cursor. */
static enum rc
fill_again(struct replica *replica, const struct id *stream)
{
    struct stmt *stmt;
    int64_t cursor;

    enum rc rc = state_get_int(replica->db, STATE_CURSOR, &cursor);
    if (rc == RC_OK)
        rc = db_stmt(replica->db,
                     "UPDATE sync_stream SET is_filling = 1, fill_after = 0, fill_until = ?2 WHERE "
                     "stream = ?1"
                     " OR (?1 IS NULL AND stream IN (SELECT f.stream" GAPS "))",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id_or_null(stmt, 1, stream);
    stmt_int(stmt, 2, cursor);
    return stmt_finish(stmt);
}

/* ---- acknowledgements ---------------------------------------------------------------------------- */

/* Whether the writer's own acknowledgement names saves of its feed that never came, or anybody's those of a past life of ours: we
 * cannot acknowledge what a restored store never saw. */
static enum rc
is_short(struct replica *replica, struct id stream, struct id device, const void *vector,
         size_t len, bool *lacks)
{
    struct reader reader = reader_of(vector, len);
    struct elog_feed feed;
    enum rc rc = RC_OK;

    while (rc == RC_OK && !*lacks && reader_left(&reader) > 0 && !reader.failed) {
        struct ack_feed named = status_vector_next(&reader);
        uint32_t stored = 0, applied;
        bool is_writers = id_equal(named.device, device);
        bool is_past = id_equal(named.device, replica->identity.device) &&
                       named.incarnation != replica->incarnation;
        if (reader.failed || (!is_writers && !is_past))
            continue;
        rc = elog_feed_find(replica->db, stream, (struct feed_ref){named.device, named.incarnation}, &feed);
        if (rc == RC_OK)
            rc = elog_last(replica->db, feed.key, &stored, &applied);
        if (rc == RC_ABSENT)
            rc = RC_OK;
        *lacks = rc == RC_OK && stored < named.last;
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

/* Each stream of ours after `after`, with one of its acknowledgements: the first that names what is not here. */
static enum rc
next_short(struct replica *replica, const struct id *after, struct id *stream, bool *lacks)
{
    struct stmt *stmt;
    bool found = true;
    enum rc rc =
        db_stmt(replica->db,
                "SELECT stream, device, vector FROM sync_ack WHERE is_asked = 2 AND stream > coalesce(?1, x'')"
                " ORDER BY stream",
                &stmt);

    *lacks = false;
    if (rc != RC_OK)
        return rc;
    stmt_id_or_null(stmt, 1, after);
    while (rc == RC_OK && !*lacks && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        struct id device;
        size_t len;
        rc = stmt_get_id(stmt, 0, stream);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 1, &device);
        const uint8_t *vector = stmt_get_blob(stmt, 2, &len);
        if (rc == RC_OK && !id_equal(device, replica->identity.device) &&
            might_write(replica->ledger, device, *stream))
            rc = is_short(replica, *stream, device, vector, len, lacks);
    }
    stmt_done(stmt);
    return rc;
}

static enum rc
ask_short(struct replica *replica, bool *again)
{
    struct id stream;
    bool lacks;
    enum rc rc = db_run(replica->db, /* those of a stream that is being filled are looked at when it is whole */
                        "UPDATE sync_ack SET is_asked = 2 WHERE is_asked = 0 AND stream IN"
                        " (SELECT stream FROM sync_stream WHERE NOT is_filling)");

    if (rc == RC_OK)
        rc = next_short(replica, NULL, &stream, &lacks);
    while (rc == RC_OK && lacks) {
        *again = true;
        rc = fill_again(replica, &stream);
        if (rc == RC_OK)
            rc = next_short(replica, &stream, &stream, &lacks);
    }
    if (rc == RC_OK)
        rc = db_run(replica->db, "UPDATE sync_ack SET is_asked = 1 WHERE is_asked = 2 AND stream IN"
                                 " (SELECT stream FROM sync_stream)");
    return rc;
}

/* A writer acknowledges its own saves after it pushed them. What an acknowledgement of an earlier session names and this
 * one did not bring is asked for once more: once per acknowledgement, for a save that the server refused never comes. */
static enum rc
fill_short(struct replica *replica, bool *again)
{
    int64_t asked, acks, filling = 0;

    enum rc rc = state_get_int(replica->db, STATE_ACKS_AFTER, &acks);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_ACKS_ASKED, &asked);
    if (rc == RC_OK && asked != acks)
        rc = db_begin(replica->db);
    if (rc != RC_OK || asked == acks)
        return rc;
    rc = ask_short(replica, again);
    if (rc == RC_OK)
        rc = db_get_int(replica->db, "SELECT count(*) FROM sync_stream WHERE is_filling", &filling);
    if (rc == RC_OK && filling == 0)
        rc = state_put_int(replica->db, STATE_ACKS_ASKED, acks);
    return db_end(replica->db, rc);
}

/* ---- heads of lines ------------------------------------------------------------------------------- */

static enum rc
ask_head(struct replica *replica, const struct ledger_head *head, bool *again)
{
    struct elog_feed feed;
    uint32_t stored = 0, applied;
    bool is_here, is_filling;

    enum rc rc = streams_have(replica, head->stream, &is_here, &is_filling);
    if (rc != RC_OK || !is_here)
        return rc;
    rc = elog_feed_find(replica->db, head->stream, (struct feed_ref){head->device, head->incarnation}, &feed);
    if (rc == RC_OK)
        rc = elog_last(replica->db, feed.key, &stored, &applied);
    if (rc == RC_ABSENT)
        rc = RC_OK;
    if (rc != RC_OK || stored >= head->last)
        return rc;
    *again = true;
    return fill_again(replica, &head->stream);
}

/* A line that ends a right names what the server had of each feed: also of an author who was shut out before it acknowledged that. What
 * the log lacks of it when all was pulled is asked for once more: once per line, for nobody else may have looked whether it is there. */
static enum rc
fill_headed(struct replica *replica, bool *again)
{
    const struct ledger_head *heads;
    uint64_t position, head = ledger_position(replica->ledger);
    size_t count;
    int64_t asked;

    enum rc rc = state_get_int(replica->db, STATE_HEADS_ASKED, &asked);
    if (rc != RC_OK || (uint64_t)asked >= head)
        return rc;
    rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; rc == RC_OK && (heads = ledger_heads_at(replica->ledger, i, &position, &count)) != NULL; i++)
        for (size_t k = 0; rc == RC_OK && position > (uint64_t)asked && k < count; k++)
            rc = ask_head(replica, &heads[k], again);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_HEADS_ASKED, (int64_t)head);
    return db_end(replica->db, rc);
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

/* ---- the step of a session ------------------------------------------------------------------------ */

enum rc
session_close_gaps(struct session *session)
{
    struct replica *replica = session->replica;
    int64_t missing;
    bool again = false;

    enum rc rc = fill_short(replica, &again);
    if (rc == RC_OK)
        rc = fill_headed(replica, &again);
    if (rc == RC_OK)
        rc = find_gap(replica, &missing);
    if (rc == RC_OK && missing > 0) {
        again = true;
        rc = fill_again(replica, NULL);
    }
    if (rc != RC_OK || !again)
        return rc;
    rc = session_pull(session);
    if (rc == RC_OK)
        rc = inbox_apply(replica, session->report, session->options);
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
