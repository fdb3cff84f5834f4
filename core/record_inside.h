/* What the domain's files share: building values, and reading rows of the typed tables. */
#ifndef CORE_RECORD_INSIDE_H
#define CORE_RECORD_INSIDE_H

#include "core/db.h"
#include "core/record.h"
#include "core/schema.h"

/* A record's units being built; after the first failure nothing more is done, and draft_finish tells it. */
struct draft {
    struct journal *journal; /* NULL: the values are only checked */
    struct change_set *set;
    struct id family;
    struct id record;
    uint32_t entity;
    struct buf value;
    enum rc rc;
};
/* A zero id gets a new one, in *facts too. RC_INVALID without a family where one is due. */
struct draft draft_start(struct journal *journal, struct change_set *set, uint32_t entity,
                         struct facts *facts);
/* A draft of values that are only checked: nothing is read and nothing is put. */
struct draft draft_check(uint32_t entity);
void draft_text(struct draft *draft, uint32_t field, const char *text);
void draft_slug(struct draft *draft, uint32_t field, const char *slug);
void draft_date(struct draft *draft, uint32_t field, uint32_t date);
void draft_int(struct draft *draft, uint32_t field, int64_t integer); /* 0 puts nothing */
void draft_id(struct draft *draft, uint32_t field, struct id id);
/* Adds the unit when it differs from what is shown. */
void draft_unit(struct draft *draft, uint32_t unit);
enum rc draft_finish(struct draft *draft) MUST_CHECK;
/* RC_INVALID with `sentence` unless the condition holds. */
void draft_demand(struct draft *draft, bool condition, const char *sentence);

bool is_blank(const char *text); /* NULL, or nothing but spaces */

/* Columns 0 to 7 of every query below; the entity's own begin at FACTS_COLUMNS. The table is called r. */
#define FACTS_SQL                                                                                  \
    "r.id, t.family, r.hidden, r.conflicts, r.changed, r.changed_by, r.written, r.author"
enum { FACTS_COLUMNS = 8 };
/* Parameters: ?1 and ?2 least and greatest stream, ?3 hidden too, ?4 and ?5 dates or 0, ?6 open only,
 * ?7 1 or -1 for the order, ?8 limit. */
#define LIST_SQL(columns, table, where, order)                                                     \
    "SELECT " FACTS_SQL ", " columns " FROM " table " AS r JOIN journal_stream AS t ON t.s = r.s " \
    "WHERE r.s BETWEEN ?1 AND ?2 AND r.hidden <= ?3 AND ?4 + ?5 + ?6 + ?7 IS NOT NULL "      \
    "AND " where " ORDER BY " order " LIMIT ?8"
#define ONE_SQL(columns, table)                                                                    \
    "SELECT " FACTS_SQL ", " columns " FROM " table                                                \
    " AS r JOIN journal_stream AS t ON t.s = r.s WHERE r.rid = ?1 AND r.hidden < 2"

/* Whether the unit of the row has two versions: then what is shown of it is one of them, and a list leaves nothing out for it. */
#define IN_DOUBT(row, unit)                                                                        \
    "(" row ".conflicts > 0 AND EXISTS (SELECT 1 FROM journal_conflict AS x WHERE x.rid = " row ".rid AND x.unit = " unit "))"

/* What each family's own index says of it: another's may hold a row under its id too. */
#define FAMILY_LINE                                                                                \
    "(SELECT l.id, l.code_name, l.closed FROM index_family AS l JOIN journal_stream AS own "       \
    "ON own.s = l.s AND own.family = l.id)"

struct query {
    uint32_t entity;
    const char *list;
    const char *one;
};

/* The rows that a query gives, one after the other; after the first failure there are none, and rows_finish tells it.
 * Texts of a row are lent until the next, or copied into `texts` when there is one. */
struct rows {
    struct stmt *stmt;
    struct texts *texts;
    struct facts facts; /* of this row */
    int at;             /* the column that is read next */
    enum rc rc;
};
struct rows rows_list(struct journal *journal, const struct query *query,
                      const struct record_filter *filter);
/* The row of one record, hidden or not. */
struct rows rows_one(struct journal *journal, const struct query *query, struct id id,
                     struct texts *texts);
bool rows_next(struct rows *rows);
/* As rows_next, of the only row: RC_ABSENT with `sentence` when there is none. */
bool rows_only(struct rows *rows, const char *sentence);
enum rc rows_finish(struct rows *rows) MUST_CHECK;

/* Each reads the next column of the entity's own; NULL, 0 and a zero id where nothing is filled in. */
const char *row_text(struct rows *rows);
uint32_t row_u32(struct rows *rows);
bool row_is_true(struct rows *rows);
struct id row_id(struct rows *rows);

/* For reports, read by `query`: RC_DENIED unless the record is new here or `self` wrote it, and then
 * RC_INVALID without a reason. */
void draft_by_author(struct draft *draft, const struct query *query, struct id self,
                     const char *reason);

static inline uint32_t
get_u32(struct stmt *stmt, int at)
{
    int64_t value = stmt_get_int(stmt, at);

    return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

#endif
