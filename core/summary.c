/* What others did in a family between two moments: read from the current versions themselves. */
#include "core/summary.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/hlc.h"
#include "core/journal_inside.h"

struct gathered {
    struct summary_item *items;
    size_t count, room;
    struct texts texts;
    struct id self;
    int64_t from_ms, until_ms;
};

/* One save of several units of a record is one thing that was done. */
static bool
is_told(struct gathered *g, const struct record *r, const struct head *h, const struct summary_item *item)
{
    for (size_t i = g->count; i > 0 && id_equal(g->items[i - 1].record, r->id) && g->items[i - 1].entity == r->entity; i--) {
        struct summary_item *told = &g->items[i - 1];
        if (told->hlc != h->hlc || !id_equal(told->person, h->person) || told->is_conflict || item->is_conflict)
            continue;
        if (told->text == NULL)
            told->text = item->text;
        return true;
    }
    return false;
}

/* The first searched text of a value is what people know the record by. */
static enum rc
text_of(struct gathered *g, const struct schema_unit *unit, const struct head *h, const char **text)
{
    struct field fields[CHANGE_FIELDS];
    size_t count;
    enum rc rc = value_read(h->value, h->value_len, fields, &count);

    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        const struct schema_field *known = schema_field(unit, fields[i].number);
        if (known == NULL || (known->flags & SCHEMA_SEARCH) == 0 || fields[i].type != FIELD_TEXT)
            continue;
        char *copy = strndup((const char *)fields[i].bytes, fields[i].len);
        if (copy == NULL)
            return rc_nomem();
        rc = texts_copy(&g->texts, copy, text);
        free(copy);
        return rc;
    }
    return rc;
}

/* Ids of records carry the time of their making; a family's and its profile's are opaque. */
static int64_t
made_ms(const struct record *r, uint32_t unit)
{
    const struct first *first = register_first(r, unit);
    int64_t ms = 0;

    if (first != NULL)
        return hlc_ms(first->hlc);
    if (r->entity == ENTITY_FAMILY || r->entity == ENTITY_PROFILE || r->entity == ENTITY_STANDING ||
        r->entity == ENTITY_DISMISSAL) /* their ids carry no time */
        return -1;
    for (size_t i = 0; i < 6; i++)
        ms = ms << 8 | r->id.bytes[i];
    return ms;
}

static enum rc
gather(struct gathered *g, const struct record *r, const struct head *h)
{
    const struct schema_unit *unit = schema_unit(schema_entity(r->entity), h->unit);
    struct summary_item item = {.entity = r->entity, .record = r->id, .person = h->person};
    int64_t made = made_ms(r, h->unit);

    item.hlc = h->hlc;
    item.at_ms = hlc_ms(h->hlc);
    item.unit = h->unit == UNIT_DELETED ? "deleted" : unit == NULL ? NULL : unit->name;
    item.is_new = made >= g->from_ms && made < g->until_ms;
    item.is_conflict = register_conflict(r, h->unit) > 0;
    enum rc rc = unit == NULL ? RC_OK : text_of(g, unit, h, &item.text);
    if (rc != RC_OK || is_told(g, r, h, &item))
        return rc;
    struct summary_item *grown = array_grow(g->items, &g->room, g->count + 1, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    g->items = grown;
    g->items[g->count++] = item;
    return RC_OK;
}

static enum rc
gather_record(struct gathered *g, const struct record *r)
{
    const struct schema_entity *entity = schema_entity(r->entity);
    enum rc rc = RC_OK;

    if (entity != NULL && entity->home != r->kind) /* a twin tells nothing new */
        return RC_OK;
    for (size_t i = 0; rc == RC_OK && i < r->head_count; i++) {
        const struct head *h = &r->heads[i];
        int64_t at = hlc_ms(h->hlc);
        if (h->unit == UNIT_DELETED && value_is_empty(h->value, h->value_len))
            continue; /* restored: the unit that was saved again tells it */
        if (at >= g->from_ms && at < g->until_ms && !id_equal(h->person, g->self))
            rc = gather(g, r, h);
    }
    return rc;
}

static enum rc
gather_family(struct journal *journal, struct id family, struct gathered *g)
{
    struct record *r = NULL;
    struct stmt *stmt = NULL;
    bool row = true;
    enum rc rc = register_new(&r);

    if (rc == RC_OK)
        rc = db_stmt(journal->db,
                     "SELECT rid FROM journal_record "
                     "WHERE s IN (SELECT s FROM journal_stream WHERE family = ?1)",
                     &stmt);
    if (rc == RC_OK)
        stmt_id(stmt, 1, family);
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = packed_load_rid(journal, stmt_get_int(stmt, 0), r);
        if (rc == RC_OK && row && r->hidden < REGISTER_MOVED)
            rc = gather_record(g, r);
    }
    stmt_done(stmt);
    register_free(r);
    return rc;
}

static int
compare_items(const void *a, const void *b)
{
    const struct summary_item *x = a;
    const struct summary_item *y = b;

    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return id_compare(x->record, y->record);
}

static void
count(const struct gathered *g, struct summary_counts *counts)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct summary_item *item = &g->items[i];
        bool is_known = false;
        bool is_told = false;
        for (size_t k = 0; k < i; k++) {
            is_known = is_known || id_equal(g->items[k].person, item->person);
            is_told = is_told || (item->is_conflict && g->items[k].is_conflict &&
                                  id_equal(g->items[k].record, item->record) &&
                                  g->items[k].unit == item->unit);
        }
        bool is_report = item->entity == ENTITY_CONTACT && item->is_new && item->unit != NULL &&
                         strcmp(item->unit, "report") == 0;
        counts->contacts += is_report;
        counts->changes += !is_report;
        counts->conflicts += item->is_conflict && !is_told;
        counts->persons += !is_known;
    }
}

enum rc
summary_list(struct journal *journal, struct id family, struct id self, int64_t from_ms,
             int64_t until_ms, struct summary_counts *counts, summary_fn visit, void *context)
{
    struct gathered g = {.texts = TEXTS_EMPTY, .self = self};
    enum rc rc;

    *counts = (struct summary_counts){0, 0, 0, 0};
    g.from_ms = from_ms;
    g.until_ms = until_ms;
    rc = gather_family(journal, family, &g);
    if (rc == RC_OK && g.count > 1)
        qsort(g.items, g.count, sizeof *g.items, compare_items);
    if (rc == RC_OK)
        count(&g, counts);
    for (size_t i = 0; rc == RC_OK && visit != NULL && i < g.count; i++)
        rc = visit(context, &g.items[i]);
    texts_wipe(&g.texts);
    free(g.items);
    return rc;
}
