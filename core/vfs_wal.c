/* The write-ahead log: each frame one sealed unit, written in batches. */
#include "core/vfs_inside.h"

#include <stdlib.h>
#include <string.h>

/* os_unix masks a write's length with 0x1ffff, so a batch stays below 128 KiB. */
enum { BATCH_FRAMES = 31 };
_Static_assert(BATCH_FRAMES *VFS_FRAME_UNIT_BYTES < 0x1ffff, "one write of os_unix");

struct vfs_wal_room {
    uint8_t batch[BATCH_FRAMES][VFS_FRAME_UNIT_BYTES]; /* sealed */
    uint8_t cached[VFS_FRAME_UNIT_BYTES];              /* plain, from CRYPTO_NONCE_BYTES on */
    uint8_t partial[VFS_FRAME_BYTES];                  /* plain */
    uint8_t start[VFS_START_BYTES];                    /* sealed: the last one that authenticated */
    uint8_t header[VFS_WAL_HEADER_BYTES];              /* what is in it */
    bool has_start;
};

static struct vfs_wal_file *
wal_of(sqlite3_file *file)
{
    return (struct vfs_wal_file *)file;
}

static sqlite3_int64
place_of(sqlite3_int64 number)
{
    return VFS_START_BYTES + (number - 1) * VFS_FRAME_UNIT_BYTES;
}

static sqlite3_int64
lesser(sqlite3_int64 a, sqlite3_int64 b)
{
    return a < b ? a : b;
}

static sqlite3_int64
frames_in(sqlite3_int64 stored)
{
    return stored < VFS_START_BYTES ? 0 : (stored - VFS_START_BYTES) / VFS_FRAME_UNIT_BYTES;
}

static uint8_t *
cached_frame(struct vfs_wal_file *file)
{
    return file->room->cached + CRYPTO_NONCE_BYTES;
}

static void
forget(struct vfs_wal_file *file)
{
    file->has_generation = false;
    file->first_own = INT64_MAX;
    file->last_own = 0;
    file->batch_first = file->batch_len = 0;
    file->partial = file->cached = 0;
    file->partial_len = 0;
}

int
vfs_wal_start(struct vfs_wal_file *file)
{
    file->room = calloc(1, sizeof *file->room);
    if (file->room == NULL)
        return SQLITE_NOMEM;
    forget(file);
    return SQLITE_OK;
}

/* --- reading -------------------------------------------------------------------------------- */

/* Each transaction looks whether another process began the log anew; the same bytes need no second proof. */
static bool
open_start(struct vfs_wal_file *file, const uint8_t unit[VFS_START_BYTES])
{
    struct vfs_wal_room *room = file->room;

    if (room->has_start && memcmp(room->start, unit, VFS_START_BYTES) == 0)
        return true;
    room->has_start = vfs_start_open(file->head.keys, unit, room->header);
    memcpy(room->start, unit, VFS_START_BYTES);
    return room->has_start;
}

/* SQLITE_IOERR_DATA when the start does not authenticate. */
static int
read_start(struct vfs_wal_file *file, uint8_t header[VFS_WAL_HEADER_BYTES])
{
    uint8_t unit[VFS_START_BYTES];
    sqlite3_file *base = file->head.base;
    int code = base->pMethods->xRead(base, unit, sizeof unit, 0);

    memset(header, 0, VFS_WAL_HEADER_BYTES);
    file->has_generation = false;
    if (code != SQLITE_OK)
        return code;
    if (!open_start(file, unit))
        return SQLITE_IOERR_DATA;
    memcpy(header, file->room->header, VFS_WAL_HEADER_BYTES);
    memcpy(file->generation, unit, CRYPTO_NONCE_BYTES);
    file->has_generation = true;
    return SQLITE_OK;
}

/* Reads frame `number` from batch or file and opens it into the cache. */
static int
try_frame(struct vfs_wal_file *file, sqlite3_int64 number)
{
    sqlite3_file *base = file->head.base;
    sqlite3_int64 slot = number - file->batch_first;
    int code = SQLITE_OK;

    if (slot >= 0 && slot < file->batch_len)
        memcpy(file->room->cached, file->room->batch[slot], VFS_FRAME_UNIT_BYTES);
    else
        code =
            base->pMethods->xRead(base, file->room->cached, VFS_FRAME_UNIT_BYTES, place_of(number));
    if (code != SQLITE_OK)
        return code;
    if (!vfs_frame_open(file->head.keys, file->generation, (uint64_t)number, file->room->cached))
        return SQLITE_IOERR_DATA;
    file->cached = number;
    return SQLITE_OK;
}

