/* Tests of the routes on a real depot, without HTTP. */
#include "server/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/secret.h"
#include "server/check.h"
#include "server/depot.h"
#include "sync/ack.h"
#include "sync/httpsig.h"
#include "tests/support/hosted.h"

static struct hosted hosted;
static struct hosted_device fatma; /* coach of nothing yet */
static struct ledger_family family; /* of hosted.first */
static struct buf answer;

static int
set_up(void **state)
{
    (void)state;
    hosted_start(&hosted);
    hosted_make_team(&hosted);
    hosted_join(&hosted, LEDGER_ROLE_COACH, &fatma);
    family = hosted_family(&hosted, &hosted.first);
    answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    return 0;
}

static int
tear_down(void **state)
{
    struct check_counts counts;

    (void)state;
    assert_int_equal(check_depot(hosted.server, &counts), RC_OK);
    buf_wipe(&answer);
    hosted_device_wipe(&fatma);
    hosted_stop(&hosted);
    return 0;
}

static void
assert_error(const char *code)
{
    char wanted[64];

    (void)snprintf(wanted, sizeof wanted, "{\"error\": \"%s\", \"message\": \"", code);
    assert_non_null(buf_text(&answer));
    assert_memory_equal(buf_text(&answer), wanted, strlen(wanted));
}

static struct hosted_feed
new_feed(struct id stream)
{
    return (struct hosted_feed){.stream = stream, .incarnation = 77};
}

static void
assert_item(struct wire_push_item item, enum wire_push_result result, enum wire_push_reason reason)
{
    assert_int_equal(item.result, result);
    assert_int_equal(item.reason, reason);
}

