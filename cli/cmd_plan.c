/* The plan of a family and what surrounds it: goals, agreements, judgements of safety, absences. */
#include "cli/commands.h"
#include "cli/show.h"
#include "cli/words.h"
#include "core/absence.h"
#include "core/agreement.h"
#include "core/goal.h"
#include "core/i18n.h"
#include "core/safety.h"
#include "core/schema.h"

#include <string.h>

/* Only what is typed here must be on the list: a level that came from elsewhere stays. */
static enum rc
level_option(const struct call *call, const char **level)
{
    const char *known[GOAL_LEVELS + 1] = {NULL};

    for (size_t i = 0; i < GOAL_LEVELS; i++)
        known[i] = goal_level_at(i)->slug;
    return call_word(call, OPT_LEVEL, known, *level, level);
}

/* What the options say replaces what the goal had. */
static enum rc
goal_options(struct call *call, struct texts *texts, struct goal *goal)
{
    static const char *const statuses[] = {"open", "reached", "dropped", NULL};
    enum rc rc = call_date(call, OPT_DEADLINE, goal->deadline, &goal->deadline);

    if (rc == RC_OK && call_has(call, OPT_MEASURE))
        rc = call_text(call, OPT_MEASURE, texts, &goal->measure);
    if (rc == RC_OK && call_has(call, OPT_HOLDER))
        rc = call_text(call, OPT_HOLDER, texts, &goal->holder);
    if (rc == RC_OK)
        rc = level_option(call, &goal->level);
    if (rc == RC_OK)
        rc = call_word(call, OPT_STATUS, statuses, goal->status, &goal->status);
    return rc;
}

