/* Families and their members: registered, changed, shown, assigned. */
#include "cli/commands.h"
#include "cli/show.h"
#include "cli/words.h"
#include "core/family.h"
#include "core/i18n.h"
#include "core/member.h"
#include "sync/ledger.h"

#include <string.h>

/* Takes over what the options say of a profile; *is_changed when they say anything. */
static enum rc
profile_options(struct call *call, struct texts *texts, struct profile *profile, bool *is_changed)
{
    const struct {
        enum option option;
        const char **field;
    } fields[] = {{OPT_SURNAME, &profile->surname},
                  {OPT_ADDRESS, &profile->address},
                  {OPT_REACH, &profile->reach},
                  {OPT_UNSAFE, &profile->unsafe}};

    *is_changed = false;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!call_has(call, fields[i].option))
            continue;
        enum rc rc = call_text(call, fields[i].option, texts, fields[i].field);
        if (rc != RC_OK)
            return rc;
        *is_changed = true;
    }
    return RC_OK;
}

/* Phase, its date and the end of the help, from the options. */
static enum rc
family_options(struct call *call, struct texts *texts, struct family *family)
{
    enum rc rc = RC_OK;

    if (call_has(call, OPT_CODE_NAME))
        rc = call_text(call, OPT_CODE_NAME, texts, &family->code_name);
    if (rc == RC_OK && call_has(call, OPT_PHASE)) {
        rc = call_own_word(call, OPT_PHASE, texts, &family->phase);
        family->since = call_today(call);
    }
    if (rc == RC_OK)
        rc = call_date(call, OPT_CLOSED, family->closed, &family->closed);
    return rc;
}

/* Puts what the options change of a family into the set. */
static enum rc
put_options(struct call *call, struct change_set *set, struct id id, struct texts *texts)
{
    struct family family;
    struct profile profile = {.facts = {.id = id, .family = id}};
    bool has_profile = false;
    enum rc rc = family_get(call->journal, id, &family, texts);

    if (rc == RC_OK)
        rc = family_options(call, texts, &family);
    if (rc == RC_OK)
        rc = family_put(call->journal, set, &family);
    if (rc == RC_OK)
        rc = profile_get(call->journal, id, &profile, texts);
    if (rc == RC_ABSENT)
        rc = RC_OK;
    if (rc == RC_OK)
        rc = profile_options(call, texts, &profile, &has_profile);
    if (rc == RC_OK && has_profile) {
        profile.facts.id = profile.facts.family = id;
        rc = profile_put(call->journal, set, &profile);
    }
    return rc;
}

/* Nobody registers a family twice without being told. */
static enum rc
refuse_known_name(struct call *call, const char *code_name)
{
    struct id known;
    enum rc rc = family_find(call->journal, code_name, &known);

    if (rc == RC_OK || rc == RC_AMBIGUOUS)
        return rc_fail(RC_EXISTS, _("there is a family called `%s` already"), code_name);
    return rc == RC_ABSENT || rc == RC_INVALID ? RC_OK : rc;
}

/* The owner that was named, else oneself: who must be a coach. */
static enum rc
read_owner(struct call *call, struct id *owner)
{
    const char *text = call_option(call, OPT_OWNER);
    enum rc rc = call_person(call, text == NULL ? "me" : text, owner);
    const struct ledger_person *person =
        rc == RC_OK ? ledger_person(replica_ledger(call->replica), *owner) : NULL;

    if (person != NULL && (person->roles & LEDGER_ROLE_COACH) == 0)
        return rc_fail(RC_INVALID,
                       text == NULL ? _("you are not a coach: name the owner with --owner PERSON")
                                    : _("the owner must be a coach"));
    return rc;
}

/* All that was typed is read and checked before the server orders anything. */
static enum rc
read_new_family(struct call *call, struct texts *texts, struct family_new *wanted)
{
    bool has_profile;
    enum rc rc = input_text(call->words[0], _("the code name"), texts, &wanted->record.code_name);

    if (rc == RC_OK)
        rc = family_options(call, texts, &wanted->record);
    if (rc == RC_OK)
        rc = profile_options(call, texts, &wanted->profile, &has_profile);
    if (rc == RC_OK)
        rc = family_check(&wanted->record);
    return rc == RC_OK ? profile_check(&wanted->profile) : rc;
}

