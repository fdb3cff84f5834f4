/* Tests of the ledger: every rule once kept and once broken, and the history of rights. */
#include "sync/ledger.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ledger_inside.h"
#include "tests/support/team.h"

enum {
    ADMIN = LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR,
    COACH = LEDGER_ROLE_COACH,
};

static int
set_up(void **state)
{
    static struct team team;

    team_start(&team);
    *state = &team;
    return 0;
}

static int
tear_down(void **state)
{
    team_end(*state);
    return 0;
}

static void
assert_refused(const struct team *team, enum rc got, enum rc expected, const char *rule)
{
    assert_int_equal(got, expected);
    assert_non_null(team->rule);
    assert_string_equal(team->rule, rule);
}

static struct id
device_of(const struct team *team, size_t member)
{
    return team->members[member].identity.device;
}

static struct id
file_of(const struct team *team, struct id family)
{
    return ledger_family(team->ledger, family)->file;
}

static struct id
index_of(const struct team *team, struct id family)
{
    return ledger_family(team->ledger, family)->index;
}

/* ---- rules ---- */

static void
a_team_begins_with_its_first_line(void **state)
{
    struct team *team = *state;

    assert_int_equal(ledger_position(team->ledger), 1);
    assert_true(ledger_device_is_active(team->ledger, device_of(team, 0)));
    assert_memory_equal(ledger_server_public(team->ledger), team->server_public, 32);
    assert_memory_equal(ledger_server_public_at(team->ledger, 1), team->server_public, 32);
    assert_string_equal(ledger_server_address(team->ledger), "https://baken.example.org");
    assert_int_equal(ledger_stream(team->ledger, ledger_reserve())->epoch, 1);
    uint8_t hash[32];
    ledger_op_hash(team->last_op.data, team->last_op.len, hash);
    assert_memory_equal(ledger_team(team->ledger), hash, 32);
    assert_int_equal(ledger_find_op(team->ledger, hash), 1);
}

static void
a_line_that_was_altered_breaks_the_ledger(void **state)
{
    struct team *team = *state;
    struct buf line = BUF_EMPTY(1 << 20);
    struct ledger_op op = LEDGER_OP_EMPTY;

    op.kind = LEDGER_SERVER;
    memcpy(op.as.server.server_public, team->server_public, 32);
    (void)snprintf(op.as.server.address, sizeof op.as.server.address, "https://elsewhere");
    ledger_address(team->ledger, &op);
    assert_ok(ledger_op_sign(&op, &team->members[0].identity, NULL, &team->last_op));
    assert_ok(ledger_next_line(team->ledger, team->last_op.data, team->last_op.len, 5, &line));
    for (size_t i = 0; i < line.len; i++) {
        line.data[i] ^= 1;
        enum rc rc = ledger_append(team->ledger, line.data, line.len);
        line.data[i] ^= 1;
        /* The server's time alone is not signed by the author. */
        if (i >= 40 && i < 48) {
            assert_ok(rc);
            return (void)(ledger_op_wipe(&op), buf_wipe(&line));
        }
        assert_true(rc == RC_UNTRUSTED || rc == RC_UNSUPPORTED);
        assert_int_equal(ledger_position(team->ledger), 1);
    }
    fail();
}

static void
an_operation_counts_once(void **state)
{
    struct team *team = *state;
    struct ledger_verdict verdict;
    struct id family;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, coach, (int)coach, &family));
    assert_int_equal(
        ledger_check(team->ledger, team->last_op.data, team->last_op.len, team->now_ms, &verdict),
        RC_EXISTS);
    assert_int_equal(verdict.position, ledger_position(team->ledger));
}

static void
only_an_active_device_of_the_team_writes(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    size_t second = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_revoke(team, 0, coach, NULL));
    assert_refused(team, team_family(team, coach, (int)second, &family), RC_DENIED, "author");
    assert_ok(team_role(team, 0, second, 0));
    assert_refused(team, team_family(team, second, TEAM_NOBODY, &family), RC_DENIED, "author");
}

static enum rc
submit_changed(struct team *team, void (*change)(struct ledger_op *op))
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct ledger_verdict verdict;

    op.kind = LEDGER_SERVER;
    memcpy(op.as.server.server_public, team->server_public, 32);
    (void)snprintf(op.as.server.address, sizeof op.as.server.address, "https://elsewhere");
    ledger_address(team->ledger, &op);
    change(&op);
    assert_ok(ledger_op_sign(&op, &team->members[0].identity, NULL, &team->last_op));
    enum rc rc =
        ledger_check(team->ledger, team->last_op.data, team->last_op.len, team->now_ms, &verdict);
    team->rule = verdict.rule;
    ledger_op_wipe(&op);
    return rc;
}

