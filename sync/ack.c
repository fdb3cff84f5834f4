/* Acknowledgements: what a device has applied, signed. */
#include "sync/ack.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "core/version.h"
#include "sync/writer.h"

enum {
    FEED_BYTES = 16 + 8 + 4,
    STREAM_LEAST_BYTES = 16 + 32 + 1,
    STREAM_MOST_BYTES = STREAM_LEAST_BYTES + 1 + ACK_MAX_FEEDS * FEED_BYTES,
    AROUND_BYTES = 1 + 32 + 16 + 4 * 8 + 32 + 2 + 64,
};

void
ack_wipe(struct ack *ack)
{
    for (size_t i = 0; i < ack->stream_count; i++)
        free(ack->streams[i].feeds);
    free(ack->streams);
    *ack = ACK_EMPTY;
}

enum rc
ack_add_stream(struct ack *ack, struct id stream, const uint8_t *digest)
{
    if (ack->stream_count >= ACK_MAX_STREAMS)
        return rc_fail(RC_TOO_LARGE, _("more than %d streams"), ACK_MAX_STREAMS);
    if (ack->stream_count > 0 &&
        id_compare(ack->streams[ack->stream_count - 1].stream, stream) >= 0)
        return rc_fail(RC_INVALID, _("streams out of order"));

    struct ack_stream *streams = array_one_more(ack->streams, ack->stream_count, sizeof *streams);
    if (streams == NULL)
        return RC_NOMEM;
    ack->streams = streams;
    struct ack_stream *added = &streams[ack->stream_count++];
    *added = (struct ack_stream){.stream = stream};
    memcpy(added->digest, digest, sizeof added->digest);
    return RC_OK;
}

enum rc
ack_add_feed(struct ack *ack, struct ack_feed feed)
{
    if (ack->stream_count == 0)
        return rc_fail(RC_INVALID, _("a feed without a stream"));

    struct ack_stream *stream = &ack->streams[ack->stream_count - 1];
    if (stream->feed_count >= ACK_MAX_FEEDS)
        return rc_fail(RC_TOO_LARGE, _("more than %d feeds"), ACK_MAX_FEEDS);
    if (stream->feed_count > 0) {
        const struct ack_feed *before = &stream->feeds[stream->feed_count - 1];
        int order = id_compare(before->device, feed.device);
        if (order > 0 || (order == 0 && before->incarnation >= feed.incarnation))
            return rc_fail(RC_INVALID, _("feeds out of order"));
    }
    struct ack_feed *feeds = array_one_more(stream->feeds, stream->feed_count, sizeof *feeds);
    if (feeds == NULL)
        return RC_NOMEM;
    stream->feeds = feeds;
    feeds[stream->feed_count++] = feed;
    return RC_OK;
}

bool
ack_has_room(const struct ack *ack)
{
    size_t bytes = AROUND_BYTES + STREAM_MOST_BYTES;

    for (size_t i = 0; i < ack->stream_count; i++)
        bytes += STREAM_LEAST_BYTES + 1 + ack->streams[i].feed_count * FEED_BYTES;
    return ack->stream_count < ACK_MAX_STREAMS && bytes <= ACK_MAX_BYTES;
}

enum rc
ack_encode(const struct ack *ack, const struct identity *author, struct buf *out)
{
    struct writer writer = writer_of(out);
    uint8_t signature[CRYPTO_SIGNATURE_BYTES] = {0};

    if (!id_equal(ack->device, author->device))
        return rc_fail(RC_INVALID, _("an acknowledgement in another's name"));
    writer_u8(&writer, ACK_FORMAT);
    writer_bytes(&writer, ack->team, sizeof ack->team);
    writer_id(&writer, ack->device);
    writer_u64(&writer, ack->incarnation);
    writer_u64(&writer, ack->number);
    writer_u64(&writer, ack->created_ms);
    writer_u64(&writer, ack->position);
    writer_bytes(&writer, ack->line_hash, sizeof ack->line_hash);
    writer_varint(&writer, ack->stream_count);
    for (size_t i = 0; i < ack->stream_count; i++) {
        const struct ack_stream *stream = &ack->streams[i];
        writer_id(&writer, stream->stream);
        writer_bytes(&writer, stream->digest, sizeof stream->digest);
        writer_varint(&writer, stream->feed_count);
        for (size_t k = 0; k < stream->feed_count; k++) {
            writer_id(&writer, stream->feeds[k].device);
            writer_u64(&writer, stream->feeds[k].incarnation);
            writer_u32(&writer, stream->feeds[k].last);
        }
    }
    if (writer.rc == RC_OK)
        writer.rc = identity_sign(author, "baken ack 1", writer_begin(&writer), writer_len(&writer),
                                  signature);
    writer_bytes(&writer, signature, sizeof signature);
    return writer_finish(&writer);
}

