/* What the domain's files share: building values, reading rows, finding a record by its short id. */
#include "core/record.h"

#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

/* ---- building ------------------------------------------------------------------------------- */

struct draft
draft_start(struct journal *journal, struct change_set *set, uint32_t entity, struct facts *facts)
{
    const struct schema_entity *known = schema_entity(entity);
    struct draft draft = {.journal = journal, .set = set, .entity = entity, .rc = RC_OK};

    draft.value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    if (known->home != STREAM_TEAM && id_is_zero(facts->family))
        draft.rc = rc_fail(RC_INVALID, _("no family is named"));
    if (id_is_zero(facts->id))
        facts->id = set->drawn = id_new(journal_now_ms(journal));
    draft.family = facts->family;
    draft.record = facts->id;
    return draft;
}

struct draft
draft_check(uint32_t entity)
{
    return (struct draft){
        .entity = entity, .value = BUF_EMPTY(CHANGE_VALUE_BYTES), .rc = RC_OK};
}

void
draft_text(struct draft *draft, uint32_t field, const char *text)
{
    if (draft->rc == RC_OK)
        draft->rc = value_put_text(&draft->value, field, text);
}

void
draft_slug(struct draft *draft, uint32_t field, const char *slug)
{
    if (draft->rc == RC_OK && slug != NULL && slug[0] != '\0')
        draft->rc = schema_check_slug(slug);
    draft_text(draft, field, slug);
}

void
draft_date(struct draft *draft, uint32_t field, uint32_t date)
{
    if (draft->rc == RC_OK)
        draft->rc = value_put_date(&draft->value, field, date);
}

void
draft_int(struct draft *draft, uint32_t field, int64_t integer)
{
    if (draft->rc == RC_OK && integer != 0)
        draft->rc = value_put_int(&draft->value, field, integer);
}

void
draft_id(struct draft *draft, uint32_t field, struct id id)
{
    if (draft->rc == RC_OK)
        draft->rc = value_put_id(&draft->value, field, id);
}

void
draft_unit(struct draft *draft, uint32_t unit)
{
    if (draft->rc == RC_OK && draft->journal != NULL)
        draft->rc = change_set_put_new(draft->journal, draft->set, draft->family, draft->entity,
                                       draft->record, unit, &draft->value);
    buf_clear(&draft->value);
}

enum rc
draft_finish(struct draft *draft)
{
    buf_wipe(&draft->value);
    return draft->rc;
}

void
draft_demand(struct draft *draft, bool condition, const char *sentence)
{
    if (draft->rc == RC_OK && !condition)
        draft->rc = rc_fail(RC_INVALID, "%s", sentence);
}

bool
is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum rc
read_facts(struct stmt *stmt, struct facts *facts)
{
    enum rc rc = stmt_get_id(stmt, 0, &facts->id);

    if (rc == RC_OK)
        rc = stmt_get_id(stmt, 1, &facts->family);
    facts->is_hidden = stmt_get_int(stmt, 2) != 0;
    facts->conflicts = get_u32(stmt, 3);
    facts->changed_ms = stmt_get_int(stmt, 4);
    if (rc == RC_OK && !stmt_is_null(stmt, 5))
        rc = stmt_get_id(stmt, 5, &facts->changed_by);
    facts->written_ms = stmt_get_int(stmt, 6);
    if (rc == RC_OK && !stmt_is_null(stmt, 7))
        rc = stmt_get_id(stmt, 7, &facts->author);
    return rc;
}

static enum rc
find_number(struct journal *journal, const char *sql, struct id id, int64_t second, int64_t *number)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(journal_db(journal), sql, &stmt);

    *number = 0;
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, id);
    stmt_int(stmt, 2, second);
    return stmt_finish_int(stmt, number);
}

static enum rc
bind_one(struct journal *journal, const struct query *query, struct id id, struct stmt **stmt)
{
    int64_t rid;
    enum rc rc = db_stmt(journal_db(journal), query->one, stmt);

    if (rc != RC_OK)
        return rc;
    /* What bears a family's id speaks of that family, and counts in its own streams alone: another's may hold a record under any
     * id that a colleague chose. */
    rc = find_number(journal,
                     "SELECT r.rid FROM journal_record AS r JOIN journal_stream AS t ON t.s = r.s "
                     "WHERE r.id = ?1 AND r.entity = (?2 & 65535) AND t.kind = (?2 >> 16) AND "
                     "(t.family = r.id OR NOT EXISTS (SELECT 1 FROM journal_stream WHERE family = r.id))",
                     id, (int64_t)schema_entity(query->entity)->home << 16 | query->entity, &rid);
    stmt_int(*stmt, 1, rid);
    return rc;
}

