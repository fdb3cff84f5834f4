/* Tests of invitations, the digits that people compare, and acknowledgements. */
#include "sync/joining.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ack.h"

static int
set_up(void **state)
{
    (void)state;
    return secret_start() == RC_OK ? 0 : -1;
}

static void
make_invitation(struct joining_invitation *invitation)
{
    uint8_t unused[32];

    *invitation = JOINING_INVITATION_EMPTY;
    assert_ok(joining_invite_key(&invitation->seed, unused));
    (void)snprintf(invitation->address, sizeof invitation->address, "https://baken.example.org");
    invitation->position = 12;
    invitation->team[0] = 1;
}

static void
an_invitation_comes_back_from_its_text(void **state)
{
    (void)state;
    struct joining_invitation invitation;
    struct joining_invitation again = JOINING_INVITATION_EMPTY;
    struct buf text = BUF_EMPTY(1000);
    struct buf framed = BUF_EMPTY(1000);

    make_invitation(&invitation);
    assert_ok(joining_invitation_to_text(&invitation, &text));
    assert_ok(buf_printf(&framed, " \n%s\r\n", buf_text(&text)));
    assert_ok(joining_invitation_from_text((const char *)framed.data, framed.len, &again));
    assert_string_equal(again.address, invitation.address);
    assert_int_equal(again.position, 12);
    assert_true(secret_equal(&again.seed, &invitation.seed));
    /* Any letter that was lost or changed is noticed. */
    for (size_t i = 0; i < text.len; i++) {
        uint8_t old = text.data[i];
        text.data[i] = old == 'A' ? 'B' : 'A';
        enum rc rc = joining_invitation_from_text((const char *)text.data, text.len, &again);
        assert_true(rc == RC_INVALID || rc == RC_UNSUPPORTED);
        text.data[i] = old;
        assert_int_not_equal(joining_invitation_from_text((const char *)text.data, i, &again),
                             RC_OK);
    }
    joining_invitation_wipe(&invitation);
    joining_invitation_wipe(&again);
    buf_wipe(&text);
    buf_wipe(&framed);
}

static void
a_request_is_signed_by_invitation_and_device(void **state)
{
    (void)state;
    struct joining_invitation invitation;
    struct joining_request request;
    struct joining_request again;
    struct identity newcomer = IDENTITY_EMPTY;
    uint8_t bytes[JOINING_REQUEST_BYTES];

    make_invitation(&invitation);
    assert_ok(identity_make(&newcomer));
    assert_ok(joining_request_make(&invitation, &newcomer, 9, &request));
    joining_request_encode(&request, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 1;
        if (joining_request_decode(bytes, sizeof bytes, &again) == RC_OK)
            assert_false(joining_request_verify(&again));
        bytes[i] ^= 1;
    }
    assert_ok(joining_request_decode(bytes, sizeof bytes, &again));
    assert_true(joining_request_verify(&again));
    joining_invitation_wipe(&invitation);
    identity_wipe(&newcomer);
}

static void
digits_differ_when_any_key_does_and_forgive_blanks(void **state)
{
    (void)state;
    uint8_t parts[5][32] = {{1}, {2}, {3}, {4}, {5}};
    char digits[JOINING_DIGITS_CHARS + 1];
    char changed[JOINING_DIGITS_CHARS + 1];
    char typed[JOINING_DIGITS_CHARS + 1];

    joining_digits(parts[0], parts[1], parts[2], parts[3], parts[4], digits);
    assert_int_equal(strlen(digits), JOINING_DIGITS_CHARS);
    size_t len = 0;
    for (size_t i = 0; digits[i] != '\0'; i++)
        if (digits[i] != ' ')
            typed[len++] = digits[i];
    typed[len] = '\0';
    assert_int_equal(len, 20);
    assert_true(joining_digits_match(digits, typed));
    assert_true(joining_digits_match(digits, digits));
    typed[7] = typed[7] == '0' ? '1' : '0';
    assert_false(joining_digits_match(digits, typed));
    typed[19] = '\0';
    assert_false(joining_digits_match(digits, typed));
    assert_false(joining_digits_match(digits, ""));
    for (size_t i = 0; i < 5; i++) {
        parts[i][31] ^= 1;
        joining_digits(parts[0], parts[1], parts[2], parts[3], parts[4], changed);
        assert_string_not_equal(digits, changed);
        parts[i][31] ^= 1;
    }
}

static void
an_acknowledgement_comes_back_in_order_and_signed(void **state)
{
    (void)state;
    struct identity author = IDENTITY_EMPTY;
    struct ack ack = ACK_EMPTY;
    struct ack again = ACK_EMPTY;
    struct buf bytes = BUF_EMPTY(ACK_MAX_BYTES);
    const uint8_t digest[32] = {7};

    assert_ok(identity_make(&author));
    ack.device = author.device;
    ack.incarnation = 3;
    ack.number = 4;
    assert_ok(ack_add_stream(&ack, (struct id){{1}}, digest));
    for (uint64_t i = 1; i <= 9; i++)
        assert_ok(ack_add_feed(&ack, (struct ack_feed){{{2}}, i, 5}));
    assert_int_equal(ack_add_feed(&ack, (struct ack_feed){{{2}}, 9, 5}), RC_INVALID);
    assert_int_equal(ack_add_stream(&ack, (struct id){{1}}, digest), RC_INVALID);
    assert_ok(ack_add_stream(&ack, (struct id){{2}}, digest));
    assert_ok(ack_encode(&ack, &author, &bytes));
    assert_true(ack_verify(bytes.data, bytes.len, author.sign_public));
    assert_ok(ack_decode(bytes.data, bytes.len, &again));
    assert_int_equal(again.incarnation, 3);
    assert_int_equal(again.stream_count, 2);
    assert_int_equal(again.streams[0].feed_count, 9);
    assert_int_equal(again.streams[0].feeds[8].incarnation, 9);
    bytes.data[40] ^= 1;
    assert_false(ack_verify(bytes.data, bytes.len, author.sign_public));
    ack.device.bytes[0] ^= 1;
    assert_int_equal(ack_encode(&ack, &author, &bytes), RC_INVALID);
    ack_wipe(&ack);
    ack_wipe(&again);
    identity_wipe(&author);
    buf_wipe(&bytes);
}

static void
a_digest_depends_on_every_feed(void **state)
{
    (void)state;
    struct ack_digest digest;
    uint8_t first[32];
    uint8_t second[32];
    uint8_t hash[32] = {1};

    for (uint32_t last = 1; last <= 2; last++) {
        ack_digest_start(&digest);
        ack_digest_add(&digest, (struct id){{1}}, 2, 3, hash);
        ack_digest_add(&digest, (struct id){{2}}, 2, last, hash);
        ack_digest_end(&digest, last == 1 ? first : second);
    }
    assert_memory_not_equal(first, second, 32);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invitation_comes_back_from_its_text),
        cmocka_unit_test(a_request_is_signed_by_invitation_and_device),
        cmocka_unit_test(digits_differ_when_any_key_does_and_forgive_blanks),
        cmocka_unit_test(an_acknowledgement_comes_back_in_order_and_signed),
        cmocka_unit_test(a_digest_depends_on_every_feed),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
