/* The facade when things go wrong: lost answers to acts of membership, restored and copied stores, late work, a lying server. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/change_set.h"
#include "core/goal.h"
#include "sync/ledger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

static struct office office;
static struct id family;

static int
setup(void **state)
{
    (void)state;
    family = office_shared(&office, 0);
    return 0;
}

static const struct ledger *
ledger_of(int at)
{
    return replica_ledger(office.devices[at].replica);
}

static struct id
file_of(void)
{
    return ledger_family(ledger_of(0), family)->file;
}

/* How many visits with that note the device's copy of the file shows: rows of the dump, which writes notes as hexadecimal. */
static unsigned
times(int at, const char *word)
{
    char *dump = office_dump(&office, at, file_of());
    char hex[256] = "note=";
    unsigned count = 0;

    for (size_t i = 0; i < strlen(word) && i < 120; i++)
        snprintf(hex + 5 + 2 * i, 3, "%02x", (unsigned)(unsigned char)word[i]);
    for (const char *found = dump; (found = strstr(found, hex)) != NULL; found++)
        count++;
    free(dump);
    return count;
}

/* ---- lost answers ------------------------------------------------------------------------------- */

static void
a_family_is_made_once_whatever_answer_is_lost(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[0];

    for (unsigned n = 1; n < 30; n++) {
        char name[32];
        struct id made;
        snprintf(name, sizeof name, "family %u", n);
        device->requests = 0;
        device->fault.lose_answer = n;
        struct family_new wanted = {.owner = device->person, .record.code_name = name};
        enum rc rc =
            replica_create_family(device->replica, &device->transport, &wanted, &made);
        bool was_hit = device->requests >= n;
        device->fault.lose_answer = 0;
        assert_int_equal(rc, was_hit ? RC_OFFLINE : RC_OK);
        office_reopen(&office, 0);
        if (was_hit)
            assert_ok(
                replica_create_family(device->replica, &device->transport, &wanted, &made));
        size_t count = 0;
        while (ledger_family_at(ledger_of(0), count) != NULL)
            count++;
        assert_int_equal(count, 1 + n);
        if (!was_hit)
            return;
    }
    fail_msg("no end of requests");
}

static void
a_cover_is_given_once_whatever_answer_is_lost(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[0];

    office_join(&office, 2, "Carla", LEDGER_ROLE_COACH);
    for (unsigned n = 1; n < 30; n++) {
        struct id made;
        struct cover_new cover = {&family,
                                  1,
                                  office.devices[2].person,
                                  office.now_ms,
                                  office.now_ms + INT64_C(1000000) * n,
                                  true};
        device->requests = 0;
        device->fault.lose_answer = n;
        enum rc rc = replica_cover_give(device->replica, &device->transport, &cover, &made);
        bool was_hit = device->requests >= n;
        device->fault.lose_answer = 0;
        assert_int_equal(rc, was_hit ? RC_OFFLINE : RC_OK);
        if (was_hit)
            assert_ok(replica_cover_give(device->replica, &device->transport, &cover, &made));
        size_t count = 0;
        while (ledger_cover_at(ledger_of(0), count) != NULL)
            count++;
        assert_int_equal(count, n);
        if (!was_hit)
            return;
    }
    fail_msg("no end of requests");
}

/* ---- restored and copied stores ------------------------------------------------------------------- */

static void
copy_store(int at, const char *name)
{
    char command[512];
    struct office_device *device = &office.devices[at];

    office_shut(&office, at);
    snprintf(command, sizeof command, "rm -rf '%s/%s' && cp -a '%s' '%s/%s'",
             office.scratch.directory, name, device->directory, office.scratch.directory, name);
    assert_int_equal(system(command), 0);
    stores_demand(office_start(&office, at), "office_start");
}

static void
restore_store(int at, const char *name)
{
    char command[512];
    struct office_device *device = &office.devices[at];

    office_shut(&office, at);
    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s/%s' '%s'", device->directory,
             office.scratch.directory, name, device->directory);
    assert_int_equal(system(command), 0);
    stores_demand(office_start(&office, at), "office_start");
}

static void
a_restored_store_loses_nothing_and_changes_no_published_save(void **state)
{
    (void)state;
    office_visit(&office, 1, family, "in the backup, unsent");
    copy_store(1, "backup");
    office_visit(&office, 1, family, "after the backup");
    office_sync(&office, 1);
    restore_store(1, "backup");
    office_visit(&office, 1, family, "after the restore");
    office_sync(&office, 1);
    office_sync_all(&office, 2, 2);
    assert_true(office_agree(&office, 0, 1, file_of()));
    assert_int_equal(times(0, "in the backup, unsent"), 1);
    assert_int_equal(times(0, "after the backup"), 1);
    assert_int_equal(times(0, "after the restore"), 1);
    office_visit(&office, 1, family, "and life goes on");
    office_sync_all(&office, 2, 2);
    assert_true(office_agree(&office, 0, 1, file_of()));
    assert_int_equal(times(0, "and life goes on"), 1);
}

