/* Failures on order: the n-th operation of a kind fails, once or for ever. */
#ifndef TESTS_CRASH_FAULTS_FAULT_H
#define TESTS_CRASH_FAULTS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* A kind is counted over the VFS below ours and over our own calls of the C library together. */
enum fault_kind {
    FAULT_READ,
    FAULT_WRITE, /* EIO */
    FAULT_FULL,  /* the same operations, and those that make a file: ENOSPC */
    FAULT_SYNC,
    FAULT_TRUNCATE, /* and rename */
    FAULT_OPEN,
    FAULT_DELETE,
    FAULT_LOCK,   /* of the file, the wal-index, the lock file */
    FAULT_LOOK,   /* size, access, stat */
    FAULT_MEMORY, /* ours, SQLite's, cJSON's, libunistring's; guarded memory; Argon2id's */
    FAULT_KINDS
};

const char *fault_name(enum fault_kind kind);

/* The n-th (from 1) from now on fails, and all after it where `is_for_ever`. n of 0 only counts. */
void fault_arm(enum fault_kind kind, uint64_t n, bool is_for_ever);
/* How many there were, of that kind. */
uint64_t fault_disarm(void);
/* While what lies below, or a server in the same process, works, nothing counts. Calls nest. */
void fault_suspend(bool is_suspended);

/* For what fails: whether this operation is to. */
bool fault_now(enum fault_kind kind);

/* A VFS over the one named; to call before SQLite is used. */
void fault_vfs_start(void);
const char *fault_vfs_over(const char *base);
void fault_memory_start(void); /* SQLite's and cJSON's allocators */

#endif
