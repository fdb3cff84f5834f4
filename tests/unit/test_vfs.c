/* Tests of core/vfs on a disk in memory: damage, wrong keys, foreign files, what reaches the disk. */
#define _GNU_SOURCE /* memmem */
#include "core/vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/db.h"
#include "core/vfs_seal.h"
#include "tests/support/power_vfs.h"

#define NAME "/store.db"
#define WAL "/store.db-wal"
#define MARKER "Zorgvuldig-GEHEIM-merkteken"

enum { ROWS = 24 };

static struct power_disk *disk;
static struct secret key;
static struct vfs *vfs;
static struct db *db;
static uint8_t file_id[VFS_FILE_ID_BYTES];

static void
close_all(void)
{
    db_close(db);
    vfs_unregister(vfs);
    db = NULL;
    vfs = NULL;
}

static enum rc
open_with(const uint8_t *id)
{
    struct db_options options = {
        .exclusive = true, .synchronous_full = true, .must_exist = id != NULL};
    enum rc rc;

    close_all();
    rc = vfs_register(power_disk_vfs(disk), &key, id, &vfs);
    assert_int_equal(rc, RC_OK);
    options.vfs = vfs_name(vfs);
    return db_open(NAME, &options, &db);
}

static enum rc
reopen(void)
{
    return open_with(file_id);
}

static void
run(const char *sql)
{
    if (db_run(db, sql) != RC_OK)
        fail_msg("%s: %s", sql, rc_sentence());
}

static int
set_up(void **state)
{
    (void)state;
    disk = power_disk_new();
    if (secret_make(&key, CRYPTO_KEY_BYTES) != RC_OK)
        return 1;
    memset(key.bytes, 9, key.len);
    assert_int_equal(open_with(NULL), RC_OK);
    assert_int_equal(vfs_file_id(vfs, file_id), RC_OK);
    run("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL); CREATE INDEX ti ON t(b)");
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    close_all();
    secret_wipe(&key);
    power_disk_free(disk);
    return 0;
}

/* ROWS rows whose text follows from their number. */
static void
fill(void)
{
    run("WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 24)"
        " INSERT INTO t SELECT i, '" MARKER "-' || i || '-' || hex(zeroblob(i * 60)) FROM s");
}

static enum rc
ask(const char *sql, int64_t *value)
{
    struct stmt *stmt;
    bool row = false;
    enum rc rc = db_stmt(db, sql, &stmt);

    *value = -1;
    if (rc != RC_OK)
        return rc;
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row)
        *value = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return rc;
}

/* True when every row, by the table and by the index, is as fill() made it. */
#define RIGHT                                                                                      \
    "SELECT (SELECT count(*) FROM t NOT INDEXED WHERE b = '" MARKER "-' || a || '-' ||"            \
    " hex(zeroblob(a * 60))) = 24 AND (SELECT count(*) FROM t INDEXED BY ti WHERE b > '' AND"      \
    " b || '' = '" MARKER "-' || a || '-' || hex(zeroblob(a * 60))) = 24"

/* The state that damage may leave: an error, or the right rows. Never anything else. */
static bool
is_safe(enum rc opened, bool *detected)
{
    int64_t right = 0;
    enum rc rc = opened == RC_OK ? ask(RIGHT, &right) : opened;

    *detected = rc != RC_OK;
    return *detected ? rc == RC_CORRUPT || rc == RC_LOCKED : right == 1;
}

/* A copy of a file on the disk, the caller's to free. */
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

/* Closed, checkpointed, copied. */
static uint8_t *
finished(size_t *len)
{
    fill();
    close_all();
    assert_null(power_disk_file(disk, WAL, len));
    return copy_of(NAME, len);
}

/* As a power cut would leave it, but with nothing lost: the log is there. */
static void
abandon(uint8_t **main, size_t *main_len, uint8_t **wal, size_t *wal_len)
{
    *main = copy_of(NAME, main_len);
    *wal = copy_of(WAL, wal_len);
    close_all();
    power_disk_put(disk, NAME, *main, *main_len);
    power_disk_put(disk, WAL, *wal, *wal_len);
}

