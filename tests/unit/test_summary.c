/* Tests of core/summary. */
#include "core/summary.h"

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

static char items[4000];

static enum rc
see(void *context, const struct summary_item *item)
{
    size_t len = strlen(items);

    (void)context;
    snprintf(items + len, sizeof items - len, "%u %s %d %d %s\n", (unsigned)item->entity,
             item->unit, item->is_new, item->is_conflict, item->text == NULL ? "-" : item->text);
    return RC_OK;
}

static void
the_owner_reads_what_others_did_meanwhile(void **state)
{
    struct summary_counts counts;
    struct goal goal = {.facts.family = world.family, .text = "voor"};
    struct id owner = world.device[1].self.person;

    (void)state;
    world.device[1].now_ms = 1600000000000;
    assert_ok(goal_put(journal(1), &set, &goal));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    fill();
    goal.text = "na";
    assert_ok(goal_put(journal(0), &set, &goal));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    items[0] = 0;
    assert_ok(summary_list(journal(1), world.family, owner, 1650000000000, 1750000000000, &counts,
                           see, NULL));
    assert_int_equal(counts.contacts, 4);
    assert_int_equal(counts.persons, 1);
    assert_int_equal(counts.conflicts, 0);
    assert_non_null(strstr(items, "4 report 1 0 derde\n"));
    assert_non_null(strstr(items, "5 goal 0 0 na\n"));
    assert_non_null(strstr(items, "1 phase 0 0 -\n"));
    assert_null(strstr(items, "voor"));
    assert_ok(summary_list(journal(1), world.family, owner, 1750000000000, 1850000000000, &counts,
                           NULL, NULL));
    assert_int_equal(counts.changes + counts.contacts, 0);
    assert_ok(summary_list(journal(0), world.family, world.device[0].self.person, 1650000000000,
                           1750000000000, &counts, NULL, NULL));
    assert_int_equal(counts.changes + counts.contacts, 0); /* one's own work is no news */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_owner_reads_what_others_did_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
