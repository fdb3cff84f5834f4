/* The encrypting VFS: pages and WAL frames sealed and opened under SQLite. See docs/STORE.md. */
#ifndef CORE_VFS_H
#define CORE_VFS_H

#include "core/rc.h"
#include "core/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VFS_PAGE_BYTES = 4096,
    VFS_RESERVED_BYTES = 40, /* of each page: nonce 24, tag 16 */
    VFS_FILE_ID_BYTES = 16,  /* the file's first: salt 8, log2 of the page size, check 7 */
    VFS_NAME_BYTES = 48,
    /* SQLITE_NOTADB with an extension of ours: the file is a store's, the key is another's. */
    VFS_WRONG_KEY = 26 | (1 << 8),
    /* The same: the key fits, the format (cipher or page size) is not known here. */
    VFS_NEWER = 26 | (2 << 8),
    /* SQLITE_BUSY: others have the store open whose shared memory this process does not see. */
    VFS_OTHER_MEMORY = 5 | (64 << 8),
    /* SQLITE_CANTOPEN: /dev/shm/baken-UID is there and is not a directory of ours alone. */
    VFS_MEMORY_REFUSED = 14 | (64 << 8),
};

struct vfs;

/* The UID in the name of that directory: the caller's as it is outside its namespace of users, so that one user's programs
 * meet, and no two users. */
unsigned long vfs_memory_user(void);

/*
 * Registers an encrypting VFS for the files of ONE store key, under a name of its own, on top of another.
 * Each main file has its own id and keys; a new one gets an id as it is opened.
 *
 * base     name of the VFS below, NULL for "unix"
 * key      32 bytes; copied into the arena
 * file_id  what keyslots.json says the FIRST file that is opened begins with; NULL when that is to be
 *          made, or its id is not known. With it, an empty or foreign file is refused (SQLITE_NOTADB)
 *          there, and a first sector that a power cut spoilt is restored from the WAL.
 * fails    RC_ABSENT no such base; RC_NOMEM; RC_INVALID a key of another length
 */
enum rc vfs_register(const char *base, const struct secret *key, const uint8_t *file_id,
                     struct vfs **vfs) MUST_CHECK;
void vfs_unregister(struct vfs *vfs); /* after the last close of its files; accepts NULL */
/*
 * For an extension that SQLite's shell loads: registers under a name of its choice, for as long as the
 * process lives. The store at `path` is opened read-only unless a URI says mode=rw; other files as they
 * are asked for. Does nothing when the name is taken.
 *
 * fails    RC_LOCKED the key does not fit the id; RC_UNSUPPORTED a newer format; RC_NOMEM, RC_TOO_LARGE
 */
enum rc vfs_register_for_good(const char *name, const struct secret *key, const char *path,
                              const uint8_t *file_id) MUST_CHECK;
/* What such an extension's entry point returns; *message, when it failed, is SQLite's to free. */
int vfs_answer_loader(enum rc rc, char **message);
const char *vfs_name(const struct vfs *vfs);
/* The id of the first file that was opened through it; RC_ABSENT before. */
enum rc vfs_file_id(const struct vfs *vfs, uint8_t id[VFS_FILE_ID_BYTES]) MUST_CHECK;

/* Deletes a store file and its log, through the VFS `base` (NULL: "unix"). RC_OK when they are gone. */
enum rc vfs_remove(const char *base, const char *path) MUST_CHECK;

/* What vfs_verify saw. */
struct vfs_verdict {
    uint64_t pages;     /* in the file */
    uint64_t bad;       /* pages that do not authenticate */
    uint64_t first_bad; /* page number from 1; 0 when there is none */
};

/* Authenticates every page of the checkpointed file at `path`, open or closed, free pages included, which
 * db_check_structure does not read. RC_OK also when pages are bad; RC_IO, RC_LOCKED, RC_CORRUPT (not
 * a store's file at all). */
enum rc vfs_verify(struct vfs *vfs, const char *path, struct vfs_verdict *verdict) MUST_CHECK;

#endif
