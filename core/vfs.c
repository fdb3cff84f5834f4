/* The encrypting VFS as SQLite sees it: registration, proof of the key at opening, what passes through. */
#include "core/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/vfs_inside.h"

static struct vfs *
vfs_of(sqlite3_vfs *api)
{
    return api->pAppData;
}

static size_t
round_8(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* --- io methods common to both kinds --------------------------------------------------------- */

static sqlite3_file *
base_of(sqlite3_file *file)
{
    return ((struct vfs_file *)file)->base;
}

int
vfs_lock_through(sqlite3_file *file, int level)
{
    return base_of(file)->pMethods->xLock(base_of(file), level);
}

int
vfs_unlock_through(sqlite3_file *file, int level)
{
    return base_of(file)->pMethods->xUnlock(base_of(file), level);
}

int
vfs_reserved_through(sqlite3_file *file, int *is_reserved)
{
    return base_of(file)->pMethods->xCheckReservedLock(base_of(file), is_reserved);
}

int
vfs_sector_through(sqlite3_file *file)
{
    return base_of(file)->pMethods->xSectorSize(base_of(file));
}

/* What the base promises of writes of its own sizes (atomic, sequential, ...) is not true of ours. */
int
vfs_characteristics(sqlite3_file *file)
{
    return base_of(file)->pMethods->xDeviceCharacteristics(base_of(file)) &
           (SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN | SQLITE_IOCAP_IMMUTABLE |
            SQLITE_IOCAP_POWERSAFE_OVERWRITE);
}

/* --- opening --------------------------------------------------------------------------------- */

/* True when the log beside the file begins a generation under our key: then a checkpoint may have
 * been cut while it wrote page 1, and recovery will write that again. */
static bool
has_our_wal(struct vfs *vfs, const char *name)
{
    const char *wal_name = sqlite3_filename_wal(name);
    uint8_t unit[VFS_START_BYTES], header[VFS_WAL_HEADER_BYTES];
    int exists = 0;
    bool is_ours = false;

    if (vfs->base->xAccess(vfs->base, wal_name, SQLITE_ACCESS_EXISTS, &exists) != SQLITE_OK ||
        !exists)
        return false;
    sqlite3_file *file = calloc(1, (size_t)vfs->base->szOsFile);
    if (file == NULL)
        return false;
    int flags = SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE;
    if (vfs->base->xOpen(vfs->base, wal_name, file, flags, &flags) == SQLITE_OK)
        is_ours = file->pMethods->xRead(file, unit, sizeof unit, 0) == SQLITE_OK &&
                  vfs_start_open(&vfs->keys, unit, header);
    if (file->pMethods != NULL)
        file->pMethods->xClose(file);
    free(file);
    return is_ours;
}

static int
derive(struct vfs *vfs, const uint8_t id[VFS_FILE_ID_BYTES])
{
    if (vfs->keys.is_ready) /* one VFS, one file */
        return memcmp(vfs->keys.id, id, VFS_FILE_ID_BYTES) == 0 ? SQLITE_OK : SQLITE_NOTADB;
    return vfs_keys_derive(&vfs->keys, &vfs->master, id) == RC_OK ? SQLITE_OK : SQLITE_NOMEM;
}

/* A new file gets its id, on disk, before SQLite may write a page that depends on it. */
static int
begin_file(struct vfs *vfs, struct vfs_main_file *file)
{
    sqlite3_file *base = file->head.base;
    uint8_t id[VFS_FILE_ID_BYTES];

    vfs_id_make(&vfs->master, id);
    int code = derive(vfs, id);
    if (code == SQLITE_OK)
        code = base->pMethods->xWrite(base, id, sizeof id, 0);
    if (code == SQLITE_OK)
        code = base->pMethods->xSync(base, SQLITE_SYNC_FULL);
    if (code == SQLITE_OK)
        file->size = sizeof id;
    return code;
}

/*
 * Proves the key before SQLite can touch the log: recovery under a wrong key would find an empty log,
 * and the last close would delete it.
 */
static int
prove_key(struct vfs *vfs, struct vfs_main_file *file, const char *name, bool may_create)
{
    static const uint8_t NO_ID[VFS_FILE_ID_BYTES];
    sqlite3_file *base = file->head.base;
    uint8_t id[VFS_FILE_ID_BYTES];

    if (vfs->is_expected && !vfs_id_fits(&vfs->master, vfs->keys.id))
        return VFS_WRONG_KEY;
    if (file->size == 0)
        return vfs->is_expected || !may_create ? SQLITE_NOTADB : begin_file(vfs, file);
    if (file->size < VFS_FILE_ID_BYTES)
        return SQLITE_NOTADB;
    int code = base->pMethods->xRead(base, id, sizeof id, 0);
    if (code != SQLITE_OK)
        return code;
    if (vfs_id_fits(&vfs->master, id))
        return derive(vfs, id);
    if (memcmp(id, VFS_SQLITE_MAGIC, sizeof id) == 0)
        return SQLITE_NOTADB;
    if (vfs->is_expected)
        return has_our_wal(vfs, name) ? SQLITE_OK : SQLITE_NOTADB;
    if (may_create && file->size < VFS_PAGE_BYTES && memcmp(id, NO_ID, sizeof id) == 0)
        return begin_file(vfs, file);
    return id[VFS_SALT_BYTES] == VFS_PAGE_LOG2 ? VFS_WRONG_KEY : SQLITE_NOTADB;
}

static int
start_main(struct vfs *vfs, struct vfs_main_file *file, const char *name, int flags)
{
    int code = file->head.base->pMethods->xFileSize(file->head.base, &file->size);

    if (code == SQLITE_OK)
        code = prove_key(vfs, file, name, (flags & SQLITE_OPEN_CREATE) != 0);
    if (code == SQLITE_OK)
        file->head.api.pMethods = &VFS_MAIN_METHODS;
    return code;
}

static int
start_wal(struct vfs *vfs, struct vfs_wal_file *file)
{
    int code = vfs->keys.is_ready ? vfs_wal_start(file) : SQLITE_CANTOPEN;

    if (code == SQLITE_OK)
        file->head.api.pMethods = &VFS_WAL_METHODS;
    return code;
}

static size_t
own_size(void)
{
    return round_8(sizeof(struct vfs_main_file) > sizeof(struct vfs_wal_file)
                       ? sizeof(struct vfs_main_file)
                       : sizeof(struct vfs_wal_file));
}

static int
open_sealed(struct vfs *vfs, const char *name, struct vfs_file *file, int flags, int *out_flags)
{
    int code;

    memset(file, 0, own_size());
    file->base = (sqlite3_file *)((char *)file + own_size());
    file->base->pMethods = NULL;
    file->keys = &vfs->keys;
    code = vfs->base->xOpen(vfs->base, name, file->base, flags, out_flags);
    if (code == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0)
        code = start_main(vfs, (struct vfs_main_file *)file, name, flags);
    else if (code == SQLITE_OK)
        code = start_wal(vfs, (struct vfs_wal_file *)file);
    if (code != SQLITE_OK && file->base->pMethods != NULL)
        file->base->pMethods->xClose(file->base);
    return code;
}

static int
vfs_open_file(sqlite3_vfs *api, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct vfs *vfs = vfs_of(api);

    file->pMethods = NULL;
    if (name != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0)
        return open_sealed(vfs, name, (struct vfs_file *)file, flags, out_flags);
    if (name == NULL) /* what SQLite spills of a statement stays in memory */
        return vfs->memory->xOpen(vfs->memory, name, file, flags, out_flags);
    sqlite3_log(SQLITE_CANTOPEN, "a store has no journal but its write-ahead log");
    return SQLITE_CANTOPEN;
}

/* --- what passes through ---------------------------------------------------------------------- */

static int
vfs_delete_file(sqlite3_vfs *api, const char *name, int sync_directory)
{
    return vfs_of(api)->base->xDelete(vfs_of(api)->base, name, sync_directory);
}

/* A store never makes a rollback journal: one that lies there is not ours and is not looked at. */
static int
vfs_access(sqlite3_vfs *api, const char *name, int flags, int *out)
{
    static const char JOURNAL[] = "-journal";
    size_t len = strlen(name);

    *out = 0;
    if (len >= sizeof JOURNAL - 1 && strcmp(name + len - (sizeof JOURNAL - 1), JOURNAL) == 0)
        return SQLITE_OK;
    return vfs_of(api)->base->xAccess(vfs_of(api)->base, name, flags, out);
}

static int
vfs_full_path(sqlite3_vfs *api, const char *name, int room, char *out)
{
    return vfs_of(api)->base->xFullPathname(vfs_of(api)->base, name, room, out);
}

static int
vfs_randomness(sqlite3_vfs *api, int len, char *out)
{
    (void)api;
    random_fill(out, (size_t)len);
    return len;
}

static int
vfs_sleep(sqlite3_vfs *api, int microseconds)
{
    return vfs_of(api)->base->xSleep(vfs_of(api)->base, microseconds);
}

static int
vfs_time(sqlite3_vfs *api, double *out)
{
    return vfs_of(api)->base->xCurrentTime(vfs_of(api)->base, out);
}

static int
vfs_time_int64(sqlite3_vfs *api, sqlite3_int64 *out)
{
    sqlite3_vfs *base = vfs_of(api)->base;
    double days;

    if (base->iVersion >= 2 && base->xCurrentTimeInt64 != NULL)
        return base->xCurrentTimeInt64(base, out);
    int code = base->xCurrentTime(base, &days);
    *out = (sqlite3_int64)(days * 86400000.0);
    return code;
}

static int
vfs_last_error(sqlite3_vfs *api, int room, char *out)
{
    return vfs_of(api)->base->xGetLastError(vfs_of(api)->base, room, out);
}

/* --- registration ----------------------------------------------------------------------------- */

static void
fill_api(struct vfs *vfs)
{
    size_t size = own_size() + (size_t)vfs->base->szOsFile;

    if (size < (size_t)vfs->memory->szOsFile)
        size = (size_t)vfs->memory->szOsFile;
    vfs->api = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)size,
        .mxPathname = vfs->base->mxPathname,
        .zName = vfs->name,
        .pAppData = vfs,
        .xOpen = vfs_open_file,
        .xDelete = vfs_delete_file,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time_int64,
    };
}

