/* Tests of core/vfs on a real disk with several threads, and with files that change behind a connection. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

#include "core/vfs_seal.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

enum { THREADS = 4, ROUNDS = 25 };

static struct scratch scratch;
static struct secret key;
static struct vfs *vfs;
static char common[192];

struct worker {
    pthread_t thread;
    unsigned number;
    char own[192];
    unsigned failures;
};

static int
set_up(void **state)
{
    (void)state;
    scratch_make(&scratch);
    assert_ok(secret_make(&key, CRYPTO_KEY_BYTES));
    memset(key.bytes, 1, key.len);
    assert_ok(vfs_register(NULL, &key, NULL, &vfs));
    snprintf(common, sizeof common, "%s", scratch_path(&scratch, "store.db"));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    vfs_unregister(vfs);
    secret_wipe(&key);
    scratch_remove(&scratch);
    return 0;
}

/* Each thread has its connections: one to the file of all, one to its own, made and opened anew each round. */
static void *
work(void *argument)
{
    struct worker *worker = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        sqlite3 *all = raw_open(vfs_name(vfs), common), *own = raw_open(vfs_name(vfs), worker->own);
        sqlite3_busy_timeout(all, 20000);
        worker->failures += raw_code(all, "INSERT INTO t VALUES(hex(randomblob(500)))") != SQLITE_OK;
        worker->failures += raw_code(own, "CREATE TABLE IF NOT EXISTS t(x);"
                                          "INSERT INTO t VALUES(hex(randomblob(500)))") != SQLITE_OK;
        raw_close(own);
        raw_close(all);
    }
    return NULL;
}

static void
vfs_serves_several_threads(void **state)
{
    (void)state;
    struct worker workers[THREADS];
    char name[16];

    sqlite3 *db = raw_open(vfs_name(vfs), common);
    if (strcmp(raw_ask(db, "PRAGMA journal_mode=WAL"), "wal") != 0)
        skip(); /* no memory file system here */
    raw_run(db, "CREATE TABLE t(x)");
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.number = i};
        snprintf(name, sizeof name, "own%u.db", i);
        snprintf(workers[i].own, sizeof workers[i].own, "%s", scratch_path(&scratch, name));
        assert_ok(pthread_create(&workers[i].thread, NULL, work, &workers[i]));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_ok(pthread_join(workers[i].thread, NULL));
        assert_int_equal(workers[i].failures, 0);
    }
    assert_string_equal(raw_ask(db, "SELECT count(*) FROM t"), "100");
    assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
    raw_close(db);
    for (unsigned i = 0; i < THREADS; i++) {
        db = raw_open(vfs_name(vfs), workers[i].own);
        assert_string_equal(raw_ask(db, "SELECT count(*) FROM t"), "25");
        raw_close(db);
    }
}

/* Two threads that begin the same new file at once agree on its id. */
static void *
begin(void *argument)
{
    (void)argument;
    sqlite3 *db = raw_open(vfs_name(vfs), common);
    sqlite3_busy_timeout(db, 20000);
    int code = raw_code(db, "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS t(x); INSERT INTO t VALUES(1); COMMIT");
    raw_close(db);
    return code == SQLITE_OK ? NULL : argument;
}

static void
vfs_begins_a_file_once(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    void *failed;

    for (unsigned i = 0; i < THREADS; i++)
        assert_ok(pthread_create(&threads[i], NULL, begin, threads));
    for (unsigned i = 0; i < THREADS; i++) {
        assert_ok(pthread_join(threads[i], &failed));
        assert_null(failed);
    }
    sqlite3 *db = raw_open(vfs_name(vfs), common);
    assert_string_equal(raw_ask(db, "SELECT count(*) FROM t"), "4");
    raw_close(db);
}

/* An open connection keeps the id that it opened: other content is an error, never rows. */
static void
vfs_refuses_content_that_was_put_under_an_open_connection(void **state)
{
    (void)state;
    size_t len;

    sqlite3 *db = raw_open(vfs_name(vfs), common);
    raw_run(db, "CREATE TABLE t(x); INSERT INTO t VALUES('first')");
    sqlite3 *other = raw_open(vfs_name(vfs), scratch_path(&scratch, "other.db"));
    raw_run(other, "CREATE TABLE t(x); INSERT INTO t VALUES('second'); CREATE TABLE u(y)");
    raw_close(other);
    uint8_t *bytes = scratch_read(scratch_path(&scratch, "other.db"), &len);
    assert_non_null(bytes);
    scratch_write(&scratch, "store.db", bytes, len);
    free(bytes);
    assert_string_equal(raw_ask(db, "SELECT x FROM t"), "error 8202"); /* SQLITE_IOERR_DATA */
    raw_close(db);
}

/* Whoever names SQLite's own VFS, in a URI say, sees no database. */
static void
vfs_shows_no_database_to_another_vfs(void **state)
{
    (void)state;
    char uri[256];

    sqlite3 *db = raw_open(vfs_name(vfs), common);
    raw_run(db, "CREATE TABLE t(x)");
    raw_close(db);
    snprintf(uri, sizeof uri, "file:%s?vfs=unix", common);
    db = raw_open(vfs_name(vfs), uri);
    assert_string_equal(raw_ask(db, "SELECT * FROM t"), "error 26"); /* SQLITE_NOTADB */
    raw_close(db);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(vfs_serves_several_threads),
        TEST(vfs_begins_a_file_once),
        TEST(vfs_refuses_content_that_was_put_under_an_open_connection),
        TEST(vfs_shows_no_database_to_another_vfs),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
