/* Tests of sync/status: what waits, what arrived, and up to where a feed is done. */
#include "sync/status.h"

#include "tests/unit/unit.h"

#include "core/family.h"
#include "sync/elog.h"
#include "sync/outbox.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2 };


static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_pair(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    return 0;
}

static enum rc
keep_last(void *context, const struct feed_status *status)
{
    *(struct feed_status *)context = *status;
    return RC_OK;
}

/* The only feed of the family's file, as Bram's device knows it. */
static struct feed_status
file_feed(void)
{
    struct feed_status status = {.written = 0};

    assert_ok(replica_feeds(office.devices[BRAM].replica, file, keep_last, &status));
    return status;
}

static uint64_t
twins_in(struct id stream)
{
    uint64_t twins;

    assert_ok(replica_waiting_twins(office.devices[BRAM].replica, stream, &twins));
    return twins;
}

/* A person made two changes: a visit, and another phase, which stands in the index alone. */
static void
a_visit_and_its_line_in_the_index_are_one_change(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct id index = ledger_family(replica_ledger(bram->replica), family)->index;
    struct family record = {.facts = {.id = family, .family = family}, .code_name = "renamed"};
    struct change_set set = CHANGE_SET_EMPTY;

    assert_int_equal(twins_in(index), 0);
    office_visit(&office, BRAM, family, "one");
    assert_ok(family_put(replica_journal(bram->replica), &set, &record));
    assert_ok(replica_save(bram->replica, set.changes, set.count));
    change_set_wipe(&set);
    assert_int_equal(twins_in(index), 1);
    assert_int_equal(twins_in(file), 0);
    assert_ok(outbox_seal(bram->replica, index));
    office_visit(&office, BRAM, family, "two");
    assert_int_equal(twins_in(index), 2);
    office_sync(&office, BRAM);
    assert_int_equal(twins_in(index), 0);
}

/* A feed of which the server lacks something. */
static enum rc
find_short(void *context, const struct feed_status *status)
{
    if (status->written > status->on_server)
        *(struct feed_status *)context = *status;
    return RC_OK;
}

static void
a_save_waits_unsealed_until_a_session_takes_it_to_the_server(void **state)
{
    (void)state;
    struct waiting waiting;

    office_visit(&office, BRAM, family, "one");
    office_visit(&office, BRAM, family, "two");
    struct feed_status before = file_feed();
    waiting = office_waiting(&office, BRAM);
    assert_int_equal(waiting.saves_unsealed, 4); /* each has a twin in the index */
    assert_int_equal(before.written, before.sealed + 2);
    office_sync(&office, BRAM);
    struct feed_status after = file_feed();
    waiting = office_waiting(&office, BRAM);
    assert_int_equal(waiting.saves_unsealed, 0);
    assert_int_equal(waiting.entries_unsent, 0);
    assert_true(waiting.last_sync_ms > 0);
    assert_int_equal(after.written, before.written);
    assert_int_equal(after.sealed, after.written);
    assert_int_equal(after.on_server, after.written);
}

static void
without_the_server_what_was_saved_goes_on_waiting(void **state)
{
    (void)state;
    struct waiting waiting;

    office_visit(&office, BRAM, family, "one");
    office.devices[BRAM].fault.is_page = true;
    assert_int_not_equal(office_try_sync(&office, BRAM), RC_OK);
    waiting = office_waiting(&office, BRAM);
    assert_int_equal(waiting.saves_unsealed + waiting.entries_unsent, 2);
    assert_true(file_feed().on_server < file_feed().written);
}

static void
a_feed_is_done_up_to_the_first_entry_that_was_not_applied(void **state)
{
    (void)state;
    struct db *db = office.devices[BRAM].replica->db;
    struct elog_feed feed;
    uint32_t last, stored, applied;

    for (unsigned i = 0; i < 3; i++) {
        office_visit(&office, BRAM, family, "again");
        office_sync(&office, BRAM);
    }
    assert_ok(elog_feed_find(db, file, file_feed().feed, &feed));
    assert_ok(elog_last(db, feed.key, &stored, &applied));
    assert_ok(status_done(db, feed.key, &last));
    assert_int_equal(last, stored);

    char sql[160];
    (void)snprintf(sql, sizeof sql,
                   "UPDATE sync_entry SET state = 2, reason = 3 WHERE feed = %lld AND last = %u",
                   (long long)feed.key, stored - 1);
    assert_ok(db_run(db, sql));
    assert_ok(status_done(db, feed.key, &last));
    assert_int_equal(last, stored - 2);
    /* What the ledger holds back is done, too: nothing more is to be fetched. */
    (void)snprintf(sql, sizeof sql,
                   "UPDATE sync_entry SET state = 3, reason = 9 WHERE feed = %lld AND last = %u",
                   (long long)feed.key, stored - 1);
    assert_ok(db_run(db, sql));
    assert_ok(status_done(db, feed.key, &last));
    assert_int_equal(last, stored);
}

