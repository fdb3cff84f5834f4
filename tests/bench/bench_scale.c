/* What a save and an entry cost as records and history grow: stores of 50,000 to 800,000 field versions, each made anew in a process
 * of its own, and JSON lines that tools/plot.py draws. CPU time of one device, without the server's, and the pages that it sealed and
 * opened. An entry holds ten saves of a stream; a tenth of the saves amend an older visit, of the last 2,400 or whichever. What is put
 * off belongs to what put it off: each batch that is measured ends with its words indexed and its log written into the file, so that
 * none has another's checkpoint. STEPS and SMALLEST (the sizes double), RUNS in the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/crypto_page.h"
#include "sync/outbox.h"
#include "tests/bench/apart.h"
#include "tests/bench/counted.h"
#include "tests/bench/figure.h"
#include "tests/bench/median.h"
#include "tests/bench/visits.h"
#include "tests/support/stores.h"

/* At every size: what grows is records and history, not streams. */
enum { FAMILIES = 120, PER_ENTRY = 10, BATCHES = 5, BATCH = FAMILIES * PER_ENTRY, SINGLES = 300, RECENT = 2 * BATCH, STEPS_MOST = 12, RUNS_MOST = 21 };

/* Of the store at its full size, but for MERGE_ALL and MEMORY: the mean of five batches of ten visits in each family, saved, sealed,
 * sent and merged, with amendments of recent visits or (SCATTERED) of any; of SINGLE 300 visits each. */
enum line { SAVE, SEAL, SINGLE, MERGE_ALL, MERGE, MERGE_SCATTERED, MEMORY, LINES };

static const char *const line_names[LINES] = {"scale_save", "scale_seal", "scale_save_durable",
                                              "scale_merge_first", "scale_merge", "scale_merge_scattered", "scale_memory"};
static const char *const line_units[LINES] = {"us of CPU a visit",  "us of CPU an entry", "us of CPU a visit",
                                              "us of CPU an entry", "us of CPU an entry", "us of CPU an entry",
                                              "MB at most"};

/* Of some work, or of one visit or entry of it. */
struct cost {
    double cpu; /* seconds; in a point microseconds, of MEMORY megabytes */
    double pages;
};

struct point {
    struct cost costs[LINES];
};

static struct office office;
static struct id *visits, families[FAMILIES];
static int made;               /* visits */
static unsigned noise = 1, words = 2;

/* ---- what is measured ------------------------------------------------------------------------- */

static double pages; /* of all devices; the server's are not sealed */

/* The linker puts these before the store's (the Makefile's --wrap). */
void __real_crypto_page_seal(struct crypto_page *, const uint8_t *, const uint8_t *, const void *, size_t, const void *, size_t,
                             uint8_t *, uint8_t *);
void __wrap_crypto_page_seal(struct crypto_page *, const uint8_t *, const uint8_t *, const void *, size_t, const void *, size_t,
                             uint8_t *, uint8_t *);
bool __real_crypto_page_open(struct crypto_page *, const uint8_t *, const uint8_t *, const void *, size_t, const void *, size_t,
                             const uint8_t *, uint8_t *);
bool __wrap_crypto_page_open(struct crypto_page *, const uint8_t *, const uint8_t *, const void *, size_t, const void *, size_t,
                             const uint8_t *, uint8_t *);

void
__wrap_crypto_page_seal(struct crypto_page *page, const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                        const void *plain, size_t len, uint8_t *sealed, uint8_t *tag)
{
    pages += 1;
    __real_crypto_page_seal(page, key, nonce, ad, ad_len, plain, len, sealed, tag);
}

bool
__wrap_crypto_page_open(struct crypto_page *page, const uint8_t *key, const uint8_t *nonce, const void *ad, size_t ad_len,
                        const void *sealed, size_t len, const uint8_t *tag, uint8_t *plain)
{
    pages += 1;
    return __real_crypto_page_open(page, key, nonce, ad, ad_len, sealed, len, tag, plain);
}

static struct cost
cost_now(void)
{
    return (struct cost){figure_now().cpu_s, pages};
}

static void
add_since(struct cost *sum, struct cost start)
{
    struct cost now = cost_now();

    sum->cpu += now.cpu - start.cpu;
    sum->pages += now.pages - start.pages;
}

static struct cost
each(struct cost sum, uint64_t count)
{
    return (struct cost){sum.cpu / (double)count * 1e6, sum.pages / (double)count};
}

/* What device `at` has put off. */
static void
settle(int at, struct cost *sum)
{
    struct office_device *device = &office.devices[at];
    struct cost start = cost_now();

    stores_demand(journal_index(replica_journal(device->replica)), "journal_index");
    stores_demand(db_checkpoint(store_db(device->store), false), "db_checkpoint");
    add_since(sum, start);
}

static void
settle_unmeasured(void)
{
    struct cost none = {0, 0};

    settle(0, &none);
    settle(1, &none);
}

/* ---- the work --------------------------------------------------------------------------------- */

/* What the writing of some visits cost. */
struct writing {
    struct cost save, seal;
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
    struct cost start = cost_now();

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
    add_since(&writing->save, start);
    start = cost_now();
    stores_demand(outbox_seal(coach->replica, (struct id){{0}}), "outbox_seal");
    add_since(&writing->seal, start);
}

static void
write_visits(int count, int commits, int reach, struct writing *writing)
{
    for (int i = 0; i < count; i += PER_ENTRY)
        write_ten(commits, reach, writing);
}

