/* A VFS whose operations fail on order, over another. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "core/db_start.h"
#include "tests/crash/faults/fault.h"

struct file {
    sqlite3_file api;
    sqlite3_file *base;
};

static sqlite3_vfs *base_vfs;
static sqlite3_vfs fault_vfs;

/* SQLite asks for errno where a call failed. */
static bool
fails_now(enum fault_kind kind)
{
    bool fails = fault_now(kind);

    if (fails)
        errno = EIO;
    return fails;
}

/* The file below, whose own allocations and calls do not count; `left` ends that. */
static sqlite3_file *
enter(sqlite3_file *file)
{
    fault_suspend(true);
    return ((struct file *)file)->base;
}

static int
left(int code)
{
    fault_suspend(false);
    return code;
}

static int
file_close(sqlite3_file *file)
{
    sqlite3_file *base = enter(file);
    int code = base->pMethods->xClose(base);

    free(base);
    return left(code);
}

static int
file_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    if (fails_now(FAULT_READ))
        return SQLITE_IOERR_READ;
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xRead(base, out, amount, offset));
}

static int
file_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    if (fails_now(FAULT_WRITE))
        return SQLITE_IOERR_WRITE;
    bool is_full = fails_now(FAULT_FULL); /* a disk that fills up takes the beginning */
    sqlite3_file *base = enter(file);
    int code = base->pMethods->xWrite(base, bytes, is_full ? amount / 2 : amount, offset);
    return left(code == SQLITE_OK && is_full ? SQLITE_FULL : code);
}

static int
file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (fails_now(FAULT_TRUNCATE))
        return SQLITE_IOERR_TRUNCATE;
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xTruncate(base, size));
}

static int
file_sync(sqlite3_file *file, int flags)
{
    if (fails_now(FAULT_SYNC))
        return SQLITE_IOERR_FSYNC;
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xSync(base, flags));
}

static int
file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    if (fails_now(FAULT_LOOK))
        return SQLITE_IOERR_FSTAT;
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xFileSize(base, size));
}

static int
file_lock(sqlite3_file *file, int level)
{
    if (fails_now(FAULT_LOCK))
        return SQLITE_IOERR_LOCK;
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xLock(base, level));
}

static int
file_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xUnlock(base, level));
}

static int
file_reserved(sqlite3_file *file, int *out)
{
    if (fails_now(FAULT_LOCK))
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xCheckReservedLock(base, out));
}

static int
file_control(sqlite3_file *file, int operation, void *argument)
{
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xFileControl(base, operation, argument));
}

static int
file_sector(sqlite3_file *file)
{
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xSectorSize(base));
}

static int
file_characteristics(sqlite3_file *file)
{
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xDeviceCharacteristics(base));
}

static int
file_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    *out = NULL;
    if (fails_now(FAULT_OPEN))
        return SQLITE_IOERR_SHMMAP;
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xShmMap(base, region, size, extend, out));
}

static int
file_shared_lock(sqlite3_file *file, int offset, int count, int flags)
{
    if ((flags & SQLITE_SHM_LOCK) != 0 && fails_now(FAULT_LOCK))
        return SQLITE_IOERR_SHMLOCK;
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xShmLock(base, offset, count, flags));
}

static void
file_barrier(sqlite3_file *file)
{
    sqlite3_file *base = enter(file);
    base->pMethods->xShmBarrier(base);
    fault_suspend(false);
}

static int
file_unmap(sqlite3_file *file, int with_deletion)
{
    sqlite3_file *base = enter(file);
    return left(base->pMethods->xShmUnmap(base, with_deletion));
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_map,
    .xShmLock = file_shared_lock,
    .xShmBarrier = file_barrier,
    .xShmUnmap = file_unmap,
};

static int
vfs_open(sqlite3_vfs *api, const char *name, sqlite3_file *opaque, int flags, int *out_flags)
{
    struct file *file = (struct file *)opaque;

    (void)api;
    memset(file, 0, sizeof *file);
    if (fails_now(FAULT_OPEN))
        return SQLITE_CANTOPEN;
    fault_suspend(true);
    file->base = calloc(1, (size_t)base_vfs->szOsFile);
    if (file->base == NULL)
        abort();
    int code = base_vfs->xOpen(base_vfs, name, file->base, flags, out_flags);
    if (code == SQLITE_OK)
        file->api.pMethods = &METHODS;
    else
        free(file->base);
    return left(code);
}

static int
vfs_delete(sqlite3_vfs *api, const char *name, int sync_directory)
{
    (void)api;
    if (fails_now(FAULT_DELETE))
        return SQLITE_IOERR_DELETE;
    fault_suspend(true);
    return left(base_vfs->xDelete(base_vfs, name, sync_directory));
}

static int
vfs_access(sqlite3_vfs *api, const char *name, int flags, int *out)
{
    (void)api;
    *out = 0;
    if (fails_now(FAULT_LOOK))
        return SQLITE_IOERR_ACCESS;
    fault_suspend(true);
    return left(base_vfs->xAccess(base_vfs, name, flags, out));
}

const char *
fault_vfs_over(const char *base)
{
    base_vfs = sqlite3_vfs_find(base);
    if (base_vfs == NULL)
        abort();
    return fault_vfs.zName;
}

void
fault_vfs_start(void)
{
    db_start();
    fault_vfs = *sqlite3_vfs_find("unix"); /* names, time, randomness */
    fault_vfs.pNext = NULL;
    fault_vfs.zName = "fault";
    fault_vfs.szOsFile = sizeof(struct file);
    fault_vfs.xOpen = vfs_open;
    fault_vfs.xDelete = vfs_delete;
    fault_vfs.xAccess = vfs_access;
    if (sqlite3_vfs_register(&fault_vfs, 0) != SQLITE_OK)
        abort();
}
