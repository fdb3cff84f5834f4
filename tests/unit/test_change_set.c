/* Tests of deleting, restoring and moving records, on three devices of three persons. */
#include "core/change_set.h"

#include <stdio.h>
#include <string.h>

#include "core/contact.h"
#include "core/goal.h"
#include "core/search.h"
#include "tests/support/chance.h"
#include "tests/support/devices.h"
#include "tests/unit/unit.h"

static struct devices world;
static struct change_set set;

static int
set_up(void **state)
{
    (void)state;
    devices_make(&world, 3);
    set = CHANGE_SET_EMPTY;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    change_set_wipe(&set);
    devices_remove(&world);
    return 0;
}

static struct journal *
journal(size_t device)
{
    return world.device[device].journal;
}

static struct id
put_goal(size_t device, struct id id, const char *text)
{
    struct goal goal = {.facts = {.id = id, .family = world.family}, .text = text, .deadline = 20250101};

    assert_ok(goal_put(journal(device), &set, &goal));
    devices_save_set(&world, device, &set);
    return goal.facts.id;
}

static void
delete_goal(size_t device, struct id id)
{
    assert_ok(change_set_delete(journal(device), &set, world.family, ENTITY_GOAL, id));
    devices_save_set(&world, device, &set);
}

static void
restore_goal(size_t device, struct id id)
{
    assert_ok(change_set_restore(journal(device), &set, world.family, ENTITY_GOAL, id));
    devices_save_set(&world, device, &set);
}

static enum rc
count_goal(void *context, const struct goal *goal)
{
    size_t *count = context;

    (void)goal;
    ++*count;
    return RC_OK;
}

static size_t
goals(size_t device, bool with_hidden)
{
    struct record_filter filter = {.family = world.family, .with_hidden = with_hidden};
    size_t count = 0;

    assert_ok(goal_list(journal(device), &filter, count_goal, &count));
    return count;
}

static int64_t
twins(size_t device)
{
    int64_t count = 0;

    assert_ok(db_get_int(world.device[device].db, "SELECT count(*) FROM index_goal WHERE NOT hidden", &count));
    return count;
}

struct told {
    size_t count;
    struct id person;
};

static enum rc
tell(void *context, const struct deletion *deletion)
{
    struct told *told = context;

    told->count++;
    told->person = deletion->person;
    assert_true(deletion->at_ms > 0);
    return RC_OK;
}

static struct told
deletions(size_t device, struct id id)
{
    struct told told = {.count = 0};

    assert_ok(record_deletions(journal(device), world.family, ENTITY_GOAL, id, tell, &told));
    return told;
}

/* Of the twin too. */
static void
assert_all_same(void)
{
    struct id streams[] = {world.file, world.index};

    for (size_t i = 0; i < 2; i++) {
        char *first = devices_dump(&world, 0, streams[i]);
        for (size_t d = 1; d < world.count; d++) {
            char *other = devices_dump(&world, d, streams[i]);
            assert_string_equal(first, other);
            free(other);
        }
        free(first);
    }
}

static void
a_deletion_replaces_those_that_its_author_saw(void **state)
{
    struct id goal = put_goal(0, (struct id){{0}}, "Samen eten");

    (void)state;
    devices_sync(&world);
    delete_goal(0, goal);
    delete_goal(1, goal); /* without having seen it: both stand */
    devices_sync(&world);
    assert_int_equal(deletions(2, goal).count, 2);
    delete_goal(2, goal);
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++) {
        assert_int_equal(deletions(d, goal).count, 1);
        assert_true(id_equal(deletions(d, goal).person, world.device[2].self.person));
        assert_int_equal(goals(d, false), 0);
        assert_int_equal(goals(d, true), 1);
    }
    assert_all_same();
}

static void
what_was_deleted_by_one_and_changed_by_another_is_shown_and_says_so(void **state)
{
    struct id goal = put_goal(0, (struct id){{0}}, "Samen eten");

    (void)state;
    devices_sync(&world);
    delete_goal(0, goal);
    put_goal(1, goal, "Samen aan tafel");
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++) {
        assert_int_equal(goals(d, false), 1);
        assert_int_equal(deletions(d, goal).count, 1);
        assert_true(id_equal(deletions(d, goal).person, world.device[0].self.person));
    }
}

