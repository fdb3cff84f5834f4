/* First sync: a new device receives 120 families with 36,000 visits, by the route layer in process and by HTTP on loopback; and
 * a coach who was there already is assigned them. One JSON line per figure. FAMILIES and VISITS (of each family) in the
 * environment make it smaller. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/change_set.h"
#include "core/contact.h"
#include "server/http.h"
#include "sync/ledger.h"
#include "sync/outbox.h"
#include "sync/transport_http.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

/* Of one visit as office_visit writes it: kind, date and note in the file, kind and date in the twin. */
enum { FIELDS_AND_TWINS = 5 };

static struct office office;

static double
now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double
cpu_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int
number(const char *name, int otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (int)strtol(text, NULL, 10) : otherwise;
}

static void
figure(const char *name, double value, const char *unit)
{
    printf("{\"figure\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"peer\":null,\"ratio\":null,"
           "\"runs\":1}\n",
           name, value, unit);
    fflush(stdout);
}

/* A hundred visits a commit, as an import does. */
static void
write_visits(struct id family, int count)
{
    struct db *db = store_db(office.devices[0].store);
    char note[256];

    for (int i = 0; i < count; i++) {
        if (i % 100 == 0)
            stores_demand(db_begin(db), "begin");
        snprintf(note, sizeof note,
                 "Visit %d. We spoke about the week, the school and the money; agreed on two small"
                 " steps, and who does what before the next time.",
                 i);
        office_visit(&office, 0, family, note);
        office_pass(&office, 1000);
        if (i % 10 == 9) /* a few days' work goes out as one entry of each stream */
            stores_demand(outbox_seal(office.devices[0].replica, (struct id){{0}}), "outbox_seal");
        if (i % 100 == 99 || i == count - 1)
            stores_demand(db_commit(db), "commit");
    }
}

/* ---- by HTTP ---------------------------------------------------------------------------------- */

static struct http *http;

static void
listen_on_loopback(void)
{
    struct http_options options = {.listen = "127.0.0.1:0"};

    stores_demand(http_start(office.server, &options, &http), "http_start");
}

/* What this device asks goes over a real connection from here on. */
static struct transport_http *
connect_by_http(int at)
{
    struct transport_http *client;
    char address[64];

    snprintf(address, sizeof address, "http://127.0.0.1:%u", http_port(http));
    stores_demand(transport_http_open(address, &client), "transport_http_open");
    office.devices[at].transport = transport_http_transport(client);
    return client;
}

/* One session of that device; whether everything came. */
static bool
measure_session(int at, const char *name, const char *name_of_cpu)
{
    double start = now_s(), cpu_start = cpu_s();

    office_sync(&office, at);
    figure(name, now_s() - start, "s");
    figure(name_of_cpu, cpu_s() - cpu_start, "s");
    return office.devices[at].report.is_complete && office.devices[at].report.parked == 0;
}

static bool
measure_http(void)
{
    office_join_only(&office, 2, "Caas", LEDGER_ROLE_SCIENTIST); /* connected by hand until it is let in */
    struct transport_http *client = connect_by_http(2);
    bool is_whole = measure_session(2, "first_sync_http", "first_sync_http_cpu");
    transport_http_close(client);
    return is_whole;
}

/* Who joined before the families were theirs: each of their streams is filled on its own. */
static bool
measure_assigned(void)
{
    struct office_device *first = &office.devices[0], *later = &office.devices[3];
    const struct ledger_family *family;

    office_join(&office, 3, "Daan", LEDGER_ROLE_COACH);
    for (size_t i = 0; (family = ledger_family_at(replica_ledger(first->replica), i)) != NULL; i++) {
        stores_demand(replica_assign(first->replica, &first->transport, family->id, later->person, LEDGER_COACH),
                      "replica_assign");
        office_pass(&office, 10 * 1000); /* no device asks so much at once of the server that limits it */
    }
    struct transport_http *client = connect_by_http(3);
    bool is_whole = measure_session(3, "assigned_later_http", "assigned_later_http_cpu");
    transport_http_close(client);
    return is_whole;
}

int
main(void)
{
    int families = number("FAMILIES", 120), visits = number("VISITS", 300);

    stores_demand(secret_start(), "secret_start");
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    double start = now_s();
    for (int i = 0; i < families; i++) {
        char name[32];
        snprintf(name, sizeof name, "family %d", i);
        write_visits(office_family(&office, 0, name, 0), visits);
    }
    double count = (double)families * visits;
    figure("import_visits_sealed", count / (now_s() - start), "visits/s");
    start = now_s();
    office_sync(&office, 0);
    figure("push", count / (now_s() - start), "visits/s");
    start = now_s();
    double cpu_start = cpu_s();
    office_join(&office, 1, "Bram",
                LEDGER_ROLE_SCIENTIST); /* joins, gets its keys, and everything with them */
    double took = now_s() - start, used = cpu_s() - cpu_start;
    if (!office.devices[1].report.is_complete || office.devices[1].report.parked > 0)
        return 1;
    figure("join_and_first_sync", took, "s");
    figure("join_and_first_sync_cpu", used,
           "s"); /* of both sides: the server runs in this process */
    figure("merge_authenticated_field_versions", count * FIELDS_AND_TWINS / took,
           "field versions/s");
    start = now_s();
    office_sync(&office, 1);
    figure("sync_with_nothing_to_do", (now_s() - start) * 1000, "ms");
    listen_on_loopback();
    bool is_whole = measure_http() && measure_assigned();
    http_stop(http, 1);
    office_close(&office);
    return is_whole ? 0 : 1;
}
