/* Runs of seeds for the program and its self-test. */
#ifndef TESTS_SIM_SELFTEST_H
#define TESTS_SIM_SELFTEST_H

#include "core/broken.h"
#include "tests/sim/world.h"

struct run_options {
    enum sabotage sabotage;
    enum broken broken;
    bool is_crashy, is_lying, is_returning, is_copying, is_carrying, is_putting_back;
    bool is_verbose;
    bool is_stepping;
    struct cut cut;
};

/* Small enough for one write to a pipe (PIPE_BUF). */
struct result {
    uint64_t seed, trace, cpu_ms, memory_kib;
    bool has_failed, is_sabotaged;
    uint64_t operations[WORLD_MADE + 1];
    struct tally tally;
    char failure[WORLD_SENTENCE];
};

/* In a process of its own, which starts with the world as set-up left it; so that a crash of the engine is
 * a failed seed, and no seed sees another's remains. */
void run_apart(struct world *world, const struct run_options *options, uint64_t seed,
               struct result *result);

/* Switches a fault of the engine on (flavour broken), and says whether it was done. */
void selftest_choose(enum broken which);
bool selftest_was_done(void);

/* Makes the world. Each fault built in on purpose must be found by one of the first seeds in which it was
 * done; all of them, or the one. Gives the program's status. */
int selftest_run(struct world *world, enum broken only);

/* Makes the world. The seed once for every so many of the steps that change a disk, with a cut there: each machine in turn. */
int steps_run(struct world *world, const struct run_options *options, uint64_t seed, uint64_t every);

#endif
