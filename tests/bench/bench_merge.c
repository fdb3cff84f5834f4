/* The same visits recorded, carried and merged, by us and by sqlite-sync (`make bench-peers`): eight fields each, in plain SQLite
 * with WAL and prepared statements on its side, in the encrypted store with twin, signature and search index on ours.
 * Medians of RUNS (default 5), interleaved, wall and CPU. VISITS in the environment makes it smaller. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/change_set.h"
#include "core/contact.h"
#include "sync/ledger.h"
#include "sync/outbox.h"
#include "tests/bench/median.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { RUNS_MOST = 51, FIELDS = 8, SINGLES = 500, PER_COMMIT = 100, NOTE = 400 };

#define EXTENSION "./build/peers/cloudsync"

/* What the design asks of each side, and nothing else: docs/BENCHMARKS.md. */
static const char PEER_SETTINGS[] = "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA cache_size=-65536;"
                                    "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=4000;";
/* Our record knows its author from the signer; the table has to say so. */
static const char PEER_TABLE[] =
    "CREATE TABLE visit (id TEXT PRIMARY KEY NOT NULL, family TEXT NOT NULL DEFAULT '',"
    " author TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT '', day INTEGER NOT NULL DEFAULT 0,"
    " time INTEGER NOT NULL DEFAULT 0, minutes INTEGER NOT NULL DEFAULT 0,"
    " next INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '');";

enum line { SINGLE, IMPORT, SEAL, MERGE, LINES };

static const char *const line_names[LINES] = {"record_one_by_one", "import", "seal", "merge"};

struct span {
    double wall_s, cpu_s;
};

enum side { OURS, PEER, SIDES };

static struct span spans[LINES][SIDES][RUNS_MOST];
static int visits, runs;

static struct span
now(void)
{
    struct timespec wall, cpu;

    clock_gettime(CLOCK_MONOTONIC, &wall);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (struct span){(double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
                         (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9};
}

static struct span
since(struct span start)
{
    struct span end = now();

    return (struct span){end.wall_s - start.wall_s, end.cpu_s - start.cpu_s};
}

static void
write_note(char note[NOTE], unsigned *seed)
{
    static const char *const words[] = {
        "moeder", "vader",   "school", "rustig", "vandaag", "samen", "huis",   "eten", "slapen", "boos",
        "fiets",  "vrijdag", "bellen", "oma",    "praten",  "kind",  "werk",   "goed", "buiten", "moeilijk"};
    size_t len = 0;

    for (int i = 0; i < 28; i++) {
        *seed = *seed * 1103515245u + 12345u;
        len += (size_t)snprintf(note + len, NOTE - len, "%s ", words[(*seed >> 16) % 20]);
    }
}

static uint32_t
day_of(int number)
{
    return (uint32_t)(20240000 + (1 + number / 28 % 12) * 100 + 1 + number % 28);
}

/* ---- ours ---------------------------------------------------------------------------------------- */

static struct office office;

static void
put_visit(struct id family, int number, unsigned *seed)
{
    struct replica *replica = office.devices[0].replica;
    struct change_set set = CHANGE_SET_EMPTY;
    struct contact contact = CONTACT_EMPTY;
    char note[NOTE];

    write_note(note, seed);
    contact.facts.family = family;
    contact.kind = "visit";
    contact.date = day_of(number);
    contact.time = 600;
    contact.minutes = 45;
    contact.next = 20250101;
    contact.note = note;
    stores_demand(contact_put(replica_journal(replica), &set, office.devices[0].person, &contact),
                  "contact_put");
    stores_demand(replica_save(replica, set.changes, set.count), "replica_save");
    change_set_wipe(&set);
    office_pass(&office, 1000);
}

static void
put_visits(struct id family, int from, int count, int per_commit, unsigned *seed)
{
    struct db *db = store_db(office.devices[0].store);

    for (int i = from; i < from + count; i++) {
        if (i % per_commit == 0)
            stores_demand(db_begin(db), "begin");
        put_visit(family, i, seed);
        if (i % per_commit == per_commit - 1)
            stores_demand(db_commit(db), "commit");
    }
}

static size_t
run_ours(int run)
{
    unsigned seed = 1;
    struct buf bundle = BUF_EMPTY((size_t)256 << 20);
    struct sync_report result;

    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    struct id family = office_family(&office, 0, "gezin", 0);
    office_join(&office, 1, "Bram", LEDGER_ROLE_SCIENTIST);
    office_sync_all(&office, 2, 2);
    struct span start = now();
    put_visits(family, 0, SINGLES, 1, &seed);
    spans[SINGLE][OURS][run] = since(start);
    stores_demand(outbox_seal(office.devices[0].replica, (struct id){{0}}), "outbox_seal");
    office_sync_all(&office, 2, 2);
    start = now();
    put_visits(family, SINGLES, visits, PER_COMMIT, &seed);
    spans[IMPORT][OURS][run] = since(start);
    start = now();
    stores_demand(outbox_seal(office.devices[0].replica, (struct id){{0}}), "outbox_seal");
    spans[SEAL][OURS][run] = since(start);
    stores_demand(replica_bundle_export(office.devices[0].replica, office.devices[1].id, &bundle),
                  "replica_bundle_export");
    start = now();
    stores_demand(replica_bundle_import(office.devices[1].replica, bundle.data, bundle.len, &result),
                  "replica_bundle_import");
    spans[MERGE][OURS][run] = since(start);
    size_t len = bundle.len;
    buf_wipe(&bundle);
    office_close(&office);
    return len;
}

/* ---- the peer ------------------------------------------------------------------------------------ */

static void
run_sql(sqlite3 *db, const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK)
        return;
    fprintf(stderr, "bench_merge: %s: %s\n", sql, message);
    exit(1);
}

static sqlite3 *
open_peer(const char *path)
{
    sqlite3 *db;
    char *message = NULL;

    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL) != SQLITE_OK ||
        sqlite3_load_extension(db, EXTENSION, "sqlite3_cloudsync_init", &message) != SQLITE_OK) {
        fprintf(stderr, "bench_merge: %s\n", message == NULL ? path : message);
        exit(1);
    }
    run_sql(db, PEER_SETTINGS);
    run_sql(db, PEER_TABLE);
    run_sql(db, "SELECT cloudsync_init('visit');");
    run_sql(db, "CREATE VIRTUAL TABLE visit_search USING fts5 (note, content='visit', content_rowid='rowid',"
                " tokenize='unicode61 remove_diacritics 2');");
    return db;
}

