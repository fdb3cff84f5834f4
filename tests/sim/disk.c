/* Disks in memory below SQLite, with power cuts. */
#include "tests/sim/disk.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, PATH_ROOM = 200, SHM_REGIONS = 64 };

struct file {
    struct file *next;
    struct disk *disk;
    char path[PATH_ROOM];
    bool exists;
    int opens;
    uint8_t *now;   /* what the program reads */
    uint8_t *was;   /* what is surely on the platter; as much room as `now` */
    uint8_t *dirty; /* a byte per sector */
    size_t len, was_len, room;
    void *shm[SHM_REGIONS];
};

struct disk {
    char prefix[PATH_ROOM];
    size_t prefix_len;
    struct file *files;
    uint64_t syncs;
    unsigned cut_at;
    bool is_dead;
    void (*died)(void *context);
    void *context;
};

struct handle {
    sqlite3_file api;
    struct file *file;
};

static struct {
    struct disk *disks[DISK_COUNT];
    size_t count;
    sqlite3_vfs api;
} all;

/* ---- files ---- */

static struct disk *
disk_of(const char *path)
{
    for (size_t i = 0; i < all.count; i++)
        if (strncmp(path, all.disks[i]->prefix, all.disks[i]->prefix_len) == 0)
            return all.disks[i];
    return NULL;
}

static struct file *
find(struct disk *disk, const char *path)
{
    for (struct file *file = disk->files; file != NULL; file = file->next)
        if (strcmp(file->path, path) == 0)
            return file;
    return NULL;
}

static void *
must(void *memory)
{
    if (memory == NULL)
        abort(); /* the simulator itself has no use for going on */
    return memory;
}

static struct file *
make(struct disk *disk, const char *path)
{
    struct file *file = must(calloc(1, sizeof *file));

    assert(strlen(path) < sizeof file->path);
    memcpy(file->path, path, strlen(path) + 1);
    file->disk = disk;
    file->next = disk->files;
    disk->files = file;
    return file;
}

static void
reserve(struct file *file, size_t len)
{
    if (len <= file->room)
        return;
    size_t room = file->room == 0 ? 64 * SECTOR : file->room;
    while (room < len)
        room *= 2;
    file->now = must(realloc(file->now, room));
    file->was = must(realloc(file->was, room));
    file->dirty = must(realloc(file->dirty, room / SECTOR));
    memset(file->now + file->room, 0, room - file->room);
    memset(file->was + file->room, 0, room - file->room);
    memset(file->dirty + file->room / SECTOR, 0, (room - file->room) / SECTOR);
    file->room = room;
}

static void
mark(struct file *file, size_t from, size_t to)
{
    for (size_t sector = from / SECTOR; sector * SECTOR < to; sector++)
        file->dirty[sector] = 1;
}

static void
flush(struct file *file)
{
    size_t end = file->len > file->was_len ? file->len : file->was_len;

    for (size_t at = 0; at < end; at += SECTOR)
        if (file->dirty[at / SECTOR] != 0) {
            memcpy(file->was + at, file->now + at, SECTOR);
            file->dirty[at / SECTOR] = 0;
        }
    file->was_len = file->len;
}

/* ---- methods of a file ---- */

static struct file *
of(sqlite3_file *api)
{
    return ((struct handle *)api)->file;
}

static int
file_close(sqlite3_file *api)
{
    struct file *file = of(api);

    if (--file->opens == 0)
        for (size_t i = 0; i < SHM_REGIONS; i++) {
            free(file->shm[i]);
            file->shm[i] = NULL;
        }
    return SQLITE_OK;
}

static int
file_read(sqlite3_file *api, void *out, int want, sqlite3_int64 offset)
{
    struct file *file = of(api);
    size_t at = (size_t)offset, len = (size_t)want;

    if (file->disk->is_dead)
        return SQLITE_IOERR_READ;
    if (at + len <= file->len) {
        memcpy(out, file->now + at, len);
        return SQLITE_OK;
    }
    memset(out, 0, len);
    if (at < file->len)
        memcpy(out, file->now + at, file->len - at);
    return SQLITE_IOERR_SHORT_READ;
}

