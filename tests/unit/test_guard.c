/* Tests of server/guard: which heads of requests get past, and what the others are refused with. */
#include "server/guard.h"

#include "tests/unit/unit.h"

#include <string.h>

static void
put(struct guard *guard, const char *name, const char *value)
{
    guard_header(guard, name, strlen(name), value, strlen(value));
}

static struct guard
with_host(void)
{
    struct guard guard = {0};

    put(&guard, "host", "baken.example.org");
    return guard;
}

static void
a_right_head_passes(void **state)
{
    (void)state;
    struct guard guard = with_host();

    assert_int_equal(guard_verdict(&guard, "GET"), WIRE_ERROR_NONE);
    put(&guard, "Content-Length", "8388608");
    put(&guard, "Signature", "baken=:x:");
    put(&guard, "Accept", "one");
    put(&guard, "Accept", "two");
    put(&guard, "X-Empty", "");
    assert_int_equal(guard_verdict(&guard, "POST"), WIRE_ERROR_NONE);
    assert_int_equal(guard.length, 8388608);
}

static void
a_post_says_how_long_it_is(void **state)
{
    (void)state;
    struct guard guard = with_host();

    assert_int_equal(guard_verdict(&guard, "POST"), WIRE_ERROR_LENGTH_REQUIRED);
}

static void
there_is_exactly_one_host(void **state)
{
    (void)state;
    struct guard none = {0};
    struct guard two = with_host();

    put(&two, "Host", "baken.example.org");
    assert_int_equal(guard_verdict(&none, "GET"), WIRE_ERROR_MALFORMED);
    assert_int_equal(guard_verdict(&two, "GET"), WIRE_ERROR_MALFORMED);
}

static void
a_length_is_digits_alone_and_stands_once(void **state)
{
    (void)state;
    static const char *const BAD[] = {"", "+5", "-5", "5 ", "0x5", "5,5", "1000000000000000000"};

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct guard guard = with_host();
        put(&guard, "Content-Length", BAD[i]);
        if (guard_verdict(&guard, "POST") != WIRE_ERROR_MALFORMED)
            fail_msg("taken: `%s`", BAD[i]);
    }
    struct guard twice = with_host();
    put(&twice, "Content-Length", "5");
    put(&twice, "content-length", "5");
    assert_int_equal(guard_verdict(&twice, "POST"), WIRE_ERROR_MALFORMED);
}

static void
nothing_is_chunked(void **state)
{
    (void)state;
    struct guard guard = with_host();

    put(&guard, "Content-Length", "5");
    put(&guard, "transfer-encoding", "identity");
    assert_int_equal(guard_verdict(&guard, "POST"), WIRE_ERROR_TRANSFER_ENCODING);
}

static void
what_the_routes_read_stands_once(void **state)
{
    (void)state;
    static const char *const ONCE[] = {"Signature", "Signature-Input", "Content-Digest",
                                       "Content-Type"};

    for (size_t i = 0; i < sizeof ONCE / sizeof ONCE[0]; i++) {
        struct guard guard = with_host();
        put(&guard, ONCE[i], "a");
        assert_int_equal(guard_verdict(&guard, "GET"), WIRE_ERROR_NONE);
        put(&guard, ONCE[i], "a");
        if (guard_verdict(&guard, "GET") != WIRE_ERROR_MALFORMED)
            fail_msg("%s may stand twice", ONCE[i]);
    }
}

static void
stray_bytes_in_names_and_values_are_refused(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"",     "Two words", "Host ",   "a:b",
                                        "\x7f", "na\tme",    "\xc3\xab"};

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        struct guard guard = with_host();
        put(&guard, NAMES[i], "value");
        if (guard_verdict(&guard, "GET") != WIRE_ERROR_MALFORMED)
            fail_msg("taken: name %zu", i);
    }
    for (size_t i = 0; i < 3; i++) {
        struct guard guard = with_host();
        const char value[] = {'a', "\r\n\0"[i], 'b'};
        guard_header(&guard, "Accept", 6, value, sizeof value);
        if (guard_verdict(&guard, "GET") != WIRE_ERROR_MALFORMED)
            fail_msg("taken: value %zu", i);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_head_passes),
        cmocka_unit_test(a_post_says_how_long_it_is),
        cmocka_unit_test(there_is_exactly_one_host),
        cmocka_unit_test(a_length_is_digits_alone_and_stands_once),
        cmocka_unit_test(nothing_is_chunked),
        cmocka_unit_test(what_the_routes_read_stands_once),
        cmocka_unit_test(stray_bytes_in_names_and_values_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
