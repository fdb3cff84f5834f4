/* What the tests of the eighteen failures share: an office of three coaches, and one family that all of them work with. */
#ifndef TESTS_UNIT_FAILURES_H
#define TESTS_UNIT_FAILURES_H

#include "sync/ledger.h"
#include "tests/support/office_plan.h"
#include "tests/support/stores.h"
#include "tests/unit/unit.h"

#define DAYS(n) ((n) * INT64_C(86400000))

static struct office office;
static struct id family;

static inline int
setup(void **state)
{
    (void)state;
    family = office_three(&office);
    return 0;
}

static inline struct office_device *
device(int at)
{
    return &office.devices[at];
}

static inline const struct ledger *
ledger_of(int at)
{
    return replica_ledger(device(at)->replica);
}

static inline void
assert_all_equal(void)
{
    assert_true(office_are_equal(&office, 1, 0, family));
    assert_true(office_are_equal(&office, 1, 2, family));
}

#define CASE(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

#endif
