/* Push: what waits is sealed, sent, and marked as the server answers. */
#include <stdlib.h>

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
    const struct ledger_entry_facts facts = ledger_facts_of(entry);
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

/* Until a page brings it back, a server that is restored may have lost it unseen: the cursor here stands before it. Of a stream that was
 * purged no page comes: there it counts when the server had it in a later session. */
static enum rc
note_unconfirmed(struct replica *replica, const struct elog_row *row, bool was_had)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "INSERT INTO sync_unconfirmed (feed, last) SELECT feed, ?2 FROM sync_feed LEFT JOIN sync_stream"
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
    session->has_offered = rc == RC_OK;
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
    /* Had, and not known to be: the same request may have come there twice. Handed back it may have been taken in this very session. */
    bool was_had = item->result == WIRE_PUSH_HAD && !session->report->was_handed_back;
    if (rc == RC_OK && !session->is_revoked)
        rc = note_unconfirmed(replica, row, was_had);
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
    return db_run_int(replica->db, "UPDATE sync_entry SET is_sent = 0 WHERE feed = ?1 AND ciphertext IS NOT NULL", feed);
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

/* Own entries of streams that were purged are not kept once the server has shown that it has all of their feed. */
static enum rc
forget_purged(struct replica *replica)
{
    enum rc rc = db_run(replica->db,
                        "DELETE FROM sync_entry WHERE feed IN (SELECT feed FROM sync_feed AS f"
                        " WHERE stream NOT IN (SELECT stream FROM sync_stream)"
                        " AND feed NOT IN (SELECT feed FROM sync_unconfirmed WHERE NOT was_had)"
                        " AND NOT EXISTS (SELECT 1 FROM sync_entry AS e WHERE e.feed = f.feed AND e.is_sent = 0))");

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
    if (rc == RC_OK && !session->is_revoked)
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
    struct push *push = malloc(sizeof *push);

    if (push == NULL)
        return rc_nomem();
    push->count = push->bytes = 0; /* half a megabyte of zeros would cost more than a session with nothing to do */
    enum rc rc = db_set_synchronous(replica->db, true); /* also amid a pull: what is sealed is flushed before it is sent */
    if (rc == RC_OK)
        rc = inbox_judge(replica); /* what became late work by a line does not go before what is sealed now */
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
