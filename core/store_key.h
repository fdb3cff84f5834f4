/* The store key in its slots: keyslots.json, drawn in docs/STORE.md. */
#ifndef CORE_STORE_KEY_H
#define CORE_STORE_KEY_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"
#include "core/vfs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STORE_KEY_SLOTS = 8,
    STORE_KEY_FILE_BYTES = 64 * 1024,
    STORE_KEY_MEMORY_KIB_LEAST = 8,
    STORE_KEY_MEMORY_KIB_MOST = 4 * 1024 * 1024, /* 4 GiB: a hostile file must not ask for more */
    STORE_KEY_PASSES_MOST = 100,
};
/* Lies in the directory while a store is being made: without it, a store.db without keyslots.json has lost them. */
#define STORE_KEY_MAKING "creating"

/* What trying one passphrase costs (Argon2id, RFC 9106). */
struct store_key_cost {
    uint32_t memory_kib;
    uint32_t passes;
};
/* 256 MiB, 3 passes. Only tests ask for less. */
extern const struct store_key_cost STORE_KEY_COST;

enum store_key_kind {
    STORE_KEY_PASSPHRASE = 1,
    STORE_KEY_SHEET = 2, /* the recovery sheet; its cost is zero */
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
    uint8_t file_id[VFS_FILE_ID_BYTES]; /* what store.db begins with: its first sector may be lost */
    int64_t changed_ms; /* rises with each change; 0 in format 1 */
    bool has_proof;     /* not in format 1 */
    uint8_t proof[CRYPTO_HASH_BYTES];
    size_t count;
    struct store_slot slots[STORE_KEY_SLOTS];
};

/* Reads the text of keyslots.json. RC_CORRUPT; RC_UNSUPPORTED a newer format or kind. */
enum rc store_key_decode(const void *text, size_t len, struct store_slots *slots) MUST_CHECK;
/* Proves the whole with `key` and appends the text. It counts nothing on: an older file that was put back stays older. */
enum rc store_key_encode(const struct secret *key, struct store_slots *slots, struct buf *text) MUST_CHECK;
/* RC_ABSENT no store: no file, nor a store.db that was whole once; RC_CORRUPT, also when only keyslots.json is gone;
 * RC_UNSUPPORTED a newer format or kind. */
enum rc store_key_read(const char *directory, struct store_slots *slots) MUST_CHECK;
/* Counts on by the clock, which is asked here alone and right before the file is touched, proves the whole with `key`, and
 * writes. Durable: the old file or the new one, never neither. */
enum rc store_key_write(const char *directory, const struct clock *clock, const struct secret *key,
                        struct store_slots *slots) MUST_CHECK;
/* The same, and counts nothing on. */
enum rc store_key_write_as_is(const char *directory, const struct secret *key, struct store_slots *slots) MUST_CHECK;
/* True when the slots are as who had `key` wrote them last, whenever that was; also of format 1, which proves nothing. */
bool store_key_is_whole(const struct store_slots *slots, const struct secret *key);

/* Forgets the count of slots that are not whole: a number that somebody without the key put there counts for nothing. */
void store_key_distrust(struct store_slots *slots, const struct secret *key);

/* Adds a slot. RC_INVALID for an empty passphrase or a cost out of bounds; RC_TOO_LARGE: no slot free. */
enum rc store_key_add(struct store_slots *slots, const struct secret *key,
                      const struct secret *passphrase,
                      const struct store_key_cost *cost) MUST_CHECK;
/* Tries every slot of a passphrase. RC_LOCKED when none opens; RC_NOMEM. */
enum rc store_key_open(const struct store_slots *slots, const struct secret *passphrase,
                       struct secret *key) MUST_CHECK;

/* By the secret of a recovery sheet (core/sheet.h). RC_LOCKED: there is no sheet, or this is not the newest. */
enum rc store_key_open_sheet(const struct store_slots *slots, const struct secret *sheet,
                             struct secret *key) MUST_CHECK;
bool store_key_has_sheet(const struct store_slots *slots);

/* The next three change keyslots.json under the store's lock, with the key that one of its slots gave: RC_LOCKED when it is
 * not this store's, RC_BUSY. The store itself is not touched: what an old passphrase or sheet opened in an earlier copy, it
 * opens there still. */

/* One new passphrase in the place of all. */
enum rc store_key_set_passphrase(const char *directory, const struct clock *clock, const struct secret *key,
                                 const struct secret *fresh,
                                 const struct store_key_cost *cost) MUST_CHECK;
/* One new sheet in the place of the old one. */
enum rc store_key_set_sheet(const char *directory, const struct clock *clock, const struct secret *key,
                            const struct secret *sheet) MUST_CHECK;
/* Wraps the slot that `passphrase` opens anew where its cost is lower than `cost`, by the higher of each; does nothing
 * otherwise, nor to slots that are not whole. It counts nothing on: an older file that was put back stays older. *raised
 * tells. */
enum rc store_key_raise(const char *directory, const struct clock *clock, const struct secret *passphrase,
                        const struct store_key_cost *cost, bool *raised) MUST_CHECK;
/* Whether store_key_raise would find a passphrase whose cost is lower. */
bool store_key_is_cheap(const struct store_slots *slots, const struct store_key_cost *cost);

/*
 * Writes keyslots.json anew where it is lost or damaged, for who still has the key, with one passphrase and no sheet. What
 * was there is kept as keyslots.json.damaged.
 *
 * store  its id, from the instance token
 * fails  RC_LOCKED the key is not that of store.db; RC_ABSENT no store.db; RC_EXISTS keyslots.json is readable; RC_BUSY
 */
enum rc store_key_renew(const char *directory, const struct clock *clock, struct id store,
                        const struct secret *key, const struct secret *fresh,
                        const struct store_key_cost *cost) MUST_CHECK;

#endif
