/* Looks through a log before recovery does, and keeps a copy where that ends early. */
#define _GNU_SOURCE /* SEEK_DATA */
#include "core/vfs_kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/date.h"
#include "core/durable.h"
#include "core/i18n.h"
#include "core/vfs_seal.h"

#define LOG_NAME "store.db-wal"
#define KEPT_PREFIX LOG_NAME ".kept-"

enum { COPY_BYTES = 64 * 1024 };

/* What says which log it is, and how it is damaged: a copy with the same bytes in these places is of the same. */
struct marks {
    uint8_t start[VFS_START_BYTES];
    uint8_t bad[VFS_FRAME_UNIT_BYTES]; /* the first bad frame; zeros when the start is what is bad */
    uint64_t end;                      /* of the last good frame: nothing behind it is of use */
};

static bool
put_path(char path[PATH_MAX], const char *directory, const char *name)
{
    int len = snprintf(path, PATH_MAX, "%s/%s", directory, name);

    return len > 0 && len < PATH_MAX;
}

/* ---- looking ------------------------------------------------------------------------------------ */

static uint64_t
place_of(uint64_t frame)
{
    return frame == 0 ? 0 : VFS_START_BYTES + (frame - 1) * VFS_FRAME_UNIT_BYTES;
}

/* The frame that follows a bad one, past what is a hole: zeros do not authenticate, and anybody makes a file of
 * terabytes of them. 0 when there is none. */
static uint64_t
frame_after(int fd, uint64_t frame)
{
    off_t data = lseek(fd, (off_t)place_of(frame + 1), SEEK_DATA);

    if (data < 0)
        return errno == ENXIO ? 0 : frame + 1;
    return ((uint64_t)data - VFS_START_BYTES) / VFS_FRAME_UNIT_BYTES + 1;
}

/* The nonce of the start is the generation, also where the rest of the start does not hold. */
static enum rc
scan(int fd, const struct vfs_keys *keys, struct vfs_kept *kept, struct marks *marks)
{
    uint8_t unit[VFS_FRAME_UNIT_BYTES], header[VFS_WAL_HEADER_BYTES];
    bool has_ended;
    size_t got;
    enum rc rc = durable_read_at(fd, LOG_NAME, 0, marks->start, sizeof marks->start, &got);

    if (rc != RC_OK || got < sizeof marks->start)
        return rc;
    has_ended = !vfs_start_open(keys, marks->start, header);
    memset(marks->bad, 0, sizeof marks->bad);
    wipe(header, sizeof header);
    for (uint64_t frame = 1, next; frame > 0; frame = next) {
        next = frame + 1;
        rc = durable_read_at(fd, LOG_NAME, place_of(frame), unit, sizeof unit, &got);
        if (rc != RC_OK || got < sizeof unit)
            break;
        if (!has_ended)
            memcpy(marks->bad, unit, sizeof unit);
        if (!vfs_frame_open(keys, marks->start, frame, unit)) {
            if (!has_ended)
                kept->first_bad = frame;
            has_ended = true;
            next = frame_after(fd, frame);
            continue;
        }
        marks->end = place_of(frame + 1);
        kept->later_commits += has_ended && vfs_frame_is_commit(unit + CRYPTO_NONCE_BYTES);
    }
    wipe(unit, sizeof unit);
    kept->is_cut = rc == RC_OK && kept->later_commits > 0;
    return rc;
}

/* ---- copies -------------------------------------------------------------------------------------- */

typedef enum rc (*kept_fn)(void *context, const char *path);

static enum rc
each_copy(const char *directory, kept_fn visit, void *context)
{
    char path[PATH_MAX];
    enum rc rc = RC_OK;
    DIR *entries = opendir(directory);

    if (entries == NULL)
        return rc_fail(RC_IO, "%s: %s", directory, strerror(errno));
    for (struct dirent *entry; rc == RC_OK && (entry = readdir(entries)) != NULL;)
        if (strncmp(entry->d_name, KEPT_PREFIX, sizeof KEPT_PREFIX - 1) == 0 &&
            put_path(path, directory, entry->d_name))
            rc = visit(context, path);
    closedir(entries);
    return rc;
}

static enum rc
count_copy(void *context, const char *path)
{
    unsigned *count = context;

    (void)path;
    ++*count;
    return RC_OK;
}

/* What is looked for among the copies. */
struct wanted {
    const struct vfs_kept *kept;
    const struct marks *marks;
    bool is_there;
};

