/* A disk in memory that can lose power. */
#include "tests/support/power_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db_start.h"
#include "tests/support/chance.h"
#include "tests/support/power_inside.h"

/* --- the cut -------------------------------------------------------------------------------------- */

static bool
fails_now(struct power_disk *disk)
{
    if (disk->is_cut)
        return true;
    disk->operations++;
    disk->is_cut = disk->cut_at != 0 && disk->operations >= disk->cut_at;
    return disk->is_cut || disk->operations == disk->fail_at;
}

void
power_disk_restore(struct power_disk *disk, uint64_t seed)
{
    struct chance chance = {seed};

    for (struct power_file *file = disk->files; file != NULL; file = file->next)
        power_settle(file, &disk->manner, &chance);
    disk->is_cut = false;
    disk->cut_at = disk->cut_at_sync = 0;
}

void
power_disk_survive(struct power_disk *disk)
{
    disk->is_cut = false;
    disk->cut_at = disk->cut_at_sync = 0;
}

/* --- files ---------------------------------------------------------------------------------------- */

static struct power_file *
find(const struct power_disk *disk, const char *name)
{
    for (struct power_file *file = disk->files; file != NULL; file = file->next)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

static struct power_file *
need(struct power_disk *disk, const char *name)
{
    struct power_file *file = find(disk, name);

    if (file != NULL)
        return file;
    file = calloc(1, sizeof *file);
    power_demand(file);
    snprintf(file->name, sizeof file->name, "%s", name);
    file->next = disk->files;
    disk->files = file;
    return file;
}

static int
file_close(sqlite3_file *opaque)
{
    struct power_handle *handle = power_handle_of(opaque), **at = &handle->file->handles;

    opaque->pMethods = NULL;
    while (*at != handle)
        at = &(*at)->next;
    *at = handle->next;
    if (handle->file->handles == NULL)
        power_forget_shared(handle->file);
    if (handle->is_temporary)
        handle->file->exists = handle->file->exists_durably = false;
    return SQLITE_OK;
}

static int
file_read(sqlite3_file *opaque, void *out, int amount, sqlite3_int64 offset)
{
    const struct power_bytes *bytes = &power_handle_of(opaque)->file->current;
    size_t at = (size_t)offset, len = (size_t)amount;

    if (power_handle_of(opaque)->disk->is_cut)
        return SQLITE_IOERR_READ;
    size_t there = at >= bytes->len ? 0 : bytes->len - at;
    if (there > len)
        there = len;
    if (there > 0)
        memcpy(out, bytes->at + at, there);
    memset((uint8_t *)out + there, 0, len - there);
    return there == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static bool
is_full(const struct power_disk *disk, sqlite3_int64 end)
{
    return disk->file_bytes != 0 && end > disk->file_bytes;
}

static int
file_write(sqlite3_file *opaque, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct power_file *file = power_handle_of(opaque)->file;

    if (is_full(power_handle_of(opaque)->disk, offset + amount))
        return SQLITE_FULL;
    /* The write that power fails in has begun: it is among what may or may not be there. */
    bool was_cut = power_handle_of(opaque)->disk->is_cut;
    bool fails = fails_now(power_handle_of(opaque)->disk);
    bool is_lost = was_cut || (fails && !power_handle_of(opaque)->disk->is_cut);
    if (!is_lost)
        power_write(file, (size_t)offset, bytes, (size_t)amount);
    return fails ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int
file_truncate(sqlite3_file *opaque, sqlite3_int64 size)
{
    struct power_file *file = power_handle_of(opaque)->file;

    if (fails_now(power_handle_of(opaque)->disk))
        return SQLITE_IOERR_TRUNCATE;
    if (is_full(power_handle_of(opaque)->disk, size))
        return SQLITE_FULL;
    power_shorten(file, (size_t)size);
    return SQLITE_OK;
}

static int
file_sync(sqlite3_file *opaque, int flags)
{
    struct power_disk *disk = power_handle_of(opaque)->disk;

    (void)flags;
    if (fails_now(disk))
        return SQLITE_IOERR_FSYNC;
    disk->syncs++;
    if (disk->cut_at_sync != 0 && disk->syncs >= disk->cut_at_sync) {
        disk->is_cut = true;
        return SQLITE_IOERR_FSYNC;
    }
    if (!power_handle_of(opaque)->file->exists_durably) /* os_unix then syncs the directory too */
        power_disk_sync_directory(disk);
    power_make_durable(power_handle_of(opaque)->file);
    return SQLITE_OK;
}

static int
file_size(sqlite3_file *opaque, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)power_handle_of(opaque)->file->current.len;
    return power_handle_of(opaque)->disk->is_cut ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int
file_control(sqlite3_file *file, int operation, void *argument)
{
    (void)file;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int
file_sector(sqlite3_file *file)
{
    return (int)power_handle_of(file)->disk->manner.sector_bytes;
}

static int
file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods METHODS = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = power_lock,
    .xUnlock = power_unlock,
    .xCheckReservedLock = power_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = power_shared_map,
    .xShmLock = power_shared_lock,
    .xShmBarrier = power_shared_barrier,
    .xShmUnmap = power_shared_unmap,
};

/* --- the VFS --------------------------------------------------------------------------------------- */

static int
disk_open(sqlite3_vfs *api, const char *name, sqlite3_file *opaque, int flags, int *out_flags)
{
    struct power_handle *handle = power_handle_of(opaque);
    char temporary[32];

    memset(handle, 0, sizeof *handle);
    handle->disk = api->pAppData;
    if (handle->disk->is_cut)
        return SQLITE_CANTOPEN;
    snprintf(temporary, sizeof temporary, "temporary-%u", handle->disk->temporaries);
    handle->disk->temporaries += name == NULL;
    handle->is_temporary = name == NULL || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    handle->file = need(handle->disk, name == NULL ? temporary : name);
    if (!handle->file->exists && (flags & SQLITE_OPEN_CREATE) == 0)
        return SQLITE_CANTOPEN;
    if (!handle->file->exists) { /* a file deleted before is gone for good */
        power_forget(handle->file);
        power_empty(&handle->file->current);
        handle->file->exists_durably = false;
    }
    handle->file->exists = true;
    handle->next = handle->file->handles;
    handle->file->handles = handle;
    handle->api.pMethods = &METHODS;
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int
disk_delete(sqlite3_vfs *api, const char *name, int sync_directory)
{
    struct power_disk *disk = api->pAppData;
    struct power_file *file = find(disk, name);

    if (file == NULL || !file->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    if (fails_now(disk))
        return SQLITE_IOERR_DELETE;
    file->exists = false;
    if (sync_directory != 0)
        file->exists_durably = false;
    return SQLITE_OK;
}

static int
disk_access(sqlite3_vfs *api, const char *name, int flags, int *out)
{
    const struct power_file *file = find(api->pAppData, name);

    (void)flags;
    *out = file != NULL && file->exists && file->current.len > 0;
    return SQLITE_OK;
}

static int
disk_full_path(sqlite3_vfs *api, const char *name, int room, char *out)
{
    (void)api;
    return snprintf(out, (size_t)room, "%s", name) < room ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
disk_randomness(sqlite3_vfs *api, int len, char *out)
{
    (void)api;
    memset(out, 0, (size_t)len);
    return len;
}

static int
disk_sleep(sqlite3_vfs *api, int microseconds)
{
    (void)api;
    return microseconds;
}

static int
disk_time(sqlite3_vfs *api, double *out)
{
    (void)api;
    *out = 2461000.5;
    return SQLITE_OK;
}

static int
disk_last_error(sqlite3_vfs *api, int room, char *out)
{
    (void)api;
    (void)room;
    (void)out;
    return 0;
}

struct power_disk *
power_disk_new(void)
{
    struct power_disk *disk = calloc(1, sizeof *disk);

    power_demand(disk);
    snprintf(disk->name, sizeof disk->name, "power-%p", (void *)disk);
    disk->manner = (struct power_manner){512, POWER_MIXED};
    disk->api = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct power_handle),
        .mxPathname = POWER_NAME_BYTES,
        .zName = disk->name,
        .pAppData = disk,
        .xOpen = disk_open,
        .xDelete = disk_delete,
        .xAccess = disk_access,
        .xFullPathname = disk_full_path,
        .xRandomness = disk_randomness,
        .xSleep = disk_sleep,
        .xCurrentTime = disk_time,
        .xGetLastError = disk_last_error,
    };
    db_start(); /* the first of SQLite, as where the store is */
    if (sqlite3_vfs_register(&disk->api, 0) != SQLITE_OK)
        abort();
    return disk;
}

void
power_disk_free(struct power_disk *disk)
{
    if (disk == NULL)
        return;
    sqlite3_vfs_unregister(&disk->api);
    while (disk->files != NULL) {
        struct power_file *next = disk->files->next;
        power_forget(disk->files);
        power_empty(&disk->files->current);
        power_forget_shared(disk->files);
        free(disk->files);
        disk->files = next;
    }
    free(disk);
}

void
power_disk_sync_directory(struct power_disk *disk)
{
    for (struct power_file *file = disk->files; file != NULL; file = file->next)
        file->exists_durably = file->exists;
}

const char *
power_disk_vfs(const struct power_disk *disk)
{
    return disk->name;
}

void
power_disk_make_default(struct power_disk *disk)
{
    if (sqlite3_vfs_register(&disk->api, 1) != SQLITE_OK)
        abort();
}

void
power_disk_set_manner(struct power_disk *disk, const struct power_manner *manner)
{
    disk->manner = *manner;
}

void
power_disk_cut_at(struct power_disk *disk, uint64_t operation)
{
    disk->cut_at = operation == 0 ? 0 : disk->operations + operation;
}

void
power_disk_cut_at_sync(struct power_disk *disk, uint64_t sync)
{
    disk->cut_at_sync = sync == 0 ? 0 : disk->syncs + sync;
}

void
power_disk_fail_once(struct power_disk *disk, uint64_t operation)
{
    disk->fail_at = operation == 0 ? 0 : disk->operations + operation;
}

void
power_disk_limit(struct power_disk *disk, int64_t bytes)
{
    disk->file_bytes = bytes;
}

void
power_disk_cut_now(struct power_disk *disk)
{
    disk->is_cut = true;
}

bool
power_disk_is_cut(const struct power_disk *disk)
{
    return disk->is_cut;
}

uint64_t
power_disk_syncs(const struct power_disk *disk)
{
    return disk->syncs;
}

uint64_t
power_disk_operations(const struct power_disk *disk)
{
    return disk->operations;
}

const uint8_t *
power_disk_file(const struct power_disk *disk, const char *name, size_t *len)
{
    const struct power_file *file = find(disk, name);

    *len = 0;
    if (file == NULL || !file->exists)
        return NULL;
    *len = file->current.len;
    return file->current.at;
}

void
power_disk_each(const struct power_disk *disk,
                void (*visit)(void *context, const uint8_t *bytes, size_t len), void *context)
{
    for (const struct power_file *file = disk->files; file != NULL; file = file->next)
        if (file->exists)
            visit(context, file->current.at, file->current.len);
}

void
power_disk_put(struct power_disk *disk, const char *name, const void *bytes, size_t len)
{
    struct power_file *file = need(disk, name);

    power_forget(file);
    power_resize(&file->current, 0);
    power_put(&file->current, 0, bytes, len);
    file->exists = file->exists_durably = true;
}

int64_t
power_disk_longest(const struct power_disk *disk)
{
    size_t longest = 0;

    for (const struct power_file *file = disk->files; file != NULL; file = file->next)
        if (file->exists && file->current.len > longest)
            longest = file->current.len;
    return (int64_t)longest;
}

void
power_disk_copy_to(struct power_disk *to, const struct power_disk *from, const char *there,
                   const char *here)
{
    size_t len = strlen(there);
    char name[POWER_NAME_BYTES];

    for (const struct power_file *file = from->files; file != NULL; file = file->next)
        if (file->exists && strncmp(file->name, there, len) == 0) {
            snprintf(name, sizeof name, "%s%s", here, file->name + len);
            power_disk_put(to, name, file->current.at, file->current.len);
        }
}

void
power_disk_copy(struct power_disk *to, const struct power_disk *from)
{
    for (struct power_file *file = to->files; file != NULL; file = file->next) {
        power_forget(file);
        power_resize(&file->current, 0);
        file->exists = file->exists_durably = false;
    }
    for (const struct power_file *file = from->files; file != NULL; file = file->next)
        if (file->exists)
            power_disk_put(to, file->name, file->current.at, file->current.len);
    to->is_cut = false;
    to->cut_at = to->cut_at_sync = 0;
}
