/* The wal-index that several processes share: on a memory file system, for it holds checksums of plain text. */
#define _GNU_SOURCE /* O_PATH */
#include "core/vfs_shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/vfs_lock.h"

/* SQLite's own "unix" VFS makes the wal-index and its locks, beside a small file of ours, the anchor. */
static const char MEMORY[] = "/dev/shm";
static const long MEMORY_KINDS[] = {0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */};

enum {
    DIRECTORY_BYTES = 48,
    ENTRY_BYTES = 80, /* 32 hexadecimal digits; of a private one also process and random number */
    PATH_BYTES = DIRECTORY_BYTES + ENTRY_BYTES + 8,
    LOCK_PATH_BYTES = 4096,
    TRIES = 200,
    TRY_US = 5000,
    ANCHOR_FLAGS = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, /* a pipe under its name would be waited for */
};

struct vfs_shared {
    const char *name; /* of the store's file */
    const struct vfs_keys *keys;
    bool is_readonly;
    bool takes_turn; /* of the one writing program */
    /* From the first mapping to the unmapping: */
    bool is_joined;
    bool is_alone; /* a private wal-index, of a reader */
    bool is_mapped;
    int lock;
    int directory; /* in memory */
    int held;      /* the anchor, locked (flock) by all who share the wal-index */
    char directory_path[DIRECTORY_BYTES];
    char entry[ENTRY_BYTES];
    struct vfs_lock_record record;
    sqlite3_file *anchor;
    const char *anchor_name; /* by sqlite3_create_filename */
};

/* --- the directory in memory -------------------------------------------------------------------- */

static bool
lies_in_memory(int fd)
{
    struct statfs info;

    if (fstatfs(fd, &info) != 0)
        return false;
    for (size_t i = 0; i < sizeof MEMORY_KINDS / sizeof MEMORY_KINDS[0]; i++)
        if (info.f_type == MEMORY_KINDS[i])
            return true;
    return false;
}

