/* Tests of core/db on SQLite's own VFS. */
#include "core/db.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/secret.h"
#include "tests/support/scratch.h"

static const struct db_options USUAL = {.busy_ms = 10, .synchronous_full = true};

/* SQLite's own allocations, which a test may have fail. */
static sqlite3_mem_methods real;
static bool is_out_of_memory;

static void *
take(int bytes)
{
    return is_out_of_memory ? NULL : real.xMalloc(bytes);
}

static void *
take_more(void *had, int bytes)
{
    return is_out_of_memory ? NULL : real.xRealloc(had, bytes);
}

/* Before anything else of SQLite. */
static bool
put_memory(void)
{
    sqlite3_mem_methods failing;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
        return false;
    failing = real;
    failing.xMalloc = take;
    failing.xRealloc = take_more;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) == SQLITE_OK;
}

struct fixture {
    struct scratch scratch;
    struct db *db;
};

static int
set_up(void **state)
{
    static struct fixture fixture;

    scratch_make(&fixture.scratch);
    assert_int_equal(db_open(scratch_path(&fixture.scratch, "plain.db"), &USUAL, &fixture.db),
                     RC_OK);
    assert_int_equal(db_run(fixture.db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE);"), RC_OK);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    db_close(fixture->db);
    scratch_remove(&fixture->scratch);
    return 0;
}

static int64_t
int_of(struct db *db, const char *sql)
{
    int64_t value;

    assert_int_equal(db_get_int(db, sql, &value), RC_OK);
    return value;
}

static void
db_has_the_settings_of_the_store(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;

    assert_int_equal(int_of(db, "PRAGMA cache_spill"), 0);
    assert_int_equal(int_of(db, "PRAGMA cache_size"), -65536);
    assert_int_equal(int_of(db, "PRAGMA page_size"), 4096);
    assert_int_equal(int_of(db, "PRAGMA temp_store"), 2);
    assert_int_equal(int_of(db, "PRAGMA secure_delete"), 1);
    assert_int_equal(int_of(db, "PRAGMA trusted_schema"), 0);
    assert_int_equal(int_of(db, "PRAGMA synchronous"), 2);
    assert_int_equal(db_set_synchronous(db, false), RC_OK);
    assert_int_equal(int_of(db, "PRAGMA synchronous"), 1);
    assert_int_equal(
        int_of(db, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode='wal'"), 1);
    /* Defensive: the schema table cannot be written. */
    assert_int_equal(db_run(db, "PRAGMA writable_schema=ON; DELETE FROM sqlite_schema"),
                     RC_INVALID);
}

static void
db_gives_back_what_was_bound(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;
    struct id id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    struct id back;
    struct stmt *stmt;
    size_t len = 9;
    bool row;

    assert_int_equal(db_stmt(db, "SELECT ?1, ?2, ?3, ?4, ?5, ?6", &stmt), RC_OK);
    stmt_int(stmt, 1, INT64_MIN);
    stmt_text(stmt, 2, "caf\xc3\xa9");
    stmt_blob(stmt, 3, "", 0);
    stmt_id(stmt, 4, id);
    stmt_null(stmt, 5);
    stmt_text(stmt, 6, NULL);
    assert_int_equal(stmt_step(stmt, &row), RC_OK);
    assert_true(row);
    assert_true(stmt_get_int(stmt, 0) == INT64_MIN);
    assert_string_equal(stmt_get_text(stmt, 1), "caf\xc3\xa9");
    (void)stmt_get_blob(stmt, 2, &len);
    assert_int_equal(len, 0);
    assert_false(stmt_is_null(stmt, 2));
    assert_int_equal(stmt_get_id(stmt, 3, &back), RC_OK);
    assert_true(id_equal(id, back));
    assert_true(stmt_is_null(stmt, 4));
    assert_null(stmt_get_text(stmt, 5));
    assert_int_equal(stmt_get_id(stmt, 1, &back), RC_CORRUPT);
    assert_true(id_is_zero(back));
    stmt_done(stmt);
}

static void
db_reuses_a_statement_only_when_it_was_given_back(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;
    static const char *const TEXT = "SELECT 1";
    struct stmt *first, *second, *third;

    assert_int_equal(db_stmt(db, TEXT, &first), RC_OK);
    assert_int_equal(db_stmt(db, TEXT, &second), RC_OK);
    assert_ptr_not_equal(first, second);
    stmt_done(first);
    assert_int_equal(db_stmt(db, TEXT, &third), RC_OK);
    assert_ptr_equal(first, third);
    stmt_done(second);
    stmt_done(third);

    char buffer[32] = "SELECT 11";
    assert_int_equal(int_of(db, buffer), 11);
    memcpy(buffer, "SELECT 22", 10);
    assert_int_equal(int_of(db, buffer), 22); /* the same address with another text */
}

static void
db_maps_errors_to_actions(void **state)
{
    struct fixture *fixture = *state;
    struct db *db = fixture->db;
    struct db *other;
    struct stmt *stmt;
    bool row;

    assert_int_equal(db_run(db, "INSERT INTO t VALUES(1, 'x')"), RC_OK);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES(2, 'x')"), RC_EXISTS);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES('text', 'y')"), RC_INVALID);
    assert_int_equal(db_run(db, "nonsense"), RC_INVALID);
    assert_int_equal(db_stmt(db, "SELECT ?1", &stmt), RC_OK);
    stmt_int(stmt, 7, 1); /* there is no seventh parameter */
    assert_int_equal(stmt_step(stmt, &row), RC_INVALID);
    stmt_done(stmt);
    assert_int_equal(stmt_run(stmt), RC_OK);

    assert_int_equal(db_run(db, "SELECT zeroblob(2000000000)"), RC_TOO_LARGE);

    assert_int_equal(db_open(scratch_path(&fixture->scratch, "plain.db"), &USUAL, &other), RC_OK);
    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_begin(other), RC_BUSY);
    db_rollback(db);
    db_close(other);
}

