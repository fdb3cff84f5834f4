/* The wal-index that several processes share. Private to core/vfs*. */
#ifndef CORE_VFS_SHM_H
#define CORE_VFS_SHM_H

#include "core/vfs_seal.h"

#include <sqlite3.h>

struct vfs_shared;

/* Whether the file called `name` is a file of this machine and a memory file system is there for its wal-index. */
bool vfs_shm_is_possible(const char *name);
/* SQLITE_NOMEM. `name` and `keys` stay the caller's, for as long. Nothing is opened yet. `takes_turn`: who joins is the one
 * writing program (VFS_LOCK_WRITER) and has not said so itself. */
int vfs_shm_new(const char *name, const struct vfs_keys *keys, bool is_readonly, bool takes_turn,
                struct vfs_shared **shared);
void vfs_shm_free(struct vfs_shared *shared); /* unmaps; accepts NULL */

/*
 * As SQLite's xShmMap. The first call proves that all who have the store open share one wal-index, by the lock file beside
 * it. SQLITE_BUSY | extension VFS_OTHER_MEMORY when others do not see ours (two containers, two users), CANTOPEN
 * extension VFS_MEMORY_REFUSED when the directory in memory is not ours alone.
 */
int vfs_shm_map(struct vfs_shared *shared, int region, int size, int may_extend, void volatile **out);
int vfs_shm_lock(struct vfs_shared *shared, int offset, int count, int flags);
void vfs_shm_barrier(struct vfs_shared *shared);
int vfs_shm_unmap(struct vfs_shared *shared);

#endif
