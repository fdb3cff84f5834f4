/* The routes by which a server that was put back from a backup is given lines and key boxes: whom and what they believe. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "server/depot.h"
#include "sync/session.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2 };

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_pair_and_one(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_sync_all(&office, 3, 2);
    return 0;
}

static uint64_t
lines(int at)
{
    return ledger_position(office.devices[at].replica->ledger);
}

/* ---- lines ---------------------------------------------------------------------------------------------- */

static int
post(const char *tail, const struct buf *body)
{
    struct request_call call = {.method = "POST", .is_unsigned = true};
    struct transport_reply reply = {.body = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES)};

    assert_ok(request_target(office.devices[ANNA].replica, &call, "%s", tail));
    struct transport_request request = {.method = "POST", .target = call.target, .body = body->data, .body_len = body->len,
                                        .ceiling_bytes = WIRE_ANSWER_MAX_BYTES};
    assert_ok(office.devices[ANNA].transport.send(&office.devices[ANNA], &request, &reply));
    buf_wipe(&reply.body);
    return reply.status;
}

struct page {
    struct buf kept[8];
    struct wire_ledger_answer answer;
};

static enum rc
keep_line(void *context, const void *line, size_t len)
{
    struct page *page = context;
    struct buf *kept = &page->kept[page->answer.lines.count];

    *kept = BUF_EMPTY(WIRE_LINE_BYTES);
    assert_ok(buf_put(kept, line, len));
    return wire_blocks_add(&page->answer.lines, kept->data, len);
}

/* The last lines of Anna's, and the server's word on the last. */
static void
read_page(struct page *page, unsigned count)
{
    struct replica *anna = office.devices[ANNA].replica;
    struct buf word = BUF_EMPTY(512);
    struct stmt *stmt;
    bool found = true;

    *page = (struct page){.answer = WIRE_LEDGER_ANSWER_EMPTY};
    assert_ok(db_stmt(anna->db, "SELECT line FROM sync_line WHERE position > ?1 ORDER BY position", &stmt));
    stmt_int(stmt, 1, (int64_t)(lines(ANNA) - count));
    while (stmt_step(stmt, &found) == RC_OK && found) {
        size_t len;
        const uint8_t *line = stmt_get_blob(stmt, 0, &len);
        assert_ok(keep_line(page, line, len));
    }
    stmt_done(stmt);
    assert_ok(state_get_bytes(anna->db, STATE_STATEMENT, &word));
    struct reader reader = reader_of(word.data, word.len);
    wire_statement_get(&reader, &page->answer.statement);
    buf_wipe(&word);
}

static int
hand(const struct page *page)
{
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES);

    assert_ok(wire_ledger_answer_encode(&page->answer, &body));
    int status = post("/handback", &body);
    buf_wipe(&body);
    return status;
}

static void
page_wipe(struct page *page)
{
    for (size_t i = 0; i < sizeof page->kept / sizeof *page->kept; i++)
        buf_wipe(&page->kept[i]);
    wire_ledger_answer_wipe(&page->answer);
}

static void
only_the_servers_own_word_hands_lines_back(void **state)
{
    (void)state;
    struct page page;
    struct buf none = BUF_EMPTY(16);

    office_keep_server(&office);
    for (int i = 0; i < 3; i++)
        office_family(&office, ANNA, (const char *[]){"das", "bever", "marter"}[i], ANNA);
    office_restore_server(&office);
    assert_ok(buf_put_zeros(&none, 3));
    assert_int_equal(post("/handback", &none), 400);
    buf_wipe(&none);
    read_page(&page, 3);
    page.answer.statement.signature[0] ^= 1;
    assert_int_equal(hand(&page), 401);
    page.answer.statement.signature[0] ^= 1;
    page.kept[2].data[page.kept[2].len - 1] ^= 1; /* the last line is another */
    assert_int_equal(hand(&page), 401);
    page.kept[2].data[page.kept[2].len - 1] ^= 1;
    page.kept[0].data[page.kept[0].len - 1] ^= 1; /* an earlier one: the chain does not lead to the word */
    assert_int_equal(hand(&page), 409);
    page.kept[0].data[page.kept[0].len - 1] ^= 1;
    page.answer.lines.count = 2; /* the word is on another line than the last */
    assert_int_equal(hand(&page), 401);
    page.answer.lines.count = 0;
    assert_int_equal(hand(&page), 400);
    page_wipe(&page);
    read_page(&page, 2); /* a gap */
    assert_int_equal(hand(&page), 409);
    page_wipe(&page);
    office_sync(&office, CAAS);
    assert_int_equal(lines(CAAS), lines(ANNA) - 3);
    read_page(&page, 4); /* one that is there, and three that are not */
    assert_int_equal(hand(&page), 204);
    assert_int_equal(hand(&page), 204);
    page_wipe(&page);
    office_sync(&office, CAAS);
    assert_int_equal(lines(CAAS), lines(ANNA));
}

