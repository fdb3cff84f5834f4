/* Fuzz entry of core/vfs_*: a store file and a log, raw or sealed under the right key from plain bytes of the input, opened and read
 * through SQLite on a disk in memory; and the same log looked through for a copy. What was sealed here opens again as it was. */
#include "core/vfs_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db.h"
#include "core/vfs_kept.h"
#include "tests/support/power_vfs.h"
#include "tests/support/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define NAME "/store.db"
#define WAL "/store.db-wal"
#define JOURNAL "/store.db-journal"

enum { LOG_MOST = 16 * VFS_FRAME_UNIT_BYTES, FRAMES_MOST = 12 };
/* What the first byte of an input chooses. */
enum { RAW_FILE, RAW_LOG, CHANGED_FILE, SEALED_LOG, RAW_JOURNAL, BEGUN_JOURNAL, KINDS };

static struct power_disk *disk;
static struct secret key;
static struct vfs_keys keys;
static uint8_t file_id[VFS_FILE_ID_BYTES];
static uint8_t *file; /* a store of a few pages */
static size_t file_len;
static char directory[80];
static struct scratch scratch;

static void
need(bool holds)
{
    if (!holds)
        abort();
}

static enum rc
open_db(struct vfs **vfs, struct db **db, const uint8_t *id)
{
    struct db_options options = {.exclusive = true, .must_exist = id != NULL};

    need(vfs_register(power_disk_vfs(disk), &key, id, vfs) == RC_OK);
    options.vfs = vfs_name(*vfs);
    return db_open(NAME, &options, db);
}

static void
remove_scratch(void)
{
    scratch_remove(&scratch);
}

static void
start(void)
{
    struct vfs *vfs;
    struct db *db;

    need(secret_start() == RC_OK && secret_make(&key, CRYPTO_KEY_BYTES) == RC_OK);
    memset(key.bytes, 5, key.len);
    disk = power_disk_new();
    need(open_db(&vfs, &db, NULL) == RC_OK && vfs_file_id(vfs, file_id) == RC_OK);
    need(db_run(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, zeroblob(9000))") == RC_OK);
    db_close(db);
    vfs_unregister(vfs);
    const uint8_t *bytes = power_disk_file(disk, NAME, &file_len);
    file = malloc(file_len);
    need(file != NULL);
    memcpy(file, bytes, file_len);
    need(vfs_keys_derive(&keys, &key, file_id) == RC_OK);
    scratch_make(&scratch);
    snprintf(directory, sizeof directory, "%s", scratch.directory);
    (void)atexit(remove_scratch);
}

/* The next bytes of the input into `out`; zeros where it has ended. */
static void
take(const uint8_t **data, size_t *len, uint8_t *out, size_t count)
{
    size_t there = *len < count ? *len : count;

    memset(out, 0, count);
    if (there > 0)
        memcpy(out, *data, there);
    *data += there;
    *len -= there;
}

/* A log whose plain headers are the input's: the start, and 24 bytes for each frame over a page of the store. */
static size_t
seal_log(const uint8_t *data, size_t len, uint8_t *log)
{
    static struct vfs_nonces nonces;
    uint8_t header[VFS_WAL_HEADER_BYTES], opened[VFS_WAL_HEADER_BYTES];
    size_t frames = 0;

    take(&data, &len, header, sizeof header);
    vfs_start_seal(&keys, &nonces, header, log);
    need(vfs_start_open(&keys, log, opened) && memcmp(opened, header, sizeof header) == 0);
    while (len > 0 && frames < FRAMES_MOST) {
        uint8_t *unit = log + VFS_START_BYTES + frames * VFS_FRAME_UNIT_BYTES;
        uint8_t page[VFS_PAGE_BYTES], frame[VFS_FRAME_BYTES], copy[VFS_FRAME_UNIT_BYTES];
        uint8_t frame_header[VFS_FRAME_HEADER_BYTES];
        take(&data, &len, frame_header, sizeof frame_header);
        size_t number = frame_header[3] % (file_len / VFS_PAGE_BYTES) + 1;
        memcpy(page, file + (number - 1) * VFS_PAGE_BYTES, sizeof page);
        need(vfs_page_open(&keys, number, page));
        memcpy(frame, frame_header, sizeof frame_header);
        memcpy(frame + VFS_FRAME_HEADER_BYTES, page, sizeof page);
        vfs_frame_seal(&keys, &nonces, log, frames + 1, frame, unit);
        memcpy(copy, unit, sizeof copy);
        need(vfs_frame_open(&keys, log, frames + 1, copy));
        need(memcmp(copy + CRYPTO_NONCE_BYTES, frame, sizeof frame) == 0);
        frames++;
    }
    return VFS_START_BYTES + frames * VFS_FRAME_UNIT_BYTES;
}

/* Opens, reads all, closes: a failure is an answer. */
static void
read_all(void)
{
    struct vfs *vfs;
    struct db *db = NULL;

    if (open_db(&vfs, &db, file_id) == RC_OK) {
        (void)!db_run(db, "SELECT a, b FROM t");
        (void)!db_check_structure(db);
        db_close(db);
    }
    vfs_unregister(vfs);
}

static int64_t
no_time(void *context)
{
    (void)context;
    return 0;
}

static void
look_for_copy(const uint8_t *log, size_t len)
{
    struct clock clock = {.wall_ms = no_time};
    struct vfs_kept kept;

    scratch_write(&scratch, "store.db-wal", log, len);
    need(vfs_kept_look(directory, &key, file_id, &clock, &kept) == RC_OK);
    need(kept.is_cut == (kept.later_commits > 0));
    if (kept.is_cut)
        need(vfs_kept_forget(directory) == RC_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t log[LOG_MOST];
    size_t log_len = 0;

    if (disk == NULL)
        start();
    if (len == 0)
        return 0;
    int kind = *data % KINDS;
    data++;
    len--;
    power_disk_put(disk, NAME, file, file_len);
    power_disk_put(disk, JOURNAL, NULL, 0);
    if (kind == RAW_FILE) {
        power_disk_put(disk, NAME, data, len);
    } else if (kind == RAW_LOG) {
        log_len = len < sizeof log ? len : sizeof log;
        memcpy(log, data, log_len);
    } else if (kind == CHANGED_FILE) { /* three bytes say where, one what; the last cuts */
        uint8_t *changed = malloc(file_len);
        need(changed != NULL);
        memcpy(changed, file, file_len);
        for (; len >= 4; data += 4, len -= 4)
            changed[((size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2]) % file_len] ^= data[3];
        power_disk_put(disk, NAME, changed, len > 0 ? file_len * data[0] / 255 : file_len);
        free(changed);
    } else if (kind == SEALED_LOG) {
        log_len = seal_log(data, len, log);
    } else { /* a journal's bytes, after a beginning that is ours or not */
        uint8_t *journal = malloc(VFS_JOURNAL_HEADER_BYTES + len);
        need(journal != NULL);
        size_t begun = kind == BEGUN_JOURNAL ? VFS_JOURNAL_HEADER_BYTES : 0;
        vfs_journal_begin(&key, file_id, journal);
        memcpy(journal + begun, data, len);
        power_disk_put(disk, JOURNAL, journal, begun + len);
        free(journal);
    }
    power_disk_put(disk, WAL, log, log_len);
    look_for_copy(log, log_len);
    read_all();
    return 0;
}
