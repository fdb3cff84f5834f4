/* A disk in memory that can lose power. */
#include "tests/support/power_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/chance.h"

enum { SECTOR_BYTES = 512, NAME_BYTES = 512, SHARED_REGIONS = 64 };

struct bytes {
    uint8_t *at;
    size_t len;
    size_t room;
};

/* A write or truncation (at NULL, to `offset`) that no sync has made durable. */
struct pending {
    struct pending *next;
    size_t offset;
    struct bytes bytes;
};

struct power_file {
    struct power_file *next;
    char name[NAME_BYTES];
    struct bytes current; /* what the program sees */
    struct bytes durable; /* what surely survives */
    struct pending *first, *last;
    void *shared[SHARED_REGIONS]; /* the wal-index of connections that do not lock exclusively */
    size_t opens;
    bool exists; /* to the program */
    bool exists_durably;
};

struct power_disk {
    sqlite3_vfs api;
    char name[32];
    struct power_file *files;
    uint64_t operations;
    uint64_t syncs;
    uint64_t cut_at; /* operation number; 0 is never */
    uint64_t cut_at_sync;
    uint64_t fail_at; /* this operation alone fails */
    bool is_cut;
};

struct handle {
    sqlite3_file api;
    struct power_disk *disk;
    struct power_file *file;
};

/* --- bytes --------------------------------------------------------------------------------------- */

static void
demand(const void *memory)
{
    if (memory == NULL)
        abort();
}

static void
resize(struct bytes *bytes, size_t len)
{
    if (len > bytes->room) {
        bytes->room = len < 4096 ? 8192 : len * 2;
        bytes->at = realloc(bytes->at, bytes->room);
        demand(bytes->at);
    }
    if (len > bytes->len)
        memset(bytes->at + bytes->len, 0, len - bytes->len);
    bytes->len = len;
}

static void
put(struct bytes *bytes, size_t offset, const uint8_t *from, size_t len)
{
    if (offset + len > bytes->len)
        resize(bytes, offset + len);
    memcpy(bytes->at + offset, from, len);
}

static void
empty(struct bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct bytes){NULL, 0, 0};
}

static void
forget_pending(struct power_file *file)
{
    while (file->first != NULL) {
        struct pending *next = file->first->next;
        empty(&file->first->bytes);
        free(file->first);
        file->first = next;
    }
    file->last = NULL;
}

static struct pending *
add_pending(struct power_file *file, size_t offset)
{
    struct pending *pending = calloc(1, sizeof *pending);

    demand(pending);
    pending->offset = offset;
    if (file->last == NULL)
        file->first = pending;
    else
        file->last->next = pending;
    file->last = pending;
    return pending;
}

/* Done in order, so that only what was written since the last sync costs. */
static void
make_durable(struct power_file *file)
{
    for (struct pending *pending = file->first; pending != NULL; pending = pending->next) {
        if (pending->bytes.at == NULL)
            resize(&file->durable, pending->offset);
        else
            put(&file->durable, pending->offset, pending->bytes.at, pending->bytes.len);
    }
    forget_pending(file);
    file->exists_durably = true;
}

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

static void
settle_write(struct bytes *left, const struct pending *pending, struct chance *chance)
{
    size_t done = 0;

    while (done < pending->bytes.len) {
        size_t at = pending->offset + done;
        size_t len = SECTOR_BYTES - at % SECTOR_BYTES;
        if (len > pending->bytes.len - done)
            len = pending->bytes.len - done;
        uint64_t fate = chance_below(chance, 8);
        if (fate < 4)
            put(left, at, pending->bytes.at + done, len);
        else if (fate == 7) {
            resize(left, at + len > left->len ? at + len : left->len);
            for (size_t i = 0; i < len; i++)
                left->at[at + i] = (uint8_t)chance_u64(chance);
        }
        done += len;
    }
}

static void
settle_file(struct power_file *file, struct chance *chance)
{
    size_t before = file->durable.len, after = file->current.len;

    for (struct pending *pending = file->first; pending != NULL; pending = pending->next)
        settle_write(&file->durable, pending, chance);
    if (file->first != NULL) {
        uint64_t fate = chance_below(chance, 3);
        size_t len = fate == 0 ? before : after;
        /* A file system shortens a file at once: a part of the end, gone, is no state of it. */
        if (fate == 2 && after > before)
            len = before + chance_below(chance, after - before + 1);
        resize(&file->durable, len);
    }
    if (file->exists != file->exists_durably)
        file->exists_durably = chance_below(chance, 2) == 0;
    forget_pending(file);
    file->exists = file->exists_durably;
    if (!file->exists)
        empty(&file->durable);
    resize(&file->current, 0);
    if (file->durable.len > 0)
        put(&file->current, 0, file->durable.at, file->durable.len);
}

void
power_disk_restore(struct power_disk *disk, uint64_t seed)
{
    struct chance chance = {seed};

    for (struct power_file *file = disk->files; file != NULL; file = file->next)
        settle_file(file, &chance);
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
    demand(file);
    snprintf(file->name, sizeof file->name, "%s", name);
    file->next = disk->files;
    disk->files = file;
    return file;
}

static struct handle *
handle_of(sqlite3_file *file)
{
    return (struct handle *)file;
}

static void
forget_shared(struct power_file *file)
{
    for (size_t i = 0; i < SHARED_REGIONS; i++) {
        free(file->shared[i]);
        file->shared[i] = NULL;
    }
}

