/* Rows of members, contacts, goals, agreements and judgements. */
#include "cli/show.h"

#include "cli/words.h"
#include "core/agreement.h"
#include "core/contact.h"
#include "core/goal.h"
#include "core/i18n.h"
#include "core/member.h"
#include "core/safety.h"
#include "core/schema.h"

#include <stdio.h>

enum { LIMIT_MOST = 100000 };

void
show_minutes(struct out *out, const char *key, const char *heading, int32_t minutes)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%02u:%02u", (unsigned)minutes / 60 % 24,
                   (unsigned)minutes % 60);
    out_text(out, key, heading, minutes < 0 ? NULL : text);
}

void
show_file_reach(struct call *call, struct id family)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_family *facts = ledger_family(ledger, family);

    if (facts != NULL &&
        !ledger_may_read(ledger, replica_self(call->replica).feed.device, facts->file,
                         (uint64_t)replica_now_ms(call->replica)))
        out_notice(&call->out, "file_not_here", "%s",
                   _("Only this family's coaches and who covers have its file: what is empty here may "
                     "be filled in there."));
}

enum rc
show_filter(struct call *call, const char *family, struct record_filter *filter)
{
    enum rc rc = call_date(call, OPT_FROM, 0, &filter->from);

    if (rc == RC_OK)
        rc = call_date(call, OPT_UNTIL, 0, &filter->until);
    if (rc == RC_OK && filter->until != 0 && filter->from > filter->until)
        rc = rc_fail(RC_INVALID, _("--until lies before --from: no day is in between"));
    if (rc == RC_OK)
        rc = call_number(call, OPT_LIMIT, 1, LIMIT_MOST, 0, &filter->limit);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK && family != NULL)
        rc = call_family(call, family, &filter->family);
    if (rc == RC_OK && family != NULL)
        show_file_reach(call, filter->family);
    filter->is_open_only = !call_has(call, OPT_ALL);
    filter->with_hidden = call_has(call, OPT_ALL);
    return rc;
}

static enum rc
take_latest(void *context, const struct deletion *deletion)
{
    struct deletion *last = context;

    if (deletion->at_ms >= last->at_ms)
        *last = *deletion;
    return RC_OK;
}

enum rc
show_deleted_by(struct call *call, uint32_t entity, const struct facts *facts, struct id *person)
{
    struct deletion last = {.at_ms = 0};
    enum rc rc = record_deletions(call->journal, facts->family, entity, facts->id, take_latest, &last);

    *person = last.person;
    return rc;
}

struct last_change {
    struct id person;
    uint64_t hlc;
};

static enum rc
take_change(void *context, const struct current *current)
{
    struct last_change *last = context;

    if (current->hlc >= last->hlc)
        *last = (struct last_change){current->person, current->hlc};
    return RC_OK;
}

/* Who changed last what is shown: the row's own word would be the deletion's, where that was later. */
static enum rc
changed_by(struct call *call, uint32_t entity, const struct facts *facts, struct id *person)
{
    const struct schema_entity *known = schema_entity(entity);
    struct last_change last = {.person = facts->changed_by};
    struct id stream;
    enum rc rc = journal_find_stream(call->journal, facts->family, known->home, &stream);

    for (size_t u = 0; rc == RC_OK && u < known->unit_count; u++)
        if (known->units[u].number != UNIT_DELETED)
            rc = journal_current(call->journal, stream, entity, facts->id, known->units[u].number, take_change, &last);
    *person = last.person;
    return rc;
}

/* Whether somebody deleted it, also where it is shown because something newer is current; `otherwise` is the remark when nobody
 * did. */
static enum rc
out_deletion(struct call *call, uint32_t entity, const struct facts *facts, const char *otherwise)
{
    struct texts texts = TEXTS_EMPTY;
    const char *by = "", *changed = "";
    char remark[600];
    struct id person, changer = {{0}};
    enum rc rc = show_deleted_by(call, entity, facts, &person);
    bool is_deleted = rc == RC_OK && !id_is_zero(person);

    if (is_deleted)
        rc = call_person_name(call, &texts, person, &by);
    if (rc == RC_OK && is_deleted && !facts->is_hidden)
        rc = changed_by(call, entity, facts, &changer);
    if (rc == RC_OK && is_deleted && !facts->is_hidden)
        rc = call_person_name(call, &texts, changer, &changed);
    if (is_deleted && facts->is_hidden)
        (void)snprintf(remark, sizeof remark, _("deleted by %s"), by);
    else if (is_deleted)
        (void)snprintf(remark, sizeof remark, _("deleted by %s, changed by %s"), by, changed);
    out_bool(&call->out, "is_deleted", NULL, facts->is_hidden);
    if (rc == RC_OK)
        rc = call_out_person(call, "deleted_by", NULL, person);
    out_text(&call->out, NULL, _("Remark"), is_deleted ? remark : otherwise);
    texts_wipe(&texts);
    return rc;
}

