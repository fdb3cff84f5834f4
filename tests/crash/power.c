/* Cuts power at seeded points of seeded work, and counts what was lost.
 *
 * usage: power [--points N] [--seed N] [--jobs N] [--workload NAME] [--plain]
 *
 * Plain SQLite runs beside as control, at a quarter of the points: where a cache spills and savepoints are rolled back it must
 * lose, or the disk in memory would be too kind. `--workload NAME --seed N --points 1` repeats one point, `--plain` on plain
 * SQLite. Ends in "N passed, N failed"; a workload is one check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/secret.h"
#include "tests/support/crash_work.h"

enum { WORKLOADS_MOST = 32, JOBS_MOST = 16, CONTROL_SHARE = 4, TOLD_MOST = 5 };

struct count {
    uint64_t points, lost;
};

/* Shared among the jobs; each job writes its own part. */
struct board {
    struct count counts[2][WORKLOADS_MOST][POWER_MANNERS]; /* [is_ours] */
    bool has_ended;
};

struct options {
    uint64_t points, seed;
    unsigned jobs;
    const char *workload;
    bool is_plain_only;
};

static unsigned
number_of(const struct power_manner *manner)
{
    return 2 * (unsigned)manner->fate + (manner->sector_bytes == 4096);
}

static void
try_point(const struct options *options, unsigned at, bool is_ours, uint64_t seed,
          struct board *board)
{
    const struct crash_workload *workload = &CRASH_WORKLOADS[at];
    struct crash_outcome outcome;

    if (workload->is_product)
        crash_product_point(workload, seed, &outcome);
    else
        crash_point(workload, is_ours, seed, &outcome);
    struct count *count = &board->counts[is_ours][at][number_of(&outcome.manner)];
    count->points++;
    if (outcome.what == NULL)
        return;
    bool is_told = options->points == 1 || (!workload->loses_plain && count->lost < TOLD_MOST);
    count->lost++;
    if (is_told)
        printf("--workload %s --seed %llu --points 1%s: %s, operation %llu: %s [%s]\n",
               workload->name, (unsigned long long)seed, is_ours ? "" : " --plain",
               power_manner_name(&outcome.manner), (unsigned long long)outcome.operation,
               outcome.what, outcome.sentence);
}

static bool
is_wanted(const struct options *options, unsigned at)
{
    return options->workload == NULL || strcmp(options->workload, CRASH_WORKLOADS[at].name) == 0;
}

/* Seed s of the run is one point of one workload, so that jobs share the work by counting. */
static void
run_job(const struct options *options, unsigned job, struct board *board)
{
    unsigned wanted = 0, order[WORKLOADS_MOST];

    for (unsigned at = 0; at < CRASH_WORKLOAD_COUNT; at++)
        if (is_wanted(options, at))
            order[wanted++] = at;
    for (uint64_t i = job; i < options->points; i += options->jobs) {
        unsigned at = order[i % wanted];
        bool has_control = !CRASH_WORKLOADS[at].is_product &&
                           (CRASH_WORKLOADS[at].loses_plain || i / wanted % CONTROL_SHARE == 0);
        if (!options->is_plain_only)
            try_point(options, at, true, options->seed + i, board);
        if ((has_control && options->points > 1) || options->is_plain_only)
            try_point(options, at, false, options->seed + i, board);
    }
    crash_product_end();
    crash_end();
    board->has_ended = true;
}

static struct board *
run_jobs(const struct options *options)
{
    struct board *boards = mmap(NULL, options->jobs * sizeof *boards, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (boards == MAP_FAILED)
        abort();
    fflush(stdout);
    for (unsigned job = 0; job < options->jobs; job++) {
        pid_t pid = options->jobs == 1 ? 0 : fork();
        if (pid < 0)
            abort();
        if (pid > 0)
            continue;
        run_job(options, job, &boards[job]);
        fflush(stdout);
        if (options->jobs > 1)
            _exit(0);
    }
    while (options->jobs > 1 && wait(NULL) > 0)
        continue;
    return boards;
}

/* One line of the table; returns what was lost. */
static struct count
tell(const struct options *options, const struct board *boards, unsigned at, bool is_ours)
{
    struct count all = {0, 0};
    char cells[POWER_MANNERS * 16] = "";

    for (unsigned m = 0; m < POWER_MANNERS; m++) {
        struct count count = {0, 0};
        for (unsigned job = 0; job < options->jobs; job++) {
            count.points += boards[job].counts[is_ours][at][m].points;
            count.lost += boards[job].counts[is_ours][at][m].lost;
        }
        all.points += count.points;
        all.lost += count.lost;
        size_t len = strlen(cells);
        snprintf(cells + len, sizeof cells - len, " %5llu/%-4llu", (unsigned long long)count.lost,
                 (unsigned long long)count.points);
    }
    if (all.points > 0)
        printf("%-16s %-6s %6llu/%-6llu%s\n", CRASH_WORKLOADS[at].name, is_ours ? "baken" : "plain",
               (unsigned long long)all.lost, (unsigned long long)all.points, cells);
    return all;
}

static int
judge(const struct options *options, const struct board *boards)
{
    unsigned passed = 0, failed = 0;
    uint64_t points = 0;

    printf("lost/points      store   all         ");
    for (unsigned m = 0; m < POWER_MANNERS; m++) {
        struct power_manner manner = power_manner_number(m);
        printf(" %-10.10s", power_manner_name(&manner));
    }
    printf("\n");
    for (unsigned at = 0; at < CRASH_WORKLOAD_COUNT; at++) {
        struct count ours = tell(options, boards, at, true);
        struct count plain = tell(options, boards, at, false);
        const struct crash_workload *workload = &CRASH_WORKLOADS[at];
        bool must_lose = workload->loses_plain && plain.points >= 100;
        bool is_good = workload->loses_plain ? !must_lose || plain.lost > 0 : ours.lost == 0;
        points += ours.points;
        if (ours.points + plain.points > 0)
            is_good ? passed++ : failed++;
        if (!is_good && must_lose)
            printf("%s: plain SQLite should have lost something\n", workload->name);
    }
    for (unsigned job = 0; job < options->jobs; job++)
        if (!boards[job].has_ended) {
            printf("job %u did not end\n", job);
            failed++;
        }
    printf("%llu crash points from seed %llu\n%u passed, %u failed\n", (unsigned long long)points,
           (unsigned long long)options->seed, passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
    struct options options = {.points = 1000, .seed = 1, .jobs = 1};

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--plain") == 0) {
            options.is_plain_only = true;
            continue;
        }
        if (strcmp(argv[i], "--points") == 0)
            options.points = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0)
            options.jobs = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--workload") == 0)
            options.workload = value;
        i++;
    }
    if (options.points == 0 || options.jobs == 0 || options.jobs > JOBS_MOST ||
        CRASH_WORKLOAD_COUNT > WORKLOADS_MOST || secret_start() != RC_OK)
        return 2;
    struct board *boards = run_jobs(&options);
    int status = judge(&options, boards);
    munmap(boards, options.jobs * sizeof *boards);
    return status;
}