static void
db_never_repeats_what_was_searched_for(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;
    struct stmt *stmt;
    bool row;

    assert_int_equal(db_run(db, "CREATE VIRTUAL TABLE f USING fts5(x)"), RC_OK);
    assert_int_equal(db_stmt(db, "SELECT 1 FROM f WHERE f MATCH ?1", &stmt), RC_OK);
    stmt_text(stmt, 1, "geheimnaam:\"");
    assert_int_equal(stmt_step(stmt, &row), RC_INVALID);
    assert_null(strstr(rc_sentence(), "geheimnaam"));
    stmt_done(stmt);
}

static void
db_commits_only_the_outermost_transaction(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;

    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES(1, 'x')"), RC_OK);
    assert_int_equal(db_commit(db), RC_OK);
    assert_true(db_in_transaction(db));
    assert_int_equal(db_commit(db), RC_OK);
    assert_false(db_in_transaction(db));
    assert_int_equal(int_of(db, "SELECT count(*) FROM t"), 1);
}

static void
db_ends_a_transaction_by_how_it_went(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;

    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES (1, 'kept')"), RC_OK);
    assert_int_equal(db_end(db, RC_OK), RC_OK);
    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES (2, 'lost')"), RC_OK);
    assert_int_equal(db_end(db, rc_fail(RC_UNTRUSTED, "forged")), RC_UNTRUSTED);
    assert_string_equal(rc_sentence(), "forged");
    assert_false(db_in_transaction(db));
    assert_int_equal(int_of(db, "SELECT count(*) FROM t"), 1);
}

static void
db_tells_a_row_that_is_not_there(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;
    struct id id = {{7}};
    struct stmt *stmt;

    assert_int_equal(int_of(db, "SELECT a FROM t"), 0);
    assert_int_equal(db_stmt(db, "SELECT a FROM t", &stmt), RC_OK);
    assert_int_equal(stmt_need_row(stmt), RC_ABSENT);
    stmt_done(stmt);
    assert_int_equal(db_stmt(db, "SELECT ?1 IS NULL, length(?2)", &stmt), RC_OK);
    stmt_id_or_null(stmt, 1, NULL);
    stmt_id_or_null(stmt, 2, &id);
    assert_int_equal(stmt_need_row(stmt), RC_OK);
    assert_int_equal(stmt_get_int(stmt, 0), 1);
    assert_int_equal(stmt_get_int(stmt, 1), ID_BYTES);
    stmt_done(stmt);
}

static void
db_lets_an_inner_rollback_doom_the_outermost(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;

    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES(1, 'x')"), RC_OK);
    assert_int_equal(db_begin(db), RC_OK);
    (void)rc_fail(RC_FULL, "the first sentence");
    db_rollback(db);
    assert_string_equal(rc_sentence(), "the first sentence");
    assert_int_equal(db_begin(db), RC_STALE);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES(2, 'y')"), RC_OK);
    assert_int_equal(db_commit(db), RC_STALE);
    assert_false(db_in_transaction(db));
    assert_int_equal(int_of(db, "SELECT count(*) FROM t"), 0);
    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_commit(db), RC_OK);
}

static void
db_never_commits_alone_after_sqlite_rolled_back(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;

    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES(1, 'x')"), RC_OK);
    assert_int_equal(db_run(db, "INSERT OR ROLLBACK INTO t VALUES(1, 'y')"), RC_EXISTS);
    assert_int_equal(db_run(db, "INSERT INTO t VALUES(3, 'z')"), RC_STALE);
    assert_int_equal(db_commit(db), RC_STALE);
    assert_int_equal(int_of(db, "SELECT count(*) FROM t"), 0);
}

