/* Push and pull. */
#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/news.h"
#include "sync/outbox.h"
#include "sync/session.h"

enum {
    PUSH_BYTES = 4 * 1024 * 1024, /* of ciphertext in one request */
    PUSH_ENTRIES = 2000,
};

/* ---- push ------------------------------------------------------------------------------------- */

/* One request's entries: rows hold the ciphertexts that `runs` lends. */
struct push {
    struct elog_row rows[PUSH_ENTRIES];
    size_t count;
    size_t bytes;
    struct wire_run_list runs;
};

static void
push_wipe(struct push *push)
{
    for (size_t i = 0; i < push->count; i++)
        elog_row_wipe(&push->rows[i]);
    wire_run_list_wipe(&push->runs);
    push->count = push->bytes = 0;
}

/* Sealed under a carried cover that was refused: no server takes it. While that is open, as for a revoked device, which is told no more
 * lines, the server may know better. */
static bool
is_nobodys(const struct replica *replica, const struct entry *entry)
{
    const struct ledger_entry_facts facts = {.device = entry->device,
                                             .stream = entry->stream,
                                             .incarnation = entry->incarnation,
                                             .last = entry->last,
                                             .position = entry->position,
                                             .position_hash = entry->position_hash};
    struct ledger_judgement why;

    return ledger_entry_counts(replica->ledger, &facts, &why) == LEDGER_LATE && why.by_carried;
}

/* Unsent entries feed by feed, in order: those of a feed stand together, so that they travel as runs. */
static enum rc
collect(struct replica *replica, int64_t after_feed, uint32_t after_first, struct push *push)
{
    struct stmt *stmt;
    int64_t keys[PUSH_ENTRIES];
    size_t found_count = 0;
    bool found = true;

    enum rc rc =
        db_stmt(replica->db,
                "SELECT entry FROM sync_entry WHERE is_sent = 0 AND (feed, first) > (?1, ?2)"
                " ORDER BY feed, first LIMIT ?3",
                &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, after_feed);
    stmt_int(stmt, 2, after_first);
    stmt_int(stmt, 3, PUSH_ENTRIES);
    while (rc == RC_OK && found) {
        rc = stmt_step(stmt, &found);
        if (rc == RC_OK && found)
            keys[found_count++] = stmt_get_int(stmt, 0);
    }
    stmt_done(stmt);
    for (size_t i = 0; rc == RC_OK && i < found_count && push->bytes < PUSH_BYTES; i++) {
        struct elog_row *row = &push->rows[push->count];
        *row = ELOG_ROW_EMPTY;
        rc = elog_get(replica->db, keys[i], row);
        push->count++;
        if (rc != RC_OK)
            break;
        struct entry sent = row->entry;
        sent.arrived_ms = 0;
        if (is_nobodys(replica, &sent)) {
            row->entry.ciphertext = sent.ciphertext = NULL;
        } else {
            push->bytes += sent.ciphertext_len;
        }
        if (sent.ciphertext != NULL)
            rc = wire_run_add(&push->runs, &sent);
    }
    return rc;
}

/* Until a page brings it back, a server that is restored may have lost it unseen: the cursor here stands before it. */
static enum rc
note_unconfirmed(struct replica *replica, const struct elog_row *row, bool was_had)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "INSERT INTO sync_unconfirmed (feed, last) SELECT feed, ?2 FROM sync_feed JOIN sync_stream"
                         " USING (stream) WHERE feed = ?1 AND hidden_ms IS NULL"
                         " ON CONFLICT (feed) DO UPDATE SET was_had = ?3 AND last = excluded.last,"
                         " last = max(last, excluded.last)",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, row->feed);
    stmt_int(stmt, 2, row->entry.last);
    stmt_int(stmt, 3, was_had);
    return stmt_finish(stmt);
}

/* What no page of an earlier session brought back: the last of each feed is offered again, which tells whether the rest is there. A
 * revoked device is shown no page at all: so each of its own feeds. */
enum rc
session_offer_unconfirmed(struct session *session)
{
    struct db *db = session->replica->db;
    int64_t any = 0;
    enum rc rc = db_get_int(db, "SELECT 1 FROM sync_unconfirmed LIMIT 1", &any);

    if (rc == RC_OK && any != 0)
        rc = db_run(db,
                    "UPDATE sync_entry SET is_sent = 0 WHERE ciphertext IS NOT NULL AND entry IN (SELECT"
                    " (SELECT entry FROM sync_entry AS e WHERE e.feed = u.feed AND e.first <= u.last"
                    " ORDER BY e.first DESC LIMIT 1) FROM sync_unconfirmed AS u)");
    if (rc == RC_OK && session->is_revoked)
        rc = db_run(db,
                    "UPDATE sync_entry SET is_sent = 0 WHERE ciphertext IS NOT NULL AND entry IN (SELECT"
                    " (SELECT entry FROM sync_entry AS e WHERE e.feed = f.feed ORDER BY e.first DESC LIMIT 1)"
                    " FROM sync_feed AS f WHERE f.is_own)");
    return rc;
}

