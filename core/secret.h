/* Key bytes in one guarded, locked arena; random bytes; wiping. With core/crypto the home of sodium.h.
 * The arena is the one process-wide object of the program: memory that must never be swapped, dumped
 * or inherited has to be one piece that the process owns (docs/STORE.md, "Guarded memory"). */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECRET_MAX_BYTES = 1024 };

/* Bytes in the arena. Embedded value: SECRET_EMPTY, then one of the makers, ended by secret_wipe. */
struct secret {
    uint8_t *bytes;
    size_t len;
};

#define SECRET_EMPTY ((struct secret){NULL, 0})

/* Maps and locks the arena (no dump, wiped on fork) and starts libsodium. Call once, first, before
 * any thread. RC_NOMEM when it cannot be mapped. A failed lock is not fatal: see secret_is_locked. */
enum rc secret_start(void) MUST_CHECK;
/* False when a secret lies where the kernel refused to lock memory: RLIMIT_MEMLOCK is below what is in use, for pages are
 * taken from the front, and as many of them are locked as the limit lets. Programs report it once. */
bool secret_is_locked(void);
/* Turns off core dumps and ptrace for the process (RLIMIT_CORE, PR_SET_DUMPABLE). */
void secret_harden_process(void);

enum rc secret_make(struct secret *secret, size_t len) MUST_CHECK; /* zeroes; wipes what was there */
enum rc secret_copy(struct secret *secret, const void *bytes, size_t len) MUST_CHECK;
enum rc secret_random(struct secret *secret, size_t len) MUST_CHECK;
void secret_wipe(struct secret *secret);
bool secret_equal(const struct secret *a, const struct secret *b); /* constant time */

/* Random bytes. Tests own them through libsodium's randombytes_set_implementation. */
void random_fill(void *out, size_t len);
uint64_t random_u64(void);
/* Zeroes memory in a way that the compiler keeps. */
void wipe(void *bytes, size_t len);

#endif
