/* Tests of core/vfs_journal on a disk in memory: modes, rollback, damage, wrong keys, what is on disk. */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/raw_disk.h"

#include "core/vfs_seal.h"
#include "tests/support/scratch.h"

#define JOURNAL "/store.db-journal"

static const uint8_t MAGIC[] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7}; /* SQLite's */

static void
reopen(void)
{
    open_with(file_id);
}

static uint8_t *
copy_of(const char *name, size_t *len)
{
    const uint8_t *bytes = power_disk_file(disk, name, len);
    uint8_t *copy = malloc(*len + 1);

    assert_non_null(bytes);
    assert_non_null(copy);
    memcpy(copy, bytes, *len);
    return copy;
}

/* The file and its journal as a kill leaves them in the middle of a transaction that changes every
 * row and has spilled most of its pages. */
struct hot {
    uint8_t *main, *journal;
    size_t main_len, journal_len;
};

static struct hot
make_hot(void)
{
    struct hot hot;

    raw_run(db, SPILL);
    raw_run(db, "BEGIN; UPDATE t SET v = v + 1, b = b || 'x'");
    hot.main = copy_of(NAME, &hot.main_len);
    hot.journal = copy_of(JOURNAL, &hot.journal_len);
    raw_run(db, "ROLLBACK");
    return hot;
}

static void
put_hot(const struct hot *hot)
{
    power_disk_put(disk, NAME, hot->main, hot->main_len);
    power_disk_put(disk, JOURNAL, hot->journal, hot->journal_len);
}

static void
free_hot(struct hot *hot)
{
    free(hot->main);
    free(hot->journal);
}

/* Leaves the disk as it is, and closes. */
static void
abandon(void)
{
    power_disk_cut_now(disk);
    (void)raw_code(db, "ROLLBACK");
    close_all();
    power_disk_restore(disk, 1);
}

static void
assert_untouched(const char *name, const uint8_t *bytes, size_t len)
{
    size_t is_len;
    const uint8_t *is = power_disk_file(disk, name, &is_len);

    assert_non_null(is);
    assert_int_equal(is_len, len);
    assert_memory_equal(is, bytes, len);
}

static void
journal_rolls_back_and_commits_in_every_mode(void **state)
{
    (void)state;
    static const char *const MODES[] = {"delete", "truncate", "persist", "memory", "wal", "delete"};
    char sql[128];
    size_t len;

    for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++) {
        if (strcmp(MODES[i], "wal") == 0)
            raw_run(db, "PRAGMA locking_mode=EXCLUSIVE");
        snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s", MODES[i]);
        assert_string_equal(raw_ask(db, sql), MODES[i]);
        raw_run(db, SPILL);
        for (int round = 0; round < 3; round++) {
            raw_run(db, "UPDATE t SET v = 0");
            raw_run(db, "BEGIN; UPDATE t SET v = v + 1; SAVEPOINT a; UPDATE t SET v = v + 10;"
                        "DELETE FROM t WHERE a > 150; ROLLBACK TO a; UPDATE t SET v = v + 100"
                        " WHERE a % 2; RELEASE a; COMMIT");
            assert_string_equal(raw_ask(db, "SELECT sum(v) FROM t"), "10200");
            raw_run(db, "BEGIN; UPDATE t SET v = -1; DELETE FROM t WHERE a < 100; ROLLBACK");
            assert_string_equal(raw_ask(db, "SELECT sum(v) FROM t"), "10200");
            assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
        }
        if (strcmp(MODES[i], "truncate") == 0) {
            (void)power_disk_file(disk, JOURNAL, &len);
            assert_int_equal(len, 0);
        }
        reopen();
        raw_run(db, "PRAGMA locking_mode=EXCLUSIVE");
        assert_string_equal(raw_ask(db, "SELECT sum(v) FROM t"), "10200");
    }
    assert_null(power_disk_file(disk, JOURNAL, &len));
}

static void
journal_shows_nothing_on_disk(void **state)
{
    (void)state;
    struct hot hot = make_hot();

    assert_true(hot.journal_len > 20 * VFS_SLOT_BYTES);
    assert_null(memmem(hot.journal, hot.journal_len, MARKER, strlen(MARKER)));
    assert_null(memmem(hot.journal, hot.journal_len, MAGIC, sizeof MAGIC));
    assert_null(memmem(hot.main, hot.main_len, MARKER, strlen(MARKER)));
    free_hot(&hot);
}

static void
journal_brings_a_killed_transaction_back(void **state)
{
    (void)state;
    size_t len;
    struct hot hot = make_hot();

    close_all();
    put_hot(&hot);
    reopen();
    assert_string_equal(raw_ask(db, "SELECT count(*) || ':' || sum(v) || ':' || max(length(b)) FROM t"),
                        "200:0:427");
    assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
    assert_null(power_disk_file(disk, JOURNAL, &len));
    free_hot(&hot);
}

