/* Tests of core/vfs with several files under one key: attached, copied, vacuumed; settings that would break them. */
#define _GNU_SOURCE /* memmem */
#include "tests/unit/raw_disk.h"

#include "core/vfs_seal.h"

static void
open_alone(const uint8_t *id)
{
    open_with(id);
    raw_run(db, "PRAGMA locking_mode=EXCLUSIVE");
}

static int
set_up_alone(void **state)
{
    (void)set_up(state);
    raw_run(db, "PRAGMA locking_mode=EXCLUSIVE");
    return 0;
}

/* Leaves the disk as it is, and closes. */
static void
abandon(uint64_t seed)
{
    power_disk_cut_now(disk);
    (void)raw_code(db, "ROLLBACK");
    close_all();
    power_disk_restore(disk, seed);
}

static bool
shows(const char *name, const char *word)
{
    size_t len;
    const uint8_t *bytes = power_disk_file(disk, name, &len);

    return bytes != NULL && memmem(bytes, len, word, strlen(word)) != NULL;
}

static void
enter_wal(void)
{
    assert_string_equal(raw_ask(db, "PRAGMA journal_mode=WAL"), "wal");
}

static void
vfs_keeps_several_files_each_under_its_own_id(void **state)
{
    (void)state;
    size_t len;
    uint8_t ids[3][VFS_FILE_ID_BYTES];
    static const char *const NAMES[] = {NAME, "/b.db", "/c.db"};

    raw_run(db, "ATTACH '/b.db' AS b; ATTACH '/c.db' AS c;"
                "CREATE TABLE b.t AS SELECT * FROM main.t; CREATE TABLE c.t AS SELECT * FROM main.t;"
                "UPDATE b.t SET v = 1; UPDATE c.t SET v = 2");
    assert_string_equal(raw_ask(db, "SELECT sum(m.v + b.v * 10 + c.v * 100) FROM main.t m JOIN b.t"
                                    " b USING(a) JOIN c.t c USING(a)"),
                        "42000");
    raw_run(db, "DETACH b; DETACH c");
    for (int i = 0; i < 3; i++) {
        memcpy(ids[i], power_disk_file(disk, NAMES[i], &len), VFS_FILE_ID_BYTES);
        assert_int_equal(vfs_id_judge(&key, ids[i]), VFS_FITS);
        assert_false(shows(NAMES[i], MARKER));
    }
    assert_memory_equal(ids[0], file_id, VFS_FILE_ID_BYTES);
    assert_memory_not_equal(ids[0], ids[1], VFS_FILE_ID_BYTES);
    assert_memory_not_equal(ids[1], ids[2], VFS_FILE_ID_BYTES);
    /* The id that keyslots.json knows is of the first file alone. */
    open_alone(file_id);
    raw_run(db, "ATTACH '/b.db' AS b");
    assert_string_equal(raw_ask(db, "SELECT sum(v) FROM b.t"), "200");
    uint8_t id[VFS_FILE_ID_BYTES];
    assert_ok(vfs_file_id(vfs, id));
    assert_memory_equal(id, file_id, VFS_FILE_ID_BYTES);
    assert_int_equal(raw_code(db, "ATTACH '/store.db' AS again"), SQLITE_OK);
}

static void
vfs_gives_each_log_to_its_own_file(void **state)
{
    (void)state;

    raw_run(db, "ATTACH '/b.db' AS b; CREATE TABLE b.t AS SELECT * FROM main.t");
    raw_run(db, "PRAGMA b.locking_mode=EXCLUSIVE");
    assert_string_equal(raw_ask(db, "PRAGMA main.journal_mode=WAL"), "wal");
    assert_string_equal(raw_ask(db, "PRAGMA b.journal_mode=WAL"), "wal");
    raw_run(db, "BEGIN; UPDATE main.t SET v = 3; UPDATE b.t SET v = 4; COMMIT");
    assert_false(shows("/store.db-wal", MARKER));
    assert_false(shows("/b.db-wal", MARKER));
    abandon(1);
    open_alone(file_id);
    raw_run(db, "ATTACH '/b.db' AS b; PRAGMA b.locking_mode=EXCLUSIVE");
    assert_string_equal(raw_ask(db, "SELECT (SELECT sum(v) FROM main.t) || ' ' || (SELECT sum(v) FROM b.t)"),
                        "600 800");
}

