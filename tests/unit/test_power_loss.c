/* Power cuts at seeded points: what was acknowledged is there, and the structure is whole. Plain SQLite
 * runs beside as control, so that the disk in memory is known to be able to show a loss.
 *
 * SEED=n starts elsewhere; POINTS=n takes more than 500 points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/db.h"
#include "core/secret.h"
#include "core/vfs.h"
#include "tests/support/chance.h"
#include "tests/support/power_vfs.h"

enum { TRANSACTIONS = 16, ROWS = 60 };

/* How one run is set up. */
struct manner {
    const char *name;
    bool is_ours;
    const char *cache; /* pragmas after the opening */
};

struct run {
    const struct manner *manner;
    struct power_disk *disk;
    struct secret key;
    struct vfs *vfs;
    struct db *db;
    int64_t acknowledged; /* the last transaction whose COMMIT came back */
    bool is_begun;        /* the table was there, surely */
};

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static enum rc
reach(struct run *run)
{
    struct db_options options = {.exclusive = true, .synchronous_full = true};
    uint8_t id[VFS_FILE_ID_BYTES];
    bool is_known = run->vfs != NULL && run->is_begun && vfs_file_id(run->vfs, id) == RC_OK;
    enum rc rc = RC_OK;

    vfs_unregister(run->vfs);
    run->vfs = NULL;
    if (run->manner->is_ours)
        rc = vfs_register(power_disk_vfs(run->disk), &run->key, is_known ? id : NULL, &run->vfs);
    if (rc != RC_OK)
        return rc;
    options.vfs = run->manner->is_ours ? vfs_name(run->vfs) : power_disk_vfs(run->disk);
    rc = db_open("/store.db", &options, &run->db);
    return rc == RC_OK ? db_run(run->db, run->manner->cache) : rc;
}

/* Changes ranges of rows, mostly small ones: pages that a small cache spilled become dirty again and
 * are spilled into the same frames. */
static enum rc
churn(struct db *db, struct chance *chance, uint64_t most)
{
    char sql[160];
    uint64_t steps = 1 + chance_below(chance, most);
    enum rc rc = RC_OK;

    for (uint64_t i = 0; i < steps && rc == RC_OK; i++) {
        unsigned from = (unsigned)chance_below(chance, ROWS);
        unsigned rows = 1 + (unsigned)chance_below(chance, i == 0 ? ROWS : 6);
        snprintf(sql, sizeof sql, "UPDATE t SET v = v + 1 WHERE a BETWEEN %u AND %u", from,
                 from + rows);
        rc = db_run(db, sql);
    }
    return rc;
}

/* One transaction, in it a savepoint that is released or undone; it carries its own sum, so that half
 * of a transaction shows. */
static enum rc
transact(struct db *db, struct chance *chance, int64_t number)
{
    char sql[256];
    enum rc rc = db_run(db, "BEGIN IMMEDIATE");

    if (rc == RC_OK)
        rc = churn(db, chance, 2);
    if (rc == RC_OK)
        rc = db_run(db, "SAVEPOINT inner");
    if (rc == RC_OK)
        rc = churn(db, chance, 8);
    if (rc == RC_OK)
        rc = db_run(db, chance_below(chance, 3) > 0 ? "ROLLBACK TO inner" : "RELEASE inner");
    if (rc == RC_OK && chance_below(chance, 2) == 0)
        rc = churn(db, chance, 1);
    snprintf(sql, sizeof sql, "INSERT INTO acks SELECT %lld, sum(v), count(*) FROM t; COMMIT",
             (long long)number);
    return rc == RC_OK ? db_run(db, sql) : rc;
}

static enum rc
work_begins(struct run *run)
{
    char sql[512];
    enum rc rc = reach(run);

    snprintf(sql, sizeof sql,
             "PRAGMA wal_autocheckpoint=60; BEGIN; CREATE TABLE t(a INTEGER PRIMARY KEY, v, b);"
             "CREATE TABLE acks(n INTEGER PRIMARY KEY, v, b);"
             "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d)"
             "INSERT INTO t SELECT i, i, zeroblob(1900) FROM s; COMMIT",
             ROWS);
    if (rc == RC_OK)
        rc = db_run(run->db, sql);
    run->is_begun = rc == RC_OK;
    return rc;
}

static enum rc
work(struct run *run, uint64_t seed)
{
    struct chance chance = {seed};
    enum rc rc = work_begins(run);

    for (int64_t i = 1; i <= TRANSACTIONS && rc == RC_OK; i++) {
        rc = transact(run->db, &chance, i);
        if (rc == RC_OK)
            run->acknowledged = i;
        if (rc == RC_OK && chance_below(&chance, 12) == 0)
            rc = db_checkpoint(run->db, chance_below(&chance, 2) == 0);
    }
    return rc;
}

static void
begin(struct run *run, const struct manner *manner)
{
    *run = (struct run){.manner = manner, .disk = power_disk_new()};
    assert_int_equal(secret_make(&run->key, 32), RC_OK);
    memset(run->key.bytes, 5, 32);
}

static void
end(struct run *run)
{
    db_close(run->db);
    vfs_unregister(run->vfs);
    secret_wipe(&run->key);
    power_disk_free(run->disk);
}

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

