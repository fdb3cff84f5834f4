/* Ed25519 and X25519 would take half of a seed's time. Two things make them cheaper; linked with --wrap=NAME for each name in the
 * Makefile's SIM_WRAPS.
 *
 * The memo: the same line, entry and box is judged by the server, by each device, and at each opening. What was true is remembered, and
 * whom a box was sealed to: only for the very same bytes, so the engine's answers do not change.
 *
 * The stand-ins, in seven seeds of eight: a signature is a hash of public key and message, and a box is sealed with a hash of both public
 * keys. They are as long, as bound to each byte and to the key that is asked, and a box opens by no other secret; anybody could forge
 * them, and nobody in this world tries by arithmetic. What set-up signed and sealed is real, and what was not made by a stand-in is judged
 * by the real ones. */
#include "tests/sim/memo.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

enum { SLOTS = 8192, TAG_BYTES = 16, PLAIN_BYTES = 64 };

int __real_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                                const unsigned char *bytes, unsigned long long len,
                                const unsigned char *secret_key);
int __real_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *bytes,
                                       unsigned long long len, const unsigned char *public_key);
int __real_crypto_box_seal_open(unsigned char *plain, const unsigned char *box,
                                unsigned long long len, const unsigned char *public_key,
                                const unsigned char *secret_key);
int __real_crypto_box_seal(unsigned char *box, const unsigned char *plain, unsigned long long len,
                           const unsigned char *public_key);
int __real_crypto_core_ed25519_is_valid_point(const unsigned char *point);
int __wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                                const unsigned char *bytes, unsigned long long len,
                                const unsigned char *secret_key);
int __wrap_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *bytes,
                                       unsigned long long len, const unsigned char *public_key);
int __wrap_crypto_box_seal_open(unsigned char *plain, const unsigned char *box,
                                unsigned long long len, const unsigned char *public_key,
                                const unsigned char *secret_key);
int __wrap_crypto_box_seal(unsigned char *box, const unsigned char *plain, unsigned long long len,
                           const unsigned char *public_key);
int __wrap_crypto_core_ed25519_is_valid_point(const unsigned char *point);

/* One slot for each value of the tag's first bits: what comes later replaces what was there. */
static struct {
    unsigned char verified[SLOTS][TAG_BYTES];
    unsigned char boxes[SLOTS][TAG_BYTES];
    unsigned char plain[SLOTS][PLAIN_BYTES];
    unsigned char sealed[SLOTS][TAG_BYTES];
    unsigned char sealed_to[SLOTS][crypto_box_PUBLICKEYBYTES];
    bool stands_in;
} memo;

void
memo_begin(bool stands_in)
{
    memo.stands_in = stands_in;
}

static size_t
slot_of(const unsigned char *tag)
{
    return (size_t)(tag[0] | tag[1] << 8) % SLOTS;
}

static void
tag_of(const char *what, const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len,
       const unsigned char *bytes, unsigned long long len, unsigned char *tag)
{
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, NULL, 0, TAG_BYTES);
    (void)crypto_generichash_update(&state, (const unsigned char *)what, strlen(what));
    (void)crypto_generichash_update(&state, a, a_len);
    (void)crypto_generichash_update(&state, b, b_len);
    (void)crypto_generichash_update(&state, bytes, len);
    (void)crypto_generichash_final(&state, tag, TAG_BYTES);
}

static bool
is_known(unsigned char (*tags)[TAG_BYTES], const unsigned char *tag)
{
    return memcmp(tags[slot_of(tag)], tag, TAG_BYTES) == 0;
}

static void
learn(unsigned char (*tags)[TAG_BYTES], const unsigned char *tag)
{
    memcpy(tags[slot_of(tag)], tag, TAG_BYTES);
}

/* ---- signatures ---- */

static void
sign_stand_in(unsigned char *signature, const unsigned char *bytes, unsigned long long len, const unsigned char *public_key)
{
    static const char what[] = "stands in for a signature";
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, (const unsigned char *)what, sizeof what, crypto_sign_BYTES);
    (void)crypto_generichash_update(&state, public_key, crypto_sign_PUBLICKEYBYTES);
    (void)crypto_generichash_update(&state, bytes, len);
    (void)crypto_generichash_final(&state, signature, crypto_sign_BYTES);
}

int
__wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                            const unsigned char *bytes, unsigned long long len,
                            const unsigned char *secret_key)
{
    const unsigned char *public_key =
        secret_key + crypto_sign_SECRETKEYBYTES - crypto_sign_PUBLICKEYBYTES;
    unsigned char tag[TAG_BYTES];

    if (memo.stands_in) {
        sign_stand_in(signature, bytes, len, public_key);
        if (signature_len != NULL)
            *signature_len = crypto_sign_BYTES;
        return 0;
    }
    int status =
        __real_crypto_sign_detached(signature, signature_len, bytes, len, secret_key);
    tag_of("signature", signature, crypto_sign_BYTES, public_key, crypto_sign_PUBLICKEYBYTES, bytes,
           len, tag);
    if (status == 0)
        learn(memo.verified, tag);
    return status;
}

int
__wrap_crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *bytes,
                                   unsigned long long len, const unsigned char *public_key)
{
    unsigned char tag[TAG_BYTES], stand_in[crypto_sign_BYTES];

    if (memo.stands_in) {
        sign_stand_in(stand_in, bytes, len, public_key);
        if (memcmp(stand_in, signature, sizeof stand_in) == 0)
            return 0;
    }
    tag_of("signature", signature, crypto_sign_BYTES, public_key, crypto_sign_PUBLICKEYBYTES, bytes,
           len, tag);
    if (is_known(memo.verified, tag))
        return 0;
    int status = __real_crypto_sign_verify_detached(signature, bytes, len, public_key);
    if (status == 0)
        learn(memo.verified, tag);
    return status;
}

