/* Key boxes of a session that is cut: what came of streams that this device may not hold does not stay. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/keyring.h"
#include "sync/ledger.h"
#include "sync/replica_own.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2 };

static struct office office;
static struct transport honest;
static struct id family;
static struct buf swapped = BUF_EMPTY(65536); /* the server's answer about boxes to Caas */

static bool
asks(const struct transport_request *request, const char *what)
{
    return strstr(request->target, what) != NULL;
}

static enum rc
overhear(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    enum rc rc = honest.send(context, request, reply);

    if (rc == RC_OK && asks(request, "/boxes?after=")) {
        buf_wipe(&swapped);
        assert_ok(buf_put(&swapped, reply->body.data, reply->body.len));
    }
    return rc;
}

/* Answers Bram as it answered Caas; what he lacks then, and asks for by its stream, does not arrive. */
static enum rc
swap_and_cut(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    enum rc rc = asks(request, "/boxes?stream=") ? rc_fail(RC_OFFLINE, "cut off") : honest.send(context, request, reply);

    if (rc == RC_OK && asks(request, "/boxes?after=")) {
        buf_clear(&reply->body);
        assert_ok(buf_put(&reply->body, swapped.data, swapped.len));
    }
    return rc;
}

static int
setup(void **state)
{
    *state = &office;
    family = office_pair_and_one(&office, ANNA);
    return 0;
}

static struct transport
through(int at, enum rc (*send)(void *, const struct transport_request *, struct transport_reply *))
{
    honest = office.devices[at].transport;
    struct transport other = honest;
    other.send = send;
    return other;
}

static void
hears(int at)
{
    office.devices[at].transport = through(at, overhear);
    office_sync(&office, at);
    office.devices[at].transport = honest;
    assert_true(swapped.len > 0);
}

/* Bram comes to work with another family, and is answered with what was heard: of the first one's file nothing stays. */
static void
assert_nothing_stays(void)
{
    struct replica *bram = office.devices[BRAM].replica;
    struct id file = ledger_family(office.devices[ANNA].replica->ledger, family)->file;
    struct id second = office_family(&office, ANNA, "das", ANNA);
    struct stmt *stmt;
    int64_t count = -1;

    office_assign(&office, ANNA, second, BRAM, LEDGER_COACH);
    office.devices[BRAM].transport = through(BRAM, swap_and_cut);
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    assert_non_null(strstr(rc_sentence(), "cut off")); /* why it ended is still what is told */
    office.devices[BRAM].transport = honest;
    assert_ok(db_stmt(bram->db, "SELECT count(*) FROM sync_box WHERE stream = ?1", &stmt));
    stmt_id(stmt, 1, file);
    assert_ok(stmt_finish_int(stmt, &count));
    assert_int_equal(count, 0);

    office_visit(&office, ANNA, second, "of the family that is his");
    office_sync_all(&office, 3, 2);
    assert_true(office_shows(&office, BRAM, ledger_family(bram->ledger, second)->file, "of the family that is his"));
}

static void
boxes_of_another_device_go_though_the_session_is_cut(void **state)
{
    (void)state;
    office_assign(&office, ANNA, family, CAAS, LEDGER_COACH);
    hears(CAAS);
    assert_nothing_stays();
}

/* What he has no right to any more, and could open: the server says again what it said then. */
static void
own_boxes_of_a_right_that_ended_go_though_the_session_is_cut(void **state)
{
    (void)state;
    office_assign(&office, ANNA, family, BRAM, LEDGER_COACH);
    hears(BRAM);
    office_assign(&office, ANNA, family, BRAM, 0);
    office_sync(&office, BRAM);
    assert_nothing_stays();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, office_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(boxes_of_another_device_go_though_the_session_is_cut),
        TEST(own_boxes_of_a_right_that_ended_go_though_the_session_is_cut),
    };
    stores_demand(secret_start(), "secret_start");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_wipe(&swapped);
    return failed;
}
