/* Tests of strict units: what protects is shown, and who relaxes it. */
#include "tests/unit/strict_world.h"

/* ---- what is shown, and who relaxes it --------------------------------------------------------- */

static void
what_protects_most_is_shown_whatever_the_clocks_say(void **state)
{
    (void)state;
    put_plain(0, CONSENT, "given");
    devices_sync(&world);
    world.device[1].now_ms -= 3600 * 1000;
    put_plain(1, CONSENT, "refused");
    world.device[3].now_ms += 3600 * 1000;
    put_plain(3, CONSENT, "limited");
    devices_sync(&world);
    assert_shown(CONSENT, "refused", 2);
    for (size_t d = 0; d < world.count; d++) {
        assert_int_equal(conflicts(d), 1);
        assert_row(d, "SELECT consent FROM file_standing", "refused");
    }
}

static void
a_coach_relaxes_and_nobody_else_does(void **state)
{
    (void)state;
    put_plain(0, CONSENT, "refused");
    devices_sync(&world);
    put_plain(2, CONSENT, "given"); /* who covers */
    devices_sync(&world);
    assert_shown(CONSENT, "refused", 2);
    put_plain(1, CONSENT, "limited"); /* a scientist */
    devices_sync(&world);
    assert_shown(CONSENT, "refused", 3);
    put_plain(3, CONSENT, "limited"); /* a coach */
    devices_sync(&world);
    assert_shown(CONSENT, "limited", 3);
}

static void
whoever_may_write_protects_more(void **state)
{
    (void)state;
    put_plain(0, CONSENT, "given");
    devices_sync(&world);
    put_plain(2, CONSENT, "refused");
    devices_sync(&world);
    assert_shown(CONSENT, "refused", 1);
    put_plain(1, CONSENT, "refused"); /* as much: no relaxing */
    devices_sync(&world);
    assert_shown(CONSENT, "refused", 1);
}

static void
a_word_of_a_newer_program_protects_most_and_the_empty_value_least(void **state)
{
    (void)state;
    put_plain(2, CONSENT, "withheld-by-court");
    devices_sync(&world);
    put_plain(2, CONSENT, "refused");
    devices_sync(&world);
    assert_shown(CONSENT, "withheld-by-court", 2);
    put_plain(2, CONSENT, NULL);
    devices_sync(&world);
    assert_shown(CONSENT, "withheld-by-court", 3);
    struct version seen[3] = {version(2, 1), version(2, 2), version(2, 3)};
    put(0, CONSENT, NULL, seen, 3);
    devices_sync(&world);
    assert_shown(CONSENT, "none", 1);
}

static void
safety_is_relaxed_by_two_persons_of_different_functions(void **state)
{
    (void)state;
    put_plain(0, SAFETY, "unsafe");
    devices_sync(&world);
    struct version unsafe = version(0, 1);
    put(0, SAFETY, "safe", &unsafe, 1);
    devices_sync(&world);
    assert_shown(SAFETY, "unsafe", 2);
    put(3, SAFETY, "safe", &unsafe, 1); /* a second coach is no second function */
    devices_sync(&world);
    assert_shown(SAFETY, "unsafe", 3);
    put(2, SAFETY, "safe", &unsafe, 1); /* and who covers is none at all */
    devices_sync(&world);
    assert_shown(SAFETY, "unsafe", 4);
    put(1, SAFETY, "safe", &unsafe, 1);
    devices_sync(&world);
    assert_shown(SAFETY, "safe", 4);
    assert_int_equal(conflicts(0), 0); /* equal bytes */
}

static void
one_person_with_two_functions_is_still_one(void **state)
{
    (void)state;
    world.device[0].self.functions = FUNCTION_COACH | FUNCTION_SCIENTIST;
    put_plain(0, SAFETY, "unsafe");
    devices_sync(&world);
    struct version unsafe = version(0, 1);
    put(0, SAFETY, "safe", &unsafe, 1);
    put(0, SAFETY, "worry", &unsafe, 1);
    devices_sync(&world);
    assert_shown(SAFETY, "unsafe", 3);
    put(3, SAFETY, "worry", &unsafe, 1); /* a coach, beside one who is a scientist too */
    devices_sync(&world);
    assert_string_equal(look(1, SAFETY).shown, "worry");
}

static void
who_protects_more_ends_the_need_for_two(void **state)
{
    (void)state;
    put_plain(0, SAFETY, "worry");
    devices_sync(&world);
    struct version worry = version(0, 1);
    put(1, SAFETY, "safe", &worry, 1);
    put(2, SAFETY, "unsafe", &worry, 1);
    devices_sync(&world);
    assert_shown(SAFETY, "unsafe", 2);
}

/* ---- every order ---------------------------------------------------------------------------- */

/* Gives device 3 everything in the order of `order`, gaps filled by trying again, gathered or one by one. */
static void
apply_in(const size_t *order, size_t count, bool gathered)
{
    bool applied[8] = {false};

    assert_ok(journal_reset(world.device[3].journal, world.file));
    if (gathered) {
        for (size_t round = 0; round < count; round++)
            assert_ok(devices_apply_gathered(&world, 3, order, count, applied));
        return;
    }
    for (size_t round = 0; round < count; round++) {
        for (size_t i = 0; i < count; i++) {
            enum rc rc = devices_apply(&world, 3, order[i]);
            assert_true(rc == RC_OK || rc == RC_STALE);
        }
    }
}

