/* Tests of the log's own cache in core/vfs_wal.c, by its methods: locks that come and go, other writers. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/vfs_inside.h"
#include "tests/support/power_vfs.h"

#define NAME "/store.db"
#define WAL "/store.db-wal"

static struct power_disk *disk;
static struct secret key;
static struct vfs *vfs;

/* One connection's two files. */
struct pair {
    const char *name;
    sqlite3_file *main, *wal;
};

static struct pair
open_pair(void)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    struct pair pair = {.name = sqlite3_create_filename(NAME, "/store.db-journal", WAL, 0, NULL)};
    int out;

    pair.main = calloc(1, (size_t)vfs->api.szOsFile);
    pair.wal = calloc(1, (size_t)vfs->api.szOsFile);
    assert_true(pair.name != NULL && pair.main != NULL && pair.wal != NULL);
    assert_ok(vfs->api.xOpen(&vfs->api, pair.name, pair.main, flags | SQLITE_OPEN_MAIN_DB, &out));
    assert_ok(vfs->api.xOpen(&vfs->api, sqlite3_filename_wal(pair.name), pair.wal,
                             flags | SQLITE_OPEN_WAL, &out));
    return pair;
}

static void
close_pair(struct pair *pair)
{
    assert_ok(pair->wal->pMethods->xClose(pair->wal));
    assert_ok(pair->main->pMethods->xClose(pair->main));
    free(pair->wal);
    free(pair->main);
    sqlite3_free_filename(pair->name);
}

static struct vfs_main_file *
main_of(const struct pair *pair)
{
    return (struct vfs_main_file *)pair->main;
}

static int
set_up(void **state)
{
    (void)state;
    disk = power_disk_new();
    assert_ok(secret_make(&key, CRYPTO_KEY_BYTES));
    memset(key.bytes, 3, key.len);
    assert_ok(vfs_register(power_disk_vfs(disk), &key, NULL, &vfs));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    vfs_unregister(vfs);
    secret_wipe(&key);
    power_disk_free(disk);
    return 0;
}

static void
write_start(struct pair *pair, uint8_t salt)
{
    uint8_t header[VFS_WAL_HEADER_BYTES];

    memset(header, salt, sizeof header);
    assert_ok(pair->wal->pMethods->xWrite(pair->wal, header, sizeof header, 0));
}

static sqlite3_int64
place_of(int frame)
{
    return VFS_WAL_HEADER_BYTES + (sqlite3_int64)(frame - 1) * VFS_FRAME_BYTES;
}

/* As SQLite writes one: header, then page. Page number 2 and on; `commit`: the pages after it, or 0. */
static void
write_frame(struct pair *pair, int frame, uint8_t content, uint8_t commit)
{
    uint8_t header[VFS_FRAME_HEADER_BYTES] = {0, 0, 0, 2, 0, 0, 0, commit};
    uint8_t page[VFS_PAGE_BYTES];

    memset(page, content, sizeof page);
    assert_ok(pair->wal->pMethods->xWrite(pair->wal, header, sizeof header, place_of(frame)));
    assert_ok(pair->wal->pMethods->xWrite(pair->wal, page, sizeof page,
                                          place_of(frame) + VFS_FRAME_HEADER_BYTES));
}

/* The first byte of a frame's page, or the negated code. */
static int
read_frame(struct pair *pair, int frame)
{
    uint8_t page[VFS_PAGE_BYTES];
    int code = pair->wal->pMethods->xRead(pair->wal, page, sizeof page,
                                          place_of(frame) + VFS_FRAME_HEADER_BYTES);

    return code == SQLITE_OK ? page[0] : -code;
}

/* A spills, rolls back and gives the lock up; B commits over the same frames; A closes. */
static void
wal_drops_uncommitted_frames_with_the_write_lock(void **state)
{
    (void)state;
    struct pair a = open_pair(), b = open_pair();
    sqlite3_int64 size;

    vfs_wal_lock_taken(main_of(&a), true);
    write_start(&a, 1);
    write_frame(&a, 1, 10, 9);
    vfs_wal_lock_released(main_of(&a));

    vfs_wal_lock_taken(main_of(&a), true);
    for (int frame = 2; frame < 12; frame++)
        write_frame(&a, frame, 66, 0);
    assert_ok(a.wal->pMethods->xFileSize(a.wal, &size));
    assert_int_equal(size, place_of(12)); /* what waits counts */
    assert_int_equal(read_frame(&a, 5), 66);
    uint8_t header[VFS_FRAME_HEADER_BYTES] = {0, 0, 0, 2};
    assert_ok(a.wal->pMethods->xWrite(a.wal, header, sizeof header, place_of(12)));
    vfs_wal_lock_released(main_of(&a));

    vfs_wal_lock_taken(main_of(&b), true);
    for (int frame = 2; frame < 12; frame++)
        write_frame(&b, frame, (uint8_t)(20 + frame), frame == 11 ? 9 : 0);
    vfs_wal_lock_released(main_of(&b));
    for (int frame = 2; frame < 12; frame++)
        assert_int_equal(read_frame(&a, frame), 20 + frame);
    close_pair(&a);
    for (int frame = 2; frame < 12; frame++)
        assert_int_equal(read_frame(&b, frame), 20 + frame);
    close_pair(&b);
}