enum rc
vfs_register(const char *base, const struct secret *key, const uint8_t *file_id, struct vfs **out)
{
    struct vfs *vfs;
    enum rc rc;

    *out = NULL;
    if (key->len != CRYPTO_KEY_BYTES)
        return rc_fail(RC_INVALID, _("the store key has %zu bytes, not 32"), key->len);
    vfs = calloc(1, sizeof *vfs);
    if (vfs == NULL)
        return rc_nomem();
    vfs->base = sqlite3_vfs_find(base == NULL ? "unix" : base);
    vfs->memory = sqlite3_vfs_find("memdb");
    rc = vfs->base == NULL || vfs->memory == NULL
             ? rc_fail(RC_ABSENT, "SQLite lacks the VFS %s or memdb", base == NULL ? "unix" : base)
             : secret_copy(&vfs->master, key->bytes, key->len);
    if (rc == RC_OK && file_id != NULL) {
        vfs->is_expected = true;
        rc = vfs_keys_derive(&vfs->keys, &vfs->master, file_id);
    }
    if (rc == RC_OK) {
        snprintf(vfs->name, sizeof vfs->name, "baken-%016llx", (unsigned long long)random_u64());
        fill_api(vfs);
        if (sqlite3_vfs_register(&vfs->api, 0) != SQLITE_OK)
            rc = rc_nomem();
    }
    if (rc != RC_OK) {
        vfs_keys_wipe(&vfs->keys);
        secret_wipe(&vfs->master);
        free(vfs);
        return rc;
    }
    *out = vfs;
    return RC_OK;
}

