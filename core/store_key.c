/* The store key in its slots: keyslots.json. */
#include "core/store_key.h"

#include <string.h>

#include "core/durable.h"
#include "core/i18n.h"
#include "core/json.h"
#include "core/store_lock.h"
#include "core/version.h"

#define FILE_NAME "keyslots.json"

enum { AD_BYTES = ID_BYTES + 1 + 4 + 4 + CRYPTO_SALT_BYTES };

const struct store_key_cost STORE_KEY_COST = {.memory_kib = 256 * 1024, .passes = 3};

/* --- the file --------------------------------------------------------------------------------- */

static enum rc
decode_slot(const struct json *object, struct store_slot *slot)
{
    static const char *const KEYS[] = {"kind",  "memory_kib", "passes", "salt",
                                       "nonce", "key",        NULL};
    const char *kind;
    int64_t memory_kib = 0, passes = 0;
    enum rc rc = json_need_text(object, "kind", 32, &kind);

    if (rc == RC_OK && strcmp(kind, "passphrase") != 0)
        return rc_fail(RC_UNSUPPORTED, _("a slot of an unknown kind"));
    if (rc == RC_OK)
        rc = json_only(object, KEYS);
    if (rc == RC_OK)
        rc = json_need_int(object, "memory_kib", STORE_KEY_MEMORY_KIB_LEAST,
                           STORE_KEY_MEMORY_KIB_MOST, &memory_kib);
    if (rc == RC_OK)
        rc = json_need_int(object, "passes", 1, STORE_KEY_PASSES_MOST, &passes);
    if (rc == RC_OK)
        rc = json_need_hex(object, "salt", slot->salt, sizeof slot->salt);
    if (rc == RC_OK)
        rc = json_need_hex(object, "nonce", slot->nonce, sizeof slot->nonce);
    if (rc == RC_OK)
        rc = json_need_hex(object, "key", slot->wrapped, sizeof slot->wrapped);
    slot->kind = STORE_KEY_PASSPHRASE;
    slot->cost = (struct store_key_cost){(uint32_t)memory_kib, (uint32_t)passes};
    return rc;
}

static enum rc
decode(const struct json *root, struct store_slots *slots)
{
    static const char *const KEYS[] = {"format", "store", "file", "slots", NULL};
    const struct json *array;
    int64_t format;
    enum rc rc = json_need_int(root, "format", 1, JSON_INT_MOST, &format);

    if (rc == RC_OK && format > KEYSLOT_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("it was written by a newer program"));
    if (rc == RC_OK)
        rc = json_only(root, KEYS);
    if (rc == RC_OK)
        rc = json_need_hex(root, "store", slots->store.bytes, ID_BYTES);
    if (rc == RC_OK)
        rc = json_need_hex(root, "file", slots->file_id, VFS_FILE_ID_BYTES);
    if (rc == RC_OK)
        rc = json_need_array(root, "slots", &array);
    if (rc != RC_OK)
        return rc;
    if (json_count(array) > STORE_KEY_SLOTS)
        return rc_fail(RC_CORRUPT, _("it has more than %d slots"), STORE_KEY_SLOTS);
    for (const struct json *at = json_first(array); at != NULL && rc == RC_OK; at = json_next(at))
        rc = decode_slot(at, &slots->slots[slots->count++]);
    return rc;
}

enum rc
store_key_decode(const void *text, size_t len, struct store_slots *slots)
{
    struct json *root = NULL;
    enum rc rc;

    memset(slots, 0, sizeof *slots);
    rc = json_parse(text, len, STORE_KEY_FILE_BYTES, &root);
    if (rc == RC_OK)
        rc = decode(root, slots);
    json_free(root);
    if (rc != RC_OK)
        memset(slots, 0, sizeof *slots);
    /* A stored file, not somebody's input. */
    return rc == RC_INVALID || rc == RC_TOO_LARGE ? RC_CORRUPT : rc;
}

enum rc
store_key_read(const char *directory, struct store_slots *slots)
{
    struct buf text = BUF_EMPTY(STORE_KEY_FILE_BYTES + 4096); /* so that decoding says too long */
    enum rc rc;

    memset(slots, 0, sizeof *slots);
    rc = durable_read(directory, FILE_NAME, &text);
    if (rc == RC_OK)
        rc = store_key_decode(text.data, text.len, slots);
    else if (rc == RC_TOO_LARGE)
        rc = RC_CORRUPT;
    buf_wipe(&text);
    return rc == RC_OK ? RC_OK : rc_while(rc, _("reading %s"), FILE_NAME);
}

enum rc
store_key_write(const char *directory, const struct store_slots *slots)
{
    struct buf text = BUF_EMPTY(STORE_KEY_FILE_BYTES);
    struct json_writer writer = json_writer_of(&text, true);
    enum rc rc;

    json_object_start(&writer);
    json_put_int(&writer, "format", KEYSLOT_FORMAT);
    json_put_hex(&writer, "store", slots->store.bytes, ID_BYTES);
    json_put_hex(&writer, "file", slots->file_id, VFS_FILE_ID_BYTES);
    json_key(&writer, "slots");
    json_array_start(&writer);
    for (size_t i = 0; i < slots->count; i++) {
        const struct store_slot *slot = &slots->slots[i];
        json_object_start(&writer);
        json_put_text(&writer, "kind", "passphrase");
        json_put_int(&writer, "memory_kib", slot->cost.memory_kib);
        json_put_int(&writer, "passes", slot->cost.passes);
        json_put_hex(&writer, "salt", slot->salt, sizeof slot->salt);
        json_put_hex(&writer, "nonce", slot->nonce, sizeof slot->nonce);
        json_put_hex(&writer, "key", slot->wrapped, sizeof slot->wrapped);
        json_object_end(&writer);
    }
    json_array_end(&writer);
    json_object_end(&writer);
    rc = json_finish(&writer);
    if (rc == RC_OK)
        rc = durable_write(directory, FILE_NAME, text.data, text.len);
    buf_wipe(&text);
    return rc == RC_OK ? RC_OK : rc_while(rc, _("writing %s"), FILE_NAME);
}

