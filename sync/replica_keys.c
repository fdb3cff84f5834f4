/* The key ring of an open store: read, stored, and rid of what was only lent. */
#include "sync/replica_own.h"

enum rc
replica_load_keys(struct replica *replica)
{
    uint8_t sealed[KEYRING_SEALED_BYTES];
    struct stmt *stmt;
    bool found = true;

    enum rc rc = keyring_new_under(&replica->sealing, &replica->keys);
    if (rc == RC_OK)
        rc = db_stmt(replica->db, "SELECT stream, epoch, sealed FROM sync_key ORDER BY stream, epoch",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && found) {
        struct id stream;
        rc = stmt_step(stmt, &found);
        if (rc != RC_OK || !found)
            break;
        rc = stmt_get_id(stmt, 0, &stream);
        if (rc == RC_OK)
            rc = stmt_get_fixed(stmt, 2, sealed, sizeof sealed);
        if (rc == RC_OK)
            rc = keyring_put_sealed(replica->keys, stream, (uint32_t)stmt_get_int(stmt, 1), sealed);
    }
    stmt_done(stmt);
    return rc;
}

static bool
may_keep(struct replica *replica, struct id stream)
{
    return !replica->is_in_team || ledger_may_hold(replica->ledger, replica->identity.device, stream,
                                                   (uint64_t)replica_now_ms(replica));
}

enum rc
replica_store_keys_of(struct replica *replica, struct id stream)
{
    uint8_t sealed[KEYRING_SEALED_BYTES];
    size_t first, count = keyring_find(replica->keys, stream, &first);
    enum rc rc = RC_OK;

    if (!may_keep(replica, stream)) { /* not yet: a line may still come */
        replica->has_loose_keys = replica->has_loose_keys || count > 0;
        return RC_OK;
    }
    for (size_t i = first; rc == RC_OK && i < first + count; i++) {
        uint32_t epoch;
        struct stmt *stmt;
        keyring_sealed_at(replica->keys, i, &stream, &epoch, sealed);
        rc = db_stmt(replica->db,
                     "INSERT OR IGNORE INTO sync_key (stream, epoch, sealed) VALUES (?1, ?2, ?3)",
                     &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, stream);
        stmt_int(stmt, 2, epoch);
        stmt_blob(stmt, 3, sealed, sizeof sealed);
        rc = stmt_finish(stmt);
    }
    return rc;
}

/* The stream of the key at `*index`, which moves behind that stream's last. */
static struct id
step_over_stream(const struct keyring *keys, size_t *index)
{
    uint8_t sealed[KEYRING_SEALED_BYTES];
    struct id stream;
    uint32_t epoch;
    size_t first;

    keyring_sealed_at(keys, *index, &stream, &epoch, sealed);
    size_t count = keyring_find(keys, stream, &first);
    *index = first + count;
    return stream;
}

static enum rc
count_stored(struct replica *replica, struct id stream, int64_t *count)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "SELECT count(*) FROM sync_key WHERE stream = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    return stmt_finish_int(stmt, count);
}

enum rc
replica_store_keys(struct replica *replica)
{
    enum rc rc = RC_OK;

    replica->has_loose_keys = false; /* but for those that may not be kept, and when it fails */
    for (size_t i = 0; rc == RC_OK && i < keyring_count(replica->keys);) {
        size_t from = i;
        struct id stream = step_over_stream(replica->keys, &i);
        int64_t stored;
        rc = count_stored(replica, stream, &stored);
        /* Every key in the table is in the ring too: equal numbers say that they hold the same. */
        if (rc == RC_OK && (size_t)stored < i - from)
            rc = replica_store_keys_of(replica, stream);
    }
    replica->has_loose_keys = replica->has_loose_keys || rc != RC_OK;
    return rc;
}

bool
replica_lacks_keys(const struct replica *replica, struct id stream)
{
    const struct ledger_stream *known = ledger_stream(replica->ledger, stream);
    size_t first;

    return known != NULL && keyring_find(replica->keys, stream, &first) < known->epoch;
}

/* Here by a key or box, and not to be: what is still one of our streams leaves by streams.c, which seals what waits first. */
static enum rc
is_lent(struct replica *replica, struct id stream, bool *is)
{
    enum streams_place place = STREAMS_SHOWN;
    enum rc rc = may_keep(replica, stream) ? RC_OK : streams_find(replica, stream, &place);

    *is = rc == RC_OK && place == STREAMS_ABSENT;
    return rc;
}

static enum rc
drop_lent_keys(struct replica *replica)
{
    bool is = false;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < keyring_count(replica->keys);) {
        size_t next = i;
        struct id stream = step_over_stream(replica->keys, &next);
        rc = is_lent(replica, stream, &is);
        if (is)
            keyring_drop(replica->keys, stream); /* the next stands here now */
        else
            i = next;
    }
    return rc;
}

/* Deletes what is stored of such streams; `next_sql` gives the table's next stream after ?1. */
static enum rc
delete_lent(struct replica *replica, const char *next_sql)
{
    struct id stream = {{0}};
    bool found = true, is = false;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        struct stmt *stmt;
        rc = db_stmt(replica->db, next_sql, &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, stream);
        rc = stmt_step(stmt, &found);
        if (rc == RC_OK && found)
            rc = stmt_get_id(stmt, 0, &stream);
        stmt_done(stmt);
        if (rc == RC_OK && found)
            rc = is_lent(replica, stream, &is);
        if (rc == RC_OK && found && is)
            rc = db_run_id(replica->db, "DELETE FROM sync_box WHERE stream = ?1", stream);
        if (rc == RC_OK && found && is)
            rc = db_run_id(replica->db, "DELETE FROM sync_key WHERE stream = ?1", stream);
    }
    return rc;
}

enum rc
replica_forget_lent(struct replica *replica)
{
    struct settled *settled = &replica->settled;

    if (replica->is_ledger_short || !replica->is_in_team)
        return RC_OK;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    if (settled->lent_keys == keyring_changes(replica->keys) &&
        settled->lent_boxes == replica->box_changes &&
        ledger_is_within(replica->ledger, &settled->lent, now_ms))
        return RC_OK;
    enum rc rc = drop_lent_keys(replica);
    if (rc == RC_OK && replica->has_loose_keys) /* opened to be passed on, and by now ours to keep */
        rc = replica_store_keys(replica);
    if (rc == RC_OK)
        rc = delete_lent(replica,
                         "SELECT stream FROM sync_box WHERE stream > ?1 ORDER BY stream LIMIT 1");
    if (rc == RC_OK)
        rc = delete_lent(replica,
                         "SELECT stream FROM sync_key WHERE stream > ?1 ORDER BY stream LIMIT 1");
    if (rc == RC_OK && !db_in_transaction(replica->db)) { /* which may yet fail */
        settled->lent = ledger_span(replica->ledger, now_ms);
        settled->lent_keys = keyring_changes(replica->keys);
        settled->lent_boxes = replica->box_changes;
    }
    return rc;
}
