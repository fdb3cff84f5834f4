/* Tests of the rules that only an operation made by hand can break. */
#include "tests/unit/ledger_team.h"

/* ---- the first line ---- */

struct creation {
    uint32_t roles;
    bool other_author;
    bool second_epoch;
    bool no_boxes;
    bool wrong_device;
};

static const char *
create(const struct creation *creation)
{
    struct identity first = IDENTITY_EMPTY;
    struct identity other = IDENTITY_EMPTY;
    struct keyring *keys;
    struct ledger *ledger;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct ledger_verdict verdict;
    struct buf bytes = BUF_EMPTY(1 << 20);

    assert_ok(identity_make(&first));
    assert_ok(identity_make(&other));
    assert_ok(keyring_new(&keys));
    assert_ok(ledger_new(&ledger));
    op.kind = LEDGER_CREATE_TEAM;
    op.as.create_team = (struct ledger_create_team){.person = id_random(),
                                                    .roles = creation->roles,
                                                    .team_stream = id_random(),
                                                    .address = "https://b"};
    memcpy(op.as.create_team.sign_public, first.sign_public, 32);
    memcpy(op.as.create_team.box_public, first.box_public, 32);
    memcpy(op.as.create_team.server_public, other.sign_public, 32);
    op.as.create_team.name = (struct ledger_text){.epoch = 1, .len = 80};
    op.as.create_team.label = (struct ledger_text){.epoch = 1, .len = 80};
    struct keyring_recipient to = {first.device, first.box_public};
    struct keyring_epoch epoch = {op.as.create_team.team_stream, 1, &to, 1, NULL};
    assert_ok(keyring_make_reserve(&epoch, keys, &op, &boxes, op.as.create_team.reserve_public));
    assert_ok(keyring_make_epoch(keys, &epoch, keys, &op, &boxes));
    if (creation->wrong_device)
        first.device.bytes[0] ^= 1;
    if (creation->second_epoch)
        op.parts[0].epoch = 2;
    assert_ok(ledger_op_sign(&op, creation->other_author ? &other : &first,
                             creation->no_boxes ? NULL : &boxes, &bytes));
    enum rc rc = ledger_check(ledger, bytes.data, bytes.len, 1, &verdict);
    assert_true((rc == RC_OK) == (verdict.rule == NULL));
    identity_wipe(&first);
    identity_wipe(&other);
    keyring_free(keys);
    ledger_free(ledger);
    ledger_op_wipe(&op);
    wire_boxes_wipe(&boxes);
    buf_wipe(&bytes);
    return verdict.rule == NULL ? "" : verdict.rule;
}

static void
a_first_line_keeps_its_rules(void **state)
{
    (void)state;
    const uint32_t both = LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR;

    assert_string_equal(create(&(struct creation){.roles = both}), "");
    assert_string_equal(create(&(struct creation){.roles = LEDGER_ROLE_ADMINISTRATOR}),
                        "creator_roles");
    assert_string_equal(create(&(struct creation){.roles = both, .second_epoch = true}),
                        "first_keys");
    assert_string_equal(create(&(struct creation){.roles = both, .no_boxes = true}), "boxes");
    assert_string_equal(create(&(struct creation){.roles = both, .wrong_device = true}), "creator");
    /* Signed by another key than the one it names. */
    assert_string_equal(create(&(struct creation){.roles = both, .other_author = true}),
                        "signature");
}

/* ---- families and covers, made by hand ---- */

static enum rc
submit_family(struct team *team, size_t author, const struct ledger_family_new *family,
              size_t recipient)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct ledger_epoch reserve;
    struct keyring_recipient to = {team->members[recipient].identity.device,
                                   team->members[recipient].identity.box_public};

    assert_true(ledger_epoch(team->ledger, ledger_reserve(), 0, &reserve));
    op.kind = LEDGER_FAMILY;
    op.as.family = *family;
    struct keyring_epoch epoch = {family->index, 1, &to, 1, reserve.reserve_public};
    assert_ok(keyring_make_epoch(team->keys, &epoch, team->fresh, &op, &boxes));
    epoch.stream = family->file;
    assert_ok(keyring_make_epoch(team->keys, &epoch, team->fresh, &op, &boxes));
    return team_submit(team, author, &op, &boxes);
}

