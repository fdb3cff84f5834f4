/* Tests of a server that is waited for, dies, or shares its depot with another. */
#include "tests/unit/route_team.h"

#include <sys/wait.h>
#include <unistd.h>

#include "server/depot.h"
#include "sync/httpsig.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_poll_waits_until_something_comes_or_its_time_is_over),
        TEST(a_poll_ends_when_the_ledger_moves_and_when_the_server_stops),
        TEST(what_was_stored_survives_a_death_before_the_answer),
        TEST(two_processes_on_one_depot_agree),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
