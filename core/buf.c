/* Bytes with a ceiling, and a reader that cannot overrun. */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/secret.h"

enum { FIRST_ROOM = 64, VARINT_BYTES = 10 };

/* Makes room for `more` bytes. realloc would leave the old bytes lying about, so this copies. */
static enum rc
grow(struct buf *buf, size_t more)
{
    if (buf->len > buf->ceiling_bytes || more > buf->ceiling_bytes - buf->len)
        return rc_fail(RC_TOO_LARGE, _("more than %zu bytes"), buf->ceiling_bytes);
    if (more <= buf->room - buf->len)
        return RC_OK;

    size_t room = buf->room > SIZE_MAX / 2 ? SIZE_MAX : buf->room * 2;
    if (room < FIRST_ROOM)
        room = FIRST_ROOM;
    if (room < buf->len + more)
        room = buf->len + more;
    uint8_t *data = malloc(room);
    if (data == NULL)
        return rc_nomem();
    if (buf->len > 0)
        memcpy(data, buf->data, buf->len);
    if (buf->data != NULL) {
        wipe(buf->data, buf->room);
        free(buf->data);
    }
    buf->data = data;
    buf->room = room;
    return RC_OK;
}

enum rc
buf_extend(struct buf *buf, size_t len, uint8_t **room)
{
    *room = NULL;
    enum rc rc = grow(buf, len);
    if (rc != RC_OK)
        return rc;
    if (buf->data == NULL) { /* nothing was asked of an empty buf, but a pointer is promised */
        rc = grow(buf, buf->ceiling_bytes > 0 ? 1 : 0);
        if (rc != RC_OK)
            return rc;
    }
    *room = buf->data + buf->len;
    buf->len += len;
    return RC_OK;
}

enum rc
buf_put(struct buf *buf, const void *bytes, size_t len)
{
    enum rc rc = grow(buf, len);
    if (rc != RC_OK)
        return rc;
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    return RC_OK;
}

enum rc
buf_put_zeros(struct buf *buf, size_t len)
{
    enum rc rc = grow(buf, len);
    if (rc != RC_OK)
        return rc;
    if (len > 0)
        memset(buf->data + buf->len, 0, len);
    buf->len += len;
    return RC_OK;
}

static enum rc
put_big_endian(struct buf *buf, uint64_t value, size_t len)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    return buf_put(buf, bytes, len);
}

enum rc
buf_put_u8(struct buf *buf, uint8_t value)
{
    return buf_put(buf, &value, 1);
}

enum rc
buf_put_u32(struct buf *buf, uint32_t value)
{
    return put_big_endian(buf, value, 4);
}

enum rc
buf_put_u64(struct buf *buf, uint64_t value)
{
    return put_big_endian(buf, value, 8);
}

static size_t
varint_encode(uint64_t value, uint8_t bytes[VARINT_BYTES])
{
    size_t len = 0;

    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    return len;
}

enum rc
buf_put_varint(struct buf *buf, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES];
    size_t len = varint_encode(value, bytes);

    return buf_put(buf, bytes, len);
}

enum rc
buf_put_block(struct buf *buf, const void *bytes, size_t len)
{
    uint8_t head[VARINT_BYTES];
    size_t head_len = varint_encode(len, head);

    if (len > SIZE_MAX - head_len)
        return rc_fail(RC_TOO_LARGE, _("more than %zu bytes"), buf->ceiling_bytes);
    /* Room for both at once: after a failure the content is as before. */
    enum rc rc = grow(buf, head_len + len);
    if (rc != RC_OK)
        return rc;
    memcpy(buf->data + buf->len, head, head_len);
    if (len > 0)
        memcpy(buf->data + buf->len + head_len, bytes, len);
    buf->len += head_len + len;
    return RC_OK;
}

enum rc
buf_put_text(struct buf *buf, const char *text)
{
    return buf_put_block(buf, text, strlen(text));
}

