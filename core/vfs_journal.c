/* The rollback journal: slots of 4096 sealed bytes, one of them open at a time. */
#include "core/vfs_inside.h"

#include <stdlib.h>
#include <string.h>

enum { SUPER_TAIL_BYTES = 16, MAGIC_BYTES = 8 }; /* of SQLite's journal format */

struct vfs_journal_room {
    uint8_t slot[VFS_SLOT_BYTES];    /* plain, from VFS_SLOT_HEAD_BYTES on */
    uint8_t scratch[VFS_SLOT_BYTES]; /* sealed */
};

static struct vfs_journal_file *
journal_of(sqlite3_file *file)
{
    return (struct vfs_journal_file *)file;
}

static uint8_t *
bytes_of(struct vfs_journal_file *file)
{
    return file->room->slot + VFS_SLOT_HEAD_BYTES;
}

static sqlite3_int64
place_of(sqlite3_int64 number)
{
    return VFS_JOURNAL_HEADER_BYTES + (number - 1) * VFS_SLOT_BYTES;
}

static void
forget(struct vfs_journal_file *file)
{
    secret_wipe(&file->key);
    file->has_key = false;
    file->number = file->last_unsynced = 0;
    file->is_dirty = false;
}

/* Takes over a header that is on disk. */
static int
adopt(struct vfs_journal_file *file)
{
    if (vfs_journal_key(&file->vfs->master, file->header, &file->key) != RC_OK)
        return SQLITE_NOMEM;
    file->has_key = true;
    return SQLITE_OK;
}

/*
 * Looks at the header on disk, when nothing waits in memory: in the modes that keep the journal open between
 * transactions another process may have ended it or begun its own since. A header that is not ours was torn
 * before the journal's first sync, or is another program's: either way the main file was not changed under
 * it, and the journal reads as zeros, which SQLite passes by.
 */
static int
refresh(struct vfs_journal_file *file)
{
    const uint8_t *file_id = file->main == NULL ? NULL : file->main->keys.id;
    sqlite3_file *base = file->head.base;
    uint8_t header[VFS_JOURNAL_HEADER_BYTES];

    if (file->is_dirty)
        return SQLITE_OK;
    int code = base->pMethods->xRead(base, header, sizeof header, 0);
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
        return code;
    file->number = 0;
    if (code == SQLITE_OK && file->has_key && memcmp(header, file->header, sizeof header) == 0)
        return SQLITE_OK;
    forget(file);
    if (code == SQLITE_IOERR_SHORT_READ ||
        !vfs_journal_fits(&file->vfs->master, header, file_id))
        return SQLITE_OK;
    memcpy(file->header, header, sizeof header);
    return adopt(file);
}

int
vfs_journal_start(struct vfs_journal_file *file)
{
    file->room = calloc(1, sizeof *file->room);
    if (file->room == NULL)
        return SQLITE_NOMEM;
    int code = refresh(file);
    if (code != SQLITE_OK) {
        free(file->room);
        file->room = NULL;
    }
    return code;
}

/* The first write of a journal: whatever lay there is replaced. */
static int
begin(struct vfs_journal_file *file)
{
    sqlite3_file *base = file->head.base;

    if (file->main == NULL)
        return SQLITE_READONLY;
    vfs_journal_begin(&file->vfs->master, file->main->keys.id, file->header);
    int code = base->pMethods->xTruncate(base, 0);
    if (code == SQLITE_OK)
        code = base->pMethods->xWrite(base, file->header, sizeof file->header, 0);
    return code == SQLITE_OK ? adopt(file) : code;
}

/* --- slots ---------------------------------------------------------------------------------- */

