/* Failures that other sync engines were seen to have, 1 to 5, as tests here: tests/README.md says where each stands. */
#include "tests/unit/failures.h"

#include <string.h>

#include "core/change_set.h"
#include "core/contact.h"
#include "core/family.h"
#include "core/goal.h"
#include "core/hlc.h"
#include "core/texts.h"
#include "sync/outbox.h"
#include "tests/support/devices.h"

/* ---- 1: one wrong clock stops or poisons everybody ----------------------------------------------------- */

static int64_t
clock_at(int at)
{
    return office_ask(&office, at, "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE key = 'clock'");
}

static void
turn_clock(int at, int64_t off_ms)
{
    device(at)->clock_off_ms = off_ms;
    office_reopen(&office, at);
}

static void
assert_everybody_shows(struct id goal, const char *text)
{
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++)
        assert_true(office_shows_goal(&office, at, goal, text));
    assert_int_equal(office_conflicts(&office, 0), 0);
    assert_all_equal();
}

static void
failure_01_a_clock_that_is_wrong_and_set_right_stops_and_poisons_nobody(void **state)
{
    static const int64_t offs[] = {DAYS(365), DAYS(-730), DAYS(365)};

    (void)state;
    struct id goal = office_goal(&office, 1, family, "a goal");
    for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
        turn_clock(1, offs[i]);
        assert_ok(office_try_edit_goal(&office, 1, family, goal, "by the wrong clock"));
        assert_everybody_shows(goal, "by the wrong clock");
        office_edit_goal(&office, 0, family, goal, "by who saw that");
        assert_everybody_shows(goal, "by who saw that");
        for (int at = 0; at < 3; at += 2) /* nobody else's clock went with it */
            assert_true(clock_at(at) >> 16 <= office.now_ms + HLC_DRIFT_MS + 1000);
        turn_clock(1, 0);
        office_edit_goal(&office, 1, family, goal, "by the clock set right");
        assert_everybody_shows(goal, "by the clock set right");
        office_edit_goal(&office, 2, family, goal, "and by a third");
        assert_everybody_shows(goal, "and by a third");
        office_pass(&office, DAYS(1));
    }
}

static void
failure_01_a_batch_that_failed_moves_no_clock(void **state)
{
    struct db *db = store_db(device(2)->store);

    (void)state;
    office_pass(&office, DAYS(1));
    turn_clock(1, 5 * 60000); /* others would follow that far */
    (void)office_goal(&office, 1, family, "five minutes ahead");
    office_sync(&office, 1);
    int64_t before = clock_at(2);
    assert_ok(db_run(db, "CREATE TRIGGER fails BEFORE INSERT ON journal_record BEGIN SELECT RAISE(ABORT, 'fails'); END"));
    assert_int_not_equal(office_try_sync(&office, 2), RC_OK);
    assert_int_equal(clock_at(2), before);
    assert_ok(db_run(db, "DROP TRIGGER fails"));
    office_sync(&office, 2);
    assert_true(clock_at(2) > before);
    assert_true(office_are_equal(&office, 1, 2, family));
}

/* ---- 2: acknowledged but not applied ------------------------------------------------------------------- */

/* A table refuses a row, as a constraint would. */
static void
failure_02_whatever_row_is_refused_at_who_receives_it_is_applied_by_the_next_session(void **state)
{
    static const char *const rows[] = {
        "INSERT ON sync_entry",   "UPDATE ON sync_entry",   "UPDATE ON sync_state",
        "INSERT ON sync_state",   "INSERT ON journal_feed", "UPDATE ON journal_feed",
        "INSERT ON journal_record", "INSERT ON file_contact", "INSERT ON index_contact",
    };
    struct db *db = store_db(device(2)->store);
    unsigned failures = 0;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char sql[200], note[32];
        snprintf(note, sizeof note, "visit %zu", i);
        snprintf(sql, sizeof sql, "CREATE TRIGGER fails BEFORE %s BEGIN SELECT RAISE(ABORT, 'fails'); END", rows[i]);
        office_visit(&office, 1, family, note);
        office_sync(&office, 1);
        assert_ok(db_run(db, sql));
        failures += office_try_sync(&office, 2) != RC_OK;
        assert_ok(db_run(db, "DROP TRIGGER fails"));
        office_sync(&office, 2);
        assert_int_equal(office_visits(&office, 2, family, note), 1);
        assert_int_equal(office_waiting(&office, 2).parked, 0);
    }
    assert_true(failures >= 7);
    assert_true(office_are_equal(&office, 1, 2, family));
}

