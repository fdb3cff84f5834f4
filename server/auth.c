/* Who signed this request: form, clock, device, signature, and the right to ask last. */
#include "server/auth.h"

#include <stddef.h>

#include "server/route.h"
#include "sync/httpsig.h"
#include "sync/ledger.h"

enum { SECOND_MS = 1000 };

/* Under the known device's key; RC_OK with an error for what is wrong with the request itself. */
static enum rc
verify(const struct request *request, const uint8_t *sign_public, enum wire_error *error)
{
    struct httpsig_request signed_part = {.method = request->method,
                                          .path = request->path,
                                          .query = request->query,
                                          .body = request->body,
                                          .body_len = request->body_len};
    enum rc rc = httpsig_verify(&signed_part, request->content_digest, request->signature_input,
                                request->signature, sign_public);

    *error = rc == RC_OK ? WIRE_ERROR_NONE : WIRE_ERROR_SIGNATURE;
    return rc == RC_NOMEM ? rc : RC_OK;
}

enum rc
auth_check(const struct ledger *ledger, const struct request *request, uint64_t now_ms,
           enum wire_error *error, struct id *device)
{
    struct httpsig_input input;

    *error = WIRE_ERROR_UNSIGNED;
    if (request->signature == NULL || request->signature_input == NULL)
        return RC_OK;
    *error = WIRE_ERROR_SIGNATURE;
    if (httpsig_parse_input(request->signature_input, &input) != RC_OK)
        return RC_OK;
    int64_t now_s = (int64_t)(now_ms / SECOND_MS);
    *error = WIRE_ERROR_CLOCK;
    if (input.created_s > now_s + HTTPSIG_WINDOW_S || input.created_s < now_s - HTTPSIG_WINDOW_S)
        return RC_OK;
    *error = WIRE_ERROR_UNKNOWN_DEVICE;
    const struct ledger_device *known = ledger_device(ledger, input.device);
    if (known == NULL)
        return RC_OK;
    enum rc rc = verify(request, known->sign_public, error);
    if (rc != RC_OK || *error != WIRE_ERROR_NONE)
        return rc;
    *device = input.device;
    *error = ledger_device_is_active(ledger, input.device) ? WIRE_ERROR_NONE : WIRE_ERROR_REVOKED;
    return RC_OK;
}
