/* Writes one line per event; its keys come from a closed list. */
#include "core/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


enum { LINE_BYTES = 1024 };

/* Sorted, so that a new one shows in review. Counts, sizes, times and codes: nothing else. */
static const char *const keys[] = {
    "bytes", "code", "method", "ms", "pid", "port", "route", "signal", "status", "version",
};

static bool
is_known(const char *key, size_t len)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strlen(keys[i]) == len && memcmp(keys[i], key, len) == 0)
            return true;
    }
    return false;
}

/* Every word of a format is key=..., and the key is known. */
static bool
is_allowed(const char *format)
{
    while (*format != '\0') {
        size_t word = strcspn(format, " ");
        size_t key = strcspn(format, "= ");
        if (key >= word || !is_known(format, key))
            return false;
        format += word;
        format += strspn(format, " ");
    }
    return true;
}

/* The start of the line up to the event; its length. */
static size_t
put_head(char line[LINE_BYTES], enum log_level level, const char *event)
{
    static const char *const levels[] = {"info", "warn"};
    struct timespec now = {0, 0};
    struct tm utc;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(line, LINE_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(line + len, LINE_BYTES - len, ".%03ldZ %s %s", now.tv_nsec / 1000000,
                        levels[level], event);
    assert(more > 0 && len + (size_t)more < LINE_BYTES / 2);
    return len + (size_t)more;
}

static void
put_line(char line[LINE_BYTES], size_t len)
{
    /* A value must not be able to begin a line of its own or to steer a terminal. */
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

void
log_event(enum log_level level, const char *event, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;

    assert(is_allowed(format));
    size_t len = put_head(line, level, event);
    line[len++] = ' ';
    va_start(args, format);
    if (vsnprintf(line + len, LINE_BYTES - len, format, args) < 0)
        line[len] = '\0';
    va_end(args);
    put_line(line, strlen(line)); /* at most LINE_BYTES - 1: the line feed takes the NUL's place */
}