/* Opens frame `number` into the cache. SQLITE_IOERR_SHORT_READ: it is not there.
 * SQLITE_IOERR_DATA: it does not authenticate; only that, never a failure of the disk. */
static int
open_frame(struct vfs_wal_file *file, sqlite3_int64 number)
{
    uint8_t header[VFS_WAL_HEADER_BYTES], known[CRYPTO_NONCE_BYTES];
    int code = SQLITE_OK;

    if (file->cached == number)
        return SQLITE_OK;
    file->cached = 0;
    bool is_fresh = !file->has_generation;
    if (is_fresh)
        code = read_start(file, header);
    if (code == SQLITE_OK)
        code = try_frame(file, number);
    if (code != SQLITE_IOERR_DATA || is_fresh || file->batch_len > 0)
        return code;
    /* Another process may have begun the log anew since its start was read. */
    memcpy(known, file->generation, sizeof known);
    int again = read_start(file, header);
    if (again != SQLITE_OK || memcmp(known, file->generation, sizeof known) == 0)
        return again == SQLITE_OK ? code : again;
    file->first_own = INT64_MAX;
    return try_frame(file, number);
}

static int settle_partial(struct vfs_wal_file *file);

static int
read_frame(struct vfs_wal_file *file, uint8_t *out, sqlite3_int64 number, size_t within, size_t len)
{
    int code = open_frame(file, number);

    if (code == SQLITE_OK) {
        memcpy(out, cached_frame(file) + within, len);
        return SQLITE_OK;
    }
    memset(out, 0, len);
    /* Recovery reads whole frames and stops at the first that does not fit; zeros do not fit. */
    if (code == SQLITE_IOERR_DATA && len == VFS_FRAME_BYTES && number < file->first_own)
        return SQLITE_OK;
    return code;
}

static int
wal_read(sqlite3_file *opaque, void *out, int amount, sqlite3_int64 offset)
{
    struct vfs_wal_file *file = wal_of(opaque);
    uint8_t *to = out;
    int code = settle_partial(file);

    if (code == SQLITE_OK && offset < VFS_WAL_HEADER_BYTES) {
        uint8_t header[VFS_WAL_HEADER_BYTES];
        if (offset + amount > VFS_WAL_HEADER_BYTES)
            return SQLITE_IOERR_READ;
        code = read_start(file, header);
        memcpy(out, header + offset, (size_t)amount);
        /* A start that does not authenticate is a log that was never begun, or was torn. */
        return code == SQLITE_IOERR_DATA ? SQLITE_OK : code;
    }
    while (code == SQLITE_OK && amount > 0) {
        sqlite3_int64 at = offset - VFS_WAL_HEADER_BYTES;
        sqlite3_int64 within = at % VFS_FRAME_BYTES;
        sqlite3_int64 len = lesser(amount, VFS_FRAME_BYTES - within);
        code = read_frame(file, to, at / VFS_FRAME_BYTES + 1, (size_t)within, (size_t)len);
        to += len;
        offset += len;
        amount -= (int)len;
    }
    if (amount > 0)
        memset(to, 0, (size_t)amount);
    return code;
}

/* --- writing -------------------------------------------------------------------------------- */

static int
flush(struct vfs_wal_file *file)
{
    sqlite3_file *base = file->head.base;

    if (file->batch_len == 0)
        return SQLITE_OK;
    int code = base->pMethods->xWrite(base, file->room->batch,
                                      (int)(file->batch_len * VFS_FRAME_UNIT_BYTES),
                                      place_of(file->batch_first));
    if (code == SQLITE_OK)
        file->batch_len = 0;
    return code;
}

/* The page that a frame holds: the first four bytes of its header (SQLite's file format, 4.1). */
static uint32_t
number_in(const uint8_t *frame)
{
    return (uint32_t)frame[0] << 24 | (uint32_t)frame[1] << 16 | (uint32_t)frame[2] << 8 | frame[3];
}

