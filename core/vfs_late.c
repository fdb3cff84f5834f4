/* A log that a reader may not make: empty while nobody wrote one, and opened, to be read, when somebody did. */
#include "core/vfs_inside.h"

#include <stdlib.h>
#include <string.h>

static struct vfs_late_file *
late_of(sqlite3_file *file)
{
    return (struct vfs_late_file *)file;
}

/* Opens what is there by now. SQLITE_OK also when nothing is. */
static int
open_now(struct vfs_late_file *file)
{
    int flags = SQLITE_OPEN_WAL | SQLITE_OPEN_READONLY;
    int exists = 0;

    if (file->real != NULL)
        return SQLITE_OK;
    int code = file->vfs->xAccess(file->vfs, file->name, SQLITE_ACCESS_EXISTS, &exists);
    if (code != SQLITE_OK || !exists)
        return code;
    sqlite3_file *real = calloc(1, (size_t)file->vfs->szOsFile);
    if (real == NULL)
        return SQLITE_NOMEM;
    code = vfs_base_open(file->vfs, file->name, real, flags, &flags);
    if (code == SQLITE_OK) {
        file->real = real;
        return SQLITE_OK;
    }
    if (real->pMethods != NULL)
        real->pMethods->xClose(real);
    free(real);
    return code;
}

static int
late_close(sqlite3_file *file)
{
    sqlite3_file *real = late_of(file)->real;
    int code = real == NULL ? SQLITE_OK : real->pMethods->xClose(real);

    free(real);
    late_of(file)->real = NULL;
    return code;
}

static int
late_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    int code = open_now(late_of(file));
    sqlite3_file *real = late_of(file)->real;

    if (code == SQLITE_OK && real != NULL)
        return real->pMethods->xRead(real, out, amount, offset);
    memset(out, 0, (size_t)amount);
    return code == SQLITE_OK ? SQLITE_IOERR_SHORT_READ : code;
}

static int
late_write(sqlite3_file *file, const void *bytes, int amount, sqlite3_int64 offset)
{
    (void)file;
    (void)bytes;
    (void)amount;
    (void)offset;
    return SQLITE_READONLY;
}

static int
late_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file;
    (void)size;
    return SQLITE_READONLY;
}

static int
late_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int
late_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int code = open_now(late_of(file));
    sqlite3_file *real = late_of(file)->real;

    *size = 0;
    return code == SQLITE_OK && real != NULL ? real->pMethods->xFileSize(real, size) : code;
}

static int
late_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int
late_reserved(sqlite3_file *file, int *is_reserved)
{
    (void)file;
    *is_reserved = 0;
    return SQLITE_OK;
}

static int
late_control(sqlite3_file *file, int operation, void *argument)
{
    (void)file;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int
late_sector(sqlite3_file *file)
{
    (void)file;
    return 0; /* SQLite's default */
}

static int
late_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static const sqlite3_io_methods LATE_METHODS = {
    .iVersion = 1,
    .xClose = late_close,
    .xRead = late_read,
    .xWrite = late_write,
    .xTruncate = late_truncate,
    .xSync = late_sync,
    .xFileSize = late_size,
    .xLock = late_lock,
    .xUnlock = late_lock,
    .xCheckReservedLock = late_reserved,
    .xFileControl = late_control,
    .xSectorSize = late_sector,
    .xDeviceCharacteristics = late_characteristics,
};

void
vfs_late_open(struct vfs_late_file *file, sqlite3_vfs *vfs, const char *name)
{
    *file = (struct vfs_late_file){{&LATE_METHODS}, vfs, name, NULL};
}
