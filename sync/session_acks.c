/* Acknowledgements: our own after a flushed commit, and those of others. */
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "sync/ack.h"
#include "sync/session.h"
#include "sync/status.h"
#include "sync/writer.h"

/* A device that looks once a day tells so once a day, whatever hour it is. */
enum { QUIET_MS = 20 * 60 * 60 * 1000 };

/* ---- our own ---------------------------------------------------------------------------------- */

/* Of one device in one stream: as many as a server takes lives of it there (PROTOCOL section 3). A bundle may bring any number. */
enum { LIVES_MOST = 64 };

/* The vector and digest of one stream. */
struct vector {
    struct db *db;
    struct ack *ack;
    struct ack_digest digest;
    struct id device; /* of the feed that was named last, and how many of its feeds were */
    unsigned lives;
};

/* Whether the feed is left out: for its reader it is then not applied here. Else who writes in more lives than can be named would end every
 * session of whoever reads that stream. */
static bool
is_too_many(struct vector *vector, const struct elog_feed *feed)
{
    const struct ack_stream *stream = &vector->ack->streams[vector->ack->stream_count - 1];

    if (!id_equal(vector->device, feed->feed.device))
        vector->lives = 0;
    vector->device = feed->feed.device;
    return stream->feed_count == ACK_MAX_FEEDS || (++vector->lives > LIVES_MOST && !feed->is_own);
}

static enum rc
add_feed(void *context, const struct elog_feed *feed)
{
    struct vector *vector = context;
    uint8_t hash[CRYPTO_HASH_BYTES];
    uint32_t last;

    enum rc rc = status_done(vector->db, feed->key, &last);
    if (rc != RC_OK || last == 0 || is_too_many(vector, feed))
        return rc;
    rc = elog_head_at(vector->db, feed->key, last, hash);
    if (rc == RC_OK)
        rc = ack_add_feed(vector->ack,
                          (struct ack_feed){feed->feed.device, feed->feed.incarnation, last});
    if (rc == RC_OK)
        ack_digest_add(&vector->digest, feed->feed.device, feed->feed.incarnation, last, hash);
    return rc;
}

static enum rc
add_stream(struct replica *replica, struct ack *ack, struct id stream)
{
    struct vector vector = {.db = replica->db, .ack = ack};
    static const uint8_t none[CRYPTO_HASH_BYTES] = {0};

    ack_digest_start(&vector.digest);
    enum rc rc = ack_add_stream(ack, stream, none);
    if (rc == RC_OK)
        rc = elog_feeds(replica->db, stream, add_feed, &vector);
    if (rc == RC_OK)
        ack_digest_end(&vector.digest, ack->streams[ack->stream_count - 1].digest);
    return rc;
}

/* As many as one acknowledgement holds: the others stay to be named, by the next session. */
static enum rc
add_streams(struct replica *replica, struct ack *ack)
{
    struct stmt *stmt;
    struct id stream = {{0}};
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found && ack_has_room(ack)) {
        rc = db_stmt(replica->db,
                     "SELECT stream FROM sync_stream WHERE is_unacknowledged AND stream > ?1"
                     " ORDER BY stream LIMIT 1",
                     &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, stream);
        rc = stmt_step(stmt, &found);
        if (rc == RC_OK && found)
            rc = stmt_get_id(stmt, 0, &stream);
        stmt_done(stmt);
        if (rc == RC_OK && found)
            rc = add_stream(replica, ack, stream);
    }
    return rc;
}

/* Nothing changed: now and then the team's stream is named all the same, or nobody knew that this device still looks. */
static enum rc
add_quiet(struct replica *replica, struct ack *ack)
{
    int64_t acked_ms;

    enum rc rc = state_get_int(replica->db, STATE_ACKED_MS, &acked_ms);
    if (rc != RC_OK || replica_now_ms(replica) - acked_ms < QUIET_MS)
        return rc;
    return add_stream(replica, ack, ledger_team_stream(replica->ledger));
}

