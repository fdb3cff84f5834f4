/* The table of rules: what must hold for an operation to be the next line of the ledger.
 * docs/PROTOCOL.md, section 3, says the same in words. */
#include <string.h>

#include "core/i18n.h"
#include "sync/ledger_inside.h"
#include "sync/ledger_judge.h"

static const uint8_t ZEROS[CRYPTO_HASH_BYTES];

static bool
author_has(const struct judged *judged, uint32_t roles)
{
    return judged->person != NULL && (judged->person->facts.roles & roles) != 0;
}

static bool
author_is(const struct judged *judged, struct id person)
{
    return judged->person != NULL && id_equal(judged->person->facts.id, person);
}

/* ---- every kind ---- */

static bool
is_first(const struct judged *judged)
{
    return (judged->op->kind == LEDGER_CREATE_TEAM) == (judged->ledger->lines_count == 0);
}

static bool
is_of_this_team(const struct judged *judged)
{
    const uint8_t *team = judged->op->kind == LEDGER_CREATE_TEAM ? ZEROS : judged->ledger->team;

    return memcmp(judged->op->team, team, CRYPTO_HASH_BYTES) == 0;
}

static bool
author_is_active(const struct judged *judged)
{
    return judged->op->kind == LEDGER_CREATE_TEAM ||
           (judged->author != NULL && ledger_inside_is_active(judged->ledger, judged->author));
}

static bool
is_signed(const struct judged *judged)
{
    const uint8_t *key = judged->op->kind == LEDGER_CREATE_TEAM
                             ? judged->op->as.create_team.sign_public
                             : judged->author->facts.sign_public;

    return ledger_op_verify(judged->bytes, judged->len, key);
}

static bool
saw_this_past(const struct judged *judged)
{
    const struct ledger_op *op = judged->op;

    if (op->kind == LEDGER_CREATE_TEAM)
        return op->seen == 0 && memcmp(op->seen_hash, ZEROS, sizeof ZEROS) == 0;
    return op->seen >= 1 && op->seen <= judged->ledger->lines_count &&
           memcmp(op->seen_hash, judged->ledger->lines[op->seen - 1].hash, CRYPTO_HASH_BYTES) == 0;
}

static bool
is_in_time(const struct judged *judged)
{
    return judged->op->not_after_ms == 0 || judged->time_ms <= judged->op->not_after_ms;
}

static bool
names_the_reserve_epoch(const struct judged *judged)
{
    const struct inside_stream *reserve = ledger_inside_stream(judged->ledger, ledger_reserve());
    bool names = false;

    for (size_t i = 0; i < judged->op->part_count; i++)
        for (size_t k = 0; k < judged->op->parts[i].recipient_count; k++)
            names = names || id_equal(judged->op->parts[i].recipients[k], ledger_reserve());
    return judged->op->reserve_epoch == (names && reserve != NULL ? reserve->facts.epoch : 0);
}

static bool
has_parts_by_kind(const struct judged *judged)
{
    switch (judged->op->kind) {
    case LEDGER_CREATE_TEAM:
    case LEDGER_APPROVE:
    case LEDGER_FAMILY:
    case LEDGER_GRANT:
    case LEDGER_ROTATE:
        return judged->op->part_count > 0;
    case LEDGER_ASSIGN:
    case LEDGER_COVER_GIVE:
        return true;
    default:
        return judged->op->part_count == 0;
    }
}

static bool
names_boxes(const struct judged *judged)
{
    bool none = memcmp(judged->op->boxes_hash, ZEROS, sizeof ZEROS) == 0;

    return none == (judged->op->part_count == 0);
}

/* ---- create_team ---- */

static bool
is_its_own_author(const struct judged *judged)
{
    const struct ledger_create_team *create = &judged->op->as.create_team;

    return id_equal(judged->op->author,
                    identity_device_id(create->sign_public, create->box_public));
}

