/* A store in one sealed file: written while others write to the store, and proven. */
#define _GNU_SOURCE /* renameat2 */
#include "core/backup_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/durable.h"
#include "core/i18n.h"
#include "core/vfs_seal.h"

static const uint8_t MAGIC[8] = "bakenbup";

/* Places in the trailer. What is before the nonce is authenticated with the slots. */
enum { AT_FORMAT = 8, AT_SLOTS = 12, AT_PAGES = 16, AT_MADE = 24, AT_NONCE = 32, AT_TAG = 56 };

/* A page of SQLite's first 100 bytes: the size of the file in pages (its file format, 1.3). */
enum { PAGE_COUNT_AT = 28 };

enum rc
backup_fail_errno(const char *path)
{
    int error = errno;
    enum rc rc = error == ENOSPC || error == EDQUOT ? RC_FULL : error == ENOENT ? RC_ABSENT : RC_IO;

    return rc_fail(rc, "%s: %s", path, strerror(error));
}

static enum rc
fail_damaged(void)
{
    return rc_fail(RC_CORRUPT, _("the backup is cut, altered or no backup"));
}

static void
put_number(uint8_t *at, uint64_t value, size_t len)
{
    while (len-- > 0) {
        at[len] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t
number_at(const uint8_t *at, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

/* --- the format --------------------------------------------------------------------------------- */

enum rc
backup_trailer_decode(const uint8_t trailer[BACKUP_TRAILER_BYTES], uint64_t bytes, struct backup_trailer *out)
{
    *out = (struct backup_trailer){0, 0, 0};
    if (memcmp(trailer, MAGIC, sizeof MAGIC) != 0)
        return fail_damaged();
    if (number_at(trailer + AT_FORMAT, 4) != BACKUP_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("a newer program wrote the backup"));
    out->slots_len = (uint32_t)number_at(trailer + AT_SLOTS, 4);
    out->pages = number_at(trailer + AT_PAGES, 8);
    out->made_ms = number_at(trailer + AT_MADE, 8);
    if (out->slots_len > STORE_KEY_FILE_BYTES || out->pages == 0 || out->pages > UINT32_MAX ||
        out->made_ms > INT64_MAX ||
        bytes != out->pages * VFS_PAGE_BYTES + out->slots_len + BACKUP_TRAILER_BYTES)
        return fail_damaged();
    return RC_OK;
}

/* The tag over trailer and slots, under a key of this backup alone. */
static enum rc
end_key(const struct secret *key, const uint8_t file_id[VFS_FILE_ID_BYTES], struct secret *out)
{
    return crypto_derive(key, "baken backup", file_id, VFS_FILE_ID_BYTES, out, CRYPTO_KEY_BYTES);
}

static enum rc
bound_text(const uint8_t *trailer, const struct buf *slots, struct buf *text)
{
    enum rc rc = buf_put(text, trailer, AT_NONCE);

    return rc == RC_OK ? buf_put(text, slots->data, slots->len) : rc;
}

static enum rc
seal_trailer(const struct secret *key, const struct store_slots *ids, const struct buf *slots, uint8_t *trailer)
{
    struct secret end = SECRET_EMPTY;
    struct buf text = BUF_EMPTY(STORE_KEY_FILE_BYTES + BACKUP_TRAILER_BYTES);
    enum rc rc = end_key(key, ids->file_id, &end);

    if (rc == RC_OK)
        rc = bound_text(trailer, slots, &text);
    if (rc == RC_OK) {
        random_fill(trailer + AT_NONCE, CRYPTO_NONCE_BYTES);
        crypto_seal(end.bytes, trailer + AT_NONCE, text.data, text.len, "", 0, trailer + AT_TAG);
    }
    buf_wipe(&text);
    secret_wipe(&end);
    return rc;
}

static enum rc
prove_trailer(const struct secret *key, const struct store_slots *ids, const struct buf *slots,
              const uint8_t *trailer)
{
    struct secret end = SECRET_EMPTY;
    struct buf text = BUF_EMPTY(STORE_KEY_FILE_BYTES + BACKUP_TRAILER_BYTES);
    uint8_t nothing[1];

    if (vfs_id_judge(key, ids->file_id) != VFS_FITS)
        return rc_fail(RC_LOCKED, _("the key does not fit this backup"));
    enum rc rc = end_key(key, ids->file_id, &end);
    if (rc == RC_OK)
        rc = bound_text(trailer, slots, &text);
    if (rc == RC_OK && !crypto_open(end.bytes, trailer + AT_NONCE, text.data, text.len, trailer + AT_TAG,
                                    CRYPTO_TAG_BYTES, nothing))
        rc = fail_damaged();
    buf_wipe(&text);
    secret_wipe(&end);
    return rc;
}

/* --- reading ------------------------------------------------------------------------------------ */

static enum rc
read_at(int fd, uint64_t at, uint8_t *out, size_t len)
{
    size_t got;
    enum rc rc = durable_read_at(fd, _("reading the backup"), at, out, len, &got);

    return rc == RC_OK && got < len ? fail_damaged() : rc;
}

static enum rc
read_end(int fd, struct backup *backup, struct buf *slots, uint8_t *trailer)
{
    struct stat info;
    uint8_t *room;
    enum rc rc;

    if (fstat(fd, &info) != 0)
        return backup_fail_errno(_("reading the backup"));
    if (!S_ISREG(info.st_mode) || info.st_size < BACKUP_TRAILER_BYTES)
        return fail_damaged();
    backup->bytes = (uint64_t)info.st_size;
    rc = read_at(fd, backup->bytes - BACKUP_TRAILER_BYTES, trailer, BACKUP_TRAILER_BYTES);
    if (rc == RC_OK)
        rc = backup_trailer_decode(trailer, backup->bytes, &backup->trailer);
    if (rc == RC_OK)
        rc = buf_extend(slots, backup->trailer.slots_len, &room);
    if (rc == RC_OK)
        rc = read_at(fd, backup->trailer.pages * VFS_PAGE_BYTES, room, backup->trailer.slots_len);
    if (rc == RC_OK)
        rc = store_key_decode(slots->data, slots->len, &backup->slots);
    return rc == RC_CORRUPT ? fail_damaged() : rc; /* of whatever part */
}

static enum rc
put_page(struct backup_target *to, uint64_t number, const uint8_t *page)
{
    uint8_t sealed[VFS_PAGE_BYTES];

    vfs_page_seal(&to->keys, &to->nonces, number, page, sealed);
    return durable_write_all(to->fd, _("writing"), sealed, sizeof sealed);
}

/* Proves every page; writes them to `to`, unless it is NULL. */
static enum rc
prove_pages(int fd, const struct secret *key, const struct backup *backup, struct backup_target *to)
{
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    uint8_t page[VFS_PAGE_BYTES];
    enum rc rc = vfs_keys_derive(&keys, key, backup->slots.file_id);

    for (uint64_t number = 1; rc == RC_OK && number <= backup->trailer.pages; number++) {
        rc = read_at(fd, (number - 1) * VFS_PAGE_BYTES, page, sizeof page);
        bool is_first = number == 1;
        if (rc == RC_OK && ((is_first && memcmp(page, backup->slots.file_id, VFS_FILE_ID_BYTES) != 0) ||
                            !vfs_page_open(&keys, number, page) ||
                            (is_first && number_at(page + PAGE_COUNT_AT, 4) != backup->trailer.pages)))
            rc = fail_damaged();
        if (rc == RC_OK && to != NULL)
            rc = put_page(to, number, page);
    }
    wipe(page, sizeof page);
    vfs_keys_wipe(&keys);
    return rc;
}

static enum rc
open_backup(const char *path, const char *named, int *fd)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is told, not waited for */
    return *fd < 0 ? backup_fail_errno(named) : RC_OK;
}

enum rc
backup_look(const char *path, struct backup *backup)
{
    uint8_t trailer[BACKUP_TRAILER_BYTES];
    struct buf slots = BUF_EMPTY(STORE_KEY_FILE_BYTES);
    int fd;
    enum rc rc = open_backup(path, path, &fd);

    if (rc == RC_OK)
        rc = read_end(fd, backup, &slots, trailer);
    buf_wipe(&slots);
    if (fd >= 0)
        close(fd);
    return rc;
}

enum rc
backup_prove(const char *path, const char *named, const struct secret *key, struct backup *backup,
             struct backup_target *to)
{
    uint8_t trailer[BACKUP_TRAILER_BYTES];
    struct buf slots = BUF_EMPTY(STORE_KEY_FILE_BYTES);
    int fd;
    enum rc rc = open_backup(path, named, &fd);

    if (rc == RC_OK)
        rc = read_end(fd, backup, &slots, trailer);
    if (rc == RC_OK)
        rc = prove_trailer(key, &backup->slots, &slots, trailer);
    if (rc == RC_OK)
        rc = prove_pages(fd, key, backup, to);
    buf_wipe(&slots);
    if (fd >= 0)
        close(fd);
    return rc;
}

enum rc
backup_check_structure(const char *path, const struct secret *key, const uint8_t *file_id)
{
    struct db_options options = {.must_exist = true, .exclusive = true};
    struct vfs *vfs = NULL;
    struct db *db = NULL;
    enum rc rc = vfs_register(NULL, key, file_id, &vfs);

    if (rc == RC_OK) {
        options.vfs = vfs_name(vfs);
        rc = db_open(path, &options, &db);
    }
    if (rc == RC_OK)
        rc = db_check_structure(db);
    db_close(db);
    vfs_unregister(vfs);
    return rc;
}

/* --- writing ------------------------------------------------------------------------------------ */

/* An empty file that only the user may read; SQLite takes over the mode for what it makes beside it. */
static enum rc
make_file(const char *path, const char *named)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return backup_fail_errno(named);
    close(fd);
    return RC_OK;
}

static enum rc
copy_database(struct store *store, const char *path, uint8_t file_id[VFS_FILE_ID_BYTES])
{
    struct vfs *vfs = NULL;
    enum rc rc = vfs_register(NULL, store_secret(store), NULL, &vfs);

    if (rc == RC_OK)
        rc = db_copy(store_db(store), path, vfs_name(vfs));
    if (rc == RC_OK)
        rc = vfs_file_id(vfs, file_id);
    vfs_unregister(vfs);
    return rc;
}

static enum rc
append_end(struct store *store, const char *path, const char *named, struct store_slots *ids)
{
    uint8_t trailer[BACKUP_TRAILER_BYTES];
    struct buf slots = BUF_EMPTY(STORE_KEY_FILE_BYTES);
    struct stat info;
    enum rc rc = store_key_encode(store_secret(store), ids, &slots);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);

    if (rc == RC_OK && (fd < 0 || fstat(fd, &info) != 0))
        rc = backup_fail_errno(named);
    if (rc == RC_OK) {
        memcpy(trailer, MAGIC, sizeof MAGIC);
        put_number(trailer + AT_FORMAT, BACKUP_FORMAT, 4);
        put_number(trailer + AT_SLOTS, slots.len, 4);
        put_number(trailer + AT_PAGES, (uint64_t)info.st_size / VFS_PAGE_BYTES, 8);
        put_number(trailer + AT_MADE, (uint64_t)clock_wall_ms(store_clock(store)), 8);
        rc = seal_trailer(store_secret(store), ids, &slots, trailer);
    }
    if (rc == RC_OK)
        rc = durable_write_all(fd, _("writing"), slots.data, slots.len);
    if (rc == RC_OK)
        rc = durable_write_all(fd, _("writing"), trailer, sizeof trailer);
    if (rc == RC_OK && fsync(fd) != 0)
        rc = backup_fail_errno(named);
    if (fd >= 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* so that what is proven next comes from the disk */
        close(fd);
    }
    buf_wipe(&slots);
    return rc;
}

