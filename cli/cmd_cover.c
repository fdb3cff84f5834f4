/* Cover: given, accepted, listed, ended. */
#include "cli/commands.h"
#include "cli/words.h"
#include "core/absence.h"
#include "core/i18n.h"
#include "sync/ledger.h"

#include <string.h>

enum { FAMILIES = 64 };

/* The state of a cover now, as a stable word; the clock ends one that no line ended yet. */
static const char *
state_of(const struct call *call, const struct ledger_cover *cover)
{
    if (cover->state == LEDGER_COVER_ENDED)
        return cover->why == LEDGER_WHY_DECLINED  ? "declined"
               : cover->why == LEDGER_WHY_EXPIRED ? "expired"
                                                  : "ended";
    if (replica_now_ms(call->replica) >= (int64_t)cover->until_ms)
        return "expired";
    return cover->state == LEDGER_COVER_ACCEPTED ? "accepted" : "given";
}

/* What a family said to a cover and to the colleague who covers, as far as that is known here. A veto
 * is about the colleague, whatever cover it was said to. It holds until somebody writes down a yes after
 * it, which the family said no earlier than the veto. In doubt the veto holds. */
struct answers {
    struct id person, cover;
    int64_t veto_ms, yes_ms, latest_ms; /* when it was written down; 0: never */
    uint32_t veto_date, yes_date;       /* when it was said */
    char latest[8];                     /* to this cover */
};

static enum rc
take_answer(void *context, const struct assent *assent)
{
    struct answers *answers = context;
    int64_t at_ms = assent->facts.changed_ms;

    if (!id_equal(assent->person, answers->person) || assent->answer == NULL ||
        strlen(assent->answer) >= sizeof answers->latest)
        return RC_OK;
    if (strcmp(assent->answer, "veto") == 0) {
        answers->veto_ms = at_ms > answers->veto_ms ? at_ms : answers->veto_ms;
        answers->veto_date = assent->date > answers->veto_date ? assent->date : answers->veto_date;
    } else if (strcmp(assent->answer, "yes") == 0 && at_ms >= answers->yes_ms) {
        answers->yes_ms = at_ms;
        answers->yes_date = assent->date;
    }
    if (id_equal(assent->cover, answers->cover) && at_ms >= answers->latest_ms) {
        answers->latest_ms = at_ms;
        memcpy(answers->latest, assent->answer, strlen(assent->answer) + 1);
    }
    return RC_OK;
}

/* NULL when nothing was said, else yes, no or veto. */
static enum rc
answer_of(struct call *call, struct id family, struct id person, struct id cover,
          struct answers *answers, const char **answer)
{
    struct record_filter filter = {.family = family};

    *answers = (struct answers){.person = person, .cover = cover};
    enum rc rc = assent_list(call->journal, &filter, take_answer, answers);
    *answer = answers->latest[0] == '\0' ? NULL : answers->latest;
    if (answers->veto_ms > 0 &&
        (answers->yes_ms <= answers->veto_ms || answers->yes_date < answers->veto_date))
        *answer = "veto";
    return rc;
}

/* A veto of a family whose file is here blocks a new cover; a missing assent is an open point and blocks
 * nothing. */
static enum rc
refuse_vetoed(struct call *call, const struct cover_new *cover)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < cover->count; i++) {
        struct answers answers;
        const char *answer = NULL;
        rc = answer_of(call, cover->families[i], cover->person, (struct id){{0}}, &answers,
                       &answer);
        if (rc == RC_OK && answer != NULL && strcmp(answer, "veto") == 0)
            rc = rc_fail(RC_DENIED, _("a family has said that it does not want this colleague"));
    }
    return rc;
}

/* Asked again, the team's rules refuse the same: what helps is somebody else. */
static void
advise_other(struct call *call, enum rc rc, const struct cover_new *cover)
{
    call_advise_role(call, rc, cover->person, LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST);
    for (size_t i = 0; rc == RC_STALE && i < cover->count; i++) {
        const struct ledger_family *family = ledger_family(replica_ledger(call->replica), cover->families[i]);
        if (family != NULL && id_equal(family->owner, cover->person))
            call->ending.advice = _("name another colleague: nobody covers for a family of their own");
    }
}