/* ---- 3: a restored or cloned database ------------------------------------------------------------------ */

/* Each of the two copies of a store; the other rests. */
static void
use_copy(bool is_clone)
{
    char *directory = device(1)->directory;
    size_t len = strlen(directory);
    bool was_clone = len > 6 && strcmp(directory + len - 6, "-clone") == 0;

    office_shut(&office, 1);
    if (is_clone && !was_clone)
        snprintf(directory + len, sizeof device(1)->directory - len, "-clone");
    else if (!is_clone && was_clone)
        directory[len - 6] = '\0';
    assert_ok(office_start(&office, 1));
}

static void
failure_03_both_copies_of_a_store_write_before_either_syncs(void **state)
{
    char command[400];

    (void)state;
    struct id goal = office_goal(&office, 1, family, "before the copy");
    office_sync_all(&office, 3, 2);
    office_visit(&office, 1, family, "unsent in both");
    office_shut(&office, 1);
    snprintf(command, sizeof command, "cp -r '%s' '%s-clone'", device(1)->directory, device(1)->directory);
    assert_int_equal(system(command), 0);
    assert_ok(office_start(&office, 1));
    office_visit(&office, 1, family, "by the original");
    office_edit_goal(&office, 1, family, goal, "by the original");
    use_copy(true);
    office_visit(&office, 1, family, "by the clone");
    office_edit_goal(&office, 1, family, goal, "by the clone");
    use_copy(false);
    office_sync(&office, 1);
    use_copy(true);
    office_sync_all(&office, 3, 2);
    assert_all_equal();
    use_copy(false);
    office_sync_all(&office, 3, 2);
    assert_all_equal();
    assert_int_equal(office_visits(&office, 2, family, "unsent in both"), 1);
    assert_int_equal(office_visits(&office, 2, family, "by the original"), 1);
    assert_int_equal(office_visits(&office, 2, family, "by the clone"), 1);
    assert_int_equal(office_conflicts(&office, 2), 1); /* two versions of the goal: nothing was written over */
}

/* The image of a whole machine, token and all, put back in place: neither store can know of the other. */
static void
move_image(const char *from, const char *to)
{
    char command[700];

    snprintf(command, sizeof command, "mkdir -p '%s' && rm -rf '%s'/* && cp -a '%s'/. '%s'", to, to, from, to);
    assert_int_equal(system(command), 0);
}

static void
failure_03_what_a_copy_wrote_stays_until_it_is_compared(void **state)
{
    char store[200], token[200];

    (void)state;
    snprintf(store, sizeof store, "%s/image", office.scratch.directory);
    snprintf(token, sizeof token, "%s/image-token", office.scratch.directory);
    struct id goal = office_goal(&office, 1, family, "before the copy");
    struct id other = office_goal(&office, 1, family, "another, before the copy");
    office_sync_all(&office, 3, 2);
    office_shut(&office, 1);
    move_image(device(1)->directory, store);
    move_image(device(1)->state, token);
    assert_ok(office_start(&office, 1));
    office_edit_goal(&office, 1, family, other, "by the original");
    office_sync(&office, 1);
    office_shut(&office, 1);
    move_image(store, device(1)->directory);
    move_image(token, device(1)->state);
    assert_ok(office_start(&office, 1));
    office_edit_goal(&office, 1, family, goal, "by the clone");
    office_sync(&office, 1); /* refused: the same numbers are the original's. Both are here now */
    assert_true(device(1)->report.refused > 0);
    assert_ok(replica_rebuild(device(1)->replica, ledger_family(ledger_of(1), family)->file));
    assert_true(office_shows_goal(&office, 1, goal, "by the clone"));
    office_edit_goal(&office, 1, family, goal, "by the clone, again");
    office_sync_all(&office, 3, 3);
    assert_all_equal();
    assert_int_equal(office_conflicts(&office, 2), 0); /* it named what it was written over, and nothing else */
    assert_true(office_shows_goal(&office, 2, goal, "by the clone, again"));
    assert_true(office_shows_goal(&office, 2, other, "by the original"));
}