/* Of `wanted` the fields that are given. */
static void
edit_goal(size_t device, struct id id, struct goal wanted)
{
    struct goal goal;
    struct texts texts = TEXTS_EMPTY;

    assert_ok(goal_get(journal(device), id, &goal, &texts));
    goal.measure = wanted.measure != NULL ? wanted.measure : goal.measure;
    goal.level = wanted.level != NULL ? wanted.level : goal.level;
    goal.status = wanted.status != NULL ? wanted.status : goal.status;
    goal.deadline = wanted.deadline != 0 ? wanted.deadline : goal.deadline;
    assert_ok(goal_put(journal(device), &set, &goal));
    devices_save_set(&world, device, &set);
    texts_wipe(&texts);
}

/* Of these fields the twin has none: who reads the index alone sees the open goal all the same. */
static void
a_deletion_that_did_not_see_an_edit_hides_the_twin_no_more_than_the_record(void **state)
{
    struct id measured = put_goal(0, (struct id){{0}}, "Samen eten"), levelled = put_goal(0, (struct id){{0}}, "Samen lezen");

    (void)state;
    devices_sync(&world);
    delete_goal(0, measured);
    delete_goal(0, levelled);
    edit_goal(1, measured, (struct goal){.measure = "Drie keer per week"});
    edit_goal(1, levelled, (struct goal){.level = goal_level_at(0)->slug});
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++) {
        assert_int_equal(goals(d, false), 2);
        assert_int_equal(twins(d), 2);
    }
    assert_all_same();
}

/* Goals of which the caseload says something else than the plan. */
static int64_t
untrue_twins(size_t device)
{
    int64_t count = -1;

    assert_ok(db_get_int(world.device[device].db,
                         "SELECT count(*) FROM index_goal AS i JOIN file_goal AS f USING (id)"
                         " WHERE NOT f.hidden AND (i.status IS NOT f.status OR i.deadline IS NOT f.deadline)",
                         &count));
    return count;
}

/* One writes that the goal is reached, another its level, later: the plan and the caseload say that it is reached. */
static void
an_edit_that_the_twin_has_nothing_of_leaves_it_what_another_wrote(void **state)
{
    struct id id = put_goal(0, (struct id){{0}}, "Samen eten");

    (void)state;
    devices_sync(&world);
    edit_goal(0, id, (struct goal){.status = "reached"});
    world.device[1].now_ms = world.device[0].now_ms + 60000;
    edit_goal(1, id, (struct goal){.level = goal_level_at(0)->slug});
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++) {
        int64_t reached = 0;
        assert_ok(db_get_int(world.device[d].db, "SELECT count(*) FROM index_goal WHERE status = 'reached'", &reached));
        assert_int_equal(reached, 1);
        assert_int_equal(untrue_twins(d), 0);
    }
    assert_all_same();
}

static void
a_restored_record_is_whole_everywhere_and_nobody_has_deleted_it(void **state)
{
    struct id goal = put_goal(0, (struct id){{0}}, "Samen eten");
    struct goal out;
    struct texts texts = TEXTS_EMPTY;

    (void)state;
    devices_sync(&world);
    delete_goal(0, goal);
    devices_sync(&world);
    restore_goal(1, goal);
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++) {
        assert_int_equal(goals(d, false), 1);
        assert_int_equal(deletions(d, goal).count, 0);
    }
    assert_ok(goal_get(journal(2), goal, &out, &texts));
    assert_string_equal(out.text, "Samen eten");
    assert_int_equal(out.facts.conflicts, 0);
    char *twin = devices_dump(&world, 2, world.index);
    assert_non_null(strstr(twin, "deadline=20250101"));
    free(twin);
    texts_wipe(&texts);
    assert_all_same();
}

static void
a_deletion_under_way_does_not_undo_a_restoration_that_it_did_not_see(void **state)
{
    struct id goal = put_goal(0, (struct id){{0}}, "Samen eten");

    (void)state;
    devices_sync(&world);
    delete_goal(0, goal);
    devices_sync(&world);
    restore_goal(1, goal);
    delete_goal(2, goal);
    devices_sync(&world);
    for (size_t d = 0; d < 3; d++) {
        assert_int_equal(goals(d, false), 1);
        assert_int_equal(deletions(d, goal).count, 1);
    }
    assert_all_same();
}