int
vfs_journal_flush(struct vfs_journal_file *file)
{
    if (file == NULL || !file->is_dirty)
        return SQLITE_OK;
    sqlite3_file *base = file->head.base;
    uint8_t *sealed = file->room->scratch;
    memcpy(sealed, file->room->slot, VFS_SLOT_BYTES);
    vfs_slot_seal(&file->key, &file->head.nonces, file->header, (uint64_t)file->number, file->len,
                  sealed);
    int code = base->pMethods->xWrite(base, sealed, VFS_SLOT_BYTES, place_of(file->number));
    if (code == SQLITE_OK)
        file->is_dirty = false;
    return code;
}

/* Opens slot `number`. SQLITE_IOERR_SHORT_READ: it is not there. SQLITE_IOERR_DATA: it does not
 * authenticate. After both it lies there empty. */
static int
open_slot(struct vfs_journal_file *file, sqlite3_int64 number)
{
    sqlite3_file *base = file->head.base;

    if (file->number == number)
        return SQLITE_OK;
    int code = vfs_journal_flush(file);
    if (code != SQLITE_OK)
        return code;
    file->number = 0;
    code = base->pMethods->xRead(base, file->room->slot, VFS_SLOT_BYTES, place_of(number));
    if (code == SQLITE_OK && !vfs_slot_open(&file->key, file->header, (uint64_t)number,
                                            file->room->slot, &file->len))
        code = SQLITE_IOERR_DATA;
    if (code == SQLITE_OK)
        file->number = number;
    else
        memset(file->room->slot, 0, VFS_SLOT_BYTES);
    return code;
}

static sqlite3_int64
slots_in(sqlite3_int64 stored)
{
    return stored < VFS_JOURNAL_HEADER_BYTES ? 0
                                             : (stored - VFS_JOURNAL_HEADER_BYTES) / VFS_SLOT_BYTES;
}

/* The bytes of the journal, as SQLite sees it. A last slot that does not open counts as full. */
static int
size_of(struct vfs_journal_file *file, sqlite3_int64 *size)
{
    sqlite3_file *base = file->head.base;

    *size = 0;
    if (!file->has_key)
        return SQLITE_OK;
    int code = vfs_journal_flush(file);
    if (code == SQLITE_OK)
        code = base->pMethods->xFileSize(base, size);
    sqlite3_int64 slots = slots_in(*size);
    *size = 0;
    if (code != SQLITE_OK || slots == 0)
        return code;
    code = open_slot(file, slots);
    *size = (slots - 1) * VFS_CHUNK_BYTES + (code == SQLITE_OK ? (sqlite3_int64)file->len : VFS_CHUNK_BYTES);
    return code == SQLITE_IOERR_DATA ? SQLITE_OK : code;
}

static int
journal_size(sqlite3_file *file, sqlite3_int64 *size)
{
    int code = refresh(journal_of(file));

    *size = 0;
    return code == SQLITE_OK ? size_of(journal_of(file), size) : code;
}

/* --- reading -------------------------------------------------------------------------------- */

/* Where a torn slot is no news to SQLite: it looks for a header (whose records are not needed when it
 * did not reach the disk), asks whether the journal is hot, or looks for the super-journal's name. */
static bool
may_be_torn(struct vfs_journal_file *file, int amount, sqlite3_int64 offset)
{
    sqlite3_int64 size;

    if ((amount == MAGIC_BYTES || amount == 1) && offset % VFS_CHUNK_BYTES == 0)
        return true;
    return amount <= SUPER_TAIL_BYTES && size_of(file, &size) == SQLITE_OK &&
           offset >= size - SUPER_TAIL_BYTES;
}

/* One piece within a slot. */
static int
read_piece(struct vfs_journal_file *file, uint8_t *out, size_t len, sqlite3_int64 offset)
{
    size_t within = (size_t)(offset % VFS_CHUNK_BYTES);
    int code = open_slot(file, offset / VFS_CHUNK_BYTES + 1);

    if (code != SQLITE_OK) {
        memset(out, 0, len);
        return code;
    }
    memcpy(out, bytes_of(file) + within, len); /* behind its length a slot holds zeros */
    return SQLITE_OK;
}

