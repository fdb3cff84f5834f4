/* Token buckets in a table of fixed size: a flood of keys costs no memory. */
#include "server/limit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "core/secret.h"

enum { SETS = 1024, WAYS = 4, TAG_BYTES = 16, MILLI = 1000 };

/* Tokens in thousandths, as of `at_ms`. An all-zero tag is an empty place. */
struct bucket {
    uint8_t tag[TAG_BYTES];
    int64_t milli;
    int64_t at_ms;
};

struct limit {
    pthread_mutex_t mutex;
    uint8_t salt[CRYPTO_HASH_BYTES]; /* nobody outside knows which keys share a set */
    struct bucket all[LIMIT_GROUP_COUNT];
    struct bucket sets[SETS][WAYS];
};

struct limit_rates
limit_rates_usual(void)
{
    return (struct limit_rates){
        .each = {[LIMIT_DEVICE] = {50, 1000},
                 [LIMIT_HELLO] = {10, 100},
                 [LIMIT_JOIN] = {1, 20},
                 [LIMIT_TEAM] = {1, 10}},
        .all = {[LIMIT_DEVICE] = {5000, 20000},
                [LIMIT_HELLO] = {200, 2000},
                [LIMIT_JOIN] = {10, 200},
                [LIMIT_TEAM] = {2, 50}},
    };
}

enum rc
limit_new(struct limit **limit)
{
    *limit = calloc(1, sizeof **limit);
    if (*limit == NULL)
        return rc_nomem();
    pthread_mutex_init(&(*limit)->mutex, NULL);
    random_fill((*limit)->salt, sizeof (*limit)->salt);
    return RC_OK;
}

void
limit_free(struct limit *limit)
{
    if (limit == NULL)
        return;
    pthread_mutex_destroy(&limit->mutex);
    free(limit);
}

static bool
take(struct bucket *bucket, struct limit_rate rate, int64_t now_ms)
{
    int64_t full = (int64_t)rate.burst * MILLI;
    int64_t past_ms = now_ms - bucket->at_ms;

    if (past_ms > 0 && rate.per_s > 0) {
        /* Enough time to fill it from nothing is enough; more would only overflow. */
        bool fills = past_ms / MILLI > (int64_t)(rate.burst / rate.per_s) + 1;
        bucket->milli = fills ? full : bucket->milli + past_ms * rate.per_s;
    }
    if (past_ms > 0)
        bucket->at_ms = now_ms;
    if (bucket->milli > full)
        bucket->milli = full;
    if (bucket->milli < MILLI)
        return false;
    bucket->milli -= MILLI;
    return true;
}

/* The key's bucket, made in an empty place or in that of the one that was longest not asked for. */
static struct bucket *
find(struct limit *limit, const uint8_t tag[TAG_BYTES], struct limit_rate rate, int64_t now_ms)
{
    struct bucket *set = limit->sets[(tag[0] | tag[1] << 8) % SETS];
    struct bucket *oldest = &set[0];

    for (int i = 0; i < WAYS; i++) {
        if (memcmp(set[i].tag, tag, TAG_BYTES) == 0)
            return &set[i];
        if (set[i].at_ms < oldest->at_ms)
            oldest = &set[i];
    }
    memcpy(oldest->tag, tag, TAG_BYTES);
    oldest->milli = (int64_t)rate.burst * MILLI;
    oldest->at_ms = now_ms;
    return oldest;
}

bool
limit_take(struct limit *limit, const struct limit_rates *rates, enum limit_group group,
           const void *key, size_t len, int64_t now_ms)
{
    uint8_t digest[CRYPTO_HASH_BYTES];
    uint8_t word = (uint8_t)group;
    struct crypto_hash hash;

    crypto_hash_start(&hash, "baken limit 1");
    crypto_hash_add(&hash, limit->salt, sizeof limit->salt);
    crypto_hash_add(&hash, &word, 1);
    crypto_hash_add(&hash, key, len);
    crypto_hash_end(&hash, digest);

    pthread_mutex_lock(&limit->mutex);
    struct bucket *all = &limit->all[group];
    if (all->at_ms == 0) { /* the first request of the group finds it full */
        all->at_ms = now_ms;
        all->milli = (int64_t)rates->all[group].burst * MILLI;
    }
    /* One's own bucket comes first: who is over it takes nothing from the others. */
    bool may = take(find(limit, digest, rates->each[group], now_ms), rates->each[group], now_ms) &&
               take(all, rates->all[group], now_ms);
    pthread_mutex_unlock(&limit->mutex);
    return may;
}
