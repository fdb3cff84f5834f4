/* What a newer program made stops nothing else: lines of the ledger, and more runs than are kept. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "sync/inbox.h"
#include "sync/replica_own.h"
#include "sync/wire_run.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1 };
enum { PAGE_COUNT_AT = 34, RUN_BYTES = 1000000, LINE_KIND = 200 };
enum news { NOTHING, A_LINE, A_RUN };

static struct office office;
static struct id family, file;
static struct transport honest;
static enum news news;

static int
setup(void **state)
{
    (void)state;
    news = NOTHING;
    family = office_shared(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    honest = office.devices[BRAM].transport;
    return 0;
}

static bool
has(int at, const char *note)
{
    return office_shows(&office, at, file, note);
}

static int64_t
state_of(const char *name)
{
    int64_t value;

    assert_ok(state_get_int(store_db(office.devices[BRAM].store), name, &value));
    return value;
}

/* ---- what is told ----------------------------------------------------------------------------------- */

/* Behind the head that Anna's device knows, a line whose operation only a newer program reads. */
static void
make_line(struct buf *line, uint8_t hash[CRYPTO_HASH_BYTES])
{
    const struct ledger *ledger = office.devices[ANNA].replica->ledger;
    const uint8_t op[] = {1, LINE_KIND, 7, 7, 7};
    struct ledger_line parts = {
        .position = ledger_position(ledger) + 1, .time_ms = (uint64_t)office.now_ms, .op = op, .op_len = sizeof op};

    memcpy(parts.previous, ledger_hash_at(ledger, ledger_position(ledger)), sizeof parts.previous);
    assert_ok(ledger_line_encode(&parts, line));
    ledger_line_hash(line->data, line->len, hash);
}

static void
tell_of_line(const struct transport_request *request, struct buf *body)
{
    struct buf line = BUF_EMPTY(WIRE_LINE_BYTES), told = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    struct wire_hello hello;
    uint8_t hash[CRYPTO_HASH_BYTES];
    uint64_t position = ledger_position(office.devices[ANNA].replica->ledger) + 1;

    make_line(&line, hash);
    if (strstr(request->target, "/hello?") != NULL) {
        assert_ok(wire_hello_decode(body->data, body->len, &hello));
        hello.position = position;
        memcpy(hello.line_hash, hash, sizeof hash);
        assert_ok(wire_hello_encode(&hello, &office.server->secret_key, &told));
    } else if (strstr(request->target, "/ledger?") != NULL) {
        assert_ok(wire_ledger_answer_decode(body->data, body->len, &answer));
        assert_ok(wire_blocks_add(&answer.lines, line.data, line.len));
        answer.statement.position = position;
        memcpy(answer.statement.line_hash, hash, sizeof hash);
        assert_ok(wire_statement_sign(&answer.statement, &office.server->secret_key));
        assert_ok(wire_ledger_answer_encode(&answer, &told));
    }
    if (told.len > 0) {
        buf_clear(body);
        assert_ok(buf_put(body, told.data, told.len));
    }
    wire_ledger_answer_wipe(&answer);
    buf_wipe(&told);
    buf_wipe(&line);
}

/* One more run in the page, of a format that only a newer program reads. */
static void
tell_of_run(struct buf *body)
{
    const uint8_t run[] = {9, 0, 0, 0, 3, 1, 2, 3};

    body->data[PAGE_COUNT_AT]++;
    assert_ok(buf_put(body, run, sizeof run));
}

static enum rc
tell(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    enum rc rc = honest.send(context, request, reply);

    if (rc != RC_OK || strcmp(request->method, "GET") != 0)
        return rc;
    if (news == A_LINE)
        tell_of_line(request, &reply->body);
    else if (news == A_RUN && strstr(request->target, "/entries?") != NULL)
        tell_of_run(&reply->body);
    return rc;
}

/* ---- a line ----------------------------------------------------------------------------------------- */

