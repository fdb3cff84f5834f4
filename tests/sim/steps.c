/* One seed again and again: in each run one machine is cut off at another step that changes its disk, all of them in turn. */
#include <stdio.h>

#include "tests/sim/selftest.h"

/* The seed with that machine cut at that step; false, and said, when a check failed. */
static bool
run_cut(struct world *world, const struct run_options *plain, uint64_t seed, struct cut cut, struct result *result)
{
    struct run_options options = *plain;

    options.is_stepping = true;
    options.cut = cut;
    run_apart(world, &options, seed, result);
    if (!result->has_failed)
        return true;
    printf("seed %llu, machine %d, step %llu: %s (--seed %llu --cut %d %llu)\n", (unsigned long long)seed,
           cut.machine, (unsigned long long)cut.step, result->failure, (unsigned long long)seed,
           cut.machine, (unsigned long long)cut.step);
    fflush(stdout);
    return false;
}

int
steps_run(struct world *world, const struct run_options *options, uint64_t seed, uint64_t every)
{
    struct result result = {0}, plain = {0};
    uint64_t passed = 0, failed = 0, crashes = 0;

    world_make(world);
    if (!run_cut(world, options, seed, (struct cut){0}, &plain))
        failed++;
    for (int machine = 0; machine <= WORLD_MADE && failed == 0; machine++) {
        printf("seed %llu, machine %d: %llu steps, every %lluth\n", (unsigned long long)seed, machine,
               (unsigned long long)plain.operations[machine], (unsigned long long)every);
        fflush(stdout);
        for (uint64_t step = 1; step <= plain.operations[machine]; step += every) {
            bool is_well = run_cut(world, options, seed, (struct cut){machine, step}, &result);
            passed += is_well;
            failed += !is_well;
            crashes += result.tally.happened[HAPPENED_CRASH] + result.tally.happened[HAPPENED_KILL] +
                       result.tally.happened[HAPPENED_SERVER_CRASH];
        }
    }
    world_remove(world);
    printf("%llu cuts\n%llu passed, %llu failed\n", (unsigned long long)crashes,
           (unsigned long long)passed, (unsigned long long)failed);
    return failed == 0 ? 0 : 1;
}