/* ---- lines that the server never ordered ---------------------------------------------------------------- */

/* The end of Bram's cover, which names nothing of what Caas wrote in it: a server refuses it, for it has more. */
static void
write_end(struct id cover, struct buf *line)
{
    struct replica *bram = office.devices[BRAM].replica;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct buf bytes = BUF_EMPTY(WIRE_OPERATION_BYTES);

    op.kind = LEDGER_COVER_END;
    op.as.cover_end = (struct ledger_cover_end){.cover = cover, .why = 1};
    op.created_ms = (uint64_t)office.now_ms;
    ledger_address(bram->ledger, &op);
    assert_ok(ledger_op_sign(&op, &bram->identity, NULL, &bytes));
    assert_ok(ledger_next_line(bram->ledger, bytes.data, bytes.len, 1, line)); /* in 1970 */
    ledger_op_wipe(&op);
    buf_wipe(&bytes);
}

static void
a_line_of_ones_own_before_a_line_that_stands_is_not_the_servers_word(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct cover_new given = {.families = &family, .count = 1, .person = caas->person, .from_ms = office.now_ms,
                              .until_ms = office.now_ms + 20 * DAY_MS, .may_write = true};
    struct buf line = BUF_EMPTY(WIRE_LINE_BYTES);
    struct page page;
    struct id cover;

    assert_ok(replica_cover_give(bram->replica, &bram->transport, &given, &cover));
    office_sync(&office, CAAS);
    assert_ok(replica_cover_accept(caas->replica, &caas->transport, cover));
    office_sync(&office, CAAS);
    office_visit(&office, CAAS, family, "written in the cover");
    office_sync_all(&office, 3, 1);
    uint64_t known = lines(ANNA);
    read_page(&page, 1);
    write_end(cover, &line);
    struct wire_bytes stands = page.answer.lines.items[0];
    page.answer.lines.count = 0;
    assert_ok(wire_blocks_add(&page.answer.lines, line.data, line.len));
    assert_ok(wire_blocks_add(&page.answer.lines, stands.data, stands.len));
    assert_int_equal(hand(&page), 409);
    page_wipe(&page);
    buf_wipe(&line);
    office_sync_all(&office, 3, 2);
    assert_int_equal(lines(ANNA), known);
    assert_int_equal(office.devices[BRAM].report.held, 0);
    assert_true(office_shows(&office, BRAM, file, "written in the cover"));
}

/* ---- boxes ---------------------------------------------------------------------------------------------- */

static struct session
session_of(int at)
{
    struct office_device *device = &office.devices[at];

    return (struct session){.replica = device->replica, .transport = &device->transport, .report = &device->report};
}

static int
post_box(int at, const struct wire_box *box)
{
    struct session session = session_of(at);
    struct request_call call = {.method = "POST"};
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;

    assert_ok(wire_boxes_add(&boxes, box));
    assert_ok(wire_boxes_put(&body, &boxes));
    assert_ok(request_target(session.replica, &call, "/boxes"));
    call.body = &body;
    enum rc rc = request_send(session.replica, session.transport, &call, &answer, NULL);
    wire_boxes_wipe(&boxes);
    buf_wipe(&body);
    buf_wipe(&answer);
    return (int)rc;
}

struct looked_for {
    const struct wire_box *box;
    unsigned found;
};

static enum rc
count_box(void *context, const struct depot_box *box, bool *stop)
{
    struct looked_for *looked = context;
    const struct wire_box *wanted = looked->box;

    (void)stop;
    looked->found += id_equal(box->recipient, wanted->recipient) && box->epoch == wanted->epoch &&
                     box->len == wanted->len && memcmp(box->bytes, wanted->bytes, box->len) == 0;
    return RC_OK;
}