static void
journal_restores_a_first_page_that_was_torn(void **state)
{
    (void)state;
    struct hot hot;

    raw_run(db, SPILL);
    raw_run(db, "BEGIN; CREATE TABLE u(x); UPDATE t SET v = v + 1");
    hot.main = copy_of(NAME, &hot.main_len);
    hot.journal = copy_of(JOURNAL, &hot.journal_len);
    raw_run(db, "ROLLBACK");
    close_all();
    random_fill(hot.main, 512);
    put_hot(&hot);
    reopen();
    assert_string_equal(raw_ask(db, "SELECT sum(v) FROM t"), "0");
    assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
    free_hot(&hot);
}

static void
journal_is_left_alone_under_a_wrong_key(void **state)
{
    (void)state;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    struct hot hot = make_hot();

    close_all();
    put_hot(&hot);
    key.bytes[3] ^= 1;
    for (int with_id = 0; with_id < 2; with_id++) {
        assert_ok(vfs_register(power_disk_vfs(disk), &key, with_id ? file_id : NULL, &vfs));
        assert_int_equal(raw_try(vfs_name(vfs), NAME, flags), VFS_WRONG_KEY);
        close_all();
    }
    assert_untouched(NAME, hot.main, hot.main_len);
    assert_untouched(JOURNAL, hot.journal, hot.journal_len);
    key.bytes[3] ^= 1;
    reopen();
    assert_string_equal(raw_ask(db, "SELECT sum(v) FROM t"), "0");
    free_hot(&hot);
}

/* Whether the slot with byte `at` begins with SQLite's journal header: a torn one is no error, for it
 * may never have been synced, and then no page was written under it. */
static bool
is_header_slot(const struct hot *hot, size_t at)
{
    size_t number = (at - VFS_JOURNAL_HEADER_BYTES) / VFS_SLOT_BYTES + 1, len;
    struct secret slot_key = SECRET_EMPTY;
    uint8_t slot[VFS_SLOT_BYTES];

    memcpy(slot, hot->journal + VFS_JOURNAL_HEADER_BYTES + (number - 1) * VFS_SLOT_BYTES, sizeof slot);
    assert_true(vfs_journal_fits(&key, hot->journal, file_id));
    assert_ok(vfs_journal_key(&key, hot->journal, &slot_key));
    assert_true(vfs_slot_open(&slot_key, hot->journal, number, slot, &len));
    secret_wipe(&slot_key);
    return memcmp(slot + VFS_SLOT_HEAD_BYTES, MAGIC, sizeof MAGIC) == 0;
}

/* A byte of a record is an error, and the journal stays for a better copy. */
static void
journal_reports_a_damaged_record(void **state)
{
    (void)state;
    struct hot hot = make_hot();
    size_t detected = 0;

    close_all();
    for (size_t at = VFS_JOURNAL_HEADER_BYTES + VFS_SLOT_BYTES; at + VFS_SLOT_BYTES < hot.journal_len;
         at += 1 + at % 1499) {
        if (is_header_slot(&hot, at))
            continue;
        hot.journal[at] ^= (uint8_t)(1u << (at % 8));
        put_hot(&hot);
        reopen();
        const char *sum = raw_ask(db, "SELECT count(*) || ':' || sum(v) FROM t");
        if (strcmp(sum, "error 8202") == 0) /* SQLITE_IOERR_DATA */
            detected++;
        else
            assert_string_equal(sum, "200:0"); /* of records that no header counts yet */
        hot.journal[at] ^= (uint8_t)(1u << (at % 8));
        abandon();
    }
    assert_true(detected > 30);
    put_hot(&hot);
    reopen();
    assert_string_equal(raw_ask(db, "SELECT count(*) || ':' || sum(v) FROM t"), "200:0");
    free_hot(&hot);
}

/* Put on disk by an earlier build, in the midst of a transaction; an independent decoder reads it too. */
static void
journal_of_the_golden_files_is_rolled_back(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"store.db", "store.db-journal"};
    char path[64], name[64];
    size_t len;

    close_all();
    for (size_t i = 0; i < key.len; i++)
        key.bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "tests/golden/journal/%s", NAMES[i]);
        snprintf(name, sizeof name, "/%s", NAMES[i]);
        uint8_t *bytes = scratch_read(path, &len);
        assert_non_null(bytes);
        power_disk_put(disk, name, bytes, len);
        if (i == 0)
            memcpy(file_id, bytes, sizeof file_id);
        free(bytes);
    }
    reopen();
    assert_string_equal(raw_ask(db, "SELECT group_concat(i) FROM (SELECT rowid AS i FROM golden NOT INDEXED ORDER BY 1)"), "1,2,3,4,5");
    assert_string_equal(raw_ask(db, "SELECT count(*) || ' ' || max(length(b)) FROM wide"), "3 2500");
    assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
}

