/* The coordinator's figures: one query over the index streams. */
#include "core/caseload.h"

#include "core/date.h"
#include "core/db.h"
#include "core/record_inside.h"

/* Each figure looks at one family's rows through the index (stream, date): few rows, however long the past is.
 * ?1 is today, ?2 the first of the 30 days, ?3 closed families too. */
#define CONTACTS                                                                                   \
    "FROM index_contact AS c WHERE c.s = t.s AND NOT c.hidden AND c.withdrawn IS NOT 1 "
static const char lines_sql[] =
    "WITH quarrel AS (SELECT q.family AS family, count(*) AS units FROM journal_conflict AS x "
    "JOIN journal_record AS r ON r.rid = x.rid JOIN journal_stream AS q ON q.s = r.s "
    "WHERE NOT r.hidden GROUP BY q.family) "
    "SELECT t.family, f.code_name, f.phase, f.since, f.opened, f.closed, "
    "(SELECT c.date " CONTACTS "AND c.date <= ?1 ORDER BY c.date DESC LIMIT 1), "
    "(SELECT c.kind " CONTACTS "AND c.date <= ?1 ORDER BY c.date DESC, c.id DESC LIMIT 1), "
    "(SELECT count(*) " CONTACTS "AND c.date BETWEEN ?2 AND ?1), "
    "(SELECT count(*) FROM index_goal AS g WHERE g.s = t.s AND NOT g.hidden "
    "AND coalesce(g.status, 'open') = 'open'), "
    "(SELECT min(g.deadline) FROM index_goal AS g WHERE g.s = t.s AND NOT g.hidden "
    "AND coalesce(g.status, 'open') = 'open' AND g.deadline >= ?1), "
    "(SELECT count(*) FROM index_goal AS g WHERE g.s = t.s AND NOT g.hidden "
    "AND coalesce(g.status, 'open') = 'open' AND g.deadline < ?1), "
    "(SELECT count(*) FROM index_agreement AS a WHERE a.s = t.s AND NOT a.hidden "
    "AND coalesce(a.done, 0) = 0 AND a.due < ?1), "
    "(SELECT max(y.date) FROM index_safety AS y WHERE y.s = t.s AND NOT y.hidden "
    "AND y.withdrawn IS NOT 1 AND y.date <= ?1), "
    "coalesce(q.units, 0) "
    "FROM journal_stream AS t LEFT JOIN index_family AS f ON f.s = t.s AND f.id = t.family "
    "LEFT JOIN quarrel AS q ON q.family = t.family "
    "WHERE t.kind = 3 AND (?3 OR f.closed IS NULL OR " IN_DOUBT("f", "3") ") "
    "ORDER BY f.code_name IS NULL, f.code_name COLLATE NOCASE, t.family";
_Static_assert(STREAM_INDEX == 3, "the query names the kind by its number");

static uint32_t
days_before(uint32_t today, int64_t days)
{
    struct date date = {(int)(today / 10000), (int)(today / 100 % 100), (int)(today % 100)};

    date = date_add_days(date, -days);
    return (uint32_t)(date.year * 10000 + date.month * 100 + date.day);
}

static enum rc
read_line(struct stmt *stmt, struct caseload_line *line)
{
    int at = 1;

    *line = (struct caseload_line){.since = 0};
    line->code_name = stmt_get_text(stmt, at++);
    line->phase = stmt_get_text(stmt, at++);
    line->since = get_u32(stmt, at++);
    line->opened = get_u32(stmt, at++);
    line->closed = get_u32(stmt, at++);
    line->last_contact = get_u32(stmt, at++);
    line->last_kind = stmt_get_text(stmt, at++);
    line->contacts_30_days = get_u32(stmt, at++);
    line->open_goals = get_u32(stmt, at++);
    line->next_deadline = get_u32(stmt, at++);
    line->overdue_goals = get_u32(stmt, at++);
    line->overdue_agreements = get_u32(stmt, at++);
    line->last_safety = get_u32(stmt, at++);
    line->conflicts = get_u32(stmt, at++);
    return stmt_get_id(stmt, 0, &line->family);
}

enum rc
caseload_list(struct journal *journal, uint32_t today, bool with_closed, caseload_fn visit,
              void *context)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal_db(journal), lines_sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, today);
    stmt_int(stmt, 2, days_before(today, 29));
    stmt_int(stmt, 3, with_closed);
    while (rc == RC_OK && row) {
        struct caseload_line line;
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = read_line(stmt, &line);
        if (rc == RC_OK && row)
            rc = visit(context, &line);
    }
    stmt_done(stmt);
    return rc;
}
