/* sim --seeds N [--start S] [--jobs J] | --seed N | --selftest: runs seeds and says which fail. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/pool.h"
#include "tests/sim/selftest.h"
#include "tests/sim/world.h"

enum { JOBS_MOST = 64, MEGABYTE_KIB = 1024 };
/* What a seed may take (O7): a hundred times the mean in time, for the machine may be busy. */
enum { SEED_CPU_MS = 10 * 1000, SEED_MEMORY_MB = 160 };

struct order {
    uint64_t start, count;
    unsigned jobs;
    struct run_options run;
    uint64_t every; /* of the steps; 0: not by steps */
    bool is_single, is_selftest;
};

/* ---- one seed ---- */

static void
run_here(struct world *world, const struct run_options *options, uint64_t seed,
         struct result *result)
{
    world->sabotage = options->sabotage;
    world->is_crashy = options->is_crashy;
    world->is_lying = options->is_lying;
    world->is_returning = options->is_returning;
    world->is_copying = options->is_copying;
    world->is_putting_back = options->is_putting_back;
    world->is_carrying = options->is_carrying;
    world->is_stepping = options->is_stepping;
    world->cut = options->cut;
    selftest_choose(options->broken);
    world->is_verbose = options->is_verbose;
    world_run(world, seed);
    *result = (struct result){.seed = seed,
                              .has_failed = world->has_failed,
                              .is_sabotaged = world->is_sabotaged || selftest_was_done(),
                              .trace = world->trace,
                              .tally = world->tally};
    memcpy(result->failure, world->failure, sizeof result->failure);
    memcpy(result->operations, world->operations, sizeof result->operations);
    if (options->is_verbose)
        printf("seed %llu: trace %016llx\n", (unsigned long long)seed,
               (unsigned long long)world->trace);
    fflush(stdout);
}

static void
fail(struct result *result, const char *text)
{
    result->has_failed = true;
    snprintf(result->failure, sizeof result->failure, "%s", text);
}

/* Time and memory in bounds (O7). */
static void
judge_use(struct result *result, const struct rusage *used)
{
    long ms = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000 +
              (used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1000;

    result->cpu_ms = (uint64_t)ms;
    result->memory_kib = (uint64_t)used->ru_maxrss;
    if (result->has_failed)
        return;
    if (ms > SEED_CPU_MS)
        fail(result, "it took more than ten seconds of computing");
    else if (used->ru_maxrss > SEED_MEMORY_MB * MEGABYTE_KIB)
        fail(result, "it took more memory than it may");
}

void
run_apart(struct world *world, const struct run_options *options, uint64_t seed,
          struct result *result)
{
    int ends[2], status = 0;
    struct rusage used;

    if (pipe(ends) != 0) {
        perror("pipe");
        exit(2);
    }
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    if (child == 0) {
        close(ends[0]);
        run_here(world, options, seed, result);
        if (world->is_thorough)
            world_close(world);
        _exit(write(ends[1], result, sizeof *result) == (ssize_t)sizeof *result ? 0 : 1);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], result, sizeof *result);
    close(ends[0]);
    while (wait4(child, &status, 0, &used) < 0 && errno == EINTR)
        continue;
    if (got != (ssize_t)sizeof *result) {
        *result = (struct result){.seed = seed};
        fail(result, "the process said nothing");
    }
    if (WIFSIGNALED(status)) {
        result->has_failed = true;
        snprintf(result->failure, sizeof result->failure, "the process died of signal %d",
                 WTERMSIG(status));
    }
    judge_use(result, &used);
}

/* ---- many ---- */

/* A world of its own, and every jobs-th seed from there on; each result is one write, which a pipe does
 * not tear. */
static void
work(struct world *world, const struct order *order, unsigned job, int out)
{
    world_make(world);
    for (uint64_t i = job; i < order->count; i += order->jobs) {
        struct result result = {0};
        run_apart(world, &order->run, order->start + i, &result);
        if (write(out, &result, sizeof result) != (ssize_t)sizeof result)
            break;
    }
    world_remove(world);
}

static void
start_jobs(struct world *world, const struct order *order, int ends[2])
{
    fflush(stdout);
    for (unsigned job = 0; job < order->jobs; job++) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            exit(2);
        }
        if (child == 0) {
            close(ends[0]);
            work(world, order, job, ends[1]);
            _exit(0);
        }
    }
    close(ends[1]);
}

struct sum {
    uint64_t passed, failed, cpu_ms, most_ms, most_kib;
    struct tally tally;
};

static void
add(struct sum *sum, const struct result *result)
{
    if (result->has_failed)
        printf("seed %llu: %s\n", (unsigned long long)result->seed, result->failure);
    fflush(stdout);
    sum->passed += !result->has_failed;
    sum->failed += result->has_failed;
    sum->cpu_ms += result->cpu_ms;
    sum->most_ms = result->cpu_ms > sum->most_ms ? result->cpu_ms : sum->most_ms;
    sum->most_kib = result->memory_kib > sum->most_kib ? result->memory_kib : sum->most_kib;
    tally_add(&sum->tally, &result->tally);
}

