/* The streams of this device, in step with ledger and time: gained ones are filled, lost ones purged. */
#include <string.h>

#include "core/i18n.h"
#include "sync/outbox.h"
#include "sync/replica_own.h"

enum rc
streams_have(struct replica *replica, struct id stream, bool *is_here, bool *is_filling)
{
    struct stmt *stmt;
    enum rc rc =
        db_stmt(replica->db, "SELECT is_filling FROM sync_stream WHERE stream = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    rc = stmt_step(stmt, is_here);
    *is_filling = rc == RC_OK && *is_here && stmt_get_int(stmt, 0) != 0;
    stmt_done(stmt);
    return rc;
}

enum rc
streams_touch(struct replica *replica, struct id stream)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "UPDATE sync_stream SET is_unacknowledged = 1 WHERE stream = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    return stmt_finish(stmt);
}

enum rc
streams_next(struct replica *replica, const struct id *after, struct id *stream, bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "SELECT stream FROM sync_stream WHERE ?1 IS NULL OR stream > ?1"
                         " ORDER BY stream LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    if (after != NULL)
        stmt_id(stmt, 1, *after);
    else
        stmt_null(stmt, 1);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        rc = stmt_get_id(stmt, 0, stream);
    stmt_done(stmt);
    return rc;
}

static enum rc
gain(struct replica *replica, const struct ledger_stream *stream)
{
    struct stmt *stmt;
    int64_t cursor;

    enum rc rc = state_get_int(replica->db, STATE_CURSOR, &cursor);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = db_stmt(
        replica->db,
        "INSERT INTO sync_stream (stream, kind, is_filling, fill_until) VALUES (?1, ?2, ?3, ?4)",
        &stmt);
    if (rc == RC_OK) {
        stmt_id(stmt, 1, stream->id);
        stmt_int(stmt, 2, stream->kind);
        stmt_int(stmt, 3, cursor > 0);
        stmt_int(stmt, 4, cursor);
        rc = stmt_finish(stmt);
    }
    if (rc == RC_OK)
        rc = journal_add_stream(replica->journal, stream->id, (enum stream_kind)stream->kind,
                                stream->family);
    if (rc == RC_OK) /* own entries that outlived an earlier purge are applied once more */
        rc = elog_renew(replica->db, stream->id);
    if (rc == RC_OK)
        rc = db_commit(replica->db);
    else
        db_rollback(replica->db);
    return rc;
}

/* Deletes everything of a stream but own feeds, and own entries that the server has not taken yet. */
static enum rc
delete_rows(struct replica *replica, struct id stream)
{
    static const char *const deletes[] = {
        ("DELETE FROM sync_entry WHERE feed IN (SELECT feed FROM sync_feed WHERE stream = ?1)"
         " AND NOT (is_sent = 0 AND feed IN (SELECT feed FROM sync_feed WHERE is_own))"),
        "DELETE FROM sync_feed WHERE stream = ?1 AND NOT is_own",
        "DELETE FROM sync_key WHERE stream = ?1",
        "DELETE FROM sync_box WHERE stream = ?1",
        "DELETE FROM sync_ack WHERE stream = ?1",
        "DELETE FROM sync_stream WHERE stream = ?1",
    };
    enum rc rc = journal_purge_stream(replica->journal, stream);

    for (size_t i = 0; rc == RC_OK && i < sizeof deletes / sizeof deletes[0]; i++) {
        struct stmt *stmt;
        rc = db_stmt(replica->db, deletes[i], &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, stream);
        rc = stmt_finish(stmt);
    }
    return rc;
}

static enum rc
lose(struct replica *replica, struct id stream)
{
    enum rc rc = outbox_seal(replica, stream, false);

    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = delete_rows(replica, stream);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_MUST_SCRUB, 1);
    if (rc == RC_OK)
        rc = db_commit(replica->db);
    else
        db_rollback(replica->db);
    if (rc != RC_OK)
        return rc;
    keyring_drop(replica->keys, stream);
    source_forget(replica);
    return RC_OK;
}

/* No page of what was purged stays in a free page or in the WAL; begun again when it was cut off. */
static enum rc
scrub(struct replica *replica)
{
    int64_t must_scrub;

    enum rc rc = state_get_int(replica->db, STATE_MUST_SCRUB, &must_scrub);
    if (rc != RC_OK || must_scrub == 0)
        return rc;
    rc = db_run(replica->db, "VACUUM");
    if (rc == RC_OK)
        rc = db_checkpoint(replica->db, true);
    return rc == RC_OK ? state_put_int(replica->db, STATE_MUST_SCRUB, 0) : rc;
}

/* Streams that are here and may no longer be read. */
static enum rc
lose_all(struct replica *replica, int64_t now_ms)
{
    struct id stream;
    bool found;

    enum rc rc = streams_next(replica, NULL, &stream, &found);
    while (rc == RC_OK && found) {
        if (!ledger_may_read(replica->ledger, replica->identity.device, stream, (uint64_t)now_ms))
            rc = lose(replica, stream);
        if (rc == RC_OK)
            rc = streams_next(replica, &stream, &stream, &found);
    }
    return rc == RC_OK ? scrub(replica) : rc;
}

enum rc
streams_refresh(struct replica *replica, bool *gained)
{
    int64_t now_ms = replica_now_ms(replica);
    const struct ledger_stream *stream;
    struct id device = replica->identity.device;

    *gained = false;
    if (!replica->is_in_team)
        return RC_OK;
    enum rc rc = lose_all(replica, now_ms);
    if (rc == RC_OK)
        rc = replica_forget_lent(replica);
    if (!ledger_may_hold(replica->ledger, device, ledger_reserve(), (uint64_t)now_ms))
        keyring_drop(replica->keys, ledger_reserve());
    for (size_t i = 0; rc == RC_OK && (stream = ledger_stream_at(replica->ledger, i)) != NULL;
         i++) {
        bool is_here, is_filling;
        if (stream->kind == LEDGER_STREAM_RESERVE ||
            !ledger_may_read(replica->ledger, device, stream->id, (uint64_t)now_ms))
            continue;
        rc = streams_have(replica, stream->id, &is_here, &is_filling);
        if (rc == RC_OK && !is_here) {
            rc = gain(replica, stream);
            *gained = true;
        }
    }
    return rc;
}
