/* Work on a disk in memory that is cut at one operation: transactions in SQL. */
#include "tests/support/crash_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db.h"
#include "core/secret.h"
#include "core/vfs.h"
#include "tests/support/chance.h"
#include "tests/support/scratch.h"

enum { TRANSACTIONS = 14, ROWS = 60, CONNECTIONS = 2 };

#define HOLDS "PRAGMA cache_spill=OFF; PRAGMA cache_size=8;"
#define SPILLS "PRAGMA cache_size=8; PRAGMA cache_spill=8;"

const struct crash_workload CRASH_WORKLOADS[] = {
    {"wal-full", HOLDS "PRAGMA wal_autocheckpoint=60", CRASH_UNDOES | CRASH_CHECKPOINTS,
     .keeps_all = true},
    {"wal-normal", HOLDS "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=60",
     CRASH_UNDOES | CRASH_CHECKPOINTS, .keeps_all = false},
    {"wal-restart", HOLDS "PRAGMA wal_autocheckpoint=6; PRAGMA journal_size_limit=30000",
     CRASH_UNDOES, .keeps_all = true},
    {"wal-checkpoints", HOLDS "PRAGMA wal_autocheckpoint=0", CRASH_CHECKPOINTS, .keeps_all = true},
    {"wal-vacuum", HOLDS "PRAGMA wal_autocheckpoint=100", CRASH_VACUUMS | CRASH_CHECKPOINTS,
     .keeps_all = true},
    {"wal-shrinks", HOLDS "PRAGMA wal_autocheckpoint=40", CRASH_SHRINKS | CRASH_CHECKPOINTS,
     .keeps_all = true},
    {"wal-spill", SPILLS "PRAGMA wal_autocheckpoint=60", CRASH_CHECKPOINTS, .keeps_all = true},
    {"wal-spill-undone", SPILLS "PRAGMA wal_autocheckpoint=60", CRASH_UNDOES | CRASH_CHECKPOINTS,
     .keeps_all = true, .loses_plain = true},
    {"wal-shared", HOLDS "PRAGMA wal_autocheckpoint=30", CRASH_UNDOES | CRASH_CHECKPOINTS,
     .is_shared = true, .keeps_all = true},
    {"wal-two-at-once", HOLDS "PRAGMA wal_autocheckpoint=10",
     CRASH_UNDOES | CRASH_CHECKPOINTS | CRASH_TWO_AT_ONCE, .is_shared = true, .keeps_all = true},
    {"delete-extra", HOLDS "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA", CRASH_UNDOES,
     .is_journaled = true, .keeps_all = true},
    /* Without a sync of the directory the deleted journal may come back, and undo what it was of. */
    {"delete-full", HOLDS "PRAGMA journal_mode=DELETE", CRASH_UNDOES, .is_journaled = true,
     .keeps_all = false},
    {"truncate", HOLDS "PRAGMA journal_mode=TRUNCATE", CRASH_UNDOES | CRASH_SHRINKS,
     .is_journaled = true, .keeps_all = true},
    {"persist", HOLDS "PRAGMA journal_mode=PERSIST", CRASH_UNDOES, .is_journaled = true,
     .keeps_all = true},
    {"persist-spill", SPILLS "PRAGMA journal_mode=PERSIST", CRASH_UNDOES | CRASH_VACUUMS,
     .is_journaled = true, .keeps_all = true},
    {"truncate-vacuum", HOLDS "PRAGMA journal_mode=TRUNCATE", CRASH_UNDOES | CRASH_VACUUMS,
     .is_journaled = true, .keeps_all = true},
    {"two-files", HOLDS "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA", CRASH_TWO_FILES,
     .is_journaled = true, .keeps_all = true},
    {"product", NULL, 0, .keeps_all = true, .is_product = true},
};
const unsigned CRASH_WORKLOAD_COUNT = sizeof CRASH_WORKLOADS / sizeof CRASH_WORKLOADS[0];

struct run {
    const struct crash_workload *workload;
    bool is_ours;
    struct power_disk *disk;
    struct secret key;
    struct vfs *vfs;
    struct db *db[CONNECTIONS];
    const char *path;
    int64_t acknowledged; /* the last transaction whose COMMIT came back */
    bool is_begun;        /* the table was there, surely */
};

/* A wal-index is shared where a file of this machine bears the name, though its content lies on the disk in memory. */
static struct {
    struct scratch scratch;
    bool is_made;
    char path[192];
} place;

static const char *
shared_path(void)
{
    if (!place.is_made) {
        scratch_make(&place.scratch);
        scratch_write(&place.scratch, "store.db", "", 0);
        snprintf(place.path, sizeof place.path, "%s", scratch_path(&place.scratch, "store.db"));
        place.is_made = true;
    }
    return place.path;
}

