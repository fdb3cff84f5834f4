/* First sync: a new device receives 120 families with 36,000 visits, by the route layer in process and by HTTP on loopback; and
 * a coach who was there already is assigned them. One JSON line per figure, medians of RUNS (default 5) new devices each. FAMILIES
 * and VISITS (of each family) in the environment make it smaller. */
#include <stdio.h>
#include <stdlib.h>

#include "server/http.h"
#include "sync/ledger.h"
#include "sync/outbox.h"
#include "sync/transport_http.h"
#include "tests/bench/figure.h"
#include "tests/bench/relay.h"
#include "tests/bench/visits.h"
#include "tests/support/stores.h"

/* Eight of the file and the twin's kind and date. */
enum { FIELDS_AND_TWINS = VISITS_FIELDS + 2 };

static struct office office;
static int runs;

/* A hundred visits a commit, as an import does; ten go out as one entry of each stream, as a few days' work does. */
static void
write_visits(struct id family, int count)
{
    struct db *db = store_db(office.devices[0].store);
    unsigned seed = 3;

    for (int i = 0; i < count; i++) {
        if (i % 100 == 0)
            stores_demand(db_begin(db), "begin");
        (void)visits_put(&office, 0, family, i, &seed);
        if (i % 10 == 9)
            stores_demand(outbox_seal(office.devices[0].replica, (struct id){{0}}), "outbox_seal");
        if (i % 100 == 99 || i == count - 1)
            stores_demand(db_commit(db), "commit");
    }
}

static void
demand_whole(int at)
{
    const struct sync_report *report = &office.devices[at].report;

    stores_demand(report->is_complete && report->parked == 0 ? RC_OK : RC_CORRUPT, "everything came");
}

/* Its place is for another device then. */
static void
remove_device(int at)
{
    office_shut(&office, at);
    secret_wipe(&office.devices[at].key);
    scratch_remove_tree(office.devices[at].directory);
    scratch_remove_tree(office.devices[at].state);
    office.devices[at] = (struct office_device){0};
}

/* ---- by HTTP ---------------------------------------------------------------------------------- */

static struct http *http; /* one for all: a server whose HTTP was stopped answers no more */

struct line {
    struct relay *relay;
    struct transport_http *client;
};

/* What this device asks goes over a real connection from here on; in process before. */
static struct line
connect_by_http(int at)
{
    struct line line;
    char address[64];

    line.relay = relay_start(http_port(http));
    snprintf(address, sizeof address, "http://127.0.0.1:%u", relay_port(line.relay));
    stores_demand(transport_http_open(address, &line.client), "transport_http_open");
    office.devices[at].transport = transport_http_transport(line.client);
    return line;
}

static void
disconnect(struct line *line)
{
    transport_http_close(line->client);
    relay_stop(line->relay);
}

static struct span
session(int at)
{
    struct span start = figure_now();

    office_sync(&office, at);
    struct span took = figure_since(start);
    demand_whole(at);
    return took;
}

/* ---- the figures -------------------------------------------------------------------------------- */

/* Joins, gets its keys, and everything with them; then has nothing to do. */
static void
measure_in_process(double visits)
{
    struct spans joined = {.count = 0}, idle = {.count = 0};

    for (int i = 0; i < runs; i++) {
        struct span start = figure_now();
        office_join(&office, 1, "Bram", LEDGER_ROLE_SCIENTIST);
        figure_add(&joined, figure_since(start));
        demand_whole(1);
        office_sync(&office, 1);
        figure_add(&idle, session(1));
        remove_device(1);
        office_pass(&office, 3600 * 1000);
    }
    figure_print("join_and_first_sync", &joined, 1, "s"); /* CPU of both sides: the server runs in this process */
    figure_print_rate("merge_authenticated_field_versions", &joined, visits * FIELDS_AND_TWINS, "field versions/s");
    figure_print("sync_with_nothing_to_do", &idle, 1000, "ms");
}

static void
measure_http(double visits)
{
    struct spans first = {.count = 0};
    uint64_t received = 0;

    for (int i = 0; i < runs; i++) {
        office_join_only(&office, 2, "Caas", LEDGER_ROLE_SCIENTIST);
        struct line line = connect_by_http(2);
        figure_add(&first, session(2));
        received = relay_received(line.relay);
        disconnect(&line);
        remove_device(2);
        office_pass(&office, 3600 * 1000);
    }
    figure_print("first_sync_http", &first, 1, "s");
    figure_print_value("first_sync_http_received", (double)received / visits, "bytes a visit");
}

/* Who joined before the families were theirs: each of their streams is filled on its own. Once: a team of coaches each of
 * whom has all families is another team. */
static void
measure_assigned(void)
{
    struct office_device *first = &office.devices[0], *later = &office.devices[3];
    const struct ledger_family *family;
    struct spans spans = {.count = 0};

    office_join(&office, 3, "Daan", LEDGER_ROLE_COACH);
    for (size_t i = 0; (family = ledger_family_at(replica_ledger(first->replica), i)) != NULL; i++) {
        stores_demand(replica_assign(first->replica, &first->transport, family->id, later->person, LEDGER_COACH),
                      "replica_assign");
        office_pass(&office, 10 * 1000); /* no device asks so much at once of the server that limits it */
    }
    struct line line = connect_by_http(3);
    figure_add(&spans, session(3));
    disconnect(&line);
    figure_print("assigned_later_http", &spans, 1, "s");
}

int
main(void)
{
    int families = figure_number("FAMILIES", 120), visits = figure_number("VISITS", 300);
    struct spans imported = {.count = 0}, pushed = {.count = 0};
    double count = (double)families * visits;

    runs = figure_number("RUNS", 5);
    if (runs < 1 || runs > FIGURE_RUNS_MOST)
        return 1;
    stores_demand(secret_start(), "secret_start");
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    struct span start = figure_now();
    for (int i = 0; i < families; i++) {
        char name[32];
        snprintf(name, sizeof name, "family %d", i);
        write_visits(office_family(&office, 0, name, 0), visits);
    }
    figure_add(&imported, figure_since(start));
    start = figure_now();
    office_sync(&office, 0);
    figure_add(&pushed, figure_since(start));
    figure_print_rate("import_visits_sealed", &imported, count, "visits/s");
    figure_print_rate("push", &pushed, count, "visits/s");
    measure_in_process(count);
    struct http_options options = {.listen = "127.0.0.1:0"};
    stores_demand(http_start(office.server, &options, &http), "http_start");
    measure_http(count);
    measure_assigned();
    http_stop(http, 1);
    office_close(&office);
    return 0;
}
