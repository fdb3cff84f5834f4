/* The simulator tested: each fault that is built in on purpose must be found, and by the check that is there for it. */
#include "tests/sim/selftest.h"

#include <stdio.h>
#include <string.h>

enum { SELFTEST_SEEDS = 60 };

struct test {
    const char *name;
    const char *finder; /* words of the sentence by which it is found */
};

static const struct test tests[SABOTAGE_COUNT] = {
    [SABOTAGE_SUPERSEDE] = {"a version too few is superseded", "should be"},
    [SABOTAGE_CURSOR] = {"the cursor moves before the entries are stored", "passed arrival"},
    [SABOTAGE_SEND] = {"an entry is never sent again", ""},
    [SABOTAGE_SAVE] = {"an acknowledged save leaves the outbox", ""},
    [SABOTAGE_CONFLICT] = {"a conflict is not shown", "conflict"},
    [SABOTAGE_PURGE] = {"rows stay after the right ended", "keeps what it may not have"},
    [SABOTAGE_HELD] = {"late work is applied", ""},
    [SABOTAGE_QUEUE] = {"what waits is never sent", ""},
};

static bool
test_one(struct world *world, enum sabotage sabotage)
{
    const struct test *test = &tests[sabotage];
    const struct run_options options = {.sabotage = sabotage};
    struct result result = {0};
    unsigned done = 0;
    bool is_found = false, is_by_chance = false;

    for (uint64_t seed = 1; seed <= SELFTEST_SEEDS && !is_found; seed++) {
        run_apart(world, &options, seed, &result);
        done += result.is_sabotaged;
        bool failed = result.is_sabotaged && result.has_failed;
        is_found = failed && strstr(result.failure, test->finder) != NULL;
        is_by_chance |= failed && !is_found;
        if (failed && !is_found)
            printf("  seed %llu, by another check: %s\n", (unsigned long long)seed, result.failure);
    }
    printf("%s: done in %u seeds, %s%s\n", test->name, done, is_found ? "found: " : "NOT FOUND",
           is_found ? result.failure : is_by_chance ? " by its own check" : "");
    return is_found;
}

int
selftest_run(struct world *world)
{
    int passed = 0, failed = 0;

    world_make(world);
    for (enum sabotage i = SABOTAGE_NONE + 1; i < SABOTAGE_COUNT; i++) {
        bool is_found = test_one(world, i);
        passed += is_found;
        failed += !is_found;
    }
    world_remove(world);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
