/* A scratch directory with a store in it, for tests. */
#include "tests/support/stores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct store_key_cost STORES_CHEAP = {.memory_kib = 64, .passes = 1};

void
stores_demand(enum rc rc, const char *what)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, rc_name(rc), rc_sentence());
    abort();
}

static int64_t
wall(void *context)
{
    (void)context;
    return INT64_C(1790000000000);
}

static int64_t
mono(void *context)
{
    const struct stores *stores = context;

    return 1000 + stores->slept_ms;
}

static void
sleep_on(void *context, int64_t ms)
{
    struct stores *stores = context;

    stores->slept_ms += ms;
}

void
stores_make(struct stores *stores)
{
    memset(stores, 0, sizeof *stores);
    scratch_make(&stores->scratch);
    snprintf(stores->directory, sizeof stores->directory, "%s/device", stores->scratch.directory);
    snprintf(stores->state, sizeof stores->state, "%s/state", stores->scratch.directory);
    stores_demand(secret_make(&stores->key, CRYPTO_KEY_BYTES), "key");
    memset(stores->key.bytes, 0x42, CRYPTO_KEY_BYTES);
    stores->options = (struct store_options){
        .directory = stores->directory,
        .state_directory = stores->state,
        .clock = {.wall_ms = wall, .mono_ms = mono, .sleep_ms = sleep_on, .context = stores},
        .key = &stores->key,
    };
}

void
stores_remove(struct stores *stores)
{
    secret_wipe(&stores->key);
    scratch_remove(&stores->scratch);
}

int
stores_set_up(void **state)
{
    stores_make(*state);
    return 0;
}

int
stores_tear_down(void **state)
{
    stores_remove(*state);
    return 0;
}
