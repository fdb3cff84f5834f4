/* One entry: saves first..last of a feed, signed and sealed. The layout is drawn in docs/PROTOCOL.md, section 5. */
#include "sync/entry.h"

#include <string.h>

#include "core/i18n.h"
#include "core/version.h"
#include "sync/pack.h"
#include "sync/writer.h"

static uint8_t *
put_big_endian(uint8_t *at, uint64_t value, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    return at + len;
}

static uint8_t *
put_bytes(uint8_t *at, const uint8_t *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

void
entry_header(const struct entry *entry, uint8_t header[ENTRY_HEADER_BYTES])
{
    uint8_t *at = header;

    *at++ = ENTRY_FORMAT;
    at = put_bytes(at, entry->stream.bytes, ID_BYTES);
    at = put_bytes(at, entry->device.bytes, ID_BYTES);
    at = put_big_endian(at, entry->incarnation, 8);
    at = put_big_endian(at, entry->first, 4);
    at = put_big_endian(at, entry->last, 4);
    at = put_bytes(at, entry->previous, CRYPTO_HASH_BYTES);
    at = put_big_endian(at, entry->epoch, 4);
    at = put_big_endian(at, entry->position, 8);
    at = put_bytes(at, entry->position_hash, CRYPTO_HASH_BYTES);
    at = put_bytes(at, entry->nonce, CRYPTO_NONCE_BYTES);
    at = put_big_endian(at, entry->ciphertext_len, 4);
    (void)put_bytes(at, entry->ciphertext_hash, CRYPTO_HASH_BYTES);
}

void
entry_rehash(struct entry *entry)
{
    uint8_t header[ENTRY_HEADER_BYTES];

    entry_header(entry, header);
    crypto_hash_once("baken header 1", header, sizeof header, entry->hash);
}

static bool
saves_are_possible(const struct entry *entry)
{
    static const uint8_t zeros[CRYPTO_HASH_BYTES];

    return entry->first >= 1 && entry->last >= entry->first &&
           entry->last - entry->first < CHANGE_SAVES && entry->incarnation != 0 &&
           entry->epoch >= 1 && entry->position >= 1 &&
           (entry->first == 1) == (memcmp(entry->previous, zeros, sizeof zeros) == 0);
}

enum rc
entry_header_decode(const void *bytes, size_t len, struct entry *entry)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t format = reader_u8(&reader);

    *entry = (struct entry){.ciphertext = NULL};
    if (!reader.failed && format != ENTRY_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("an entry of format %u, made by a newer program"), format);
    entry->stream = reader_id(&reader);
    entry->device = reader_id(&reader);
    entry->incarnation = reader_u64(&reader);
    entry->first = reader_u32(&reader);
    entry->last = reader_u32(&reader);
    reader_copy(&reader, entry->previous, sizeof entry->previous);
    entry->epoch = reader_u32(&reader);
    entry->position = reader_u64(&reader);
    reader_copy(&reader, entry->position_hash, sizeof entry->position_hash);
    reader_copy(&reader, entry->nonce, sizeof entry->nonce);
    entry->ciphertext_len = reader_u32(&reader);
    reader_copy(&reader, entry->ciphertext_hash, sizeof entry->ciphertext_hash);
    if (!saves_are_possible(entry) || entry->ciphertext_len < CRYPTO_TAG_BYTES ||
        entry->ciphertext_len > ENTRY_CIPHERTEXT_MAX_BYTES)
        reader.failed = true;

    enum rc rc = reader_finish(&reader, _("the entry's header"));
    if (rc == RC_OK)
        entry_rehash(entry);
    return rc;
}

bool
entry_verify(const struct entry *entry, const uint8_t *sign_public)
{
    uint8_t header[ENTRY_HEADER_BYTES];

    entry_header(entry, header);
    return crypto_verify(sign_public, "baken entry 1", header, sizeof header, entry->signature);
}

size_t
entry_verify_run(const struct entry *entries, size_t count, const uint8_t *sign_public)
{
    if (count == 0 || entry_verify(&entries[count - 1], sign_public))
        return count;
    for (size_t i = 0; i < count; i++)
        if (!entry_verify(&entries[i], sign_public))
            return i;
    return count;
}

bool
entry_body_fits(const struct entry *entry)
{
    uint8_t hash[CRYPTO_HASH_BYTES];

    if (entry->ciphertext == NULL)
        return true;
    crypto_hash_plain(entry->ciphertext, entry->ciphertext_len, hash);
    return memcmp(hash, entry->ciphertext_hash, sizeof hash) == 0;
}

enum rc
entry_seal(struct entry *entry, const struct identity *author, const struct secret *epoch_key,
           const struct buf *body, struct buf *ciphertext)
{
    uint8_t header[ENTRY_HEADER_BYTES];
    enum rc rc;

    if (!saves_are_possible(entry) || epoch_key->len != CRYPTO_KEY_BYTES)
        return rc_fail(RC_INVALID, _("an entry with impossible saves or key"));
    buf_clear(ciphertext);
    rc = pack_put(body->data, body->len, CHANGE_BODY_BYTES, ciphertext);
    if (rc != RC_OK)
        goto out;
    size_t plain_len = ciphertext->len;
    rc = buf_put_zeros(ciphertext, CRYPTO_TAG_BYTES);
    if (rc != RC_OK)
        goto out;

    entry->device = author->device;
    random_fill(entry->nonce, sizeof entry->nonce);
    entry_header(entry, header);
    crypto_seal(epoch_key->bytes, entry->nonce, header, ENTRY_FRONT_BYTES, ciphertext->data,
                plain_len, ciphertext->data);
    entry->ciphertext = ciphertext->data;
    entry->ciphertext_len = (uint32_t)ciphertext->len;
    crypto_hash_plain(ciphertext->data, ciphertext->len, entry->ciphertext_hash);
    entry_rehash(entry);
    entry_header(entry, header);
    rc = identity_sign(author, "baken entry 1", header, sizeof header, entry->signature);
out:
    if (rc != RC_OK) {
        buf_clear(ciphertext); /* it may still hold plain text */
        entry->ciphertext = NULL;
    }
    return rc;
}

enum rc
entry_open(const struct entry *entry, const struct secret *epoch_key, struct buf *body)
{
    struct buf padded = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
    uint8_t header[ENTRY_HEADER_BYTES];
    uint8_t *room;
    enum rc rc;

    buf_clear(body);
    if (entry->ciphertext == NULL)
        return rc_fail(RC_ABSENT, _("the body of the entry is gone"));
    if (entry->ciphertext_len < CRYPTO_TAG_BYTES || epoch_key->len != CRYPTO_KEY_BYTES)
        return rc_fail(RC_CORRUPT, _("the entry is too short"));
    rc = buf_extend(&padded, entry->ciphertext_len - CRYPTO_TAG_BYTES, &room);
    if (rc != RC_OK)
        goto out;
    entry_header(entry, header);
    if (!crypto_open(epoch_key->bytes, entry->nonce, header, ENTRY_FRONT_BYTES, entry->ciphertext,
                     entry->ciphertext_len, room)) {
        rc = rc_fail(RC_CORRUPT, _("the seal of the entry does not hold"));
        goto out;
    }
    rc = pack_get(padded.data, padded.len, CHANGE_BODY_BYTES, body);
out:
    buf_wipe(&padded); /* families' data, in the clear */
    return rc;
}
