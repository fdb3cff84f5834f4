/* The store key in its slots: keyslots.json. */
#include "core/store_key.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/durable.h"
#include "core/i18n.h"
#include "core/json.h"
#include "core/store_key_inside.h"
#include "core/version.h"

enum {
    AD_BYTES = ID_BYTES + 1 + 4 + 4 + CRYPTO_SALT_BYTES,
    PROOF_HEAD_BYTES = 41,
    PROOF_SLOT_BYTES = 97,
    PROOF_BYTES = PROOF_HEAD_BYTES + STORE_KEY_SLOTS * PROOF_SLOT_BYTES,
};

const struct store_key_cost STORE_KEY_COST = {.memory_kib = 256 * 1024, .passes = 3};

static void
put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* --- the proof --------------------------------------------------------------------------------- */

/*
 *  0 store 16 | 16 file 16 | 32 u64 changed | 40 u8 count, then per slot of 97 bytes:
 *  0 u8 kind | 1 u32 memory_kib | 5 u32 passes | 9 salt 16 | 25 nonce 24 | 49 key 48
 */
static void
prove(const struct store_slots *slots, const struct secret *key, uint8_t proof[CRYPTO_HASH_BYTES])
{
    uint8_t bytes[PROOF_BYTES] = {0}, *at = bytes + PROOF_HEAD_BYTES;
    uint64_t changed = (uint64_t)slots->changed_ms;

    memcpy(bytes, slots->store.bytes, ID_BYTES);
    memcpy(bytes + 16, slots->file_id, VFS_FILE_ID_BYTES);
    put_u32(bytes + 32, (uint32_t)(changed >> 32));
    put_u32(bytes + 36, (uint32_t)changed);
    bytes[40] = (uint8_t)slots->count;
    for (size_t i = 0; i < slots->count; i++, at += PROOF_SLOT_BYTES) {
        const struct store_slot *slot = &slots->slots[i];
        at[0] = (uint8_t)slot->kind;
        put_u32(at + 1, slot->cost.memory_kib);
        put_u32(at + 5, slot->cost.passes);
        memcpy(at + 9, slot->salt, sizeof slot->salt);
        memcpy(at + 25, slot->nonce, sizeof slot->nonce);
        memcpy(at + 49, slot->wrapped, sizeof slot->wrapped);
    }
    crypto_commit(key, "baken slots", bytes, (size_t)(at - bytes), proof);
}

bool
store_key_is_whole(const struct store_slots *slots, const struct secret *key)
{
    uint8_t proof[CRYPTO_HASH_BYTES];

    prove(slots, key, proof);
    return !slots->has_proof || memcmp(proof, slots->proof, sizeof proof) == 0;
}

/* --- the file --------------------------------------------------------------------------------- */

static enum rc
decode_passphrase(const struct json *object, struct store_slot *slot)
{
    static const char *const KEYS[] = {"kind",  "memory_kib", "passes", "salt",
                                       "nonce", "key",        NULL};
    int64_t memory_kib = 0, passes = 0;
    enum rc rc = json_only(object, KEYS);

    if (rc == RC_OK)
        rc = json_need_int(object, "memory_kib", STORE_KEY_MEMORY_KIB_LEAST,
                           STORE_KEY_MEMORY_KIB_MOST, &memory_kib);
    if (rc == RC_OK)
        rc = json_need_int(object, "passes", 1, STORE_KEY_PASSES_MOST, &passes);
    slot->kind = STORE_KEY_PASSPHRASE;
    slot->cost = (struct store_key_cost){(uint32_t)memory_kib, (uint32_t)passes};
    return rc;
}

static enum rc
decode_sheet(const struct json *object, struct store_slot *slot)
{
    static const char *const KEYS[] = {"kind", "salt", "nonce", "key", NULL};

    slot->kind = STORE_KEY_SHEET;
    slot->cost = (struct store_key_cost){0, 0};
    return json_only(object, KEYS);
}