enum rc
cmd_goal_add(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct goal goal = {.status = "open"};
    enum rc rc = goal_options(call, &texts, &goal);

    if (rc == RC_OK)
        rc = call_note(call, NOTE_NEEDED, &texts, &goal.text);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_family_to_write(call, call->words[0], &goal.facts.family);
    if (rc == RC_OK)
        rc = goal_put(call->journal, &set, &goal);
    if (rc == RC_OK)
        rc = call_save(call, &set, "goal", goal.facts.id);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_goal_edit(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct facts facts;
    struct goal goal;
    const char *text = NULL;
    enum rc rc = call_note(call, NOTE_IF_NAMED, &texts, &text);

    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_record(call, ENTITY_GOAL, _("goal"), call->words[0], &facts);
    if (rc == RC_OK)
        rc = goal_get(call->journal, facts.id, &goal, &texts);
    if (rc == RC_OK)
        rc = goal_options(call, &texts, &goal);
    if (rc == RC_OK && text != NULL)
        goal.text = text;
    if (rc == RC_OK)
        rc = goal_put(call->journal, &set, &goal);
    if (rc == RC_OK)
        rc = call_save(call, &set, "goal", facts.id);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_goal_list(struct call *call)
{
    struct record_filter filter = {0};
    enum rc rc = show_filter(call, call->word_count > 0 ? call->words[0] : NULL, &filter);

    return rc == RC_OK ? show_goals(call, &filter) : rc;
}

enum rc
cmd_agreement_add(struct call *call)
{
    static const char *const kinds[] = {"advised", "agreed", "prescribed", NULL};
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct agreement agreement = {0};
    enum rc rc = call_word(call, OPT_KIND, kinds, "agreed", &agreement.kind);

    if (rc == RC_OK)
        rc = call_date(call, OPT_DUE, 0, &agreement.due);
    if (rc == RC_OK)
        rc = call_text(call, OPT_WHO, &texts, &agreement.who);
    if (rc == RC_OK)
        rc = call_note(call, NOTE_NEEDED, &texts, &agreement.text);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_family_to_write(call, call->words[0], &agreement.facts.family);
    if (rc == RC_OK)
        rc = agreement_put(call->journal, &set, &agreement);
    if (rc == RC_OK)
        rc = call_save(call, &set, "agreement", agreement.facts.id);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_agreement_done(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct facts facts;
    struct agreement agreement;
    const char *how = NULL;
    uint32_t date = 0;
    enum rc rc = call_date(call, OPT_DATE, call_today(call), &date);

    if (rc == RC_OK)
        rc = call_text(call, OPT_HOW, &texts, &how);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_record(call, ENTITY_AGREEMENT, _("agreement"), call->words[0], &facts);
    if (rc == RC_OK)
        rc = agreement_get(call->journal, facts.id, &agreement, &texts);
    if (rc == RC_OK) {
        agreement.is_done = true;
        agreement.done_on = date;
        agreement.done_how = how;
        rc = agreement_put(call->journal, &set, &agreement);
    }
    if (rc == RC_OK)
        rc = call_save(call, &set, "agreement", facts.id);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_agreement_list(struct call *call)
{
    struct record_filter filter = {0};
    enum rc rc = show_filter(call, call->word_count > 0 ? call->words[0] : NULL, &filter);

    return rc == RC_OK ? show_agreements(call, &filter) : rc;
}

enum rc
cmd_safety_set(struct call *call)
{
    static const char *const levels[] = {"safe", "worry", "unsafe", NULL};
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct safety safety = {.level = words_meant(call->words[1], levels)};
    enum rc rc = safety.level != NULL
                     ? RC_OK
                     : rc_fail(RC_INVALID, _("the level of safety is one of: safe, worry, unsafe"));

    if (rc == RC_OK)
        rc = call_date(call, OPT_DATE, call_today(call), &safety.date);
    if (rc == RC_OK)
        rc = call_text(call, OPT_SHARED_WITH, &texts, &safety.shared_with);
    if (rc == RC_OK)
        rc = call_note(call, NOTE_NEEDED, &texts, &safety.ground);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_family_to_write(call, call->words[0], &safety.facts.family);
    if (rc == RC_OK)
        rc = safety_put(call->journal, &set, replica_self(call->replica).person, &safety);
    if (rc == RC_OK)
        rc = call_save(call, &set, "judgement", safety.facts.id);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_safety_list(struct call *call)
{
    struct record_filter filter = {.newest_first = true};
    enum rc rc = show_filter(call, call->words[0], &filter);

    return rc == RC_OK ? show_safety(call, &filter) : rc;
}

enum rc
cmd_absence_add(struct call *call)
{
    static const char *const kinds[] = {"leave", "ill", "other", NULL};
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct absence absence = {.kind = "leave"};
    const char *person = call_option(call, OPT_PERSON);
    const char *needed = NULL;
    enum rc rc = call_need(call, OPT_FROM, &needed);

    if (rc == RC_OK)
        rc = call_need(call, OPT_UNTIL, &needed);
    if (rc == RC_OK)
        rc = call_date(call, OPT_FROM, 0, &absence.from);
    if (rc == RC_OK)
        rc = call_date(call, OPT_UNTIL, 0, &absence.until);
    if (rc == RC_OK && absence.until < absence.from)
        rc = rc_fail(RC_INVALID, _("the last day lies before the first"));
    if (rc == RC_OK)
        rc = call_word_or_own(call, OPT_KIND, kinds, &texts, &absence.kind);
    if (rc == RC_OK)
        rc = call_note(call, NOTE_IF_NAMED, &texts, &absence.note);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_person(call, person == NULL ? "me" : person, &absence.person);
    if (rc == RC_OK)
        rc = absence_put(call->journal, &set, &absence);
    if (rc == RC_OK)
        rc = call_save(call, &set, "absence", absence.facts.id);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

static enum rc
row_absence(void *context, const struct absence *absence)
{
    struct call *call = context;

    out_row(&call->out);
    out_id(&call->out, "id", _("Id"), absence->facts.id);
    enum rc rc = call_out_person(call, "person", _("Colleague"), absence->person);
    out_date(&call->out, "from", _("From"), absence->from);
    out_date(&call->out, "until", _("Until"), absence->until);
    out_word(&call->out, "kind", _("Kind"), absence->kind, words_say(absence->kind));
    out_text(&call->out, "note", _("Note"), absence->note);
    show_remark(&call->out, &absence->facts, false);
    out_row_end(&call->out);
    return rc;
}

enum rc
cmd_absence_list(struct call *call)
{
    struct record_filter filter = {0};
    enum rc rc = show_filter(call, NULL, &filter);

    if (rc != RC_OK)
        return rc;
    /* Who was away is history: without a period only what is and what comes. */
    filter.is_open_only = filter.from == 0 && !call_has(call, OPT_ALL);
    if (filter.is_open_only)
        filter.from = call_today(call);
    out_list(&call->out, "absences", OUT_TABLE);
    rc = absence_list(call->journal, &filter, row_absence, call);
    out_list_end(&call->out, _("Nobody is away."));
    return rc;
}
