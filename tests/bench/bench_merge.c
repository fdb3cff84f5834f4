/* The same visits recorded, carried and merged, by us and by sqlite-sync (`make bench-peers`): eight fields each, in plain SQLite
 * with WAL and prepared statements on its side, in the encrypted store with twin, signature and search index on ours. What was
 * imported or merged is indexed afterwards on both sides, in a line of its own; of merging a third line has both, and a fourth ours
 * beside the peer in the stock shell. One by one the peer indexes with each visit, ours when some wait and, within what is measured,
 * at the end.
 * Medians of RUNS (default 5), interleaved, each run in a process of its own, wall and CPU. VISITS in the environment makes it smaller. */
#include <stdio.h>
#include <stdlib.h>

#include "sync/ledger.h"
#include "sync/outbox.h"
#include "tests/bench/apart.h"
#include "tests/bench/cloudsync.h"
#include "tests/bench/figure.h"
#include "tests/bench/visits.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { SINGLES = 500, PER_COMMIT = 100 };

enum line { SINGLE, IMPORT, INDEX, SEAL, MERGE, MERGE_IN_SHELL, INDEX_MERGED, MERGE_INDEXED, LINES };

static const char *const line_names[LINES] = {"record_one_by_one",  "import",       "index_import", "seal", "merge",
                                              "merge_beside_shell", "index_merged", "merge_indexed"};

enum side { OURS, PEER, SIDES };

static struct spans spans[LINES][SIDES];
static int visits;

/* ---- ours ---------------------------------------------------------------------------------------- */

static struct office office;
static struct span indexing; /* all that was spent in journal_index so far */

/* A bundle's import indexes at its end: the linker puts this before that (the Makefile's --wrap). */
enum rc __real_journal_index(struct journal *journal);
enum rc __wrap_journal_index(struct journal *journal);

enum rc
__wrap_journal_index(struct journal *journal)
{
    struct span start = figure_now();
    enum rc rc = __real_journal_index(journal);
    struct span spent = figure_since(start);

    indexing = (struct span){indexing.wall_s + spent.wall_s, indexing.cpu_s + spent.cpu_s};
    return rc;
}

static void
put_visits(struct id family, int from, int count, int per_commit, unsigned *seed)
{
    struct replica *replica = office.devices[0].replica;
    bool is_many = per_commit > 1;

    for (int i = from; i < from + count; i++) {
        if (is_many && i % per_commit == 0)
            stores_demand(replica_saves_begin(replica), "replica_saves_begin");
        (void)visits_put(&office, 0, family, i, seed);
        if (is_many && i % per_commit == per_commit - 1)
            stores_demand(replica_saves_end(replica, RC_OK), "replica_saves_end");
    }
}

static long long
setting(struct db *db, const char *sql)
{
    int64_t value = 0;

    stores_demand(db_get_int(db, sql, &value), sql);
    return (long long)value;
}

/* `more`: further members of the line, each after a comma. */
static void
print_settings(int device, const char *what, const char *more)
{
    struct db *db = store_db(office.devices[device].store);
    struct stmt *stmt;
    bool found;

    stores_demand(db_stmt(db,
                          "SELECT journal_mode, sqlite_version() FROM pragma_journal_mode", &stmt),
                  "journal_mode");
    stores_demand(stmt_step(stmt, &found), "journal_mode");
    printf("{\"settings\":\"ours, encrypted store in SQLite %s\",\"for\":\"%s\",\"journal_mode\":\"%s\",",
           stmt_get_text(stmt, 1), what, stmt_get_text(stmt, 0));
    stmt_done(stmt);
    printf("\"synchronous\":%lld,\"page_size\":%lld,\"cache_size\":%lld,\"wal_autocheckpoint\":%lld%s}\n",
           setting(db, "PRAGMA synchronous"), setting(db, "PRAGMA page_size"), setting(db, "PRAGMA cache_size"),
           setting(db, "PRAGMA wal_autocheckpoint"), more);
}

static size_t
run_ours(bool is_first)
{
    unsigned seed = 1;
    struct buf bundle;
    struct sync_report result;

    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    struct id family = office_family(&office, 0, "gezin", 0);
    office_join(&office, 1, "Bram", LEDGER_ROLE_SCIENTIST);
    office_sync_all(&office, 2, 2);
    if (is_first)
        print_settings(0, "recording, importing, sealing", "");
    struct span start = figure_now();
    put_visits(family, 0, SINGLES, 1, &seed);
    stores_demand(journal_index(replica_journal(office.devices[0].replica)), "journal_index"); /* all of it is found */
    figure_add(&spans[SINGLE][OURS], figure_since(start));
    stores_demand(outbox_seal(office.devices[0].replica, (struct id){{0}}), "outbox_seal");
    office_sync_all(&office, 2, 2);
    start = figure_now();
    put_visits(family, SINGLES, visits, PER_COMMIT, &seed);
    figure_add(&spans[IMPORT][OURS], figure_since(start));
    start = figure_now();
    stores_demand(journal_index(replica_journal(office.devices[0].replica)), "journal_index");
    figure_add(&spans[INDEX][OURS], figure_since(start));
    start = figure_now();
    stores_demand(outbox_seal(office.devices[0].replica, (struct id){{0}}), "outbox_seal");
    figure_add(&spans[SEAL][OURS], figure_since(start));
    office_pack(&office, 0, 1, &bundle);
    if (is_first) /* the import sets and resets it: sync/bundle_io.c */
        print_settings(1, "merging", ",\"synchronous_within\":\"1 (NORMAL), for the last commit 2 (FULL)\"");
    indexing = (struct span){0, 0};
    start = figure_now();
    stores_demand(replica_bundle_import(office.devices[1].replica, bundle.data, bundle.len, &result),
                  "replica_bundle_import");
    struct span all = figure_since(start);
    struct span merging = {all.wall_s - indexing.wall_s, all.cpu_s - indexing.cpu_s};
    figure_add(&spans[MERGE][OURS], merging);
    figure_add(&spans[MERGE_IN_SHELL][OURS], merging);
    figure_add(&spans[INDEX_MERGED][OURS], indexing);
    figure_add(&spans[MERGE_INDEXED][OURS], all);
    size_t len = bundle.len;
    buf_wipe(&bundle);
    office_close(&office);
    return len;
}

