/* Tests of cli/options: what a command line may look like. */
#include "cli/options.h"

#include "core/i18n.h"

#include "tests/unit/catalogue.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 100 };

static struct options options;

/* Parses "baken" and the words of the text, which blanks part. */
static enum rc
parse(const char *text)
{
    static char copy[1024];
    char *argv[WORDS] = {copy};
    int argc = 1;

    (void)snprintf(copy, sizeof copy, "baken %s", text);
    for (char *at = copy; (at = strchr(at, ' ')) != NULL && argc < WORDS;) {
        *at++ = '\0';
        argv[argc++] = at;
    }
    return options_parse(argc, argv, &options);
}

static void
options_stand_anywhere_and_in_two_forms(void **state)
{
    (void)state;
    assert_ok(parse("--json visit add --date=2026-11-30 vos --kind call"));
    assert_int_equal(options.word_count, 3);
    assert_string_equal(options.words[2], "vos");
    assert_string_equal(options_get(&options, OPT_JSON), "");
    assert_string_equal(options_get(&options, OPT_DATE), "2026-11-30");
    assert_string_equal(options_get(&options, OPT_KIND), "call");
    assert_null(options_get(&options, OPT_QUIET));
}

static void
a_value_may_be_empty_begin_with_one_hyphen_or_hold_an_equals_sign(void **state)
{
    (void)state;
    assert_ok(parse("--text= --reach=a=b --note-file -"));
    assert_string_equal(options_get(&options, OPT_TEXT), "");
    assert_string_equal(options_get(&options, OPT_REACH), "a=b");
    assert_string_equal(options_get(&options, OPT_NOTE_FILE), "-");
}

static void
two_hyphens_end_the_options(void **state)
{
    (void)state;
    assert_ok(parse("search -- --json -q"));
    assert_int_equal(options.word_count, 3);
    assert_string_equal(options.words[1], "--json");
    assert_null(options_get(&options, OPT_JSON));
}

static void
short_forms_are_those_of_help_and_quiet(void **state)
{
    (void)state;
    assert_ok(parse("-h -q"));
    assert_non_null(options_get(&options, OPT_HELP));
    assert_non_null(options_get(&options, OPT_QUIET));
    assert_int_equal(parse("-x"), RC_INVALID);
}

static void
wrong_command_lines_are_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "--nonsense",    "--dat 2026-11-30",
        "--json=yes",    "--date",
        "--date --json", "--=x",
        "--json --json", "--date 2026-11-30 --date=2026-11-30",
    };

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        if (parse(BAD[i]) != RC_INVALID)
            fail_msg("taken: %s", BAD[i]);
}

static void
some_options_may_be_repeated(void **state)
{
    (void)state;
    assert_ok(parse("--with mother --with=grandfather"));
    assert_string_equal(options_nth(&options, OPT_WITH, 0), "mother");
    assert_string_equal(options_nth(&options, OPT_WITH, 1), "grandfather");
    assert_null(options_nth(&options, OPT_WITH, 2));
}

static void
more_words_or_options_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    char text[1024] = "w";
    size_t len = 1;

    for (size_t i = 1; i < OPTIONS_WORDS; i++, len += 2)
        (void)snprintf(text + len, sizeof text - len, " w");
    assert_ok(parse(text));
    assert_int_equal(options.word_count, OPTIONS_WORDS);
    (void)snprintf(text + len, sizeof text - len, " w");
    assert_int_equal(parse(text), RC_INVALID);

    len = (size_t)snprintf(text, sizeof text, "--with=w");
    for (size_t i = 1; i < OPTIONS_GIVEN; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " --with=w");
    assert_ok(parse(text));
    (void)snprintf(text + len, sizeof text - len, " --with=w");
    assert_int_equal(parse(text), RC_INVALID);
}

static void
a_command_has_the_options_that_it_names_and_those_of_all(void **state)
{
    (void)state;
    assert_ok(parse("--json --store=here --date=2026-11-30"));
    assert_ok(options_check(&options, OPT_BIT(OPT_DATE), "today"));
    assert_int_equal(options_check(&options, OPT_BIT(OPT_KIND), "today"), RC_INVALID);
    assert_non_null(strstr(rc_sentence(), "--date"));
}

static void
every_option_has_a_name_of_its_own_and_a_help(void **state)
{
    (void)state;
    for (enum option option = OPT_HELP; option < OPT_COUNT; option++) {
        assert_non_null(option_name(option));
        assert_true(strlen(option_help(option)) > 0);
        for (enum option other = OPT_HELP; other < option; other++)
            assert_string_not_equal(option_name(option), option_name(other));
    }
}

/* In Dutch each placeholder is another word than in the sources, and what is none stays. */
static void
placeholders_are_said_in_the_language_of_the_screen(void **state)
{
    char said[OPTIONS_SAID_BYTES];

    (void)state;
    assert_string_equal(options_say("[FAMILY] ... --person PERSON | --no-input", said), "[FAMILY] ... --person PERSON | --no-input");
    assert_int_equal(setenv("BAKEN_LANG", "nl", 1), 0);
    i18n_start();
    assert_string_equal(options_say("[FAMILY] ... --person PERSON | --no-input", said), "[GEZIN] ... --person COLLEGA | --no-input");
    assert_string_equal(options_say("ID.PART", said), "NUMMER.ONDERDEEL");
    assert_string_equal(options_say("CODE-NAME", said), "CODENAAM");
    for (enum option option = OPT_HELP; option < OPT_COUNT; option++)
        if (option_value_word(option) != NULL && strcmp(options_say(option_value_word(option), said), option_value_word(option)) == 0)
            fail_msg("the value of --%s has no Dutch word", option_name(option));
}

static void
words_longer_than_the_room_are_cut(void **state)
{
    char said[OPTIONS_SAID_BYTES], words[3 * OPTIONS_SAID_BYTES];

    (void)state;
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    assert_int_equal(strlen(options_say(words, said)), OPTIONS_SAID_BYTES - 1);
    memset(words, 'X', sizeof words - 1);
    assert_int_equal(strlen(options_say(words, said)), OPTIONS_SAID_BYTES - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere_and_in_two_forms),
        cmocka_unit_test(a_value_may_be_empty_begin_with_one_hyphen_or_hold_an_equals_sign),
        cmocka_unit_test(two_hyphens_end_the_options),
        cmocka_unit_test(short_forms_are_those_of_help_and_quiet),
        cmocka_unit_test(wrong_command_lines_are_refused),
        cmocka_unit_test(some_options_may_be_repeated),
        cmocka_unit_test(more_words_or_options_than_there_is_room_for_are_refused),
        cmocka_unit_test(a_command_has_the_options_that_it_names_and_those_of_all),
        cmocka_unit_test(every_option_has_a_name_of_its_own_and_a_help),
        cmocka_unit_test(words_longer_than_the_room_are_cut),
        cmocka_unit_test(placeholders_are_said_in_the_language_of_the_screen), /* the last, for gettext remembers the language */
    };

    return cmocka_run_group_tests(tests, link_catalogue, NULL);
}
