/* Opening a file of the encrypting VFS: the key is proven, a new file gets its id, a log its main file. */
#include "core/vfs_inside.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOCK_TRIES = 2000, /* a second and more: another process is beginning the same file */
    LOCK_PAUSE_US = 1000,
    IS_EMPTY = SQLITE_EMPTY, /* inside this file: the main file holds nothing yet */
};

/* --- the list of main files ----------------------------------------------------------------- */

/* The open main file that has this very name pointer; NULL when there is none. */
static struct vfs_main_file *
find_main(struct vfs *vfs, const char *name)
{
    struct vfs_main_file *file;

    (void)pthread_mutex_lock(&vfs->mutex);
    for (file = vfs->mains; file != NULL && file->name != name; file = file->next)
        ;
    (void)pthread_mutex_unlock(&vfs->mutex);
    return file;
}

void
vfs_forget_main(struct vfs_main_file *file)
{
    struct vfs *vfs = file->vfs;

    (void)pthread_mutex_lock(&vfs->mutex);
    for (struct vfs_main_file **at = &vfs->mains; *at != NULL; at = &(*at)->next)
        if (*at == file) {
            *at = file->next;
            break;
        }
    (void)pthread_mutex_unlock(&vfs->mutex);
    vfs_keys_wipe(&file->keys);
    vfs_nonces_wipe(&file->head.nonces);
}

/* An opened file joins the list; the first of all gives its id to vfs_file_id. */
static int
remember_main(struct vfs_main_file *file)
{
    struct vfs *vfs = file->vfs;
    int code = SQLITE_OK;

    (void)pthread_mutex_lock(&vfs->mutex);
    if (vfs->first_path == NULL) {
        vfs->first_path = strdup(file->name);
        if (vfs->first_path == NULL)
            code = SQLITE_NOMEM;
    }
    if (code == SQLITE_OK) {
        if (!vfs->is_known && strcmp(vfs->first_path, file->name) == 0) {
            memcpy(vfs->first_id, file->keys.id, VFS_FILE_ID_BYTES);
            vfs->is_known = true;
        }
        file->next = vfs->mains;
        vfs->mains = file;
    }
    (void)pthread_mutex_unlock(&vfs->mutex);
    return code;
}

/* Whether an id is known from keyslots.json for the file of this name. The first is the one. */
static int
expect(struct vfs *vfs, const char *name, bool *is_expected)
{
    int code = SQLITE_OK;

    (void)pthread_mutex_lock(&vfs->mutex);
    if (vfs->is_expected && vfs->first_path == NULL) {
        vfs->first_path = strdup(name);
        if (vfs->first_path == NULL)
            code = SQLITE_NOMEM;
    }
    *is_expected = vfs->is_expected && code == SQLITE_OK && strcmp(vfs->first_path, name) == 0;
    (void)pthread_mutex_unlock(&vfs->mutex);
    return code;
}

/* --- proof of the key ------------------------------------------------------------------------ */

/* Reads the first bytes of a file beside the main one; SQLITE_CANTOPEN when it is not there. */
static int
read_beginning(struct vfs *vfs, const char *name, int flags, uint8_t *bytes, int len)
{
    int exists = 0;

    int code = vfs->base->xAccess(vfs->base, name, SQLITE_ACCESS_EXISTS, &exists);
    if (code != SQLITE_OK || !exists)
        return code == SQLITE_OK ? SQLITE_CANTOPEN : code;
    sqlite3_file *file = calloc(1, (size_t)vfs->base->szOsFile);
    if (file == NULL)
        return SQLITE_NOMEM;
    flags |= SQLITE_OPEN_READONLY;
    code = vfs_base_open(vfs->base, name, file, flags, &flags);
    if (code == SQLITE_OK)
        code = file->pMethods->xRead(file, bytes, len, 0);
    if (file->pMethods != NULL)
        file->pMethods->xClose(file);
    free(file);
    return code;
}

static int
derive(struct vfs_main_file *file, const uint8_t id[VFS_FILE_ID_BYTES])
{
    return vfs_keys_derive(&file->keys, &file->vfs->master, id) == RC_OK ? SQLITE_OK
                                                                         : SQLITE_NOMEM;
}

/*
 * The file does not begin with an id of ours: a checkpoint or a transaction may have been cut while it
 * wrote page 1, and recovery will write that again. Then either our journal lies beside the file and
 * says its id, or the id is known and our log lies there. Anything else is `otherwise`.
 */
static int
derive_from_log(struct vfs_main_file *file, bool is_expected, int otherwise)
{
    uint8_t unit[VFS_START_BYTES], plain[VFS_WAL_HEADER_BYTES], header[VFS_JOURNAL_HEADER_BYTES];
    struct vfs *vfs = file->vfs;

    if (read_beginning(vfs, sqlite3_filename_journal(file->name), SQLITE_OPEN_MAIN_JOURNAL, header,
                       sizeof header) == SQLITE_OK &&
        vfs_journal_fits(&vfs->master, header, is_expected ? vfs->first_id : NULL))
        return derive(file, header + VFS_FILE_ID_BYTES);
    if (!is_expected)
        return otherwise;
    int code = derive(file, vfs->first_id);
    if (code != SQLITE_OK)
        return code;
    if (read_beginning(vfs, sqlite3_filename_wal(file->name), SQLITE_OPEN_WAL, unit, sizeof unit) ==
            SQLITE_OK &&
        vfs_start_open(&file->keys, unit, plain))
        return SQLITE_OK;
    return otherwise;
}

