/* The lock file of a store: byte ranges that processes hold, and a record that proves what they share. */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "core/vfs_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
name_of(const char *store)
{
    const char *slash = strrchr(store, '/');

    return slash == NULL ? store : slash + 1;
}

bool
vfs_lock_is_lasting(const char *store)
{
    return strcmp(name_of(store), "store.db") == 0;
}

bool
vfs_lock_path(const char *store, char *path, size_t room)
{
    bool is_lasting = vfs_lock_is_lasting(store);
    int kept = is_lasting ? (int)(name_of(store) - store) : (int)strlen(store);
    int len = snprintf(path, room, "%.*s%s", kept, store, is_lasting ? "lock" : "-lock");

    return len > 0 && (size_t)len < room;
}

bool
vfs_lock_is_named(int fd, const char *path)
{
    struct stat held, named;

    return fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static struct flock
range_of(enum vfs_lock_byte byte, short kind)
{
    return (struct flock){.l_type = kind, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

int
vfs_lock_set(int fd, enum vfs_lock_byte byte, enum vfs_lock_kind kind)
{
    static const short KINDS[] = {F_UNLCK, F_RDLCK, F_WRLCK};
    struct flock range = range_of(byte, KINDS[kind]);

    while (fcntl(fd, F_OFD_SETLK, &range) != 0)
        if (errno != EINTR)
            return errno == EACCES ? EAGAIN : errno;
    return 0;
}

bool
vfs_lock_is_held(int fd, enum vfs_lock_byte byte)
{
    struct flock range = range_of(byte, F_WRLCK);

    return fcntl(fd, F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
}

int
vfs_lock_alone(const char *store, int *fd)
{
    char path[PATH_MAX];

    *fd = -1;
    if (!vfs_lock_path(store, path, sizeof path))
        return ENAMETOOLONG;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0)
        return 0;
    int error = vfs_lock_set(*fd, VFS_LOCK_ALONE, VFS_LOCK_SHARED);
    if (error == 0 && (vfs_lock_is_held(*fd, VFS_LOCK_SHARERS) || !vfs_lock_is_named(*fd, path)))
        error = EAGAIN;
    if (error != 0) {
        close(*fd);
        *fd = -1;
    }
    return error;
}

bool
vfs_lock_read(int fd, struct vfs_lock_record *record)
{
    uint8_t bytes[VFS_LOCK_RECORD_BYTES];

    if (pread(fd, bytes, sizeof bytes, VFS_LOCK_WORDS_BYTES) != (ssize_t)sizeof bytes)
        return false;
    memcpy(record->token, bytes, sizeof record->token);
    record->inode = 0;
    for (size_t i = sizeof record->token; i < sizeof bytes; i++)
        record->inode = record->inode << 8 | bytes[i];
    return true;
}

int
vfs_lock_write(int fd, const struct vfs_lock_record *record)
{
    uint8_t bytes[VFS_LOCK_RECORD_BYTES];

    memcpy(bytes, record->token, sizeof record->token);
    for (size_t i = sizeof record->token; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(record->inode >> (8 * (sizeof bytes - 1 - i)));
    errno = 0;
    if (pwrite(fd, bytes, sizeof bytes, VFS_LOCK_WORDS_BYTES) == (ssize_t)sizeof bytes)
        return 0;
    return errno == 0 ? EIO : errno;
}
