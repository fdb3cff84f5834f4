/* Tests of the journal: merging in any order, conflicts, policies, deletes. */
#include "tests/unit/journal_world.h"

/* ---- every order ---------------------------------------------------------------------------- */

/* Applies the sends in the order of `order`, over and over until the gaps are filled, then each once more. */
static void
apply_in(size_t device, const size_t *order, size_t count)
{
    bool done[8] = {false};
    size_t left = count;

    reset(device);
    while (left > 0) {
        size_t before = left;
        for (size_t i = 0; i < count; i++) {
            if (done[order[i]])
                continue;
            enum rc rc = devices_apply(&world, device, order[i]);
            assert_true(rc == RC_OK || rc == RC_STALE);
            done[order[i]] = rc == RC_OK;
            left -= rc == RC_OK;
        }
        assert_true(left < before);
    }
    for (size_t i = 0; i < count; i++)
        assert_ok(devices_apply(&world, device, order[i]));
}

/* The same in one transaction, gathered. */
static void
apply_gathered_in(size_t device, const size_t *order, size_t count)
{
    bool applied[64];
    size_t again[64];

    for (size_t i = 0; i < count * count; i++)
        again[i] = order[i % count];
    reset(device);
    assert_ok(devices_apply_gathered(&world, device, again, count * count, applied));
    for (size_t i = count * (count - 1); i < count * count; i++)
        assert_true(applied[i]);
}

/* Heap's algorithm, without recursion. Returns the number of orders tried. */
static size_t
try_all_orders(size_t count)
{
    size_t order[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    size_t state[8] = {0};
    size_t tried = 1;

    apply_in(0, order, count);
    char *expected = devices_dump(&world, 0, world.file);
    for (size_t i = 1; i < count;) {
        if (state[i] >= i) {
            state[i++] = 0;
            continue;
        }
        size_t with = i % 2 == 0 ? 0 : state[i];
        size_t held = order[with];
        order[with] = order[i];
        order[i] = held;
        apply_in(1, order, count);
        char *got = devices_dump(&world, 1, world.file);
        assert_string_equal(got, expected);
        free(got);
        apply_gathered_in(1, order, count);
        got = devices_dump(&world, 1, world.file);
        assert_string_equal(got, expected);
        free(got);
        tried++;
        state[i]++;
        i = 1;
    }
    free(expected);
    return tried;
}

static void
every_order_of_a_chain_gives_the_same_rows(void **state)
{
    (void)state;
    put_plain(0, 1, "a"); /* 0 */
    give(1, 0);
    put_plain(1, 1, "b"); /* 1 over 0 */
    give(2, 0);
    give(2, 1);
    put_plain(2, 1, "c"); /* 2 over 1 */
    give(0, 1);
    give(0, 2);
    put_plain(0, 1, "d"); /* 3 over 2 */
    put_plain(1, 1, "e"); /* 4 over 1, concurrent with c and d */
    assert_int_equal(try_all_orders(5), 120);
    assert_int_equal(look(1, GOAL, 1, 1).count, 2);
    assert_int_equal(conflicts(1), 1);
}

static void
every_order_with_unseen_versions_gives_the_same_rows(void **state)
{
    struct version wild[] = {version(0, 1), version(1, 1), version(2, 2)};

    (void)state;
    put_plain(0, 1, "a");
    put_plain(1, 1, "b");
    put_plain(2, 1, "c");
    put(0, GOAL, 1, 1, "d", wild, 3); /* supersedes versions that it never saw */
    put_plain(2, 2, "other record, named above");
    assert_int_equal(try_all_orders(5), 120);
    assert_int_equal(look(1, GOAL, 1, 1).count, 2); /* c and d */
    assert_int_equal(look(1, GOAL, 2, 1).count, 1); /* of another record: not superseded */
}

static void
every_order_of_a_set_and_a_once_unit_gives_the_same_rows(void **state)
{
    struct version first[] = {version(0, 1)};
    struct version element[] = {version(1, 1)};

    (void)state;
    put(0, ENTITY_CONTACT, 1, 1, "visit", NULL, 0);
    put(1, ENTITY_CONTACT, 1, 2, "aunt", NULL, 0);
    put(1, ENTITY_CONTACT, 1, 1, "call", first, 1); /* another person's "revision" */
    put(2, ENTITY_CONTACT, 1, 2, NULL, element, 1); /* removal */
    put(0, ENTITY_CONTACT, 1, 1, "meeting", first, 1);
    assert_int_equal(try_all_orders(5), 120);
    assert_string_equal(look(1, ENTITY_CONTACT, 1, 1).shown, "meeting");
    assert_int_equal(look(1, ENTITY_CONTACT, 1, 2).count, 0);
}

static void
saves_in_one_transaction_and_in_many_give_the_same_rows(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    put_plain(1, 1, "b");
    put_plain(0, 1, "c");
    put_plain(0, 2, "d");
    assert_ok(db_begin(world.device[2].db));
    for (size_t i = 0; i < world.sent_count; i++)
        give(2, i);
    assert_ok(db_commit(world.device[2].db));
    reset(1);
    for (size_t i = 0; i < world.sent_count; i++)
        give(1, i);
    assert_same(1, 2, world.file);
}

/* ---- conflicts ------------------------------------------------------------------------------ */

static void
two_versions_of_different_bytes_are_a_conflict(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    devices_sync(&world);
    assert_int_equal(conflicts(0), 0);
    put_plain(0, 1, "b");
    put_plain(1, 1, "c");
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++) {
        assert_int_equal(conflicts(d), 1);
        assert_int_equal(look(d, GOAL, 1, 1).count, 2);
    }
}

