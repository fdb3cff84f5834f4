/* Tests of core/today. */
#include "core/today.h"

#include <string.h>

#include "core/family.h"
#include "core/goal.h"
#include "tests/support/casework.h"
#include "tests/unit/two_devices.h"

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
    casework_fill(&world);
    items[0] = 0;
    assert_ok(today_list(journal(0), CASEWORK_TODAY, see, NULL));
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
    casework_member(&world, "Schrikkel", 20200229);
    casework_member(&world, "Nieuwjaar", 20190102);
    items[0] = 0;
    assert_ok(today_list(journal(0), 20230220, see, NULL));
    assert_string_equal(items, "4 20230228 Schrikkel (null) 3\n");
    items[0] = 0;
    assert_ok(today_list(journal(0), 20231225, see, NULL));
    assert_string_equal(items, "4 20240102 Nieuwjaar (null) 5\n");
}

/* Two coaches, the second of whom says that it is over: until a person chooses it asks for attention. */
static void
what_is_over_in_one_of_two_versions_still_asks_for_attention(void **state)
{
    struct goal goal = {.facts.family = world.family, .text = "eten", .deadline = 20240301}, reached;
    struct family family = {.facts = {.id = world.family, .family = world.family}, .code_name = "Duin", .opened = 20240101};
    struct family closed;

    (void)state;
    assert_ok(goal_put(journal(0), &set, &goal));
    assert_ok(family_put(journal(0), &set, &family));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    reached = goal;
    closed = family;
    goal.text = "samen eten";
    family.opened = 20240102;
    assert_ok(goal_put(journal(0), &set, &goal));
    assert_ok(family_put(journal(0), &set, &family));
    devices_save_set(&world, 0, &set);
    world.device[1].now_ms = world.device[0].now_ms + 60000;
    reached.status = "reached";
    closed.closed = 20240201;
    assert_ok(goal_put(journal(1), &set, &reached));
    assert_ok(family_put(journal(1), &set, &closed));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    items[0] = 0;
    assert_ok(today_list(journal(0), 20240310, see, NULL));
    assert_string_equal(items, "2 20240301 eten Duin 0\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_asks_for_attention_is_listed_by_date),
        TEST(what_is_over_in_one_of_two_versions_still_asks_for_attention),
        TEST(a_leap_day_is_kept_on_the_28th_and_the_turn_of_the_year_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
