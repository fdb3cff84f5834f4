/* What the tests of a file that SQLite itself uses through our VFS share: one with 200 rows, on a disk in memory, new for every test. */
#ifndef TESTS_UNIT_RAW_DISK_H
#define TESTS_UNIT_RAW_DISK_H

#include "tests/unit/unit.h"

#include <string.h>

#include "core/crypto.h"
#include "core/vfs.h"
#include "tests/support/power_vfs.h"
#include "tests/support/raw.h"

#define NAME "/store.db"
#define MARKER "Zorgvuldig-GEHEIM-merkteken"
#define FILL                                                                                       \
    "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 200)"                \
    " INSERT INTO t SELECT i, 0, '" MARKER "' || hex(zeroblob(200)) FROM s"
#define SPILL "PRAGMA cache_size=5; PRAGMA cache_spill=5"

static struct power_disk *disk;
static struct secret key;
static struct vfs *vfs;
static sqlite3 *db;
static uint8_t file_id[VFS_FILE_ID_BYTES];

static inline void
close_all(void)
{
    raw_close(db);
    vfs_unregister(vfs);
    db = NULL;
    vfs = NULL;
}

static inline void
open_with(const uint8_t *id)
{
    close_all();
    assert_ok(vfs_register(power_disk_vfs(disk), &key, id, &vfs));
    db = raw_open(vfs_name(vfs), NAME);
}

static inline int
set_up(void **state)
{
    (void)state;
    disk = power_disk_new();
    assert_ok(secret_make(&key, CRYPTO_KEY_BYTES));
    memset(key.bytes, 7, key.len);
    open_with(NULL);
    assert_ok(vfs_file_id(vfs, file_id));
    raw_run(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, v INTEGER, b TEXT)");
    raw_run(db, FILL);
    return 0;
}

static inline int
tear_down(void **state)
{
    (void)state;
    power_disk_cut_now(disk);
    (void)raw_code(db, "ROLLBACK");
    close_all();
    secret_wipe(&key);
    power_disk_free(disk);
    return 0;
}

#endif
