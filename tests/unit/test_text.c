/* Tests of core/text. */
#include "core/text.h"

#include "tests/unit/unit.h"

#include <string.h>
#include <time.h>

static void
bad_utf8_nul_and_length_are_refused(void **state)
{
    static const char *const bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "a\xe2\x82"};

    (void)state;
    assert_ok(text_check("Jos\xc3\xa9", 5, 5, "the name"));
    assert_ok(text_check(NULL, 0, 5, "the name"));
    assert_int_equal(text_check("Jos\xc3\xa9", 5, 4, "the name"), RC_TOO_LARGE);
    assert_string_equal(rc_sentence(), "the name is longer than 4 bytes");
    assert_int_equal(text_check("a\0b", 3, 5, "the name"), RC_INVALID);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(text_check(bad[i], strlen(bad[i]), 9, "it"), RC_INVALID);
}

static void
what_was_typed_is_composed_and_loses_carriage_returns(void **state)
{
    struct buf out = BUF_EMPTY(100);

    (void)state;
    assert_ok(text_normalise("Jose\xcc\x81\r\r\nb\rc", 12, 100, "it", &out));
    assert_string_equal(buf_text(&out), "Jos\xc3\xa9\nb\rc");
    /* U+0958 grows from 3 to 6 bytes in NFC: the ceiling holds for the result. */
    assert_int_equal(text_normalise("\xe0\xa5\x98", 3, 5, "it", &out), RC_TOO_LARGE);
    assert_ok(text_normalise("", 0, 5, "it", &out));
    buf_wipe(&out);
}

static void
labels_match_whatever_their_case_or_composition(void **state)
{
    (void)state;
    assert_true(text_equal_folded("Fam. Jos\xc3\xa9", "fam. JOSE\xcc\x81"));
    assert_true(text_equal_folded("STRASSE", "stra\xc3\x9f"
                                             "e"));
    assert_false(text_equal_folded("Fatma", "Fatm"));
    assert_true(text_begins_folded("Fatma", "fAT"));
    assert_false(text_begins_folded("Fatma", "atm"));
    assert_true(text_begins_folded("Fatma", ""));
    assert_true(text_equal_folded("", ""));
    assert_int_equal(text_compare_folded("STRASSE x", 7, "stra\xc3\x9f" "e", 7), 0);
    assert_true(text_compare_folded("Duin", 4, "duinen", 6) < 0);
    assert_true(text_compare_folded("\xff", 1, "a", 1) > 0);
    assert_false(text_begins_folded("Fat", "Fatma"));
    assert_false(text_equal_folded("\xff", "\xff"));
}

static void
columns_are_those_of_a_terminal(void **state)
{
    struct buf out = BUF_EMPTY(200);

    (void)state;
    assert_int_equal(text_columns("Jos\xc3\xa9"), 4);
    assert_int_equal(text_columns("Jose\xcc\x81"), 4);
    assert_int_equal(text_columns("\xe5\xae\xb6\xe5\xba\xad"), 4); /* two wide characters */
    assert_ok(text_put_column(&out, "Jos\xc3\xa9", 6));
    assert_string_equal(buf_text(&out), "Jos\xc3\xa9  ");
    buf_clear(&out);
    assert_ok(text_put_column(&out, "gezinscoach", 5));
    assert_string_equal(buf_text(&out), "gezi\xe2\x80\xa6");
    buf_clear(&out);
    assert_ok(text_put_column(&out, "\xe5\xae\xb6\xe5\xba\xad", 2)); /* half a character does not fit */
    assert_string_equal(buf_text(&out), "\xe2\x80\xa6 ");
    buf_clear(&out);
    assert_ok(text_put_column(&out, "x", 0));
    assert_int_equal(out.len, 0);
    buf_wipe(&out);
}

static void
every_column_is_as_wide_as_asked(void **state)
{
    struct dice dice = dice_start();

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct buf out = BUF_EMPTY(500);
        char text[24] = {0};
        for (size_t at = 0; at < sizeof text - 1; at++)
            text[at] = (char)(1 + dice_below(&dice, 255)); /* mostly bad UTF-8: must not hang or crash */
        int columns = (int)dice_below(&dice, 30);
        assert_ok(text_put_column(&out, text, columns));
        assert_int_equal(text_columns(buf_text(&out)), columns);
        buf_wipe(&out);
    }
}

static void
text_cannot_steer_a_terminal(void **state)
{
    struct buf out = BUF_EMPTY(100);

    (void)state;
    assert_ok(text_put_printable(&out, "a\x1b[31m\n\tb\xe2\x80\xae" "c\x7f"));
    assert_string_equal(buf_text(&out), "a\xc2\xb7[31m\n\tb\xc2\xb7" "c\xc2\xb7");
    buf_wipe(&out);
}

