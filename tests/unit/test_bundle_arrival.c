/* Bundles of a colleague's modified program that say when entries came to the server: that is the server's to say. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ack.h"
#include "sync/inbox.h"
#include "sync/wire_run.h"
#include "tests/support/forger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2 };

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_shared(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    office_assign(&office, BRAM, family, CAAS, LEDGER_COACH);
    office_sync_all(&office, 3, 3);
    return 0;
}

/* All of the file that Bram has of device `of`, from its n-th entry on, as if it had arrived; to Anna. */
static enum rc
bring(int of, unsigned from, uint64_t arrived_ms)
{
    struct office_device *anna = &office.devices[ANNA];
    struct replica *bram = office.devices[BRAM].replica;
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf bundle;
    struct feed_ref author = {office.devices[of].id, office.devices[of].replica->incarnation};
    struct elog_row rows[8];
    struct elog_feed feed;
    uint32_t next = 1;
    unsigned count = 0;

    assert_ok(elog_feed_find(bram->db, file, author, &feed));
    for (; count < sizeof rows / sizeof rows[0]; count++) {
        rows[count] = ELOG_ROW_EMPTY;
        if (elog_find(bram->db, feed.key, next, &rows[count]) != RC_OK)
            break;
        next = rows[count].entry.last + 1;
        rows[count].entry.arrived_ms = arrived_ms;
        if (count >= from)
            assert_ok(wire_run_add(&content.runs, &rows[count].entry));
    }
    assert_true(content.runs.count > 0);
    forger_pack(&office, BRAM, ANNA, &content, &bundle);
    enum rc rc = replica_bundle_import(anna->replica, bundle.data, bundle.len, &anna->report);
    wire_run_bundle_wipe(&content);
    for (unsigned i = 0; i < count; i++)
        elog_row_wipe(&rows[i]);
    buf_wipe(&bundle);
    return rc;
}

/* Anna gave Bram her visit by bundle, and no server has it yet. */
static void
what_a_bundle_says_is_at_the_server_is_still_sent(void **state)
{
    (void)state;
    office_visit(&office, ANNA, family, "nobody else has it");
    office_carry(&office, ANNA, BRAM);
    (void)bring(ANNA, 0, 1);
    assert_true(office_waiting(&office, ANNA).entries_unsent > 0);
    office_sync(&office, ANNA);
    office_sync(&office, CAAS);
    assert_true(office_shows(&office, CAAS, file, "nobody else has it"));
}

/* Of Bram's two visits, which the server has not, the second alone. */
static void
what_a_bundle_leaves_out_is_not_laid_to_the_server(void **state)
{
    (void)state;
    office_visit(&office, BRAM, family, "one");
    office_carry(&office, BRAM, CAAS); /* seals it */
    office_visit(&office, BRAM, family, "two");
    office_carry(&office, BRAM, CAAS);
    (void)bring(BRAM, 1, 1);
    office_visit(&office, ANNA, family, "after it");
    office_sync(&office, ANNA);
    assert_true(office.devices[ANNA].report.is_complete);
    office_sync(&office, CAAS);
    assert_true(office_shows(&office, CAAS, file, "after it"));
}

/* Bram's acknowledgement of a line that is none. */
static void
what_a_bundle_says_of_the_lines_is_not_laid_to_the_server(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];
    struct replica *bram = office.devices[BRAM].replica;
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf bundle, said = BUF_EMPTY(ACK_MAX_BYTES);
    struct ack ack = {.device = bram->identity.device, .incarnation = bram->incarnation, .number = 1000, .position = 2};
    static const uint8_t digest[CRYPTO_HASH_BYTES];

    memcpy(ack.team, bram->team, sizeof ack.team);
    assert_ok(ack_add_stream(&ack, file, digest));
    assert_ok(ack_encode(&ack, &bram->identity, &said));
    assert_ok(wire_blocks_add(&content.acks, said.data, said.len));
    forger_pack(&office, BRAM, ANNA, &content, &bundle);
    assert_int_equal(replica_bundle_import(anna->replica, bundle.data, bundle.len, &anna->report), RC_UNTRUSTED);
    assert_non_null(strstr(rc_sentence(), "bundle"));
    assert_null(strstr(rc_sentence(), "server"));
    ack_wipe(&ack);
    wire_run_bundle_wipe(&content);
    buf_wipe(&said);
    buf_wipe(&bundle);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_bundle_says_is_at_the_server_is_still_sent),
        TEST(what_a_bundle_leaves_out_is_not_laid_to_the_server),
        TEST(what_a_bundle_says_of_the_lines_is_not_laid_to_the_server),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
