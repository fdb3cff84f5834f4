/* Fuzz entry of sync/ack and sync/wire: an acknowledgement, and lists of them and of requests to join. */
#include "sync/ack.h"

#include <stdlib.h>

#include "core/secret.h"
#include "sync/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct wire_ack_list list = WIRE_ACK_LIST_EMPTY;
    struct wire_blocks joins = WIRE_BLOCKS_EMPTY;
    struct ack ack = ACK_EMPTY;
    static const uint8_t key[32] = {1};

    if (secret_start() != RC_OK)
        abort();
    if (ack_decode(data, len, &ack) == RC_OK && ack_verify(data, len, key))
        abort();
    (void)(wire_ack_list_decode(data, len, &list) == RC_OK);
    (void)(wire_joins_decode(data, len, &joins) == RC_OK);
    ack_wipe(&ack);
    wire_ack_list_wipe(&list);
    wire_blocks_wipe(&joins);
    return 0;
}
