/* Fuzz: any bytes as the value of a unit. What is accepted is written back as it was. */
#include <assert.h>
#include <string.h>

#include "core/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct field fields[CHANGE_FIELDS];
    struct buf copy = BUF_EMPTY(CHANGE_VALUE_BYTES + 16);
    size_t count;

    if (value_read(data, len, fields, &count) != RC_OK)
        return 0;
    for (size_t i = 0; i < count; i++) {
        enum rc rc = value_put_field(&copy, &fields[i]);
        assert(rc == RC_OK);
        (void)rc;
    }
    if (count == 0)
        assert(value_is_empty(data, len));
    else
        assert(copy.len == len && memcmp(copy.data, data, len) == 0);
    buf_wipe(&copy);
    return 0;
}