void
crash_end(void)
{
    if (place.is_made)
        scratch_remove(&place.scratch);
    place.is_made = false;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void
shut(struct run *run)
{
    for (int i = CONNECTIONS - 1; i >= 0; i--) {
        db_close(run->db[i]);
        run->db[i] = NULL;
    }
}

static enum rc
reach_one(struct run *run, struct db **db)
{
    struct db_options options = {.must_exist = run->is_begun,
                                 .exclusive = run->is_ours || !run->workload->is_shared,
                                 .share = run->workload->is_shared,
                                 .synchronous_full = true};

    options.vfs = run->is_ours ? vfs_name(run->vfs) : power_disk_vfs(run->disk);
    enum rc rc = db_open(run->path, &options, db);
    if (rc == RC_OK && (run->workload->acts & CRASH_SHRINKS) != 0 && !run->is_begun)
        rc = db_run(*db, "PRAGMA auto_vacuum=FULL");
    if (rc == RC_OK)
        rc = db_run(*db, run->workload->settings);
    if (rc == RC_OK && (run->workload->acts & CRASH_TWO_FILES) != 0)
        rc = db_run(*db, "ATTACH '/second.db' AS second");
    return rc;
}

static enum rc
reach(struct run *run)
{
    uint8_t id[VFS_FILE_ID_BYTES];
    bool is_known = run->vfs != NULL && run->is_begun && vfs_file_id(run->vfs, id) == RC_OK;
    enum rc rc = RC_OK;

    vfs_unregister(run->vfs);
    run->vfs = NULL;
    if (run->is_ours)
        rc = vfs_register(power_disk_vfs(run->disk), &run->key, is_known ? id : NULL, &run->vfs);
    if (rc == RC_OK)
        rc = reach_one(run, &run->db[0]);
    if (rc == RC_OK && (run->workload->acts & CRASH_TWO_AT_ONCE) != 0 && run->is_begun)
        rc = reach_one(run, &run->db[1]);
    return rc;
}

/* --- work ------------------------------------------------------------------------------------- */

/* Changes ranges of rows, mostly small ones: pages that a small cache spilled become dirty again and
 * are spilled into the same frames. */
static enum rc
churn(struct run *run, struct db *db, struct chance *chance, uint64_t most)
{
    char sql[400];
    uint64_t steps = 1 + chance_below(chance, most);
    enum rc rc = RC_OK;

    for (uint64_t i = 0; i < steps && rc == RC_OK; i++) {
        unsigned from = (unsigned)chance_below(chance, ROWS);
        unsigned to = from + 1 + (unsigned)chance_below(chance, i == 0 ? ROWS : 6);
        snprintf(sql, sizeof sql, "UPDATE t SET v = v + 1 WHERE a BETWEEN %u AND %u", from, to);
        if ((run->workload->acts & CRASH_SHRINKS) != 0 && chance_below(chance, 2) == 0)
            snprintf(sql, sizeof sql,
                     chance_below(chance, 2) == 0
                         ? "DELETE FROM t WHERE a BETWEEN %u AND %u"
                         : "WITH RECURSIVE s(i) AS (SELECT %u UNION ALL SELECT i + 1 FROM s WHERE "
                           "i < %u)"
                           "INSERT OR IGNORE INTO t SELECT i, i, zeroblob(1900) FROM s",
                     from, to);
        rc = db_run(db, sql);
    }
    return rc;
}

/* One transaction, in it a savepoint that is released or undone; it carries its own sum, so that half
 * of a transaction shows. */
static enum rc
transact(struct run *run, struct db *db, struct chance *chance, int64_t number)
{
    char sql[256];
    bool is_undone = chance_below(chance, 3) > 0;
    enum rc rc = db_run(db, "BEGIN IMMEDIATE");

    if (rc == RC_OK)
        rc = churn(run, db, chance, 2);
    if (rc == RC_OK)
        rc = db_run(db, "SAVEPOINT inner");
    if (rc == RC_OK)
        rc = churn(run, db, chance, 8);
    if (rc == RC_OK)
        rc = db_run(db, is_undone && (run->workload->acts & CRASH_UNDOES) != 0 ? "ROLLBACK TO inner"
                                                                               : "RELEASE inner");
    if (rc == RC_OK && chance_below(chance, 2) == 0)
        rc = churn(run, db, chance, 1);
    if (rc == RC_OK && chance_below(chance, 8) == 0)
        return db_run(db, "ROLLBACK; BEGIN; INSERT INTO gone VALUES(1); ROLLBACK");
    if (rc == RC_OK && (run->workload->acts & CRASH_TWO_FILES) != 0) {
        snprintf(sql, sizeof sql, "INSERT INTO second.copies VALUES(%lld)", (long long)number);
        rc = db_run(db, sql);
    }
    snprintf(sql, sizeof sql, "INSERT INTO acks SELECT %lld, total(v), count(*) FROM t; COMMIT",
             (long long)number);
    rc = rc == RC_OK ? db_run(db, sql) : rc;
    if (rc == RC_OK)
        run->acknowledged = number;
    return rc;
}

static enum rc
look_around(struct run *run, struct chance *chance)
{
    static const char *const KINDS[] = {"PASSIVE", "FULL", "RESTART", "TRUNCATE"};
    char sql[64];
    enum rc rc = RC_OK;

    if ((run->workload->acts & CRASH_VACUUMS) != 0 && chance_below(chance, 6) == 0)
        rc = db_run(run->db[0], "VACUUM");
    if (rc == RC_OK && (run->workload->acts & CRASH_CHECKPOINTS) != 0 &&
        chance_below(chance, 5) == 0) {
        snprintf(sql, sizeof sql, "PRAGMA wal_checkpoint(%s)", KINDS[chance_below(chance, 4)]);
        rc = db_run(run->db[0], sql);
        if (rc == RC_BUSY) /* the other one reads */
            rc = RC_OK;
    }
    return rc;
}

static enum rc
begin_tables(struct run *run)
{
    char sql[640];
    enum rc rc = reach(run);

    snprintf(sql, sizeof sql,
             "BEGIN; CREATE TABLE t(a INTEGER PRIMARY KEY, v, b);"
             "CREATE TABLE acks(n INTEGER PRIMARY KEY, v, b); CREATE TABLE gone(n); %s"
             "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d)"
             "INSERT INTO t SELECT i, i, zeroblob(1900) FROM s; COMMIT",
             (run->workload->acts & CRASH_TWO_FILES) != 0 ? "CREATE TABLE second.copies(n);" : "",
             ROWS);
    if (rc == RC_OK)
        rc = db_run(run->db[0], sql);
    run->is_begun = rc == RC_OK;
    if (rc == RC_OK && (run->workload->acts & CRASH_TWO_AT_ONCE) != 0)
        rc = reach_one(run, &run->db[1]);
    return rc;
}

/* While `reader` holds an old view, the other goes on; then they change places. */
static enum rc
change_view(struct run *run, struct chance *chance, int *writer, bool *is_reading)
{
    struct db *reader = run->db[!*writer];
    enum rc rc = RC_OK;

    if ((run->workload->acts & CRASH_TWO_AT_ONCE) == 0)
        return RC_OK;
    if (*is_reading && chance_below(chance, 2) == 0) {
        rc = db_run(reader, "COMMIT");
        *is_reading = false;
    } else if (!*is_reading && chance_below(chance, 3) == 0) {
        rc = db_run(reader, "BEGIN; SELECT count(*) FROM t");
        *is_reading = true;
    }
    if (!*is_reading)
        *writer = (int)chance_below(chance, CONNECTIONS);
    return rc;
}

static enum rc
work(struct run *run, uint64_t seed)
{
    struct chance chance = {seed};
    int writer = 0;
    bool is_reading = false;
    enum rc rc = begin_tables(run);

    for (int64_t i = 1; i <= TRANSACTIONS && rc == RC_OK; i++) {
        rc = change_view(run, &chance, &writer, &is_reading);
        if (rc == RC_OK)
            rc = transact(run, run->db[writer], &chance, run->acknowledged + 1);
        if (rc == RC_OK && !is_reading)
            rc = look_around(run, &chance);
    }
    return rc;
}

/* --- looking ---------------------------------------------------------------------------------- */

static int64_t
int_of(struct db *db, const char *sql)
{
    struct stmt *stmt;
    bool row = false;
    int64_t value = -1;

    if (db_stmt(db, sql, &stmt) != RC_OK)
        return -1;
    if (stmt_step(stmt, &row) == RC_OK && row)
        value = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return value;
}

static const char *
trouble_inside(struct run *run)
{
    struct db *db = run->db[0];

    if (!run->workload->keeps_all &&
        int_of(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'acks'") == 0)
        return NULL; /* the empty prefix */
    int64_t last = int_of(db, "SELECT ifnull(max(n), 0) FROM acks");

    if (int_of(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") !=
        0)
        return "the structure is damaged";
    if (run->workload->keeps_all && last < run->acknowledged)
        return "an acknowledged commit is lost";
    if (last > run->acknowledged + 1)
        return "a commit is there that was never asked for";
    if (int_of(db, "SELECT count(*) FROM acks") != last)
        return "a commit is missing between others";
    if (last > 0 &&
        int_of(db, "SELECT (SELECT total(v) FROM t) = v AND (SELECT count(*) FROM t) = b"
                   " FROM acks ORDER BY n DESC LIMIT 1") != 1)
        return "half of a transaction is there";
    if (int_of(db, "SELECT count(*) FROM gone") != 0)
        return "what was rolled back is there";
    if ((run->workload->acts & CRASH_TWO_FILES) != 0 &&
        int_of(db, "SELECT ifnull(max(n), 0) FROM second.copies") != last)
        return "two files of one transaction differ";
    return NULL;
}

static const char *
trouble_below(struct run *run)
{
    struct vfs_verdict verdict;

    if (!run->is_ours)
        return NULL;
    if (db_checkpoint(run->db[0], true) != RC_OK)
        return "the log cannot be emptied";
    if (vfs_verify(run->vfs, run->path, &verdict) != RC_OK ||
        (verdict.bad > 0 && !run->workload->is_journaled))
        return "a page does not authenticate";
    return NULL;
}

/* What is wrong after power came back; NULL when nothing is. */
static const char *
trouble(struct run *run)
{
    struct chance chance = {5};

    rc_fail(RC_OK, "%s", ""); /* what the cut ended said something */
    enum rc rc = reach(run);

    if (!run->is_begun) /* creation was cut: store_create begins anew */
        return NULL;
    if (rc != RC_OK)
        return "it does not open";
    const char *what = trouble_inside(run);
    if (what == NULL)
        what = trouble_below(run);
    if (what == NULL && int_of(run->db[0], "SELECT count(*) FROM acks") >= 0) {
        run->acknowledged = int_of(run->db[0], "SELECT ifnull(max(n), 0) FROM acks");
        if (transact(run, run->db[0], &chance, run->acknowledged + 1) != RC_OK)
            return "it takes no further transaction";
    }
    return what;
}

/* --- points ----------------------------------------------------------------------------------- */

static void
begin(struct run *run, const struct crash_workload *workload, bool is_ours)
{
    *run = (struct run){.workload = workload,
                        .is_ours = is_ours,
                        .disk = power_disk_new(),
                        .path = workload->is_shared ? shared_path() : "/store.db"};
    if (secret_make(&run->key, 32) != RC_OK)
        abort();
    memset(run->key.bytes, 5, 32);
}

static void
end(struct run *run)
{
    shut(run);
    vfs_unregister(run->vfs);
    secret_wipe(&run->key);
    power_disk_free(run->disk);
}

/* About how many operations one run takes. */
static uint64_t
operations_of(const struct crash_workload *workload, bool is_ours)
{
    static uint64_t known[64][2];
    uint64_t *operations = &known[workload - CRASH_WORKLOADS][is_ours];
    struct run run;

    if (*operations == 0) {
        begin(&run, workload, is_ours);
        enum rc rc = work(&run, 1);
        *operations = power_disk_operations(run.disk);
        if (rc != RC_OK) {
            fprintf(stderr, "%s does not work without a cut: %s\n", workload->name, rc_sentence());
            abort();
        }
        end(&run);
    }
    return *operations;
}

void
crash_point(const struct crash_workload *workload, bool is_ours, uint64_t seed,
            struct crash_outcome *outcome)
{
    struct chance chance = {seed * 31 + 7};
    uint64_t operations = operations_of(workload, is_ours);
    struct run run;

    *outcome = (struct crash_outcome){
        .operation = 1 + chance_below(&chance, operations + 2),
        .manner = power_manner_number((unsigned)chance_below(&chance, POWER_MANNERS))};
    begin(&run, workload, is_ours);
    power_disk_set_manner(run.disk, &outcome->manner);
    power_disk_cut_at(run.disk, outcome->operation);
    enum rc rc = work(&run, seed);
    power_disk_cut_now(run.disk); /* a workload that ended is cut as well */
    shut(&run);
    power_disk_restore(run.disk, chance_u64(&chance));
    if (chance_below(&chance, 4) == 0) { /* and once more, while it recovers */
        power_disk_cut_at(run.disk, 1 + chance_below(&chance, 8));
        rc = reach(&run);
        power_disk_cut_now(run.disk);
        shut(&run);
        power_disk_restore(run.disk, chance_u64(&chance));
    }
    (void)rc; /* a cut ends it somewhere */
    outcome->what = trouble(&run);
    if (outcome->what != NULL)
        snprintf(outcome->sentence, sizeof outcome->sentence, "%s", rc_sentence());
    end(&run);
}
