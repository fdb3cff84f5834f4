/* Work in a process of its own. */
#include "tests/bench/apart.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(PIPE_BUF >= 512, "what is given back is written and read whole");

void
apart(void (*work)(const void *context, void *out), const void *context, void *out, size_t size)
{
    int ends[2], status;

    fflush(stdout);
    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0) {
        work(context, out);
        fflush(stdout);
        _exit(write(ends[1], out, size) == (ssize_t)size ? 0 : 1);
    }
    close(ends[1]);
    bool is_whole = child > 0 && read(ends[0], out, size) == (ssize_t)size;
    close(ends[0]);
    if (child <= 0 || waitpid(child, &status, 0) != child || status != 0 || !is_whole)
        exit(1);
}
