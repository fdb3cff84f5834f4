/* Compress and pad a body, so that its length tells little. */
#include "sync/pack.h"

#include <string.h>
#include <zstd.h>

#include "core/i18n.h"
#include "sync/writer.h"

/*
 * 0 u8 dictionary = 0 | 1 u8 codec | 2 u32 coded length | 6 u32 body length | 10 coded bytes | zeros
 */
enum {
    HEAD_BYTES = 10,
    GRAIN_BYTES = 64,
    LEVEL = 3,
    STORED = 0,
    ZSTD_FRAME = 1,
    WINDOW_MAX_BYTES = 1 << 20
};

static unsigned
floor_log2(size_t n)
{
    unsigned log = 0;

    while (n >>= 1)
        log++;
    return log;
}

size_t
pack_padded(size_t n)
{
    size_t grains = (n + GRAIN_BYTES - 1) / GRAIN_BYTES;
    size_t len = (grains == 0 ? 1 : grains) * GRAIN_BYTES;
    unsigned exponent = floor_log2(len);
    unsigned kept = floor_log2(exponent) + 1;
    size_t mask = ((size_t)1 << (exponent - kept)) - 1;

    return (len + mask) & ~mask;
}

/* Whether a frame is used at all. The control build, whose cipher is the identity, leaves texts as they are, so that the
 * demo's search for plaintext must find them there. */
#ifdef BAKEN_CONTROL_IDENTITY_CIPHER
static bool
frame_pays(size_t coded_len, size_t len)
{
    (void)coded_len;
    (void)len;
    return false;
}
#else
static bool
frame_pays(size_t coded_len, size_t len)
{
    return !ZSTD_isError(coded_len) && coded_len < len;
}
#endif

enum rc
pack_put(const void *body, size_t len, size_t ceiling, struct buf *padded)
{
    if (len > ceiling || len > UINT32_MAX)
        return rc_fail(RC_TOO_LARGE, _("a body of %zu bytes is over %zu"), len, ceiling);

    struct buf coded = BUF_EMPTY(ZSTD_compressBound(len));
    struct writer writer = writer_of(padded);
    uint8_t *room;
    enum rc rc = buf_extend(&coded, ZSTD_compressBound(len), &room);
    if (rc != RC_OK)
        goto out;

    size_t coded_len = ZSTD_compress(room, coded.len, body, len, LEVEL);
    bool stored = !frame_pays(coded_len, len);
    if (stored)
        coded_len = len;
    writer_u8(&writer, 0);
    writer_u8(&writer, stored ? STORED : ZSTD_FRAME);
    writer_u32(&writer, (uint32_t)coded_len);
    writer_u32(&writer, (uint32_t)len);
    writer_bytes(&writer, stored ? body : coded.data, coded_len);
    if (writer.rc == RC_OK)
        writer.rc =
            buf_put_zeros(padded, pack_padded(HEAD_BYTES + coded_len) - HEAD_BYTES - coded_len);
    rc = writer_finish(&writer);
out:
    buf_wipe(&coded); /* families' data, only compressed */
    return rc;
}

/* Source: RFC 8878, section 3.1.1.1: magic, descriptor, and the window where there is more than one segment. */
static bool
frame_is_modest(const uint8_t *frame, size_t len)
{
    enum { DESCRIPTOR = 4, SINGLE_SEGMENT = 0x20, DICTIONARY = 0x03 };

    if (len < DESCRIPTOR + 2 || (frame[DESCRIPTOR] & DICTIONARY) != 0)
        return false;
    if ((frame[DESCRIPTOR] & SINGLE_SEGMENT) != 0)
        return true; /* the window is the content, which has its ceiling */
    uint64_t base = UINT64_C(1) << (10 + (frame[DESCRIPTOR + 1] >> 3));
    return base + base / 8 * (frame[DESCRIPTOR + 1] & 7) <= WINDOW_MAX_BYTES;
}

static enum rc
unpack(const uint8_t *frame, size_t frame_len, uint8_t *body, size_t body_len)
{
    /* One frame, whole, that says itself how long its content is: nothing grows beyond the room. */
    size_t size = ZSTD_findFrameCompressedSize(frame, frame_len);
    if (ZSTD_isError(size) || size != frame_len || !frame_is_modest(frame, frame_len) ||
        ZSTD_getFrameContentSize(frame, frame_len) != body_len)
        return rc_fail(RC_CORRUPT, _("the compressed body is not one whole frame"));
    size = ZSTD_decompress(body, body_len, frame, frame_len);
    if (ZSTD_isError(size) || size != body_len)
        return rc_fail(RC_CORRUPT, _("the compressed body is damaged"));
    return RC_OK;
}

enum rc
pack_get(const void *padded, size_t len, size_t ceiling, struct buf *body)
{
    struct reader reader = reader_of(padded, len);
    uint8_t dictionary = reader_u8(&reader);
    uint8_t codec = reader_u8(&reader);
    uint32_t coded_len = reader_u32(&reader);
    uint32_t body_len = reader_u32(&reader);
    const uint8_t *coded = reader_bytes(&reader, coded_len);
    uint8_t *room;

    buf_clear(body);
    if (reader.failed)
        return rc_fail(RC_CORRUPT, _("the packed body is cut short"));
    if (dictionary != 0 || codec > ZSTD_FRAME)
        return rc_fail(RC_UNSUPPORTED, _("the body is packed in a newer way"));
    if (body_len > ceiling || len != pack_padded(HEAD_BYTES + (size_t)coded_len) ||
        (codec == STORED && coded_len != body_len))
        return rc_fail(RC_CORRUPT, _("the packed body has impossible lengths"));
    while (reader_left(&reader) > 0)
        if (reader_u8(&reader) != 0)
            return rc_fail(RC_CORRUPT, _("the padding of the body is not zero"));

    enum rc rc = buf_extend(body, body_len, &room);
    if (rc != RC_OK)
        return rc;
    if (codec == ZSTD_FRAME)
        rc = unpack(coded, coded_len, room, body_len);
    else if (body_len > 0)
        memcpy(room, coded, body_len);
    if (rc != RC_OK)
        buf_clear(body);
    return rc;
}