/* What one answer says of one entry, into the store. */
static enum rc
mark(struct session *session, const struct elog_row *row, const struct wire_push_item *item,
     uint64_t time_ms)
{
    struct replica *replica = session->replica;
    struct elog_feed feed;
    struct stmt *stmt;

    if (item->result == WIRE_PUSH_REFUSED)
        return RC_OK;
    session->report->pushed += item->result == WIRE_PUSH_STORED;
    enum rc rc =
        db_stmt(replica->db,
                "UPDATE sync_entry SET is_sent = 1, arrived_ms = CASE WHEN arrived_ms = 0 THEN ?2"
                " ELSE arrived_ms END WHERE entry = ?1",
                &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, row->key);
    stmt_int(stmt, 2, (int64_t)time_ms);
    rc = stmt_finish(stmt);
    if (rc == RC_OK)
        rc = elog_feed_get(replica->db, row->feed, &feed);
    if (rc == RC_OK && !session->is_revoked) /* had, and not known to be: the same request may have come there twice */
        rc = note_unconfirmed(replica, row, item->result == WIRE_PUSH_HAD);
    if (rc == RC_OK && feed.on_server < row->entry.last) {
        feed.on_server = row->entry.last;
        rc = elog_feed_put(replica->db, &feed);
    }
    return rc;
}

/* The server lacks what stands before: everything of that feed is offered once more. */
static enum rc
offer_again(struct replica *replica, int64_t feed)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(
        replica->db, "UPDATE sync_entry SET is_sent = 0 WHERE feed = ?1 AND ciphertext IS NOT NULL",
        &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    return stmt_finish(stmt);
}

static enum rc
refused(struct session *session, const struct elog_row *row, const struct wire_push_item *item,
        int64_t *gap_feed)
{
    struct replica *replica = session->replica;
    bool is_own = id_equal(row->entry.device, replica->identity.device);
    enum rc rc = RC_OK;

    session->report->refused++;
    switch (item->reason) {
    case WIRE_REASON_GAP:
        if (*gap_feed != row->feed)
            rc = offer_again(replica, row->feed);
        return rc;
    case WIRE_REASON_FORK:
        /* Another store goes on under our name: nothing more is sealed until the feeds were compared. */
        if (is_own && !replica->must_recover) {
            replica->must_recover = true;
            rc = state_put_int(replica->db, STATE_MUST_RECOVER, 1);
        }
        return rc;
    default:
        /* Sealed once is sealed for ever: another entry under these numbers, and the server could show each to another
         * colleague. It is offered again unchanged in every round; an honest server of this ledger does not refuse it. */
        *gap_feed = row->feed; /* those behind it are refused for this one's sake */
        return RC_OK;
    }
}

/* Own entries of streams that were purged are not kept once the server has them. */
static enum rc
forget_purged(struct replica *replica)
{
    enum rc rc = db_run(replica->db,
                        "DELETE FROM sync_entry WHERE is_sent = 1 AND feed IN (SELECT feed FROM sync_feed"
                        " WHERE stream NOT IN (SELECT stream FROM sync_stream))");

    return rc == RC_OK && db_changes(replica->db) > 0 ? news_keys_freed(replica->db) : rc;
}

static enum rc
take_results(struct session *session, const struct push *push,
             const struct wire_push_answer *answer)
{
    struct replica *replica = session->replica;
    int64_t gap_feed = 0;
    size_t at = 0;

    if (answer->count != push->runs.count)
        return rc_fail(RC_UNTRUSTED, _("the server answers for another number of entries"));
    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; rc == RC_OK && i < push->count; i++)
        if (push->rows[i].entry.ciphertext != NULL)
            rc = mark(session, &push->rows[i], &answer->items[at++], answer->time_ms);
    if (rc == RC_OK) /* at once: a crash leaves nothing of them behind */
        rc = forget_purged(replica);
    rc = db_end(replica->db, rc);
    at = 0;
    for (size_t i = 0; rc == RC_OK && i < push->count; i++) {
        if (push->rows[i].entry.ciphertext == NULL)
            continue;
        if (answer->items[at].result == WIRE_PUSH_REFUSED)
            rc = refused(session, &push->rows[i], &answer->items[at], &gap_feed);
        at++;
    }
    return rc;
}