static void
a_family_has_new_ids_and_goes_to_exactly_who_may_hold_it(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, coach, (int)coach, &family));
    struct ledger_family_new again = {family, id_random(), id_random(), id_random(),
                                      team->members[coach].person};
    assert_refused(team, submit_family(team, coach, &again, coach), RC_INVALID, "ids_new");
    again.family = id_random();
    again.shielded = ledger_family_at(team->ledger, 0)->file;
    assert_refused(team, submit_family(team, coach, &again, coach), RC_INVALID, "ids_new");
    again.shielded = again.index;
    assert_refused(team, submit_family(team, coach, &again, coach), RC_INVALID, "ids_new");
    again.shielded = ledger_reserve();
    assert_refused(team, submit_family(team, coach, &again, coach), RC_INVALID, "ids_new");
    again.shielded = id_random(); /* the coordinator's device is left out of the index */
    assert_refused(team, submit_family(team, coach, &again, coach), RC_STALE, "first_recipients");
}

static void
a_cover_has_a_new_id_and_a_scope(void **state)
{
    struct team *team = *state;
    struct id family;
    struct id cover;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t colleague = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    assert_ok(team_cover(team, owner, family, colleague, 7, &cover));
    for (unsigned i = 0; i < 2; i++) {
        struct ledger_op op = LEDGER_OP_EMPTY;
        op.kind = LEDGER_COVER_GIVE;
        op.as.cover_give = (struct ledger_cover_give){
            i == 0 ? cover : id_random(), team->members[colleague].person, 0, team->now_ms + 1,
            (uint8_t)(i == 0 ? LEDGER_SCOPE_READ : 3)};
        op.as.cover_give.from_ms = team->now_ms;
        assert_ok(ledger_op_add_family(&op, family));
        assert_refused(team, team_submit(team, owner, &op, NULL), RC_INVALID,
                      i == 0 ? "cover_new" : "scope");
    }
}

/* ---- rotations, made by hand ---- */

static enum rc
submit_rotation(struct team *team, size_t author, struct id stream, uint32_t number,
                bool with_reserve)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct ledger_epoch reserve;
    struct keyring_recipient to = {team->members[author].identity.device,
                                   team->members[author].identity.box_public};

    assert_true(ledger_epoch(team->ledger, ledger_reserve(), 0, &reserve));
    op.kind = LEDGER_ROTATE;
    struct keyring_epoch epoch = {stream, number, &to, 1, reserve.reserve_public};
    assert_ok(keyring_make_epoch(team->keys, &epoch, team->fresh, &op, &boxes));
    if (with_reserve) {
        epoch.epoch = reserve.epoch + 1;
        op.as.rotate.has_reserve = true;
        assert_ok(
            keyring_make_reserve(&epoch, team->fresh, &op, &boxes, op.as.rotate.reserve_public));
    }
    return team_submit(team, author, &op, &boxes);
}