static void
what_is_not_there_and_what_lasts_is_not_restored(void **state)
{
    (void)state;
    assert_int_equal(change_set_restore(journal(0), &set, world.family, ENTITY_GOAL, devices_id(9, 9)), RC_ABSENT);
    assert_int_equal(change_set_restore(journal(0), &set, world.family, ENTITY_CONTACT, devices_id(9, 9)), RC_INVALID);
}

enum { ACTS = 5, FEEDS = 3, STRINGS = 243 }; /* of as many letters, each one of three */

/* Which of the acts comes at which place, each feed in its own order; false when the n-th string of letters leaves some out. */
static bool
order_of(unsigned n, const size_t by[ACTS], size_t order[ACTS])
{
    size_t next[FEEDS] = {0};

    for (size_t place = 0; place < ACTS; place++, n /= FEEDS) {
        size_t feed = n % FEEDS, at = next[feed];
        while (at < ACTS && by[at] != feed)
            at++;
        if (at == ACTS)
            return false;
        order[place] = at;
        next[feed] = at + 1;
    }
    return true;
}

/* Deletes, edits and restorations of three that did not see each other, given to the first device in all thirty orders. */
static void
every_interleaving_of_deletes_edits_and_restorations_gives_the_same_rows(void **state)
{
    static const size_t by[ACTS] = {0, 1, 1, 2, 2};
    struct id goal = put_goal(0, (struct id){{0}}, "Samen eten");
    size_t sent[ACTS + 1], order[ACTS], orders = 0;
    char *first = NULL;

    (void)state;
    devices_sync(&world);
    for (size_t i = 0; i < ACTS; i++) {
        sent[i] = world.sent_count;
        if (i == 1)
            put_goal(by[i], goal, "Samen aan tafel");
        else if (i == 4)
            restore_goal(by[i], goal);
        else
            delete_goal(by[i], goal); /* the second having seen the edit, none of them another deletion */
    }
    sent[ACTS] = world.sent_count;
    for (unsigned n = 0; n < STRINGS; n++) {
        if (!order_of(n, by, order))
            continue;
        orders++;
        assert_ok(journal_reset(journal(0), world.file));
        assert_ok(journal_reset(journal(0), world.index));
        for (size_t i = 0; i < sent[0]; i++)
            assert_ok(devices_apply(&world, 0, i));
        for (size_t k = 0; k < ACTS; k++)
            for (size_t i = sent[order[k]]; i < sent[order[k] + 1]; i++)
                assert_ok(devices_apply(&world, 0, i));
        assert_int_equal(goals(0, false), 1);
        char *dump = devices_dump(&world, 0, world.file);
        if (first != NULL)
            assert_string_equal(first, dump);
        free(first);
        first = dump;
    }
    free(first);
    assert_int_equal(orders, 30);
    devices_sync(&world);
    assert_all_same();
}

enum { STEPS = 12, WORLDS = 100 };

/* Three who delete, edit and restore one goal and hear of each other now and then: in the end the caseload has it where the plan has it, and says the same. */
static void
the_twin_is_hidden_exactly_where_the_record_is(void **state)
{
    static const char *const statuses[] = {"open", "reached", "dropped"};

    (void)state;
    for (unsigned seed = 1; seed <= WORLDS; seed++) {
        struct chance chance = {seed};
        devices_remove(&world);
        devices_make(&world, 3);
        struct id goal = put_goal(0, (struct id){{0}}, "Samen eten");
        devices_sync(&world);
        for (int i = 0; i < STEPS; i++) {
            size_t device = chance_below(&chance, 3);
            char text[16];
            snprintf(text, sizeof text, "%d", i);
            switch (chance_below(&chance, 8)) {
            case 0: put_goal(device, goal, text); break;
            case 1: edit_goal(device, goal, (struct goal){.measure = text}); break;
            case 2: edit_goal(device, goal, (struct goal){.level = goal_level_at((size_t)i % GOAL_LEVELS)->slug}); break;
            case 3: delete_goal(device, goal); break;
            case 4: restore_goal(device, goal); break;
            case 5: edit_goal(device, goal, (struct goal){.status = statuses[i % 3]}); break;
            case 6: edit_goal(device, goal, (struct goal){.deadline = (uint32_t)(20260101 + i)}); break;
            default: devices_pull(&world, device);
            }
        }
        devices_sync(&world);
        for (size_t d = 0; d < 3; d++)
            if (twins(d) != (int64_t)goals(d, false))
                fail_msg("seed %u: the plan shows %zu, the caseload %lld", seed, goals(d, false), (long long)twins(d));
        if (untrue_twins(0) != 0)
            fail_msg("seed %u: the caseload says something else than the plan", seed);
        assert_all_same();
    }
}

