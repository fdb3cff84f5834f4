/* Tests of core/sheet: a secret as groups on paper, and where a typing error is. */
#include "core/sheet.h"

#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

static struct secret sheet, text, back;

static int
set_up(void **state)
{
    (void)state;
    assert_ok(secret_start());
    assert_ok(sheet_make(&sheet));
    assert_ok(sheet_to_text(&sheet, &text));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    secret_wipe(&sheet);
    secret_wipe(&text);
    secret_wipe(&back);
    return 0;
}

static enum rc
read_text(const char *typed)
{
    return sheet_from_text(typed, strlen(typed), &back);
}

static void
a_sheet_reads_back_as_it_was_made(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_ok(sheet_make(&sheet));
        assert_ok(sheet_to_text(&sheet, &text));
        assert_int_equal(text.len, SHEET_TEXT_CHARS);
        assert_ok(sheet_from_text(text.bytes, text.len, &back));
        assert_true(secret_equal(&sheet, &back));
    }
}

/* Worked out by hand from the drawing in docs/STORE.md; the decoder in Python reads it too. */
static void
the_groups_are_those_of_the_document(void **state)
{
    (void)state;
    uint8_t bytes[SHEET_SECRET_BYTES];

    for (uint8_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    assert_ok(secret_copy(&sheet, bytes, sizeof bytes));
    assert_ok(sheet_to_text(&sheet, &text));
    assert_memory_equal(text.bytes, "000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG", SHEET_TEXT_CHARS);
}

static void
case_blanks_and_look_alikes_are_forgiven(void **state)
{
    (void)state;
    const char *right = "000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG";

    assert_ok(read_text(right));
    assert_ok(secret_copy(&sheet, back.bytes, back.len));
    assert_ok(read_text("  ooogc 4or4y\nom3ol\te2o9m\r\nl85g2 r38ee lw8lo 24gkg \n"));
    assert_true(secret_equal(&sheet, &back));
    assert_ok(read_text("000GC40R4Y0M301E209M185G2R38EE1W81024GKG"));
    assert_true(secret_equal(&sheet, &back));
}

static void
any_wrong_character_is_told_with_its_group(void **state)
{
    (void)state;
    static const char DIGITS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    char typed[SHEET_TEXT_CHARS + 1] = "", said[32];

    memcpy(typed, text.bytes, SHEET_TEXT_CHARS);
    for (unsigned i = 0; i < SHEET_TEXT_CHARS; i++) {
        char right = typed[i];
        (void)snprintf(said, sizeof said, "group %u", i / 6 + 1);
        for (unsigned d = 0; right != '-' && d < 32; d++) {
            if (DIGITS[d] == right)
                continue;
            typed[i] = DIGITS[d];
            assert_int_equal(read_text(typed), RC_INVALID);
            assert_non_null(strstr(rc_sentence(), said));
            assert_null(back.bytes);
        }
        typed[i] = right == '-' ? '-' : '?';
        if (right != '-')
            assert_int_equal(read_text(typed), RC_INVALID);
        typed[i] = right;
    }
    assert_ok(read_text(typed));
}

static void
what_changed_places_is_noticed(void **state)
{
    (void)state;
    char typed[SHEET_TEXT_CHARS + 1] = "", group[SHEET_GROUP_CHARS];

    memcpy(typed, text.bytes, SHEET_TEXT_CHARS);
    for (unsigned a = 0; a < SHEET_TEXT_CHARS; a++)
        for (unsigned b = a + 1; b < SHEET_TEXT_CHARS && typed[b] != '-' && typed[a] != '-'; b++) {
            char kept = typed[a];
            if (kept == typed[b])
                continue;
            typed[a] = typed[b];
            typed[b] = kept;
            assert_int_equal(read_text(typed), RC_INVALID);
            typed[b] = typed[a];
            typed[a] = kept;
        }
    for (unsigned a = 0; a + 1 < SHEET_GROUPS; a++) {
        char *first = typed + 6 * a, *second = first + 6;
        if (memcmp(first, second, 4) == 0)
            continue;
        memcpy(group, first, sizeof group);
        memcpy(first, second, sizeof group);
        memcpy(second, group, sizeof group);
        assert_int_equal(read_text(typed), RC_INVALID);
        memcpy(second, first, sizeof group);
        memcpy(first, group, sizeof group);
    }
}

static void
a_sheet_that_is_cut_or_too_long_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < SHEET_TEXT_CHARS; len++)
        assert_int_equal(sheet_from_text(text.bytes, len, &back), RC_INVALID);
    assert_int_equal(read_text("000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG 000GC"), RC_INVALID);
    assert_int_equal(read_text("000GC-40R4Y-0M31-E209M-185G2-R38EE-1W810-24GKG"), RC_INVALID);
    assert_string_equal(rc_sentence(), "group 3 has 4 characters; each group has 5");
    assert_int_equal(read_text("000GC-40R4Y"), RC_INVALID);
    assert_string_equal(rc_sentence(), "a recovery sheet has 8 groups; here are 2");
    assert_ok(sheet_check_group(2, "40r4y", 5));
    assert_int_equal(sheet_check_group(3, "40r4y", 5), RC_INVALID);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sheet_reads_back_as_it_was_made),
        TEST(the_groups_are_those_of_the_document),
        TEST(case_blanks_and_look_alikes_are_forgiven),
        TEST(any_wrong_character_is_told_with_its_group),
        TEST(what_changed_places_is_noticed),
        TEST(a_sheet_that_is_cut_or_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
