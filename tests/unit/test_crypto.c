/* Tests of core/crypto: published answers, and that every changed bit is noticed. */
#include "core/crypto.h"

#include "tests/unit/unit.h"

#include <string.h>

static void
from_hex(const char *hex, uint8_t *out, size_t len)
{
    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

static void
assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    uint8_t wanted[128];

    from_hex(hex, wanted, len);
    assert_memory_equal(bytes, wanted, len);
}

static void
hashes_give_the_published_answers(void **state)
{
    uint8_t out[CRYPTO_HASH_BYTES];

    (void)state;
    /* BLAKE2b-256 of "abc" (as the authors' b2sum -l 256) and SHA-256 of FIPS 180-4, B.1. */
    crypto_hash_plain("abc", 3, out);
    assert_hex(out, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    crypto_sha256("abc", 3, out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
a_context_stands_before_the_parts(void **state)
{
    uint8_t whole[CRYPTO_HASH_BYTES];
    uint8_t parts[CRYPTO_HASH_BYTES];
    struct crypto_hash hash;

    (void)state;
    crypto_hash_plain("baken entry 1\0\0\0abcdef", 22, whole);
    crypto_hash_start(&hash, "baken entry 1");
    crypto_hash_add(&hash, "abc", 3);
    crypto_hash_add(&hash, NULL, 0);
    crypto_hash_add(&hash, "def", 3);
    crypto_hash_end(&hash, parts);
    assert_memory_equal(whole, parts, sizeof whole);
    crypto_hash_once("baken entry 1", "abcdef", 6, parts);
    assert_memory_equal(whole, parts, sizeof whole);
    crypto_hash_once("baken entry 2", "abcdef", 6, parts);
    assert_memory_not_equal(whole, parts, sizeof whole);
}

/* RFC 8032, 7.1, TEST 2. */
static void
signatures_give_the_answer_of_rfc_8032(void **state)
{
    uint8_t seed_bytes[CRYPTO_SEED_BYTES];
    uint8_t public_key[CRYPTO_PUBLIC_BYTES];
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
    struct secret seed = SECRET_EMPTY;
    struct secret key = SECRET_EMPTY;

    (void)state;
    from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", seed_bytes, 32);
    assert_ok(secret_copy(&seed, seed_bytes, sizeof seed_bytes));
    assert_ok(crypto_sign_pair_from_seed(&seed, public_key, &key));
    assert_hex(public_key, 32, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    assert_ok(crypto_sign_plain(&key, "\x72", 1, signature));
    assert_hex(signature, 64,
               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
               "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    assert_true(crypto_verify_plain(public_key, "\x72", 1, signature));
    assert_false(crypto_verify_plain(public_key, "\x73", 1, signature));
    secret_wipe(&seed);
    secret_wipe(&key);
}

static void
a_signature_counts_for_its_context_and_bytes_alone(void **state)
{
    static uint8_t message[5000];
    uint8_t public_key[CRYPTO_PUBLIC_BYTES];
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
    struct secret key = SECRET_EMPTY;
    struct dice dice = dice_start();

    (void)state;
    assert_int_equal(crypto_sign_message(&key, "baken test 1", "x", 1, signature), RC_LOCKED);
    assert_ok(crypto_sign_pair(public_key, &key));
    for (int i = 0; i < 40; i++) {
        size_t len = 1 + dice_below(&dice, sizeof message);
        dice_fill(&dice, message, len);
        assert_ok(crypto_sign_message(&key, "baken test 1", message, len, signature));
        assert_true(crypto_verify(public_key, "baken test 1", message, len, signature));
        assert_false(crypto_verify(public_key, "baken test 2", message, len, signature));
        assert_false(crypto_verify(public_key, "baken test 1", message, len - 1, signature));
        message[dice_below(&dice, len)] ^= (uint8_t)(1 << dice_below(&dice, 8));
        assert_false(crypto_verify(public_key, "baken test 1", message, len, signature));
    }
    secret_wipe(&key);
}

/* draft-irtf-cfrg-xchacha-03, A.3.1. */
static void
sealing_gives_the_published_answer(void **state)
{
    static const char plain[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one "
                                "tip for the future, sunscreen would be it.";
    const size_t len = sizeof plain - 1;
    uint8_t key[CRYPTO_KEY_BYTES];
    uint8_t nonce[CRYPTO_NONCE_BYTES];
    uint8_t ad[12];
    uint8_t sealed[sizeof plain - 1 + CRYPTO_TAG_BYTES];

    (void)state;
    from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", key, sizeof key);
    from_hex("404142434445464748494a4b4c4d4e4f5051525354555657", nonce, sizeof nonce);
    from_hex("50515253c0c1c2c3c4c5c6c7", ad, sizeof ad);
    crypto_seal(key, nonce, ad, sizeof ad, plain, len, sealed);
    assert_hex(sealed, 16, "bd6d179d3e83d43b9576579493c0e939");
    assert_hex(sealed + len, 16, "c0875924c1c7987947deafd8780acf49");
    assert_true(crypto_open(key, nonce, ad, sizeof ad, sealed, sizeof sealed, sealed)); /* in place */
    assert_memory_equal(sealed, plain, len);
}

static void
every_changed_bit_is_noticed_and_leaves_zeros(void **state)
{
    struct dice dice = dice_start();
    uint8_t key[CRYPTO_KEY_BYTES];
    uint8_t nonce[CRYPTO_NONCE_BYTES];
    uint8_t ad[8];
    uint8_t plain[48];
    uint8_t opened[48];
    uint8_t sealed[48 + CRYPTO_TAG_BYTES];
    static const uint8_t zeros[48];

    (void)state;
    dice_fill(&dice, key, sizeof key);
    dice_fill(&dice, nonce, sizeof nonce);
    dice_fill(&dice, ad, sizeof ad);
    dice_fill(&dice, plain, sizeof plain);
    crypto_seal(key, nonce, ad, sizeof ad, plain, sizeof plain, sealed);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(opened, 0xaa, sizeof opened);
        assert_false(crypto_open(key, nonce, ad, sizeof ad, sealed, sizeof sealed, opened));
        assert_memory_equal(opened, zeros, sizeof opened);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ad[0] ^= 1;
    assert_false(crypto_open(key, nonce, ad, sizeof ad, sealed, sizeof sealed, opened));
    ad[0] ^= 1;
    assert_false(crypto_open(key, nonce, ad, sizeof ad, sealed, CRYPTO_TAG_BYTES - 1, opened));
    assert_true(crypto_open(key, nonce, ad, sizeof ad, sealed, sizeof sealed, opened));
    assert_memory_equal(opened, plain, sizeof plain);
    crypto_seal(key, nonce, NULL, 0, NULL, 0, sealed);
    assert_true(crypto_open(key, nonce, NULL, 0, sealed, CRYPTO_TAG_BYTES, opened));
}

static void
derived_keys_and_commitments_depend_on_all_that_goes_in(void **state)
{
    struct secret key = SECRET_EMPTY;
    struct secret a = SECRET_EMPTY;
    struct secret b = SECRET_EMPTY;
    uint8_t commitment[CRYPTO_HASH_BYTES];

    (void)state;
    assert_ok(secret_random(&key, CRYPTO_KEY_BYTES));
    assert_ok(crypto_derive(&key, "baken page 1", "main", 4, &a, 32));
    assert_ok(crypto_derive(&key, "baken page 1", "main", 4, &b, 32));
    assert_true(secret_equal(&a, &b));
    crypto_commit(&key, "baken page 1", "main", 4, commitment);
    assert_memory_equal(commitment, a.bytes, sizeof commitment);
    assert_ok(crypto_derive(&key, "baken page 2", "main", 4, &b, 32));
    assert_false(secret_equal(&a, &b));
    assert_ok(crypto_derive(&key, "baken page 1", "wal", 3, &b, 32));
    assert_false(secret_equal(&a, &b));
    assert_ok(crypto_derive(&key, "baken page 1", "main", 4, &key, 32)); /* over itself */
    assert_true(secret_equal(&a, &key));
    secret_wipe(&key);
    secret_wipe(&a);
    secret_wipe(&b);
}

static void
a_box_opens_for_its_receiver_alone(void **state)
{
    uint8_t ours[CRYPTO_PUBLIC_BYTES];
    uint8_t theirs[CRYPTO_PUBLIC_BYTES];
    uint8_t box[32 + CRYPTO_BOX_EXTRA_BYTES];
    static const uint8_t small_order[CRYPTO_PUBLIC_BYTES];
    struct secret our_key = SECRET_EMPTY;
    struct secret their_key = SECRET_EMPTY;
    struct secret opened = SECRET_EMPTY;

    (void)state;
    assert_ok(crypto_box_pair(ours, &our_key));
    assert_ok(crypto_box_pair(theirs, &their_key));
    assert_ok(crypto_box_put(ours, "thirty-two bytes of an epoch key", 32, box));
    assert_ok(crypto_box_get(ours, &our_key, box, sizeof box, &opened));
    assert_int_equal(opened.len, 32);
    assert_memory_equal(opened.bytes, "thirty-two bytes of an epoch key", 32);
    assert_int_equal(crypto_box_get(theirs, &their_key, box, sizeof box, &opened), RC_LOCKED);
    assert_null(opened.bytes);
    assert_int_equal(crypto_box_get(ours, &our_key, box, 47, &opened), RC_LOCKED);
    box[40] ^= 1;
    assert_int_equal(crypto_box_get(ours, &our_key, box, sizeof box, &opened), RC_LOCKED);
    assert_int_equal(crypto_box_put(small_order, "x", 1, box), RC_INVALID);
    secret_wipe(&our_key);
    secret_wipe(&their_key);
}

static void
a_passphrase_gives_one_key_for_its_salt_and_cost(void **state)
{
    static const uint8_t salt[CRYPTO_SALT_BYTES] = "sixteen bytes of";
    static const uint8_t other[CRYPTO_SALT_BYTES] = "sixteen bytes or";
    struct secret phrase = SECRET_EMPTY;
    struct secret a = SECRET_EMPTY;
    struct secret b = SECRET_EMPTY;

    (void)state;
    assert_ok(secret_copy(&phrase, "correct paard batterij nietje", 29));
    assert_ok(crypto_passphrase_key(&phrase, salt, 64, 1, &a));
    assert_ok(crypto_passphrase_key(&phrase, salt, 64, 1, &b));
    assert_true(secret_equal(&a, &b));
    assert_int_equal(a.len, CRYPTO_KEY_BYTES);
    assert_ok(crypto_passphrase_key(&phrase, other, 64, 1, &b));
    assert_false(secret_equal(&a, &b));
    assert_ok(crypto_passphrase_key(&phrase, salt, 64, 2, &b));
    assert_false(secret_equal(&a, &b));
    assert_int_equal(crypto_passphrase_key(&phrase, salt, 1, 1, &b), RC_INVALID);
    assert_int_equal(crypto_passphrase_key(&phrase, salt, 64, 0, &b), RC_INVALID);
    secret_wipe(&phrase);
    secret_wipe(&a);
    secret_wipe(&b);
}

static int
start(void **state)
{
    (void)state;
    return (int)secret_start();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_give_the_published_answers),
        cmocka_unit_test(a_context_stands_before_the_parts),
        cmocka_unit_test(signatures_give_the_answer_of_rfc_8032),
        cmocka_unit_test(a_signature_counts_for_its_context_and_bytes_alone),
        cmocka_unit_test(sealing_gives_the_published_answer),
        cmocka_unit_test(every_changed_bit_is_noticed_and_leaves_zeros),
        cmocka_unit_test(derived_keys_and_commitments_depend_on_all_that_goes_in),
        cmocka_unit_test(a_box_opens_for_its_receiver_alone),
        cmocka_unit_test(a_passphrase_gives_one_key_for_its_salt_and_cost),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
