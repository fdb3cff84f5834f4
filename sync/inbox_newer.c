/* Runs of a newer format: kept whole until this program is upgraded, so that the cursor passes nothing that is lost. */
#include "sync/inbox.h"

#include <string.h>

#include "core/i18n.h"

enum { NEWER_CEILING_BYTES = 64 << 20, NEWER_CARRIED_BYTES = 16 << 20 };

/* Whether a run is kept already, and with what bytes it is named. */
static enum rc
is_kept(struct db *db, const struct wire_bytes *run, uint8_t hash[CRYPTO_HASH_BYTES], bool *kept)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, "SELECT 1 FROM sync_newer_run WHERE hash = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    crypto_hash_plain(run->data, run->len, hash);
    stmt_blob(stmt, 1, hash, CRYPTO_HASH_BYTES);
    rc = stmt_step(stmt, kept);
    stmt_done(stmt);
    return rc;
}

enum rc
inbox_keep_newer(struct replica *replica, const struct wire_blocks *runs, bool from_server)
{
    int64_t kept = 0;
    enum rc rc = RC_OK;

    if (runs->count > 0)
        rc = db_get_int(replica->db, "SELECT coalesce(sum(length(run)), 0) FROM sync_newer_run",
                        &kept);
    for (size_t i = 0; rc == RC_OK && i < runs->count; i++) {
        struct stmt *stmt;
        uint8_t hash[CRYPTO_HASH_BYTES];

        bool is_there;
        rc = is_kept(replica->db, &runs->items[i], hash, &is_there);
        if (rc != RC_OK || is_there)
            continue;
        kept += (int64_t)runs->items[i].len;
        if (!from_server && kept > NEWER_CARRIED_BYTES)
            return RC_OK;
        if (kept > NEWER_CEILING_BYTES)
            return rc_fail(RC_UNSUPPORTED, _("colleagues use a newer program: upgrade this one"));
        rc = db_stmt(replica->db, "INSERT INTO sync_newer_run (hash, run) VALUES (?1, ?2)", &stmt);
        if (rc != RC_OK)
            break;
        stmt_blob(stmt, 1, hash, sizeof hash);
        stmt_blob(stmt, 2, runs->items[i].data, runs->items[i].len);
        rc = stmt_finish(stmt);
    }
    return rc;
}

/* One run as the list that it came in; `run` gets the bytes that the list lends. */
static enum rc
read_one(const uint8_t *bytes, size_t len, struct buf *run, struct wire_run_list *list)
{
    enum rc rc = buf_put_varint(run, 1);

    if (rc == RC_OK)
        rc = buf_put(run, bytes, len);
    if (rc != RC_OK)
        return rc;
    struct reader reader = reader_of(run->data, run->len);
    rc = wire_run_get(&reader, list);
    return rc == RC_OK ? reader_finish(&reader, _("a kept run")) : rc;
}

static enum rc
forget(struct db *db, const uint8_t *hash)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, "DELETE FROM sync_newer_run WHERE hash = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_blob(stmt, 1, hash, CRYPTO_HASH_BYTES);
    return stmt_finish(stmt);
}

/* The name of the row, which must rise: a damaged tree could go round. */
static enum rc
next_hash(struct stmt *stmt, uint8_t hash[CRYPTO_HASH_BYTES])
{
    uint8_t next[CRYPTO_HASH_BYTES];
    enum rc rc = stmt_get_fixed(stmt, 0, next, sizeof next);

    if (rc == RC_OK && memcmp(next, hash, sizeof next) <= 0)
        rc = rc_fail(RC_CORRUPT, _("the runs of a newer program that are kept are out of order"));
    if (rc == RC_OK)
        memcpy(hash, next, sizeof next);
    return rc;
}

/* The next kept run after `hash`, which moves on. */
static enum rc
retry_next(struct replica *replica, uint8_t hash[CRYPTO_HASH_BYTES], bool *found, uint64_t *stored)
{
    struct stmt *stmt;
    struct buf run = BUF_EMPTY(1 + NEWER_CEILING_BYTES); /* a bundle may bring one that no answer of the server holds */
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    size_t len = 0;
    enum rc rc = db_stmt(replica->db, "SELECT hash, run FROM sync_newer_run WHERE hash > ?1 ORDER BY hash LIMIT 1",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_blob(stmt, 1, hash, CRYPTO_HASH_BYTES);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        rc = next_hash(stmt, hash);
    if (rc != RC_OK) {
        stmt_done(stmt);
        return rc;
    }
    if (*found) {
        const uint8_t *bytes = stmt_get_blob(stmt, 1, &len);
        rc = read_one(bytes, len, &run, &list);
    }
    stmt_done(stmt);
    bool is_read = rc == RC_OK && *found && list.unknown.count == 0;
    if (is_read)
        rc = inbox_store(replica, &list, false, stored);
    bool is_nobodys = *found && (rc == RC_CORRUPT || rc == RC_UNTRUSTED);
    if (is_nobodys || (is_read && rc == RC_OK))
        rc = forget(replica->db, hash);
    wire_run_list_wipe(&list);
    buf_wipe(&run);
    return rc;
}

/* Each session begins here, and each bundle, not only the first after an upgrade: mostly the table is empty, and one look says so. */
enum rc
inbox_retry_newer(struct replica *replica, uint64_t *stored)
{
    uint8_t hash[CRYPTO_HASH_BYTES] = {0};
    bool found = true;
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && found)
        rc = retry_next(replica, hash, &found, stored);
    return db_end(replica->db, rc);
}

enum rc
inbox_count_newer(struct db *db, uint64_t *count)
{
    int64_t runs;
    enum rc rc = db_get_int(db, "SELECT count(*) FROM sync_newer_run", &runs);

    *count = (uint64_t)runs;
    return rc;
}
