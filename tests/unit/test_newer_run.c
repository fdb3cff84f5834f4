/* Runs that only a newer program reads, as long as one may be that a bundle brings: they are kept, and stop nothing. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "sync/replica_own.h"
#include "sync/wire_run.h"
#include "tests/support/forger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CARRIED_BYTES = 16 << 20 }; /* as sync/inbox_newer.c has it */

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_shared(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_sync_all(&office, 2, 2);
    return 0;
}

static void
bring_run(size_t len)
{
    struct office_device *anna = &office.devices[ANNA];
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf bundle;
    uint8_t *run = calloc(1, len);

    assert_non_null(run);
    run[0] = 9; /* its format */
    for (unsigned i = 0; i < 4; i++)
        run[1 + i] = (uint8_t)((len - 5) >> (24 - 8 * i));
    assert_ok(wire_blocks_add(&content.runs.unknown, run, len));
    forger_pack(&office, BRAM, ANNA, &content, &bundle);
    assert_ok(replica_bundle_import(anna->replica, bundle.data, bundle.len, &anna->report));
    wire_run_bundle_wipe(&content);
    buf_wipe(&bundle);
    free(run);
}

static void
the_longest_run_that_is_kept_is_read_again(void **state)
{
    (void)state;
    bring_run(CARRIED_BYTES);
    assert_int_equal(office_ask(&office, ANNA, "SELECT count(*) FROM sync_newer_run"), 1);
    office_visit(&office, ANNA, family, "after it");
    office_sync(&office, ANNA);
    assert_true(office.devices[ANNA].report.is_complete);
    office_visit(&office, BRAM, family, "beside it");
    office_carry(&office, BRAM, ANNA);
    assert_true(office_shows(&office, ANNA, file, "beside it"));
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_longest_run_that_is_kept_is_read_again),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