static void
change_nothing(struct ledger_op *op)
{
    (void)op;
}
static void
change_team(struct ledger_op *op)
{
    op->team[0] ^= 1;
}
static void
change_seen(struct ledger_op *op)
{
    op->seen++;
}
static void
change_seen_hash(struct ledger_op *op)
{
    op->seen_hash[0] ^= 1;
}
static void
change_not_after(struct ledger_op *op)
{
    op->not_after_ms = 1;
}
static void
change_reserve_epoch(struct ledger_op *op)
{
    op->reserve_epoch = 1;
}
static void
change_key(struct ledger_op *op)
{
    memset(op->as.server.server_public, 0, 32);
}
static void
change_parts(struct ledger_op *op)
{
    struct ledger_part *part;
    assert_ok(ledger_op_add_part(op, op->nonce, 1, &part));
    assert_ok(ledger_part_add_recipient(part, op->author));
}
static void
change_kind(struct ledger_op *op)
{
    struct ledger_create_team create = {
        .roles = 3, .name = {.epoch = 1, .len = 80}, .label = {.epoch = 1, .len = 80}};
    create.address[0] = 'x';
    op->kind = LEDGER_CREATE_TEAM;
    op->as.create_team = create;
}

static void
the_rules_of_every_kind_are_kept(void **state)
{
    struct team *team = *state;

    assert_ok(submit_changed(team, change_nothing));
    assert_refused(team, submit_changed(team, change_team), RC_INVALID, "team");
    assert_refused(team, submit_changed(team, change_seen), RC_STALE, "seen");
    assert_refused(team, submit_changed(team, change_seen_hash), RC_STALE, "seen");
    assert_refused(team, submit_changed(team, change_not_after), RC_STALE, "in_time");
    assert_refused(team, submit_changed(team, change_reserve_epoch), RC_STALE, "reserve_epoch");
    assert_refused(team, submit_changed(team, change_key), RC_INVALID, "keys");
    assert_refused(team, submit_changed(team, change_parts), RC_INVALID, "parts");
    assert_refused(team, submit_changed(team, change_kind), RC_INVALID, "first");
    assert_ok(submit_changed(team, change_nothing));
    team->last_op.data[team->last_op.len - 1] ^= 1;
    struct ledger_verdict verdict;
    assert_int_equal(ledger_check(team->ledger, team->last_op.data, team->last_op.len, 1, &verdict),
                     RC_INVALID);
    assert_string_equal(verdict.rule, "signature");
}

static enum rc
invite(struct team *team, size_t author, struct id person, uint32_t roles, uint64_t expires_ms)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct secret seed = SECRET_EMPTY;

    op.kind = LEDGER_INVITE;
    op.as.invite =
        (struct ledger_invite){.person = person, .roles = roles, .expires_ms = expires_ms};
    op.as.invite.name = ledger_person_at(team->ledger, 0)->name;
    assert_ok(joining_invite_key(&seed, op.as.invite.invite_public));
    secret_wipe(&seed);
    return team_submit(team, author, &op, NULL);
}

static void
invitations_keep_their_rules(void **state)
{
    struct team *team = *state;
    uint64_t soon = team->now_ms + 1;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    size_t coordinator = team_join(team, LEDGER_ROLE_COORDINATOR, TEAM_NOBODY);
    struct id of_coach = team->members[coach].person;

    assert_ok(invite(team, coordinator, id_random(), COACH, soon));
    assert_refused(team, invite(team, coordinator, id_random(), ADMIN, soon), RC_DENIED,
                   "may_invite");
    assert_refused(team, invite(team, coach, id_random(), COACH, soon), RC_DENIED, "may_invite");
    assert_ok(invite(team, coach, of_coach, COACH, soon));
    assert_refused(team, invite(team, 0, of_coach, ADMIN, soon), RC_STALE, "invite_roles");
    assert_refused(team, invite(team, 0, id_random(), 0, soon), RC_STALE, "invite_roles");
    assert_refused(team, invite(team, 0, id_random(), COACH, team->now_ms), RC_INVALID,
                   "invite_expiry");
    assert_refused(team,
                   invite(team, 0, id_random(), COACH, team->now_ms + 31 * (uint64_t)TEAM_DAY_MS),
                   RC_INVALID, "invite_expiry");
    assert_int_equal(invite(team, 0, id_random(), 64, soon + 9), RC_UNSUPPORTED);
}

struct approval {
    struct joining_invitation invitation;
    struct identity newcomer;
    size_t approver;
    uint32_t epoch;
    bool spoil;
};

static enum rc
approve(struct team *team, struct approval *approval)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;

    op.kind = LEDGER_APPROVE;
    assert_ok(joining_request_make(&approval->invitation, &approval->newcomer, 7,
                                   &op.as.approve.request));
    op.as.approve.request.created_ms += approval->spoil;
    op.as.approve.label = ledger_device_at(team->ledger, 0)->label;
    struct keyring_recipient to = {approval->newcomer.device, approval->newcomer.box_public};
    struct keyring_epoch epoch = {ledger_team_stream(team->ledger), approval->epoch, &to, 1, NULL};
    assert_ok(keyring_share(team->keys, &epoch, &op, &boxes));
    return team_submit(team, approval->approver, &op, &boxes);
}

