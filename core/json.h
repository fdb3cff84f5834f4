/* JSON: a strict reader, and a writer that builds text. The one home of cJSON.h.
 *
 * The reader takes RFC 8259 and refuses what invites two readings: bytes after the value, duplicate
 * keys, keys by another case, bad UTF-8, \u0000, exponents, integers beyond 2^53 (those go as text),
 * nesting over JSON_DEPTH_MOST. */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include "core/buf.h"
#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_DEPTH_MOST = 32,
    JSON_NUMBER_CHARS = 32, /* a longer number is refused */
};
#define JSON_INT_MOST (INT64_C(1) << 53)

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DECIMAL, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

/* A value inside a parsed text; belongs to the root that json_parse gave. */
struct json;

/* Reads one value. RC_TOO_LARGE beyond `ceiling_bytes`, RC_INVALID with the offset of the trouble. */
enum rc json_parse(const void *bytes, size_t len, size_t ceiling_bytes, struct json **root) MUST_CHECK;
void json_free(struct json *root); /* wipes all text first; accepts NULL */

enum json_kind json_kind(const struct json *value);
/* The member of that exact name; NULL when there is none or `object` is no object (or NULL). */
const struct json *json_get(const struct json *object, const char *key);
/* Walks an array or object: NULL at the end, and for anything else. */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *value);
const char *json_name(const struct json *member); /* the key of an object's member, else NULL */
size_t json_count(const struct json *container);
const char *json_as_text(const struct json *value); /* NULL unless JSON_TEXT; lent */
bool json_as_int(const struct json *value, int64_t *out);

/* What a decoder needs: RC_INVALID, naming the key, when it is absent, of another kind or out of
 * bounds. Text and values are lent. */
enum rc json_need_text(const struct json *object, const char *key, size_t ceiling_bytes,
                       const char **text) MUST_CHECK;
enum rc json_need_int(const struct json *object, const char *key, int64_t least, int64_t most,
                      int64_t *value) MUST_CHECK;
/* An integer, or the shortest decimal text of one up to 2^64 - 1. */
enum rc json_need_u64(const struct json *object, const char *key, uint64_t *value) MUST_CHECK;
enum rc json_need_array(const struct json *object, const char *key,
                        const struct json **array) MUST_CHECK;
/* Exactly `len` bytes in lower-case hexadecimal. */
enum rc json_need_hex(const struct json *object, const char *key, void *out, size_t len) MUST_CHECK;
/* RC_INVALID when `object` is none, or has a key that is not among `keys` (ended by NULL). */
enum rc json_only(const struct json *object, const char *const *keys) MUST_CHECK;

/* Builds JSON text at the end of a buf. The first failure sticks, later calls do nothing, and
 * json_finish tells. Misnesting is our own mistake (assert). */
struct json_writer {
    struct buf *out;
    enum rc rc;
    bool pretty; /* two spaces a level, one member a line */
    bool after_key;
    unsigned depth;
    uint64_t has_members; /* one bit a level */
    uint64_t is_object;
};

struct json_writer json_writer_of(struct buf *out, bool pretty);
void json_object_start(struct json_writer *writer);
void json_object_end(struct json_writer *writer);
void json_array_start(struct json_writer *writer);
void json_array_end(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key);
/* NULL writes null; bad UTF-8 is RC_INVALID. */
void json_text(struct json_writer *writer, const char *text);
void json_text_bytes(struct json_writer *writer, const void *bytes, size_t len);
void json_int(struct json_writer *writer, int64_t value); /* beyond 2^53 as text */
void json_u64(struct json_writer *writer, uint64_t value); /* beyond 2^53 as text */
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
void json_hex(struct json_writer *writer, const void *bytes, size_t len);
/* Key and value in one call. */
void json_put_text(struct json_writer *writer, const char *key, const char *text);
void json_put_int(struct json_writer *writer, const char *key, int64_t value);
void json_put_u64(struct json_writer *writer, const char *key, uint64_t value);
void json_put_bool(struct json_writer *writer, const char *key, bool value);
void json_put_hex(struct json_writer *writer, const char *key, const void *bytes, size_t len);
/* The code of the first failure; RC_OK asserts that everything opened was closed. */
enum rc json_finish(struct json_writer *writer) MUST_CHECK;

#endif
