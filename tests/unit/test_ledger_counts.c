/* Tests of what the ledger gives and ends: who holds and reads a stream, and which entries count. */
#include "tests/unit/ledger_team.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cover_reads_while_it_lasts_and_no_longer),
        TEST(a_box_of_before_the_right_ended_does_not_count_when_it_comes_back),
        TEST(a_box_of_before_an_assignment_ended_does_not_count_either),
        TEST(what_a_cover_wrote_counts_up_to_the_heads_of_its_end),
        TEST(a_revoked_device_is_late_beyond_its_heads),
        TEST(another_past_and_an_unknown_position_are_told_apart),
        TEST(late_work_is_admitted_by_who_may),
        TEST(an_end_asks_for_the_heads_of_what_it_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
