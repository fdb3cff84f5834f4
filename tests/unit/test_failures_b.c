/* Failures that other sync engines were seen to have, 6 to 9, as tests here: tests/README.md says where each stands. */
#include "tests/unit/failures.h"

#include <string.h>

#include "server/depot.h"
#include "sync/elog.h"
#include "sync/replica_own.h"

static void
revoke(int by, int lost)
{
    stores_demand(replica_revoke_device(device(by)->replica, &device(by)->transport, device(lost)->id), "revoke");
}

/* ---- 6: a removal that does not remove ------------------------------------------------------------------ */

/* Whether any key that the device has opens the entry. */
static bool
opens(int at, const struct entry *entry)
{
    const struct keyring *keys = device(at)->replica->keys;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    bool opened = false;

    for (size_t i = 0; !opened && i < keyring_count(keys); i++) {
        struct secret key = SECRET_EMPTY;
        struct id stream;
        uint32_t epoch;
        assert_ok(keyring_at(keys, i, &stream, &epoch, &key));
        opened = key.len == CRYPTO_KEY_BYTES && entry_open(entry, &key, &body) == RC_OK;
        secret_wipe(&key);
    }
    buf_wipe(&body);
    return opened;
}

struct looking {
    int at;
    size_t boxes;
};

/* A box that its secret opens must be of an epoch that it has: nothing was made for it since. */
static enum rc
look_into_box(void *context, const struct depot_box *box, bool *stop)
{
    struct looking *looking = context;
    struct replica *replica = device(looking->at)->replica;
    struct secret payload = SECRET_EMPTY;

    *stop = false;
    looking->boxes++;
    if (identity_open_box(&replica->identity, box->bytes, box->len, &payload) == RC_OK)
        assert_true(keyring_has(replica->keys, box->stream, box->epoch));
    secret_wipe(&payload);
    return RC_OK;
}

static int64_t
next_entry(int at, int64_t after)
{
    char sql[100];

    snprintf(sql, sizeof sql, "SELECT coalesce(min(entry), 0) FROM sync_entry WHERE entry > %lld", (long long)after);
    return office_ask(&office, at, sql);
}

/* All entries and boxes that the server has, looked at with all that the lost device had when it was shut out at `position`. */
static void
assert_opens_nothing_after(int lost, int reader, uint64_t position)
{
    struct looking looking = {lost, 0};
    struct depot *depot;
    int64_t key = 0;
    size_t later = 0, earlier = 0;

    while ((key = next_entry(reader, key)) != 0) {
        struct elog_row row = ELOG_ROW_EMPTY;
        assert_ok(elog_get(device(reader)->replica->db, key, &row));
        if (row.entry.position >= position) {
            later++;
            assert_false(opens(lost, &row.entry));
        } else {
            earlier += opens(lost, &row.entry);
        }
        elog_row_wipe(&row);
    }
    assert_true(later > 0 && earlier > 0);
    assert_ok(server_take_depot(office.server, &depot));
    assert_ok(depot_list_boxes(depot, 1, NULL, 0, look_into_box, &looking));
    server_give_depot(office.server, depot);
    assert_true(looking.boxes > 0);
}

/* Who removed it is off before it pays the rotation: whoever syncs next does. */
static void
failure_06_a_removed_device_opens_nothing_later_of_all_that_the_server_has(void **state)
{
    (void)state;
    office_join_again(&office, 3, device(1)->person);
    office_visit(&office, 1, family, "before the loss");
    office_sync_all(&office, 4, 2);
    revoke(0, 3);
    uint64_t position = ledger_position(ledger_of(0));
    office_shut(&office, 0);
    struct id file = ledger_family(ledger_of(1), family)->file;
    office_visit(&office, 1, family, "after the loss");
    office_sync(&office, 1);
    assert_false(ledger_rotation_is_owed(ledger_of(1), file, (uint64_t)office.now_ms));
    assert_int_equal(device(1)->report.rotations_owed, 0);
    office_sync(&office, 2);
    assert_int_equal(office_visits(&office, 2, family, "after the loss"), 1);
    assert_opens_nothing_after(3, 1, position);
    assert_int_equal(office_try_sync(&office, 3), RC_DENIED);
    assert_opens_nothing_after(3, 1, position);
    assert_ok(office_start(&office, 0));
    office_sync_all(&office, 3, 2);
    assert_all_equal();
}

