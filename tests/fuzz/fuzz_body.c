/* Fuzz: any bytes as the body of an entry; the first byte is the number of saves less one. What is accepted is
 * written back as it was. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct feed_ref own = {.incarnation = 5};
    struct id stream = {{0xee}};
    struct change *saves;
    struct feed_seen *seen;
    struct buf copy = BUF_EMPTY((size_t)2 * CHANGE_BODY_BYTES);
    size_t count;
    enum rc rc;

    if (len == 0)
        return 0;
    memset(own.device.bytes, 0x11, sizeof own.device.bytes);
    uint32_t last = 1u + data[0];
    if (body_read(stream, own, 1, last, data + 1, len - 1, &saves) != RC_OK)
        return 0;
    rc = body_seen(data + 1, len - 1, &seen, &count);
    assert(rc == RC_OK);
    rc = body_write(own, 1, saves, last, seen, count, &copy);
    assert(rc == RC_OK && copy.len == len - 1 && memcmp(copy.data, data + 1, copy.len) == 0);
    (void)rc;
    free(seen);
    buf_wipe(&copy);
    body_free(saves, last);
    return 0;
}
