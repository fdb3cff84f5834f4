/* The search index: a full-text row per record that has words, brought up to date for many rows at once: docs/decisions/022. */
#include "core/journal_inside.h"

#include <string.h>

#include "core/i18n.h"

enum {
    DIRTY_GAP = 8,      /* rows between two of one range: twins and the like, which have no words */
    SEARCH_ROWS = 128,  /* as many new rows, */
    SEARCH_NOTED = 64,  /* or as many older ones, wait at most when single saves are written */
};

/* Whether words of a row are in the index. Its shadow table of texts has a row for each that is there (https://sqlite.org/fts5.html
 * section 9): to ask it costs a fifth of a deletion that finds nothing. */
static enum rc
is_indexed(struct journal *journal, int64_t rid, bool *indexed)
{
    struct stmt *stmt;
    int64_t one = 0;
    enum rc rc = db_stmt(journal->db, "SELECT 1 FROM journal_search_content WHERE id = ?1", &stmt);

    if (rc == RC_OK) {
        stmt_int(stmt, 1, rid);
        rc = stmt_finish_int(stmt, &one);
    }
    *indexed = one != 0;
    return rc;
}

/* FTS5 keeps its own copy of the text: a row can be taken out without knowing what it said before. */
static enum rc
write_words(struct journal *journal, int64_t rid, uint32_t entity, enum stream_kind kind)
{
    const struct table *t = table_of(journal, entity, kind);
    struct stmt *from;
    struct stmt *to;
    bool row;

    if (t == NULL || t->search == NULL)
        return RC_OK;
    enum rc rc = is_indexed(journal, rid, &row);
    if (rc == RC_OK && row)
        rc = db_run_int(journal->db, "DELETE FROM journal_search WHERE rowid = ?1", rid);
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
            stmt_text_lent(to, 2, text, strlen(text));
            rc = stmt_finish(to);
        }
    }
    stmt_done(from);
    return rc;
}

/* Up to which row all words are in the index, but for what journal_dirty names. */
static enum rc
load_indexed(struct journal *journal)
{
    struct batch *b = &journal->batch;
    enum rc rc = RC_OK;

    if (!b->knows_indexed)
        rc = db_get_int(journal->db, "SELECT rid FROM journal_indexed", &b->indexed);
    b->knows_indexed = rc == RC_OK;
    return rc;
}

enum rc
search_later(struct journal *journal, int64_t rid)
{
    struct batch *b = &journal->batch;
    enum rc rc = load_indexed(journal);

    if (rc == RC_OK && rid > b->indexed) {
        b->unindexed_last = rid;
        return RC_OK;
    }
    if (rc == RC_OK && b->dirty_first != 0 && (rid < b->dirty_last || rid - b->dirty_last > DIRTY_GAP))
        rc = search_note(journal);
    if (b->dirty_first == 0)
        b->dirty_first = rid;
    b->dirty_last = rid;
    return rc;
}

static enum rc
note_range(struct journal *journal, int64_t first, int64_t last)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(journal->db,
                         "INSERT INTO journal_dirty (rid, last) VALUES (?1, ?2) "
                         "ON CONFLICT (rid) DO UPDATE SET last = max(last, excluded.last)",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, first);
    stmt_int(stmt, 2, last);
    return stmt_finish(stmt);
}

enum rc
search_note(struct journal *journal)
{
    struct batch *b = &journal->batch;
    int64_t first = b->dirty_first;

    if (first == 0)
        return RC_OK;
    b->dirty_first = 0;
    b->has_noted = true;
    return note_range(journal, first, b->dirty_last);
}

enum rc
search_purge(struct journal *journal)
{
    /* What is to be indexed later is found to be gone then. */
    return db_run(journal->db, "DELETE FROM journal_search WHERE rowid IN (SELECT rid FROM temp.journal_emptied)");
}

static enum rc
run_range(struct journal *journal, const char *sql, int64_t first, int64_t last)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(journal->db, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, first);
    stmt_int(stmt, 2, last);
    return stmt_finish(stmt);
}

static enum rc
index_range(struct journal *journal, int64_t first, int64_t last)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < journal->table_count; i++) {
        const struct table *t = &journal->tables[i];
        if (t->search == NULL)
            continue;
        rc = run_range(journal, t->unindex, first, last);
        if (rc == RC_OK)
            rc = run_range(journal, t->index, first, last);
    }
    return rc;
}