/* Its rows go once its own work has numbers; until then the family is hidden, and so is what was received for it. */
static void
a_restored_store_recovers_where_a_right_ended_before_all_was_applied(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[1];

    office_visit(&office, 1, family, "in the backup");
    office_visit(&office, 0, family, "received, not applied");
    office_sync_all(&office, 2, 2);
    copy_store(1, "backup");
    office_visit(&office, 1, family, "after the backup");
    office_sync(&office, 1);
    restore_store(1, "backup");
    stores_demand(db_run(store_db(device->store), /* as a kill between storing and applying leaves it */
                         "UPDATE sync_entry SET state = 0 WHERE feed IN (SELECT feed FROM sync_feed WHERE NOT is_own)"),
                  "sync_entry");
    office_assign(&office, 0, family, 1, LEDGER_RELEASED);
    office_sync(&office, 1);
    assert_int_equal(times(1, "received, not applied"), 0);
    office_sync_all(&office, 2, 2);
    assert_int_equal(times(0, "in the backup"), 1);
    assert_int_equal(times(0, "after the backup"), 1);
}

static int64_t
ask(int at, const char *sql)
{
    int64_t answer = 0;

    stores_demand(db_get_int(store_db(office.devices[at].store), sql, &answer), sql);
    return answer;
}

/* The goal and its deletion wait, and both get other numbers. */
static void
what_was_deleted_before_a_restore_stays_deleted(void **state)
{
    (void)state;
    struct change_set set = CHANGE_SET_EMPTY;
    struct journal *journal = replica_journal(office.devices[1].replica);
    struct goal goal = {.facts.family = family, .text = "never meant"};

    stores_demand(goal_put(journal, &set, &goal), "goal_put");
    stores_demand(replica_save(office.devices[1].replica, set.changes, set.count), "a goal");
    change_set_wipe(&set);
    stores_demand(change_set_delete(journal, &set, family, ENTITY_GOAL, goal.facts.id),
                  "change_set_delete");
    stores_demand(replica_save(office.devices[1].replica, set.changes, set.count), "a deletion");
    change_set_wipe(&set);
    copy_store(1, "backup");
    restore_store(1, "backup");
    office_sync(&office, 1);
    office_sync_all(&office, 2, 2);
    assert_true(office_agree(&office, 0, 1, file_of()));
    assert_int_equal(ask(0, "SELECT hidden FROM file_goal"), 1);
    assert_int_equal(ask(1, "SELECT hidden FROM file_goal"), 1);
}

/* The device syncs four days later: who wrote on Monday wrote on Monday. */
static void
what_is_renumbered_keeps_the_time_at_which_it_was_written(void **state)
{
    (void)state;
    const char *written = "SELECT max(written) FROM file_contact";

    office_visit(&office, 1, family, "on Monday");
    int64_t before_ms = ask(1, written);
    assert_true(before_ms > 0);
    copy_store(1, "backup");
    restore_store(1, "backup");
    office_pass(&office, 4 * DAY_MS);
    office_sync(&office, 1);
    office_sync_all(&office, 2, 2);
    assert_int_equal(times(0, "on Monday"), 1);
    assert_true(ask(0, written) == before_ms);
    assert_true(ask(1, written) == before_ms);
    assert_true(office_agree(&office, 0, 1, file_of()));
    office_visit(&office, 1, family, "on Friday"); /* its own clock went on */
    assert_true(ask(1, written) >= before_ms + 4 * DAY_MS);
}

/* A copy of the open store, put back file by file into the same directory after kill -9: no opening or closing was counted
 * in between. */
static void
a_store_copied_while_open_and_put_back_in_place_is_recognised(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[1];
    char command[800];
    const char *reason;

    office_visit(&office, 1, family, "in the copy");
    snprintf(command, sizeof command, "cp -a '%s' '%s/copy'", device->directory,
             office.scratch.directory);
    assert_int_equal(system(command), 0);
    office_visit(&office, 1, family, "after the copy");
    office_sync(&office, 1);
    snprintf(command, sizeof command, "cp -a '%s' '%s/token'", device->state,
             office.scratch.directory);
    assert_int_equal(system(command), 0);
    office_shut(&office, 1); /* a kill would not count: store and token go back to before it */
    snprintf(command, sizeof command, "rm '%s'/* && cp -a '%s'/copy/* '%s' && cp -a '%s'/token/* '%s'",
             device->directory, office.scratch.directory, device->directory,
             office.scratch.directory, device->state);
    assert_int_equal(system(command), 0);
    stores_demand(office_start(&office, 1), "office_start");
    assert_false(store_is_continuous(device->store, &reason));
    assert_non_null(strstr(reason, "older"));
    office_visit(&office, 1, family, "after it was put back");
    office_sync(&office, 1);
    assert_true(store_is_continuous(device->store, &reason));
    office_sync_all(&office, 2, 2);
    assert_true(office_agree(&office, 0, 1, file_of()));
    assert_int_equal(times(0, "in the copy"), 1);
    assert_int_equal(times(0, "after the copy"), 1);
    assert_int_equal(times(0, "after it was put back"), 1);
}