/* ---- moved ---------------------------------------------------------------------------------- */

static enum rc
count_hit(void *context, const struct search_hit *hit)
{
    size_t *count = context;

    (void)hit;
    ++*count;
    return RC_OK;
}

static size_t
hits(size_t device, const char *words)
{
    size_t count = 0;

    assert_ok(search(journal(device), words, world.family, 10, count_hit, &count));
    return count;
}

static void
a_moved_record_is_never_shown_again_whatever_comes_later(void **state)
{
    struct id goal = put_goal(0, (struct id){{0}}, "Geheim adres");
    char text[ID_TEXT_CHARS + 1];
    struct facts facts;
    struct goal out;
    struct texts texts = TEXTS_EMPTY;

    (void)state;
    devices_sync(&world);
    assert_int_equal(hits(1, "geheim"), 1);
    assert_ok(change_set_move(journal(0), &set, world.family, ENTITY_GOAL, goal, devices_id(9, 5)));
    assert_int_equal(set.count, 2); /* the twin too */
    devices_save_set(&world, 0, &set);
    put_goal(1, goal, "Geheim adres, later");
    devices_sync(&world);
    id_to_text(goal, text);
    for (size_t d = 0; d < 3; d++) {
        assert_int_equal(goals(d, false), 0);
        assert_int_equal(goals(d, true), 0);
        assert_int_equal(hits(d, "geheim"), 0);
        assert_int_equal(record_find(journal(d), ENTITY_GOAL, text, &facts), RC_ABSENT);
        assert_int_equal(goal_get(journal(d), goal, &out, &texts), RC_ABSENT);
    }
    texts_wipe(&texts);
    assert_all_same();
}

static void
what_lasts_can_be_moved_and_what_is_not_there_cannot(void **state)
{
    struct contact contact = {.facts.family = world.family, .date = 20250101, .kind = "visit", .time = -1, .note = "Bezoek"};

    (void)state;
    assert_ok(contact_put(journal(0), &set, world.device[0].self.person, &contact));
    devices_save_set(&world, 0, &set);
    assert_int_equal(hits(0, "bezoek"), 1);
    assert_ok(change_set_move(journal(0), &set, world.family, ENTITY_CONTACT, contact.facts.id, devices_id(9, 5)));
    devices_save_set(&world, 0, &set);
    assert_int_equal(hits(0, "bezoek"), 0);
    assert_int_equal(change_set_move(journal(0), &set, world.family, ENTITY_GOAL, devices_id(9, 9), devices_id(9, 5)),
                     RC_ABSENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_deletion_replaces_those_that_its_author_saw),
        TEST(what_was_deleted_by_one_and_changed_by_another_is_shown_and_says_so),
        TEST(a_deletion_that_did_not_see_an_edit_hides_the_twin_no_more_than_the_record),
        TEST(an_edit_that_the_twin_has_nothing_of_leaves_it_what_another_wrote),
        TEST(a_restored_record_is_whole_everywhere_and_nobody_has_deleted_it),
        TEST(a_deletion_under_way_does_not_undo_a_restoration_that_it_did_not_see),
        TEST(what_is_not_there_and_what_lasts_is_not_restored),
        TEST(every_interleaving_of_deletes_edits_and_restorations_gives_the_same_rows),
        TEST(the_twin_is_hidden_exactly_where_the_record_is),
        TEST(a_moved_record_is_never_shown_again_whatever_comes_later),
        TEST(what_lasts_can_be_moved_and_what_is_not_there_cannot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