static int
run_seeds(struct world *world, const struct order *order)
{
    struct sum sum = {0};
    struct result result = {0};
    int ends[2];

    if (pipe(ends) != 0) {
        perror("pipe");
        exit(2);
    }
    start_jobs(world, order, ends);
    while (read(ends[0], &result, sizeof result) == (ssize_t)sizeof result)
        add(&sum, &result);
    close(ends[0]);
    while (wait(NULL) > 0 || errno == EINTR)
        continue;
    uint64_t done = sum.passed + sum.failed;
    tally_print(&sum.tally);
    printf("%.1f ms of CPU a seed, at most %llu ms and %llu MB\n",
           done == 0 ? 0 : (double)sum.cpu_ms / (double)done, (unsigned long long)sum.most_ms,
           (unsigned long long)(sum.most_kib / MEGABYTE_KIB));
    sum.failed += order->count - done; /* a job that died took its seeds with it */
    printf("%llu passed, %llu failed\n", (unsigned long long)sum.passed,
           (unsigned long long)sum.failed);
    return sum.failed == 0 ? 0 : 1;
}

/* Without a fork, for a debugger. */
static int
run_single(struct world *world, const struct order *order)
{
    struct result result = {0};

    world_make(world);
    run_here(world, &order->run, order->start, &result);
    world_close(world);
    world_remove(world);
    tally_print(&result.tally);
    if (result.has_failed)
        printf("seed %llu: %s\n", (unsigned long long)result.seed, result.failure);
    printf("%d passed, %d failed\n", !result.has_failed, result.has_failed);
    return result.has_failed;
}

/* ---- orders ---- */

static uint64_t
read_number(const char *text)
{
    char *end;

    errno = 0;
    unsigned long long value = text == NULL ? 0 : strtoull(text, &end, 10);
    if (text == NULL || *text == '\0' || *end != '\0' || errno != 0) {
        fprintf(stderr, "not a number: %s\n", text == NULL ? "(nothing)" : text);
        exit(2);
    }
    return value;
}

static void
read_order(int argc, char **argv, struct order *order)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0)
            order->count = read_number(argv[++i]);
        else if (strcmp(argv[i], "--start") == 0)
            order->start = read_number(argv[++i]);
        else if (strcmp(argv[i], "--jobs") == 0)
            order->jobs = (unsigned)(read_number(argv[++i]) % JOBS_MOST);
        else if (strcmp(argv[i], "--seed") == 0) {
            order->start = read_number(argv[++i]);
            order->is_single = true;
        } else if (strcmp(argv[i], "--sabotage") == 0)
            order->run.sabotage = (enum sabotage)(read_number(argv[++i]) % SABOTAGE_COUNT);
        else if (strcmp(argv[i], "--broken") == 0)
            order->run.broken = (enum broken)(read_number(argv[++i]) % BROKEN_COUNT);
        else if (strcmp(argv[i], "--steps") == 0)
            order->every = read_number(argv[++i]);
        else if (strcmp(argv[i], "--cut") == 0) {
            order->run.is_stepping = true;
            order->run.cut.machine = (int)(read_number(argv[++i]) % (WORLD_MADE + 1));
            order->run.cut.step = read_number(i + 1 < argc ? argv[++i] : NULL);
        } else if (strcmp(argv[i], "--crashy") == 0)
            order->run.is_crashy = true;
        else if (strcmp(argv[i], "--returning") == 0)
            order->run.is_returning = true;
        else if (strcmp(argv[i], "--copying") == 0)
            order->run.is_copying = true;
        else if (strcmp(argv[i], "--putback") == 0)
            order->run.is_putting_back = true;
        else if (strcmp(argv[i], "--carrying") == 0)
            order->run.is_carrying = true;
        else if (strcmp(argv[i], "--lying") == 0)
            order->run.is_lying = true;
        else if (strcmp(argv[i], "--verbose") == 0)
            order->run.is_verbose = true;
        else if (strcmp(argv[i], "--selftest") == 0)
            order->is_selftest = true;
        else {
            fprintf(stderr, "usage: sim [--seeds N] [--start S] [--jobs J] [--seed N]"
                            " [--verbose] [--selftest] [--crashy] [--lying] [--returning] [--copying] [--carrying]"
                            " [--putback]"
                            " [--steps EVERY] [--cut MACHINE STEP] [--broken N]\n");
            exit(2);
        }
    }
    if (order->jobs == 0)
        order->jobs = 1;
}

/* The small files beside the stores are flushed at each save: on a file system in memory that is free. */
static void
choose_place(void)
{
    if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
}

/* Starts this program once more with a heap of large pages: a seed's process is short, and was handed some 4,300 pages one by one. The C
 * library reads the setting at its start alone. What is set already stands; where the start fails, pages stay small. */
static void
take_large_pages(char **argv)
{
    if (getenv("GLIBC_TUNABLES") == NULL && setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0) == 0)
        (void)execv("/proc/self/exe", argv);
}

int
main(int argc, char **argv)
{
    static struct world world;
    struct order order = {.start = 1, .count = 1000};

    take_large_pages(argv);
    pool_start();
    (void)setlocale(LC_ALL, "");
    choose_place();
    read_order(argc, argv, &order);
    if (order.is_selftest)
        return selftest_run(&world, order.run.broken);
    if (order.every > 0)
        return steps_run(&world, &order.run, order.start, order.every);
    return order.is_single ? run_single(&world, &order) : run_seeds(&world, &order);
}