/* ---- 4: a constraint makes a merged row vanish ----------------------------------------------------------- */

static void
name_family(int at, const char *code_name)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct family named = {.facts = {.id = family, .family = family}, .code_name = code_name};

    assert_ok(family_put(replica_journal(device(at)->replica), &set, &named));
    assert_ok(replica_save(device(at)->replica, set.changes, set.count));
    change_set_wipe(&set);
}

static enum rc
count_family(void *context, const struct family *named)
{
    *(unsigned *)context += strcmp(named->code_name, "das") == 0;
    return RC_OK;
}

static void
failure_04_two_families_of_one_name_are_both_there(void **state)
{
    struct record_filter all = {.with_hidden = true};

    (void)state;
    struct id other = office_family(&office, 0, "wezel", 1);
    office_sync_all(&office, 3, 2);
    name_family(0, "das");
    family = other;
    name_family(1, "das");
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 2; at++) {
        unsigned count = 0;
        assert_ok(family_list(replica_journal(device(at)->replica), &all, count_family, &count));
        assert_int_equal(count, 2);
    }
}

static void
add_participant(int at, struct id contact, const char *who)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct participant participant = {{{0}}, who};

    assert_ok(contact_put_participants(replica_journal(device(at)->replica), &set, family, contact, &participant, 1));
    assert_ok(replica_save(device(at)->replica, set.changes, set.count));
    change_set_wipe(&set);
}

static enum rc
count_participant(void *context, const struct participant *participant)
{
    (void)participant;
    ++*(unsigned *)context;
    return RC_OK;
}

/* Carla has the visit by a bundle, and what she adds to it is at Anna before the visit. */
static void
failure_04_a_child_that_comes_before_its_parent_waits_in_its_place(void **state)
{
    struct id file = ledger_family(ledger_of(2), family)->file;
    struct elog_feed feed;
    unsigned count = 0;

    (void)state;
    struct id visit = office_visit(&office, 1, family, "the parent");
    office_carry(&office, 1, 2);
    add_participant(2, visit, "grandmother");
    assert_ok(outbox_seal(device(2)->replica, (struct id){{0}}));
    assert_ok(elog_feed_find(device(2)->replica->db, file, replica_self(device(2)->replica).feed, &feed));
    bring(2, 0, &feed, feed.saved);
    assert_int_equal(office_visits(&office, 0, family, "the parent"), 0);
    assert_ok(contact_list_participants(replica_journal(device(0)->replica), visit, count_participant, &count));
    assert_int_equal(count, 1);
    office_sync_all(&office, 3, 2);
    count = 0;
    assert_ok(contact_list_participants(replica_journal(device(0)->replica), visit, count_participant, &count));
    assert_int_equal(count, 1);
    assert_int_equal(office_visits(&office, 0, family, "the parent"), 1);
    assert_all_equal();
}

/* ---- 5: deletes diverge or come back ---------------------------------------------------------------------- */

/* One save on a goal by a device of three, which first applies those of the earlier ones that it has seen. */
struct act {
    bool deletes;
    unsigned seen; /* bits: which earlier acts */
};

static void
apply_range(struct devices *devices, size_t at, size_t from, size_t until)
{
    for (size_t k = from; k < until; k++)
        devices_demand(devices_apply(devices, at, k), "apply");
}

static void
do_act(struct devices *devices, size_t at, const struct act *act, const size_t *sent, struct id goal)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct goal edited = {.facts = {.id = goal, .family = devices->family}, .text = "edited"};

    for (size_t i = 0; i < at; i++)
        if (act->seen & 1u << i) /* in the file and its twin in the index */
            apply_range(devices, at, sent[i], sent[i + 1]);
    if (act->deletes)
        devices_demand(change_set_delete(devices->device[at].journal, &set, devices->family, ENTITY_GOAL, goal), "delete");
    else
        devices_demand(goal_put(devices->device[at].journal, &set, &edited), "edit");
    devices_save_set(devices, at, &set);
}

/* Hidden when some deletion had seen every edit. */
static bool
should_be_hidden(const struct act acts[3])
{
    for (unsigned d = 0; d < 3; d++) {
        bool saw_all = acts[d].deletes;
        for (unsigned e = 0; e < 3; e++)
            saw_all = saw_all && (acts[e].deletes || (acts[d].seen & 1u << e) != 0);
        if (saw_all)
            return true;
    }
    return false;
}