/* Seals a whole frame into the batch. */
static int
put_frame(struct vfs_wal_file *file, sqlite3_int64 number, const uint8_t *frame)
{
    sqlite3_int64 slot = number - file->batch_first;
    int code = SQLITE_OK;

    if (number_in(frame) == 1 && !vfs_is_our_first_page(frame + VFS_FRAME_HEADER_BYTES))
        return SQLITE_IOERR_WRITE;
    if (!file->has_generation) {
        uint8_t header[VFS_WAL_HEADER_BYTES];
        code = read_start(file, header);
        if (code != SQLITE_OK)
            return code == SQLITE_IOERR_DATA ? SQLITE_IOERR_WRITE : code;
    }
    if (file->batch_len == 0 || slot < 0 || slot > file->batch_len || slot == BATCH_FRAMES) {
        code = flush(file);
        if (code != SQLITE_OK)
            return code;
        file->batch_first = number;
        slot = 0;
    }
    uint8_t *unit = file->room->batch[slot];
    vfs_frame_seal(file->head.keys, &file->head.nonces, file->generation, (uint64_t)number, frame,
                   unit);
    if (slot == file->batch_len)
        file->batch_len++;
    file->first_own = lesser(file->first_own, number);
    if (number > file->last_own)
        file->last_own = number;
    if (file->cached == number && frame != cached_frame(file))
        file->cached = 0;
    return vfs_frame_is_commit(frame) || file->batch_len == BATCH_FRAMES ? flush(file) : SQLITE_OK;
}

/* Replaces part of a frame that is there already. */
static int
overlay(struct vfs_wal_file *file, sqlite3_int64 number, const uint8_t *bytes, size_t within,
        size_t len)
{
    int code = open_frame(file, number);

    if (code != SQLITE_OK)
        return code;
    memcpy(cached_frame(file) + within, bytes, len);
    code = put_frame(file, number, cached_frame(file));
    if (code != SQLITE_OK)
        file->cached = 0;
    return code;
}

/* A frame begun and not continued was a new header over an old frame (SQLite does so when it
 * rewrites checksums). Where there is no old frame it waits for its rest. */
static int
settle_partial(struct vfs_wal_file *file)
{
    sqlite3_int64 number = file->partial;

    if (number == 0 || number < file->first_own || number > file->last_own)
        return SQLITE_OK;
    file->partial = 0;
    return overlay(file, number, file->room->partial, 0, file->partial_len);
}

static int
write_frame(struct vfs_wal_file *file, const uint8_t *bytes, sqlite3_int64 number, size_t within,
            size_t len)
{
    bool continues = file->partial == number && file->partial_len == within;

    if (!continues) {
        int code = settle_partial(file);
        if (code != SQLITE_OK)
            return code;
        file->partial = 0;
    }
    if (len == VFS_FRAME_BYTES)
        return put_frame(file, number, bytes);
    if (!continues && within > 0)
        return overlay(file, number, bytes, within, len);
    memcpy(file->room->partial + within, bytes, len);
    file->partial = number;
    file->partial_len = within + len;
    /* A checksum rewritten, of the frame that was just read: settled now, for after a commit without a sync nothing comes
     * that would. Another page's header over an own frame is the beginning of a new frame there. */
    bool is_header = file->partial_len == VFS_FRAME_HEADER_BYTES && file->cached == number;
    if (is_header && number_in(file->room->partial) == number_in(cached_frame(file)))
        return settle_partial(file);
    if (file->partial_len < VFS_FRAME_BYTES)
        return SQLITE_OK;
    file->partial = 0;
    return put_frame(file, number, file->room->partial);
}

/* The start of a new generation: no frame sealed before opens under it. */
static int
write_start(struct vfs_wal_file *file, const uint8_t header[VFS_WAL_HEADER_BYTES])
{
    uint8_t unit[VFS_START_BYTES];
    sqlite3_file *base = file->head.base;

    forget(file);
    vfs_start_seal(file->head.keys, &file->head.nonces, header, unit);
    int code = base->pMethods->xWrite(base, unit, sizeof unit, 0);
    if (code != SQLITE_OK)
        return code;
    memcpy(file->generation, unit, CRYPTO_NONCE_BYTES);
    file->has_generation = true;
    return SQLITE_OK;
}

