/* A backup put back: proven, laid beside, and exchanged for what is there in one step. */
#define _GNU_SOURCE /* renameat2 */
#include "core/backup_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/durable.h"
#include "core/i18n.h"
#include "core/store_lock.h"
#include "core/vfs_lock.h"

/* Sealed anew under a fresh id: two stores restored from one backup are two files, whose pages and logs do not mix. */
static enum rc
copy_proven(const char *path, const struct secret *key, int fd, struct backup *backup)
{
    struct backup_target to = {.fd = fd, .keys = VFS_KEYS_EMPTY};
    uint8_t file_id[VFS_FILE_ID_BYTES];

    vfs_id_make(key, file_id);
    enum rc rc = vfs_keys_derive(&to.keys, key, file_id);
    if (rc == RC_OK)
        rc = backup_prove(path, path, key, backup, &to);
    if (rc == RC_OK)
        memcpy(backup->slots.file_id, file_id, sizeof file_id);
    vfs_keys_wipe(&to.keys);
    vfs_nonces_wipe(&to.nonces);
    return rc;
}

static enum rc
write_slots(const char *directory, const char *named, const struct secret *key, struct backup *backup)
{
    enum rc rc = store_key_write_as_is(directory, key, &backup->slots);

    if (rc == RC_FULL || rc == RC_IO)
        rc = rc_fail(rc, "%s: %s", named, strerror(rc == RC_FULL ? ENOSPC : EIO));
    return rc;
}

/* In `directory`, which nobody knows: a sentence says `named`. */
static enum rc
stage(const char *path, const struct secret *key, const char *directory, const char *named, struct backup *backup)
{
    char store[PATH_MAX];
    int len = snprintf(store, sizeof store, "%s/store.db", directory);

    if (len <= 0 || (size_t)len >= sizeof store)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    int fd = open(store, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return backup_fail_errno(named);
    enum rc rc = copy_proven(path, key, fd, backup);
    if (rc == RC_OK && fsync(fd) != 0)
        rc = backup_fail_errno(named);
    if (close(fd) != 0 && rc == RC_OK)
        rc = backup_fail_errno(named);
    if (rc == RC_OK)
        rc = backup_check_structure(store, key, backup->slots.file_id);
    /* Last, as at a creation: a directory without it has no store. */
    return rc == RC_OK ? write_slots(directory, named, key, backup) : rc;
}

void
backup_clear_stage(const char *directory)
{
    static const char *const NAMES[] = {"store.db", "store.db-wal", "store.db-journal", "keyslots.json",
                                        "keyslots.json.new", "lock", STORE_KEY_MAKING};
    /* A link that took its place meanwhile may name a store that is whole. */
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    for (size_t i = 0; fd >= 0 && i < sizeof NAMES / sizeof NAMES[0]; i++)
        unlinkat(fd, NAMES[i], 0);
    if (fd >= 0)
        close(fd);
    rmdir(directory);
}

/* Where the file system can exchange names, each of the two stores has one of them at every moment. `keep`, out: the old
 * store may be left under the name `staged`. */
static enum rc
exchange(const char *staged, const char *directory, const char *aside, bool *keep)
{
    if (renameat2(AT_FDCWD, staged, AT_FDCWD, directory, RENAME_EXCHANGE) == 0) {
        if (rename(staged, aside) == 0)
            return RC_OK;
        enum rc failed = backup_fail_errno(aside);
        *keep = renameat2(AT_FDCWD, staged, AT_FDCWD, directory, RENAME_EXCHANGE) != 0;
        return failed;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return backup_fail_errno(directory);
    if (rename(directory, aside) != 0)
        return backup_fail_errno(aside);
    if (rename(staged, directory) == 0)
        return RC_OK;
    enum rc rc = backup_fail_errno(directory);
    return rename(aside, directory) == 0 ? rc : backup_fail_errno(aside);
}

/* The turn of the writing program, and with it nobody who shares the wal-index. The expert's shell would delete, as it
 * leaves, the log that has the name by then: that of the restored store. */
static enum rc
take_whole(const char *directory, const struct clock *clock, int *lock)
{
    enum rc rc = store_lock_take(directory, clock, lock);

    if (rc == RC_OK && vfs_lock_set(*lock, VFS_LOCK_SHARERS, VFS_LOCK_EXCLUSIVE) != 0)
        rc = rc_fail(RC_BUSY, _("another process holds the store"));
    return rc;
}

/* It could be done before. Should it fail now, the names have changed all the same, and that is what is told. */
static void
sync_again(const char *parent)
{
    enum rc rc = durable_sync_directory(parent);

    (void)rc;
}

static enum rc
put_in_place(const char *staged, const char *directory, const char *parent, const char *aside, const struct clock *clock,
             bool *keep)
{
    struct stat info;
    int lock = -1;
    enum rc rc = RC_OK;

    if (aside == NULL) { /* takes the place of an empty directory, and of no other */
        if (rename(staged, directory) != 0)
            return backup_fail_errno(directory);
        sync_again(parent);
        return RC_OK;
    }
    if (lstat(aside, &info) == 0)
        rc = rc_fail(RC_EXISTS, _("there is a directory %s already"), aside);
    if (rc == RC_OK)
        rc = take_whole(directory, clock, &lock);
    if (rc == RC_OK)
        rc = exchange(staged, directory, aside, keep);
    if (rc == RC_OK)
        sync_again(parent);
    store_lock_release(lock);
    return rc;
}

enum rc
backup_restore(const char *path, const struct secret *key, const char *directory, const char *aside,
               const struct clock *clock, struct backup *backup)
{
    char staged[PATH_MAX], parent[PATH_MAX];
    bool keep = false;
    int len = snprintf(staged, sizeof staged, "%s.restoring-XXXXXX", directory);
    enum rc rc = backup_directory_of(directory, parent);

    if (rc == RC_OK && (len <= 0 || (size_t)len >= sizeof staged))
        rc = rc_fail(RC_TOO_LARGE, _("the path is too long"));
    if (rc == RC_OK)
        rc = durable_mkdir(parent);
    if (rc == RC_OK && mkdtemp(staged) == NULL) /* mode 0700 */
        rc = backup_fail_errno(directory);
    if (rc != RC_OK)
        return rc_while(rc, _("restoring the backup"));
    rc = durable_sync_directory(parent); /* which is asked for before anything changes its name there */
    if (rc == RC_OK)
        rc = stage(path, key, staged, directory, backup);
    if (rc == RC_OK)
        rc = put_in_place(staged, directory, parent, aside, clock, &keep);
    if (rc == RC_OK)
        return RC_OK;
    if (!keep)
        backup_clear_stage(staged);
    return rc_while(rc, _("restoring the backup"));
}