/* Pushes `count` entries of one save; the feed moves on. */
static void
push_some(const struct hosted_device *author, struct hosted_feed *feed, int count)
{
    struct buf cipher = BUF_EMPTY(65536);

    for (int i = 0; i < count; i++) {
        struct entry entry = hosted_seal(&hosted, author, feed, 1, &cipher);
        assert_item(hosted_push(&hosted, author, &entry), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    }
    buf_wipe(&cipher);
}

/* How many entries a device gets from the beginning. */
static size_t
pulled(const struct hosted_device *device, const char *query)
{
    struct wire_run_page page;

    assert_int_equal(hosted_pull(&hosted, device, query, &page, &answer), 200);
    size_t count = page.runs.count;
    wire_run_page_wipe(&page);
    return count;
}

/* ---- the table ---- */

static void
paths_and_methods_that_do_not_exist_are_named(void **state)
{
    struct reply reply;

    (void)state;
    hosted_ask(&hosted, NULL, "GET", "/v1/helloo", "", NULL, &reply);
    assert_int_equal(reply.status, 404);
    reply_wipe(&reply);
    hosted_ask(&hosted, NULL, "GET", "", "", NULL, &reply);
    assert_int_equal(reply.status, 404);
    reply_wipe(&reply);
    hosted_ask(&hosted, NULL, "POST", "/v1/hello", "", NULL, &reply);
    assert_int_equal(reply.status, 405);
    assert_string_equal(reply.allow, "GET");
    reply_wipe(&reply);
    hosted_ask(&hosted, NULL, "GET", "/v1/teams/00/ledger", "", NULL, &reply);
    assert_int_equal(reply.status, 404);
    reply_wipe(&reply);
    assert_int_equal(hosted_get(&hosted, NULL, "/ledger", "", &answer), 401);
    assert_error("unsigned");
    assert_int_equal(hosted_get(&hosted, &fatma, "/ledger/", "", &answer), 404);
    assert_error("unknown_route");
}

static void
a_clock_that_is_off_is_told_the_servers(void **state)
{
    struct reply reply;
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/ledger", hosted.path);
    struct hosted slow = hosted; /* signs by another clock than the server's */
    slow.now_ms -= 400 * 1000;
    hosted_ask(&slow, &fatma, "GET", path, "", NULL, &reply);
    assert_int_equal(reply.status, 401);
    assert_true(reply.baken_time_ms == hosted.now_ms);
    reply_wipe(&reply);
}

static void
hello_is_signed_and_answers_the_nonce(void **state)
{
    struct wire_hello hello;
    struct reply reply;
    char query[160];

    (void)state;
    (void)snprintf(query, sizeof query, "team=%s&nonce=000102030405060708090a0b0c0d0e0f",
                   hosted.path + strlen("/v1/teams/"));
    hosted_ask(&hosted, NULL, "GET", "/v1/hello", query, NULL, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(wire_hello_decode(reply.body.data, reply.body.len, &hello), RC_OK);
    assert_int_equal(hello.nonce[15], 15);
    assert_int_equal(hello.position, ledger_position(hosted.ledger));
    assert_memory_equal(hello.server_public, hosted.server->public_key, CRYPTO_PUBLIC_BYTES);
    reply_wipe(&reply);
    hosted_ask(&hosted, NULL, "GET", "/v1/hello", "nonce=12", NULL, &reply);
    assert_int_equal(reply.status, 400);
    reply_wipe(&reply);
    hosted_ask(&hosted, NULL, "GET", "/v1/hello", "nonce=&team=", NULL, &reply);
    assert_int_equal(reply.status, 400);
    reply_wipe(&reply);
}

static void
a_flood_of_unsigned_requests_is_slowed(void **state)
{
    struct reply reply;
    int slowed = 0;

    (void)state;
    for (int i = 0; i < 300; i++) {
        hosted_ask(&hosted, NULL, "GET", "/v1/hello", "", NULL, &reply);
        slowed += reply.status == 429;
        reply_wipe(&reply);
    }
    assert_true(slowed >= 150);
    hosted.now_ms += 60000;
    hosted_ask(&hosted, NULL, "GET", "/v1/hello", "", NULL, &reply);
    assert_int_equal(reply.status, 200);
    reply_wipe(&reply);
}

/* ---- teams ---- */

static int
make_team_with(const char *code, bool fresh)
{
    static struct buf body;
    struct reply reply;

    if (fresh) {
        /* Another person on another device, so another team. */
        identity_wipe(&hosted.first.identity);
        assert_int_equal(identity_make(&hosted.first.identity), RC_OK);
        hosted.team_stream = id_random();
        keyring_free(hosted.keys);
        assert_int_equal(keyring_new(&hosted.keys), RC_OK);
        buf_wipe(&body);
        body = BUF_EMPTY(WIRE_REQUEST_BYTES);
        hosted_team_body(&hosted, code, &body);
    }
    hosted_ask(&hosted, NULL, "POST", "/v1/teams", "", &body, &reply);
    int status = reply.status;
    buf_clear(&answer);
    assert_int_equal(buf_put(&answer, reply.body.data, reply.body.len), RC_OK);
    reply_wipe(&reply);
    if (!fresh)
        buf_wipe(&body);
    return status;
}

static void
a_code_makes_one_team_and_the_same_request_is_answered_again(void **state)
{
    char code[SERVER_CODE_CHARS + 1];

    (void)state;
    assert_int_equal(make_team_with(hosted.code, true), 410);
    assert_error("used");
    assert_int_equal(server_new_code(hosted.server, code), RC_OK);
    assert_int_equal(make_team_with(code, true), 200);
    assert_int_equal(make_team_with(code, false), 200);
    assert_int_equal(make_team_with("AAAAA-AAAAA-AAAAA-AAAAA", true), 403);
    assert_int_equal(make_team_with("AAAAA", true), 403);
    assert_int_equal(make_team_with("AAAAA", false), 403);
}

static void
a_code_expires_after_a_day(void **state)
{
    char code[SERVER_CODE_CHARS + 1];

    (void)state;
    assert_int_equal(server_new_code(hosted.server, code), RC_OK);
    hosted.now_ms += DAY_MS;
    assert_int_equal(make_team_with(code, true), 410);
    assert_error("expired");
    (void)make_team_with(code, false);
}

/* ---- the ledger ---- */

static void
the_ledger_reads_from_any_position(void **state)
{
    struct wire_ledger_answer got = WIRE_LEDGER_ANSWER_EMPTY;

    (void)state;
    assert_int_equal(hosted_get(&hosted, &fatma, "/ledger", "from=3", &answer), 200);
    assert_int_equal(wire_ledger_answer_decode(answer.data, answer.len, &got), RC_OK);
    assert_int_equal(got.lines.count, ledger_position(hosted.ledger) - 2);
    assert_int_equal(got.statement.position, ledger_position(hosted.ledger));
    wire_ledger_answer_wipe(&got);
    assert_int_equal(hosted_get(&hosted, &fatma, "/ledger", "from=99", &answer), 200);
    assert_int_equal(wire_ledger_answer_decode(answer.data, answer.len, &got), RC_OK);
    assert_int_equal(got.lines.count, 0);
    assert_true(wire_statement_verify(&got.statement, hosted.server->public_key));
    wire_ledger_answer_wipe(&got);
    assert_int_equal(hosted_get(&hosted, &fatma, "/ledger", "from=0", &answer), 400);
    assert_int_equal(hosted_get(&hosted, &fatma, "/ledger", "from=1&from=2", &answer), 400);
    assert_int_equal(hosted_get(&hosted, &fatma, "/ledger", "from=-1", &answer), 400);
}

static void
an_operation_sent_again_gets_its_line_and_no_other(void **state)
{
    struct ledger_op op = hosted_op(&hosted, LEDGER_ROLE);
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), again = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_ledger_answer first = WIRE_LEDGER_ANSWER_EMPTY;
    struct wire_ledger_answer second = WIRE_LEDGER_ANSWER_EMPTY;

    (void)state;
    op.as.role = (struct ledger_role_change){fatma.person, LEDGER_ROLE_COACH, LEDGER_ROLE_DUTY};
    hosted_submission(&hosted, &hosted.first, &op, NULL, &body);
    assert_int_equal(hosted_post(&hosted, &hosted.first, "/ledger", &body, &answer), 200);
    hosted_restart(&hosted);
    assert_int_equal(hosted_post(&hosted, &hosted.first, "/ledger", &body, &again), 200);
    assert_int_equal(wire_ledger_answer_decode(answer.data, answer.len, &first), RC_OK);
    assert_int_equal(wire_ledger_answer_decode(again.data, again.len, &second), RC_OK);
    assert_int_equal(second.lines.count, 1);
    assert_int_equal(first.lines.items[0].len, second.lines.items[0].len);
    assert_memory_equal(first.lines.items[0].data, second.lines.items[0].data,
                        first.lines.items[0].len);
    assert_int_equal(second.statement.position, ledger_position(hosted.ledger) + 1);
    wire_ledger_answer_wipe(&first);
    wire_ledger_answer_wipe(&second);
    ledger_op_wipe(&op);
    buf_wipe(&body);
    buf_wipe(&again);
}

static void
what_breaks_a_rule_gets_no_line(void **state)
{
    struct ledger_op op = hosted_op(&hosted, LEDGER_ROLE);

    (void)state;
    op.as.role = (struct ledger_role_change){fatma.person, LEDGER_ROLE_COACH, LEDGER_ROLE_DUTY};
    assert_int_equal(hosted_submit(&hosted, &fatma, &op, NULL), 403);
    op = hosted_op(&hosted, LEDGER_ROLE);
    op.as.role = (struct ledger_role_change){fatma.person, LEDGER_ROLE_DUTY, LEDGER_ROLE_COACH};
    assert_int_equal(hosted_submit(&hosted, &hosted.first, &op, NULL), 409);
    op = hosted_op(&hosted, LEDGER_ROLE);
    op.as.role = (struct ledger_role_change){hosted.first.person, 7, LEDGER_ROLE_COACH};
    assert_int_equal(hosted_submit(&hosted, &hosted.first, &op, NULL), 409);
    struct buf junk = BUF_EMPTY(64);
    assert_int_equal(buf_put(&junk, "junk", 4), RC_OK);
    assert_int_equal(hosted_post(&hosted, &fatma, "/ledger", &junk, &answer), 400);
    assert_error("malformed");
    buf_wipe(&junk);
    assert_int_equal(hosted_get(&hosted, &fatma, "/ledger", "from=1", &answer), 200);
    struct wire_ledger_answer got = WIRE_LEDGER_ANSWER_EMPTY;
    assert_int_equal(wire_ledger_answer_decode(answer.data, answer.len, &got), RC_OK);
    assert_int_equal(got.lines.count, ledger_position(hosted.ledger));
    wire_ledger_answer_wipe(&got);
}

static void
boxes_other_than_those_that_were_signed_are_refused(void **state)
{
    struct ledger_op op = hosted_op(&hosted, LEDGER_ASSIGN);
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct buf bytes = BUF_EMPTY(WIRE_OPERATION_BYTES), body = BUF_EMPTY(WIRE_REQUEST_BYTES);
    const struct keyring_recipient to = {fatma.identity.device, fatma.identity.box_public};
    const struct keyring_epoch file = {family.file, 1, &to, 1, NULL};

    (void)state;
    op.as.assign =
        (struct ledger_assign){family.id, fatma.person, LEDGER_RELEASED, LEDGER_COACH};
    assert_int_equal(keyring_share(hosted.keys, &file, &op, &boxes), RC_OK);
    ledger_address(hosted.ledger, &op);
    assert_int_equal(ledger_op_sign(&op, &hosted.first.identity, &boxes, &bytes), RC_OK);
    boxes.items[0].bytes[3] ^= 1;
    submission.operation = (struct wire_bytes){bytes.data, bytes.len};
    submission.boxes = boxes;
    assert_int_equal(wire_submission_encode(&submission, false, &body), RC_OK);
    assert_int_equal(hosted_post(&hosted, &hosted.first, "/ledger", &body, &answer), 409);
    assert_error("rule");
    buf_clear(&body);
    boxes.items[0].bytes[3] ^= 1;
    assert_int_equal(wire_submission_encode(&submission, false, &body), RC_OK);
    assert_int_equal(hosted_post(&hosted, &hosted.first, "/ledger", &body, &answer), 200);
    wire_boxes_wipe(&boxes);
    ledger_op_wipe(&op);
    buf_wipe(&bytes);
    buf_wipe(&body);
}

/* ---- boxes ---- */

static size_t
boxes_of(const struct hosted_device *device, const char *query)
{
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;

    assert_int_equal(hosted_get(&hosted, device, "/boxes", query, &answer), 200);
    assert_int_equal(wire_box_list_decode(answer.data, answer.len, &list), RC_OK);
    for (size_t i = 0; i < list.boxes.count; i++)
        assert_true(id_equal(list.boxes.items[i].recipient, device->identity.device) ||
                    id_equal(list.boxes.items[i].recipient, ledger_reserve()));
    size_t count = list.boxes.count;
    wire_box_list_wipe(&list);
    return count;
}

static int
assign(struct id person, enum ledger_function was, enum ledger_function function,
       const struct ledger_head *head)
{
    struct ledger_op op = hosted_op(&hosted, LEDGER_ASSIGN);

    op.as.assign = (struct ledger_assign){family.id, person, (uint8_t)was, (uint8_t)function};
    if (head != NULL)
        assert_int_equal(ledger_op_add_head(&op, head), RC_OK);
    return hosted_submit(&hosted, &hosted.first, &op, NULL);
}

static int
grant_file(const struct hosted_device *to)
{
    const struct keyring_recipient recipient = {to->identity.device, to->identity.box_public};
    const struct keyring_epoch index = {family.index, 1, &recipient, 1, NULL};
    const struct keyring_epoch file = {family.file, 1, &recipient, 1, NULL};
    struct ledger_op op = hosted_op(&hosted, LEDGER_GRANT);
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;

    assert_int_equal(keyring_share(hosted.keys, &index, &op, &boxes), RC_OK);
    assert_int_equal(keyring_share(hosted.keys, &file, &op, &boxes), RC_OK);
    return hosted_submit(&hosted, &hosted.first, &op, &boxes);
}

static void
a_device_gets_its_own_boxes_and_they_go_with_the_right(void **state)
{
    char query[64];

    (void)state;
    assert_int_equal(boxes_of(&fatma, ""), 1); /* the team stream's */
    assert_int_equal(grant_file(&fatma), 409); /* no right, so nothing to share */
    assert_int_equal(assign(fatma.person, LEDGER_RELEASED, LEDGER_COACH, NULL), 200);
    assert_int_equal(grant_file(&fatma), 200);
    assert_int_equal(boxes_of(&fatma, ""), 3);
    int at = snprintf(query, sizeof query, "stream=");
    for (size_t i = 0; i < ID_BYTES; i++, at += 2)
        (void)snprintf(query + at, 3, "%02x", family.file.bytes[i]);
    assert_int_equal(boxes_of(&fatma, query), 1);
    assert_int_equal(assign(fatma.person, LEDGER_COACH, LEDGER_RELEASED, NULL), 200);
    assert_int_equal(boxes_of(&fatma, ""), 1);
    assert_int_equal(assign(fatma.person, LEDGER_RELEASED, LEDGER_COACH, NULL), 200);
    assert_int_equal(boxes_of(&fatma, ""), 1); /* deleted, not hidden: a new grant is due */
}

/* ---- joining ---- */

static void
a_request_to_join_reaches_the_one_who_invited(void **state)
{
    struct hosted_device newcomer = {.identity = IDENTITY_EMPTY, .person = id_random()};
    struct buf body = BUF_EMPTY(4096);
    struct wire_blocks joins = WIRE_BLOCKS_EMPTY;
    uint8_t bytes[JOINING_REQUEST_BYTES];
    struct joining_request request;

    (void)state;
    assert_int_equal(identity_make(&newcomer.identity), RC_OK);
    hosted_invite(&hosted, LEDGER_ROLE_COACH, &newcomer, &request);
    joining_request_encode(&request, bytes);
    assert_int_equal(buf_put(&body, bytes, sizeof bytes), RC_OK);
    assert_int_equal(hosted_post(&hosted, NULL, "/joins", &body, &answer), 204);
    assert_int_equal(hosted_post(&hosted, NULL, "/joins", &body, &answer), 204);
    assert_int_equal(hosted_get(&hosted, &hosted.first, "/joins", "", &answer), 200);
    assert_int_equal(wire_joins_decode(answer.data, answer.len, &joins), RC_OK);
    assert_int_equal(joins.count, 1);
    assert_memory_equal(joins.items[0].data, bytes, sizeof bytes);
    wire_blocks_wipe(&joins);
    assert_int_equal(hosted_get(&hosted, &fatma, "/joins", "", &answer), 200);
    assert_int_equal(wire_joins_decode(answer.data, answer.len, &joins), RC_OK);
    assert_int_equal(joins.count, 0);
    wire_blocks_wipe(&joins);
    assert_int_equal(hosted_get(&hosted, &newcomer, "/ledger", "", &answer), 401);
    assert_error("unknown_device");

    body.data[sizeof bytes - 1] ^= 1;
    assert_int_equal(hosted_post(&hosted, NULL, "/joins", &body, &answer), 401);
    assert_error("signature");
    body.data[sizeof bytes - 1] ^= 1;
    hosted.now_ms += 2 * DAY_MS;
    assert_int_equal(hosted_post(&hosted, NULL, "/joins", &body, &answer), 410);
    assert_error("expired");
    buf_wipe(&body);
    hosted_device_wipe(&newcomer);
}

/* ---- entries ---- */

static void
an_entry_is_stored_once_and_reaches_who_may_read(void **state)
{
    struct hosted_feed feed = new_feed(family.file);
    struct buf cipher = BUF_EMPTY(65536);
    struct wire_run_page page;

    (void)state;
    struct entry entry = hosted_seal(&hosted, &hosted.first, &feed, 3, &cipher);
    assert_item(hosted_push(&hosted, &hosted.first, &entry), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    assert_item(hosted_push(&hosted, &hosted.first, &entry), WIRE_PUSH_HAD, WIRE_REASON_NONE);
    assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_HAD, WIRE_REASON_NONE);
    assert_int_equal(hosted_pull(&hosted, &hosted.first, "after=0", &page, &answer), 200);
    assert_int_equal(page.runs.count, 1);
    assert_int_equal(page.next, 1);
    assert_false(page.more);
    assert_memory_equal(page.runs.items[0].hash, entry.hash, sizeof entry.hash);
    assert_memory_equal(page.runs.items[0].signature, entry.signature, sizeof entry.signature);
    assert_memory_equal(page.runs.items[0].ciphertext, cipher.data, cipher.len);
    assert_int_equal(page.runs.items[0].arrived_ms, hosted.now_ms);
    wire_run_page_wipe(&page);
    assert_int_equal(hosted_pull(&hosted, &fatma, "after=0", &page, &answer), 200);
    assert_int_equal(page.runs.count, 0);
    assert_int_equal(page.next, 1); /* passed over, not asked for again */
    wire_run_page_wipe(&page);
    buf_wipe(&cipher);
}

static void
gaps_forks_and_forgeries_are_told_apart(void **state)
{
    struct hosted_feed feed = new_feed(family.file), other;
    struct buf a = BUF_EMPTY(65536), b = BUF_EMPTY(65536), c = BUF_EMPTY(65536);

    (void)state;
    struct entry first = hosted_seal(&hosted, &hosted.first, &feed, 1, &a);
    other = feed;
    struct entry second = hosted_seal(&hosted, &hosted.first, &feed, 1, &b);
    assert_item(hosted_push(&hosted, &hosted.first, &second), WIRE_PUSH_REFUSED, WIRE_REASON_GAP);
    assert_item(hosted_push(&hosted, &hosted.first, &first), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    assert_item(hosted_push(&hosted, &hosted.first, &second), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    struct entry forked = hosted_seal(&hosted, &hosted.first, &other, 1, &c);
    assert_item(hosted_push(&hosted, &hosted.first, &forked), WIRE_PUSH_REFUSED, WIRE_REASON_FORK);
    forked = hosted_seal(&hosted, &hosted.first, &other, 1, &c);
    assert_item(hosted_push(&hosted, &hosted.first, &forked), WIRE_PUSH_REFUSED, WIRE_REASON_FORK);
    struct entry third = hosted_seal(&hosted, &hosted.first, &feed, 1, &c);
    third.signature[5] ^= 1;
    assert_item(hosted_push(&hosted, &hosted.first, &third), WIRE_PUSH_REFUSED,
                WIRE_REASON_SIGNATURE);
    third.signature[5] ^= 1;
    assert_item(hosted_push(&hosted, &hosted.first, &third), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    assert_int_equal(pulled(&hosted.first, "after=0"), 3);
    buf_wipe(&a);
    buf_wipe(&b);
    buf_wipe(&c);
}

/* The chain vouches for what stands before the last entry of a run; a page may cut the run before it. */
static void
each_signature_within_a_run_must_hold(void **state)
{
    struct buf ciphers[2] = {BUF_EMPTY(4096), BUF_EMPTY(4096)};
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), reply = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct wire_push_answer told = WIRE_PUSH_ANSWER_EMPTY;
    struct hosted_feed feed = new_feed(family.file);
    uint8_t hash[CRYPTO_HASH_BYTES];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct entry entry = hosted_seal(&hosted, &hosted.first, &feed, 1, &ciphers[i]);
        if (i == 0)
            entry.signature[0] ^= 1;
        assert_int_equal(wire_run_add(&list, &entry), RC_OK);
    }
    assert_int_equal(wire_run_push_encode(&list, &body), RC_OK);
    assert_int_equal(hosted_post(&hosted, &hosted.first, "/entries", &body, &reply), 200);
    crypto_hash_plain(body.data, body.len, hash);
    assert_int_equal(wire_push_answer_decode(reply.data, reply.len, hosted.server->public_key, hash,
                                             &told),
                     RC_OK);
    assert_int_equal(told.count, 2);
    assert_item(told.items[0], WIRE_PUSH_REFUSED, WIRE_REASON_SIGNATURE);
    assert_item(told.items[1], WIRE_PUSH_REFUSED, WIRE_REASON_GAP);
    assert_int_equal(pulled(&fatma, "after=0"), 0);
    wire_push_answer_wipe(&told);
    wire_run_list_wipe(&list);
    for (int i = 0; i < 2; i++)
        buf_wipe(&ciphers[i]);
    buf_wipe(&body);
    buf_wipe(&reply);
}

static void
who_has_no_right_stores_nothing(void **state)
{
    struct hosted_feed feed = new_feed(family.file);
    struct hosted_device stranger = {.identity = IDENTITY_EMPTY};
    struct buf cipher = BUF_EMPTY(65536);

    (void)state;
    struct entry entry = hosted_seal(&hosted, &fatma, &feed, 1, &cipher);
    assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_REFUSED, WIRE_REASON_NO_RIGHT);
    assert_int_equal(identity_make(&stranger.identity), RC_OK);
    feed = new_feed(family.file);
    entry = hosted_seal(&hosted, &stranger, &feed, 1, &cipher);
    assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_REFUSED, WIRE_REASON_UNKNOWN);
    feed = new_feed(hosted.team_stream);
    entry = hosted_seal(&hosted, &fatma, &feed, 1, &cipher);
    assert_item(hosted_push(&hosted, &hosted.first, &entry), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    hosted_device_wipe(&stranger);
    buf_wipe(&cipher);
}

static void
a_feed_has_a_bounded_number_of_incarnations(void **state)
{
    struct buf cipher = BUF_EMPTY(65536);

    (void)state;
    for (uint64_t i = 1; i <= 65; i++) {
        struct hosted_feed feed = {.stream = hosted.team_stream, .incarnation = i};
        struct entry entry = hosted_seal(&hosted, &fatma, &feed, 1, &cipher);
        assert_int_equal(hosted_push(&hosted, &fatma, &entry).result,
                         i <= 64 ? WIRE_PUSH_STORED : WIRE_PUSH_REFUSED);
    }
    buf_wipe(&cipher);
}

static void
a_stream_is_filled_from_zero_by_who_may_read_it(void **state)
{
    struct hosted_feed file = new_feed(family.file), team = new_feed(hosted.team_stream);
    char query[64];

    (void)state;
    push_some(&hosted.first, &file, 3);
    push_some(&hosted.first, &team, 2);
    push_some(&hosted.first, &file, 1);
    assert_int_equal(pulled(&fatma, "after=0"), 2);
    assert_int_equal(pulled(&hosted.first, "after=0"), 6);
    assert_int_equal(pulled(&hosted.first, "after=5"), 1);
    int at = snprintf(query, sizeof query, "stream=");
    for (size_t i = 0; i < ID_BYTES; i++, at += 2)
        (void)snprintf(query + at, 3, "%02x", family.file.bytes[i]);
    assert_int_equal(pulled(&hosted.first, query), 4);
    assert_int_equal(hosted_get(&hosted, &fatma, "/entries", query, &answer), 403);
    assert_error("denied");
    assert_int_equal(assign(fatma.person, LEDGER_RELEASED, LEDGER_COACH, NULL), 200);
    assert_int_equal(pulled(&fatma, query), 4);
    assert_int_equal(hosted_get(&hosted, &fatma, "/entries", "after=7", &answer), 409);
    assert_error("stale");
    assert_int_equal(hosted_get(&hosted, &fatma, "/entries", "wait=61", &answer), 400);
}

static void
pages_end_at_four_mebibytes_and_together_hold_everything(void **state)
{
    struct hosted_feed feed = new_feed(hosted.team_stream);
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES), cipher = BUF_EMPTY(2000000);
    struct secret key = SECRET_EMPTY;
    struct wire_run_page page;
    uint64_t after = 0;
    size_t got = 0;
    int pages = 0;
    uint8_t *room;
    bool more;

    (void)state;
    assert_int_equal(keyring_get(hosted.keys, feed.stream, 1, &key), RC_OK);
    assert_int_equal(buf_extend(&body, 1000000, &room), RC_OK);
    random_fill(room, 1000000); /* so that it does not compress */
    for (uint32_t i = 1; i <= 7; i++) {
        struct entry entry;
        memset(&entry, 0, sizeof entry);
        entry.stream = feed.stream;
        entry.incarnation = feed.incarnation;
        entry.first = entry.last = i;
        memcpy(entry.previous, feed.hash, sizeof entry.previous);
        entry.epoch = 1;
        entry.position = ledger_position(hosted.ledger);
        memcpy(entry.position_hash, ledger_hash_at(hosted.ledger, entry.position), 32);
        buf_clear(&cipher);
        assert_int_equal(entry_seal(&entry, &fatma.identity, &key, &body, &cipher), RC_OK);
        memcpy(feed.hash, entry.hash, sizeof feed.hash);
        assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    }
    do {
        char query[40];
        (void)snprintf(query, sizeof query, "after=%llu", (unsigned long long)after);
        assert_int_equal(hosted_pull(&hosted, &fatma, query, &page, &answer), 200);
        assert_true(answer.len < WIRE_PAGE_BYTES + ENTRY_CIPHERTEXT_MAX_BYTES + 4096);
        got += page.runs.count;
        after = page.next;
        more = page.more;
        pages++;
        wire_run_page_wipe(&page);
    } while (more);
    assert_int_equal(got, 7);
    assert_int_equal(pages, 2);
    secret_wipe(&key);
    buf_wipe(&body);
    buf_wipe(&cipher);
}

