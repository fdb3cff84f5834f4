/* The rules of the kinds about families: who has which, who covers, who gets keys, what late work is admitted. */
#include "core/i18n.h"
#include "sync/ledger_inside.h"
#include "sync/ledger_judge.h"

/* ---- family, assign ---- */

static bool
may_open_a_family(const struct judged *judged)
{
    struct id owner = judged->op->as.family.owner;

    return ledger_judge_author_has(judged, LEDGER_ROLE_COORDINATOR | LEDGER_ROLE_INTAKE) ||
           (ledger_judge_author_has(judged, LEDGER_ROLE_COACH) && ledger_judge_author_is(judged, owner));
}

static bool
family_ids_are_new(const struct judged *judged)
{
    const struct ledger_family_new *family = &judged->op->as.family;
    const struct id streams[] = {family->index, family->file, family->shielded};

    for (size_t i = 0; i < 3; i++)
        if (ledger_judge_is_reserved(streams[i]) ||
            ledger_inside_stream(judged->ledger, streams[i]) != NULL ||
            id_equal(streams[i], streams[(i + 1) % 3]))
            return false;
    return !ledger_judge_is_reserved(family->family) &&
           ledger_inside_family(judged->ledger, family->family) == NULL;
}

static bool
owner_is_a_coach(const struct judged *judged)
{
    struct id owner = judged->op->as.family.owner;

    return id_is_zero(owner) ||
           ledger_judge_is_active_with(judged->ledger, owner, LEDGER_ROLE_COACH);
}

static const struct inside_family *
assigned_family(const struct judged *judged)
{
    return ledger_inside_family(judged->ledger, judged->op->as.assign.family);
}

static bool
may_assign(const struct judged *judged)
{
    const struct inside_family *family = assigned_family(judged);

    return ledger_judge_author_has(judged, LEDGER_ROLE_COORDINATOR) ||
           (family != NULL && family->owned != 0 && ledger_judge_author_is(judged, family->facts.owner));
}

static bool
assigned_family_is_known(const struct judged *judged)
{
    return assigned_family(judged) != NULL;
}

static bool
function_was(const struct judged *judged)
{
    const struct ledger_assign *assign = &judged->op->as.assign;

    return ledger_inside_function(assigned_family(judged), assign->person) == assign->was;
}

static bool
function_changes(const struct judged *judged)
{
    const struct ledger_assign *assign = &judged->op->as.assign;

    return assign->function <= LEDGER_COACH && assign->function != assign->was &&
           assign->was != LEDGER_OWNER;
}

static bool
assignee_is_a_coach(const struct judged *judged)
{
    const struct ledger_assign *assign = &judged->op->as.assign;

    return assign->function == LEDGER_RELEASED ||
           ledger_judge_is_active_with(judged->ledger, assign->person, LEDGER_ROLE_COACH);
}

/* ---- cover ---- */

static bool
may_give_cover(const struct judged *judged)
{
    if (ledger_judge_author_has(judged, LEDGER_ROLE_COORDINATOR))
        return true;
    for (size_t i = 0; i < judged->op->family_count; i++) {
        const struct inside_family *family =
            ledger_inside_family(judged->ledger, judged->op->families[i]);
        if (family == NULL || family->owned == 0 || !ledger_judge_author_is(judged, family->facts.owner))
            return false;
    }
    return ledger_judge_author_has(judged, LEDGER_ROLE_COACH);
}

static bool
cover_is_new(const struct judged *judged)
{
    struct id cover = judged->op->as.cover_give.cover;

    return !ledger_judge_is_reserved(cover) && ledger_inside_cover(judged->ledger, cover) == NULL;
}

static bool
covered_families_are_known(const struct judged *judged)
{
    for (size_t i = 0; i < judged->op->family_count; i++)
        if (ledger_inside_family(judged->ledger, judged->op->families[i]) == NULL)
            return false;
    return judged->op->family_count > 0;
}

static bool
may_cover(const struct judged *judged)
{
    struct id person = judged->op->as.cover_give.person;

    for (size_t i = 0; i < judged->op->family_count; i++)
        if (id_equal(ledger_inside_family(judged->ledger, judged->op->families[i])->facts.owner,
                     person))
            return false;
    return ledger_judge_is_active_with(judged->ledger, person,
                                       LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST);
}

static bool
cover_has_a_window(const struct judged *judged)
{
    const struct ledger_cover_give *give = &judged->op->as.cover_give;

    return give->from_ms < give->until_ms &&
           give->until_ms - give->from_ms <= (uint64_t)LEDGER_COVER_MAX_DAYS * DAY_MS &&
           give->until_ms > judged->time_ms;
}