static void
vfs_shows_nothing_on_disk(void **state)
{
    (void)state;
    static const char *const WORDS[] = {MARKER, "SQLite format", "CREATE TABLE", "GEHEIM"};
    size_t len;

    fill();
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        const uint8_t *wal = power_disk_file(disk, WAL, &len);
        assert_true(len > 24 * VFS_PAGE_BYTES);
        assert_null(memmem(wal, len, WORDS[i], strlen(WORDS[i])));
    }
    run("PRAGMA cache_size=4; PRAGMA cache_spill=4; CREATE TABLE u AS SELECT b || a AS c FROM t "
        "ORDER BY b");
    run("VACUUM");
    assert_int_equal(db_checkpoint(db, false), RC_OK);
    const uint8_t *main = power_disk_file(disk, NAME, &len);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        assert_null(memmem(main, len, WORDS[i], strlen(WORDS[i])));
    assert_null(power_disk_file(disk, "temporary", &len));
    assert_null(power_disk_file(disk, NAME "-journal", &len));
    close_all();
    main = power_disk_file(disk, NAME, &len);
    for (size_t at = 0; at + 64 <= len; at += 64) { /* nor a run of zeros: every byte is sealed */
        static const uint8_t ZEROS[64];
        assert_memory_not_equal(main + at, ZEROS, sizeof ZEROS);
    }
}

static void
vfs_never_gives_wrong_rows_for_a_flipped_byte(void **state)
{
    (void)state;
    size_t len, detected = 0, tried = 0;
    uint8_t *good = finished(&len);
    bool is_detected;

    for (size_t at = 0; at < len; at += at < 64 || at % VFS_PAGE_BYTES > 4050 ? 1 : 67) {
        good[at] ^= (uint8_t)(1u << (at % 8));
        power_disk_put(disk, NAME, good, len);
        if (!is_safe(reopen(), &is_detected))
            fail_msg("byte %zu flipped gave wrong rows", at);
        detected += is_detected;
        tried++;
        power_disk_cut_now(disk); /* so that closing writes nothing */
        close_all();
        power_disk_restore(disk, at);
        good[at] ^= (uint8_t)(1u << (at % 8));
    }
    assert_int_equal(detected, tried); /* the file has no free page: every byte counts */
    free(good);
}

static void
vfs_refuses_pages_that_were_swapped_foreign_zeroed_or_cut(void **state)
{
    (void)state;
    size_t len, foreign_len;
    uint8_t *good = finished(&len);
    bool detected;

    /* Another file under the same key. */
    power_disk_put(disk, NAME, good, 0);
    assert_int_equal(open_with(NULL), RC_OK);
    run("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL); CREATE INDEX ti ON t(b)");
    fill();
    close_all();
    uint8_t *foreign = copy_of(NAME, &foreign_len);
    assert_int_equal(len, foreign_len);
    uint8_t *bad = malloc(len);
    assert_non_null(bad);
    for (size_t page = 0; page < len / VFS_PAGE_BYTES; page++) {
        size_t at = page * VFS_PAGE_BYTES, next = (at + VFS_PAGE_BYTES) % len;
        for (int kind = 0; kind < 4; kind++) {
            memcpy(bad, good, len);
            if (kind == 0) {
                memcpy(bad + at, good + next, VFS_PAGE_BYTES);
                memcpy(bad + next, good + at, VFS_PAGE_BYTES);
            } else if (kind == 1) {
                memcpy(bad + at, foreign + at, VFS_PAGE_BYTES);
            } else if (kind == 2) {
                memset(bad + at, 0, VFS_PAGE_BYTES);
            }
            power_disk_put(disk, NAME, bad, kind == 3 ? at + (page % 2) * 100 : len);
            assert_true(is_safe(reopen(), &detected));
            assert_true(detected);
            power_disk_cut_now(disk);
            close_all();
            power_disk_restore(disk, 1);
        }
    }
    free(bad);
    free(foreign);
    free(good);
}

