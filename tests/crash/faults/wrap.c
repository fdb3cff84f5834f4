/* Counts and fails what our own code asks of the C library, and the allocations of the libraries. Linked with --wrap=NAME for each
 * name in the Makefile's FAULT_WRAPS. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <uninorm.h>
#include <unistd.h>

#include "core/secret.h"
#include "tests/crash/faults/fault.h"

static struct {
    enum fault_kind kind;
    uint64_t at, count;
    bool is_for_ever, is_armed;
    unsigned suspended;
} fault;

const char *
fault_name(enum fault_kind kind)
{
    static const char *const NAMES[FAULT_KINDS] = {
        [FAULT_READ] = "read",     [FAULT_WRITE] = "write",       [FAULT_FULL] = "full",
        [FAULT_SYNC] = "sync",     [FAULT_TRUNCATE] = "truncate", [FAULT_OPEN] = "open",
        [FAULT_DELETE] = "delete", [FAULT_LOCK] = "lock",         [FAULT_LOOK] = "look",
        [FAULT_MEMORY] = "memory",
    };

    return NAMES[kind];
}

void
fault_arm(enum fault_kind kind, uint64_t n, bool is_for_ever)
{
    fault.kind = kind;
    fault.at = n;
    fault.count = 0;
    fault.is_for_ever = is_for_ever;
    fault.is_armed = true;
}

uint64_t
fault_disarm(void)
{
    fault.is_armed = false;
    return fault.count;
}

void
fault_suspend(bool is_suspended)
{
    if (is_suspended)
        fault.suspended++;
    else
        fault.suspended--;
}

bool
fault_now(enum fault_kind kind)
{
    if (!fault.is_armed || fault.suspended > 0 || kind != fault.kind)
        return false;
    fault.count++;
    return fault.at != 0 &&
           (fault.count == fault.at || (fault.is_for_ever && fault.count > fault.at));
}

static int
fails_with(int error)
{
    errno = error;
    return -1;
}

/* --- names and files --------------------------------------------------------------------------- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *out, size_t len);
ssize_t __wrap_read(int fd, void *out, size_t len);
ssize_t __real_pread(int fd, void *out, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *out, size_t len, off_t at);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_chmod(const char *path, mode_t mode);
int __wrap_chmod(const char *path, mode_t mode);
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __real_stat(const char *path, struct stat *out);
int __wrap_stat(const char *path, struct stat *out);
int __real_openat(int directory, const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...);
int __real_unlinkat(int directory, const char *path, int flags);
int __wrap_unlinkat(int directory, const char *path, int flags);
int __real_fcntl(int fd, int operation, ...);
int __wrap_fcntl(int fd, int operation, ...);
int __real_fstat(int fd, struct stat *out);
int __wrap_fstat(int fd, struct stat *out);
int __real_fstatat(int directory, const char *path, struct stat *out, int flags);
int __wrap_fstatat(int directory, const char *path, struct stat *out, int flags);

/* With errno set. */
static bool
opening_fails(int flags)
{
    if (fault_now(FAULT_OPEN))
        return fails_with(EACCES) != 0;
    return (flags & O_CREAT) != 0 && fault_now(FAULT_FULL) && fails_with(ENOSPC) != 0;
}

int
__wrap_open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    if (opening_fails(flags))
        return -1;
    return __real_open(path, flags, mode);
}

ssize_t
__wrap_read(int fd, void *out, size_t len)
{
    return fault_now(FAULT_READ) ? fails_with(EIO) : __real_read(fd, out, len);
}

ssize_t
__wrap_pread(int fd, void *out, size_t len, off_t at)
{
    return fault_now(FAULT_READ) ? fails_with(EIO) : __real_pread(fd, out, len, at);
}

ssize_t
__wrap_write(int fd, const void *bytes, size_t len)
{
    if (fault_now(FAULT_WRITE))
        return fails_with(EIO);
    return fault_now(FAULT_FULL) ? fails_with(ENOSPC) : __real_write(fd, bytes, len);
}

ssize_t
__wrap_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (fault_now(FAULT_WRITE))
        return fails_with(EIO);
    return fault_now(FAULT_FULL) ? fails_with(ENOSPC) : __real_pwrite(fd, bytes, len, at);
}

int
__wrap_fsync(int fd)
{
    return fault_now(FAULT_SYNC) ? fails_with(EIO) : __real_fsync(fd);
}

int
__wrap_fdatasync(int fd)
{
    return fault_now(FAULT_SYNC) ? fails_with(EIO) : __real_fdatasync(fd);
}

int
__wrap_ftruncate(int fd, off_t size)
{
    return fault_now(FAULT_TRUNCATE) ? fails_with(EIO) : __real_ftruncate(fd, size);
}

int
__wrap_rename(const char *from, const char *to)
{
    return fault_now(FAULT_TRUNCATE) ? fails_with(EIO) : __real_rename(from, to);
}

int
__wrap_unlink(const char *path)
{
    return fault_now(FAULT_DELETE) ? fails_with(EIO) : __real_unlink(path);
}

int
__wrap_mkdir(const char *path, mode_t mode)
{
    return fault_now(FAULT_OPEN) ? fails_with(EACCES) : __real_mkdir(path, mode);
}

int
__wrap_chmod(const char *path, mode_t mode)
{
    return fault_now(FAULT_LOOK) ? fails_with(EPERM) : __real_chmod(path, mode);
}

int
__wrap_flock(int fd, int operation)
{
    return fault_now(FAULT_LOCK) ? fails_with(ENOLCK) : __real_flock(fd, operation);
}

