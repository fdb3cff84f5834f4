/* The sealed container that travels without a server. The layout is drawn in docs/PROTOCOL.md, section 10. */
#include "sync/bundle.h"

#include <string.h>

#include "core/i18n.h"
#include "core/version.h"
#include "sync/writer.h"

enum {
    MAGIC_BYTES = 8,
    BOX_BYTES = CRYPTO_KEY_BYTES + CRYPTO_BOX_EXTRA_BYTES,
    HEAD_BYTES = MAGIC_BYTES + 1 + CRYPTO_HASH_BYTES + 2 * ID_BYTES + 8,
    AD_BYTES = CRYPTO_CONTEXT_BYTES + HEAD_BYTES,
};

static const char MAGIC[] = "BAKENBDL";
static const char CONTEXT[CRYPTO_CONTEXT_BYTES] = "baken bundle 1";

/* The associated data: the context, then everything up to the box. */
static void
associate(const uint8_t *head, uint8_t ad[AD_BYTES])
{
    memcpy(ad, CONTEXT, CRYPTO_CONTEXT_BYTES);
    memcpy(ad + CRYPTO_CONTEXT_BYTES, head, HEAD_BYTES);
}

/* Seals `content` at the end of what was written. */
static void
put_sealed(struct writer *writer, const struct secret *key, const uint8_t *nonce,
           const struct buf *content)
{
    uint8_t ad[AD_BYTES];
    uint8_t *room;

    writer_u64(writer, content->len + CRYPTO_TAG_BYTES);
    if (writer->rc != RC_OK)
        return;
    writer->rc = buf_extend(writer->buf, content->len + CRYPTO_TAG_BYTES, &room);
    if (writer->rc != RC_OK)
        return;
    associate(writer_begin(writer), ad);
    crypto_seal(key->bytes, nonce, ad, sizeof ad, content->data, content->len, room);
}

enum rc
bundle_seal(const struct bundle_head *head, const struct identity *author,
            const uint8_t *to_box_public, const struct buf *content, struct buf *out)
{
    struct writer writer = writer_of(out);
    struct secret key = SECRET_EMPTY;
    uint8_t box[BOX_BYTES];
    uint8_t nonce[CRYPTO_NONCE_BYTES];
    uint8_t signature[CRYPTO_SIGNATURE_BYTES] = {0};
    enum rc rc;

    if (!id_equal(head->from, author->device))
        return rc_fail(RC_INVALID, _("a bundle in another's name"));
    if (content->len > BUNDLE_MAX_BYTES - 1024)
        return rc_fail(RC_TOO_LARGE, _("a bundle of more than %d bytes"), BUNDLE_MAX_BYTES);
    rc = secret_random(&key, CRYPTO_KEY_BYTES);
    if (rc == RC_OK)
        rc = crypto_box_put(to_box_public, key.bytes, key.len, box);
    if (rc != RC_OK)
        goto out;
    random_fill(nonce, sizeof nonce);
    writer_bytes(&writer, MAGIC, MAGIC_BYTES);
    writer_u8(&writer, BUNDLE_FORMAT);
    writer_bytes(&writer, head->team, sizeof head->team);
    writer_id(&writer, head->from);
    writer_id(&writer, head->to);
    writer_u64(&writer, head->created_ms);
    writer_block(&writer, box, sizeof box);
    writer_bytes(&writer, nonce, sizeof nonce);
    put_sealed(&writer, &key, nonce, content);
    if (writer.rc == RC_OK)
        writer.rc = identity_sign(author, "baken bundle 1", writer_begin(&writer),
                                  writer_len(&writer), signature);
    writer_bytes(&writer, signature, sizeof signature);
    rc = writer_finish(&writer);
out:
    secret_wipe(&key);
    return rc;
}

static enum rc
read_head(struct reader *reader, struct bundle_head *head)
{
    const uint8_t *magic = reader_bytes(reader, MAGIC_BYTES);
    uint8_t format = reader_u8(reader);

    if (magic == NULL || memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
        return rc_fail(RC_CORRUPT, _("the file is not a bundle"));
    if (!reader->failed && format != BUNDLE_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("a bundle of format %u, made by a newer program"), format);
    reader_copy(reader, head->team, sizeof head->team);
    head->from = reader_id(reader);
    head->to = reader_id(reader);
    head->created_ms = reader_u64(reader);
    return reader->failed ? rc_fail(RC_CORRUPT, _("the bundle is cut short")) : RC_OK;
}

enum rc
bundle_peek(const void *bytes, size_t len, struct bundle_head *head)
{
    struct reader reader = reader_of(bytes, len);

    return read_head(&reader, head);
}

static enum rc
open_sealed(const uint8_t *head, const struct secret *key, const uint8_t *nonce,
            const struct reader *sealed, struct buf *content)
{
    uint8_t ad[AD_BYTES];
    uint8_t *room;
    size_t len = reader_left(sealed);

    enum rc rc = buf_extend(content, len - CRYPTO_TAG_BYTES, &room);
    if (rc != RC_OK)
        return rc;
    associate(head, ad);
    if (!crypto_open(key->bytes, nonce, ad, sizeof ad, sealed->at, len, room)) {
        buf_clear(content);
        return rc_fail(RC_CORRUPT, _("the seal of the bundle does not hold"));
    }
    return RC_OK;
}

enum rc
bundle_open(const void *bytes, size_t len, const struct identity *reader,
            const uint8_t *from_sign_public, struct buf *content)
{
    struct reader walk = reader_of(bytes, len);
    struct secret key = SECRET_EMPTY;
    struct bundle_head head;
    uint8_t nonce[CRYPTO_NONCE_BYTES];
    size_t box_len;
    enum rc rc;

    buf_clear(content);
    if (len > BUNDLE_MAX_BYTES)
        return rc_fail(RC_TOO_LARGE, _("a bundle of more than %d bytes"), BUNDLE_MAX_BYTES);
    rc = read_head(&walk, &head);
    if (rc != RC_OK)
        return rc;
    const uint8_t *box = reader_block(&walk, BOX_BYTES, &box_len);
    reader_copy(&walk, nonce, sizeof nonce);
    uint64_t sealed_len = reader_u64(&walk);
    if (sealed_len < CRYPTO_TAG_BYTES || sealed_len > reader_left(&walk))
        walk.failed = true;
    const uint8_t *sealed = reader_bytes(&walk, (size_t)(walk.failed ? 0 : sealed_len));
    const uint8_t *signature = reader_bytes(&walk, CRYPTO_SIGNATURE_BYTES);
    rc = reader_finish(&walk, _("the bundle"));
    if (rc != RC_OK)
        return rc;
    if (!crypto_verify(from_sign_public, "baken bundle 1", bytes, len - CRYPTO_SIGNATURE_BYTES,
                       signature))
        return rc_fail(RC_UNTRUSTED, _("the signature of the bundle does not hold"));
    if (!id_equal(head.to, reader->device))
        return rc_fail(RC_DENIED, _("the bundle is for another device"));
    rc = identity_open_box(reader, box, box_len, &key);
    if (rc == RC_OK && key.len != CRYPTO_KEY_BYTES)
        rc = rc_fail(RC_CORRUPT, _("the key of the bundle has a wrong length"));
    struct reader inside = reader_of(sealed, (size_t)sealed_len);
    if (rc == RC_OK)
        rc = open_sealed(bytes, &key, nonce, &inside, content);
    secret_wipe(&key);
    return rc;
}
