/* The family: its line in the index stream, its profile in the file. */
#include "core/family.h"

#include "core/i18n.h"
#include "core/record_inside.h"
#include "core/text.h"

#define FAMILY_COLUMNS "r.code_name, r.phase, r.since, r.opened, r.closed"
static const struct query families = {
    ENTITY_FAMILY,
    LIST_SQL(FAMILY_COLUMNS, "index_family", "(NOT ?6 OR r.closed IS NULL)",
             "r.code_name COLLATE NOCASE, r.id"),
    ONE_SQL(FAMILY_COLUMNS, "index_family"),
};

enum rc
family_put(struct journal *journal, struct change_set *set, const struct family *family)
{
    struct facts facts = {.id = family->facts.id, .family = family->facts.id};
    struct draft d = draft_start(journal, set, ENTITY_FAMILY, &facts);

    draft_demand(&d, !id_is_zero(family->facts.id), _("no family is named"));
    draft_demand(&d, !is_blank(family->code_name), _("a family needs a code name"));
    draft_demand(&d, family->closed == 0 || family->opened <= family->closed,
                 _("a family is closed after it was opened"));
    draft_text(&d, 1, family->code_name);
    draft_unit(&d, 1);
    draft_slug(&d, 1, family->phase);
    draft_date(&d, 2, family->since);
    draft_unit(&d, 2);
    draft_date(&d, 1, family->opened);
    draft_date(&d, 2, family->closed);
    draft_unit(&d, 3);
    return draft_finish(&d);
}

struct family_visit {
    family_fn visit;
    void *context;
};

static enum rc
visit_family(void *context, struct stmt *stmt, const struct facts *facts)
{
    const struct family_visit *v = context;
    struct family family = {
        .facts = *facts,
        .code_name = stmt_get_text(stmt, FACTS_COLUMNS),
        .phase = stmt_get_text(stmt, FACTS_COLUMNS + 1),
        .since = get_u32(stmt, FACTS_COLUMNS + 2),
        .opened = get_u32(stmt, FACTS_COLUMNS + 3),
        .closed = get_u32(stmt, FACTS_COLUMNS + 4),
    };

    return v->visit(v->context, &family);
}

enum rc
family_list(struct journal *journal, const struct record_filter *filter, family_fn visit,
            void *context)
{
    struct family_visit v = {visit, context};

    return query_run(journal, &families, filter, visit_family, &v);
}

struct family_copy {
    struct family *out;
    struct texts *texts;
    bool found;
};

static enum rc
copy_family(void *context, const struct family *family)
{
    struct family_copy *c = context;

    *c->out = *family;
    c->found = true;
    enum rc rc = texts_copy(c->texts, family->code_name, &c->out->code_name);
    return rc == RC_OK ? texts_copy(c->texts, family->phase, &c->out->phase) : rc;
}

enum rc
family_get(struct journal *journal, struct id family, struct family *out, struct texts *texts)
{
    struct family_copy c = {out, texts, false};
    struct record_filter filter = {.id = family};

    *out = (struct family){.since = 0};
    enum rc rc = family_list(journal, &filter, copy_family, &c);
    if (rc == RC_OK && !c.found)
        rc = rc_fail(RC_ABSENT, _("there is no such family here"));
    return rc;
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
    LIST_SQL(PROFILE_COLUMNS, "file_profile", "1", "r.rid"),
    ONE_SQL(PROFILE_COLUMNS, "file_profile"),
};

enum rc
profile_put(struct journal *journal, struct change_set *set, const struct profile *profile)
{
    struct facts facts = {.id = profile->facts.family, .family = profile->facts.family};
    struct draft d = draft_start(journal, set, ENTITY_PROFILE, &facts);
    const char *const texts[] = {profile->surname, profile->address, profile->reach,
                                 profile->unsafe};

    for (uint32_t unit = 1; unit <= 4; unit++) {
        draft_text(&d, 1, texts[unit - 1]);
        draft_unit(&d, unit);
    }
    return draft_finish(&d);
}

struct profile_copy {
    struct profile *out;
    struct texts *texts;
    bool found;
};

static enum rc
copy_profile(void *context, struct stmt *stmt, const struct facts *facts)
{
    struct profile_copy *c = context;
    const char **const to[] = {&c->out->surname, &c->out->address, &c->out->reach, &c->out->unsafe};
    enum rc rc = RC_OK;

    c->out->facts = *facts;
    c->found = true;
    for (int i = 0; rc == RC_OK && i < 4; i++)
        rc = texts_copy(c->texts, stmt_get_text(stmt, FACTS_COLUMNS + i), to[i]);
    return rc;
}

enum rc
profile_get(struct journal *journal, struct id family, struct profile *out, struct texts *texts)
{
    struct profile_copy c = {out, texts, false};
    struct record_filter filter = {.id = family};

    *out = (struct profile){.surname = NULL};
    enum rc rc = query_run(journal, &profiles, &filter, copy_profile, &c);
    if (rc == RC_OK && !c.found)
        rc = rc_fail(RC_ABSENT, _("nothing was written about this family yet"));
    return rc;
}
