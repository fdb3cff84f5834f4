/* The log: feeds, and entries with their ciphertext. */
#include "sync/elog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "sync/news.h"

const char *
elog_reason_name(enum elog_reason reason)
{
    static const char *const names[ELOG_REASON_COUNT] = {
        "",     "key",  "ledger", "gap",  "unknown",  "damaged",
        "fork", "past", "gone",   "late", "no_right",
    };
    return reason < ELOG_REASON_COUNT ? names[reason] : "";
}

#define FEED_COLUMNS "feed, stream, device, incarnation, is_own, saved, sealed, head, on_server"

static enum rc
read_feed(struct stmt *stmt, struct elog_feed *row)
{
    *row = (struct elog_feed){.key = stmt_get_int(stmt, 0)};
    enum rc rc = stmt_get_id(stmt, 1, &row->stream);
    if (rc == RC_OK)
        rc = stmt_get_id(stmt, 2, &row->feed.device);
    row->feed.incarnation = (uint64_t)stmt_get_int(stmt, 3);
    row->is_own = stmt_get_int(stmt, 4) != 0;
    row->saved = (uint32_t)stmt_get_int(stmt, 5);
    row->sealed = (uint32_t)stmt_get_int(stmt, 6);
    if (rc == RC_OK && !stmt_is_null(stmt, 7))
        rc = stmt_get_fixed(stmt, 7, row->head, sizeof row->head);
    row->on_server = (uint32_t)stmt_get_int(stmt, 8);
    return rc;
}

static enum rc
one_feed(struct stmt *stmt, struct elog_feed *row)
{
    enum rc rc = stmt_need_row(stmt);

    if (rc == RC_OK)
        rc = read_feed(stmt, row);
    stmt_done(stmt);
    return rc;
}

enum rc
elog_feed_find(struct db *db, struct id stream, struct feed_ref feed, struct elog_feed *row)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "SELECT " FEED_COLUMNS " FROM sync_feed WHERE stream = ?1 AND device = ?2"
                         " AND incarnation = ?3",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_id(stmt, 2, feed.device);
    stmt_int(stmt, 3, (int64_t)feed.incarnation);
    return one_feed(stmt, row);
}

enum rc
elog_feed_get(struct db *db, int64_t key, struct elog_feed *row)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, "SELECT " FEED_COLUMNS " FROM sync_feed WHERE feed = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, key);
    return one_feed(stmt, row);
}

enum rc
elog_feed_open(struct db *db, struct id stream, struct feed_ref feed, bool is_own,
               struct elog_feed *row)
{
    struct stmt *stmt;
    enum rc rc = elog_feed_find(db, stream, feed, row);

    if (rc != RC_ABSENT)
        return rc;
    rc = db_stmt(
        db, "INSERT INTO sync_feed (stream, device, incarnation, is_own) VALUES (?1, ?2, ?3, ?4)",
        &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_id(stmt, 2, feed.device);
    stmt_int(stmt, 3, (int64_t)feed.incarnation);
    stmt_int(stmt, 4, is_own);
    rc = stmt_finish(stmt);
    *row = (struct elog_feed){
        .key = db_last_rowid(db), .stream = stream, .feed = feed, .is_own = is_own};
    return rc;
}

enum rc
elog_feed_put(struct db *db, const struct elog_feed *row)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "UPDATE sync_feed SET saved = ?2, sealed = ?3, head = ?4, on_server = ?5"
                         " WHERE feed = ?1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, row->key);
    stmt_int(stmt, 2, row->saved);
    stmt_int(stmt, 3, row->sealed);
    stmt_blob(stmt, 4, row->head, sizeof row->head);
    stmt_int(stmt, 5, row->on_server);
    return stmt_finish(stmt);
}

/* Keys of feeds, grown as they come. */
struct feed_keys {
    int64_t *items;
    size_t count, room;
};

static enum rc
add_feed_key(struct feed_keys *keys, int64_t key)
{
    int64_t *items = array_grow(keys->items, &keys->room, keys->count + 1, sizeof *items);

    if (items == NULL)
        return RC_NOMEM;
    keys->items = items;
    keys->items[keys->count++] = key;
    return RC_OK;
}

static enum rc
list_feeds(struct db *db, struct id stream, struct feed_keys *keys)
{
    const char *all = "SELECT feed FROM sync_feed"
                      " ORDER BY stream, device, incarnation < 0, incarnation";
    const char *one = "SELECT feed FROM sync_feed WHERE stream = ?1"
                      " ORDER BY device, incarnation < 0, incarnation";
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(db, id_is_zero(stream) ? all : one, &stmt);

    if (rc != RC_OK)
        return rc;
    if (!id_is_zero(stream))
        stmt_id(stmt, 1, stream);
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found)
        rc = add_feed_key(keys, stmt_get_int(stmt, 0));
    stmt_done(stmt);
    return rc;
}