static void
approvals_keep_their_rules(void **state)
{
    struct team *team = *state;
    struct approval approval = {.newcomer = IDENTITY_EMPTY, .epoch = 1};
    size_t other = team_join(team, ADMIN, TEAM_NOBODY);
    struct ledger_op op = LEDGER_OP_EMPTY;

    memcpy(approval.invitation.team, ledger_team(team->ledger), 32);
    assert_ok(identity_make(&approval.newcomer));
    op.kind = LEDGER_INVITE;
    op.as.invite = (struct ledger_invite){
        .person = id_random(), .roles = COACH, .expires_ms = team->now_ms + TEAM_DAY_MS};
    op.as.invite.name = ledger_person_at(team->ledger, 0)->name;
    assert_ok(joining_invite_key(&approval.invitation.seed, op.as.invite.invite_public));
    assert_ok(team_submit(team, 0, &op, NULL));

    approval.approver = other;
    assert_refused(team, approve(team, &approval), RC_DENIED, "own_invite");
    approval.approver = 0;
    approval.spoil = true;
    assert_refused(team, approve(team, &approval), RC_INVALID, "request");
    approval.spoil = false;
    team->now_ms += TEAM_DAY_MS;
    assert_refused(team, approve(team, &approval), RC_INVALID, "expired");
    team->now_ms -= TEAM_DAY_MS;
    assert_ok(team_rotate(team, 0, ledger_team_stream(team->ledger)));
    assert_refused(team, approve(team, &approval), RC_STALE, "approve_key");
    approval.epoch = 2;
    assert_ok(team_role(team, other, 0, LEDGER_ROLE_COACH));
    assert_refused(team, approve(team, &approval), RC_DENIED, "own_invite");
    assert_ok(team_role(team, other, 0, ADMIN));
    assert_ok(approve(team, &approval));
    assert_refused(team, approve(team, &approval), RC_INVALID, "used");
    identity_wipe(&approval.newcomer);
    joining_invitation_wipe(&approval.invitation);
}

static void
an_old_invitation_gives_no_device_of_somebody_who_rose_since(void **state)
{
    struct team *team = *state;
    struct approval approval = {.newcomer = IDENTITY_EMPTY, .epoch = 1};
    size_t coordinator = team_join(team, LEDGER_ROLE_COORDINATOR, TEAM_NOBODY);
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    struct ledger_op op = LEDGER_OP_EMPTY;

    memcpy(approval.invitation.team, ledger_team(team->ledger), 32);
    assert_ok(identity_make(&approval.newcomer));
    op.kind = LEDGER_INVITE;
    op.as.invite = (struct ledger_invite){
        .person = team->members[coach].person, .roles = COACH, .expires_ms = team->now_ms + 9};
    op.as.invite.name = ledger_person_at(team->ledger, 0)->name;
    assert_ok(joining_invite_key(&approval.invitation.seed, op.as.invite.invite_public));
    assert_ok(team_submit(team, coordinator, &op, NULL));
    assert_ok(team_role(team, 0, coach, LEDGER_ROLE_ADMINISTRATOR));
    approval.approver = coordinator;
    assert_refused(team, approve(team, &approval), RC_STALE, "approve_roles");
    identity_wipe(&approval.newcomer);
    joining_invitation_wipe(&approval.invitation);
}

static void
roles_are_given_by_administrators_and_one_remains(void **state)
{
    struct team *team = *state;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    struct ledger_op op = LEDGER_OP_EMPTY;

    assert_refused(team, team_role(team, coach, coach, ADMIN), RC_DENIED, "administrator");
    assert_refused(team, team_role(team, 0, 0, COACH), RC_INVALID, "administrator_remains");
    assert_refused(team, team_role(team, 0, coach, COACH), RC_INVALID, "role_changes");
    assert_ok(team_role(team, 0, coach, COACH | LEDGER_ROLE_ADMINISTRATOR));
    op.kind = LEDGER_ROLE;
    op.as.role = (struct ledger_role_change){team->members[coach].person, COACH, 0};
    assert_refused(team, team_submit(team, 0, &op, NULL), RC_STALE, "role_was");
    assert_ok(team_role(team, coach, 0, 0));
    assert_false(ledger_device_is_active(team->ledger, device_of(team, 0)));
    assert_refused(team, team_revoke(team, coach, coach, NULL), RC_INVALID,
                   "administrator_remains");
}

