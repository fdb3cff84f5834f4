/* The store key in its slots: keyslots.json, drawn in docs/STORE.md. */
#ifndef CORE_STORE_KEY_H
#define CORE_STORE_KEY_H

#include "core/clock.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"
#include "core/vfs.h"

#include <stddef.h>
#include <stdint.h>

enum {
    STORE_KEY_SLOTS = 8,
    STORE_KEY_FILE_BYTES = 64 * 1024,
    STORE_KEY_MEMORY_KIB_LEAST = 8,
    STORE_KEY_MEMORY_KIB_MOST = 4 * 1024 * 1024, /* 4 GiB: a hostile file must not ask for more */
    STORE_KEY_PASSES_MOST = 100,
};

/* What trying one passphrase costs (Argon2id, RFC 9106). */
struct store_key_cost {
    uint32_t memory_kib;
    uint32_t passes;
};
/* 256 MiB, 3 passes. Only tests ask for less. */
extern const struct store_key_cost STORE_KEY_COST;

enum store_key_kind {
    STORE_KEY_PASSPHRASE = 1, /* the recovery sheet will be 2 */
};

struct store_slot {
    enum store_key_kind kind;
    struct store_key_cost cost;
    uint8_t salt[CRYPTO_SALT_BYTES];
    uint8_t nonce[CRYPTO_NONCE_BYTES];
    uint8_t wrapped[CRYPTO_KEY_BYTES + CRYPTO_TAG_BYTES];
};

/* The content of keyslots.json. Open value without secrets. */
struct store_slots {
    struct id store;
    uint8_t
        file_id[VFS_FILE_ID_BYTES]; /* what store.db begins with: its first sector may be lost */
    size_t count;
    struct store_slot slots[STORE_KEY_SLOTS];
};

/* Reads the text of keyslots.json. RC_CORRUPT; RC_UNSUPPORTED a newer format or kind. */
enum rc store_key_decode(const void *text, size_t len, struct store_slots *slots) MUST_CHECK;
/* RC_ABSENT no file; RC_CORRUPT; RC_UNSUPPORTED a newer format or kind. */
enum rc store_key_read(const char *directory, struct store_slots *slots) MUST_CHECK;
/* Durable: the old file or the new one, never neither. */
enum rc store_key_write(const char *directory, const struct store_slots *slots) MUST_CHECK;

/* Adds a slot. RC_INVALID for an empty passphrase or a cost out of bounds; RC_TOO_LARGE: no slot free. */
enum rc store_key_add(struct store_slots *slots, const struct secret *key,
                      const struct secret *passphrase,
                      const struct store_key_cost *cost) MUST_CHECK;
/* Tries every slot of a passphrase. RC_LOCKED when none opens; RC_NOMEM. */
enum rc store_key_open(const struct store_slots *slots, const struct secret *passphrase,
                       struct secret *key) MUST_CHECK;

/* Replaces the slot that `old` opens, under the store's lock. RC_BUSY as well. The store itself is
 * not touched: what the old passphrase opened in an earlier copy, it opens there still. */
enum rc store_key_change(const char *directory, const struct clock *clock, const struct secret *old,
                         const struct secret *fresh, const struct store_key_cost *cost) MUST_CHECK;

#endif
