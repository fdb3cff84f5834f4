/* Bytes with a ceiling, and a reader that cannot overrun. Integers on disk and wire are big-endian. */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing byte string. `data` is heap memory of its own; free by buf_wipe, which zeroes it. */
struct buf {
    uint8_t *data;
    size_t len;
    size_t room;
    size_t ceiling_bytes;
};

#define BUF_EMPTY(ceiling) ((struct buf){NULL, 0, 0, (ceiling)})

/* Appends; RC_TOO_LARGE beyond the ceiling, RC_NOMEM. On failure the content is as before. */
enum rc buf_put(struct buf *buf, const void *bytes, size_t len) MUST_CHECK;
enum rc buf_put_zeros(struct buf *buf, size_t len) MUST_CHECK;
enum rc buf_put_u8(struct buf *buf, uint8_t value) MUST_CHECK;
enum rc buf_put_u32(struct buf *buf, uint32_t value) MUST_CHECK;
enum rc buf_put_u64(struct buf *buf, uint64_t value) MUST_CHECK;
/* LEB128, shortest form. */
enum rc buf_put_varint(struct buf *buf, uint64_t value) MUST_CHECK;
/* A varint length, then the bytes. */
enum rc buf_put_block(struct buf *buf, const void *bytes, size_t len) MUST_CHECK;
enum rc buf_put_text(struct buf *buf, const char *text) MUST_CHECK; /* as block, without the NUL */
/* Formatted text appended without its NUL. */
enum rc buf_printf(struct buf *buf, const char *format, ...) MUST_CHECK
    __attribute__((format(printf, 2, 3)));
/* NUL-terminates without counting the NUL; returns the content as text, NULL when memory ran out. */
const char *buf_text(struct buf *buf);
/* Gives `len` more bytes of uninitialised room at the end and counts them in. */
enum rc buf_extend(struct buf *buf, size_t len, uint8_t **room) MUST_CHECK;
void buf_clear(struct buf *buf); /* empties and zeroes, keeps the room */
void buf_wipe(struct buf *buf);  /* zeroes and frees; leaves it empty with the same ceiling */

/* Walks lent bytes. After the first failure every read gives zero and `failed` stays set, so a
 * decoder may read on and check once with reader_finish. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct reader reader_of(const void *bytes, size_t len);
uint8_t reader_u8(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/* LEB128; an overlong form or more than 64 bits fails. */
uint64_t reader_varint(struct reader *reader);
/* As reader_varint, but a value over `ceiling` fails (and gives 0). */
uint64_t reader_count(struct reader *reader, uint64_t ceiling);
/* Lends `len` bytes; on failure a pointer to nothing (NULL) and failed set. */
const uint8_t *reader_bytes(struct reader *reader, size_t len);
/* Copies `len` bytes out; zeroes on failure. */
void reader_copy(struct reader *reader, void *out, size_t len);
/* A varint length of at most `ceiling`, then the bytes, lent. */
const uint8_t *reader_block(struct reader *reader, size_t ceiling, size_t *len);
size_t reader_left(const struct reader *reader);
/* RC_CORRUPT unless everything was read and nothing failed; `what` names the thing in the sentence. */
enum rc reader_finish(const struct reader *reader, const char *what) MUST_CHECK;

#endif
