/* Tests of the ledger's rules about families, covers, keys and revoking: each once kept and once broken. */
#include "tests/unit/ledger_team.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(families_keep_their_rules),
        TEST(assignments_keep_their_rules),
        TEST(a_share_may_travel_with_its_reason_and_with_no_other),
        TEST(grants_keep_their_rules),
        TEST(covers_keep_their_rules),
        TEST(rotations_keep_their_rules),
        TEST(revoking_keeps_its_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
