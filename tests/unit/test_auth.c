/* Tests of server/auth: signed requests against a real ledger. */
#include "server/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/secret.h"
#include "sync/httpsig.h"
#include "tests/support/hosted.h"

static struct hosted hosted;
static struct hosted_device fatma;

static int
set_up(void **state)
{
    (void)state;
    hosted_start(&hosted);
    hosted_make_team(&hosted);
    hosted_join(&hosted, LEDGER_ROLE_COACH, &fatma);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    hosted_device_wipe(&fatma);
    hosted_stop(&hosted);
    return 0;
}

/* A request as it came, and its headers; a test changes one of them. */
struct signed_request {
    struct httpsig_headers headers;
    struct request request;
};

static void
sign(struct signed_request *out, const struct hosted_device *device, const char *query,
     const char *body, int64_t created_s)
{
    const size_t len = strlen(body);
    const struct httpsig_request to_sign = {"POST", "/v1/teams/x/acks", query, body, len};

    assert_int_equal(httpsig_sign(&to_sign, device->identity.device, &device->identity.sign,
                                  created_s, &out->headers),
                     RC_OK);
    out->request = (struct request){.method = "POST",
                                    .path = "/v1/teams/x/acks",
                                    .query = query,
                                    .signature = out->headers.signature,
                                    .signature_input = out->headers.input,
                                    .content_digest = len > 0 ? out->headers.content_digest : NULL,
                                    .peer = "",
                                    .body = (const uint8_t *)body,
                                    .body_len = len};
}

static enum wire_error
check(const struct signed_request *request)
{
    enum wire_error error;
    struct id device;

    assert_int_equal(
        auth_check(hosted.ledger, &request->request, (uint64_t)hosted.now_ms, &error, &device), RC_OK);
    return error;
}

static int64_t
now_s(void)
{
    return hosted.now_ms / 1000;
}

static void
a_signed_request_names_its_device(void **state)
{
    struct signed_request request;
    enum wire_error error;
    struct id device;

    (void)state;
    sign(&request, &fatma, "after=3", "body", now_s());
    assert_int_equal(
        auth_check(hosted.ledger, &request.request, (uint64_t)hosted.now_ms, &error, &device), RC_OK);
    assert_int_equal(error, WIRE_ERROR_NONE);
    assert_true(id_equal(device, fatma.identity.device));
    sign(&request, &fatma, "", "", now_s());
    assert_int_equal(check(&request), WIRE_ERROR_NONE);
}

static void
each_part_that_is_signed_counts(void **state)
{
    struct signed_request request;

    (void)state;
    sign(&request, &fatma, "after=3", "body", now_s());
    request.request.method = "GET";
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
    sign(&request, &fatma, "after=3", "body", now_s());
    request.request.path = "/v1/teams/y/acks";
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
    sign(&request, &fatma, "after=3", "body", now_s());
    request.request.query = "after=4";
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
    sign(&request, &fatma, "after=3", "body", now_s());
    request.request.body = (const uint8_t *)"bodi";
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
    sign(&request, &fatma, "after=3", "body", now_s());
    request.request.body_len = 0;
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
    sign(&request, &fatma, "after=3", "body", now_s());
    request.request.content_digest = NULL;
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
}

static void
what_is_not_signed_is_said_to_be_so(void **state)
{
    struct signed_request request;

    (void)state;
    sign(&request, &fatma, "", "", now_s());
    request.request.signature = NULL;
    assert_int_equal(check(&request), WIRE_ERROR_UNSIGNED);
    sign(&request, &fatma, "", "", now_s());
    request.request.signature_input = NULL;
    assert_int_equal(check(&request), WIRE_ERROR_UNSIGNED);
    sign(&request, &fatma, "", "", now_s());
    request.request.signature_input = "baken=();created=1";
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
}

static void
five_minutes_either_way_pass_and_no_more(void **state)
{
    struct signed_request request;

    (void)state;
    sign(&request, &fatma, "", "", now_s() - 300);
    assert_int_equal(check(&request), WIRE_ERROR_NONE);
    sign(&request, &fatma, "", "", now_s() + 300);
    assert_int_equal(check(&request), WIRE_ERROR_NONE);
    sign(&request, &fatma, "", "", now_s() - 301);
    assert_int_equal(check(&request), WIRE_ERROR_CLOCK);
    sign(&request, &fatma, "", "", now_s() + 301);
    assert_int_equal(check(&request), WIRE_ERROR_CLOCK);
    sign(&request, &fatma, "", "", 0);
    assert_int_equal(check(&request), WIRE_ERROR_CLOCK);
}

static void
a_stranger_and_a_borrowed_name_are_refused(void **state)
{
    struct hosted_device stranger = {.identity = IDENTITY_EMPTY};
    struct signed_request request;

    (void)state;
    assert_int_equal(identity_make(&stranger.identity), RC_OK);
    sign(&request, &stranger, "", "", now_s());
    assert_int_equal(check(&request), WIRE_ERROR_UNKNOWN_DEVICE);
    stranger.identity.device = fatma.identity.device;
    sign(&request, &stranger, "", "", now_s());
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
    hosted_device_wipe(&stranger);
}

static void
a_revoked_device_is_told_so_only_when_it_is_itself(void **state)
{
    struct ledger_op op = hosted_op(&hosted, LEDGER_REVOKE_DEVICE);
    struct signed_request request;

    (void)state;
    op.as.revoke_device = fatma.identity.device;
    assert_int_equal(hosted_submit(&hosted, &hosted.first, &op, NULL), 200);
    sign(&request, &fatma, "", "", now_s());
    assert_int_equal(check(&request), WIRE_ERROR_REVOKED);
    request.request.query = "x=1";
    assert_int_equal(check(&request), WIRE_ERROR_SIGNATURE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signed_request_names_its_device),
        TEST(each_part_that_is_signed_counts),
        TEST(what_is_not_signed_is_said_to_be_so),
        TEST(five_minutes_either_way_pass_and_no_more),
        TEST(a_stranger_and_a_borrowed_name_are_refused),
        TEST(a_revoked_device_is_told_so_only_when_it_is_itself),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
