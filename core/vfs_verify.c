/* Authenticates every page of a store file, free pages included. */
#include "core/vfs_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"

static void
verify_pages(const struct vfs_keys *keys, sqlite3_file *file, struct vfs_verdict *verdict, int *code)
{
    uint8_t page[VFS_PAGE_BYTES];

    for (uint64_t number = 1; number <= verdict->pages && *code == SQLITE_OK; number++) {
        *code = file->pMethods->xRead(file, page, VFS_PAGE_BYTES,
                                      (sqlite3_int64)(number - 1) * VFS_PAGE_BYTES);
        if (*code == SQLITE_IOERR_SHORT_READ) /* a last page that was cut; the rest is zeros */
            *code = SQLITE_OK;
        bool is_ours = number > 1 || memcmp(page, keys->id, VFS_FILE_ID_BYTES) == 0;
        if (*code == SQLITE_OK && (!vfs_page_open(keys, number, page) || !is_ours)) {
            verdict->bad++;
            if (verdict->first_bad == 0)
                verdict->first_bad = number;
        }
    }
    wipe(page, sizeof page);
}

/* The keys of the file: by the id that is known of it, else by the one that it begins with. */
static enum rc
keys_of(struct vfs *vfs, sqlite3_file *file, const char *name, sqlite3_int64 size,
        struct vfs_keys *keys)
{
    uint8_t id[VFS_FILE_ID_BYTES];
    int code = SQLITE_OK;

    (void)pthread_mutex_lock(&vfs->mutex);
    bool is_known = vfs->is_known && (vfs->first_path == NULL || strcmp(vfs->first_path, name) == 0);
    memcpy(id, vfs->first_id, sizeof id);
    (void)pthread_mutex_unlock(&vfs->mutex);
    if (!is_known)
        code = size < VFS_FILE_ID_BYTES ? SQLITE_NOTADB
                                        : file->pMethods->xRead(file, id, sizeof id, 0);
    if (code == SQLITE_OK)
        code = vfs_id_judge(&vfs->master, id);
    if (code == VFS_NEWER)
        return rc_fail(RC_UNSUPPORTED, _("a newer program wrote the store"));
    if (code == VFS_WRONG_KEY)
        return rc_fail(RC_LOCKED, _("the key does not fit this store"));
    if (code != SQLITE_OK)
        return rc_fail(RC_CORRUPT, _("the file is not a store, or its first bytes are lost"));
    return vfs_keys_derive(keys, &vfs->master, id);
}

static enum rc
verify_file(struct vfs *vfs, sqlite3_file *file, const char *name, struct vfs_verdict *verdict)
{
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    sqlite3_int64 size;
    int code = file->pMethods->xFileSize(file, &size);

    if (code != SQLITE_OK)
        return rc_fail(RC_IO, _("reading the store (SQLite %d)"), code);
    enum rc rc = keys_of(vfs, file, name, size, &keys);
    if (rc != RC_OK)
        return rc;
    verdict->pages = (uint64_t)((size + VFS_PAGE_BYTES - 1) / VFS_PAGE_BYTES);
    verify_pages(&keys, file, verdict, &code);
    vfs_keys_wipe(&keys);
    return code == SQLITE_OK ? RC_OK : rc_fail(RC_IO, _("reading the store (SQLite %d)"), code);
}

enum rc
vfs_verify(struct vfs *vfs, const char *path, struct vfs_verdict *verdict)
{
    int flags = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READONLY;
    char *full = calloc(1, (size_t)vfs->base->mxPathname + 1);
    const char *name = NULL;
    sqlite3_file *file = calloc(1, (size_t)vfs->base->szOsFile);
    enum rc rc;

    *verdict = (struct vfs_verdict){0, 0, 0};
    if (full != NULL && vfs->base->xFullPathname(vfs->base, path, vfs->base->mxPathname + 1, full) ==
                            SQLITE_OK)
        name = sqlite3_create_filename(full, "", "", 0, NULL);
    if (name == NULL || file == NULL)
        rc = rc_nomem();
    else if (vfs_base_open(vfs->base, name, file, flags, &flags) != SQLITE_OK)
        rc = rc_fail(RC_IO, _("the store cannot be read"));
    else
        rc = verify_file(vfs, file, name, verdict);
    if (file != NULL && file->pMethods != NULL)
        file->pMethods->xClose(file);
    free(file);
    sqlite3_free_filename(name);
    free(full);
    return rc;
}
