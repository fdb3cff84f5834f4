/* Safety judgements. */
#include "core/safety.h"

#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define SAFETY_COLUMNS "r.date, r.level, r.ground, r.shared_with, r.reason, r.withdrawn"
static const struct query judgements = {
    ENTITY_SAFETY,
    LIST_SQL(SAFETY_COLUMNS, "file_safety",
             "(NOT ?6 OR coalesce(r.withdrawn, 0) = 0) AND (?4 = 0 OR r.date >= ?4) "
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

struct safety_visit {
    safety_fn visit;
    void *context;
};

static enum rc
visit_safety(void *context, struct stmt *stmt, const struct facts *facts)
{
    const struct safety_visit *v = context;
    struct safety safety = {.facts = *facts};
    int at = FACTS_COLUMNS;

    safety.date = get_u32(stmt, at++);
    safety.level = stmt_get_text(stmt, at++);
    safety.ground = stmt_get_text(stmt, at++);
    safety.shared_with = stmt_get_text(stmt, at++);
    safety.reason = stmt_get_text(stmt, at++);
    safety.is_withdrawn = stmt_get_int(stmt, at++) == 1;
    return v->visit(v->context, &safety);
}

enum rc
safety_list(struct journal *journal, const struct record_filter *filter, safety_fn visit,
            void *context)
{
    struct safety_visit v = {visit, context};

    return query_run(journal, &judgements, filter, visit_safety, &v);
}

struct safety_copy {
    struct safety *out;
    struct texts *texts;
    bool found;
};

static enum rc
copy_safety(void *context, const struct safety *safety)
{
    struct safety_copy *c = context;
    const char **const texts[] = {&c->out->level, &c->out->ground, &c->out->shared_with,
                                  &c->out->reason};
    enum rc rc = RC_OK;

    *c->out = *safety;
    c->found = true;
    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = texts_copy(c->texts, *texts[i], texts[i]);
    return rc;
}

enum rc
safety_get(struct journal *journal, struct id id, struct safety *out, struct texts *texts)
{
    struct safety_copy c = {out, texts, false};
    struct record_filter filter = {.id = id};

    *out = (struct safety){.facts = {.is_hidden = false}};
    enum rc rc = safety_list(journal, &filter, copy_safety, &c);
    if (rc == RC_OK && !c.found)
        rc = rc_fail(RC_ABSENT, _("there is no such judgement here"));
    return rc;
}

enum rc
safety_withdraw(struct journal *journal, struct change_set *set, struct id self, struct id id,
                const char *reason)
{
    struct texts texts = TEXTS_EMPTY;
    struct safety safety;
    enum rc rc = safety_get(journal, id, &safety, &texts);

    if (rc == RC_OK) {
        safety.is_withdrawn = true;
        safety.reason = reason;
        rc = safety_put(journal, set, self, &safety);
    }
    texts_wipe(&texts);
    return rc;
}
