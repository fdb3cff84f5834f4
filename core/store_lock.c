/* One program at a time writes to a store, and the others are told which. */
#include "core/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/durable.h"
#include "core/i18n.h"
#include "core/vfs_lock.h"

enum { COMMAND_BYTES = 32, STEP_MS = 50 };

/* Reads a short text into `text`, up to the first byte that is no printable ASCII. */
static void
read_words(int fd, char *text, size_t room)
{
    ssize_t got = pread(fd, text, room - 1, 0);
    size_t len = 0;

    while (got > 0 && len < (size_t)got && text[len] >= ' ' && text[len] <= '~')
        len++;
    text[len] = '\0';
}

/* Only a courtesy to others: a full disk must not keep the store shut. */
static void
write_words(int fd, const char *words)
{
    char line[VFS_LOCK_WORDS_BYTES + 1];

    snprintf(line, sizeof line, "%-*s\n", VFS_LOCK_WORDS_BYTES - 1, words);
    ssize_t wrote = pwrite(fd, line, VFS_LOCK_WORDS_BYTES, 0);
    (void)wrote;
}

static void
say_who_holds(int fd)
{
    char command[COMMAND_BYTES] = "";
    char words[COMMAND_BYTES + 24];
    int comm = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);

    if (comm >= 0) {
        read_words(comm, command, sizeof command);
        close(comm);
    }
    snprintf(words, sizeof words, "%ld %s", (long)getpid(), command);
    write_words(fd, words);
}

static enum rc
fail_busy(int fd)
{
    char words[VFS_LOCK_WORDS_BYTES];
    char *command;

    read_words(fd, words, sizeof words);
    long pid = strtol(words, &command, 10);
    if (pid <= 0)
        return rc_fail(RC_BUSY, _("another process holds the store"));
    while (*command == ' ')
        command++;
    for (size_t end = strlen(command); end > 0 && command[end - 1] == ' '; end--)
        command[end - 1] = '\0';
    return rc_fail(RC_BUSY, _("process %ld (%s) holds the store"), pid, command);
}

static enum rc
wait_for_lock(int fd, const struct clock *clock, int64_t until_ms)
{
    int error;

    while ((error = vfs_lock_set(fd, VFS_LOCK_WRITER, VFS_LOCK_EXCLUSIVE)) != 0) {
        if (error != EAGAIN)
            return rc_fail(RC_IO, _("locking the store: %s"), strerror(error));
        if (clock_mono_ms(clock) >= until_ms)
            return fail_busy(fd);
        clock_sleep_ms(clock, STEP_MS);
    }
    return RC_OK;
}

static enum rc
take_once(const char *directory, const char *path, const struct clock *clock, int64_t until_ms, int *fd)
{
    *fd = -1;
    enum rc rc = durable_check_kind(path);
    if (rc != RC_OK)
        return rc;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return rc_fail(RC_ABSENT, _("there is no store at %s"), directory);
    if (*fd < 0)
        return rc_fail(RC_IO, "%s: %s", path, strerror(errno));
    rc = wait_for_lock(*fd, clock, until_ms);
    if (rc != RC_OK)
        close(*fd);
    return rc;
}

enum rc
store_lock_take(const char *directory, const struct clock *clock, int *out)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/lock", directory);

    *out = -1;
    if (len <= 0 || (size_t)len >= sizeof path)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    /* While this program waited a restored store may have taken the place of the one whose lock it waited for. */
    int64_t until_ms = clock_mono_ms(clock) + STORE_LOCK_WAIT_MS;
    int fd = -1;
    enum rc rc = take_once(directory, path, clock, until_ms, &fd);
    while (rc == RC_OK && !vfs_lock_is_named(fd, path)) {
        close(fd);
        if (clock_mono_ms(clock) >= until_ms) /* a disk that fails, or that gives a file two numbers */
            return rc_fail(RC_IO, _("locking the store: %s"), strerror(ESTALE));
        clock_sleep_ms(clock, STEP_MS);
        rc = take_once(directory, path, clock, until_ms, &fd);
    }
    if (rc != RC_OK)
        return rc;
    say_who_holds(fd);
    *out = fd;
    return RC_OK;
}

void
store_lock_release(int fd)
{
    if (fd < 0)
        return;
    write_words(fd, ""); /* stale in any case once the lock is free */
    close(fd);
}
