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

/* What is shown is one of two versions: no list of what is open leaves it out for that. */
static void
a_goal_that_is_reached_in_one_of_two_versions_stays_in_the_open_list(void **state)
{
    struct record_filter open = {.family = world.family, .is_open_only = true};
    struct goal goal = {.facts.family = world.family, .text = "Samen eten"};
    struct goal reached, out;
    uint32_t deadlines[4];

    (void)state;
    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    reached = goal;
    goal.text = "Samen aan tafel";
    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
    world.device[1].now_ms = world.device[0].now_ms + 60000;
    reached.status = "reached";
    assert_ok(goal_put(journal(1), &set, &reached));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    assert_ok(goal_get(journal(0), goal.facts.id, &out, &texts));
    assert_string_equal(out.status, "reached");
    assert_int_equal(out.facts.conflicts, 1);
    for (size_t device = 0; device < 2; device++) {
        seen = 0;
        assert_ok(goal_list(journal(device), &open, see, deadlines));
        assert_int_equal(seen, 1);
    }
    put("done", 0, "reached"); /* in its only version */
    seen = 0;
    assert_ok(goal_list(journal(0), &open, see, deadlines));
    assert_int_equal(seen, 1);
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
    goal.text = "b"; /* not in the twin, which is saved again as it was: a deletion elsewhere did not see this edit */
    assert_ok(goal_put(journal(0), &set, &goal));
    assert_int_equal(set.count, 2);
    devices_save_set(&world, 0, &set);
    dump = devices_dump(&world, 0, world.index);
    assert_non_null(strstr(dump, "deadline=20250505"));
    assert_null(strstr(dump, "deadline=20240101"));
    free(dump);
}

static void
a_goal_whose_first_part_was_changed_last_is_deleted_and_restored(void **state)
{
    struct goal goal = {.facts.family = world.family, .text = "a", .level = "werkdoel"};
    struct goal out;

    (void)state;
    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
    goal.text = "b"; /* the text's version comes after the level's now: a list of versions stands in their order */
    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
    assert_ok(change_set_delete(journal(0), &set, world.family, ENTITY_GOAL, goal.facts.id));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    assert_ok(goal_get(journal(1), goal.facts.id, &out, &texts));
    assert_true(out.facts.is_hidden);
    assert_ok(change_set_restore(journal(1), &set, world.family, ENTITY_GOAL, goal.facts.id));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    assert_ok(goal_get(journal(0), goal.facts.id, &out, &texts));
    assert_false(out.facts.is_hidden);
    assert_string_equal(out.text, "b");
}

static enum rc
take_value(void *context, const struct current *current)
{
    struct buf *value = context;

    buf_clear(value);
    return buf_put(value, current->value, current->value_len);
}

/* As a newer program writes a goal: with a field 6 that has a twin, and a field 9 of a type that we do not know. */
static void
put_as_newer(struct id goal, const struct field *later)
{
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES), twin = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct change file = CHANGE_EMPTY(world.file), index = CHANGE_EMPTY(world.index);

    assert_ok(value_put_text(&value, 1, "Samen eten"));
    assert_ok(value_put_int(&value, 6, 3));
    assert_ok(value_put_field(&value, later));
    assert_ok(value_put_int(&twin, 6, 3));
    assert_ok(change_put(&file, ENTITY_GOAL, goal, 1, &value));
    assert_ok(change_put(&index, ENTITY_GOAL, goal, 1, &twin));
    devices_save(&world, 0, &file);
    devices_save(&world, 0, &index);
    devices_sync(&world);
    buf_wipe(&value);
    buf_wipe(&twin);
}

static void
an_edit_keeps_what_a_newer_program_put_there_byte_for_byte(void **state)
{
    static const uint8_t bytes[] = {9, 8, 7};
    struct field later = {.number = 9, .type = (enum field_type)12, .bytes = bytes, .len = sizeof bytes};
    struct goal goal = {.facts = {.id = devices_id(9, 1), .family = world.family}, .text = "Samen aan tafel",
                        .deadline = 20250505};
    struct buf expected = BUF_EMPTY(CHANGE_VALUE_BYTES), value = BUF_EMPTY(CHANGE_VALUE_BYTES);

    (void)state;
    put_as_newer(goal.facts.id, &later);
    assert_ok(goal_put(journal(1), &set, &goal));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    assert_ok(value_put_text(&expected, 1, "Samen aan tafel"));
    assert_ok(value_put_date(&expected, 3, 20250505));
    assert_ok(value_put_int(&expected, 6, 3));
    assert_ok(value_put_field(&expected, &later));
    assert_ok(journal_current(journal(0), world.file, ENTITY_GOAL, goal.facts.id, 1, take_value, &value));
    assert_int_equal(value.len, expected.len);
    assert_memory_equal(value.data, expected.data, value.len);
    buf_clear(&expected);
    assert_ok(value_put_date(&expected, 3, 20250505));
    assert_ok(value_put_int(&expected, 6, 3));
    assert_ok(journal_current(journal(0), world.index, ENTITY_GOAL, goal.facts.id, 1, take_value, &value));
    assert_int_equal(value.len, expected.len);
    assert_memory_equal(value.data, expected.data, value.len);
    assert_ok(goal_put(journal(1), &set, &goal)); /* the same again is no change */
    assert_int_equal(set.count, 0);
    buf_wipe(&expected);
    buf_wipe(&value);
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
        TEST(a_goal_that_is_reached_in_one_of_two_versions_stays_in_the_open_list),
        TEST(the_twin_follows_the_goal),
        TEST(a_goal_whose_first_part_was_changed_last_is_deleted_and_restored),
        TEST(an_edit_keeps_what_a_newer_program_put_there_byte_for_byte),
        TEST(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
