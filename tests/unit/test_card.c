/* Tests of core/card. */
#include "core/card.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "core/contact.h"
#include "core/family.h"
#include "core/goal.h"
#include "core/member.h"
#include "core/safety.h"
#include "tests/support/devices.h"

static struct devices world;
static struct change_set set;
static struct texts texts;

static int
set_up(void **state)
{
    (void)state;
    devices_make(&world, 2);
    set = CHANGE_SET_EMPTY;
    texts = TEXTS_EMPTY;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    change_set_wipe(&set);
    texts_wipe(&texts);
    devices_remove(&world);
    return 0;
}

static struct journal *
journal(size_t device)
{
    return world.device[device].journal;
}

static const uint32_t today = 20240310;

static void
put_contact(uint32_t date, const char *kind, uint32_t next, const char *note)
{
    struct contact contact = CONTACT_EMPTY;

    contact.facts.family = world.family;
    contact.date = date;
    contact.kind = kind;
    contact.next = next;
    contact.note = note;
    assert_ok(contact_put(journal(0), &set, world.device[0].self.person, &contact));
    devices_save_set(&world, 0, &set);
}

static void
put_goal(const char *text, uint32_t deadline, const char *status)
{
    struct goal goal = {
        .facts.family = world.family, .text = text, .deadline = deadline, .status = status};

    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
}

static void
put_agreement(const char *text, uint32_t due, bool is_done)
{
    struct agreement agreement = {
        .facts.family = world.family, .text = text, .due = due, .is_done = is_done};

    assert_ok(agreement_put(journal(0), &set, &agreement));
    devices_save_set(&world, 0, &set);
}

static void
put_member(const char *name, uint32_t birth)
{
    struct member member = {.facts.family = world.family, .given_name = name, .birth_date = birth};

    assert_ok(member_put(journal(0), &set, &member));
    devices_save_set(&world, 0, &set);
}

static void
put_safety(uint32_t date, const char *level)
{
    struct safety safety = {
        .facts.family = world.family, .date = date, .level = level, .ground = "gesprek"};

    assert_ok(safety_put(journal(0), &set, world.device[0].self.person, &safety));
    devices_save_set(&world, 0, &set);
}

static void
fill(void)
{
    struct family family = {.facts.id = world.family,
                            .code_name = "Duin",
                            .phase = "start",
                            .since = 20240101,
                            .opened = 20240101};
    struct profile profile = {.facts.family = world.family, .unsafe = "hond", .reach = "na vieren"};

    assert_ok(family_put(journal(0), &set, &family));
    devices_save_set(&world, 0, &set);
    assert_ok(profile_put(journal(0), &set, &profile));
    devices_save_set(&world, 0, &set);
    put_contact(20240101, "visit", 0, "eerste");
    put_contact(20240301, "visit", 20240312, "tweede");
    put_contact(20240305, "call", 20240401, "derde");
    put_contact(20240220, "message", 20240201, "vierde");
    put_goal("open", 20240601, "open");
    put_goal("late", 20240301, NULL);
    put_goal("reached", 20240302, "reached");
    put_agreement("due", 20240309, false);
    put_agreement("today", 20240310, false);
    put_agreement("done", 20240301, true);
    put_member("Jarig", 20160314);
    put_member("Schrikkel", 20200229);
    put_member("Verwacht", 20240320);
    put_member("Later", 20241201);
    put_safety(20240201, "safe");
    put_safety(20240303, "worry");
}

static void
the_card_holds_what_a_covering_colleague_must_know(void **state)
{
    struct card card;

    (void)state;
    fill();
    devices_sync(&world);
    assert_ok(card_get(journal(1), world.family, today, &card));
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
        put_goal("g", 0, NULL);
    assert_ok(card_get(journal(0), world.family, today, &card));
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
    assert_int_equal(card_get(journal(0), world.family, today, &card), RC_ABSENT);
    card_wipe(&card);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_card_holds_what_a_covering_colleague_must_know),
        TEST(what_does_not_fit_is_counted),
        TEST(without_the_file_there_is_no_card),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