/* ---- ends of rights ---- */

static struct ledger_head
head_of(const struct hosted_device *device, const struct hosted_feed *feed)
{
    struct ledger_head head = {feed->stream, device->identity.device, feed->incarnation,
                               feed->last, {0}};

    memcpy(head.hash, feed->hash, sizeof head.hash);
    return head;
}

static void
an_end_that_would_cut_off_what_is_stored_is_stale(void **state)
{
    struct hosted_feed feed = new_feed(family.file), early;
    struct ledger_heads heads = LEDGER_HEADS_EMPTY;
    struct ledger_head head;
    char query[64];

    (void)state;
    assert_int_equal(assign(fatma.person, LEDGER_RELEASED, LEDGER_COACH, NULL), 200);
    push_some(&fatma, &feed, 1);
    early = feed;
    push_some(&fatma, &feed, 1);
    assert_int_equal(assign(fatma.person, LEDGER_COACH, LEDGER_RELEASED, NULL), 409);
    head = head_of(&fatma, &early);
    assert_int_equal(assign(fatma.person, LEDGER_COACH, LEDGER_RELEASED, &head), 409);

    int at = snprintf(query, sizeof query, "device=");
    for (size_t i = 0; i < ID_BYTES; i++, at += 2)
        (void)snprintf(query + at, 3, "%02x", fatma.identity.device.bytes[i]);
    assert_int_equal(hosted_get(&hosted, &hosted.first, "/heads", query, &answer), 200);
    assert_int_equal(ledger_heads_decode(answer.data, answer.len, &heads), RC_OK);
    assert_int_equal(heads.count, 1);
    assert_int_equal(heads.items[0].last, 2);
    assert_memory_equal(heads.items[0].hash, feed.hash, sizeof feed.hash);
    assert_int_equal(assign(fatma.person, LEDGER_COACH, LEDGER_RELEASED, &heads.items[0]), 200);
    ledger_heads_wipe(&heads);
    assert_int_equal(hosted_get(&hosted, &fatma, "/heads", "", &answer), 400);
}