/* ---- the peer ------------------------------------------------------------------------------------ */

static size_t
run_peer(bool is_first)
{
    unsigned seed = 1;
    struct scratch scratch;
    struct cloudsync from, to;
    char payload[192], sql[400];

    scratch_make(&scratch);
    snprintf(payload, sizeof payload, "%s", scratch_path(&scratch, "payload"));
    cloudsync_open(&from, scratch_path(&scratch, "from.db"));
    cloudsync_open(&to, scratch_path(&scratch, "to.db"));
    cloudsync_set_full(&from, true);
    if (is_first)
        cloudsync_print_settings(&from, "recording, importing, sealing");
    struct span start = figure_now();
    cloudsync_put_visits(&from, 0, SINGLES, 1, &seed);
    figure_add(&spans[SINGLE][PEER], figure_since(start));
    start = figure_now();
    cloudsync_put_visits(&from, SINGLES, visits, PER_COMMIT, &seed);
    figure_add(&spans[IMPORT][PEER], figure_since(start));
    start = figure_now();
    cloudsync_index(&from, SINGLES);
    figure_add(&spans[INDEX][PEER], figure_since(start));
    snprintf(sql, sizeof sql, "SELECT cloudsync_payload_save('%s')", payload);
    start = figure_now();
    int64_t len = cloudsync_ask(&from, sql);
    figure_add(&spans[SEAL][PEER], figure_since(start));
    cloudsync_set_full(&to, false);
    if (is_first)
        cloudsync_print_settings(&to, "merging");
    snprintf(sql, sizeof sql, "SELECT cloudsync_payload_load('%s')", payload);
    start = figure_now();
    (void)cloudsync_ask(&to, sql);
    figure_add(&spans[MERGE][PEER], figure_since(start));
    struct span index_start = figure_now();
    cloudsync_index(&to, 0);
    figure_add(&spans[INDEX_MERGED][PEER], figure_since(index_start));
    figure_add(&spans[MERGE_INDEXED][PEER], figure_since(start));
    if (cloudsync_ask(&to, "SELECT count(*) FROM visit") != SINGLES + visits) {
        fprintf(stderr, "bench_merge: the peer did not merge all\n");
        exit(1);
    }
    cloudsync_close(&from);
    cloudsync_close(&to);
    figure_add(&spans[MERGE_IN_SHELL][PEER],
               cloudsync_load_in_shell(scratch_path(&scratch, "shell.db"), payload, SINGLES + visits, is_first));
    scratch_remove(&scratch);
    return (size_t)len;
}

/* ---- each in a process of its own ---------------------------------------------------------------- */

/* What one run of one side gives back. */
struct outcome {
    struct span spans[LINES];
    size_t bytes;
};

struct turn {
    enum side side;
    bool is_first;
};

static void
take_turn(const void *context, void *out)
{
    const struct turn *turn = context;
    struct outcome *outcome = out;

    if (turn->side == OURS)
        stores_demand(secret_start(), "secret_start");
    outcome->bytes = turn->side == OURS ? run_ours(turn->is_first) : run_peer(turn->is_first);
    for (enum line line = SINGLE; line < LINES; line++)
        outcome->spans[line] = spans[line][turn->side].items[spans[line][turn->side].count - 1];
}

/* This process itself never starts SQLite, so the peer's child has SQLite as it comes, not as ours sets it (core/db_start). */
static size_t
run_apart(enum side side, bool is_first)
{
    const struct turn turn = {side, is_first};
    struct outcome outcome;

    apart(take_turn, &turn, &outcome, sizeof outcome);
    for (enum line line = SINGLE; line < LINES; line++)
        figure_add(&spans[line][side], outcome.spans[line]);
    return outcome.bytes;
}

/* ---- telling ------------------------------------------------------------------------------------- */

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
    int runs = figure_number("RUNS", 5);

    if (!cloudsync_is_there()) {
        puts("{\"missing\":\"sqlite-sync, see make bench-peers\"}");
        return 0;
    }
    visits = figure_number("VISITS", 20000) / PER_COMMIT * PER_COMMIT;
    if (visits < PER_COMMIT) {
        fprintf(stderr, "bench_merge: at least %d visits\n", PER_COMMIT);
        return 2;
    }
    for (int run = 0; run < runs && run < FIGURE_RUNS_MOST; run++)
        for (enum side side = OURS; side < SIDES; side++)
            bytes[side] = run_apart(side, run == 0);
    for (enum line line = SINGLE; line < LINES; line++) {
        double rate[SIDES], cpu[SIDES];
        for (enum side side = OURS; side < SIDES; side++) {
            int count = count_of(line, side) * VISITS_FIELDS;
            rate[side] = count / figure_wall(&spans[line][side]);
            cpu[side] = count / figure_cpu(&spans[line][side]);
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