/* A session of the reader. Returns the entries that it merged. */
static uint64_t
merge(struct cost *sum)
{
    struct office_device *device = &office.devices[1];
    struct counted counted;

    counted_on(&counted, &device->transport);
    struct cost start = cost_now();
    office_sync(&office, 1);
    add_since(sum, start);
    sum->cpu -= counted.under_cpu_s;
    counted_off(&counted, &device->transport);
    if (!device->report.is_complete || device->report.parked > 0 || device->report.applied == 0) {
        fprintf(stderr, "bench_scale: not everything was merged\n");
        exit(1);
    }
    return device->report.applied;
}

/* One batch: what was put off before is settled, and what it puts off is settled within. Returns its entries. */
static uint64_t
measure_batch(int count, int commits, int reach, struct writing *writing, struct cost *merged)
{
    settle_unmeasured();
    write_visits(count, commits, reach, writing);
    settle(0, &writing->save);
    office_sync(&office, 0);
    uint64_t entries = merge(merged);
    settle(1, merged);
    return entries;
}

static void
measure_batches(struct point *point)
{
    struct writing tens = {0}, singles = {0}, unmeasured = {0};
    struct cost merged = {0, 0}, scattered = {0, 0}, ignored = {0, 0};
    uint64_t entries = 0, entries_scattered = 0;

    stores_demand(db_set_synchronous(store_db(office.devices[0].store), true), "synchronous");
    for (int i = 0; i < BATCHES; i++) {
        entries += measure_batch(BATCH, 1, RECENT, &tens, &merged);
        (void)measure_batch(SINGLES, PER_ENTRY, RECENT, &singles, &ignored);
        entries_scattered += measure_batch(BATCH, 1, made, &unmeasured, &scattered);
    }
    point->costs[SAVE] = each(tens.save, BATCHES * BATCH);
    point->costs[SEAL] = each(tens.seal, entries);
    point->costs[SINGLE] = each(singles.save, BATCHES * SINGLES);
    point->costs[MERGE] = each(merged, entries);
    point->costs[MERGE_SCATTERED] = each(scattered, entries_scattered);
}

static struct point
measure(int field_versions)
{
    int count = field_versions / VISITS_FIELDS / PER_ENTRY * PER_ENTRY;
    size_t room = (size_t)count + BATCHES * (2 * BATCH + SINGLES);
    struct point point = {.costs = {{0, 0}}};
    struct writing unmeasured = {0};
    struct cost first = {0, 0};
    struct rusage usage;

    visits = calloc(room, sizeof *visits);
    stores_demand(visits != NULL ? secret_start() : RC_NOMEM, "secret_start");
    visits_found(&office, families, FAMILIES);
    stores_demand(db_set_synchronous(store_db(office.devices[0].store), false), "synchronous");
    write_visits(count, 1, count, &unmeasured);
    office_sync(&office, 0);
    office_join_only(&office, 1, "Bram", LEDGER_ROLE_SCIENTIST);
    uint64_t entries = merge(&first);
    settle(1, &first);
    point.costs[MERGE_ALL] = each(first, entries);
    measure_batches(&point);
    getrusage(RUSAGE_SELF, &usage);
    point.costs[MEMORY].cpu = (double)usage.ru_maxrss / 1024;
    office_close(&office);
    return point;
}

static void
measure_one(const void *field_versions, void *point)
{
    *(struct point *)point = measure(*(const int *)field_versions);
}

static struct point
measure_apart(int field_versions)
{
    struct point point;

    apart(measure_one, &field_versions, &point, sizeof point);
    return point;
}

static double
middle(struct cost costs[LINES][RUNS_MOST], enum line line, int runs, bool of_pages)
{
    double values[RUNS_MOST];

    for (int run = 0; run < runs; run++)
        values[run] = of_pages ? costs[line][run].pages : costs[line][run].cpu;
    return median(values, (size_t)runs);
}

static void
print_line(struct cost all[][LINES][RUNS_MOST], enum line line, int steps, int smallest, int runs, bool of_pages)
{
    double first = middle(all[0], line, runs, of_pages);

    for (int step = 0; step < steps; step++) {
        double value = middle(all[step], line, runs, of_pages);
        printf("{\"figure\":\"%s%s\",\"field_versions\":%d,\"value\":%.2f,\"unit\":\"%s\",\"peer\":null,"
               "\"ratio\":null,\"growth\":%.3f,\"runs\":%d}\n",
               line_names[line], of_pages ? "_pages" : "", smallest << step, value,
               of_pages ? "pages sealed and opened" : line_units[line], value / first, runs);
    }
}

int
main(void)
{
    static struct cost all[STEPS_MOST][LINES][RUNS_MOST];
    int steps = figure_number("STEPS", 5), smallest = figure_number("SMALLEST", 50000), runs = figure_number("RUNS", 5);

    if (steps < 1 || steps > STEPS_MOST || smallest < PER_ENTRY * VISITS_FIELDS || runs < 1 || runs > RUNS_MOST) {
        fprintf(stderr, "bench_scale: no such STEPS, SMALLEST or RUNS\n");
        return 1;
    }
    for (int run = 0; run < runs; run++)
        for (int step = 0; step < steps; step++) {
            struct point point = measure_apart(smallest << step);
            for (enum line line = SAVE; line < LINES; line++)
                all[step][line][run] = point.costs[line];
        }
    for (enum line line = SAVE; line < LINES; line++) {
        print_line(all, line, steps, smallest, runs, false);
        if (line != MEMORY)
            print_line(all, line, steps, smallest, runs, true);
    }
    return 0;
}
