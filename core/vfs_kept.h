/* Copies of a log in which recovery ends although later commits of it are whole, made before SQLite uses the log again. */
#ifndef CORE_VFS_KEPT_H
#define CORE_VFS_KEPT_H

#include "core/clock.h"
#include "core/rc.h"
#include "core/secret.h"
#include "core/vfs.h"

/* Beyond so many copies none is made; the log is reported all the same. */
enum { VFS_KEPT_MOST = 4 };

struct vfs_kept {
    bool is_cut;            /* recovery ends at `first_bad`, and after it lies a commit that is whole */
    bool is_kept;           /* a copy of this log lies there, of now or of an earlier opening */
    uint64_t first_bad;     /* frame number from 1; 0: the log's start */
    uint64_t later_commits; /* commits after it that are whole */
};

/*
 * Looks through `store.db-wal` in `directory` as recovery will, and beyond: where it will end at a frame that does not
 * authenticate and a later frame that ends a commit of the same generation does, the log is copied, once, to
 * `store.db-wal.kept-DATE` (mode 0600, sealed as it is; in UTC), durably. Frames of an older generation, which a log begun
 * anew leaves behind, and the tail of a transaction without its end are normal. Call while no other process has the
 * store open, before SQLite opens it.
 *
 * fails  RC_NOMEM; RC_IO the log cannot be read. That no copy could be made (a full disk) is not a failure: is_kept is false then.
 */
enum rc vfs_kept_look(const char *directory, const struct secret *key,
                      const uint8_t file_id[VFS_FILE_ID_BYTES], const struct clock *clock,
                      struct vfs_kept *kept) MUST_CHECK;
/* How many copies lie in the directory. */
enum rc vfs_kept_count(const char *directory, unsigned *count) MUST_CHECK;
/* Deletes them: a person has looked, or what they hold may not be here any more. */
enum rc vfs_kept_forget(const char *directory) MUST_CHECK;

#endif
