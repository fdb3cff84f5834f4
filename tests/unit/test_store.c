/* Tests of core/store: making, opening, locking, migrating, continuity. */
#define _GNU_SOURCE /* memmem */
#include "core/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/store_lock.h"
#include "core/vfs_lock.h"
#include "core/store_token.h"
#include "core/vfs.h"
#include "tests/support/stores.h"

#define MARKER "Zorgvuldig-GEHEIM-merkteken"

static struct stores fixture;

static struct store *
made(void)
{
    struct store *store;

    stores_demand(store_create(&fixture.options, NULL, NULL, &store), "store_create");
    stores_demand(db_run(store_db(store), "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)"), "t");
    return store;
}

static struct store *
opened(void)
{
    struct store *store;

    stores_demand(store_open(&fixture.options, &store), "store_open");
    return store;
}

static int64_t
int_of(struct store *store, const char *sql)
{
    struct stmt *stmt;
    bool row = false;

    stores_demand(db_stmt(store_db(store), sql, &stmt), sql);
    stores_demand(stmt_step(stmt, &row), sql);
    assert_true(row);
    int64_t value = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return value;
}

static const char *
file(const char *name)
{
    char relative[64];

    snprintf(relative, sizeof relative, "device/%s", name);
    return scratch_path(&fixture.scratch, relative);
}

static bool
file_holds(const char *name, const char *word)
{
    size_t len;
    uint8_t *bytes = scratch_read(file(name), &len);
    bool found = bytes != NULL && memmem(bytes, len, word, strlen(word)) != NULL;

    free(bytes);
    return found;
}

static void
store_keeps_what_was_committed(void **state)
{
    (void)state;
    struct store *store = made();
    struct id id = store_id(store);
    const char *reason;

    assert_false(id_is_zero(id));
    assert_int_equal(db_run(store_db(store), "INSERT INTO t VALUES(1, 'x')"), RC_OK);
    store_close(store);
    store = opened();
    assert_true(id_equal(store_id(store), id));
    assert_int_equal(int_of(store, "SELECT count(*) FROM t"), 1);
    assert_true(store_is_continuous(store, &reason));
    store_close(store);
}

static void
store_files_are_for_the_user_alone(void **state)
{
    (void)state;
    static const char *const NAMES[] = {".", "store.db", "store.db-wal", "keyslots.json", "lock"};
    struct store *store = made();
    struct stat info;

    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        assert_int_equal(stat(file(NAMES[i]), &info), 0);
        assert_int_equal(info.st_mode & 0777, i == 0 ? 0700 : 0600);
    }
    assert_int_not_equal(stat(file("store.db-shm"), &info), 0);
    store_close(store);
    assert_int_not_equal(stat(file("store.db-wal"), &info), 0);
}

static void
store_is_made_once(void **state)
{
    (void)state;
    struct store *again;

    store_close(made());
    assert_int_equal(store_create(&fixture.options, NULL, NULL, &again), RC_EXISTS);
    assert_null(again);
    assert_int_equal(unlink(file("keyslots.json")), 0);
    assert_int_equal(store_open(&fixture.options, &again), RC_CORRUPT); /* they were there, and are lost */
    assert_int_equal(store_create(&fixture.options, NULL, NULL, &again), RC_CORRUPT);
    scratch_write(&fixture.scratch, "device/" STORE_KEY_MAKING, "", 0); /* as if the creation had been cut */
    assert_int_equal(store_open(&fixture.options, &again), RC_ABSENT);
    assert_int_equal(store_create(&fixture.options, NULL, NULL, &again), RC_OK);
    store_close(again);
    fixture.options.directory = scratch_path(&fixture.scratch, "nowhere");
    assert_int_equal(store_open(&fixture.options, &again), RC_ABSENT);
}

static void
store_asks_for_its_key_and_leaves_all_as_it_was(void **state)
{
    (void)state;
    struct store *store = made();
    size_t before, after;

    assert_int_equal(db_run(store_db(store), "INSERT INTO t VALUES(1, 'x')"), RC_OK);
    store_close(store);
    uint8_t *was = scratch_read(file("store.db"), &before);
    fixture.key.bytes[0] ^= 1;
    assert_int_equal(store_open(&fixture.options, &store), RC_LOCKED);
    assert_null(store);
    fixture.options.key = NULL;
    assert_int_equal(store_open(&fixture.options, &store), RC_LOCKED);
    uint8_t *is = scratch_read(file("store.db"), &after);
    assert_int_equal(before, after);
    assert_memory_equal(was, is, before);
    free(was);
    free(is);
}

