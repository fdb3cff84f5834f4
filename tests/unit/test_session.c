/* Sessions between real stores and the real route layer: nothing is lost, nothing double, whatever the network does. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/contact.h"
#include "sync/ledger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

static struct office office;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    office_close(&office);
    return 0;
}

static struct id
file_of(struct id family)
{
    return ledger_family(replica_ledger(office.devices[0].replica), family)->file;
}

static struct id
index_of(struct id family)
{
    return ledger_family(replica_ledger(office.devices[0].replica), family)->index;
}

static void
assert_equal_dumps(int a, int b, struct id stream)
{
    char *first = office_dump(&office, a, stream);
    char *second = office_dump(&office, b, stream);

    assert_true(strlen(first) > 0);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void
share(struct id family)
{
    struct office_device *owner = &office.devices[0];

    assert_ok(replica_assign(owner->replica, &owner->transport, family, office.devices[1].person, LEDGER_COACH));
}

static void
a_visit_reaches_a_colleague(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "vos", 0);
    share(family);
    office_visit(&office, 0, family, "a quiet talk in the kitchen");
    office_sync(&office, 0);
    assert_true(office.devices[0].report.pushed >= 2);
    office_sync(&office, 1);
    assert_equal_dumps(0, 1, file_of(family));
    assert_equal_dumps(0, 1, index_of(family));
    assert_int_equal(office.devices[1].report.parked, 0);
    assert_true(office.devices[1].report.is_complete);
}

static void
both_write_offline_and_end_equal(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "das", 0);
    share(family);
    office_sync_all(&office, 2, 2);
    for (int i = 0; i < 10; i++) {
        office_visit(&office, i % 2, family, "offline");
        office_pass(&office, 60000);
    }
    office_sync_all(&office, 2, 2);
    assert_equal_dumps(0, 1, file_of(family));
    assert_equal_dumps(0, 1, index_of(family));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_visit_reaches_a_colleague, setup, teardown),
        cmocka_unit_test_setup_teardown(both_write_offline_and_end_equal, setup, teardown),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
