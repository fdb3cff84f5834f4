/* Tests of core/family. */
#include "core/family.h"

#include "tests/unit/two_devices.h"

static void
a_family_comes_back_as_it_was_put(void **state)
{
    struct family family = {.facts.id = world.family,
                            .code_name = "Duin",
                            .phase = "startfase",
                            .since = 20240101,
                            .opened = 20240102};
    struct family out;

    (void)state;
    assert_ok(family_put(journal(0), &set, &family));
    assert_int_equal(set.count, 1);
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    assert_ok(family_get(journal(1), world.family, &out, &texts));
    assert_string_equal(out.code_name, "Duin");
    assert_string_equal(out.phase, "startfase");
    assert_int_equal(out.since, 20240101);
    assert_true(id_equal(out.facts.changed_by, world.device[0].self.person));
    assert_ok(family_put(journal(1), &set, &out));
    assert_int_equal(set.count, 0); /* nothing differs: nothing is written */
    out.closed = 20240601;
    assert_ok(family_put(journal(1), &set, &out));
    assert_int_equal(set.changes[0].count, 1);
}

static void
a_family_is_found_by_its_code_name_or_its_id(void **state)
{
    struct family family = {.facts.id = world.family, .code_name = "Zee"};
    char text[ID_TEXT_CHARS + 1];
    struct id found;

    (void)state;
    assert_ok(family_put(journal(0), &set, &family));
    devices_save_set(&world, 0, &set);
    assert_ok(family_find(journal(0), "zEE", &found));
    assert_true(id_equal(found, world.family));
    id_to_text(world.family, text);
    assert_ok(family_find(journal(0), text + ID_TEXT_CHARS - 6, &found));
    assert_int_equal(family_find(journal(0), "Duin", &found), RC_ABSENT);
}

static void
phases_in_conflict_are_shown_to_people(void **state)
{
    struct family family = {.facts.id = world.family, .code_name = "Zee", .phase = "a"};
    struct family out;

    (void)state;
    assert_ok(family_put(journal(0), &set, &family));
    devices_save_set(&world, 0, &set);
    family.phase = "b";
    assert_ok(family_put(journal(1), &set, &family));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    assert_ok(family_get(journal(0), world.family, &out, &texts));
    assert_int_equal(out.facts.conflicts, 1);
}

static void
a_profile_is_put_unit_by_unit(void **state)
{
    struct profile profile = {
        .facts.family = world.family, .address = "Kade 1", .unsafe = "de hond"};
    struct profile out;

    (void)state;
    assert_int_equal(profile_get(journal(0), world.family, &out, &texts), RC_ABSENT);
    assert_ok(profile_put(journal(0), &set, &profile));
    assert_int_equal(set.changes[0].count, 2);
    devices_save_set(&world, 0, &set);
    assert_ok(profile_get(journal(0), world.family, &out, &texts));
    assert_string_equal(out.unsafe, "de hond");
    assert_null(out.reach);
    out.unsafe = NULL; /* cleared */
    assert_ok(profile_put(journal(0), &set, &out));
    devices_save_set(&world, 0, &set);
    assert_ok(profile_get(journal(0), world.family, &out, &texts));
    assert_null(out.unsafe);
    assert_string_equal(out.address, "Kade 1");
}

static void
what_cannot_be_is_refused(void **state)
{
    struct family nameless = {.facts.id = world.family, .code_name = " "};
    struct family backwards = {
        .facts.id = world.family, .code_name = "x", .opened = 20240102, .closed = 20240101};
    struct family unreal = {.facts.id = world.family, .code_name = "x", .opened = 20230229};
    struct family shouted = {.facts.id = world.family, .code_name = "x", .phase = "START"};
    struct family elsewhere = {.facts.id = devices_id(3, 9), .code_name = "x"};

    (void)state;
    assert_int_equal(family_put(journal(0), &set, &nameless), RC_INVALID);
    assert_int_equal(family_put(journal(0), &set, &backwards), RC_INVALID);
    assert_int_equal(family_put(journal(0), &set, &unreal), RC_INVALID);
    assert_int_equal(family_put(journal(0), &set, &shouted), RC_INVALID);
    assert_int_equal(family_put(journal(0), &set, &elsewhere), RC_ABSENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_family_comes_back_as_it_was_put),
        TEST(a_family_is_found_by_its_code_name_or_its_id),
        TEST(phases_in_conflict_are_shown_to_people),
        TEST(a_profile_is_put_unit_by_unit),
        TEST(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
