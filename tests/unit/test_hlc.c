/* Tests of core/hlc. */
#include "core/hlc.h"

#include "tests/unit/unit.h"

#define NOW_MS INT64_C(1767225600000) /* 2026 begins */
#define YEAR_MS (INT64_C(365) * 86400 * 1000)

static void
it_never_runs_back_under_a_clock_that_jumps_years(void **state)
{
    struct dice dice = dice_start();
    struct hlc hlc = {0};
    uint64_t last = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t years = (int64_t)dice_below(&dice, 100) - 50;
        int64_t wall_ms = NOW_MS + years * YEAR_MS + (int64_t)dice_below(&dice, 1000);
        if (dice_below(&dice, 3) == 0)
            hlc_observe(&hlc, dice_next(&dice), wall_ms);
        uint64_t stamp = hlc_next(&hlc, wall_ms);
        assert_true(stamp > last);
        assert_true(hlc_ms(stamp) >= wall_ms);
        last = stamp;
    }
}

static void
it_follows_a_clock_that_runs_well(void **state)
{
    struct hlc hlc = {0};

    (void)state;
    assert_int_equal(hlc_ms(hlc_next(&hlc, NOW_MS)), NOW_MS);
    assert_true(hlc_next(&hlc, NOW_MS) == hlc_pack(NOW_MS, 1));
    assert_true(hlc_next(&hlc, NOW_MS - 5000) == hlc_pack(NOW_MS, 2));
    assert_true(hlc_next(&hlc, NOW_MS + 1) == hlc_pack(NOW_MS + 1, 0));
}

static void
a_full_counter_runs_over_into_the_time(void **state)
{
    struct hlc hlc = {hlc_pack(NOW_MS, UINT16_MAX)};

    (void)state;
    assert_true(hlc_next(&hlc, NOW_MS) == hlc_pack(NOW_MS + 1, 0));
}

static void
others_move_it_but_not_beyond_the_drift(void **state)
{
    struct hlc hlc = {hlc_pack(NOW_MS, 0)};

    (void)state;
    hlc_observe(&hlc, hlc_pack(NOW_MS + 1000, 7), NOW_MS);
    assert_true(hlc.last == hlc_pack(NOW_MS + 1000, 7));
    hlc_observe(&hlc, hlc_pack(NOW_MS, 7), NOW_MS); /* an older stamp moves nothing */
    assert_true(hlc.last == hlc_pack(NOW_MS + 1000, 7));
    hlc_observe(&hlc, UINT64_MAX, NOW_MS);
    assert_int_equal(hlc_ms(hlc.last), NOW_MS + HLC_DRIFT_MS);
    struct hlc ahead = {hlc_pack(NOW_MS + YEAR_MS, 0)};
    hlc_observe(&ahead, UINT64_MAX, NOW_MS);
    assert_true(ahead.last == hlc_pack(NOW_MS + YEAR_MS, 0));
}

static void
times_out_of_range_are_taken_as_the_ends(void **state)
{
    struct hlc hlc = {UINT64_MAX - 1};

    (void)state;
    assert_true(hlc_pack(-1, 3) == 3);
    assert_true(hlc_pack(INT64_MAX, UINT16_MAX) == UINT64_MAX);
    assert_true(hlc_next(&hlc, 0) == UINT64_MAX);
    hlc_observe(&hlc, 5, INT64_MAX);
    assert_true(hlc.last == UINT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_never_runs_back_under_a_clock_that_jumps_years),
        cmocka_unit_test(it_follows_a_clock_that_runs_well),
        cmocka_unit_test(a_full_counter_runs_over_into_the_time),
        cmocka_unit_test(others_move_it_but_not_beyond_the_drift),
        cmocka_unit_test(times_out_of_range_are_taken_as_the_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
