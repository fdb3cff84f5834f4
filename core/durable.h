/* Small files that are there whole or not at all, also after a power cut. */
#ifndef CORE_DURABLE_H
#define CORE_DURABLE_H

#include "core/buf.h"
#include "core/rc.h"

#include <stddef.h>
#include <stdint.h>

/* Replaces `name` in `directory` (mode 0600): a new file, fsync, rename, fsync of the directory, which is tried before the rename.
 * RC_FULL, RC_IO; the old content then stands, unless the disk fails in the last of these. */
enum rc durable_write(const char *directory, const char *name, const void *bytes,
                      size_t len) MUST_CHECK;
/* RC_IO where something lies under that name that is no file: a directory, a socket, or a pipe, which an opening would wait
 * for. RC_OK also where there is nothing, or nothing can be asked: opening tells that. */
enum rc durable_check_kind(const char *path) MUST_CHECK;
/* Appends the file's content to `out`. RC_ABSENT, RC_TOO_LARGE (the buf's ceiling), RC_IO, as
 * durable_check_kind too. */
enum rc durable_read(const char *directory, const char *name, struct buf *out) MUST_CHECK;
/* Makes `directory` and its missing parents, mode 0700. RC_OK when it is there. */
enum rc durable_mkdir(const char *directory) MUST_CHECK;
/* Writes all of it where the descriptor stands. `name` is for the sentence. RC_FULL, RC_IO. Not synced. */
enum rc durable_write_all(int fd, const char *name, const void *bytes, size_t len) MUST_CHECK;
/* Writes all of it at the place `at`, in bytes, and waits until it is on the disk: fdatasync. RC_FULL, RC_IO. */
enum rc durable_write_at(int fd, const char *name, uint64_t at, const void *bytes,
                         size_t len) MUST_CHECK;
/* Reads `len` bytes from the place `at`, in bytes; *got are fewer only at the end of the file. RC_IO. */
enum rc durable_read_at(int fd, const char *name, uint64_t at, void *bytes, size_t len,
                        size_t *got) MUST_CHECK;
/* fsync of a directory: what was made or renamed in it stays. */
enum rc durable_sync_directory(const char *directory) MUST_CHECK;

#endif