static bool
creator_has_roles(const struct judged *judged)
{
    const uint32_t needed = LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR;

    return (judged->op->as.create_team.roles & needed) == needed;
}

static bool
creates_two_epochs(const struct judged *judged)
{
    const struct ledger_op *op = judged->op;
    struct id team_stream = op->as.create_team.team_stream;

    /* The reserve's id is the highest of all, so its part comes last. */
    return op->part_count == 2 && !ledger_judge_is_reserved(team_stream) &&
           id_equal(op->parts[0].stream, team_stream) &&
           id_equal(op->parts[1].stream, ledger_reserve()) &&
           ledger_judge_makes(&op->parts[0], 1, &op->author, 1) &&
           ledger_judge_makes(&op->parts[1], 1, &op->author, 1);
}

static bool
keys_are_sound(const struct judged *judged)
{
    const struct ledger_op *op = judged->op;

    switch (op->kind) {
    case LEDGER_CREATE_TEAM:
        return crypto_sign_public_is_sound(op->as.create_team.sign_public) &&
               crypto_box_public_is_sound(op->as.create_team.box_public) &&
               crypto_box_public_is_sound(op->as.create_team.reserve_public) &&
               crypto_sign_public_is_sound(op->as.create_team.server_public);
    case LEDGER_APPROVE:
        return crypto_sign_public_is_sound(op->as.approve.request.sign_public) &&
               crypto_box_public_is_sound(op->as.approve.request.box_public);
    case LEDGER_ROTATE:
        return !op->as.rotate.has_reserve ||
               crypto_box_public_is_sound(op->as.rotate.reserve_public);
    case LEDGER_SERVER:
        return crypto_sign_public_is_sound(op->as.server.server_public);
    default:
        return true;
    }
}

/* ---- invite, approve ---- */

static bool
may_invite(const struct judged *judged, struct id person, uint32_t roles)
{
    if (author_has(judged, LEDGER_ROLE_ADMINISTRATOR) || author_is(judged, person))
        return true;
    return author_has(judged, LEDGER_ROLE_COORDINATOR) && (roles & LEDGER_ROLE_ADMINISTRATOR) == 0;
}

/* A person who is known keeps the roles that stand; a new one needs some. */
static bool
roles_stand(const struct judged *judged, struct id id, uint32_t roles)
{
    const struct inside_person *person = ledger_inside_person(judged->ledger, id);

    return roles != 0 && (person == NULL || person->facts.roles == roles);
}

static bool
inviter_may(const struct judged *judged)
{
    return may_invite(judged, judged->op->as.invite.person, judged->op->as.invite.roles);
}

static bool
invite_expires(const struct judged *judged)
{
    uint64_t expires = judged->op->as.invite.expires_ms;

    return expires > judged->time_ms &&
           expires - judged->time_ms <= (uint64_t)LEDGER_INVITE_MAX_DAYS * DAY_MS;
}

static bool
invite_is_new(const struct judged *judged)
{
    return ledger_inside_invite(judged->ledger, judged->op->as.invite.invite_public) == NULL;
}

static bool
invited_roles_stand(const struct judged *judged)
{
    return !id_is_zero(judged->op->as.invite.person) &&
           roles_stand(judged, judged->op->as.invite.person, judged->op->as.invite.roles);
}

static const struct ledger_invitation *
invitation_of(const struct judged *judged)
{
    const struct inside_invite *invite =
        ledger_inside_invite(judged->ledger, judged->op->as.approve.request.invite_public);

    return invite == NULL ? NULL : &invite->facts;
}

static bool
is_own_invitation(const struct judged *judged)
{
    const struct ledger_invitation *invitation = invitation_of(judged);

    return invitation != NULL && id_equal(invitation->device, judged->op->author) &&
           may_invite(judged, invitation->person, invitation->roles);
}

static bool
invitation_is_unused(const struct judged *judged)
{
    return invitation_of(judged)->used == 0;
}