static int
journal_read(sqlite3_file *opaque, void *out, int amount, sqlite3_int64 offset)
{
    struct vfs_journal_file *file = journal_of(opaque);
    const sqlite3_int64 begin_at = offset, end = offset + amount;
    uint8_t *to = out;
    sqlite3_int64 size;
    int code = offset == 0 ? refresh(file) : SQLITE_OK;

    memset(out, 0, (size_t)amount);
    if (code == SQLITE_OK && !file->has_key)
        return SQLITE_IOERR_SHORT_READ;
    while (code == SQLITE_OK && offset < end) {
        sqlite3_int64 len = VFS_CHUNK_BYTES - offset % VFS_CHUNK_BYTES;
        if (len > end - offset)
            len = end - offset;
        code = read_piece(file, to, (size_t)len, offset);
        to += len;
        offset += len;
    }
    if (code == SQLITE_IOERR_DATA && may_be_torn(file, amount, begin_at))
        return SQLITE_OK;
    if (code != SQLITE_OK)
        return code;
    code = file->len == VFS_CHUNK_BYTES ? SQLITE_OK : size_of(file, &size);
    return code == SQLITE_OK && file->len < VFS_CHUNK_BYTES && end > size ? SQLITE_IOERR_SHORT_READ
                                                                          : code;
}

/* --- writing -------------------------------------------------------------------------------- */

static int
write_piece(struct vfs_journal_file *file, const uint8_t *bytes, size_t len, sqlite3_int64 offset)
{
    sqlite3_int64 number = offset / VFS_CHUNK_BYTES + 1;
    size_t within = (size_t)(offset % VFS_CHUNK_BYTES);
    int code = open_slot(file, number);

    /* What cannot be opened is an old journal's, or was torn: it is replaced. */
    if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_DATA) {
        file->number = number;
        file->len = 0;
        code = SQLITE_OK;
    }
    if (code != SQLITE_OK)
        return code;
    memcpy(bytes_of(file) + within, bytes, len);
    if (within + len > file->len)
        file->len = within + len;
    file->is_dirty = true;
    if (number > file->last_unsynced)
        file->last_unsynced = number;
    return SQLITE_OK;
}

static int journal_sync(sqlite3_file *opaque, int flags);

/* A super-journal's name ends in these eight bytes alone, and SQLite may look for it at once, through a
 * second file object. A journal's header begins with them, but is written in one piece. */
static bool
ends_super_name(const void *bytes, int amount)
{
    static const uint8_t MAGIC[MAGIC_BYTES] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};

    return amount == MAGIC_BYTES && memcmp(bytes, MAGIC, MAGIC_BYTES) == 0;
}

static int
write_pieces(struct vfs_journal_file *file, const uint8_t *from, sqlite3_int64 offset,
             sqlite3_int64 end)
{
    int code = SQLITE_OK;

    while (code == SQLITE_OK && offset < end) {
        sqlite3_int64 len = VFS_CHUNK_BYTES - offset % VFS_CHUNK_BYTES;
        if (len > end - offset)
            len = end - offset;
        code = write_piece(file, from, (size_t)len, offset);
        from += len;
        offset += len;
    }
    return code;
}

/* All that stands before it is written first, so that where this fails the name has no end, in memory as
 * little as on disk. */
static int
write_super_end(struct vfs_journal_file *file, const uint8_t *from, sqlite3_int64 offset)
{
    int code = vfs_journal_flush(file);

    if (code != SQLITE_OK)
        return code;
    code = write_pieces(file, from, offset, offset + MAGIC_BYTES);
    if (code == SQLITE_OK)
        code = vfs_journal_flush(file);
    if (code != SQLITE_OK) {
        file->is_dirty = false;
        file->number = 0;
    }
    return code;
}

