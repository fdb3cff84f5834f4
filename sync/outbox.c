/* Saves in line: put, read, counted. Sealing is in outbox_seal.c. */
#include "sync/outbox.h"

#include <string.h>

#include "core/i18n.h"
#include "core/journal_salvage.h"
#include "sync/replica_own.h"

enum rc
outbox_put(struct db *db, int64_t feed, uint32_t save, const struct buf *body)
{
    struct stmt *stmt;
    uint8_t hash[CRYPTO_HASH_BYTES];
    enum rc rc = db_stmt(
        db, "INSERT INTO sync_outbox (feed, save, body, hash) VALUES (?1, ?2, ?3, ?4)", &stmt);
    if (rc != RC_OK)
        return rc;
    crypto_hash_plain(body->data, body->len, hash);
    stmt_blob_lent(stmt, 4, hash, sizeof hash);
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, save);
    stmt_blob_lent(stmt, 3, body->data, body->len);
    return stmt_finish(stmt);
}

enum rc
outbox_get(struct db *db, int64_t feed, uint32_t save, struct buf *body)
{
    struct stmt *stmt;

    buf_clear(body);
    enum rc rc =
        db_stmt(db, "SELECT body, hash FROM sync_outbox WHERE feed = ?1 AND save = ?2", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, save);
    rc = stmt_need_row(stmt);
    if (rc == RC_OK)
        rc = stmt_get_buf(stmt, 0, body);
    if (rc == RC_OK && !stmt_is_null(stmt, 1)) {
        uint8_t stored[CRYPTO_HASH_BYTES], hash[CRYPTO_HASH_BYTES];
        crypto_hash_plain(body->data, body->len, hash);
        rc = stmt_get_fixed(stmt, 1, stored, sizeof stored);
        if (rc == RC_OK && memcmp(stored, hash, sizeof hash) != 0)
            rc = rc_fail(RC_CORRUPT, _("save %u, which was not sent yet, is damaged"),
                         (unsigned)save);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
outbox_drop(struct db *db, int64_t feed, uint32_t first, uint32_t last)
{
    struct stmt *stmt;
    enum rc rc =
        db_stmt(db, "DELETE FROM sync_outbox WHERE feed = ?1 AND save BETWEEN ?2 AND ?3", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, first);
    stmt_int(stmt, 3, last);
    return stmt_finish(stmt);
}

enum rc
outbox_count(struct db *db, uint64_t *saves)
{
    int64_t count;
    enum rc rc = db_get_int(db, "SELECT count(*) FROM sync_outbox", &count);

    *saves = (uint64_t)count;
    return rc;
}

enum rc
outbox_missing(struct db *db, const struct elog_feed *feed, int64_t *missing)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, "SELECT ?3 - ?2 - count(*) FROM sync_outbox WHERE feed = ?1 AND save > ?2", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed->key);
    stmt_int(stmt, 2, feed->sealed);
    stmt_int(stmt, 3, feed->saved);
    return stmt_finish_int(stmt, missing);
}

enum rc
outbox_range(struct db *db, int64_t feed, uint32_t *first, uint32_t *last)
{
    struct stmt *stmt;
    bool found;

    *first = *last = 0;
    enum rc rc = db_stmt(
        db,
        "SELECT coalesce(min(save), 0), coalesce(max(save), 0) FROM sync_outbox WHERE feed = ?1",
        &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && found) {
        *first = (uint32_t)stmt_get_int(stmt, 0);
        *last = (uint32_t)stmt_get_int(stmt, 1);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
outbox_next_stream(struct db *db, int64_t *feed, struct id *stream, bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "SELECT o.feed, f.stream FROM sync_outbox AS o CROSS JOIN sync_feed AS f ON f.feed = o.feed"
                         " WHERE o.feed > ?1 AND f.is_own ORDER BY o.feed LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, *feed);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found) {
        *feed = stmt_get_int(stmt, 0);
        rc = stmt_get_id(stmt, 1, stream);
    }
    stmt_done(stmt);
    return rc;
}

/* One waiting save into the journal. */
static enum rc
reapply_one(struct replica *replica, const struct elog_feed *feed, uint32_t save, struct buf *body)
{
    struct change *changes = NULL;
    struct author author = replica_self_in(replica, feed->stream);

    author.feed = feed->feed;
    enum rc rc = outbox_get(replica->db, feed->key, save, body);
    if (rc == RC_OK)
        rc = body_read(feed->stream, feed->feed, save, save, body->data, body->len, &changes);
    if (rc == RC_OK)
        rc = journal_apply(replica->journal, &author, save, &changes[0]);
    if (changes != NULL)
        body_free(changes, 1);
    return rc;
}

enum rc
outbox_reapply_save(struct replica *replica, const struct elog_feed *feed, uint32_t save)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    enum rc rc = reapply_one(replica, feed, save, &body);

    buf_wipe(&body);
    return rc;
}

static enum rc
reapply_feed(void *context, const struct elog_feed *feed)
{
    struct replica *replica = context;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    uint32_t first, last, frontier;

    if (!feed->is_own)
        return RC_OK;
    enum rc rc = outbox_range(replica->db, feed->key, &first, &last);
    if (rc == RC_OK)
        rc = journal_frontier(replica->journal, feed->stream, feed->feed, &frontier);
    if (rc != RC_OK || first == 0 || frontier + 1 < first)
        return rc; /* what comes before is held: so is this */
    for (uint32_t save = frontier < first ? first : frontier + 1; rc == RC_OK && save <= last; save++)
        rc = reapply_one(replica, feed, save, &body);
    buf_wipe(&body);
    return rc == RC_ABSENT ? RC_OK : rc; /* one was lost: what follows waits for its new numbers (sync/recover.h) */
}

enum rc
outbox_reapply(struct replica *replica, struct id stream)
{
    return elog_feeds(replica->db, stream, reapply_feed, replica);
}

enum rc
outbox_put_again(struct replica *replica, const struct elog_feed *feed, struct salvage *item)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    enum rc rc = salvage_finish(replica->journal, item);

    if (rc == RC_OK)
        rc = body_write(feed->feed, item->save, &item->change, 1, NULL, 0, &body);
    if (rc == RC_OK && body.len > CHANGE_SAVE_BYTES)
        rc = rc_fail(RC_TOO_LARGE, _("more than %d bytes in one save"), CHANGE_SAVE_BYTES);
    if (rc == RC_OK)
        rc = outbox_put(replica->db, feed->key, item->save, &body);
    buf_wipe(&body);
    return rc;
}