/* Both files change or neither, whenever the power goes: a super-journal names both journals. */
static void
vfs_commits_over_two_files_wholly_or_not(void **state)
{
    (void)state;
    bool is_done = false;
    unsigned points = 0, both = 0;

    raw_run(db, "ATTACH '/b.db' AS b; CREATE TABLE b.t AS SELECT * FROM main.t");
    raw_run(db, "PRAGMA main.journal_mode=delete; PRAGMA b.journal_mode=delete");
    for (uint64_t at = 1; !is_done; at++) {
        open_alone(file_id);
        raw_run(db, "PRAGMA locking_mode=NORMAL; ATTACH '/b.db' AS b; PRAGMA main.synchronous=EXTRA;"
                    "PRAGMA b.synchronous=EXTRA; " SPILL);
        long before = strtol(raw_ask(db, "SELECT v FROM t WHERE a = 1"), NULL, 10);
        struct power_manner manner = power_manner_number((unsigned)(at % POWER_MANNERS));
        power_disk_set_manner(disk, &manner);
        power_disk_cut_at(disk, at);
        (void)raw_code(db, "BEGIN; UPDATE main.t SET v = v + 1; UPDATE b.t SET v = v + 1; COMMIT");
        is_done = !power_disk_is_cut(disk);
        power_disk_cut_at(disk, 0);
        if (!is_done)
            abandon(at);
        open_alone(file_id);
        raw_run(db, "ATTACH '/b.db' AS b");
        const char *sums = raw_ask(
            db, "SELECT (SELECT sum(v) FROM main.t) = (SELECT sum(v) FROM b.t) AND"
                " (SELECT max(v) - min(v) FROM main.t) = 0 AND (SELECT max(v) - min(v) FROM b.t) = 0");
        if (strcmp(sums, "1") != 0)
            fail_msg("half of a commit after a cut at %llu, %s: %s", (unsigned long long)at,
                     power_manner_name(&manner),
                     raw_ask(db, "SELECT (SELECT min(v) || ' ' || max(v) FROM main.t) || ', ' ||"
                                 " (SELECT min(v) || ' ' || max(v) FROM b.t)"));
        both += strtol(raw_ask(db, "SELECT v FROM t WHERE a = 1"), NULL, 10) > before;
        points++;
    }
    printf("%u cut points\n", points);
    assert_true(points > 40);
    assert_true(both > 0);
}

/* The trap of pager_delsuper: a child whose end it cannot read looks as if it named no super-journal. */
static void
vfs_reads_which_super_journal_a_sealed_journal_names(void **state)
{
    (void)state;
    uint8_t header[VFS_JOURNAL_HEADER_BYTES];
    sqlite3_vfs *api = sqlite3_vfs_find(vfs_name(vfs));
    sqlite3_file *file = calloc(1, (size_t)api->szOsFile);
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_SUPER_JOURNAL;
    sqlite3_int64 size;
    int out;

    assert_non_null(file);
    power_disk_put(disk, "/plain-mj", "/store.db-journal", 18);
    assert_ok(api->xOpen(api, "/plain-mj", file, flags, &out));
    assert_ok(file->pMethods->xFileSize(file, &size));
    assert_int_equal(size, 18);
    file->pMethods->xClose(file);
    vfs_journal_begin(&key, file_id, header);
    power_disk_put(disk, "/sealed-mj", header, sizeof header);
    assert_ok(api->xOpen(api, "/sealed-mj", file, flags, &out));
    assert_ok(file->pMethods->xFileSize(file, &size));
    assert_int_equal(size, 0); /* it is a journal of ours, without a slot */
    assert_int_equal(file->pMethods->xWrite(file, header, 8, 0), SQLITE_OK); /* its header is kept */
    file->pMethods->xClose(file);
    free(file);
}

static int (*open_below)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);

