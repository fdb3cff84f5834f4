/* LD_PRELOAD for backup.sh: a disk that gives back another byte than was written, at FLIP_AT, from the moment the cache is dropped. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
    const char *at = getenv("FLIP_AT");
    char path[64], byte;

    (void)offset;
    (void)len;
    (void)advice;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int other = open(path, O_RDWR);
    if (at == NULL || other < 0 || pread(other, &byte, 1, strtol(at, NULL, 10)) != 1)
        abort(); /* the test would prove nothing */
    byte ^= 1;
    if (pwrite(other, &byte, 1, strtol(at, NULL, 10)) != 1)
        abort();
    close(other);
    return 0;
}
