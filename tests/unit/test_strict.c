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

/* ---- at the ceiling ------------------------------------------------------------------------- */

enum { LEFT = 256 }; /* of one degree of protection, by one feed: docs/MERGE.md section 4 */

/* One save of `count` versions that name nothing, by a program that knows no ceiling; on device 0 at once, gathered on 1. */
static void
flood(uint32_t save, size_t count, const char *(*word)(size_t i))
{
    const struct author who_covers = {world.device[2].self.feed, world.device[2].self.person, 0};
    struct change change = CHANGE_EMPTY(world.file);
    struct version none;
    struct buf value = BUF_EMPTY(100);

    change.hlc = save;
    for (size_t i = 0; i < count; i++) {
        buf_clear(&value);
        assert_ok(value_put_text(&value, 1, word(i)));
        assert_ok(change_put_over(&change, STANDING, world.family, CONSENT, &value, &none, 0));
    }
    for (size_t d = 0; d < 2; d++) {
        assert_ok(db_begin(world.device[d].db));
        if (d == 1)
            journal_gather(world.device[d].journal);
        enum rc rc = journal_apply(world.device[d].journal, &who_covers, save, &change);
        if (d == 1)
            rc = journal_settle(world.device[d].journal, rc);
        assert_ok(db_end(world.device[d].db, rc));
    }
    assert_same(0, 1);
    change_wipe(&change);
    buf_wipe(&value);
}

struct counted {
    const char *word;
    size_t count;
    uint32_t oldest; /* its place in its save */
};

static enum rc
count_word(void *context, const struct current *current)
{
    struct counted *counted = context;
    struct field fields[CHANGE_FIELDS];
    size_t count;

    assert_ok(value_read(current->value, current->value_len, fields, &count));
    if (fields[0].len != strlen(counted->word) || memcmp(fields[0].bytes, counted->word, fields[0].len) != 0)
        return RC_OK;
    if (counted->count++ == 0 || current->version.index < counted->oldest)
        counted->oldest = current->version.index;
    return RC_OK;
}

static struct counted
left_of(const char *word)
{
    struct counted counted = {word, 0, 0};

    assert_ok(journal_current(world.device[0].journal, world.file, STANDING, world.family, CONSENT, count_word, &counted));
    return counted;
}

static const char *
refused_then_less(size_t i)
{
    return i == 0 ? "refused" : i % 2 == 0 ? "limited" : "given";
}

static const char *
limited(size_t i)
{
    (void)i;
    return "limited";
}

static const char *
refused(size_t i)
{
    (void)i;
    return "refused";
}

/* What a feed wrote long ago goes at its ceiling, but not what it may not take back. */
static void
nobody_relaxes_by_writing_much(void **state)
{
    (void)state;
    flood(1, 600, refused_then_less);
    assert_string_equal(look(0, CONSENT).shown, "refused");
    assert_int_equal(left_of("refused").count, 1);
    /* Against "limited" counts "limited" alone, against "given" both: of the last 256 it is half. */
    assert_int_equal(left_of("limited").count, LEFT);
    assert_int_equal(left_of("limited").oldest, 600 - 2 * LEFT);
    assert_int_equal(left_of("given").count, LEFT / 2);
    assert_int_equal(left_of("given").oldest, 600 - LEFT + 1);
    assert_int_equal(look(0, CONSENT).count, 1 + LEFT + LEFT / 2);
}

/* The other half: what protects as much or more counts, and another's version stays. */
static void
what_protects_no_less_ages_what_its_feed_wrote_in_a_strict_unit_too(void **state)
{
    const struct version none = {0};

    (void)state;
    put(0, CONSENT, "given", &none, 0); /* a coach's */
    assert_ok(devices_apply(&world, 1, 0));
    flood(1, 1, limited);
    flood(2, LEFT - 1, refused);
    assert_int_equal(left_of("limited").count, 1);
    assert_int_equal(left_of("refused").count, LEFT - 1);
    flood(3, 1, refused);
    assert_int_equal(left_of("limited").count, 0);
    assert_int_equal(left_of("refused").count, LEFT);
    flood(4, 1, limited); /* which protects less: it counts against none of these */
    assert_int_equal(left_of("refused").count, LEFT);
    flood(5, 1, refused);
    assert_int_equal(left_of("refused").count, LEFT);
    assert_int_equal(left_of("limited").count, 1);
    assert_int_equal(left_of("given").count, 1);
    assert_int_equal(look(0, CONSENT).count, LEFT + 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_relaxes_by_writing_much),
        TEST(what_protects_no_less_ages_what_its_feed_wrote_in_a_strict_unit_too),
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