static bool
invitation_has_not_expired(const struct judged *judged)
{
    return judged->time_ms < invitation_of(judged)->expires_ms;
}

static bool
approved_roles_stand(const struct judged *judged)
{
    return roles_stand(judged, invitation_of(judged)->person, invitation_of(judged)->roles);
}

static bool
request_holds(const struct judged *judged)
{
    const struct joining_request *request = &judged->op->as.approve.request;

    return memcmp(request->team, judged->ledger->team, CRYPTO_HASH_BYTES) == 0 &&
           joining_request_verify(request);
}

static struct id
approved_device(const struct judged *judged)
{
    const struct joining_request *request = &judged->op->as.approve.request;

    return identity_device_id(request->sign_public, request->box_public);
}

static bool
device_is_new(const struct judged *judged)
{
    struct id device = approved_device(judged);

    return ledger_inside_device(judged->ledger, device) == NULL &&
           !ledger_judge_is_reserved(device);
}

static bool
shares_the_team_stream(const struct judged *judged)
{
    const struct inside_stream *team =
        ledger_inside_stream(judged->ledger, judged->ledger->team_stream);
    const struct ledger_part *part = &judged->op->parts[0];

    return judged->op->part_count == 1 && !part->makes && id_equal(part->stream, team->facts.id) &&
           part->epoch == team->facts.epoch && part->recipient_count == 1 &&
           id_equal(part->recipients[0], approved_device(judged));
}

/* ---- role, server ---- */

static bool
is_administrator(const struct judged *judged)
{
    return author_has(judged, LEDGER_ROLE_ADMINISTRATOR);
}

static bool
role_was(const struct judged *judged)
{
    const struct inside_person *person =
        ledger_inside_person(judged->ledger, judged->op->as.role.person);

    return person != NULL && person->facts.roles == judged->op->as.role.was;
}

static bool
role_changes(const struct judged *judged)
{
    return judged->op->as.role.was != judged->op->as.role.roles;
}

/* ---- family, assign ---- */

static bool
may_open_a_family(const struct judged *judged)
{
    struct id owner = judged->op->as.family.owner;

    return author_has(judged, LEDGER_ROLE_COORDINATOR | LEDGER_ROLE_INTAKE) ||
           (author_has(judged, LEDGER_ROLE_COACH) && author_is(judged, owner));
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

    return author_has(judged, LEDGER_ROLE_COORDINATOR) ||
           (family != NULL && family->owned != 0 && author_is(judged, family->facts.owner));
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
    if (author_has(judged, LEDGER_ROLE_COORDINATOR))
        return true;
    for (size_t i = 0; i < judged->op->family_count; i++) {
        const struct inside_family *family =
            ledger_inside_family(judged->ledger, judged->op->families[i]);
        if (family == NULL || family->owned == 0 || !author_is(judged, family->facts.owner))
            return false;
    }
    return author_has(judged, LEDGER_ROLE_COACH);
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
    const struct inside_cover *cover = ledger_inside_cover(
        judged->ledger, judged->op->kind == LEDGER_COVER_ACCEPT ? judged->op->as.cover_accept
                                                                : judged->op->as.cover_end.cover);

    return cover == NULL ? NULL : &cover->facts;
}

