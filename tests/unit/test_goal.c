/* Tests of core/goal. */
#include "core/goal.h"

#include <string.h>

#include "tests/unit/two_devices.h"

static size_t seen;

static enum rc
see(void *context, const struct goal *goal)
{
    uint32_t *deadlines = context;

    deadlines[seen++] = goal->deadline;
    return RC_OK;
}

static void
put(const char *text, uint32_t deadline, const char *status)
{
    struct goal goal = {.facts.family = world.family,
                        .text = text,
                        .deadline = deadline,
                        .status = status,
                        .level = "werkdoel"};

    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
}

static void
the_levels_are_a_list_and_others_are_shown_as_they_came(void **state)
{
    struct goal goal = {.facts.family = world.family, .text = "x", .level = "blah"};
    struct goal out;

    (void)state;
    assert_string_equal(goal_level_at(0)->slug, "hoofddoel");
    assert_string_equal(goal_level_at(1)->slug, "subdoel");
    assert_string_equal(goal_level_at(2)->slug, "werkdoel");
    assert_null(goal_level_at(3));
    assert_string_not_equal(goal_level_at(2)->name, "");
    assert_string_equal(goal_level_say("blah"), "blah");
    assert_string_equal(goal_level_say(NULL), "");
    assert_ok(goal_put(journal(0), &set, &goal)); /* as another program's goal comes in */
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    assert_ok(goal_get(journal(1), goal.facts.id, &out, &texts));
    assert_string_equal(out.level, "blah");
}

static void
open_goals_are_listed_by_deadline(void **state)
{
    struct record_filter open = {.family = world.family, .is_open_only = true};
    uint32_t deadlines[4] = {0};

    (void)state;
    put("none", 0, NULL);
    put("late", 20250101, "open");
    put("soon", 20240101, "open");
    put("done", 20230101, "reached");
    seen = 0;
    assert_ok(goal_list(journal(0), &open, see, deadlines));
    assert_int_equal(seen, 3);
    assert_int_equal(deadlines[0], 20240101);
    assert_int_equal(deadlines[2], 0);
}

static void
both_versions_of_a_goal_are_kept_until_a_person_chooses(void **state)
{
    struct goal goal = {.facts.family = world.family, .text = "Samen eten"};
    struct goal out;

    (void)state;
    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    goal.text = "Samen aan tafel";
    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
    goal.text = "Elke dag samen eten";
    assert_ok(goal_put(journal(1), &set, &goal));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    assert_ok(goal_get(journal(0), goal.facts.id, &out, &texts));
    assert_int_equal(out.facts.conflicts, 1);
}

static void
the_twin_follows_the_goal(void **state)
{
    struct goal goal = {.facts.family = world.family, .text = "a", .deadline = 20240101};
    char *dump;

    (void)state;
    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
    goal.deadline = 20250505;
    assert_ok(goal_put(journal(0), &set, &goal));
    assert_int_equal(set.count, 2);
    devices_save_set(&world, 0, &set);
    goal.text = "b"; /* not in the twin: it is left alone */
    assert_ok(goal_put(journal(0), &set, &goal));
    assert_int_equal(set.count, 1);
    devices_save_set(&world, 0, &set);
    dump = devices_dump(&world, 0, world.index);
    assert_non_null(strstr(dump, "deadline=20250505"));
    assert_null(strstr(dump, "deadline=20240101"));
    free(dump);
}

static void
what_cannot_be_is_refused(void **state)
{
    struct goal empty = {.facts.family = world.family};
    struct goal odd = {.facts.family = world.family, .text = "x", .status = "perhaps"};

    (void)state;
    assert_int_equal(goal_put(journal(0), &set, &empty), RC_INVALID);
    assert_int_equal(goal_put(journal(0), &set, &odd), RC_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_levels_are_a_list_and_others_are_shown_as_they_came),
        TEST(open_goals_are_listed_by_deadline),
        TEST(both_versions_of_a_goal_are_kept_until_a_person_chooses),
        TEST(the_twin_follows_the_goal),
        TEST(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