/* The next number of an acknowledgement; inside a transaction that is flushed. */
static enum rc
next_number(struct replica *replica, uint64_t *number)
{
    int64_t last;
    enum rc rc = state_get_int(replica->db, STATE_ACK_NUMBER, &last);

    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_ACK_NUMBER, last + 1);
    *number = (uint64_t)last + 1;
    return rc;
}

/* The number is given by a commit that is flushed: with it everything that the acknowledgement speaks of. */
static enum rc
begin_number(struct replica *replica)
{
    enum rc rc = db_set_synchronous(replica->db, !broken_is(BROKEN_FLUSH));

    return rc == RC_OK ? db_begin(replica->db) : rc;
}

static enum rc
end_number(struct replica *replica, enum rc rc)
{
    rc = db_end(replica->db, rc);
    if (broken_is(BROKEN_FLUSH)) { /* this commit alone is not flushed */
        enum rc full = db_set_synchronous(replica->db, true);
        return rc == RC_OK ? full : rc;
    }
    return rc;
}

/* Fills in who, when and how far, and signs it into `out`. */
static enum rc
sign_ack(struct replica *replica, struct ack *ack, struct buf *out)
{
    uint64_t head = ledger_position(replica->ledger);

    memcpy(ack->team, replica->team, sizeof ack->team);
    ack->device = replica->identity.device;
    ack->incarnation = replica->incarnation;
    ack->created_ms = (uint64_t)replica_now_ms(replica);
    ack->position = head;
    memcpy(ack->line_hash, ledger_hash_at(replica->ledger, head), sizeof ack->line_hash);
    return ack_encode(ack, &replica->identity, out);
}

/* The server is still to be told: no stream counts as acknowledged by it. */
enum rc
status_make_ack(struct replica *replica, struct id device, struct buf *out)
{
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    struct ack ack = ACK_EMPTY;
    struct id stream;
    bool found = true;
    enum rc rc = streams_next(replica, NULL, &stream, &found);

    while (rc == RC_OK && found && ack_has_room(&ack)) {
        if (ledger_may_hold(replica->ledger, device, stream, now_ms))
            rc = add_stream(replica, &ack, stream);
        if (rc == RC_OK)
            rc = streams_next(replica, &stream, &stream, &found);
    }
    if (rc == RC_OK && ack.stream_count > 0) {
        rc = begin_number(replica);
        if (rc == RC_OK)
            rc = end_number(replica, next_number(replica, &ack.number));
        if (rc == RC_OK)
            rc = sign_ack(replica, &ack, out);
    }
    ack_wipe(&ack);
    return rc;
}

/* What is said of each stream, and that it was (is_unacknowledged 2, until the server shows that it has it): in one transaction, so that
 * no other program's change of it comes in between. */
static enum rc
collect_ack(struct replica *replica, struct ack *ack)
{
    enum rc rc = begin_number(replica);

    if (rc != RC_OK)
        return rc;
    rc = add_streams(replica, ack);
    if (rc == RC_OK && ack->stream_count == 0)
        rc = add_quiet(replica, ack);
    if (rc == RC_OK && ack->stream_count > 0)
        rc = next_number(replica, &ack->number);
    for (size_t i = 0; rc == RC_OK && i < ack->stream_count; i++)
        rc = db_run_id(replica->db, "UPDATE sync_stream SET is_unacknowledged = 2 WHERE stream = ?1",
                       ack->streams[i].stream);
    return end_number(replica, rc);
}

/* Each number was given once here: another store goes on under our name, and the next session draws the consequence. */
static enum rc
note_double(struct replica *replica)
{
    enum rc rc = state_put_int(replica->db, STATE_MUST_RECOVER, 1);

    if (rc == RC_OK)
        replica->must_recover = true;
    return rc;
}

