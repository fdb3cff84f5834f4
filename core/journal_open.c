/* The journal: its tables, made and made anew, and opening it. */
#include "core/journal.h"

#include <stdlib.h>
#include <string.h>

#include "core/journal_inside.h"

enum { SQL_BYTES = 64 * 1024, SCRATCH_BYTES = 512 * 1024 * 1024 };

/* ---- tables --------------------------------------------------------------------------------- */

/* Kept for ever: which stream is what, and what the caches were made by. The clock is in `meta`. */
static const char kept_sql[] =
    "CREATE TABLE IF NOT EXISTS journal_made (one INTEGER PRIMARY KEY CHECK (one = 1), "
    "sql TEXT NOT NULL);\n"
    "CREATE TABLE IF NOT EXISTS journal_stream (s INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, "
    "kind INTEGER NOT NULL, family BLOB NOT NULL);\n"
    "CREATE INDEX IF NOT EXISTS journal_stream_by_family ON journal_stream (family, kind);\n";

/* Caches of the log: dropped and made anew when this text, or the schema's, is another than they were made by. */
static const char cache_sql[] =
    "CREATE TABLE journal_feed (f INTEGER PRIMARY KEY, s INTEGER NOT NULL, device BLOB NOT NULL, "
    "incarnation INTEGER NOT NULL, frontier INTEGER NOT NULL, UNIQUE (s, device, incarnation));\n"
    "CREATE TABLE journal_record (rid INTEGER PRIMARY KEY, s INTEGER NOT NULL, "
    "entity INTEGER NOT NULL, id BLOB NOT NULL, hidden INTEGER NOT NULL, "
    "conflicts INTEGER NOT NULL, heads BLOB NOT NULL, UNIQUE (id, s, entity));\n"
    "CREATE TABLE journal_conflict (rid INTEGER NOT NULL, unit INTEGER NOT NULL, "
    "versions INTEGER NOT NULL, PRIMARY KEY (rid, unit)) WITHOUT ROWID;\n"
    /* Versions that were superseded before they arrived; person is zero but under `once` and `strict`, and what follows it but
     * under `strict`: what the value that names them protects, and the functions of its author. */
    "CREATE TABLE journal_pend (f INTEGER NOT NULL, save INTEGER NOT NULL, idx INTEGER NOT NULL, "
    "entity INTEGER NOT NULL, record BLOB NOT NULL, unit INTEGER NOT NULL, person BLOB NOT NULL, "
    "rank INTEGER NOT NULL, functions INTEGER NOT NULL, "
    "PRIMARY KEY (f, save, idx, entity, record, unit, person, rank, functions)) WITHOUT ROWID;\n"
    /* What held saves write into strict units. */
    "CREATE TABLE journal_held (f INTEGER NOT NULL, save INTEGER NOT NULL, idx INTEGER NOT NULL, "
    "entity INTEGER NOT NULL, record BLOB NOT NULL, unit INTEGER NOT NULL, person BLOB NOT NULL, "
    "hlc INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (f, save, idx)) WITHOUT ROWID;\n"
    "CREATE INDEX journal_held_by_record ON journal_held (record, entity);\n"
    /* Rows up to journal_indexed.rid are in the search index as they are, but for those of journal_dirty: rid to last. */
    "CREATE TABLE journal_indexed (one INTEGER PRIMARY KEY CHECK (one = 1), rid INTEGER NOT NULL);\n"
    "INSERT INTO journal_indexed (one, rid) VALUES (1, 0);\n"
    "CREATE TABLE journal_dirty (rid INTEGER PRIMARY KEY, last INTEGER NOT NULL);\n"
    /* Nothing is ordered by how well it fits, so no row says how long each text is. */
    "CREATE VIRTUAL TABLE journal_search USING fts5 (text, columnsize = 0, "
    "tokenize = 'unicode61 remove_diacritics 2');\n";

static enum rc
made_by(struct db *db, const char *sql, bool *same, bool *none)
{
    struct stmt *stmt;
    bool row;
    enum rc rc = db_stmt(db, "SELECT sql FROM journal_made", &stmt);

    *same = false;
    *none = true;
    if (rc != RC_OK)
        return rc;
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row) {
        const char *text = stmt_get_text(stmt, 0);
        *same = text != NULL && strcmp(text, sql) == 0;
        *none = false;
    }
    stmt_done(stmt);
    return rc;
}

/* Drops every table that the old text names. */
static enum rc
drop_old(struct db *db)
{
    struct buf drops = BUF_EMPTY(SQL_BYTES);
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(db,
                         "SELECT name FROM sqlite_schema WHERE type = 'table' AND "
                         "instr((SELECT sql FROM journal_made), 'TABLE ' || name || ' ') > 0",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = buf_printf(&drops, "DROP TABLE \"%s\";\n", stmt_get_text(stmt, 0));
    }
    stmt_done(stmt);
    if (rc == RC_OK && drops.len > 0)
        rc = db_run(db, buf_text(&drops));
    buf_wipe(&drops);
    return rc;
}

static enum rc
make_tables(struct db *db, bool *needs_rebuild)
{
    struct buf sql = BUF_EMPTY(SQL_BYTES);
    struct stmt *stmt;
    bool same, none;
    enum rc rc = buf_printf(&sql, "%s", cache_sql);

    if (rc == RC_OK)
        rc = schema_write_tables(&sql);
    if (rc == RC_OK && buf_text(&sql) == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = db_run(db, kept_sql);
    if (rc == RC_OK)
        rc = made_by(db, buf_text(&sql), &same, &none);
    if (rc != RC_OK || same)
        goto out;
    *needs_rebuild = !none;
    if (!none)
        rc = drop_old(db);
    if (rc == RC_OK)
        rc = db_run(db, buf_text(&sql));
    if (rc == RC_OK)
        rc = db_stmt(db, "INSERT OR REPLACE INTO journal_made (one, sql) VALUES (1, ?1)", &stmt);
    if (rc == RC_OK) {
        stmt_text(stmt, 1, buf_text(&sql));
        rc = stmt_finish(stmt);
    }
out:
    buf_wipe(&sql);
    return rc;
}

enum rc
journal_open(struct db *db, const struct clock *clock, struct journal **out, bool *needs_rebuild)
{
    struct journal *journal = calloc(1, sizeof *journal);
    enum rc rc;

    *out = NULL;
    *needs_rebuild = false;
    if (journal == NULL)
        return rc_nomem();
    journal->db = db;
    journal->clock = *clock;
    journal->scratch = BUF_EMPTY(SCRATCH_BYTES);
    rc = db_begin(db);
    if (rc != RC_OK)
        goto out;
    rc = make_tables(db, needs_rebuild);
    if (rc == RC_OK)
        rc = table_prepare(journal);
    rc = db_end(db, rc);
out:
    if (rc != RC_OK)
        journal_close(journal);
    else
        *out = journal;
    return rc;
}

enum rc
journal_remake_all(struct journal *journal)
{
    /* Another text, which names the same tables still. */
    return db_run(journal->db, "UPDATE journal_made SET sql = sql || ' '");
}

void
journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    batch_free(journal);
    table_free(journal);
    buf_wipe(&journal->scratch);
    free(journal);
}

struct db *
journal_db(struct journal *journal)
{
    if (batch_flush(journal) != RC_OK)
        batch_break(journal);
    return journal->db;
}

int64_t
journal_now_ms(const struct journal *journal)
{
    return clock_wall_ms(&journal->clock);
}
