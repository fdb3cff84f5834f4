/* Tests of core/backup, and of a store opened to be read: what is written, what is proven, what stays untouched. */
#define _GNU_SOURCE /* unshare */
#include "core/backup.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/stores.h"
#include "tests/unit/unit.h"

static struct stores fixture;

static struct store *
made(void)
{
    struct store *store;

    stores_demand(store_create(&fixture.options, NULL, NULL, &store), "store_create");
    stores_demand(db_run(store_db(store), "CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
                                          "INSERT INTO t(b) VALUES(hex(zeroblob(9000))), ('last')"),
                  "t");
    return store;
}

static int64_t
rows_of(struct store *store)
{
    int64_t rows = -1;

    stores_demand(db_get_int(store_db(store), "SELECT count(*) FROM t", &rows), "rows");
    return rows;
}

static const char *
path_of(const char *name)
{
    return scratch_path(&fixture.scratch, name);
}

static enum rc
restore_to(const char *directory, const char *aside, struct backup *backup)
{
    char to[192], kept[192];

    snprintf(to, sizeof to, "%s", path_of(directory));
    snprintf(kept, sizeof kept, "%s", aside == NULL ? "" : path_of(aside));
    return backup_restore(path_of("one.bak"), &fixture.key, to, aside == NULL ? NULL : kept, &fixture.options.clock,
                          backup);
}

static struct store *
opened_at(const char *directory)
{
    struct store_options options = fixture.options;
    struct store *store;
    char at[192];

    snprintf(at, sizeof at, "%s", path_of(directory));
    options.directory = at;
    stores_demand(store_open(&options, &store), "store_open");
    return store;
}

/* --- reading only --------------------------------------------------------------------------------- */

static void
a_store_opened_to_be_read_is_byte_for_byte_the_same(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"device/store.db", "device/keyslots.json"};
    uint8_t *before[2], *after[2];
    size_t lens[2], len;
    struct store *store;

    store_close(made());
    for (int i = 0; i < 2; i++)
        before[i] = scratch_read(path_of(NAMES[i]), &lens[i]);
    stores_demand(store_open_to_read(&fixture.options, &store), "to read");
    assert_int_equal(rows_of(store), 2);
    assert_int_equal(db_run(store_db(store), "DELETE FROM t"), RC_IO);
    assert_int_equal(access(path_of("device/store.db-wal"), F_OK), -1);
    store_close(store);
    for (int i = 0; i < 2; i++) {
        after[i] = scratch_read(path_of(NAMES[i]), &len);
        assert_int_equal(len, lens[i]);
        assert_memory_equal(before[i], after[i], len);
        free(before[i]);
        free(after[i]);
    }
    assert_int_equal(access(path_of("device/store.db-wal"), F_OK), -1);
}

static void
a_reader_takes_no_turn_from_the_program_that_writes(void **state)
{
    (void)state;
    struct store *writer = made(), *reader;

    stores_demand(store_open_to_read(&fixture.options, &reader), "to read");
    assert_int_equal(rows_of(reader), 2);
    assert_ok(db_run(store_db(writer), "INSERT INTO t(b) VALUES('while it is read')"));
    assert_int_equal(rows_of(reader), 3);
    store_close(writer);
    assert_int_equal(rows_of(reader), 3);
    store_close(reader);
}

static void
a_store_of_an_older_program_is_not_brought_up_to_date_by_a_reader(void **state)
{
    (void)state;
    struct store *store = made();

    assert_ok(db_run(store_db(store), "PRAGMA user_version=1"));
    store_close(store);
    assert_int_equal(store_open_to_read(&fixture.options, &store), RC_STALE);
    assert_non_null(strstr(rc_sentence(), "older program"));
}

/* In a child whose mount of the directory may only be read. 2: the machine does not let it. */
static int
read_on_a_read_only_disk(void)
{
    struct store *store;
    const char *directory = fixture.directory;

    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(directory, directory, "none", MS_BIND, NULL) != 0 ||
        mount("none", directory, "none", MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0)
        return 2;
    stores_demand(secret_make(&fixture.key, CRYPTO_KEY_BYTES), "key"); /* the fork wiped it */
    memset(fixture.key.bytes, 0x42, CRYPTO_KEY_BYTES);
    if (open(path_of("device/x"), 0) >= 0 || store_open_to_read(&fixture.options, &store) != RC_OK)
        return 3;
    int64_t rows = rows_of(store);
    store_close(store);
    return rows == 2 ? 0 : 4;
}

