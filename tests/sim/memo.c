/* Remembers what Ed25519 and X25519 have answered, for half of a seed's time would go into asking them again: the same line, entry and box
 * is judged by the server, by each device, and at each opening. What was signed here need not be verified, and of a box that was sealed here
 * it is known to whom, and what lies in it. Linked with --wrap=NAME for each name in the Makefile's SIM_WRAPS. Only for the very same
 * bytes and keys: the engine's answers do not change. */
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
    unsigned char sealed_plain[SLOTS][PLAIN_BYTES];
} memo;

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

int
__wrap_crypto_sign_detached(unsigned char *signature, unsigned long long *signature_len,
                            const unsigned char *bytes, unsigned long long len,
                            const unsigned char *secret_key)
{
    const unsigned char *public_key =
        secret_key + crypto_sign_SECRETKEYBYTES - crypto_sign_PUBLICKEYBYTES;
    unsigned char tag[TAG_BYTES];

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
    unsigned char tag[TAG_BYTES];

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

int
__wrap_crypto_box_seal(unsigned char *box, const unsigned char *plain, unsigned long long len,
                       const unsigned char *public_key)
{
    unsigned char tag[TAG_BYTES];

    int status = __real_crypto_box_seal(box, plain, len, public_key);
    if (status != 0 || len > PLAIN_BYTES)
        return status;
    tag_of("sealed", NULL, 0, NULL, 0, box, len + crypto_box_SEALBYTES, tag);
    learn(memo.sealed, tag);
    memcpy(memo.sealed_to[slot_of(tag)], public_key, crypto_box_PUBLICKEYBYTES);
    memcpy(memo.sealed_plain[slot_of(tag)], plain, (size_t)len);
    return status;
}

int
__wrap_crypto_box_seal_open(unsigned char *plain, const unsigned char *box, unsigned long long len,
                            const unsigned char *public_key, const unsigned char *secret_key)
{
    unsigned char tag[TAG_BYTES];
    size_t plain_len = len < crypto_box_SEALBYTES ? 0 : (size_t)len - crypto_box_SEALBYTES;

    if (plain_len == 0 || plain_len > PLAIN_BYTES)
        return __real_crypto_box_seal_open(plain, box, len, public_key, secret_key);
    tag_of("sealed", NULL, 0, NULL, 0, box, len, tag);
    if (is_known(memo.sealed, tag) && is_pair(public_key, secret_key)) { /* no other secret opens it, and this one does */
        if (memcmp(memo.sealed_to[slot_of(tag)], public_key, crypto_box_PUBLICKEYBYTES) != 0)
            return -1;
        memcpy(plain, memo.sealed_plain[slot_of(tag)], plain_len);
        return 0;
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
