/* Fuzz entry of core/vfs: a store, log or journal of hostile bytes, sealed as ours or raw, is opened and read by SQLite. */
#include <stdlib.h>
#include <string.h>

#include "core/vfs_seal.h"
#include "tests/support/power_vfs.h"
#include "tests/support/raw.h"

#define NAME "/store.db"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    MOST_PAGES = 12,
    ROOM = VFS_START_BYTES + MOST_PAGES * VFS_FRAME_UNIT_BYTES,
    DISK_BYTES = 4 * 1024 * 1024,
};

/* What is hostile in this input. */
enum kind { MAIN_FILE, LOG, JOURNAL, RAW_MAIN_FILE, RAW_LOG, RAW_JOURNAL, KINDS };

static void
demand(enum rc rc)
{
    if (rc != RC_OK)
        abort();
}

/* Takes up to `most` bytes of the input; what is missing is zeros. */
static void
take(const uint8_t **data, size_t *len, uint8_t *out, size_t most)
{
    size_t got = *len < most ? *len : most;

    memset(out, 0, most);
    memcpy(out, *data, got);
    *data += got;
    *len -= got;
}

static size_t
seal_pages(const struct vfs_keys *keys, const uint8_t *data, size_t len, uint8_t *out)
{
    struct vfs_nonces nonces = {.left = 0};
    uint8_t page[VFS_PAGE_BYTES];
    size_t count = 0;

    while (len > 0 && count < MOST_PAGES) {
        take(&data, &len, page, sizeof page);
        vfs_page_seal(keys, &nonces, count + 1, page, out + count * VFS_PAGE_BYTES);
        count++;
    }
    return count * VFS_PAGE_BYTES;
}

static size_t
seal_log(const struct vfs_keys *keys, const uint8_t *data, size_t len, uint8_t *out)
{
    struct vfs_nonces nonces = {.left = 0};
    uint8_t header[VFS_WAL_HEADER_BYTES], frame[VFS_FRAME_BYTES];
    size_t count = 0;

    take(&data, &len, header, sizeof header);
    vfs_start_seal(keys, &nonces, header, out);
    uint8_t *unit = out + VFS_START_BYTES;
    for (; len > 0 && count < MOST_PAGES; count++, unit += VFS_FRAME_UNIT_BYTES) {
        take(&data, &len, frame, sizeof frame);
        vfs_frame_seal(keys, &nonces, out, count + 1, frame, unit);
    }
    return (size_t)(unit - out);
}

/* Of each slot the input says the length too. */
static size_t
seal_journal(const struct secret *master, const struct vfs_keys *keys, const uint8_t *data, size_t len,
             uint8_t *out)
{
    struct vfs_nonces nonces = {.left = 0};
    struct secret key = SECRET_EMPTY;
    uint8_t length[2];
    size_t count = 0;

    vfs_journal_begin(master, keys->id, out);
    demand(vfs_journal_key(master, out, &key));
    uint8_t *slot = out + VFS_JOURNAL_HEADER_BYTES;
    for (; len > 0 && count < MOST_PAGES; count++, slot += VFS_SLOT_BYTES) {
        take(&data, &len, length, sizeof length);
        take(&data, &len, slot + VFS_SLOT_HEAD_BYTES, VFS_CHUNK_BYTES);
        vfs_slot_seal(&key, &nonces, out, count + 1, (size_t)(length[0] << 8 | length[1]), slot);
    }
    secret_wipe(&key);
    return (size_t)(slot - out);
}

static void
make_store(const char *vfs, const char *mode)
{
    sqlite3 *db = raw_open(vfs, NAME);

    raw_run(db, "PRAGMA locking_mode=EXCLUSIVE; CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
    raw_run(db, mode);
    raw_run(db, "INSERT INTO t VALUES(1, zeroblob(9000)), (2, 'two')");
    raw_close(db);
}

/* What SQLite answers does not matter: it must neither crash nor run for ever. */
static void
read_store(const char *name)
{
    sqlite3 *db;

    if (sqlite3_open_v2(NAME, &db, SQLITE_OPEN_READWRITE, name) == SQLITE_OK) {
        (void)raw_code(db, "PRAGMA locking_mode=EXCLUSIVE");
        (void)raw_code(db, "SELECT sum(length(b)) FROM t");
        (void)raw_code(db, "PRAGMA integrity_check(4)");
        (void)raw_code(db, "INSERT INTO t VALUES(3, 'three')");
    }
    (void)sqlite3_close(db);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t bytes[ROOM];
    struct secret master = SECRET_EMPTY;
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    uint8_t id[VFS_FILE_ID_BYTES];
    struct vfs_verdict verdict;
    struct vfs *vfs;

    if (len < 2 || len > ROOM)
        return 0;
    demand(secret_start());
    demand(secret_make(&master, CRYPTO_KEY_BYTES));
    struct power_disk *disk = power_disk_new();
    power_disk_limit(disk, DISK_BYTES); /* a sealed log may speak of page 4,000,000 */
    demand(vfs_register(power_disk_vfs(disk), &master, NULL, &vfs));
    enum kind kind = data[0] % KINDS;
    make_store(vfs_name(vfs), kind == LOG || kind == RAW_LOG ? "PRAGMA journal_mode=WAL" : "SELECT 1");
    demand(vfs_file_id(vfs, id));
    demand(vfs_keys_derive(&keys, &master, id));
    size_t made = len - 1;
    memcpy(bytes, data + 1, made);
    if (kind == MAIN_FILE)
        made = seal_pages(&keys, data + 1, len - 1, bytes);
    else if (kind == LOG)
        made = seal_log(&keys, data + 1, len - 1, bytes);
    else if (kind == JOURNAL)
        made = seal_journal(&master, &keys, data + 1, len - 1, bytes);
    power_disk_put(disk,
                   kind % 3 == LOG ? NAME "-wal" : kind % 3 == JOURNAL ? NAME "-journal" : NAME, bytes,
                   made);
    read_store(vfs_name(vfs));
    enum rc rc = vfs_verify(vfs, NAME, &verdict);
    (void)rc; /* any answer will do */
    vfs_unregister(vfs);
    power_disk_free(disk);
    vfs_keys_wipe(&keys);
    secret_wipe(&master);
    return 0;
}
