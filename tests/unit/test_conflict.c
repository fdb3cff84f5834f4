/* Tests of cli/conflict: a token means the versions that were on the screen, and no other that a colleague makes to look alike. */
#include "cli/conflict.h"

#include <string.h>

#include "core/goal.h"
#include "tests/unit/two_devices.h"

static struct call call;
static struct id goal_id;

static void
write_goal(size_t device, const char *text)
{
    struct goal goal = {.facts = {.id = goal_id, .family = world.family}, .text = text};

    assert_ok(goal_put(journal(device), &set, &goal));
    goal_id = goal.facts.id;
    devices_save_set(&world, device, &set);
}

static struct conflict
the_goal(void)
{
    struct conflict conflict = {.stream = world.file, .family = world.family, .record = goal_id,
                                .entity = ENTITY_GOAL, .unit = 1};

    call.journal = journal(0);
    return conflict;
}

/* The colleague's program chooses its incarnation. */
static void
write_as(uint64_t incarnation, const char *text)
{
    struct author evil = {.feed = {devices_id(1, 1), incarnation}, .person = devices_id(2, 1)};
    struct change change = CHANGE_EMPTY(world.file);
    struct version none;
    struct buf value = BUF_EMPTY(64);

    assert_ok(value_put_text(&value, 1, text));
    assert_ok(change_put_over(&change, ENTITY_GOAL, goal_id, 1, &value, &none, 0));
    change.hlc = 1; /* before all others */
    assert_ok(db_begin(world.device[0].db));
    assert_ok(journal_apply(journal(0), &evil, 1, &change));
    assert_ok(db_commit(world.device[0].db));
    change_wipe(&change);
    buf_wipe(&value);
}

/* Found in seconds: its mark ends in the same five characters as that of the first on the screen. */
#define ALIKE UINT64_C(11085732)

static void
a_version_with_the_mark_of_another_is_not_taken_for_it(void **state)
{
    (void)state;
    struct versions screen = {.count = 0}, now = {.count = 0};
    struct conflict conflict;
    char token[CONFLICT_TOKEN_BYTES], mark[CONFLICT_MARK_CHARS + 1];
    struct version alike = {{devices_id(1, 1), ALIKE}, 1, 0};

    goal_id = (struct id){{0}};
    write_goal(0, "Safe at home.");
    devices_sync(&world);
    write_goal(0, "Safe at her aunt's.");
    write_goal(1, "Not safe at all.");
    devices_sync(&world);
    conflict = the_goal();
    assert_ok(conflict_versions(&call, &conflict, &screen));
    assert_int_equal(screen.count, 2);
    conflict_token(&screen, token);
    assert_ok(conflict_mark(&alike, mark));
    assert_string_equal(mark + strlen(mark) - 5, screen.sides[0].mark + strlen(mark) - 5);
    write_as(ALIKE, "Forget it.");
    assert_ok(conflict_named(&call, &conflict, token, &now));
    assert_int_equal(now.count, 2);
    assert_int_equal(now.left_out, 1);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(version_compare(&now.sides[i].version, &screen.sides[i].version), 0);
    conflict_versions_wipe(&screen);
    conflict_versions_wipe(&now);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_version_with_the_mark_of_another_is_not_taken_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
