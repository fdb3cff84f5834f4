/* Goals of a family. */
#include "core/goal.h"

#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define GOAL_COLUMNS "r.text, r.measure, r.deadline, r.holder, r.status, r.level"
static const struct query goals = {
    ENTITY_GOAL,
    LIST_SQL(GOAL_COLUMNS, "file_goal",
             "(NOT ?6 OR coalesce(r.status, 'open') = 'open') AND (?4 = 0 OR r.deadline >= ?4) "
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

struct goal_visit {
    goal_fn visit;
    void *context;
};

static enum rc
visit_goal(void *context, struct stmt *stmt, const struct facts *facts)
{
    const struct goal_visit *v = context;
    struct goal goal = {.facts = *facts};
    int at = FACTS_COLUMNS;

    goal.text = stmt_get_text(stmt, at++);
    goal.measure = stmt_get_text(stmt, at++);
    goal.deadline = get_u32(stmt, at++);
    goal.holder = stmt_get_text(stmt, at++);
    goal.status = stmt_get_text(stmt, at++);
    goal.level = stmt_get_text(stmt, at++);
    return v->visit(v->context, &goal);
}

enum rc
goal_list(struct journal *journal, const struct record_filter *filter, goal_fn visit, void *context)
{
    struct goal_visit v = {visit, context};

    return query_run(journal, &goals, filter, visit_goal, &v);
}

struct goal_copy {
    struct goal *out;
    struct texts *texts;
    bool found;
};

static enum rc
copy_goal(void *context, const struct goal *goal)
{
    struct goal_copy *c = context;
    const char **const texts[] = {&c->out->text, &c->out->measure, &c->out->holder, &c->out->status,
                                  &c->out->level};
    enum rc rc = RC_OK;

    *c->out = *goal;
    c->found = true;
    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = texts_copy(c->texts, *texts[i], texts[i]);
    return rc;
}

enum rc
goal_get(struct journal *journal, struct id id, struct goal *out, struct texts *texts)
{
    struct goal_copy c = {out, texts, false};
    struct record_filter filter = {.id = id};

    *out = (struct goal){.facts = {.is_hidden = false}};
    enum rc rc = goal_list(journal, &filter, copy_goal, &c);
    if (rc == RC_OK && !c.found)
        rc = rc_fail(RC_ABSENT, _("there is no such goal here"));
    return rc;
}