static enum rc
row_member(void *context, const struct member *member)
{
    struct call *call = context;
    bool is_expected = member->birth_date > call_today(call);

    out_row(&call->out);
    out_id(&call->out, "id", _("Id"), member->facts.id);
    out_text(&call->out, "given_name", _("Given name"), member->given_name);
    out_text(&call->out, "surname", _("Surname"), member->surname);
    out_date(&call->out, "birth_date", _("Born"), member->birth_date);
    out_bool(&call->out, "is_expected", NULL, is_expected);
    out_word(&call->out, "relation", _("Relation"), member->relation, words_say(member->relation));
    out_text(&call->out, "lives_where", _("Lives"), member->lives_where);
    out_text(&call->out, "phone", _("Phone"), member->phone);
    out_int(&call->out, "conflicts", NULL, member->facts.conflicts);
    enum rc rc = out_deletion(call, ENTITY_MEMBER, &member->facts,
                              member->facts.conflicts > 0 ? _("two versions") : "");
    out_row_end(&call->out);
    return rc;
}

enum rc
show_members(struct call *call, const struct record_filter *filter)
{
    out_title(&call->out, _("Members of the family"));
    out_list(&call->out, "members", OUT_TABLE);
    enum rc rc = member_list(call->journal, filter, row_member, call);
    out_list_end(&call->out, _("none"));
    return rc;
}

static enum rc
row_goal(void *context, const struct goal *goal)
{
    struct call *call = context;
    const char *status = goal->status == NULL ? "open" : goal->status;

    out_row(&call->out);
    out_id(&call->out, "id", _("Id"), goal->facts.id);
    enum rc rc = call_out_family(call, "family", _("Family"), goal->facts.family);
    out_word(&call->out, "level", _("Level"), goal->level, goal_level_say(goal->level));
    out_text(&call->out, "text", _("Goal"), goal->text);
    out_text(&call->out, "measure", _("Measure"), goal->measure);
    out_text(&call->out, "holder", _("Who"), goal->holder);
    out_date(&call->out, "deadline", _("Deadline"), goal->deadline);
    out_word(&call->out, "status", _("Status"), status, words_say(status));
    out_int(&call->out, "conflicts", NULL, goal->facts.conflicts);
    if (rc == RC_OK)
        rc = out_deletion(call, ENTITY_GOAL, &goal->facts,
                          goal->facts.conflicts > 0 ? _("two versions") : "");
    out_row_end(&call->out);
    return rc;
}

enum rc
show_goals(struct call *call, const struct record_filter *filter)
{
    out_title(&call->out, _("Goals"));
    out_list(&call->out, "goals", OUT_TABLE);
    enum rc rc = goal_list(call->journal, filter, row_goal, call);
    out_list_end(&call->out, _("none"));
    return rc;
}

static enum rc
row_agreement(void *context, const struct agreement *agreement)
{
    struct call *call = context;
    bool is_late = !agreement->is_done && agreement->due != 0 && agreement->due < call_today(call);

    out_row(&call->out);
    out_id(&call->out, "id", _("Id"), agreement->facts.id);
    enum rc rc = call_out_family(call, "family", _("Family"), agreement->facts.family);
    out_text(&call->out, "text", _("Agreement"), agreement->text);
    out_word(&call->out, "kind", _("Kind"), agreement->kind, words_say(agreement->kind));
    out_text(&call->out, "who", _("Who"), agreement->who);
    out_date(&call->out, "due", _("Due"), agreement->due);
    out_bool(&call->out, "is_done", _("Done"), agreement->is_done);
    out_date(&call->out, "done_on", NULL, agreement->done_on);
    out_text(&call->out, "done_how", NULL, agreement->done_how);
    out_bool(&call->out, "is_overdue", NULL, is_late);
    out_int(&call->out, "conflicts", NULL, agreement->facts.conflicts);
    if (rc == RC_OK)
        rc = out_deletion(call, ENTITY_AGREEMENT, &agreement->facts,
                          agreement->facts.conflicts > 0 ? _("two versions")
                          : is_late                      ? _("overdue")
                                                         : "");
    out_row_end(&call->out);
    return rc;
}

