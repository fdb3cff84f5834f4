/* Tests of entries and their packing: sealed, verified, opened; lengths that tell little. */
#include "sync/entry.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "sync/pack.h"

static struct identity author;
static struct secret key;

static int
set_up(void **state)
{
    (void)state;
    assert_ok(secret_start());
    assert_ok(identity_make(&author));
    assert_ok(secret_random(&key, CRYPTO_KEY_BYTES));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    identity_wipe(&author);
    secret_wipe(&key);
    return 0;
}

static struct entry
first_entry(void)
{
    return (struct entry){
        .stream = id_random(), .incarnation = 1, .first = 1, .last = 2, .epoch = 1, .position = 1};
}

static void
an_entry_opens_to_what_was_sealed_and_only_whole(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY(1 << 20);
    struct buf ciphertext = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
    struct buf opened = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct entry entry = first_entry();
    struct entry again;
    uint8_t header[ENTRY_HEADER_BYTES];

    assert_ok(buf_put(&body, "visit", 5));
    assert_ok(entry_seal(&entry, &author, &key, &body, &ciphertext));
    assert_true(entry_verify(&entry, author.sign_public));
    assert_true(entry_body_fits(&entry));
    assert_ok(entry_open(&entry, &key, &opened));
    assert_int_equal(opened.len, 5);
    assert_memory_equal(opened.data, "visit", 5);
    entry_header(&entry, header);
    assert_ok(entry_header_decode(header, sizeof header, &again));
    assert_memory_equal(again.hash, entry.hash, 32);

    ciphertext.data[3] ^= 1;
    assert_false(entry_body_fits(&entry));
    assert_int_equal(entry_open(&entry, &key, &opened), RC_CORRUPT);
    ciphertext.data[3] ^= 1;
    entry.last++; /* the front is bound to the seal, and to the signature */
    assert_int_equal(entry_open(&entry, &key, &opened), RC_CORRUPT);
    assert_false(entry_verify(&entry, author.sign_public));
    entry.last--;
    entry.ciphertext = NULL;
    assert_true(entry_verify(&entry, author.sign_public)); /* lawfully gone */
    assert_int_equal(entry_open(&entry, &key, &opened), RC_ABSENT);
    buf_wipe(&body);
    buf_wipe(&ciphertext);
    buf_wipe(&opened);
}

static void
impossible_saves_are_not_sealed(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY(10);
    struct buf ciphertext = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
    struct entry entry = first_entry();

    entry.first = 0;
    assert_int_equal(entry_seal(&entry, &author, &key, &body, &ciphertext), RC_INVALID);
    entry = first_entry();
    entry.last = 0;
    assert_int_equal(entry_seal(&entry, &author, &key, &body, &ciphertext), RC_INVALID);
    entry = first_entry();
    entry.last = CHANGE_SAVES + 1;
    assert_int_equal(entry_seal(&entry, &author, &key, &body, &ciphertext), RC_INVALID);
    entry = first_entry();
    entry.previous[0] = 1;
    assert_int_equal(entry_seal(&entry, &author, &key, &body, &ciphertext), RC_INVALID);
    buf_wipe(&ciphertext);
}

static void
a_body_at_the_ceiling_passes_and_one_byte_more_does_not(void **state)
{
    (void)state;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES + 1);
    struct buf ciphertext = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
    struct buf opened = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct entry entry = first_entry();
    uint8_t *room;

    assert_ok(buf_extend(&body, CHANGE_BODY_BYTES, &room));
    random_fill(room, CHANGE_BODY_BYTES); /* does not compress */
    assert_ok(entry_seal(&entry, &author, &key, &body, &ciphertext));
    assert_ok(entry_open(&entry, &key, &opened));
    assert_memory_equal(opened.data, body.data, body.len);
    assert_ok(buf_put_u8(&body, 0));
    assert_int_equal(entry_seal(&entry, &author, &key, &body, &ciphertext), RC_TOO_LARGE);
    assert_int_equal(ciphertext.len, 0);
    buf_wipe(&body);
    buf_wipe(&ciphertext);
    buf_wipe(&opened);
}

/* Computed by hand from algorithm 1 of the PURBs paper. */
static void
padded_lengths_are_those_of_the_paper(void **state)
{
    (void)state;
    const size_t expected[][2] = {{0, 64},      {1, 64},      {64, 64},
                                  {65, 128},    {129, 192},   {961, 1024},
                                  {1025, 1088}, {4097, 4352}, {1000000, 1015808}};

    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(pack_padded(expected[i][0]), expected[i][1]);
    for (size_t n = 64; n < 200000; n += 61)
        assert_in_range(pack_padded(n), n, n + n / 8 + 64);
}

static void
a_frame_that_grows_beyond_its_word_is_refused(void **state)
{
    (void)state;
    struct buf zeros = BUF_EMPTY(1 << 20);
    struct buf packed = BUF_EMPTY(1 << 20);
    struct buf out = BUF_EMPTY(1 << 20);

    assert_ok(buf_put_zeros(&zeros, 1 << 20));
    assert_ok(pack_put(zeros.data, zeros.len, 1 << 20, &packed));
    assert_true(packed.len < 1024);
    assert_ok(pack_get(packed.data, packed.len, 1 << 20, &out));
    assert_int_equal(out.len, 1 << 20);
    assert_int_equal(pack_get(packed.data, packed.len, 1000, &out), RC_CORRUPT);
    packed.data[6] = 0; /* it now says that it is shorter */
    packed.data[7] = 0;
    packed.data[8] = 16;
    assert_int_equal(pack_get(packed.data, packed.len, 1 << 20, &out), RC_CORRUPT);
    assert_int_equal(out.len, 0);
    packed.data[1] = 2;
    assert_int_equal(pack_get(packed.data, packed.len, 1 << 20, &out), RC_UNSUPPORTED);
    buf_clear(&packed);
    assert_ok(pack_put("abc", 3, 100, &packed));
    packed.data[packed.len - 1] = 1;
    assert_int_equal(pack_get(packed.data, packed.len, 100, &out), RC_CORRUPT);
    buf_wipe(&zeros);
    buf_wipe(&packed);
    buf_wipe(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_opens_to_what_was_sealed_and_only_whole),
        cmocka_unit_test(impossible_saves_are_not_sealed),
        cmocka_unit_test(a_body_at_the_ceiling_passes_and_one_byte_more_does_not),
        cmocka_unit_test(padded_lengths_are_those_of_the_paper),
        cmocka_unit_test(a_frame_that_grows_beyond_its_word_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
