/* More covers by bundle than a device keeps for the server: what else the next bundle brings is taken in. */
#include "tests/unit/unit.h"


#include "sync/carried_inside.h"
#include "sync/wire_run.h"
#include "tests/support/forger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1 };

static struct office office;
static struct id family, shared, file;

/* One family of Bram's alone, and one that Anna works with as well. */
static int
setup(void **state)
{
    (void)state;
    shared = office_shared(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, shared)->file;
    family = office_family(&office, BRAM, "das", BRAM);
    office_sync_all(&office, 2, 2);
    return 0;
}

static void
give(struct buf *op)
{
    struct replica *bram = office.devices[BRAM].replica;
    struct ledger_op made = LEDGER_OP_EMPTY;

    made.kind = LEDGER_COVER_GIVE;
    made.as.cover_give = (struct ledger_cover_give){.cover = id_random(), .person = office.devices[ANNA].person,
                                                    .from_ms = (uint64_t)office.now_ms,
                                                    .until_ms = (uint64_t)(office.now_ms + 20 * DAY_MS), .scope = LEDGER_SCOPE_READ};
    assert_ok(ledger_op_add_family(&made, family));
    made.created_ms = (uint64_t)office.now_ms;
    made.not_after_ms = (uint64_t)(office.now_ms + 10 * DAY_MS);
    ledger_address(bram->ledger, &made);
    *op = BUF_EMPTY(WIRE_OPERATION_BYTES);
    assert_ok(ledger_op_sign(&made, &bram->identity, NULL, op));
    ledger_op_wipe(&made);
}

static void
a_bundle_that_gives_a_cover_too_many_brings_the_rest(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    static struct buf ops[CARRIED_MOST];
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf bundle;
    struct cover_new wanted = {&family, 1, anna->person, office.now_ms, office.now_ms + 21 * DAY_MS, false};
    struct id cover;

    for (int i = 0; i < CARRIED_MOST; i++) {
        give(&ops[i]);
        assert_ok(wire_blocks_add(&content.carried, ops[i].data, ops[i].len));
    }
    forger_pack(&office, BRAM, ANNA, &content, &bundle);
    assert_ok(replica_bundle_import(anna->replica, bundle.data, bundle.len, &anna->report));
    assert_int_equal(anna->report.carried_taken, CARRIED_MOST);
    /* Each bundle of his brings all of them once more: nobody is told that they do not hold. */
    assert_ok(replica_bundle_import(anna->replica, bundle.data, bundle.len, &anna->report));
    assert_int_equal(anna->report.carried_taken + anna->report.carried_refused, 0);
    wire_run_bundle_wipe(&content);
    for (int i = 0; i < CARRIED_MOST; i++)
        buf_wipe(&ops[i]);
    buf_wipe(&bundle);

    assert_ok(replica_cover_carry(bram->replica, &wanted, &cover));
    office_visit(&office, BRAM, shared, "beside the gift");
    office_carry(&office, BRAM, ANNA);
    assert_true(office_shows(&office, ANNA, file, "beside the gift"));
    assert_int_equal(anna->report.carried_refused, 1);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bundle_that_gives_a_cover_too_many_brings_the_rest),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
