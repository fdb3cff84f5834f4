/* Pages and the ledger lines by which they were made up: what one line left out is filled in when another gives it again. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "sync/ledger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2 };

static struct office office;
static struct transport honest;
static struct id family;
static bool is_cut, was_released;
static unsigned pages;

/* Between Bram's greeting and his page Anna releases him and writes on; where `is_cut`, his next request is lost. */
static enum rc
release(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    bool is_page = strstr(request->target, "/entries?after=") != NULL;

    if (was_released && is_cut)
        return rc_fail(RC_OFFLINE, "cut");
    pages += is_page;
    if (!is_page || was_released)
        return honest.send(context, request, reply);
    was_released = true;
    office_assign(&office, ANNA, family, BRAM, LEDGER_RELEASED);
    office_visit(&office, ANNA, family, "written without Bram");
    office_sync(&office, ANNA);
    return honest.send(context, request, reply);
}

/* Before each page that Bram asks for somebody adds a line. */
static enum rc
add_line(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    if (strstr(request->target, "/entries?") != NULL && strcmp(request->method, "GET") == 0) {
        office_assign(&office, ANNA, family, CAAS, pages % 2 == 0 ? LEDGER_COACH : LEDGER_RELEASED);
        pages++;
    }
    return honest.send(context, request, reply);
}

static int
setup(void **state)
{
    (void)state;
    family = office_pair_and_one(&office, ANNA);
    office_assign(&office, ANNA, family, BRAM, LEDGER_COACH);
    office_sync_all(&office, 3, 2);
    honest = office.devices[BRAM].transport;
    office.devices[BRAM].transport.send = release;
    is_cut = was_released = false;
    pages = 0;
    return 0;
}

static struct id
file(void)
{
    return ledger_family(replica_ledger(office.devices[ANNA].replica), family)->file;
}

static void
a_right_that_ended_amid_a_cut_session_and_came_back_leaves_no_hole(void **state)
{
    (void)state;
    is_cut = true;
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    assert_true(was_released);
    office.devices[BRAM].transport = honest;
    office_assign(&office, ANNA, family, BRAM, LEDGER_COACH);
    office_sync(&office, BRAM);
    assert_true(office_shows(&office, BRAM, file(), "written without Bram"));
    assert_true(office_agree(&office, ANNA, BRAM, file()));
}

static void
a_page_that_names_a_line_is_asked_for_anew_behind_it(void **state)
{
    (void)state;
    office_sync(&office, BRAM);
    assert_int_equal(pages, 2);
    assert_int_equal(ledger_position(replica_ledger(office.devices[BRAM].replica)),
                     ledger_position(replica_ledger(office.devices[ANNA].replica)));
    char *dump = office_dump(&office, BRAM, file());
    assert_string_equal(dump, ""); /* it went with the line */
    free(dump);
    assert_true(office.devices[BRAM].report.is_complete);
}

/* A colleague who floods the ledger hinders nobody's work. */
static void
a_line_before_each_page_starves_nobody(void **state)
{
    (void)state;
    office_visit(&office, ANNA, family, "for Bram");
    office_sync(&office, ANNA);
    office.devices[BRAM].transport.send = add_line;
    office_sync(&office, BRAM);
    assert_true(pages > 1);
    assert_true(office_shows(&office, BRAM, file(), "for Bram"));
}

#define CASE(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_right_that_ended_amid_a_cut_session_and_came_back_leaves_no_hole),
        CASE(a_line_before_each_page_starves_nobody),
        CASE(a_page_that_names_a_line_is_asked_for_anew_behind_it),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