static void
vfs_takes_a_damaged_log_for_a_shorter_one_never_for_another(void **state)
{
    (void)state;
    uint8_t *main, *wal;
    size_t main_len, wal_len;
    int64_t count, sum;

    run("PRAGMA wal_autocheckpoint=0");
    for (int i = 1; i <= 12; i++) { /* each transaction makes row i and raises all before it */
        char sql[128];
        snprintf(sql, sizeof sql,
                 "BEGIN; UPDATE t SET b = %d; INSERT INTO t VALUES(%d, %d); COMMIT", i, i, i);
        run(sql);
    }
    abandon(&main, &main_len, &wal, &wal_len);
    for (size_t at = 0; at < wal_len; at += at < 128 ? 1 : 131) {
        wal[at] ^= 0x20;
        power_disk_put(disk, NAME, main, main_len);
        power_disk_put(disk, WAL, wal, wal_len);
        enum rc rc = reopen();
        assert_int_equal(rc, RC_OK);
        if (ask("SELECT count(*) FROM t", &count) == RC_OK) { /* the table may not be there yet */
            assert_int_equal(ask("SELECT ifnull(sum(b), 0) FROM t", &sum), RC_OK);
            assert_int_equal(sum, count * count);
        }
        power_disk_cut_now(disk);
        close_all();
        power_disk_restore(disk, at);
        wal[at] ^= 0x20;
    }
    power_disk_put(disk, NAME, main, main_len);
    power_disk_put(disk, WAL, wal, wal_len);
    assert_int_equal(reopen(), RC_OK);
    assert_int_equal(ask("SELECT count(*) FROM t", &count), RC_OK);
    assert_int_equal(count, 12);
    free(main);
    free(wal);
}

static void
vfs_reports_a_log_that_changes_while_it_is_open(void **state)
{
    (void)state;
    size_t len;
    int64_t count;

    fill();
    uint8_t *wal = copy_of(WAL, &len);
    for (size_t at = VFS_START_BYTES + 300; at < len; at += VFS_FRAME_UNIT_BYTES)
        wal[at] ^= 1;
    power_disk_put(disk, WAL, wal, len);
    run("PRAGMA shrink_memory");
    assert_int_equal(ask("SELECT sum(length(b)) FROM t", &count), RC_CORRUPT);
    free(wal);
    power_disk_cut_now(disk);
}

static void
vfs_leaves_a_log_alone_under_a_wrong_key(void **state)
{
    (void)state;
    uint8_t *main, *wal;
    size_t main_len, wal_len, len;

    fill();
    abandon(&main, &main_len, &wal, &wal_len);
    key.bytes[31] ^= 1;
    assert_int_equal(reopen(), RC_LOCKED);
    assert_int_equal(open_with(NULL), RC_LOCKED); /* also without the id from keyslots.json */
    close_all();
    const uint8_t *is = power_disk_file(disk, WAL, &len);
    assert_int_equal(len, wal_len);
    assert_memory_equal(is, wal, len);
    is = power_disk_file(disk, NAME, &len);
    assert_int_equal(len, main_len);
    assert_memory_equal(is, main, len);
    key.bytes[31] ^= 1;
    bool detected;
    assert_true(is_safe(reopen(), &detected));
    assert_false(detected);
    free(main);
    free(wal);
}

