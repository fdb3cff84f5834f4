/* The rules of the team's own kinds: who belongs to it, with which devices and roles, and at which server. */
#include <string.h>

#include "core/i18n.h"
#include "sync/ledger_inside.h"
#include "sync/ledger_judge.h"

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

/* ---- invite, approve ---- */

static bool
may_invite(const struct judged *judged, struct id person, uint32_t roles)
{
    if (ledger_judge_author_has(judged, LEDGER_ROLE_ADMINISTRATOR) || ledger_judge_author_is(judged, person))
        return true;
    return ledger_judge_author_has(judged, LEDGER_ROLE_COORDINATOR) && (roles & LEDGER_ROLE_ADMINISTRATOR) == 0;
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
    return ledger_judge_author_has(judged, LEDGER_ROLE_ADMINISTRATOR);
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

/* ---- revoke_device ---- */

static bool
may_revoke(const struct judged *judged)
{
    const struct inside_device *device =
        ledger_inside_device(judged->ledger, judged->op->as.revoke_device);

    if (device == NULL)
        return false;
    return ledger_judge_author_has(judged, LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR) ||
           (ledger_judge_author_is(judged, device->facts.person) &&
            !id_equal(device->facts.id, judged->op->author));
}

static bool
device_is_not_revoked(const struct judged *judged)
{
    return ledger_inside_device(judged->ledger, judged->op->as.revoke_device)->facts.revoked == 0;
}

/* ---- the rules ---- */

static const struct ledger_rule_row ROWS[] = {
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
};

struct ledger_rules
ledger_rules_team(void)
{
    return (struct ledger_rules){ROWS, sizeof ROWS / sizeof ROWS[0]};
}
