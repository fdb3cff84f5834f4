/* Fuzz entry of sync/entry and sync/pack: headers, and what an opened body unpacks to. */
#include "sync/entry.h"

#include <stdlib.h>
#include <string.h>

#include "sync/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct entry entry;
    uint8_t header[ENTRY_HEADER_BYTES];

    if (entry_header_decode(data, len, &entry) == RC_OK) {
        entry_header(&entry, header);
        if (len != sizeof header || memcmp(header, data, len) != 0)
            abort();
    }
    if (pack_get(data, len, CHANGE_BODY_BYTES, &body) == RC_OK &&
        body.len > CHANGE_BODY_BYTES)
        abort();
    buf_wipe(&body);
    return 0;
}