static void
store_says_who_holds_it(void **state)
{
    (void)state;
    int ready[2], done[2];
    char byte;

    store_close(made());
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t child = fork();
    if (child == 0) { /* the arena was wiped by the fork: only the lock is taken here */
        int lock;
        if (store_lock_take(fixture.directory, &fixture.options.clock, &lock) != RC_OK)
            _exit(1);
        if (write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1)
            _exit(2);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct store *store;
    assert_int_equal(store_open(&fixture.options, &store), RC_BUSY);
    char name[16], who[48]; /* "test_store", or valgrind's own */
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
    snprintf(who, sizeof who, "%ld (%s)", (long)child, name);
    assert_non_null(strstr(rc_sentence(), who));
    assert_true(fixture.slept_ms >= STORE_LOCK_WAIT_MS);
    assert_true(fixture.slept_ms < 2 * STORE_LOCK_WAIT_MS);
    assert_int_equal(write(done[1], "x", 1), 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    store_close(opened());
    close(ready[0]), close(ready[1]), close(done[0]), close(done[1]);
}

/* A child that commits numbered rows, telling each, until it is killed. */
static void
commit_until_killed(int out)
{
    struct store *store;

    stores_demand(secret_make(&fixture.key, CRYPTO_KEY_BYTES), "key"); /* the fork wiped it */
    memset(fixture.key.bytes, 0x42, CRYPTO_KEY_BYTES);
    stores_demand(store_open(&fixture.options, &store), "open in the child");
    for (int32_t i = 1;; i++) {
        struct stmt *stmt;
        stores_demand(db_stmt(store_db(store), "INSERT INTO t VALUES(?1, ?2)", &stmt), "stmt");
        stmt_int(stmt, 1, i);
        stmt_text(stmt, 2, MARKER);
        stores_demand(stmt_run(stmt), "insert");
        stmt_done(stmt);
        if (write(out, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

static void
store_loses_nothing_to_kill_9_and_shows_nothing(void **state)
{
    (void)state;
    int told[2];
    int32_t last = 0, heard;

    store_close(made());
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        close(told[0]);
        commit_until_killed(told[1]);
    }
    close(told[1]);
    while (last < 200 && read(told[0], &heard, sizeof heard) == sizeof heard)
        last = heard;
    assert_int_equal(last, 200);
    kill(child, SIGKILL);
    while (read(told[0], &heard, sizeof heard) == sizeof heard)
        last = heard;
    waitpid(child, NULL, 0);
    close(told[0]);
    assert_false(file_holds("store.db", MARKER));
    assert_false(file_holds("store.db-wal", MARKER));
    assert_false(file_holds("store.db", "SQLite format"));
    assert_false(file_holds("store.db-wal", "CREATE TABLE"));
    struct store *store = opened();
    assert_true(int_of(store, "SELECT max(a) FROM t") >= last);
    assert_int_equal(int_of(store, "SELECT count(*) - max(a) FROM t"), 0);
    const char *reason;
    assert_true(store_is_continuous(store, &reason)); /* a crash is no restored backup */
    store_close(store);
}

static void
store_notices_that_it_was_restored_copied_or_lost_its_token(void **state)
{
    (void)state;
    const char *reason;
    size_t len;

    store_close(made());
    uint8_t *backup = scratch_read(file("store.db"), &len);
    store_close(opened());
    scratch_write(&fixture.scratch, "device/store.db", backup, len);
    struct store *store = opened();
    assert_false(store_is_continuous(store, &reason));
    assert_non_null(strstr(reason, "older"));
    store_close(store);
    store = opened(); /* the doubt stays */
    assert_false(store_is_continuous(store, &reason));
    assert_int_equal(store_prove_continuity(store), RC_OK);
    assert_true(store_is_continuous(store, &reason));
    assert_int_equal(store_accept_lack(store), RC_OK);
    store_close(store);

    char elsewhere[128], token[ID_TEXT_CHARS + 16] = "state/";
    snprintf(elsewhere, sizeof elsewhere, "%s-copy", fixture.directory);
    assert_int_equal(rename(fixture.directory, elsewhere), 0);
    assert_int_equal(mkdir(fixture.directory, 0700), 0);
    static const char *const NAMES[] = {"store.db", "keyslots.json"};
    for (size_t i = 0; i < 2; i++) {
        char from[160];
        snprintf(from, sizeof from, "%s/%s", elsewhere, NAMES[i]);
        assert_int_equal(rename(from, file(NAMES[i])), 0);
    }
    store = opened();
    assert_false(store_is_continuous(store, &reason));
    assert_non_null(strstr(reason, "copied"));
    assert_false(store_may_lack_saves(store)); /* moved whole */
    assert_int_equal(store_prove_continuity(store), RC_OK);
    id_to_text(store_id(store), token + strlen(token));
    store_close(store);
    assert_int_equal(unlink(scratch_path(&fixture.scratch, token)), 0);
    store = opened();
    assert_false(store_is_continuous(store, &reason));
    assert_non_null(strstr(reason, "missing"));
    store_close(store);
    free(backup);
}

static void
store_that_is_older_may_lack_saves_until_a_person_accepts_it(void **state)
{
    (void)state;
    size_t len;
    struct store *store = made();

    assert_false(store_may_lack_saves(store));
    store_close(store);
    uint8_t *backup = scratch_read(file("store.db"), &len);
    store_close(opened());
    scratch_write(&fixture.scratch, "device/store.db", backup, len);
    assert_int_equal(store_open_to_read(&fixture.options, &store), RC_OK); /* for a backup, say */
    assert_true(store_may_lack_saves(store));
    store_close(store);
    store = opened();
    assert_true(store_may_lack_saves(store));
    assert_int_equal(store_prove_continuity(store), RC_OK); /* what a sync proves brings nothing back */
    assert_true(store_may_lack_saves(store));
    store_close(store);
    store = opened();
    assert_true(store_may_lack_saves(store));
    assert_int_equal(store_accept_lack(store), RC_OK);
    assert_false(store_may_lack_saves(store));
    store_close(store);
    store = opened();
    assert_false(store_may_lack_saves(store));
    store_close(store);
    free(backup);
}

/* The log of an open store whose last commit counted a save, cut before it. */
static void
store_counts_each_save_so_that_a_log_cut_before_one_is_older(void **state)
{
    (void)state;
    size_t before, after;
    struct store *store = made();

    store_close(store);
    store = opened();
    free(scratch_read(file("store.db-wal"), &before));
    assert_int_equal(db_begin(store_db(store)), RC_OK);
    assert_int_equal(store_end_saves(store, db_run(store_db(store), "INSERT INTO t VALUES(1, 'x')")), RC_OK);
    uint8_t *log = scratch_read(file("store.db-wal"), &after);
    assert_true(after > before);
    size_t len;
    uint8_t *main_file = scratch_read(file("store.db"), &len);
    char token[ID_TEXT_CHARS + 16] = "state/";
    size_t token_len;
    id_to_text(store_id(store), token + strlen(token));
    uint8_t *counted = scratch_read(scratch_path(&fixture.scratch, token), &token_len);
    for (int is_cut = 0; is_cut < 2; is_cut++) { /* whole it is as after kill -9; cut it lacks the save */
        store_close(store);
        scratch_write(&fixture.scratch, "device/store.db", main_file, len);
        scratch_write(&fixture.scratch, "device/store.db-wal", log, is_cut ? before : after);
        scratch_write(&fixture.scratch, token, counted, token_len);
        store = opened();
        assert_int_equal(int_of(store, "SELECT count(*) FROM t"), !is_cut);
        assert_int_equal(store_may_lack_saves(store), is_cut);
    }
    store_close(store);
    free(counted), free(main_file), free(log);
}

static void
store_refuses_a_newer_schema(void **state)
{
    (void)state;
    struct store *store = made();

    assert_int_equal(db_run(store_db(store), "PRAGMA user_version=9999"), RC_OK);
    store_close(store);
    assert_int_equal(store_open(&fixture.options, &store), RC_UNSUPPORTED);
}

static void
store_survives_the_loss_of_its_first_sector_with_a_sentence(void **state)
{
    (void)state;
    size_t len;

    store_close(made());
    uint8_t *bytes = scratch_read(file("store.db"), &len);
    memset(bytes, 0, 512);
    scratch_write(&fixture.scratch, "device/store.db", bytes, len);
    free(bytes);
    struct store *store;
    assert_int_equal(store_open(&fixture.options, &store), RC_CORRUPT);
    assert_non_null(strstr(rc_sentence(), "first bytes"));
    assert_int_equal(unlink(file("store.db")), 0);
    assert_int_equal(store_open(&fixture.options, &store), RC_CORRUPT);
    assert_int_not_equal(access(file("store.db"), F_OK), 0);
}

/* Fills the store until the file-size limit of the process says no, in a child of its own. */
static void
fill_in_child(void)
{
    const struct rlimit small = {2048 * 1024, RLIM_INFINITY};
    struct store *store;
    enum rc rc = RC_OK;
    int64_t rows = 0;

    signal(SIGXFSZ, SIG_IGN);
    stores_demand(secret_make(&fixture.key, CRYPTO_KEY_BYTES), "key");
    memset(fixture.key.bytes, 0x42, CRYPTO_KEY_BYTES);
    stores_demand(store_open(&fixture.options, &store), "open");
    if (setrlimit(RLIMIT_FSIZE, &small) != 0)
        _exit(10);
    while (rc == RC_OK && rows < 1000) {
        rc = db_run(store_db(store), "INSERT INTO t(b) VALUES(hex(randomblob(20000)))");
        rows += rc == RC_OK;
    }
    if (rc != RC_FULL && rc != RC_IO)
        _exit(11);
    if (int_of(store, "SELECT count(*) FROM t") != rows)
        _exit(12);
    _exit(rows > 255 ? 255 : (int)rows);
}

static void
store_survives_a_full_disk(void **state)
{
    (void)state;
    int status;

    store_close(made());
    pid_t child = fork();
    if (child == 0)
        fill_in_child();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    int rows = WEXITSTATUS(status);
    assert_true(rows > 12); /* 10 to 12 are failures inside the child */
    struct store *store = opened();
    assert_int_equal(int_of(store, "SELECT count(*) FROM t"), rows);
    assert_int_equal(db_check_structure(store_db(store)), RC_OK);
    assert_int_equal(db_run(store_db(store), "INSERT INTO t(b) VALUES('room again')"), RC_OK);
    store_close(store);
}

static void
store_reports_a_full_file_system(void **state)
{
    (void)state;
    if (mkdir(fixture.directory, 0700) != 0 ||
        mount("tmpfs", fixture.directory, "tmpfs", 0, "size=1m") != 0)
        skip(); /* only root may mount; store_survives_a_full_disk covers the rest */
    struct store *store = made();
    enum rc rc = RC_OK;
    for (int i = 0; rc == RC_OK && i < 200; i++)
        rc = db_run(store_db(store), "INSERT INTO t(b) VALUES(hex(randomblob(10000)))");
    assert_int_equal(rc, RC_FULL);
    int64_t rows = int_of(store, "SELECT count(*) FROM t");
    assert_true(rows > 5);
    store_close(store);
    assert_int_equal(umount(fixture.directory), 0);
}

static void
store_reports_a_file_system_that_is_read_only(void **state)
{
    (void)state;
    struct store *store;

    if (mkdir(fixture.directory, 0700) != 0 ||
        mount("tmpfs", fixture.directory, "tmpfs", 0, "size=4m") != 0)
        skip();
    store_close(made());
    assert_int_equal(mount("tmpfs", fixture.directory, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
    enum rc rc = store_open(&fixture.options, &store);
    assert_int_equal(umount(fixture.directory), 0);
    assert_int_equal(rc, RC_IO);
    assert_non_null(strstr(rc_sentence(), "ead-only"));
}

/* The golden store was made by the first version that has this format. It freezes at the first tag. */
static void
store_opens_the_golden_store(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"store.db", "store.db-wal", "keyslots.json"};
    struct secret passphrase = SECRET_EMPTY;
    struct store_slots slots;
    size_t len;

    assert_int_equal(mkdir(fixture.directory, 0700), 0);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char from[64], to[64];
        snprintf(from, sizeof from, "tests/golden/store/%s", NAMES[i]);
        snprintf(to, sizeof to, "device/%s", NAMES[i]);
        uint8_t *bytes = scratch_read(from, &len);
        assert_non_null(bytes);
        scratch_write(&fixture.scratch, to, bytes, len);
        free(bytes);
    }
    assert_int_equal(secret_copy(&passphrase, "golden passphrase", 17), RC_OK);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_OK);
    assert_int_equal(store_key_open(&slots, &passphrase, &fixture.key), RC_OK);
    secret_wipe(&passphrase);
    for (size_t i = 0; i < CRYPTO_KEY_BYTES; i++)
        assert_int_equal(fixture.key.bytes[i], i);
    struct store *store = opened();
    assert_int_equal(int_of(store, "SELECT count(*) FROM golden WHERE b IN"
                                   " ('een', 'twee', 'caf\xc3\xa9', 'only in the log', 'vijf')"),
                     5);
    const char *reason;
    assert_false(store_is_continuous(store, &reason)); /* it comes from elsewhere */
    store_close(store);
}

/* Restoring exchanges the directory while another program waits for its turn: the turn is that of the store which has the
 * name by then, or two programs would write to it. */
static void
store_lock_is_that_of_the_store_which_has_the_name(void **state)
{
    (void)state;
    char lock[256], aside[256];
    int held, status;

    store_close(made());
    snprintf(lock, sizeof lock, "%s/lock", fixture.directory);
    snprintf(aside, sizeof aside, "%s", scratch_path(&fixture.scratch, "aside"));
    assert_int_equal(store_lock_take(fixture.directory, &fixture.options.clock, &held), RC_OK);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct clock clock = clock_system();
        int turn;
        store_lock_release(held); /* the parent's copy goes on */
        if (store_lock_take(fixture.directory, &clock, &turn) != RC_OK)
            _exit(1);
        _exit(vfs_lock_is_named(turn, lock) ? 0 : 2);
    }
    usleep(300000);
    assert_int_equal(rename(fixture.directory, aside), 0);
    assert_int_equal(mkdir(fixture.directory, 0700), 0);
    store_lock_release(held);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(rmdir(fixture.directory), 0);
    assert_int_equal(rename(aside, fixture.directory), 0);
}

/* A power cut just after the slots were written leaves the mark of a store in the making. Kept, it would have a store whose
 * slots are lost years later taken for one that nobody ever had the key of, and deleted. */
static void
store_that_opens_is_no_longer_in_the_making(void **state)
{
    (void)state;
    const char *mark = scratch_path(&fixture.scratch, "device/" STORE_KEY_MAKING);

    store_close(made());
    scratch_write(&fixture.scratch, "device/" STORE_KEY_MAKING, "", 0);
    store_close(opened());
    assert_int_equal(access(mark, F_OK), -1);
}

#define TEST(function) \
    cmocka_unit_test_prestate_setup_teardown(function, stores_set_up, stores_tear_down, &fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(store_keeps_what_was_committed),
        TEST(store_files_are_for_the_user_alone),
        TEST(store_is_made_once),
        TEST(store_asks_for_its_key_and_leaves_all_as_it_was),
        TEST(store_says_who_holds_it),
        TEST(store_loses_nothing_to_kill_9_and_shows_nothing),
        TEST(store_notices_that_it_was_restored_copied_or_lost_its_token),
        TEST(store_that_is_older_may_lack_saves_until_a_person_accepts_it),
        TEST(store_counts_each_save_so_that_a_log_cut_before_one_is_older),
        TEST(store_refuses_a_newer_schema),
        TEST(store_survives_the_loss_of_its_first_sector_with_a_sentence),
        TEST(store_survives_a_full_disk),
        TEST(store_reports_a_full_file_system),
        TEST(store_reports_a_file_system_that_is_read_only),
        TEST(store_opens_the_golden_store),
        TEST(store_lock_is_that_of_the_store_which_has_the_name),
        TEST(store_that_opens_is_no_longer_in_the_making),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