static int
wal_write(sqlite3_file *opaque, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct vfs_wal_file *file = wal_of(opaque);
    const uint8_t *from = bytes;
    int code = SQLITE_OK;

    if (offset < VFS_WAL_HEADER_BYTES) {
        if (offset != 0 || amount != VFS_WAL_HEADER_BYTES)
            return SQLITE_IOERR_WRITE;
        return write_start(file, from);
    }
    while (code == SQLITE_OK && amount > 0) {
        sqlite3_int64 at = offset - VFS_WAL_HEADER_BYTES;
        sqlite3_int64 within = at % VFS_FRAME_BYTES;
        sqlite3_int64 len = lesser(amount, VFS_FRAME_BYTES - within);
        code = write_frame(file, from, at / VFS_FRAME_BYTES + 1, (size_t)within, (size_t)len);
        from += len;
        offset += len;
        amount -= (int)len;
    }
    return code;
}

static int
settle(struct vfs_wal_file *file)
{
    int code = settle_partial(file);

    return code == SQLITE_OK ? flush(file) : code;
}

static int
wal_truncate(sqlite3_file *opaque, sqlite3_int64 size)
{
    struct vfs_wal_file *file = wal_of(opaque);
    sqlite3_file *base = file->head.base;
    sqlite3_int64 stored;
    int code;

    if (size < VFS_WAL_HEADER_BYTES) {
        forget(file);
        return base->pMethods->xTruncate(base, 0);
    }
    code = settle(file);
    if (code == SQLITE_OK)
        code = base->pMethods->xFileSize(base, &stored);
    sqlite3_int64 frames = (size - VFS_WAL_HEADER_BYTES) / VFS_FRAME_BYTES;
    if (code != SQLITE_OK || frames >= frames_in(stored))
        return code;
    code = base->pMethods->xTruncate(base, place_of(frames + 1));
    if (code == SQLITE_OK) {
        file->last_own = lesser(file->last_own, frames);
        file->cached = file->partial = 0;
    }
    return code;
}

static int
wal_sync(sqlite3_file *opaque, int flags)
{
    struct vfs_wal_file *file = wal_of(opaque);
    sqlite3_file *base = file->head.base;
    int code = settle(file);

    return code == SQLITE_OK ? base->pMethods->xSync(base, flags) : code;
}

/* As many whole frames as the file has, or the batch adds. */
static int
wal_size(sqlite3_file *opaque, sqlite3_int64 *size)
{
    struct vfs_wal_file *file = wal_of(opaque);
    sqlite3_file *base = file->head.base;
    sqlite3_int64 stored;
    int code = base->pMethods->xFileSize(base, &stored);

    if (code != SQLITE_OK)
        return code;
    sqlite3_int64 frames = frames_in(stored);
    if (file->batch_len > 0 && file->batch_first + file->batch_len - 1 > frames)
        frames = file->batch_first + file->batch_len - 1;
    *size = stored < VFS_START_BYTES ? 0 : VFS_WAL_HEADER_BYTES + frames * VFS_FRAME_BYTES;
    return SQLITE_OK;
}

/* --- several processes -------------------------------------------------------------------------- */

void
vfs_wal_lock_taken(struct vfs_main_file *main, bool is_write)
{
    struct vfs_wal_file *file = main->wal;

    if (file == NULL)
        return;
    file->cached = 0;
    if (is_write)
        forget(file);
}

void
vfs_wal_lock_released(struct vfs_main_file *main)
{
    struct vfs_wal_file *file = main->wal;

    if (file != NULL)
        forget(file);
}

static int
wal_close(sqlite3_file *opaque)
{
    struct vfs_wal_file *file = wal_of(opaque);
    sqlite3_file *base = file->head.base;
    int code = settle(file);
    int closed = base->pMethods->xClose(base);

    file->main->wal = NULL;
    wipe(file->room, sizeof *file->room);
    free(file->room);
    file->room = NULL;
    vfs_nonces_wipe(&file->head.nonces);
    return code == SQLITE_OK ? closed : code;
}

const sqlite3_io_methods VFS_WAL_METHODS = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = vfs_lock_through,
    .xUnlock = vfs_unlock_through,
    .xCheckReservedLock = vfs_reserved_through,
    .xFileControl = vfs_log_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
};