static void
a_store_on_a_disk_that_may_only_be_read_is_read(void **state)
{
    (void)state;
    int status;

    store_close(made());
    pid_t child = fork();
    if (child == 0) {
        int code = read_on_a_read_only_disk();
        if (code > 2)
            fprintf(stderr, "%d: %s\n", code, rc_sentence());
        _exit(code);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- backup --------------------------------------------------------------------------------------- */

static void
a_backup_is_one_moment_of_the_store(void **state)
{
    (void)state;
    struct store *store = made(), *restored;
    struct backup backup, looked;
    const char *reason;
    struct stat info;

    assert_ok(backup_write(store, path_of("one.bak"), &backup));
    assert_ok(stat(path_of("one.bak"), &info));
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, backup.bytes);
    assert_ok(backup_look(path_of("one.bak"), &looked));
    assert_int_equal(looked.trailer.pages, backup.trailer.pages);
    assert_int_equal(backup_write(store, path_of("one.bak"), &backup), RC_EXISTS);
    assert_false(memcmp(looked.slots.file_id, store_slots(store)->file_id, VFS_FILE_ID_BYTES) == 0);
    assert_ok(db_run(store_db(store), "INSERT INTO t(b) VALUES('after')"));
    assert_ok(restore_to("else/where", NULL, &backup));
    restored = opened_at("else/where");
    assert_int_equal(rows_of(restored), 2);
    assert_true(id_equal(store_id(restored), store_id(store)));
    assert_false(store_is_continuous(restored, &reason));
    store_close(restored);
    assert_int_equal(rows_of(store), 3);
    store_close(store);
}

static void
a_store_that_makes_way_is_kept_whole(void **state)
{
    (void)state;
    struct store *store = made();
    struct backup backup;
    const char *reason;

    assert_ok(backup_write(store, path_of("one.bak"), &backup));
    assert_ok(db_run(store_db(store), "INSERT INTO t(b) VALUES('never sent')"));
    assert_int_equal(restore_to("device", "device.old", &backup), RC_BUSY); /* it is open */
    assert_int_equal(rows_of(store), 3);
    store_close(store);
    assert_ok(restore_to("device", "device.old", &backup));
    store = opened_at("device");
    assert_int_equal(rows_of(store), 2);
    assert_false(store_is_continuous(store, &reason));
    assert_true(store_may_lack_saves(store) || reason[0] != '\0');
    store_close(store);
    store = opened_at("device.old");
    assert_int_equal(rows_of(store), 3);
    assert_false(store_is_continuous(store, &reason));
    store_close(store);
    assert_int_equal(restore_to("device", "device.old", &backup), RC_EXISTS);
    store = opened_at("device");
    store_close(store);
}

static void
nothing_is_made_of_a_backup_that_was_changed_anywhere(void **state)
{
    (void)state;
    struct store *store = made();
    struct backup backup;
    size_t len;
    unsigned refused = 0, tried = 0;

    assert_ok(backup_write(store, path_of("one.bak"), &backup));
    store_close(store);
    uint8_t *bytes = scratch_read(path_of("one.bak"), &len);
    size_t end = (size_t)backup.trailer.pages * VFS_PAGE_BYTES;
    for (size_t at = 0; at < len; at += at < end ? 1021 : 1) { /* the end byte by byte */
        bytes[at] ^= 0x20;
        scratch_write(&fixture.scratch, "one.bak", bytes, len);
        enum rc rc = restore_to("damaged", NULL, &backup);
        tried++;
        refused += rc == RC_CORRUPT || rc == RC_LOCKED || rc == RC_UNSUPPORTED;
        if (rc == RC_OK)
            print_message("byte %zu of %zu\n", at, len);
        bytes[at] ^= 0x20;
        assert_int_equal(access(path_of("damaged"), F_OK), -1);
    }
    assert_int_equal(refused, tried);
    for (size_t cut = 1; cut < len; cut = cut * 3 + 1) {
        scratch_write(&fixture.scratch, "one.bak", bytes, len - cut);
        assert_int_equal(restore_to("damaged", NULL, &backup), RC_CORRUPT);
        assert_int_equal(access(path_of("damaged"), F_OK), -1);
    }
    free(bytes);
}

static void
a_backup_does_not_open_with_another_key(void **state)
{
    (void)state;
    struct store *store = made();
    struct backup backup;

    assert_ok(backup_write(store, path_of("one.bak"), &backup));
    store_close(store);
    memset(fixture.key.bytes, 0x43, CRYPTO_KEY_BYTES);
    assert_int_equal(restore_to("other", NULL, &backup), RC_LOCKED);
    assert_int_equal(access(path_of("other"), F_OK), -1);
}

/* Somebody who may write beside it put a link in the place of what was begun. */
static void
clearing_away_what_was_begun_follows_no_link_to_a_store(void **state)
{
    (void)state;
    char link[192];

    store_close(made());
    snprintf(link, sizeof link, "%s", path_of("other.restoring-x"));
    assert_int_equal(symlink(path_of("device"), link), 0);
    backup_clear_stage(link);
    assert_int_equal(access(path_of("device/store.db"), F_OK), 0);
    assert_int_equal(access(path_of("device/keyslots.json"), F_OK), 0);
}

#define TEST(function) \
    cmocka_unit_test_prestate_setup_teardown(function, stores_set_up, stores_tear_down, &fixture)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_opened_to_be_read_is_byte_for_byte_the_same),
        TEST(a_reader_takes_no_turn_from_the_program_that_writes),
        TEST(a_store_of_an_older_program_is_not_brought_up_to_date_by_a_reader),
        TEST(a_store_on_a_disk_that_may_only_be_read_is_read),
        TEST(a_backup_is_one_moment_of_the_store),
        TEST(a_store_that_makes_way_is_kept_whole),
        TEST(nothing_is_made_of_a_backup_that_was_changed_anywhere),
        TEST(a_backup_does_not_open_with_another_key),
        TEST(clearing_away_what_was_begun_follows_no_link_to_a_store),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