static void
a_revoked_device_hands_in_its_own_and_nothing_else(void **state)
{
    struct hosted_feed feed = new_feed(hosted.team_stream), others = new_feed(hosted.team_stream);
    struct buf cipher = BUF_EMPTY(65536), more = BUF_EMPTY(65536);
    struct ledger_op op;

    (void)state;
    struct entry late = hosted_seal(&hosted, &fatma, &feed, 1, &cipher);
    struct entry foreign = hosted_seal(&hosted, &hosted.first, &others, 1, &more);
    op = hosted_op(&hosted, LEDGER_REVOKE_DEVICE);
    op.as.revoke_device = fatma.identity.device;
    assert_int_equal(hosted_submit(&hosted, &hosted.first, &op, NULL), 200);
    assert_int_equal(hosted_get(&hosted, &fatma, "/entries", "", &answer), 403);
    assert_error("revoked");
    assert_int_equal(hosted_get(&hosted, &fatma, "/boxes", "", &answer), 403);
    assert_item(hosted_push(&hosted, &fatma, &foreign), WIRE_PUSH_REFUSED, WIRE_REASON_NO_RIGHT);
    assert_item(hosted_push(&hosted, &fatma, &late), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    assert_int_equal(pulled(&hosted.first, "after=0"), 1);
    buf_wipe(&cipher);
    buf_wipe(&more);
}

/* ---- acknowledgements ---- */

static int
post_ack(const struct hosted_device *device, uint64_t number, struct id stream)
{
    const uint8_t digest[CRYPTO_HASH_BYTES] = {1};
    struct buf body = BUF_EMPTY(ACK_MAX_BYTES);
    struct ack ack = ACK_EMPTY;

    memcpy(ack.team, hosted.team, sizeof ack.team);
    ack.device = device->identity.device;
    ack.incarnation = 77;
    ack.number = number;
    ack.position = ledger_position(hosted.ledger);
    memcpy(ack.line_hash, ledger_hash_at(hosted.ledger, ack.position), sizeof ack.line_hash);
    assert_int_equal(ack_add_stream(&ack, stream, digest), RC_OK);
    assert_int_equal(ack_encode(&ack, &device->identity, &body), RC_OK);
    int status = hosted_post(&hosted, &fatma, "/acks", &body, &answer);
    ack_wipe(&ack);
    buf_wipe(&body);
    return status;
}

static void
acknowledgements_are_passed_on_while_they_say_something(void **state)
{
    struct wire_ack_list list = WIRE_ACK_LIST_EMPTY;

    (void)state;
    assert_int_equal(post_ack(&fatma, 1, hosted.team_stream), 204);
    assert_int_equal(post_ack(&fatma, 1, hosted.team_stream), 204);
    assert_int_equal(post_ack(&fatma, 1, family.file), 409);
    assert_int_equal(post_ack(&fatma, 2, family.file), 204);
    assert_int_equal(post_ack(&hosted.first, 3, family.file), 403);
    assert_int_equal(post_ack(&fatma, 3, id_random()), 403);
    assert_int_equal(hosted_get(&hosted, &hosted.first, "/acks", "after=0", &answer), 200);
    assert_int_equal(wire_ack_list_decode(answer.data, answer.len, &list), RC_OK);
    assert_int_equal(list.acks.count, 2);
    assert_int_equal(list.next, 2);
    wire_ack_list_wipe(&list);
    assert_int_equal(post_ack(&fatma, 3, hosted.team_stream), 204);
    assert_int_equal(hosted_get(&hosted, &hosted.first, "/acks", "after=0", &answer), 200);
    assert_int_equal(wire_ack_list_decode(answer.data, answer.len, &list), RC_OK);
    assert_int_equal(list.acks.count, 2);
    assert_int_equal(list.next, 3);
    wire_ack_list_wipe(&list);
}

/* ---- waiting, dying, sharing ---- */

static void
a_poll_waits_until_something_comes_or_its_time_is_over(void **state)
{
    struct hosted_feed feed = new_feed(hosted.team_stream);
    struct reply reply;
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/entries", hosted.path);
    hosted_ask(&hosted, &fatma, "GET", path, "after=0&wait=5", NULL, &reply);
    assert_int_equal(reply.status, ROUTE_WAITS);
    struct route_wait wait = reply.wait;
    reply_wipe(&reply);
    assert_true(wait.until_mono_ms == hosted.now_ms + 5000);
    struct request again = {
        .method = "GET", .path = path, .query = "after=0&wait=5", .peer = "", .waited = &wait};
    route_handle(hosted.server, &again, &reply);
    assert_int_equal(reply.status, ROUTE_WAITS);
    reply_wipe(&reply);
    hosted.now_ms += 5000;
    route_handle(hosted.server, &again, &reply);
    assert_int_equal(reply.status, 200);
    reply_wipe(&reply);
    hosted.now_ms -= 5000;
    push_some(&hosted.first, &feed, 1);
    route_handle(hosted.server, &again, &reply);
    assert_int_equal(reply.status, 200);
    reply_wipe(&reply);
}

static void
a_poll_ends_when_the_ledger_moves_and_when_the_server_stops(void **state)
{
    struct reply reply;
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/entries", hosted.path);
    hosted_ask(&hosted, &fatma, "GET", path, "after=0&wait=5", NULL, &reply);
    assert_int_equal(reply.status, ROUTE_WAITS);
    struct route_wait wait = reply.wait;
    struct request again = {
        .method = "GET", .path = path, .query = "after=0&wait=5", .peer = "", .waited = &wait};
    reply_wipe(&reply);
    assert_int_equal(assign(fatma.person, LEDGER_RELEASED, LEDGER_COACH, NULL), 200);
    route_handle(hosted.server, &again, &reply);
    assert_int_equal(reply.status, 200);
    reply_wipe(&reply);
    wait.position = ledger_position(hosted.ledger);
    route_handle(hosted.server, &again, &reply);
    assert_int_equal(reply.status, ROUTE_WAITS);
    reply_wipe(&reply);
    atomic_store(&hosted.server->stopping, true);
    route_handle(hosted.server, &again, &reply);
    assert_int_equal(reply.status, 200);
    reply_wipe(&reply);
    hosted_ask(&hosted, &fatma, "GET", path, "after=0", NULL, &reply);
    assert_int_equal(reply.status, 503);
    reply_wipe(&reply);
}

/* In a process of its own: stores, and dies as by kill -9, with nothing closed and no answer sent. */
static void
push_and_die(const struct request *request)
{
    struct reply reply = REPLY_EMPTY;

    if (server_open(scratch_path(&hosted.scratch, "server"), &hosted.clock, &hosted.server) !=
        RC_OK)
        _exit(1);
    route_handle(hosted.server, request, &reply);
    _exit(reply.status == 200 ? 0 : 2);
}

static void
what_was_stored_survives_a_death_before_the_answer(void **state)
{
    struct hosted_feed feed = new_feed(hosted.team_stream);
    struct buf cipher = BUF_EMPTY(65536), body = BUF_EMPTY(WIRE_REQUEST_BYTES);
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct httpsig_headers headers;
    char path[128];
    int status;

    (void)state;
    struct entry entry = hosted_seal(&hosted, &fatma, &feed, 2, &cipher);
    assert_int_equal(wire_run_add(&list, &entry), RC_OK);
    assert_int_equal(wire_run_push_encode(&list, &body), RC_OK);
    (void)snprintf(path, sizeof path, "%s/entries", hosted.path);
    /* Signed here: the keys do not cross a fork. */
    const struct httpsig_request to_sign = {"POST", path, "", body.data, body.len};
    assert_int_equal(httpsig_sign(&to_sign, fatma.identity.device, &fatma.identity.sign,
                                  hosted.now_ms / 1000, &headers),
                     RC_OK);
    const struct request request = {.method = "POST",
                                    .path = path,
                                    .query = "",
                                    .signature = headers.signature,
                                    .signature_input = headers.input,
                                    .content_digest = headers.content_digest,
                                    .content_type = "application/vnd.baken",
                                    .peer = "",
                                    .body = body.data,
                                    .body_len = body.len};
    server_close(hosted.server);
    pid_t child = fork();
    if (child == 0)
        push_and_die(&request);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(server_open(scratch_path(&hosted.scratch, "server"), &hosted.clock,
                                 &hosted.server),
                     RC_OK);
    assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_HAD, WIRE_REASON_NONE);
    assert_int_equal(pulled(&fatma, "after=0"), 1);
    wire_run_list_wipe(&list);
    buf_wipe(&cipher);
    buf_wipe(&body);
}

