/* What the disk sees of an import: one flush at its end, and a power cut at any step costs nothing but the import. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "sync/bundle.h"
#include "sync/replica_own.h"
#include "tests/support/office_plan.h"
#include "tests/support/power_vfs.h"
#include "tests/support/stores.h"

enum { BRAM = 1, CAAS, VISITS = 30 };

static struct office office;
static struct power_disk *disk; /* of Caas, who covers for Bram */
static struct id family, file;

static int
setup(void **state)
{
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct id id;
    (void)state;

    office_open(&office);
    disk = power_disk_new();
    caas->base_vfs = power_disk_vfs(disk);
    office_found(&office, 0);
    office_join(&office, BRAM, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", BRAM);
    office_sync(&office, BRAM);
    file = ledger_family(replica_ledger(bram->replica), family)->file;
    struct cover_new cover = {&family, 1, caas->person, office.now_ms, office.now_ms + 30 * DAY_MS, true};
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &cover, &id));
    office_sync(&office, CAAS);
    assert_ok(replica_cover_accept(caas->replica, &caas->transport, id));
    office_sync(&office, BRAM);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    office_close(&office);
    power_disk_free(disk);
    return 0;
}

static void
pack(struct buf *bundle)
{
    struct bundle_report packed;

    buf_clear(bundle);
    assert_ok(replica_bundle_pack(office.devices[BRAM].replica, office.devices[CAAS].id, false, &packed, bundle));
}

static enum rc
import(const struct buf *bundle)
{
    struct office_device *caas = &office.devices[CAAS];

    return replica_bundle_import(caas->replica, bundle->data, bundle->len, &caas->report);
}

static void
assert_equal_to_bram(void)
{
    char *his = office_dump(&office, CAAS, file), *brams = office_dump(&office, BRAM, file);

    assert_true(strlen(his) > 0);
    assert_string_equal(his, brams);
    free(his);
    free(brams);
}

static void
lose_power(uint64_t seed)
{
    power_disk_cut_now(disk);
    office_shut(&office, CAAS);
    power_disk_restore(disk, seed);
    assert_ok(office_start(&office, CAAS));
}

static void
a_bundle_is_flushed_once_and_what_it_said_to_bring_is_on_the_disk(void **state)
{
    (void)state;
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);

    pack(&bundle); /* with the lines, streams and keys of the family */
    assert_ok(import(&bundle));
    for (int i = 0; i < VISITS; i++) {
        office_visit(&office, BRAM, family, "word after word");
        if (i % 10 == 0)
            pack(&bundle); /* seals */
    }
    pack(&bundle);
    uint64_t before = power_disk_syncs(disk);
    assert_ok(import(&bundle));
    assert_true(office.devices[CAAS].report.applied > 0);
    assert_int_equal(power_disk_syncs(disk) - before, 1);
    lose_power(1);
    assert_equal_to_bram();
    buf_wipe(&bundle);
}

/* Who imports twice may throw the file away after the second time: the first may have been cut off before its flush. */
static void
a_bundle_that_brings_nothing_new_is_flushed_too(void **state)
{
    (void)state;
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);

    office_visit(&office, BRAM, family, "a word");
    pack(&bundle);
    assert_ok(import(&bundle));
    uint64_t before = power_disk_syncs(disk);
    assert_ok(import(&bundle));
    assert_int_equal(power_disk_syncs(disk) - before, 1);
    buf_wipe(&bundle);
}

/* Power fails at each operation in turn, until an import is through; how many failed. */
static unsigned
cut_imports(const struct power_manner *manner)
{
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    unsigned cuts = 0;
    bool is_done = false;

    power_disk_set_manner(disk, manner);
    for (; !is_done; cuts += !is_done) {
        office_visit(&office, BRAM, family, "one more");
        pack(&bundle);
        power_disk_cut_at(disk, cuts + 1);
        is_done = import(&bundle) == RC_OK;
        power_disk_cut_at(disk, 0);
        lose_power(cuts);
        assert_false(office.devices[CAAS].replica->must_recover);
        if (is_done)
            assert_equal_to_bram();
        assert_ok(import(&bundle));
        assert_equal_to_bram();
    }
    buf_wipe(&bundle);
    return cuts;
}

static void
a_power_cut_at_any_step_of_an_import_costs_only_the_import(void **state)
{
    (void)state;

    for (unsigned i = 0; i < POWER_MANNERS; i++) {
        struct power_manner manner = power_manner_number(i);
        assert_in_range(cut_imports(&manner), 4, 100); /* what is stored, what is applied, the search, and the flush */
    }
    office_sync_all(&office, 3, 2);
    assert_equal_to_bram();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bundle_is_flushed_once_and_what_it_said_to_bring_is_on_the_disk),
        TEST(a_bundle_that_brings_nothing_new_is_flushed_too),
        TEST(a_power_cut_at_any_step_of_an_import_costs_only_the_import),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
