/* The SQLite back end: entries and acknowledgements. */
#include "server/depot.h"

#include "core/i18n.h"
#include "server/depot_sqlite.h"

struct depot_body {
    struct stmt *stmt;
};

enum { BODY_COLUMN = 10 };

/* Who is shown feeds, until it says stop. */
struct feed_visit {
    enum rc (*visit)(void *context, const struct depot_feed_end *end, bool *stop);
    void *context;
    bool stop;
};

static void
bind_feed(struct stmt *stmt, int64_t team, const struct depot_feed *feed)
{
    stmt_int(stmt, 1, team);
    stmt_id(stmt, 2, feed->stream);
    stmt_id(stmt, 3, feed->device);
    stmt_int(stmt, 4, (int64_t)feed->incarnation);
}

enum rc
depot_feed_head(struct depot *depot, int64_t team, const struct depot_feed *feed, uint32_t *last,
                uint8_t header_hash[CRYPTO_HASH_BYTES])
{
    struct stmt *stmt = NULL;
    bool row = false;
    enum rc rc = db_stmt(depot->db,
                         "SELECT last, header_hash FROM entries WHERE team = ?1 AND stream = ?2"
                         " AND device = ?3 AND incarnation = ?4 ORDER BY last DESC LIMIT 1",
                         &stmt);

    *last = 0;
    if (rc != RC_OK)
        return rc;
    bind_feed(stmt, team, feed);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row) {
        *last = (uint32_t)stmt_get_int(stmt, 0);
        rc = stmt_get_fixed(stmt, 1, header_hash, CRYPTO_HASH_BYTES);
    }
    return depot_done(stmt, rc);
}

/* The next stream after `stream` in which the team has entries. By its index: a team has some hundred, and a million entries. */
static enum rc
next_stream(struct depot *depot, int64_t team, struct id *stream, bool *found)
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db,
                         "SELECT stream FROM entries WHERE team = ?1 AND stream > ?2"
                         " ORDER BY stream LIMIT 1",
                         &stmt);

    *found = false;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_id(stmt, 2, *stream);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        rc = stmt_get_id(stmt, 0, stream);
    return depot_done(stmt, rc);
}

/* The feed with the lowest incarnation from `from` to `upto`, as signed numbers. */
static enum rc
next_feed(struct depot *depot, int64_t team, int64_t from, int64_t upto, struct depot_feed *feed,
          bool *found)
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db,
                         "SELECT incarnation FROM entries WHERE team = ?1 AND stream = ?2"
                         " AND device = ?3 AND incarnation BETWEEN ?4 AND ?5"
                         " ORDER BY incarnation LIMIT 1",
                         &stmt);

    *found = false;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_id(stmt, 2, feed->stream);
    stmt_id(stmt, 3, feed->device);
    stmt_int(stmt, 4, from);
    stmt_int(stmt, 5, upto);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        feed->incarnation = (uint64_t)stmt_get_int(stmt, 0);
    return depot_done(stmt, rc);
}

/* A stream's feeds of one device with incarnations in that range, ascending. */
static enum rc
list_range(struct depot *depot, int64_t team, struct depot_feed feed, int64_t from, int64_t upto,
           struct feed_visit *visit)
{
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found && !visit->stop) {
        struct depot_feed_end end;
        rc = next_feed(depot, team, from, upto, &feed, &found);
        if (rc != RC_OK || !found)
            break;
        end.feed = feed;
        rc = depot_feed_head(depot, team, &feed, &end.last, end.header_hash);
        if (rc == RC_OK)
            rc = visit->visit(visit->context, &end, &visit->stop);
        if ((int64_t)feed.incarnation == upto)
            break;
        from = (int64_t)feed.incarnation + 1;
    }
    return rc;
}

enum rc
depot_list_feeds(struct depot *depot, int64_t team, struct id device, const struct id *stream,
                 enum rc (*visit)(void *context, const struct depot_feed_end *end, bool *stop),
                 void *context)
{
    struct feed_visit visiting = {.visit = visit, .context = context};
    struct depot_feed feed = {.device = device};
    bool found = true;
    enum rc rc = RC_OK;

    if (stream != NULL)
        feed.stream = *stream;
    while (rc == RC_OK && !visiting.stop) {
        if (stream == NULL)
            rc = next_stream(depot, team, &feed.stream, &found);
        if (rc != RC_OK || !found)
            break;
        rc = list_range(depot, team, feed, 0, INT64_MAX, &visiting);
        if (rc == RC_OK) /* the upper half of a u64 */
            rc = list_range(depot, team, feed, INT64_MIN, -1, &visiting);
        if (stream != NULL)
            break;
    }
    return rc;
}

