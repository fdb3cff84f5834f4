/* Tests of strict units: what held work protects. */
#include "tests/unit/strict_world.h"

static void
held_work_protects_at_once_and_relaxes_nothing(void **state)
{
    (void)state;
    put_plain(0, CONSENT, "limited");
    devices_sync(&world);
    put_plain(2, CONSENT, "refused");
    put_plain(2, VISIBILITY, "named"); /* where nothing is known yet */
    put_plain(3, CONSENT, "given");
    devices_hold(&world, 1, 1);
    devices_hold(&world, 1, 2);
    devices_hold(&world, 1, 3);
    devices_hold(&world, 1, 1); /* again is fine */
    assert_row(1, "SELECT consent FROM file_standing", "refused");
    assert_row(1, "SELECT visibility FROM file_standing", "named");
    assert_string_equal(look_held(1, CONSENT).shown, "refused");
    assert_int_equal(look_held(1, CONSENT).count, 2);
    assert_string_equal(look(1, CONSENT).shown, "");
    assert_int_equal(look(1, CONSENT).count, 1); /* "limited" is what is current */
    assert_int_equal(look(1, VISIBILITY).count, 0);
    assert_int_equal(conflicts(1), 0);
}

static void
held_work_that_is_admitted_is_current_and_held_no_longer(void **state)
{
    (void)state;
    put_plain(0, CONSENT, "limited");
    devices_sync(&world);
    put_plain(2, CONSENT, "refused");
    devices_hold(&world, 1, 1);
    assert_ok(devices_apply(&world, 1, 1));
    assert_ok(devices_apply(&world, 3, 1));
    assert_string_equal(look(1, CONSENT).shown, "refused");
    assert_int_equal(look_held(1, CONSENT).count, 0);
    assert_same(1, 3);
    devices_hold(&world, 1, 1); /* it is applied: nothing to hold */
    assert_same(1, 3);
}

static void
held_work_is_listed_apart_and_goes_with_a_reset(void **state)
{
    (void)state;
    put_plain(0, CONSENT, "limited");
    devices_sync(&world);
    put_plain(2, CONSENT, "refused");
    char *before = devices_dump(&world, 1, world.file);
    assert_null(strstr(before, "\nheld "));
    devices_hold(&world, 1, 1);
    char *dump = devices_dump(&world, 1, world.file);
    assert_non_null(strstr(dump, "\nheld 10 "));
    free(dump);
    assert_ok(journal_reset(world.device[1].journal, world.file));
    assert_ok(devices_apply(&world, 1, 0));
    dump = devices_dump(&world, 1, world.file);
    assert_string_equal(before, dump);
    free(dump);
    free(before);
}

/* A colleague for whom it was not late replaced it, and their save counts. */
static void
held_work_that_was_lawfully_replaced_protects_no_longer(void **state)
{
    (void)state;
    put_plain(2, CONSENT, "refused");
    assert_ok(devices_apply(&world, 0, 0));
    assert_ok(devices_apply(&world, 3, 0));
    put_plain(3, CONSENT, "given");
    for (int held_first = 0; held_first < 2; held_first++) {
        assert_ok(journal_reset(world.device[1].journal, world.file));
        if (held_first == 1)
            devices_hold(&world, 1, 0);
        assert_ok(devices_apply(&world, 1, 1));
        if (held_first == 0)
            devices_hold(&world, 1, 0);
        assert_row(1, "SELECT consent FROM file_standing", "given");
        assert_int_equal(look_held(1, CONSENT).count, 0);
    }
    put_plain(2, CONSENT, "refused"); /* nobody replaced this one */
    devices_hold(&world, 1, 2);
    assert_row(1, "SELECT consent FROM file_standing", "refused");
}

static void
a_held_mark_of_moving_hides_at_once(void **state)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct buf value = BUF_EMPTY(1000);
    struct change change = CHANGE_EMPTY(world.file);
    struct id goal = devices_id(9, 1);

    (void)state;
    assert_ok(value_put_text(&value, 1, "Geheim"));
    assert_ok(change_put(&change, ENTITY_GOAL, goal, 1, &value));
    buf_wipe(&value);
    devices_save(&world, 0, &change);
    devices_sync(&world);
    assert_ok(change_set_move(world.device[2].journal, &set, world.family, ENTITY_GOAL, goal, devices_id(9, 2)));
    devices_save_set(&world, 2, &set);
    assert_row(1, "SELECT hidden || '' FROM file_goal", "0");
    devices_hold(&world, 1, 1);
    assert_row(1, "SELECT hidden || '' FROM file_goal", "2");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(held_work_protects_at_once_and_relaxes_nothing),
        TEST(held_work_that_is_admitted_is_current_and_held_no_longer),
        TEST(held_work_is_listed_apart_and_goes_with_a_reset),
        TEST(held_work_that_was_lawfully_replaced_protects_no_longer),
        TEST(a_held_mark_of_moving_hides_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
