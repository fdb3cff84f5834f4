/* The place of an epoch key: what it is bound to. For sync/keyring*.c alone. */
#ifndef SYNC_KEYRING_PLACE_H
#define SYNC_KEYRING_PLACE_H

#include "core/id.h"

#include <stdint.h>
#include <string.h>

enum { KEYRING_PLACE_BYTES = ID_BYTES + 4 };

/* id stream, u32 epoch: what a key is bound to, wherever it is sealed or committed to. */
static inline void
keyring_place(struct id stream, uint32_t epoch, uint8_t place[KEYRING_PLACE_BYTES])
{
    memcpy(place, stream.bytes, ID_BYTES);
    for (unsigned i = 0; i < 4; i++)
        place[ID_BYTES + i] = (uint8_t)(epoch >> (24 - 8 * i));
}

#endif
