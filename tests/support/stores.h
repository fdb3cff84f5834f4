/* A scratch directory with a store in it, for tests. */
#ifndef TESTS_SUPPORT_STORES_H
#define TESTS_SUPPORT_STORES_H

#include "core/store.h"
#include "tests/support/scratch.h"

/* What a passphrase costs in tests. */
extern const struct store_key_cost STORES_CHEAP;

struct stores {
    struct scratch scratch;
    struct store_options options; /* directory DIR/device, state_directory DIR/state, a fixed key */
    char directory[96];
    char state[96];
    struct secret key;
    int64_t slept_ms; /* by the clock of the options, which never really sleeps */
};

void stores_make(struct stores *stores);
void stores_remove(struct stores *stores);
/* The same for cmocka, whose state is a struct stores before the test begins. */
int stores_set_up(void **state);
int stores_tear_down(void **state);
/* A text for db_run or rc_name: aborts, with the sentence, unless RC_OK. */
void stores_demand(enum rc rc, const char *what);

#endif
