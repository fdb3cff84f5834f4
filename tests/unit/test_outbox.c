/* Sealing what waits: how many flushes and steps it takes, and what one save that cannot be sealed holds up. */
#include "tests/unit/unit.h"

#include "core/db_plan.h"
#include "sync/outbox.h"
#include "sync/replica_own.h"
#include "tests/support/office.h"
#include "tests/support/power_vfs.h"
#include "tests/support/stores.h"

enum { COACH = 0, FAMILIES = 12 };

static struct office office;
static struct power_disk *disk; /* of the device */
static struct id families[FAMILIES];

static int
setup(void **state)
{
    *state = &office;
    office_open(&office);
    disk = power_disk_new();
    office.devices[COACH].base_vfs = power_disk_vfs(disk);
    office_found(&office, LEDGER_ROLE_COACH);
    for (int i = 0; i < FAMILIES; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        families[i] = office_family(&office, COACH, name, COACH);
        office_pass(&office, 10 * 1000);
    }
    office_sync_all(&office, 1, 2);
    return 0;
}

static int
teardown(void **state)
{
    (void)office_tear_down(state);
    power_disk_free(disk);
    return 0;
}

static struct replica *
coach(void)
{
    return office.devices[COACH].replica;
}

static void
visit_families(int count)
{
    for (int i = 0; i < count; i++)
        office_visit(&office, COACH, families[i], "a talk");
}

static int64_t
feeds_that_wait(void)
{
    int64_t count;

    assert_ok(db_get_int(coach()->db, "SELECT count(DISTINCT feed) FROM sync_outbox", &count));
    return count;
}

static void
work_in_many_families_is_sealed_with_one_flush(void **state)
{
    (void)state;

    visit_families(FAMILIES);
    assert_int_equal(feeds_that_wait(), 2 * FAMILIES); /* file and index */
    uint64_t before = power_disk_syncs(disk);
    assert_ok(outbox_seal(coach(), (struct id){{0}}));
    assert_int_equal(feeds_that_wait(), 0);
    /* The entries, and the count that the instance token follows. */
    assert_in_range(power_disk_syncs(disk) - before, 1, 2);
}

static void
looking_for_what_waits_passes_no_feed_without_any(void **state)
{
    (void)state;
    struct id stream;
    int64_t feed = 0;
    bool found;

    office_visit(&office, COACH, families[FAMILIES / 2], "a talk");
    (void)db_steps(coach()->db);
    for (int i = 0; i < 3; i++) {
        assert_ok(outbox_next_stream(coach()->db, &feed, &stream, &found));
        assert_int_equal(found, i < 2);
    }
    assert_in_range(db_steps(coach()->db), 1, 100);
}

static void
a_save_that_cannot_be_sealed_holds_up_none_before_it(void **state)
{
    (void)state;

    visit_families(3);
    assert_ok(db_run(coach()->db, "UPDATE sync_outbox SET body = x'00' WHERE feed = (SELECT max(feed) FROM sync_outbox)"));
    assert_int_equal(outbox_seal(coach(), (struct id){{0}}), RC_CORRUPT);
    assert_int_equal(feeds_that_wait(), 1);
    assert_ok(db_run(coach()->db, "DELETE FROM sync_outbox"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(work_in_many_families_is_sealed_with_one_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(looking_for_what_waits_passes_no_feed_without_any, setup, teardown),
        cmocka_unit_test_setup_teardown(a_save_that_cannot_be_sealed_holds_up_none_before_it, setup, teardown),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
