/* More to acknowledge than one acknowledgement holds, as colleagues with many devices of many lives write it: it is told in parts. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "sync/ack.h"
#include "sync/bundle.h"
#include "sync/replica_own.h"
#include "sync/status.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, FAMILIES = 37 }; /* with two streams each, of 4,096 feeds: more than 8 MiB */

static struct office office;
static struct id family;

static int
setup(void **state)
{
    (void)state;
    char name[32];

    family = office_shared(&office, BRAM);
    assert_ok(replica_set_roles(office.devices[ANNA].replica, &office.devices[ANNA].transport, office.devices[BRAM].person,
                                LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST));
    for (int i = 1; i < FAMILIES; i++) {
        snprintf(name, sizeof name, "familie %d", i);
        (void)office_family(&office, ANNA, name, ANNA);
    }
    office_visit(&office, ANNA, family, "before");
    office_sync_all(&office, 2, 2);
    return 0;
}

/* Of 64 devices with 64 lives each, in each stream of Anna's, as if their entries had come. */
static void
fill(void)
{
    struct db *db = office.devices[ANNA].replica->db;

    assert_ok(db_begin(db));
    assert_ok(db_run(db, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4096)"
                         " INSERT INTO sync_feed (stream, device, incarnation, is_own)"
                         " SELECT stream, CAST(printf('device %09d', i / 64) AS BLOB), i, 0 FROM sync_stream, n"));
    assert_ok(db_run(db, "INSERT INTO sync_entry (feed, first, last, header, signature, arrived_ms, state, reason, is_sent)"
                         " SELECT f.feed, 1, 1, e.header, e.signature, 1, 1, 0, 1 FROM sync_feed AS f,"
                         " (SELECT header, signature FROM sync_entry LIMIT 1) AS e WHERE f.is_own = 0 AND f.feed NOT IN (SELECT feed FROM sync_entry)"));
    assert_ok(db_run(db, "UPDATE sync_stream SET is_unacknowledged = 1"));
    assert_ok(db_commit(db));
}

static void
what_one_acknowledgement_cannot_hold_the_next_does(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];
    struct buf ack = BUF_EMPTY(ACK_MAX_BYTES);

    fill();
    office_sync(&office, ANNA);
    assert_true(anna->report.is_complete);
    office_sync(&office, ANNA);
    assert_int_equal(office_ask(&office, ANNA, "SELECT count(*) FROM sync_stream WHERE is_unacknowledged"), 0);
    assert_ok(status_make_ack(anna->replica, office.devices[BRAM].id, &ack)); /* as a bundle brings it */
    assert_true(ack.len > ACK_MAX_BYTES / 2);
    buf_wipe(&ack);
}

/* As long a word as one can be about Anna's streams. */
static void
say_much(struct buf *signed_ack)
{
    struct replica *anna = office.devices[ANNA].replica;
    static const uint8_t digest[CRYPTO_HASH_BYTES];
    struct ack ack = {.device = anna->identity.device, .incarnation = 1, .number = 1};
    struct id stream;
    bool found;

    assert_ok(streams_next(anna, NULL, &stream, &found));
    while (found && ack_has_room(&ack)) {
        assert_ok(ack_add_stream(&ack, stream, digest));
        for (uint64_t life = 1; life <= ACK_MAX_FEEDS; life++)
            assert_ok(ack_add_feed(&ack, (struct ack_feed){anna->identity.device, life, 1}));
        assert_ok(streams_next(anna, &stream, &stream, &found));
    }
    assert_ok(ack_encode(&ack, &anna->identity, signed_ack));
    ack_wipe(&ack);
}

/* Of what others say at length a bundle brings as much as there is room for. */
static void
a_bundle_is_not_filled_with_acknowledgements(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];
    struct buf ack = BUF_EMPTY(ACK_MAX_BYTES), bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct bundle_report packed;

    say_much(&ack);
    for (int i = 0; i < 6; i++) {
        struct stmt *stmt;
        assert_ok(db_stmt(anna->replica->db,
                          "INSERT INTO sync_ack_signed (device, incarnation, number, ack) VALUES (zeroblob(16), 1, ?1, ?2)", &stmt));
        stmt_int(stmt, 1, i);
        stmt_blob(stmt, 2, ack.data, ack.len);
        assert_ok(stmt_finish(stmt));
    }
    assert_ok(replica_bundle_pack(anna->replica, office.devices[BRAM].id, false, &packed, &bundle));
    assert_in_range(bundle.len, ACK_MAX_BYTES, 5 * (size_t)ACK_MAX_BYTES);
    buf_wipe(&bundle);
    buf_wipe(&ack);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_one_acknowledgement_cannot_hold_the_next_does),
        TEST(a_bundle_is_not_filled_with_acknowledgements),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
