/* Tests of cli/status_waits: what of late work is told after an exchange, and what it costs to count it. */
#include "cli/status_waits.h"

#include "tests/unit/unit.h"

#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM, CAAS };

static struct office office;
static struct id family;

/* Bram owns the family; Caas covers it. */
static int
setup(void **state)
{
    struct id id;

    (void)state;
    family = office_pair_and_one(&office, BRAM);
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct cover_new cover = {&family, 1, caas->person, office.now_ms, office.now_ms + 30 * DAY_MS, true};
    stores_demand(replica_cover_give(bram->replica, &bram->transport, &cover, &id), "replica_cover_give");
    office_sync(&office, CAAS);
    stores_demand(replica_cover_accept(caas->replica, &caas->transport, id), "replica_cover_accept");
    return 0;
}

/* Caas, who is shut out, hands one visit in; Bram receives it. */
static void
hand_in(const char *note)
{
    office_visit(&office, CAAS, family, note);
    assert_int_equal(office_try_sync(&office, CAAS), RC_DENIED);
    office_sync(&office, BRAM);
}

static void
late_work_is_told_though_as_much_was_admitted(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    struct call call = {.replica = bram->replica};
    struct received_marks marks = RECEIVED_MARKS_EMPTY;
    struct received_sum sum;

    assert_ok(replica_revoke_device(anna->replica, &anna->transport, office.devices[CAAS].id));
    assert_ok(status_mark_received(&call, &marks));
    hand_in("one");
    assert_ok(status_sum_since(&call, &marks, &sum));
    assert_true(sum.held_came);
    assert_int_equal(sum.held, 1); /* it has a twin in the index */
    assert_ok(status_mark_received(&call, &marks));
    assert_ok(status_sum_since(&call, &marks, &sum));
    assert_false(sum.held_came);
    hand_in("two");
    assert_ok(db_run(store_db(bram->store), "UPDATE sync_entry SET state = 1 WHERE state = 3 AND state <> 1 AND entry IN"
                                        " (SELECT min(entry) FROM sync_entry WHERE state = 3 AND state <> 1 GROUP BY feed)"));
    assert_ok(status_sum_since(&call, &marks, &sum));
    assert_int_equal(sum.held, 1);
    assert_true(sum.held_came);
    assert_false(sum.own_came || sum.else_came);
    status_marks_wipe(&marks);
    assert_ok(status_sum_since(&call, &marks, &sum));
    assert_false(sum.held_came); /* nothing is known of before */
}

/* As their headers say, these entries hold one save: where they are opened, one of each in the index is a twin. */
static void
of_much_late_work_nothing_is_opened_to_count_it(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    struct call call = {.replica = bram->replica};
    struct received_sum sum;

    assert_ok(replica_revoke_device(anna->replica, &anna->transport, office.devices[CAAS].id));
    hand_in("one");
    assert_ok(db_run(store_db(bram->store), "UPDATE sync_entry SET last = last + 65535 WHERE state = 3 AND state <> 1"));
    assert_ok(status_sum_received(&call, NULL, &sum));
    assert_int_equal(sum.held, 65536);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(late_work_is_told_though_as_much_was_admitted),
        TEST(of_much_late_work_nothing_is_opened_to_count_it),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
