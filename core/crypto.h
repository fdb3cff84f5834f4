/* The constructions of libsodium that Baken uses, under one roof. No primitive of our own.
 *
 * A *context* is a short ASCII word ("baken entry 1"), at most 16 bytes, NUL-padded to 16, put before
 * everything that is hashed, derived or signed, so that no byte string means two things. */
#ifndef CORE_CRYPTO_H
#define CORE_CRYPTO_H

#include "core/rc.h"
#include "core/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CRYPTO_CONTEXT_BYTES = 16,
    CRYPTO_KEY_BYTES = 32,
    CRYPTO_HASH_BYTES = 32,
    CRYPTO_NONCE_BYTES = 24,
    CRYPTO_TAG_BYTES = 16,
    CRYPTO_SIGNATURE_BYTES = 64,
    CRYPTO_PUBLIC_BYTES = 32,
    CRYPTO_SEED_BYTES = 32,
    CRYPTO_SALT_BYTES = 16,
    CRYPTO_BOX_EXTRA_BYTES = 48, /* what a sealed box adds: ephemeral key 32, tag 16 */
};

/* BLAKE2b-256 (RFC 7693) over context, then the parts in order. Embedded value, no release. */
struct crypto_hash {
    _Alignas(64) uint8_t state[512];
};
void crypto_hash_start(struct crypto_hash *hash, const char *context);
void crypto_hash_add(struct crypto_hash *hash, const void *bytes, size_t len);
void crypto_hash_end(struct crypto_hash *hash, uint8_t out[CRYPTO_HASH_BYTES]);
void crypto_hash_once(const char *context, const void *bytes, size_t len, uint8_t out[CRYPTO_HASH_BYTES]);
/* BLAKE2b-256 of the bytes alone, without context: where a standard or a size asks for that. */
void crypto_hash_plain(const void *bytes, size_t len, uint8_t out[CRYPTO_HASH_BYTES]);
void crypto_sha256(const void *bytes, size_t len, uint8_t out[32]); /* RFC 9530 digests */

/* Keyed BLAKE2b: derives `len` (16 to 64) bytes from key, context and info. */
enum rc crypto_derive(const struct secret *key, const char *context, const void *info, size_t info_len,
                      struct secret *out, size_t len) MUST_CHECK;
/* The same, public result: a commitment to `key`. */
void crypto_commit(const struct secret *key, const char *context, const void *info, size_t info_len,
                   uint8_t out[CRYPTO_HASH_BYTES]);

/* XChaCha20-Poly1305-IETF. `sealed` has room for len + CRYPTO_TAG_BYTES; buffers may be the same. */
void crypto_seal(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                 const void *plain, size_t len, uint8_t *sealed);
/* `len` counts the tag. False when the tag differs: `plain` is then zeroed. */
bool crypto_open(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                 const void *sealed, size_t len, uint8_t *plain) MUST_CHECK;
/* XChaCha20-Poly1305 with the tag apart, for pages. */
void crypto_seal_apart(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                       const void *plain, size_t len, uint8_t *sealed, uint8_t *tag);
bool crypto_open_apart(const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                       const void *sealed, size_t len, const uint8_t *tag, uint8_t *plain) MUST_CHECK;

/* HChaCha20 (draft-irtf-cfrg-xchacha-03): the key that XChaCha20 uses under the first 16 bytes of a nonce. */
void crypto_subkey(const uint8_t *key, const uint8_t *nonce, uint8_t subkey[CRYPTO_KEY_BYTES]);

/* Ed25519 over context, then bytes. `secret_key` is libsodium's 64-byte form. (crypto_sign itself is
 * a name of libsodium.) Verifying says false also when memory for a long message runs out. */
enum rc crypto_sign_pair(uint8_t public_key[CRYPTO_PUBLIC_BYTES], struct secret *secret_key) MUST_CHECK;
enum rc crypto_sign_pair_from_seed(const struct secret *seed, uint8_t public_key[CRYPTO_PUBLIC_BYTES],
                                   struct secret *secret_key) MUST_CHECK;
enum rc crypto_sign_message(const struct secret *secret_key, const char *context, const void *bytes,
                            size_t len, uint8_t signature[CRYPTO_SIGNATURE_BYTES]) MUST_CHECK;
bool crypto_verify(const uint8_t *public_key, const char *context, const void *bytes, size_t len,
                   const uint8_t *signature) MUST_CHECK;
/* Ed25519 over the bytes alone: HTTP message signatures (RFC 9421) only. */
enum rc crypto_sign_plain(const struct secret *secret_key, const void *bytes, size_t len,
                          uint8_t signature[CRYPTO_SIGNATURE_BYTES]) MUST_CHECK;
bool crypto_verify_plain(const uint8_t *public_key, const void *bytes, size_t len,
                         const uint8_t *signature) MUST_CHECK;

/* Whether a public key from outside may be taken in: canonical, and of no small order. */
bool crypto_sign_public_is_sound(const uint8_t *public_key); /* Ed25519: also in the main subgroup */
bool crypto_box_public_is_sound(const uint8_t *public_key);  /* X25519 */

/* X25519 sealed boxes (crypto_box_seal). */
enum rc crypto_box_pair(uint8_t public_key[CRYPTO_PUBLIC_BYTES], struct secret *secret_key) MUST_CHECK;
/* `box` has room for len + CRYPTO_BOX_EXTRA_BYTES. RC_INVALID for a public key of small order. */
enum rc crypto_box_put(const uint8_t *public_key, const void *plain, size_t len, uint8_t *box) MUST_CHECK;
/* RC_LOCKED when the box is not ours or was altered. `len` counts CRYPTO_BOX_EXTRA_BYTES. */
enum rc crypto_box_get(const uint8_t *public_key, const struct secret *secret_key, const void *box,
                       size_t len, struct secret *plain) MUST_CHECK;

/* Argon2id (RFC 9106). memory_kib and passes come from the slot, already bounded by the caller. */
enum rc crypto_passphrase_key(const struct secret *passphrase, const uint8_t salt[CRYPTO_SALT_BYTES],
                              uint32_t memory_kib, uint32_t passes, struct secret *key) MUST_CHECK;

#endif
