/* The instance token on a disk that can lose power. */
#include "tests/support/power_token.h"

#include <stdlib.h>

#include <sqlite3.h>

#include "tests/support/power_inside.h"

static enum rc
read_token(void *context, const char *path, struct buf *out)
{
    struct power_disk *disk = context;
    size_t len;
    const uint8_t *bytes = power_disk_file(disk, path, &len);

    if (disk->is_cut)
        return rc_fail(RC_IO, "%s: the power is off", path);
    return bytes != NULL ? buf_put(out, bytes, len) : rc_fail(RC_ABSENT, "%s is not there", path);
}

static enum rc
write_token(void *context, const char *path, uint64_t at, const void *bytes, size_t len)
{
    sqlite3_vfs *vfs = &((struct power_disk *)context)->api;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL;
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);

    power_demand(file);
    int code = vfs->xOpen(vfs, path, file, flags, NULL);
    if (code == SQLITE_OK)
        code = file->pMethods->xWrite(file, bytes, (int)len, (sqlite3_int64)at);
    if (code == SQLITE_OK)
        code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    if (file->pMethods != NULL)
        (void)file->pMethods->xClose(file);
    free(file);
    return code == SQLITE_OK ? RC_OK : rc_fail(RC_IO, "%s: the power is off", path);
}

struct store_token_disk
power_token_disk(struct power_disk *disk)
{
    return (struct store_token_disk){read_token, write_token, disk};
}
