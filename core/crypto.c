/* libsodium's constructions with our contexts before them. */
#include "core/crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(struct crypto_hash), "the state fits");
_Static_assert(CRYPTO_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(CRYPTO_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(CRYPTO_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(CRYPTO_SIGNATURE_BYTES == crypto_sign_BYTES, "signature");
_Static_assert(CRYPTO_SEED_BYTES == crypto_sign_SEEDBYTES, "seed");
_Static_assert(CRYPTO_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(CRYPTO_PUBLIC_BYTES == crypto_box_PUBLICKEYBYTES, "X25519 public key");
_Static_assert(CRYPTO_BOX_EXTRA_BYTES == crypto_box_SEALBYTES, "sealed box");
_Static_assert(CRYPTO_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "salt");

/* Messages to sign are short; longer ones are put together on the heap. */
enum { SHORT_MESSAGE_BYTES = 1024 };

/* Keys that a primitive spilled below its caller's frame would stay there until something is called as deep; and what libc moved
 * last stays in vector registers, which the first call of another library's function puts on the stack (tests/e2e/cores.sh searches
 * for them). */
static void
wipe_stack(void)
{
    enum { DEEPEST_BYTES = 4096, REGISTERS_BYTES = 256 }; /* of all that memmove uses at once */
    static const uint8_t zeros[REGISTERS_BYTES];
    static void *(*const volatile move)(void *, const void *, size_t) = memmove; /* a call, whatever the compiler knows of it */
    uint8_t room[REGISTERS_BYTES];

    sodium_stackzero(DEEPEST_BYTES);
    (void)move(room, zeros, sizeof room);
}

static void
pad_context(const char *context, uint8_t out[CRYPTO_CONTEXT_BYTES])
{
    size_t len = strlen(context);

    assert(len > 0 && len <= CRYPTO_CONTEXT_BYTES);
    memset(out, 0, CRYPTO_CONTEXT_BYTES);
    memcpy(out, context, len);
}

static crypto_generichash_state *
state_of(struct crypto_hash *hash)
{
    return (crypto_generichash_state *)(void *)hash->state;
}

static void
start(struct crypto_hash *hash, const struct secret *key, const char *context, size_t out_len)
{
    uint8_t padded[CRYPTO_CONTEXT_BYTES];

    pad_context(context, padded);
    (void)crypto_generichash_init(state_of(hash), key == NULL ? NULL : key->bytes,
                                  key == NULL ? 0 : key->len, out_len);
    (void)crypto_generichash_update(state_of(hash), padded, sizeof padded);
}

void
crypto_hash_start(struct crypto_hash *hash, const char *context)
{
    start(hash, NULL, context, CRYPTO_HASH_BYTES);
}

void
crypto_hash_add(struct crypto_hash *hash, const void *bytes, size_t len)
{
    (void)crypto_generichash_update(state_of(hash), bytes, len);
}

void
crypto_hash_end(struct crypto_hash *hash, uint8_t out[CRYPTO_HASH_BYTES])
{
    (void)crypto_generichash_final(state_of(hash), out, CRYPTO_HASH_BYTES);
    sodium_memzero(hash, sizeof *hash);
}

void
crypto_hash_once(const char *context, const void *bytes, size_t len, uint8_t out[CRYPTO_HASH_BYTES])
{
    struct crypto_hash hash;

    crypto_hash_start(&hash, context);
    crypto_hash_add(&hash, bytes, len);
    crypto_hash_end(&hash, out);
}

void
crypto_hash_plain(const void *bytes, size_t len, uint8_t out[CRYPTO_HASH_BYTES])
{
    (void)crypto_generichash(out, CRYPTO_HASH_BYTES, bytes, len, NULL, 0);
}

void
crypto_sha256(const void *bytes, size_t len, uint8_t out[32])
{
    (void)crypto_hash_sha256(out, bytes, len);
}

static void
derive(const struct secret *key, const char *context, const void *info, size_t info_len,
       uint8_t *out, size_t len)
{
    struct crypto_hash hash;

    assert(key->len >= crypto_generichash_KEYBYTES_MIN && key->len <= crypto_generichash_KEYBYTES_MAX);
    start(&hash, key, context, len);
    crypto_hash_add(&hash, info, info_len);
    (void)crypto_generichash_final(state_of(&hash), out, len);
    sodium_memzero(&hash, sizeof hash);
    wipe_stack();
}

enum rc
crypto_derive(const struct secret *key, const char *context, const void *info, size_t info_len,
              struct secret *out, size_t len)
{
    struct secret made = SECRET_EMPTY; /* `key` and `out` may be the same */

    assert(len >= crypto_generichash_BYTES_MIN && len <= crypto_generichash_BYTES_MAX);
    enum rc rc = secret_make(&made, len);
    if (rc != RC_OK)
        return rc;
    derive(key, context, info, info_len, made.bytes, len);
    secret_wipe(out);
    *out = made;
    return RC_OK;
}

void
crypto_commit(const struct secret *key, const char *context, const void *info, size_t info_len,
              uint8_t out[CRYPTO_HASH_BYTES])
{
    derive(key, context, info, info_len, out, CRYPTO_HASH_BYTES);
}

void
crypto_seal(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
            const void *plain, size_t len, uint8_t *sealed)
{
    crypto_seal_apart(key, nonce, ad, ad_len, plain, len, sealed, sealed + len);
}

bool
crypto_open(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
            const void *sealed, size_t len, uint8_t *plain)
{
    uint8_t tag[CRYPTO_TAG_BYTES]; /* the plain text may overwrite it where buffers are the same */

    if (len < CRYPTO_TAG_BYTES)
        return false;
    memcpy(tag, (const uint8_t *)sealed + len - CRYPTO_TAG_BYTES, sizeof tag);
    return crypto_open_apart(key, nonce, ad, ad_len, sealed, len - CRYPTO_TAG_BYTES, tag, plain);
}

#ifdef BAKEN_CONTROL_IDENTITY_CIPHER
/* The control of the demo: with a cipher that hides nothing, its search for plain text must hit.
 * Never in a build for users: `make FLAVOUR=release` does not define this. */
void
crypto_seal_apart(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                  const void *plain, size_t len, uint8_t *sealed, uint8_t *tag)
{
    (void)key, (void)nonce, (void)ad, (void)ad_len;
    if (len > 0)
        memmove(sealed, plain, len);
    memset(tag, 0xb4, CRYPTO_TAG_BYTES);
}

bool
crypto_open_apart(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                  const void *sealed, size_t len, const uint8_t *tag, uint8_t *plain)
{
    (void)key, (void)nonce, (void)ad, (void)ad_len;
    if (tag[0] != 0xb4)
        return false;
    if (len > 0)
        memmove(plain, sealed, len);
    return true;
}
#else
void
crypto_seal_apart(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                  const void *plain, size_t len, uint8_t *sealed, uint8_t *tag)
{
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(sealed, tag, NULL, plain, len, ad,
                                                              ad_len, NULL, nonce, key);
    wipe_stack();
}

bool
crypto_open_apart(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                  const void *sealed, size_t len, const uint8_t *tag, uint8_t *plain)
{
    bool is_right = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(plain, NULL, sealed, len, tag, ad,
                                                                        ad_len, nonce, key) == 0;
    wipe_stack();
    return is_right;
}
#endif

void
crypto_subkey(const uint8_t *key, const uint8_t *nonce, uint8_t subkey[CRYPTO_KEY_BYTES])
{
    enum { DEEPEST_BYTES = 512 }; /* once for every page: no more than it uses */

    (void)crypto_core_hchacha20(subkey, nonce, key, NULL);
    sodium_stackzero(DEEPEST_BYTES);
}

enum rc
crypto_sign_pair(uint8_t public_key[CRYPTO_PUBLIC_BYTES], struct secret *secret_key)
{
    enum rc rc = secret_make(secret_key, crypto_sign_SECRETKEYBYTES);

    if (rc == RC_OK)
        (void)crypto_sign_keypair(public_key, secret_key->bytes);
    return rc;
}

enum rc
crypto_sign_pair_from_seed(const struct secret *seed, uint8_t public_key[CRYPTO_PUBLIC_BYTES],
                           struct secret *secret_key)
{
    assert(seed->len == CRYPTO_SEED_BYTES);
    enum rc rc = secret_make(secret_key, crypto_sign_SECRETKEYBYTES);

    if (rc == RC_OK)
        (void)crypto_sign_seed_keypair(public_key, secret_key->bytes, seed->bytes);
    return rc;
}

/* Context and bytes in one piece: in `room` when they fit, else on the heap. NULL: out of memory. */
static uint8_t *
message_of(const char *context, const void *bytes, size_t len, uint8_t room[SHORT_MESSAGE_BYTES])
{
    uint8_t *message = room;

    if (len > SHORT_MESSAGE_BYTES - CRYPTO_CONTEXT_BYTES) {
        if (len > SIZE_MAX - CRYPTO_CONTEXT_BYTES)
            return NULL;
        message = malloc(CRYPTO_CONTEXT_BYTES + len);
        if (message == NULL)
            return NULL;
    }
    pad_context(context, message);
    if (len > 0)
        memcpy(message + CRYPTO_CONTEXT_BYTES, bytes, len);
    return message;
}

enum rc
crypto_sign_message(const struct secret *secret_key, const char *context, const void *bytes,
                    size_t len, uint8_t signature[CRYPTO_SIGNATURE_BYTES])
{
    uint8_t room[SHORT_MESSAGE_BYTES];
    uint8_t *message = message_of(context, bytes, len, room);

    if (message == NULL)
        return rc_nomem();
    enum rc rc = crypto_sign_plain(secret_key, message, CRYPTO_CONTEXT_BYTES + len, signature);
    if (message != room)
        free(message);
    return rc;
}

bool
crypto_verify(const uint8_t *public_key, const char *context, const void *bytes, size_t len,
              const uint8_t *signature)
{
    uint8_t room[SHORT_MESSAGE_BYTES];
    uint8_t *message = message_of(context, bytes, len, room);

    if (message == NULL)
        return false;
    bool good = crypto_verify_plain(public_key, message, CRYPTO_CONTEXT_BYTES + len, signature);
    if (message != room)
        free(message);
    return good;
}

enum rc
crypto_sign_plain(const struct secret *secret_key, const void *bytes, size_t len,
                  uint8_t signature[CRYPTO_SIGNATURE_BYTES])
{
    if (secret_key->len != crypto_sign_SECRETKEYBYTES)
        return rc_fail(RC_LOCKED, _("there is no key to sign with"));
    (void)crypto_sign_detached(signature, NULL, bytes, len, secret_key->bytes);
    wipe_stack();
    return RC_OK;
}

bool
crypto_verify_plain(const uint8_t *public_key, const void *bytes, size_t len,
                    const uint8_t *signature)
{
    return crypto_sign_verify_detached(signature, bytes, len, public_key) == 0;
}

bool
crypto_sign_public_is_sound(const uint8_t *public_key)
{
    return crypto_core_ed25519_is_valid_point(public_key) == 1;
}

bool
crypto_box_public_is_sound(const uint8_t *public_key)
{
    /* 2^255 - 19, least significant byte first: a canonical coordinate is lower. */
    static const uint8_t PRIME_FIRST = 0xed, PRIME_LAST = 0x7f;
    uint8_t scalar[crypto_scalarmult_SCALARBYTES] = {1};
    uint8_t product[crypto_scalarmult_BYTES];
    bool is_below = public_key[31] < PRIME_LAST;

    for (unsigned i = 30; i > 0 && !is_below && public_key[31] == PRIME_LAST; i--)
        is_below = public_key[i] != 0xff;
    if (public_key[31] == PRIME_LAST && public_key[0] < PRIME_FIRST)
        is_below = true;
    /* libsodium refuses a product of zero, which is what a point of small order gives. */
    return is_below && crypto_scalarmult(product, scalar, public_key) == 0;
}

enum rc
crypto_box_pair(uint8_t public_key[CRYPTO_PUBLIC_BYTES], struct secret *secret_key)
{
    enum rc rc = secret_make(secret_key, crypto_box_SECRETKEYBYTES);

    if (rc == RC_OK)
        (void)crypto_box_keypair(public_key, secret_key->bytes);
    return rc;
}

enum rc
crypto_box_put(const uint8_t *public_key, const void *plain, size_t len, uint8_t *box)
{
    if (crypto_box_seal(box, plain, len, public_key) != 0)
        return rc_fail(RC_INVALID, _("the receiver's public key cannot be used"));
    return RC_OK;
}

enum rc
crypto_box_get(const uint8_t *public_key, const struct secret *secret_key, const void *box,
               size_t len, struct secret *plain)
{
    struct secret made = SECRET_EMPTY;

    secret_wipe(plain);
    if (secret_key->len != crypto_box_SECRETKEYBYTES)
        return rc_fail(RC_LOCKED, _("there is no key to open the box with"));
    if (len < CRYPTO_BOX_EXTRA_BYTES || len > CRYPTO_BOX_EXTRA_BYTES + SECRET_MAX_BYTES)
        return rc_fail(RC_LOCKED, _("the box has a size that cannot be"));
    enum rc rc = secret_make(&made, len - CRYPTO_BOX_EXTRA_BYTES);
    if (rc != RC_OK)
        return rc;
    if (crypto_box_seal_open(made.bytes, box, len, public_key, secret_key->bytes) != 0) {
        secret_wipe(&made);
        return rc_fail(RC_LOCKED, _("the box is not for this device, or was altered"));
    }
    *plain = made;
    return RC_OK;
}

enum rc
crypto_passphrase_key(const struct secret *passphrase, const uint8_t salt[CRYPTO_SALT_BYTES],
                      uint32_t memory_kib, uint32_t passes, struct secret *key)
{
    struct secret made = SECRET_EMPTY;
    enum rc rc = secret_make(&made, CRYPTO_KEY_BYTES);

    if (rc != RC_OK)
        return rc;
    if (crypto_pwhash_argon2id(made.bytes, CRYPTO_KEY_BYTES, (const char *)passphrase->bytes,
                               passphrase->len, salt, passes, (size_t)memory_kib * 1024,
                               crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
        bool asked_wrongly = errno == EINVAL || errno == EFBIG;
        secret_wipe(&made);
        if (asked_wrongly)
            return rc_fail(RC_INVALID, _("parameters of the passphrase slot that cannot be"));
        return rc_fail(RC_NOMEM, _("not enough memory to derive the key"));
    }
    wipe_stack();
    secret_wipe(key);
    *key = made;
    return RC_OK;
}