static enum rc
read_stream(struct reader *reader, struct ack *ack)
{
    uint8_t digest[CRYPTO_HASH_BYTES];
    struct id stream = reader_id(reader);

    reader_copy(reader, digest, sizeof digest);
    uint64_t ceiling = reader_left(reader) / FEED_BYTES;
    uint64_t count = reader_count(reader, ceiling < ACK_MAX_FEEDS ? ceiling : ACK_MAX_FEEDS);
    if (reader->failed)
        return RC_OK; /* the caller's reader_finish says so */
    enum rc rc = ack_add_stream(ack, stream, digest);
    for (uint64_t i = 0; i < count && rc == RC_OK && !reader->failed; i++) {
        struct ack_feed feed = {.device = reader_id(reader)};
        feed.incarnation = reader_u64(reader);
        feed.last = reader_u32(reader);
        rc = ack_add_feed(ack, feed);
    }
    return rc;
}

enum rc
ack_decode(const void *bytes, size_t len, struct ack *ack)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t format = reader_u8(&reader);

    ack_wipe(ack);
    if (!reader.failed && format != ACK_FORMAT)
        return rc_fail(RC_UNSUPPORTED,
                       _("an acknowledgement of format %u, made by a newer program"), format);
    reader_copy(&reader, ack->team, sizeof ack->team);
    ack->device = reader_id(&reader);
    ack->incarnation = reader_u64(&reader);
    ack->number = reader_u64(&reader);
    ack->created_ms = reader_u64(&reader);
    ack->position = reader_u64(&reader);
    reader_copy(&reader, ack->line_hash, sizeof ack->line_hash);
    uint64_t ceiling = reader_left(&reader) / STREAM_LEAST_BYTES;
    uint64_t count = reader_count(&reader, ceiling < ACK_MAX_STREAMS ? ceiling : ACK_MAX_STREAMS);
    for (uint64_t i = 0; i < count && !reader.failed; i++) {
        enum rc rc = read_stream(&reader, ack);
        if (rc != RC_OK) {
            ack_wipe(ack);
            return rc == RC_INVALID ? rc_fail(RC_CORRUPT, _("the acknowledgement is out of order"))
                                    : rc;
        }
    }
    (void)reader_bytes(&reader, CRYPTO_SIGNATURE_BYTES);
    enum rc rc = reader_finish(&reader, _("the acknowledgement"));
    if (rc != RC_OK)
        ack_wipe(ack);
    return rc;
}

bool
ack_verify(const void *bytes, size_t len, const uint8_t *sign_public)
{
    if (len < CRYPTO_SIGNATURE_BYTES)
        return false;
    size_t signed_len = len - CRYPTO_SIGNATURE_BYTES;
    return crypto_verify(sign_public, "baken ack 1", bytes, signed_len,
                         (const uint8_t *)bytes + signed_len);
}

void
ack_digest_start(struct ack_digest *digest)
{
    crypto_hash_start(&digest->hash, "baken digest 1");
}

void
ack_digest_add(struct ack_digest *digest, struct id device, uint64_t incarnation, uint32_t last,
               const uint8_t header_hash[CRYPTO_HASH_BYTES])
{
    uint8_t numbers[12];

    for (unsigned i = 0; i < 8; i++)
        numbers[i] = (uint8_t)(incarnation >> (56 - 8 * i));
    for (unsigned i = 0; i < 4; i++)
        numbers[8 + i] = (uint8_t)(last >> (24 - 8 * i));
    crypto_hash_add(&digest->hash, device.bytes, ID_BYTES);
    crypto_hash_add(&digest->hash, numbers, sizeof numbers);
    crypto_hash_add(&digest->hash, header_hash, CRYPTO_HASH_BYTES);
}

void
ack_digest_end(struct ack_digest *digest, uint8_t out[CRYPTO_HASH_BYTES])
{
    crypto_hash_end(&digest->hash, out);
}
