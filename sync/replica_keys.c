/* The key ring of an open store: read, stored, and rid of what was only lent. */
#include "sync/boxes_again.h"
#include "sync/inbox.h"

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

/* Those that were stored now; `newest` 0: none. */
struct epochs {
    uint32_t oldest, newest;
};

/* By rising epoch. */
static enum rc
store_key(struct replica *replica, size_t index, struct epochs *stored)
{
    uint8_t sealed[KEYRING_SEALED_BYTES];
    struct id stream;
    uint32_t epoch;
    struct stmt *stmt;

    keyring_sealed_at(replica->keys, index, &stream, &epoch, sealed);
    enum rc rc = db_stmt(replica->db, "INSERT OR IGNORE INTO sync_key (stream, epoch, sealed) VALUES (?1, ?2, ?3)",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_int(stmt, 2, epoch);
    stmt_blob(stmt, 3, sealed, sizeof sealed);
    rc = stmt_finish(stmt);
    if (rc == RC_OK && db_changes(replica->db) > 0)
        *stored = (struct epochs){stored->newest == 0 ? epoch : stored->oldest, epoch};
    return rc;
}

enum rc
replica_store_keys_of(struct replica *replica, struct id stream)
{
    size_t first, count = keyring_find(replica->keys, stream, &first);
    struct epochs stored = {0, 0};

    if (!may_keep(replica, stream)) { /* not yet: a line may still come */
        replica->has_loose_keys = replica->has_loose_keys || count > 0;
        return RC_OK;
    }
    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    for (size_t i = first; rc == RC_OK && i < first + count; i++)
        rc = store_key(replica, i, &stored);
    if (rc == RC_OK && stored.newest > 0)
        rc = inbox_key_came(replica, stream, stored.oldest, stored.newest);
    return db_end(replica->db, rc);
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

/* Every key in the table is in the ring too: equal numbers say that they hold the same. `stmt` stands on the table's row of a stream,
 * or at its end; it moves with the ring. */
static enum rc
find_unstored(struct replica *replica, struct stmt *stmt, struct ledger_ids *streams)
{
    struct id stored = {{0}};
    bool found = true;
    enum rc rc = stmt_step(stmt, &found);

    for (size_t i = 0; rc == RC_OK && i < keyring_count(replica->keys);) {
        size_t from = i, count = 0;
        struct id stream = step_over_stream(replica->keys, &i);
        while (rc == RC_OK && found && (rc = stmt_get_id(stmt, 0, &stored)) == RC_OK && id_compare(stored, stream) <= 0) {
            count = id_equal(stored, stream) ? (size_t)stmt_get_int(stmt, 1) : count;
            rc = stmt_step(stmt, &found);
        }
        if (rc == RC_OK && count < i - from)
            rc = ledger_ids_add(streams, stream);
    }
    return rc;
}

enum rc
replica_store_keys(struct replica *replica)
{
    struct ledger_ids streams = LEDGER_IDS_EMPTY;
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "SELECT stream, count(*) FROM sync_key GROUP BY stream ORDER BY stream", &stmt);

    if (rc == RC_OK) {
        rc = find_unstored(replica, stmt, &streams);
        stmt_done(stmt);
    }
    replica->has_loose_keys = false; /* but for those that may not be kept, and when it fails */
    for (size_t i = 0; rc == RC_OK && i < streams.count; i++)
        rc = replica_store_keys_of(replica, streams.items[i]);
    replica->has_loose_keys = replica->has_loose_keys || rc != RC_OK;
    ledger_ids_wipe(&streams);
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
drop_rows(struct replica *replica, struct id stream)
{
    enum rc rc = db_run_id(replica->db, "DELETE FROM sync_box WHERE stream = ?1", stream);

    return rc == RC_OK ? db_run_id(replica->db, "DELETE FROM sync_key WHERE stream = ?1", stream) : rc;
}

/* By a line, for a cover that was never accepted, say: it may have made the epoch. What was opened to be passed on is another's. */
static bool
was_given(const struct replica *replica, struct id stream)
{
    struct ledger_epoch epoch;

    return ledger_epoch(replica->ledger, stream, 0, &epoch) &&
           id_is_among(replica->identity.device, epoch.recipients, epoch.recipient_count, sizeof *epoch.recipients);
}

static enum rc
drop_keys_of(struct replica *replica, struct id stream)
{
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    if (was_given(replica, stream))
        rc = boxes_keep_for_others(replica, stream);
    if (rc == RC_OK)
        rc = drop_rows(replica, stream);
    return db_end(replica->db, rc);
}

/* Every key in the table is in the ring too. */
static enum rc
drop_lent_keys(struct replica *replica)
{
    bool is = false;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < keyring_count(replica->keys);) {
        size_t next = i;
        struct id stream = step_over_stream(replica->keys, &next);
        rc = is_lent(replica, stream, &is);
        if (rc == RC_OK && is)
            rc = drop_keys_of(replica, stream);
        if (rc == RC_OK && is)
            keyring_drop(replica->keys, stream); /* the next stands here now */
        else
            i = next;
    }
    return rc;
}

/* Those whose boxes came while they were none of ours. */
static enum rc
list_boxed(struct replica *replica, struct ledger_ids *streams)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "SELECT DISTINCT stream FROM sync_box WHERE is_lent", &stmt);

    if (rc != RC_OK)
        return rc;
    return streams_list(stmt, streams);
}

static enum rc
drop_lent_boxes(struct replica *replica)
{
    struct ledger_ids streams = LEDGER_IDS_EMPTY;
    bool is = false;
    enum rc rc = list_boxed(replica, &streams);

    for (size_t i = 0; rc == RC_OK && i < streams.count; i++) {
        rc = is_lent(replica, streams.items[i], &is);
        if (rc == RC_OK && is)
            rc = drop_rows(replica, streams.items[i]);
    }
    ledger_ids_wipe(&streams);
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
        rc = drop_lent_boxes(replica);
    if (rc == RC_OK && !db_in_transaction(replica->db)) { /* which may yet fail */
        settled->lent = ledger_span(replica->ledger, now_ms);
        settled->lent_keys = keyring_changes(replica->keys);
        settled->lent_boxes = replica->box_changes;
    }
    return rc;
}
