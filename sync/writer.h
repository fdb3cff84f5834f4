/* Writes a structure into a buf and checks once at the end: the counterpart of struct reader. */
#ifndef SYNC_WRITER_H
#define SYNC_WRITER_H

#include "core/buf.h"
#include "core/id.h"
#include "core/rc.h"

#include <stddef.h>
#include <stdint.h>

/* After the first failure nothing more is written. */
struct writer {
    struct buf *buf;
    size_t start;
    enum rc rc;
};

struct writer writer_of(struct buf *buf); /* appends */
void writer_u8(struct writer *writer, uint8_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_varint(struct writer *writer, uint64_t value);
void writer_bytes(struct writer *writer, const void *bytes, size_t len);
void writer_block(struct writer *writer, const void *bytes, size_t len);
void writer_text(struct writer *writer, const char *text);
void writer_id(struct writer *writer, struct id id);
/* What was written since writer_of. */
const uint8_t *writer_begin(const struct writer *writer);
size_t writer_len(const struct writer *writer);
/* The first failure, or RC_OK. On failure the buf is as long as it was before. */
enum rc writer_finish(struct writer *writer) MUST_CHECK;

struct id reader_id(struct reader *reader);
/* A text of 1 to `chars` printable ASCII characters without blanks (addresses, versions, codes: NFC by nature).
 * `out` has room for chars + 1; anything else fails the reader and leaves it empty. */
void reader_ascii(struct reader *reader, size_t chars, char *out);

#endif
