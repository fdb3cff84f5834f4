/* The second failure that other sync engines were seen to have, what is acknowledged and not applied, where the disk of who receives it
 * goes wrong. */
#include "tests/unit/failures.h"

#include "tests/support/power_vfs.h"

/* At the n-th operation of a session that changes the receiver's disk; it is full n pages on. */
enum trouble { WRITE_FAILS, POWER_FAILS, PROGRAM_DIES, DISK_IS_FULL };

/* Two coaches; the second's store lies on that disk. */
static void
open_on(struct power_disk *disk)
{
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office.devices[1].base_vfs = power_disk_vfs(disk);
    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", 1);
    office_assign(&office, 0, family, 0, LEDGER_COACH);
    office_sync_all(&office, 2, 3);
}

static int64_t
log_bytes(const struct power_disk *disk)
{
    char name[200];
    size_t len = 0;

    snprintf(name, sizeof name, "%s/store.db-wal", device(1)->directory);
    assert_non_null(power_disk_file(disk, name, &len));
    return (int64_t)len;
}

/* Whether the session met it. */
static bool
sync_in_trouble(struct power_disk *disk, enum trouble trouble, unsigned n)
{
    uint64_t before = power_disk_operations(disk);

    if (trouble == WRITE_FAILS)
        power_disk_fail_once(disk, n);
    else if (trouble == DISK_IS_FULL)
        power_disk_limit(disk, log_bytes(disk) + 4096 * (int64_t)(n - 1) + 1);
    else
        power_disk_cut_at(disk, n);
    enum rc rc = office_try_sync(&office, 1);
    bool was_hit = trouble == DISK_IS_FULL ? rc == RC_FULL : power_disk_operations(disk) - before >= n;
    assert_true(was_hit || rc == RC_OK);
    power_disk_fail_once(disk, 0);
    power_disk_limit(disk, 0);
    power_disk_cut_at(disk, 0);
    if (power_disk_is_cut(disk)) {
        office_shut(&office, 1);
        if (trouble == POWER_FAILS)
            power_disk_restore(disk, n);
        else
            power_disk_survive(disk);
        assert_ok(office_start(&office, 1));
    }
    return was_hit;
}

/* In turn, until a session meets it no more; its author does nothing more. */
static void
receive_in_trouble(enum trouble trouble, unsigned least)
{
    struct power_disk *disk = power_disk_new();
    unsigned n = 0;
    bool was_hit = true;

    open_on(disk);
    while (was_hit) {
        char note[32];
        snprintf(note, sizeof note, "visit %u", ++n);
        office_visit(&office, 0, family, note);
        office_pass(&office, 60000); /* the server bears so many requests a minute */
        office_sync(&office, 0);
        was_hit = sync_in_trouble(disk, trouble, n);
        office_sync(&office, 1);
        assert_int_equal(office_visits(&office, 1, family, note), 1);
        assert_int_equal(office_waiting(&office, 1).parked, 0);
        assert_true(n < 400);
    }
    assert_true(n > least);
    assert_true(office_are_equal(&office, 0, 1, family));
    office_shut(&office, 1);
    power_disk_free(disk);
}

static void
failure_02_whatever_write_fails_at_who_receives_it_is_applied_by_the_next_session(void **state)
{
    (void)state;
    receive_in_trouble(WRITE_FAILS, 5);
}

static void
failure_02_wherever_power_fails_at_who_receives_it_is_applied_by_the_next_session(void **state)
{
    (void)state;
    receive_in_trouble(POWER_FAILS, 5);
}

static void
failure_02_wherever_the_program_dies_at_who_receives_it_is_applied_by_the_next_session(void **state)
{
    (void)state;
    receive_in_trouble(PROGRAM_DIES, 5);
}

static void
failure_02_whenever_the_disk_of_who_receives_it_is_full_it_is_applied_by_the_next_session(void **state)
{
    (void)state;
    receive_in_trouble(DISK_IS_FULL, 3);
}

/* A visit left by a bundle before the line that ended Bram's right, which came back by the next; another one waits behind it. */
static void
failure_02_wherever_the_program_dies_what_waits_behind_late_work_is_shown(void **state)
{
    struct power_disk *disk = power_disk_new();
    unsigned n = 0;
    bool was_hit = true;

    (void)state;
    open_on(disk);
    family = office_family(&office, 0, "das", 0); /* a right that can end: Bram owns the other */
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync(&office, 1);
    while (was_hit) {
        char note[32];
        struct buf bundle;
        snprintf(note, sizeof note, "waits %u", ++n);
        office_visit(&office, 1, family, "in a bundle");
        office_pack(&office, 1, 0, &bundle);
        buf_wipe(&bundle);
        office_visit(&office, 1, family, note);
        office_pass(&office, 60000);
        office_assign(&office, 0, family, 1, LEDGER_RELEASED);
        office_assign(&office, 0, family, 1, LEDGER_COACH);
        was_hit = sync_in_trouble(disk, PROGRAM_DIES, n);
        assert_int_equal(office_visits(&office, 1, family, note), 1);
        office_sync(&office, 1);
        office_sync(&office, 0);
        assert_int_equal(office_visits(&office, 0, family, note), 1);
        assert_true(n < 400);
    }
    assert_true(n > 5);
    office_shut(&office, 1);
    power_disk_free(disk);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, NULL, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(failure_02_whatever_write_fails_at_who_receives_it_is_applied_by_the_next_session),
        TEST(failure_02_wherever_power_fails_at_who_receives_it_is_applied_by_the_next_session),
        TEST(failure_02_wherever_the_program_dies_at_who_receives_it_is_applied_by_the_next_session),
        TEST(failure_02_whenever_the_disk_of_who_receives_it_is_full_it_is_applied_by_the_next_session),
        TEST(failure_02_wherever_the_program_dies_what_waits_behind_late_work_is_shown),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