static void
failure_06_an_administrator_who_removes_himself_opens_nothing_later(void **state)
{
    (void)state;
    enum rc rc = replica_revoke_device(device(0)->replica, &device(0)->transport, device(0)->id);
    assert_int_equal(rc, RC_INVALID); /* nobody would be left to let others in */
    assert_ok(replica_set_roles(device(0)->replica, &device(0)->transport, device(1)->person,
                                LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR | LEDGER_ROLE_COACH));
    office_sync_all(&office, 3, 2);
    rc = replica_revoke_device(device(0)->replica, &device(0)->transport, device(0)->id);
    assert_int_equal(rc, RC_DENIED); /* the line stands, and so he may not read what follows it */
    office_sync(&office, 1);
    assert_true(ledger_device(ledger_of(1), device(0)->id)->revoked != 0);
    uint64_t position = ledger_position(ledger_of(1));
    office_visit(&office, 1, family, "without him");
    office_sync(&office, 1);
    office_sync(&office, 2);
    assert_int_equal(device(1)->report.rotations_owed, 0);
    assert_opens_nothing_after(0, 1, position);
}

/* ---- 7: a rotation from an incomplete state -------------------------------------------------------------- */

/* At one request of a session, another device has a whole session of its own. */
struct race {
    struct transport inner;
    unsigned at, count;
    int other;
};

static enum rc
send_in_race(void *context, const struct transport_request *in, struct transport_reply *out)
{
    struct race *race = context;

    if (++race->count == race->at)
        office_sync(&office, race->other);
    return race->inner.send(race->inner.context, in, out);
}

/* Every entry of the one is at the other as it is here: none was sealed anew under a later key. */
static void
assert_same_entries(int at, int other)
{
    struct db *db = device(other)->replica->db;
    int64_t key = 0;
    size_t count = 0;

    while ((key = next_entry(at, key)) != 0) {
        struct elog_row here = ELOG_ROW_EMPTY, there = ELOG_ROW_EMPTY;
        struct elog_feed feed;
        assert_ok(elog_get(device(at)->replica->db, key, &here));
        const struct feed_ref author = {here.entry.device, here.entry.incarnation};
        assert_ok(elog_feed_find(db, here.entry.stream, author, &feed));
        assert_ok(elog_find(db, feed.key, here.entry.first, &there));
        assert_int_equal(there.entry.epoch, here.entry.epoch);
        assert_memory_equal(there.entry.hash, here.entry.hash, sizeof here.entry.hash);
        elog_row_wipe(&here);
        elog_row_wipe(&there);
        count++;
    }
    assert_true(count > 5);
}

enum fault { RACE, LOSE_REQUEST, LOSE_ANSWER, FAULTS };

/* A session of Bram's with that fault at its n-th request; false when it has not so many. */
static bool
sync_with(enum fault fault, unsigned n)
{
    struct race race = {device(1)->transport, fault == RACE ? n : 0, 0, 0};
    struct transport transport = {send_in_race, &race};

    device(1)->requests = 0;
    device(1)->fault.lose_request = fault == LOSE_REQUEST ? n : 0;
    device(1)->fault.lose_answer = fault == LOSE_ANSWER ? n : 0;
    enum rc rc = replica_sync(device(1)->replica, &transport, NULL, &device(1)->report);
    device(1)->fault = (struct office_fault){0};
    assert_true(rc == RC_OK || (fault == RACE ? rc == RC_STALE : rc == RC_OFFLINE));
    return race.count >= n;
}

