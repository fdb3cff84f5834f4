/* Fuzz entry of sync/joining: invitations as text and bytes, and requests to join. */
#include "sync/joining.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    struct joining_request request;
    struct buf text = BUF_EMPTY(8192);

    if (secret_start() != RC_OK)
        abort();
    if (joining_invitation_from_text((const char *)data, len, &invitation) == RC_OK &&
        joining_invitation_to_text(&invitation, &text) != RC_OK)
        abort();
    (void)(joining_invitation_decode(data, len, &invitation) == RC_OK);
    if (joining_request_decode(data, len, &request) == RC_OK)
        (void)!joining_request_verify(&request);
    joining_invitation_wipe(&invitation);
    buf_wipe(&text);
    return 0;
}