enum rc
elog_feeds(struct db *db, struct id stream, elog_feed_fn visit, void *context)
{
    struct feed_keys keys = {NULL, 0, 0};
    enum rc rc = list_feeds(db, stream, &keys);

    /* Listed first, so that a visitor may use the same statements, and write what it is shown. */
    for (size_t i = 0; rc == RC_OK && i < keys.count; i++) {
        struct elog_feed row;
        rc = elog_feed_get(db, keys.items[i], &row);
        if (rc == RC_OK)
            rc = visit(context, &row);
        else if (rc == RC_ABSENT)
            rc = RC_OK;
    }
    free(keys.items);
    return rc;
}

void
elog_row_wipe(struct elog_row *row)
{
    buf_wipe(&row->bytes);
    *row = ELOG_ROW_EMPTY;
}

#define ENTRY_COLUMNS                                                                              \
    "entry, feed, header, signature, ciphertext, arrived_ms, state, reason, is_sent, is_bundled"

static enum rc
read_entry(struct stmt *stmt, struct elog_row *row)
{
    size_t len;
    const uint8_t *header = stmt_get_blob(stmt, 2, &len);

    enum rc rc = entry_header_decode(header, len, &row->entry);
    if (rc == RC_OK)
        rc = stmt_get_fixed(stmt, 3, row->entry.signature, sizeof row->entry.signature);
    if (rc != RC_OK)
        return rc;
    row->key = stmt_get_int(stmt, 0);
    row->feed = stmt_get_int(stmt, 1);
    row->entry.arrived_ms = (uint64_t)stmt_get_int(stmt, 5);
    row->state = (enum elog_state)stmt_get_int(stmt, 6);
    row->reason = (enum elog_reason)stmt_get_int(stmt, 7);
    row->is_sent = stmt_get_int(stmt, 8) != 0;
    row->is_bundled = stmt_get_int(stmt, 9) != 0;
    row->entry.ciphertext = NULL;
    buf_clear(&row->bytes);
    if (stmt_is_null(stmt, 4))
        return RC_OK;
    rc = stmt_get_buf(stmt, 4, &row->bytes);
    if (rc == RC_OK && row->bytes.len != row->entry.ciphertext_len) /* whoever reads it goes by the header */
        rc = rc_fail(RC_CORRUPT, _("an entry in the store is cut short, or too long"));
    row->entry.ciphertext = row->bytes.data;
    return rc;
}

static enum rc
one_entry(struct stmt *stmt, struct elog_row *row)
{
    enum rc rc = stmt_need_row(stmt);

    if (rc == RC_OK)
        rc = read_entry(stmt, row);
    stmt_done(stmt);
    return rc;
}

enum rc
elog_get(struct db *db, int64_t key, struct elog_row *row)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, "SELECT " ENTRY_COLUMNS " FROM sync_entry WHERE entry = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, key);
    return one_entry(stmt, row);
}

enum rc
elog_find(struct db *db, int64_t feed, uint32_t save, struct elog_row *row)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "SELECT " ENTRY_COLUMNS
                         " FROM sync_entry WHERE feed = ?1 AND first <= ?2 AND last >= ?2"
                         " ORDER BY first DESC LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, save);
    return one_entry(stmt, row);
}