enum rc
depot_add_handed_in(struct depot *depot, int64_t team, struct id device, uint64_t bytes,
                    uint64_t *sum)
{
    struct stmt *stmt = NULL;
    int64_t all = 0;
    enum rc rc = db_stmt(depot->db,
                         "INSERT INTO handed_in (team, device, bytes) VALUES (?1, ?2, ?3)"
                         " ON CONFLICT (team, device) DO UPDATE SET bytes = bytes + excluded.bytes"
                         " RETURNING bytes",
                         &stmt);

    *sum = 0;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_id(stmt, 2, device);
    stmt_int(stmt, 3, (int64_t)bytes);
    rc = stmt_finish_int(stmt, &all);
    *sum = (uint64_t)all;
    return rc;
}

enum rc
depot_find_entry(struct depot *depot, int64_t team, const struct depot_feed *feed, uint32_t last,
                 bool *found, uint8_t header_hash[CRYPTO_HASH_BYTES])
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db,
                         "SELECT header_hash FROM entries WHERE team = ?1 AND stream = ?2"
                         " AND device = ?3 AND incarnation = ?4 AND last = ?5",
                         &stmt);

    *found = false;
    if (rc != RC_OK)
        return rc;
    bind_feed(stmt, team, feed);
    stmt_int(stmt, 5, last);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        rc = stmt_get_fixed(stmt, 0, header_hash, CRYPTO_HASH_BYTES);
    return depot_done(stmt, rc);
}

enum rc
depot_put_entry(struct depot *depot, int64_t team, struct depot_entry *entry)
{
    struct stmt *stmt = NULL;
    enum rc rc = depot_next_number(depot, DEPOT_ARRIVALS, team, &entry->arrival);

    if (rc == RC_OK)
        rc = db_stmt(depot->db,
                     "INSERT INTO entries (team, stream, device, incarnation, arrival, first, last,"
                     " arrived_ms, header, header_hash, signature, ciphertext)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    bind_feed(stmt, team, &entry->feed);
    stmt_int(stmt, 5, (int64_t)entry->arrival);
    stmt_int(stmt, 6, entry->first);
    stmt_int(stmt, 7, entry->last);
    stmt_int(stmt, 8, entry->arrived_ms);
    stmt_blob(stmt, 9, entry->header, ENTRY_HEADER_BYTES);
    stmt_blob(stmt, 10, entry->header_hash, CRYPTO_HASH_BYTES);
    stmt_blob(stmt, 11, entry->signature, CRYPTO_SIGNATURE_BYTES);
    if (entry->ciphertext == NULL)
        stmt_null(stmt, 12);
    else
        stmt_blob(stmt, 12, entry->ciphertext, entry->ciphertext_len);
    return stmt_finish(stmt);
}

static enum rc
read_entry(struct stmt *stmt, struct depot_entry *entry)
{
    size_t header_len, hash_len, signature_len;
    enum rc rc = stmt_get_id(stmt, 0, &entry->feed.stream);

    if (rc == RC_OK)
        rc = stmt_get_id(stmt, 1, &entry->feed.device);
    if (rc != RC_OK)
        return rc;
    entry->feed.incarnation = (uint64_t)stmt_get_int(stmt, 2);
    entry->arrival = (uint64_t)stmt_get_int(stmt, 3);
    entry->first = (uint32_t)stmt_get_int(stmt, 4);
    entry->last = (uint32_t)stmt_get_int(stmt, 5);
    entry->arrived_ms = stmt_get_int(stmt, 6);
    entry->header = stmt_get_blob(stmt, 7, &header_len);
    entry->header_hash = stmt_get_blob(stmt, 8, &hash_len);
    entry->signature = stmt_get_blob(stmt, 9, &signature_len);
    if (header_len != ENTRY_HEADER_BYTES || hash_len != CRYPTO_HASH_BYTES ||
        signature_len != CRYPTO_SIGNATURE_BYTES)
        return rc_fail(RC_CORRUPT, _("a stored entry has another length"));
    return RC_OK;
}

enum rc
depot_body(struct depot_body *body, struct depot_entry *entry)
{
    entry->ciphertext = NULL;
    entry->ciphertext_len = 0;
    if (stmt_is_null(body->stmt, BODY_COLUMN))
        return RC_OK;
    entry->ciphertext = stmt_get_blob(body->stmt, BODY_COLUMN, &entry->ciphertext_len);
    return entry->ciphertext != NULL ? RC_OK : rc_nomem();
}

#define ENTRY_COLUMNS \
    "SELECT stream, device, incarnation, arrival, first, last, arrived_ms, header, header_hash," \
    " signature, ciphertext FROM entries"

enum rc
depot_list_entries(struct depot *depot, int64_t team, const struct depot_window *window,
                   enum rc (*visit)(void *context, struct depot_entry *entry,
                                    struct depot_body *body, bool *stop),
                   void *context)
{
    const char *all = ENTRY_COLUMNS
        " WHERE team = ?1 AND arrival > ?2 AND arrival <= ?3 ORDER BY arrival";
    const char *one = ENTRY_COLUMNS
        " WHERE team = ?1 AND arrival > ?2 AND arrival <= ?3 AND stream = ?4 ORDER BY arrival";
    struct stmt *stmt = NULL;
    bool row = false, stop = false;
    enum rc rc = db_stmt(depot->db, window->stream != NULL ? one : all, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)window->after);
    stmt_int(stmt, 3, (int64_t)window->upto);
    if (window->stream != NULL)
        stmt_id(stmt, 4, *window->stream);
    while (!stop && (rc = stmt_step(stmt, &row)) == RC_OK && row) {
        struct depot_entry entry = {0};
        struct depot_body body = {stmt};
        rc = read_entry(stmt, &entry);
        if (rc == RC_OK)
            rc = visit(context, &entry, &body, &stop);
        if (rc != RC_OK)
            break;
    }
    return depot_done(stmt, rc);
}

