/* Tests of sync/sight: every answer to "can that device see it?", and none better than the truth. */
#include "sync/status.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM, CAAS };

static struct office office;
static struct id family, file;

/* Bram owns the family; Caas covers when the test says so. */
static int
setup(void **state)
{
    (void)state;
    family = office_pair_and_one(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    return 0;
}

static enum rc
keep_own(void *context, const struct feed_status *status)
{
    struct version *version = context;

    if (id_equal(status->feed.device, office.devices[BRAM].id))
        *version = (struct version){status->feed, status->written, 0};
    return RC_OK;
}

/* The newest save of Bram in the file. */
static struct version
newest(void)
{
    struct version version = {.save = 0};

    assert_ok(replica_feeds(office.devices[BRAM].replica, file, keep_own, &version));
    assert_true(version.save > 0);
    return version;
}

static void
assert_sees(int asker, int reader, struct version version, const char *state)
{
    struct sight_status status;

    assert_ok(replica_sees(office.devices[asker].replica, office.devices[reader].id, file, &version, &status));
    assert_string_equal(sight_name(status.sight), state);
}

static struct id
give(int64_t days)
{
    struct office_device *bram = &office.devices[BRAM];
    struct cover_new cover = {&family, 1, office.devices[CAAS].person, office.now_ms,
                              office.now_ms + days * DAY_MS, true};
    struct id id;

    assert_ok(replica_cover_give(bram->replica, &bram->transport, &cover, &id));
    return id;
}

static void
accept(struct id cover)
{
    struct office_device *caas = &office.devices[CAAS];

    office_sync(&office, CAAS);
    assert_ok(replica_cover_accept(caas->replica, &caas->transport, cover));
    office_sync(&office, CAAS);
    office_sync(&office, BRAM);
}

/* The device's n-th request from here on is lost. */
static void
cut_at(int at, unsigned n)
{
    office.devices[at].requests = 0;
    office.devices[at].fault.lose_request = n;
}

static void
a_note_goes_from_here_to_the_colleague_and_each_step_is_told(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    accept(give(30));
    office_visit(&office, BRAM, family, "of this morning");
    struct version note = newest();
    assert_sees(BRAM, CAAS, note, "here_only");
    assert_sees(BRAM, BRAM, note, "applied");
    assert_sees(CAAS, BRAM, note, "unknown"); /* it has not heard of it */

    struct waiting waiting = {.entries_unsent = 0};
    for (unsigned n = 1; n < 10 && waiting.entries_unsent == 0; n++) {
        cut_at(BRAM, n); /* until it is sealed, and then there is no network */
        assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
        waiting = office_waiting(&office, BRAM);
    }
    assert_sees(BRAM, CAAS, note, "sealed");
    bram->fault.lose_request = 0;
    office_sync(&office, BRAM);
    assert_sees(BRAM, CAAS, note, "on_server");
    office_sync(&office, CAAS);
    assert_sees(BRAM, CAAS, note, "on_server"); /* it has it, and Bram has not heard so */
    assert_sees(CAAS, BRAM, note, "applied");
    office_sync(&office, BRAM);
    assert_sees(BRAM, CAAS, note, "applied");
}

static void
who_may_not_see_it_and_who_is_gone_are_told_apart(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];
    struct version note;

    office_visit(&office, BRAM, family, "one");
    office_sync(&office, BRAM);
    note = newest();
    assert_sees(BRAM, CAAS, note, "no_right");
    struct id cover = give(30);
    assert_sees(BRAM, CAAS, note, "no_right"); /* not accepted yet */
    accept(cover);
    assert_sees(BRAM, CAAS, note, "applied");
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, office.devices[CAAS].id));
    office_sync(&office, BRAM);
    assert_sees(BRAM, CAAS, note, "revoked");
}

