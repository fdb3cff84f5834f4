/* Tests of core/merge3: texts by lines, values by fields. */
#include "core/merge3.h"

#include "tests/unit/unit.h"

#include <string.h>

/* `wanted` NULL: they overlap. Both orders give the same. */
static void
assert_lines(const char *base, const char *first, const char *second, const char *wanted)
{
    struct buf texts[3] = {BUF_EMPTY(1000), BUF_EMPTY(1000), BUF_EMPTY(1000)};
    const char *const words[3] = {base, first, second};
    struct buf out = BUF_EMPTY(1000);
    bool overlaps;

    for (int i = 0; i < 3; i++)
        assert_ok(buf_put(&texts[i], words[i], strlen(words[i])));
    for (int i = 1; i <= 2; i++) {
        buf_clear(&out);
        assert_ok(merge3_lines(&texts[0], &texts[i], &texts[3 - i], &out, &overlaps));
        assert_int_equal(overlaps, wanted == NULL);
        assert_string_equal(buf_text(&out), wanted == NULL ? "" : wanted);
    }
    for (int i = 0; i < 3; i++)
        buf_wipe(&texts[i]);
    buf_wipe(&out);
}

static void
lines_changed_by_one_are_taken_from_that_one(void **state)
{
    (void)state;
    assert_lines("a\nb\nc", "A\nb\nc", "a\nb\nC", "A\nb\nC");
    assert_lines("a\nb", "A\nb", "a\nB", "A\nB");
    assert_lines("a\nb\nc", "b\nc", "a\nb\nc\nd", "b\nc\nd");
    assert_lines("a\nb\nc", "x\na\nb\nc", "a\nb", "x\na\nb");
    assert_lines("a\nb\n", "A\nb\n", "a\nb\n", "A\nb\n");
    assert_lines("a\nb", "a\nb\n", "A\nb", "A\nb\n");
    assert_lines("a", "a", "", "");
}

static void
what_both_changed_alike_is_taken_once(void **state)
{
    (void)state;
    assert_lines("a\nb\nc", "a\nB\nc", "a\nB\nC", NULL); /* [b] against [b c] */
    assert_lines("a\nb\nc\nd", "a\nB\nc\nd", "a\nB\nc\nD", "a\nB\nc\nD");
    assert_lines("", "new", "new", "new");
    assert_lines("a", "", "", "");
}

static void
lines_changed_by_both_overlap(void **state)
{
    (void)state;
    assert_lines("a\nb\nc", "a\nx\nc", "a\ny\nc", NULL);
    assert_lines("a\nb", "a\nb\nx", "a\nb\ny", NULL); /* both put one at the end */
    assert_lines("a\nb\nc", "a\nc", "a\nB\nc", NULL);
    assert_lines("a\nb", "a\nx\nb", "a\nB", NULL); /* before the line that the other changed */
    assert_lines("", "x", "y", NULL);
}

/* ---- values: those of a goal ------------------------------------------------------------------------- */

struct goal_value {
    const char *text, *measure;
    uint32_t deadline;
    const char *status;
};

static void
put_goal(struct buf *value, struct goal_value goal)
{
    assert_ok(value_put_text(value, 1, goal.text));
    assert_ok(value_put_text(value, 2, goal.measure));
    assert_ok(value_put_date(value, 3, goal.deadline));
    assert_ok(value_put_text(value, 5, goal.status));
    assert_ok(value_put_int(value, 77, 5)); /* of a newer program */
}

enum { BASE, ONE, TWO, WANTED, VALUES };