static unsigned
is_stored(const struct wire_box *box)
{
    struct looked_for looked = {.box = box};
    struct depot *depot;
    struct depot_team team;

    assert_ok(server_take_depot(office.server, &depot));
    assert_ok(depot_find_team(depot, office.devices[ANNA].replica->team, &team));
    assert_ok(depot_list_boxes(depot, team.key, &box->stream, 0, count_box, &looked));
    server_give_depot(office.server, depot);
    return looked.found;
}

static void
no_box_is_replaced_and_none_is_taken_that_no_line_gave(void **state)
{
    (void)state;
    struct wire_box box = {.stream = file, .epoch = 1, .recipient = office.devices[BRAM].id, .len = 101};

    memset(box.bytes, 7, box.len);
    assert_int_equal(post_box(BRAM, &box), RC_OK);
    assert_int_equal(is_stored(&box), 0); /* his own is there */
    box.recipient = office.devices[CAAS].id;
    assert_int_equal(post_box(BRAM, &box), RC_OK);
    assert_int_equal(is_stored(&box), 0); /* Caas has no right to the file */
    box.epoch = 2;
    box.recipient = ledger_link();
    assert_int_equal(post_box(BRAM, &box), RC_OK);
    assert_int_equal(is_stored(&box), 0); /* there is no such epoch */
}

/* ---- closed for a while ------------------------------------------------------------------------------------ */

static void
a_server_that_is_closed_after_a_restore_takes_lines_back_and_no_new_ones(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct family_new wanted = {.owner = bram->person, .record.code_name = "marter"};

    office_keep_server(&office);
    office_family(&office, ANNA, "das", ANNA);
    office_restore_server(&office);
    office.server->closed_until_ms = (uint64_t)office.now_ms + 3600 * 1000;
    uint64_t there = lines(BRAM);
    assert_int_equal(replica_create_family(bram->replica, &bram->transport, &wanted, &family), RC_DENIED);
    assert_non_null(strstr(rc_sentence(), "put back from a backup"));
    assert_int_equal(lines(BRAM), there);
    office_sync(&office, ANNA);
    assert_int_equal(office.devices[ANNA].report.lines_returned, 1);
    office_sync(&office, BRAM);
    assert_int_equal(lines(BRAM), lines(ANNA));
    office_pass(&office, 3600 * 1000);
    assert_ok(replica_create_family(bram->replica, &bram->transport, &wanted, &family));
}

static void
the_word_that_closes_a_server_is_a_file_beside_its_depot(void **state)
{
    (void)state;
    const struct clock clock = clock_system();
    struct server *server;
    char directory[128], path[160];
    bool made;

    snprintf(directory, sizeof directory, "%s", scratch_path(&office.scratch, "other"));
    assert_int_equal(server_close_ledgers(directory, 1), RC_ABSENT);
    assert_ok(server_setup(directory, &made));
    assert_ok(server_close_ledgers(directory, 2));
    assert_ok(server_open(directory, &clock, &server));
    assert_in_range(server->closed_until_ms, server_now_ms(server) + 7100 * 1000, server_now_ms(server) + 7200 * 1000);
    server_close(server);
    assert_ok(server_close_ledgers(directory, 0));
    assert_ok(server_close_ledgers(directory, 0));
    assert_ok(server_open(directory, &clock, &server));
    assert_int_equal(server->closed_until_ms, 0);
    server_close(server);
    snprintf(path, sizeof path, "%s/closed", directory);
    FILE *word = fopen(path, "w");
    assert_non_null(word);
    assert_true(fputs("tomorrow\n", word) >= 0);
    assert_int_equal(fclose(word), 0);
    assert_int_equal(server_open(directory, &clock, &server), RC_CORRUPT);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_servers_own_word_hands_lines_back),
        TEST(a_line_of_ones_own_before_a_line_that_stands_is_not_the_servers_word),
        TEST(no_box_is_replaced_and_none_is_taken_that_no_line_gave),
        TEST(a_server_that_is_closed_after_a_restore_takes_lines_back_and_no_new_ones),
        TEST(the_word_that_closes_a_server_is_a_file_beside_its_depot),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
