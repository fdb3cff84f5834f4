/* Tests of the functions that the ledger gives at each line: what relaxing a strict unit asks for. */
#include "tests/unit/ledger_team.h"

#include "core/policy.h"

static unsigned
functions(const struct team *team, size_t member, struct id stream, uint64_t position)
{
    return ledger_functions_at(team->ledger, team->members[member].identity.device, stream, position);
}

static void
functions_are_those_of_the_line_that_is_asked_for(void **state)
{
    struct team *team = *state;
    struct id family;
    size_t owner = team_join(team, LEDGER_ROLE_COACH, TEAM_NOBODY);
    size_t other = team_join(team, LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    struct id file = ledger_family(team->ledger, family)->file;
    struct id index = ledger_family(team->ledger, family)->index;
    uint64_t made = ledger_position(team->ledger);
    assert_int_equal(functions(team, owner, file, made), FUNCTION_COACH | FUNCTION_OWNER);
    assert_int_equal(functions(team, owner, index, made), FUNCTION_COACH | FUNCTION_OWNER);
    assert_int_equal(functions(team, other, file, made), FUNCTION_SCIENTIST);
    assert_int_equal(functions(team, 0, file, made), FUNCTION_COORDINATOR);

    assert_ok(team_assign(team, owner, family, other, LEDGER_COACH));
    uint64_t assigned = ledger_position(team->ledger);
    assert_int_equal(functions(team, other, file, assigned), FUNCTION_COACH | FUNCTION_SCIENTIST);
    assert_int_equal(functions(team, other, file, made), FUNCTION_SCIENTIST);

    assert_ok(team_role(team, 0, other, LEDGER_ROLE_COACH));
    assert_int_equal(functions(team, other, file, ledger_position(team->ledger)), FUNCTION_COACH);
    assert_ok(team_revoke(team, 0, other, NULL));
    assert_int_equal(functions(team, other, file, ledger_position(team->ledger)), 0);
    assert_int_equal(functions(team, other, file, assigned), FUNCTION_COACH | FUNCTION_SCIENTIST);
}

static void
who_covers_is_no_coach_of_the_family(void **state)
{
    struct team *team = *state;
    struct id family, cover;
    size_t owner = team_join(team, LEDGER_ROLE_COACH, TEAM_NOBODY);
    size_t colleague = team_join(team, LEDGER_ROLE_COACH, TEAM_NOBODY);

    assert_ok(team_family(team, owner, (int)owner, &family));
    struct id file = ledger_family(team->ledger, family)->file;
    assert_ok(team_cover(team, owner, family, colleague, 7, &cover));
    assert_ok(team_accept(team, colleague, cover));
    uint64_t now = ledger_position(team->ledger);
    assert_true(ledger_may_write_at(team->ledger, team->members[colleague].identity.device, file, now));
    assert_int_equal(functions(team, colleague, file, now), 0);
}

static void
without_a_family_there_is_what_roles_give(void **state)
{
    struct team *team = *state;
    size_t coach = team_join(team, LEDGER_ROLE_COACH, TEAM_NOBODY);
    struct id stream = ledger_team_stream(team->ledger);
    uint64_t now = ledger_position(team->ledger);

    assert_int_equal(functions(team, coach, stream, now), 0);
    assert_int_equal(functions(team, 0, stream, now), FUNCTION_COORDINATOR);
    assert_int_equal(functions(team, coach, id_random(), now), 0);
    assert_int_equal(ledger_functions_at(team->ledger, id_random(), stream, now), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(functions_are_those_of_the_line_that_is_asked_for),
        TEST(who_covers_is_no_coach_of_the_family),
        TEST(without_a_family_there_is_what_roles_give),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