static void
equal_bytes_are_no_conflict(void **state)
{
    (void)state;
    put_plain(0, 1, "same");
    put_plain(1, 1, "same");
    devices_sync(&world);
    assert_int_equal(look(2, GOAL, 1, 1).count, 2);
    assert_int_equal(conflicts(2), 0);
    put_plain(2, 1, "next"); /* supersedes both */
    devices_sync(&world);
    assert_int_equal(look(0, GOAL, 1, 1).count, 1);
}

static void
a_plain_edit_leaves_the_other_version_of_a_conflict(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    put_plain(1, 1, "b");
    devices_sync(&world);
    put_plain(2, 1, "c"); /* over the shown one only */
    devices_sync(&world);
    struct seen seen = look(0, GOAL, 1, 1);
    assert_int_equal(seen.count, 2);
    assert_int_equal(conflicts(0), 1);
    assert_string_equal(seen.shown, "c");
}

static void
a_resolution_supersedes_exactly_what_it_lists(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    put_plain(1, 1, "b");
    devices_sync(&world);
    struct seen seen = look(2, GOAL, 1, 1);
    put_plain(0, 1, "late"); /* not on the screen of device 2; supersedes the shown "b" */
    put(2, GOAL, 1, 1, "both", seen.versions, seen.count);
    devices_sync(&world);
    seen = look(1, GOAL, 1, 1);
    assert_int_equal(seen.count, 2); /* "both" and "late" */
    assert_int_equal(conflicts(1), 1);
    put(1, GOAL, 1, 1, "all", seen.versions, seen.count);
    devices_sync(&world);
    assert_int_equal(look(0, GOAL, 1, 1).count, 1);
    assert_int_equal(conflicts(0), 0);
}

static void
the_shown_version_is_that_of_the_highest_clock_everywhere(void **state)
{
    (void)state;
    world.device[0].now_ms += 5000;
    put_plain(0, 1, "later");
    put_plain(1, 1, "earlier");
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++)
        assert_string_equal(look(d, GOAL, 1, 1).shown, "later");
}

static void
a_loser_is_promoted_when_the_winner_is_superseded(void **state)
{
    struct version winner = version(1, 1);
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(100);

    (void)state;
    put_plain(0, 1, "loser");
    put_plain(1, 1, "winner");
    devices_sync(&world);
    assert_string_equal(look(2, GOAL, 1, 1).shown, "winner");
    world.device[2].now_ms = 1000; /* an old clock: its version loses against "loser" */
    assert_ok(value_put_text(&value, 1, "slow"));
    change = CHANGE_EMPTY(world.file);
    assert_ok(change_put_over(&change, GOAL, record(1), 1, &value, &winner, 1));
    buf_wipe(&value);
    devices_save(&world, 2, &change);
    devices_sync(&world);
    assert_string_equal(look(0, GOAL, 1, 1).shown, "loser");
}

static void
under_last_no_conflict_is_shown(void **state)
{
    (void)state;
    put(0, GOAL, 1, 2, "hoofddoel", NULL, 0);
    put(1, GOAL, 1, 2, "subdoel", NULL, 0);
    devices_sync(&world);
    assert_int_equal(look(2, GOAL, 1, 2).count, 2);
    assert_int_equal(conflicts(2), 0);
}