static int
file_close(sqlite3_file *file)
{
    struct power_file *closed = handle_of(file)->file;

    file->pMethods = NULL;
    if (--closed->opens == 0)
        forget_shared(closed);
    return SQLITE_OK;
}

static int
file_read(sqlite3_file *opaque, void *out, int amount, sqlite3_int64 offset)
{
    const struct bytes *bytes = &handle_of(opaque)->file->current;
    size_t at = (size_t)offset, len = (size_t)amount;

    if (handle_of(opaque)->disk->is_cut)
        return SQLITE_IOERR_READ;
    size_t there = at >= bytes->len ? 0 : bytes->len - at;
    if (there > len)
        there = len;
    if (there > 0)
        memcpy(out, bytes->at + at, there);
    memset((uint8_t *)out + there, 0, len - there);
    return there == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
file_write(sqlite3_file *opaque, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct power_file *file = handle_of(opaque)->file;

    /* The write that power fails in has begun: it is among what may or may not be there. */
    bool was_cut = handle_of(opaque)->disk->is_cut;
    bool fails = fails_now(handle_of(opaque)->disk);
    bool is_lost = was_cut || (fails && !handle_of(opaque)->disk->is_cut);
    if (!is_lost) {
        put(&add_pending(file, (size_t)offset)->bytes, 0, bytes, (size_t)amount);
        put(&file->current, (size_t)offset, bytes, (size_t)amount);
    }
    return fails ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int
file_truncate(sqlite3_file *opaque, sqlite3_int64 size)
{
    struct power_file *file = handle_of(opaque)->file;

    if (fails_now(handle_of(opaque)->disk))
        return SQLITE_IOERR_TRUNCATE;
    (void)add_pending(file, (size_t)size);
    resize(&file->current, (size_t)size);
    return SQLITE_OK;
}

static int
file_sync(sqlite3_file *opaque, int flags)
{
    struct power_disk *disk = handle_of(opaque)->disk;

    (void)flags;
    if (fails_now(disk))
        return SQLITE_IOERR_FSYNC;
    disk->syncs++;
    if (disk->cut_at_sync != 0 && disk->syncs >= disk->cut_at_sync) {
        disk->is_cut = true;
        return SQLITE_IOERR_FSYNC;
    }
    make_durable(handle_of(opaque)->file);
    return SQLITE_OK;
}

static int
file_size(sqlite3_file *opaque, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)handle_of(opaque)->file->current.len;
    return handle_of(opaque)->disk->is_cut ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int
file_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int
file_reserved(sqlite3_file *file, int *is_reserved)
{
    (void)file;
    *is_reserved = 0;
    return SQLITE_OK;
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
    (void)file;
    return SECTOR_BYTES;
}

static int
file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
file_shared_map(sqlite3_file *opaque, int region, int size, int extend, void volatile **out)
{
    struct power_file *file = handle_of(opaque)->file;

    *out = NULL;
    if (handle_of(opaque)->disk->is_cut || region >= SHARED_REGIONS)
        return SQLITE_IOERR_SHMMAP;
    if (file->shared[region] == NULL && extend != 0) {
        file->shared[region] = calloc(1, (size_t)size);
        demand(file->shared[region]);
    }
    *out = file->shared[region];
    return SQLITE_OK;
}

static int
file_shared_lock(sqlite3_file *file, int offset, int count, int flags)
{
    (void)file;
    (void)offset;
    (void)count;
    (void)flags;
    return SQLITE_OK;
}

static void
file_shared_barrier(sqlite3_file *file)
{
    (void)file;
}

static int
file_shared_unmap(sqlite3_file *file, int with_deletion)
{
    (void)file;
    (void)with_deletion;
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
    .xShmMap = file_shared_map,
    .xShmLock = file_shared_lock,
    .xShmBarrier = file_shared_barrier,
    .xShmUnmap = file_shared_unmap,
};

/* --- the VFS --------------------------------------------------------------------------------------- */

static int
disk_open(sqlite3_vfs *api, const char *name, sqlite3_file *opaque, int flags, int *out_flags)
{
    struct handle *handle = handle_of(opaque);
    static const char *const TEMPORARY = "temporary";

    memset(handle, 0, sizeof *handle);
    handle->disk = api->pAppData;
    if (handle->disk->is_cut)
        return SQLITE_CANTOPEN;
    handle->file = need(handle->disk, name == NULL ? TEMPORARY : name);
    if (!handle->file->exists && (flags & SQLITE_OPEN_CREATE) == 0)
        return SQLITE_CANTOPEN;
    if (!handle->file->exists) { /* a file deleted before is gone for good */
        forget_pending(handle->file);
        empty(&handle->file->current);
        empty(&handle->file->durable);
        handle->file->exists_durably = false;
    }
    handle->file->exists = true;
    handle->file->opens++;
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

    demand(disk);
    snprintf(disk->name, sizeof disk->name, "power-%p", (void *)disk);
    disk->api = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct handle),
        .mxPathname = NAME_BYTES,
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
        forget_pending(disk->files);
        empty(&disk->files->current);
        empty(&disk->files->durable);
        forget_shared(disk->files);
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
power_disk_put(struct power_disk *disk, const char *name, const void *bytes, size_t len)
{
    struct power_file *file = need(disk, name);

    forget_pending(file);
    resize(&file->current, 0);
    resize(&file->durable, 0);
    put(&file->current, 0, bytes, len);
    put(&file->durable, 0, bytes, len);
    file->exists = file->exists_durably = true;
}
