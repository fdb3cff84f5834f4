/* Tests of the journal: gaps, rebuilds, the clock, newer programs, the ceiling. */
#include "tests/unit/journal_world.h"

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
    size_t visible = 0;

    (void)state;
    put_plain(0, 1, "geheimtaal");
    assert_ok(journal_purge_stream(world.device[0].journal, world.file));
    assert_ok(goal_list(world.device[0].journal, &all, count_goal, &visible));
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
    *sent = (struct sent){world.device[device].self, world.file, save, change.hlc, BUF_EMPTY(CHANGE_BODY_BYTES)};
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