static void
db_refuses_what_is_not_there_or_not_a_database(void **state)
{
    struct fixture *fixture = *state;
    struct db_options options = USUAL;
    struct db *db;
    uint8_t garbage[8192];

    options.must_exist = true;
    assert_int_equal(db_open(scratch_path(&fixture->scratch, "none"), &options, &db), RC_ABSENT);
    assert_null(db);
    random_fill(garbage, sizeof garbage);
    scratch_write(&fixture->scratch, "garbage", garbage, sizeof garbage);
    assert_int_equal(db_open(scratch_path(&fixture->scratch, "garbage"), &options, &db),
                     RC_CORRUPT);
    assert_null(db);
}

static void
db_reports_a_damaged_structure(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(db_run(fixture->db, "INSERT INTO t(b) VALUES('x')"), RC_OK);
    assert_int_equal(db_check_structure(fixture->db), RC_OK);
    assert_int_equal(db_checkpoint(fixture->db, true), RC_OK);
    db_close(fixture->db);
    fixture->db = NULL;
    int fd = open(scratch_path(&fixture->scratch, "plain.db"), O_RDWR);
    assert_true(fd >= 0);
    uint8_t zeros[200] = {0};
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, 4096), sizeof zeros);
    close(fd);
    assert_int_equal(db_open(scratch_path(&fixture->scratch, "plain.db"), &USUAL, &fixture->db),
                     RC_OK);
    assert_int_equal(db_check_structure(fixture->db), RC_CORRUPT);
}

/* A page as it was earlier, when it had lower keys: going on from each key found would go round for ever. */
static void
db_goes_past_keys_that_are_out_of_order(void **state)
{
    enum { STEPS = 1000, PAGE = 4096 };
    static const char LEAF[] = "SELECT pageno FROM dbstat WHERE name = 'n' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET %d";
    struct fixture *fixture = *state;
    uint8_t page[PAGE];
    char sql[160];
    int64_t leaves[2], key = 0;
    uint64_t bad = 0;
    bool found = true;
    unsigned steps = 0;

    assert_int_equal(db_run(fixture->db, "CREATE TABLE n(a INTEGER PRIMARY KEY, b); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL"
                                         " SELECT i + 1 FROM c WHERE i < 60) INSERT INTO n SELECT i, zeroblob(500) FROM c"),
                     RC_OK);
    for (int i = 0; i < 2; i++) {
        snprintf(sql, sizeof sql, LEAF, 2 * i);
        leaves[i] = int_of(fixture->db, sql);
    }
    int64_t last = int_of(fixture->db, "SELECT max(a) FROM n");
    assert_int_equal(db_checkpoint(fixture->db, true), RC_OK);
    db_close(fixture->db);
    fixture->db = NULL;
    int fd = open(scratch_path(&fixture->scratch, "plain.db"), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, page, PAGE, (leaves[0] - 1) * PAGE), PAGE);
    assert_int_equal(pwrite(fd, page, PAGE, (leaves[1] - 1) * PAGE), PAGE);
    close(fd);
    assert_int_equal(db_open(scratch_path(&fixture->scratch, "plain.db"), &USUAL, &fixture->db), RC_OK);
    for (int64_t before = 0; found && steps < STEPS; steps++, before = key) {
        assert_int_equal(db_next_past(fixture->db, "SELECT a FROM n NOT INDEXED WHERE a > ?1 ORDER BY a LIMIT 1", &key, &found,
                                      &bad),
                         RC_OK);
        assert_true(!found || key > before);
    }
    assert_true(steps < STEPS);
    assert_int_equal(key, last);
    assert_int_equal(bad, 1);
}

static void
db_rolls_back_where_memory_ran_out(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;

    assert_int_equal(db_begin(db), RC_OK);
    assert_int_equal(db_run(db, "INSERT INTO t(b) VALUES('half')"), RC_OK);
    is_out_of_memory = true;
    enum rc rc = db_run(db, "INSERT INTO t(b) VALUES('more')");
    db_rollback(db);
    is_out_of_memory = false;
    assert_int_equal(rc, RC_NOMEM);
    assert_int_equal(db_begin(db), RC_OK); /* and not within the one before */
    assert_int_equal(db_commit(db), RC_OK);
    assert_int_equal(int_of(db, "SELECT count(*) FROM t"), 0);
}

static void
db_has_sqlite_count_no_memory(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_memory_used(), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(db_has_the_settings_of_the_store),
        TEST(db_gives_back_what_was_bound),
        TEST(db_reuses_a_statement_only_when_it_was_given_back),
        TEST(db_maps_errors_to_actions),
        TEST(db_never_repeats_what_was_searched_for),
        TEST(db_commits_only_the_outermost_transaction),
        TEST(db_ends_a_transaction_by_how_it_went),
        TEST(db_tells_a_row_that_is_not_there),
        TEST(db_lets_an_inner_rollback_doom_the_outermost),
        TEST(db_never_commits_alone_after_sqlite_rolled_back),
        TEST(db_rolls_back_where_memory_ran_out),
        TEST(db_has_sqlite_count_no_memory),
        TEST(db_refuses_what_is_not_there_or_not_a_database),
        TEST(db_reports_a_damaged_structure),
        TEST(db_goes_past_keys_that_are_out_of_order),
    };

    if (!put_memory() || secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
