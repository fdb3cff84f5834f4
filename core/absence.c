/* Absences of colleagues, and assents of families. */
#include "core/absence.h"

#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define ABSENCE_COLUMNS "r.person, r.from_date, r.until_date, r.kind, r.note"
static const struct query absences = {
    ENTITY_ABSENCE,
    LIST_SQL(ABSENCE_COLUMNS, "team_absence",
             "(?4 = 0 OR r.until_date >= ?4 OR (?6 AND " IN_DOUBT("r", "1") ")) AND (?5 = 0 OR r.from_date <= ?5)",
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

static struct absence
read_absence(struct rows *row)
{
    struct absence absence = {.facts = row->facts};

    absence.person = row_id(row);
    absence.from = row_u32(row);
    absence.until = row_u32(row);
    absence.kind = row_text(row);
    absence.note = row_text(row);
    return absence;
}

enum rc
absence_list(struct journal *journal, const struct record_filter *filter, absence_fn visit,
             void *context)
{
    struct rows rows = rows_list(journal, &absences, filter);

    while (rows_next(&rows)) {
        struct absence absence = read_absence(&rows);
        if (rows.rc == RC_OK)
            rows.rc = visit(context, &absence);
    }
    return rows_finish(&rows);
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

static struct assent
read_assent(struct rows *row)
{
    struct assent assent = {.facts = row->facts};

    assent.cover = row_id(row);
    assent.person = row_id(row);
    assent.answer = row_text(row);
    assent.date = row_u32(row);
    return assent;
}

enum rc
assent_list(struct journal *journal, const struct record_filter *filter, assent_fn visit,
            void *context)
{
    struct rows rows = rows_list(journal, &assents, filter);

    while (rows_next(&rows)) {
        struct assent assent = read_assent(&rows);
        if (rows.rc == RC_OK)
            rows.rc = visit(context, &assent);
    }
    return rows_finish(&rows);
}
