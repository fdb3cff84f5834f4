/* Tests of core/card. */
#include "core/card.h"

#include "tests/support/casework.h"
#include "tests/unit/two_devices.h"

static void
the_card_holds_what_a_covering_colleague_must_know(void **state)
{
    struct card card;

    (void)state;
    casework_fill(&world);
    devices_sync(&world);
    assert_ok(card_get(journal(1), world.family, CASEWORK_TODAY, &card));
    assert_string_equal(card.family.code_name, "Duin");
    assert_string_equal(card.profile.unsafe, "hond");
    assert_string_equal(card.safety.level, "worry");
    assert_int_equal(card.member_count, 4);
    assert_int_equal(card.goal_count, 2);
    assert_int_equal(card.agreement_count, 2);
    assert_int_equal(card.contact_count, 3);
    assert_string_equal(card.contacts[0].note, "derde");
    assert_int_equal(card.next_appointment, 20240312);
    card_wipe(&card);
}

static void
what_does_not_fit_is_counted(void **state)
{
    struct card card;

    (void)state;
    for (size_t i = 0; i < CARD_GOALS + 2; i++)
        casework_goal(&world, "g", 0, NULL);
    assert_ok(card_get(journal(0), world.family, CASEWORK_TODAY, &card));
    assert_int_equal(card.goal_count, CARD_GOALS);
    assert_int_equal(card.goals_left_out, 2);
    assert_null(card.family.code_name);
    card_wipe(&card);
}

static void
without_the_file_there_is_no_card(void **state)
{
    struct card card;

    (void)state;
    assert_ok(journal_purge_stream(journal(0), world.file));
    assert_int_equal(card_get(journal(0), world.family, CASEWORK_TODAY, &card), RC_ABSENT);
    card_wipe(&card);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_card_holds_what_a_covering_colleague_must_know),
        TEST(what_does_not_fit_is_counted),
        TEST(without_the_file_there_is_no_card),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
