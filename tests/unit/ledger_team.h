/* What the tests of the ledger share: a team, and what is asked of it. */
#ifndef TESTS_UNIT_LEDGER_TEAM_H
#define TESTS_UNIT_LEDGER_TEAM_H

#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ledger_inside.h"
#include "tests/support/team.h"

enum {
    ADMIN = LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR,
    COACH = LEDGER_ROLE_COACH,
};

static inline int
set_up(void **state)
{
    static struct team team;

    team_start(&team);
    *state = &team;
    return 0;
}

static inline int
tear_down(void **state)
{
    team_end(*state);
    return 0;
}

static inline void
assert_refused(const struct team *team, enum rc got, enum rc expected, const char *rule)
{
    assert_int_equal(got, expected);
    assert_non_null(team->rule);
    assert_string_equal(team->rule, rule);
}

static inline struct id
device_of(const struct team *team, size_t member)
{
    return team->members[member].identity.device;
}

static inline struct id
file_of(const struct team *team, struct id family)
{
    return ledger_family(team->ledger, family)->file;
}

static inline struct id
index_of(const struct team *team, struct id family)
{
    return ledger_family(team->ledger, family)->index;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
