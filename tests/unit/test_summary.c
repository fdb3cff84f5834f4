/* Tests of core/summary. */
#include "core/summary.h"

#include <string.h>

#include "core/contact.h"
#include "core/goal.h"
#include "core/member.h"
#include "tests/support/casework.h"
#include "tests/unit/two_devices.h"

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
    casework_fill(&world);
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
    assert_non_null(strstr(items, "1 name 0 0 "));
    assert_null(strstr(items, "voor"));
    assert_ok(summary_list(journal(1), world.family, owner, 1750000000000, 1850000000000, &counts,
                           NULL, NULL));
    assert_int_equal(counts.changes + counts.contacts, 0);
    assert_ok(summary_list(journal(0), world.family, world.device[0].self.person, 1650000000000,
                           1750000000000, &counts, NULL, NULL));
    assert_int_equal(counts.changes + counts.contacts, 0); /* one's own work is no news */
}

static void
one_save_of_several_parts_is_one_thing_that_was_done(void **state)
{
    struct summary_counts counts;
    struct contact contact = CONTACT_EMPTY;
    struct participant participant = {.text = "moeder"};
    struct member member = {.facts.family = world.family, .given_name = "Mo", .birth_date = 20190228};

    (void)state;
    contact.facts.family = world.family;
    contact.date = 20261122;
    contact.note = "met moeder";
    assert_ok(contact_put(journal(0), &set, world.device[0].self.person, &contact));
    assert_ok(contact_put_participants(journal(0), &set, world.family, contact.facts.id, &participant, 1));
    devices_save_set(&world, 0, &set);
    assert_ok(member_put(journal(0), &set, &member));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    items[0] = 0;
    assert_ok(summary_list(journal(1), world.family, world.device[1].self.person, 1, INT64_MAX, &counts, see, NULL));
    assert_non_null(strstr(items, "4 report 1 0 met moeder\n"));
    assert_null(strstr(items, "participants"));
    assert_non_null(strstr(items, "name 1 0 Mo\n"));
    assert_null(strstr(items, "birth"));
    assert_int_equal(counts.contacts, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_owner_reads_what_others_did_meanwhile),
        TEST(one_save_of_several_parts_is_one_thing_that_was_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
