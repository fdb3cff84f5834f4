/* Full-text search: the user's words as an FTS5 query in which nothing is an operator. */
#include "core/search.h"

#include <ctype.h>
#include <string.h>

#include "core/db.h"
#include "core/i18n.h"
#include "core/record_inside.h"

enum { QUERY_BYTES = 8192, WORDS_MOST = 32, HITS_USUAL = 50 };

static bool
has_letter(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (isalnum((unsigned char)word[i]) || (unsigned char)word[i] >= 0x80)
            return true;
    return false;
}

/* "word" with its quotation marks doubled: an FTS5 string (https://sqlite.org/fts5.html, section 3.1). */
static enum rc
put_word(struct buf *query, const char *word, size_t len)
{
    enum rc rc = buf_printf(query, query->len == 0 ? "\"" : " \"");

    for (size_t i = 0; rc == RC_OK && i < len; i++) {
        if (word[i] == '"')
            rc = buf_put_u8(query, '"');
        if (rc == RC_OK)
            rc = buf_put_u8(query, (uint8_t)word[i]);
    }
    return rc == RC_OK ? buf_put_u8(query, '"') : rc;
}

static enum rc
write_query(const char *words, struct buf *query)
{
    static const char spaces[] = " \t\r\n";
    size_t count = 0;
    enum rc rc = RC_OK;

    for (const char *at = words + strspn(words, spaces); rc == RC_OK && *at != '\0';) {
        size_t len = strcspn(at, spaces);
        if (has_letter(at, len)) {
            rc = ++count > WORDS_MOST ? rc_fail(RC_TOO_LARGE, _("more than %d words"), WORDS_MOST)
                                      : put_word(query, at, len);
        }
        at += len;
        at += strspn(at, spaces);
    }
    if (rc == RC_OK && count == 0)
        rc = rc_fail(RC_INVALID, _("a search needs a letter or a digit"));
    return rc == RC_OK ? buf_put_u8(query, '*') : rc;
}

/* Newest first: records get their number as they come, and FTS5 walks it backwards without sorting. */
static const char hits_sql[] =
    "SELECT t.family, r.id, r.entity, coalesce(c.date, y.date, 0), "
    "snippet(journal_search, 0, char(2), char(3), '\xe2\x80\xa6', 16) "
    "FROM journal_search AS f JOIN journal_record AS r ON r.rid = f.rowid "
    "JOIN journal_stream AS t ON t.s = r.s "
    "LEFT JOIN file_contact AS c ON c.rid = r.rid LEFT JOIN file_safety AS y ON y.rid = r.rid "
    "WHERE journal_search MATCH ?1 AND (?2 IS NULL OR t.family = ?2) AND NOT r.hidden "
    "ORDER BY f.rowid DESC LIMIT ?3";

static enum rc
visit_hits(struct stmt *stmt, search_fn visit, void *context)
{
    bool row = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && row) {
        struct search_hit hit = {.entity = 0};
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        rc = stmt_get_id(stmt, 0, &hit.family);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 1, &hit.record);
        hit.entity = get_u32(stmt, 2);
        hit.date = get_u32(stmt, 3);
        hit.snippet = stmt_get_text(stmt, 4);
        if (rc == RC_OK)
            rc = visit(context, &hit);
    }
    return rc;
}

enum rc
search(struct journal *journal, const char *words, struct id family, uint32_t limit,
       search_fn visit, void *context)
{
    struct buf query = BUF_EMPTY(QUERY_BYTES);
    struct stmt *stmt = NULL;
    enum rc rc = write_query(words, &query);

    if (rc == RC_OK)
        rc = journal_index(journal);
    if (rc == RC_OK)
        rc = db_stmt(journal_db(journal), hits_sql, &stmt);
    if (rc != RC_OK)
        goto out;
    stmt_text_bytes(stmt, 1, query.data, query.len);
    if (id_is_zero(family))
        stmt_null(stmt, 2);
    else
        stmt_id(stmt, 2, family);
    stmt_int(stmt, 3, limit == 0 ? HITS_USUAL : (int64_t)limit);
    rc = visit_hits(stmt, visit, context);
out:
    stmt_done(stmt);
    buf_wipe(&query);
    return rc;
}
