/* Epoch keys in memory: which seals, which opens. The boxes that hand them round are keyring_box.c. */
#include "sync/keyring.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "sync/keyring_place.h"

struct slot {
    struct id stream;
    uint32_t epoch;
    uint8_t nonce[CRYPTO_NONCE_BYTES];
    uint8_t sealed[CRYPTO_KEY_BYTES + CRYPTO_TAG_BYTES];
};

struct keyring {
    struct secret sealing; /* what the keys lie sealed under */
    struct slot *slots;  /* ascending by (stream, epoch) */
    size_t count;
    size_t room;
    uint64_t changes;
};

enum rc
keyring_new_under(const struct secret *sealing, struct keyring **keyring)
{
    *keyring = calloc(1, sizeof **keyring);
    if (*keyring == NULL)
        return rc_nomem();
    enum rc rc = secret_copy(&(*keyring)->sealing, sealing->bytes, sealing->len);
    if (rc != RC_OK) {
        free(*keyring);
        *keyring = NULL;
    }
    return rc;
}

enum rc
keyring_new(struct keyring **keyring)
{
    struct secret sealing = SECRET_EMPTY;
    enum rc rc = secret_random(&sealing, CRYPTO_KEY_BYTES);

    *keyring = NULL;
    if (rc == RC_OK)
        rc = keyring_new_under(&sealing, keyring);
    secret_wipe(&sealing);
    return rc;
}

void
keyring_free(struct keyring *keyring)
{
    if (keyring == NULL)
        return;
    secret_wipe(&keyring->sealing);
    free(keyring->slots);
    free(keyring);
}

