/* Making a ledger operation, having the server order it, and taking its line in. */
#ifndef SYNC_SUBMIT_H
#define SYNC_SUBMIT_H

#include "sync/session.h"

/* What a builder fills: kind, payload, parts, heads; boxes; keys that the operation makes. */
struct draft {
    struct ledger_op op;
    struct wire_boxes boxes;
    struct keyring *fresh;
};

/* Builds for the ledger as it stands. RC_EXISTS: nothing is left to do. */
typedef enum rc (*submit_build_fn)(struct session *session, void *context, struct draft *draft);
/*
 * Builds, checks, sends; on RC_STALE reads the ledger and builds anew, a few times. RC_OK when the line is in our ledger, or
 * nothing was left to do.
 */
enum rc submit(struct session *session, submit_build_fn build, void *context) MUST_CHECK;
/* The same of an operation that was signed before, by whomever: once, without building it anew. */
enum rc submit_ready(struct session *session, const void *op, size_t len) MUST_CHECK;
/* Would the ledger that is here take it now, by the server's time? The codes are those of ledger_check. */
enum rc submit_check(struct session *session, const void *op, size_t len) MUST_CHECK;
/* Recipients of a new epoch of a stream: who may hold it now. `recipients` is heap memory of the caller; its keys are lent
 * from the ledger. */
enum rc submit_recipients(struct replica *replica, const struct id *devices, size_t count,
                          struct keyring_recipient **recipients) MUST_CHECK;
/* The public key of the reserve in force. */
enum rc submit_reserve_public(struct replica *replica,
                              uint8_t public_key[CRYPTO_PUBLIC_BYTES]) MUST_CHECK;
/* Heads that an ending operation must name, asked of the server, and what is here of own feeds. */
enum rc submit_heads(struct session *session, struct ledger_op *op) MUST_CHECK;
/* Parts and boxes that share the current epoch of `stream` with these devices. RC_LOCKED without its key. */
enum rc submit_share(struct replica *replica, struct draft *draft, struct id stream,
                     const struct id *devices, size_t count) MUST_CHECK;
/* Makes the key of a stream's current epoch available, by the reserve if need be. RC_LOCKED when it cannot. */
enum rc submit_need_key(struct session *session, struct id stream) MUST_CHECK;

#endif
