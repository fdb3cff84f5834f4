/* Tests of core/journal_history: the base of a conflict. */
#include "tests/unit/journal_world.h"

static enum rc
get_sent(void *context, struct id stream, struct feed_ref feed, uint32_t save,
         struct change **change)
{
    (void)context;
    for (size_t i = 0; i < world.sent_count; i++) {
        struct sent *sent = &world.sent[i];
        if (id_equal(sent->stream, stream) && id_equal(sent->author.feed.device, feed.device) &&
            sent->save == save)
            return body_read(stream, feed, save, save, sent->body.data, sent->body.len, change);
    }
    return rc_fail(RC_ABSENT, "not held");
}

static void
the_base_of_a_conflict_is_the_latest_common_version(void **state)
{
    struct save_source source = {get_sent, NULL};
    struct past base;

    (void)state;
    put_plain(0, 1, "oldest");
    put_plain(0, 1, "base");
    devices_sync(&world);
    put_plain(1, 1, "left");
    put_plain(2, 1, "right");
    put_plain(2, 1, "right again");
    devices_sync(&world);
    assert_ok(
        journal_base(world.device[0].journal, &source, world.file, GOAL, record(1), 1, &base));
    assert_int_equal(base.version.save, 2);
    assert_memory_equal(base.value + 4, "base", 4);
    journal_past_wipe(&base);
    put_plain(0, 2, "alone");
    put_plain(1, 2, "also alone");
    devices_sync(&world);
    assert_int_equal(
        journal_base(world.device[0].journal, &source, world.file, GOAL, record(2), 1, &base),
        RC_ABSENT);
}

static void
a_clock_that_jumped_does_not_choose_the_base(void **state)
{
    struct save_source source = {get_sent, NULL};
    struct past base;

    (void)state;
    world.device[0].now_ms += INT64_C(365) * 86400 * 1000;
    put_plain(0, 1, "a year ahead");
    world.device[0].now_ms -= INT64_C(365) * 86400 * 1000;
    devices_sync(&world);
    put_plain(1, 1, "base");
    devices_sync(&world);
    put_plain(1, 1, "left");
    put_plain(2, 1, "right");
    devices_sync(&world);
    assert_int_equal(conflicts(0), 1);
    assert_ok(journal_base(world.device[0].journal, &source, world.file, GOAL, record(1), 1, &base));
    assert_memory_equal(base.value + 4, "base", 4);
    journal_past_wipe(&base);
}

/* Both went on for long: each step back is looked up, not searched for among all that were found. */
static void
a_base_far_back_is_found(void **state)
{
    struct save_source source = {get_sent, NULL};
    struct past base;

    (void)state;
    put_plain(0, 1, "base");
    devices_sync(&world);
    for (int i = 0; i < 200; i++) {
        put_plain(1, 1, "left");
        put_plain(2, 1, "right");
    }
    devices_sync(&world);
    assert_ok(journal_base(world.device[0].journal, &source, world.file, GOAL, record(1), 1, &base));
    assert_memory_equal(base.value + 4, "base", 4);
    journal_past_wipe(&base);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_base_of_a_conflict_is_the_latest_common_version),
        TEST(a_clock_that_jumped_does_not_choose_the_base),
        TEST(a_base_far_back_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
