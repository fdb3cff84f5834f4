/* Runs of a newer format are kept whole: the cursor passes nothing that is lost. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/inbox.h"
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
    return 0;
}

/* One run of format 2 with `len` bytes that only a newer program reads. */
static enum rc
take_newer(uint8_t fill, size_t len)
{
    struct buf bytes = BUF_EMPTY(1 << 20);
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct replica *replica = office.devices[0].replica;
    uint64_t stored = 0;
    uint8_t *room;

    stores_demand(buf_put_varint(&bytes, 1), "count");
    stores_demand(buf_put_u8(&bytes, 2), "format");
    stores_demand(buf_put_u32(&bytes, (uint32_t)len), "length");
    stores_demand(buf_extend(&bytes, len, &room), "room");
    memset(room, fill, len);
    struct reader reader = reader_of(bytes.data, bytes.len);
    stores_demand(wire_run_get(&reader, &list), "wire_run_get");
    stores_demand(db_begin(store_db(office.devices[0].store)), "begin");
    enum rc rc = inbox_store(replica, &list, true, &stored);
    rc = db_end(store_db(office.devices[0].store), rc);
    assert_int_equal(stored, 0);
    wire_run_list_wipe(&list);
    buf_wipe(&bytes);
    return rc;
}

static uint64_t
parked(void)
{
    return office_waiting(&office, 0).parked;
}

static void
a_run_of_a_newer_format_is_kept_once_and_said_to_wait(void **state)
{
    (void)state;
    assert_int_equal(take_newer(7, 5000), RC_OK);
    assert_int_equal(take_newer(7, 5000), RC_OK);
    assert_int_equal(parked(), 1);
    assert_int_equal(take_newer(8, 5000), RC_OK);
    assert_int_equal(parked(), 2);
}

static void
kept_runs_stay_through_a_session_and_a_new_opening(void **state)
{
    (void)state;
    assert_int_equal(take_newer(7, 300), RC_OK);
    office_sync(&office, 0);
    office_reopen(&office, 0);
    office_sync(&office, 0);
    assert_int_equal(parked(), 1);
}

static void
runs_without_end_are_refused_before_they_fill_the_disk(void **state)
{
    enum rc rc = RC_OK;

    (void)state;
    for (unsigned i = 0; rc == RC_OK && i < 200; i++)
        rc = take_newer((uint8_t)i, 1000000);
    assert_int_equal(rc, RC_UNSUPPORTED);
    assert_true(parked() < 68);
}

#define CASE(f) \
    cmocka_unit_test_prestate_setup_teardown(f, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_run_of_a_newer_format_is_kept_once_and_said_to_wait),
        CASE(kept_runs_stay_through_a_session_and_a_new_opening),
        CASE(runs_without_end_are_refused_before_they_fill_the_disk),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
