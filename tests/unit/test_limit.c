/* Tests of server/limit. */
#include "server/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/secret.h"

static const struct limit_rates NARROW = {
    .each = {{2, 4}, {2, 4}, {2, 4}, {2, 4}},
    .all = {{1000, 1000}, {1000, 6}, {1000, 1000}, {1000, 1000}},
};

static int
set_up(void **state)
{
    struct limit *limit;

    assert_int_equal(limit_new(&limit), RC_OK);
    *state = limit;
    return 0;
}

static int
tear_down(void **state)
{
    limit_free(*state);
    return 0;
}

static unsigned
takes(struct limit *limit, enum limit_group group, const char *key, int64_t now_ms, unsigned tries)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < tries; i++)
        taken += limit_take(limit, &NARROW, group, key, strlen(key), now_ms);
    return taken;
}

static void
a_burst_passes_and_no_more(void **state)
{
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 1000, 10), 4);
}

static void
tokens_come_back_with_time_and_not_above_the_burst(void **state)
{
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 1000, 10), 4);
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 1400, 10), 0);
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 1500, 10), 1);
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 2500, 10), 2);
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", INT64_MAX / 2, 10), 4);
}

static void
a_clock_that_runs_back_gives_nothing(void **state)
{
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 100000, 10), 4);
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 1000, 10), 0);
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 100400, 10), 0);
}

static void
one_key_does_not_slow_another(void **state)
{
    assert_int_equal(takes(*state, LIMIT_DEVICE, "a", 1000, 100), 4);
    assert_int_equal(takes(*state, LIMIT_DEVICE, "b", 1000, 100), 4);
    assert_int_equal(takes(*state, LIMIT_JOIN, "a", 1000, 100), 4);
}

static void
all_keys_of_a_group_share_a_bucket(void **state)
{
    assert_int_equal(takes(*state, LIMIT_HELLO, "a", 1000, 100), 4);
    assert_int_equal(takes(*state, LIMIT_HELLO, "b", 1000, 100), 2);
    assert_int_equal(takes(*state, LIMIT_HELLO, "c", 1000, 100), 0);
}

static void
who_is_over_the_limit_takes_nothing_from_others(void **state)
{
    assert_int_equal(takes(*state, LIMIT_HELLO, "a", 1000, 100), 4);
    assert_int_equal(takes(*state, LIMIT_HELLO, "a", 1000, 100), 0);
    assert_int_equal(takes(*state, LIMIT_HELLO, "b", 1000, 100), 2);
}

static void
a_flood_of_keys_keeps_within_the_table(void **state)
{
    char key[16];
    unsigned taken = 0;

    for (int i = 0; i < 20000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        taken += limit_take(*state, &NARROW, LIMIT_DEVICE, key, strlen(key), 1000);
    }
    assert_int_equal(taken, 1000); /* what all may take together */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_passes_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tokens_come_back_with_time_and_not_above_the_burst, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_runs_back_gives_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_key_does_not_slow_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_keys_of_a_group_share_a_bucket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_over_the_limit_takes_nothing_from_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_keys_keeps_within_the_table, set_up, tear_down),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
