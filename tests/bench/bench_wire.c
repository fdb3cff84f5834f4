/* Bytes on the wire of one visit, by how many saves go into an entry: our pushed runs of entries (header, signature, twin and
 * padding included) and, where it is there, sqlite-sync's payload of the same visits. VISITS in the environment. */
#include <stdio.h>
#include <stdlib.h>

#include "sync/ledger.h"
#include "tests/bench/cloudsync.h"
#include "tests/bench/counted.h"
#include "tests/bench/figure.h"
#include "tests/bench/visits.h"
#include "tests/support/stores.h"

static struct office office;

/* A session for each `per_entry` visits, so that just these share an entry of the file and one of the index. */
static double
measure_ours(int visits, int per_entry)
{
    struct counted counted;
    unsigned seed = 1;

    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    struct id family = office_family(&office, 0, "gezin", 0);
    office_sync_all(&office, 1, 2);
    counted_on(&counted, &office.devices[0].transport);
    for (int i = 0; i < visits; i++) {
        (void)visits_put(&office, 0, family, i, &seed);
        if (i % per_entry == per_entry - 1)
            office_sync(&office, 0);
        if (i % per_entry == per_entry - 1)
            office_pass(&office, 60 * 1000);
    }
    counted_off(&counted, &office.devices[0].transport);
    office_close(&office);
    return (double)counted.entries_out / visits;
}

static double
measure_peer(int visits, int per_payload)
{
    struct scratch scratch;
    struct cloudsync peer;
    unsigned seed = 1;
    int64_t bytes = 0;

    scratch_make(&scratch);
    cloudsync_open(&peer, scratch_path(&scratch, "from.db"));
    for (int i = 0; i < visits; i += per_payload) {
        char sql[300];
        int64_t version = cloudsync_ask(&peer, "SELECT cloudsync_db_version()");
        cloudsync_put_visits(&peer, i, per_payload, 1, &seed);
        snprintf(sql, sizeof sql,
                 "SELECT length(cloudsync_payload_encode(tbl, pk, col_name, col_value, col_version, db_version, site_id,"
                 " cl, seq)) FROM cloudsync_changes WHERE db_version > %lld",
                 (long long)version);
        bytes += cloudsync_ask(&peer, sql);
    }
    cloudsync_close(&peer);
    scratch_remove(&scratch);
    return (double)bytes / visits;
}

int
main(void)
{
    static const int saves[] = {1, 10, 100};
    int visits = figure_number("VISITS", 1000) / 100 * 100;

    stores_demand(secret_start(), "secret_start");
    for (size_t i = 0; i < sizeof saves / sizeof *saves && visits > 0; i++) {
        double ours = measure_ours(visits, saves[i]);
        printf("{\"figure\":\"wire_per_visit_%d\",\"value\":%.1f,\"unit\":\"bytes\",", saves[i], ours);
        if (cloudsync_is_there()) {
            double peer = measure_peer(visits, saves[i]);
            printf("\"peer\":%.1f,\"ratio\":%.2f,\"runs\":1}\n", peer, ours / peer);
        } else {
            printf("\"peer\":null,\"ratio\":null,\"runs\":1}\n");
        }
        fflush(stdout);
    }
    return 0;
}
