/* Tests of core/rc. */
#include "core/rc.h"

#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

static void
every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < RC_COUNT; a++) {
        assert_non_null(rc_name((enum rc)a));
        for (int b = a + 1; b < RC_COUNT; b++)
            assert_string_not_equal(rc_name((enum rc)a), rc_name((enum rc)b));
    }
    assert_string_equal(rc_name((enum rc)RC_COUNT), "unknown");
}

static void
what_was_being_done_stands_before_the_finding(void **state)
{
    (void)state;
    assert_int_equal(rc_fail(RC_CORRUPT, "the tag of page %d differs", 7), RC_CORRUPT);
    assert_int_equal(rc_while(RC_CORRUPT, "opening %s", "the store"), RC_CORRUPT);
    assert_string_equal(rc_sentence(), "opening the store: the tag of page 7 differs");
}

static void
a_sentence_may_quote_the_sentence_before_it(void **state)
{
    (void)state;
    assert_int_equal(rc_fail(RC_IO, "inner"), RC_IO);
    assert_int_equal(rc_fail(RC_IO, "outer (%s)", rc_sentence()), RC_IO);
    assert_string_equal(rc_sentence(), "outer (inner)");
}

/* As in the name of a file that somebody else made. */
static void
a_sentence_has_no_control_characters(void **state)
{
    (void)state;
    assert_int_equal(rc_fail(RC_IO, "%s", "a\033[2J\nb\x7f caf\xC3\xA9 \xC2\x9B" "1m \xC2\xA7"), RC_IO);
    assert_int_equal(rc_while(RC_IO, "in\r%s", "side"), RC_IO);
    assert_string_equal(rc_sentence(), "in?side: a?[2J?b? caf\xC3\xA9 ??1m \xC2\xA7");
}

static void
a_sentence_without_end_is_cut(void **state)
{
    char endless[5000];

    (void)state;
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(rc_fail(RC_IO, "%s", endless), RC_IO);
    assert_int_equal(rc_while(RC_IO, "%s", endless), RC_IO);
    assert_in_range(strlen(rc_sentence()), 1000, 1023);
}

static void *
fail_elsewhere(void *unused)
{
    (void)unused;
    return rc_fail(RC_IO, "elsewhere") == RC_IO ? NULL : fail_elsewhere;
}

static void
threads_keep_their_own_sentence(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(rc_fail(RC_FULL, "here"), RC_FULL);
    assert_ok(pthread_create(&thread, NULL, fail_elsewhere, NULL));
    assert_ok(pthread_join(thread, NULL));
    assert_string_equal(rc_sentence(), "here");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_of_its_own),
        cmocka_unit_test(what_was_being_done_stands_before_the_finding),
        cmocka_unit_test(a_sentence_may_quote_the_sentence_before_it),
        cmocka_unit_test(a_sentence_has_no_control_characters),
        cmocka_unit_test(a_sentence_without_end_is_cut),
        cmocka_unit_test(threads_keep_their_own_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