enum rc
cmd_cover_start(struct call *call)
{
    struct id families[FAMILIES];
    struct cover_new cover = {.families = families, .may_write = !call_has(call, OPT_READ_ONLY)};
    const char *person = NULL, *from = call_option(call, OPT_FROM), *until = NULL;
    struct id id;
    enum rc rc = call_need(call, OPT_PERSON, &person);

    if (rc == RC_OK)
        rc = call_need(call, OPT_UNTIL, &until);
    if (rc == RC_OK)
        rc = call_moment(until, true, &cover.until_ms);
    if (rc == RC_OK && from != NULL)
        rc = call_moment(from, false, &cover.from_ms);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK && from == NULL)
        cover.from_ms = replica_now_ms(call->replica);
    if (rc == RC_OK && cover.until_ms <= cover.from_ms)
        rc = rc_fail(RC_INVALID, _("the cover would end before it begins"));
    if (rc == RC_OK)
        rc = call_person(call, person, &cover.person);
    for (size_t i = 0; rc == RC_OK && i < call->word_count; i++)
        rc = call_family(call, call->words[i], &families[cover.count++]);
    if (rc == RC_OK)
        rc = refuse_vetoed(call, &cover);
    bool is_carried = call_has(call, OPT_CARRY);
    if (rc == RC_OK && !is_carried)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = is_carried ? replica_cover_carry(call->replica, &cover, &id)
                        : replica_cover_give(call->replica, &call->transport, &cover, &id);
    advise_other(call, rc, &cover);
    if (rc != RC_OK)
        return rc;
    out_object(&call->out, "cover");
    out_id(&call->out, "id", _("Cover"), id);
    rc = call_out_person(call, "person", _("Colleague"), cover.person);
    out_time(&call->out, "from", _("From"), cover.from_ms);
    out_time(&call->out, "until", _("Ends"), cover.until_ms);
    out_object_end(&call->out);
    if (is_carried)
        out_line(&call->out, "%s",
                 _("Nothing was sent. `baken bundle export` takes it to the colleague's device, with the families and their keys; the "
                   "colleague imports the file, accepts with `baken cover accept`, and imports it once more."));
    else
        out_line(&call->out, "%s", _("The colleague accepts it with `baken cover accept`."));
    return rc;
}

/* The only cover that waits for this person. */
static enum rc
find_given(struct call *call, struct id *id)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_cover *cover = NULL;
    size_t count = 0;

    for (size_t i = 0; (cover = ledger_cover_at(ledger, i)) != NULL; i++)
        if (id_equal(cover->person, replica_self(call->replica).person) &&
            strcmp(state_of(call, cover), "given") == 0) {
            *id = cover->id;
            count++;
        }
    if (count == 0)
        return rc_fail(RC_ABSENT, _("no cover waits for you"));
    if (count <= 1)
        return RC_OK;
    call->ending.advice = _("name one: `baken cover list` shows their ids");
    return rc_fail(RC_AMBIGUOUS, _("more than one cover waits for you"));
}

enum rc
cmd_cover_accept(struct call *call)
{
    struct id id;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call->word_count > 0 ? call_cover(call, call->words[0], &id) : find_given(call, &id);
    const struct ledger_cover *cover = rc == RC_OK ? ledger_cover(replica_ledger(call->replica), id) : NULL;
    bool is_carried = call_has(call, OPT_CARRY) || (cover != NULL && cover->is_carried);
    if (rc == RC_OK && !is_carried)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = is_carried ? replica_cover_carry_acceptance(call->replica, id)
                        : replica_cover_accept(call->replica, &call->transport, id);
    if (rc != RC_OK)
        return rc;
    out_object(&call->out, "cover");
    out_id(&call->out, "id", _("Accepted"), id);
    out_object_end(&call->out);
    if (is_carried)
        out_line(&call->out, "%s",
                 _("Nothing was sent. Import the file that asked you once more: it brings the families. A bundle of yours takes your answer "
                   "and what you write to the colleague; the first of you who runs `baken sync` tells the team."));
    else
        out_line(&call->out, "%s",
             _("`baken sync` fetches the families; `baken cover card FAMILY` shows the card."));
    return RC_OK;
}

