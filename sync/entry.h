/* One entry: saves first..last of a feed, signed and sealed (docs/PROTOCOL.md, section 5). */
#ifndef SYNC_ENTRY_H
#define SYNC_ENTRY_H

#include "core/buf.h"
#include "core/change.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"
#include "sync/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ENTRY_FRONT_BYTES = 149,
    ENTRY_HEADER_BYTES = 185,
    ENTRY_CIPHERTEXT_MAX_BYTES = 1200 * 1000, /* tag included */
};

/* The header's fields, its signature, and the sealed body. Holds no memory of its own: `ciphertext` is
 * lent by whoever decoded or sealed it. */
struct entry {
    struct id stream;
    struct id device;
    uint64_t incarnation;
    uint32_t first;
    uint32_t last;
    uint8_t previous[CRYPTO_HASH_BYTES]; /* header hash of the entry before; zeros at save 1 */
    uint32_t epoch;
    uint64_t position; /* ledger line that it was sealed on */
    uint8_t position_hash[CRYPTO_HASH_BYTES];
    uint8_t nonce[CRYPTO_NONCE_BYTES];
    uint32_t ciphertext_len; /* stays known when the body is gone */
    uint8_t ciphertext_hash[CRYPTO_HASH_BYTES];
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
    uint8_t hash[CRYPTO_HASH_BYTES]; /* header hash, computed by whoever filled this struct */
    const uint8_t *ciphertext;       /* NULL: the body is lawfully gone */
    uint64_t arrived_ms;             /* server's time of arrival; 0 in a push or a bundle */
};

/* Writes the 185 bytes of the header. */
void entry_header(const struct entry *entry, uint8_t header[ENTRY_HEADER_BYTES]);
/* Reads a header back (from a store or a depot) and computes its hash; signature and body stay unset.
 * RC_CORRUPT; RC_UNSUPPORTED for another format. */
enum rc entry_header_decode(const void *bytes, size_t len, struct entry *entry) MUST_CHECK;
/* Computes `hash` from the other fields. */
void entry_rehash(struct entry *entry);
/* True when the signature holds under the device's Ed25519 key. */
bool entry_verify(const struct entry *entry, const uint8_t *sign_public) MUST_CHECK;
/*
 * How many entries, counted from the first, hold. The entries are one contiguous run of one feed, chained
 * (wire_run_get makes such). The last signature vouches for all before it; when it fails each is verified
 * on its own and the run is cut at the first that fails.
 */
size_t entry_verify_run(const struct entry *entries, size_t count,
                        const uint8_t *sign_public) MUST_CHECK;
/* True when `ciphertext`, where there is one, has the length and hash that the header names. */
bool entry_body_fits(const struct entry *entry) MUST_CHECK;

/*
 * Packs, seals and signs `body`. The caller has filled stream, incarnation, first, last, previous, epoch,
 * position and position_hash; this fills device, nonce, length, hash, signature, header hash.
 *
 * ciphertext  out, appended to an empty buf; entry->ciphertext points into it
 * fails       RC_TOO_LARGE the body is over CHANGE_BODY_BYTES; RC_INVALID fields that cannot be; RC_NOMEM
 */
enum rc entry_seal(struct entry *entry, const struct identity *author,
                   const struct secret *epoch_key, const struct buf *body,
                   struct buf *ciphertext) MUST_CHECK;
/*
 * Opens the body. The caller has verified the signature and that the body fits.
 *
 * body   out, replaced; plain text of a family: buf_wipe it
 * fails  RC_ABSENT the body is gone; RC_CORRUPT the seal or the packing does not hold
 */
enum rc entry_open(const struct entry *entry, const struct secret *epoch_key,
                   struct buf *body) MUST_CHECK;

#endif