static int
refuse_once(sqlite3_vfs *below, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)name;
    (void)flags;
    (void)out;
    file->pMethods = NULL;
    below->xOpen = open_below;
    return SQLITE_IOERR;
}

/* Taken for a plain file instead, it would name no super-journal, which SQLite would then delete: the
 * other file would keep its half of the commit (SQLite's own pagerfault-3 found it). */
static void
vfs_does_not_guess_what_a_journal_is_that_it_cannot_read(void **state)
{
    (void)state;
    uint8_t header[VFS_JOURNAL_HEADER_BYTES];
    sqlite3_vfs *api = sqlite3_vfs_find(vfs_name(vfs));
    sqlite3_vfs *below = sqlite3_vfs_find(power_disk_vfs(disk));
    sqlite3_file *file = calloc(1, (size_t)api->szOsFile);
    int out;

    assert_non_null(file);
    vfs_journal_begin(&key, file_id, header);
    power_disk_put(disk, "/sealed-mj", header, sizeof header);
    open_below = below->xOpen;
    below->xOpen = refuse_once;
    assert_int_equal(api->xOpen(api, "/sealed-mj", file,
                                SQLITE_OPEN_READONLY | SQLITE_OPEN_SUPER_JOURNAL, &out),
                     SQLITE_IOERR);
    free(file);
}

/* Rolling back the first file, SQLite looks into the other's journal for the super-journal's name, by a
 * file object of its own: what waits in memory would not be found, the super-journal be deleted, and the
 * second file not rolled back (SQLite's own pagerfault-5.3 found it). */
static void
vfs_rolls_back_both_files_whichever_write_fails(void **state)
{
    (void)state;
    bool is_done = false;
    unsigned points = 0;

    raw_run(db, "PRAGMA locking_mode=NORMAL; PRAGMA journal_mode=persist; ATTACH '/b.db' AS b;"
                "PRAGMA b.journal_mode=persist; PRAGMA b.journal_size_limit=0");
    for (uint64_t at = 1; !is_done; at++) {
        power_disk_fail_once(disk, at);
        is_done = raw_code(db, "BEGIN; UPDATE main.t SET v = v + 1;"
                               "CREATE TABLE b.t AS SELECT * FROM main.t; COMMIT") == SQLITE_OK;
        power_disk_fail_once(disk, 0);
        (void)raw_code(db, "ROLLBACK");
        const char *check = raw_ask(db, "PRAGMA b.integrity_check");
        if (strcmp(check, "ok") != 0)
            fail_msg("write %llu failed: %s", (unsigned long long)at, check);
        assert_string_equal(raw_ask(db, "SELECT count(*) FROM b.sqlite_schema"),
                            is_done ? "1" : "0");
        assert_string_equal(raw_ask(db, "SELECT min(v) || ' ' || max(v) FROM main.t"),
                            is_done ? "1 1" : "0 0");
        points++;
    }
    printf("%u writes failed\n", points - 1);
    assert_true(points > 20);
}

/* As SQLite's recovery extension does (.recover of the shell). */
static void
vfs_reads_many_pages_at_once(void **state)
{
    (void)state;
    static uint8_t many[3 * VFS_PAGE_BYTES], one[VFS_PAGE_BYTES];
    sqlite3_file *file = NULL;

    assert_ok(sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file));
    assert_ok(file->pMethods->xRead(file, many, sizeof many, VFS_PAGE_BYTES));
    for (int i = 0; i < 3; i++) {
        assert_ok(file->pMethods->xRead(file, one, sizeof one, (i + 1) * VFS_PAGE_BYTES));
        assert_memory_equal(many + i * VFS_PAGE_BYTES, one, sizeof one);
    }
    assert_int_not_equal(file->pMethods->xRead(file, many, sizeof many, 10000 * VFS_PAGE_BYTES),
                         SQLITE_OK);
    assert_int_equal(many[0] | many[sizeof many - 1], 0);
}

static void
vfs_refuses_an_extension_that_is_not_there(void **state)
{
    (void)state;

    assert_ok(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL));
    assert_int_equal(raw_code(db, "SELECT load_extension('absent')"), SQLITE_ERROR);
}