enum rc
cmd_cover_end(struct call *call)
{
    struct id id;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_cover(call, call->words[0], &id);
    if (rc == RC_OK)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = replica_cover_end(call->replica, &call->transport, id);
    if (rc != RC_OK)
        return rc;
    out_object(&call->out, "cover");
    out_id(&call->out, "id", _("Ended"), id);
    out_object_end(&call->out);
    return RC_OK;
}

enum rc
cmd_cover_assent(struct call *call)
{
    static const char *const answers[] = {"yes", "no", "veto", NULL};
    struct change_set set = CHANGE_SET_EMPTY;
    struct assent assent = {.answer = words_meant(call->words[2], answers)};
    const struct ledger_cover *cover = NULL;
    enum rc rc = call_date(call, OPT_DATE, call_today(call), &assent.date);

    if (rc == RC_OK && assent.answer == NULL)
        rc = rc_fail(RC_INVALID, _("the answer of a family is one of: yes, no, veto"));
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_cover(call, call->words[0], &assent.cover);
    if (rc == RC_OK)
        rc = call_family(call, call->words[1], &assent.facts.family);
    if (rc != RC_OK)
        return rc;
    cover = ledger_cover(replica_ledger(call->replica), assent.cover);
    assent.person = cover->person;
    rc = assent_put(call->journal, &set, &assent);
    if (rc == RC_OK)
        rc = call_save(call, &set, "assent", assent.facts.id);
    change_set_wipe(&set);
    return rc;
}

/* The families of a cover, with what each said to it, as far as that is known here. */
static enum rc
out_cover_families(struct call *call, const struct ledger_cover *cover)
{
    enum rc rc = RC_OK;

    out_list(&call->out, "families", OUT_TABLE);
    for (size_t i = 0; rc == RC_OK && i < cover->family_count; i++) {
        struct answers answers;
        const char *answer = NULL;
        rc = answer_of(call, cover->families[i], cover->person, cover->id, &answers, &answer);
        out_row(&call->out);
        if (rc == RC_OK)
            rc = call_out_family(call, "family", _("Family"), cover->families[i]);
        out_word(&call->out, "assent", _("Assent of the family"), answer,
                 answer == NULL ? _("open") : words_say(answer));
        out_row_end(&call->out);
    }
    out_list_end(&call->out, NULL);
    return rc;
}

/* A cover that nobody answered was asked for; "given" is the word for a consent. */
static const char *
say_state(const char *state)
{
    return strcmp(state, "given") == 0 ? _("asked") : words_say(state);
}

enum rc
cmd_cover_list(struct call *call)
{
    const struct ledger *ledger = NULL;
    const struct ledger_cover *cover = NULL;
    enum rc rc = call_open_team(call);

    if (rc != RC_OK)
        return rc;
    ledger = replica_ledger(call->replica);
    out_list(&call->out, "covers", OUT_BLOCKS);
    for (size_t i = 0; rc == RC_OK && (cover = ledger_cover_at(ledger, i)) != NULL; i++) {
        const char *state = state_of(call, cover);
        if (!call_has(call, OPT_ALL) && strcmp(state, "given") != 0 &&
            strcmp(state, "accepted") != 0)
            continue;
        out_row(&call->out);
        out_id(&call->out, "id", _("Cover"), cover->id);
        rc = call_out_person(call, "person", _("By"), cover->person);
        if (rc == RC_OK)
            rc = call_out_person(call, "given_by", _("Given by"), cover->given_by);
        out_time(&call->out, "from", _("From"), (int64_t)cover->from_ms);
        out_time(&call->out, "until", _("Ends"), (int64_t)cover->until_ms);
        out_word(&call->out, "scope", _("May"),
                 cover->scope == LEDGER_SCOPE_WRITE ? "write" : "read",
                 cover->scope == LEDGER_SCOPE_WRITE ? _("read and write") : _("only read"));
        out_word(&call->out, "state", _("State"), state, say_state(state));
        out_bool(&call->out, "carried", cover->is_carried ? _("Only by bundle as yet") : NULL, cover->is_carried);
        if (rc == RC_OK)
            rc = out_cover_families(call, cover);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, _("There are no covers."));
    return rc;
}
