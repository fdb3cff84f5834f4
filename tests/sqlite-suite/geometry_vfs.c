/* The control of the comparison: plain files in our geometry. What fails here too is not the seal's doing. */
#include "tests/sqlite-suite/geometry_vfs.h"

#include "core/vfs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* It keeps what our VFS keeps (page size, reserved bytes, no mapping, no hints, few promises of the
 * device, temporary files in memory) and seals nothing. The base's file object follows ours. */
struct geometry_file {
    sqlite3_file api;
    sqlite3_file *base;
    const char *name;
    bool has_wal; /* a log was opened for it */
    struct geometry_file *next;
};

static sqlite3_vfs *memory_vfs;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct geometry_file *mains; /* that are open */

static sqlite3_file *
base_of(sqlite3_file *file)
{
    return ((struct geometry_file *)file)->base;
}

static int
geometry_close(sqlite3_file *file)
{
    (void)pthread_mutex_lock(&mutex);
    for (struct geometry_file **at = &mains; *at != NULL; at = &(*at)->next) {
        if (*at == (struct geometry_file *)file) {
            *at = (*at)->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&mutex);
    return base_of(file)->pMethods->xClose(base_of(file));
}

static int
geometry_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    sqlite3_int64 size = 1;

    if (offset < VFS_PAGE_BYTES && offset + amount <= VFS_PAGE_BYTES) {
        int code = base_of(file)->pMethods->xFileSize(base_of(file), &size);
        if (code != SQLITE_OK)
            return code;
    }
    if (size == 0) {
        uint8_t page[VFS_PAGE_BYTES] = {0};
        page[16] = VFS_PAGE_BYTES >> 8;
        page[20] = VFS_RESERVED_BYTES;
        memcpy(out, page + offset, (size_t)amount);
        return SQLITE_IOERR_SHORT_READ;
    }
    return base_of(file)->pMethods->xRead(base_of(file), out, amount, offset);
}

static int
geometry_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    const uint8_t *page = bytes;

    if (amount != VFS_PAGE_BYTES || offset % VFS_PAGE_BYTES != 0)
        return SQLITE_IOERR_WRITE;
    if (offset == 0 && (page[16] != VFS_PAGE_BYTES >> 8 || page[20] != VFS_RESERVED_BYTES))
        return SQLITE_IOERR_WRITE;
    return base_of(file)->pMethods->xWrite(base_of(file), bytes, amount, offset);
}

static int
geometry_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (size % VFS_PAGE_BYTES != 0)
        return SQLITE_IOERR_TRUNCATE;
    return base_of(file)->pMethods->xTruncate(base_of(file), size);
}

static int
geometry_sync(sqlite3_file *file, int flags)
{
    return base_of(file)->pMethods->xSync(base_of(file), flags);
}

static int
geometry_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return base_of(file)->pMethods->xFileSize(base_of(file), size);
}

static int
geometry_lock(sqlite3_file *file, int level)
{
    return base_of(file)->pMethods->xLock(base_of(file), level);
}

static int
geometry_unlock(sqlite3_file *file, int level)
{
    return base_of(file)->pMethods->xUnlock(base_of(file), level);
}

static int
geometry_reserved(sqlite3_file *file, int *is_reserved)
{
    return base_of(file)->pMethods->xCheckReservedLock(base_of(file), is_reserved);
}

static int
geometry_control(sqlite3_file *file, int operation, void *argument)
{
    char **words = argument;

    switch (operation) {
    case SQLITE_FCNTL_PRAGMA:
        if (sqlite3_stricmp(words[1], "mmap_size") == 0) {
            words[0] = sqlite3_mprintf("0");
            return SQLITE_OK;
        }
        return sqlite3_stricmp(words[1], "page_size") == 0 && words[2] != NULL ? SQLITE_OK
                                                                               : SQLITE_NOTFOUND;
    case SQLITE_FCNTL_SIZE_HINT:
    case SQLITE_FCNTL_CHUNK_SIZE:
        return SQLITE_OK;
    case SQLITE_FCNTL_MMAP_SIZE:
        *(sqlite3_int64 *)argument = 0;
        return SQLITE_OK;
    case SQLITE_FCNTL_LOCKSTATE:
    case SQLITE_FCNTL_LAST_ERRNO:
    case SQLITE_FCNTL_PERSIST_WAL:
    case SQLITE_FCNTL_HAS_MOVED:
    case SQLITE_FCNTL_BUSYHANDLER:
    case SQLITE_FCNTL_SYNC:
    case SQLITE_FCNTL_COMMIT_PHASETWO:
        return base_of(file)->pMethods->xFileControl(base_of(file), operation, argument);
    default:
        return SQLITE_NOTFOUND;
    }
}