static enum rc
send_ack(struct session *session, struct ack *ack)
{
    struct replica *replica = session->replica;
    struct request_call call = {.method = "POST"};
    struct buf body = BUF_EMPTY(ACK_MAX_BYTES);
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);

    enum rc rc = sign_ack(replica, ack, &body);
    if (rc == RC_OK)
        rc = request_target(replica, &call, "/acks");
    call.body = &body;
    if (rc == RC_OK)
        rc = request_send(replica, session->transport, &call, &answer, NULL);
    if (rc == RC_EXISTS)
        rc = note_double(replica);
    buf_wipe(&answer);
    buf_wipe(&body);
    return rc;
}

enum rc
session_acknowledge(struct session *session)
{
    struct ack ack = ACK_EMPTY;

    enum rc rc = collect_ack(session->replica, &ack);
    if (rc == RC_OK && ack.stream_count > 0)
        rc = send_ack(session, &ack);
    ack_wipe(&ack);
    return rc;
}

/* The server shows our own latest: it has it, also when it was restored in between. */
static enum rc
note_shown(struct replica *replica, const struct ack *ack)
{
    int64_t last;
    enum rc rc = state_get_int(replica->db, STATE_ACK_NUMBER, &last);

    if (rc != RC_OK || ack->number != (uint64_t)last)
        return rc;
    rc = state_put_int(replica->db, STATE_ACKED_MS, (int64_t)ack->created_ms);
    for (size_t i = 0; rc == RC_OK && i < ack->stream_count; i++)
        rc = db_run_id(replica->db,
                       "UPDATE sync_stream SET is_unacknowledged = 0 WHERE stream = ?1 AND is_unacknowledged = 2",
                       ack->streams[i].stream);
    return rc;
}

/* What a copy of this store says of one stream in our name. */
struct double_word {
    struct db *db;
    const struct ack_stream *said;
    bool says_less;
};

static enum rc
compare_feed(void *context, const struct elog_feed *feed)
{
    struct double_word *word = context;
    uint32_t last, named = 0;

    if (!feed->is_own)
        return RC_OK;
    for (size_t i = 0; i < word->said->feed_count; i++)
        if (feed_equal((struct feed_ref){word->said->feeds[i].device, word->said->feeds[i].incarnation}, feed->feed))
            named = word->said->feeds[i].last;
    enum rc rc = status_done(word->db, feed->key, &last);
    word->says_less = word->says_less || (rc == RC_OK && last > named);
    return rc;
}

/* The server keeps the later word of a device, which may be a copy's: where that says less of what was written in our name, it hides our own
 * from that copy too, and we say it again. Of what others wrote they speak themselves. */
static enum rc
answer_double(struct replica *replica, const struct ack *ack)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < ack->stream_count; i++) {
        struct double_word word = {replica->db, &ack->streams[i], false};
        rc = elog_feeds(replica->db, ack->streams[i].stream, compare_feed, &word);
        if (rc == RC_OK && word.says_less)
            rc = streams_touch(replica, ack->streams[i].stream);
    }
    return rc;
}

/* ---- those of others -------------------------------------------------------------------------- */

/* Of two of one incarnation the higher number is newer; of two incarnations the one that came later to the server, which gives them in
 * that order. A bundle has none: there the one that had read more of the ledger, then by its clock. */