/* Merges ONE and TWO against BASE; `field` is what needs a person, and WANTED then not looked at. */
static void
assert_values(struct goal_value goals[VALUES], struct merge3 merge, bool has_base, uint32_t field)
{
    struct buf values[VALUES], out = BUF_EMPTY(CHANGE_VALUE_BYTES);
    uint32_t needs;

    for (int i = 0; i < VALUES; i++) {
        values[i] = BUF_EMPTY(CHANGE_VALUE_BYTES);
        put_goal(&values[i], goals[i]);
    }
    merge.unit = schema_unit(schema_entity(ENTITY_GOAL), 1);
    merge.base = has_base ? &values[BASE] : NULL;
    merge.sides[0] = &values[ONE];
    merge.sides[1] = &values[TWO];
    merge.count = 2;
    if (merge.other != NULL)
        merge.other = &values[TWO];
    assert_ok(merge3_values(&merge, &out, &needs));
    assert_int_equal(needs, field);
    if (field == 0) {
        assert_int_equal(out.len, values[WANTED].len);
        assert_memory_equal(out.data, values[WANTED].data, out.len);
    }
    for (int i = 0; i < VALUES; i++)
        buf_wipe(&values[i]);
    buf_wipe(&out);
}

static void
each_field_is_taken_from_who_changed_it(void **state)
{
    struct goal_value goals[VALUES] = {{"a\nb\nc", "seen", 20260101, "open"},
                                       {"A\nb\nc", "seen", 20260301, "open"},
                                       {"a\nb\nC", NULL, 20260101, "reached"},
                                       {"A\nb\nC", NULL, 20260301, "reached"}};

    (void)state;
    assert_values(goals, (struct merge3){.texts = MERGE3_LINES}, true, 0);
    goals[WANTED].text = "A\nb\nc\n\na\nb\nC";
    assert_values(goals, (struct merge3){.texts = MERGE3_BELOW}, true, 0);
    goals[WANTED].text = "new";
    assert_values(goals, (struct merge3){.text = "new"}, true, 0);
}

static void
a_field_that_both_changed_needs_a_person(void **state)
{
    struct goal_value goals[VALUES] = {{"a", NULL, 20260101, "open"},
                                       {"a", NULL, 20260301, "open"},
                                       {"b", NULL, 20260401, "open"},
                                       {"b", NULL, 20260401, "open"}};
    static const struct buf some;

    (void)state;
    assert_values(goals, (struct merge3){.texts = MERGE3_LINES}, true, 3);
    assert_values(goals, (struct merge3){.texts = MERGE3_BELOW}, true, 3);
    assert_values(goals, (struct merge3){.texts = MERGE3_LINES, .other = &some}, true, 0);
}

static void
without_a_base_only_what_is_equal_is_taken(void **state)
{
    struct goal_value goals[VALUES] = {{NULL, NULL, 0, NULL},
                                       {"a", NULL, 20260301, "open"},
                                       {"b", NULL, 20260301, "open"},
                                       {"a\n\nb", NULL, 20260301, "open"}};

    (void)state;
    assert_values(goals, (struct merge3){.texts = MERGE3_LINES}, false, 1);
    assert_values(goals, (struct merge3){.texts = MERGE3_BELOW}, false, 0);
    goals[TWO].deadline = 0;
    assert_values(goals, (struct merge3){.texts = MERGE3_BELOW}, false, 3);
}

static void
a_new_text_comes_also_where_no_version_had_one(void **state)
{
    struct goal_value goals[VALUES] = {{NULL, NULL, 20260101, "open"},
                                       {NULL, "m", 20260101, "open"},
                                       {NULL, NULL, 20260202, "open"},
                                       {"new", "m", 20260202, "open"}};

    (void)state;
    assert_values(goals, (struct merge3){.text = "new"}, true, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_changed_by_one_are_taken_from_that_one),
        cmocka_unit_test(what_both_changed_alike_is_taken_once),
        cmocka_unit_test(lines_changed_by_both_overlap),
        cmocka_unit_test(each_field_is_taken_from_who_changed_it),
        cmocka_unit_test(a_field_that_both_changed_needs_a_person),
        cmocka_unit_test(without_a_base_only_what_is_equal_is_taken),
        cmocka_unit_test(a_new_text_comes_also_where_no_version_had_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
