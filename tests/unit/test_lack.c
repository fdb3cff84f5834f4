/* A server that withholds or lost a save for good: it is asked for more and more seldom, and what comes back is not missed. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "sync/replica_own.h"
#include "sync/wire_run.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, MINUTE_MS = 60000, SESSIONS = 25 };

static struct office office;
static struct id family, file;
static struct {
    uint32_t save; /* of Bram's feed in the file is in no page for Anna; 0: all are */
    unsigned fills; /* requests of Anna for a whole stream */
    unsigned orders; /* operations that she submitted */
    bool is_brief; /* the whole stream is shown when it is asked for */
} lie;

static int
setup(void **state)
{
    (void)state;
    memset(&lie, 0, sizeof lie);
    family = office_pair(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    assert_ok(replica_assign(office.devices[BRAM].replica, &office.devices[BRAM].transport, family,
                             office.devices[ANNA].person, LEDGER_COACH));
    office_sync_all(&office, 2, 2);
    return 0;
}

static void
withhold(struct transport_reply *out)
{
    struct wire_run_page page = WIRE_RUN_PAGE_EMPTY, shown;
    struct buf bytes = BUF_EMPTY(1 << 24);

    assert_ok(wire_run_page_decode(out->body.data, out->body.len, &page));
    shown = page;
    shown.runs = WIRE_RUN_LIST_EMPTY;
    for (size_t i = 0; i < page.runs.count; i++) {
        const struct entry *entry = &page.runs.items[i];
        if (!id_equal(entry->stream, file) || !id_equal(entry->device, office.devices[BRAM].id) || entry->first != lie.save)
            assert_ok(wire_run_add(&shown.runs, entry));
    }
    assert_ok(wire_run_page_encode(&shown, &bytes));
    buf_clear(&out->body);
    assert_ok(buf_put(&out->body, bytes.data, bytes.len));
    wire_run_list_wipe(&shown.runs);
    wire_run_page_wipe(&page);
    buf_wipe(&bytes);
}

static enum rc
send_through_liar(void *context, const struct transport_request *in, struct transport_reply *out)
{
    struct office_device *device = context;
    enum rc rc = device->transport.send(device->transport.context, in, out);

    bool is_fill = strstr(in->target, "/entries?stream=") != NULL;
    lie.fills += is_fill;
    lie.orders += strcmp(in->method, "POST") == 0 && strstr(in->target, "/ledger") != NULL;
    if (rc == RC_OK && out->status == 200 && lie.save != 0 && strcmp(in->method, "GET") == 0 && !(is_fill && lie.is_brief) &&
        strstr(in->target, "/entries?") != NULL)
        withhold(out);
    return rc;
}

static enum rc
sync_lied_to(int at)
{
    struct office_device *device = &office.devices[at];
    struct transport liar = {send_through_liar, device};

    return replica_sync(device->replica, &liar, NULL, &device->report);
}

static enum rc
sync_anna(void)
{
    return sync_lied_to(ANNA);
}

static int64_t
lacks(int at)
{
    return office_ask(&office, at, "SELECT count(*) FROM sync_lack");
}

static void
assert_whole(void)
{
    assert_true(office_shows(&office, ANNA, file, "one"));
    assert_true(office_shows(&office, ANNA, file, "two"));
    assert_int_equal(lacks(ANNA), 0);
}

static uint32_t
bram_writes(const char *note)
{
    struct replica *bram = office.devices[BRAM].replica;
    struct elog_feed feed;

    office_visit(&office, BRAM, family, note);
    office_sync(&office, BRAM);
    assert_ok(elog_feed_find(bram->db, file, replica_feed(bram), &feed));
    return feed.sealed;
}

/* SESSIONS of them, a minute apart; how often a stream was fetched whole. */
static unsigned
fills_of_sessions(enum rc expected)
{
    lie.fills = 0;
    for (int i = 0; i < SESSIONS; i++) {
        assert_int_equal(sync_anna(), expected);
        office_pass(&office, MINUTE_MS);
    }
    return lie.fills;
}

static void
a_gap_that_stays_is_told_and_asked_for_in_each_session_and_the_first_honest_one_closes_it(void **state)
{
    (void)state;
    lie.save = bram_writes("one");
    (void)bram_writes("two");
    assert_in_range(fills_of_sessions(RC_UNTRUSTED), SESSIONS, SESSIONS);
    lie.save = 0;
    assert_ok(sync_anna());
    assert_whole();
    assert_int_equal(fills_of_sessions(RC_OK), 0);
}

static void
another_gap_in_the_same_stream_is_asked_for_at_once(void **state)
{
    (void)state;
    lie.save = bram_writes("one");
    (void)bram_writes("two");
    (void)fills_of_sessions(RC_UNTRUSTED);
    uint32_t later = bram_writes("three");
    (void)bram_writes("four");
    lie.save = later; /* and the first is there again: it comes with what is asked for now */
    assert_int_equal(sync_anna(), RC_UNTRUSTED);
    assert_int_equal(lacks(ANNA), 1);
    assert_true(office_shows(&office, ANNA, file, "two"));
}

/* Each round Bram acknowledges anew, and names all that he wrote. */
static void
what_its_writer_names_and_never_comes_is_not_fetched_in_each_session(void **state)
{
    (void)state;
    lie.save = bram_writes("one");
    assert_ok(sync_anna());
    assert_false(office_shows(&office, ANNA, file, "one"));
    lie.fills = 0;
    for (int i = 0; i < SESSIONS; i++) {
        office_visit(&office, ANNA, family, "of Anna");
        assert_ok(sync_anna());
        office_sync(&office, BRAM);
        office_pass(&office, MINUTE_MS);
    }
    assert_in_range(lie.fills, 2, 2);
    assert_int_equal(lacks(ANNA), 1);
    lie.save = 0; /* and nobody acknowledges any more */
    office_pass(&office, DAY_MS);
    assert_ok(sync_anna());
    assert_true(office_shows(&office, ANNA, file, "one"));
    (void)bram_writes("two");
    assert_ok(sync_anna());
    assert_whole();
}

/* One of two machines of Bram's, which have a store each. */
struct machine {
    char directory[sizeof office.devices[BRAM].directory];
    char state[sizeof office.devices[BRAM].state];
};

static void
bram_moves_to(const struct machine *machine)
{
    struct office_device *bram = &office.devices[BRAM];

    office_shut(&office, BRAM);
    memcpy(bram->directory, machine->directory, sizeof bram->directory);
    memcpy(bram->state, machine->state, sizeof bram->state);
    stores_demand(office_start(&office, BRAM), "office_start");
}

/* Bram's store is copied; the original works on, and after it the copy, whose instance token is another, or (`is_in_place`) the same by which
 * the original is in doubt too. Returns the save in which the original wrote, after the copy was made. */
static uint32_t
copy_bram(bool is_in_place, struct machine *original, struct machine *clone)
{
    const struct office_device *bram = &office.devices[BRAM];
    char command[2 * sizeof *clone];

    memcpy(original->directory, bram->directory, sizeof original->directory);
    memcpy(original->state, bram->state, sizeof original->state);
    *clone = *original;
    snprintf(clone->directory, sizeof clone->directory, "%s/clone", office.scratch.directory);
    if (!is_in_place)
        snprintf(clone->state, sizeof clone->state, "%s/token of the clone", office.scratch.directory);
    (void)bram_writes("before");
    office_shut(&office, BRAM);
    snprintf(command, sizeof command, "cp -a '%s' '%s' && mkdir -p '%s'", original->directory, clone->directory, clone->state);
    assert_int_equal(system(command), 0);
    stores_demand(office_start(&office, BRAM), "office_start");
    uint32_t by_original = bram_writes("by the original");
    bram_moves_to(clone);
    return by_original;
}

/* Nobody else need be there who acknowledges it. */
static void
a_gap_in_another_life_of_this_very_device_is_noticed_and_closed(void **state)
{
    (void)state;
    struct machine original, clone;

    (void)copy_bram(true, &original, &clone);
    lie.save = bram_writes("one");
    (void)bram_writes("two");
    bram_moves_to(&original);
    lie.is_brief = true;
    assert_ok(sync_lied_to(BRAM));
    assert_true(office_shows(&office, BRAM, file, "one"));
    assert_true(office_shows(&office, BRAM, file, "two"));
    assert_in_range(lie.fills, 1, 2);
    assert_int_equal(office_waiting(&office, BRAM).parked, 0);
}

/* What the copy acknowledges under the same device is its word on what it wrote, as a colleague's is. */
static void
what_only_the_copy_of_this_store_names_is_asked_for(void **state)
{
    (void)state;
    struct machine original, clone;

    (void)copy_bram(false, &original, &clone);
    lie.save = bram_writes("one");
    bram_moves_to(&original);
    lie.is_brief = true;
    assert_ok(sync_lied_to(BRAM)); /* the cursor passes it, and the copy's acknowledgement comes */
    assert_false(office_shows(&office, BRAM, file, "one"));
    assert_ok(sync_lied_to(BRAM));
    assert_true(office_shows(&office, BRAM, file, "one"));
    assert_int_equal(lie.fills, 1);
}

/* Both acknowledge as one device, of which the server keeps the later word: what that lacks of the other's work, the other says again. */
static void
what_the_copys_own_word_hid_at_the_server_is_named_again(void **state)
{
    (void)state;
    struct machine original, clone;

    lie.save = copy_bram(false, &original, &clone);
    lie.is_brief = true;
    assert_ok(sync_lied_to(BRAM)); /* the copy begins another life, and acknowledges all its streams */
    assert_ok(sync_lied_to(BRAM));
    assert_false(office_shows(&office, BRAM, file, "by the original"));
    bram_moves_to(&original);
    office_sync(&office, BRAM); /* it reads the copy's word */
    office_sync(&office, BRAM);
    office_sync(&office, BRAM);
    assert_int_equal(office.devices[BRAM].requests, 3); /* and has said it once */
    bram_moves_to(&clone);
    assert_ok(sync_lied_to(BRAM)); /* that comes here */
    assert_ok(sync_lied_to(BRAM));
    assert_true(office_shows(&office, BRAM, file, "by the original"));
    assert_int_equal(lie.fills, 1);
}

/* Neither in this life nor of one that is past: all of it is here. */
static void
what_this_very_device_acknowledged_is_no_lack(void **state)
{
    (void)state;
    struct machine original, clone;

    (void)copy_bram(false, &original, &clone); /* from here on in another life */
    for (int i = 0; i < 3; i++) {
        (void)bram_writes("one");
        office_sync(&office, ANNA);
        assert_ok(sync_lied_to(BRAM));
    }
    assert_int_equal(lie.fills, 0);
    assert_int_equal(lacks(BRAM), 0);
    office_sync(&office, BRAM);
    assert_int_equal(office.devices[BRAM].requests, 3);
}

/* Bram wrote, and his right is ended by Anna, who was not given what he wrote. He tells nobody of it any more. */
static enum rc
anna_releases_bram(void)
{
    struct office_device *anna = &office.devices[ANNA];
    struct transport liar = {send_through_liar, anna};

    return replica_assign(anna->replica, &liar, family, office.devices[BRAM].person, LEDGER_RELEASED);
}

static void
anna_takes_over(void)
{
    struct office_device *anna = &office.devices[ANNA];

    assert_ok(replica_assign(anna->replica, &anna->transport, family, anna->person, LEDGER_OWNER));
    office_sync_all(&office, 2, 2);
    lie.save = bram_writes("one");
    lie.fills = lie.orders = 0;
}

static void
what_only_the_servers_heads_name_is_fetched_and_the_right_ends_behind_it(void **state)
{
    (void)state;
    anna_takes_over();
    lie.is_brief = true;
    assert_ok(anna_releases_bram());
    assert_int_equal(lie.orders, 2); /* that, and the new epochs that it makes due */
    assert_int_equal(lie.fills, 1);
    assert_ok(sync_anna());
    assert_true(office_shows(&office, ANNA, file, "one"));
    assert_int_equal(lacks(ANNA), 0);
}

static void
heads_that_the_server_shows_nobody_are_not_submitted_again_and_again(void **state)
{
    (void)state;
    anna_takes_over();
    for (int i = 0; i < 3; i++)
        assert_int_equal(anna_releases_bram(), RC_STALE);
    assert_int_equal(lie.orders, 3);
    assert_int_equal(lie.fills, 1);
    assert_int_equal(lacks(ANNA), 1);
}

static int
teardown(void **state)
{
    (void)state;
    office_close(&office);
    return 0;
}

/* Bram's acknowledgement names saves of `CLAIMS` lives that he never had. */
static void
claim(uint64_t first_incarnation)
{
    enum { CLAIMS = 300 };
    struct replica *anna = office.devices[ANNA].replica;
    struct buf vector = BUF_EMPTY(CLAIMS * 28);
    struct stmt *stmt;

    for (uint64_t i = 0; i < CLAIMS; i++) {
        assert_ok(buf_put(&vector, office.devices[BRAM].id.bytes, ID_BYTES));
        assert_ok(buf_put_u64(&vector, first_incarnation + i));
        assert_ok(buf_put_u32(&vector, 1));
    }
    assert_ok(db_stmt(anna->db, "UPDATE sync_ack SET vector = ?3, is_asked = 0 WHERE stream = ?1 AND device = ?2", &stmt));
    stmt_id(stmt, 1, file);
    stmt_id(stmt, 2, office.devices[BRAM].id);
    stmt_blob(stmt, 3, vector.data, vector.len);
    assert_ok(stmt_finish(stmt));
    assert_int_equal(db_changes(anna->db), 1);
    assert_ok(state_put_int(anna->db, STATE_ACKS_ASKED, -1));
    buf_wipe(&vector);
}

/* What a colleague claims is kept until it comes: so no more of it than there can be. */
static void
claims_that_nobody_can_fulfil_fill_no_store(void **state)
{
    (void)state;
    bram_writes("one");
    office_sync_all(&office, 2, 2);
    for (uint64_t round = 1; round <= 4; round++) {
        claim(round * 1000);
        assert_ok(sync_anna());
        assert_in_range(lacks(ANNA), 1, 64);
    }
    lie.fills = 0;
    claim(9000);
    assert_ok(sync_anna());
    assert_int_equal(lie.fills, 0); /* nor is the stream fetched for each */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(claims_that_nobody_can_fulfil_fill_no_store),
        TEST(a_gap_that_stays_is_told_and_asked_for_in_each_session_and_the_first_honest_one_closes_it),
        TEST(another_gap_in_the_same_stream_is_asked_for_at_once),
        TEST(a_gap_in_another_life_of_this_very_device_is_noticed_and_closed),
        TEST(what_only_the_copy_of_this_store_names_is_asked_for),
        TEST(what_the_copys_own_word_hid_at_the_server_is_named_again),
        TEST(what_this_very_device_acknowledged_is_no_lack),
        TEST(what_only_the_servers_heads_name_is_fetched_and_the_right_ends_behind_it),
        TEST(heads_that_the_server_shows_nobody_are_not_submitted_again_and_again),
        TEST(what_its_writer_names_and_never_comes_is_not_fetched_in_each_session),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