static void
families_keep_their_rules(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    size_t other = team_join(team, COACH, TEAM_NOBODY);
    size_t intake = team_join(team, LEDGER_ROLE_INTAKE, TEAM_NOBODY);

    assert_ok(team_family(team, coach, (int)coach, &family));
    assert_ok(team_family(team, 0, (int)coach, &family));
    assert_ok(team_family(team, intake, TEAM_NOBODY, &family));
    assert_refused(team, team_family(team, coach, (int)other, &family), RC_DENIED, "may_open");
    assert_refused(team, team_family(team, coach, TEAM_NOBODY, &family), RC_DENIED, "may_open");
    assert_refused(team, team_family(team, 0, 0, &family), RC_STALE, "owner");
    assert_true(ledger_may_read(team->ledger, device_of(team, intake),
                                ledger_family_at(team->ledger, 2)->file, team->now_ms));
    assert_ok(team_assign(team, 0, ledger_family_at(team->ledger, 2)->id, coach, LEDGER_OWNER));
    assert_false(ledger_may_read(team->ledger, device_of(team, intake),
                                 ledger_family_at(team->ledger, 2)->file, team->now_ms));
    assert_true(ledger_rotation_is_owed(team->ledger, ledger_family_at(team->ledger, 2)->file,
                                        team->now_ms));
}

static void
assignments_keep_their_rules(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    size_t intake = team_join(team, LEDGER_ROLE_INTAKE, TEAM_NOBODY);
    struct ledger_op op = LEDGER_OP_EMPTY;

    assert_ok(team_family(team, owner, (int)owner, &family));
    assert_refused(team, team_assign(team, coach, family, coach, LEDGER_COACH), RC_DENIED,
                   "may_assign");
    assert_refused(team, team_assign(team, owner, family, intake, LEDGER_COACH), RC_STALE,
                   "assignee");
    assert_ok(team_assign(team, owner, family, coach, LEDGER_COACH));
    assert_refused(team, team_assign(team, owner, family, coach, LEDGER_COACH), RC_INVALID,
                   "function");
    assert_refused(team, team_assign(team, 0, family, owner, LEDGER_RELEASED), RC_INVALID,
                   "function");
    assert_refused(team, team_assign(team, 0, id_random(), owner, LEDGER_COACH), RC_INVALID,
                   "family_known");
    op.kind = LEDGER_ASSIGN;
    op.as.assign = (struct ledger_assign){family, team->members[coach].person, 0, LEDGER_OWNER};
    assert_refused(team, team_submit(team, 0, &op, NULL), RC_STALE, "function_was");
    assert_ok(team_assign(team, 0, family, coach, LEDGER_OWNER));
    assert_int_equal(ledger_function(team->ledger, family, team->members[owner].person),
                     LEDGER_COACH);
    assert_ok(team_assign(team, coach, family, owner, LEDGER_RELEASED));
    assert_false(ledger_is_coach(team->ledger, family, team->members[owner].person));
}

static void
a_share_may_travel_with_its_reason_and_with_no_other(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    size_t other = team_join(team, COACH, TEAM_NOBODY);
    assert_ok(team_family(team, owner, (int)owner, &family));

    for (size_t to = 2; to < 4; to++) {
        struct ledger_op op = LEDGER_OP_EMPTY;
        struct wire_boxes boxes = WIRE_BOXES_EMPTY;
        struct keyring_recipient recipient = {device_of(team, to),
                                              team->members[to].identity.box_public};
        struct keyring_epoch epoch = {file_of(team, family), 1, &recipient, 1, NULL};
        op.kind = LEDGER_ASSIGN;
        op.as.assign = (struct ledger_assign){family, team->members[coach].person, 0, LEDGER_COACH};
        assert_ok(keyring_share(team->keys, &epoch, &op, &boxes));
        enum rc rc = team_submit(team, owner, &op, &boxes);
        if (to == coach) {
            assert_ok(rc);
            assert_ok(team_assign(team, owner, family, coach, LEDGER_RELEASED));
        } else {
            assert_refused(team, rc, RC_STALE, "share_recipients");
        }
    }
    assert_false(
        ledger_may_hold(team->ledger, device_of(team, other), file_of(team, family), team->now_ms));
}

static void
grants_keep_their_rules(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    struct ledger_op op = LEDGER_OP_EMPTY;

    assert_ok(team_family(team, owner, (int)owner, &family));
    assert_int_equal(team_grant(team, 0), RC_ABSENT);
    assert_ok(team_assign(team, owner, family, coach, LEDGER_COACH));
    assert_ok(ledger_grants_due(team->ledger, team->now_ms, &due));
    assert_int_equal(due.count, 2);
    assert_refused(team, team_grant(team, team_join(team, COACH, TEAM_NOBODY)), RC_DENIED,
                   "may_share");
    assert_ok(team_grant(team, 0)); /* a coordinator, by the reserve */
    assert_int_equal(team_grant(team, 0), RC_ABSENT);
    op.kind = LEDGER_GRANT;
    assert_refused(team, team_submit(team, 0, &op, NULL), RC_INVALID, "parts");
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct keyring_recipient to = {device_of(team, coach),
                                   team->members[coach].identity.box_public};
    struct keyring_epoch epoch = {file_of(team, family), 1, &to, 1, NULL};
    op.kind = LEDGER_GRANT;
    assert_ok(keyring_share(team->keys, &epoch, &op, &boxes));
    assert_ok(team_rotate(team, owner, file_of(team, family)));
    assert_refused(team, team_submit(team, owner, &op, &boxes), RC_STALE, "share_epoch");
    ledger_pairs_wipe(&due);
}