enum rc
elog_head_at(struct db *db, int64_t feed, uint32_t last, uint8_t hash[CRYPTO_HASH_BYTES])
{
    struct stmt *stmt;
    struct entry entry;

    /* By (feed, first): the first row that is looked at is the one, for entries of a feed do not overlap. */
    enum rc rc = db_stmt(db,
                         "SELECT header FROM sync_entry WHERE feed = ?1 AND first <= ?2 AND last = ?2"
                         " ORDER BY first DESC LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, last);
    rc = stmt_need_row(stmt);
    if (rc == RC_OK) {
        size_t len;
        const uint8_t *header = stmt_get_blob(stmt, 0, &len);
        rc = entry_header_decode(header, len, &entry);
        memcpy(hash, entry.hash, CRYPTO_HASH_BYTES);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
elog_header_at(struct db *db, int64_t feed, uint32_t save, struct entry *entry, bool *is_unproven)
{
    struct stmt *stmt;

    enum rc rc = db_stmt(db,
                         "SELECT header, reason, signature FROM sync_entry WHERE feed = ?1 AND first <= ?2"
                         " AND last >= ?2 ORDER BY first DESC LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, save);
    rc = stmt_need_row(stmt);
    if (rc == RC_OK) {
        size_t len;
        const uint8_t *header = stmt_get_blob(stmt, 0, &len);
        *is_unproven = stmt_get_int(stmt, 1) == ELOG_LEDGER;
        rc = entry_header_decode(header, len, entry);
    }
    if (rc == RC_OK)
        rc = stmt_get_fixed(stmt, 2, entry->signature, sizeof entry->signature);
    stmt_done(stmt);
    return rc;
}

enum rc
elog_last(struct db *db, int64_t feed, uint32_t *stored, uint32_t *applied)
{
    struct stmt *stmt;
    bool found;

    *stored = *applied = 0;
    enum rc rc = db_stmt(
        db,
        "SELECT (SELECT last FROM sync_entry WHERE feed = ?1 ORDER BY first DESC LIMIT 1),"
        " (SELECT last FROM sync_entry WHERE feed = ?1 AND state = 1 ORDER BY first DESC LIMIT 1)",
        &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && found) {
        *stored = (uint32_t)stmt_get_int(stmt, 0);
        *applied = (uint32_t)stmt_get_int(stmt, 1);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
elog_set_state(struct db *db, int64_t key, enum elog_state state, enum elog_reason reason)
{
    struct stmt *stmt;
    enum rc rc =
        db_stmt(db, "UPDATE sync_entry SET state = ?2, reason = ?3 WHERE entry = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, key);
    stmt_int(stmt, 2, state);
    stmt_int(stmt, 3, reason);
    return stmt_finish(stmt);
}

enum rc
elog_drop(struct db *db, int64_t key)
{
    enum rc rc = db_run_int(db, "DELETE FROM sync_entry WHERE entry = ?1", key);

    return rc == RC_OK ? news_keys_freed(db) : rc;
}

enum rc
elog_keys(struct db *db, struct id stream, enum elog_state state, struct elog_place *place, int64_t *keys,
          size_t room, size_t *count)
{
    const char *all = "SELECT entry, feed, first FROM sync_entry WHERE state = ?1 AND state <> 1"
                      " AND (feed, first) > (?2, ?3) ORDER BY feed, first LIMIT ?4";
    const char *one = "SELECT entry, feed, first FROM sync_entry WHERE state = ?1 AND state <> 1"
                      " AND feed IN (SELECT feed FROM sync_feed WHERE stream = ?5)"
                      " AND (feed, first) > (?2, ?3) ORDER BY feed, first LIMIT ?4";
    struct stmt *stmt;
    bool found = true;

    assert(state != ELOG_APPLIED); /* no index has those */
    *count = 0;
    enum rc rc = db_stmt(db, id_is_zero(stream) ? all : one, &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, state);
    stmt_int(stmt, 2, place->feed);
    stmt_int(stmt, 3, place->first);
    stmt_int(stmt, 4, (int64_t)room);
    if (!id_is_zero(stream))
        stmt_id(stmt, 5, stream);
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        keys[(*count)++] = stmt_get_int(stmt, 0);
        place->feed = stmt_get_int(stmt, 1);
        place->first = stmt_get_int(stmt, 2);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
elog_next(struct db *db, struct id stream, enum elog_state state, struct elog_place *place, struct elog_row *row,
          bool *found)
{
    int64_t key;
    size_t count;
    enum rc rc = elog_keys(db, stream, state, place, &key, 1, &count);

    *found = rc == RC_OK && count > 0;
    return *found ? elog_get(db, key, row) : rc;
}

enum rc
elog_unpark(struct db *db, struct id stream, enum elog_reason reason, uint64_t *count)
{
    const char *all = "UPDATE sync_entry SET state = 0, reason = 0 WHERE state = 2 AND state <> 1 AND reason = ?1"; /* ELOG_PARKED */
    const char *one = "UPDATE sync_entry SET state = 0, reason = 0 WHERE state = 2 AND state <> 1 AND reason = ?1"
                      " AND feed IN (SELECT feed FROM sync_feed WHERE stream = ?2)";
    struct stmt *stmt;
    enum rc rc = db_stmt(db, id_is_zero(stream) ? all : one, &stmt);

    *count = 0;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, reason);
    if (!id_is_zero(stream))
        stmt_id(stmt, 2, stream);
    rc = stmt_finish(stmt);
    *count = rc == RC_OK ? (uint64_t)db_changes(db) : 0;
    return rc;
}

enum rc
elog_renew(struct db *db, struct id stream)
{
    /* Applied, as ELOG_STOOD, or as ELOG_GAP where it names less; held, whose reason stays; and parked for ELOG_GAP, or for ELOG_UNKNOWN or
     * ELOG_DAMAGED, which may have been this store's fault. */
    static const char *const renewals[] = {
        "UPDATE sync_entry SET state = 0, reason = CASE reason WHEN 3 THEN 3 ELSE 100 END WHERE state = 1"
        " AND feed IN (SELECT feed FROM sync_feed WHERE stream = ?1)",
        "UPDATE sync_entry SET state = 0 WHERE state = 3 AND state <> 1"
        " AND feed IN (SELECT feed FROM sync_feed WHERE stream = ?1)",
        "UPDATE sync_entry SET state = 0, reason = 0 WHERE state = 2 AND state <> 1 AND reason IN (3, 4, 5)"
        " AND feed IN (SELECT feed FROM sync_feed WHERE stream = ?1)",
    };
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < sizeof renewals / sizeof renewals[0]; i++)
        rc = db_run_id(db, renewals[i], stream);
    return rc;
}

enum rc
elog_count(struct db *db, enum elog_state state, uint64_t *count)
{
    struct stmt *stmt;
    int64_t entries;

    assert(state != ELOG_APPLIED);
    *count = 0;
    /* SQLite does not see by itself that a parameter is within the partial index: the text says so. */
    enum rc rc = db_stmt(
        db, "SELECT count(*) FROM sync_entry WHERE state = ?1 AND state <> 1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, state);
    rc = stmt_finish_int(stmt, &entries);
    *count = (uint64_t)entries;
    return rc;
}
