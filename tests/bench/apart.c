/* Work in a process of its own. */
#include "tests/bench/apart.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(PIPE_BUF >= APART_BYTES_MOST, "what is given back is written and read whole");

static void
give_up(const char *why)
{
    fprintf(stderr, "bench: a process of its own %s\n", why);
    exit(1);
}

void
apart(void (*work)(const void *context, void *out), const void *context, void *out, size_t size)
{
    int ends[2], status;

    assert(size <= APART_BYTES_MOST);
    fflush(stdout);
    if (pipe(ends) != 0)
        give_up("has no pipe");
    pid_t child = fork();
    if (child < 0)
        give_up("cannot be made");
    if (child == 0) {
        work(context, out);
        fflush(stdout);
        _exit(write(ends[1], out, size) == (ssize_t)size ? 0 : 1);
    }
    close(ends[1]);
    bool is_whole = read(ends[0], out, size) == (ssize_t)size;
    close(ends[0]);
    if (waitpid(child, &status, 0) != child || status != 0 || !is_whole)
        give_up("failed");
}
