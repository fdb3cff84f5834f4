/* The server's signed answers, hello and push; what of boxes is handed back; and the table of errors. */
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/version.h"
#include "sync/wire.h"
#include "sync/writer.h"

#define TIME_MOST_MS                                                                               \
    UINT64_C(253402300799999) /* the year 9999: sums of times stay far below 2^63 */

static const struct {
    const char *name;
    int status;
} ERRORS[WIRE_ERROR_COUNT] = {
    [WIRE_ERROR_NONE] = {"none", 200},
    [WIRE_ERROR_MALFORMED] = {"malformed", 400},
    [WIRE_ERROR_UNSIGNED] = {"unsigned", 401},
    [WIRE_ERROR_SIGNATURE] = {"signature", 401},
    [WIRE_ERROR_CLOCK] = {"clock", 401},
    [WIRE_ERROR_UNKNOWN_DEVICE] = {"unknown_device", 401},
    [WIRE_ERROR_DENIED] = {"denied", 403},
    [WIRE_ERROR_REVOKED] = {"revoked", 403},
    [WIRE_ERROR_UNKNOWN_ROUTE] = {"unknown_route", 404},
    [WIRE_ERROR_UNKNOWN_TEAM] = {"unknown_team", 404},
    [WIRE_ERROR_METHOD] = {"method", 405},
    [WIRE_ERROR_LENGTH_REQUIRED] = {"length_required", 411},
    [WIRE_ERROR_TOO_LARGE] = {"too_large", 413},
    [WIRE_ERROR_MEDIA_TYPE] = {"media_type", 415},
    [WIRE_ERROR_HEADERS_TOO_LARGE] = {"headers_too_large", 431},
    [WIRE_ERROR_TRANSFER_ENCODING] = {"transfer_encoding", 501},
    [WIRE_ERROR_STALE] = {"stale", 409},
    [WIRE_ERROR_EXISTS] = {"exists", 409},
    [WIRE_ERROR_RULE] = {"rule", 409},
    [WIRE_ERROR_USED] = {"used", 410},
    [WIRE_ERROR_EXPIRED] = {"expired", 410},
    [WIRE_ERROR_SLOW_DOWN] = {"slow_down", 429},
    [WIRE_ERROR_STOPPING] = {"stopping", 503},
    [WIRE_ERROR_FULL] = {"full", 507},
};

const char *
wire_error_name(enum wire_error error)
{
    return error < WIRE_ERROR_COUNT ? ERRORS[error].name : "none";
}

int
wire_error_status(enum wire_error error)
{
    return error < WIRE_ERROR_COUNT ? ERRORS[error].status : 500;
}

enum wire_error
wire_error_from_name(const char *name)
{
    for (unsigned i = 1; i < WIRE_ERROR_COUNT; i++)
        if (strcmp(name, ERRORS[i].name) == 0)
            return (enum wire_error)i;
    return WIRE_ERROR_NONE;
}

/* Signs what was written and appends the signature. */
static void
sign(struct writer *writer, const struct secret *server_key, const char *context)
{
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];

    if (writer->rc != RC_OK)
        return;
    writer->rc = crypto_sign_message(server_key, context, writer_begin(writer), writer_len(writer),
                                     signature);
    writer_bytes(writer, signature, sizeof signature);
}

enum rc
wire_hello_encode(const struct wire_hello *hello, const struct secret *server_key, struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_u8(&writer, WIRE_FORMAT);
    writer_u64(&writer, hello->time_ms);
    writer_bytes(&writer, hello->server_public, sizeof hello->server_public);
    writer_bytes(&writer, hello->nonce, sizeof hello->nonce);
    writer_u32(&writer, hello->entry_bytes);
    writer_u32(&writer, hello->body_bytes);
    writer_text(&writer, hello->version);
    writer_u8(&writer, hello->has_team);
    if (hello->has_team) {
        writer_bytes(&writer, hello->team, sizeof hello->team);
        writer_u64(&writer, hello->position);
        writer_bytes(&writer, hello->line_hash, sizeof hello->line_hash);
    }
    sign(&writer, server_key, "baken hello 1");
    return writer_finish(&writer);
}

enum rc
wire_hello_decode(const void *bytes, size_t len, struct wire_hello *hello)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
    uint8_t format = reader_u8(&reader);

    *hello = (struct wire_hello){.time_ms = reader_u64(&reader)};
    if (!reader.failed && format != WIRE_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("the server speaks format %u, newer than ours"), format);
    if (hello->time_ms > TIME_MOST_MS)
        reader.failed = true;
    reader_copy(&reader, hello->server_public, sizeof hello->server_public);
    reader_copy(&reader, hello->nonce, sizeof hello->nonce);
    hello->entry_bytes = reader_u32(&reader);
    hello->body_bytes = reader_u32(&reader);
    reader_ascii(&reader, WIRE_VERSION_CHARS, hello->version);
    uint8_t has_team = reader_u8(&reader);
    if (has_team > 1)
        reader.failed = true;
    hello->has_team = has_team == 1;
    if (hello->has_team) {
        reader_copy(&reader, hello->team, sizeof hello->team);
        hello->position = reader_u64(&reader);
        reader_copy(&reader, hello->line_hash, sizeof hello->line_hash);
    }
    reader_copy(&reader, signature, sizeof signature);
    enum rc rc = reader_finish(&reader, _("the server's greeting"));
    if (rc != RC_OK)
        return rc;
    if (!crypto_verify(hello->server_public, "baken hello 1", bytes, len - sizeof signature,
                       signature))
        return rc_fail(RC_UNTRUSTED, _("the signature of the server's greeting does not hold"));
    return RC_OK;
}