static int
file_write(sqlite3_file *api, const void *bytes, int count, sqlite3_int64 offset)
{
    struct file *file = of(api);
    size_t at = (size_t)offset, len = (size_t)count;

    if (file->disk->is_dead)
        return SQLITE_IOERR_WRITE;
    reserve(file, at + len);
    if (at > file->len)
        mark(file, file->len, at);
    memcpy(file->now + at, bytes, len);
    mark(file, at, at + len);
    if (at + len > file->len)
        file->len = at + len;
    return SQLITE_OK;
}

static int
file_truncate(sqlite3_file *api, sqlite3_int64 size)
{
    struct file *file = of(api);
    size_t len = (size_t)size;

    if (file->disk->is_dead)
        return SQLITE_IOERR_TRUNCATE;
    if (len < file->len) {
        memset(file->now + len, 0, file->len - len);
        mark(file, len, file->len);
    }
    reserve(file, len);
    file->len = len;
    return SQLITE_OK;
}

static int
file_sync(sqlite3_file *api, int flags)
{
    struct file *file = of(api);
    struct disk *disk = file->disk;

    (void)flags;
    if (!disk->is_dead && disk->cut_at > 0 && --disk->cut_at == 0)
        disk_cut(disk);
    if (disk->is_dead)
        return SQLITE_IOERR_FSYNC;
    disk->syncs++;
    flush(file);
    return SQLITE_OK;
}

static int
file_size(sqlite3_file *api, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)of(api)->len;
    return of(api)->disk->is_dead ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

/* One thread and one process use a disk, each file by one connection at a time: locks always hold. */
static int
file_lock(sqlite3_file *api, int level)
{
    (void)api, (void)level;
    return SQLITE_OK;
}

static int
file_reserved(sqlite3_file *api, int *out)
{
    (void)api;
    *out = 0;
    return SQLITE_OK;
}