void
vfs_unregister(struct vfs *vfs)
{
    if (vfs == NULL)
        return;
    sqlite3_vfs_unregister(&vfs->api);
    vfs_keys_wipe(&vfs->keys);
    secret_wipe(&vfs->master);
    free(vfs);
}

const char *
vfs_name(const struct vfs *vfs)
{
    return vfs->name;
}

enum rc
vfs_file_id(const struct vfs *vfs, uint8_t id[VFS_FILE_ID_BYTES])
{
    if (!vfs->keys.is_ready)
        return rc_fail(RC_ABSENT, _("no store was opened yet"));
    memcpy(id, vfs->keys.id, VFS_FILE_ID_BYTES);
    return RC_OK;
}

enum rc
vfs_remove(const char *base_name, const char *path)
{
    sqlite3_vfs *base = sqlite3_vfs_find(base_name == NULL ? "unix" : base_name);
    char wal[4096];

    if (base == NULL)
        return rc_fail(RC_ABSENT, "SQLite lacks the VFS %s", base_name);
    int len = snprintf(wal, sizeof wal, "%s-wal", path);
    if (len < 0 || (size_t)len >= sizeof wal)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    const char *const names[] = {wal, path};
    for (size_t i = 0; i < 2; i++) {
        int code = base->xDelete(base, names[i], 1);
        if (code != SQLITE_OK && code != SQLITE_IOERR_DELETE_NOENT)
            return rc_fail(RC_IO, _("deleting %s (SQLite %d)"), names[i], code);
    }
    return RC_OK;
}