static enum rc
send_push(struct session *session, const struct push *push)
{
    struct replica *replica = session->replica;
    struct request_call call = {.method = "POST"};
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES);
    struct buf bytes = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_push_answer answer = WIRE_PUSH_ANSWER_EMPTY;
    uint8_t hash[CRYPTO_HASH_BYTES];

    enum rc rc = wire_run_push_encode(&push->runs, &body);
    if (rc == RC_OK)
        rc = request_target(replica, &call, "/entries");
    call.body = &body;
    crypto_hash_plain(body.data, body.len, hash);
    if (rc == RC_OK)
        rc = request_send(replica, session->transport, &call, &bytes, NULL);
    if (rc == RC_OFFLINE && push->rows[0].is_sent == 0 && broken_is(BROKEN_RESEAL))
        rc = outbox_unseal(replica, push->rows[0].key) == RC_OK ? RC_OFFLINE : RC_CORRUPT;
    if (rc == RC_OK)
        rc = wire_push_answer_decode(bytes.data, bytes.len, ledger_server_public(replica->ledger),
                                     hash, &answer);
    if (rc == RC_CORRUPT)
        rc = rc_while(RC_UNTRUSTED, _("the server's answer to what was sent"));
    if (rc == RC_OK)
        rc = take_results(session, push, &answer);
    if (rc == RC_OK && session->server_position < answer.position)
        session->server_position = answer.position;
    wire_push_answer_wipe(&answer);
    buf_wipe(&bytes);
    buf_wipe(&body);
    return rc;
}

enum rc
session_push(struct session *session)
{
    struct replica *replica = session->replica;
    int64_t feed = 0;
    uint32_t first = 0;
    uint64_t sent = 0;
    bool has_more = true;
    struct push *push = calloc(1, sizeof *push);

    if (push == NULL)
        return rc_nomem();
    enum rc rc = inbox_judge(replica); /* what became late work by a line does not go before what is sealed now */
    if (rc == RC_OK)
        rc = outbox_seal(replica, (struct id){{0}});
    if (rc == RC_OK) /* and what was sealed as late work is shown no longer */
        rc = inbox_judge(replica);
    while (rc == RC_OK && has_more) {
        push->runs = WIRE_RUN_LIST_EMPTY;
        rc = collect(replica, feed, first, push);
        has_more = push->count > 0;
        if (rc == RC_OK && has_more) {
            feed = push->rows[push->count - 1].feed;
            first = push->rows[push->count - 1].entry.first;
            if (push->runs.count > 0)
                rc = send_push(session, push);
            sent += push->count;
            session_progress(session, "push", sent, 0);
        }
        push_wipe(push);
    }
    free(push);
    return rc;
}

/* ---- pull ------------------------------------------------------------------------------------- */

/* What one page is asked of: the shared cursor, or one stream that is being filled. */
struct pull {
    const struct id *stream; /* NULL: all, by the shared cursor */
    uint64_t after;
    uint64_t until;
    bool is_done;
};

static enum rc
move_cursor(struct replica *replica, const struct pull *pull)
{
    struct stmt *stmt;

    if (pull->stream == NULL) { /* with what is told of it: an interrupted first session leaves a picture that is not whole */
        enum rc put = state_put_int(replica->db, STATE_CURSOR, (int64_t)pull->after);
        if (put == RC_OK && pull->is_done)
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
        rc = db_end(replica->db, move_cursor(replica, pull));
        rc = rc == RC_OK ? db_begin(replica->db) : rc;
    }
    if (rc == RC_OK)
        rc = inbox_store(replica, &page.runs, true, &stored);
    if (rc == RC_UNSUPPORTED) { /* what can be read is stored, and the cursor stays before what is not kept */
        session->is_newer_full = true;
        rc = RC_OK;
    }
    if (rc == RC_OK && !session->is_newer_full)
        rc = move_cursor(replica, pull);
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
    enum rc rc = RC_OK;

    if (pull->stream != NULL)
        request_hex(pull->stream->bytes, ID_BYTES, stream);
    while (rc == RC_OK && !pull->is_done) {
        struct request_call call = {.method = "GET", .wait_ms = wait_ms};
        unsigned long long after = pull->after;
        if (pull->stream != NULL)
            rc = request_target(session->replica, &call, "/entries?stream=%s&after=%llu", stream,
                                after);
        else if (wait_ms >= 1000)
            rc = request_target(session->replica, &call, "/entries?after=%llu&wait=%lld", after,
                                (long long)(wait_ms > 60000 ? 60 : wait_ms / 1000));
        else
            rc = request_target(session->replica, &call, "/entries?after=%llu", after);
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
 * device may have deleted it after it was handed in. */
static enum rc
hand_back(struct session *session)
{
    struct replica *replica = session->replica;
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = db_run(replica->db, /* ELOG_APPLIED, ELOG_HELD; parked for ELOG_KEY, ELOG_UNKNOWN */
                "UPDATE sync_entry SET is_sent = 0 WHERE ciphertext IS NOT NULL"
                " AND (state IN (1, 3) OR (state = 2 AND reason IN (1, 4)))");
    if (rc == RC_OK)
        rc = db_run(replica->db, "UPDATE sync_stream SET is_filling = 0, fill_after = 0, is_unacknowledged = 1");
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_CURSOR, 0);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_ACKS_AFTER, 0);
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
    return rc == RC_OK ? pull_all(session) : rc;
}
