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

static struct member
read_member(struct rows *row)
{
    struct member member = {.facts = row->facts};

    member.given_name = row_text(row);
    member.surname = row_text(row);
    member.birth_date = row_u32(row);
    member.relation = row_text(row);
    member.lives_where = row_text(row);
    member.phone = row_text(row);
    return member;
}

enum rc
member_list(struct journal *journal, const struct record_filter *filter, member_fn visit,
            void *context)
{
    struct rows rows = rows_list(journal, &members, filter);

    while (rows_next(&rows)) {
        struct member member = read_member(&rows);
        if (rows.rc == RC_OK)
            rows.rc = visit(context, &member);
    }
    return rows_finish(&rows);
}
