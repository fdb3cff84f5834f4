/* A device's two key pairs: one signs, one receives (docs/PROTOCOL.md, section 2). */
#ifndef SYNC_IDENTITY_H
#define SYNC_IDENTITY_H

#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded value: IDENTITY_EMPTY, then identity_make or identity_load, ended by identity_wipe. */
struct identity {
    struct id device;
    uint8_t sign_public[CRYPTO_PUBLIC_BYTES];
    uint8_t box_public[CRYPTO_PUBLIC_BYTES];
    struct secret sign;
    struct secret box;
};

#define IDENTITY_EMPTY ((struct identity){.sign = SECRET_EMPTY, .box = SECRET_EMPTY})

struct id identity_device_id(const uint8_t *sign_public, const uint8_t *box_public);
enum rc identity_make(struct identity *identity) MUST_CHECK;
void identity_wipe(struct identity *identity);
/* For the encrypted store, nowhere else. */
enum rc identity_save(const struct identity *identity, struct secret *saved) MUST_CHECK;
/* RC_CORRUPT unless `saved` came from identity_save. */
enum rc identity_load(const struct secret *saved, struct identity *identity) MUST_CHECK;
enum rc identity_sign(const struct identity *identity, const char *context, const void *bytes,
                      size_t len, uint8_t signature[CRYPTO_SIGNATURE_BYTES]) MUST_CHECK;
/* RC_LOCKED when the box is not for this device or was altered. */
enum rc identity_open_box(const struct identity *identity, const void *box, size_t len,
                          struct secret *plain) MUST_CHECK;

#endif
