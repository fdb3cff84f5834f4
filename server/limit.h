/* Token buckets: how often one device, or one stranger, may ask. */
#ifndef SERVER_LIMIT_H
#define SERVER_LIMIT_H

#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limit;

/* `per_s` tokens come back each second, up to `burst`. */
struct limit_rate {
    uint32_t per_s;
    uint32_t burst;
};

enum limit_group {
    LIMIT_DEVICE, /* signed requests of one device */
    LIMIT_HELLO,  /* unsigned, by peer */
    LIMIT_JOIN,
    LIMIT_TEAM, /* tries at a one-time code */
    LIMIT_GROUP_COUNT
};

/* For each group one bucket a key and one for all keys together. */
struct limit_rates {
    struct limit_rate each[LIMIT_GROUP_COUNT];
    struct limit_rate all[LIMIT_GROUP_COUNT];
};
struct limit_rates limit_rates_usual(void);

enum rc limit_new(struct limit **limit) MUST_CHECK;
void limit_free(struct limit *limit); /* accepts NULL */
/* True when one more request of this key (a device's id, a peer's address) may go on now. `now_ms` is
 * of a clock that does not run back. Any thread. */
bool limit_take(struct limit *limit, const struct limit_rates *rates, enum limit_group group,
                const void *key, size_t len, int64_t now_ms) MUST_CHECK;

#endif