/* ---- acknowledgements ---- */

enum rc
depot_last_ack(struct depot *depot, int64_t team, struct id device, uint64_t incarnation,
               uint64_t *number, uint8_t hash[CRYPTO_HASH_BYTES])
{
    struct stmt *stmt = NULL;
    bool row = false;
    enum rc rc = db_stmt(depot->db,
                         "SELECT number, bytes FROM acks WHERE team = ?1 AND device = ?2"
                         " AND incarnation = ?3 ORDER BY ack DESC LIMIT 1",
                         &stmt);

    *number = 0;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_id(stmt, 2, device);
    stmt_int(stmt, 3, (int64_t)incarnation);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row) {
        size_t len;
        const uint8_t *bytes = stmt_get_blob(stmt, 1, &len);
        crypto_hash_plain(bytes, len, hash);
        *number = (uint64_t)stmt_get_int(stmt, 0);
    }
    return depot_done(stmt, rc);
}

static enum rc
put_ack_row(struct depot *depot, int64_t team, const struct depot_ack *ack, uint64_t at)
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(
        depot->db,
        "INSERT INTO acks (team, ack, device, number, bytes, incarnation)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)at);
    stmt_id(stmt, 3, ack->device);
    stmt_int(stmt, 4, (int64_t)ack->number);
    stmt_blob(stmt, 5, ack->bytes, ack->len);
    stmt_int(stmt, 6, (int64_t)ack->incarnation);
    return stmt_finish(stmt);
}

static enum rc
put_ack_stream(struct depot *depot, int64_t team, const struct depot_ack *ack, struct id stream,
               uint64_t at)
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db,
                         "INSERT INTO ack_streams (team, device, stream, ack)"
                         " VALUES (?1, ?2, ?3, ?4)"
                         " ON CONFLICT (team, device, stream) DO UPDATE SET ack = excluded.ack",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_id(stmt, 2, ack->device);
    stmt_id(stmt, 3, stream);
    stmt_int(stmt, 4, (int64_t)at);
    return stmt_finish(stmt);
}

enum rc
depot_put_ack(struct depot *depot, int64_t team, const struct depot_ack *ack)
{
    struct stmt *stmt = NULL;
    uint64_t at;
    enum rc rc = depot_next_number(depot, DEPOT_ACKS, team, &at);

    if (rc == RC_OK)
        rc = put_ack_row(depot, team, ack, at);
    for (size_t i = 0; rc == RC_OK && i < ack->stream_count; i++)
        rc = put_ack_stream(depot, team, ack, ack->streams[i], at);
    if (rc != RC_OK)
        return rc;
    /* The newest stays in any case: it carries the device's number. */
    rc = db_stmt(depot->db,
                 "DELETE FROM acks WHERE team = ?1 AND device = ?2 AND +ack < ?3 AND NOT EXISTS"
                 " (SELECT 1 FROM ack_streams s WHERE s.team = acks.team AND s.ack = acks.ack)",
                 &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_id(stmt, 2, ack->device);
    stmt_int(stmt, 3, (int64_t)at);
    return stmt_finish(stmt);
}

enum rc
depot_list_acks(struct depot *depot, int64_t team, uint64_t after,
                enum rc (*visit)(void *context, uint64_t ack, const uint8_t *bytes, size_t len,
                                 bool *stop),
                void *context)
{
    struct stmt *stmt = NULL;
    bool row = false, stop = false;
    enum rc rc = db_stmt(
        depot->db, "SELECT ack, bytes FROM acks WHERE team = ?1 AND ack > ?2 ORDER BY ack", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)after);
    while (!stop && (rc = stmt_step(stmt, &row)) == RC_OK && row) {
        size_t len;
        const uint8_t *bytes = stmt_get_blob(stmt, 1, &len);
        rc = visit(context, (uint64_t)stmt_get_int(stmt, 0), bytes, len, &stop);
        if (rc != RC_OK)
            break;
    }
    return depot_done(stmt, rc);
}
