/* Logs in which recovery ends early: what is normal is let be, what is not is copied once, bounded, before SQLite uses it. */
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store.h"
#include "core/vfs_seal.h"
#include "tests/support/stores.h"

#define LOG "device/store.db-wal"

enum { COMMITS = 5, FRAMES_MOST = 256 };

struct fixture {
    struct stores stores;
    struct store_slots slots;
    uint8_t *main; /* store.db under the log */
    size_t main_len;
    uint8_t *log; /* of COMMITS commits, as after kill -9 */
    size_t len;
    size_t frames;
    bool ends_commit[FRAMES_MOST]; /* frame i + 1 */
};
static struct fixture fixture;

static const char *
log_path(void)
{
    return scratch_path(&fixture.stores.scratch, LOG);
}

/* What every frame is: opened under its generation. */
static void
read_frames(void)
{
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    uint8_t unit[VFS_FRAME_UNIT_BYTES];

    assert_ok(vfs_keys_derive(&keys, &fixture.stores.key, fixture.slots.file_id));
    fixture.frames = (fixture.len - VFS_START_BYTES) / sizeof unit;
    assert_true(fixture.frames < FRAMES_MOST);
    for (size_t i = 0; i < fixture.frames; i++) {
        memcpy(unit, fixture.log + VFS_START_BYTES + i * sizeof unit, sizeof unit);
        assert_true(vfs_frame_open(&keys, fixture.log, i + 1, unit));
        fixture.ends_commit[i] = memcmp(unit + CRYPTO_NONCE_BYTES + 4, "\0\0\0", 4) != 0;
    }
    vfs_keys_wipe(&keys);
}

static void
add(struct store *store, int rows)
{
    for (int i = 0; i < rows; i++)
        assert_ok(db_run(store_db(store), "BEGIN; INSERT INTO t(b) VALUES(hex(zeroblob(3000)));"
                                          "UPDATE u SET n = n + 1; COMMIT"));
}

static int
set_up(void **state)
{
    (void)state;
    struct store *store;

    memset(&fixture, 0, sizeof fixture);
    stores_make(&fixture.stores);
    assert_ok(store_create(&fixture.stores.options, NULL, NULL, &store));
    assert_ok(db_run(store_db(store), "CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(n);"
                                      "INSERT INTO u VALUES(0)"));
    store_close(store);
    assert_ok(store_key_read(fixture.stores.directory, &fixture.slots));
    assert_ok(store_open(&fixture.stores.options, &store));
    assert_false(store_kept_log(store)->is_cut);
    add(store, COMMITS);
    fixture.log = scratch_read(log_path(), &fixture.len);
    assert_non_null(fixture.log);
    fixture.main = scratch_read(scratch_path(&fixture.stores.scratch, "device/store.db"), &fixture.main_len);
    store_close(store);
    read_frames();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    free(fixture.log);
    free(fixture.main);
    stores_remove(&fixture.stores);
    return 0;
}

static struct vfs_kept
look(const uint8_t *log, size_t len)
{
    struct vfs_kept kept;

    scratch_write(&fixture.stores.scratch, LOG, log, len);
    assert_ok(vfs_kept_look(fixture.stores.directory, &fixture.stores.key, fixture.slots.file_id,
                            &fixture.stores.options.clock, &kept));
    return kept;
}

static unsigned
copies(void)
{
    unsigned count;

    assert_ok(vfs_kept_count(fixture.stores.directory, &count));
    return count;
}

/* Commits that end after frame `after` (counted from 1). */
static uint64_t
commits_after(size_t after)
{
    uint64_t commits = 0;

    for (size_t i = after; i < fixture.frames; i++)
        commits += fixture.ends_commit[i];
    return commits;
}

static size_t
place_of(size_t frame)
{
    return VFS_START_BYTES + (frame - 1) * VFS_FRAME_UNIT_BYTES;
}

static void
a_whole_log_and_one_that_was_cut_anywhere_are_normal(void **state)
{
    (void)state;
    for (size_t len = 0; len <= fixture.len; len += 700) {
        struct vfs_kept kept = look(fixture.log, len);
        assert_false(kept.is_cut);
    }
    assert_false(look(fixture.log, fixture.len).is_cut);
    assert_int_equal(copies(), 0);
}

static void
each_damaged_frame_before_a_whole_commit_is_reported(void **state)
{
    (void)state;
    for (size_t frame = 1; frame <= fixture.frames; frame++) {
        fixture.log[place_of(frame) + 2000] ^= 1;
        struct vfs_kept kept = look(fixture.log, fixture.len);
        assert_int_equal(kept.later_commits, commits_after(frame));
        assert_int_equal(kept.is_cut, commits_after(frame) > 0);
        assert_int_equal(kept.first_bad, frame);
        fixture.log[place_of(frame) + 2000] ^= 1;
    }
    assert_int_equal(copies(), VFS_KEPT_MOST); /* so many and no more */
}

