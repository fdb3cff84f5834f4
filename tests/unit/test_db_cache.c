/* Tests of core/db_cache: what reaches SQLite's own page cache, which stands under it and is counted here. */
#include "core/db_cache.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/db.h"
#include "core/secret.h"
#include "tests/support/scratch.h"

enum { ROWS = 20000, ROWS_A_COMMIT = 100 };

static const struct db_options USUAL = {.busy_ms = 10, .synchronous_full = false};

static sqlite3_pcache_methods2 real;
static unsigned moved, truncated;

static void
count_rekey(sqlite3_pcache *cache, sqlite3_pcache_page *page, unsigned before, unsigned after)
{
    moved++;
    real.xRekey(cache, page, before, after);
}

static void
count_truncate(sqlite3_pcache *cache, unsigned limit)
{
    truncated++;
    real.xTruncate(cache, limit);
}

static bool
put_counter(void)
{
    sqlite3_pcache_methods2 counting;

    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &real) != SQLITE_OK)
        return false;
    counting = real;
    counting.xRekey = count_rekey;
    counting.xTruncate = count_truncate;
    return sqlite3_config(SQLITE_CONFIG_PCACHE2, &counting) == SQLITE_OK;
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
    assert_int_equal(db_open(scratch_path(&fixture.scratch, "plain.db"), &USUAL, &fixture.db), RC_OK);
    assert_int_equal(db_run(fixture.db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE INDEX i ON t(b)"), RC_OK);
    moved = truncated = 0;
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

/* In no order, so that pages in the middle of the index are split. */
static void
put_rows(struct db *db)
{
    for (int i = 0; i < ROWS_A_COMMIT; i++)
        assert_int_equal(db_run(db, "INSERT INTO t(b) VALUES(hex(randomblob(40)))"), RC_OK);
}

static int64_t
int_of(struct db *db, const char *sql)
{
    int64_t value;

    assert_int_equal(db_get_int(db, sql, &value), RC_OK);
    return value;
}

static void
db_cache_is_not_walked_by_a_commit_that_only_moved_pages(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;

    for (int i = 0; i < ROWS / ROWS_A_COMMIT; i++) {
        assert_int_equal(db_begin(db), RC_OK);
        put_rows(db);
        assert_int_equal(db_commit(db), RC_OK);
    }
    assert_true(moved > 0);
    assert_int_equal(truncated, 0);
    assert_int_equal(int_of(db, "SELECT count(*) FROM t"), ROWS);
    assert_int_equal(db_check_structure(db), RC_OK);
}

static void
db_cache_drops_pages_that_the_file_no_longer_has(void **state)
{
    struct db *db = ((struct fixture *)*state)->db;
    int64_t before = int_of(db, "PRAGMA page_count");

    assert_int_equal(db_begin(db), RC_OK);
    put_rows(db);
    assert_true(int_of(db, "PRAGMA page_count") > before);
    db_rollback(db);
    assert_true(truncated > 0);
    assert_int_equal(int_of(db, "PRAGMA page_count"), before);
    assert_int_equal(db_begin(db), RC_OK);
    put_rows(db);
    assert_int_equal(db_commit(db), RC_OK);
    truncated = 0;
    assert_int_equal(db_run(db, "DELETE FROM t"), RC_OK);
    assert_int_equal(db_run(db, "VACUUM"), RC_OK);
    assert_true(truncated > 0);
    assert_int_equal(int_of(db, "PRAGMA page_count"), before);
    assert_int_equal(db_check_structure(db), RC_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(db_cache_is_not_walked_by_a_commit_that_only_moved_pages),
        TEST(db_cache_drops_pages_that_the_file_no_longer_has),
    };

    if (!put_counter() || secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