static void
before_a_line_of_a_newer_program_all_goes_on_that_may(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct replica *replica = bram->replica;

    office_visit(&office, BRAM, family, "sealed before");
    bram->requests = 0;
    bram->fault = (struct office_fault){.lose_request = 2};
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    bram->fault = (struct office_fault){0};
    office_visit(&office, ANNA, family, "of Anna");
    office_family(&office, ANNA, "egel", ANNA); /* lines that this program reads, before the other */
    office_sync(&office, ANNA);
    bram->transport.send = tell;
    news = A_LINE;
    office_visit(&office, BRAM, family, "saved since");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(office_try_sync(&office, BRAM), RC_UNSUPPORTED);
        assert_int_equal(ledger_position(replica->ledger), ledger_position(office.devices[ANNA].replica->ledger));
        assert_true(has(BRAM, "of Anna"));
        assert_int_equal(office_waiting(&office, BRAM).entries_unsent, 0);
        assert_true(office_waiting(&office, BRAM).saves_unsealed > 0);
        assert_true(office_waiting(&office, BRAM).needs_upgrade);
    }
    assert_int_equal(replica_assign(replica, &bram->transport, family, office.devices[ANNA].person, LEDGER_RELEASED),
                     RC_UNSUPPORTED);
    office_sync(&office, ANNA);
    assert_true(has(ANNA, "sealed before"));
    assert_false(has(ANNA, "saved since"));
    office_reopen(&office, BRAM);
    assert_true(office_waiting(&office, BRAM).needs_upgrade);
    news = NOTHING; /* the server signs a head that this program knows */
    office_sync(&office, BRAM);
    assert_false(office_waiting(&office, BRAM).needs_upgrade);
    assert_int_equal(office_waiting(&office, BRAM).saves_unsealed, 0);
    office_sync(&office, ANNA);
    assert_true(has(ANNA, "saved since"));
}

/* ---- runs ------------------------------------------------------------------------------------------- */

/* As many as are kept. */
static void
fill_up(void)
{
    struct replica *replica = office.devices[BRAM].replica;
    uint32_t size = RUN_BYTES;

    for (unsigned i = 0; size > 0; i++) {
        struct buf run = BUF_EMPTY(2 * RUN_BYTES);
        struct wire_blocks runs = WIRE_BLOCKS_EMPTY;
        uint8_t *room;
        assert_true(i < 200);
        assert_ok(buf_put_u8(&run, 9));
        assert_ok(buf_put_u32(&run, size));
        assert_ok(buf_extend(&run, size, &room));
        memset(room, (int)i, size);
        assert_ok(wire_blocks_add(&runs, run.data, run.len));
        enum rc rc = inbox_keep_newer(replica, &runs, true);
        wire_blocks_wipe(&runs);
        buf_wipe(&run);
        size = rc == RC_OK ? size : size / 2;
    }
}

static void
more_runs_of_a_newer_format_than_are_kept_stop_nothing_else(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    int64_t cursor = state_of(STATE_CURSOR);

    fill_up();
    office_visit(&office, ANNA, family, "of Anna");
    office_sync(&office, ANNA);
    office_visit(&office, BRAM, family, "of Bram");
    bram->transport.send = tell;
    news = A_RUN;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(office_try_sync(&office, BRAM), RC_UNSUPPORTED);
        assert_true(has(BRAM, "of Anna"));
        assert_true(office_waiting(&office, BRAM).needs_upgrade);
        assert_true(office_waiting(&office, BRAM).is_incomplete);
        assert_int_equal(office_waiting(&office, BRAM).saves_unsealed + office_waiting(&office, BRAM).entries_unsent, 0);
        assert_true(state_of(STATE_CURSOR) == cursor); /* it passes nothing that is not kept */
    }
    office_sync(&office, ANNA);
    assert_true(has(ANNA, "of Bram"));
    assert_ok(db_run(bram->replica->db, "DELETE FROM sync_newer_run")); /* as an upgrade does, which reads them */
    news = NOTHING;
    office_sync(&office, BRAM);
    assert_true(state_of(STATE_CURSOR) > cursor);
    assert_false(office_waiting(&office, BRAM).needs_upgrade);
    assert_false(office_waiting(&office, BRAM).is_incomplete);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(before_a_line_of_a_newer_program_all_goes_on_that_may),
        TEST(more_runs_of_a_newer_format_than_are_kept_stop_nothing_else),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
