/* Writes a structure into a buf and checks once at the end: the counterpart of struct reader. */
#include "sync/writer.h"

#include <stdint.h>
#include <string.h>

struct writer
writer_of(struct buf *buf)
{
    return (struct writer){buf, buf->len, RC_OK};
}

void
writer_u8(struct writer *writer, uint8_t value)
{
    if (writer->rc == RC_OK)
        writer->rc = buf_put_u8(writer->buf, value);
}

void
writer_u32(struct writer *writer, uint32_t value)
{
    if (writer->rc == RC_OK)
        writer->rc = buf_put_u32(writer->buf, value);
}

void
writer_u64(struct writer *writer, uint64_t value)
{
    if (writer->rc == RC_OK)
        writer->rc = buf_put_u64(writer->buf, value);
}

void
writer_varint(struct writer *writer, uint64_t value)
{
    if (writer->rc == RC_OK)
        writer->rc = buf_put_varint(writer->buf, value);
}

void
writer_bytes(struct writer *writer, const void *bytes, size_t len)
{
    if (writer->rc == RC_OK)
        writer->rc = buf_put(writer->buf, bytes, len);
}

void
writer_block(struct writer *writer, const void *bytes, size_t len)
{
    if (writer->rc == RC_OK)
        writer->rc = buf_put_block(writer->buf, bytes, len);
}

void
writer_text(struct writer *writer, const char *text)
{
    if (writer->rc == RC_OK)
        writer->rc = buf_put_text(writer->buf, text);
}

void
writer_id(struct writer *writer, struct id id)
{
    writer_bytes(writer, id.bytes, sizeof id.bytes);
}

const uint8_t *
writer_begin(const struct writer *writer)
{
    return writer->buf->data + writer->start;
}

size_t
writer_len(const struct writer *writer)
{
    return writer->buf->len - writer->start;
}

enum rc
writer_finish(struct writer *writer)
{
    if (writer->rc != RC_OK)
        writer->buf->len = writer->start;
    return writer->rc;
}

struct id
reader_id(struct reader *reader)
{
    struct id id;

    reader_copy(reader, id.bytes, sizeof id.bytes);
    return id;
}

void
reader_ascii(struct reader *reader, size_t chars, char *out)
{
    size_t len;
    const uint8_t *bytes = reader_block(reader, chars, &len);

    out[0] = '\0';
    for (size_t i = 0; i < len; i++)
        if (bytes[i] <= ' ' || bytes[i] > '~')
            reader->failed = true;
    if (len == 0)
        reader->failed = true;
    if (reader->failed)
        return;
    memcpy(out, bytes, len);
    out[len] = '\0';
}
