/* A device's two key pairs: one signs, one receives. */
#include "sync/identity.h"

#include <string.h>

#include "core/i18n.h"
#include "core/version.h"

/*
 * 0 u8 format = 1 | 1 Ed25519 secret (64) | 65 X25519 secret (32) | 97 Ed25519 public | 129 X25519 public | 161 end
 */
enum { SIGN_BYTES = 64, SAVED_BYTES = 161 };

struct id
identity_device_id(const uint8_t *sign_public, const uint8_t *box_public)
{
    struct crypto_hash hash;
    uint8_t digest[CRYPTO_HASH_BYTES];
    struct id device;

    crypto_hash_start(&hash, "baken device 1");
    crypto_hash_add(&hash, sign_public, CRYPTO_PUBLIC_BYTES);
    crypto_hash_add(&hash, box_public, CRYPTO_PUBLIC_BYTES);
    crypto_hash_end(&hash, digest);
    memcpy(device.bytes, digest, sizeof device.bytes);
    return device;
}

enum rc
identity_make(struct identity *identity)
{
    enum rc rc;

    identity_wipe(identity);
    rc = crypto_sign_pair(identity->sign_public, &identity->sign);
    if (rc == RC_OK)
        rc = crypto_box_pair(identity->box_public, &identity->box);
    if (rc != RC_OK) {
        identity_wipe(identity);
        return rc;
    }
    identity->device = identity_device_id(identity->sign_public, identity->box_public);
    return RC_OK;
}

void
identity_wipe(struct identity *identity)
{
    secret_wipe(&identity->sign);
    secret_wipe(&identity->box);
    *identity = IDENTITY_EMPTY;
}

enum rc
identity_save(const struct identity *identity, struct secret *saved)
{
    enum rc rc = secret_make(saved, SAVED_BYTES);
    if (rc != RC_OK)
        return rc;

    uint8_t *at = saved->bytes;
    *at++ = IDENTITY_FORMAT;
    memcpy(at, identity->sign.bytes, SIGN_BYTES);
    memcpy(at + 64, identity->box.bytes, CRYPTO_KEY_BYTES);
    memcpy(at + 96, identity->sign_public, CRYPTO_PUBLIC_BYTES);
    memcpy(at + 128, identity->box_public, CRYPTO_PUBLIC_BYTES);
    return RC_OK;
}

enum rc
identity_load(const struct secret *saved, struct identity *identity)
{
    enum rc rc;

    identity_wipe(identity);
    if (saved->len != SAVED_BYTES || saved->bytes[0] != IDENTITY_FORMAT)
        return rc_fail(RC_CORRUPT, _("the device's keys are damaged"));
    const uint8_t *at = saved->bytes + 1;
    rc = secret_copy(&identity->sign, at, SIGN_BYTES);
    if (rc == RC_OK)
        rc = secret_copy(&identity->box, at + 64, CRYPTO_KEY_BYTES);
    if (rc != RC_OK) {
        identity_wipe(identity);
        return rc;
    }
    memcpy(identity->sign_public, at + 96, CRYPTO_PUBLIC_BYTES);
    memcpy(identity->box_public, at + 128, CRYPTO_PUBLIC_BYTES);
    identity->device = identity_device_id(identity->sign_public, identity->box_public);
    return RC_OK;
}

enum rc
identity_sign(const struct identity *identity, const char *context, const void *bytes, size_t len,
              uint8_t signature[CRYPTO_SIGNATURE_BYTES])
{
    return crypto_sign_message(&identity->sign, context, bytes, len, signature);
}

enum rc
identity_open_box(const struct identity *identity, const void *box, size_t len,
                  struct secret *plain)
{
    return crypto_box_get(identity->box_public, &identity->box, box, len, plain);
}