static enum rc
decode_slot(const struct json *object, int64_t format, struct store_slot *slot)
{
    const char *kind;
    enum rc rc = json_need_text(object, "kind", 32, &kind);

    if (rc != RC_OK)
        return rc;
    if (strcmp(kind, "passphrase") == 0)
        rc = decode_passphrase(object, slot);
    else if (format >= 2 && strcmp(kind, "recovery") == 0)
        rc = decode_sheet(object, slot);
    else
        rc = rc_fail(RC_UNSUPPORTED, _("a slot of an unknown kind"));
    if (rc == RC_OK)
        rc = json_need_hex(object, "salt", slot->salt, sizeof slot->salt);
    if (rc == RC_OK)
        rc = json_need_hex(object, "nonce", slot->nonce, sizeof slot->nonce);
    if (rc == RC_OK)
        rc = json_need_hex(object, "key", slot->wrapped, sizeof slot->wrapped);
    return rc;
}

/* What format 2 has beside format 1. */
static enum rc
decode_proof(const struct json *root, struct store_slots *slots)
{
    static const char *const KEYS[] = {"format", "store", "file", "changed", "slots", "proof", NULL};
    enum rc rc = json_only(root, KEYS);

    if (rc == RC_OK)
        rc = json_need_int(root, "changed", 1, JSON_INT_MOST, &slots->changed_ms);
    if (rc == RC_OK)
        rc = json_need_hex(root, "proof", slots->proof, sizeof slots->proof);
    slots->has_proof = true;
    return rc;
}