static void
vfs_vacuums_in_both_modes(void **state)
{
    (void)state;
    size_t before, after;

    for (int i = 0; i < 2; i++) {
        if (i == 1)
            enter_wal();
        raw_run(db, "DELETE FROM t WHERE a > 20");
        assert_ok(raw_code(db, i == 1 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "SELECT 1"));
        (void)power_disk_file(disk, NAME, &before);
        raw_run(db, "VACUUM");
        assert_ok(raw_code(db, i == 1 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "SELECT 1"));
        (void)power_disk_file(disk, NAME, &after);
        assert_true(after < before);
        assert_string_equal(raw_ask(db, "SELECT count(*) || ' ' || max(length(b)) FROM t"), "20 427");
        assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
        raw_run(db, "DELETE FROM t");
        raw_run(db, FILL);
    }
    raw_run(db, "PRAGMA auto_vacuum=FULL; VACUUM; DELETE FROM t WHERE a % 2");
    assert_string_equal(raw_ask(db, "PRAGMA auto_vacuum"), "1");
    assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
}

static void
vfs_vacuums_into_a_file_that_inherits(void **state)
{
    (void)state;
    size_t len;

    for (int i = 0; i < 2; i++) {
        if (i == 1)
            enter_wal();
        /* Without the parameter the new file says its page size itself; nothing comes of it. */
        assert_int_equal(raw_code(db, "VACUUM INTO '/none.db'"), SQLITE_NOMEM);
        (void)power_disk_file(disk, "/none.db", &len);
        assert_int_equal(len, VFS_FILE_ID_BYTES);
        raw_run(db, i == 0 ? "VACUUM INTO 'file:/into.db?inherit=1'"
                           : "VACUUM INTO 'file:/into2.db?inherit=1'");
        const char *name = i == 0 ? "/into.db" : "/into2.db";
        assert_false(shows(name, MARKER));
        sqlite3 *copy = raw_open(vfs_name(vfs), name);
        assert_string_equal(raw_ask(copy, "SELECT count(*) || ' ' || max(length(b)) FROM t"), "200 427");
        assert_string_equal(raw_ask(copy, "PRAGMA integrity_check"), "ok");
        raw_run(copy, "UPDATE t SET v = 9");
        raw_close(copy);
    }
}

static void
vfs_backs_up_from_store_to_store(void **state)
{
    (void)state;
    struct vfs_verdict verdict;

    for (int i = 0; i < 2; i++) {
        if (i == 1)
            enter_wal();
        sqlite3 *copy = raw_open(vfs_name(vfs), i == 0 ? "/copy.db" : "/copy2.db");
        raw_run(copy, "PRAGMA locking_mode=EXCLUSIVE");
        assert_int_equal(raw_backup(copy, db), SQLITE_OK);
        assert_string_equal(raw_ask(copy, "SELECT count(*) || ' ' || max(length(b)) FROM t"), "200 427");
        assert_string_equal(raw_ask(copy, "PRAGMA integrity_check"), "ok");
        /* Over a file that held something else, and from a smaller one. */
        raw_run(copy, "CREATE TABLE more AS SELECT * FROM t; INSERT INTO more SELECT * FROM t");
        assert_int_equal(raw_backup(copy, db), SQLITE_OK);
        assert_string_equal(raw_ask(copy, "PRAGMA integrity_check"), "ok");
        raw_close(copy);
        assert_ok(vfs_verify(vfs, i == 0 ? "/copy.db" : "/copy2.db", &verdict));
        assert_int_equal(verdict.bad, 0);
        assert_true(verdict.pages > 20);
    }
}

/* A raw image of a plain database would lose the last 40 bytes of each page. */
static void
vfs_refuses_a_raw_image_of_a_plain_database(void **state)
{
    (void)state;
    sqlite3 *plain = raw_open("memdb", ":memory:");

    raw_run(plain, "CREATE TABLE p(x); INSERT INTO p VALUES(zeroblob(9000))");
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            enter_wal();
        assert_int_equal(raw_backup(db, plain) & 0xff, SQLITE_IOERR);
        open_alone(file_id);
        assert_string_equal(raw_ask(db, "SELECT count(*) || ' ' || max(length(b)) FROM t"), "200 427");
        assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
    }
    raw_close(plain);
}

