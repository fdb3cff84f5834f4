/* What the files core/vfs*.c share: the objects that SQLite sees. Private to them. */
#ifndef CORE_VFS_INSIDE_H
#define CORE_VFS_INSIDE_H

#include "core/vfs_seal.h"

#include <sqlite3.h>

/* One VFS per open store: it holds the key, so no key travels through a file name. */
struct vfs {
    sqlite3_vfs api;
    sqlite3_vfs *base;
    sqlite3_vfs *memory; /* temporary files live here, never on disk */
    char name[VFS_NAME_BYTES];
    struct secret master;
    struct vfs_keys keys; /* of the one main file */
    bool is_expected;     /* keys->id came from keyslots.json, not from the file */
};

/* Head of every file object of ours; the base's object follows the whole of it. */
struct vfs_file {
    sqlite3_file api;
    sqlite3_file *base;
    const struct vfs_keys *keys;
    struct vfs_nonces nonces;
};

struct vfs_main_file {
    struct vfs_file head;
    sqlite3_int64 size; /* on disk */
};

/* A write-back cache of at most one batch of sealed frames over the file. All numbers are of frames,
 * from 1; 0 is none. */
struct vfs_wal_file {
    struct vfs_file head;
    bool has_generation;
    uint8_t generation[CRYPTO_NONCE_BYTES];
    sqlite3_int64 frames;      /* in the file, the batch included */
    sqlite3_int64 first_own;   /* the lowest written through this object in this generation */
    sqlite3_int64 batch_first; /* sealed, not yet written: batch_first .. + batch_len - 1 */
    sqlite3_int64 batch_len;
    sqlite3_int64 partial; /* the frame whose first partial_len bytes have arrived */
    size_t partial_len;
    sqlite3_int64 cached;      /* the frame that lies opened in room->cached */
    struct vfs_wal_room *room; /* on the heap: SQLite allocates file objects for every database */
};

/* sqlite3_io_methods of the two kinds. */
extern const sqlite3_io_methods VFS_MAIN_METHODS;
extern const sqlite3_io_methods VFS_WAL_METHODS;

/* Takes over the base file that was opened below; the caller closes that on failure. */
int vfs_wal_start(struct vfs_wal_file *file);

/* io methods common to both kinds: pass through to the base. */
int vfs_lock_through(sqlite3_file *file, int level);
int vfs_unlock_through(sqlite3_file *file, int level);
int vfs_reserved_through(sqlite3_file *file, int *is_reserved);
int vfs_sector_through(sqlite3_file *file);
/* Only what stays true above our layout is passed on. */
int vfs_characteristics(sqlite3_file *file);

#endif
