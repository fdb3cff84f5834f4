/* A server put back from a backup: what it said to have and nobody has any more stands in nobody's way (decision 024). */
#include "tests/unit/unit.h"

#include "sync/replica_own.h"
#include "tests/support/office_plan.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2, COVER_DAYS = 10 };

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_shared(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    office_sync(&office, BRAM);
    return 0;
}

static bool
has(int at, const char *note)
{
    return office_shows(&office, at, file, note);
}

/* Caas covers the family for ten days. */
static void
begin_cover(void)
{
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct id cover;
    const struct cover_new wanted = {
        &family, 1, caas->person, office.now_ms, office.now_ms + COVER_DAYS * DAY_MS, true};

    assert_ok(replica_cover_give(bram->replica, &bram->transport, &wanted, &cover));
    office_sync(&office, CAAS);
    assert_ok(replica_cover_accept(caas->replica, &caas->transport, cover));
}

/* What the device has of streams that are gone: entries, and keys. */
static int64_t
kept(int at)
{
    return office_ask(&office, at, "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed)"
                                   " WHERE stream NOT IN (SELECT stream FROM sync_stream)");
}

/* The server said twice that it had Caas's last visit, and lost it with a backup that is older than both: his numbers go beyond what there is.
 * Then he covers again. */
static void
lose_and_cover_again(void)
{
    begin_cover();
    office_visit(&office, CAAS, family, "before the backup");
    office_sync_all(&office, 3, 2);
    office_keep_server(&office);
    office_visit(&office, CAAS, family, "lost for good");
    office_sync(&office, CAAS);
    office_pass(&office, 2 * COVER_DAYS * DAY_MS);
    office_sync(&office, CAAS);
    assert_int_equal(kept(CAAS), 0);
    office_restore_server(&office);
    office_sync_all(&office, 3, 2);
    begin_cover();
}

/* Nothing waits for what is lost, and nobody asks for it for ever. */
static void
all_is_well(void)
{
    office_sync_all(&office, 3, 3);
    assert_true(has(BRAM, "before the backup"));
    assert_false(has(BRAM, "lost for good"));
    assert_true(has(BRAM, "the right is back"));
    assert_true(office_are_equal(&office, BRAM, CAAS, family));
    for (int i = 0; i < 3; i++) {
        struct waiting waiting = office_waiting(&office, i);
        assert_int_equal(waiting.parked + waiting.held + waiting.entries_unsent + waiting.saves_unsealed, 0);
        assert_int_equal(office.devices[i].report.refused, 0);
        office_sync(&office, i);
        assert_int_equal(office.devices[i].requests, 3);
        assert_int_equal(office_ask(&office, i, "SELECT count(*) FROM sync_lack"), 0);
    }
}

static void
what_is_written_when_the_right_returns_waits_for_nothing_that_is_lost(void **state)
{
    (void)state;
    lose_and_cover_again();
    office_sync_all(&office, 3, 2);
    office_visit(&office, CAAS, family, "the right is back");
    all_is_well();
}

/* Its own acknowledgement, which is here still, claims what it wrote in the life before. */
static void
nor_does_what_is_written_before_the_stream_was_read_again(void **state)
{
    (void)state;
    lose_and_cover_again();
    office_visit(&office, CAAS, family, "the right is back");
    all_is_well();
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_when_the_right_returns_waits_for_nothing_that_is_lost),
        TEST(nor_does_what_is_written_before_the_stream_was_read_again),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