/* Before its first sync a journal may be torn anywhere; the file is then unchanged. */
static void
journal_that_never_reached_the_disk_is_passed_by(void **state)
{
    (void)state;
    struct hot hot = make_hot();
    size_t main_len;

    uint8_t *main = copy_of(NAME, &main_len);
    close_all();
    for (int kind = 0; kind < 4; kind++) {
        size_t len = hot.journal_len;
        uint8_t *journal = malloc(len);
        assert_non_null(journal);
        memcpy(journal, hot.journal, len);
        if (kind == 0)
            memset(journal, 0, VFS_JOURNAL_HEADER_BYTES);
        else if (kind == 1)
            random_fill(journal, len);
        else if (kind == 2)
            len = 40;
        else
            memset(journal + VFS_JOURNAL_HEADER_BYTES, 0, VFS_SLOT_BYTES);
        power_disk_put(disk, NAME, main, main_len);
        power_disk_put(disk, JOURNAL, journal, len);
        reopen();
        assert_string_equal(raw_ask(db, "SELECT count(*) || ':' || sum(v) FROM t"), "200:0");
        raw_run(db, "UPDATE t SET v = 1; UPDATE t SET v = 0"); /* it is in nobody's way */
        close_all();
        free(journal);
    }
    free(main);
    free_hot(&hot);
}

/* Under the same key, but another file's: its pages must not come back here. */
static void
journal_of_another_file_is_passed_by(void **state)
{
    (void)state;
    struct hot hot = make_hot();
    sqlite3 *other = raw_open(vfs_name(vfs), "/other.db");

    raw_run(other, "CREATE TABLE w(x); INSERT INTO w VALUES('untouched')");
    raw_close(other);
    power_disk_put(disk, "/other.db-journal", hot.journal, hot.journal_len);
    other = raw_open(vfs_name(vfs), "/other.db");
    assert_string_equal(raw_ask(other, "SELECT x FROM w"), "untouched");
    assert_string_equal(raw_ask(other, "PRAGMA integrity_check"), "ok");
    raw_close(other);
    free_hot(&hot);
}

/* What is there is durable, as time makes it: a commit by deleting or truncating the journal may be
 * undone by a cut soon after it, unless synchronous=EXTRA, by SQLite's own design. */
static void
make_durable(void)
{
    static const char *const NAMES[] = {NAME, JOURNAL};
    size_t len;

    for (size_t i = 0; i < 2; i++)
        if (power_disk_file(disk, NAMES[i], &len) != NULL) {
            uint8_t *bytes = copy_of(NAMES[i], &len);
            power_disk_put(disk, NAMES[i], bytes, len);
            free(bytes);
        }
    power_disk_sync_directory(disk);
}

static void
journal_survives_a_cut_at_every_operation(void **state)
{
    (void)state;
    static const char *const MODES[] = {"delete", "truncate", "persist"};
    static const char *const SYNCS[] = {"NORMAL", "FULL", "EXTRA"};
    char sql[256];
    unsigned points = 0;

    for (unsigned i = 0; i < 9; i++) {
        bool is_done = false;
        for (uint64_t at = 1 + i % 2; !is_done; at += 3) {
            close_all();
            make_durable();
            reopen();
            snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s; PRAGMA synchronous=%s; " SPILL,
                     MODES[i % 3], SYNCS[i / 3]);
            raw_run(db, sql);
            long before = strtol(raw_ask(db, "SELECT v FROM t WHERE a = 1"), NULL, 10);
            struct power_manner manner = power_manner_number((unsigned)(at % POWER_MANNERS));
            power_disk_set_manner(disk, &manner);
            power_disk_cut_at(disk, at);
            (void)raw_code(db, "UPDATE t SET v = v + 1");
            is_done = !power_disk_is_cut(disk);
            power_disk_cut_at(disk, 0);
            if (!is_done) {
                abandon();
                reopen();
            }
            long after = strtol(raw_ask(db, "SELECT v FROM t WHERE a = 1"), NULL, 10);
            snprintf(sql, sizeof sql, "SELECT sum(v) = %ld AND count(*) = 200 FROM t", after * 200);
            if (strcmp(raw_ask(db, sql), "1") != 0 || (after != before && after != before + 1) ||
                strcmp(raw_ask(db, "PRAGMA integrity_check"), "ok") != 0)
                fail_msg("%s %s: a cut at operation %llu in the manner of %s: %s", MODES[i % 3],
                         SYNCS[i / 3], (unsigned long long)at, power_manner_name(&manner),
                         raw_ask(db, "SELECT min(v) || ' ' || max(v) FROM t"));
            points++;
        }
    }
    printf("%u cut points\n", points);
    assert_true(points > 250);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(journal_rolls_back_and_commits_in_every_mode),
        TEST(journal_shows_nothing_on_disk),
        TEST(journal_brings_a_killed_transaction_back),
        TEST(journal_restores_a_first_page_that_was_torn),
        TEST(journal_is_left_alone_under_a_wrong_key),
        TEST(journal_reports_a_damaged_record),
        TEST(journal_of_the_golden_files_is_rolled_back),
        TEST(journal_that_never_reached_the_disk_is_passed_by),
        TEST(journal_of_another_file_is_passed_by),
        TEST(journal_survives_a_cut_at_every_operation),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
