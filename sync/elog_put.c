/* Entries into the log, and what happens where one stands already. */
#include <string.h>

#include "core/i18n.h"
#include "sync/elog.h"

/* The entry that is stored where another would go. */
struct stored {
    int64_t key;
    uint8_t hash[CRYPTO_HASH_BYTES];
    bool lacks_body;
    bool lacks_arrival;
    bool is_unproven; /* perhaps nobody has looked at its signature yet (ELOG_LEDGER) */
};

/* One that stands there, a proven one before any other: what gives way is dropped only for an entry that is stored then. Stored entries of
 * a feed do not overlap, so all of them begin with the last that begins by its first save. RC_ABSENT when there is none. */
static enum rc
overlap(struct db *db, int64_t feed, const struct entry *entry, struct stored *stored)
{
    struct stmt *stmt;
    struct entry held;

    enum rc rc = db_stmt(db,
                         "SELECT entry, header, ciphertext IS NULL, arrived_ms = 0, reason FROM sync_entry"
                         " WHERE feed = ?1 AND first <= ?3 AND last >= ?2 AND first >= coalesce("
                         "(SELECT max(first) FROM sync_entry WHERE feed = ?1 AND first <= ?2), ?2)"
                         " ORDER BY reason = ?4 LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, entry->first);
    stmt_int(stmt, 3, entry->last);
    stmt_int(stmt, 4, ELOG_LEDGER);
    rc = stmt_need_row(stmt);
    if (rc == RC_OK) {
        size_t len;
        const uint8_t *header = stmt_get_blob(stmt, 1, &len);
        stored->key = stmt_get_int(stmt, 0);
        stored->lacks_body = stmt_get_int(stmt, 2) != 0;
        stored->lacks_arrival = stmt_get_int(stmt, 3) != 0;
        stored->is_unproven = stmt_get_int(stmt, 4) == ELOG_LEDGER;
        rc = entry_header_decode(header, len, &held);
        memcpy(stored->hash, held.hash, CRYPTO_HASH_BYTES);
    }
    stmt_done(stmt);
    return rc;
}

/* Under a proven signature: the one stored before may be anybody's. */
static enum rc
prove(struct db *db, int64_t key, const struct entry *entry)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(
        db, "UPDATE sync_entry SET signature = ?2, state = 0, reason = 0 WHERE entry = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, key);
    stmt_blob(stmt, 2, entry->signature, sizeof entry->signature);
    return stmt_finish(stmt);
}

/* A later full body, or a time of arrival, for an entry that is here. An unproven one stays so. */
static enum rc
complete(struct db *db, const struct stored *stored, const struct entry *entry)
{
    struct stmt *stmt;
    enum rc rc;

    if (stored->lacks_body && entry->ciphertext != NULL) {
        rc = db_stmt(db,
                     "UPDATE sync_entry SET ciphertext = ?2, state = 0,"
                     " reason = CASE reason WHEN ?3 THEN reason ELSE 0 END WHERE entry = ?1",
                     &stmt);
        if (rc != RC_OK)
            return rc;
        stmt_int(stmt, 1, stored->key);
        stmt_blob(stmt, 2, entry->ciphertext, entry->ciphertext_len);
        stmt_int(stmt, 3, ELOG_LEDGER);
        rc = stmt_finish(stmt);
        if (rc != RC_OK)
            return rc;
    }
    if (!stored->lacks_arrival || entry->arrived_ms == 0)
        return RC_EXISTS;
    rc = db_stmt(db, "UPDATE sync_entry SET arrived_ms = ?2, is_sent = 1 WHERE entry = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, stored->key);
    stmt_int(stmt, 2, (int64_t)entry->arrived_ms);
    rc = stmt_finish(stmt);
    return rc == RC_OK ? RC_EXISTS : rc;
}

/* What stands where the entry belongs: RC_EXISTS the same, RC_UNTRUSTED another, RC_ABSENT nothing (any more). */
static enum rc
meet(struct db *db, const struct elog_feed *feed, const struct entry *entry, bool is_proven)
{
    struct stored stored;

    for (;;) {
        enum rc rc = overlap(db, feed->key, entry, &stored);
        if (rc != RC_OK)
            return rc;
        bool gives_way = is_proven && stored.is_unproven;
        if (memcmp(stored.hash, entry->hash, sizeof stored.hash) == 0) {
            rc = gives_way ? prove(db, stored.key, entry) : RC_OK;
            return rc == RC_OK ? complete(db, &stored, entry) : rc;
        }
        if (!gives_way)
            return rc_fail(RC_UNTRUSTED,
                           _("two different entries claim to be save %u of one device"),
                           (unsigned)entry->first);
        rc = elog_drop(db, stored.key);
        if (rc != RC_OK)
            return rc;
    }
}

enum rc
elog_put(struct db *db, const struct elog_feed *feed, const struct entry *entry,
         enum elog_state state, enum elog_reason reason, bool is_sent)
{
    struct stmt *stmt;
    uint8_t header[ENTRY_HEADER_BYTES];

    enum rc rc = meet(db, feed, entry, reason != ELOG_LEDGER);
    if (rc != RC_ABSENT)
        return rc;
    rc = db_stmt(db,
                 "INSERT INTO sync_entry (feed, first, last, header, signature, ciphertext, "
                 "arrived_ms, state,"
                 " reason, is_sent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                 &stmt);
    if (rc != RC_OK)
        return rc;
    entry_header(entry, header);
    stmt_int(stmt, 1, feed->key);
    stmt_int(stmt, 2, entry->first);
    stmt_int(stmt, 3, entry->last);
    stmt_blob(stmt, 4, header, sizeof header);
    stmt_blob(stmt, 5, entry->signature, sizeof entry->signature);
    if (entry->ciphertext != NULL)
        stmt_blob(stmt, 6, entry->ciphertext, entry->ciphertext_len);
    else
        stmt_null(stmt, 6);
    stmt_int(stmt, 7, (int64_t)entry->arrived_ms);
    stmt_int(stmt, 8, state);
    stmt_int(stmt, 9, reason);
    stmt_int(stmt, 10, is_sent);
    return stmt_finish(stmt);
}
