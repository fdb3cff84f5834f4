/* Streams, feeds with their frontiers, and the clock, as the journal keeps them. */
#include "core/journal_inside.h"

#include "core/i18n.h"

enum rc
stream_get(struct journal *journal, struct id id, struct stream_row *stream)
{
    struct stmt *stmt;
    bool row;
    enum rc rc =
        db_stmt(journal->db, "SELECT s, kind, family FROM journal_stream WHERE id = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, id);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && !row)
        rc = rc_fail(RC_ABSENT, _("this part of the caseload is not on this device"));
    if (rc == RC_OK) {
        stream->id = id;
        stream->s = stmt_get_int(stmt, 0);
        stream->kind = (enum stream_kind)stmt_get_int(stmt, 1);
        rc = stmt_get_id(stmt, 2, &stream->family);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
journal_add_stream(struct journal *journal, struct id stream, enum stream_kind kind,
                   struct id family)
{
    struct stmt *stmt;
    enum rc rc = batch_flush(journal);

    if (rc != RC_OK)
        return rc;
    rc = db_stmt(journal->db,
                 "INSERT INTO journal_stream (id, kind, family) VALUES (?1, ?2, ?3) "
                 "ON CONFLICT (id) DO UPDATE SET kind = ?2, family = ?3 "
                 "WHERE kind <> ?2 OR family <> ?3",
                 &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_int(stmt, 2, kind);
    stmt_id(stmt, 3, family);
    return stmt_finish(stmt);
}

enum rc
journal_find_stream(struct journal *journal, struct id family, enum stream_kind kind,
                    struct id *stream)
{
    struct stmt *stmt;
    bool row;

    if (batch_find_stream(journal, family, kind, stream))
        return RC_OK;
    enum rc rc = db_stmt(journal->db,
                         "SELECT id FROM journal_stream WHERE family = ?1 AND kind = ?2", &stmt);
    *stream = (struct id){{0}};
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, family);
    stmt_int(stmt, 2, kind);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && !row)
        rc = rc_fail(RC_ABSENT, _("this part of the caseload is not on this device"));
    if (rc == RC_OK)
        rc = stmt_get_id(stmt, 0, stream);
    stmt_done(stmt);
    return rc;
}

enum rc
feed_find(struct journal *journal, int64_t s, struct feed_ref feed, int64_t *f, uint32_t *frontier)
{
    struct stmt *stmt;
    bool row;
    enum rc rc = db_stmt(journal->db,
                         "SELECT f, frontier FROM journal_feed "
                         "WHERE s = ?1 AND device = ?2 AND incarnation = ?3",
                         &stmt);

    *f = 0;
    *frontier = 0;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, s);
    stmt_id(stmt, 2, feed.device);
    stmt_int(stmt, 3, (int64_t)feed.incarnation);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row) {
        *f = stmt_get_int(stmt, 0);
        *frontier = (uint32_t)stmt_get_int(stmt, 1);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
feed_open(struct journal *journal, int64_t s, struct feed_ref feed, int64_t *f, uint32_t *frontier)
{
    struct stmt *stmt;
    enum rc rc = feed_find(journal, s, feed, f, frontier);

    if (rc != RC_OK || *f != 0)
        return rc;
    rc = db_stmt(
        journal->db,
        "INSERT INTO journal_feed (s, device, incarnation, frontier) VALUES (?1, ?2, ?3, 0)",
        &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, s);
    stmt_id(stmt, 2, feed.device);
    stmt_int(stmt, 3, (int64_t)feed.incarnation);
    rc = stmt_finish(stmt);
    *f = db_last_rowid(journal->db);
    return rc;
}

enum rc
feed_advance(struct journal *journal, int64_t f, uint32_t frontier)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(journal->db, "UPDATE journal_feed SET frontier = ?2 WHERE f = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, f);
    stmt_int(stmt, 2, frontier);
    return stmt_finish(stmt);
}

enum rc
journal_frontier(struct journal *journal, struct id stream, struct feed_ref feed, uint32_t *save)
{
    struct stream_row row;
    enum rc rc = batch_stream(journal, stream, &row);

    *save = 0;
    if (rc == RC_OK)
        rc = batch_frontier(journal, row.s, feed, save);
    if (!batch_is_open(journal))
        batch_forget(journal);
    return rc;
}

/* ---- the clock ------------------------------------------------------------------------------ */

enum rc
clock_load(struct journal *journal, struct hlc *hlc)
{
    int64_t last;
    enum rc rc = db_get_int(journal->db, "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE key = 'clock'", &last);

    hlc->last = (uint64_t)last;
    return rc;
}

enum rc
clock_store(struct journal *journal, const struct hlc *hlc)
{
    /* Beside the token, which each save counts on as well: one page for both. */
    return db_run_int(journal->db,
                      "INSERT INTO meta (key, value) VALUES ('clock', CAST(CAST(?1 AS TEXT) AS BLOB)) "
                      "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                      (int64_t)hlc->last);
}

enum rc
clock_stamp(struct journal *journal, uint64_t *stamp)
{
    struct hlc *hlc;
    enum rc rc = batch_clock(journal, &hlc);

    *stamp = 0;
    if (rc != RC_OK)
        return rc;
    *stamp = hlc_next(hlc, clock_wall_ms(&journal->clock));
    journal->batch.is_clock_moved = true;
    return RC_OK;
}

enum rc
journal_observe_clock(struct journal *journal, uint64_t remote_hlc, int64_t trusted_ms)
{
    struct hlc *hlc;
    enum rc rc = batch_clock(journal, &hlc);

    if (rc != RC_OK)
        return rc;
    uint64_t before = hlc->last;
    hlc_observe(hlc, remote_hlc, trusted_ms);
    journal->batch.is_clock_moved |= hlc->last != before;
    if (batch_is_open(journal))
        return RC_OK;
    rc = hlc->last == before ? RC_OK : clock_store(journal, hlc);
    batch_forget(journal);
    return rc;
}

/* ---- emptying ------------------------------------------------------------------------------- */

/* What is to go, looked for once: no index leads from a stream to its records, for each save would write into it. */
static enum rc
list_emptied(struct journal *journal, int64_t s)
{
    enum rc rc = db_run(journal->db, "CREATE TEMP TABLE IF NOT EXISTS journal_emptied (rid INTEGER PRIMARY KEY)");

    if (rc == RC_OK)
        rc = db_run(journal->db, "DELETE FROM temp.journal_emptied");
    if (rc == RC_OK)
        rc = db_run_int(journal->db,
                        "INSERT INTO temp.journal_emptied (rid) SELECT rid FROM journal_record WHERE s = ?1", s);
    return rc;
}

static enum rc
empty(struct journal *journal, int64_t s)
{
    enum rc rc = list_emptied(journal, s);

    if (rc == RC_OK)
        rc = search_purge(journal);
    if (rc == RC_OK)
        rc = table_purge(journal, s);
    if (rc == RC_OK)
        rc = db_run(journal->db, "DELETE FROM journal_conflict WHERE rid IN (SELECT rid FROM temp.journal_emptied)");
    if (rc == RC_OK)
        rc = db_run_int(journal->db,
                        "DELETE FROM journal_pend WHERE f IN "
                        "(SELECT f FROM journal_feed WHERE s = ?1)",
                        s);
    if (rc == RC_OK)
        rc = db_run_int(journal->db,
                        "DELETE FROM journal_held WHERE f IN "
                        "(SELECT f FROM journal_feed WHERE s = ?1)",
                        s);
    if (rc == RC_OK)
        rc = db_run_int(journal->db, "DELETE FROM journal_feed WHERE s = ?1", s);
    if (rc == RC_OK)
        rc = db_run(journal->db, "DELETE FROM journal_record WHERE rid IN (SELECT rid FROM temp.journal_emptied)");
    return rc == RC_OK ? db_run(journal->db, "DELETE FROM temp.journal_emptied") : rc;
}

enum rc
journal_reset(struct journal *journal, struct id stream)
{
    struct stream_row row;
    enum rc rc = batch_flush(journal);

    if (rc == RC_OK)
        rc = stream_get(journal, stream, &row);
    if (rc == RC_OK)
        rc = db_begin(journal->db);
    if (rc != RC_OK)
        return rc;
    rc = empty(journal, row.s);
    return db_end(journal->db, rc);
}

enum rc
journal_purge_stream(struct journal *journal, struct id stream)
{
    struct stream_row row;
    struct stmt *stmt;
    enum rc rc = batch_flush(journal);

    if (rc == RC_OK)
        rc = stream_get(journal, stream, &row);
    if (rc == RC_OK)
        rc = db_begin(journal->db);
    if (rc != RC_OK)
        return rc;
    rc = empty(journal, row.s);
    if (rc == RC_OK)
        rc = db_run_int(journal->db, "DELETE FROM journal_stream WHERE s = ?1", row.s);
    /* FTS5 leaves words of deleted rows in its segments until they are merged: purged means gone. */
    if (rc == RC_OK)
        rc = db_stmt(journal->db, "INSERT INTO journal_search (journal_search) VALUES ('rebuild')",
                     &stmt);
    if (rc == RC_OK)
        rc = stmt_finish(stmt);
    return db_end(journal->db, rc);
}