static void
covers_keep_their_rules(void **state)
{
    struct team *team = *state;
    struct id family;
    struct id cover;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t colleague = team_join(team, COACH, TEAM_NOBODY);
    size_t intake = team_join(team, LEDGER_ROLE_INTAKE, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    assert_refused(team, team_cover(team, colleague, family, colleague, 7, &cover), RC_DENIED,
                   "may_give");
    assert_refused(team, team_cover(team, owner, family, owner, 7, &cover), RC_STALE, "may_cover");
    assert_refused(team, team_cover(team, owner, family, intake, 7, &cover), RC_STALE, "may_cover");
    assert_refused(team, team_cover(team, owner, family, colleague, 0, &cover), RC_INVALID,
                   "window");
    assert_refused(team, team_cover(team, owner, family, colleague, 367, &cover), RC_INVALID,
                   "window");
    assert_refused(team, team_cover(team, owner, id_random(), colleague, 7, &cover), RC_INVALID,
                   "families_known");
    assert_ok(team_cover(team, owner, family, colleague, 7, &cover));
    assert_refused(team, team_accept(team, owner, cover), RC_DENIED, "covering_person");
    assert_refused(team, team_end_cover(team, owner, cover, LEDGER_WHY_EXPIRED, NULL), RC_INVALID,
                   "why");
    assert_refused(team, team_end_cover(team, owner, cover, LEDGER_WHY_DECLINED, NULL), RC_INVALID,
                   "why");
    team->now_ms += 7 * (uint64_t)TEAM_DAY_MS;
    assert_refused(team, team_accept(team, colleague, cover), RC_INVALID, "cover_over");
    team->now_ms -= 1;
    assert_ok(team_accept(team, colleague, cover));
    assert_refused(team, team_accept(team, colleague, cover), RC_STALE, "cover_waits");
    assert_refused(team, team_end_cover(team, intake, cover, LEDGER_WHY_ENDED, NULL), RC_DENIED,
                   "may_end");
    struct ledger_head foreign = {file_of(team, family), device_of(team, owner), 1, 1, {0}};
    assert_refused(team, team_end_cover(team, owner, cover, LEDGER_WHY_ENDED, &foreign), RC_INVALID,
                   "heads");
    team->now_ms += 1;
    assert_ok(team_end_cover(team, colleague, cover, LEDGER_WHY_EXPIRED, NULL));
    assert_refused(team, team_end_cover(team, owner, cover, LEDGER_WHY_ENDED, NULL), RC_STALE,
                   "cover_ended");
}

static void
rotations_keep_their_rules(void **state)
{
    struct team *team = *state;
    struct id family;
    struct ledger_ids owed = LEDGER_IDS_EMPTY;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t coach = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    assert_refused(team, team_rotate(team, coach, file_of(team, family)), RC_DENIED, "may_rotate");
    assert_ok(team_assign(team, owner, family, coach, LEDGER_COACH));
    assert_ok(team_grant(team, owner));
    assert_ok(team_assign(team, owner, family, coach, LEDGER_RELEASED));
    assert_ok(ledger_rotations_owed(team->ledger, team->now_ms, &owed));
    assert_int_equal(owed.count, 2);
    assert_ok(team_rotate(team, owner, file_of(team, family)));
    assert_ok(team_rotate(team, 0, index_of(team, family)));
    assert_ok(ledger_rotations_owed(team->ledger, team->now_ms, &owed));
    assert_int_equal(owed.count, 0);
    assert_refused(team, team_rotate(team, owner, ledger_reserve()), RC_DENIED, "may_rotate");
    assert_ok(team_rotate(team, 0, ledger_reserve()));
    assert_ok(ledger_rotations_owed(team->ledger, team->now_ms, &owed));
    assert_int_equal(owed.count, 2); /* their boxes for the reserve are of the old one */
    assert_int_equal(
        ledger_epoch_at(team->ledger, file_of(team, family), ledger_position(team->ledger)), 2);
    assert_int_equal(ledger_epoch_at(team->ledger, file_of(team, family), 1), 0);
    ledger_ids_wipe(&owed);
}

static void
revoking_keeps_its_rules(void **state)
{
    struct team *team = *state;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    size_t second = team_join(team, COACH, (int)coach);
    size_t other = team_join(team, COACH, TEAM_NOBODY);

    assert_refused(team, team_revoke(team, other, coach, NULL), RC_DENIED, "may_revoke");
    assert_refused(team, team_revoke(team, coach, coach, NULL), RC_DENIED, "may_revoke");
    assert_ok(team_revoke(team, coach, second, NULL));
    assert_refused(team, team_revoke(team, 0, second, NULL), RC_STALE, "not_revoked");
    assert_true(ledger_person_is_active(team->ledger, team->members[coach].person));
}

/* ---- reading and holding ---- */

static void
a_cover_reads_while_it_lasts_and_no_longer(void **state)
{
    struct team *team = *state;
    struct id family;
    struct id cover;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t colleague = team_join(team, COACH, TEAM_NOBODY);
    struct id device = device_of(team, colleague);

    assert_ok(team_family(team, owner, (int)owner, &family));
    struct id file = file_of(team, family);
    assert_ok(team_cover(team, owner, family, colleague, 7, &cover));
    uint64_t until = ledger_cover(team->ledger, cover)->until_ms;
    assert_true(ledger_may_hold(team->ledger, device, file, team->now_ms));
    assert_false(ledger_may_read(team->ledger, device, file, team->now_ms));
    assert_false(ledger_may_fetch(team->ledger, device, file, device, team->now_ms));
    /* A coordinator may fetch the file's reserve box while this grant is due, and only then. */
    assert_true(
        ledger_may_fetch(team->ledger, device_of(team, 0), file, ledger_reserve(), team->now_ms));
    assert_ok(team_grant(team, owner));
    assert_false(
        ledger_may_fetch(team->ledger, device_of(team, 0), file, ledger_reserve(), team->now_ms));
    assert_false(ledger_may_read(team->ledger, device_of(team, 0), file, team->now_ms));
    assert_ok(team_accept(team, colleague, cover));
    assert_true(ledger_may_read(team->ledger, device, file, until - 1));
    assert_true(ledger_may_fetch(team->ledger, device, file, device, until - 1));
    assert_false(ledger_may_read(team->ledger, device, file, until));
    assert_false(ledger_may_hold(team->ledger, device, file, until));
    assert_true(ledger_rotation_is_owed(team->ledger, file, until));
    assert_true(ledger_may_write(team->ledger, device, file)); /* by lines alone */
}

static void
a_box_of_before_the_right_ended_does_not_count_when_it_comes_back(void **state)
{
    struct team *team = *state;
    struct id family;
    struct id cover;
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t colleague = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    assert_ok(team_cover(team, owner, family, colleague, 1, &cover));
    assert_ok(team_grant(team, owner));
    assert_ok(team_accept(team, colleague, cover));
    /* Any line after the end shows it, with no line of its own. */
    team->now_ms += TEAM_DAY_MS;
    assert_ok(team_role(team, 0, owner, COACH | LEDGER_ROLE_DUTY));
    assert_ok(team_cover(team, owner, family, colleague, 1, &cover));
    assert_ok(ledger_grants_due(team->ledger, team->now_ms, &due));
    size_t for_colleague = 0;
    for (size_t i = 0; i < due.count; i++)
        for_colleague += id_equal(due.items[i].device, device_of(team, colleague));
    assert_int_equal(for_colleague, 2);
    ledger_pairs_wipe(&due);
}

static void
a_box_of_before_an_assignment_ended_does_not_count_either(void **state)
{
    struct team *team = *state;
    struct id family;
    struct id cover;
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t colleague = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    assert_ok(team_assign(team, owner, family, colleague, LEDGER_COACH));
    assert_ok(team_grant(team, owner));
    assert_ok(team_assign(team, owner, family, colleague, LEDGER_RELEASED));
    assert_ok(team_cover(team, owner, family, colleague, 1, &cover));
    assert_ok(ledger_grants_due(team->ledger, team->now_ms, &due));
    assert_int_equal(due.count, 2);
    assert_true(id_equal(due.items[0].device, device_of(team, colleague)));
    ledger_pairs_wipe(&due);
}

/* ---- does an entry count ---- */

static enum ledger_counts
counts(const struct team *team, size_t member, struct id stream, uint32_t last, uint64_t position,
       struct ledger_judgement *why)
{
    struct ledger_entry_facts facts = {
        .device = device_of(team, member),
        .stream = stream,
        .incarnation = 7,
        .last = last,
        .position = position,
        .position_hash = ledger_hash_at(team->ledger, position),
    };

    return ledger_entry_counts(team->ledger, &facts, why);
}

static void
what_a_cover_wrote_counts_up_to_the_heads_of_its_end(void **state)
{
    struct team *team = *state;
    struct id family;
    struct id cover;
    struct ledger_judgement why;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t colleague = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    struct id file = file_of(team, family);
    uint64_t before = ledger_position(team->ledger);
    assert_int_equal(counts(team, colleague, file, 1, before, NULL), LEDGER_NO_RIGHT);
    assert_ok(team_cover(team, owner, family, colleague, 7, &cover));
    assert_int_equal(counts(team, colleague, file, 1, before, NULL), LEDGER_NO_RIGHT);
    assert_ok(team_accept(team, colleague, cover));
    uint64_t during = ledger_position(team->ledger);
    assert_int_equal(counts(team, colleague, file, 1, before, NULL),
                     LEDGER_COUNTS); /* gained later */
    assert_int_equal(counts(team, colleague, file, 9, during, NULL), LEDGER_COUNTS);
    assert_false(ledger_may_write_at(team->ledger, device_of(team, colleague), file, before));
    assert_true(ledger_may_write_at(team->ledger, device_of(team, colleague), file, during));

    struct ledger_head head = {file, device_of(team, colleague), 7, 5, {3}};
    assert_ok(team_end_cover(team, owner, cover, LEDGER_WHY_ENDED, &head));
    uint64_t ended = ledger_position(team->ledger);
    assert_int_equal(counts(team, colleague, file, 5, during, &why), LEDGER_COUNTS);
    assert_true(why.has_head);
    assert_int_equal(why.head.hash[0], 3);
    assert_int_equal(counts(team, colleague, file, 6, during, &why), LEDGER_LATE);
    assert_int_equal(why.ended, ended);
    assert_true(why.by_cover);
    assert_true(id_equal(why.cover, cover));
    assert_int_equal(why.why, LEDGER_WHY_ENDED);
    assert_int_equal(counts(team, colleague, file, 5, ended, NULL), LEDGER_LATE);
    assert_int_equal(counts(team, colleague, index_of(team, family), 1, during, NULL), LEDGER_LATE);

    /* The right comes back: what is sealed on it counts, what was late stays late until it is admitted. */
    assert_ok(team_assign(team, owner, family, colleague, LEDGER_COACH));
    uint64_t back = ledger_position(team->ledger);
    assert_int_equal(counts(team, colleague, file, 7, back, NULL), LEDGER_COUNTS);
    assert_int_equal(counts(team, colleague, file, 6, during, NULL), LEDGER_LATE);
    struct ledger_op op = LEDGER_OP_EMPTY;
    op.kind = LEDGER_ADMIT;
    head.last = 6;
    assert_ok(ledger_op_add_head(&op, &head));
    assert_ok(team_submit(team, owner, &op, NULL));
    assert_int_equal(counts(team, colleague, file, 6, during, &why), LEDGER_COUNTS);
    assert_int_equal(why.admitted, ledger_position(team->ledger));
    assert_int_equal(counts(team, colleague, file, 8, during, NULL), LEDGER_LATE);
}

static void
a_revoked_device_is_late_beyond_its_heads(void **state)
{
    struct team *team = *state;
    struct ledger_judgement why;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    struct id stream = ledger_team_stream(team->ledger);
    uint64_t during = ledger_position(team->ledger);
    struct ledger_head head = {stream, device_of(team, coach), 7, 2, {0}};

    assert_ok(team_revoke(team, 0, coach, &head));
    assert_int_equal(counts(team, coach, stream, 2, during, NULL), LEDGER_COUNTS);
    assert_int_equal(counts(team, coach, stream, 3, during, &why), LEDGER_LATE);
    assert_int_equal(why.kind, LEDGER_REVOKE_DEVICE);
    assert_false(why.by_cover);
    struct ledger_entry_facts other = {
        .device = device_of(team, coach),
        .stream = stream,
        .incarnation = 8,
        .last = 1,
        .position = during,
        .position_hash = ledger_hash_at(team->ledger, during),
    };
    assert_int_equal(ledger_entry_counts(team->ledger, &other, NULL), LEDGER_LATE);
}

static void
another_past_and_an_unknown_position_are_told_apart(void **state)
{
    struct team *team = *state;
    uint8_t hash[32] = {1};
    struct ledger_entry_facts facts = {
        .device = device_of(team, 0),
        .stream = ledger_team_stream(team->ledger),
        .incarnation = 7,
        .last = 1,
        .position = 1,
        .position_hash = hash,
    };

    assert_int_equal(ledger_entry_counts(team->ledger, &facts, NULL), LEDGER_OTHER_HASH);
    facts.position = 2;
    assert_int_equal(ledger_entry_counts(team->ledger, &facts, NULL), LEDGER_UNKNOWN_POSITION);
    facts.position = 1;
    facts.position_hash = ledger_hash_at(team->ledger, 1);
    assert_int_equal(ledger_entry_counts(team->ledger, &facts, NULL), LEDGER_COUNTS);
    facts.stream = id_random();
    assert_int_equal(ledger_entry_counts(team->ledger, &facts, NULL), LEDGER_NO_RIGHT);
}

static void
late_work_is_admitted_by_who_may(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t other = team_join(team, COACH, TEAM_NOBODY);
    struct ledger_op op = LEDGER_OP_EMPTY;

    assert_ok(team_family(team, owner, (int)owner, &family));
    struct ledger_head head = {file_of(team, family), device_of(team, owner), 7, 1, {0}};
    op.kind = LEDGER_ADMIT;
    assert_refused(team, team_submit(team, owner, &op, NULL), RC_INVALID, "some_heads");
    op.kind = LEDGER_ADMIT;
    assert_ok(ledger_op_add_head(&op, &head));
    assert_refused(team, team_submit(team, other, &op, NULL), RC_DENIED, "may_admit");
    op.kind = LEDGER_ADMIT;
    head.stream = ledger_team_stream(team->ledger);
    assert_ok(ledger_op_add_head(&op, &head));
    assert_refused(team, team_submit(team, owner, &op, NULL), RC_DENIED, "may_admit");
    op.kind = LEDGER_ADMIT;
    assert_ok(ledger_op_add_head(&op, &head));
    assert_ok(team_submit(team, 0, &op, NULL));
}

static void
an_end_asks_for_the_heads_of_what_it_ends(void **state)
{
    struct team *team = *state;
    struct id family;
    struct ledger_pairs feeds = LEDGER_PAIRS_EMPTY;
    struct ledger_op op = LEDGER_OP_EMPTY;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t coach = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    assert_ok(team_assign(team, owner, family, coach, LEDGER_COACH));
    op.kind = LEDGER_ASSIGN;
    op.as.assign = (struct ledger_assign){family, team->members[coach].person, LEDGER_COACH, 0};
    assert_ok(ledger_heads_due(team->ledger, &op, &feeds));
    assert_int_equal(feeds.count, 2);
    op.kind = LEDGER_REVOKE_DEVICE;
    op.as.revoke_device = device_of(team, coach);
    assert_ok(ledger_heads_due(team->ledger, &op, &feeds));
    assert_int_equal(feeds.count, 3);
    op.kind = LEDGER_ROLE;
    op.as.role = (struct ledger_role_change){team->members[coach].person, COACH, LEDGER_ROLE_DUTY};
    assert_ok(ledger_heads_due(team->ledger, &op, &feeds));
    assert_int_equal(feeds.count, 2);
    ledger_pairs_wipe(&feeds);
}

static void
names_are_sealed_under_the_team_key(void **state)
{
    struct team *team = *state;
    struct secret key = SECRET_EMPTY;
    char text[LEDGER_TEXT_BYTES + 1];
    const struct ledger_person *person = ledger_person_at(team->ledger, 0);

    assert_ok(keyring_get(team->keys, ledger_team_stream(team->ledger), 1, &key));
    assert_ok(ledger_text_open(&person->name, &key, person->id, text));
    assert_string_equal(text, "Fatma");
    assert_int_equal(ledger_text_open(&person->name, &key, id_random(), text), RC_CORRUPT);
    secret_wipe(&key);
}

/* A colleague with the team's key may seal anything; what is shown and printed as JSON is text all the same. */
static void
a_name_that_is_no_text_is_refused(void **state)
{
    struct team *team = *state;
    struct secret key = SECRET_EMPTY;
    struct ledger_text sealed;
    char text[LEDGER_TEXT_BYTES + 1];
    struct id subject = id_random();

    assert_ok(keyring_get(team->keys, ledger_team_stream(team->ledger), 1, &key));
    assert_ok(ledger_text_seal(&key, 1, subject, "Zo\xc3\xab", &sealed));
    assert_ok(ledger_text_open(&sealed, &key, subject, text));
    assert_ok(ledger_text_seal(&key, 1, subject, "Zo\xeb", &sealed));
    assert_int_equal(ledger_text_open(&sealed, &key, subject, text), RC_CORRUPT);
    assert_string_equal(text, "");
    secret_wipe(&key);
}

static void
every_rule_has_a_name_and_a_demand_in_english(void **state)
{
    (void)state;
    size_t count = 0;

    for (const struct ledger_rule *rule; (rule = ledger_rule_at(count)) != NULL; count++) {
        assert_true(strlen(rule->name) > 2);
        assert_int_equal(rule->demand[strlen(rule->demand) - 1], '.');
        assert_true(rule->code == RC_STALE || rule->code == RC_DENIED || rule->code == RC_INVALID);
    }
    assert_true(count > 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_team_begins_with_its_first_line),
        TEST(a_line_that_was_altered_breaks_the_ledger),
        TEST(an_operation_counts_once),
        TEST(only_an_active_device_of_the_team_writes),
        TEST(the_rules_of_every_kind_are_kept),
        TEST(invitations_keep_their_rules),
        TEST(approvals_keep_their_rules),
        TEST(an_old_invitation_gives_no_device_of_somebody_who_rose_since),
        TEST(roles_are_given_by_administrators_and_one_remains),
        TEST(families_keep_their_rules),
        TEST(assignments_keep_their_rules),
        TEST(a_share_may_travel_with_its_reason_and_with_no_other),
        TEST(grants_keep_their_rules),
        TEST(covers_keep_their_rules),
        TEST(rotations_keep_their_rules),
        TEST(revoking_keeps_its_rules),
        TEST(a_cover_reads_while_it_lasts_and_no_longer),
        TEST(a_box_of_before_the_right_ended_does_not_count_when_it_comes_back),
        TEST(a_box_of_before_an_assignment_ended_does_not_count_either),
        TEST(what_a_cover_wrote_counts_up_to_the_heads_of_its_end),
        TEST(a_revoked_device_is_late_beyond_its_heads),
        TEST(another_past_and_an_unknown_position_are_told_apart),
        TEST(late_work_is_admitted_by_who_may),
        TEST(an_end_asks_for_the_heads_of_what_it_ends),
        TEST(names_are_sealed_under_the_team_key),
        TEST(a_name_that_is_no_text_is_refused),
        TEST(every_rule_has_a_name_and_a_demand_in_english),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