struct peer_work {
    sqlite3 *db;
    sqlite3_stmt *begin, *insert, *index, *commit;
};

static sqlite3_stmt *
prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        fprintf(stderr, "bench_merge: %s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
    return stmt;
}

static void
step(sqlite3_stmt *stmt)
{
    if (sqlite3_step(stmt) == SQLITE_ERROR || sqlite3_reset(stmt) != SQLITE_OK) {
        fprintf(stderr, "bench_merge: %s\n", sqlite3_errmsg(sqlite3_db_handle(stmt)));
        exit(1);
    }
}

static void
put_peer_visit(struct peer_work *work, int number, unsigned *seed, bool is_indexed)
{
    char note[NOTE];

    write_note(note, seed);
    sqlite3_bind_int64(work->insert, 1, day_of(number));
    sqlite3_bind_text(work->insert, 2, note, -1, SQLITE_STATIC);
    step(work->insert);
    if (!is_indexed)
        return;
    sqlite3_bind_int64(work->index, 1, sqlite3_last_insert_rowid(work->db));
    sqlite3_bind_text(work->index, 2, note, -1, SQLITE_STATIC);
    step(work->index);
}

static void
put_peer_visits(struct peer_work *work, int from, int count, int per_commit, unsigned *seed)
{
    for (int i = from; i < from + count; i++) {
        if (i % per_commit == 0)
            step(work->begin);
        put_peer_visit(work, i, seed, per_commit == 1);
        if (i % per_commit == per_commit - 1)
            step(work->commit);
    }
}

static void
start_peer(struct peer_work *work, const char *path)
{
    work->db = open_peer(path);
    work->begin = prepare(work->db, "BEGIN IMMEDIATE");
    work->commit = prepare(work->db, "COMMIT");
    work->insert =
        prepare(work->db, "INSERT INTO visit VALUES (cloudsync_uuid(), '01a202daad5b739da210dcf0bb1728ac',"
                          " '01a202daad5b739da210dcf0bb1728ad', 'visit', ?1, 600, 45, 20250101, ?2)");
    work->index = prepare(work->db, "INSERT INTO visit_search (rowid, note) VALUES (?1, ?2)");
}

static void
end_peer(struct peer_work *work)
{
    sqlite3_finalize(work->begin);
    sqlite3_finalize(work->insert);
    sqlite3_finalize(work->index);
    sqlite3_finalize(work->commit);
    run_sql(work->db, "SELECT cloudsync_terminate();");
    sqlite3_close_v2(work->db);
}

