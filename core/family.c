/* The family: its line in the index stream, its profile in the file. */
#include "core/family.h"

#include "core/i18n.h"
#include "core/record_inside.h"
#include "core/text.h"

#define FAMILY_COLUMNS "r.code_name, r.phase, r.since, r.opened, r.closed"
static const struct query families = {
    ENTITY_FAMILY,
    LIST_SQL(FAMILY_COLUMNS, "index_family", "r.id = t.family AND (NOT ?6 OR r.closed IS NULL OR " IN_DOUBT("r", "3") ")",
             "r.code_name COLLATE NOCASE, r.id"),
    ONE_SQL(FAMILY_COLUMNS, "index_family"),
};

static enum rc
draft_family(struct draft *d, const struct family *family)
{
    draft_demand(d, !is_blank(family->code_name), _("a family needs a code name"));
    draft_demand(d, family->closed == 0 || family->opened <= family->closed,
                 _("a family is closed after it was opened"));
    draft_text(d, 1, family->code_name);
    draft_unit(d, 1);
    draft_slug(d, 1, family->phase);
    draft_date(d, 2, family->since);
    draft_unit(d, 2);
    draft_date(d, 1, family->opened);
    draft_date(d, 2, family->closed);
    draft_unit(d, 3);
    return draft_finish(d);
}

enum rc
family_put(struct journal *journal, struct change_set *set, const struct family *family)
{
    struct facts facts = {.id = family->facts.id, .family = family->facts.id};
    struct draft d = draft_start(journal, set, ENTITY_FAMILY, &facts);

    return draft_family(&d, family);
}

enum rc
family_check(const struct family *family)
{
    struct draft d = draft_check(ENTITY_FAMILY);

    return draft_family(&d, family);
}

static struct family
read_family(struct rows *row)
{
    struct family family = {.facts = row->facts};

    family.code_name = row_text(row);
    family.phase = row_text(row);
    family.since = row_u32(row);
    family.opened = row_u32(row);
    family.closed = row_u32(row);
    return family;
}

enum rc
family_list(struct journal *journal, const struct record_filter *filter, family_fn visit,
            void *context)
{
    struct rows rows = rows_list(journal, &families, filter);

    while (rows_next(&rows)) {
        struct family family = read_family(&rows);
        if (rows.rc == RC_OK)
            rows.rc = visit(context, &family);
    }
    return rows_finish(&rows);
}

enum rc
family_get(struct journal *journal, struct id family, struct family *out, struct texts *texts)
{
    struct rows rows = rows_one(journal, &families, family, texts);

    *out = (struct family){.facts = {.is_hidden = false}};
    if (rows_only(&rows, _("there is no such family here")))
        *out = read_family(&rows);
    return rows_finish(&rows);
}

struct family_search {
    const char *text;
    struct id id;
    size_t found;
};

static enum rc
match_family(void *context, const struct family *family)
{
    struct family_search *search = context;

    if (family->code_name != NULL && text_equal_folded(family->code_name, search->text)) {
        search->id = family->facts.id;
        search->found++;
    }
    return RC_OK;
}

enum rc
family_find(struct journal *journal, const char *text, struct id *family)
{
    struct family_search search = {.text = text};
    struct record_filter all = {.limit = 0};
    struct facts facts;
    enum rc rc = family_list(journal, &all, match_family, &search);

    *family = search.id;
    if (rc != RC_OK || search.found == 1)
        return rc;
    if (search.found > 1)
        return rc_fail(RC_AMBIGUOUS, _("more than one family is called %s"), text);
    rc = record_find(journal, ENTITY_FAMILY, text, &facts);
    *family = facts.id;
    if (rc == RC_INVALID || rc == RC_ABSENT)
        rc = rc_fail(RC_ABSENT, _("no family here is called %s"), text);
    return rc;
}

/* ---- the profile ---------------------------------------------------------------------------- */

#define PROFILE_COLUMNS "r.surname, r.address, r.reach, r.unsafe"
static const struct query profiles = {
    ENTITY_PROFILE,
    LIST_SQL(PROFILE_COLUMNS, "file_profile", "r.id = t.family", "r.rid"),
    ONE_SQL(PROFILE_COLUMNS, "file_profile"),
};

static enum rc
draft_profile(struct draft *d, const struct profile *profile)
{
    const char *const texts[] = {profile->surname, profile->address, profile->reach,
                                 profile->unsafe};

    for (uint32_t unit = 1; unit <= 4; unit++) {
        draft_text(d, 1, texts[unit - 1]);
        draft_unit(d, unit);
    }
    return draft_finish(d);
}

enum rc
profile_put(struct journal *journal, struct change_set *set, const struct profile *profile)
{
    struct facts facts = {.id = profile->facts.family, .family = profile->facts.family};
    struct draft d = draft_start(journal, set, ENTITY_PROFILE, &facts);

    return draft_profile(&d, profile);
}

enum rc
profile_check(const struct profile *profile)
{
    struct draft d = draft_check(ENTITY_PROFILE);

    return draft_profile(&d, profile);
}

bool
profile_is_empty(const struct profile *profile)
{
    return is_blank(profile->surname) && is_blank(profile->address) && is_blank(profile->reach) &&
           is_blank(profile->unsafe);
}

static struct profile
read_profile(struct rows *row)
{
    struct profile profile = {.facts = row->facts};

    profile.surname = row_text(row);
    profile.address = row_text(row);
    profile.reach = row_text(row);
    profile.unsafe = row_text(row);
    return profile;
}

enum rc
profile_get(struct journal *journal, struct id family, struct profile *out, struct texts *texts)
{
    struct rows rows = rows_one(journal, &profiles, family, texts);

    *out = (struct profile){.facts = {.is_hidden = false}};
    if (rows_only(&rows, _("nothing was written about this family yet")))
        *out = read_profile(&rows);
    return rows_finish(&rows);
}