enum rc
show_agreements(struct call *call, const struct record_filter *filter)
{
    out_title(&call->out, _("Agreements"));
    out_list(&call->out, "agreements", OUT_TABLE);
    enum rc rc = agreement_list(call->journal, filter, row_agreement, call);
    out_list_end(&call->out, _("none"));
    return rc;
}

void
show_remark(struct out *out, const struct facts *facts, bool is_withdrawn)
{
    out_text(out, NULL, _("Remark"), facts->conflicts > 0 ? _("two versions") : is_withdrawn ? _("withdrawn") : "");
}

static enum rc
row_contact(void *context, const struct contact *contact)
{
    struct call *call = context;

    out_row(&call->out);
    out_id(&call->out, "id", _("Id"), contact->facts.id);
    enum rc rc = call_out_family(call, "family", _("Family"), contact->facts.family);
    out_date(&call->out, "date", _("Date"), contact->date);
    show_minutes(&call->out, "time", _("Time"), contact->time);
    out_word(&call->out, "kind", _("Kind"), contact->kind, words_say(contact->kind));
    if (rc == RC_OK)
        rc = call_out_person(call, "author", _("By"), contact->facts.author);
    out_time(&call->out, "written_at", NULL, contact->facts.written_ms);
    out_text(&call->out, "note", _("Note"), contact->note);
    out_bool(&call->out, "is_withdrawn", NULL, contact->is_withdrawn);
    out_int(&call->out, "conflicts", NULL, contact->facts.conflicts);
    show_remark(&call->out, &contact->facts, contact->is_withdrawn);
    out_row_end(&call->out);
    return rc;
}

enum rc
show_contacts(struct call *call, const struct record_filter *filter)
{
    out_list(&call->out, "visits", OUT_TABLE);
    enum rc rc = contact_list(call->journal, filter, row_contact, call);
    out_list_end(&call->out, _("There are no visits here."));
    return rc;
}

static enum rc
row_safety(void *context, const struct safety *safety)
{
    struct call *call = context;

    out_row(&call->out);
    out_id(&call->out, "id", _("Id"), safety->facts.id);
    enum rc rc = call_out_family(call, "family", _("Family"), safety->facts.family);
    out_date(&call->out, "date", _("Date"), safety->date);
    out_word(&call->out, "level", _("Safety"), safety->level, words_say(safety->level));
    out_text(&call->out, "ground", _("Ground"), safety->ground);
    out_text(&call->out, "shared_with", _("Shared with"), safety->shared_with);
    if (rc == RC_OK)
        rc = call_out_person(call, "author", _("By"), safety->facts.author);
    out_bool(&call->out, "is_withdrawn", NULL, safety->is_withdrawn);
    show_remark(&call->out, &safety->facts, safety->is_withdrawn);
    out_row_end(&call->out);
    return rc;
}

enum rc
show_safety(struct call *call, const struct record_filter *filter)
{
    out_list(&call->out, "judgements", OUT_TABLE);
    enum rc rc = safety_list(call->journal, filter, row_safety, call);
    out_list_end(&call->out, _("There are no judgements of safety here."));
    return rc;
}

void
show_profile_fields(struct call *call, const struct profile *profile)
{
    out_object(&call->out, "profile");
    out_text(&call->out, "surname", _("Surname"), profile->surname);
    out_text(&call->out, "address", _("Address"), profile->address);
    out_text(&call->out, "reach", _("How to reach"), profile->reach);
    out_text(&call->out, "unsafe", _("Unsafe on a visit"), profile->unsafe);
    out_int(&call->out, "conflicts", NULL, profile->facts.conflicts);
    if (profile->facts.conflicts > 0)
        show_remark(&call->out, &profile->facts, false);
    out_object_end(&call->out);
}
