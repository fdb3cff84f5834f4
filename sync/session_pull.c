/* Pull: pages of what this device may have, stored with the cursor. */
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/session.h"

/* What one page is asked of: the shared cursor, or one stream that is being filled. */
struct pull {
    const struct id *stream; /* NULL: all, by the shared cursor */
    uint64_t after;
    uint64_t until;
    bool is_done;
};

static enum rc
move_cursor(const struct session *session, const struct pull *pull)
{
    struct replica *replica = session->replica;
    struct stmt *stmt;

    if (pull->stream == NULL) { /* with what is told of it: an interrupted first session leaves a picture that is not whole */
        enum rc put = session_note_life(replica, pull->after);
        if (put == RC_OK)
            put = state_put_int(replica->db, STATE_CURSOR, (int64_t)pull->after);
        /* Else that the server had it is the word of an earlier session: a store that must recover, and who ends a right, read first. */
        if (put == RC_OK && pull->is_done && session->has_offered)
            put = db_run(replica->db, "DELETE FROM sync_unconfirmed WHERE was_had");
        return put == RC_OK ? state_put_int(replica->db, STATE_PULL_OPEN, !pull->is_done) : put;
    }
    enum rc rc =
        db_stmt(replica->db,
                "UPDATE sync_stream SET fill_after = ?2, is_filling = ?3 WHERE stream = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, *pull->stream);
    stmt_int(stmt, 2, (int64_t)pull->after);
    stmt_int(stmt, 3, !pull->is_done);
    return stmt_finish(stmt);
}

/* No entry is sealed on a line that this device knows otherwise: an honest server refuses such a one. */
static enum rc
check_pasts(const struct replica *replica, const struct wire_run_list *runs)
{
    for (size_t i = 0; i < runs->count; i++) {
        const uint8_t *hash = ledger_hash_at(replica->ledger, runs->items[i].position);
        if (hash != NULL && memcmp(hash, runs->items[i].position_hash, CRYPTO_HASH_BYTES) != 0)
            return rc_fail(RC_UNTRUSTED,
                           _("the server shows different pasts to different devices"));
    }
    return RC_OK;
}

/* What fills a stream may show what the shared cursor has not reached: that cursor, which stands before it, misses it no more when the
 * session is cut there and the server is put back. Until the shared cursor came to its end, the last of each feed is offered. */
static enum rc
note_shown(struct db *db, const struct wire_run_list *runs)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < runs->run_count; i++) {
        size_t count;
        const struct entry *items = wire_run_at(runs, i, &count);
        struct stmt *stmt;
        rc = db_stmt(db,
                     "INSERT INTO sync_unconfirmed (feed, last, was_had) SELECT feed, ?4, 1 FROM sync_feed WHERE stream = ?1"
                     " AND device = ?2 AND incarnation = ?3 ON CONFLICT (feed) DO UPDATE SET last = max(last, excluded.last)",
                     &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, items[0].stream);
        stmt_id(stmt, 2, items[0].device);
        stmt_int(stmt, 3, (int64_t)items[0].incarnation);
        stmt_int(stmt, 4, items[count - 1].last);
        rc = stmt_finish(stmt);
    }
    return rc;
}

static enum rc
take_page(struct session *session, struct pull *pull, const struct buf *bytes)
{
    struct replica *replica = session->replica;
    struct wire_run_page page = WIRE_RUN_PAGE_EMPTY;
    uint64_t stored = 0;

    enum rc rc = wire_run_page_decode(bytes->data, bytes->len, &page);
    if (rc != RC_OK) {
        wire_run_page_wipe(&page);
        return rc == RC_CORRUPT ? rc_while(RC_UNTRUSTED, _("the server's page of entries")) : rc;
    }
    if (page.after != pull->after || page.next < page.after ||
        (page.more && page.next == page.after))
        rc = rc_fail(RC_UNTRUSTED, _("the server answers with another page than was asked"));
    if (rc == RC_OK)
        rc = check_pasts(replica, &page.runs);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK) {
        wire_run_page_wipe(&page);
        return rc;
    }
    pull->after = page.next;
    pull->is_done = !page.more || (pull->stream != NULL && page.next >= pull->until);
    if (page.runs.count > 0 && broken_is(BROKEN_CURSOR)) {
        rc = db_end(replica->db, move_cursor(session, pull));
        rc = rc == RC_OK ? db_begin(replica->db) : rc;
    }
    if (rc == RC_OK)
        rc = inbox_store(replica, &page.runs, true, &stored);
    if (rc == RC_UNSUPPORTED) { /* what can be read is stored, and the cursor stays before what is not kept */
        session->is_newer_full = true;
        rc = RC_OK;
    }
    if (rc == RC_OK && !session->is_newer_full)
        rc = move_cursor(session, pull);
    if (rc == RC_OK && page.position > ledger_position(replica->ledger))
        rc = streams_shown_by(replica, page.position);
    if (rc == RC_OK && !session->is_newer_full && pull->stream == NULL)
        rc = inbox_confirm(replica, &page.runs);
    if (rc == RC_OK && pull->stream != NULL && page.next > pull->until)
        rc = note_shown(replica->db, &page.runs);
    rc = db_end(replica->db, rc);
    if (rc == RC_OK) {
        session->report->pulled += stored;
        if (session->server_position < page.position)
            session->server_position = page.position;
        for (size_t i = 0; i < page.runs.count; i++)
            if (session->server_position < page.runs.items[i].position)
                session->server_position = page.runs.items[i].position;
    }
    wire_run_page_wipe(&page);
    return rc;
}

