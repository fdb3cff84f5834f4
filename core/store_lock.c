/* One process at a time holds a store, and the others are told which. */
#include "core/store_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/i18n.h"

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

static void
say_who_holds(int fd)
{
    char command[COMMAND_BYTES] = "";
    char words[COMMAND_BYTES + 32];
    int comm = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);

    if (comm >= 0) {
        read_words(comm, command, sizeof command);
        close(comm);
    }
    int len = snprintf(words, sizeof words, "%ld %s\n", (long)getpid(), command);
    /* Only a courtesy to others: a full disk must not keep the store shut. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, words, (size_t)len, 0) != len)
        return;
}

static enum rc
fail_busy(int fd)
{
    char words[COMMAND_BYTES + 32];
    char *command;

    read_words(fd, words, sizeof words);
    long pid = strtol(words, &command, 10);
    if (pid <= 0)
        return rc_fail(RC_BUSY, _("another process holds the store"));
    while (*command == ' ')
        command++;
    return rc_fail(RC_BUSY, _("process %ld (%s) holds the store"), pid, command);
}

static enum rc
wait_for_lock(int fd, const struct clock *clock)
{
    int64_t until_ms = clock_mono_ms(clock) + STORE_LOCK_WAIT_MS;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return rc_fail(RC_IO, _("locking the store: %s"), strerror(errno));
        if (clock_mono_ms(clock) >= until_ms)
            return fail_busy(fd);
        clock_sleep_ms(clock, STEP_MS);
    }
    return RC_OK;
}

enum rc
store_lock_take(const char *directory, const struct clock *clock, int *out)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/lock", directory);

    *out = -1;
    if (len <= 0 || (size_t)len >= sizeof path)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return rc_fail(RC_ABSENT, _("there is no store at %s"), directory);
    if (fd < 0)
        return rc_fail(RC_IO, "%s: %s", path, strerror(errno));
    enum rc rc = wait_for_lock(fd, clock);
    if (rc != RC_OK) {
        close(fd);
        return rc;
    }
    say_who_holds(fd);
    *out = fd;
    return RC_OK;
}

void
store_lock_release(int fd)
{
    if (fd < 0)
        return;
    if (ftruncate(fd, 0) != 0) /* the words are stale in any case once the lock is free */
        errno = 0;
    close(fd);
}