static int
file_control(sqlite3_file *api, int op, void *arg)
{
    (void)api, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int
file_sector(sqlite3_file *api)
{
    (void)api;
    return SECTOR;
}

static int
file_characteristics(sqlite3_file *api)
{
    (void)api;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
file_shm_map(sqlite3_file *api, int region, int size, int extend, void volatile **out)
{
    struct file *file = of(api);

    *out = NULL;
    if (file->disk->is_dead || region >= SHM_REGIONS)
        return SQLITE_IOERR_SHMMAP;
    if (file->shm[region] == NULL && extend)
        file->shm[region] = must(calloc(1, (size_t)size));
    *out = file->shm[region];
    return SQLITE_OK;
}

static int
file_shm_lock(sqlite3_file *api, int offset, int count, int flags)
{
    (void)api, (void)offset, (void)count, (void)flags;
    return SQLITE_OK;
}

static void
file_shm_barrier(sqlite3_file *api)
{
    (void)api;
}

static int
file_shm_unmap(sqlite3_file *api, int with_delete)
{
    (void)api, (void)with_delete;
    return SQLITE_OK;
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
    .xUnlock = file_lock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- methods of the VFS ---- */

static int
vfs_open(sqlite3_vfs *api, const char *path, sqlite3_file *out, int flags, int *out_flags)
{
    struct handle *handle = (struct handle *)out;
    struct disk *disk = path == NULL ? NULL : disk_of(path);

    (void)api;
    out->pMethods = NULL;
    if (disk == NULL || disk->is_dead)
        return SQLITE_CANTOPEN;
    struct file *file = find(disk, path);
    if ((file == NULL || !file->exists) && (flags & SQLITE_OPEN_CREATE) == 0)
        return SQLITE_CANTOPEN;
    if (file == NULL)
        file = make(disk, path);
    file->exists = true;
    file->opens++;
    *handle = (struct handle){{&METHODS}, file};
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int
vfs_delete(sqlite3_vfs *api, const char *path, int sync_directory)
{
    struct disk *disk = disk_of(path);
    struct file *file = disk == NULL ? NULL : find(disk, path);

    (void)api, (void)sync_directory;
    if (disk == NULL || disk->is_dead)
        return SQLITE_IOERR_DELETE;
    if (file == NULL || !file->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    file->exists = false;
    if (file->room > 0) {
        memset(file->now, 0, file->room);
        memset(file->was, 0, file->room);
        memset(file->dirty, 0, file->room / SECTOR);
    }
    file->len = file->was_len = 0;
    return SQLITE_OK;
}

static int
vfs_access(sqlite3_vfs *api, const char *path, int flags, int *out)
{
    struct disk *disk = disk_of(path);
    struct file *file = disk == NULL ? NULL : find(disk, path);

    (void)api, (void)flags;
    *out = file != NULL && file->exists;
    return disk != NULL && disk->is_dead ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int
vfs_full_path(sqlite3_vfs *api, const char *path, int room, char *out)
{
    size_t len = strlen(path) + 1;

    (void)api;
    if (len > (size_t)room)
        return SQLITE_CANTOPEN;
    memcpy(out, path, len);
    return SQLITE_OK;
}

static int
vfs_randomness(sqlite3_vfs *api, int len, char *out)
{
    (void)api;
    dice_sodium_fill(out, (size_t)len);
    return len;
}

static int
vfs_sleep(sqlite3_vfs *api, int microseconds)
{
    (void)api;
    return microseconds;
}

/* SQLite's idea of the time is used by nothing of ours: it stands still. */
static int
vfs_time(sqlite3_vfs *api, double *out)
{
    (void)api;
    *out = 2461000.5;
    return SQLITE_OK;
}

static int
vfs_last_error(sqlite3_vfs *api, int room, char *out)
{
    (void)api, (void)room, (void)out;
    return 0;
}

void
disks_start(void)
{
    all.api = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct handle),
        .mxPathname = PATH_ROOM - 8,
        .zName = DISK_VFS,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    if (sqlite3_vfs_register(&all.api, 1) != SQLITE_OK)
        abort();
}

void
disks_reseed(void)
{
    sqlite3_randomness(0, NULL);
}

/* ---- disks ---- */

struct disk *
disk_add(const char *prefix)
{
    struct disk *disk = must(calloc(1, sizeof *disk));

    assert(all.count < DISK_COUNT && strlen(prefix) < sizeof disk->prefix);
    disk->prefix_len = strlen(prefix);
    memcpy(disk->prefix, prefix, disk->prefix_len + 1);
    all.disks[all.count++] = disk;
    return disk;
}

void
disk_cut_at(struct disk *disk, unsigned syncs, void (*died)(void *context), void *context)
{
    disk->cut_at = syncs;
    disk->died = died;
    disk->context = context;
}

void
disk_cut(struct disk *disk)
{
    if (disk->is_dead)
        return;
    disk->is_dead = true;
    disk->cut_at = 0;
    if (disk->died != NULL)
        disk->died(disk->context);
}

bool
disk_is_dead(const struct disk *disk)
{
    return disk->is_dead;
}

uint64_t
disk_syncs(const struct disk *disk)
{
    return disk->syncs;
}

static void
cut_sector(uint8_t *was, const uint8_t *now, struct dice *dice)
{
    size_t upto = 0;

    switch (dice_below(dice, 8)) {
    case 0:
        upto = dice_below(dice, SECTOR);
        break;
    case 1:
    case 2:
    case 3:
        upto = SECTOR;
        break;
    default:
        break;
    }
    memcpy(was, now, upto);
}

static void
cut_file(struct file *file, struct dice *dice)
{
    size_t end = file->len > file->was_len ? file->len : file->was_len;
    size_t low = file->len < file->was_len ? file->len : file->was_len;
    size_t len = file->was_len;

    for (size_t at = 0; at < end; at += SECTOR)
        if (file->dirty[at / SECTOR] != 0)
            cut_sector(file->was + at, file->now + at, dice);
    if (end != low)
        switch (dice_below(dice, 3)) {
        case 0:
            len = file->len;
            break;
        case 1:
            len = low + dice_below(dice, (unsigned)(end - low));
            break;
        default:
            break;
        }
    if (end > len)
        memset(file->was + len, 0, end - len);
    if (file->room > 0) {
        memcpy(file->now, file->was, file->room);
        memset(file->dirty, 0, file->room / SECTOR);
    }
    file->len = file->was_len = len;
}

void
disk_restart(struct disk *disk, struct dice *dice)
{
    for (struct file *file = disk->files; file != NULL; file = file->next) {
        assert(file->opens == 0);
        if (file->exists)
            cut_file(file, dice);
    }
    disk->is_dead = false;
    disk->cut_at = 0;
}