static enum rc
bind_list(struct journal *journal, const struct query *query, const struct record_filter *filter,
          struct stmt **stmt)
{
    int64_t s = 0;
    enum rc rc = RC_OK;

    *stmt = NULL;
    if (!id_is_zero(filter->family))
        rc = find_number(journal, "SELECT s FROM journal_stream WHERE family = ?1 AND kind = ?2",
                         filter->family, schema_entity(query->entity)->home, &s);
    if (rc == RC_OK)
        rc = db_stmt(journal_db(journal), query->list, stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(*stmt, 1, s);
    stmt_int(*stmt, 2, id_is_zero(filter->family) ? INT64_MAX : s);
    stmt_int(*stmt, 3, filter->with_hidden);
    stmt_int(*stmt, 4, filter->from);
    stmt_int(*stmt, 5, filter->until);
    stmt_int(*stmt, 6, filter->is_open_only);
    stmt_int(*stmt, 7, filter->newest_first ? -1 : 1);
    stmt_int(*stmt, 8, filter->limit == 0 ? -1 : (int64_t)filter->limit);
    return RC_OK;
}

static struct rows
rows_start(struct texts *texts)
{
    return (struct rows){.stmt = NULL, .texts = texts, .rc = RC_OK};
}

struct rows
rows_one(struct journal *journal, const struct query *query, struct id id, struct texts *texts)
{
    struct rows rows = rows_start(texts);

    rows.rc = bind_one(journal, query, id, &rows.stmt);
    return rows;
}

struct rows
rows_list(struct journal *journal, const struct query *query, const struct record_filter *filter)
{
    if (!id_is_zero(filter->id))
        return rows_one(journal, query, filter->id, NULL);
    struct rows rows = rows_start(NULL);
    rows.rc = bind_list(journal, query, filter, &rows.stmt);
    return rows;
}

bool
rows_next(struct rows *rows)
{
    bool found = false;

    if (rows->rc == RC_OK)
        rows->rc = stmt_step(rows->stmt, &found);
    rows->facts = (struct facts){.is_hidden = false};
    rows->at = FACTS_COLUMNS;
    if (rows->rc == RC_OK && found)
        rows->rc = read_facts(rows->stmt, &rows->facts);
    return rows->rc == RC_OK && found;
}

bool
rows_only(struct rows *rows, const char *sentence)
{
    bool found = rows_next(rows);

    if (rows->rc == RC_OK && !found)
        rows->rc = rc_fail(RC_ABSENT, "%s", sentence);
    return found;
}

enum rc
rows_finish(struct rows *rows)
{
    stmt_done(rows->stmt);
    return rows->rc;
}

const char *
row_text(struct rows *rows)
{
    const char *text = stmt_get_text(rows->stmt, rows->at++);

    if (rows->rc != RC_OK)
        return NULL;
    if (rows->texts != NULL)
        rows->rc = texts_copy(rows->texts, text, &text);
    return text;
}

uint32_t
row_u32(struct rows *rows)
{
    return get_u32(rows->stmt, rows->at++);
}

bool
row_is_true(struct rows *rows)
{
    return stmt_get_int(rows->stmt, rows->at++) == 1;
}

struct id
row_id(struct rows *rows)
{
    struct id id = {{0}};
    int at = rows->at++;

    if (rows->rc == RC_OK && !stmt_is_null(rows->stmt, at))
        rows->rc = stmt_get_id(rows->stmt, at, &id);
    return id;
}

void
draft_by_author(struct draft *draft, const struct query *query, struct id self, const char *reason)
{
    if (draft->rc != RC_OK || id_equal(draft->set->drawn, draft->record))
        return;
    struct rows rows = rows_one(draft->journal, query, draft->record, NULL);
    bool is_there = rows_next(&rows);
    draft->rc = rows_finish(&rows);
    if (draft->rc != RC_OK || !is_there)
        return;
    if (!id_equal(rows.facts.author, self))
        draft->rc = rc_fail(RC_DENIED, _("only its author amends a report"));
    else
        draft_demand(draft, !is_blank(reason), _("an amendment needs a reason"));
}

/* ---- deletions ------------------------------------------------------------------------------ */

struct deletions {
    record_deletion_fn visit;
    void *context;
};

static enum rc
tell_deletion(void *context, const struct current *current)
{
    struct deletions *deletions = context;
    struct deletion deletion = {current->person, hlc_ms(current->hlc)};

    return value_is_empty(current->value, current->value_len) ? RC_OK
                                                              : deletions->visit(deletions->context, &deletion);
}

enum rc
record_deletions(struct journal *journal, struct id family, uint32_t entity, struct id record,
                 record_deletion_fn visit, void *context)
{
    const struct schema_entity *known = schema_entity(entity);
    struct deletions deletions = {visit, context};
    struct id stream;

    if (known == NULL)
        return rc_fail(RC_UNSUPPORTED, _("made by a newer program"));
    enum rc rc = journal_find_stream(journal, family, known->home, &stream);
    if (rc == RC_OK)
        rc = journal_current(journal, stream, entity, record, UNIT_DELETED, tell_deletion, &deletions);
    return rc;
}

/* ---- finding -------------------------------------------------------------------------------- */

/* How many candidates a sentence lists, and by how much more than what was typed. */
enum { FIND_ENDS = 8, FIND_MORE_CHARS = 3 };

static void
add_end(char *ends, size_t room, struct id id, size_t typed)
{
    char whole[ID_TEXT_CHARS + 1];
    size_t chars = typed + FIND_MORE_CHARS < ID_TEXT_CHARS ? typed + FIND_MORE_CHARS : ID_TEXT_CHARS;
    size_t len = strlen(ends);

    id_to_text(id, whole);
    (void)snprintf(ends + len, room - len, "%s%s", len == 0 ? "" : ", ",
                   whole + ID_TEXT_CHARS - chars);
}

/* The row of a record whose id fits, where it stands in a stream of that kind and is not another's. */
static enum rc
read_match(struct journal *journal, int64_t rid, int kind, struct facts *facts, bool *is_one)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(journal_db(journal),
                         "SELECT r.id, t.family, r.hidden, r.conflicts FROM journal_record AS r"
                         " JOIN journal_stream AS t ON t.s = r.s"
                         " WHERE r.rid = ?1 AND t.kind = ?2 AND r.hidden < 2",
                         &stmt);

