/* Tests of signed requests against RFC 9421, appendix B.2.6, and of the one form that we take. */
#include "sync/httpsig.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "sync/base64.h"
#include "sync/identity.h"

static struct identity identity;

static int
set_up(void **state)
{
    (void)state;
    assert_ok(secret_start());
    assert_ok(identity_make(&identity));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    identity_wipe(&identity);
    return 0;
}

/* RFC 9421, B.1.4 (test-key-ed25519) and B.2.6. */
static void
the_base_and_signature_of_the_rfc_come_out(void **state)
{
    (void)state;
    static const uint8_t seed_bytes[32] = {0x9f, 0x83, 0x62, 0xf8, 0x7a, 0x48, 0x4a, 0x95,
                                           0x4e, 0x6e, 0x74, 0x0c, 0x5b, 0x4c, 0x0e, 0x84,
                                           0x22, 0x91, 0x39, 0xa2, 0x0a, 0xa8, 0xab, 0x56,
                                           0xff, 0x66, 0x58, 0x6f, 0x6a, 0x7d, 0x29, 0xc5};
    const struct httpsig_component components[] = {
        {"date", "Tue, 20 Apr 2021 02:07:55 GMT"},
        {"@method", "POST"},
        {"@path", "/foo"},
        {"@authority", "example.com"},
        {"content-type", "application/json"},
        {"content-length", "18"},
    };
    const char *params =
        "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")"
        ";created=1618884473;keyid=\"test-key-ed25519\"";
    const char *expected =
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5"
        "WPpBKRCw==";
    struct buf base = BUF_EMPTY(4096);
    struct buf text = BUF_EMPTY(100);
    struct secret seed = SECRET_EMPTY;
    struct secret key = SECRET_EMPTY;
    uint8_t public_key[32];
    uint8_t signature[64];

    assert_ok(httpsig_base(components, 6, params, &base));
    assert_string_equal(
        buf_text(&base),
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n"
        "\"@authority\": example.com\n\"content-type\": application/json\n"
        "\"content-length\": 18\n\"@signature-params\": (\"date\" \"@method\" \"@path\" "
        "\"@authority\" \"content-type\" \"content-length\");created=1618884473;"
        "keyid=\"test-key-ed25519\"");
    assert_ok(secret_copy(&seed, seed_bytes, sizeof seed_bytes));
    assert_ok(crypto_sign_pair_from_seed(&seed, public_key, &key));
    assert_ok(crypto_sign_plain(&key, base.data, base.len, signature));
    assert_ok(base64_encode(signature, sizeof signature, BASE64_PADDED, &text));
    assert_string_equal(buf_text(&text), expected);
    buf_wipe(&base);
    buf_wipe(&text);
    secret_wipe(&seed);
    secret_wipe(&key);
}