static void
a_rotation_makes_the_next_epoch_for_exactly_who_may_hold_it(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t coach = team_join(team, COACH, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    struct id file = ledger_family(team->ledger, family)->file;
    assert_refused(team, submit_rotation(team, owner, file, 1, false), RC_STALE, "next_epoch");
    assert_refused(team, submit_rotation(team, 0, file, 2, true), RC_INVALID, "reserve_alone");
    assert_ok(submit_rotation(team, owner, file, 2, false));
    assert_ok(team_assign(team, owner, family, coach, LEDGER_COACH));
    assert_refused(team, submit_rotation(team, owner, file, 3, false), RC_STALE, "recipients");
    /* A shielded stream has no epoch to follow. */
    struct id shielded = ledger_family(team->ledger, family)->shielded;
    assert_refused(team, submit_rotation(team, 0, shielded, 1, false), RC_STALE, "next_epoch");
}

/* ---- the rest ---- */

static void
an_invite_key_serves_one_invitation(void **state)
{
    struct team *team = *state;

    team_join(team, COACH, TEAM_NOBODY);
    struct ledger_op op = LEDGER_OP_EMPTY;
    op.kind = LEDGER_INVITE;
    op.as.invite = (struct ledger_invite){
        .person = id_random(), .roles = COACH, .expires_ms = team->now_ms + 1};
    op.as.invite.name = ledger_person_at(team->ledger, 0)->name;
    memcpy(op.as.invite.invite_public, team->ledger->invites[0].facts.invite_public, 32);
    assert_refused(team, team_submit(team, 0, &op, NULL), RC_INVALID, "invite_new");
}

static void
a_device_joins_once(void **state)
{
    struct team *team = *state;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;

    op.kind = LEDGER_INVITE;
    op.as.invite = (struct ledger_invite){
        .person = id_random(), .roles = COACH, .expires_ms = team->now_ms + 1};
    op.as.invite.name = ledger_person_at(team->ledger, 0)->name;
    assert_ok(joining_invite_key(&invitation.seed, op.as.invite.invite_public));
    assert_ok(team_submit(team, 0, &op, NULL));
    memcpy(invitation.team, ledger_team(team->ledger), 32);
    const struct identity *known = &team->members[coach].identity;
    op.kind = LEDGER_APPROVE;
    op.as.approve.label = ledger_device_at(team->ledger, 0)->label;
    assert_ok(joining_request_make(&invitation, known, 1, &op.as.approve.request));
    struct keyring_recipient to = {known->device, known->box_public};
    struct keyring_epoch epoch = {ledger_team_stream(team->ledger), 1, &to, 1, NULL};
    assert_ok(keyring_share(team->keys, &epoch, &op, &boxes));
    assert_refused(team, team_submit(team, 0, &op, &boxes), RC_INVALID, "device_new");
    joining_invitation_wipe(&invitation);
}

static void
heads_name_feeds_of_the_right_that_ends(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t owner = team_join(team, COACH, TEAM_NOBODY);
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    struct ledger_head head = {
        ledger_team_stream(team->ledger), team->members[owner].identity.device, 1, 1, {0}};

    assert_refused(team, team_revoke(team, 0, coach, &head), RC_INVALID, "heads");
    struct ledger_op op = LEDGER_OP_EMPTY;
    op.kind = LEDGER_ROLE;
    op.as.role = (struct ledger_role_change){team->members[coach].person, COACH, 0};
    assert_ok(ledger_op_add_head(&op, &head));
    assert_refused(team, team_submit(team, 0, &op, NULL), RC_INVALID, "heads");
    assert_ok(team_family(team, owner, (int)owner, &family));
    op.kind = LEDGER_ASSIGN;
    op.as.assign = (struct ledger_assign){family, team->members[coach].person, 0, LEDGER_COACH};
    head.stream = ledger_family(team->ledger, family)->file;
    assert_ok(ledger_op_add_head(&op, &head));
    assert_refused(team, team_submit(team, 0, &op, NULL), RC_INVALID, "heads");
    head.device = team->members[coach].identity.device;
    assert_ok(team_revoke(team, 0, coach, &head));
}

static void
an_administrator_names_the_server_and_the_old_key_vouches_for_that_line(void **state)
{
    struct team *team = *state;
    size_t coach = team_join(team, COACH, TEAM_NOBODY);
    struct ledger_op op = LEDGER_OP_EMPTY;
    const uint8_t *key = team->members[coach].identity.sign_public;

    for (unsigned i = 0; i < 2; i++) {
        op.kind = LEDGER_SERVER;
        memcpy(op.as.server.server_public, key, 32);
        (void)snprintf(op.as.server.address, sizeof op.as.server.address, "https://elsewhere");
        enum rc rc = team_submit(team, i == 0 ? coach : 0, &op, NULL);
        if (i == 0)
            assert_refused(team, rc, RC_DENIED, "administrator");
        else
            assert_ok(rc);
    }
    uint64_t head = ledger_position(team->ledger);
    assert_memory_equal(ledger_server_public_at(team->ledger, head), team->server_public, 32);
    assert_memory_equal(ledger_server_public_at(team->ledger, head + 1), key, 32);
    assert_null(ledger_server_public_at(team->ledger, head + 2));
    assert_string_equal(ledger_server_address(team->ledger), "https://elsewhere");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_first_line_keeps_its_rules),
        TEST(a_family_has_new_ids_and_goes_to_exactly_who_may_hold_it),
        TEST(a_cover_has_a_new_id_and_a_scope),
        TEST(a_rotation_makes_the_next_epoch_for_exactly_who_may_hold_it),
        TEST(an_invite_key_serves_one_invitation),
        TEST(a_device_joins_once),
        TEST(heads_name_feeds_of_the_right_that_ends),
        TEST(an_administrator_names_the_server_and_the_old_key_vouches_for_that_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