static void
vfs_refuses_what_is_no_store_and_leaves_it_alone(void **state)
{
    (void)state;
    static uint8_t plain[8192] = "SQLite format 3";
    static uint8_t garbage[8192];
    const struct {
        const uint8_t *bytes;
        size_t len;
    } files[] = {{plain, sizeof plain}, {garbage, sizeof garbage}, {garbage, 15}, {garbage, 0}};
    uint8_t *main, *wal;
    size_t main_len, wal_len, len;

    random_fill(garbage, sizeof garbage);
    fill();
    abandon(&main, &main_len, &wal, &wal_len);
    for (int with_log = 0; with_log < 2; with_log++)
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
            if (with_log == 1 && i == 1) /* a lost first sector looks the same: see the next test */
                continue;
            power_disk_put(disk, NAME, files[i].bytes, files[i].len);
            power_disk_put(disk, WAL, wal, with_log == 1 ? wal_len : 0);
            assert_int_equal(reopen(), RC_CORRUPT);
            close_all();
            const uint8_t *is = power_disk_file(disk, NAME, &len);
            assert_int_equal(len, files[i].len);
            if (len > 0)
                assert_memory_equal(is, files[i].bytes, len);
            (void)power_disk_file(disk, WAL, &len);
            assert_int_equal(len, with_log == 1 ? wal_len : 0);
        }
    free(main);
    free(wal);
}

static void
vfs_restores_a_first_sector_that_was_torn(void **state)
{
    (void)state;
    uint8_t *main, *wal;
    size_t main_len, wal_len;
    bool detected;

    run("CREATE TABLE more(x)"); /* so that page 1 is in the log */
    fill();
    abandon(&main, &main_len, &wal, &wal_len);
    random_fill(main, 512);
    power_disk_put(disk, NAME, main, main_len);
    assert_true(is_safe(reopen(), &detected));
    assert_false(detected);
    close_all();
    assert_memory_equal(power_disk_file(disk, NAME, &main_len), file_id, VFS_FILE_ID_BYTES);
    free(main);
    free(wal);
}

/* Spilled pages become dirty again and are spilled again: frames are replaced in place and their
 * checksums rewritten. */
static void
vfs_replaces_frames_in_place(void **state)
{
    (void)state;
    uint8_t *main, *wal;
    size_t main_len, wal_len;
    int64_t value;

    run("PRAGMA wal_autocheckpoint=0; CREATE TABLE big(a INTEGER PRIMARY KEY, v INTEGER, b)");
    run("WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 400)"
        " INSERT INTO big SELECT i, 0, zeroblob(1500) FROM s");
    run("PRAGMA cache_size=6; PRAGMA cache_spill=6");
    run("BEGIN; UPDATE big SET v = v + 1; UPDATE big SET v = v + 1 WHERE a > 200;"
        "UPDATE big SET v = v + 1 WHERE a % 7 = 0; COMMIT");
    run("BEGIN; UPDATE big SET v = v + 1000; UPDATE big SET v = v + 1000; ROLLBACK");
    run("UPDATE big SET v = v + 1 WHERE a = 400");
    assert_int_equal(ask("SELECT sum(v) FROM big", &value), RC_OK);
    assert_int_equal(value, 400 + 200 + 57 + 1);
    abandon(&main, &main_len, &wal, &wal_len);
    assert_int_equal(reopen(), RC_OK);
    assert_int_equal(ask("SELECT sum(v) FROM big", &value), RC_OK);
    assert_int_equal(value, 400 + 200 + 57 + 1);
    assert_int_equal(db_check_structure(db), RC_OK);
    free(main);
    free(wal);
}

static void
vfs_keeps_its_settings(void **state)
{
    (void)state;
    int64_t value;

    assert_int_equal(db_run(db, "PRAGMA page_size=512"), RC_INVALID);
    assert_non_null(strstr(rc_sentence(), "4096 bytes"));
    run("PRAGMA page_size=4096; PRAGMA mmap_size=1000000");
    fill();
    run("VACUUM");
    assert_int_equal(ask("PRAGMA page_size", &value), RC_OK);
    assert_int_equal(value, VFS_PAGE_BYTES);
    assert_int_equal(ask("PRAGMA mmap_size", &value), RC_OK);
    assert_int_equal(value, 0);
    assert_int_equal(ask(RIGHT, &value), RC_OK);
    assert_int_equal(value, 1);
    struct secret short_key = SECRET_EMPTY;
    struct vfs *other;
    assert_int_equal(secret_make(&short_key, 16), RC_OK);
    assert_int_equal(vfs_register(NULL, &short_key, NULL, &other), RC_INVALID);
    assert_int_equal(vfs_register("no such", &key, NULL, &other), RC_ABSENT);
    secret_wipe(&short_key);
}

