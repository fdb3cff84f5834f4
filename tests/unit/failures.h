/* What the tests of the eighteen failures share: an office of three coaches, and one family that all of them work with. */
#ifndef TESTS_UNIT_FAILURES_H
#define TESTS_UNIT_FAILURES_H

#include "sync/elog.h"
#include "sync/inbox.h"
#include "sync/ledger.h"
#include "sync/replica_own.h"
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

/* One entry of device `from`, the one that begins with that save of the feed, is brought to `to` alone, by nobody's session. */
static inline void
bring(int from, int to, const struct elog_feed *feed, uint32_t save)
{
    struct replica *author = device(from)->replica, *reader = device(to)->replica;
    struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
    struct elog_row row = ELOG_ROW_EMPTY;
    uint64_t stored = 0;

    assert_ok(elog_find(author->db, feed->key, save, &row));
    assert_int_equal(row.entry.first, save);
    assert_int_equal(row.entry.last, save);
    assert_ok(wire_run_add(&runs, &row.entry));
    assert_ok(db_begin(reader->db));
    assert_ok(inbox_store(reader, &runs, true, &stored));
    assert_ok(db_commit(reader->db));
    assert_ok(inbox_apply(reader, NULL, NULL));
    wire_run_list_wipe(&runs);
    elog_row_wipe(&row);
}

#define CASE(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

#endif