    *is_one = false;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, rid);
    stmt_int(stmt, 2, kind);
    rc = stmt_step(stmt, is_one);
    if (rc == RC_OK && *is_one) {
        rc = stmt_get_id(stmt, 0, &facts->id);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 1, &facts->family);
        facts->is_hidden = stmt_get_int(stmt, 2) != 0;
        facts->conflicts = get_u32(stmt, 3);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
record_find(struct journal *journal, uint32_t entity, const char *text, struct facts *facts)
{
    const struct schema_entity *known = schema_entity(entity);
    char ends[FIND_ENDS * (ID_TEXT_CHARS + 2) + 1] = "";
    struct stmt *stmt;
    bool row = true;
    size_t found = 0;

    *facts = (struct facts){.is_hidden = false};
    if (known == NULL)
        return rc_fail(RC_UNSUPPORTED, _("made by a newer program"));
    if (strlen(text) < ID_SHORT_CHARS || strlen(text) > ID_TEXT_CHARS)
        return rc_fail(RC_INVALID, _("\"%.30s\" is not an id: at least its last %d characters"),
                       text, ID_SHORT_CHARS);
    /* By the index of ids alone: the records themselves are the largest part of a store. */
    enum rc rc = db_stmt(journal_db(journal),
                         "SELECT rid, id FROM journal_record WHERE entity = ?1 ORDER BY id", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, entity);
    while (rc == RC_OK && row && found <= FIND_ENDS) {
        struct id id;
        bool is_one = false;
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = stmt_get_id(stmt, 1, &id);
        if (rc != RC_OK || !row || !id_matches(id, text))
            continue;
        rc = read_match(journal, stmt_get_int(stmt, 0), (int)known->home, facts, &is_one);
        if (rc == RC_OK && is_one && found++ < FIND_ENDS)
            add_end(ends, sizeof ends, id, strlen(text));
    }
    stmt_done(stmt);
    if (rc == RC_OK && found == 0)
        rc = rc_fail(RC_ABSENT, _("nothing has an id that ends in %s"), text);
    else if (rc == RC_OK && found > 1)
        rc = rc_fail(RC_AMBIGUOUS, _("more than one id ends in %s: %s%s"), text, ends,
                     found > FIND_ENDS ? ", ..." : "");
    return rc;
}
