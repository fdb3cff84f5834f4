/* Tests of core/diff: words, lines, and that no shorter way exists. */
#include "core/diff.h"

#include "core/buf.h"
#include "tests/unit/unit.h"

#include <string.h>

/* The parts as text: [-deleted-]{+inserted+}. */
static void
assert_diff(const char *first, const char *second, const char *wanted)
{
    struct diff diff = {.count = 0};
    struct buf out = BUF_EMPTY(1 << 20);

    assert_ok(diff_texts(first, strlen(first), second, strlen(second), &diff));
    for (size_t i = 0; i < diff.count; i++) {
        const struct diff_part *part = &diff.parts[i];
        const char *mark = part->op == DIFF_DELETE ? "[-" : part->op == DIFF_INSERT ? "{+" : "";
        const char *end = part->op == DIFF_DELETE ? "-]" : part->op == DIFF_INSERT ? "+}" : "";
        assert_ok(buf_printf(&out, "%s%.*s%s", mark, (int)part->len, (const char *)part->text, end));
    }
    assert_string_equal(buf_text(&out), wanted);
    diff_free(&diff);
    buf_wipe(&out);
}

static void
words_that_differ_are_marked(void **state)
{
    (void)state;
    assert_diff("", "", "");
    assert_diff("Om zeven uur op.", "Om zeven uur op.", "Om zeven uur op.");
    assert_diff("Om zeven uur op.", "Om acht uur op.", "Om [-zeven-]{+acht+} uur op.");
    assert_diff("", "Nieuw", "{+Nieuw+}");
    assert_diff("Oud", "", "[-Oud-]");
    assert_diff("Mo gaat naar school.", "Mo gaat elke dag naar school.",
                "Mo gaat {+elke dag +}naar school.");
    /* A phrase, not two words and the blank between them. */
    assert_diff("wil de moeder bellen", "wil een vriend bellen", "wil [-de moeder-]{+een vriend+} bellen");
}

static void
words_are_those_of_unicode(void **state)
{
    (void)state;
    assert_diff("Jos\xc3\xa9 belt.", "Jos\xc3\xa9" "phine belt.", "[-Jos\xc3\xa9-]{+Jos\xc3\xa9" "phine+} belt.");
    assert_diff("op 3,5 uur", "op 3,75 uur", "op [-3,5-]{+3,75+} uur"); /* a number is one word */
    assert_diff("z'n oma", "z'n opa", "z'n [-oma-]{+opa+}");
}

static void
what_is_not_utf_8_is_refused(void **state)
{
    struct diff diff = {.count = 0};

    (void)state;
    assert_int_equal(diff_texts("\xff", 1, "a", 1, &diff), RC_INVALID);
    assert_null(diff.parts);
}

/* A text of that many numbered pieces, with another word in the last but one. */
static void
fill(struct buf *text, size_t pieces, const char *end, const char *word)
{
    for (size_t i = 0; i < pieces; i++)
        assert_ok(buf_printf(text, "%zu%s%s", i, i + 2 == pieces ? word : "", end));
}

static void
texts_of_very_many_words_are_compared_by_lines_then_as_wholes(void **state)
{
    struct buf first = BUF_EMPTY(1 << 20), second = BUF_EMPTY(1 << 20);
    struct diff diff = {.count = 0};

    (void)state;
    fill(&first, 9000, "\n", "");
    fill(&second, 9000, "\n", " and");
    assert_ok(diff_texts(first.data, first.len, second.data, second.len, &diff));
    assert_int_equal(diff.count, 4);
    assert_int_equal(diff.parts[1].op, DIFF_DELETE);
    assert_int_equal(diff.parts[1].len, 5); /* 8998 and its line end */
    assert_int_equal(diff.parts[2].len, 9);
    diff_free(&diff);
    buf_clear(&first);
    buf_clear(&second);
    fill(&first, 12000, "\n", "");
    fill(&second, 12000, "\n", " and");
    assert_ok(diff_texts(first.data, first.len, second.data, second.len, &diff));
    assert_int_equal(diff.count, 2);
    assert_int_equal(diff.parts[0].len, first.len);
    assert_int_equal(diff.parts[1].len, second.len);
    diff_free(&diff);
    buf_wipe(&first);
    buf_wipe(&second);
}

enum { SHORT = 24 };

/* The length of the longest common part, by the table that every textbook has. */
static size_t
common(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    size_t best[SHORT + 1][SHORT + 1] = {{0}};

    for (size_t i = 1; i <= n; i++)
        for (size_t k = 1; k <= m; k++) {
            size_t other = best[i - 1][k] > best[i][k - 1] ? best[i - 1][k] : best[i][k - 1];
            best[i][k] = a[i - 1] == b[k - 1] ? best[i - 1][k - 1] + 1 : other;
        }
    return best[n][m];
}

static void
no_shorter_way_exists(void **state)
{
    struct dice dice = dice_start();

    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint32_t a[SHORT], b[SHORT];
        uint8_t deleted[SHORT] = {0}, inserted[SHORT] = {0};
        size_t n = dice_below(&dice, SHORT + 1), m = dice_below(&dice, SHORT + 1);
        size_t kinds = 1 + dice_below(&dice, 6), kept = 0, i = 0, k = 0;
        for (size_t at = 0; at < SHORT; at++) {
            a[at] = (uint32_t)dice_below(&dice, kinds);
            b[at] = (uint32_t)dice_below(&dice, kinds);
        }
        assert_ok(diff_numbers(a, n, deleted, b, m, inserted));
        while (i < n || k < m) { /* what is not marked is the same, in order */
            if (i < n && deleted[i])
                i++;
            else if (k < m && inserted[k])
                k++;
            else {
                assert_true(i < n && k < m);
                assert_int_equal(a[i++], b[k++]);
                kept++;
            }
        }
        assert_int_equal(kept, common(a, n, b, m));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_differ_are_marked),
        cmocka_unit_test(words_are_those_of_unicode),
        cmocka_unit_test(what_is_not_utf_8_is_refused),
        cmocka_unit_test(texts_of_very_many_words_are_compared_by_lines_then_as_wholes),
        cmocka_unit_test(no_shorter_way_exists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
