/* What the files core/vfs*.c share: the objects that SQLite sees. Private to them. */
#ifndef CORE_VFS_INSIDE_H
#define CORE_VFS_INSIDE_H

#include "core/vfs_seal.h"
#include "core/vfs_shm.h"

#include <pthread.h>
#include <sqlite3.h>

/* One VFS per store key; it holds the key, so no key travels through a file name. */
struct vfs {
    sqlite3_vfs api;
    sqlite3_vfs *base;
    sqlite3_vfs *memory; /* temporary files live here, never on disk */
    char name[VFS_NAME_BYTES];
    struct secret master;
    pthread_mutex_t mutex;       /* over what follows: connections of several threads share a VFS */
    struct vfs_main_file *mains; /* that are open */
    char *first_path;            /* of the first main file; NULL before */
    uint8_t first_id[VFS_FILE_ID_BYTES];
    bool is_known;    /* first_id is set */
    bool is_expected; /* it came from keyslots.json, not from the file */
    bool reads_only;  /* the expert's shell: the first file, unless a URI says mode=rw */
};

/* Head of every file object of ours; the base's object follows the whole of it. */
struct vfs_file {
    sqlite3_file api;
    sqlite3_file *base;
    const struct vfs_keys *keys;
    struct vfs_nonces nonces;
};

/* A main database file. Its log finds it by the pointer of its name: SQLite keeps the names of a
 * database and of its log in one block, and sqlite3_filename_database() leads from one to the other. */
struct vfs_main_file {
    struct vfs_file head;
    struct vfs *vfs;
    const char *name; /* SQLite's, valid while the file is open */
    struct vfs_main_file *next;
    struct vfs_wal_file *wal;         /* NULL while it is not open */
    struct vfs_journal_file *journal; /* the same */
    struct vfs_keys keys;             /* of this file alone */
    bool inherits; /* a new file tells SQLite nothing of its page size: VACUUM INTO sets it itself */
    struct vfs_shared *shared; /* NULL: no shared memory, so one process at a time */
    bool is_readonly;
    int lock; /* of a reader without shared memory (vfs_lock_alone); else -1 */
};

/* What stands in for the base's file of a log while there is none, for a connection that only reads. */
struct vfs_late_file {
    sqlite3_file api;
    sqlite3_vfs *vfs;
    const char *name;
    sqlite3_file *real; /* NULL while there is none */
};
void vfs_late_open(struct vfs_late_file *file, sqlite3_vfs *vfs, const char *name);

/* A write-back cache of at most one batch of sealed frames over the file. All numbers are of frames,
 * from 1; 0 is none. */
struct vfs_wal_file {
    struct vfs_file head;
    struct vfs_main_file *main;
    bool has_generation;
    uint8_t generation[CRYPTO_NONCE_BYTES];
    sqlite3_int64 first_own;   /* what was written through this object in this generation lies */
    sqlite3_int64 last_own;    /* between these two; INT64_MAX and 0 when nothing was */
    sqlite3_int64 batch_first; /* sealed, not yet written: batch_first .. + batch_len - 1 */
    sqlite3_int64 batch_len;
    sqlite3_int64 partial; /* the frame whose first partial_len bytes have arrived */
    size_t partial_len;
    sqlite3_int64 cached;      /* the frame that lies opened in room->cached */
    struct vfs_wal_room *room; /* on the heap: SQLite allocates file objects for every database */
};

/* A rollback journal: slots, of which one lies opened. */
struct vfs_journal_file {
    struct vfs_file head;
    struct vfs *vfs;
    struct vfs_main_file *main; /* NULL: only read, by another's super-journal */
    bool has_key;               /* header and key are those of the file */
    uint8_t header[VFS_JOURNAL_HEADER_BYTES];
    struct secret key;
    sqlite3_int64 number; /* of the opened slot, from 1; 0: none */
    size_t len;           /* its bytes */
    bool is_dirty;
    sqlite3_int64 last_unsynced; /* the highest slot written since the last sync; 0: none */
    struct vfs_journal_room *room; /* on the heap */
};

/* sqlite3_io_methods of the kinds. */
extern const sqlite3_io_methods VFS_MAIN_METHODS;
extern const sqlite3_io_methods VFS_MAIN_ALONE_METHODS; /* no shared memory */
extern const sqlite3_io_methods VFS_WAL_METHODS;
extern const sqlite3_io_methods VFS_JOURNAL_METHODS;

/* Room of our part of a file object, in bytes: the base's part begins there. */
size_t vfs_own_size(void);
/* Opens a file of the base; SQLITE_CANTOPEN for a pipe, whose opening would wait for ever. */
int vfs_base_open(sqlite3_vfs *base, const char *name, sqlite3_file *file, int flags, int *out_flags);
/* Opens what has a name: proves the key, finds the main file of a log. An SQLite code. */
int vfs_open_sealed(struct vfs *vfs, const char *name, struct vfs_file *file, int flags,
                    int *out_flags);
/* Whether a file that is opened with the flag of a super-journal is a journal of ours. An SQLite code:
 * taken for a super-journal because its head could not be read, it would name none, and a commit over
 * two files would be rolled back in one of them only. */
int vfs_is_sealed_child(struct vfs *vfs, const char *name, int flags, bool *is_sealed);
/* At closing, of a main file. */
void vfs_forget_main(struct vfs_main_file *file);

/* Takes over the base file that was opened below; the caller closes that on failure. */
int vfs_wal_start(struct vfs_wal_file *file);
int vfs_journal_start(struct vfs_journal_file *file);
/* Before anything is written to its main file: what the journal holds goes to its file. */
int vfs_journal_flush(struct vfs_journal_file *file);

/*
 * The main file's xShmLock tells what it did, so that the log knows what other processes may have
 * written since. `file` may have no log open.
 *
 * taken     after a lock was got. is_write: it is the write lock (index 0, exclusive); what was known
 *           of the log's generation and of own frames is then forgotten. After any other lock only
 *           the opened frame is.
 * released  before the write lock is given up: frames that arrived and were not committed are dropped.
 *           Flushed later they would lie over another process's commits.
 */
void vfs_wal_lock_taken(struct vfs_main_file *file, bool is_write);
void vfs_wal_lock_released(struct vfs_main_file *file);

/* True for a page 1 of our page size and reserved bytes. An image with others (from a raw backup, or
 * after RESERVE_BYTES) would silently lose the end of each page. */
bool vfs_is_our_first_page(const uint8_t page[VFS_PAGE_BYTES]);

/* io methods common to all kinds: pass through to the base. */
int vfs_lock_through(sqlite3_file *file, int level);
int vfs_unlock_through(sqlite3_file *file, int level);
int vfs_reserved_through(sqlite3_file *file, int *is_reserved);
/* Of logs: hints of size, which would make holes, are taken and left; nothing else is known. */
int vfs_log_control(sqlite3_file *file, int operation, void *argument);
/* At least the size of a page: a journal's header then has a slot of its own. */
int vfs_sector_size(sqlite3_file *file);
/* Only what stays true above our layout is passed on. */
int vfs_characteristics(sqlite3_file *file);

#endif
