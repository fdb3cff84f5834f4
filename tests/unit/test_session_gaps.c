/* A server that kept back an entry once: what names it has it asked for again. */
#include "tests/unit/unit.h"

#include "sync/replica_own.h"
#include "tests/support/office_plan.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2 };

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_three(&office);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_sync_all(&office, 3, 2);
    return 0;
}

/* The device's cursor stands behind all that the server has, and nothing of it came. */
static void
keep_back_all_from(int at)
{
    int64_t cursor;

    assert_ok(state_get_int(store_db(office.devices[ANNA].store), STATE_CURSOR, &cursor));
    assert_ok(state_put_int(store_db(office.devices[at].store), STATE_CURSOR, cursor));
}

static void
what_its_author_acknowledges_is_asked_for(void **state)
{
    (void)state;
    office_visit(&office, CAAS, family, "kept back");
    office_sync(&office, CAAS);
    office_sync(&office, ANNA);
    keep_back_all_from(BRAM);
    office_sync(&office, BRAM); /* reads what Caas acknowledged, and asks in the next one */
    office_sync(&office, BRAM);
    assert_true(office_shows(&office, BRAM, file, "kept back"));
}

/* Its author was shut out before it acknowledged anything: the line that did it names what the server had of it. */
static void
what_a_line_names_of_who_was_shut_out_is_asked_for(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *caas = &office.devices[CAAS];

    office_visit(&office, CAAS, family, "kept back");
    caas->fault = (struct office_fault){.lose_request = 4}; /* hello, push, pull; the acknowledgement */
    assert_int_equal(office_try_sync(&office, CAAS), RC_OFFLINE);
    office_sync(&office, ANNA);
    keep_back_all_from(BRAM);
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, caas->id));
    office_sync(&office, BRAM);
    assert_true(office_shows(&office, BRAM, file, "kept back"));
    assert_true(office_are_equal(&office, ANNA, BRAM, family));
    office_sync(&office, BRAM);
    office_sync(&office, BRAM);
    assert_int_equal(office.devices[BRAM].requests, 3); /* once */
}

#define CASE(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_its_author_acknowledges_is_asked_for),
        CASE(what_a_line_names_of_who_was_shut_out_is_asked_for),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