static bool
cover_has_a_scope(const struct judged *judged)
{
    uint8_t scope = judged->op->as.cover_give.scope;

    return scope == LEDGER_SCOPE_READ || scope == LEDGER_SCOPE_WRITE;
}

static const struct ledger_cover *
cover_of(const struct judged *judged)
{
    if (judged->carried != NULL)
        return judged->carried;
    const struct inside_cover *cover = ledger_inside_cover(
        judged->ledger, judged->op->kind == LEDGER_COVER_ACCEPT ? judged->op->as.cover_accept
                                                                : judged->op->as.cover_end.cover);

    return cover == NULL ? NULL : &cover->facts;
}

static bool
is_the_covering_person(const struct judged *judged)
{
    return cover_of(judged) != NULL && ledger_judge_author_is(judged, cover_of(judged)->person);
}

static bool
cover_waits(const struct judged *judged)
{
    return cover_of(judged)->state == LEDGER_COVER_GIVEN;
}

static bool
cover_is_not_over(const struct judged *judged)
{
    return judged->time_ms < cover_of(judged)->until_ms;
}

static bool
may_end_cover(const struct judged *judged)
{
    const struct ledger_cover *cover = cover_of(judged);

    if (cover == NULL)
        return false;
    if (ledger_judge_author_has(judged, LEDGER_ROLE_COORDINATOR) || ledger_judge_author_is(judged, cover->person))
        return true;
    for (size_t i = 0; i < cover->family_count; i++)
        if (ledger_judge_author_is(judged,
                      ledger_inside_family(judged->ledger, cover->families[i])->facts.owner))
            return true;
    return false;
}

static bool
cover_has_not_ended(const struct judged *judged)
{
    return cover_of(judged)->state != LEDGER_COVER_ENDED;
}

static bool
cover_ends_for_a_reason(const struct judged *judged)
{
    switch (judged->op->as.cover_end.why) {
    case LEDGER_WHY_ENDED:
        return true;
    case LEDGER_WHY_EXPIRED:
        return judged->time_ms >= cover_of(judged)->until_ms;
    case LEDGER_WHY_DECLINED:
        return cover_waits(judged) && is_the_covering_person(judged);
    default:
        return false;
    }
}

/* ---- admit ---- */

static bool
may_admit(const struct judged *judged)
{
    const struct ledger_heads *heads = &judged->op->heads;

    for (size_t i = 0; i < heads->count; i++) {
        const struct inside_stream *stream =
            ledger_inside_stream(judged->ledger, heads->items[i].stream);
        if (stream == NULL)
            return false;
        bool is_coach = stream->family != INSIDE_NO_FAMILY &&
                        ledger_judge_author_has(judged, LEDGER_ROLE_COACH) &&
                        ledger_inside_function(&judged->ledger->families[stream->family],
                                               judged->person->facts.id) != LEDGER_RELEASED;
        if (!is_coach && !ledger_judge_author_has(judged, LEDGER_ROLE_COORDINATOR))
            return false;
    }
    return true;
}

/* ---- the rules ---- */

