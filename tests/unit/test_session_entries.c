/* A server that was put back from an older backup: what it lost is offered, and nothing counts twice. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/elog.h"
#include "sync/session.h"
#include "sync/wire_run.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1 };

static struct office office;
static struct transport honest;
static struct id family;
static size_t offered; /* entries in Bram's pushes */

static enum rc
listen(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    if (strcmp(request->method, "POST") == 0 && strstr(request->target, "/entries") != NULL) {
        struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
        assert_ok(wire_run_push_decode(request->body, request->body_len, &runs));
        offered += runs.count;
        wire_run_list_wipe(&runs);
    }
    return honest.send(context, request, reply);
}

static int
setup(void **state)
{
    (void)state;
    family = office_pair(&office, BRAM);
    office_visit(&office, BRAM, family, "the only visit");
    office_sync_all(&office, 2, 2);
    honest = office.devices[BRAM].transport;
    office.devices[BRAM].transport.send = listen;
    offered = 0;
    return 0;
}

static int64_t
count_of(const char *sql)
{
    struct stmt *stmt;
    bool found;

    assert_ok(db_stmt(office.devices[BRAM].replica->db, sql, &stmt));
    assert_ok(stmt_step(stmt, &found));
    int64_t count = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return count;
}

static void
a_cursor_beyond_the_server_begins_anew_and_offers_all(void **state)
{
    (void)state;
    struct db *db = office.devices[BRAM].replica->db;
    struct id file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    char *before = office_dump(&office, BRAM, file);
    int64_t cursor, at;

    assert_ok(state_get_int(db, STATE_CURSOR, &at));
    assert_ok(db_begin(db));
    assert_ok(state_put_int(db, STATE_CURSOR, at + 1000000)); /* what the server was at before */
    assert_ok(db_run(db, "UPDATE sync_stream SET is_filling = 1, fill_until = fill_until + 1000000"));
    /* Late work is held, and may be nowhere else any more. */
    assert_ok(db_run(db, "UPDATE sync_entry SET state = 3, reason = 9 WHERE entry ="
                         " (SELECT max(entry) FROM sync_entry)"));
    assert_ok(db_commit(db));
    int64_t all = count_of("SELECT count(*) FROM sync_entry");
    office_sync(&office, BRAM);
    assert_true(office.devices[BRAM].report.was_handed_back);
    assert_int_equal(offered, all);
    assert_ok(state_get_int(db, STATE_CURSOR, &cursor));
    assert_true(cursor == at);
    assert_int_equal(count_of("SELECT count(*) FROM sync_stream WHERE is_filling"), 0);
    assert_int_equal(count_of("SELECT count(*) FROM sync_entry WHERE is_sent = 0"), 0);
    assert_int_equal(count_of("SELECT count(*) FROM sync_entry"), all);
    char *after = office_dump(&office, BRAM, file);
    assert_string_equal(before, after);
    free(before);
    free(after);
    offered = 0;
    office_sync(&office, BRAM);
    assert_false(office.devices[BRAM].report.was_handed_back);
    assert_int_equal(offered, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(
            a_cursor_beyond_the_server_begins_anew_and_offers_all, setup, office_tear_down, &office),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
