/* What has synced, and at whom. */
#ifndef SYNC_STATUS_H
#define SYNC_STATUS_H

#include "sync/ack.h"
#include "sync/replica_own.h"
#include "sync/wire.h"

/* The last save of a feed up to which everything was applied, or is held by the ledger's word; always an entry's last. */
enum rc status_done(struct db *db, int64_t feed, uint32_t *last) MUST_CHECK;
/* Verifies acknowledgements of others and keeps the newest of each device and stream. Inside a transaction. Raises *read
 * to the highest ledger position that one of them names; with NULL, those beyond the ledger that is known here are left out.
 * RC_UNTRUSTED when one names another past. */
enum rc status_take_acks(struct replica *replica, const struct wire_blocks *acks,
                         uint64_t *read) MUST_CHECK;

/* The next feed of a vector as sync_ack keeps it; what is no whole one fails the reader. */
struct ack_feed status_vector_next(struct reader *reader);
/* An own acknowledgement of the streams that `device` may hold, appended to `out`, signed under a number of its own after a
 * flushed commit; nothing where there is no such stream. Not inside a transaction. */
enum rc status_make_ack(struct replica *replica, struct id device, struct buf *out) MUST_CHECK;
/* The digest over the feeds of another's vector (as sync_ack keeps it), by the headers that are here; *is_known is false when
 * one of them is not. */
enum rc status_digest(struct replica *replica, struct id stream, const uint8_t *vector, size_t len,
                      uint8_t digest[CRYPTO_HASH_BYTES], bool *is_known) MUST_CHECK;

#endif
