/* What a save and an entry cost as records and history grow: stores of 50,000 to 800,000 field versions, each made anew in a process
 * of its own, and JSON lines that tools/plot.py draws. CPU time of one device, without the server's. An entry holds ten saves of a
 * stream; a tenth of the saves amend an older visit, of the last 2,400 or whichever. STEPS and SMALLEST (the sizes double), RUNS in the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/outbox.h"
#include "tests/bench/counted.h"
#include "tests/bench/figure.h"
#include "tests/bench/median.h"
#include "tests/bench/visits.h"
#include "tests/support/stores.h"

/* At every size: what grows is records and history, not streams. */
enum { FAMILIES = 120, PER_ENTRY = 10, BATCHES = 5, BATCH = FAMILIES * PER_ENTRY, SINGLES = 300, RECENT = 2 * BATCH, STEPS_MOST = 12, RUNS_MOST = 21 };

/* Of the store at its full size, but for MERGE_ALL and MEMORY: the median of five batches of ten visits in each family, saved, sealed,
 * sent and merged by itself, with amendments of recent visits or (SCATTERED) of any; of SINGLE 300 visits each. */
enum line { SAVE, SEAL, SINGLE, MERGE_ALL, MERGE, MERGE_SCATTERED, MEMORY, LINES };

static const char *const line_names[LINES] = {"scale_save", "scale_seal", "scale_save_durable",
                                              "scale_merge_first", "scale_merge", "scale_merge_scattered", "scale_memory"};
static const char *const line_units[LINES] = {"us of CPU a visit",  "us of CPU an entry", "us of CPU a visit",
                                              "us of CPU an entry", "us of CPU an entry", "us of CPU an entry",
                                              "MB at most"};

struct point {
    double values[LINES];
};

static struct office office;
static struct id *visits, families[FAMILIES];
static int made;               /* visits */
static unsigned noise = 1, words = 2;

/* What was measured of the writing of some visits. */
struct writing {
    double save_s, seal_s;
    int entries;
};

/* Ten visits of one, then ten of the next. */
static struct id
family_of(int visit)
{
    return families[visit / PER_ENTRY % FAMILIES];
}

/* Ten visits, as `commits` commits, and with one commit an amendment of one of the last `reach`; then sealed. */
static void
write_ten(int commits, int reach, struct writing *writing)
{
    struct office_device *coach = &office.devices[0];
    struct db *db = store_db(coach->store);
    int per_commit = PER_ENTRY / commits;
    struct span start = figure_now();

    for (int i = 0; i < PER_ENTRY; i++) {
        if (i % per_commit == 0)
            stores_demand(db_begin(db), "begin");
        if (i == PER_ENTRY - 1 && commits == 1) {
            noise = noise * 1103515245u + 12345u;
            int old = made - 1 - (int)((noise >> 8) % (unsigned)(made < reach ? made : reach));
            visits_amend(&office, 0, family_of(old), visits[old], old, &words);
        }
        visits[made] = visits_put(&office, 0, family_of(made), made, &words);
        made++;
        if (i % per_commit == per_commit - 1)
            stores_demand(db_commit(db), "commit");
    }
    writing->save_s += figure_since(start).cpu_s;
    start = figure_now();
    stores_demand(outbox_seal(coach->replica, (struct id){{0}}), "outbox_seal");
    writing->seal_s += figure_since(start).cpu_s;
}

static struct writing
write_visits(int count, int commits, int reach)
{
    struct writing writing = {0};

    for (int i = 0; i < count; i += PER_ENTRY)
        write_ten(commits, reach, &writing);
    return writing;
}

/* A session of the reader: its own CPU time an entry. */
static double
merge(uint64_t *entries)
{
    struct office_device *device = &office.devices[1];
    struct counted counted;

    counted_on(&counted, &device->transport);
    struct span start = figure_now();
    office_sync(&office, 1);
    double used = figure_since(start).cpu_s - counted.under_cpu_s;
    counted_off(&counted, &device->transport);
    *entries = device->report.applied;
    if (!device->report.is_complete || device->report.parked > 0 || *entries == 0) {
        fprintf(stderr, "bench_scale: not everything was merged\n");
        exit(1);
    }
    return used / (double)*entries * 1e6;
}

