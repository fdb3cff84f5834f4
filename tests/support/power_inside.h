/* What power_vfs.c and power_cut.c share: files whose unsynced writes are remembered. Private to them. */
#ifndef TESTS_SUPPORT_POWER_INSIDE_H
#define TESTS_SUPPORT_POWER_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "tests/support/power_vfs.h"

enum { POWER_NAME_BYTES = 512, POWER_REGIONS = 64 };

struct power_bytes {
    uint8_t *at;
    size_t len;
    size_t room;
};

/* A write, or a truncation to `offset`, that no sync has made durable. It keeps what it replaced: after a cut they are taken back from
 * the last to the first, and then hold what they wrote (of a truncation: nothing). */
struct power_pending {
    struct power_pending *next, *previous;
    size_t offset, len; /* len of what was written */
    size_t len_before;  /* of the file */
    bool is_truncation;
    struct power_bytes bytes;
};

struct power_handle;

struct power_file {
    struct power_file *next;
    char name[POWER_NAME_BYTES];
    struct power_bytes current; /* what the program sees */
    struct power_pending *first, *last;
    void *regions[POWER_REGIONS]; /* the wal-index of connections that do not lock exclusively */
    struct power_handle *handles; /* that have it open */
    bool exists;                  /* to the program */
    bool exists_durably;
};

void power_demand(const void *memory); /* aborts where memory ran out */
void power_resize(struct power_bytes *bytes, size_t len);
void power_put(struct power_bytes *bytes, size_t offset, const uint8_t *from, size_t len);
void power_empty(struct power_bytes *bytes);

/* Both write to `current`, and remember what was there. */
void power_write(struct power_file *file, size_t offset, const uint8_t *from, size_t len);
void power_shorten(struct power_file *file, size_t len);
void power_forget(struct power_file *file);       /* what no sync has made durable */
void power_make_durable(struct power_file *file); /* as a sync does */

struct power_disk {
    sqlite3_vfs api;
    char name[32];
    struct power_file *files;
    uint64_t operations;
    uint64_t syncs;
    uint64_t cut_at; /* operation number; 0 is never */
    uint64_t cut_at_sync;
    uint64_t fail_at; /* this operation alone fails */
    sqlite3_int64 file_bytes; /* no file grows beyond; 0: memory is the limit */
    bool is_cut;
    struct power_manner manner;
    unsigned temporaries;
};

struct power_handle {
    sqlite3_file api;
    struct power_disk *disk;
    struct power_file *file;
    struct power_handle *next; /* of the same file */
    int level;                 /* of its lock on the file */
    unsigned shared_locks;     /* of the wal-index, a bit each */
    unsigned exclusive_locks;
    bool is_temporary;
};

static inline struct power_handle *
power_handle_of(sqlite3_file *file)
{
    return (struct power_handle *)file;
}

/* Methods of its files. */
int power_lock(sqlite3_file *file, int level);
int power_unlock(sqlite3_file *file, int level);
int power_reserved(sqlite3_file *file, int *is_reserved);
int power_shared_map(sqlite3_file *file, int region, int size, int extend, void volatile **out);
int power_shared_lock(sqlite3_file *file, int offset, int count, int flags);
void power_shared_barrier(sqlite3_file *file);
int power_shared_unmap(sqlite3_file *file, int with_deletion);
void power_forget_shared(struct power_file *file);

struct chance;
/* Power was cut: what is left of the file. */
void power_settle(struct power_file *file, const struct power_manner *manner,
                  struct chance *chance);

#endif
