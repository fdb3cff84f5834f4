/* Compress and pad a body, so that its length tells little (docs/PROTOCOL.md, section 5). */
#ifndef SYNC_PACK_H
#define SYNC_PACK_H

#include "core/buf.h"
#include "core/rc.h"

#include <stddef.h>

/* The padded length of n bytes: n rounded up to a multiple of 64, then Padme.
 * Source: PURBs (Nikitin et al., PoPETs 2019), algorithm 1. */
size_t pack_padded(size_t n);
/* Appends the packed and padded form of `body` to `padded`. RC_TOO_LARGE over `ceiling`, RC_NOMEM. */
enum rc pack_put(const void *body, size_t len, size_t ceiling, struct buf *padded) MUST_CHECK;
/* Replaces `body` by what was packed; never more than `ceiling` bytes, whatever the frame claims.
 * RC_CORRUPT for any other form than pack_put's, padding that is not zero included; RC_UNSUPPORTED for
 * an unknown dictionary or codec. */
enum rc pack_get(const void *padded, size_t len, size_t ceiling, struct buf *body) MUST_CHECK;

#endif
