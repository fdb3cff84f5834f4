/* What people read for a stable word: no name of the schema and no reason of the log stays untranslatable. */
#include "cli/words.h"

#include "core/goal.h"
#include "core/i18n.h"
#include "core/schema.h"
#include "sync/elog.h"
#include "sync/replica.h"

#include "tests/unit/catalogue.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A word of the table comes back as the table's own text, another as itself. */
static void
assert_known(const char *word)
{
    char own[64];

    assert_true(strlen(word) < sizeof own);
    memcpy(own, word, strlen(word) + 1);
    if (words_say(own) == own)
        fail_msg("`%s` is not in the table of words", word);
}

static void
every_entity_unit_and_field_has_a_word_for_people(void **state)
{
    (void)state;
    for (size_t e = 0; e < schema_entity_count; e++) {
        const struct schema_entity *entity = &schema_entities[e];
        assert_known(entity->name);
        for (size_t u = 0; u < entity->unit_count; u++) {
            assert_known(entity->units[u].name);
            for (size_t f = 0; f < entity->units[u].field_count; f++)
                assert_known(entity->units[u].fields[f].name);
        }
    }
}

static void
every_reason_to_wait_and_every_fate_of_a_version_has_one(void **state)
{
    (void)state;
    for (int reason = ELOG_NO_REASON + 1; reason < ELOG_REASON_COUNT; reason++)
        assert_ptr_not_equal(words_say_reason(elog_reason_name((enum elog_reason)reason)),
                             elog_reason_name((enum elog_reason)reason));
    for (int fate = HISTORY_CURRENT; fate <= HISTORY_PARKED; fate++)
        assert_known(history_state_name((enum history_state)fate));
}

static void
a_word_of_nobody_is_said_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(words_say("quux"), "quux");
}

/* What people type, and what both languages show for it. */
static const struct {
    const char *word, *dutch;
} typed[] = {
    {"visit", "bezoek"}, {"call", "telefoongesprek"}, {"message", "bericht"}, {"meeting", "overleg"},
    {"open", "open"}, {"reached", "bereikt"}, {"dropped", "losgelaten"},
    {"advised", "geadviseerd"}, {"agreed", "afgesproken"}, {"prescribed", "opgelegd"},
    {"safe", "veilig"}, {"worry", "zorgen"}, {"unsafe", "onveilig"},
    {"mother", "moeder"}, {"father", "vader"}, {"child", "kind"}, {"other", "anders"},
    {"leave", "verlof"}, {"ill", "ziek"},
    {"yes", "ja"}, {"no", "nee"}, {"veto", "veto"},
    {"consent", "toestemming"}, {"visibility", "zichtbaarheid"}, {"safety", "veiligheid"},
    {"given", "gegeven"}, {"limited", "beperkt"}, {"refused", "geweigerd"}, {"lifted", "ingetrokken"}, {"stands", "van kracht"},
    {"coaches", "coaches"}, {"named", "met naam genoemden"},
    {"administrator", "beheerder"}, {"coordinator", "coördinator"}, {"coach", "coach"}, {"scientist", "gedragswetenschapper"},
    {"duty", "dienst"}, {"intake", "aanmelding"}, {"owner", "eigenaar"}, {"released", "eraf"},
    {"hoofddoel", "hoofddoel"}, {"subdoel", "subdoel"}, {"werkdoel", "werkdoel"},
};
enum { TYPED = sizeof typed / sizeof typed[0] };

static void
a_word_of_either_language_is_taken_as_the_word_that_is_stored(void **state)
{
    static const char *const kinds[] = {"visit", "call", NULL}, *const levels[] = {"hoofddoel", "werkdoel", NULL};

    (void)state;
    for (size_t i = 0; i < TYPED; i++) {
        const char *const among[] = {"quux", typed[i].word, NULL};
        assert_ptr_equal(words_meant(typed[i].word, among), among[1]);
        if (words_meant(typed[i].dutch, among) != among[1])
            fail_msg("`%s` is not taken as `%s`", typed[i].dutch, typed[i].word);
    }
    assert_string_equal(words_meant("Bezoek", kinds), "visit");
    assert_string_equal(words_meant("working goal", levels), "werkdoel");
    assert_null(words_meant("bezoekje", kinds));
    assert_null(words_meant("bericht", kinds));
    assert_null(words_meant("", kinds));
}

/* In a child, for gettext remembers. */
static void
what_is_taken_in_dutch_is_what_the_dutch_screen_shows(void **state)
{
    int status = -1;

    (void)state;
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("BAKEN_LANG", "nl", 1);
        i18n_start();
        int differs = strcmp(words_say("quux"), "quux") != 0;
        for (size_t i = 0; i < TYPED; i++) {
            const char *said = goal_level_say(typed[i].word);
            said = said == typed[i].word ? words_say(said) : said;
            if (strcmp(said, typed[i].dutch) == 0)
                continue;
            (void)fprintf(stderr, "%s: %s is shown, %s is taken\n", typed[i].word, said, typed[i].dutch);
            differs = 1;
        }
        _exit(differs);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entity_unit_and_field_has_a_word_for_people),
        cmocka_unit_test(every_reason_to_wait_and_every_fate_of_a_version_has_one),
        cmocka_unit_test(a_word_of_nobody_is_said_as_it_is),
        cmocka_unit_test(a_word_of_either_language_is_taken_as_the_word_that_is_stored),
        cmocka_unit_test(what_is_taken_in_dutch_is_what_the_dutch_screen_shows),
    };
    return cmocka_run_group_tests(tests, link_catalogue, NULL);
}
