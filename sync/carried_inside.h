/* The operations that are carried, as the store keeps them. For sync/carried*.c alone. */
#ifndef SYNC_CARRIED_INSIDE_H
#define SYNC_CARRIED_INSIDE_H

#include "sync/replica_own.h"

enum {
    CARRIED_MOST = 256,
    CARRIED_IS_REFUSED = 1, /* flags */
    CARRIED_OWES_KEYS = 2, /* given by this device, which may have given keys with it: new ones are to be made */
};

struct carried_kept {
    struct buf bytes; /* which the items lend from; never added to */
    struct carried_item {
        uint8_t flags;
        const uint8_t *op;
        size_t len;
        bool is_dropped;
    } items[CARRIED_MOST];
    size_t count;
};

/* *out is the caller's to free, success or not. */
enum rc carried_kept_read(struct replica *replica, struct carried_kept **out) MUST_CHECK;
enum rc carried_kept_write(struct replica *replica, const struct carried_kept *kept) MUST_CHECK; /* but what is dropped */
void carried_kept_free(struct carried_kept *kept); /* accepts NULL */

#endif