void
wire_push_answer_wipe(struct wire_push_answer *answer)
{
    free(answer->items);
    *answer = WIRE_PUSH_ANSWER_EMPTY;
}

enum rc
wire_push_answer_encode(const struct wire_push_answer *answer, const struct secret *server_key,
                        struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_u8(&writer, WIRE_FORMAT);
    writer_bytes(&writer, answer->request, sizeof answer->request);
    writer_u64(&writer, answer->time_ms);
    writer_u64(&writer, answer->position);
    writer_varint(&writer, answer->count);
    for (size_t i = 0; i < answer->count; i++) {
        writer_u8(&writer, answer->items[i].result);
        writer_u8(&writer, answer->items[i].reason);
    }
    sign(&writer, server_key, "baken pushed 1");
    return writer_finish(&writer);
}

static enum rc
read_push_items(struct reader *reader, struct wire_push_answer *answer)
{
    answer->count = (size_t)reader_count(reader, reader_left(reader) / 2);
    if (answer->count == 0)
        return RC_OK;
    answer->items = calloc(answer->count, sizeof *answer->items);
    if (answer->items == NULL)
        return rc_nomem();
    for (size_t i = 0; i < answer->count; i++) {
        struct wire_push_item *item = &answer->items[i];
        item->result = reader_u8(reader);
        item->reason = reader_u8(reader);
        if (item->result > WIRE_PUSH_REFUSED || item->reason >= WIRE_REASON_COUNT ||
            (item->result == WIRE_PUSH_REFUSED) != (item->reason != WIRE_REASON_NONE))
            reader->failed = true;
    }
    return RC_OK;
}

enum rc
wire_push_answer_decode(const void *bytes, size_t len, const uint8_t *server_public,
                        const uint8_t *request_hash, struct wire_push_answer *answer)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
    uint8_t format = reader_u8(&reader);

    wire_push_answer_wipe(answer);
    if (!reader.failed && format != WIRE_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("the server speaks format %u, newer than ours"), format);
    reader_copy(&reader, answer->request, sizeof answer->request);
    answer->time_ms = reader_u64(&reader);
    answer->position = reader_u64(&reader);
    enum rc rc = read_push_items(&reader, answer);
    if (rc != RC_OK)
        return rc;
    reader_copy(&reader, signature, sizeof signature);
    rc = reader_finish(&reader, _("the answer to a push"));
    if (rc != RC_OK)
        return rc;
    if (!crypto_verify(server_public, "baken pushed 1", bytes, len - sizeof signature, signature))
        return rc_fail(RC_UNTRUSTED, _("the signature of the answer to a push does not hold"));
    if (memcmp(answer->request, request_hash, CRYPTO_HASH_BYTES) != 0)
        return rc_fail(RC_UNTRUSTED, _("the answer belongs to another push"));
    return RC_OK;
}

/* ---- boxes that are handed back ---- */

enum { NAME_BYTES = 36 }; /* stream, epoch, recipient */

enum rc
wire_box_names_encode(const struct wire_boxes *boxes, struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_varint(&writer, boxes->count);
    for (size_t i = 0; i < boxes->count; i++) {
        writer_id(&writer, boxes->items[i].stream);
        writer_u32(&writer, boxes->items[i].epoch);
        writer_id(&writer, boxes->items[i].recipient);
    }
    return writer_finish(&writer);
}

enum rc
wire_box_names_decode(const void *bytes, size_t len, struct wire_boxes *boxes)
{
    struct reader reader = reader_of(bytes, len);
    uint64_t most = reader_left(&reader) / NAME_BYTES;
    uint64_t count = reader_count(&reader, most < WIRE_LACKING_BOXES ? most : WIRE_LACKING_BOXES);
    enum rc rc = RC_OK;

    boxes->count = 0;
    for (uint64_t i = 0; rc == RC_OK && i < count; i++) {
        struct wire_box box = {.stream = reader_id(&reader)};
        box.epoch = reader_u32(&reader);
        box.recipient = reader_id(&reader);
        rc = wire_boxes_add(boxes, &box);
    }
    return rc == RC_OK ? reader_finish(&reader, _("the list of lacking key boxes")) : rc;
}

enum rc
wire_boxes_decode(const void *bytes, size_t len, struct wire_boxes *boxes)
{
    struct reader reader = reader_of(bytes, len);
    enum rc rc = wire_boxes_get(&reader, boxes);

    if (rc == RC_OK)
        rc = reader_finish(&reader, _("the key boxes"));
    return rc == RC_OK && boxes->count > WIRE_LACKING_BOXES ? rc_fail(RC_CORRUPT, _("too many key boxes at a time")) : rc;
}
