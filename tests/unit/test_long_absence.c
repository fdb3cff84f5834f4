/* Tests of a device that was away for long. */
#include "sync/replica.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "sync/ledger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM, CAAS, EPOCHS = 200, REQUESTS_MOST = 12 };

static struct office office;
static struct id family;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, BRAM, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, CAAS, "Caas", LEDGER_ROLE_SCIENTIST);
    family = office_family(&office, ANNA, "vos", ANNA);
    office_visit(&office, ANNA, family, "before");
    office_sync_all(&office, 3, 2);
    return 0;
}

static int64_t
count_at(int at, const char *sql)
{
    int64_t count;

    assert_ok(db_get_int(store_db(office.devices[at].store), sql, &count));
    return count;
}

/* A coach comes and goes, and each time a new epoch begins; what is written then is sealed in it. */
static void
failure_17_a_device_away_for_two_years_and_200_epochs_catches_up_in_one_session(void **state)
{
    (void)state;
    struct office_device *caas = &office.devices[CAAS];
    struct id file = ledger_family(replica_ledger(caas->replica), family)->file;

    office_switch_off(&office, CAAS);
    for (int i = 0; i < EPOCHS; i++) {
        office_assign(&office, ANNA, family, BRAM, LEDGER_COACH);
        office_assign(&office, ANNA, family, BRAM, LEDGER_RELEASED);
        office_pass(&office, 2 * 365 * DAY_MS / EPOCHS);
        if (i % 10 == 0) {
            office_visit(&office, ANNA, family, "meanwhile");
            office_sync(&office, ANNA);
        }
    }
    assert_true(ledger_stream(replica_ledger(office.devices[ANNA].replica), file)->epoch > EPOCHS);

    assert_ok(office_start(&office, CAAS));
    caas->requests = 0;
    office_sync(&office, CAAS);
    print_message("%u requests for %llu lines\n", caas->requests, (unsigned long long)caas->report.lines);
    assert_true(caas->requests <= REQUESTS_MOST);
    assert_true(caas->report.is_complete);
    assert_int_equal(caas->report.parked, 0);
    assert_int_equal(count_at(CAAS, "SELECT count(*) FROM file_contact"), 1 + EPOCHS / 10);
    assert_true(count_at(CAAS, "SELECT max(n) FROM (SELECT count(*) AS n FROM sync_key GROUP BY stream)") > EPOCHS);
    office_sync(&office, ANNA);
    assert_true(office_agree(&office, CAAS, ANNA, file));
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(failure_17_a_device_away_for_two_years_and_200_epochs_catches_up_in_one_session),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
