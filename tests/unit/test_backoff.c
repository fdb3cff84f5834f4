/* Tests of sync/backoff. */
#include "sync/backoff.h"

#include "tests/unit/unit.h"

#include "tests/support/chance.h"

static void
who_did_not_fail_does_not_wait(void **state)
{
    (void)state;
    assert_int_equal(backoff_ms(0, UINT64_MAX), 0);
}

static void
each_failure_doubles_what_is_waited_up_to_five_minutes(void **state)
{
    (void)state;
    struct chance chance = {1};
    int64_t most_ms = BACKOFF_FIRST_MS;

    for (unsigned failures = 1; failures < 100; failures++) {
        for (int i = 0; i < 100; i++) {
            int64_t ms = backoff_ms(failures, chance_u64(&chance));
            assert_true(ms >= most_ms / 2 && ms <= most_ms);
        }
        assert_int_equal(backoff_ms(failures, 0), most_ms / 2);
        assert_int_equal(backoff_ms(failures, (uint64_t)most_ms / 2), most_ms);
        most_ms = most_ms * 2 < BACKOFF_MOST_MS ? most_ms * 2 : BACKOFF_MOST_MS;
    }
    assert_true(backoff_ms(UINT32_MAX, UINT64_MAX) <= BACKOFF_MOST_MS);
}

static void
devices_that_lost_the_server_together_come_back_spread(void **state)
{
    (void)state;
    struct chance chance = {7};
    unsigned quarters[4] = {0};

    for (int i = 0; i < 1000; i++) {
        int64_t late_ms = backoff_ms(20, chance_u64(&chance)) - BACKOFF_MOST_MS / 2;
        quarters[late_ms >= BACKOFF_MOST_MS / 2 ? 3 : late_ms * 4 / (BACKOFF_MOST_MS / 2)]++;
    }
    for (int i = 0; i < 4; i++)
        assert_true(quarters[i] > 150);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_did_not_fail_does_not_wait),
        cmocka_unit_test(each_failure_doubles_what_is_waited_up_to_five_minutes),
        cmocka_unit_test(devices_that_lost_the_server_together_come_back_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