/* Looks at what the file begins with and derives its keys. IS_EMPTY: there is nothing yet, or a
 * beginning that was cut. */
static int
judge(struct vfs_main_file *file, bool is_expected)
{
    static const uint8_t NO_ID[VFS_FILE_ID_BYTES];
    const struct secret *master = &file->vfs->master;
    sqlite3_file *base = file->head.base;
    uint8_t id[VFS_FILE_ID_BYTES];
    sqlite3_int64 size;

    int code = base->pMethods->xFileSize(base, &size);
    if (code != SQLITE_OK || size == 0)
        return code == SQLITE_OK ? IS_EMPTY : code;
    /* A store that has slots has a page. SQLite would take less for a new file, and delete the log beside it. */
    if (size < (is_expected ? VFS_PAGE_BYTES : VFS_FILE_ID_BYTES))
        return SQLITE_NOTADB;
    code = base->pMethods->xRead(base, id, sizeof id, 0);
    if (code != SQLITE_OK)
        return code;
    int fits = vfs_id_judge(master, id);
    if (fits == VFS_NEWER)
        return fits;
    if (fits == VFS_FITS) {
        if (is_expected && memcmp(id, file->vfs->first_id, sizeof id) != 0)
            return SQLITE_NOTADB;
        return derive(file, id);
    }
    if (memcmp(id, VFS_SQLITE_MAGIC, sizeof id) == 0)
        return SQLITE_NOTADB;
    if (!is_expected && size < VFS_PAGE_BYTES && memcmp(id, NO_ID, sizeof id) == 0)
        return IS_EMPTY;
    return derive_from_log(file, is_expected, is_expected ? SQLITE_NOTADB : fits);
}

/* Alone with the file: two processes that begin it at once would give it two ids. */
static int
lock_alone(struct vfs *vfs, sqlite3_file *base)
{
    int code = SQLITE_BUSY;

    for (int i = 0; i < LOCK_TRIES && (code & 0xff) == SQLITE_BUSY; i++) {
        if (i > 0)
            vfs->base->xSleep(vfs->base, LOCK_PAUSE_US);
        code = base->pMethods->xLock(base, SQLITE_LOCK_SHARED);
        if (code == SQLITE_OK)
            code = base->pMethods->xLock(base, SQLITE_LOCK_EXCLUSIVE);
        if (code != SQLITE_OK)
            base->pMethods->xUnlock(base, SQLITE_LOCK_NONE);
    }
    return code;
}

/* A new file gets its id, on disk, before SQLite may write a page that depends on it. */
static int
begin_file(struct vfs_main_file *file)
{
    sqlite3_file *base = file->head.base;
    uint8_t id[VFS_FILE_ID_BYTES];

    int code = lock_alone(file->vfs, base);
    if (code != SQLITE_OK)
        return code;
    code = judge(file, false); /* another process may have been quicker */
    if (code == IS_EMPTY) {
        vfs_id_make(&file->vfs->master, id);
        code = derive(file, id);
        if (code == SQLITE_OK)
            code = base->pMethods->xWrite(base, id, sizeof id, 0);
        if (code == SQLITE_OK)
            code = base->pMethods->xSync(base, SQLITE_SYNC_FULL);
    }
    int unlocked = base->pMethods->xUnlock(base, SQLITE_LOCK_NONE);
    return code == SQLITE_OK ? unlocked : code;
}

/*
 * Proves the key before SQLite can touch the log: recovery under a wrong key would find an empty log,
 * and the last close would delete it.
 */
static int
prove_key(struct vfs_main_file *file, bool may_create)
{
    bool is_expected;
    int code = expect(file->vfs, file->name, &is_expected);

    if (code == SQLITE_OK && is_expected)
        code = vfs_id_judge(&file->vfs->master, file->vfs->first_id);
    if (code == SQLITE_OK)
        code = judge(file, is_expected);
    if (code == IS_EMPTY)
        code = may_create && !is_expected ? begin_file(file) : SQLITE_NOTADB;
    return code;
}

/* --- opening --------------------------------------------------------------------------------- */