static bool
next_order(size_t *order, size_t count)
{
    size_t i = count - 1;

    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    size_t k = count - 1;
    while (order[k] <= order[i - 1])
        k--;
    size_t swap = order[i - 1];
    order[i - 1] = order[k];
    order[k] = swap;
    for (size_t a = i, b = count - 1; a < b; a++, b--) {
        swap = order[a];
        order[a] = order[b];
        order[b] = swap;
    }
    return true;
}

static void
check_every_order(uint32_t unit, const char *shown)
{
    size_t order[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    size_t count = world.sent_count;
    char *first = NULL;

    do {
        for (int gathered = 0; gathered < 2; gathered++) {
            apply_in(order, count, gathered == 1);
            assert_string_equal(look(3, unit).shown, shown);
            char *dump = devices_dump(&world, 3, world.file);
            if (first != NULL)
                assert_string_equal(first, dump);
            free(first);
            first = dump;
        }
    } while (next_order(order, count));
    free(first);
}

static void
every_order_of_relaxing_consent_gives_the_same_rows(void **state)
{
    (void)state;
    put_plain(0, CONSENT, "refused");
    devices_sync(&world);
    struct version refused = version(0, 1);
    put(1, CONSENT, "given", &refused, 1);   /* may not */
    put(2, CONSENT, "refused", &refused, 1); /* no relaxing */
    put(0, CONSENT, "limited", &refused, 1); /* may */
    devices_sync(&world);
    struct version seen[3] = {version(0, 2), version(1, 1), version(2, 1)};
    put(0, CONSENT, "limited", seen, 3);
    check_every_order(CONSENT, "limited");
}

static void
every_order_of_relaxing_safety_gives_the_same_rows(void **state)
{
    (void)state;
    put_plain(2, SAFETY, "unsafe");
    devices_sync(&world);
    struct version unsafe = version(2, 1);
    put(0, SAFETY, "safe", &unsafe, 1);
    put(1, SAFETY, "safe", &unsafe, 1);
    put(2, SAFETY, "worry", &unsafe, 1);
    struct version worry = version(2, 2);
    devices_sync(&world);
    put(0, SAFETY, "safe", &worry, 1);
    check_every_order(SAFETY, "worry"); /* of "worry" one function said so, of "unsafe" two */
}

/* ---- who may resolve ------------------------------------------------------------------------ */

static enum rc
may(size_t device, uint32_t unit, const char *text, struct version over)
{
    struct buf value = BUF_EMPTY(100);

    assert_ok(value_put_text(&value, 1, text));
    struct replacing replacing = {world.file, STANDING, unit, world.family, value.data, value.len, &over, 1};
    enum rc rc = journal_may_resolve(world.device[device].journal, &world.device[device].self, &replacing);
    buf_wipe(&value);
    return rc;
}

static void
who_would_relax_in_vain_is_told_so_before(void **state)
{
    (void)state;
    put_plain(2, CONSENT, "limited");
    put_plain(2, SAFETY, "worry");
    devices_sync(&world);
    assert_int_equal(may(0, CONSENT, "given", version(2, 1)), RC_OK);
    assert_int_equal(may(1, CONSENT, "given", version(2, 1)), RC_DENIED);
    assert_int_equal(may(2, CONSENT, "given", version(2, 1)), RC_DENIED);
    assert_int_equal(may(2, CONSENT, "refused", version(2, 1)), RC_OK);
    assert_int_equal(may(1, SAFETY, "safe", version(2, 2)), RC_OK);
    assert_int_equal(may(2, SAFETY, "safe", version(2, 2)), RC_DENIED);
}

/* What a feed wrote long ago goes at its ceiling, but not what it may not take back. */
static void
nobody_relaxes_by_writing_much(void **state)
{
    (void)state;
    const struct author who_covers = {world.device[2].self.feed, world.device[2].self.person, 0};
    struct change change = CHANGE_EMPTY(world.file);
    struct version none;
    struct buf value = BUF_EMPTY(100);

    change.hlc = 1;
    for (int i = 0; i < 600; i++) {
        buf_clear(&value);
        assert_ok(value_put_text(&value, 1, i == 0 ? "refused" : i % 2 == 0 ? "limited" : "given"));
        assert_ok(change_put_over(&change, STANDING, world.family, CONSENT, &value, &none, 0));
    }
    for (size_t d = 0; d < 2; d++) { /* at once, and gathered */
        assert_ok(db_begin(world.device[d].db));
        if (d == 1)
            journal_gather(world.device[d].journal);
        enum rc rc = journal_apply(world.device[d].journal, &who_covers, 1, &change);
        if (d == 1)
            rc = journal_settle(world.device[d].journal, rc);
        assert_ok(db_end(world.device[d].db, rc));
    }
    char *dumps[2] = {devices_dump(&world, 0, world.file), devices_dump(&world, 1, world.file)};
    assert_non_null(strstr(dumps[0], "72656675736564")); /* refused */
    assert_string_equal(dumps[0], dumps[1]);
    for (size_t d = 0; d < 2; d++)
        free(dumps[d]);
    change_wipe(&change);
    buf_wipe(&value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_relaxes_by_writing_much),
        TEST(what_protects_most_is_shown_whatever_the_clocks_say),
        TEST(a_coach_relaxes_and_nobody_else_does),
        TEST(whoever_may_write_protects_more),
        TEST(a_word_of_a_newer_program_protects_most_and_the_empty_value_least),
        TEST(safety_is_relaxed_by_two_persons_of_different_functions),
        TEST(one_person_with_two_functions_is_still_one),
        TEST(who_protects_more_ends_the_need_for_two),
        TEST(every_order_of_relaxing_consent_gives_the_same_rows),
        TEST(every_order_of_relaxing_safety_gives_the_same_rows),
        TEST(who_would_relax_in_vain_is_told_so_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