static void
measure_batches(struct point *point)
{
    double values[LINES][BATCHES];
    static const enum line lines[] = {SAVE, SEAL, SINGLE, MERGE, MERGE_SCATTERED};

    stores_demand(db_set_synchronous(store_db(office.devices[0].store), true), "synchronous");
    for (int i = 0; i < BATCHES; i++) {
        uint64_t entries;
        struct writing writing = write_visits(BATCH, 1, RECENT);
        office_sync(&office, 0);
        values[MERGE][i] = merge(&entries);
        values[SAVE][i] = writing.save_s / BATCH * 1e6;
        values[SEAL][i] = writing.seal_s / (double)entries * 1e6;
        writing = write_visits(SINGLES, PER_ENTRY, RECENT);
        values[SINGLE][i] = writing.save_s / SINGLES * 1e6;
        office_sync(&office, 0);
        (void)merge(&entries);
        (void)write_visits(BATCH, 1, made);
        office_sync(&office, 0);
        values[MERGE_SCATTERED][i] = merge(&entries);
    }
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        point->values[lines[i]] = median(values[lines[i]], BATCHES);
}

static struct point
measure(int field_versions)
{
    int count = field_versions / VISITS_FIELDS / PER_ENTRY * PER_ENTRY;
    size_t room = (size_t)count + BATCHES * (2 * BATCH + SINGLES);
    struct point point = {{0}};
    struct rusage usage;
    uint64_t entries;

    visits = calloc(room, sizeof *visits);
    stores_demand(visits != NULL ? secret_start() : RC_NOMEM, "secret_start");
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    for (int i = 0; i < FAMILIES; i++) {
        char name[32];
        snprintf(name, sizeof name, "family %d", i);
        families[i] = office_family(&office, 0, name, 0);
        office_pass(&office, 10 * 1000); /* no device asks so much at once of the server that limits it */
    }
    stores_demand(db_set_synchronous(store_db(office.devices[0].store), false), "synchronous");
    (void)write_visits(count, 1, count);
    office_sync(&office, 0);
    office_join_only(&office, 1, "Bram", LEDGER_ROLE_SCIENTIST);
    point.values[MERGE_ALL] = merge(&entries);
    measure_batches(&point);
    getrusage(RUSAGE_SELF, &usage);
    point.values[MEMORY] = (double)usage.ru_maxrss / 1024;
    office_close(&office);
    return point;
}

/* In a process of its own, so that nothing is warm and its memory is its own. */
static struct point
measure_apart(int field_versions)
{
    struct point point;
    int ends[2], status;

    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0) {
        point = measure(field_versions);
        _exit(write(ends[1], &point, sizeof point) == sizeof point ? 0 : 1);
    }
    close(ends[1]);
    bool is_whole = child > 0 && read(ends[0], &point, sizeof point) == sizeof point;
    close(ends[0]);
    if (waitpid(child, &status, 0) != child || status != 0 || !is_whole)
        exit(1);
    return point;
}

int
main(void)
{
    static double all[STEPS_MOST][LINES][RUNS_MOST];
    int steps = figure_number("STEPS", 5), smallest = figure_number("SMALLEST", 50000), runs = figure_number("RUNS", 1);

    if (steps < 1 || steps > STEPS_MOST || smallest < PER_ENTRY * VISITS_FIELDS || runs < 1 || runs > RUNS_MOST) {
        fprintf(stderr, "bench_scale: no such STEPS, SMALLEST or RUNS\n");
        return 1;
    }
    for (int run = 0; run < runs; run++)
        for (int step = 0; step < steps; step++) {
            struct point point = measure_apart(smallest << step);
            for (enum line line = SAVE; line < LINES; line++)
                all[step][line][run] = point.values[line];
        }
    for (enum line line = SAVE; line < LINES; line++) {
        double first = median(all[0][line], (size_t)runs);
        for (int step = 0; step < steps; step++) {
            double value = median(all[step][line], (size_t)runs);
            printf("{\"figure\":\"%s\",\"field_versions\":%d,\"value\":%.2f,\"unit\":\"%s\",\"peer\":null,"
                   "\"ratio\":null,\"growth\":%.3f,\"runs\":%d}\n",
                   line_names[line], smallest << step, value, line_units[line], value / first, runs);
        }
    }
    return 0;
}
