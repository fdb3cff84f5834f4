/* What people read for a stable word: no name of the schema and no reason of the log stays untranslatable. */
#include "cli/words.h"

#include "core/schema.h"
#include "sync/elog.h"
#include "sync/replica.h"

#include "tests/unit/unit.h"

#include <string.h>

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entity_unit_and_field_has_a_word_for_people),
        cmocka_unit_test(every_reason_to_wait_and_every_fate_of_a_version_has_one),
        cmocka_unit_test(a_word_of_nobody_is_said_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
