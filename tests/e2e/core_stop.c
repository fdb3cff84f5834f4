/* Preloaded into `baken` by cores.sh: forces what a core dump would hold, at chosen moments. Core dumps are allowed again;
 * at each call by which SQLite reaches the disk, and when the program ends, all memory that the kernel would dump goes
 * to a file, registers too (a signal puts them on the stack). STOP_ABORT=n dies at the n-th instead. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 60 };

static int moments;
static bool is_busy;
static void *planted; /* the control: a secret that was left in ordinary memory */

int
prctl(int option, ...)
{
    va_list rest;
    va_start(rest, option);
    unsigned long a = va_arg(rest, unsigned long), b = va_arg(rest, unsigned long);
    unsigned long c = va_arg(rest, unsigned long), d = va_arg(rest, unsigned long);
    va_end(rest);
    return option == PR_SET_DUMPABLE ? 0 : (int)syscall(SYS_prctl, option, a, b, c, d);
}

int
setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    return resource == RLIMIT_CORE ? 0 : (int)syscall(SYS_setrlimit, resource, limit);
}

static void
dump_range(int memory, int out, unsigned long from, unsigned long until)
{
    static char piece[65536]; /* shown to itself as well, which harms nothing */

    while (from < until) {
        size_t want = until - from < sizeof piece ? until - from : sizeof piece;
        ssize_t got = pread(memory, piece, want, (off_t)from);
        if (got <= 0 || syscall(SYS_write, out, piece, (size_t)got) != got)
            break;
        from += (unsigned long)got;
    }
    memset(piece, 0, sizeof piece);
}

/* As the kernel: readable, not marked "dd"; what merely mirrors a file is passed over. */
static void
dump(int signal_number)
{
    char line[1024], name[512];
    unsigned long from = 0, until = 0;
    bool is_wanted = false;

    (void)signal_number;
    snprintf(name, sizeof name, "%s/core.%d", getenv("STOP_DIR"), moments);
    int out = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/smaps", "r");
    if (out < 0 || memory < 0 || maps == NULL)
        abort();
    while (fgets(line, sizeof line, maps) != NULL) {
        char rights[8], path[512] = "";
        unsigned long start, stop;
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %511s", &start, &stop, rights, path) >= 3) {
            is_wanted = rights[0] == 'r' && (path[0] != '/' || rights[1] == 'w');
            from = start;
            until = stop;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && is_wanted && strstr(line, " dd") == NULL) {
            dump_range(memory, out, from, until);
        }
    }
    fclose(maps);
    close(memory);
    close(out);
}

static void
moment(void)
{
    const char *last = getenv("STOP_ABORT");

    if (is_busy || getenv("STOP_DIR") == NULL || moments >= MOST)
        return;
    is_busy = true;
    moments++;
    if (last != NULL && moments == (int)strtol(last, NULL, 10)) {
        signal(SIGABRT, SIG_DFL);
        raise(SIGABRT);
    } else if (last == NULL) {
        raise(SIGUSR2);
    }
    is_busy = false;
}

int
fdatasync(int file)
{
    moment();
    return (int)syscall(SYS_fdatasync, file);
}

int
fsync(int file)
{
    moment();
    return (int)syscall(SYS_fsync, file);
}

ssize_t
pwrite64(int file, const void *bytes, size_t len, off64_t at)
{
    moment();
    return syscall(SYS_pwrite64, file, bytes, len, at);
}

ssize_t
send(int file, const void *bytes, size_t len, int flags)
{
    moment();
    return syscall(SYS_sendto, file, bytes, len, flags, NULL, 0);
}

__attribute__((constructor)) static void
start(void)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    const char *plant = getenv("STOP_PLANT");

    (void)syscall(SYS_setrlimit, RLIMIT_CORE, &all);
    signal(SIGUSR2, dump);
    if (plant == NULL)
        return;
    FILE *file = fopen(plant, "r");
    planted = malloc(64);
    if (file == NULL || planted == NULL || fread(planted, 1, 32, file) != 32)
        abort();
    fclose(file);
}

__attribute__((destructor)) static void
end(void)
{
    moments = MOST - 1; /* the last is always taken */
    moment();
}