/* Anna gives Caas all files, and her network goes before she passes the keys on; Bram's before he does. */
static void
a_key_that_nobody_passed_on_is_told(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    bool is_known = false;

    office_visit(&office, BRAM, family, "one");
    office_sync(&office, BRAM);
    for (unsigned n = 1; n < 10 && !is_known; n++) {
        cut_at(ANNA, n);
        (void)!replica_set_roles(anna->replica, &anna->transport, office.devices[CAAS].person,
                                 LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST);
        cut_at(BRAM, 3); /* hello and ledger */
        assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
        is_known = ledger_person(bram->replica->ledger, office.devices[CAAS].person)->roles !=
                   LEDGER_ROLE_COACH;
    }
    assert_sees(BRAM, CAAS, newest(), "key_due");
    cut_at(BRAM, 0);
    office_sync(&office, BRAM);
    assert_sees(BRAM, CAAS, newest(), "on_server");
}

/* What Caas wrote before his device was shut out, and hands in after it. */
static void
late_work_is_held_and_seen_by_nobody(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM],
                         *caas = &office.devices[CAAS];
    struct version late = {.feed = {caas->id, caas->replica->incarnation}, .save = 1};

    accept(give(30));
    office_visit(&office, CAAS, family, "late");
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, caas->id));
    assert_int_equal(office_try_sync(&office, CAAS), RC_DENIED);
    office_sync(&office, BRAM);
    assert_sees(BRAM, BRAM, late, "held");
    assert_sees(BRAM, CAAS, late, "revoked");
    assert_int_equal(bram->report.held > 0, true);
}

/* So that whoever goes back over late work goes by entries: one holds up to 65,536 saves. */
static void
where_an_entry_begins_is_told_with_what_is_told_of_it(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct version late = {.feed = {caas->id, caas->replica->incarnation}};
    struct sight_status status;

    accept(give(30));
    office_visit(&office, CAAS, family, "in time");
    office_sync(&office, CAAS);
    office_visit(&office, CAAS, family, "late");
    office_visit(&office, CAAS, family, "of the same entry");
    office_visit(&office, CAAS, family, "likewise");
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, caas->id));
    assert_int_equal(office_try_sync(&office, CAAS), RC_DENIED);
    office_sync(&office, BRAM);
    for (late.save = 1; late.save <= 5; late.save++) {
        assert_ok(replica_sees(bram->replica, anna->id, ledger_family(bram->replica->ledger, family)->index, &late, &status));
        assert_int_equal(status.first, late.save == 1 ? 1 : late.save < 5 ? 2 : 0);
        assert_string_equal(sight_name(status.sight), late.save == 1 ? "on_server" : late.save < 5 ? "held" : "unknown");
    }
}

static void
what_waits_here_is_not_promised_of_others(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct version note, none = {.save = 0};

    office_visit(&office, BRAM, family, "one");
    office_sync(&office, BRAM);
    accept(give(30));
    note = newest();
    assert_ok(db_run(bram->replica->db, "UPDATE sync_entry SET state = 2, reason = 1"));
    assert_sees(BRAM, BRAM, note, "parked_here");
    assert_sees(BRAM, CAAS, note, "applied"); /* it told so */
    assert_ok(db_run(bram->replica->db, "DELETE FROM sync_ack"));
    assert_sees(BRAM, CAAS, note, "parked_here");
    none.feed = note.feed;
    none.save = note.save + 100;
    assert_sees(BRAM, CAAS, none, "unknown");
    none.feed.incarnation++;
    assert_sees(BRAM, CAAS, none, "unknown");
}

/* Another store may have given the same numbers away: nothing is said of what was not sent. */
static void
of_a_store_in_doubt_nothing_is_said_of_what_waits(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    accept(give(30));
    office_visit(&office, BRAM, family, "sent");
    office_sync_all(&office, 3, 2);
    struct version sent = newest();
    office_visit(&office, BRAM, family, "waits");
    bram->replica->must_recover = true;
    assert_sees(BRAM, CAAS, newest(), "unknown");
    assert_sees(BRAM, BRAM, newest(), "applied");
    bram->replica->must_recover = false;
    assert_sees(BRAM, CAAS, newest(), "here_only");
    assert_true(sent.save < newest().save);
}

