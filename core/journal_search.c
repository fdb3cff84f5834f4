/* The search index: a full-text row per record that has words; kept at the save, or later for merged rows. */
#include "core/journal_inside.h"

/* FTS5 keeps its own copy of the text: a row can be taken out without knowing what it said before. */
enum rc
search_write(struct journal *journal, int64_t rid, uint32_t entity, enum stream_kind kind)
{
    const struct table *t = table_of(journal, entity, kind);
    struct stmt *from;
    struct stmt *to;
    bool row;

    if (t == NULL || t->search == NULL)
        return RC_OK;
    enum rc rc = db_run_int(journal->db, "DELETE FROM journal_search WHERE rowid = ?1", rid);
    if (rc == RC_OK)
        rc = db_stmt(journal->db, t->search, &from);
    if (rc != RC_OK)
        return rc;
    stmt_int(from, 1, rid);
    rc = stmt_step(from, &row);
    const char *text = rc == RC_OK && row ? stmt_get_text(from, 0) : NULL;
    if (rc == RC_OK && text != NULL && text[0] != '\0') {
        rc = db_stmt(journal->db, "INSERT INTO journal_search (rowid, text) VALUES (?1, ?2)", &to);
        if (rc == RC_OK) {
            stmt_int(to, 1, rid);
            stmt_text(to, 2, text);
            rc = stmt_finish(to);
        }
    }
    stmt_done(from);
    return rc;
}

enum rc
search_later(struct journal *journal, int64_t rid)
{
    return db_run_int(journal->db, "INSERT OR IGNORE INTO journal_dirty (rid) VALUES (?1)", rid);
}

enum rc
search_purge(struct journal *journal, int64_t s)
{
    static const char *const texts[] = {
        "DELETE FROM journal_search WHERE rowid IN (SELECT rid FROM journal_record WHERE s = ?1)",
        "DELETE FROM journal_dirty WHERE rid IN (SELECT rid FROM journal_record WHERE s = ?1)",
    };
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = db_run_int(journal->db, texts[i], s);
    return rc;
}

static enum rc
index_all(struct journal *journal)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal->db,
                         "SELECT d.rid, r.entity, t.kind FROM journal_dirty AS d "
                         "JOIN journal_record AS r ON r.rid = d.rid "
                         "JOIN journal_stream AS t ON t.s = r.s ORDER BY d.rid",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = search_write(journal, stmt_get_int(stmt, 0), (uint32_t)stmt_get_int(stmt, 1),
                              (enum stream_kind)stmt_get_int(stmt, 2));
    }
    stmt_done(stmt);
    return rc == RC_OK ? db_run(journal->db, "DELETE FROM journal_dirty") : rc;
}

static enum rc
is_dirty(struct journal *journal, bool *dirty)
{
    int64_t one;
    enum rc rc = db_get_int(journal->db, "SELECT 1 FROM journal_dirty LIMIT 1", &one);

    *dirty = one != 0;
    return rc;
}

enum rc
journal_index(struct journal *journal)
{
    bool dirty = false;
    enum rc rc = batch_flush(journal);

    if (rc == RC_OK)
        rc = is_dirty(journal, &dirty);

    if (rc != RC_OK || !dirty)
        return rc;
    rc = db_begin(journal->db);
    if (rc != RC_OK)
        return rc;
    rc = index_all(journal);
    return db_end(journal->db, rc);
}

/* ---- for the doctor --------------------------------------------------------------------------- */

enum rc
journal_dump_derived(struct journal *journal, struct id stream, struct buf *out)
{
    struct stream_row at;
    struct stmt *stmt;
    bool row = true;
    enum rc rc = stream_get(journal, stream, &at);

    if (rc == RC_OK)
        rc = journal_index(journal);
    if (rc == RC_OK)
        rc = db_stmt(journal->db,
                     "SELECT r.entity, r.id, f.text FROM journal_record AS r JOIN journal_search AS f"
                     " ON f.rowid = r.rid WHERE r.s = ?1 UNION ALL "
                     "SELECT r.entity, r.id, c.unit || ' ' || c.versions FROM journal_record AS r"
                     " JOIN journal_conflict AS c ON c.rid = r.rid WHERE r.s = ?1 ORDER BY 1, 2, 3",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, at.s);
    while (rc == RC_OK && row) {
        char text[ID_TEXT_CHARS + 1];
        struct id id;
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        rc = stmt_get_id(stmt, 1, &id);
        id_to_text(id, text);
        const char *words = stmt_get_text(stmt, 2);
        if (rc == RC_OK)
            rc = buf_printf(out, "derived %lld %s %s\n", (long long)stmt_get_int(stmt, 0), text,
                            words == NULL ? "" : words);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
journal_check_search(struct journal *journal)
{
    /* FTS5's own command: compares the index with the rows that it was made of. */
    return db_run(journal->db, "INSERT INTO journal_search (journal_search) VALUES ('integrity-check')");
}

enum rc
journal_remake_search(struct journal *journal)
{
    return db_run(journal->db, "INSERT INTO journal_search (journal_search) VALUES ('rebuild')");
}
