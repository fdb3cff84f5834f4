/* Makes every operation fail, n-th by n-th, once and for ever, until none is left.
 *
 * usage: faults [--act NAME] [--kind NAME] [--from N] [--runs N] [--sample N] [--once | --ever]
 *
 * --sample N takes about N of each kind, spread. Each line: act, kind, n reached, runs, failures. Ends in "N passed, N failed": a
 * line is one check, which fails on any failure, on a leak, and where n stays below its floor. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "tests/crash/faults/acts.h"

/* Of the many allocations, doctor looks after each 8th alone. */
enum { TOLD_MOST = 5, DOCTOR_EACH = 8 };

/* AddressSanitizer's, where it is linked. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

struct options {
    const char *act, *kind;
    uint64_t from, runs, sample;
    bool is_once_only, is_ever_only;
};

struct tally {
    uint64_t runs, bad;
};

static uint64_t
count_of(const struct act *act, enum fault_kind kind)
{
    acts_reset(true);
    act->prepare();
    fault_arm(kind, 0, false);
    enum rc rc = act->perform();
    uint64_t count = fault_disarm();
    const char *what = act->look(rc);
    if (rc != RC_OK || what != NULL) {
        fprintf(stderr, "%s fails by itself: %s [%s]\n", act->name, what == NULL ? "-" : what,
                rc_sentence());
        exit(1);
    }
    return count;
}

static void
try_one(const struct act *act, enum fault_kind kind, uint64_t n, bool is_for_ever,
        struct tally *tally)
{
    char told[300];

    acts_reset(kind != FAULT_MEMORY || n % DOCTOR_EACH == 0);
    act->prepare();
    rc_fail(RC_OK, "%s", "");
    fault_arm(kind, n, is_for_ever);
    enum rc rc = act->perform();
    (void)fault_disarm();
    snprintf(told, sizeof told, "%s: %s", rc_name(rc), rc_sentence());
    const char *what = act->look(rc);
    tally->runs++;
    if (what == NULL)
        return;
    if (tally->bad++ < TOLD_MOST)
        printf("--act %s --kind %s --from %llu --runs 1 --%s: %s (it said %s; now %s)\n", act->name,
               fault_name(kind), (unsigned long long)n, is_for_ever ? "ever" : "once", what, told,
               rc_sentence());
}

static bool
leaks(void)
{
    return __lsan_do_recoverable_leak_check != NULL && __lsan_do_recoverable_leak_check() != 0;
}

static bool
try_kind(const struct options *options, const struct act *act, enum fault_kind kind)
{
    uint64_t count = count_of(act, kind);
    uint64_t step = options->sample > 0 && count > options->sample ? count / options->sample : 1;
    uint64_t last = options->runs > 0 && options->from + options->runs - 1 < count
                        ? options->from + options->runs - 1
                        : count;
    struct tally tally = {0, 0};

    for (uint64_t n = options->from; n <= last; n += step) {
        if (!options->is_ever_only)
            try_one(act, kind, n, false, &tally);
        if (!options->is_once_only)
            try_one(act, kind, n, true, &tally);
    }
    bool has_leaked = leaks();
    bool is_short = count < act->floors[kind];
    if (count > 0 || is_short)
        printf("%-12s %-9s n = %-6llu %6llu runs %4llu bad%s%s\n", act->name, fault_name(kind),
               (unsigned long long)count, (unsigned long long)tally.runs,
               (unsigned long long)tally.bad, has_leaked ? ", LEAKS" : "",
               is_short ? ", BELOW ITS FLOOR" : "");
    fflush(stdout);
    return tally.bad == 0 && !has_leaked && !is_short;
}

static void
read_options(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--once") == 0 || strcmp(argv[i], "--ever") == 0) {
            options->is_once_only = strcmp(argv[i], "--once") == 0;
            options->is_ever_only = !options->is_once_only;
            continue;
        }
        if (strcmp(argv[i], "--act") == 0)
            options->act = value;
        else if (strcmp(argv[i], "--kind") == 0)
            options->kind = value;
        else if (strcmp(argv[i], "--from") == 0)
            options->from = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--runs") == 0)
            options->runs = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--sample") == 0)
            options->sample = strtoull(value, NULL, 10);
        else {
            fprintf(stderr, "usage: faults [--act NAME] [--kind NAME] [--from N] [--runs N] [--sample N]"
                            " [--once | --ever]\n");
            exit(2);
        }
        i++;
    }
}

int
main(int argc, char **argv)
{
    struct options options = {.from = 1};
    unsigned passed = 0, failed = 0;

    read_options(argc, argv, &options);
    fault_memory_start();
    fault_vfs_start();
    if (secret_start() != RC_OK)
        return 2;
    acts_start();
    for (unsigned a = 0; a < ACT_COUNT; a++)
        for (unsigned kind = 0; kind < FAULT_KINDS; kind++) {
            if ((options.act != NULL && strcmp(options.act, ACTS[a].name) != 0) ||
                (options.kind != NULL && strcmp(options.kind, fault_name(kind)) != 0))
                continue;
            try_kind(&options, &ACTS[a], kind) ? passed++ : failed++;
        }
    acts_end();
    if (leaks())
        failed++;
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