static void
two_processes_on_one_depot_agree(void **state)
{
    struct hosted_feed feed = new_feed(family.file);
    struct server *own = hosted.server, *other;

    (void)state;
    assert_int_equal(server_open(scratch_path(&hosted.scratch, "server"), &hosted.clock, &other),
                     RC_OK);
    hosted.server = other;
    assert_int_equal(pulled(&fatma, "after=0"), 0); /* it has read the ledger so far */
    hosted.server = own;
    assert_int_equal(assign(fatma.person, LEDGER_RELEASED, LEDGER_COACH, NULL), 200);
    hosted.server = other;
    push_some(&fatma, &feed, 1);
    struct ledger_op op = hosted_op(&hosted, LEDGER_ROLE);
    op.as.role = (struct ledger_role_change){fatma.person, LEDGER_ROLE_COACH,
                                             LEDGER_ROLE_COACH | LEDGER_ROLE_DUTY};
    assert_int_equal(hosted_submit(&hosted, &hosted.first, &op, NULL), 200);
    hosted.server = own;
    assert_int_equal(pulled(&fatma, "after=0"), 1);
    server_close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths_and_methods_that_do_not_exist_are_named),
        TEST(a_clock_that_is_off_is_told_the_servers),
        TEST(hello_is_signed_and_answers_the_nonce),
        TEST(a_flood_of_unsigned_requests_is_slowed),
        TEST(a_code_makes_one_team_and_the_same_request_is_answered_again),
        TEST(a_code_expires_after_a_day),
        TEST(the_ledger_reads_from_any_position),
        TEST(an_operation_sent_again_gets_its_line_and_no_other),
        TEST(what_breaks_a_rule_gets_no_line),
        TEST(boxes_other_than_those_that_were_signed_are_refused),
        TEST(a_device_gets_its_own_boxes_and_they_go_with_the_right),
        TEST(a_request_to_join_reaches_the_one_who_invited),
        TEST(an_entry_is_stored_once_and_reaches_who_may_read),
        TEST(gaps_forks_and_forgeries_are_told_apart),
        TEST(each_signature_within_a_run_must_hold),
        TEST(who_has_no_right_stores_nothing),
        TEST(a_feed_has_a_bounded_number_of_incarnations),
        TEST(a_stream_is_filled_from_zero_by_who_may_read_it),
        TEST(pages_end_at_four_mebibytes_and_together_hold_everything),
        TEST(an_end_that_would_cut_off_what_is_stored_is_stale),
        TEST(a_revoked_device_hands_in_its_own_and_nothing_else),
        TEST(acknowledgements_are_passed_on_while_they_say_something),
        TEST(a_poll_waits_until_something_comes_or_its_time_is_over),
        TEST(a_poll_ends_when_the_ledger_moves_and_when_the_server_stops),
        TEST(what_was_stored_survives_a_death_before_the_answer),
        TEST(two_processes_on_one_depot_agree),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