/* The way in: the plain database reserves 40 bytes, then VACUUM INTO. The way out is a dump, or a raw
 * image, which is plain, with 40 bytes reserved. */
static void
vfs_takes_a_plain_database_in_and_out(void **state)
{
    (void)state;
    sqlite3 *plain = raw_open(NULL, ":memory:");
    char sql[128];
    int reserve = VFS_RESERVED_BYTES;

    raw_run(plain, "CREATE TABLE p(x); INSERT INTO p VALUES(zeroblob(9000))");
    assert_ok(sqlite3_file_control(plain, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve));
    snprintf(sql, sizeof sql, "VACUUM INTO 'file:/in.db?inherit=1&vfs=%s'", vfs_name(vfs));
    raw_run(plain, sql);
    sqlite3 *in = raw_open(vfs_name(vfs), "/in.db");
    assert_string_equal(raw_ask(in, "SELECT length(x) FROM p"), "9000");
    assert_string_equal(raw_ask(in, "PRAGMA integrity_check"), "ok");
    raw_close(in);
    assert_int_equal(raw_backup(plain, db), SQLITE_OK);
    assert_string_equal(raw_ask(plain, "SELECT count(*) || ' ' || max(length(b)) FROM t"), "200 427");
    raw_close(plain);
}

static void
vfs_refuses_settings_that_would_break_the_format(void **state)
{
    (void)state;
    int reserve = 8;

    for (int i = 0; i < 2; i++) {
        if (i == 1)
            enter_wal();
        assert_int_equal(raw_code(db, "PRAGMA page_size=8192"), SQLITE_ERROR);
        assert_non_null(strstr(sqlite3_errmsg(db), "4096"));
        assert_int_equal(raw_code(db, "PRAGMA page_size=4096"), SQLITE_OK);
        assert_string_equal(raw_ask(db, "PRAGMA mmap_size=1048576"), "0");
        reserve = 48;
        assert_ok(sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve));
        assert_int_equal(raw_code(db, "VACUUM") & 0xff, SQLITE_IOERR);
        open_alone(file_id);
        assert_string_equal(raw_ask(db, "SELECT count(*) || ' ' || max(length(b)) FROM t"), "200 427");
        reserve = 0; /* less than there is is no request at all */
        assert_ok(sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve));
        raw_run(db, "VACUUM");
        assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
    }
    sqlite3_int64 chunk = 1 << 20;
    assert_ok(sqlite3_file_control(db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk));
    raw_run(db, "CREATE TABLE n AS SELECT * FROM t");
    assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
}

static void
vfs_checkpoints_in_all_four_modes(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool starts_over, is_empty;
    } modes[] = {
        {"PRAGMA wal_checkpoint(PASSIVE)", false, false},
        {"PRAGMA wal_checkpoint(FULL)", false, false},
        {"PRAGMA wal_checkpoint(RESTART)", true, false},
        {"PRAGMA wal_checkpoint(TRUNCATE)", true, true},
    };
    char sql[96];
    size_t len;

    enter_wal();
    for (int i = 0; i < 8; i++) {
        snprintf(sql, sizeof sql, "UPDATE t SET v = %d; INSERT INTO t(v, b) VALUES(%d, hex(zeroblob(%d)))",
                 i, i, i * 3000);
        raw_run(db, sql);
        assert_string_equal(raw_ask(db, modes[i % 4].sql), "0");
        (void)power_disk_file(disk, "/store.db-wal", &len);
        assert_int_equal(len == 0, modes[i % 4].is_empty);
        snprintf(sql, sizeof sql, "SELECT sum(v) = %d FROM t", i * (201 + i));
        assert_string_equal(raw_ask(db, sql), "1");
    }
    abandon(3);
    open_alone(file_id);
    assert_string_equal(raw_ask(db, "SELECT sum(v) FROM t"), "1456");
    assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
}