enum rc
buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_list again;
    enum rc rc;

    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        rc = rc_fail(RC_INVALID, _("text that cannot be formatted"));
        goto out;
    }
    /* vsnprintf writes a NUL, which is not part of the content and not under the ceiling. */
    rc = grow(buf, (size_t)len);
    if (rc != RC_OK)
        goto out;
    if (buf_text(buf) == NULL) {
        rc = rc_nomem();
        goto out;
    }
    if (buf->room - buf->len < (size_t)len + 1) {
        struct buf wider = *buf;
        wider.ceiling_bytes = SIZE_MAX;
        rc = grow(&wider, (size_t)len + 1);
        if (rc != RC_OK)
            goto out;
        wider.ceiling_bytes = buf->ceiling_bytes;
        *buf = wider;
    }
    (void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, again);
    buf->len += (size_t)len;
out:
    va_end(again);
    return rc;
}

const char *
buf_text(struct buf *buf)
{
    struct buf wider = *buf;

    wider.ceiling_bytes = SIZE_MAX;
    if (grow(&wider, 1) != RC_OK)
        return NULL;
    wider.ceiling_bytes = buf->ceiling_bytes;
    *buf = wider;
    buf->data[buf->len] = '\0';
    return (const char *)buf->data;
}

void
buf_clear(struct buf *buf)
{
    if (buf->data != NULL)
        wipe(buf->data, buf->room);
    buf->len = 0;
}

void
buf_wipe(struct buf *buf)
{
    if (buf->data != NULL) {
        wipe(buf->data, buf->room);
        free(buf->data);
    }
    *buf = BUF_EMPTY(buf->ceiling_bytes);
}

struct reader
reader_of(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    return (struct reader){at, at == NULL ? NULL : at + len, at == NULL && len > 0};
}

size_t
reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

const uint8_t *
reader_bytes(struct reader *reader, size_t len)
{
    /* Zero bytes of nothing are still something to point at. */
    static const uint8_t nothing[1];

    if (reader->failed || len > reader_left(reader)) {
        reader->failed = true;
        return NULL;
    }
    if (len == 0 && reader->at == NULL)
        return nothing;
    const uint8_t *at = reader->at;
    reader->at += len;
    return at;
}

static uint64_t
read_big_endian(struct reader *reader, size_t len)
{
    const uint8_t *bytes = reader_bytes(reader, len);
    uint64_t value = 0;

    if (bytes == NULL)
        return 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t
reader_u8(struct reader *reader)
{
    return (uint8_t)read_big_endian(reader, 1);
}

uint32_t
reader_u32(struct reader *reader)
{
    return (uint32_t)read_big_endian(reader, 4);
}

uint64_t
reader_u64(struct reader *reader)
{
    return read_big_endian(reader, 8);
}

uint64_t
reader_varint(struct reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(reader);
        if (reader->failed)
            return 0;
        /* The tenth byte holds one bit; a last byte of zero says nothing that its absence does not. */
        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    reader->failed = true;
    return 0;
}

uint64_t
reader_count(struct reader *reader, uint64_t ceiling)
{
    uint64_t value = reader_varint(reader);

    if (value > ceiling) {
        reader->failed = true;
        return 0;
    }
    return value;
}

void
reader_copy(struct reader *reader, void *out, size_t len)
{
    const uint8_t *bytes = reader_bytes(reader, len);

    if (len == 0)
        return;
    if (bytes == NULL)
        memset(out, 0, len);
    else
        memcpy(out, bytes, len);
}

const uint8_t *
reader_block(struct reader *reader, size_t ceiling, size_t *len)
{
    *len = (size_t)reader_count(reader, ceiling);
    const uint8_t *bytes = reader_bytes(reader, *len);
    if (bytes == NULL)
        *len = 0;
    return bytes;
}

enum rc
reader_finish(const struct reader *reader, const char *what)
{
    if (reader->failed)
        return rc_fail(RC_CORRUPT, _("%s is cut short or malformed"), _(what));
    if (reader->at != reader->end)
        return rc_fail(RC_CORRUPT, _("%s has %zu bytes too many"), _(what), reader_left(reader));
    return RC_OK;
}