static int
start_main(struct vfs *vfs, struct vfs_main_file *file, const char *name, int flags)
{
    file->vfs = vfs;
    file->name = name;
    file->lock = -1;
    file->head.keys = &file->keys;
    const sqlite3_io_methods *below = file->head.base->pMethods;
    file->inherits = sqlite3_uri_boolean(name, "inherit", 0) != 0;
    int code = prove_key(file, (flags & SQLITE_OPEN_CREATE) != 0);
    if (code == SQLITE_OK && below->iVersion >= 2 && below->xShmMap != NULL &&
        vfs_shm_is_possible(name))
        code = vfs_shm_new(name, &file->keys, file->is_readonly, vfs->reads_only && !file->is_readonly,
                           &file->shared);
    if (code == SQLITE_OK)
        code = remember_main(file);
    if (code == SQLITE_OK) {
        file->head.api.pMethods =
            file->shared == NULL ? &VFS_MAIN_ALONE_METHODS : &VFS_MAIN_METHODS;
        return SQLITE_OK;
    }
    vfs_shm_free(file->shared);
    vfs_keys_wipe(&file->keys);
    return code;
}

static int
start_wal(struct vfs *vfs, struct vfs_wal_file *file, const char *name)
{
    file->main = find_main(vfs, sqlite3_filename_database(name));
    if (file->main == NULL)
        return SQLITE_CANTOPEN;
    file->head.keys = &file->main->keys;
    int code = vfs_wal_start(file);
    if (code != SQLITE_OK)
        return code;
    file->main->wal = file;
    file->head.api.pMethods = &VFS_WAL_METHODS;
    return SQLITE_OK;
}

/* main: NULL for a journal that is only asked which super-journal it names. */
static int
start_journal(struct vfs *vfs, struct vfs_journal_file *file, struct vfs_main_file *main)
{
    file->vfs = vfs;
    file->main = main;
    int code = vfs_journal_start(file);
    if (code != SQLITE_OK)
        return code;
    if (main != NULL)
        main->journal = file;
    file->head.api.pMethods = &VFS_JOURNAL_METHODS;
    return SQLITE_OK;
}

static int
start(struct vfs *vfs, struct vfs_file *file, const char *name, int flags)
{
    struct vfs_main_file *main = NULL;

    if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
        return start_main(vfs, (struct vfs_main_file *)file, name, flags);
    if ((flags & SQLITE_OPEN_WAL) != 0)
        return start_wal(vfs, (struct vfs_wal_file *)file, name);
    if ((flags & SQLITE_OPEN_MAIN_JOURNAL) != 0) {
        main = find_main(vfs, sqlite3_filename_database(name));
        if (main == NULL)
            return SQLITE_CANTOPEN;
    }
    return start_journal(vfs, (struct vfs_journal_file *)file, main);
}

size_t
vfs_own_size(void)
{
    union {
        struct vfs_main_file main;
        struct vfs_wal_file wal;
        struct vfs_journal_file journal;
    } any;

    return (sizeof any + 7) & ~(size_t)7;
}

/* A reader makes no log. */
static bool
is_log_to_read(struct vfs *vfs, const char *name, int flags)
{
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return false;
    const struct vfs_main_file *main = find_main(vfs, sqlite3_filename_database(name));
    return main != NULL && main->is_readonly;
}

/* Of a main file alone: only its name has parameters behind it. */
static bool
is_read_only(const struct vfs *vfs, const char *name)
{
    const char *mode = sqlite3_uri_parameter(name, "mode");

    return vfs->reads_only && strcmp(name, vfs->first_path) == 0 &&
           (mode == NULL || strncmp(mode, "rw", 2) != 0);
}

int
vfs_open_sealed(struct vfs *vfs, const char *name, struct vfs_file *file, int flags, int *out_flags)
{
    int opened, code = SQLITE_OK;

    memset(file, 0, vfs_own_size());
    file->base = (sqlite3_file *)((char *)file + vfs_own_size());
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0 && is_read_only(vfs, name))
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    opened = flags;
    if (is_log_to_read(vfs, name, flags)) {
        vfs_late_open((struct vfs_late_file *)file->base, vfs->base, name);
        opened = SQLITE_OPEN_WAL | SQLITE_OPEN_READONLY;
    } else {
        code = vfs_base_open(vfs->base, name, file->base, flags, &opened);
    }
    if (out_flags != NULL)
        *out_flags = opened;
    if (code == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0)
        ((struct vfs_main_file *)file)->is_readonly = (opened & SQLITE_OPEN_READONLY) != 0;
    if (code == SQLITE_OK)
        code = start(vfs, file, name, flags);
    if (code != SQLITE_OK && file->base->pMethods != NULL)
        file->base->pMethods->xClose(file->base);
    return code;
}

/* A super-journal is plain: names only. But SQLite opens with the same flag the journals that one
 * names, to see which super-journal they name themselves: those are sealed. */
int
vfs_is_sealed_child(struct vfs *vfs, const char *name, int flags, bool *is_sealed)
{
    uint8_t header[VFS_JOURNAL_HEADER_BYTES];

    *is_sealed = false;
    if ((flags & SQLITE_OPEN_CREATE) != 0)
        return SQLITE_OK;
    int code = read_beginning(vfs, name, SQLITE_OPEN_SUPER_JOURNAL, header, sizeof header);
    if (code == SQLITE_IOERR_SHORT_READ)
        return SQLITE_OK;
    *is_sealed = code == SQLITE_OK && vfs_journal_fits(&vfs->master, header, NULL);
    return code;
}