int
__wrap_stat(const char *path, struct stat *out)
{
    return fault_now(FAULT_LOOK) ? fails_with(EIO) : __real_stat(path, out);
}

int
__wrap_openat(int directory, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    if (opening_fails(flags))
        return -1;
    return __real_openat(directory, path, flags, mode);
}

int
__wrap_unlinkat(int directory, const char *path, int flags)
{
    return fault_now(FAULT_DELETE) ? fails_with(EIO) : __real_unlinkat(directory, path, flags);
}

/* Ours are locks alone, with a struct flock. */
int
__wrap_fcntl(int fd, int operation, ...)
{
    va_list args;

    va_start(args, operation);
    struct flock *range = va_arg(args, struct flock *);
    va_end(args);
    return fault_now(FAULT_LOCK) ? fails_with(ENOLCK) : __real_fcntl(fd, operation, range);
}

int
__wrap_fstat(int fd, struct stat *out)
{
    return fault_now(FAULT_LOOK) ? fails_with(EIO) : __real_fstat(fd, out);
}

int
__wrap_fstatat(int directory, const char *path, struct stat *out, int flags)
{
    return fault_now(FAULT_LOOK) ? fails_with(EIO) : __real_fstatat(directory, path, out, flags);
}

/* --- memory ------------------------------------------------------------------------------------ */

void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__real_realloc(void *memory, size_t len);
void *__wrap_realloc(void *memory, size_t len);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
char *__wrap_strndup(const char *text, size_t len);
uint8_t *__real_u8_normalize(uninorm_t form, const uint8_t *text, size_t len, uint8_t *room,
                             size_t *whole);
uint8_t *__wrap_u8_normalize(uninorm_t form, const uint8_t *text, size_t len, uint8_t *room,
                             size_t *whole);
int __real_crypto_pwhash(unsigned char *out, unsigned long long len, const char *words,
                         unsigned long long words_len, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int algorithm);
int __wrap_crypto_pwhash(unsigned char *out, unsigned long long len, const char *words,
                         unsigned long long words_len, const unsigned char *salt,
                         unsigned long long passes, size_t memory, int algorithm);
enum rc __real_secret_make(struct secret *secret, size_t len);
enum rc __wrap_secret_make(struct secret *secret, size_t len);
enum rc __real_secret_copy(struct secret *secret, const void *bytes, size_t len);
enum rc __wrap_secret_copy(struct secret *secret, const void *bytes, size_t len);
enum rc __real_secret_random(struct secret *secret, size_t len);
enum rc __wrap_secret_random(struct secret *secret, size_t len);

static void *
runs_out(void)
{
    errno = ENOMEM;
    return NULL;
}

void *
__wrap_malloc(size_t len)
{
    return fault_now(FAULT_MEMORY) ? runs_out() : __real_malloc(len);
}

void *
__wrap_calloc(size_t count, size_t len)
{
    return fault_now(FAULT_MEMORY) ? runs_out() : __real_calloc(count, len);
}

void *
__wrap_realloc(void *memory, size_t len)
{
    return fault_now(FAULT_MEMORY) ? runs_out() : __real_realloc(memory, len);
}

char *
__wrap_strdup(const char *text)
{
    return fault_now(FAULT_MEMORY) ? runs_out() : __real_strdup(text);
}

char *
__wrap_strndup(const char *text, size_t len)
{
    return fault_now(FAULT_MEMORY) ? runs_out() : __real_strndup(text, len);
}

uint8_t *
__wrap_u8_normalize(uninorm_t form, const uint8_t *text, size_t len, uint8_t *room, size_t *whole)
{
    return fault_now(FAULT_MEMORY) ? runs_out() : __real_u8_normalize(form, text, len, room, whole);
}

/* Its one allocation, as it says that it failed. */
int
__wrap_crypto_pwhash(unsigned char *out, unsigned long long len, const char *words,
                     unsigned long long words_len, const unsigned char *salt,
                     unsigned long long passes, size_t memory, int algorithm)
{
    return fault_now(FAULT_MEMORY)
               ? fails_with(ENOMEM)
               : __real_crypto_pwhash(out, len, words, words_len, salt, passes, memory, algorithm);
}

enum rc
__wrap_secret_make(struct secret *secret, size_t len)
{
    return fault_now(FAULT_MEMORY) ? rc_nomem() : __real_secret_make(secret, len);
}

enum rc
__wrap_secret_copy(struct secret *secret, const void *bytes, size_t len)
{
    return fault_now(FAULT_MEMORY) ? rc_nomem() : __real_secret_copy(secret, bytes, len);
}

enum rc
__wrap_secret_random(struct secret *secret, size_t len)
{
    return fault_now(FAULT_MEMORY) ? rc_nomem() : __real_secret_random(secret, len);
}

/* --- the allocators of SQLite and cJSON ---------------------------------------------------------- */

static sqlite3_mem_methods sqlite_own;

static void *
sqlite_malloc(int len)
{
    return fault_now(FAULT_MEMORY) ? NULL : sqlite_own.xMalloc(len);
}

static void *
sqlite_realloc(void *memory, int len)
{
    return fault_now(FAULT_MEMORY) ? NULL : sqlite_own.xRealloc(memory, len);
}

void
fault_memory_start(void)
{
    cJSON_Hooks hooks = {__wrap_malloc, free};

    cJSON_InitHooks(&hooks);
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_own) != SQLITE_OK)
        abort();
    sqlite3_mem_methods methods = sqlite_own;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
        abort();
}
