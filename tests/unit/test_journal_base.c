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

/* Two versions, which both people see. */
static void
put_two(struct version both[2])
{
    put_plain(0, 1, "oldest");
    devices_sync(&world);
    put_plain(0, 1, "left");
    put_plain(1, 1, "right");
    both[0] = version(0, 2);
    both[1] = version(1, 1);
    assert_true(version_compare(&both[0], &both[1]) < 0);
}

static void
of_opposite_choices_neither_choice_is_the_base(void **state)
{
    struct save_source source = {get_sent, NULL};
    struct version both[2];
    struct past base;

    (void)state;
    put_two(both);
    devices_sync(&world);
    put(0, GOAL, 1, 1, "left", both, 2);
    put(1, GOAL, 1, 1, "right", both, 2);
    devices_sync(&world);
    assert_int_equal(conflicts(0), 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(journal_base(world.device[i].journal, &source, world.file, GOAL, record(1), 1, &base), RC_ABSENT);
    /* Who builds upon one of the choices has a base with the other no more than before. */
    put(0, GOAL, 1, 1, "further left", (struct version[]){version(0, 3)}, 1);
    devices_sync(&world);
    assert_int_equal(journal_base(world.device[2].journal, &source, world.file, GOAL, record(1), 1, &base), RC_ABSENT);
}

/* All three descend from one version alone, but two of them chose between it and another, each otherwise. */
static void
a_third_who_saw_less_does_not_make_one_choice_the_base(void **state)
{
    struct save_source source = {get_sent, NULL};
    struct version both[2];
    struct past base;

    (void)state;
    put_two(both);
    for (size_t i = 0; i < world.sent_count; i++)
        if (world.sent[i].save == 2) /* the left one comes to the third, who writes before the right one does */
            give(2, i);
    put_plain(2, 1, "left, by the third");
    devices_sync(&world);
    put(0, GOAL, 1, 1, "right", both, 2);
    put(1, GOAL, 1, 1, "left", both, 2);
    devices_sync(&world);
    assert_int_equal(look(0, GOAL, 1, 1).count, 3);
    assert_int_equal(journal_base(world.device[0].journal, &source, world.file, GOAL, record(1), 1, &base), RC_ABSENT);
}

/* Equal bytes count as one version: both had that text. */
static void
of_equal_choices_the_base_is_what_both_chose(void **state)
{
    struct save_source source = {get_sent, NULL};
    struct version both[2];
    struct past base;

    (void)state;
    put_two(both);
    devices_sync(&world);
    put(0, GOAL, 1, 1, "left", both, 2);
    put(1, GOAL, 1, 1, "left", both, 2);
    devices_sync(&world);
    assert_int_equal(conflicts(0), 0);
    put_plain(0, 1, "left, and on");
    put_plain(1, 1, "left, and up");
    devices_sync(&world);
    assert_int_equal(conflicts(0), 1);
    assert_ok(journal_base(world.device[2].journal, &source, world.file, GOAL, record(1), 1, &base));
    assert_memory_equal(base.value + 4, "left", 4);
    journal_past_wipe(&base);
}

/* Who went on from one of two while a colleague chose between them: both had that one. */
static void
of_a_choice_and_what_goes_on_the_base_is_what_both_had(void **state)
{
    struct save_source source = {get_sent, NULL};
    struct version both[2];
    struct past base;

    (void)state;
    put_two(both);
    devices_sync(&world);
    put(0, GOAL, 1, 1, "left and right", both, 2);
    put(1, GOAL, 1, 1, "right, and on", &both[1], 1);
    devices_sync(&world);
    assert_ok(journal_base(world.device[0].journal, &source, world.file, GOAL, record(1), 1, &base));
    assert_memory_equal(base.value + 4, "right", 5);
    journal_past_wipe(&base);
}

/* Each pair of versions is gone through: of so many, which people do not write, none is. */
static void
of_more_than_eight_versions_no_base_is_sought(void **state)
{
    struct save_source source = {get_sent, NULL};
    struct version base_version;
    struct past base;
    char text[16];

    (void)state;
    put_plain(0, 1, "base");
    base_version = version(0, 1);
    devices_sync(&world);
    for (int i = 0; i < 9; i++) {
        snprintf(text, sizeof text, "choice %d", i);
        put((size_t)i % 3, GOAL, 1, 1, text, &base_version, 1);
        devices_sync(&world);
        if (i != 7)
            continue;
        assert_int_equal(look(0, GOAL, 1, 1).count, 8);
        assert_ok(journal_base(world.device[0].journal, &source, world.file, GOAL, record(1), 1, &base));
        assert_memory_equal(base.value + 4, "base", 4);
        journal_past_wipe(&base);
    }
    assert_int_equal(look(0, GOAL, 1, 1).count, 9);
    assert_int_equal(journal_base(world.device[0].journal, &source, world.file, GOAL, record(1), 1, &base), RC_ABSENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_base_of_a_conflict_is_the_latest_common_version),
        TEST(a_clock_that_jumped_does_not_choose_the_base),
        TEST(a_base_far_back_is_found),
        TEST(of_opposite_choices_neither_choice_is_the_base),
        TEST(a_third_who_saw_less_does_not_make_one_choice_the_base),
        TEST(of_equal_choices_the_base_is_what_both_chose),
        TEST(of_a_choice_and_what_goes_on_the_base_is_what_both_had),
        TEST(of_more_than_eight_versions_no_base_is_sought),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
