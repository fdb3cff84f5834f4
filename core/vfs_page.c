/* The main database file: each page sealed on its way down and opened on its way up. */
#include "core/vfs_inside.h"
#include "core/vfs_lock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct vfs_main_file *
main_of(sqlite3_file *file)
{
    return (struct vfs_main_file *)file;
}

/* Bytes on disk, asked anew each time: other processes write too. */
static int
size_of(const struct vfs_main_file *file, sqlite3_int64 *size)
{
    return file->head.base->pMethods->xFileSize(file->head.base, size);
}

static int
main_close(sqlite3_file *file)
{
    sqlite3_file *base = main_of(file)->head.base;

    vfs_shm_free(main_of(file)->shared);
    if (main_of(file)->lock >= 0)
        close(main_of(file)->lock);
    vfs_forget_main(main_of(file));
    return base->pMethods->xClose(base);
}

/* A page that does not authenticate, or is not there, is SQLITE_IOERR_DATA: never zeros, for with
 * secure_delete SQLite reads no page that was not written. */
static int
read_page(struct vfs_main_file *file, sqlite3_int64 number, uint8_t *page)
{
    sqlite3_file *base = file->head.base;
    int code = SQLITE_OK;

    /* A page that another process writes at this moment is whole a moment later: where SQLite finds no log it reads page 1
     * without a lock that keeps a checkpoint away. */
    for (int tries = file->shared == NULL ? 1 : 2; code == SQLITE_OK && tries > 0; tries--) {
        code = base->pMethods->xRead(base, page, VFS_PAGE_BYTES, (number - 1) * VFS_PAGE_BYTES);
        if (code == SQLITE_OK && vfs_page_open(file->head.keys, (uint64_t)number, page))
            return SQLITE_OK;
    }
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
        return code;
    memset(page, 0, VFS_PAGE_BYTES);
    return SQLITE_IOERR_DATA;
}

/* SQLite reads part of page 1 before any lock and before recovery, and can never open a file where
 * that fails; page 1 may then rightly be torn or absent. It gets the two facts that it needs, the
 * page size and the reserved bytes; the page itself is proven when it is read whole. */
static void
put_synthetic_header(uint8_t *page)
{
    memset(page, 0, VFS_PAGE_BYTES);
    page[16] = VFS_PAGE_BYTES >> 8;
    page[20] = VFS_RESERVED_BYTES;
}

static int
read_part(struct vfs_main_file *file, void *out, int amount, sqlite3_int64 offset)
{
    uint8_t page[VFS_PAGE_BYTES];
    sqlite3_int64 number = offset / VFS_PAGE_BYTES + 1;
    sqlite3_int64 within = offset % VFS_PAGE_BYTES;
    sqlite3_int64 size;

    if (amount < 0 || within + amount > VFS_PAGE_BYTES)
        return SQLITE_IOERR_READ;
    int code = size_of(file, &size);
    if (code != SQLITE_OK)
        return code;
    if (number == 1 && size < VFS_PAGE_BYTES) { /* it holds no more than its id */
        memset(page, 0, sizeof page);
        if (!file->inherits)
            put_synthetic_header(page);
        code = SQLITE_IOERR_SHORT_READ;
    } else {
        code = read_page(file, number, page);
        if (code == SQLITE_IOERR_DATA && number == 1) {
            put_synthetic_header(page);
            code = SQLITE_OK;
        }
    }
    memcpy(out, page + within, (size_t)amount);
    wipe(page, sizeof page);
    return code;
}

/* SQLite itself reads one page or a part of one; its recovery extension reads many at once. */
static int
main_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    uint8_t *to = out;

    while (amount > VFS_PAGE_BYTES && offset % VFS_PAGE_BYTES == 0) {
        int code = read_page(main_of(file), offset / VFS_PAGE_BYTES + 1, to);
        if (code != SQLITE_OK) {
            memset(to, 0, (size_t)amount);
            return code;
        }
        to += VFS_PAGE_BYTES;
        offset += VFS_PAGE_BYTES;
        amount -= VFS_PAGE_BYTES;
    }
    if (amount == VFS_PAGE_BYTES && offset % VFS_PAGE_BYTES == 0)
        return read_page(main_of(file), offset / VFS_PAGE_BYTES + 1, to);
    return read_part(main_of(file), to, amount, offset);
}

