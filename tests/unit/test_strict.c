/* Tests of strict units: what protects is shown, who relaxes it, and what held work protects. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/journal.h"
#include "tests/support/devices.h"

enum { STANDING = ENTITY_STANDING, CONSENT = 1, VISIBILITY = 3, SAFETY = 4 };

static struct devices world;

/* Device 0 is a coach's, 1 a behavioural scientist's, 2 a colleague's who covers, 3 another coach's. */
static int
set_up(void **state)
{
    static const unsigned functions[] = {FUNCTION_COACH | FUNCTION_OWNER, FUNCTION_SCIENTIST, 0, FUNCTION_COACH};

    (void)state;
    devices_make(&world, 4);
    for (size_t d = 0; d < 4; d++)
        world.device[d].self.functions = functions[d];
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    devices_remove(&world);
    return 0;
}

static struct version
version(size_t device, uint32_t save)
{
    return (struct version){world.device[device].self.feed, save, 0};
}

/* `over` NULL: as a plain edit. NULL as text: the empty value. */
static void
put(size_t device, uint32_t unit, const char *text, const struct version *over, size_t count)
{
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(1000);

    assert_ok(value_put_text(&value, 1, text));
    if (over == NULL)
        assert_ok(change_put(&change, STANDING, world.family, unit, &value));
    else
        assert_ok(change_put_over(&change, STANDING, world.family, unit, &value, over, count));
    buf_wipe(&value);
    devices_save(&world, device, &change);
}

static void
put_plain(size_t device, uint32_t unit, const char *text)
{
    put(device, unit, text, NULL, 0);
}

struct seen {
    size_t count;
    char shown[50]; /* "" when nothing that was asked for is shown */
};

static enum rc
see(void *context, const struct current *current)
{
    struct seen *seen = context;
    struct field fields[CHANGE_FIELDS];
    size_t count;

    seen->count++;
    assert_ok(value_read(current->value, current->value_len, fields, &count));
    if (current->is_shown)
        snprintf(seen->shown, sizeof seen->shown, "%.*s", count == 0 ? 4 : (int)fields[0].len,
                 count == 0 ? "none" : (const char *)fields[0].bytes);
    return RC_OK;
}

static struct seen
look(size_t device, uint32_t unit)
{
    struct seen seen = {.count = 0};

    assert_ok(journal_current(world.device[device].journal, world.file, STANDING, world.family, unit, see, &seen));
    return seen;
}

static struct seen
look_held(size_t device, uint32_t unit)
{
    struct seen seen = {.count = 0};

    assert_ok(journal_held(world.device[device].journal, world.file, STANDING, world.family, unit, see, &seen));
    return seen;
}

static void
assert_shown(uint32_t unit, const char *text, size_t count)
{
    for (size_t d = 0; d < world.count; d++) {
        assert_string_equal(look(d, unit).shown, text);
        assert_int_equal(look(d, unit).count, count);
    }
}

static enum rc
count_conflict(void *context, const struct conflict *conflict)
{
    size_t *count = context;

    (void)conflict;
    ++*count;
    return RC_OK;
}

static size_t
conflicts(size_t device)
{
    size_t count = 0;

    assert_ok(journal_conflicts(world.device[device].journal, count_conflict, &count));
    return count;
}

/* The column of the family's row: what every screen is made from. NULL when it is not filled in. */
static void
assert_row(size_t device, const char *sql, const char *text)
{
    struct stmt *stmt;
    bool row;

    assert_ok(db_stmt(journal_db(world.device[device].journal), sql, &stmt));
    assert_ok(stmt_step(stmt, &row));
    assert_true(row);
    assert_string_equal(stmt_get_text(stmt, 0), text);
    stmt_done(stmt);
}

static void
assert_same(size_t a, size_t b)
{
    char *x = devices_dump(&world, a, world.file);
    char *y = devices_dump(&world, b, world.file);

    assert_string_equal(x, y);
    free(x);
    free(y);
}

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

/* ---- held ----------------------------------------------------------------------------------- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        TEST(held_work_protects_at_once_and_relaxes_nothing),
        TEST(held_work_that_is_admitted_is_current_and_held_no_longer),
        TEST(held_work_is_listed_apart_and_goes_with_a_reset),
        TEST(held_work_that_was_lawfully_replaced_protects_no_longer),
        TEST(a_held_mark_of_moving_hides_at_once),
        TEST(who_would_relax_in_vain_is_told_so_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
