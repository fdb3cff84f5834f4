/* The encrypting VFS as SQLite sees it: registration, and what passes through to the VFS below. */
#include "core/vfs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/db_start.h"
#include "core/i18n.h"
#include "core/vfs_inside.h"

static struct vfs *
vfs_of(sqlite3_vfs *api)
{
    return api->pAppData;
}

/* --- io methods common to all kinds ---------------------------------------------------------- */

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
vfs_log_control(sqlite3_file *file, int operation, void *argument)
{
    (void)file;
    (void)argument;
    return operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE
               ? SQLITE_OK
               : SQLITE_NOTFOUND;
}

int
vfs_sector_size(sqlite3_file *file)
{
    int size = base_of(file)->pMethods->xSectorSize(base_of(file));

    return size > VFS_PAGE_BYTES ? size : VFS_PAGE_BYTES;
}

/* What the base promises of writes of its own sizes (atomic, sequential, ...) is not true of ours. */
int
vfs_characteristics(sqlite3_file *file)
{
    return base_of(file)->pMethods->xDeviceCharacteristics(base_of(file)) &
           (SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN | SQLITE_IOCAP_IMMUTABLE |
            SQLITE_IOCAP_POWERSAFE_OVERWRITE);
}

int
vfs_base_open(sqlite3_vfs *base, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct stat info;

    file->pMethods = NULL;
    if (stat(name, &info) == 0 && S_ISFIFO(info.st_mode))
        return SQLITE_CANTOPEN;
    return base->xOpen(base, name, file, flags, out_flags);
}

/* --- methods of the VFS -------------------------------------------------------------------- */

static int
vfs_open_file(sqlite3_vfs *api, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    const int sealed = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
    struct vfs *vfs = vfs_of(api);

    file->pMethods = NULL;
    if (name == NULL) /* temporary files, and what SQLite spills of a statement, stay in memory */
        return vfs->memory->xOpen(vfs->memory, name, file, flags, out_flags);
    if ((flags & SQLITE_OPEN_SUPER_JOURNAL) != 0) {
        bool is_sealed;
        int code = vfs_is_sealed_child(vfs, name, flags, &is_sealed);
        if (code != SQLITE_OK)
            return code;
        if (!is_sealed)
            return vfs_base_open(vfs->base, name, file, flags, out_flags);
    }
    if ((flags & (sealed | SQLITE_OPEN_SUPER_JOURNAL)) != 0)
        return vfs_open_sealed(vfs, name, (struct vfs_file *)file, flags, out_flags);
    return SQLITE_CANTOPEN;
}

static int
vfs_delete_file(sqlite3_vfs *api, const char *name, int sync_directory)
{
    return vfs_of(api)->base->xDelete(vfs_of(api)->base, name, sync_directory);
}

static int
vfs_access(sqlite3_vfs *api, const char *name, int flags, int *out)
{
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

/* Without these a load_extension() over a store would end the program instead of failing. */
static void *
vfs_dl_open(sqlite3_vfs *api, const char *name)
{
    return vfs_of(api)->base->xDlOpen(vfs_of(api)->base, name);
}

static void
vfs_dl_error(sqlite3_vfs *api, int room, char *out)
{
    vfs_of(api)->base->xDlError(vfs_of(api)->base, room, out);
}

static void (*vfs_dl_symbol(sqlite3_vfs *api, void *library, const char *name))(void)
{
    return vfs_of(api)->base->xDlSym(vfs_of(api)->base, library, name);
}

static void
vfs_dl_close(sqlite3_vfs *api, void *library)
{
    vfs_of(api)->base->xDlClose(vfs_of(api)->base, library);
}

/* --- registration ----------------------------------------------------------------------------- */

static void
fill_api(struct vfs *vfs)
{
    size_t below = (size_t)vfs->base->szOsFile;

    if (below < sizeof(struct vfs_late_file))
        below = sizeof(struct vfs_late_file);
    size_t size = vfs_own_size() + below;
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
        .xDlOpen = vfs_dl_open,
        .xDlError = vfs_dl_error,
        .xDlSym = vfs_dl_symbol,
        .xDlClose = vfs_dl_close,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_time_int64,
    };
}

static void
free_vfs(struct vfs *vfs)
{
    (void)pthread_mutex_destroy(&vfs->mutex);
    secret_wipe(&vfs->master);
    free(vfs->first_path);
    free(vfs);
}