/* As a_kill_after_sealing_raises_no_doubt, but the log is cut in its last frame: the visit was acknowledged. */
static void
a_log_cut_in_its_last_frame_is_noticed(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[1];
    char command[1200];

    office_visit(&office, 1, family, "acknowledged");
    snprintf(command, sizeof command, "cp -a '%s' '%s/killed' && cp -a '%s' '%s/token'",
             device->directory, office.scratch.directory, device->state, office.scratch.directory);
    assert_int_equal(system(command), 0);
    office_shut(&office, 1);
    snprintf(command, sizeof command,
             "rm '%s'/* && cp -a '%s'/killed/* '%s' && cp -a '%s'/token/* '%s' && truncate -s -1 '%s'/store.db-wal",
             device->directory, office.scratch.directory, device->directory,
             office.scratch.directory, device->state, device->directory);
    assert_int_equal(system(command), 0);
    stores_demand(office_start(&office, 1), "office_start");
    assert_int_equal(times(1, "acknowledged"), 0);
    assert_true(store_may_lack_saves(device->store));
    office_sync(&office, 1);
    assert_true(store_may_lack_saves(device->store));
}

/* Another program's tables are dropped in one transaction and filled in others: a failure between leaves no empty ones. */
static void
tables_made_anew_are_filled_by_the_next_opening_too(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[1];

    office_visit(&office, 1, family, "sent");
    office_sync(&office, 1);
    office_visit(&office, 1, family, "waits");
    char *before = office_dump(&office, 1, file_of());
    struct db *db = store_db(device->store);
    stores_demand(db_run(db, "UPDATE journal_made SET sql = sql || ' '"), "another program");
    stores_demand(db_run(db, "CREATE TRIGGER fail BEFORE UPDATE ON sync_stream WHEN new.needs_rebuild = "
                             "0 BEGIN SELECT RAISE(FAIL, 'fails'); END"),
                  "a trigger");
    replica_close(device->replica);
    device->replica = NULL;
    assert_int_not_equal(replica_open(device->store, &device->replica), RC_OK);
    stores_demand(db_run(db, "DROP TRIGGER fail"), "no trigger");
    stores_demand(replica_open(device->store, &device->replica), "replica_open");
    char *after = office_dump(&office, 1, file_of());
    assert_string_equal(before, after);
    free(before), free(after);
}

static void
a_kill_after_sealing_raises_no_doubt(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[1];
    char command[800];
    const char *reason;

    office_visit(&office, 1, family, "sealed");
    office_sync(&office, 1);
    office_visit(&office, 1, family, "waits");
    snprintf(command, sizeof command, "cp -a '%s' '%s/killed' && cp -a '%s' '%s/token'",
             device->directory, office.scratch.directory, device->state, office.scratch.directory);
    assert_int_equal(system(command), 0);
    office_shut(&office, 1);
    snprintf(command, sizeof command, "rm '%s'/* && cp -a '%s'/killed/* '%s' && cp -a '%s'/token/* '%s'",
             device->directory, office.scratch.directory, device->directory,
             office.scratch.directory, device->state);
    assert_int_equal(system(command), 0);
    stores_demand(office_start(&office, 1), "office_start");
    assert_true(store_is_continuous(device->store, &reason));
}

static void
two_copies_of_one_store_may_both_go_on(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[1];
    char original[128], original_state[128];

    office_visit(&office, 1, family, "before the copy");
    copy_store(1, "clone");
    memcpy(original, device->directory, sizeof original);
    memcpy(original_state, device->state, sizeof original_state);
    for (int round = 0; round < 3; round++) {
        office_visit(&office, 1, family, "by the original");
        office_sync(&office, 1);
        office_shut(&office, 1);
        snprintf(device->directory, sizeof device->directory, "%s/clone", office.scratch.directory);
        stores_demand(office_start(&office, 1), "the clone");
        office_visit(&office, 1, family, "by the clone");
        office_sync(&office, 1);
        office_shut(&office, 1);
        memcpy(device->directory, original, sizeof original);
        stores_demand(office_start(&office, 1), "the original");
    }
    office_sync_all(&office, 2, 3);
    assert_true(office_agree(&office, 0, 1, file_of()));
    assert_int_equal(times(0, "before the copy"), 1);
    assert_int_equal(times(0, "by the original"), 3);
    assert_int_equal(times(0, "by the clone"), 3);
}

