/* What asks for attention today: agreements, goals, appointments, birthdays, expected children. */
#include "core/today.h"

#include <stdlib.h>

#include "core/array.h"
#include "core/date.h"
#include "core/db.h"
#include "core/record_inside.h"

enum { APPOINTMENT_DAYS = 7, BIRTHDAY_DAYS = 14 };

/* What is gathered, before it is sorted and shown. Its texts are its own. */
struct gathered {
    struct today_item *items;
    size_t count, room;
    struct texts texts;
    struct date today;
};

static struct date
to_date(uint32_t date)
{
    return (struct date){(int)(date / 10000), (int)(date / 100 % 100), (int)(date % 100)};
}

static uint32_t
from_date(struct date date)
{
    return (uint32_t)(date.year * 10000 + date.month * 100 + date.day);
}

static enum rc
gather(struct gathered *g, const struct today_item *item)
{
    struct today_item *grown = array_grow(g->items, &g->room, g->count + 1, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    g->items = grown;
    struct today_item *kept = &g->items[g->count++];
    *kept = *item;
    enum rc rc = texts_copy(&g->texts, item->text, &kept->text);
    return rc == RC_OK ? texts_copy(&g->texts, item->family_name, &kept->family_name) : rc;
}

/* Each query gives family, record, date, text, code name; ?1 is today, ?2 the last day of its window. */
#define OPEN_FAMILY                                                                                \
    " JOIN journal_stream AS t ON t.s = r.s LEFT JOIN " FAMILY_LINE " AS f ON f.id = t.family "        \
    "WHERE (f.closed IS NULL OR EXISTS (SELECT 1 FROM journal_record AS q JOIN journal_conflict AS x ON x.rid = q.rid " \
    "WHERE q.id = f.id AND q.entity = 1 AND x.unit = 3)) AND NOT r.hidden AND ?1 + ?2 IS NOT NULL AND "
_Static_assert(ENTITY_FAMILY == 1, "the query names the entity by its number");
static const char agreements_sql[] =
    "SELECT t.family, r.id, r.due, r.text, f.code_name FROM file_agreement AS r" OPEN_FAMILY
    "r.due <= ?1 AND (coalesce(r.done, 0) = 0 OR " IN_DOUBT("r", "2") ")";
static const char goals_sql[] =
    "SELECT t.family, r.id, r.deadline, r.text, f.code_name FROM file_goal AS r" OPEN_FAMILY
    "r.deadline <= ?1 AND (coalesce(r.status, 'open') = 'open' OR " IN_DOUBT("r", "1") ")";
static const char appointments_sql[] =
    "SELECT t.family, r.id, r.next, NULL, f.code_name FROM file_contact AS r" OPEN_FAMILY
    "r.next BETWEEN ?1 AND ?2 AND (r.withdrawn IS NOT 1 OR " IN_DOUBT("r", "1") ")";
static const char members_sql[] =
    "SELECT t.family, r.id, r.birth_date, coalesce(r.given_name, r.surname), f.code_name "
    "FROM file_member AS r" OPEN_FAMILY "r.birth_date <= ?2";

/* The next birthday from today on; 29 February counts as the 28th in other years. */
static struct date
next_birthday(struct date birth, struct date today)
{
    struct date day = date_add_months(birth, (today.year - birth.year) * 12);

    return date_compare(day, today) >= 0
               ? day
               : date_add_months(birth, (today.year + 1 - birth.year) * 12);
}

/* Turns a member into a birthday or an expected child; false when neither is near. */
static bool
is_near(struct today_item *item, struct date today)
{
    struct date birth = to_date(item->date);

    if (date_compare(birth, today) >= 0 && date_between(today, birth) > 0) {
        item->kind = TODAY_EXPECTED;
        return date_between(today, birth) <= BIRTHDAY_DAYS;
    }
    struct date day = next_birthday(birth, today);
    item->kind = TODAY_BIRTHDAY;
    item->date = from_date(day);
    item->age = (uint32_t)(day.year - birth.year);
    return item->age > 0 && date_between(today, day) <= BIRTHDAY_DAYS;
}

static enum rc
gather_all(struct journal *journal, const char *sql, enum today_kind kind, int64_t days,
           struct gathered *g)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal_db(journal), sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, from_date(g->today));
    stmt_int(stmt, 2, from_date(date_add_days(g->today, days)));
    while (rc == RC_OK && row) {
        struct today_item item = {.kind = kind};
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        rc = stmt_get_id(stmt, 0, &item.family);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 1, &item.record);
        item.date = get_u32(stmt, 2);
        item.text = stmt_get_text(stmt, 3);
        item.family_name = stmt_get_text(stmt, 4);
        if (rc == RC_OK && (kind != TODAY_BIRTHDAY || is_near(&item, g->today)))
            rc = gather(g, &item);
    }
    stmt_done(stmt);
    return rc;
}

static int
compare_items(const void *a, const void *b)
{
    const struct today_item *x = a;
    const struct today_item *y = b;

    if (x->date != y->date)
        return x->date < y->date ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return id_compare(x->record, y->record);
}

enum rc
today_list(struct journal *journal, uint32_t today, today_fn visit, void *context)
{
    struct gathered g = {.texts = TEXTS_EMPTY, .today = to_date(today)};
    enum rc rc = gather_all(journal, agreements_sql, TODAY_AGREEMENT, 0, &g);

    if (rc == RC_OK)
        rc = gather_all(journal, goals_sql, TODAY_GOAL, 0, &g);
    if (rc == RC_OK)
        rc = gather_all(journal, appointments_sql, TODAY_APPOINTMENT, APPOINTMENT_DAYS, &g);
    if (rc == RC_OK)
        rc = gather_all(journal, members_sql, TODAY_BIRTHDAY, BIRTHDAY_DAYS, &g);
    if (rc == RC_OK && g.count > 1)
        qsort(g.items, g.count, sizeof *g.items, compare_items);
    for (size_t i = 0; rc == RC_OK && i < g.count; i++)
        rc = visit(context, &g.items[i]);
    texts_wipe(&g.texts);
    free(g.items);
    return rc;
}
