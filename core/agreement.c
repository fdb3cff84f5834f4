/* Agreements: who does what by when. */
#include "core/agreement.h"

#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define AGREEMENT_COLUMNS "r.text, r.kind, r.who, r.due, r.done, r.done_on, r.done_how"
static const struct query agreements = {
    ENTITY_AGREEMENT,
    LIST_SQL(AGREEMENT_COLUMNS, "file_agreement",
             "(NOT ?6 OR coalesce(r.done, 0) = 0) AND (?4 = 0 OR r.due >= ?4) "
             "AND (?5 = 0 OR r.due <= ?5)",
             "r.due IS NULL, r.due * ?7, r.id"),
    ONE_SQL(AGREEMENT_COLUMNS, "file_agreement"),
};

static bool
is_kind(const char *kind)
{
    return kind == NULL || strcmp(kind, "advised") == 0 || strcmp(kind, "agreed") == 0 ||
           strcmp(kind, "prescribed") == 0;
}

enum rc
agreement_put(struct journal *journal, struct change_set *set, struct agreement *agreement)
{
    struct draft d = draft_start(journal, set, ENTITY_AGREEMENT, &agreement->facts);

    draft_demand(&d, !is_blank(agreement->text), _("an agreement needs a text"));
    draft_demand(&d, is_kind(agreement->kind), _("an agreement is advised, agreed or prescribed"));
    draft_text(&d, 1, agreement->text);
    draft_slug(&d, 2, agreement->kind);
    draft_text(&d, 3, agreement->who);
    draft_date(&d, 4, agreement->due);
    draft_unit(&d, 1);
    draft_int(&d, 1, agreement->is_done);
    draft_date(&d, 2, agreement->done_on);
    draft_text(&d, 3, agreement->done_how);
    draft_unit(&d, 2);
    return draft_finish(&d);
}

struct agreement_visit {
    agreement_fn visit;
    void *context;
};

static enum rc
visit_agreement(void *context, struct stmt *stmt, const struct facts *facts)
{
    const struct agreement_visit *v = context;
    struct agreement agreement = {.facts = *facts};
    int at = FACTS_COLUMNS;

    agreement.text = stmt_get_text(stmt, at++);
    agreement.kind = stmt_get_text(stmt, at++);
    agreement.who = stmt_get_text(stmt, at++);
    agreement.due = get_u32(stmt, at++);
    agreement.is_done = stmt_get_int(stmt, at++) == 1;
    agreement.done_on = get_u32(stmt, at++);
    agreement.done_how = stmt_get_text(stmt, at++);
    return v->visit(v->context, &agreement);
}

enum rc
agreement_list(struct journal *journal, const struct record_filter *filter, agreement_fn visit,
               void *context)
{
    struct agreement_visit v = {visit, context};

    return query_run(journal, &agreements, filter, visit_agreement, &v);
}

struct agreement_copy {
    struct agreement *out;
    struct texts *texts;
    bool found;
};

static enum rc
copy_agreement(void *context, const struct agreement *agreement)
{
    struct agreement_copy *c = context;
    const char **const texts[] = {&c->out->text, &c->out->kind, &c->out->who, &c->out->done_how};
    enum rc rc = RC_OK;

    *c->out = *agreement;
    c->found = true;
    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = texts_copy(c->texts, *texts[i], texts[i]);
    return rc;
}

enum rc
agreement_get(struct journal *journal, struct id id, struct agreement *out, struct texts *texts)
{
    struct agreement_copy c = {out, texts, false};
    struct record_filter filter = {.id = id};

    *out = (struct agreement){.facts = {.is_hidden = false}};
    enum rc rc = agreement_list(journal, &filter, copy_agreement, &c);
    if (rc == RC_OK && !c.found)
        rc = rc_fail(RC_ABSENT, _("there is no such agreement here"));
    return rc;
}