static int
journal_write(sqlite3_file *opaque, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct vfs_journal_file *file = journal_of(opaque);
    int code = offset == 0 ? refresh(file) : SQLITE_OK;

    if (code == SQLITE_OK && !file->has_key)
        code = begin(file);
    /* SQLite goes back to a header to count the records behind it. These must be on disk by then
     * (synchronous=NORMAL would sync both at once), for a counted record that was torn is an error. */
    sqlite3_int64 first = offset / VFS_CHUNK_BYTES + 1;
    if (code == SQLITE_OK && offset % VFS_CHUNK_BYTES == 0 && first < file->last_unsynced)
        code = journal_sync(opaque, SQLITE_SYNC_NORMAL);
    if (code != SQLITE_OK)
        return code;
    if (ends_super_name(bytes, amount))
        return write_super_end(file, bytes, offset);
    code = write_pieces(file, bytes, offset, offset + amount);
    /* The first bytes say whether the journal counts. Zeroed, they are the commit of journal_mode=PERSIST,
     * which other processes must see, and with synchronous=OFF no sync follows. */
    return code == SQLITE_OK && offset == 0 ? vfs_journal_flush(file) : code;
}

/* Cuts within a slot. */
static int
cut_slot(struct vfs_journal_file *file, sqlite3_int64 number, size_t len)
{
    int code = open_slot(file, number);

    if (code != SQLITE_OK)
        return code == SQLITE_IOERR_DATA ? SQLITE_OK : code;
    if (len < file->len) {
        memset(bytes_of(file) + len, 0, file->len - len);
        file->len = len;
        file->is_dirty = true;
    }
    return SQLITE_OK;
}

static int
journal_truncate(sqlite3_file *opaque, sqlite3_int64 size)
{
    struct vfs_journal_file *file = journal_of(opaque);
    sqlite3_file *base = file->head.base;
    sqlite3_int64 is;

    if (size == 0) {
        forget(file); /* the next journal has an id of its own */
        return base->pMethods->xTruncate(base, 0);
    }
    int code = size_of(file, &is);
    if (code != SQLITE_OK || size >= is)
        return code;
    sqlite3_int64 whole = size / VFS_CHUNK_BYTES;
    size_t rest = (size_t)(size % VFS_CHUNK_BYTES);
    if (rest > 0)
        code = cut_slot(file, whole + 1, rest);
    sqlite3_int64 slots = whole + (rest > 0);
    if (file->number > slots) /* flushed by size_of */
        file->number = 0;
    return code == SQLITE_OK ? base->pMethods->xTruncate(base, place_of(slots + 1)) : code;
}

static int
journal_sync(sqlite3_file *opaque, int flags)
{
    struct vfs_journal_file *file = journal_of(opaque);
    sqlite3_file *base = file->head.base;
    int code = vfs_journal_flush(file);

    if (code == SQLITE_OK)
        code = base->pMethods->xSync(base, flags);
    if (code == SQLITE_OK)
        file->last_unsynced = 0;
    return code;
}

static int
journal_close(sqlite3_file *opaque)
{
    struct vfs_journal_file *file = journal_of(opaque);
    sqlite3_file *base = file->head.base;
    int code = vfs_journal_flush(file);
    int closed = base->pMethods->xClose(base);

    if (file->main != NULL)
        file->main->journal = NULL;
    forget(file);
    wipe(file->room, sizeof *file->room);
    free(file->room);
    file->room = NULL;
    vfs_nonces_wipe(&file->head.nonces);
    return code == SQLITE_OK ? closed : code;
}

const sqlite3_io_methods VFS_JOURNAL_METHODS = {
    .iVersion = 1,
    .xClose = journal_close,
    .xRead = journal_read,
    .xWrite = journal_write,
    .xTruncate = journal_truncate,
    .xSync = journal_sync,
    .xFileSize = journal_size,
    .xLock = vfs_lock_through,
    .xUnlock = vfs_unlock_through,
    .xCheckReservedLock = vfs_reserved_through,
    .xFileControl = vfs_log_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
};
