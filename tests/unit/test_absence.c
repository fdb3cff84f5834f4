/* Tests of core/absence. */
#include "core/absence.h"

#include <string.h>

#include "tests/unit/two_devices.h"

static size_t seen;

static enum rc
see(void *context, const struct absence *absence)
{
    (void)context;
    seen += id_equal(absence->person, devices_id(2, 1)) && absence->until == 20240805;
    return RC_OK;
}

static enum rc
see_assent(void *context, const struct assent *assent)
{
    (void)context;
    seen += strcmp(assent->answer, "veto") == 0;
    return RC_OK;
}

static void
absences_are_listed_when_they_overlap(void **state)
{
    struct record_filter august = {.from = 20240801, .until = 20240831};
    struct record_filter june = {.from = 20240601, .until = 20240630};
    struct absence absence = {
        .person = devices_id(2, 1), .from = 20240720, .until = 20240805, .kind = "leave"};

    (void)state;
    assert_ok(absence_put(journal(0), &set, &absence));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    seen = 0;
    assert_ok(absence_list(journal(1), &august, see, NULL));
    assert_int_equal(seen, 1);
    assert_ok(absence_list(journal(1), &june, see, NULL));
    assert_int_equal(seen, 1);
    absence.until = 20240701;
    assert_int_equal(absence_put(journal(0), &set, &absence), RC_INVALID);
}

static void
an_absence_with_two_versions_is_not_past_for_what_one_of_them_says(void **state)
{
    struct record_filter to_come = {.from = 20240810, .is_open_only = true};
    struct record_filter august = {.from = 20240810, .until = 20240831};
    struct absence absence = {
        .person = devices_id(2, 1), .from = 20240720, .until = 20240801, .kind = "leave"};
    struct absence longer;

    (void)state;
    assert_ok(absence_put(journal(0), &set, &absence));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    longer = absence;
    longer.until = 20240901;
    assert_ok(absence_put(journal(0), &set, &longer));
    devices_save_set(&world, 0, &set);
    world.device[1].now_ms = world.device[0].now_ms + 60000;
    absence.until = 20240805;
    assert_ok(absence_put(journal(1), &set, &absence));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    seen = 0;
    assert_ok(absence_list(journal(0), &to_come, see, NULL));
    assert_int_equal(seen, 1);
    assert_ok(absence_list(journal(0), &august, see, NULL)); /* a period that was asked for is that of what is shown */
    assert_int_equal(seen, 1);
}

static void
an_assent_is_about_a_cover_and_a_colleague(void **state)
{
    struct record_filter all = {.family = world.family};
    struct assent assent = {
        .facts.family = world.family, .cover = devices_id(5, 1), .answer = "veto"};

    (void)state;
    assert_int_equal(assent_put(journal(0), &set, &assent), RC_INVALID);
    assent.person = devices_id(2, 1);
    assert_ok(assent_put(journal(0), &set, &assent));
    devices_save_set(&world, 0, &set);
    seen = 0;
    assert_ok(assent_list(journal(0), &all, see_assent, NULL));
    assert_int_equal(seen, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(absences_are_listed_when_they_overlap),
        TEST(an_absence_with_two_versions_is_not_past_for_what_one_of_them_says),
        TEST(an_assent_is_about_a_cover_and_a_colleague),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