static enum rc
store_stream(struct replica *replica, const struct ack *ack, const struct ack_stream *stream, bool from_server)
{
    struct stmt *stmt;
    struct buf vector = BUF_EMPTY(ACK_MAX_BYTES);
    struct writer writer = writer_of(&vector);

    for (size_t i = 0; i < stream->feed_count; i++) {
        writer_id(&writer, stream->feeds[i].device);
        writer_u64(&writer, stream->feeds[i].incarnation);
        writer_u32(&writer, stream->feeds[i].last);
    }
    enum rc rc = writer_finish(&writer);
    if (rc == RC_OK)
        rc = db_stmt(
            replica->db,
            "INSERT OR REPLACE INTO sync_ack (device, stream, incarnation, number, created_ms,"
            " digest, vector, position) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS"
            " (SELECT 1 FROM sync_ack WHERE device = ?1 AND stream = ?2 AND"
            " CASE incarnation WHEN ?3 THEN number > ?4"
            " ELSE (position, CASE WHEN ?9 THEN 0 ELSE created_ms END) > (?8, CASE WHEN ?9 THEN 0 ELSE ?5 END) END)",
            &stmt);
    if (rc == RC_OK) {
        stmt_id(stmt, 1, ack->device);
        stmt_id(stmt, 2, stream->stream);
        stmt_int(stmt, 3, (int64_t)ack->incarnation);
        stmt_int(stmt, 4, (int64_t)ack->number);
        stmt_int(stmt, 5, (int64_t)ack->created_ms);
        stmt_blob(stmt, 6, stream->digest, sizeof stream->digest);
        stmt_blob(stmt, 7, vector.data != NULL ? vector.data : (const uint8_t *)"", vector.len);
        stmt_int(stmt, 8, (int64_t)ack->position);
        stmt_int(stmt, 9, from_server);
        rc = stmt_finish(stmt);
    }
    buf_wipe(&vector);
    return rc;
}

/* As signed, for bundles; and none that no stream's newest word comes from any more. */
static enum rc
store_signed(struct replica *replica, const struct ack *ack, const struct wire_bytes *bytes)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "INSERT OR REPLACE INTO sync_ack_signed (device, incarnation, number, ack)"
                         " VALUES (?1, ?2, ?3, ?4)",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, ack->device);
    stmt_int(stmt, 2, (int64_t)ack->incarnation);
    stmt_int(stmt, 3, (int64_t)ack->number);
    stmt_blob(stmt, 4, bytes->data, bytes->len);
    rc = stmt_finish(stmt);
    return rc != RC_OK ? rc
                       : db_run_id(replica->db,
                                   "DELETE FROM sync_ack_signed WHERE device = ?1 AND"
                                   " (incarnation, number) NOT IN (SELECT incarnation, number"
                                   " FROM sync_ack WHERE device = ?1)",
                                   ack->device);
}

/* What its author has read of the ledger, against what is known here; raises *read to the highest position, or (NULL)
 * leaves out what cannot be compared. */
static enum rc
compare_past(const struct replica *replica, const struct ack *ack, uint64_t *read)
{
    const uint8_t *known = ledger_hash_at(replica->ledger, ack->position);

    if (read == NULL && known == NULL)
        return RC_ABSENT;
    if (read != NULL && ack->position > *read)
        *read = ack->position;
    if (known != NULL && memcmp(known, ack->line_hash, CRYPTO_HASH_BYTES) != 0) /* no honest server takes one; whoever made a bundle may lie */
        return rc_fail(RC_UNTRUSTED, read != NULL ? _("the server shows different pasts to different devices")
                                                  : _("the bundle shows another past of the ledger than this device knows"));
    return RC_OK;
}

/* One that does not verify is left out: it says nothing. */
static enum rc
store_ack(struct replica *replica, const struct wire_bytes *bytes, uint64_t *read)
{
    struct ack ack = ACK_EMPTY;

    enum rc rc = ack_decode(bytes->data, bytes->len, &ack);
    if (rc == RC_CORRUPT || rc == RC_UNSUPPORTED)
        rc = RC_ABSENT;
    const struct ledger_device *device =
        rc == RC_OK ? ledger_device(replica->ledger, ack.device) : NULL;
    if (rc == RC_OK &&
        (device == NULL || !ack_verify(bytes->data, bytes->len, device->sign_public) ||
         memcmp(ack.team, replica->team, sizeof ack.team) != 0))
        rc = RC_ABSENT;
    if (rc == RC_OK)
        rc = compare_past(replica, &ack, read);
    /* Also of streams that are not here: a right may come later, and a coordinator asks about files. */
    for (size_t i = 0; rc == RC_OK && i < ack.stream_count; i++)
        if (ledger_stream(replica->ledger, ack.streams[i].stream) != NULL)
            rc = store_stream(replica, &ack, &ack.streams[i], read != NULL);
    if (rc == RC_OK)
        rc = store_signed(replica, &ack, bytes);
    if (rc == RC_OK && read != NULL && id_equal(ack.device, replica->identity.device))
        rc = ack.incarnation == replica->incarnation ? note_shown(replica, &ack) : answer_double(replica, &ack);
    ack_wipe(&ack);
    return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
status_take_acks(struct replica *replica, const struct wire_blocks *acks, uint64_t *read)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < acks->count; i++)
        rc = store_ack(replica, &acks->items[i], read);
    return rc;
}