/* RFC 9530, appendix B.1. */
static void
the_digest_of_the_rfc_comes_out(void **state)
{
    (void)state;
    char digest[HTTPSIG_DIGEST_CHARS + 1];

    assert_int_equal(httpsig_content_digest("{\"hello\": \"world\"}\n", 19, digest), RC_OK);
    assert_string_equal(digest, "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
}

static void
a_signed_request_verifies_and_an_altered_one_does_not(void **state)
{
    (void)state;
    struct httpsig_request request = {"POST", "/v1/teams/ab/entries", "a=1", "body", 4};
    struct httpsig_headers headers;
    const uint8_t *key = identity.sign_public;

    assert_ok(httpsig_sign(&request, identity.device, &identity.sign, 1767225600, &headers));
    assert_ok(
        httpsig_verify(&request, headers.content_digest, headers.input, headers.signature, key));

    struct httpsig_request other = request;
    other.path = "/v1/teams/ab/acks";
    assert_int_equal(
        httpsig_verify(&other, headers.content_digest, headers.input, headers.signature, key),
        RC_UNTRUSTED);
    other = request;
    other.query = NULL;
    assert_int_equal(
        httpsig_verify(&other, headers.content_digest, headers.input, headers.signature, key),
        RC_UNTRUSTED);
    other = request;
    other.method = "PUT";
    assert_int_equal(
        httpsig_verify(&other, headers.content_digest, headers.input, headers.signature, key),
        RC_UNTRUSTED);
    other = request;
    other.body = "bodY";
    assert_int_equal(
        httpsig_verify(&other, headers.content_digest, headers.input, headers.signature, key),
        RC_UNTRUSTED);
    other = request;
    other.body_len = 0;
    assert_int_equal(httpsig_verify(&other, NULL, headers.input, headers.signature, key),
                     RC_INVALID);
    assert_int_equal(httpsig_verify(&request, NULL, headers.input, headers.signature, key),
                     RC_INVALID);
}

static void
a_request_without_body_has_no_digest(void **state)
{
    (void)state;
    struct httpsig_request request = {"GET", "/v1/teams/ab/ledger", "from=1", NULL, 0};
    struct httpsig_headers headers;
    struct httpsig_input input;

    assert_ok(httpsig_sign(&request, identity.device, &identity.sign, 5, &headers));
    assert_string_equal(headers.content_digest, "");
    assert_ok(
        httpsig_verify(&request, NULL, headers.input, headers.signature, identity.sign_public));
    assert_ok(httpsig_parse_input(headers.input, &input));
    assert_false(input.has_digest);
    assert_int_equal(input.created_s, 5);
    assert_true(id_equal(input.device, identity.device));
}

static void
only_the_one_form_of_the_input_is_taken(void **state)
{
    (void)state;
    struct httpsig_input input;
    const char *good = "baken=(\"@method\" \"@path\" \"@query\");created=1767225600;"
                       "keyid=\"000102030405060708090a0b0c0d0e0f\";alg=\"ed25519\";tag=\"baken-1\"";
    const char *bad[] = {
        "",
        "sig=(\"@method\" \"@path\" "
        "\"@query\");created=1;keyid=\"000102030405060708090a0b0c0d0e0f\"",
        "baken=(\"@method\"  \"@path\" \"@query\");created=1767225600;"
        "keyid=\"000102030405060708090a0b0c0d0e0f\";alg=\"ed25519\";tag=\"baken-1\"",
        "baken=(\"@method\" \"@path\" \"@query\");created=01767225600;"
        "keyid=\"000102030405060708090a0b0c0d0e0f\";alg=\"ed25519\";tag=\"baken-1\"",
        "baken=(\"@method\" \"@path\" \"@query\");created=-1;"
        "keyid=\"000102030405060708090a0b0c0d0e0f\";alg=\"ed25519\";tag=\"baken-1\"",
        "baken=(\"@method\" \"@path\" \"@query\");created=1767225600;"
        "keyid=\"000102030405060708090A0B0C0D0E0F\";alg=\"ed25519\";tag=\"baken-1\"",
        "baken=(\"@method\" \"@path\" \"@query\");created=1767225600;"
        "keyid=\"000102030405060708090a0b0c0d0e0f\";alg=\"ed25519\";tag=\"baken-1\" ",
        "baken=(\"@method\" \"@path\" \"@query\");created=1767225600;"
        "keyid=\"000102030405060708090a0b0c0d0e0f\";alg=\"rsa\";tag=\"baken-1\"",
    };

    assert_ok(httpsig_parse_input(good, &input));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(httpsig_parse_input(bad[i], &input), RC_INVALID);
}

static void
base64_is_strict(void **state)
{
    (void)state;
    struct buf out = BUF_EMPTY(100);

    assert_ok(base64_decode("Zm9vYmE=", 8, BASE64_PADDED, &out)); /* RFC 4648, section 10 */
    assert_string_equal(buf_text(&out), "fooba");
    assert_int_equal(base64_decode("Zm9vYmE", 7, BASE64_PADDED, &out), RC_INVALID);
    assert_int_equal(base64_decode("Zm9vYmF=", 8, BASE64_PADDED, &out),
                     RC_INVALID); /* bits left over */
    assert_int_equal(base64_decode("Zm9v\nmE=", 8, BASE64_PADDED, &out), RC_INVALID);
    assert_int_equal(base64_decode("A===", 4, BASE64_PADDED, &out), RC_INVALID);
    assert_int_equal(base64_decode("-_", 2, BASE64_PADDED, &out), RC_INVALID);
    buf_clear(&out);
    assert_ok(base64_decode("-_-_", 4, BASE64_URL, &out));
    assert_int_equal(out.data[0], 0xfb);
    buf_wipe(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_base_and_signature_of_the_rfc_come_out),
        cmocka_unit_test(the_digest_of_the_rfc_comes_out),
        cmocka_unit_test(a_signed_request_verifies_and_an_altered_one_does_not),
        cmocka_unit_test(a_request_without_body_has_no_digest),
        cmocka_unit_test(only_the_one_form_of_the_input_is_taken),
        cmocka_unit_test(base64_is_strict),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
