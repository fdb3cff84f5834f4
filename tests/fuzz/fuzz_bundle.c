/* Fuzz entry of sync/bundle: the container, for a reader who is not meant. */
#include "sync/bundle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct identity identity;
    struct buf content = BUF_EMPTY(1 << 20);
    struct bundle_head head;

    if (identity.sign.bytes == NULL &&
        (secret_start() != RC_OK || identity_make(&identity) != RC_OK))
        abort();
    if (bundle_open(data, len, &identity, identity.sign_public, &content) == RC_OK)
        abort(); /* nobody signed it with this key */
    (void)(bundle_peek(data, len, &head) == RC_OK);
    buf_wipe(&content);
    return 0;
}