static enum rc
new_vfs(const char *base, const struct secret *key, const uint8_t *file_id, struct vfs **out)
{
    struct vfs *vfs;
    enum rc rc;

    *out = NULL;
    if (key->len != CRYPTO_KEY_BYTES)
        return rc_fail(RC_INVALID, _("the store key has %zu bytes, not 32"), key->len);
    vfs = calloc(1, sizeof *vfs);
    if (vfs == NULL)
        return rc_nomem();
    db_start();
    vfs->base = sqlite3_vfs_find(base == NULL ? "unix" : base);
    vfs->memory = sqlite3_vfs_find("memdb");
    rc = vfs->base == NULL || vfs->memory == NULL
             ? rc_fail(RC_ABSENT, "SQLite lacks the VFS %s or memdb", base == NULL ? "unix" : base)
             : secret_copy(&vfs->master, key->bytes, key->len);
    if (rc == RC_OK && pthread_mutex_init(&vfs->mutex, NULL) != 0) {
        secret_wipe(&vfs->master);
        rc = rc_nomem();
    }
    if (rc != RC_OK) {
        free(vfs);
        return rc;
    }
    if (file_id != NULL) {
        memcpy(vfs->first_id, file_id, VFS_FILE_ID_BYTES);
        vfs->is_expected = vfs->is_known = true;
    }
    fill_api(vfs);
    *out = vfs;
    return RC_OK;
}

enum rc
vfs_register(const char *base, const struct secret *key, const uint8_t *file_id, struct vfs **out)
{
    struct vfs *vfs;
    enum rc rc = new_vfs(base, key, file_id, &vfs);

    *out = NULL;
    if (rc != RC_OK)
        return rc;
    snprintf(vfs->name, sizeof vfs->name, "baken-%016llx", (unsigned long long)random_u64());
    if (sqlite3_vfs_register(&vfs->api, 0) != SQLITE_OK) {
        free_vfs(vfs);
        return rc_nomem();
    }
    *out = vfs;
    return RC_OK;
}

enum rc
vfs_register_for_good(const char *name, const struct secret *key, const char *path,
                      const uint8_t *file_id)
{
    struct vfs *vfs;
    int code = vfs_id_judge(key, file_id);

    if (code == VFS_NEWER)
        return rc_fail(RC_UNSUPPORTED, _("a newer program wrote the store"));
    if (code != VFS_FITS)
        return rc_fail(RC_LOCKED, _("the key does not fit this store"));
    if (sqlite3_vfs_find(name) != NULL)
        return RC_OK;
    enum rc rc = new_vfs(NULL, key, file_id, &vfs);
    if (rc != RC_OK)
        return rc;
    snprintf(vfs->name, sizeof vfs->name, "%s", name);
    vfs->reads_only = true;
    vfs->first_path = calloc(1, (size_t)vfs->base->mxPathname + 1);
    rc = vfs->first_path == NULL ? rc_nomem() : RC_OK;
    if (rc == RC_OK && (vfs->base->xFullPathname(vfs->base, path, vfs->base->mxPathname + 1,
                                                 vfs->first_path) & 0xff) != SQLITE_OK)
        rc = rc_fail(RC_TOO_LARGE, _("the path is too long"));
    if (rc == RC_OK && sqlite3_vfs_register(&vfs->api, 0) != SQLITE_OK)
        rc = rc_nomem();
    if (rc != RC_OK)
        free_vfs(vfs);
    return rc;
}

int
vfs_answer_loader(enum rc rc, char **message)
{
    if (rc == RC_OK)
        return SQLITE_OK_LOAD_PERMANENTLY;
    *message = sqlite3_mprintf("%s", rc_sentence());
    return SQLITE_ERROR;
}

void
vfs_unregister(struct vfs *vfs)
{
    if (vfs == NULL)
        return;
    sqlite3_vfs_unregister(&vfs->api);
    assert(vfs->mains == NULL);
    free_vfs(vfs);
}

const char *
vfs_name(const struct vfs *vfs)
{
    return vfs->name;
}

enum rc
vfs_file_id(const struct vfs *vfs, uint8_t id[VFS_FILE_ID_BYTES])
{
    if (!vfs->is_known)
        return rc_fail(RC_ABSENT, _("no store was opened yet"));
    memcpy(id, vfs->first_id, VFS_FILE_ID_BYTES);
    return RC_OK;
}

enum rc
vfs_remove(const char *base_name, const char *path)
{
    sqlite3_vfs *base = sqlite3_vfs_find(base_name == NULL ? "unix" : base_name);
    static const char *const ENDINGS[] = {"-wal", "-journal", ""};
    char name[4096];

    if (base == NULL)
        return rc_fail(RC_ABSENT, "SQLite lacks the VFS %s", base_name);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof ENDINGS[0]; i++) {
        int len = snprintf(name, sizeof name, "%s%s", path, ENDINGS[i]);
        if (len < 0 || (size_t)len >= sizeof name)
            return rc_fail(RC_TOO_LARGE, _("the path is too long"));
        int code = base->xDelete(base, name, 1);
        if (code != SQLITE_OK && code != SQLITE_IOERR_DELETE_NOENT)
            return rc_fail(RC_IO, _("deleting %s (SQLite %d)"), name, code);
    }
    return RC_OK;
}
