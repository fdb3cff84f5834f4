/* Tests of the ledger: what a line is, who belongs to the team; every rule once kept and once broken. */
#include "tests/unit/ledger_team.h"

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
        TEST(names_are_sealed_under_the_team_key),
        TEST(a_name_that_is_no_text_is_refused),
        TEST(every_rule_has_a_name_and_a_demand_in_english),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