static int64_t
ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = prepare(db, sql);

    if (sqlite3_step(stmt) != SQLITE_ROW) {
        fprintf(stderr, "bench_merge: %s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static size_t
run_peer(int run)
{
    unsigned seed = 1;
    struct scratch scratch;
    struct peer_work from;
    char path[3][192], sql[400];

    scratch_make(&scratch);
    static const char *const names[] = {"from.db", "to.db", "payload"};
    for (size_t i = 0; i < 3; i++)
        snprintf(path[i], sizeof path[i], "%s", scratch_path(&scratch, names[i]));
    start_peer(&from, path[0]);
    sqlite3 *to = open_peer(path[1]);
    run_sql(from.db, "PRAGMA synchronous=FULL");
    struct span start = now();
    put_peer_visits(&from, 0, SINGLES, 1, &seed);
    spans[SINGLE][PEER][run] = since(start);
    start = now();
    put_peer_visits(&from, SINGLES, visits, PER_COMMIT, &seed);
    spans[IMPORT][PEER][run] = since(start);
    snprintf(sql, sizeof sql, "SELECT cloudsync_payload_save('%s')", path[2]);
    start = now();
    int64_t len = ask(from.db, sql);
    spans[SEAL][PEER][run] = since(start);
    run_sql(to, "PRAGMA synchronous=NORMAL");
    snprintf(sql, sizeof sql, "SELECT cloudsync_payload_load('%s')", path[2]);
    start = now();
    (void)ask(to, sql);
    spans[MERGE][PEER][run] = since(start);
    if (ask(to, "SELECT count(*) FROM visit") != SINGLES + visits) {
        fprintf(stderr, "bench_merge: the peer did not merge all\n");
        exit(1);
    }
    end_peer(&from);
    run_sql(to, "SELECT cloudsync_terminate();");
    sqlite3_close_v2(to);
    scratch_remove(&scratch);
    return (size_t)len;
}

/* ---- telling ------------------------------------------------------------------------------------- */

static double
median_of(const struct span *all, bool is_cpu)
{
    double values[RUNS_MOST];

    for (int i = 0; i < runs; i++)
        values[i] = is_cpu ? all[i].cpu_s : all[i].wall_s;
    return median(values, (size_t)runs);
}

static int
number(const char *name, int otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (int)strtol(text, NULL, 10) : otherwise;
}

/* The peer's payload holds the single saves too, ours went before: each by what it held. */
static int
count_of(enum line line, enum side side)
{
    if (line == SINGLE)
        return SINGLES;
    return line >= SEAL && side == PEER ? SINGLES + visits : visits;
}

int
main(void)
{
    size_t bytes[SIDES] = {0, 0};

    if (access(EXTENSION ".so", R_OK) != 0) {
        puts("{\"missing\":\"sqlite-sync, see make bench-peers\"}");
        return 0;
    }
    visits = number("VISITS", 20000) / PER_COMMIT * PER_COMMIT;
    runs = number("RUNS", 5);
    stores_demand(secret_start(), "secret_start");
    for (int run = 0; run < runs && run < RUNS_MOST; run++) {
        bytes[OURS] = run_ours(run);
        bytes[PEER] = run_peer(run);
    }
    for (enum line line = SINGLE; line < LINES; line++) {
        double rate[SIDES], cpu[SIDES];
        for (enum side side = OURS; side < SIDES; side++) {
            int count = count_of(line, side) * FIELDS;
            rate[side] = count / median_of(spans[line][side], false);
            cpu[side] = count / median_of(spans[line][side], true);
        }
        printf("{\"figure\":\"%s_fields\",\"value\":%.0f,\"unit\":\"field versions/s\",\"peer\":%.0f,"
               "\"ratio\":%.2f,\"cpu\":%.0f,\"cpu_peer\":%.0f,\"cpu_ratio\":%.2f,\"runs\":%d}\n",
               line_names[line], rate[OURS], rate[PEER], rate[OURS] / rate[PEER], cpu[OURS], cpu[PEER],
               cpu[OURS] / cpu[PEER], runs);
    }
    printf("{\"figure\":\"wire_per_visit\",\"value\":%.1f,\"unit\":\"bytes\",\"peer\":%.1f,\"ratio\":%.2f,"
           "\"runs\":1}\n",
           (double)bytes[OURS] / visits, (double)bytes[PEER] / (SINGLES + visits),
           (double)bytes[OURS] / visits * (SINGLES + visits) / (double)bytes[PEER]);
    return 0;
}
