/* Absences of colleagues, and assents of families. */
#include "core/absence.h"

#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define ABSENCE_COLUMNS "r.person, r.from_date, r.until_date, r.kind, r.note"
static const struct query absences = {
    ENTITY_ABSENCE,
    LIST_SQL(ABSENCE_COLUMNS, "team_absence",
             "?6 IS NOT NULL AND (?4 = 0 OR r.until_date >= ?4) AND (?5 = 0 OR r.from_date <= ?5)",
             "r.from_date * ?7, r.id"),
    ONE_SQL(ABSENCE_COLUMNS, "team_absence"),
};

enum rc
absence_put(struct journal *journal, struct change_set *set, struct absence *absence)
{
    absence->facts.family = (struct id){{0}};
    struct draft d = draft_start(journal, set, ENTITY_ABSENCE, &absence->facts);

    draft_demand(&d, !id_is_zero(absence->person), _("an absence is somebody's"));
    draft_demand(&d, absence->from != 0 && absence->until != 0 && absence->from <= absence->until,
                 _("an absence has a first and a last day"));
    draft_id(&d, 1, absence->person);
    draft_date(&d, 2, absence->from);
    draft_date(&d, 3, absence->until);
    draft_slug(&d, 4, absence->kind);
    draft_text(&d, 5, absence->note);
    draft_unit(&d, 1);
    return draft_finish(&d);
}

struct absence_visit {
    absence_fn visit;
    void *context;
};

static enum rc
visit_absence(void *context, struct stmt *stmt, const struct facts *facts)
{
    const struct absence_visit *v = context;
    struct absence absence = {.facts = *facts};
    int at = FACTS_COLUMNS;

    if (!stmt_is_null(stmt, at)) {
        enum rc rc = stmt_get_id(stmt, at, &absence.person);
        if (rc != RC_OK)
            return rc;
    }
    at++;
    absence.from = get_u32(stmt, at++);
    absence.until = get_u32(stmt, at++);
    absence.kind = stmt_get_text(stmt, at++);
    absence.note = stmt_get_text(stmt, at++);
    return v->visit(v->context, &absence);
}

enum rc
absence_list(struct journal *journal, const struct record_filter *filter, absence_fn visit,
             void *context)
{
    struct absence_visit v = {visit, context};

    return query_run(journal, &absences, filter, visit_absence, &v);
}

struct absence_copy {
    struct absence *out;
    struct texts *texts;
    bool found;
};

static enum rc
copy_absence(void *context, const struct absence *absence)
{
    struct absence_copy *c = context;
    const char **const texts[] = {&c->out->kind, &c->out->note};
    enum rc rc = RC_OK;

    *c->out = *absence;
    c->found = true;
    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = texts_copy(c->texts, *texts[i], texts[i]);
    return rc;
}

enum rc
absence_get(struct journal *journal, struct id id, struct absence *out, struct texts *texts)
{
    struct absence_copy c = {out, texts, false};
    struct record_filter filter = {.id = id};

    *out = (struct absence){.facts = {.is_hidden = false}};
    enum rc rc = absence_list(journal, &filter, copy_absence, &c);
    if (rc == RC_OK && !c.found)
        rc = rc_fail(RC_ABSENT, _("there is no such absence here"));
    return rc;
}

/* ---- assent --------------------------------------------------------------------------------- */

#define ASSENT_COLUMNS "r.cover, r.person, r.answer, r.date"
static const struct query assents = {
    ENTITY_ASSENT,
    LIST_SQL(ASSENT_COLUMNS, "file_assent", "(?4 = 0 OR r.date >= ?4) AND (?5 = 0 OR r.date <= ?5)",
             "r.date * ?7, r.id"),
    ONE_SQL(ASSENT_COLUMNS, "file_assent"),
};

static bool
is_answer(const char *answer)
{
    return answer != NULL &&
           (strcmp(answer, "yes") == 0 || strcmp(answer, "no") == 0 || strcmp(answer, "veto") == 0);
}

enum rc
assent_put(struct journal *journal, struct change_set *set, struct assent *assent)
{
    struct draft d = draft_start(journal, set, ENTITY_ASSENT, &assent->facts);

    draft_demand(&d, !id_is_zero(assent->cover) && !id_is_zero(assent->person),
                 _("an assent is about a cover and a colleague"));
    draft_demand(&d, is_answer(assent->answer), _("an assent is yes, no or veto"));
    draft_id(&d, 1, assent->cover);
    draft_id(&d, 2, assent->person);
    draft_slug(&d, 3, assent->answer);
    draft_date(&d, 4, assent->date);
    draft_unit(&d, 1);
    return draft_finish(&d);
}

struct assent_visit {
    assent_fn visit;
    void *context;
};

static enum rc
visit_assent(void *context, struct stmt *stmt, const struct facts *facts)
{
    const struct assent_visit *v = context;
    struct assent assent = {.facts = *facts};
    int at = FACTS_COLUMNS;

    if (!stmt_is_null(stmt, at) && !stmt_is_null(stmt, at + 1)) {
        enum rc rc = stmt_get_id(stmt, at, &assent.cover);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, at + 1, &assent.person);
        if (rc != RC_OK)
            return rc;
    }
    at += 2;
    assent.answer = stmt_get_text(stmt, at++);
    assent.date = get_u32(stmt, at++);
    return v->visit(v->context, &assent);
}

enum rc
assent_list(struct journal *journal, const struct record_filter *filter, assent_fn visit,
            void *context)
{
    struct assent_visit v = {visit, context};

    return query_run(journal, &assents, filter, visit_assent, &v);
}
