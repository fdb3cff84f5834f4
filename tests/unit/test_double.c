/* Two machines that number alike: a store that was copied with its instance token cannot know it before it meets what the other sent. */
#include "tests/unit/unit.h"

#include "sync/ledger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, DEVICES = 2 };

static struct office office;
static struct id family;

static int
set_up(void **state)
{
    *state = &office;
    family = office_shared(&office, ANNA);
    office_sync_all(&office, DEVICES, 2);
    return 0;
}

static struct id
file_of(void)
{
    return ledger_family(replica_ledger(office.devices[BRAM].replica), family)->file;
}

/* Anna's machine is off while a shell works on its image ($1), its store ($2) and its token ($3). */
static void
while_off(const char *work)
{
    char line[800];
    const struct office_device *anna = &office.devices[ANNA];

    office_shut(&office, ANNA);
    snprintf(line, sizeof line, "set -- '%s/image' '%s' '%s' && %s", office.scratch.directory, anna->directory,
             anna->state, work);
    assert_int_equal(system(line), 0);
    stores_demand(office_start(&office, ANNA), "office_start");
}

static void
keep_machine(void)
{
    while_off("mkdir $1 && cp -a $2 $1/store && cp -a $3 $1/token");
}

static void
start_double(void)
{
    const char *reason;

    while_off("rm -r $2/* $3 && cp -a $1/store/. $2 && cp -a $1/token $3");
    assert_true(store_is_continuous(office.devices[ANNA].store, &reason));
}

/* Who is shut out of a family has it named by heads, and for these all is pulled, before what waits here is sealed. */
static void
a_double_whose_saves_wait_meets_the_other_s_in_an_operation(void **state)
{
    (void)state;
    keep_machine();
    office_visit(&office, ANNA, family, "by the original");
    office_sync(&office, ANNA);
    start_double();
    office_visit(&office, ANNA, family, "by the double");
    office_visit(&office, ANNA, family, "by it again");
    office_join(&office, 2, "Caas", LEDGER_ROLE_COACH);
    office_assign(&office, ANNA, family, 2, LEDGER_COACH);
    office_assign(&office, ANNA, family, 2, LEDGER_RELEASED);
    office_sync_all(&office, DEVICES, 2);
    assert_true(office_agree(&office, ANNA, BRAM, file_of()));
    assert_true(office_shows(&office, BRAM, file_of(), "by the original"));
    assert_true(office_shows(&office, BRAM, file_of(), "by the double"));
    assert_true(office_shows(&office, BRAM, file_of(), "by it again"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, office_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_double_whose_saves_wait_meets_the_other_s_in_an_operation),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