static void
vfs_keeps_temporary_files_in_memory(void **state)
{
    (void)state;
    size_t len;

    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 4);
    raw_run(db, "PRAGMA temp_store=FILE; PRAGMA threads=4; PRAGMA cache_size=10; PRAGMA cache_spill=10");
    raw_run(db, "PRAGMA temp.cache_size=5; PRAGMA temp.cache_spill=5");
    raw_run(db, "CREATE TEMP TABLE x AS WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s"
                " WHERE i < 20000) SELECT i, '" MARKER "' || hex(randomblob(60)) AS b FROM s");
    raw_run(db, "CREATE INDEX temp.xi ON x(b)");
    raw_run(db, "BEGIN; DELETE FROM x WHERE i % 3; SAVEPOINT a; UPDATE x SET b = b || i; ROLLBACK TO a;"
                "ROLLBACK");
    assert_string_equal(raw_ask(db, "SELECT count(*) FROM x INDEXED BY xi WHERE b > ''"), "20000");
    assert_string_equal(raw_ask(db, "SELECT count(DISTINCT b) FROM (SELECT b FROM x ORDER BY b DESC)"),
                        "20000");
    raw_run(db, "BEGIN; UPDATE t SET b = (SELECT x.b FROM x WHERE x.i = t.a); SAVEPOINT s; UPDATE t SET"
                " v = v + 1; ROLLBACK TO s; COMMIT");
    assert_string_equal(raw_ask(db, "PRAGMA integrity_check"), "ok");
    assert_string_equal(raw_ask(db, "PRAGMA temp.integrity_check"), "ok");
    assert_null(power_disk_file(disk, "temporary", &len));
}

/* What a next format will look like to this program: the key fits, the format byte is another. */
static void
vfs_tells_a_newer_format_from_a_wrong_key(void **state)
{
    (void)state;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    uint8_t check[CRYPTO_HASH_BYTES], page[VFS_PAGE_BYTES];
    struct vfs_verdict verdict;
    size_t len;

    random_fill(page, sizeof page);
    page[VFS_SALT_BYTES] = 0x1c;
    crypto_commit(&key, "baken file check", page, 9, check);
    memcpy(page + 9, check, 7);
    power_disk_put(disk, "/newer.db", page, sizeof page);
    assert_int_equal(raw_try(vfs_name(vfs), "/newer.db", flags), VFS_NEWER);
    assert_int_equal(vfs_verify(vfs, "/newer.db", &verdict), RC_UNSUPPORTED);
    page[12] ^= 1; /* under another key nothing tells it from noise */
    power_disk_put(disk, "/newer.db", page, sizeof page);
    assert_int_equal(raw_try(vfs_name(vfs), "/newer.db", flags), SQLITE_NOTADB);
    assert_memory_equal(power_disk_file(disk, "/newer.db", &len), page, sizeof page);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_alone, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(vfs_keeps_several_files_each_under_its_own_id),
        TEST(vfs_gives_each_log_to_its_own_file),
        TEST(vfs_commits_over_two_files_wholly_or_not),
        TEST(vfs_reads_which_super_journal_a_sealed_journal_names),
        TEST(vfs_does_not_guess_what_a_journal_is_that_it_cannot_read),
        TEST(vfs_rolls_back_both_files_whichever_write_fails),
        TEST(vfs_reads_many_pages_at_once),
        TEST(vfs_refuses_an_extension_that_is_not_there),
        TEST(vfs_vacuums_in_both_modes),
        TEST(vfs_vacuums_into_a_file_that_inherits),
        TEST(vfs_backs_up_from_store_to_store),
        TEST(vfs_refuses_a_raw_image_of_a_plain_database),
        TEST(vfs_takes_a_plain_database_in_and_out),
        TEST(vfs_refuses_settings_that_would_break_the_format),
        TEST(vfs_checkpoints_in_all_four_modes),
        TEST(vfs_keeps_temporary_files_in_memory),
        TEST(vfs_tells_a_newer_format_from_a_wrong_key),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