static bool
is_the_covering_person(const struct judged *judged)
{
    return cover_of(judged) != NULL && author_is(judged, cover_of(judged)->person);
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
    if (author_has(judged, LEDGER_ROLE_COORDINATOR) || author_is(judged, cover->person))
        return true;
    for (size_t i = 0; i < cover->family_count; i++)
        if (author_is(judged,
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

/* ---- revoke_device, admit ---- */

static bool
may_revoke(const struct judged *judged)
{
    const struct inside_device *device =
        ledger_inside_device(judged->ledger, judged->op->as.revoke_device);

    if (device == NULL)
        return false;
    return author_has(judged, LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR) ||
           (author_is(judged, device->facts.person) &&
            !id_equal(device->facts.id, judged->op->author));
}

static bool
device_is_not_revoked(const struct judged *judged)
{
    return ledger_inside_device(judged->ledger, judged->op->as.revoke_device)->facts.revoked == 0;
}

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
                        author_has(judged, LEDGER_ROLE_COACH) &&
                        ledger_inside_function(&judged->ledger->families[stream->family],
                                               judged->person->facts.id) != LEDGER_RELEASED;
        if (!is_coach && !author_has(judged, LEDGER_ROLE_COORDINATOR))
            return false;
    }
    return true;
}

/* ---- the table ---- */

#define EVERY LEDGER_KIND_COUNT

static const struct {
    struct ledger_rule rule;
    bool (*holds)(const struct judged *judged);
} RULES[] = {
    {{EVERY, "first", RC_INVALID, N_("The first line, and no other, creates the team.")}, is_first},
    {{EVERY, "team", RC_INVALID, N_("The operation names this team.")}, is_of_this_team},
    {{EVERY, "author", RC_DENIED, N_("Its author is an active device.")}, author_is_active},
    {{EVERY, "signature", RC_INVALID, N_("Its author's signature holds.")}, is_signed},
    {{EVERY, "seen", RC_STALE, N_("Its author had read this ledger: the line it names stands below.")},
     saw_this_past},
    {{EVERY, "in_time", RC_STALE, N_("The line's time is not after the one that its author set.")},
     is_in_time},
    {{EVERY, "parts", RC_INVALID, N_("Key parts stand where the kind has them, and nowhere else.")},
     has_parts_by_kind},
    {{EVERY, "boxes", RC_INVALID, N_("A set of boxes is named exactly when there are key parts.")},
     names_boxes},
    {{EVERY, "keys", RC_INVALID, N_("Public keys are canonical and of no small order.")},
     keys_are_sound},
    {{EVERY, "reserve_epoch", RC_STALE, N_("Boxes for the reserve are made for its current epoch.")},
     names_the_reserve_epoch},
    {{LEDGER_CREATE_TEAM, "creator", RC_INVALID, N_("Its author is the device that it names.")},
     is_its_own_author},
    {{LEDGER_CREATE_TEAM, "creator_roles", RC_INVALID,
      N_("The first person is administrator and coordinator.")},
     creator_has_roles},
    {{LEDGER_CREATE_TEAM, "first_keys", RC_INVALID,
      N_("It makes epoch 1 of team stream and reserve, for its author.")},
     creates_two_epochs},
    {{LEDGER_INVITE, "may_invite", RC_DENIED,
      N_("An administrator invites anybody, a coordinator all but administrators, a person a device "
      "of their own.")},
     inviter_may},
    {{LEDGER_INVITE, "invite_expiry", RC_INVALID, N_("An invitation ends after now, within 30 days.")},
     invite_expires},
    {{LEDGER_INVITE, "invite_new", RC_INVALID, N_("An invite key is used for one invitation.")},
     invite_is_new},
    {{LEDGER_INVITE, "invite_roles", RC_STALE,
      N_("There are roles; those of a known person are as they stand.")},
     invited_roles_stand},
    {{LEDGER_APPROVE, "own_invite", RC_DENIED,
      N_("The device that invited approves, if it still may invite so.")},
     is_own_invitation},
    {{LEDGER_APPROVE, "used", RC_INVALID, N_("An invitation serves once.")}, invitation_is_unused},
    {{LEDGER_APPROVE, "expired", RC_INVALID, N_("The invitation has not expired.")},
     invitation_has_not_expired},
    {{LEDGER_APPROVE, "approve_roles", RC_STALE,
      N_("The roles of a known person are still those of the invitation.")},
     approved_roles_stand},
    {{LEDGER_APPROVE, "request", RC_INVALID,
      N_("The request is for this team and both its signatures hold.")},
     request_holds},
    {{LEDGER_APPROVE, "device_new", RC_INVALID, N_("A device joins once.")}, device_is_new},
    {{LEDGER_APPROVE, "approve_key", RC_STALE,
      N_("It shares the team stream's current epoch with the new device.")},
     shares_the_team_stream},
    {{LEDGER_ROLE, "administrator", RC_DENIED, N_("An administrator gives roles.")}, is_administrator},
    {{LEDGER_ROLE, "role_was", RC_STALE, N_("The roles that it changes are those that stand.")},
     role_was},
    {{LEDGER_ROLE, "role_changes", RC_INVALID, N_("It changes something.")}, role_changes},
    {{LEDGER_ROLE, "administrator_remains", RC_INVALID, N_("An active administrator remains.")},
     ledger_judge_administrator_remains},
    {{LEDGER_ROLE, "heads", RC_INVALID, N_("Heads name feeds of that person's devices.")},
     ledger_judge_heads},
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
    {{LEDGER_REVOKE_DEVICE, "may_revoke", RC_DENIED,
      N_("An administrator, a coordinator, or another device of the same person revokes.")},
     may_revoke},
    {{LEDGER_REVOKE_DEVICE, "not_revoked", RC_STALE, N_("The device is not revoked yet.")},
     device_is_not_revoked},
    {{LEDGER_REVOKE_DEVICE, "administrator_remains", RC_INVALID,
      N_("An active administrator remains.")},
     ledger_judge_administrator_remains},
    {{LEDGER_REVOKE_DEVICE, "heads", RC_INVALID, N_("Heads name feeds of that device.")},
     ledger_judge_heads},
    {{LEDGER_SERVER, "administrator", RC_DENIED, N_("An administrator names the server.")},
     is_administrator},
    {{LEDGER_ADMIT, "some_heads", RC_INVALID, N_("It names heads, of devices that are known.")},
     ledger_judge_heads},
    {{LEDGER_ADMIT, "may_admit", RC_DENIED,
      N_("A coordinator, or a coach of each family, admits late work.")},
     may_admit},
};

enum { RULE_COUNT = sizeof RULES / sizeof RULES[0] };

const struct ledger_rule *
ledger_rule_at(size_t index)
{
    return index < RULE_COUNT ? &RULES[index].rule : NULL;
}

/* The demand for people, and the rule's name for whoever helps them. */
static enum rc
tell_rule(const struct ledger_rule *demand, enum ledger_kind kind)
{
    const char *text = _(demand->demand);
    size_t len = strlen(text);

    if (len > 0 && text[len - 1] == '.')
        len--;
    return rc_fail(demand->code, _("this rule of the team does not hold: %.*s (%s, %s)"), (int)len, text,
                   ledger_kind_name(kind), demand->name);
}

enum rc
ledger_inside_judge(const struct ledger *ledger, const struct ledger_op *op, const void *bytes,
                    size_t len, uint64_t time_ms, const char **rule)
{
    struct ledger_ids scratch = LEDGER_IDS_EMPTY;
    enum rc trouble = RC_OK;
    struct judged judged = {ledger, op,       bytes,
                            len,    time_ms,  ledger_inside_device(ledger, op->author),
                            NULL,   &scratch, &trouble};
    enum rc rc = RC_OK;

    if (judged.author != NULL)
        judged.person = &ledger->persons[judged.author->person];
    *rule = NULL;
    for (size_t i = 0; i < RULE_COUNT && rc == RC_OK; i++) {
        const struct ledger_rule *demand = &RULES[i].rule;
        if ((demand->kind != EVERY && demand->kind != op->kind) || RULES[i].holds(&judged))
            continue;
        rc = trouble;
        if (rc != RC_OK)
            break; /* memory ran out while judging: no verdict */
        *rule = demand->name;
        rc = tell_rule(demand, op->kind);
    }
    ledger_ids_wipe(&scratch);
    return rc;
}
