/* Small files that are there whole or not at all, also after a power cut. */
#include "core/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/i18n.h"

enum { READ_BYTES = 4096 };

static enum rc
fail_errno(const char *path)
{
    int error = errno;

    return rc_fail(error == ENOSPC || error == EDQUOT ? RC_FULL : RC_IO, "%s: %s", path,
                   strerror(error));
}

static enum rc
join(char path[PATH_MAX], const char *directory, const char *name, const char *suffix)
{
    int len = snprintf(path, PATH_MAX, "%s/%s%s", directory, name, suffix);

    return len > 0 && len < PATH_MAX ? RC_OK : rc_fail(RC_TOO_LARGE, _("the path is too long"));
}

enum rc
durable_write_all(int fd, const char *name, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t wrote = write(fd, (const uint8_t *)bytes + done, len - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return fail_errno(name);
        done += (size_t)wrote;
    }
    return RC_OK;
}

enum rc
durable_write_at(int fd, const char *name, uint64_t at, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t wrote = pwrite(fd, (const uint8_t *)bytes + done, len - done, (off_t)(at + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return fail_errno(name);
        done += (size_t)wrote;
    }
    return fdatasync(fd) == 0 ? RC_OK : fail_errno(name);
}

enum rc
durable_read_at(int fd, const char *name, uint64_t at, void *bytes, size_t len, size_t *got)
{
    *got = 0;
    while (*got < len) {
        ssize_t more = pread(fd, (uint8_t *)bytes + *got, len - *got, (off_t)(at + *got));
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return fail_errno(name);
        if (more == 0)
            break;
        *got += (size_t)more;
    }
    return RC_OK;
}

enum rc
durable_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum rc rc = RC_OK;

    if (fd < 0)
        return fail_errno(directory);
    if (fsync(fd) != 0)
        rc = fail_errno(directory);
    close(fd);
    return rc;
}

enum rc
durable_write(const char *directory, const char *name, const void *bytes, size_t len)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    enum rc rc = join(path, directory, name, "");

    if (rc == RC_OK)
        rc = join(fresh, directory, name, ".new");
    if (rc != RC_OK)
        return rc;
    (void)unlink(fresh); /* of a write that was cut; or a second name that somebody gave another file */
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(fresh);
    rc = durable_write_all(fd, fresh, bytes, len);
    if (rc == RC_OK && fsync(fd) != 0)
        rc = fail_errno(fresh);
    if (close(fd) != 0 && rc == RC_OK)
        rc = fail_errno(fresh);
    if (rc == RC_OK) /* whether it can be is known before the name changes: nobody may be told then that the old content stands */
        rc = durable_sync_directory(directory);
    if (rc == RC_OK && rename(fresh, path) != 0)
        rc = fail_errno(path);
    if (rc != RC_OK) {
        unlink(fresh);
        return rc;
    }
    return durable_sync_directory(directory);
}

static enum rc
fail_kind(const char *path)
{
    return rc_fail(RC_IO, _("%s is not a file, but a directory, a pipe or the like"), path);
}

enum rc
durable_check_kind(const char *path)
{
    struct stat info;

    return lstat(path, &info) != 0 || S_ISREG(info.st_mode) ? RC_OK : fail_kind(path);
}

static enum rc
read_whole(int fd, const char *path, struct buf *out)
{
    for (;;) {
        uint8_t *room;
        enum rc rc = buf_extend(out, READ_BYTES, &room);
        if (rc != RC_OK)
            return rc;
        ssize_t got = read(fd, room, READ_BYTES);
        out->len -= READ_BYTES - (size_t)(got > 0 ? got : 0);
        if (got == 0)
            return RC_OK;
        if (got < 0 && errno != EINTR)
            return fail_errno(path);
    }
}

enum rc
durable_read(const char *directory, const char *name, struct buf *out)
{
    char path[PATH_MAX];
    enum rc rc = join(path, directory, name, "");

    if (rc == RC_OK)
        rc = durable_check_kind(path);
    if (rc != RC_OK)
        return rc;
    /* A link is not followed: what it names would be read, and kept here as a damaged file of ours. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ELOOP)
        return fail_kind(path);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return rc_fail(RC_ABSENT, _("%s is not there"), path);
    if (fd < 0)
        return fail_errno(path);
    rc = read_whole(fd, path, out);
    close(fd);
    return rc;
}

enum rc
durable_mkdir(const char *directory)
{
    char path[PATH_MAX];
    size_t len = strlen(directory);

    if (len == 0 || len >= sizeof path)
        return rc_fail(RC_INVALID, _("the path of a directory is empty or too long"));
    memcpy(path, directory, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        path[i] = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return fail_errno(path);
        path[i] = directory[i];
    }
    return RC_OK;
}