static bool
is_hidden(struct devices *devices, size_t at, struct id id)
{
    struct texts texts = TEXTS_EMPTY;
    struct goal goal;

    devices_demand(goal_get(devices->device[at].journal, id, &goal, &texts), "goal_get");
    assert_non_null(goal.text); /* a record without its fields would be a husk */
    texts_wipe(&texts);
    return goal.facts.is_hidden;
}

static void
interleave(struct devices *devices, const struct act acts[3], const size_t order[3])
{
    struct goal goal = {.facts.family = devices->family, .text = "a goal"};
    struct change_set set = CHANGE_SET_EMPTY;
    size_t first = devices->sent_count, sent[4];
    char *dump[4];

    devices_demand(goal_put(devices->device[3].journal, &set, &goal), "goal_put");
    devices_save_set(devices, 3, &set);
    sent[0] = devices->sent_count;
    for (size_t at = 0; at < 3; at++) {
        apply_range(devices, at, first, sent[0]);
        do_act(devices, at, &acts[at], sent, goal.facts.id);
        sent[at + 1] = devices->sent_count;
    }
    for (size_t i = 0; i < 3; i++)
        apply_range(devices, 3, sent[order[i]], sent[order[i] + 1]);
    for (size_t at = 0; at < 4; at++) {
        apply_range(devices, at, first, devices->sent_count);
        dump[at] = devices_dump(devices, at, devices->file);
        assert_string_equal(dump[at], dump[0]);
        assert_int_equal(is_hidden(devices, at, goal.facts.id), should_be_hidden(acts));
    }
    for (size_t at = 0; at < 4; at++)
        free(dump[at]);
}

/* Delete, edit, delete: by three devices in each order, each having seen any of the earlier, applied in each order. */
static void
failure_05_every_interleaving_of_two_deletes_and_an_edit_ends_the_same(void **state)
{
    static const size_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static struct devices devices;

    (void)state;
    for (unsigned edit = 0; edit < 3; edit++) {
        devices_make(&devices, 4);
        for (unsigned seen = 0; seen < 8; seen++)
            for (size_t o = 0; o < 6; o++) {
                struct act acts[3] = {{edit != 0, 0}, {edit != 1, seen & 1}, {edit != 2, seen >> 1}};
                interleave(&devices, acts, orders[o]);
            }
        devices_remove(&devices);
    }
}

static void
failure_05_who_was_away_for_two_years_brings_nothing_back(void **state)
{
    (void)state;
    struct id gone = office_goal(&office, 1, family, "removed meanwhile");
    struct id edited = office_goal(&office, 1, family, "removed and edited");
    office_sync_all(&office, 3, 2);
    office_edit_goal(&office, 2, family, edited, "edited before the two years");
    office_switch_off(&office, 2);
    office_delete_goal(&office, 1, family, gone);
    office_delete_goal(&office, 0, family, edited);
    office_sync_all(&office, 2, 2);
    for (int month = 0; month < 24; month++) {
        office_pass(&office, DAYS(30));
        office_visit(&office, 1, family, "a month later");
        office_sync_all(&office, 2, 1);
    }
    assert_ok(office_start(&office, 2));
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++) {
        assert_false(office_shows_goal(&office, at, gone, "removed meanwhile"));
        assert_true(office_shows_goal(&office, at, edited, "edited before the two years"));
    }
    assert_int_equal(office_visits(&office, 2, family, "a month later"), 24);
    assert_all_equal();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(failure_01_a_clock_that_is_wrong_and_set_right_stops_and_poisons_nobody),
        CASE(failure_01_a_batch_that_failed_moves_no_clock),
        CASE(failure_02_whatever_row_is_refused_at_who_receives_it_is_applied_by_the_next_session),
        CASE(failure_03_both_copies_of_a_store_write_before_either_syncs),
        CASE(failure_03_what_a_copy_wrote_stays_until_it_is_compared),
        CASE(failure_04_two_families_of_one_name_are_both_there),
        CASE(failure_04_a_child_that_comes_before_its_parent_waits_in_its_place),
        cmocka_unit_test(failure_05_every_interleaving_of_two_deletes_and_an_edit_ends_the_same),
        CASE(failure_05_who_was_away_for_two_years_brings_nothing_back),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
