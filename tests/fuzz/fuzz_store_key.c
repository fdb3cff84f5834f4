/* Fuzz entry of core/store_key: a keyslots.json that is taken stays within its bounds. */
#include "core/store_key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct store_slots slots;

    if (store_key_decode(data, len, &slots) != RC_OK)
        return 0;
    if (slots.count > STORE_KEY_SLOTS)
        abort();
    for (size_t i = 0; i < slots.count; i++) {
        const struct store_key_cost *cost = &slots.slots[i].cost;
        if (slots.slots[i].kind == STORE_KEY_SHEET && cost->memory_kib == 0 && cost->passes == 0)
            continue;
        if (cost->memory_kib < STORE_KEY_MEMORY_KIB_LEAST ||
            cost->memory_kib > STORE_KEY_MEMORY_KIB_MOST || cost->passes < 1 ||
            cost->passes > STORE_KEY_PASSES_MOST)
            abort();
    }
    return 0;
}