static enum rc
compare_copy(void *context, const char *path)
{
    struct wanted *wanted = context;
    struct marks marks = {{0}, {0}, 0};
    size_t got = 0, got_bad = sizeof marks.bad;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return RC_OK;
    enum rc rc = durable_read_at(fd, path, 0, marks.start, sizeof marks.start, &got);
    if (rc == RC_OK && wanted->kept->first_bad > 0)
        rc = durable_read_at(fd, path, place_of(wanted->kept->first_bad), marks.bad, sizeof marks.bad,
                             &got_bad);
    close(fd);
    if (rc == RC_OK && got == sizeof marks.start && got_bad == sizeof marks.bad &&
        memcmp(marks.start, wanted->marks->start, sizeof marks.start) == 0 &&
        memcmp(marks.bad, wanted->marks->bad, sizeof marks.bad) == 0)
        wanted->is_there = true;
    return RC_OK; /* one that cannot be read is another */
}

static enum rc
copy_bytes(int from, int to, uint64_t end)
{
    uint8_t *bytes = malloc(COPY_BYTES);
    uint64_t at = 0;
    size_t got = 1;
    enum rc rc = bytes == NULL ? rc_nomem() : RC_OK;

    while (rc == RC_OK && got > 0 && at < end) {
        size_t len = end - at < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES;
        rc = durable_read_at(from, LOG_NAME, at, bytes, len, &got);
        if (rc == RC_OK)
            rc = durable_write_all(to, KEPT_PREFIX, bytes, got);
        at += got;
    }
    free(bytes);
    return rc;
}

/* True when the copy is on disk. */
static bool
copy(int log, uint64_t end, const char *directory, const struct clock *clock)
{
    char name[64], path[PATH_MAX], date[TIME_STAMP_BYTES];

    time_to_stamp(clock_wall_ms(clock), date);
    int fd = -1;
    for (unsigned i = 1; fd < 0 && i <= VFS_KEPT_MOST; i++) { /* two in one second */
        snprintf(name, sizeof name, i == 1 ? KEPT_PREFIX "%s" : KEPT_PREFIX "%s-%u", date, i);
        if (!put_path(path, directory, name))
            return false;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno != EEXIST)
            return false;
    }
    if (fd < 0)
        return false;
    bool is_good = copy_bytes(log, fd, end) == RC_OK && fsync(fd) == 0;
    is_good = close(fd) == 0 && is_good;
    is_good = is_good && durable_sync_directory(directory) == RC_OK;
    if (!is_good)
        (void)unlink(path);
    return is_good;
}

static enum rc
keep(int log, const char *directory, const struct clock *clock, const struct marks *marks,
     struct vfs_kept *kept)
{
    struct wanted wanted = {kept, marks, false};
    unsigned count;
    enum rc rc = each_copy(directory, compare_copy, &wanted);

    if (rc == RC_OK)
        rc = vfs_kept_count(directory, &count);
    if (rc == RC_OK)
        kept->is_kept =
            wanted.is_there || (count < VFS_KEPT_MOST && copy(log, marks->end, directory, clock));
    return rc;
}

enum rc
vfs_kept_look(const char *directory, const struct secret *key,
              const uint8_t file_id[VFS_FILE_ID_BYTES], const struct clock *clock,
              struct vfs_kept *kept)
{
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    struct marks marks = {{0}, {0}, 0};
    char path[PATH_MAX];

    *kept = (struct vfs_kept){.is_cut = false};
    if (!put_path(path, directory, LOG_NAME))
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? RC_OK : rc_fail(RC_IO, "%s: %s", path, strerror(errno));
    enum rc rc = vfs_keys_derive(&keys, key, file_id);
    if (rc == RC_OK)
        rc = scan(fd, &keys, kept, &marks);
    if (rc == RC_OK && kept->is_cut)
        rc = keep(fd, directory, clock, &marks, kept);
    close(fd);
    vfs_keys_wipe(&keys);
    return rc;
}

enum rc
vfs_kept_count(const char *directory, unsigned *count)
{
    *count = 0;
    return each_copy(directory, count_copy, count);
}

static enum rc
delete_copy(void *context, const char *path)
{
    (void)context;
    return unlink(path) == 0 || errno == ENOENT ? RC_OK
                                                : rc_fail(RC_IO, "%s: %s", path, strerror(errno));
}

enum rc
vfs_kept_forget(const char *directory)
{
    unsigned count;
    enum rc rc = vfs_kept_count(directory, &count);

    if (rc != RC_OK || count == 0)
        return rc;
    rc = each_copy(directory, delete_copy, NULL);
    return rc == RC_OK ? durable_sync_directory(directory) : rc;
}
