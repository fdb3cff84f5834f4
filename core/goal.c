/* Goals of a family. */
#include "core/goal.h"

#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define GOAL_COLUMNS "r.text, r.measure, r.deadline, r.holder, r.status, r.level"
static const struct query goals = {
    ENTITY_GOAL,
    LIST_SQL(GOAL_COLUMNS, "file_goal",
             "(NOT ?6 OR coalesce(r.status, 'open') = 'open' OR " IN_DOUBT("r", "1") ") AND (?4 = 0 OR r.deadline >= ?4) "
             "AND (?5 = 0 OR r.deadline <= ?5)",
             "r.deadline IS NULL, r.deadline * ?7, r.id"),
    ONE_SQL(GOAL_COLUMNS, "file_goal"),
};

static bool
is_status(const char *status)
{
    return status == NULL || strcmp(status, "open") == 0 || strcmp(status, "reached") == 0 ||
           strcmp(status, "dropped") == 0;
}

static const struct goal_level levels[GOAL_LEVELS] = {
    {"hoofddoel", N_("main goal")},
    {"subdoel", N_("sub-goal")},
    {"werkdoel", N_("working goal")},
};

const struct goal_level *
goal_level_at(size_t at)
{
    return at < GOAL_LEVELS ? &levels[at] : NULL;
}

const char *
goal_level_say(const char *slug)
{
    if (slug == NULL)
        return "";
    for (size_t i = 0; i < GOAL_LEVELS; i++)
        if (strcmp(levels[i].slug, slug) == 0)
            return _(levels[i].name);
    return slug;
}

enum rc
goal_put(struct journal *journal, struct change_set *set, struct goal *goal)
{
    struct draft d = draft_start(journal, set, ENTITY_GOAL, &goal->facts);

    draft_demand(&d, !is_blank(goal->text), _("a goal needs a text"));
    draft_demand(&d, is_status(goal->status), _("a goal is open, reached or dropped"));
    draft_text(&d, 1, goal->text);
    draft_text(&d, 2, goal->measure);
    draft_date(&d, 3, goal->deadline);
    draft_text(&d, 4, goal->holder);
    draft_slug(&d, 5, goal->status);
    draft_unit(&d, 1);
    draft_slug(&d, 1, goal->level);
    draft_unit(&d, 2);
    return draft_finish(&d);
}

static struct goal
read_goal(struct rows *row)
{
    struct goal goal = {.facts = row->facts};

    goal.text = row_text(row);
    goal.measure = row_text(row);
    goal.deadline = row_u32(row);
    goal.holder = row_text(row);
    goal.status = row_text(row);
    goal.level = row_text(row);
    return goal;
}

enum rc
goal_list(struct journal *journal, const struct record_filter *filter, goal_fn visit, void *context)
{
    struct rows rows = rows_list(journal, &goals, filter);

    while (rows_next(&rows)) {
        struct goal goal = read_goal(&rows);
        if (rows.rc == RC_OK)
            rows.rc = visit(context, &goal);
    }
    return rows_finish(&rows);
}

enum rc
goal_get(struct journal *journal, struct id id, struct goal *out, struct texts *texts)
{
    struct rows rows = rows_one(journal, &goals, id, texts);

    *out = (struct goal){.facts = {.is_hidden = false}};
    if (rows_only(&rows, _("there is no such goal here")))
        *out = read_goal(&rows);
    return rows_finish(&rows);
}
