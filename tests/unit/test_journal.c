/* Tests of the journal: merging in any order, conflicts, deletes, policies, the clock, rebuilds. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/goal.h"
#include "core/journal.h"
#include "tests/support/devices.h"

enum { GOAL = ENTITY_GOAL, UNKNOWN = 77 };

static struct devices world;

static int
set_up_three(void **state)
{
    (void)state;
    devices_make(&world, 3);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    devices_remove(&world);
    return 0;
}

static struct id
record(unsigned number)
{
    return devices_id(9, number);
}

/* A change of one operation on the file. `over` NULL: filled in by the journal. */
static void
put(size_t device, uint32_t entity, unsigned number, uint32_t unit, const char *text,
    const struct version *over, size_t count)
{
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(1000);

    assert_ok(value_put_text(&value, 1, text));
    if (over == NULL)
        assert_ok(change_put(&change, entity, record(number), unit, &value));
    else
        assert_ok(change_put_over(&change, entity, record(number), unit, &value, over, count));
    buf_wipe(&value);
    devices_save(&world, device, &change);
}

static void
put_plain(size_t device, unsigned number, const char *text)
{
    put(device, GOAL, number, 1, text, NULL, 0);
}

static struct version
version(size_t device, uint32_t save)
{
    return (struct version){world.device[device].self.feed, save, 0};
}

struct seen {
    size_t count;
    char shown[100];
    struct version versions[16];
    struct id shown_person;
};

static enum rc
see(void *context, const struct current *current)
{
    struct seen *seen = context;
    struct field fields[CHANGE_FIELDS];
    size_t count;

    seen->versions[seen->count++] = current->version;
    assert_ok(value_read(current->value, current->value_len, fields, &count));
    if (current->is_shown) {
        snprintf(seen->shown, sizeof seen->shown, "%.*s", count == 0 ? 0 : (int)fields[0].len,
                 count == 0 ? "" : (const char *)fields[0].bytes);
        seen->shown_person = current->person;
    }
    return RC_OK;
}

static struct seen
look(size_t device, uint32_t entity, unsigned number, uint32_t unit)
{
    struct seen seen = {.count = 0};

    assert_ok(journal_current(world.device[device].journal, world.file, entity, record(number),
                              unit, see, &seen));
    return seen;
}

static enum rc
count_conflict(void *context, const struct conflict *conflict)
{
    size_t *count = context;

    (*count)++;
    assert_true(conflict->versions >= 2);
    assert_true(id_equal(conflict->family, world.family));
    return RC_OK;
}

static size_t
conflicts(size_t device)
{
    size_t count = 0;

    assert_ok(journal_conflicts(world.device[device].journal, count_conflict, &count));
    return count;
}

static void
assert_same(size_t a, size_t b, struct id stream)
{
    char *x = devices_dump(&world, a, stream);
    char *y = devices_dump(&world, b, stream);

    assert_string_equal(x, y);
    free(x);
    free(y);
}

