/* Fuzz entry of sync/wire and sync/keyring: lists of boxes, each tried as what it may be. */
#include "sync/keyring.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct identity identity;
    static struct keyring *keys;
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    static const uint8_t commitment[32] = {1};

    if (keys == NULL && (secret_start() != RC_OK || identity_make(&identity) != RC_OK ||
                         keyring_new(&keys) != RC_OK))
        abort();
    if (wire_box_list_decode(data, len, &list) == RC_OK) {
        for (size_t i = 0; i < list.boxes.count; i++) {
            struct wire_box *box = &list.boxes.items[i];
            if (keyring_open_link(keys, box, commitment) == RC_OK)
                abort();
            box->recipient = identity.device;
            if (keyring_open_box(keys, box, &identity, commitment) == RC_OK)
                abort();
        }
    }
    wire_box_list_wipe(&list);
    return 0;
}
