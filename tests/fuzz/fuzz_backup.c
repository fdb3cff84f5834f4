/* Fuzz entry of core/backup: a trailer that is taken agrees with the size of its file; the slots before it stay bounded. */
#include "core/backup.h"

#include <stdlib.h>
#include <string.h>

#include "core/vfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The input is slots and trailer; the pages before them are as many as the trailer wants. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t end[BACKUP_TRAILER_BYTES];
    struct backup_trailer trailer;
    struct store_slots slots;
    uint64_t pages = 0;

    if (len < sizeof end)
        return 0;
    memcpy(end, data + len - sizeof end, sizeof end);
    for (size_t i = 16; i < 24; i++)
        pages = pages << 8 | end[i];
    if (backup_trailer_decode(end, pages * VFS_PAGE_BYTES + len, &trailer) != RC_OK)
        return 0;
    if (trailer.pages != pages || trailer.slots_len != len - sizeof end || pages > UINT32_MAX)
        abort();
    if (store_key_decode(data, trailer.slots_len, &slots) == RC_OK && slots.count > STORE_KEY_SLOTS)
        abort();
    return 0;
}