/* The cover ran out while his device slept; when it woke he might read all files for another reason, and it had thrown nothing away. */
static void
who_read_on_for_another_reason_tells_again_what_is_there(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];

    accept(give(3));
    office_visit(&office, BRAM, family, "one");
    office_sync_all(&office, 3, 2);
    struct version note = newest();
    assert_sees(BRAM, CAAS, note, "applied");
    office.now_ms += 4 * DAY_MS;
    assert_ok(replica_set_roles(anna->replica, &anna->transport, office.devices[CAAS].person,
                                LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST));
    office_sync_all(&office, 3, 3);
    assert_sees(CAAS, CAAS, note, "applied");
    assert_sees(BRAM, CAAS, note, "applied");
}

static enum rc (*pass_on)(void *context, const struct transport_request *request, struct transport_reply *reply);

/* Anna takes it over before Bram's line comes to the server. */
static enum rc
anna_first(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    if (strcmp(request->method, "POST") == 0 && strstr(request->target, "/ledger") != NULL)
        office_sync(&office, ANNA);
    return pass_on(context, request, reply);
}

/* Both work with the family. Anna has told that the work is applied when she reads Bram's line, which changes nothing for her. */
static void
what_two_admitted_is_told_again_after_the_second(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct version late = {.feed = {caas->id, caas->replica->incarnation}, .save = 1};
    struct id cover = give(30);

    office_assign(&office, BRAM, family, ANNA, LEDGER_COACH);
    accept(cover);
    office_sync(&office, ANNA);
    office_visit(&office, CAAS, family, "late");
    assert_ok(replica_cover_end(bram->replica, &bram->transport, cover));
    office_sync(&office, BRAM); /* new keys */
    office_sync(&office, CAAS);

    uint64_t before = ledger_position(bram->replica->ledger);
    pass_on = bram->transport.send;
    bram->transport.send = anna_first;
    office_sync(&office, BRAM);
    bram->transport.send = pass_on;
    assert_int_equal(ledger_position(bram->replica->ledger), before + 2);
    office_sync_all(&office, 2, 2);
    assert_sees(ANNA, ANNA, late, "applied");
    assert_sees(BRAM, ANNA, late, "applied");
}

/* Caas reads on by another cover when his own ends, and holds what he had not handed in. Bram takes it over, which Caas has not read. */
static void
what_was_admitted_its_writer_tells_first(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct version late = {.feed = {caas->id, caas->replica->incarnation}, .save = 1};

    struct cover_new reading = {&family, 1, caas->person, office.now_ms, office.now_ms + 30 * DAY_MS, false};
    struct id cover = give(30), read_only;

    assert_ok(replica_cover_give(bram->replica, &bram->transport, &reading, &read_only));
    accept(cover);
    accept(read_only);
    office_visit(&office, CAAS, family, "late");
    assert_sees(CAAS, CAAS, late, "applied");
    assert_ok(replica_cover_end(bram->replica, &bram->transport, cover));
    office_sync(&office, CAAS);
    assert_sees(CAAS, CAAS, late, "held");
    office_sync(&office, BRAM);
    assert_sees(BRAM, BRAM, late, "applied");
    assert_sees(BRAM, CAAS, late, "on_server");
    office_sync(&office, CAAS);
    assert_sees(CAAS, CAAS, late, "applied");
    office_sync(&office, BRAM);
    assert_sees(BRAM, CAAS, late, "applied");
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_note_goes_from_here_to_the_colleague_and_each_step_is_told),
        TEST(who_may_not_see_it_and_who_is_gone_are_told_apart),
        TEST(a_key_that_nobody_passed_on_is_told),
        TEST(late_work_is_held_and_seen_by_nobody),
        TEST(where_an_entry_begins_is_told_with_what_is_told_of_it),
        TEST(what_waits_here_is_not_promised_of_others),
        TEST(of_a_store_in_doubt_nothing_is_said_of_what_waits),
        TEST(who_read_on_for_another_reason_tells_again_what_is_there),
        TEST(what_two_admitted_is_told_again_after_the_second),
        TEST(what_was_admitted_its_writer_tells_first),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