/* ---- late work ------------------------------------------------------------------------------------ */

static void
applied_entries_that_turn_out_late_are_taken_back_everywhere(void **state)
{
    (void)state;
    office_join_again(&office, 2, office.devices[0].person);
    office_visit(&office, 1, family, "honest work");
    office_sync_all(&office, 3, 2);
    office_visit(&office, 1, family, "beyond the head");
    office_carry(&office, 1, 2);
    assert_int_equal(times(2, "beyond the head"), 1);
    office_assign(&office, 0, family, 1, LEDGER_RELEASED);
    office_sync(&office, 2);
    office_sync(&office, 0);
    assert_int_equal(times(2, "honest work"), 1);
    assert_int_equal(times(2, "beyond the head"), 0);
    assert_int_equal(times(0, "beyond the head"), 0);
    assert_true(office_agree(&office, 0, 2, file_of()));
    assert_true(office_waiting(&office, 2).held > 0);
}

/* ---- a lying server --------------------------------------------------------------------------------- */

static void
another_server_under_the_same_address_is_not_believed(void **state)
{
    (void)state;
    static struct office other;

    office_open(&other);
    office_found(&other, LEDGER_ROLE_COACH);
    struct server *ours = office.server;
    office.server = other.server;
    office_visit(&office, 0, family, "stays here");
    assert_true(office_try_sync(&office, 0) != RC_OK);
    assert_true(office_waiting(&office, 0).saves_unsealed > 0);
    office.server = ours;
    office_sync(&office, 0);
    office_close(&other);
}

static void
a_forged_box_is_reported_and_not_used(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[1];
    struct id second = office_family(&office, 0, "wezel", 0);

    office_visit(&office, 0, second, "behind a good key");
    office_sync(&office, 0);
    assert_ok(replica_assign(office.devices[0].replica, &office.devices[0].transport, second,
                             device->person, LEDGER_COACH));
    device->fault.flips_boxes = true;
    office_sync(&office, 1);
    assert_true(device->report.forged_boxes > 0);
    assert_true(device->report.parked > 0);
    device->fault.flips_boxes = false;
    office_sync(&office, 1);
    assert_int_equal(device->report.parked, 0);
    family = second;
    assert_int_equal(times(1, "behind a good key"), 1);
}

static void
a_revoked_device_hands_in_what_it_wrote(void **state)
{
    (void)state;
    office_join_again(&office, 2, office.devices[0].person);
    office_visit(&office, 0, family, "what stays");
    office_sync(&office, 0);
    office_visit(&office, 1, family, "written before it was lost");
    assert_ok(replica_revoke_device(office.devices[0].replica, &office.devices[0].transport,
                                    office.devices[1].id));
    assert_int_equal(office_try_sync(&office, 1), RC_DENIED);
    assert_int_equal(office_waiting(&office, 1).saves_unsealed + office_waiting(&office, 1).entries_unsent, 0);
    office_sync(&office, 0);
    office_sync(&office, 2);
    assert_int_equal(times(0, "written before it was lost"), 0); /* held until a person decides */
    assert_true(office_waiting(&office, 0).held > 0);
    assert_true(office_agree(&office, 0, 2, file_of()));
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_family_is_made_once_whatever_answer_is_lost),
        CASE(a_cover_is_given_once_whatever_answer_is_lost),
        CASE(a_restored_store_loses_nothing_and_changes_no_published_save),
        CASE(a_restored_store_recovers_where_a_right_ended_before_all_was_applied),
        CASE(what_was_deleted_before_a_restore_stays_deleted),
        CASE(what_is_renumbered_keeps_the_time_at_which_it_was_written),
        CASE(a_store_copied_while_open_and_put_back_in_place_is_recognised),
        CASE(a_log_cut_in_its_last_frame_is_noticed),
        CASE(tables_made_anew_are_filled_by_the_next_opening_too),
        CASE(a_kill_after_sealing_raises_no_doubt),
        CASE(two_copies_of_one_store_may_both_go_on),
        CASE(applied_entries_that_turn_out_late_are_taken_back_everywhere),
        CASE(another_server_under_the_same_address_is_not_believed),
        CASE(a_forged_box_is_reported_and_not_used),
        CASE(a_revoked_device_hands_in_what_it_wrote),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
