/* Acknowledgements: what a device has applied, signed (docs/PROTOCOL.md, section 7). */
#ifndef SYNC_ACK_H
#define SYNC_ACK_H

#include "core/buf.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "sync/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ACK_MAX_STREAMS = 4096,
    ACK_MAX_FEEDS = 4096, /* of one stream */
    ACK_MAX_BYTES = 8 * 1024 * 1024,
};

struct ack_feed {
    struct id device;
    uint64_t incarnation;
    uint32_t
        last; /* the last save up to which everything was applied, or is held by the ledger's word */
};

struct ack_stream {
    struct id stream;
    uint8_t digest[CRYPTO_HASH_BYTES];
    struct ack_feed *feeds; /* ascending by (device, incarnation) */
    size_t feed_count;
};

/* Embedded value: ACK_EMPTY, filled by the caller (arrays by ack_add_*) or ack_decode, ended by ack_wipe. */
struct ack {
    uint8_t team[CRYPTO_HASH_BYTES];
    struct id device;
    uint64_t incarnation;
    uint64_t number; /* rises with each acknowledgement of the incarnation */
    uint64_t created_ms;
    uint64_t position; /* ledger head */
    uint8_t line_hash[CRYPTO_HASH_BYTES];
    struct ack_stream *streams; /* ascending */
    size_t stream_count;
};

#define ACK_EMPTY ((struct ack){.streams = NULL})
void ack_wipe(struct ack *ack);
/* Streams and feeds are added in ascending order: RC_INVALID otherwise. A feed goes to the last stream. */
enum rc ack_add_stream(struct ack *ack, struct id stream, const uint8_t *digest) MUST_CHECK;
enum rc ack_add_feed(struct ack *ack, struct ack_feed feed) MUST_CHECK;
/* Whether one stream more fits, whatever feeds it has. */
bool ack_has_room(const struct ack *ack);

/* Appends the signed form; `author` must be ack->device. */
enum rc ack_encode(const struct ack *ack, const struct identity *author,
                   struct buf *out) MUST_CHECK;
/* Decodes without looking at the signature. RC_CORRUPT, RC_UNSUPPORTED, RC_NOMEM. */
enum rc ack_decode(const void *bytes, size_t len, struct ack *ack) MUST_CHECK;
/* True when the signature at the end of the encoded form holds. */
bool ack_verify(const void *bytes, size_t len, const uint8_t *sign_public) MUST_CHECK;

/* The digest of a stream's feeds, built feed by feed in ascending order of (device, incarnation). */
struct ack_digest {
    struct crypto_hash hash;
};
void ack_digest_start(struct ack_digest *digest);
void ack_digest_add(struct ack_digest *digest, struct id device, uint64_t incarnation,
                    uint32_t last, const uint8_t header_hash[CRYPTO_HASH_BYTES]);
void ack_digest_end(struct ack_digest *digest, uint8_t out[CRYPTO_HASH_BYTES]);

#endif
