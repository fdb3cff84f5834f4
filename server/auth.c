/* Who signed this request: form, clock, device, signature, and the right to ask last. */
#include "server/auth.h"

#include <stddef.h>

#include "server/route.h"
#include "sync/httpsig.h"
#include "sync/ledger.h"

enum { SECOND_MS = 1000 };

enum wire_error
auth_check(const struct ledger *ledger, const struct request *request, uint64_t now_ms,
           struct id *device)
{
    struct httpsig_request signed_part = {.method = request->method,
                                          .path = request->path,
                                          .query = request->query,
                                          .body = request->body,
                                          .body_len = request->body_len};
    struct httpsig_input input;

    if (request->signature == NULL || request->signature_input == NULL)
        return WIRE_ERROR_UNSIGNED;
    if (httpsig_parse_input(request->signature_input, &input) != RC_OK)
        return WIRE_ERROR_SIGNATURE;
    int64_t now_s = (int64_t)(now_ms / SECOND_MS);
    if (input.created_s > now_s + HTTPSIG_WINDOW_S || input.created_s < now_s - HTTPSIG_WINDOW_S)
        return WIRE_ERROR_CLOCK;
    const struct ledger_device *known = ledger_device(ledger, input.device);
    if (known == NULL)
        return WIRE_ERROR_UNKNOWN_DEVICE;
    if (httpsig_verify(&signed_part, request->content_digest, request->signature_input,
                       request->signature, known->sign_public) != RC_OK)
        return WIRE_ERROR_SIGNATURE;
    *device = input.device;
    return ledger_device_is_active(ledger, input.device) ? WIRE_ERROR_NONE : WIRE_ERROR_REVOKED;
}
