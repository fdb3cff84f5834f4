/* Safety judgements. */
#include "core/safety.h"

#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define SAFETY_COLUMNS "r.date, r.level, r.ground, r.shared_with, r.reason, r.withdrawn"
static const struct query judgements = {
    ENTITY_SAFETY,
    LIST_SQL(SAFETY_COLUMNS, "file_safety",
             "(NOT ?6 OR coalesce(r.withdrawn, 0) = 0 OR " IN_DOUBT("r", "1") ") AND (?4 = 0 OR r.date >= ?4) "
             "AND (?5 = 0 OR r.date <= ?5)",
             "r.date * ?7, r.written * ?7, r.id"),
    ONE_SQL(SAFETY_COLUMNS, "file_safety"),
};

static bool
is_level(const char *level)
{
    return level != NULL && (strcmp(level, "safe") == 0 || strcmp(level, "worry") == 0 ||
                             strcmp(level, "unsafe") == 0);
}

enum rc
safety_put(struct journal *journal, struct change_set *set, struct id self, struct safety *safety)
{
    struct draft d = draft_start(journal, set, ENTITY_SAFETY, &safety->facts);

    draft_demand(&d, safety->date != 0, _("a judgement needs a date"));
    draft_demand(&d, is_level(safety->level), _("a judgement is safe, worry or unsafe"));
    draft_demand(&d, !is_blank(safety->ground), _("a judgement needs its ground"));
    draft_by_author(&d, &judgements, self, safety->reason);
    draft_date(&d, 1, safety->date);
    draft_slug(&d, 2, safety->level);
    draft_text(&d, 3, safety->ground);
    draft_text(&d, 4, safety->shared_with);
    draft_text(&d, 5, safety->reason);
    draft_int(&d, 6, safety->is_withdrawn);
    draft_unit(&d, 1);
    return draft_finish(&d);
}

static struct safety
read_safety(struct rows *row)
{
    struct safety safety = {.facts = row->facts};

    safety.date = row_u32(row);
    safety.level = row_text(row);
    safety.ground = row_text(row);
    safety.shared_with = row_text(row);
    safety.reason = row_text(row);
    safety.is_withdrawn = row_is_true(row);
    return safety;
}

enum rc
safety_list(struct journal *journal, const struct record_filter *filter, safety_fn visit,
            void *context)
{
    struct rows rows = rows_list(journal, &judgements, filter);

    while (rows_next(&rows)) {
        struct safety safety = read_safety(&rows);
        if (rows.rc == RC_OK)
            rows.rc = visit(context, &safety);
    }
    return rows_finish(&rows);
}