enum rc
cmd_family_add(struct call *call)
{
    struct texts texts = TEXTS_EMPTY;
    struct family_new wanted = {.owner = {{0}}};
    struct id family = {{0}};
    enum rc rc = read_new_family(call, &texts, &wanted);

    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = refuse_known_name(call, wanted.record.code_name);
    if (rc == RC_OK)
        rc = read_owner(call, &wanted.owner);
    if (rc == RC_OK)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = replica_create_family(call->replica, &call->transport, &wanted, &family);
    if (rc == RC_OK) {
        out_object(&call->out, "family");
        out_id(&call->out, "id", _("Id"), family);
        out_text(&call->out, "code_name", _("Family"), wanted.record.code_name);
        rc = call_out_person(call, "owner", _("Owner"), wanted.owner);
        out_object_end(&call->out);
    }
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_family_edit(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct id family;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_family(call, call->words[0], &family);
    if (rc == RC_OK)
        rc = put_options(call, &set, family, &texts);
    if (rc == RC_OK)
        rc = call_save(call, &set, "family", family);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

static enum rc
list_family(void *context, const struct family *family)
{
    struct call *call = context;
    const struct ledger_family *facts =
        ledger_family(replica_ledger(call->replica), family->facts.id);
    struct id owner = facts == NULL ? (struct id){{0}} : facts->owner;

    out_row(&call->out);
    out_id(&call->out, "id", _("Id"), family->facts.id);
    out_text(&call->out, "code_name", _("Family"), family->code_name);
    enum rc rc = call_out_person(call, "owner", _("Owner"), owner);
    out_word(&call->out, "phase", _("Phase"), family->phase, words_say(family->phase));
    out_date(&call->out, "since", NULL, family->since);
    out_date(&call->out, "opened", _("Opened"), family->opened);
    out_date(&call->out, "closed", NULL, family->closed);
    out_int(&call->out, "conflicts", _("Two versions"), family->facts.conflicts);
    out_row_end(&call->out);
    return rc;
}

enum rc
cmd_family_list(struct call *call)
{
    struct record_filter filter = {.is_open_only = !call_has(call, OPT_ALL)};
    enum rc rc = call_open_team(call);

    if (rc != RC_OK)
        return rc;
    out_list(&call->out, "families", OUT_TABLE);
    rc = family_list(call->journal, &filter, list_family, call);
    out_list_end(&call->out, _("There are no families on this device."));
    return rc;
}

/* The profile is in the file: who has only the index is not told that it is missing. */
static enum rc
show_profile(struct call *call, struct id family, struct texts *texts)
{
    struct profile profile;
    enum rc rc = profile_get(call->journal, family, &profile, texts);

    if (rc == RC_ABSENT) {
        json_key(&call->out.writer, "profile");
        json_null(&call->out.writer);
        return RC_OK;
    }
    if (rc == RC_OK)
        show_profile_fields(call, &profile);
    return rc;
}

enum rc
cmd_family_show(struct call *call)
{
    struct record_filter open = {.is_open_only = true};
    struct texts texts = TEXTS_EMPTY;
    struct family family;
    const struct ledger_family *facts = NULL;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_family(call, call->words[0], &open.family);
    if (rc == RC_OK)
        rc = family_get(call->journal, open.family, &family, &texts);
    if (rc != RC_OK)
        goto out;
    facts = ledger_family(replica_ledger(call->replica), open.family);
    show_file_reach(call, open.family);
    out_object(&call->out, "family");
    out_id(&call->out, "id", _("Id"), open.family);
    out_text(&call->out, "code_name", _("Family"), family.code_name);
    rc =
        call_out_person(call, "owner", _("Owner"), facts == NULL ? (struct id){{0}} : facts->owner);
    out_word(&call->out, "phase", _("Phase"), family.phase, words_say(family.phase));
    out_date(&call->out, "since", _("Phase since"), family.since);
    out_date(&call->out, "opened", _("Opened"), family.opened);
    out_date(&call->out, "closed", _("Closed"), family.closed);
    out_int(&call->out, "conflicts", NULL, family.facts.conflicts);
    if (family.facts.conflicts > 0)
        show_remark(&call->out, &family.facts, false);
    if (rc == RC_OK)
        rc = show_profile(call, open.family, &texts);
    out_object_end(&call->out);
    if (rc == RC_OK)
        rc = show_members(call, &open);
    if (rc == RC_OK)
        rc = show_goals(call, &open);
    if (rc == RC_OK)
        rc = show_agreements(call, &open);
    out_title(&call->out, _("Judgements of safety"));
    if (rc == RC_OK)
        rc = show_safety(call, &open);
out:
    texts_wipe(&texts);
    return rc;
}

/* What its writer has not sent when the release is written down comes too late. */
static enum rc
refuse_unsent(struct call *call, struct id family)
{
    const struct ledger_family *facts = ledger_family(replica_ledger(call->replica), family);
    struct stream_waiting index = {.unsent = 0}, file = {.unsent = 0};
    enum rc rc = facts == NULL ? RC_OK : replica_waiting_in(call->replica, facts->index, &index);

    if (rc == RC_OK && facts != NULL)
        rc = replica_waiting_in(call->replica, facts->file, &file);
    if (rc == RC_OK && index.unsealed + index.unsent + file.unsealed + file.unsent > 0) {
        call->ending.advice = _("run `baken sync`, and do it again");
        return rc_fail(RC_STALE, _("what you wrote of this family is not sent yet, and would come too late once you are released"));
    }
    return rc;
}

enum rc
cmd_family_assign(struct call *call)
{
    static const char *const functions[] = {"owner", "coach", "released", NULL};
    const char *function = NULL;
    struct id family, person = {{0}};
    enum rc rc = call_word(call, OPT_FUNCTION, functions, "coach", &function);

    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_family(call, call->words[0], &family);
    if (rc == RC_OK)
        rc = call_person(call, call->words[1], &person);
    if (rc == RC_OK && strcmp(function, "released") == 0 && id_equal(person, replica_self(call->replica).person))
        rc = refuse_unsent(call, family);
    if (rc == RC_OK)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = replica_assign(call->replica, &call->transport, family, person,
                            strcmp(function, "owner") == 0   ? LEDGER_OWNER
                            : strcmp(function, "coach") == 0 ? LEDGER_COACH
                                                             : LEDGER_RELEASED);
    call_advise_role(call, rc, person, LEDGER_ROLE_COACH);
    if (rc == RC_OK)
        rc = call_out_family(call, "family", _("Family"), family);
    if (rc == RC_OK)
        rc = call_out_person(call, "person", _("Colleague"), person);
    out_word(&call->out, "function", _("Function"), function, words_say(function));
    return rc;
}

enum rc
cmd_member_add(struct call *call)
{
    static const char *const relations[] = {"mother", "father", "child", "other", NULL};
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct member member = {0};
    enum rc rc = call_date(call, OPT_BIRTH_DATE, 0, &member.birth_date);

    if (rc == RC_OK)
        rc = call_text(call, OPT_GIVEN_NAME, &texts, &member.given_name);
    if (rc == RC_OK)
        rc = call_text(call, OPT_SURNAME, &texts, &member.surname);
    if (rc == RC_OK)
        rc = call_word_or_own(call, OPT_RELATION, relations, &texts, &member.relation);
    if (rc == RC_OK)
        rc = call_text(call, OPT_LIVES, &texts, &member.lives_where);
    if (rc == RC_OK)
        rc = call_text(call, OPT_PHONE, &texts, &member.phone);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_family_to_write(call, call->words[0], &member.facts.family);
    if (rc == RC_OK)
        rc = member_put(call->journal, &set, &member);
    if (rc == RC_OK)
        rc = call_save(call, &set, "member", member.facts.id);
    if (rc == RC_OK && member.birth_date > call_today(call))
        out_notice(&call->out, "expected_child", "%s",
                   _("The date of birth lies in the future: noted as an expected child."));
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_member_list(struct call *call)
{
    struct id family;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_family(call, call->words[0], &family);
    if (rc != RC_OK)
        return rc;
    show_file_reach(call, family);
    struct record_filter filter = {.family = family, .with_hidden = call_has(call, OPT_ALL)};
    return show_members(call, &filter);
}