static enum rc
index_row(struct journal *journal, int64_t rid)
{
    struct stmt *stmt;
    bool row;
    enum rc rc = db_stmt(journal->db,
                         "SELECT r.entity, t.kind FROM journal_record AS r JOIN journal_stream AS t ON t.s = r.s "
                         "WHERE r.rid = ?1",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, rid);
    rc = stmt_step(stmt, &row);
    uint32_t entity = (uint32_t)stmt_get_int(stmt, 0);
    enum stream_kind kind = (enum stream_kind)stmt_get_int(stmt, 1);
    stmt_done(stmt);
    return rc == RC_OK && row ? write_words(journal, rid, entity, kind) : rc;
}

/* The first range that is noted, or as much of it as `most` rows; *rows is 0 when none is. */
static enum rc
index_noted(struct journal *journal, int64_t most, int64_t *rows)
{
    struct stmt *stmt;
    bool row;
    enum rc rc = db_stmt(journal->db, "SELECT rid, last FROM journal_dirty ORDER BY rid LIMIT 1", &stmt);

    *rows = 0;
    if (rc != RC_OK)
        return rc;
    rc = stmt_step(stmt, &row);
    int64_t first = stmt_get_int(stmt, 0), last = stmt_get_int(stmt, 1);
    stmt_done(stmt);
    if (rc != RC_OK || !row)
        return rc;
    int64_t until = last - first < most ? last : first + most - 1;
    rc = first == until ? index_row(journal, first) : index_range(journal, first, until);
    if (rc == RC_OK)
        rc = db_run_int(journal->db, "DELETE FROM journal_dirty WHERE rid = ?1", first);
    *rows = until < first ? 1 : until - first + 1;
    return rc == RC_OK && until < last ? note_range(journal, until + 1, last) : rc;
}

static enum rc
find_newest(struct journal *journal, int64_t *rid)
{
    return db_get_int(journal->db, "SELECT max(rid) FROM journal_record", rid);
}

/* Rows above what was indexed, by which the mark rises. */
static enum rc
index_newest(struct journal *journal, int64_t most)
{
    struct batch *b = &journal->batch;
    int64_t newest = 0;
    enum rc rc = load_indexed(journal);

    if (rc == RC_OK)
        rc = find_newest(journal, &newest);
    if (rc != RC_OK || newest <= b->indexed)
        return rc;
    int64_t until = newest - b->indexed <= most ? newest : b->indexed + most;
    rc = index_range(journal, b->indexed + 1, until);
    b->indexed = until;
    return rc == RC_OK ? db_run_int(journal->db, "UPDATE journal_indexed SET rid = ?1", until) : rc;
}

/* Some `most` rows of what waits: in a transaction. */
static enum rc
index_some(struct journal *journal, int64_t most)
{
    int64_t left = most, rows = 1;
    enum rc rc = RC_OK;

    while (rc == RC_OK && rows > 0 && left > 0) {
        rc = index_noted(journal, left, &rows);
        left -= rows;
    }
    if (rc == RC_OK && left > 0)
        rc = index_newest(journal, left);
    return rc == RC_EXISTS ? rc_fail(RC_CORRUPT, _("the search index is damaged: run `baken doctor`")) : rc;
}

static enum rc
is_behind(struct journal *journal, bool *behind)
{
    int64_t noted, newest = 0;
    enum rc rc = db_get_int(journal->db, "SELECT 1 FROM journal_dirty LIMIT 1", &noted);

    if (rc == RC_OK)
        rc = load_indexed(journal);
    if (rc == RC_OK)
        rc = find_newest(journal, &newest);
    *behind = noted != 0 || newest > journal->batch.indexed;
    return rc;
}

enum rc
journal_index(struct journal *journal)
{
    bool behind = false;
    enum rc rc = batch_flush(journal);

    if (rc != RC_OK)
        return rc;
    journal->batch.knows_indexed = false; /* another process may have gone on */
    rc = is_behind(journal, &behind);
    if (rc != RC_OK || !behind)
        goto out;
    rc = db_begin(journal->db);
    if (rc != RC_OK)
        goto out;
    journal->batch.knows_indexed = false;
    rc = index_some(journal, INT64_MAX);
    rc = db_end(journal->db, rc);
out:
    journal->batch.knows_indexed = false;
    return rc;
}

enum rc
search_keep_up(struct journal *journal)
{
    struct batch *b = &journal->batch;
    int64_t noted = 0;
    enum rc rc = RC_OK;

    if (b->has_noted)
        rc = db_get_int(journal->db, "SELECT count(*) FROM (SELECT 1 FROM journal_dirty LIMIT 64)", &noted);
    bool is_much = noted >= SEARCH_NOTED || (b->unindexed_last > 0 && b->unindexed_last - b->indexed >= SEARCH_ROWS);
    return rc == RC_OK && is_much ? index_some(journal, 2 * SEARCH_ROWS) : rc;
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