static void
vfs_verify_finds_damage_in_free_pages_too(void **state)
{
    (void)state;
    struct vfs_verdict verdict;
    size_t len;

    fill();
    run("DELETE FROM t WHERE a > 2");
    assert_int_equal(reopen(), RC_OK);
    close_all();
    uint8_t *bytes = copy_of(NAME, &len);
    assert_int_equal(vfs_register(power_disk_vfs(disk), &key, file_id, &vfs), RC_OK);
    assert_int_equal(vfs_verify(vfs, NAME, &verdict), RC_OK);
    assert_int_equal(verdict.pages, len / VFS_PAGE_BYTES);
    assert_int_equal(verdict.bad, 0);
    for (size_t page = 0; page < len / VFS_PAGE_BYTES; page++) {
        bytes[page * VFS_PAGE_BYTES + 2000] ^= 4;
        power_disk_put(disk, NAME, bytes, len);
        assert_int_equal(vfs_verify(vfs, NAME, &verdict), RC_OK);
        assert_int_equal(verdict.bad, 1);
        assert_int_equal(verdict.first_bad, page + 1);
        bytes[page * VFS_PAGE_BYTES + 2000] ^= 4;
    }
    free(bytes);
}

/* kill -9 between commit and sync: what SQLite wrote at the commit is in the file. */
static void
vfs_writes_a_commit_at_once_also_without_a_sync(void **state)
{
    (void)state;
    uint8_t *main, *wal;
    size_t main_len, wal_len;
    int64_t count;

    assert_int_equal(db_set_synchronous(db, false), RC_OK);
    for (int i = 1; i <= 3; i++) {
        run("INSERT INTO t(b) VALUES('x')");
        abandon(&main, &main_len, &wal, &wal_len);
        free(main);
        free(wal);
        assert_int_equal(reopen(), RC_OK);
        assert_int_equal(db_set_synchronous(db, false), RC_OK);
        assert_int_equal(ask("SELECT count(*) FROM t", &count), RC_OK);
        assert_int_equal(count, i);
    }
}

static void
vfs_binds_a_unit_to_its_file_place_kind_and_generation(void **state)
{
    (void)state;
    static struct vfs_nonces nonces;
    static uint8_t plain[VFS_PAGE_BYTES], page[VFS_PAGE_BYTES], copy[VFS_FRAME_UNIT_BYTES];
    static const uint8_t frame[VFS_FRAME_BYTES];
    uint8_t unit[VFS_FRAME_UNIT_BYTES], one[CRYPTO_NONCE_BYTES] = {1},
            two[CRYPTO_NONCE_BYTES] = {2};
    struct vfs_keys keys = VFS_KEYS_EMPTY, renamed;

    assert_int_equal(vfs_keys_derive(&keys, &key, file_id), RC_OK);
    renamed = keys; /* the same keys, another id: only the associated data differs */
    renamed.id[0] ^= 1;
    vfs_page_seal(&keys, &nonces, 2, plain, page);
    memcpy(copy, page, VFS_PAGE_BYTES);
    assert_false(vfs_page_open(&keys, 3, copy));
    memcpy(copy, page, VFS_PAGE_BYTES);
    assert_false(vfs_page_open(&renamed, 2, copy));
    memcpy(copy, page, VFS_PAGE_BYTES);
    assert_true(vfs_page_open(&keys, 2, copy));

    vfs_frame_seal(&keys, &nonces, one, 5, frame, unit);
    memcpy(copy, unit, sizeof copy);
    assert_false(vfs_frame_open(&keys, two, 5, copy));
    memcpy(copy, unit, sizeof copy);
    assert_false(vfs_frame_open(&keys, one, 6, copy));
    memcpy(copy, unit, sizeof copy);
    assert_false(vfs_frame_open(&renamed, one, 5, copy));
    memcpy(copy, unit, sizeof copy);
    assert_true(vfs_frame_open(&keys, one, 5, copy));
    vfs_keys_wipe(&keys);
}