enum rc
backup_directory_of(const char *path, char directory[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int len = slash == NULL ? snprintf(directory, PATH_MAX, ".")
                            : snprintf(directory, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);

    return len > 0 && len < PATH_MAX ? RC_OK : rc_fail(RC_TOO_LARGE, _("the path is too long"));
}

/* Unless something has that name already. */
static enum rc
give_name(const char *part, const char *path)
{
    struct stat info;

    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return RC_OK;
    if (errno != EEXIST && errno != EINVAL && errno != ENOSYS)
        return backup_fail_errno(path);
    if (errno == EEXIST || lstat(path, &info) == 0)
        return rc_fail(RC_EXISTS, _("there is a file %s already"), path);
    return rename(part, path) == 0 ? RC_OK : backup_fail_errno(path);
}

/* Where the name would not outlast a power cut there is none. */
static enum rc
publish(const char *part, const char *path)
{
    char directory[PATH_MAX];
    enum rc rc = backup_directory_of(path, directory);

    if (rc == RC_OK)
        rc = give_name(part, path);
    if (rc != RC_OK)
        return rc;
    rc = durable_sync_directory(directory);
    if (rc != RC_OK)
        unlink(path);
    return rc;
}

enum rc
backup_write(struct store *store, const char *path, struct backup *backup)
{
    char part[PATH_MAX];
    struct stat info;
    struct store_slots ids = *store_slots(store);
    int len = snprintf(part, sizeof part, "%s.part-%016llx", path, (unsigned long long)random_u64());

    if (len <= 0 || (size_t)len >= sizeof part)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    if (lstat(path, &info) == 0)
        return rc_fail(RC_EXISTS, S_ISDIR(info.st_mode) ? _("%s is a directory") : _("there is a file %s already"), path);
    store_key_distrust(&ids, store_secret(store));
    enum rc rc = make_file(part, path);
    if (rc != RC_OK)
        return rc_while(rc, _("writing the backup"));
    rc = copy_database(store, part, ids.file_id);
    if (rc == RC_OK)
        rc = backup_check_structure(part, store_secret(store), ids.file_id);
    if (rc == RC_OK)
        rc = append_end(store, part, path, &ids);
    if (rc == RC_OK)
        rc = backup_prove(part, path, store_secret(store), backup, NULL);
    if (rc == RC_OK)
        rc = publish(part, path);
    if (rc == RC_OK)
        return RC_OK;
    unlink(part);
    return rc_while(rc, _("writing the backup"));
}
