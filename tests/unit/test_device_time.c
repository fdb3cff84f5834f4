/* Device time: what runs, what a clock only says, and the server's word. */
#include "tests/unit/unit.h"

#include "sync/replica_own.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

#define HOUR_MS INT64_C(3600000)

static struct office office;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, 0); /* the server was heard */
    return 0;
}

static struct office_device *
device(void)
{
    return &office.devices[0];
}

/* Beyond the true time. */
static void
assert_ahead(int64_t settled_ms, int64_t highest_ms)
{
    assert_int_equal(replica_settled_ms(device()->replica) - office.now_ms, settled_ms);
    assert_int_equal(replica_now_ms(device()->replica) - office.now_ms, highest_ms);
}

static void
time_that_ran_settles_however_long_the_machine_slept(void **state)
{
    (void)state;
    office_pass(&office, 21 * DAY_MS);
    assert_ahead(0, 0);
    office_shut(&office, 0);
    office_pass(&office, 21 * DAY_MS);
    assert_ok(office_start(&office, 0));
    assert_ahead(0, 0);
}

static void
a_step_of_a_day_settles_and_a_longer_one_does_not(void **state)
{
    (void)state;
    device()->clock_off_ms = DAY_MS;
    office_reopen(&office, 0); /* it is kept at each opening */
    assert_ahead(DAY_MS, DAY_MS);
    device()->clock_off_ms = 2 * DAY_MS + 1;
    assert_ahead(DAY_MS, 2 * DAY_MS + 1);
    office_reopen(&office, 0);
    assert_ahead(DAY_MS, 2 * DAY_MS + 1);
    office_pass(&office, HOUR_MS);
    assert_ahead(DAY_MS, 2 * DAY_MS + 1);
}

static void
a_machine_that_was_off_for_weeks_settles_nothing_of_them(void **state)
{
    (void)state;
    office_switch_off(&office, 0);
    office_pass(&office, 21 * DAY_MS);
    assert_ok(office_start(&office, 0));
    assert_ahead(-21 * DAY_MS, 0);
    office_switch_off(&office, 0);
    office_pass(&office, DAY_MS);
    assert_ok(office_start(&office, 0));
    assert_ahead(-21 * DAY_MS, 0);
}

static void
a_clock_that_goes_to_and_fro_takes_time_no_further_than_it_says(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        device()->clock_off_ms = i % 2 == 0 ? HOUR_MS : 0;
        assert_ahead(HOUR_MS, HOUR_MS);
    }
    device()->clock_off_ms = -300 * DAY_MS;
    office_pass(&office, HOUR_MS);
    assert_ahead(HOUR_MS, HOUR_MS);
}

static void
the_servers_word_takes_a_jump_back_and_nothing_that_was_settled(void **state)
{
    (void)state;
    device()->clock_off_ms = HOUR_MS;
    assert_ahead(HOUR_MS, HOUR_MS);
    device()->clock_off_ms = 365 * DAY_MS;
    assert_ahead(HOUR_MS, 365 * DAY_MS);
    office_sync(&office, 0);
    assert_ahead(HOUR_MS, HOUR_MS);
    office_reopen(&office, 0); /* the clock is corrected by what the server said */
    assert_ahead(HOUR_MS, HOUR_MS);
    device()->clock_off_ms = 0; /* and taken as it is once it is set right */
    office_switch_off(&office, 0);
    office_pass(&office, 10 * HOUR_MS);
    assert_ok(office_start(&office, 0));
    office_switch_off(&office, 0);
    office_pass(&office, 10 * HOUR_MS);
    assert_ok(office_start(&office, 0));
    assert_true(replica_settled_ms(device()->replica) >= office.now_ms - 10 * HOUR_MS);
}

static void
the_servers_word_confirms_a_jump(void **state)
{
    (void)state;
    office_switch_off(&office, 0);
    office_pass(&office, 21 * DAY_MS);
    assert_ok(office_start(&office, 0));
    office_sync(&office, 0);
    assert_ahead(0, 0);
}

static void
a_server_time_beyond_all_calendars_is_refused(void **state)
{
    (void)state;
    assert_int_equal(replica_learn_time(device()->replica, INT64_MAX), RC_UNTRUSTED);
    assert_int_equal(replica_learn_time(device()->replica, INT64_MIN), RC_UNTRUSTED);
    assert_int_equal(replica_learn_time(device()->replica, 0), RC_UNTRUSTED);
    assert_ahead(0, 0);
}

static void
a_store_made_under_a_wrong_clock_takes_the_servers_time_when_it_hears_it(void **state)
{
    (void)state;
    device()->replica->time = (struct device_time){.settled_ms = 0};
    device()->clock_off_ms = 365 * DAY_MS;
    assert_int_equal(replica_settled_ms(device()->replica), 0);
    assert_int_equal(replica_now_ms(device()->replica) - office.now_ms, 365 * DAY_MS);
    office_sync(&office, 0);
    assert_ahead(0, 0);
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(time_that_ran_settles_however_long_the_machine_slept),
        CASE(a_step_of_a_day_settles_and_a_longer_one_does_not),
        CASE(a_machine_that_was_off_for_weeks_settles_nothing_of_them),
        CASE(a_clock_that_goes_to_and_fro_takes_time_no_further_than_it_says),
        CASE(the_servers_word_takes_a_jump_back_and_nothing_that_was_settled),
        CASE(the_servers_word_confirms_a_jump),
        CASE(a_server_time_beyond_all_calendars_is_refused),
        CASE(a_store_made_under_a_wrong_clock_takes_the_servers_time_when_it_hears_it),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
