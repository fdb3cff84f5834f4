/* The simulator tested: each fault that is built in on purpose must be found, and by the check that is there for it. */
#include "tests/sim/selftest.h"

#include <stdio.h>
#include <string.h>

enum { SELFTEST_SEEDS = 1000 }; /* the rarest is found in one of 250 */

struct test {
    const char *name;
    const char *finders[3]; /* words of the sentence by which it is found */
    enum broken broken;     /* in the engine, or */
    enum sabotage sabotage; /* from outside */
    bool is_crashy;         /* it shows in a crash alone */
    bool is_lying;          /* it shows where the server lies */
    bool is_returning;      /* it shows where a device was restored */
    bool is_copying;        /* it shows where a store is copied and both are used */
    bool is_carrying;       /* it shows where covers travel by bundle */
};

static const struct test tests[] = {
    {"a version too few is superseded", {"should be"}, .broken = BROKEN_SUPERSEDE},
    {"the cursor moves before the entries are stored", {"passed arrival"}, .broken = BROKEN_CURSOR, .is_crashy = true},
    {"the cursor moves and nothing is stored", {"passed arrival"}, .sabotage = SABOTAGE_CURSOR},
    {"a gap is accepted", {"should be", "the conflict of"}, .broken = BROKEN_GAP, .is_lying = true},
    {"an entry on an unknown line counts", {"unknown line"}, .broken = BROKEN_LINE, .is_lying = true},
    {"a box without its commitment is taken",
     {"parked after", "has it not"},
     .broken = BROKEN_BOX,
     .is_lying = true},
    {"a parked entry counts as applied",
     {"should be", "differ in stream"},
     .broken = BROKEN_PARKED,
     .is_lying = true},
    {"late work is applied", {"should be"}, .sabotage = SABOTAGE_HELD},
    {"a save number is used again after a restore",
     {"in another entry"},
     .broken = BROKEN_REUSE,
     .is_returning = true},
    {"what a copy sealed under taken numbers is forgotten",
     {"not at the server", "should be", "two different entries claim"},
     .broken = BROKEN_COPY,
     .is_copying = true},
    {"sealed again after a lost answer", {"in another entry"}, .broken = BROKEN_RESEAL},
    {"the twin is skipped", {"twin"}, .broken = BROKEN_TWIN},
    {"a tie is broken by a local number", {"should show"}, .broken = BROKEN_TIE},
    {"a tie is broken by a local number, which two devices show", {"differ in stream"}, .broken = BROKEN_TIE},
    {"acknowledged before it is flushed", {"and does not have it"}, .broken = BROKEN_FLUSH, .is_crashy = true},
    {"a dead operation removes nothing", {"should be"}, .broken = BROKEN_DEAD},
    {"held counts as seen", {"should be", "the conflict of"}, .broken = BROKEN_HELD},
    {"a revoked device's later entries count", {"should be"}, .broken = BROKEN_REVOKED},
    {"an owed rotation is forgotten", {"rotation"}, .broken = BROKEN_ROTATION},
    {"half of an entry is applied", {"should be", "and does not have it"}, .broken = BROKEN_HALF},
    {"resolved what was not on the screen", {"should be", "the conflict of"}, .broken = BROKEN_SCREEN},
    {"a losing version is lost on rebuild", {"should be", "the conflict of"}, .broken = BROKEN_REBUILD},
    {"a far clock moves others", {"the clock of its journal"}, .broken = BROKEN_CLOCK},
    {"a carried cover is not told to the server", {"does not get through", "not on the ledger"}, .broken = BROKEN_CARRIED, .is_carrying = true},
    {"equal bytes are a conflict", {"lists"}, .broken = BROKEN_EQUAL},
    {"a conflict is not shown", {"conflict"}, .sabotage = SABOTAGE_CONFLICT},
    {"an entry is never sent again", {"refused", "but the server does not have it"}, .sabotage = SABOTAGE_SEND},
    {"an acknowledged save leaves the outbox", {"unsealed", "not at the server"},
     .sabotage = SABOTAGE_SAVE},
    {"rows stay after the right ended", {"keeps what it may not have"}, .sabotage = SABOTAGE_PURGE},
    {"sealed under a key that is to be replaced", {"opens arrival"}, .broken = BROKEN_SEAL, .is_carrying = true},
    {"the server hands out every box", {"that is not for it"}, .broken = BROKEN_FETCH},
    {"something readable lies at the server", {"for all to read"}, .sabotage = SABOTAGE_PLAIN},
    {"a forked ledger is accepted", {"does not notice the fork"}, .broken = BROKEN_PAST},
    {"anybody relaxes a strict unit", {"should be", "the conflict of"}, .broken = BROKEN_STRICT},
    {"who may not read is said to wait", {"but it may not read it"}, .broken = BROKEN_SIGHT},
    {"what waits is never sent", {"sync: offline"}, .sabotage = SABOTAGE_QUEUE},
};

#ifdef BAKEN_TEST_BROKEN
void
selftest_choose(enum broken which)
{
    broken_choose(which);
}

bool
selftest_was_done(void)
{
    return broken_was_done();
}

static bool
is_built_in(const struct test *test)
{
    (void)test;
    return true;
}
#else
void
selftest_choose(enum broken which)
{
    (void)which;
}

bool
selftest_was_done(void)
{
    return false;
}

static bool
is_built_in(const struct test *test)
{
    return test->broken == BROKEN_NONE;
}
#endif

static bool
is_finder(const struct test *test, const char *failure)
{
    for (size_t i = 0; i < sizeof test->finders / sizeof *test->finders; i++)
        if (test->finders[i] != NULL && strstr(failure, test->finders[i]) != NULL)
            return true;
    return false;
}

/* It goes on until the fault was found by the check that is there for it: others may be earlier. */
static bool
test_one(struct world *world, const struct test *test)
{
    const struct run_options options = {
        .sabotage = test->sabotage, .broken = test->broken, .is_crashy = test->is_crashy,
        .is_lying = test->is_lying,
        .is_returning = test->is_returning,
        .is_copying = test->is_copying,
        .is_carrying = test->is_carrying};
    struct result result = {0};
    unsigned done = 0, found = 0;
    bool is_found = false;

    for (uint64_t seed = 1; seed <= SELFTEST_SEEDS && !is_found; seed++) {
        run_apart(world, &options, seed, &result);
        done += result.is_sabotaged;
        found += result.is_sabotaged && result.has_failed;
        is_found = result.is_sabotaged && result.has_failed && is_finder(test, result.failure);
        if (result.has_failed && !is_found)
            printf("  seed %llu, by another check: %s\n", (unsigned long long)seed, result.failure);
    }
    printf("%s: done in %u seeds, found in %u, %s%s\n", test->name, done, found,
           is_found ? "by its check: " : "NOT BY ITS CHECK", is_found ? result.failure : "");
    fflush(stdout);
    return is_found;
}

int
selftest_run(struct world *world, enum broken only)
{
    int passed = 0, failed = 0;

    world_make(world);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        if (!is_built_in(&tests[i]) || (only != BROKEN_NONE && tests[i].broken != only))
            continue;
        bool is_found = test_one(world, &tests[i]);
        passed += is_found;
        failed += !is_found;
    }
    world_remove(world);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
