/* Tests of arrays that grow. */
#include "core/array.h"

#include "tests/unit/unit.h"

#include "core/rc.h"

enum { ITEMS = 1000 };

static void
what_was_there_stays_however_often_it_grows(void **state)
{
    uint32_t *items = NULL;
    size_t room = 0;

    (void)state;
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint32_t *grown = array_grow(items, &room, i + 1, sizeof *items);
        assert_non_null(grown);
        assert_true(room > i);
        items = grown;
        items[i] = i;
    }
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_int_equal(items[i], i);
    assert_true(room < 2 * ITEMS);
    free(items);
}

static void
an_array_that_knows_only_its_count_grows_too(void **state)
{
    uint32_t *items = NULL;

    (void)state;
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint32_t *grown = array_one_more(items, i, sizeof *items);
        assert_non_null(grown);
        items = grown;
        items[i] = i;
    }
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_int_equal(items[i], i);
    free(items);
}

static void
more_than_can_be_counted_is_refused_and_the_array_stays(void **state)
{
    size_t room = 0;
    uint64_t *items = array_grow(NULL, &room, 4, sizeof *items);

    (void)state;
    assert_non_null(items);
    items[3] = 7;
    assert_null(array_grow(items, &room, SIZE_MAX / 4, sizeof *items));
    assert_int_equal(room, 4);
    assert_int_equal(items[3], 7);
    free(items);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_there_stays_however_often_it_grows),
        cmocka_unit_test(an_array_that_knows_only_its_count_grows_too),
        cmocka_unit_test(more_than_can_be_counted_is_refused_and_the_array_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