static enum rc
note_reason(void *context, struct id stream, struct feed_ref feed, uint32_t first, uint32_t last,
            const char *reason)
{
    (void)feed;
    assert_true(id_equal(stream, file));
    assert_true(first <= last);
    *(const char **)context = reason;
    return RC_OK;
}

static void
what_is_parked_is_told_with_its_reason(void **state)
{
    (void)state;
    struct db *db = office.devices[BRAM].replica->db;
    const char *reason = NULL;
    struct waiting waiting;

    office_visit(&office, BRAM, family, "one");
    office_sync(&office, BRAM);
    assert_ok(replica_parked(office.devices[BRAM].replica, note_reason, &reason));
    assert_null(reason);
    assert_ok(db_run(db, "UPDATE sync_entry SET state = 2, reason = 1 WHERE entry ="
                         " (SELECT max(entry) FROM sync_entry JOIN sync_feed USING (feed)"
                         " JOIN sync_stream USING (stream) WHERE kind = 4)"));
    assert_ok(replica_parked(office.devices[BRAM].replica, note_reason, &reason));
    assert_string_equal(reason, "key");
    waiting = office_waiting(&office, BRAM);
    assert_int_equal(waiting.parked, 1);
    assert_int_equal(waiting.held, 0);
}

static void
a_colleague_who_never_told_has_applied_nothing(void **state)
{
    (void)state;
    struct ack_status status;
    int64_t at_ms;
    const struct id nobody = {{9}};

    assert_ok(
        replica_applied_at(office.devices[BRAM].replica, nobody, file, file_feed().feed, &status));
    assert_int_equal(status.last, 0);
    assert_int_equal(status.acked_at_ms, 0);
    assert_ok(replica_heard_at(office.devices[BRAM].replica, nobody, &at_ms));
    assert_int_equal(at_ms, 0);
    assert_ok(replica_heard_at(office.devices[BRAM].replica, office.devices[ANNA].id, &at_ms));
    assert_true(at_ms > 0);
}

/* Under their old numbers nobody can acknowledge them. */
static void
saves_that_got_other_numbers_are_waited_for_no_longer(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[BRAM];
    struct feed_status status = {.written = 0};
    struct elog_feed feed;
    char command[800];

    office_visit(&office, BRAM, family, "unsent");
    struct feed_ref old = file_feed().feed;
    assert_true(file_feed().written > file_feed().on_server);
    office_shut(&office, BRAM);
    (void)snprintf(command, sizeof command, "cp -a '%s' '%s.moved' && rm -r '%s' && mv '%s.moved' '%s'",
                   device->directory, device->directory, device->directory, device->directory,
                   device->directory);
    assert_int_equal(system(command), 0);
    assert_ok(office_start(&office, BRAM));
    office_sync(&office, BRAM);
    assert_ok(elog_feed_find(device->replica->db, file, old, &feed));
    assert_int_equal(feed.saved, feed.on_server);
    assert_ok(replica_feeds(device->replica, file, find_short, &status));
    assert_int_equal(status.written, 0);
}

/* Bram's cover of two days for the device at `to`, accepted. */
static void
cover(int to)
{
    struct office_device *owner = &office.devices[BRAM], *device = &office.devices[to];
    struct cover_new given = {
        &family, 1, device->person, office.now_ms, office.now_ms + 2 * DAY_MS, true};
    struct id id;

    assert_ok(replica_cover_give(owner->replica, &owner->transport, &given, &id));
    office_sync(&office, to);
    assert_ok(replica_cover_accept(device->replica, &device->transport, id));
}

static void
a_cover_given_again_is_not_said_to_have_what_it_purged(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct id caas;
    struct ack_status status;

    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    caas = office.devices[CAAS].id;
    office_sync(&office, BRAM);
    office_visit(&office, BRAM, family, "one");
    office_sync(&office, BRAM);
    cover(CAAS);
    office_sync_all(&office, 3, 2);
    struct feed_status feed = file_feed();
    assert_ok(replica_applied_at(bram->replica, caas, file, feed.feed, &status));
    assert_int_equal(status.last, feed.written);
    assert_true(status.position > 0);

    office_pass(&office, 3 * DAY_MS);
    assert_ok(replica_applied_at(bram->replica, caas, file, feed.feed, &status));
    assert_int_equal(status.last, 0);
    office_sync_all(&office, 3, 2);
    cover(CAAS); /* accepted, and nothing fetched yet */
    office_sync(&office, BRAM);
    feed = file_feed();
    assert_ok(replica_applied_at(bram->replica, caas, file, feed.feed, &status));
    assert_int_equal(status.last, 0);
    assert_int_equal(status.acked_at_ms, 0);
    office_sync_all(&office, 3, 2);
    feed = file_feed();
    assert_ok(replica_applied_at(bram->replica, caas, file, feed.feed, &status));
    assert_int_equal(status.last, feed.written);
}

