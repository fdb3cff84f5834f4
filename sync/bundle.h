/* The sealed container that travels without a server (docs/PROTOCOL.md, section 10). */
#ifndef SYNC_BUNDLE_H
#define SYNC_BUNDLE_H

#include "core/buf.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "sync/identity.h"

#include <stddef.h>
#include <stdint.h>

enum { BUNDLE_MAX_BYTES = 256 * 1024 * 1024 };

struct bundle_head {
    uint8_t team[CRYPTO_HASH_BYTES];
    struct id from;
    struct id to;
    uint64_t created_ms;
};

/*
 * Seals `content` to one device and signs it. head->from must be `author`.
 *
 * out    appended; the file's bytes
 * fails  RC_TOO_LARGE over BUNDLE_MAX_BYTES; RC_INVALID for a bad public key; RC_NOMEM
 */
enum rc bundle_seal(const struct bundle_head *head, const struct identity *author,
                    const uint8_t *to_box_public, const struct buf *content,
                    struct buf *out) MUST_CHECK;
/* Reads the head alone, to find the sender's key. Nothing is verified yet. RC_CORRUPT, RC_UNSUPPORTED. */
enum rc bundle_peek(const void *bytes, size_t len, struct bundle_head *head) MUST_CHECK;
/*
 * Verifies and opens.
 *
 * content  out, replaced
 * fails    RC_DENIED it is for another device; RC_UNTRUSTED the signature does not hold; RC_CORRUPT; RC_NOMEM
 */
enum rc bundle_open(const void *bytes, size_t len, const struct identity *reader,
                    const uint8_t *from_sign_public, struct buf *content) MUST_CHECK;

#endif