/* ---- once ----------------------------------------------------------------------------------- */

static void
anothers_revision_is_kept_and_never_shown_over_the_authors(void **state)
{
    struct version first = version(0, 1);

    (void)state;
    put(0, ENTITY_CONTACT, 1, 1, "mine", NULL, 0);
    devices_sync(&world);
    world.device[1].now_ms += 1000000;
    put(1, ENTITY_CONTACT, 1, 1, "theirs", &first, 1);
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++) {
        struct seen seen = look(d, ENTITY_CONTACT, 1, 1);
        assert_int_equal(seen.count, 2);
        assert_string_equal(seen.shown, "mine");
        assert_true(id_equal(seen.shown_person, world.device[0].self.person));
        assert_int_equal(conflicts(d), 0);
    }
}

static void
a_slow_clock_does_not_make_a_revision_the_first(void **state)
{
    struct version first = version(0, 1);

    (void)state;
    put(0, ENTITY_CONTACT, 1, 1, "mine", NULL, 0);
    world.device[1].now_ms = 1000;
    put(1, ENTITY_CONTACT, 1, 1, "theirs", &first, 1);
    devices_sync(&world);
    assert_string_equal(look(2, ENTITY_CONTACT, 1, 1).shown, "mine");
}

static void
the_author_revises_from_another_device(void **state)
{
    (void)state;
    world.device[1].self.person = world.device[0].self.person;
    put(0, ENTITY_CONTACT, 1, 1, "first", NULL, 0);
    devices_sync(&world);
    put(1, ENTITY_CONTACT, 1, 1, "amended", NULL, 0);
    devices_sync(&world);
    assert_int_equal(look(2, ENTITY_CONTACT, 1, 1).count, 1);
    assert_string_equal(look(2, ENTITY_CONTACT, 1, 1).shown, "amended");
}

/* ---- set ------------------------------------------------------------------------------------ */

static void
in_a_set_an_addition_wins_from_a_concurrent_removal(void **state)
{
    (void)state;
    put(0, ENTITY_CONTACT, 1, 2, "aunt", NULL, 0);
    devices_sync(&world);
    put(1, ENTITY_CONTACT, 1, 2, NULL, NULL, 0);   /* removes all that it sees */
    put(2, ENTITY_CONTACT, 1, 2, "aunt", NULL, 0); /* adds again */
    devices_sync(&world);
    assert_int_equal(look(0, ENTITY_CONTACT, 1, 2).count, 1);
    put(0, ENTITY_CONTACT, 1, 2, "uncle", NULL, 0);
    devices_sync(&world);
    assert_int_equal(look(1, ENTITY_CONTACT, 1, 2).count, 2);
    assert_int_equal(conflicts(1), 0);
}

/* ---- deletes -------------------------------------------------------------------------------- */

static void
a_delete_hides_until_something_newer_is_current(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    devices_sync(&world);
    delete_goal(0, 1);
    put_plain(1, 1, "edited meanwhile");
    assert_int_equal(goals(0), 0);
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++)
        assert_int_equal(goals(d), 1);
    delete_goal(2, 1); /* having seen the edit */
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++)
        assert_int_equal(goals(d), 0);
    assert_same(0, 1, world.file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_order_of_a_chain_gives_the_same_rows),
        TEST(every_order_with_unseen_versions_gives_the_same_rows),
        TEST(every_order_of_a_set_and_a_once_unit_gives_the_same_rows),
        TEST(saves_in_one_transaction_and_in_many_give_the_same_rows),
        TEST(two_versions_of_different_bytes_are_a_conflict),
        TEST(equal_bytes_are_no_conflict),
        TEST(a_plain_edit_leaves_the_other_version_of_a_conflict),
        TEST(a_resolution_supersedes_exactly_what_it_lists),
        TEST(the_shown_version_is_that_of_the_highest_clock_everywhere),
        TEST(a_loser_is_promoted_when_the_winner_is_superseded),
        TEST(under_last_no_conflict_is_shown),
        TEST(anothers_revision_is_kept_and_never_shown_over_the_authors),
        TEST(a_slow_clock_does_not_make_a_revision_the_first),
        TEST(the_author_revises_from_another_device),
        TEST(in_a_set_an_addition_wins_from_a_concurrent_removal),
        TEST(a_delete_hides_until_something_newer_is_current),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