static void
wal_notices_that_another_began_the_log_anew(void **state)
{
    (void)state;
    struct pair a = open_pair(), b = open_pair();

    vfs_wal_lock_taken(main_of(&a), true);
    write_start(&a, 1);
    write_frame(&a, 1, 10, 9);
    write_frame(&a, 2, 11, 9);
    vfs_wal_lock_released(main_of(&a));
    assert_int_equal(read_frame(&b, 1), 10);
    assert_int_equal(read_frame(&a, 1), 10);

    vfs_wal_lock_taken(main_of(&b), true);
    write_start(&b, 2);
    write_frame(&b, 1, 30, 9);
    vfs_wal_lock_released(main_of(&b));
    vfs_wal_lock_taken(main_of(&a), false); /* a reader's lock: its opened frame is stale */
    assert_int_equal(read_frame(&a, 1), 30);
    assert_int_equal(read_frame(&a, 2), -SQLITE_IOERR_DATA); /* of the generation before */

    vfs_wal_lock_taken(main_of(&a), true); /* and it goes on in the new generation */
    write_frame(&a, 2, 31, 9);
    vfs_wal_lock_released(main_of(&a));
    assert_int_equal(read_frame(&b, 2), 31);
    close_pair(&a);
    close_pair(&b);
}

/* The difference that recovery stands on: zeros for a frame that does not fit, an error for a disk
 * that fails and for a frame of our own. */
static void
wal_gives_zeros_to_recovery_alone(void **state)
{
    (void)state;
    uint8_t frame[VFS_FRAME_BYTES];
    static const uint8_t ZEROS[VFS_FRAME_BYTES];
    struct pair a = open_pair();
    size_t len;

    vfs_wal_lock_taken(main_of(&a), true);
    write_start(&a, 1);
    write_frame(&a, 1, 10, 9);
    uint8_t *bytes = malloc(VFS_START_BYTES + VFS_FRAME_UNIT_BYTES);
    assert_non_null(bytes);
    memcpy(bytes, power_disk_file(disk, WAL, &len), VFS_START_BYTES + VFS_FRAME_UNIT_BYTES);
    bytes[VFS_START_BYTES + 1000] ^= 1;
    power_disk_put(disk, WAL, bytes, len);
    free(bytes);
    const sqlite3_io_methods *is = a.wal->pMethods;
    main_of(&a)->wal->cached = 0;
    assert_int_equal(is->xRead(a.wal, frame, sizeof frame, place_of(1)), SQLITE_IOERR_DATA); /* own */
    vfs_wal_lock_released(main_of(&a));
    assert_int_equal(is->xRead(a.wal, frame, sizeof frame, place_of(1)), SQLITE_OK);
    assert_memory_equal(frame, ZEROS, sizeof frame);
    assert_int_equal(read_frame(&a, 1), -SQLITE_IOERR_DATA);
    assert_int_equal(is->xRead(a.wal, frame, sizeof frame, place_of(2)), SQLITE_IOERR_SHORT_READ);
    close_pair(&a);
}

static void
wal_refuses_a_first_page_of_another_layout(void **state)
{
    (void)state;
    struct pair a = open_pair();
    uint8_t frame[VFS_FRAME_BYTES] = {0, 0, 0, 1, 0, 0, 0, 1};
    uint8_t *page = frame + VFS_FRAME_HEADER_BYTES;

    memcpy(page, VFS_SQLITE_MAGIC, sizeof VFS_SQLITE_MAGIC);
    page[16] = 0x10;
    write_start(&a, 1);
    assert_int_equal(a.wal->pMethods->xWrite(a.wal, frame, sizeof frame, place_of(1)),
                     SQLITE_IOERR_WRITE);
    page[20] = VFS_RESERVED_BYTES;
    assert_ok(a.wal->pMethods->xWrite(a.wal, frame, sizeof frame, place_of(1)));
    assert_int_equal(a.main->pMethods->xWrite(a.main, page, 512, 0), SQLITE_IOERR_WRITE);
    assert_int_equal(a.main->pMethods->xWrite(a.main, page, VFS_PAGE_BYTES, 512), SQLITE_IOERR_WRITE);
    assert_ok(a.main->pMethods->xWrite(a.main, page, VFS_PAGE_BYTES, 0));
    close_pair(&a);
}

/* What the main file promises of torn writes: nothing for a journal, the disk's word for a log. */
static void
wal_lets_the_main_file_promise_more(void **state)
{
    (void)state;
    struct pair a = open_pair();
    const sqlite3_io_methods *is = a.main->pMethods;

    assert_true(is->xSectorSize(a.main) >= VFS_PAGE_BYTES);
    int with_log = is->xDeviceCharacteristics(a.main);
    main_of(&a)->wal = NULL;
    int without = is->xDeviceCharacteristics(a.main);
    main_of(&a)->wal = (struct vfs_wal_file *)a.wal;
    assert_int_equal(without & SQLITE_IOCAP_POWERSAFE_OVERWRITE, 0);
    assert_int_equal(with_log & ~SQLITE_IOCAP_POWERSAFE_OVERWRITE, without);
    assert_int_equal(with_log & ~(SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_IMMUTABLE |
                                  SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN),
                     0);
    close_pair(&a);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(wal_drops_uncommitted_frames_with_the_write_lock),
        TEST(wal_notices_that_another_began_the_log_anew),
        TEST(wal_gives_zeros_to_recovery_alone),
        TEST(wal_refuses_a_first_page_of_another_layout),
        TEST(wal_lets_the_main_file_promise_more),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
