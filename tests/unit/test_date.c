/* Tests of core/date. The zone is given as a POSIX rule, so no zone files are needed. */
#include "core/date.h"

#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

static struct date
on(const char *text)
{
    struct date date;

    assert_ok(date_parse(text, &date));
    return date;
}

static void
dates_that_do_not_exist_are_refused(void **state)
{
    static const char *const bad[] = {
        "",           "2026",       "2026-2-3",   "2026-02-30", "2025-02-29",  "1900-02-29",
        "2026-00-10", "2026-13-01", "2026-04-31", "2026-01-00", "26-01-01",    "2026/01/01",
        "1899-12-31", "2200-01-01", "2026-01-01 ", " 2026-01-01", "2026-01-0x", "2026-01-011",
    };
    struct date date;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (date_parse(bad[i], &date) != RC_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(date.day, 0);
    }
    assert_int_equal(date_parse("2026-02-30", &date), RC_INVALID);
    assert_string_equal(rc_sentence(), "there is no day 30 in month 2 of 2026: it has 28 days");
    assert_ok(date_parse("2024-02-29", &date));
    assert_ok(date_parse("2000-02-29", &date));
}

static void
days_are_counted_over_leap_years(void **state)
{
    (void)state;
    assert_int_equal(date_between(on("2024-02-28"), on("2024-03-01")), 2);
    assert_int_equal(date_between(on("2026-03-01"), on("2026-02-28")), -1);
    assert_int_equal(date_between(on("1969-12-31"), on("1970-01-01")), 1);
    assert_int_equal(date_between(on("1900-01-01"), on("2199-12-31")), 109572);
}

static void
adding_days_and_counting_them_agree(void **state)
{
    struct dice dice = dice_start();

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct date from = date_add_days(on("1900-01-01"), (int64_t)dice_below(&dice, 100000));
        int64_t days = (int64_t)dice_below(&dice, 9000);
        struct date to = date_add_days(from, days);
        char text[DATE_TEXT_BYTES];
        date_to_text(to, text);
        assert_int_equal(date_compare(on(text), to), 0);
        assert_int_equal(date_between(from, to), days);
        assert_int_equal(date_compare(from, to), days > 0 ? -1 : 0);
        assert_int_equal(date_compare(date_add_days(to, -days), from), 0);
    }
}

static void
months_end_where_they_end(void **state)
{
    (void)state;
    assert_int_equal(date_compare(date_add_months(on("2026-01-31"), 1), on("2026-02-28")), 0);
    assert_int_equal(date_compare(date_add_months(on("2023-11-30"), 3), on("2024-02-29")), 0);
    assert_int_equal(date_compare(date_add_months(on("2026-12-15"), 1), on("2027-01-15")), 0);
    assert_int_equal(date_compare(date_add_months(on("2026-01-15"), -1), on("2025-12-15")), 0);
}

static int64_t
moment(const char *text)
{
    int64_t ms = 0;

    assert_ok(time_parse(text, &ms));
    return ms;
}

static void
moments_are_read_in_their_zone(void **state)
{
    (void)state;
    assert_true(moment("1970-01-01T00:00Z") == 0);
    assert_true(moment("1970-01-01T01:00:01+01:00") == 1000);
    assert_true(moment("1969-12-31T23:30-00:30") == 0);
    assert_true(moment("2026-11-22 09:30") == moment("2026-11-22T09:30+01:00"));
    assert_true(moment("2026-07-22 09:30") == moment("2026-07-22T09:30+02:00"));
}

static void
the_hour_that_is_skipped_is_refused_and_of_the_double_hour_the_first_is_meant(void **state)
{
    int64_t ms = 0;

    (void)state;
    assert_int_equal(time_parse("2026-03-29 02:30", &ms), RC_INVALID);
    assert_true(moment("2026-03-29 03:00") == moment("2026-03-29T01:00Z"));
    assert_true(moment("2026-10-25 02:30") == moment("2026-10-25T00:30Z"));
    assert_true(moment("2026-10-25 03:00") == moment("2026-10-25T02:00Z"));
}