static enum rc
pull_pages(struct session *session, struct pull *pull, int64_t wait_ms)
{
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    char stream[2 * ID_BYTES + 1];
    int64_t boxes;
    enum rc rc = state_get_int(session->replica->db, STATE_BOXES_AFTER, &boxes);

    if (wait_ms == 0) /* the first page may take a while */
        session_progress(session, "pull", session->report->pulled, 0);
    if (pull->stream != NULL)
        request_hex(pull->stream->bytes, ID_BYTES, stream);
    while (rc == RC_OK && !pull->is_done) {
        struct request_call call = {.method = "GET", .wait_ms = wait_ms};
        unsigned long long after = pull->after;
        if (pull->stream != NULL)
            rc = request_target(session->replica, &call, "/entries?stream=%s&after=%llu", stream,
                                after);
        else if (wait_ms >= 1000)
            rc = request_target(session->replica, &call, "/entries?after=%llu&boxes=%lld&wait=%lld", after,
                                (long long)boxes, (long long)(wait_ms > 60000 ? 60 : wait_ms / 1000));
        else
            rc = request_target(session->replica, &call, "/entries?after=%llu&boxes=%lld", after, (long long)boxes);
        if (rc == RC_OK)
            rc = request_send(session->replica, session->transport, &call, &answer, NULL);
        if (rc == RC_OK)
            rc = take_page(session, pull, &answer);
        if (rc == RC_OK)
            session_progress(session, "pull", session->report->pulled, 0);
    }
    buf_wipe(&answer);
    return rc;
}

/* The next that is being filled, after `stream`. */
static enum rc
next_filling(struct replica *replica, struct id *stream, struct pull *pull, bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "SELECT stream, fill_after, fill_until FROM sync_stream WHERE is_filling"
                         " AND stream > ?1 ORDER BY stream LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, *stream);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        rc = stmt_get_id(stmt, 0, stream);
    if (rc == RC_OK && *found)
        *pull = (struct pull){stream, (uint64_t)stmt_get_int(stmt, 1),
                              (uint64_t)stmt_get_int(stmt, 2), false};
    stmt_done(stmt);
    return rc;
}

/* What is still to be filled: how much there is to come is told by it, for a page says only whether it is the last. */
static enum rc
count_filling(struct replica *replica, int64_t *count)
{
    return db_get_int(replica->db, "SELECT count(*) FROM sync_stream WHERE is_filling", count);
}

static enum rc
pull_all(struct session *session)
{
    struct replica *replica = session->replica;
    struct id stream = {{0}};
    struct pull pull;
    int64_t cursor, to_fill = 0;
    uint64_t filled = 0;
    bool found = true;

    session->is_newer_full = false;
    enum rc rc = inbox_retry_newer(replica, &session->report->pulled);
    if (rc == RC_OK)
        rc = count_filling(replica, &to_fill);
    while (rc == RC_OK && found) {
        rc = next_filling(replica, &stream, &pull, &found);
        /* One whose right is over goes once what waits there may be sealed; until then nobody answers for it. */
        if (rc == RC_OK && found &&
            ledger_reads_by_lines(replica->ledger, replica->identity.device, stream,
                                  (uint64_t)replica_now_ms(replica)))
            rc = pull_pages(session, &pull, 0);
        if (rc == RC_OK && found)
            session_progress(session, "fill", ++filled, (uint64_t)to_fill);
    }
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_CURSOR, &cursor);
    if (rc == RC_OK) {
        pull = (struct pull){.after = (uint64_t)cursor};
        rc = pull_pages(session, &pull, session->options != NULL ? session->options->wait_ms : 0);
    }
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_NEWER_FULL, session->is_newer_full);
    if (rc == RC_OK && session->is_newer_full)
        rc = state_put_int(replica->db, STATE_PULL_OPEN, 1);
    return rc;
}

/* The server holds fewer entries than it gave: it was restored. It is offered everything here that
 * it takes, whoever wrote it, and read from its first entry again. Late work too: its author's
 * device may have deleted it after it was handed in. And what is not applied yet, as after a session that was
 * cut: once it is, nothing tells any more that the server lacks it. */
static enum rc
hand_back(struct session *session)
{
    struct replica *replica = session->replica;
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = db_run(replica->db, /* of what is ELOG_PARKED: for ELOG_KEY, ELOG_GAP, ELOG_UNKNOWN */
                "UPDATE sync_entry SET is_sent = 0 WHERE ciphertext IS NOT NULL"
                " AND (state <> 2 OR reason IN (1, 3, 4))");
    if (rc == RC_OK)
        rc = db_run(replica->db, "UPDATE sync_stream SET is_filling = 0, fill_after = 0, is_unacknowledged = 1");
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_CURSOR, 0);
    if (rc == RC_OK) /* what was being filled, or is gained from here on, is whole when all was read */
        rc = state_put_int(replica->db, STATE_PULL_OPEN, 1);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_ACKS_AFTER, 0);
    if (rc == RC_OK) /* all boxes are read again */
        rc = state_put_int(replica->db, STATE_BOXES_AFTER, 0);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_RETURN_BOXES, 1);
    rc = db_end(replica->db, rc);
    session->report->was_handed_back = rc == RC_OK;
    if (rc == RC_OK && !replica->must_recover) /* else it is sent once the feeds were compared */
        rc = session_push(session);
    return rc;
}

enum rc
session_pull(struct session *session)
{
    enum rc rc = pull_all(session);

    if (rc != RC_STALE)
        return rc;
    rc = hand_back(session);
    if (rc == RC_OK)
        rc = pull_all(session);
    if (rc == RC_STALE)
        rc = rc_fail(RC_UNTRUSTED, _("the server says again that it was put back from a backup, of all that it was asked"));
    return rc;
}