bool
vfs_shm_is_possible(const char *name)
{
    struct stat info;

    if (stat(name, &info) != 0 || !S_ISREG(info.st_mode))
        return false; /* a disk that a test keeps in memory */
    if (faccessat(AT_FDCWD, MEMORY, W_OK | X_OK, AT_EACCESS) != 0)
        return false;
    int fd = open(MEMORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_possible = fd >= 0 && lies_in_memory(fd);
    if (fd >= 0)
        close(fd);
    return is_possible;
}

/* A namespace of users has numbers of its own (user_namespaces(7)): there root's is an ordinary user's outside. */
unsigned long
vfs_memory_user(void)
{
    unsigned long user = (unsigned long)geteuid(), outer = user, inside, outside, count;
    FILE *map = fopen("/proc/self/uid_map", "re");

    while (map != NULL && fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3)
        if (user >= inside && user - inside < count)
            outer = outside + (user - inside);
    if (map != NULL)
        fclose(map);
    return outer;
}

/* Another user may have made the name before us: that is refused, and a link never followed. */
static int
open_directory(struct vfs_shared *shared)
{
    struct stat info;

    snprintf(shared->directory_path, sizeof shared->directory_path, "%s/baken-%lu", MEMORY,
             vfs_memory_user());
    if (mkdir(shared->directory_path, 0700) != 0 && errno != EEXIST)
        return errno == ENOSPC ? SQLITE_FULL : SQLITE_CANTOPEN;
    shared->directory = open(shared->directory_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (shared->directory < 0 || fstat(shared->directory, &info) != 0 || info.st_uid != geteuid() ||
        (info.st_mode & 077) != 0 || !lies_in_memory(shared->directory))
        return VFS_MEMORY_REFUSED;
    return SQLITE_OK;
}

/* The name follows from the store's identity: the same for all who open it, another for a copy on this machine. */
static int
name_anchor(struct vfs_shared *shared)
{
    uint8_t hash[CRYPTO_HASH_BYTES];
    struct crypto_hash state;
    struct stat info;

    if (stat(shared->name, &info) != 0)
        return SQLITE_IOERR_FSTAT;
    const uint64_t place[] = {(uint64_t)info.st_dev, (uint64_t)info.st_ino};
    crypto_hash_start(&state, "baken wal-index");
    crypto_hash_add(&state, shared->keys->id, VFS_FILE_ID_BYTES);
    crypto_hash_add(&state, place, sizeof place);
    crypto_hash_end(&state, hash);
    for (size_t i = 0; i < 16; i++)
        snprintf(shared->entry + 2 * i, 3, "%02x", hash[i]);
    if (shared->is_alone)
        snprintf(shared->entry + 32, sizeof shared->entry - 32, "-%ld-%016llx", (long)getpid(),
                 (unsigned long long)random_u64());
    return SQLITE_OK;
}

static void
index_entry(const struct vfs_shared *shared, char entry[ENTRY_BYTES + 8])
{
    snprintf(entry, ENTRY_BYTES + 8, "%s-shm", shared->entry);
}

static void
remove_index(const struct vfs_shared *shared)
{
    char index[ENTRY_BYTES + 8];

    index_entry(shared, index);
    unlinkat(shared->directory, shared->entry, 0);
    unlinkat(shared->directory, index, 0);
}

static void
let_go(struct vfs_shared *shared)
{
    if (shared->held >= 0)
        close(shared->held);
    shared->held = -1;
}

/* Who is alone by the lock file may not be: a person may have deleted that under a running program, and a new one was
 * made. Two indexes of one log would end in a damaged store. */
static bool
is_in_use(const struct vfs_shared *shared)
{
    int fd = openat(shared->directory, shared->entry, ANCHOR_FLAGS);
    bool is_locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    return is_locked;
}

/* Makes anchor and wal-index anew, which only one who is alone may do, and notes in `record` what shows them. */
static int
make_index(struct vfs_shared *shared)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    char entry[ENTRY_BYTES + 8];
    struct stat info;
    int code = SQLITE_CANTOPEN;

    let_go(shared);
    if (is_in_use(shared))
        return VFS_OTHER_MEMORY;
    remove_index(shared);
    random_fill(shared->record.token, sizeof shared->record.token);
    index_entry(shared, entry);
    int anchor = openat(shared->directory, shared->entry, flags, 0600);
    int index = openat(shared->directory, entry, flags, 0600);
    shared->held = anchor;
    if (anchor >= 0 && index >= 0 && flock(anchor, LOCK_SH | LOCK_NB) == 0 && fstat(index, &info) == 0 &&
        write(anchor, shared->record.token, sizeof shared->record.token) ==
            (ssize_t)sizeof shared->record.token) {
        shared->record.inode = (uint64_t)info.st_ino;
        code = SQLITE_OK;
    } else if (errno == ENOSPC) {
        code = SQLITE_FULL;
    }
    if (index >= 0)
        close(index);
    return code;
}

/* Whether the anchor `fd` and the wal-index that this process sees beside it are those of the record. */
static bool
is_index_of(const struct vfs_shared *shared, int fd, const struct vfs_lock_record *record)
{
    uint8_t token[VFS_LOCK_TOKEN_BYTES];
    char entry[ENTRY_BYTES + 8];
    struct stat info;

    index_entry(shared, entry);
    return pread(fd, token, sizeof token, 0) == (ssize_t)sizeof token &&
           memcmp(token, record->token, sizeof token) == 0 &&
           fstatat(shared->directory, entry, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           (uint64_t)info.st_ino == record->inode;
}

/* Joins those whose index it is. Not waited for: only who makes it anew locks it alone, for a moment. */
static bool
hold_index(struct vfs_shared *shared, const struct vfs_lock_record *record)
{
    let_go(shared);
    shared->held = openat(shared->directory, shared->entry, ANCHOR_FLAGS);
    if (shared->held >= 0 && flock(shared->held, LOCK_SH | LOCK_NB) == 0 &&
        is_index_of(shared, shared->held, record))
        return true;
    let_go(shared);
    return false;
}

/* --- joining those who have the store open -------------------------------------------------------- */

static void
leave(struct vfs_shared *shared)
{
    char path[LOCK_PATH_BYTES];

    /* With the byte for itself alone nobody uses the index, and nobody joins before it is gone. */
    if (shared->is_joined &&
        (shared->is_alone || (shared->lock >= 0 &&
                              vfs_lock_set(shared->lock, VFS_LOCK_SHARERS, VFS_LOCK_EXCLUSIVE) == 0))) {
        remove_index(shared);
        if (!vfs_lock_is_lasting(shared->name) && !shared->is_readonly && !shared->is_alone &&
            vfs_lock_path(shared->name, path, sizeof path))
            unlink(path);
    }
    let_go(shared);
    if (shared->lock >= 0)
        close(shared->lock);
    if (shared->directory >= 0)
        close(shared->directory);
    shared->lock = shared->directory = -1;
    shared->is_joined = shared->is_alone = shared->is_mapped = false;
}

/* A reader that may not write the lock file, and finds nobody whose index it shares, has one of its own as long as
 * nobody writes. Writers see its lock (VFS_LOCK_ALONE) and stay away. */
static int
join_alone(struct vfs_shared *shared)
{
    if (shared->lock >= 0) {
        vfs_lock_set(shared->lock, VFS_LOCK_SHARERS, VFS_LOCK_NONE);
        if (vfs_lock_set(shared->lock, VFS_LOCK_ALONE, VFS_LOCK_SHARED) != 0)
            return SQLITE_IOERR_LOCK;
        if (vfs_lock_is_held(shared->lock, VFS_LOCK_SHARERS))
            return VFS_OTHER_MEMORY;
    }
    shared->is_alone = true;
    int code = name_anchor(shared);
    return code == SQLITE_OK ? make_index(shared) : code;
}

/* One attempt. SQLITE_BUSY: somebody is just coming or going. */
static int
try_to_join(struct vfs_shared *shared, bool may_write)
{
    struct vfs_lock_record record;
    int error = may_write ? vfs_lock_set(shared->lock, VFS_LOCK_SHARERS, VFS_LOCK_EXCLUSIVE) : EAGAIN;

    if (error == 0) { /* the first: nobody else has a wal-index of this store */
        int code = make_index(shared);
        error = code == SQLITE_OK ? vfs_lock_write(shared->lock, &shared->record) : 0;
        if (error != 0)
            code = error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_LOCK;
        if (code == SQLITE_OK && vfs_lock_set(shared->lock, VFS_LOCK_SHARERS, VFS_LOCK_SHARED) != 0)
            code = SQLITE_IOERR_LOCK;
        return code;
    }
    if (error == EAGAIN)
        error = vfs_lock_set(shared->lock, VFS_LOCK_SHARERS, VFS_LOCK_SHARED);
    if (error != 0)
        return error == EAGAIN ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
    if (vfs_lock_read(shared->lock, &record) && hold_index(shared, &record)) {
        shared->record = record;
        return SQLITE_OK;
    }
    vfs_lock_set(shared->lock, VFS_LOCK_SHARERS, VFS_LOCK_NONE);
    return VFS_OTHER_MEMORY;
}

static int
open_lock(const struct vfs_shared *shared, char path[LOCK_PATH_BYTES], int *fd, bool *may_write)
{
    if (!vfs_lock_path(shared->name, path, LOCK_PATH_BYTES))
        return SQLITE_CANTOPEN;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    *may_write = *fd >= 0;
    if (*fd < 0 && (errno == EROFS || errno == EACCES || errno == EPERM))
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd >= 0)
        return SQLITE_OK;
    /* Nothing to hold on to: on a disk, or in a directory, that may only be read. */
    return shared->is_readonly ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
join_once(struct vfs_shared *shared)
{
    char path[LOCK_PATH_BYTES];
    bool may_write;
    int code = open_lock(shared, path, &shared->lock, &may_write);

    if (code != SQLITE_OK)
        return code;
    if (shared->takes_turn && vfs_lock_set(shared->lock, VFS_LOCK_WRITER, VFS_LOCK_EXCLUSIVE) != 0)
        code = VFS_OTHER_MEMORY; /* plain SQLITE_BUSY would have SQLite try on for many seconds */
    else
        code = shared->lock < 0 ? VFS_OTHER_MEMORY : try_to_join(shared, may_write);
    if (code == VFS_OTHER_MEMORY && shared->is_readonly && !may_write)
        code = join_alone(shared);
    else if (code == SQLITE_OK && !shared->is_readonly &&
             vfs_lock_is_held(shared->lock, VFS_LOCK_ALONE))
        code = VFS_OTHER_MEMORY;
    /* The last to leave may have removed it meanwhile. */
    if (code == SQLITE_OK && shared->lock >= 0 && !vfs_lock_is_named(shared->lock, path))
        code = SQLITE_BUSY;
    if (code != SQLITE_OK)
        let_go(shared);
    if (code != SQLITE_OK && shared->lock >= 0) {
        close(shared->lock);
        shared->lock = -1;
    }
    return code;
}

static int
open_anchor(struct vfs_shared *shared)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    char path[PATH_BYTES];
    int flags = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE;

    snprintf(path, sizeof path, "%s/%s", shared->directory_path, shared->entry);
    if (vfs == NULL)
        return SQLITE_CANTOPEN;
    shared->anchor_name = sqlite3_create_filename(path, "", "", 0, NULL);
    shared->anchor = calloc(1, (size_t)vfs->szOsFile);
    if (shared->anchor_name == NULL || shared->anchor == NULL)
        return SQLITE_NOMEM;
    return vfs->xOpen(vfs, shared->anchor_name, shared->anchor, flags, &flags);
}

static void
close_anchor(struct vfs_shared *shared)
{
    if (shared->anchor != NULL && shared->anchor->pMethods != NULL)
        shared->anchor->pMethods->xClose(shared->anchor);
    free(shared->anchor);
    sqlite3_free_filename(shared->anchor_name);
    shared->anchor = NULL;
    shared->anchor_name = NULL;
}

static int
join(struct vfs_shared *shared)
{
    int code = open_directory(shared);

    if (code == SQLITE_OK)
        code = name_anchor(shared);
    for (int i = 0; code == SQLITE_OK && !shared->is_joined; i++) {
        code = join_once(shared);
        shared->is_joined = code == SQLITE_OK;
        if (code == SQLITE_BUSY && i < TRIES) {
            usleep(TRY_US);
            code = SQLITE_OK;
        }
    }
    if (code == SQLITE_OK)
        code = open_anchor(shared);
    if (code != SQLITE_OK) {
        close_anchor(shared);
        leave(shared);
    }
    return code;
}

/* --- what SQLite calls ---------------------------------------------------------------------------- */

int
vfs_shm_new(const char *name, const struct vfs_keys *keys, bool is_readonly, bool takes_turn,
            struct vfs_shared **out)
{
    struct vfs_shared *shared = calloc(1, sizeof *shared);

    *out = shared;
    if (shared == NULL)
        return SQLITE_NOMEM;
    shared->name = name;
    shared->keys = keys;
    shared->is_readonly = is_readonly;
    shared->takes_turn = takes_turn;
    shared->lock = shared->directory = shared->held = -1;
    return SQLITE_OK;
}

int
vfs_shm_unmap(struct vfs_shared *shared)
{
    int code = SQLITE_OK;

    if (!shared->is_joined)
        return SQLITE_OK;
    /* SQLite's own wish to delete the index is not passed on: its inode is in the record. */
    if (shared->anchor != NULL)
        code = shared->anchor->pMethods->xShmUnmap(shared->anchor, 0);
    close_anchor(shared);
    leave(shared);
    return code;
}

void
vfs_shm_free(struct vfs_shared *shared)
{
    if (shared == NULL)
        return;
    vfs_shm_unmap(shared);
    free(shared);
}

/* By its name, as SQLite opened it. */
static bool
is_seen(const struct vfs_shared *shared)
{
    int fd = openat(shared->directory, shared->entry, ANCHOR_FLAGS);
    bool is_same = fd >= 0 && is_index_of(shared, fd, &shared->record);

    if (fd >= 0)
        close(fd);
    return is_same;
}

static bool
is_full(const struct vfs_shared *shared)
{
    struct statfs info;

    return fstatfs(shared->directory, &info) == 0 &&
           ((info.f_blocks > 0 && info.f_bavail == 0) || (info.f_files > 0 && info.f_ffree == 0));
}

int
vfs_shm_map(struct vfs_shared *shared, int region, int size, int may_extend, void volatile **out)
{
    int code = shared->is_joined ? SQLITE_OK : join(shared);

    *out = NULL;
    if (code == SQLITE_OK)
        code = shared->anchor->pMethods->xShmMap(shared->anchor, region, size, may_extend, out);
    if (code == SQLITE_IOERR_SHMSIZE && is_full(shared))
        code = SQLITE_FULL;
    if (code == SQLITE_OK && !shared->is_mapped && !is_seen(shared)) {
        *out = NULL; /* somebody emptied the directory in between */
        return VFS_OTHER_MEMORY;
    }
    shared->is_mapped = code == SQLITE_OK;
    if (code == SQLITE_OK && *out != NULL)
        (void)mlock((void *)(uintptr_t)*out, (size_t)size); /* best effort: kept off the swap */
    return code;
}

int
vfs_shm_lock(struct vfs_shared *shared, int offset, int count, int flags)
{
    if (shared->anchor == NULL)
        return SQLITE_IOERR_SHMLOCK;
    return shared->anchor->pMethods->xShmLock(shared->anchor, offset, count, flags);
}

void
vfs_shm_barrier(struct vfs_shared *shared)
{
    if (shared->anchor != NULL)
        shared->anchor->pMethods->xShmBarrier(shared->anchor);
}
