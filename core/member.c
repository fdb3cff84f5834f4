/* Members of a family. */
#include "core/member.h"

#include "core/i18n.h"
#include "core/record_inside.h"

#define MEMBER_COLUMNS "r.given_name, r.surname, r.birth_date, r.relation, r.lives_where, r.phone"
static const struct query members = {
    ENTITY_MEMBER,
    LIST_SQL(MEMBER_COLUMNS, "file_member",
             "(?4 = 0 OR r.birth_date >= ?4) AND (?5 = 0 OR r.birth_date <= ?5)",
             "r.birth_date IS NULL, r.birth_date * ?7, r.id"),
    ONE_SQL(MEMBER_COLUMNS, "file_member"),
};

enum rc
member_put(struct journal *journal, struct change_set *set, struct member *member)
{
    struct draft d = draft_start(journal, set, ENTITY_MEMBER, &member->facts);

    draft_demand(&d, !is_blank(member->given_name) || !is_blank(member->surname),
                 _("a member of the family needs a name"));
    draft_text(&d, 1, member->given_name);
    draft_text(&d, 2, member->surname);
    draft_unit(&d, 1);
    draft_date(&d, 1, member->birth_date);
    draft_unit(&d, 2);
    draft_slug(&d, 1, member->relation);
    draft_unit(&d, 3);
    draft_text(&d, 1, member->lives_where);
    draft_unit(&d, 4);
    draft_text(&d, 1, member->phone);
    draft_unit(&d, 5);
    return draft_finish(&d);
}

struct member_visit {
    member_fn visit;
    void *context;
};

static enum rc
visit_member(void *context, struct stmt *stmt, const struct facts *facts)
{
    const struct member_visit *v = context;
    struct member member = {.facts = *facts};
    int at = FACTS_COLUMNS;

    member.given_name = stmt_get_text(stmt, at++);
    member.surname = stmt_get_text(stmt, at++);
    member.birth_date = get_u32(stmt, at++);
    member.relation = stmt_get_text(stmt, at++);
    member.lives_where = stmt_get_text(stmt, at++);
    member.phone = stmt_get_text(stmt, at++);
    return v->visit(v->context, &member);
}

enum rc
member_list(struct journal *journal, const struct record_filter *filter, member_fn visit,
            void *context)
{
    struct member_visit v = {visit, context};

    return query_run(journal, &members, filter, visit_member, &v);
}

struct member_copy {
    struct member *out;
    struct texts *texts;
    bool found;
};

static enum rc
copy_member(void *context, const struct member *member)
{
    struct member_copy *c = context;
    const char **const texts[] = {&c->out->given_name, &c->out->surname, &c->out->relation,
                                  &c->out->lives_where, &c->out->phone};
    enum rc rc = RC_OK;

    *c->out = *member;
    c->found = true;
    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = texts_copy(c->texts, *texts[i], texts[i]);
    return rc;
}

enum rc
member_get(struct journal *journal, struct id id, struct member *out, struct texts *texts)
{
    struct member_copy c = {out, texts, false};
    struct record_filter filter = {.id = id};

    *out = (struct member){.facts = {.is_hidden = false}};
    enum rc rc = member_list(journal, &filter, copy_member, &c);
    if (rc == RC_OK && !c.found)
        rc = rc_fail(RC_ABSENT, _("there is no such member of a family here"));
    return rc;
}