static const struct ledger_rule_row ROWS[] = {
    {{LEDGER_FAMILY, "may_open", RC_DENIED,
      N_("A coordinator or intake opens a family, or a coach for themselves.")},
     may_open_a_family},
    {{LEDGER_FAMILY, "ids_new", RC_INVALID, N_("The ids of a family and of its streams are new.")},
     family_ids_are_new},
    {{LEDGER_FAMILY, "owner", RC_STALE, N_("The owner is an active coach, or there is none yet.")},
     owner_is_a_coach},
    {{LEDGER_FAMILY, "first_recipients", RC_STALE,
      N_("Epoch 1 of index and file goes to all who may hold it, and to the reserve.")},
     ledger_judge_first_recipients},
    {{LEDGER_ASSIGN, "family_known", RC_INVALID, N_("The family is known.")}, assigned_family_is_known},
    {{LEDGER_ASSIGN, "may_assign", RC_DENIED, N_("A coordinator or the owner assigns.")}, may_assign},
    {{LEDGER_ASSIGN, "function_was", RC_STALE,
      N_("The function that it changes is the one that stands.")},
     function_was},
    {{LEDGER_ASSIGN, "function", RC_INVALID,
      N_("It changes something, and an owner only ends by another owner.")},
     function_changes},
    {{LEDGER_ASSIGN, "assignee", RC_STALE, N_("Who is assigned is an active coach.")},
     assignee_is_a_coach},
    {{LEDGER_ASSIGN, "heads", RC_INVALID, N_("Heads name feeds of the right that it ends.")},
     ledger_judge_heads},
    {{LEDGER_ASSIGN, "share_epoch", RC_STALE, N_("What is shared is a stream's current epoch.")},
     ledger_judge_share_epoch},
    {{LEDGER_ASSIGN, "may_share", RC_DENIED, N_("Its author may hold what it shares, or the reserve.")},
     ledger_judge_may_share},
    {{LEDGER_ASSIGN, "share_recipients", RC_STALE, N_("Every recipient may hold what it gets.")},
     ledger_judge_share_recipients},
    {{LEDGER_GRANT, "share_epoch", RC_STALE, N_("What is shared is a stream's current epoch.")},
     ledger_judge_share_epoch},
    {{LEDGER_GRANT, "may_share", RC_DENIED, N_("Its author may hold what it shares, or the reserve.")},
     ledger_judge_may_share},
    {{LEDGER_GRANT, "share_recipients", RC_STALE, N_("Every recipient may hold what it gets.")},
     ledger_judge_share_recipients},
    {{LEDGER_COVER_GIVE, "families_known", RC_INVALID, N_("The families are known.")},
     covered_families_are_known},
    {{LEDGER_COVER_GIVE, "may_give", RC_DENIED,
      N_("The owner of each family, or a coordinator, gives cover.")},
     may_give_cover},
    {{LEDGER_COVER_GIVE, "cover_new", RC_INVALID, N_("The cover's id is new.")}, cover_is_new},
    {{LEDGER_COVER_GIVE, "may_cover", RC_STALE,
      N_("An active coach or behavioural scientist covers, not the owner.")},
     may_cover},
    {{LEDGER_COVER_GIVE, "window", RC_INVALID,
      N_("A cover ends after it begins and after now, within 366 days.")},
     cover_has_a_window},
    {{LEDGER_COVER_GIVE, "scope", RC_INVALID, N_("A cover reads, or reads and writes.")},
     cover_has_a_scope},
    {{LEDGER_COVER_GIVE, "share_epoch", RC_STALE, N_("What is shared is a stream's current epoch.")},
     ledger_judge_share_epoch},
    {{LEDGER_COVER_GIVE, "may_share", RC_DENIED,
      N_("Its author may hold what it shares, or the reserve.")},
     ledger_judge_may_share},
    {{LEDGER_COVER_GIVE, "share_recipients", RC_STALE, N_("Every recipient may hold what it gets.")},
     ledger_judge_share_recipients},
    {{LEDGER_COVER_ACCEPT, "covering_person", RC_DENIED, N_("The person who covers accepts.")},
     is_the_covering_person},
    {{LEDGER_COVER_ACCEPT, "cover_waits", RC_STALE,
      N_("The cover was not accepted and has not ended.")},
     cover_waits},
    {{LEDGER_COVER_ACCEPT, "cover_over", RC_INVALID, N_("The cover's time is not over.")},
     cover_is_not_over},
    {{LEDGER_COVER_END, "may_end", RC_DENIED,
      N_("An owner in it, a coordinator, or the person who covers ends it.")},
     may_end_cover},
    {{LEDGER_COVER_END, "cover_ended", RC_STALE, N_("The cover has not ended.")}, cover_has_not_ended},
    {{LEDGER_COVER_END, "why", RC_INVALID,
      N_("It ends for a reason that fits: expired after its time, declined before accepting.")},
     cover_ends_for_a_reason},
    {{LEDGER_COVER_END, "heads", RC_INVALID, N_("Heads name feeds of the right that it ends.")},
     ledger_judge_heads},
    {{LEDGER_ROTATE, "next_epoch", RC_STALE, N_("It makes the epoch after the current one.")},
     ledger_judge_next_epoch},
    {{LEDGER_ROTATE, "may_rotate", RC_DENIED,
      N_("Its author may write each stream, or may hold the reserve.")},
     ledger_judge_may_rotate},
    {{LEDGER_ROTATE, "reserve_alone", RC_INVALID,
      N_("A new reserve key comes alone, and with its public half.")},
     ledger_judge_reserve_alone},
    {{LEDGER_ROTATE, "recipients", RC_STALE,
      N_("It goes to exactly those who may hold it, the link and the reserve.")},
     ledger_judge_recipients},
    {{LEDGER_ADMIT, "some_heads", RC_INVALID, N_("It names heads, of devices that are known.")},
     ledger_judge_heads},
    {{LEDGER_ADMIT, "may_admit", RC_DENIED,
      N_("A coordinator, or a coach of each family, admits late work.")},
     may_admit},
};

struct ledger_rules
ledger_rules_family(void)
{
    return (struct ledger_rules){ROWS, sizeof ROWS / sizeof ROWS[0]};
}