/* What is wrong after power came back; NULL when nothing is. */
static const char *
trouble(struct run *run)
{
    enum rc rc = reach(run);

    if (!run->is_begun) /* creation was cut: store_create begins anew */
        return NULL;
    if (rc != RC_OK)
        return "it does not open";
    if (int_of(run->db,
               "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'") != 0)
        return "the structure is damaged";
    if (int_of(run->db, "SELECT ifnull(max(n), 0) FROM acks") < run->acknowledged)
        return "an acknowledged commit is lost";
    if (run->acknowledged > 0 &&
        int_of(run->db, "SELECT (SELECT sum(v) FROM t) = v AND (SELECT count(*) FROM t) = b"
                        " FROM acks ORDER BY n DESC LIMIT 1") != 1)
        return "half of a transaction is there";
    return NULL;
}

/* About how many operations one run takes. */
static uint64_t
operations_of(const struct manner *manner)
{
    struct run run;

    begin(&run, manner);
    assert_int_equal(work(&run, 1), RC_OK);
    uint64_t operations = power_disk_operations(run.disk);
    end(&run);
    return operations;
}

/* Cuts once, looks, and says what was lost. */
static bool
loses_at(const struct manner *manner, uint64_t seed, uint64_t operations, bool is_told)
{
    struct chance chance = {seed * 31 + 7};
    struct run run;
    uint64_t point = 1 + chance_below(&chance, operations + 2);

    begin(&run, manner);
    power_disk_cut_at(run.disk, point);
    enum rc rc = work(&run, seed);
    power_disk_cut_now(run.disk); /* a workload that ended is cut as well */
    db_close(run.db);
    run.db = NULL;
    power_disk_restore(run.disk, chance_u64(&chance));
    const char *what = trouble(&run);
    if (what != NULL && is_told)
        print_message("%s: SEED=%llu POINTS=1, operation %llu (%s): %s [%s]\n", manner->name,
                      (unsigned long long)seed, (unsigned long long)point, rc_name(rc), what,
                      rc_sentence());
    end(&run);
    return what != NULL;
}

static uint64_t
losses(const struct manner *manner, uint64_t points, bool is_told)
{
    uint64_t seed = number_from("SEED", 1), lost = 0;

    points = number_from("POINTS", points);
    uint64_t operations = operations_of(manner);
    for (uint64_t i = 0; i < points; i++)
        lost += loses_at(manner, seed + i, operations, is_told);
    print_message("%s: %llu of %llu crash points lost something (first seed %llu)\n", manner->name,
                  (unsigned long long)lost, (unsigned long long)points, (unsigned long long)seed);
    return lost;
}

static void
store_loses_nothing_that_was_acknowledged(void **state)
{
    static const struct manner OURS = {"ours", true, "PRAGMA cache_spill=OFF; PRAGMA cache_size=8"};

    (void)state;
    assert_int_equal(losses(&OURS, 500, true), 0);
}

/* One operation of the disk fails, power stays, the program goes on: what it was told is there. */
static bool
errs_at(const struct manner *manner, uint64_t operation, bool *is_over)
{
    struct chance chance = {operation};
    struct run run;
    char sql[160];
    int64_t acknowledged = 0, missing = 0;

    begin(&run, manner);
    assert_int_equal(work_begins(&run), RC_OK);
    uint64_t before = power_disk_operations(run.disk);
    power_disk_fail_once(run.disk, operation);
    for (int64_t i = 1; i <= 8; i++) {
        enum rc rc = transact(run.db, &chance, i);
        acknowledged |= (int64_t)(rc == RC_OK) << i;
        if (rc != RC_OK)
            rc = db_run(run.db, "ROLLBACK"); /* SQLite may have done so itself */
        if (i % 3 == 0)
            rc = db_checkpoint(run.db, i == 6); /* may be what fails; nothing was promised */
        (void)rc;
    }
    *is_over = power_disk_operations(run.disk) - before < operation;
    db_close(run.db);
    run.db = NULL;
    const char *what = trouble(&run);
    for (int64_t i = 1; i <= 8 && what == NULL; i++) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM acks WHERE n = %lld", (long long)i);
        missing += (acknowledged >> i & 1) == 1 && int_of(run.db, sql) != 1;
    }
    if (what != NULL || missing != 0)
        print_message("operation %llu failing: %s, %lld acknowledged commits are missing\n",
                      (unsigned long long)operation, what == NULL ? "-" : what, (long long)missing);
    end(&run);
    return what != NULL || missing != 0;
}

static void
store_loses_nothing_when_one_operation_fails(void **state)
{
    static const struct manner OURS = {"ours", true, "PRAGMA cache_spill=OFF; PRAGMA cache_size=8"};
    bool is_over = false;
    uint64_t bad = 0, at = 0;

    (void)state;
    while (!is_over)
        bad += errs_at(&OURS, ++at, &is_over);
    print_message("each of %llu operations failed once\n", (unsigned long long)at - 1);
    assert_true(at > 20);
    assert_int_equal(bad, 0);
}

static void
plain_sqlite_loses_commits_when_the_cache_spills(void **state)
{
    static const struct manner SPILLS = {"plain, cache_spill=ON", false,
                                         "PRAGMA cache_size=8; PRAGMA cache_spill=8"};

    (void)state;
    assert_true(losses(&SPILLS, 60, false) > 0);
}

static void
plain_sqlite_loses_nothing_when_it_does_not(void **state)
{
    static const struct manner HOLDS = {"plain, cache_spill=OFF", false,
                                        "PRAGMA cache_spill=OFF; PRAGMA cache_size=8"};

    (void)state;
    assert_int_equal(losses(&HOLDS, 120, true), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_loses_nothing_that_was_acknowledged),
        cmocka_unit_test(store_loses_nothing_when_one_operation_fails),
        cmocka_unit_test(plain_sqlite_loses_commits_when_the_cache_spills),
        cmocka_unit_test(plain_sqlite_loses_nothing_when_it_does_not),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
