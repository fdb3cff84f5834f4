/* Tests of core/i18n: each choice of language in a child of its own, for gettext remembers. */
#include "core/i18n.h"

#include "tests/unit/catalogue.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct choice {
    const char *variable;
    const char *value;
    const char *wanted;
};

/* Runs i18n_start under one setting; true when "the disk is full" comes out as wanted. */
static bool
speaks(struct choice choice)
{
    static const char *const variables[] = {"BAKEN_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};
    int status = -1;

    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
            (void)unsetenv(variables[i]);
        if (choice.variable != NULL)
            (void)setenv(choice.variable, choice.value, 1);
        i18n_start();
        _exit(strcmp(_("the disk is full"), choice.wanted) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

static void
the_language_is_chosen_as_promised(void **state)
{
    static const struct choice choices[] = {
        {NULL, NULL, "de schijf is vol"},
        {"LANG", "C", "de schijf is vol"},
        {"LC_ALL", "C.UTF-8", "de schijf is vol"},
        {"BAKEN_LANG", "nl", "de schijf is vol"},
        {"BAKEN_LANG", "en", "the disk is full"},
        {"LANG", "nl_BE.UTF-8", "de schijf is vol"},
        {"LC_ALL", "nl_NL", "de schijf is vol"},
        {"LC_MESSAGES", "en_GB.UTF-8", "the disk is full"},
        {"LANGUAGE", "en", "the disk is full"},
        {"LANGUAGE", "fr:nl", "de schijf is vol"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (!speaks(choices[i]))
            fail_msg("choice %zu: %s=%s", i, choices[i].variable, choices[i].value);
    }
}

static void
without_a_start_messages_are_english(void **state)
{
    (void)state;
    assert_string_equal(_("the disk is full"), "the disk is full");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_is_chosen_as_promised),
        cmocka_unit_test(without_a_start_messages_are_english),
    };

    return cmocka_run_group_tests(tests, link_catalogue, NULL);
}
