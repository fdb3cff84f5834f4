/* The lock file of a store: byte ranges that processes hold, and a record that proves what they share. No SQLite in it. */
#ifndef CORE_VFS_LOCK_H
#define CORE_VFS_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The file (docs/STORE.md draws the same), 88 bytes, locked with F_OFD_SETLK of Linux (fcntl(2)), so that a lock ends with
 * its open file, whichever threads and copies of it a process has:
 *
 *    0 .. 63   PID COMMAND of the writing program, padded with spaces to the newline at 63
 *   64 .. 79   token: random, the content of the anchor in memory
 *   80 .. 87   inode of the wal-index beside the anchor, u64
 */
enum vfs_lock_byte {
    VFS_LOCK_SHARERS = 0, /* shared by all who use one wal-index; exclusive while it is made or removed */
    VFS_LOCK_WRITER = 1,  /* exclusive: the one writing program, core/store_lock.c */
    VFS_LOCK_ALONE = 2,   /* shared by readers who cannot write the record, each with a wal-index of its own */
};

enum { VFS_LOCK_WORDS_BYTES = 64, VFS_LOCK_TOKEN_BYTES = 16, VFS_LOCK_RECORD_BYTES = 24 };

enum vfs_lock_kind { VFS_LOCK_NONE, VFS_LOCK_SHARED, VFS_LOCK_EXCLUSIVE };

struct vfs_lock_record {
    uint8_t token[VFS_LOCK_TOKEN_BYTES];
    uint64_t inode;
};

/* The lock file of the store file `store`: "lock" beside a file called store.db, else the file's name and "-lock". False when
 * it does not fit. */
bool vfs_lock_path(const char *store, char *path, size_t room);
/* A store's own lock file stays; that of a file of another name goes with the last who has it open. */
bool vfs_lock_is_lasting(const char *store);
/* Whether `path` still names the open file: the directory may have been exchanged, or the file removed, before it was locked. */
bool vfs_lock_is_named(int fd, const char *path);
/* Takes, converts (in one step) or gives back one byte; never waits. 0, or errno: EAGAIN when another holds it; EBADF
 * exclusive on a file that was opened to be read. */
int vfs_lock_set(int fd, enum vfs_lock_byte byte, enum vfs_lock_kind kind);
/* For a reader without shared memory: holds VFS_LOCK_ALONE, at which writers with one stay away, until the caller closes
 * `fd`. 0, or errno: EAGAIN while somebody uses a wal-index. Where there is no lock file, 0 and `fd` is -1. */
int vfs_lock_alone(const char *store, int *fd);
/* Whether another open file holds the byte in any way. */
bool vfs_lock_is_held(int fd, enum vfs_lock_byte byte);
/* False when there is none, whole. */
bool vfs_lock_read(int fd, struct vfs_lock_record *record);
/* 0 or errno. Under VFS_LOCK_SHARERS, exclusive. */
int vfs_lock_write(int fd, const struct vfs_lock_record *record);

#endif
