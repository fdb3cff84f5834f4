/* Tests of core/id. */
#include "core/id.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "core/secret.h"

static void
the_text_form_of_the_ends_is_known(void **state)
{
    struct id id = {{0}};
    char text[ID_TEXT_CHARS + 1];

    (void)state;
    assert_true(id_is_zero(id));
    id_to_text(id, text);
    assert_string_equal(text, "00000000000000000000000000");
    memset(id.bytes, 0xff, sizeof id.bytes);
    id_to_text(id, text);
    assert_string_equal(text, "7zzzzzzzzzzzzzzzzzzzzzzzzz");
    memset(id.bytes, 0, sizeof id.bytes);
    id.bytes[15] = 33;
    id_to_text(id, text);
    assert_string_equal(text, "00000000000000000000000011");
}

static void
text_leads_back_to_the_id_and_sorts_as_it(void **state)
{
    struct dice dice = dice_start();
    struct id before = {{0}};
    char before_text[ID_TEXT_CHARS + 1];

    (void)state;
    id_to_text(before, before_text);
    for (int i = 0; i < 5000; i++) {
        struct id id;
        struct id back;
        char text[ID_TEXT_CHARS + 1];
        dice_fill(&dice, id.bytes, sizeof id.bytes);
        id_to_text(id, text);
        assert_ok(id_from_text(text, &back));
        assert_true(id_equal(id, back));
        assert_int_equal(id_compare(id, before) < 0, strcmp(text, before_text) < 0);
        assert_true(id_matches(id, text + ID_TEXT_CHARS - ID_SHORT_CHARS));
        assert_true(id_matches(id, text));
        before = id;
        memcpy(before_text, text, sizeof text);
    }
}

static void
what_is_no_whole_text_form_is_refused(void **state)
{
    struct id id;

    (void)state;
    assert_int_equal(id_from_text("", &id), RC_INVALID);
    assert_int_equal(id_from_text("0000000000000000000000000", &id), RC_INVALID);
    assert_int_equal(id_from_text("000000000000000000000000000", &id), RC_INVALID);
    assert_int_equal(id_from_text("8zzzzzzzzzzzzzzzzzzzzzzzzz", &id), RC_INVALID);
    assert_int_equal(id_from_text("0000000000000000000000000u", &id), RC_INVALID);
    assert_true(id_is_zero(id));
}

static void
case_and_look_alikes_are_forgiven_but_too_little_is_not(void **state)
{
    struct id id;

    (void)state;
    assert_ok(id_from_text("000000000000000000000011za", &id));
    assert_true(id_matches(id, "IlzA0") == false);
    assert_true(id_matches(id, "0IlZA"));
    assert_true(id_matches(id, "oilza"));
    assert_false(id_matches(id, "1za"));
    assert_false(id_matches(id, "01-za"));
}

static void
new_ids_follow_time_and_differ(void **state)
{
    (void)state;
    struct id early = id_new(1000);
    struct id late = id_new(1001);
    assert_true(id_compare(early, late) < 0);
    assert_memory_equal(late.bytes, "\0\0\0\0\x03\xe9", 6);
    assert_false(id_equal(id_new(1000), id_new(1000)));
    assert_false(id_equal(id_random(), id_random()));
    assert_memory_equal(id_new(-5).bytes, "\0\0\0\0\0\0", 6);
}

static void
an_id_is_found_among_items_that_begin_with_one_and_no_other(void **state)
{
    struct item {
        struct id id;
        int other;
    } items[5] = {{{{1}}, 9}, {{{3}}, 9}, {{{3}}, 9}, {{{5}}, 9}, {{{0xff}}, 9}};

    (void)state;
    for (size_t count = 0; count <= 5; count++)
        for (int byte = 0; byte < 256; byte++) {
            bool is_there = false;
            for (size_t i = 0; i < count; i++)
                is_there |= items[i].id.bytes[0] == byte;
            struct id id = {{(uint8_t)byte}};
            assert_int_equal(id_is_among(id, items, count, sizeof items[0]), is_there);
        }
    assert_false(id_is_among((struct id){{0}}, NULL, 0, sizeof items[0]));
}

static int
start(void **state)
{
    (void)state;
    return (int)secret_start();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_form_of_the_ends_is_known),
        cmocka_unit_test(text_leads_back_to_the_id_and_sorts_as_it),
        cmocka_unit_test(what_is_no_whole_text_form_is_refused),
        cmocka_unit_test(case_and_look_alikes_are_forgiven_but_too_little_is_not),
        cmocka_unit_test(new_ids_follow_time_and_differ),
        cmocka_unit_test(an_id_is_found_among_items_that_begin_with_one_and_no_other),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