static void
a_start_that_does_not_hold_is_reported_as_long_as_its_nonce_is_there(void **state)
{
    (void)state;
    fixture.log[VFS_START_BYTES - 1] ^= 1;
    struct vfs_kept kept = look(fixture.log, fixture.len);
    assert_true(kept.is_cut && kept.is_kept);
    assert_int_equal(kept.first_bad, 0);
    assert_int_equal(kept.later_commits, commits_after(0));
    fixture.log[VFS_START_BYTES - 1] ^= 1;
    fixture.log[0] ^= 1; /* another generation: no frame is known to be of it */
    assert_false(look(fixture.log, fixture.len).is_cut);
}

/* A power cut while a transaction was written: frames of it are there, its end is not. */
static void
the_tail_of_a_transaction_without_its_end_is_normal(void **state)
{
    (void)state;
    size_t end = fixture.frames, first = end;

    while (first > 1 && !fixture.ends_commit[first - 2])
        first--;
    assert_true(end - first >= 2);
    memset(fixture.log + place_of(first), 0, VFS_FRAME_UNIT_BYTES);
    assert_true(look(fixture.log, fixture.len).is_cut); /* with its end: cannot be told from damage */
    assert_false(look(fixture.log, place_of(end)).is_cut);
}

static void
frames_of_an_older_generation_behind_a_new_log_are_normal(void **state)
{
    (void)state;
    struct store *store;
    size_t len;

    scratch_write(&fixture.stores.scratch, LOG, fixture.log, fixture.len);
    assert_ok(store_open(&fixture.stores.options, &store));
    assert_ok(db_checkpoint(store_db(store), false)); /* the next commit begins the log anew, over the old */
    add(store, 1);
    uint8_t *log = scratch_read(log_path(), &len);
    store_close(store);
    assert_true(len >= fixture.len);
    assert_memory_not_equal(log, fixture.log, CRYPTO_NONCE_BYTES);
    struct vfs_kept kept = look(log, len);
    assert_true(kept.first_bad > 1 && !kept.is_cut);
    free(log);
}

static void
a_log_under_another_key_says_nothing(void **state)
{
    (void)state;
    fixture.stores.key.bytes[0] ^= 1;
    fixture.log[place_of(2)] ^= 1;
    assert_false(look(fixture.log, fixture.len).is_cut);
}

static void
the_copy_is_the_log_made_once_and_for_the_user_alone(void **state)
{
    (void)state;
    struct store *store;
    struct stat info;
    size_t len;

    fixture.log[place_of(3)] ^= 1;
    for (int i = 0; i < 3; i++) /* an opening that is refused after it sees the same log again */
        assert_true(look(fixture.log, fixture.len).is_kept);
    assert_int_equal(copies(), 1);
    const char *path =
        scratch_path(&fixture.stores.scratch, "device/store.db-wal.kept-20260921T141320Z");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    uint8_t *copy = scratch_read(path, &len);
    assert_int_equal(len, fixture.len);
    assert_memory_equal(copy, fixture.log, len);
    free(copy);
    scratch_write(&fixture.stores.scratch, "device/store.db", fixture.main, fixture.main_len);
    assert_ok(store_open(&fixture.stores.options, &store));
    assert_true(store_kept_log(store)->is_cut && store_kept_log(store)->is_kept);
    add(store, 1);
    store_close(store);
    assert_ok(store_open(&fixture.stores.options, &store)); /* told at that opening; the copy stays */
    assert_false(store_kept_log(store)->is_cut);
    store_close(store);
    assert_int_equal(copies(), 1);
    assert_ok(vfs_kept_forget(fixture.stores.directory));
    assert_int_equal(copies(), 0);
}

/* Made in a moment by anybody who may write there; read through it would take days, and copied fill the disk. */
static void
a_log_made_terabytes_long_is_neither_read_through_nor_copied_whole(void **state)
{
    (void)state;
    const off_t terabyte = (off_t)1 << 40;
    struct vfs_kept kept;
    struct stat info;

    for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
        fixture.log[place_of(3)] ^= (uint8_t)is_damaged;
        scratch_write(&fixture.stores.scratch, LOG, fixture.log, fixture.len);
        if (truncate(log_path(), terabyte) != 0)
            skip(); /* a file system without holes */
        assert_ok(vfs_kept_look(fixture.stores.directory, &fixture.stores.key, fixture.slots.file_id,
                                &fixture.stores.options.clock, &kept));
        assert_int_equal(kept.is_cut, is_damaged);
        assert_int_equal(kept.is_kept, is_damaged);
    }
    assert_int_equal(kept.later_commits, commits_after(3));
    assert_int_equal(stat(scratch_path(&fixture.stores.scratch, "device/store.db-wal.kept-20260921T141320Z"), &info), 0);
    assert_int_equal(info.st_size, fixture.len);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_log_and_one_that_was_cut_anywhere_are_normal),
        TEST(each_damaged_frame_before_a_whole_commit_is_reported),
        TEST(a_start_that_does_not_hold_is_reported_as_long_as_its_nonce_is_there),
        TEST(the_tail_of_a_transaction_without_its_end_is_normal),
        TEST(frames_of_an_older_generation_behind_a_new_log_are_normal),
        TEST(a_log_under_another_key_says_nothing),
        TEST(the_copy_is_the_log_made_once_and_for_the_user_alone),
        TEST(a_log_made_terabytes_long_is_neither_read_through_nor_copied_whole),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