/* ---- boxes ---- */

static bool
is_pair(const unsigned char *public_key, const unsigned char *secret_key)
{
    unsigned char tag[TAG_BYTES], own[crypto_box_PUBLICKEYBYTES];

    tag_of("pair", public_key, crypto_box_PUBLICKEYBYTES, secret_key, crypto_box_SECRETKEYBYTES, NULL, 0, tag);
    if (is_known(memo.verified, tag))
        return true;
    if (crypto_scalarmult_base(own, secret_key) != 0 || memcmp(own, public_key, sizeof own) != 0)
        return false;
    learn(memo.verified, tag);
    return true;
}

/* The key of the box, which begins with a public key that is drawn for it alone. */
static void
box_key(const unsigned char *box, const unsigned char *public_key, unsigned char *key, unsigned char *nonce)
{
    static const char what[] = "stands in for a box";
    unsigned char both[crypto_secretbox_KEYBYTES + crypto_secretbox_NONCEBYTES];
    crypto_generichash_state state;

    (void)crypto_generichash_init(&state, (const unsigned char *)what, sizeof what, sizeof both);
    (void)crypto_generichash_update(&state, box, crypto_box_PUBLICKEYBYTES);
    (void)crypto_generichash_update(&state, public_key, crypto_box_PUBLICKEYBYTES);
    (void)crypto_generichash_final(&state, both, sizeof both);
    memcpy(key, both, crypto_secretbox_KEYBYTES);
    memcpy(nonce, both + crypto_secretbox_KEYBYTES, crypto_secretbox_NONCEBYTES);
}

static int
seal_stand_in(unsigned char *box, const unsigned char *plain, unsigned long long len, const unsigned char *public_key)
{
    unsigned char key[crypto_secretbox_KEYBYTES], nonce[crypto_secretbox_NONCEBYTES];

    randombytes_buf(box, crypto_box_PUBLICKEYBYTES);
    box_key(box, public_key, key, nonce);
    return crypto_secretbox_easy(box + crypto_box_PUBLICKEYBYTES, plain, len, nonce, key);
}

static bool
open_stand_in(unsigned char *plain, const unsigned char *box, unsigned long long len, const unsigned char *public_key)
{
    unsigned char key[crypto_secretbox_KEYBYTES], nonce[crypto_secretbox_NONCEBYTES];

    box_key(box, public_key, key, nonce);
    return crypto_secretbox_open_easy(plain, box + crypto_box_PUBLICKEYBYTES, len - crypto_box_PUBLICKEYBYTES, nonce,
                                      key) == 0;
}

int
__wrap_crypto_box_seal(unsigned char *box, const unsigned char *plain, unsigned long long len,
                       const unsigned char *public_key)
{
    unsigned char tag[TAG_BYTES];

    int status = memo.stands_in ? seal_stand_in(box, plain, len, public_key)
                                : __real_crypto_box_seal(box, plain, len, public_key);
    tag_of("sealed", NULL, 0, NULL, 0, box, len + crypto_box_SEALBYTES, tag);
    if (status == 0) {
        learn(memo.sealed, tag);
        memcpy(memo.sealed_to[slot_of(tag)], public_key, crypto_box_PUBLICKEYBYTES);
    }
    return status;
}

/* Known to be sealed to another: no other secret opens it. */
static bool
is_for_another(const unsigned char *box, unsigned long long len, const unsigned char *public_key)
{
    unsigned char tag[TAG_BYTES];

    tag_of("sealed", NULL, 0, NULL, 0, box, len, tag);
    return is_known(memo.sealed, tag) &&
           memcmp(memo.sealed_to[slot_of(tag)], public_key, crypto_box_PUBLICKEYBYTES) != 0;
}

int
__wrap_crypto_box_seal_open(unsigned char *plain, const unsigned char *box, unsigned long long len,
                            const unsigned char *public_key, const unsigned char *secret_key)
{
    unsigned char tag[TAG_BYTES];
    size_t plain_len = len < crypto_box_SEALBYTES ? 0 : (size_t)len - crypto_box_SEALBYTES;

    if (plain_len == 0 || plain_len > PLAIN_BYTES)
        return __real_crypto_box_seal_open(plain, box, len, public_key, secret_key);
    if (is_pair(public_key, secret_key)) {
        if (memo.stands_in && open_stand_in(plain, box, len, public_key))
            return 0;
        if (is_for_another(box, len, public_key))
            return -1;
    }
    tag_of("box", public_key, crypto_box_PUBLICKEYBYTES, secret_key, crypto_box_SECRETKEYBYTES, box,
           len, tag);
    if (is_known(memo.boxes, tag)) {
        memcpy(plain, memo.plain[slot_of(tag)], plain_len);
        return 0;
    }
    int status = __real_crypto_box_seal_open(plain, box, len, public_key, secret_key);
    if (status == 0) {
        learn(memo.boxes, tag);
        memcpy(memo.plain[slot_of(tag)], plain, plain_len);
    }
    return status;
}

/* ---- points ---- */

int
__wrap_crypto_core_ed25519_is_valid_point(const unsigned char *point)
{
    unsigned char tag[TAG_BYTES];

    tag_of("point", point, crypto_core_ed25519_BYTES, NULL, 0, NULL, 0, tag);
    if (is_known(memo.verified, tag))
        return 1;
    int status = __real_crypto_core_ed25519_is_valid_point(point);
    if (status == 1)
        learn(memo.verified, tag);
    return status;
}
