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
 * error   out: WIRE_ERROR_NONE, or _UNSIGNED, _SIGNATURE, _CLOCK, _UNKNOWN_DEVICE, _REVOKED (the signature
 *         holds, but the device or its person has left)
 * fails   RC_NOMEM: nothing is known of the request
 */
enum rc auth_check(const struct ledger *ledger, const struct request *request, uint64_t now_ms,
                   enum wire_error *error, struct id *device) MUST_CHECK;

#endif
