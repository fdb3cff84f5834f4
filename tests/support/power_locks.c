/* Locks of the disk in memory, and its wal-index: they count among the connections of this process. */
#include <stdlib.h>

#include "tests/support/power_inside.h"

void
power_forget_shared(struct power_file *file)
{
    for (size_t i = 0; i < POWER_REGIONS; i++) {
        free(file->regions[i]);
        file->regions[i] = NULL;
    }
}

/* The highest lock that another connection has on the file. */
static int
level_of_others(const struct power_handle *handle)
{
    int level = SQLITE_LOCK_NONE;

    for (const struct power_handle *h = handle->file->handles; h != NULL; h = h->next)
        if (h != handle && h->level > level)
            level = h->level;
    return level;
}

int
power_lock(sqlite3_file *opaque, int level)
{
    struct power_handle *handle = power_handle_of(opaque);
    int others = level_of_others(handle);

    if (level <= handle->level)
        return SQLITE_OK;
    if (others >= SQLITE_LOCK_PENDING ||
        (level >= SQLITE_LOCK_RESERVED && others >= SQLITE_LOCK_RESERVED))
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE && others >= SQLITE_LOCK_SHARED) {
        handle->level = SQLITE_LOCK_PENDING;
        return SQLITE_BUSY;
    }
    handle->level = level;
    return SQLITE_OK;
}

int
power_unlock(sqlite3_file *opaque, int level)
{
    if (level < power_handle_of(opaque)->level)
        power_handle_of(opaque)->level = level;
    return SQLITE_OK;
}

int
power_reserved(sqlite3_file *opaque, int *is_reserved)
{
    *is_reserved = level_of_others(power_handle_of(opaque)) >= SQLITE_LOCK_RESERVED ||
                   power_handle_of(opaque)->level >= SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

int
power_shared_map(sqlite3_file *opaque, int region, int size, int extend, void volatile **out)
{
    struct power_file *file = power_handle_of(opaque)->file;

    *out = NULL;
    if (power_handle_of(opaque)->disk->is_cut || region >= POWER_REGIONS)
        return SQLITE_IOERR_SHMMAP;
    if (file->regions[region] == NULL && extend != 0) {
        file->regions[region] = calloc(1, (size_t)size);
        power_demand(file->regions[region]);
    }
    *out = file->regions[region];
    return SQLITE_OK;
}

int
power_shared_lock(sqlite3_file *opaque, int offset, int count, int flags)
{
    struct power_handle *handle = power_handle_of(opaque);
    unsigned mask = ((1U << count) - 1) << offset, shared = 0, exclusive = 0;

    for (const struct power_handle *h = handle->file->handles; h != NULL; h = h->next)
        if (h != handle) {
            shared |= h->shared_locks;
            exclusive |= h->exclusive_locks;
        }
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        handle->shared_locks &= ~mask;
        handle->exclusive_locks &= ~mask;
        return SQLITE_OK;
    }
    if ((exclusive & mask) != 0 || ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && (shared & mask) != 0))
        return SQLITE_BUSY;
    if ((flags & SQLITE_SHM_EXCLUSIVE) != 0)
        handle->exclusive_locks |= mask;
    else
        handle->shared_locks |= mask;
    return SQLITE_OK;
}

void
power_shared_barrier(sqlite3_file *file)
{
    (void)file;
}

int
power_shared_unmap(sqlite3_file *opaque, int with_deletion)
{
    (void)with_deletion;
    power_handle_of(opaque)->shared_locks = power_handle_of(opaque)->exclusive_locks = 0;
    return SQLITE_OK;
}
