/* A colleague's program that makes more epochs of a stream than one answer has links: who comes to the family later reads all of it. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/session.h"
#include "sync/wire.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2, EPOCHS = 50, ANSWER_BOXES = 16 };

static struct office office;
static struct transport honest;
static struct id family;

static int
setup(void **state)
{
    (void)state;
    family = office_pair_and_one(&office, BRAM);
    office_visit(&office, BRAM, family, "before");
    office_sync_all(&office, 3, 2);
    return 0;
}

/* Tells no more boxes in one answer than that; a server tells 4,096 (server/route_boxes.c). */
static enum rc
tell_some(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    enum rc rc = honest.send(context, request, reply);

    if (rc != RC_OK || strstr(request->target, "/boxes?") == NULL)
        return rc;
    assert_ok(wire_box_list_decode(reply->body.data, reply->body.len, &list));
    if (list.boxes.count > ANSWER_BOXES) {
        list.boxes.count = ANSWER_BOXES;
        list.next = list.numbers[ANSWER_BOXES - 1];
        list.more = true;
        buf_clear(&reply->body);
        assert_ok(wire_box_list_encode(&list, &reply->body));
    }
    wire_box_list_wipe(&list);
    return RC_OK;
}

static void
all_of_a_stream_of_many_epochs_is_read(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct id file = ledger_family(bram->replica->ledger, family)->file;
    struct ledger_ids streams = {.items = &file, .count = 1};
    struct sync_report report = {0};
    struct session session = {.replica = bram->replica, .transport = &bram->transport, .report = &report};

    honest = caas->transport;
    caas->transport.send = tell_some;
    for (int i = 1; i < EPOCHS; i++) {
        office_pass(&office, 200); /* no faster than a server takes requests */
        assert_ok(session_rotate(&session, &streams));
    }
    assert_int_equal(ledger_stream(bram->replica->ledger, file)->epoch, EPOCHS);
    office_sync(&office, CAAS); /* who reads the lines, and is told nothing of those keys */
    office_assign(&office, BRAM, family, CAAS, LEDGER_COACH);
    office_sync_all(&office, 3, 2);
    assert_true(office_shows(&office, CAAS, file, "before"));
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_of_a_stream_of_many_epochs_is_read),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