static void
rotate_with(enum fault fault)
{
    bool was_hit = true;

    for (unsigned n = 1; was_hit; n++) {
        office_assign(&office, 0, family, 2, LEDGER_COACH);
        office_sync_all(&office, 3, 2);
        struct id file = ledger_family(ledger_of(1), family)->file;
        uint32_t epoch = ledger_stream(ledger_of(1), file)->epoch;
        office_assign(&office, 0, family, 2, LEDGER_RELEASED);
        office_visit(&office, 0, family, "while it is owed, by Anna");
        office_visit(&office, 1, family, "while it is owed, by Bram");
        was_hit = sync_with(fault, n);
        office_pass(&office, 60000); /* the server bears so many requests a minute */
        office_sync_all(&office, 2, 2);
        assert_int_equal(ledger_stream(ledger_of(1), file)->epoch, epoch + 1);
        assert_int_equal(office_visits(&office, 0, family, "while it is owed, by Bram"), n);
        assert_int_equal(office_visits(&office, 1, family, "while it is owed, by Anna"), n);
        assert_int_equal(office_waiting(&office, 0).parked + office_waiting(&office, 1).parked, 0);
        assert_true(office_are_equal(&office, 0, 1, family));
        assert_true(n < 40);
    }
    office_join_again(&office, 3, device(1)->person); /* who comes later reads all epochs */
    office_sync_all(&office, 4, 2);
    assert_true(office_are_equal(&office, 1, 3, family));
    assert_same_entries(1, 3);
}

static void
failure_07_two_who_rotate_at_once_make_one_epoch_and_lose_nothing(void **state)
{
    (void)state;
    rotate_with(RACE);
}

static void
failure_07_a_rotation_whose_request_is_lost_loses_nothing(void **state)
{
    (void)state;
    rotate_with(LOSE_REQUEST);
}

static void
failure_07_a_rotation_whose_answer_is_lost_is_made_once(void **state)
{
    (void)state;
    rotate_with(LOSE_ANSWER);
}

/* ---- 8: a second key, a key that was not published, a key that was lost ---------------------------------- */

static void
assert_same_keys(int a, int b)
{
    const struct keyring *ours = device(a)->replica->keys, *theirs = device(b)->replica->keys;
    size_t shared = 0;

    for (size_t i = 0; i < keyring_count(ours); i++) {
        struct secret one = SECRET_EMPTY, other = SECRET_EMPTY;
        struct id stream;
        uint32_t epoch;
        assert_ok(keyring_at(ours, i, &stream, &epoch, &one));
        if (keyring_has(theirs, stream, epoch)) {
            assert_ok(keyring_get(theirs, stream, epoch, &other));
            assert_int_equal(one.len, other.len);
            assert_memory_equal(one.bytes, other.bytes, one.len);
            shared++;
        }
        secret_wipe(&one);
        secret_wipe(&other);
    }
    assert_true(shared >= 3); /* the team's, the index's, the file's */
}

static void
ask_to_join(int at, char digits[JOINING_DIGITS_CHARS + 1])
{
    struct buf invitation = BUF_EMPTY(JOINING_INVITATION_MAX_BYTES * 2);

    office_make(&office, at);
    assert_ok(replica_invite(device(0)->replica, &device(0)->transport, device(1)->person, NULL, 0, 3600000, &invitation));
    assert_ok(replica_join(device(at)->replica, &device(at)->transport, buf_text(&invitation), digits));
    buf_wipe(&invitation);
}

static void
failure_08_two_devices_that_enrol_at_the_same_time_get_the_same_keys(void **state)
{
    char digits[2][JOINING_DIGITS_CHARS + 1];
    struct id approved;

    (void)state;
    office_visit(&office, 1, family, "before they came");
    office_sync(&office, 1);
    for (int i = 0; i < 2; i++)
        ask_to_join(3 + i, digits[i]);
    for (int i = 1; i >= 0; i--)
        assert_ok(replica_approve(device(0)->replica, &device(0)->transport, digits[i], "laptop", &approved));
    for (int round = 0; round < 2; round++)
        for (int at = 4; at >= 0; at--)
            office_sync(&office, at);
    for (int at = 0; at < 5; at++) {
        assert_int_equal(office_visits(&office, at, family, "before they came"), 1);
        assert_int_equal(office_waiting(&office, at).parked, 0);
        assert_same_keys(1, at);
    }
}