static void
reset(size_t device)
{
    assert_ok(journal_reset(world.device[device].journal, world.file));
}

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
give(size_t device, size_t sent)
{
    assert_ok(devices_apply(&world, device, sent));
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

static size_t visible;

static enum rc
count_goal(void *context, const struct goal *goal)
{
    (void)context;
    (void)goal;
    visible++;
    return RC_OK;
}

static size_t
goals(size_t device)
{
    struct record_filter all = {.family = world.family};

    visible = 0;
    assert_ok(goal_list(world.device[device].journal, &all, count_goal, NULL));
    return visible;
}

static void
delete_goal(size_t device, unsigned number)
{
    struct change_set set = CHANGE_SET_EMPTY;

    assert_ok(
        change_set_delete(world.device[device].journal, &set, world.family, GOAL, record(number)));
    devices_save_set(&world, device, &set);
}

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

/* ---- gaps, rebuilds, the clock, newer programs --------------------------------------------------- */

static int64_t
pending(size_t device)
{
    struct stmt *stmt;
    bool row;

    assert_ok(db_stmt(world.device[device].db, "SELECT count(*) FROM journal_pend", &stmt));
    assert_ok(stmt_step(stmt, &row));
    int64_t count = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return count;
}

static void
what_was_superseded_before_it_came_is_remembered_until_it_comes(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    give(1, 0);
    put_plain(1, 1, "b");
    give(2, 1);
    assert_int_equal(pending(2), 1);
    give(2, 0);
    assert_int_equal(pending(2), 0);
    assert_int_equal(look(2, GOAL, 1, 1).count, 1);
    assert_string_equal(look(2, GOAL, 1, 1).shown, "b");
}

static void
what_is_dead_on_arrival_still_removes_what_it_supersedes(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    give(1, 0);
    put_plain(1, 1, "b");
    give(2, 0);
    struct version b = version(1, 1);
    put(0, GOAL, 1, 1, "c", &b, 1); /* over b only: a is left to b */
    reset(2);
    give(2, 0);
    give(2, 2); /* c: b will be dead on arrival */
    assert_int_equal(look(2, GOAL, 1, 1).count, 2);
    give(2, 1);
    assert_int_equal(look(2, GOAL, 1, 1).count, 1);
    assert_string_equal(look(2, GOAL, 1, 1).shown, "c");
}

static void
a_gap_is_refused_and_a_repetition_changes_nothing(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    put_plain(0, 1, "b");
    assert_int_equal(devices_apply(&world, 1, 1), RC_STALE);
    give(1, 0);
    give(1, 1);
    char *before = devices_dump(&world, 1, world.file);
    give(1, 0);
    give(1, 1);
    char *after = devices_dump(&world, 1, world.file);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void
an_erased_save_is_passed_by_and_drains_what_waited_for_it(void **state)
{
    struct change none = CHANGE_EMPTY(world.file);

    (void)state;
    put_plain(0, 1, "a");
    give(1, 0);
    put_plain(1, 1, "b");
    give(2, 1);
    assert_ok(journal_apply(world.device[2].journal, &world.device[0].self, 1, &none));
    assert_int_equal(pending(2), 0);
    uint32_t save;
    assert_ok(
        journal_frontier(world.device[2].journal, world.file, world.device[0].self.feed, &save));
    assert_int_equal(save, 1);
}

static void
a_reset_and_applying_again_gives_the_same_dump(void **state)
{
    (void)state;
    put_plain(0, 1, "a");
    put_plain(1, 1, "b");
    put(2, ENTITY_CONTACT, 2, 2, "aunt", NULL, 0);
    delete_goal(0, 1);
    devices_sync(&world);
    char *before = devices_dump(&world, 2, world.file);
    assert_non_null(strstr(before, "row file_goal"));
    reset(2);
    char *empty = devices_dump(&world, 2, world.file);
    assert_string_equal(empty, "");
    free(empty);
    devices_sync(&world);
    char *after = devices_dump(&world, 2, world.file);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void
a_purge_leaves_nothing_of_the_stream(void **state)
{
    struct record_filter all = {.limit = 0};

    (void)state;
    put_plain(0, 1, "geheimtaal");
    assert_ok(journal_purge_stream(world.device[0].journal, world.file));
    visible = 0;
    assert_ok(goal_list(world.device[0].journal, &all, count_goal, NULL));
    assert_int_equal(visible, 0);
    struct id stream;
    assert_int_equal(
        journal_find_stream(world.device[0].journal, world.family, STREAM_FILE, &stream),
        RC_ABSENT);
}

static void
the_clock_never_runs_back_and_follows_others_only_ten_minutes(void **state)
{
    uint64_t year_ahead = hlc_pack(world.device[0].now_ms + (int64_t)365 * 24 * 3600 * 1000, 0);

    (void)state;
    assert_ok(journal_observe_clock(world.device[0].journal, year_ahead, world.device[0].now_ms));
    put_plain(0, 1, "a");
    world.device[0].now_ms -=
        (int64_t)5 * 365 * 24 * 3600 * 1000; /* the wall clock falls back years */
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(100);
    struct buf body = BUF_EMPTY(1000);
    uint32_t save;
    assert_ok(value_put_text(&value, 1, "b"));
    assert_ok(change_put(&change, GOAL, record(1), 1, &value));
    assert_ok(journal_save(world.device[0].journal, &world.device[0].self, &change, &body, &save));
    assert_true(change.hlc > hlc_pack(1700000000000, 0));
    assert_true(hlc_ms(change.hlc) <= 1700000000000 + HLC_DRIFT_MS + 1);
    assert_string_equal(look(0, GOAL, 1, 1).shown, "b");
    change_wipe(&change);
    buf_wipe(&value);
    buf_wipe(&body);
}

static void
what_a_newer_program_wrote_is_kept_and_comes_through_a_rebuild(void **state)
{
    (void)state;
    put(0, UNKNOWN, 1, 5, "from the future", NULL, 0);
    put(1, UNKNOWN, 1, 5, "too", NULL, 0);
    put(0, GOAL, 2, 60, "an unknown unit", NULL, 0);
    devices_sync(&world);
    assert_int_equal(look(2, UNKNOWN, 1, 5).count, 2);
    assert_int_equal(look(2, GOAL, 2, 60).count, 1);
    assert_int_equal(conflicts(2), 0);
    assert_same(0, 2, world.file);
    reset(2);
    devices_sync(&world);
    assert_same(0, 2, world.file);
}

static void
other_tables_than_the_schema_asks_for_a_rebuild(void **state)
{
    bool needs_rebuild;

    (void)state;
    put_plain(0, 1, "a");
    struct device *d = &world.device[0];
    assert_ok(db_run(d->db, "UPDATE journal_made SET sql = sql || ' -- another'"));
    journal_close(d->journal);
    assert_ok(journal_open(d->db, &d->clock, &d->journal, &needs_rebuild));
    assert_true(needs_rebuild);
    assert_int_equal(goals(0), 0);
    devices_sync(&world);
    assert_int_equal(goals(0), 1);
    assert_same(0, 1, world.file);
    journal_close(d->journal);
    assert_ok(journal_open(d->db, &d->clock, &d->journal, &needs_rebuild));
    assert_false(needs_rebuild);
}

/* A save that no program of ours makes, written beside the journal. */
static void
put_by_hand(size_t device, uint32_t save, const char *text)
{
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(1000);
    struct version none = {0};
    struct sent *sent = &world.sent[world.sent_count++];

    assert_ok(value_put_text(&value, 1, text));
    assert_ok(change_put_over(&change, GOAL, record(1), 1, &value, &none, 0));
    change.hlc = hlc_next(&(struct hlc){0}, world.device[device].now_ms);
    *sent = (struct sent){world.device[device].self, world.file, save, BUF_EMPTY(CHANGE_BODY_BYTES)};
    assert_ok(body_write(sent->author.feed, save, &change, 1, NULL, 0, &sent->body));
    change_wipe(&change);
    buf_wipe(&value);
}

static size_t
count_versions(size_t device)
{
    struct version *versions;
    size_t count;

    assert_ok(journal_versions(world.device[device].journal, world.file, GOAL, record(1), &versions, &count));
    free(versions);
    return count;
}

static void
at_its_ceiling_a_feed_overtakes_itself_and_nobody_else(void **state)
{
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(100), body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct device *d = &world.device[0];
    struct version none = {0};
    uint32_t save;

    (void)state;
    put(1, GOAL, 1, 1, "another's", &none, 0);
    for (unsigned i = 0; i < 256; i++)
        put(0, GOAL, 1, 1, i % 2 == 0 ? "x" : "y", &none, 0);
    give(0, 0);
    assert_int_equal(count_versions(0), 257);
    /* Our own program refuses before anything of its user's would go ... */
    assert_ok(value_put_text(&value, 1, "one more"));
    assert_ok(change_put_over(&change, GOAL, record(1), 1, &value, &none, 0));
    assert_ok(db_begin(d->db));
    assert_int_equal(journal_save(d->journal, &d->self, &change, &body, &save), RC_TOO_LARGE);
    db_rollback(d->db);
    /* ... and of another's save all devices keep the same, in whatever order and groups it comes. */
    put_by_hand(0, 257, "one more");
    for (size_t i = 1; i < world.sent_count; i++)
        give(1, i);
    size_t order[258];
    bool applied[258];
    for (size_t i = 0; i < 258; i++)
        order[i] = (i + 1) % 258;
    assert_int_equal(devices_apply_gathered(&world, 2, order, 258, applied), RC_OK);
    assert_int_equal(count_versions(1), 257);
    assert_same(1, 2, world.file);
    give(0, 257);
    assert_same(0, 1, world.file);
    struct version *versions;
    size_t count;
    assert_ok(journal_versions(d->journal, world.file, GOAL, record(1), &versions, &count));
    put(0, GOAL, 1, 1, "z", versions, 256);
    assert_int_equal(count_versions(0), 2);
    free(versions);
    change_wipe(&change);
    buf_wipe(&value);
    buf_wipe(&body);
}

/* ---- history -------------------------------------------------------------------------------- */

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

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_three, tear_down)
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
        TEST(what_was_superseded_before_it_came_is_remembered_until_it_comes),
        TEST(what_is_dead_on_arrival_still_removes_what_it_supersedes),
        TEST(a_gap_is_refused_and_a_repetition_changes_nothing),
        TEST(an_erased_save_is_passed_by_and_drains_what_waited_for_it),
        TEST(a_reset_and_applying_again_gives_the_same_dump),
        TEST(a_purge_leaves_nothing_of_the_stream),
        TEST(the_clock_never_runs_back_and_follows_others_only_ten_minutes),
        TEST(what_a_newer_program_wrote_is_kept_and_comes_through_a_rebuild),
        TEST(other_tables_than_the_schema_asks_for_a_rebuild),
        TEST(at_its_ceiling_a_feed_overtakes_itself_and_nobody_else),
        TEST(the_base_of_a_conflict_is_the_latest_common_version),
        TEST(a_clock_that_jumped_does_not_choose_the_base),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