static size_t
rank_of(const struct keyring *keyring, struct id stream, uint32_t epoch, bool *found)
{
    size_t low = 0;
    size_t high = keyring->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct slot *slot = &keyring->slots[middle];
        int order = id_compare(slot->stream, stream);
        if (order == 0)
            order = (slot->epoch > epoch) - (slot->epoch < epoch);
        *found = *found || order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum rc
unseal(const struct keyring *keyring, const struct slot *slot, struct secret *key)
{
    uint8_t place[KEYRING_PLACE_BYTES];
    enum rc rc = secret_make(key, CRYPTO_KEY_BYTES);

    if (rc != RC_OK)
        return rc;
    keyring_place(slot->stream, slot->epoch, place);
    if (!crypto_open(keyring->sealing.bytes, slot->nonce, place, sizeof place, slot->sealed,
                     sizeof slot->sealed, key->bytes)) {
        secret_wipe(key);
        return rc_fail(RC_CORRUPT, _("the key of epoch %u is damaged"), slot->epoch);
    }
    return RC_OK;
}

enum rc
keyring_get(const struct keyring *keyring, struct id stream, uint32_t epoch, struct secret *key)
{
    bool found;
    size_t rank = rank_of(keyring, stream, epoch, &found);

    secret_wipe(key);
    if (!found)
        return rc_fail(RC_LOCKED, _("the key of epoch %u is not here"), epoch);
    return unseal(keyring, &keyring->slots[rank], key);
}

static enum rc
compare_stored(const struct keyring *keyring, size_t rank, const struct secret *key)
{
    struct secret stored = SECRET_EMPTY;
    enum rc rc = unseal(keyring, &keyring->slots[rank], &stored);

    if (rc == RC_OK && !secret_equal(&stored, key))
        rc = rc_fail(RC_EXISTS, _("another key of that epoch is here"));
    secret_wipe(&stored);
    return rc;
}

/* Makes room at that rank; NULL when memory ran out. */
static struct slot *
insert(struct keyring *keyring, size_t rank)
{
    struct slot *slots =
        array_grow(keyring->slots, &keyring->room, keyring->count + 1, sizeof *slots);

    if (slots == NULL)
        return NULL;
    keyring->slots = slots;
    memmove(&slots[rank + 1], &slots[rank], (keyring->count - rank) * sizeof *slots);
    keyring->count++;
    keyring->changes++;
    return &slots[rank];
}

enum rc
keyring_put(struct keyring *keyring, struct id stream, uint32_t epoch, const struct secret *key)
{
    uint8_t place[KEYRING_PLACE_BYTES];
    bool found;
    size_t rank = rank_of(keyring, stream, epoch, &found);

    if (key->len != CRYPTO_KEY_BYTES || epoch == 0)
        return rc_fail(RC_INVALID, _("a key that cannot be"));
    if (found)
        return compare_stored(keyring, rank, key);
    struct slot *slot = insert(keyring, rank);
    if (slot == NULL)
        return RC_NOMEM;
    *slot = (struct slot){.stream = stream, .epoch = epoch};
    random_fill(slot->nonce, sizeof slot->nonce);
    keyring_place(stream, epoch, place);
    crypto_seal(keyring->sealing.bytes, slot->nonce, place, sizeof place, key->bytes, key->len,
                slot->sealed);
    return RC_OK;
}

enum rc
keyring_put_sealed(struct keyring *keyring, struct id stream, uint32_t epoch,
                   const uint8_t sealed[KEYRING_SEALED_BYTES])
{
    bool found;
    size_t rank = rank_of(keyring, stream, epoch, &found);

    if (found)
        return rc_fail(RC_EXISTS, _("another key of that epoch is here"));
    struct slot *slot = insert(keyring, rank);
    if (slot == NULL)
        return RC_NOMEM;
    *slot = (struct slot){.stream = stream, .epoch = epoch};
    memcpy(slot->nonce, sealed, sizeof slot->nonce);
    memcpy(slot->sealed, sealed + sizeof slot->nonce, sizeof slot->sealed);
    return RC_OK;
}

bool
keyring_has(const struct keyring *keyring, struct id stream, uint32_t epoch)
{
    bool found;

    (void)rank_of(keyring, stream, epoch, &found);
    return found;
}

uint32_t
keyring_newest(const struct keyring *keyring, struct id stream)
{
    bool found;
    size_t end = rank_of(keyring, stream, UINT32_MAX, &found);

    if (found)
        return UINT32_MAX;
    return end > 0 && id_equal(keyring->slots[end - 1].stream, stream)
               ? keyring->slots[end - 1].epoch
               : 0;
}

void
keyring_drop(struct keyring *keyring, struct id stream)
{
    size_t kept = 0;

    for (size_t i = 0; i < keyring->count; i++)
        if (!id_equal(keyring->slots[i].stream, stream))
            keyring->slots[kept++] = keyring->slots[i];
    if (kept < keyring->count) {
        wipe(&keyring->slots[kept], (keyring->count - kept) * sizeof *keyring->slots);
        keyring->changes++;
    }
    keyring->count = kept;
}

size_t
keyring_find(const struct keyring *keyring, struct id stream, size_t *first)
{
    bool found;

    *first = rank_of(keyring, stream, 0, &found); /* no epoch is 0 */
    size_t end = rank_of(keyring, stream, UINT32_MAX, &found);
    return end + (found ? 1 : 0) - *first;
}

uint64_t
keyring_changes(const struct keyring *keyring)
{
    return keyring->changes;
}

size_t
keyring_count(const struct keyring *keyring)
{
    return keyring->count;
}

enum rc
keyring_at(const struct keyring *keyring, size_t index, struct id *stream, uint32_t *epoch,
           struct secret *key)
{
    if (index >= keyring->count)
        return rc_fail(RC_ABSENT, _("there are only %zu keys"), keyring->count);
    *stream = keyring->slots[index].stream;
    *epoch = keyring->slots[index].epoch;
    return unseal(keyring, &keyring->slots[index], key);
}

void
keyring_sealed_at(const struct keyring *keyring, size_t index, struct id *stream, uint32_t *epoch,
                  uint8_t sealed[KEYRING_SEALED_BYTES])
{
    const struct slot *slot = &keyring->slots[index];

    *stream = slot->stream;
    *epoch = slot->epoch;
    memcpy(sealed, slot->nonce, sizeof slot->nonce);
    memcpy(sealed + sizeof slot->nonce, slot->sealed, sizeof slot->sealed);
}

enum rc
keyring_merge(struct keyring *keyring, const struct keyring *fresh)
{
    struct secret key = SECRET_EMPTY;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < fresh->count && rc == RC_OK; i++) {
        rc = unseal(fresh, &fresh->slots[i], &key);
        if (rc == RC_OK)
            rc = keyring_put(keyring, fresh->slots[i].stream, fresh->slots[i].epoch, &key);
    }
    secret_wipe(&key);
    return rc;
}
