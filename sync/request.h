/* One request to the team's server: signed, sent, its answer's form checked, its error turned into a code. */
#ifndef SYNC_REQUEST_H
#define SYNC_REQUEST_H

#include "sync/replica_own.h"
#include "sync/wire.h"

enum { REQUEST_TARGET_CHARS = 256 };

struct request_call {
    const char *method; /* "GET", "POST" */
    char target[REQUEST_TARGET_CHARS];
    const struct buf *body; /* NULL: none */
    bool is_unsigned;
    int64_t wait_ms;
};

/*
 * Sends it and replaces `answer` by the body. A 401 `clock` corrects the offset for signing and tries once more.
 *
 * error  the server's code, WIRE_ERROR_NONE when it gave none; may be NULL
 * fails  RC_OFFLINE not reached, cut off, or asked to come back later; RC_UNTRUSTED not a Baken server;
 *        RC_STALE, RC_DENIED, RC_INVALID, RC_EXISTS, RC_ABSENT, RC_TOO_LARGE, RC_UNSUPPORTED by its error
 */
enum rc request_send(struct replica *replica, const struct transport *transport,
                     const struct request_call *call, struct buf *answer,
                     enum wire_error *error) MUST_CHECK;
/* A target below the team: "/v1/teams/TEAM" and the formatted rest. */
enum rc request_target(const struct replica *replica, struct request_call *call, const char *format,
                       ...) MUST_CHECK __attribute__((format(printf, 3, 4)));
/* Lower-case hexadecimal with a NUL; `text` has room for 2 * len + 1. */
void request_hex(const void *bytes, size_t len, char *text);

#endif