static enum rc
decode(const struct json *root, struct store_slots *slots)
{
    static const char *const KEYS_1[] = {"format", "store", "file", "slots", NULL};
    const struct json *array;
    int64_t format;
    enum rc rc = json_need_int(root, "format", 1, JSON_INT_MOST, &format);

    if (rc == RC_OK && format > KEYSLOT_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("it was written by a newer program"));
    if (rc == RC_OK)
        rc = format == 1 ? json_only(root, KEYS_1) : decode_proof(root, slots);
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
        rc = decode_slot(at, format, &slots->slots[slots->count++]);
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

/* A store.db that was whole once, and whose slots are gone. */
static bool
has_lost_slots(const char *directory)
{
    struct stat info;
    char path[PATH_MAX];

    int len = snprintf(path, sizeof path, "%s/%s", directory, STORE_KEY_MAKING);
    if (len <= 0 || (size_t)len >= sizeof path || stat(path, &info) == 0)
        return false;
    len = snprintf(path, sizeof path, "%s/store.db", directory);
    return len > 0 && (size_t)len < sizeof path && stat(path, &info) == 0 && info.st_size > 0;
}

enum rc
store_key_read(const char *directory, struct store_slots *slots)
{
    struct buf text = BUF_EMPTY(STORE_KEY_FILE_BYTES + 4096); /* so that decoding says too long */
    enum rc rc;

    memset(slots, 0, sizeof *slots);
    rc = durable_read(directory, STORE_KEY_FILE, &text);
    if (rc == RC_OK)
        rc = store_key_decode(text.data, text.len, slots);
    else if (rc == RC_TOO_LARGE)
        rc = RC_CORRUPT;
    else if (rc == RC_ABSENT && has_lost_slots(directory))
        rc = rc_fail(RC_CORRUPT, _("store.db is there and its key slots are gone"));
    buf_wipe(&text);
    return rc == RC_OK ? RC_OK : rc_while(rc, _("reading %s"), STORE_KEY_FILE);
}

static void
write_slot(struct json_writer *writer, const struct store_slot *slot)
{
    json_object_start(writer);
    json_put_text(writer, "kind", slot->kind == STORE_KEY_SHEET ? "recovery" : "passphrase");
    if (slot->kind == STORE_KEY_PASSPHRASE) {
        json_put_int(writer, "memory_kib", slot->cost.memory_kib);
        json_put_int(writer, "passes", slot->cost.passes);
    }
    json_put_hex(writer, "salt", slot->salt, sizeof slot->salt);
    json_put_hex(writer, "nonce", slot->nonce, sizeof slot->nonce);
    json_put_hex(writer, "key", slot->wrapped, sizeof slot->wrapped);
    json_object_end(writer);
}

enum rc
store_key_encode(const struct secret *key, struct store_slots *slots, struct buf *text)
{
    struct json_writer writer = json_writer_of(text, true);

    if (slots->changed_ms == 0) /* of the first format, or not believed: the least that the second has */
        slots->changed_ms = 1;
    slots->has_proof = true;
    prove(slots, key, slots->proof);
    json_object_start(&writer);
    json_put_int(&writer, "format", KEYSLOT_FORMAT);
    json_put_hex(&writer, "store", slots->store.bytes, ID_BYTES);
    json_put_hex(&writer, "file", slots->file_id, VFS_FILE_ID_BYTES);
    json_put_int(&writer, "changed", slots->changed_ms);
    json_key(&writer, "slots");
    json_array_start(&writer);
    for (size_t i = 0; i < slots->count; i++)
        write_slot(&writer, &slots->slots[i]);
    json_array_end(&writer);
    json_put_hex(&writer, "proof", slots->proof, sizeof slots->proof);
    json_object_end(&writer);
    return json_finish(&writer);
}

static void
count_on(const struct clock *clock, struct store_slots *slots)
{
    int64_t now_ms = clock_wall_ms(clock);

    slots->changed_ms = now_ms > slots->changed_ms ? now_ms : slots->changed_ms + 1;
}

void
store_key_distrust(struct store_slots *slots, const struct secret *key)
{
    if (!store_key_is_whole(slots, key))
        slots->changed_ms = 0;
}

enum rc
store_key_write(const char *directory, const struct clock *clock, const struct secret *key,
                struct store_slots *slots)
{
    count_on(clock, slots);
    return store_key_write_as_is(directory, key, slots);
}

enum rc
store_key_write_as_is(const char *directory, const struct secret *key, struct store_slots *slots)
{
    struct buf text = BUF_EMPTY(STORE_KEY_FILE_BYTES);
    enum rc rc = store_key_encode(key, slots, &text);

    if (rc == RC_OK)
        rc = durable_write(directory, STORE_KEY_FILE, text.data, text.len);
    buf_wipe(&text);
    return rc == RC_OK ? RC_OK : rc_while(rc, _("writing %s"), STORE_KEY_FILE);
}

/* --- slots ------------------------------------------------------------------------------------ */

static void
put_ad(uint8_t ad[AD_BYTES], struct id store, const struct store_slot *slot)
{
    memcpy(ad, store.bytes, ID_BYTES);
    ad[ID_BYTES] = (uint8_t)slot->kind;
    put_u32(ad + ID_BYTES + 1, slot->cost.memory_kib);
    put_u32(ad + ID_BYTES + 5, slot->cost.passes);
    memcpy(ad + ID_BYTES + 9, slot->salt, CRYPTO_SALT_BYTES);
}

/* Wraps the key with a fresh nonce; kind and cost stand in the slot. */
static void
wrap(struct store_slot *slot, struct id store, const struct secret *wrapping, const struct secret *key)
{
    uint8_t ad[AD_BYTES];

    random_fill(slot->nonce, sizeof slot->nonce);
    put_ad(ad, store, slot);
    crypto_seal(wrapping->bytes, slot->nonce, ad, sizeof ad, key->bytes, CRYPTO_KEY_BYTES,
                slot->wrapped);
}

/* RC_LOCKED with that sentence when it is another slot's wrapping key. */
static enum rc
unwrap(const struct store_slot *slot, struct id store, const struct secret *wrapping,
       const char *otherwise, struct secret *key)
{
    uint8_t ad[AD_BYTES];
    enum rc rc = secret_make(key, CRYPTO_KEY_BYTES);

    put_ad(ad, store, slot);
    if (rc == RC_OK && !crypto_open(wrapping->bytes, slot->nonce, ad, sizeof ad, slot->wrapped,
                                    sizeof slot->wrapped, key->bytes)) {
        secret_wipe(key);
        rc = rc_fail(RC_LOCKED, "%s", otherwise);
    }
    return rc;
}

enum rc
store_key_seal_slot(struct store_slot *slot, struct id store, const struct secret *key,
                    const struct secret *passphrase, const struct store_key_cost *cost)
{
    struct secret wrapping = SECRET_EMPTY;
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
    rc = crypto_passphrase_key(passphrase, slot->salt, cost->memory_kib, cost->passes, &wrapping);
    if (rc == RC_OK)
        wrap(slot, store, &wrapping, key);
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
    rc = store_key_seal_slot(&slot, slots->store, key, passphrase, cost);
    if (rc == RC_OK)
        slots->slots[slots->count++] = slot;
    return rc;
}

static enum rc
open_slot(const struct store_slot *slot, struct id store, const struct secret *passphrase,
          struct secret *key)
{
    struct secret wrapping = SECRET_EMPTY;
    enum rc rc = crypto_passphrase_key(passphrase, slot->salt, slot->cost.memory_kib,
                                       slot->cost.passes, &wrapping);

    if (rc == RC_OK)
        rc = unwrap(slot, store, &wrapping, _("the passphrase is wrong"), key);
    secret_wipe(&wrapping);
    return rc;
}

enum rc
store_key_find_slot(const struct store_slots *slots, const struct secret *passphrase,
                    struct secret *key, size_t *at)
{
    enum rc rc = rc_fail(RC_LOCKED, _("the store has no passphrase"));

    if (passphrase->len == 0)
        return rc_fail(RC_INVALID, _("the passphrase is empty"));
    for (*at = 0; *at < slots->count; (*at)++) {
        if (slots->slots[*at].kind != STORE_KEY_PASSPHRASE)
            continue;
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

    return store_key_find_slot(slots, passphrase, key, &at);
}

/* --- the recovery sheet -------------------------------------------------------------------------- */

static enum rc
sheet_key(const struct store_slot *slot, const struct secret *sheet, struct secret *wrapping)
{
    return crypto_derive(sheet, "baken recovery", slot->salt, sizeof slot->salt, wrapping,
                         CRYPTO_KEY_BYTES);
}

bool
store_key_has_sheet(const struct store_slots *slots)
{
    bool has = false;

    for (size_t i = 0; i < slots->count; i++)
        has = has || slots->slots[i].kind == STORE_KEY_SHEET;
    return has;
}

enum rc
store_key_open_sheet(const struct store_slots *slots, const struct secret *sheet, struct secret *key)
{
    struct secret wrapping = SECRET_EMPTY;
    enum rc rc = rc_fail(RC_LOCKED, _("no recovery sheet was printed for this store"));

    for (size_t i = 0; i < slots->count && rc == RC_LOCKED; i++) {
        const struct store_slot *slot = &slots->slots[i];
        if (slot->kind != STORE_KEY_SHEET)
            continue;
        rc = sheet_key(slot, sheet, &wrapping);
        if (rc == RC_OK)
            rc = unwrap(slot, slots->store, &wrapping,
                        _("this recovery sheet does not open the store: a newer one was printed, or it is "
                          "another store's"),
                        key);
    }
    secret_wipe(&wrapping);
    return rc;
}

enum rc
store_key_add_sheet(struct store_slots *slots, const struct secret *key, const struct secret *sheet)
{
    struct store_slot slot = {.kind = STORE_KEY_SHEET};
    struct secret wrapping = SECRET_EMPTY;

    if (slots->count == STORE_KEY_SLOTS)
        return rc_fail(RC_TOO_LARGE, _("no slot is free"));
    random_fill(slot.salt, sizeof slot.salt);
    enum rc rc = sheet_key(&slot, sheet, &wrapping);
    if (rc == RC_OK) {
        wrap(&slot, slots->store, &wrapping, key);
        slots->slots[slots->count++] = slot;
    }
    secret_wipe(&wrapping);
    return rc;
}