static void
moments_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {
        "2026-11-22",          "2026-11-22T09:30",       "2026-11-22T24:00Z",      "2026-11-22T09:60Z",
        "2026-11-22T09:30:60Z", "2026-11-22T09:30+1:00", "2026-11-22T09:30+24:00", "2026-11-22T09:30Zx",
        "2026-11-22 09:30:00", "2026-02-30T09:30Z",      "2026-11-22t09:30z",      "2026-11-22 9:30",
        "2199-12-31T23:59-12:00", "1900-01-01T00:00+23:59",
    };
    int64_t ms = 0;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (time_parse(bad[i], &ms) != RC_INVALID)
            fail_msg("taken: %s", bad[i]);
    }
}

static void
moments_are_written_with_their_zone_and_read_back(void **state)
{
    struct dice dice = dice_start();
    char text[TIME_TEXT_BYTES];

    (void)state;
    time_to_text(moment("2026-07-22T07:30Z"), text);
    assert_string_equal(text, "2026-07-22T09:30:00+02:00");
    time_to_text(moment("2026-01-22T07:30:05Z") + 999, text);
    assert_string_equal(text, "2026-01-22T08:30:05+01:00");
    time_to_text(-1, text);
    assert_string_equal(text, "1970-01-01T00:59:59+01:00");
    time_to_text((INT64_C(1) << 48) - 1, text); /* the last that a hybrid clock can say */
    assert_string_equal(text, "9999-12-31T00:59:59+01:00");
    time_to_text(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T00:59:59+01:00");
    time_to_text(INT64_MIN, text);
    assert_int_equal(strlen(text), TIME_TEXT_BYTES - 1);
    assert_memory_equal(text, "1000-01-0", 9);
    for (int i = 0; i < 5000; i++) {
        int64_t ms = (int64_t)dice_below(&dice, 4000000000) * 1000;
        time_to_text(ms, text);
        assert_true(moment(text) == ms);
    }
}

static int64_t
fixed_ms(void *context)
{
    return *(const int64_t *)context;
}

static void
today_is_the_date_of_the_local_zone(void **state)
{
    int64_t ms = moment("2026-11-22T23:30Z");
    struct clock clock = {fixed_ms, fixed_ms, NULL, &ms};

    (void)state;
    assert_int_equal(date_compare(date_today(&clock), on("2026-11-23")), 0);
    assert_int_equal(date_compare(date_of_ms(-1), on("1970-01-01")), 0); /* an hour past midnight here */
}

static int
start(void **state)
{
    (void)state;
    int failed = setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    return failed;
}

static void
a_stamp_is_in_utc_and_fits_a_file_name(void **state)
{
    char stamp[TIME_STAMP_BYTES];

    (void)state;
    time_to_stamp(INT64_C(951826153999), stamp);
    assert_string_equal(stamp, "20000229T120913Z");
    time_to_stamp(INT64_MAX, stamp);
    assert_string_equal(stamp, "2922789940817T071255Z");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_that_do_not_exist_are_refused),
        cmocka_unit_test(days_are_counted_over_leap_years),
        cmocka_unit_test(adding_days_and_counting_them_agree),
        cmocka_unit_test(months_end_where_they_end),
        cmocka_unit_test(moments_are_read_in_their_zone),
        cmocka_unit_test(the_hour_that_is_skipped_is_refused_and_of_the_double_hour_the_first_is_meant),
        cmocka_unit_test(moments_that_are_none_are_refused),
        cmocka_unit_test(moments_are_written_with_their_zone_and_read_back),
        cmocka_unit_test(today_is_the_date_of_the_local_zone),
        cmocka_unit_test(a_stamp_is_in_utc_and_fits_a_file_name),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
