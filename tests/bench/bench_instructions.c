/* The work whose instructions tests/e2e/instructions.sh counts: in a store of VISITS visits some more are saved, sealed and merged, each
 * counted apart. Prints how many of each there were. What is put off belongs to what put it off, as in bench_scale.c. Random numbers come
 * from a seed, so that the same tables are made each time. Without callgrind it counts nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "sync/outbox.h"
#include "tests/bench/figure.h"
#include "tests/bench/visits.h"
#include "tests/sim/seeded.h"
#include "tests/support/stores.h"

/* Ten of the visits that are counted in each family: an entry of its file and one of its index. */
enum { FAMILIES = 30, PER_ENTRY = 10, COUNTED = FAMILIES * PER_ENTRY, VISITS_MOST = 1000 * 1000 };

static struct office office;
static struct id *visits, families[FAMILIES];
static int made; /* visits */
static unsigned noise = 1, words = 2;

static struct id
family_of(int visit)
{
    return families[visit / PER_ENTRY % FAMILIES];
}

static void
put_visit(void)
{
    visits[made] = visits_put(&office, 0, family_of(made), made, &words);
    made++;
}

/* Whichever it is. */
static void
amend_visit(void)
{
    noise = noise * 1103515245u + 12345u;
    int old = (int)((noise >> 8) % (unsigned)made);
    visits_amend(&office, 0, family_of(old), visits[old], old, &words);
}

/* What device `at` has put off. */
static void
settle(int at)
{
    struct office_device *device = &office.devices[at];

    stores_demand(journal_index(replica_journal(device->replica)), "journal_index");
    stores_demand(db_checkpoint(store_db(device->store), false), "db_checkpoint");
}

static void
seal(void)
{
    stores_demand(outbox_seal(office.devices[0].replica, (struct id){{0}}), "outbox_seal");
}

/* A team of two devices that have the visits. */
static void
fill(int count)
{
    visits_found(&office, families, FAMILIES);
    struct db *db = store_db(office.devices[0].store);
    while (made < count) {
        stores_demand(db_begin(db), "begin");
        for (int i = 0; i < PER_ENTRY; i++)
            put_visit();
        stores_demand(db_commit(db), "commit");
        seal();
    }
    office_sync(&office, 0);
    office_join(&office, 1, "Bram", LEDGER_ROLE_SCIENTIST);
    settle(0);
    settle(1);
}

/* ---- what is counted -------------------------------------------------------------------------- */

/* A commit each; before each tenth an older one is amended. Returns how many saves that were. */
static int
save_counted(void)
{
    int saves = 0;

    CALLGRIND_START_INSTRUMENTATION;
    for (int i = 0; i < COUNTED; i++, saves++) {
        if (i % PER_ENTRY == PER_ENTRY - 1) {
            amend_visit();
            saves++;
        }
        put_visit();
    }
    settle(0);
    CALLGRIND_DUMP_STATS_AT("save");
    CALLGRIND_STOP_INSTRUMENTATION;
    return saves;
}

static void
seal_counted(void)
{
    CALLGRIND_START_INSTRUMENTATION;
    seal();
    CALLGRIND_DUMP_STATS_AT("seal");
    CALLGRIND_STOP_INSTRUMENTATION;
}

/* The server is no part of the device. */
static enum rc
send_uncounted(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    const struct transport *server = context;

    CALLGRIND_TOGGLE_COLLECT;
    enum rc rc = server->send(server->context, request, reply);
    CALLGRIND_TOGGLE_COLLECT;
    return rc;
}

/* Returns the entries. */
static unsigned long long
merge_counted(void)
{
    struct office_device *device = &office.devices[1];
    struct transport server = device->transport;

    device->transport = (struct transport){send_uncounted, &server};
    CALLGRIND_START_INSTRUMENTATION;
    office_sync(&office, 1);
    settle(1);
    CALLGRIND_DUMP_STATS_AT("merge");
    CALLGRIND_STOP_INSTRUMENTATION;
    device->transport = server;
    if (!device->report.is_complete || device->report.parked > 0 || device->report.applied == 0) {
        fprintf(stderr, "bench_instructions: not everything was merged\n");
        exit(1);
    }
    return device->report.applied;
}

int
main(void)
{
    int count = figure_number("VISITS", COUNTED);

    if (count < PER_ENTRY || count > VISITS_MOST || count % COUNTED != 0) {
        fprintf(stderr, "bench_instructions: VISITS are to be a multiple of %d\n", COUNTED);
        return 1;
    }
    visits = calloc((size_t)count + COUNTED, sizeof *visits);
    seeded_start(1);
    stores_demand(visits != NULL ? secret_start() : RC_NOMEM, "secret_start");
    fill(count);
    stores_demand(db_set_synchronous(store_db(office.devices[0].store), true), "synchronous");
    int saves = save_counted();
    seal_counted();
    office_sync(&office, 0);
    unsigned long long entries = merge_counted();
    printf("save %d\nseal %llu\nmerge %llu\n", saves, entries, entries);
    office_close(&office);
    free(visits);
    return 0;
}