static int
geometry_sector(sqlite3_file *file)
{
    int size = base_of(file)->pMethods->xSectorSize(base_of(file));

    return size < VFS_PAGE_BYTES ? VFS_PAGE_BYTES : size;
}

static int
geometry_characteristics(sqlite3_file *file)
{
    int kept = base_of(file)->pMethods->xDeviceCharacteristics(base_of(file)) &
               (SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN | SQLITE_IOCAP_IMMUTABLE |
                SQLITE_IOCAP_POWERSAFE_OVERWRITE);

    return ((struct geometry_file *)file)->has_wal ? kept : kept & ~SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
geometry_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    return base_of(file)->pMethods->xShmMap(base_of(file), region, size, extend, out);
}

static int
geometry_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return base_of(file)->pMethods->xShmLock(base_of(file), offset, n, flags);
}

static void
geometry_shm_barrier(sqlite3_file *file)
{
    base_of(file)->pMethods->xShmBarrier(base_of(file));
}

static int
geometry_shm_unmap(sqlite3_file *file, int should_delete)
{
    return base_of(file)->pMethods->xShmUnmap(base_of(file), should_delete);
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = geometry_close,
    .xRead = geometry_read,
    .xWrite = geometry_write,
    .xTruncate = geometry_truncate,
    .xSync = geometry_sync,
    .xFileSize = geometry_size,
    .xLock = geometry_lock,
    .xUnlock = geometry_unlock,
    .xCheckReservedLock = geometry_reserved,
    .xFileControl = geometry_control,
    .xSectorSize = geometry_sector,
    .xDeviceCharacteristics = geometry_characteristics,
    .xShmMap = geometry_shm_map,
    .xShmLock = geometry_shm_lock,
    .xShmBarrier = geometry_shm_barrier,
    .xShmUnmap = geometry_shm_unmap,
};

/* SQLite asks the main file on behalf of its log, which it finds by the pointer of its name. */
static void
note_wal(const char *wal_name)
{
    const char *name = sqlite3_filename_database(wal_name);

    (void)pthread_mutex_lock(&mutex);
    for (struct geometry_file *main = mains; main != NULL; main = main->next)
        main->has_wal |= main->name == name;
    (void)pthread_mutex_unlock(&mutex);
}

static int
geometry_open(sqlite3_vfs *api, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct geometry_file *own = (struct geometry_file *)file;
    sqlite3_vfs *base_vfs = api->pAppData;

    if (name == NULL)
        return memory_vfs->xOpen(memory_vfs, name, file, flags, out_flags);
    if ((flags & SQLITE_OPEN_WAL) != 0)
        note_wal(name);
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
        return base_vfs->xOpen(base_vfs, name, file, flags, out_flags);
    *own = (struct geometry_file){.base = (sqlite3_file *)(own + 1), .name = name};
    own->base->pMethods = NULL;
    int code = base_vfs->xOpen(base_vfs, name, own->base, flags, out_flags);
    if (own->base->pMethods == NULL)
        return code;
    own->api.pMethods = &METHODS;
    (void)pthread_mutex_lock(&mutex);
    own->next = mains;
    mains = own;
    (void)pthread_mutex_unlock(&mutex);
    return code;
}

static sqlite3_vfs *
base_vfs_of(sqlite3_vfs *api)
{
    return api->pAppData;
}

static int
geometry_delete(sqlite3_vfs *api, const char *name, int sync_directory)
{
    return base_vfs_of(api)->xDelete(base_vfs_of(api), name, sync_directory);
}

static int
geometry_access(sqlite3_vfs *api, const char *name, int flags, int *out)
{
    return base_vfs_of(api)->xAccess(base_vfs_of(api), name, flags, out);
}

sqlite3_vfs *
geometry_vfs(const char *base)
{
    sqlite3_vfs *unix_vfs = sqlite3_vfs_find("unix");
    sqlite3_vfs *base_vfs = sqlite3_vfs_find(base);
    sqlite3_vfs *vfs = calloc(1, sizeof *vfs);

    if (vfs == NULL)
        return NULL;
    memory_vfs = sqlite3_vfs_find("memdb");
    *vfs = *unix_vfs; /* time, randomness, paths: they do not look at pAppData */
    vfs->pNext = NULL;
    vfs->zName = "geometry";
    vfs->pAppData = base_vfs;
    vfs->szOsFile = (int)sizeof(struct geometry_file) + base_vfs->szOsFile;
    if (vfs->szOsFile < memory_vfs->szOsFile)
        vfs->szOsFile = memory_vfs->szOsFile;
    vfs->xOpen = geometry_open;
    vfs->xDelete = geometry_delete;
    vfs->xAccess = geometry_access;
    return vfs;
}