static void
failure_08_what_came_before_its_key_opens_by_itself_when_the_key_comes(void **state)
{
    (void)state;
    struct id other = office_family(&office, 0, "wezel", 0);
    office_visit(&office, 0, other, "behind a key");
    office_sync(&office, 0);
    office_assign(&office, 0, other, 1, LEDGER_COACH);
    device(1)->fault.flips_boxes = true;
    office_sync(&office, 1);
    assert_true(office_waiting(&office, 1).parked > 0);
    device(1)->fault.flips_boxes = false;
    office_sync(&office, 1);
    assert_int_equal(office_waiting(&office, 1).parked, 0);
    assert_int_equal(office_visits(&office, 1, other, "behind a key"), 1);
}

/* By the reserve: nobody but Bram had the file's key. The drill with a sheet of the team's is the access issue's. */
static void
failure_08_who_lost_all_devices_reads_all_of_it_on_a_new_one(void **state)
{
    (void)state;
    struct id own = office_family(&office, 0, "egel", 1);
    office_sync_all(&office, 3, 1);
    office_visit(&office, 1, own, "nobody else can read this");
    office_sync_all(&office, 3, 1);
    assert_int_equal(office_visits(&office, 0, own, NULL), 0);
    office_shut(&office, 1);
    revoke(0, 1);
    office_join_again(&office, 3, device(1)->person);
    office_sync(&office, 0);
    office_sync(&office, 3);
    assert_int_equal(office_visits(&office, 3, own, "nobody else can read this"), 1);
    assert_int_equal(office_visits(&office, 0, own, NULL), 0);
}

/* ---- 9: a silent loser, or a flood of conflicts ------------------------------------------------------------ */

static void
failure_09_one_person_on_a_flaky_link_never_conflicts_with_herself(void **state)
{
    struct dice dice = dice_start();
    unsigned edits = getenv("LONG") != NULL ? 10000 : 500;
    char text[32] = "";

    (void)state;
    struct id goal = office_goal(&office, 1, family, "a goal");
    for (unsigned i = 1; i <= edits; i++) {
        snprintf(text, sizeof text, "edit %u", i);
        office_edit_goal(&office, 1, family, goal, text);
        office_pass(&office, 1000);
        if (dice_below(&dice, 8) != 0)
            continue;
        device(1)->fault.lose_request = (unsigned)dice_below(&dice, 12);
        device(1)->fault.lose_answer = (unsigned)dice_below(&dice, 12);
        (void)office_try_sync(&office, 1);
        if (dice_below(&dice, 4) == 0)
            office_reopen(&office, 1);
        if (dice_below(&dice, 4) == 0)
            office_sync(&office, 0);
    }
    device(1)->fault = (struct office_fault){0};
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++) {
        assert_int_equal(office_conflicts(&office, at), 0);
        assert_true(office_shows_goal(&office, at, goal, text));
    }
    assert_all_equal();
}

static void
failure_09_two_edits_a_second_apart_on_two_offline_devices_are_one_conflict(void **state)
{
    (void)state;
    struct id goal = office_goal(&office, 1, family, "a goal");
    office_sync_all(&office, 3, 2);
    office_edit_goal(&office, 1, family, goal, "by Bram");
    office_pass(&office, 1000);
    office_edit_goal(&office, 2, family, goal, "by Carla");
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++)
        assert_int_equal(office_conflicts(&office, at), 1);
    assert_all_equal();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(failure_06_a_removed_device_opens_nothing_later_of_all_that_the_server_has),
        CASE(failure_06_an_administrator_who_removes_himself_opens_nothing_later),
        CASE(failure_07_two_who_rotate_at_once_make_one_epoch_and_lose_nothing),
        CASE(failure_07_a_rotation_whose_request_is_lost_loses_nothing),
        CASE(failure_07_a_rotation_whose_answer_is_lost_is_made_once),
        CASE(failure_08_two_devices_that_enrol_at_the_same_time_get_the_same_keys),
        CASE(failure_08_what_came_before_its_key_opens_by_itself_when_the_key_comes),
        CASE(failure_08_who_lost_all_devices_reads_all_of_it_on_a_new_one),
        CASE(failure_09_one_person_on_a_flaky_link_never_conflicts_with_herself),
        CASE(failure_09_two_edits_a_second_apart_on_two_offline_devices_are_one_conflict),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
