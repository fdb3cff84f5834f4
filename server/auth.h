/* Who signed this request, and may they ask at all? */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "core/id.h"
#include "sync/wire.h"

#include <stdint.h>

struct ledger;
struct request;

/*
 * Verifies the signature of a request under the keys of the team's ledger (docs/PROTOCOL.md, section 8).
 *
 * device  out: who asks; set for NONE and REVOKED
 * gives   WIRE_ERROR_NONE, or _UNSIGNED, _SIGNATURE, _CLOCK, _UNKNOWN_DEVICE, _REVOKED (the signature
 *         holds, but the device or its person has left)
 */
enum wire_error auth_check(const struct ledger *ledger, const struct request *request,
                           uint64_t now_ms, struct id *device) MUST_CHECK;

#endif
