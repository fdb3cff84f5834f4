/* Agreements: who does what by when. */
#include "core/agreement.h"

#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define AGREEMENT_COLUMNS "r.text, r.kind, r.who, r.due, r.done, r.done_on, r.done_how"
static const struct query agreements = {
    ENTITY_AGREEMENT,
    LIST_SQL(AGREEMENT_COLUMNS, "file_agreement",
             "(NOT ?6 OR coalesce(r.done, 0) = 0 OR " IN_DOUBT("r", "2") ") AND (?4 = 0 OR r.due >= ?4) "
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

static struct agreement
read_agreement(struct rows *row)
{
    struct agreement agreement = {.facts = row->facts};

    agreement.text = row_text(row);
    agreement.kind = row_text(row);
    agreement.who = row_text(row);
    agreement.due = row_u32(row);
    agreement.is_done = row_is_true(row);
    agreement.done_on = row_u32(row);
    agreement.done_how = row_text(row);
    return agreement;
}

enum rc
agreement_list(struct journal *journal, const struct record_filter *filter, agreement_fn visit,
               void *context)
{
    struct rows rows = rows_list(journal, &agreements, filter);

    while (rows_next(&rows)) {
        struct agreement agreement = read_agreement(&rows);
        if (rows.rc == RC_OK)
            rows.rc = visit(context, &agreement);
    }
    return rows_finish(&rows);
}

enum rc
agreement_get(struct journal *journal, struct id id, struct agreement *out, struct texts *texts)
{
    struct rows rows = rows_one(journal, &agreements, id, texts);

    *out = (struct agreement){.facts = {.is_hidden = false}};
    if (rows_only(&rows, _("there is no such agreement here")))
        *out = read_agreement(&rows);
    return rows_finish(&rows);
}
