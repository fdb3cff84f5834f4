/* Tests of core/today. */
#include "core/today.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "core/agreement.h"
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

static char items[1000];

static enum rc
see(void *context, const struct today_item *item)
{
    size_t len = strlen(items);

    (void)context;
    assert_true(id_equal(item->family, world.family));
    snprintf(items + len, sizeof items - len, "%d %u %s %s %u\n", (int)item->kind,
             (unsigned)item->date, item->text == NULL ? "-" : item->text,
             item->family_name == NULL ? "(null)" : item->family_name, (unsigned)item->age);
    return RC_OK;
}

static void
what_asks_for_attention_is_listed_by_date(void **state)
{
    (void)state;
    fill();
    items[0] = 0;
    assert_ok(today_list(journal(0), today, see, NULL));
    assert_string_equal(items, "2 20240301 late Duin 0\n"
                               "1 20240309 due Duin 0\n"
                               "1 20240310 today Duin 0\n"
                               "3 20240312 - Duin 0\n"
                               "4 20240314 Jarig Duin 8\n"
                               "5 20240320 Verwacht Duin 0\n");
}

static void
a_leap_day_is_kept_on_the_28th_and_the_turn_of_the_year_is_seen(void **state)
{
    (void)state;
    put_member("Schrikkel", 20200229);
    put_member("Nieuwjaar", 20190102);
    items[0] = 0;
    assert_ok(today_list(journal(0), 20230220, see, NULL));
    assert_string_equal(items, "4 20230228 Schrikkel (null) 3\n");
    items[0] = 0;
    assert_ok(today_list(journal(0), 20231225, see, NULL));
    assert_string_equal(items, "4 20240102 Nieuwjaar (null) 5\n");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_asks_for_attention_is_listed_by_date),
        TEST(a_leap_day_is_kept_on_the_28th_and_the_turn_of_the_year_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