/* The known limit (docs/STORE.md, section 9): an old page in its own place is as good as a new one. */
static void
vfs_does_not_notice_an_old_page_in_its_own_place(void **state)
{
    (void)state;
    size_t len, new_len;
    int64_t value;

    run("CREATE TABLE n(v); INSERT INTO n VALUES(1)");
    assert_int_equal(db_checkpoint(db, true), RC_OK);
    uint8_t *old = copy_of(NAME, &len);
    run("UPDATE n SET v = 2");
    assert_int_equal(db_checkpoint(db, true), RC_OK);
    uint8_t *mixed = copy_of(NAME, &new_len);
    assert_int_equal(len, new_len);
    memcpy(mixed + len - VFS_PAGE_BYTES, old + len - VFS_PAGE_BYTES, VFS_PAGE_BYTES);
    close_all();
    power_disk_put(disk, NAME, mixed, len);
    assert_int_equal(reopen(), RC_OK);
    assert_int_equal(ask("SELECT v FROM n", &value), RC_OK);
    assert_int_equal(value, 1);
    free(mixed);
    free(old);
}

static int
by_nonce(const void *a, const void *b)
{
    return memcmp(a, b, CRYPTO_NONCE_BYTES);
}

static void
vfs_never_uses_a_nonce_twice(void **state)
{
    (void)state;
    enum { SEALS = 60000 };
    static uint8_t page[VFS_PAGE_BYTES], sealed[VFS_PAGE_BYTES], unit[VFS_FRAME_UNIT_BYTES];
    static struct vfs_nonces pools[2];
    static const uint8_t frame[VFS_FRAME_BYTES];
    uint8_t(*nonces)[CRYPTO_NONCE_BYTES] = calloc(SEALS, sizeof *nonces);
    struct vfs_keys keys = VFS_KEYS_EMPTY;

    assert_non_null(nonces);
    assert_int_equal(vfs_keys_derive(&keys, &key, file_id), RC_OK);
    for (size_t i = 0; i < SEALS; i++) {
        if (i % 2 == 0) {
            vfs_page_seal(&keys, &pools[0], 7, page, sealed);
            memcpy(nonces[i], sealed + VFS_PAGE_SEALED_BYTES, CRYPTO_NONCE_BYTES);
        } else {
            vfs_frame_seal(&keys, &pools[1], page, 7, frame, unit);
            memcpy(nonces[i], unit, CRYPTO_NONCE_BYTES);
        }
    }
    qsort(nonces, SEALS, sizeof *nonces, by_nonce);
    for (size_t i = 1; i < SEALS; i++)
        assert_memory_not_equal(nonces[i - 1], nonces[i], CRYPTO_NONCE_BYTES);
    vfs_keys_wipe(&keys);
    free(nonces);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vfs_shows_nothing_on_disk),
        TEST(vfs_never_gives_wrong_rows_for_a_flipped_byte),
        TEST(vfs_refuses_pages_that_were_swapped_foreign_zeroed_or_cut),
        TEST(vfs_takes_a_damaged_log_for_a_shorter_one_never_for_another),
        TEST(vfs_reports_a_log_that_changes_while_it_is_open),
        TEST(vfs_leaves_a_log_alone_under_a_wrong_key),
        TEST(vfs_refuses_what_is_no_store_and_leaves_it_alone),
        TEST(vfs_restores_a_first_sector_that_was_torn),
        TEST(vfs_replaces_frames_in_place),
        TEST(vfs_keeps_its_settings),
        TEST(vfs_verify_finds_damage_in_free_pages_too),
        TEST(vfs_writes_a_commit_at_once_also_without_a_sync),
        TEST(vfs_binds_a_unit_to_its_file_place_kind_and_generation),
        TEST(vfs_does_not_notice_an_old_page_in_its_own_place),
        TEST(vfs_never_uses_a_nonce_twice),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
