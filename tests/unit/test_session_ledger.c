/* A server that signs what it says and shows less than there is: the session stops at the first contradiction. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ack.h"
#include "sync/session.h"
#include "sync/status.h"
#include "sync/wire_run.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { LIAR = 0, VICTIM = 1 };
enum lie { HONEST, WITHHOLDS_LINES, SIGNS_AN_OLD_LINE };

static struct office office;
static struct transport honest;
static enum lie lie;
static uint64_t shown; /* the head, as the server has it today */

static struct wire_statement
statement_of(uint64_t position)
{
    struct replica *liar = office.devices[LIAR].replica;
    struct wire_statement statement = {.position = position, .time_ms = OFFICE_START_MS};

    memcpy(statement.team, liar->team, sizeof statement.team);
    memcpy(statement.line_hash, ledger_hash_at(liar->ledger, position), sizeof statement.line_hash);
    assert_ok(wire_statement_sign(&statement, &office.server->secret_key));
    return statement;
}

static void
lie_of_ledger(struct buf *body)
{
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    struct buf told = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);

    assert_ok(wire_ledger_answer_decode(body->data, body->len, &answer));
    if (lie == WITHHOLDS_LINES)
        answer.lines.count = 0;
    answer.statement = statement_of(shown);
    assert_ok(wire_ledger_answer_encode(&answer, &told));
    buf_clear(body);
    assert_ok(buf_put(body, told.data, told.len));
    wire_ledger_answer_wipe(&answer);
    buf_wipe(&told);
}

static void
lie_of_hello(struct buf *body)
{
    struct wire_hello hello;

    assert_ok(wire_hello_decode(body->data, body->len, &hello));
    hello.position = shown;
    memcpy(hello.line_hash, ledger_hash_at(office.devices[LIAR].replica->ledger, shown),
           sizeof hello.line_hash);
    buf_clear(body);
    assert_ok(wire_hello_encode(&hello, &office.server->secret_key, body));
}

static void
lie_of_page(struct buf *body)
{
    struct wire_run_page page = WIRE_RUN_PAGE_EMPTY;
    struct buf told = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);

    assert_ok(wire_run_page_decode(body->data, body->len, &page));
    page.position = shown;
    page.next = page.after; /* its entries too: one of them would name the line */
    page.more = false;
    page.runs.run_count = page.runs.count = 0;
    assert_ok(wire_run_page_encode(&page, &told));
    buf_clear(body);
    assert_ok(buf_put(body, told.data, told.len));
    wire_run_page_wipe(&page);
    buf_wipe(&told);
}

static enum rc
tell(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    enum rc rc = honest.send(context, request, reply);

    if (rc != RC_OK || lie == HONEST || strcmp(request->method, "GET") != 0)
        return rc;
    if (strstr(request->target, "/ledger?") != NULL)
        lie_of_ledger(&reply->body);
    else if (lie == WITHHOLDS_LINES && strstr(request->target, "/hello?") != NULL)
        lie_of_hello(&reply->body);
    else if (lie == WITHHOLDS_LINES && strstr(request->target, "/entries?") != NULL)
        lie_of_page(&reply->body);
    return rc;
}

static int
setup(void **state)
{
    (void)state;
    lie = HONEST;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, VICTIM, "Bram", LEDGER_ROLE_COACH);
    office_sync_all(&office, 2, 3);
    honest = office.devices[VICTIM].transport;
    office.devices[VICTIM].transport.send = tell;
    shown = ledger_position(office.devices[VICTIM].replica->ledger);
    office_family(&office, LIAR, "vos", LIAR); /* lines that the victim has not read */
    office_sync(&office, LIAR);                /* and the acknowledgement that names them */
    return 0;
}

static void
a_colleagues_acknowledgement_shows_that_lines_are_withheld(void **state)
{
    (void)state;
    lie = WITHHOLDS_LINES;
    for (int i = 0; i < 2; i++) /* each time, not once */
        assert_int_equal(office_try_sync(&office, VICTIM), RC_UNTRUSTED);
    lie = HONEST;
    office_sync(&office, VICTIM);
    assert_true(ledger_position(office.devices[VICTIM].replica->ledger) > shown);
}

static void
the_last_line_shown_is_the_one_that_is_signed(void **state)
{
    (void)state;
    lie = SIGNS_AN_OLD_LINE;
    assert_int_equal(office_try_sync(&office, VICTIM), RC_UNTRUSTED);
    assert_int_equal(ledger_position(office.devices[VICTIM].replica->ledger), shown);
    lie = HONEST;
    office_sync(&office, VICTIM);
}

static void
an_acknowledgement_of_another_past_raises_the_alarm(void **state)
{
    (void)state;
    struct replica *victim = office.devices[VICTIM].replica;
    struct replica *liar = office.devices[LIAR].replica;
    struct ack ack = ACK_EMPTY;
    struct buf bytes = BUF_EMPTY(ACK_MAX_BYTES);
    struct wire_blocks acks = WIRE_BLOCKS_EMPTY;
    uint64_t read = 0;

    memcpy(ack.team, liar->team, sizeof ack.team);
    ack.device = liar->identity.device;
    ack.incarnation = liar->incarnation;
    ack.number = 1000;
    ack.position = 2;
    memset(ack.line_hash, 0x5a, sizeof ack.line_hash);
    assert_ok(ack_encode(&ack, &liar->identity, &bytes));
    assert_ok(wire_blocks_add(&acks, bytes.data, bytes.len));
    assert_int_equal(status_take_acks(victim, &acks, &read), RC_UNTRUSTED);
    wire_blocks_wipe(&acks);
    buf_wipe(&bytes);
    ack_wipe(&ack);
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_colleagues_acknowledgement_shows_that_lines_are_withheld),
        CASE(the_last_line_shown_is_the_one_that_is_signed),
        CASE(an_acknowledgement_of_another_past_raises_the_alarm),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
