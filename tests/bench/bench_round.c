/* Small exchanges in a team with many visits: a session with nothing to do, and 100 edits from push to applied at a second device;
 * each in process and by HTTP on loopback. FAMILIES, VISITS (of each family) and RUNS in the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/contact.h"
#include "server/http.h"
#include "sync/outbox.h"
#include "sync/transport_http.h"
#include "tests/bench/counted.h"
#include "tests/bench/figure.h"
#include "tests/bench/relay.h"
#include "tests/bench/visits.h"
#include "tests/support/stores.h"

enum { FAMILIES_MOST = 500, EDITS = 100, FAMILIES_OF_A_DAY = 10 };

static struct office office;
static struct id families[FAMILIES_MOST];
static struct id edited[EDITS]; /* the first ten visits of each of the first ten families */
static int family_count;

/* A hundred visits a commit and ten an entry of each stream, as a few days' work goes out. */
static void
write_visits(int family, int count)
{
    struct office_device *coach = &office.devices[0];
    unsigned seed = (unsigned)family;

    for (int i = 0; i < count; i++) {
        if (i % 100 == 0)
            stores_demand(db_begin(store_db(coach->store)), "begin");
        struct id visit = visits_put(&office, 0, families[family], i, &seed);
        if (family < FAMILIES_OF_A_DAY && i < EDITS / FAMILIES_OF_A_DAY)
            edited[family * (EDITS / FAMILIES_OF_A_DAY) + i] = visit;
        if (i % 10 == 9)
            stores_demand(outbox_seal(coach->replica, (struct id){{0}}), "outbox_seal");
        if (i % 100 == 99 || i == count - 1)
            stores_demand(db_commit(store_db(coach->store)), "commit");
    }
}

static void
make_team(int visits)
{
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    for (int i = 0; i < family_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "family %d", i);
        families[i] = office_family(&office, 0, name, 0);
        write_visits(i, visits);
    }
    office_sync(&office, 0);
    office_join(&office, 1, "Bram", LEDGER_ROLE_SCIENTIST);
    office_sync_all(&office, 2, 2);
}

/* ---- nothing to do ------------------------------------------------------------------------------ */

/* Requests, and the bytes that pass the relay; in process there is none. */
static void
measure_idle(const char *name, int runs, const struct relay *relay)
{
    struct office_device *device = &office.devices[1];
    struct spans spans = {.count = 0};
    struct counted counted;
    char line[64];

    counted_on(&counted, &device->transport);
    office_sync(&office, 1); /* connects, and learns that nothing is left */
    unsigned requests = counted.requests;
    uint64_t sent = relay != NULL ? relay_sent(relay) : 0;
    uint64_t received = relay != NULL ? relay_received(relay) : 0;
    for (int i = 0; i < runs; i++) {
        office_pass(&office, 60 * 1000);
        struct span start = figure_now();
        office_sync(&office, 1);
        figure_add(&spans, figure_since(start));
    }
    figure_print(name, &spans, 1000, "ms");
    snprintf(line, sizeof line, "%s_requests", name);
    figure_print_value(line, (double)(counted.requests - requests) / runs, "requests");
    if (relay != NULL) {
        snprintf(line, sizeof line, "%s_sent", name);
        figure_print_value(line, (double)(relay_sent(relay) - sent) / runs, "bytes");
        snprintf(line, sizeof line, "%s_received", name);
        figure_print_value(line, (double)(relay_received(relay) - received) / runs, "bytes");
    }
    counted_off(&counted, &device->transport);
}

/* ---- a hundred edits ---------------------------------------------------------------------------- */

/* Every one is shown at the second device. */
static void
demand_edits(unsigned seed)
{
    for (int i = 0; i < EDITS; i++) {
        struct texts texts = TEXTS_EMPTY;
        struct contact contact;
        char note[VISITS_NOTE];
        visits_note(note, &seed);
        stores_demand(contact_get(replica_journal(office.devices[1].replica), edited[i], &contact, &texts),
                      "contact_get");
        stores_demand(strcmp(contact.note, note) == 0 ? RC_OK : RC_CORRUPT, "an edit arrived");
        texts_wipe(&texts);
    }
}

/* Saved before the clock runs, sealed while it does: the coach's session, then the colleague's. */
static void
measure_edits(const char *name, int runs)
{
    struct spans spans = {.count = 0};
    unsigned seed = 77;

    for (int run = 0; run < runs; run++) {
        unsigned before = seed;
        for (int i = 0; i < EDITS; i++)
            visits_amend(&office, 0, families[i / (EDITS / FAMILIES_OF_A_DAY)], edited[i], i, &seed);
        office_pass(&office, 60 * 1000);
        struct span start = figure_now();
        office_sync(&office, 0);
        office_sync(&office, 1);
        figure_add(&spans, figure_since(start));
        demand_edits(before);
    }
    figure_print(name, &spans, 1000, "ms");
}

/* ---- by HTTP ------------------------------------------------------------------------------------ */

static void
measure_http(int runs)
{
    struct http_options options = {.listen = "127.0.0.1:0"};
    struct transport_http *clients[2];
    struct relay *relays[2];
    struct http *http;

    stores_demand(http_start(office.server, &options, &http), "http_start");
    for (int i = 0; i < 2; i++) {
        char address[64];
        relays[i] = relay_start(http_port(http));
        snprintf(address, sizeof address, "http://127.0.0.1:%u", relay_port(relays[i]));
        stores_demand(transport_http_open(address, &clients[i]), "transport_http_open");
        office.devices[i].transport = transport_http_transport(clients[i]);
    }
    measure_idle("empty_sync_http", runs, relays[1]);
    measure_edits("edits_100_http", runs);
    for (int i = 0; i < 2; i++) {
        transport_http_close(clients[i]);
        relay_stop(relays[i]);
    }
    http_stop(http, 1);
}

int
main(void)
{
    int runs = figure_number("RUNS", 21), visits = figure_number("VISITS", 300);

    family_count = figure_number("FAMILIES", 120);
    if (family_count < FAMILIES_OF_A_DAY || family_count > FAMILIES_MOST || visits < EDITS / FAMILIES_OF_A_DAY ||
        runs < 1 || runs > FIGURE_RUNS_MOST) {
        fprintf(stderr, "bench_round: at least ten families with ten visits\n");
        return 1;
    }
    stores_demand(secret_start(), "secret_start");
    make_team(visits);
    measure_idle("empty_sync", runs, NULL);
    measure_edits("edits_100", runs);
    measure_http(runs);
    office_close(&office);
    return 0;
}
