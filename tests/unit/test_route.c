/* Tests of the routes on a real depot, without HTTP: who asks, teams, the ledger, boxes, joining. */
#include "tests/unit/route_team.h"

#include "sync/httpsig.h"

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
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
