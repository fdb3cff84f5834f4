/* What the stores of an office show, and what lies in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/vfs_seal.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

/* ---- looking on disk ------------------------------------------------------------------------------ */

static bool
holds(const uint8_t *bytes, size_t len, const char *word)
{
    size_t word_len = strlen(word);

    for (size_t i = 0; i + word_len <= len; i++)
        if (memcmp(bytes + i, word, word_len) == 0)
            return true;
    return false;
}

/* Every page of the file, free pages included, opened with the store's key. */
static bool
pages_hold(struct vfs_keys *keys, const uint8_t *file, size_t len, const char *word)
{
    uint8_t page[VFS_PAGE_BYTES];
    bool found = false;

    for (size_t n = 1; n * VFS_PAGE_BYTES <= len && !found; n++) {
        memcpy(page, file + (n - 1) * VFS_PAGE_BYTES, sizeof page);
        stores_demand(vfs_page_open(keys, n, page) ? RC_OK : RC_CORRUPT, "vfs_page_open");
        found = holds(page, sizeof page, word);
    }
    return found;
}

static bool
frames_hold(struct vfs_keys *keys, const uint8_t *wal, size_t len, const char *word)
{
    uint8_t unit[VFS_FRAME_UNIT_BYTES];
    bool found = false;

    for (size_t n = 1; VFS_START_BYTES + n * VFS_FRAME_UNIT_BYTES <= len && !found; n++) {
        memcpy(unit, wal + VFS_START_BYTES + (n - 1) * VFS_FRAME_UNIT_BYTES, sizeof unit);
        found = vfs_frame_open(keys, wal, n, unit) && holds(unit, sizeof unit, word);
    }
    return found;
}

bool
office_store_holds(struct office *office, int at, const char *word)
{
    struct office_device *device = &office->devices[at];
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    char path[192];
    size_t len, wal_len;

    snprintf(path, sizeof path, "%s/store.db", device->directory);
    uint8_t *file = scratch_read(path, &len);
    snprintf(path, sizeof path, "%s/store.db-wal", device->directory);
    uint8_t *wal = scratch_read(path, &wal_len);
    stores_demand(file != NULL && len > VFS_FILE_ID_BYTES ? RC_OK : RC_ABSENT, "store.db");
    stores_demand(vfs_keys_derive(&keys, &device->key, file), "vfs_keys_derive");
    bool found = pages_hold(&keys, file, len, word);
    found = found ||
            (wal != NULL && wal_len > VFS_START_BYTES && frames_hold(&keys, wal, wal_len, word));
    vfs_keys_wipe(&keys);
    free(file);
    free(wal);
    return found;
}

char *
office_dump(struct office *office, int at, struct id stream)
{
    struct buf out = BUF_EMPTY((size_t)64 << 20);

    enum rc rc = journal_dump(replica_journal(office->devices[at].replica), stream, &out);
    if (rc != RC_ABSENT)
        stores_demand(rc, "journal_dump");
    char *text = strdup(out.len > 0 ? buf_text(&out) : "");
    buf_wipe(&out);
    return text;
}

bool
office_dump_shows(const char *dump, const char *word)
{
    char digits[256] = "";

    for (size_t i = 0; i < strlen(word) && i < 120; i++)
        snprintf(digits + 2 * i, 3, "%02x", (unsigned)(unsigned char)word[i]);
    return strstr(dump, word) != NULL || strstr(dump, digits) != NULL;
}

bool
office_agree(struct office *office, int a, int b, struct id stream)
{
    char *first = office_dump(office, a, stream), *second = office_dump(office, b, stream);
    bool agree = first[0] != '\0' && strcmp(first, second) == 0;

    if (!agree)
        fprintf(stderr, "-- device %d:\n%s-- device %d:\n%s", a, first, b, second);
    free(first);
    free(second);
    return agree;
}

struct waiting
office_waiting(struct office *office, int at)
{
    struct waiting waiting;

    stores_demand(replica_waiting(office->devices[at].replica, &waiting), "replica_waiting");
    return waiting;
}

int64_t
office_ask(struct office *office, int at, const char *sql)
{
    int64_t number;

    stores_demand(db_get_int(store_db(office->devices[at].store), sql, &number), sql);
    return number;
}

void
office_token_path(const struct office *office, int at, char path[256])
{
    const struct office_device *device = &office->devices[at];
    char name[ID_TEXT_CHARS + 1];

    id_to_text(store_id(device->store), name);
    snprintf(path, 256, "%s/%s", device->state, name);
}

bool
office_shows(struct office *office, int at, struct id stream, const char *word)
{
    char *dump = office_dump(office, at, stream);
    bool found = office_dump_shows(dump, word);

    free(dump);
    return found;
}