/* --- slots ------------------------------------------------------------------------------------ */

static void
put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void
put_ad(uint8_t ad[AD_BYTES], struct id store, const struct store_slot *slot)
{
    memcpy(ad, store.bytes, ID_BYTES);
    ad[ID_BYTES] = (uint8_t)slot->kind;
    put_u32(ad + ID_BYTES + 1, slot->cost.memory_kib);
    put_u32(ad + ID_BYTES + 5, slot->cost.passes);
    memcpy(ad + ID_BYTES + 9, slot->salt, CRYPTO_SALT_BYTES);
}

static enum rc
seal_slot(struct store_slot *slot, struct id store, const struct secret *key,
          const struct secret *passphrase, const struct store_key_cost *cost)
{
    struct secret wrapping = SECRET_EMPTY;
    uint8_t ad[AD_BYTES];
    enum rc rc;

    if (passphrase->len == 0)
        return rc_fail(RC_INVALID, _("the passphrase is empty"));
    if (cost->memory_kib < STORE_KEY_MEMORY_KIB_LEAST ||
        cost->memory_kib > STORE_KEY_MEMORY_KIB_MOST || cost->passes < 1 ||
        cost->passes > STORE_KEY_PASSES_MOST)
        return rc_fail(RC_INVALID, _("the cost of a passphrase is out of bounds"));
    slot->kind = STORE_KEY_PASSPHRASE;
    slot->cost = *cost;
    random_fill(slot->salt, sizeof slot->salt);
    random_fill(slot->nonce, sizeof slot->nonce);
    rc = crypto_passphrase_key(passphrase, slot->salt, cost->memory_kib, cost->passes, &wrapping);
    if (rc == RC_OK) {
        put_ad(ad, store, slot);
        crypto_seal(wrapping.bytes, slot->nonce, ad, sizeof ad, key->bytes, CRYPTO_KEY_BYTES,
                    slot->wrapped);
    }
    secret_wipe(&wrapping);
    return rc;
}

enum rc
store_key_add(struct store_slots *slots, const struct secret *key, const struct secret *passphrase,
              const struct store_key_cost *cost)
{
    struct store_slot slot;
    enum rc rc;

    if (slots->count == STORE_KEY_SLOTS)
        return rc_fail(RC_TOO_LARGE, _("no slot is free"));
    rc = seal_slot(&slot, slots->store, key, passphrase, cost);
    if (rc == RC_OK)
        slots->slots[slots->count++] = slot;
    return rc;
}

/* RC_LOCKED when the passphrase is not this slot's. */
static enum rc
open_slot(const struct store_slot *slot, struct id store, const struct secret *passphrase,
          struct secret *key)
{
    struct secret wrapping = SECRET_EMPTY;
    uint8_t ad[AD_BYTES];
    enum rc rc = crypto_passphrase_key(passphrase, slot->salt, slot->cost.memory_kib,
                                       slot->cost.passes, &wrapping);

    if (rc == RC_OK)
        rc = secret_make(key, CRYPTO_KEY_BYTES);
    put_ad(ad, store, slot);
    if (rc == RC_OK && !crypto_open(wrapping.bytes, slot->nonce, ad, sizeof ad, slot->wrapped,
                                    sizeof slot->wrapped, key->bytes)) {
        secret_wipe(key);
        rc = rc_fail(RC_LOCKED, _("the passphrase is wrong"));
    }
    secret_wipe(&wrapping);
    return rc;
}

/* As store_key_open; *at is the slot that opened. */
static enum rc
find_slot(const struct store_slots *slots, const struct secret *passphrase, struct secret *key,
          size_t *at)
{
    enum rc rc = rc_fail(RC_LOCKED, _("the store has no passphrase"));

    if (passphrase->len == 0)
        return rc_fail(RC_INVALID, _("the passphrase is empty"));
    for (*at = 0; *at < slots->count; (*at)++) {
        rc = open_slot(&slots->slots[*at], slots->store, passphrase, key);
        if (rc != RC_LOCKED)
            return rc;
    }
    return rc;
}

enum rc
store_key_open(const struct store_slots *slots, const struct secret *passphrase, struct secret *key)
{
    size_t at;

    return find_slot(slots, passphrase, key, &at);
}

enum rc
store_key_change(const char *directory, const struct clock *clock, const struct secret *old,
                 const struct secret *fresh, const struct store_key_cost *cost)
{
    struct secret key = SECRET_EMPTY;
    struct store_slots slots;
    size_t at = 0;
    int lock;
    enum rc rc = store_lock_take(directory, clock, &lock);

    if (rc == RC_OK)
        rc = store_key_read(directory, &slots);
    if (rc == RC_OK)
        rc = find_slot(&slots, old, &key, &at);
    if (rc == RC_OK)
        rc = seal_slot(&slots.slots[at], slots.store, &key, fresh, cost);
    if (rc == RC_OK)
        rc = store_key_write(directory, &slots);
    secret_wipe(&key);
    store_lock_release(lock);
    return rc;
}
