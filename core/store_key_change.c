/* Changes of keyslots.json, each under the store's lock. */
#include "core/store_key_inside.h"

#include <limits.h>
#include <stdio.h>

#include "core/durable.h"
#include "core/i18n.h"
#include "core/store_lock.h"
#include "core/store_rights.h"
#include "core/vfs_seal.h"

/* Reads the slots that `key` may change. */
static enum rc
read_own(const char *directory, const struct secret *key, struct store_slots *slots)
{
    enum rc rc = store_key_read(directory, slots);

    if (rc == RC_OK && vfs_id_judge(key, slots->file_id) != VFS_FITS)
        rc = rc_fail(RC_LOCKED, _("the key is another store's"));
    if (rc == RC_OK)
        store_key_distrust(slots, key);
    return rc;
}

/* The slots without those of one kind. */
static void
drop_kind(struct store_slots *slots, enum store_key_kind kind)
{
    size_t kept = 0;

    for (size_t i = 0; i < slots->count; i++)
        if (slots->slots[i].kind != kind)
            slots->slots[kept++] = slots->slots[i];
    slots->count = kept;
}

enum rc
store_key_set_passphrase(const char *directory, const struct clock *clock, const struct secret *key,
                         const struct secret *fresh, const struct store_key_cost *cost)
{
    struct store_slots slots;
    int lock;
    enum rc rc = store_lock_take(directory, clock, &lock);

    if (rc == RC_OK)
        rc = read_own(directory, key, &slots);
    if (rc == RC_OK) {
        drop_kind(&slots, STORE_KEY_PASSPHRASE);
        rc = store_key_add(&slots, key, fresh, cost);
    }
    if (rc == RC_OK)
        rc = store_key_write(directory, clock, key, &slots);
    store_lock_release(lock);
    return rc;
}

enum rc
store_key_set_sheet(const char *directory, const struct clock *clock, const struct secret *key,
                    const struct secret *sheet)
{
    struct store_slots slots;
    int lock;
    enum rc rc = store_lock_take(directory, clock, &lock);

    if (rc == RC_OK)
        rc = read_own(directory, key, &slots);
    if (rc == RC_OK) {
        drop_kind(&slots, STORE_KEY_SHEET);
        rc = store_key_add_sheet(&slots, key, sheet);
    }
    if (rc == RC_OK)
        rc = store_key_write(directory, clock, key, &slots);
    store_lock_release(lock);
    return rc;
}

static bool
is_cheap(const struct store_slot *slot, const struct store_key_cost *cost)
{
    return slot->kind == STORE_KEY_PASSPHRASE &&
           (slot->cost.memory_kib < cost->memory_kib || slot->cost.passes < cost->passes);
}

bool
store_key_is_cheap(const struct store_slots *slots, const struct store_key_cost *cost)
{
    bool found = false;

    for (size_t i = 0; i < slots->count; i++)
        found = found || is_cheap(&slots->slots[i], cost);
    return found;
}

static uint32_t
higher(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

enum rc
store_key_raise(const char *directory, const struct clock *clock, const struct secret *passphrase,
                const struct store_key_cost *cost, bool *raised)
{
    struct secret key = SECRET_EMPTY;
    struct store_slots slots;
    size_t at = 0;
    int lock;
    enum rc rc = store_lock_take(directory, clock, &lock);

    *raised = false;
    if (rc == RC_OK)
        rc = store_key_read(directory, &slots);
    if (rc == RC_OK)
        rc = store_key_find_slot(&slots, passphrase, &key, &at);
    if (rc == RC_OK && store_key_is_whole(&slots, &key) && is_cheap(&slots.slots[at], cost)) {
        const struct store_key_cost *now = &slots.slots[at].cost;
        struct store_key_cost better = {higher(now->memory_kib, cost->memory_kib),
                                        higher(now->passes, cost->passes)};
        rc = store_key_seal_slot(&slots.slots[at], slots.store, &key, passphrase, &better);
        if (rc == RC_OK)
            rc = store_key_write_as_is(directory, &key, &slots);
        *raised = rc == RC_OK;
    }
    secret_wipe(&key);
    store_lock_release(lock);
    return rc;
}

/* --- slots that are gone -------------------------------------------------------------------------- */

static enum rc
read_file_id(const char *directory, uint8_t file_id[VFS_FILE_ID_BYTES])
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/store.db", directory);
    enum rc rc = store_rights_check_kinds(directory);

    if (rc != RC_OK)
        return rc;
    FILE *file = len > 0 && (size_t)len < sizeof path ? fopen(path, "rbe") : NULL;
    if (file == NULL)
        return rc_fail(RC_ABSENT, _("store.db is missing"));
    size_t got = fread(file_id, 1, VFS_FILE_ID_BYTES, file);
    (void)fclose(file);
    return got == VFS_FILE_ID_BYTES ? RC_OK : rc_fail(RC_CORRUPT, _("store.db is cut"));
}

/* What cannot be read may still serve who knows how; of what is longer than slots can be, the beginning. */
static enum rc
keep_damaged(const char *directory)
{
    struct buf text = BUF_EMPTY(STORE_KEY_FILE_BYTES + 4096);
    enum rc rc = durable_read(directory, STORE_KEY_FILE, &text);

    if (rc == RC_OK || rc == RC_TOO_LARGE)
        rc = durable_write(directory, STORE_KEY_FILE ".damaged", text.data, text.len);
    buf_wipe(&text);
    return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
store_key_renew(const char *directory, const struct clock *clock, struct id store,
                const struct secret *key, const struct secret *fresh, const struct store_key_cost *cost)
{
    struct store_slots slots;
    int lock;
    enum rc rc = store_lock_take(directory, clock, &lock);

    if (rc == RC_OK) {
        rc = store_key_read(directory, &slots);
        rc = rc == RC_CORRUPT ? RC_OK : rc == RC_OK ? rc_fail(RC_EXISTS, _("the key slots are whole")) : rc;
    }
    slots = (struct store_slots){.store = store};
    if (rc == RC_OK)
        rc = read_file_id(directory, slots.file_id);
    if (rc == RC_OK && vfs_id_judge(key, slots.file_id) != VFS_FITS)
        rc = rc_fail(RC_LOCKED, _("the key is another store's"));
    if (rc == RC_OK)
        rc = store_key_add(&slots, key, fresh, cost);
    if (rc == RC_OK)
        rc = keep_damaged(directory);
    if (rc == RC_OK)
        rc = store_key_write(directory, clock, key, &slots);
    store_lock_release(lock);
    return rc;
}
