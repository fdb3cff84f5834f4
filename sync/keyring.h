/* Epoch keys in memory: which seals, which opens; and the boxes that hand them round
 * (docs/PROTOCOL.md, section 3, "Boxes"). */
#ifndef SYNC_KEYRING_H
#define SYNC_KEYRING_H

#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"
#include "sync/identity.h"
#include "sync/ledger_op.h"
#include "sync/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys lie sealed under one key so that guarded memory stays small however many there are. */
struct keyring;

enum { KEYRING_SEALED_BYTES = CRYPTO_NONCE_BYTES + CRYPTO_KEY_BYTES + CRYPTO_TAG_BYTES };

enum rc keyring_new(struct keyring **keyring) MUST_CHECK; /* under a random key of its own */
/* Under that key: its keys may be stored as they lie. */
enum rc keyring_new_under(const struct secret *sealing, struct keyring **keyring) MUST_CHECK;
void keyring_free(struct keyring *keyring); /* accepts NULL; wipes */
/* Adds a key (32 bytes). RC_OK again for the same key; RC_EXISTS for another at that place. The "key" of
 * ledger_reserve() is the reserve's X25519 secret. */
enum rc keyring_put(struct keyring *keyring, struct id stream, uint32_t epoch,
                    const struct secret *key) MUST_CHECK;
/* RC_LOCKED when it is not there. */
enum rc keyring_get(const struct keyring *keyring, struct id stream, uint32_t epoch,
                    struct secret *key) MUST_CHECK;
/* Takes a key as keyring_sealed_at gave it, unopened: keyring_get says RC_CORRUPT when it is not that. RC_EXISTS when one
 * is at that place. Quick when they come ascending. */
enum rc keyring_put_sealed(struct keyring *keyring, struct id stream, uint32_t epoch,
                           const uint8_t sealed[KEYRING_SEALED_BYTES]) MUST_CHECK;
bool keyring_has(const struct keyring *keyring, struct id stream, uint32_t epoch);
uint32_t keyring_newest(const struct keyring *keyring, struct id stream); /* 0 when none */
void keyring_drop(struct keyring *keyring, struct id stream);             /* every epoch of it */
/* How many keys of a stream are here; they stand from index `first` on. */
size_t keyring_find(const struct keyring *keyring, struct id stream, size_t *first);
/* Rises whenever a key comes or goes. */
uint64_t keyring_changes(const struct keyring *keyring);
/* To store them: by index from 0, ascending by (stream, epoch). RC_ABSENT beyond the last. */
size_t keyring_count(const struct keyring *keyring);
enum rc keyring_at(const struct keyring *keyring, size_t index, struct id *stream, uint32_t *epoch,
                   struct secret *key) MUST_CHECK;
/* The same as it lies, to store it: nonce 24, key 32 sealed, tag 16; AD: stream, u32 epoch. `index` is below the count. */
void keyring_sealed_at(const struct keyring *keyring, size_t index, struct id *stream, uint32_t *epoch,
                       uint8_t sealed[KEYRING_SEALED_BYTES]);
/* Takes every key of `fresh` over. RC_EXISTS when one differs. */
enum rc keyring_merge(struct keyring *keyring, const struct keyring *fresh) MUST_CHECK;

/*
 * Opens a box and keeps its key. `commitment` is the epoch's, from the ledger.
 *
 * fails  RC_LOCKED not sealed to us; RC_UNTRUSTED forged: opened, but to another key or another place than it says
 */
enum rc keyring_open_box(struct keyring *keyring, const struct wire_box *box,
                         const struct identity *identity, const uint8_t *commitment) MUST_CHECK;
/* The same for a box that holds the reserve's own secret: it must also fit `reserve_public`, from the same line. */
enum rc keyring_open_reserve_secret(struct keyring *keyring, const struct wire_box *box,
                                    const struct identity *identity, const uint8_t *commitment,
                                    const uint8_t *reserve_public) MUST_CHECK;
/* The same for a box sealed to the reserve, with the reserve's secret of `reserve_epoch` from the keyring.
 * RC_LOCKED too when that secret is not there. */
enum rc keyring_open_reserve_box(struct keyring *keyring, const struct wire_box *box,
                                 uint32_t reserve_epoch, const uint8_t *reserve_public,
                                 const uint8_t *commitment) MUST_CHECK;
/* Opens a link with the key of its own epoch and keeps the key of the epoch below, whose commitment is given. */
enum rc keyring_open_link(struct keyring *keyring, const struct wire_box *link,
                          const uint8_t *commitment_below) MUST_CHECK;

struct keyring_recipient {
    struct id device;
    const uint8_t *box_public; /* lent */
};
/* What a new epoch, or a share of an old one, is made for. */
struct keyring_epoch {
    struct id stream;
    uint32_t epoch;
    const struct keyring_recipient *recipients;
    size_t recipient_count;
    const uint8_t *reserve_public; /* NULL: no box for the reserve */
};
/*
 * Makes a new epoch key with its boxes: recipients, reserve, and the link when epoch > 1 (the old key is taken from
 * `keyring`). The new key goes to `fresh`, a keyring of its own until the line that makes it is read; the key part
 * goes to `op`, the boxes to `boxes`.
 *
 * fails  RC_LOCKED the old key is not there; RC_INVALID a bad public key; RC_NOMEM
 */
enum rc keyring_make_epoch(const struct keyring *keyring, const struct keyring_epoch *epoch,
                           struct keyring *fresh, struct ledger_op *op,
                           struct wire_boxes *boxes) MUST_CHECK;
/* The same for the reserve: a new X25519 pair, whose public half goes to `reserve_public`. */
enum rc keyring_make_reserve(const struct keyring_epoch *epoch, struct keyring *fresh,
                             struct ledger_op *op, struct wire_boxes *boxes,
                             uint8_t reserve_public[CRYPTO_PUBLIC_BYTES]) MUST_CHECK;
/* Shares an existing epoch (for grant and approve). RC_LOCKED the key is not there. */
enum rc keyring_share(const struct keyring *keyring, const struct keyring_epoch *epoch,
                      struct ledger_op *op, struct wire_boxes *boxes) MUST_CHECK;
/* Makes the bytes of a box that a line gave, once more: `box` names stream, epoch and recipient. `box_public` is the device's, or the
 * reserve's of that line; NULL: a link. RC_LOCKED a key is not here. */
enum rc keyring_box_again(const struct keyring *keyring, const uint8_t *box_public, struct wire_box *box) MUST_CHECK;

#endif