static int
write_page(struct vfs_main_file *file, sqlite3_int64 number, const uint8_t *plain)
{
    uint8_t sealed[VFS_PAGE_BYTES];
    sqlite3_file *base = file->head.base;
    sqlite3_int64 end = number * VFS_PAGE_BYTES;

    vfs_page_seal(file->head.keys, &file->head.nonces, (uint64_t)number, plain, sealed);
    return base->pMethods->xWrite(base, sealed, VFS_PAGE_BYTES, end - VFS_PAGE_BYTES);
}

/* SQLite may leave holes. They are filled with sealed zeros, so that zeros never count as a page. */
static int
fill_to(struct vfs_main_file *file, sqlite3_int64 pages)
{
    static const uint8_t ZEROS[VFS_PAGE_BYTES];
    sqlite3_int64 size;
    int code = size_of(file, &size);

    for (sqlite3_int64 page = size / VFS_PAGE_BYTES; code == SQLITE_OK && page < pages; page++)
        code = write_page(file, page + 1, ZEROS);
    return code;
}

bool
vfs_is_our_first_page(const uint8_t page[VFS_PAGE_BYTES])
{
    if (memcmp(page, VFS_SQLITE_MAGIC, sizeof VFS_SQLITE_MAGIC) == 0 &&
        page[16] == VFS_PAGE_BYTES >> 8 && page[17] == 0 && page[20] == VFS_RESERVED_BYTES)
        return true;
    sqlite3_log(SQLITE_IOERR_WRITE,
                "refused: a store has pages of %d bytes with %d reserved, not of %d with %d",
                VFS_PAGE_BYTES, VFS_RESERVED_BYTES, page[16] << 8 | page[17] << 16, page[20]);
    return false;
}

static int
main_write(sqlite3_file *opaque, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct vfs_main_file *file = main_of(opaque);

    if (amount != VFS_PAGE_BYTES || offset % VFS_PAGE_BYTES != 0) {
        sqlite3_log(SQLITE_IOERR_WRITE, "%d bytes at %lld are no page of a store", amount, offset);
        return SQLITE_IOERR_WRITE;
    }
    if (offset == 0 && !vfs_is_our_first_page(bytes))
        return SQLITE_IOERR_WRITE;
    int code = vfs_journal_flush(file->journal);
    if (code != SQLITE_OK)
        return code;
    code = fill_to(file, offset / VFS_PAGE_BYTES);
    return code == SQLITE_OK ? write_page(file, offset / VFS_PAGE_BYTES + 1, bytes) : code;
}

/* The id stays at the head of an emptied file: keyslots.json has it pinned. */
static int
main_truncate(sqlite3_file *opaque, sqlite3_int64 size)
{
    struct vfs_main_file *file = main_of(opaque);
    sqlite3_file *base = file->head.base;
    sqlite3_int64 stored;

    if (size % VFS_PAGE_BYTES != 0)
        return SQLITE_IOERR_TRUNCATE;
    int code = vfs_journal_flush(file->journal);
    if (code == SQLITE_OK)
        code = size_of(file, &stored);
    if (code != SQLITE_OK)
        return code;
    if (size > stored)
        return fill_to(file, size / VFS_PAGE_BYTES);
    return base->pMethods->xTruncate(base, size == 0 ? VFS_FILE_ID_BYTES : size);
}

static int
main_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *base = main_of(file)->head.base;

    return base->pMethods->xSync(base, flags);
}

static int
main_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int code = size_of(main_of(file), size);

    if (code == SQLITE_OK && *size < VFS_PAGE_BYTES)
        *size = 0;
    return code;
}

/* words: [0] the answer out, [1] the pragma's name, [2] its argument or NULL. */
static int
main_pragma(char **words)
{
    if (sqlite3_stricmp(words[1], "mmap_size") == 0) {
        words[0] = sqlite3_mprintf("0");
        return SQLITE_OK;
    }
    if (words[2] == NULL || sqlite3_stricmp(words[1], "page_size") != 0)
        return SQLITE_NOTFOUND;
    if (strcmp(words[2], "4096") == 0)
        return SQLITE_NOTFOUND;
    words[0] = sqlite3_mprintf("the pages of a store have 4096 bytes");
    return SQLITE_ERROR;
}