/* Keeps a page, and moves the cursor behind it. When one of its devices has read more of the ledger, that is read first and
 * the same page asked for again, so that a server that withholds lines is found out each time. */
static enum rc
take_page(struct session *session, const struct buf *answer, uint64_t *after, bool *more)
{
    struct replica *replica = session->replica;
    struct wire_ack_list list = WIRE_ACK_LIST_EMPTY;
    uint64_t read = 0;

    enum rc rc = wire_ack_list_decode(answer->data, answer->len, &list);
    if (rc != RC_OK) {
        wire_ack_list_wipe(&list);
        return rc == RC_CORRUPT ? rc_while(RC_UNTRUSTED, _("the server's acknowledgements")) : rc;
    }
    rc = db_begin(replica->db);
    if (rc != RC_OK)
        goto out;
    rc = status_take_acks(replica, &list.acks, &read);
    bool is_behind = read > ledger_position(replica->ledger) && !replica->has_newer_line;
    if (rc == RC_OK && !is_behind && !replica->has_newer_line) { /* else those of devices that are not known yet come again */
        rc = session_note_life(replica, list.next);
        if (rc == RC_OK)
            rc = state_put_int(replica->db, STATE_ACKS_AFTER, (int64_t)list.next);
    }
    if (rc == RC_OK && !is_behind)
        rc = db_commit(replica->db);
    else
        db_rollback(replica->db);
    if (rc == RC_OK && is_behind) {
        if (session->server_position < read)
            session->server_position = read;
        rc = session_ledger(session);
        goto out;
    }
    *more = list.more && list.next > *after;
    *after = list.next;
out:
    wire_ack_list_wipe(&list);
    return rc;
}

static enum rc
fetch_acks(struct session *session)
{
    struct replica *replica = session->replica;
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    int64_t stored;
    bool more = true;

    enum rc rc = state_get_int(replica->db, STATE_ACKS_AFTER, &stored);
    uint64_t after = (uint64_t)stored;
    while (rc == RC_OK && more) {
        struct request_call call = {.method = "GET"};
        rc = request_target(replica, &call, "/acks?after=%llu", (unsigned long long)after);
        if (rc == RC_OK)
            rc = request_send(replica, session->transport, &call, &answer, NULL);
        if (rc == RC_OK)
            rc = take_page(session, &answer, &after, &more);
    }
    buf_wipe(&answer);
    return rc;
}

/* It was restored from a backup: what it was told since is told again, and all of the others is asked for. */
static enum rc
tell_again(struct session *session)
{
    struct db *db = session->replica->db;
    enum rc rc = db_begin(db);

    if (rc != RC_OK)
        return rc;
    rc = db_run(db, "UPDATE sync_stream SET is_unacknowledged = 1");
    if (rc == RC_OK)
        rc = state_put_int(db, STATE_ACKS_AFTER, 0);
    if (rc == RC_OK) /* its key boxes are looked at too */
        rc = state_put_int(db, STATE_RETURN_BOXES, 1);
    rc = db_end(db, rc);
    return rc == RC_OK ? session_acknowledge(session) : rc;
}

enum rc
session_fetch_acks(struct session *session)
{
    enum rc rc = fetch_acks(session);

    if (rc != RC_STALE)
        return rc;
    rc = tell_again(session);
    return rc == RC_OK ? fetch_acks(session) : rc;
}