/* ---- after a right or a store came back ------------------------------------------------------------ */

/* In how many streams Anna's device goes by what Bram's told in that life. */
static int64_t
told_in(uint64_t incarnation)
{
    struct stmt *stmt;
    int64_t count = 0;

    assert_ok(db_stmt(store_db(office.devices[ANNA].store),
                      "SELECT count(*) FROM sync_ack WHERE device = ?1 AND incarnation = ?2", &stmt));
    stmt_id(stmt, 1, office.devices[BRAM].id);
    stmt_int(stmt, 2, (int64_t)incarnation);
    assert_ok(stmt_finish_int(stmt, &count));
    return count;
}

/* What others told in the meantime is not told again: it was kept. */
static void
what_others_told_is_known_when_a_right_comes_back(void **state)
{
    (void)state;
    struct ack_status status;

    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    office_sync_all(&office, 3, 2);
    office_visit(&office, BRAM, family, "one");
    office_sync(&office, BRAM);
    cover(CAAS);
    office_sync_all(&office, 3, 2);
    office_pass(&office, 3 * DAY_MS);
    office_sync_all(&office, 3, 2);
    cover(CAAS);
    office_sync(&office, CAAS);
    struct feed_status feed = file_feed();
    assert_ok(replica_applied_at(office.devices[CAAS].replica, office.devices[BRAM].id, file, feed.feed, &status));
    assert_int_equal(status.last, feed.written);
}

static void
put_back(int at, const char *from, const char *to)
{
    char command[512];

    office_shut(&office, at);
    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
    assert_int_equal(system(command), 0);
    stores_demand(office_start(&office, at), "office_start");
}

/* Its lost life told it with a clock that was ahead, and of streams in which nothing came since. */
static void
what_a_restored_device_tells_takes_the_place_of_all_that_its_lost_life_told(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    char backup[160];

    snprintf(backup, sizeof backup, "%s/backup", office.scratch.directory);
    office_sync_all(&office, 2, 2);
    put_back(BRAM, bram->directory, backup);
    bram->clock_off_ms = 20 * 60 * 60 * 1000;
    office_visit(&office, BRAM, family, "of the lost life");
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    bram->clock_off_ms = 0;
    put_back(BRAM, backup, bram->directory);
    uint64_t lost = bram->replica->incarnation;
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_true(bram->replica->incarnation != lost);
    assert_int_equal(told_in(lost), 0);
    assert_int_equal(told_in(bram->replica->incarnation), 3); /* the team's stream, the family's index and file */
}

static void
groups_are_alike_by_feed_state_and_reason_in_whatever_stream(void **state)
{
    const struct parked_group one = {.stream = {{1}}, .feed = {{{2}}, 3}, .is_held = true, .reason = "late", .first = 4, .saves = 5};
    struct parked_group other = {.stream = {{6}}, .feed = {{{2}}, 3}, .is_held = true, .reason = "late"};

    (void)state;
    assert_true(replica_group_is_like(&one, &other));
    other.reason = "key";
    assert_false(replica_group_is_like(&one, &other));
    other = (struct parked_group){.feed = {{{2}}, 3}, .is_held = false, .reason = "late"};
    assert_false(replica_group_is_like(&one, &other));
    other = (struct parked_group){.feed = {{{2}}, 4}, .is_held = true, .reason = "late"};
    assert_false(replica_group_is_like(&one, &other));
    other.feed = (struct feed_ref){{{7}}, 3};
    assert_false(replica_group_is_like(&one, &other));
}

#define TEST(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_save_waits_unsealed_until_a_session_takes_it_to_the_server),
        TEST(without_the_server_what_was_saved_goes_on_waiting),
        TEST(a_feed_is_done_up_to_the_first_entry_that_was_not_applied),
        TEST(a_visit_and_its_line_in_the_index_are_one_change),
        TEST(what_is_parked_is_told_with_its_reason),
        cmocka_unit_test(groups_are_alike_by_feed_state_and_reason_in_whatever_stream),
        TEST(a_colleague_who_never_told_has_applied_nothing),
        TEST(saves_that_got_other_numbers_are_waited_for_no_longer),
        TEST(a_cover_given_again_is_not_said_to_have_what_it_purged),
        TEST(what_others_told_is_known_when_a_right_comes_back),
        TEST(what_a_restored_device_tells_takes_the_place_of_all_that_its_lost_life_told),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