static int
main_control(sqlite3_file *file, int operation, void *argument)
{
    sqlite3_file *base = main_of(file)->head.base;

    switch (operation) {
    case SQLITE_FCNTL_PRAGMA:
        return main_pragma(argument);
    case SQLITE_FCNTL_SIZE_HINT: /* both would make pages of zeros */
    case SQLITE_FCNTL_CHUNK_SIZE:
        return SQLITE_OK;
    case SQLITE_FCNTL_MMAP_SIZE:
        *(sqlite3_int64 *)argument = 0;
        return SQLITE_OK;
    case SQLITE_FCNTL_LOCKSTATE:
    case SQLITE_FCNTL_LAST_ERRNO:
    case SQLITE_FCNTL_PERSIST_WAL:
    case SQLITE_FCNTL_HAS_MOVED:
    case SQLITE_FCNTL_BUSYHANDLER:
    case SQLITE_FCNTL_SYNC:
    case SQLITE_FCNTL_COMMIT_PHASETWO:
        return base->pMethods->xFileControl(base, operation, argument);
    default:
        return SQLITE_NOTFOUND;
    }
}

/* SQLite asks the main file on behalf of its logs. Without a write-ahead log we promise nothing of a
 * neighbour's bytes in a torn write, so that a journal's headers lie in slots of their own. */
static int
main_characteristics(sqlite3_file *file)
{
    int kept = vfs_characteristics(file);

    return main_of(file)->wal != NULL ? kept : kept & ~SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* --- the wal-index ---------------------------------------------------------------------------------- */

static int
main_shm_map(sqlite3_file *file, int region, int size, int may_extend, void volatile **out)
{
    return vfs_shm_map(main_of(file)->shared, region, size, may_extend, out);
}

/* The first of the locks in the wal-index is the writer's (SQLite's documentation of its WAL-mode locks). */
static int
main_shm_lock(sqlite3_file *opaque, int offset, int count, int flags)
{
    struct vfs_main_file *file = main_of(opaque);
    bool is_write = offset == 0 && (flags & SQLITE_SHM_EXCLUSIVE) != 0;

    if (is_write && (flags & SQLITE_SHM_UNLOCK) != 0)
        vfs_wal_lock_released(file);
    int code = vfs_shm_lock(file->shared, offset, count, flags);
    if (code == SQLITE_OK && (flags & SQLITE_SHM_LOCK) != 0)
        vfs_wal_lock_taken(file, is_write);
    return code;
}

static void
main_shm_barrier(sqlite3_file *file)
{
    vfs_shm_barrier(main_of(file)->shared);
}

static int
main_shm_unmap(sqlite3_file *file, int delete_it)
{
    (void)delete_it; /* the last one to leave removes the index */
    return vfs_shm_unmap(main_of(file)->shared);
}

#define COMMON_METHODS                                                                             \
    .xClose = main_close, .xRead = main_read, .xWrite = main_write, .xTruncate = main_truncate,    \
    .xSync = main_sync, .xFileSize = main_size,                                                    \
    .xUnlock = vfs_unlock_through, .xCheckReservedLock = vfs_reserved_through,                     \
    .xFileControl = main_control, .xSectorSize = vfs_sector_size,                                  \
    .xDeviceCharacteristics = main_characteristics

/* Version 2: no mapping, which would bypass the seal. */
const sqlite3_io_methods VFS_MAIN_METHODS = {
    .iVersion = 2,
    COMMON_METHODS,
    .xLock = vfs_lock_through,
    .xShmMap = main_shm_map,
    .xShmLock = main_shm_lock,
    .xShmBarrier = main_shm_barrier,
    .xShmUnmap = main_shm_unmap,
};

/* SQLite's exclusive mode wants an exclusive lock, which a file that was opened to be read cannot have. The shared one keeps
 * writers without shared memory away, and the lock file those with. */
static int
main_lock_alone(sqlite3_file *opaque, int level)
{
    struct vfs_main_file *file = main_of(opaque);

    if (!file->is_readonly)
        return vfs_lock_through(opaque, level);
    int error = file->lock < 0 ? vfs_lock_alone(file->name, &file->lock) : 0;
    if (error != 0)
        return error == EAGAIN ? VFS_OTHER_MEMORY : SQLITE_IOERR_LOCK;
    return vfs_lock_through(opaque, SQLITE_LOCK_SHARED);
}

/* Without memory for it no wal-index is shared: on disk its checksums of plain text would lie open. SQLite then allows WAL
 * in exclusive mode only. */
const sqlite3_io_methods VFS_MAIN_ALONE_METHODS = {.iVersion = 1, COMMON_METHODS, .xLock = main_lock_alone};
