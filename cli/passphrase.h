/* A passphrase as it is read from a descriptor or a file, for `baken` and for bakenvfs.so alike. */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include "core/rc.h"
#include "core/secret.h"

/* The first `len` bytes of `room`, without the one line end that may end them. RC_INVALID when nothing is left. */
enum rc passphrase_take(const struct secret *room, size_t len, struct secret *passphrase) MUST_CHECK;

/* All that comes until the end, by way of guarded memory alone; as passphrase_take. RC_TOO_LARGE over SECRET_MAX_BYTES - 1
 * bytes; RC_IO. */
enum rc passphrase_read(int descriptor, struct secret *passphrase) MUST_CHECK;

/* The same of a file. RC_ABSENT when there is none, RC_IO when it cannot be opened: the sentence has its name. */
enum rc passphrase_read_file(const char *path, struct secret *passphrase) MUST_CHECK;

#endif