static void
what_is_not_seen_is_shown_by_a_dot(void **state)
{
    static const char *const unseen[] = {"\xe2\x80\x8b", "\xe2\x81\xa0", "\xef\xbb\xbf", "\xe2\x80\x8f", "\xd8\x9c",
                                         "\xe2\x80\x8d", "\xe2\x80\x8c", "\xc2\xad", "\xc2\x9b", "\xf3\xa0\x81\x81"};
    /* A family of emoji, a heart with its selector, Persian with a joiner, and what was composed. */
    static const char *const seen[] = {"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", "\xe2\x9d\xa4\xef\xb8\x8f",
                                       "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae", "Jos\xc3\xa9"};

    (void)state;
    for (size_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++) {
        struct buf out = BUF_EMPTY(100), text = BUF_EMPTY(100);
        assert_ok(buf_printf(&text, "An%sna", unseen[i]));
        assert_ok(text_put_printable(&out, buf_text(&text)));
        assert_string_equal(buf_text(&out), "An\xc2\xb7na");
        buf_wipe(&out);
        buf_wipe(&text);
    }
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        struct buf out = BUF_EMPTY(100);
        assert_ok(text_put_printable(&out, seen[i]));
        assert_string_equal(buf_text(&out), seen[i]);
        buf_wipe(&out);
    }
}

/* A joiner before what becomes a dot would join that. */
static void
a_joiner_that_joins_nothing_is_shown_by_a_dot(void **state)
{
    static const char *const pairs[] = {"\xe2\x80\x8d\xe2\x80\x8d", "\xe2\x80\x8c\xe2\x80\x8d", "\xe2\x80\x8d\xe2\x81\xa0",
                                        "\xe2\x80\x8d\xef\xbf\xbd"};

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct buf out = BUF_EMPTY(100);
        assert_ok(text_put_column(&out, pairs[i], 4));
        assert_string_equal(buf_text(&out), "\xc2\xb7\xc2\xb7  ");
        buf_wipe(&out);
    }
}

/* Each character was once measured to the end of the text: two seconds for a note of one line. */
static void
a_note_of_one_line_is_measured_at_once(void **state)
{
    enum { MUCH = 4 * 1024 * 1024 };
    struct buf text = BUF_EMPTY(MUCH + 1);
    uint8_t *room;

    (void)state;
    assert_ok(buf_extend(&text, MUCH, &room));
    memset(room, 'a', MUCH);
    clock_t before = clock();
    assert_int_equal(text_columns(buf_text(&text)), MUCH);
    assert_true(clock() - before < 5 * CLOCKS_PER_SEC);
    buf_wipe(&text);
}

/* ASCII takes a shorter way: one other byte, wherever it stands, takes the long one. */
static void
one_byte_beside_ascii_is_found_at_each_place(void **state)
{
    (void)state;
    char text[24];
    struct buf out = BUF_EMPTY(100);

    for (size_t len = 1; len < sizeof text; len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, at % 2 == 0 ? 1 : 0x7f, len);
            assert_ok(text_normalise(text, len, 100, "it", &out));
            assert_memory_equal(out.data, text, len);
            buf_clear(&out);
            text[at] = (char)0xff;
            assert_int_equal(text_normalise(text, len, 100, "it", &out), RC_INVALID);
            assert_int_equal(text_check(text, len, 100, "it"), RC_INVALID);
            text[at] = '\0';
            assert_int_equal(text_check(text, len, 100, "it"), RC_INVALID);
            text[at] = '\r';
            if (at + 1 < len)
                text[at + 1] = '\n';
            assert_ok(text_check(text, len, 100, "it"));
            assert_ok(text_normalise(text, len, 100, "it", &out));
            assert_int_equal(out.len, at + 1 < len ? len - 1 : len);
            buf_clear(&out);
        }
    }
    buf_wipe(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_utf8_nul_and_length_are_refused),
        cmocka_unit_test(one_byte_beside_ascii_is_found_at_each_place),
        cmocka_unit_test(what_was_typed_is_composed_and_loses_carriage_returns),
        cmocka_unit_test(labels_match_whatever_their_case_or_composition),
        cmocka_unit_test(columns_are_those_of_a_terminal),
        cmocka_unit_test(every_column_is_as_wide_as_asked),
        cmocka_unit_test(text_cannot_steer_a_terminal),
        cmocka_unit_test(what_is_not_seen_is_shown_by_a_dot),
        cmocka_unit_test(a_joiner_that_joins_nothing_is_shown_by_a_dot),
        cmocka_unit_test(a_note_of_one_line_is_measured_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
