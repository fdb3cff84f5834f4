/* Builds JSON text: escaping, commas, and nothing that a strict reader would refuse. */
#include "core/json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

struct json_writer
json_writer_of(struct buf *out, bool pretty)
{
    return (struct json_writer){.out = out, .rc = RC_OK, .pretty = pretty};
}

static void
put(struct json_writer *writer, const char *bytes, size_t len)
{
    if (writer->rc == RC_OK)
        writer->rc = buf_put(writer->out, bytes, len);
}

static void
new_line(struct json_writer *writer)
{
    if (!writer->pretty)
        return;
    put(writer, "\n", 1);
    for (unsigned i = 0; i < writer->depth; i++)
        put(writer, "  ", 2);
}

/* The comma and the line break before a member or an element. */
static void
separate(struct json_writer *writer)
{
    uint64_t bit = UINT64_C(1) << writer->depth;

    if (writer->depth == 0)
        return;
    if ((writer->has_members & bit) != 0)
        put(writer, ",", 1);
    writer->has_members |= bit;
    new_line(writer);
}

static void
before_value(struct json_writer *writer)
{
    bool in_object = (writer->is_object >> writer->depth & 1) != 0;

    assert(in_object == writer->after_key);
    if (!in_object)
        separate(writer);
    writer->after_key = false;
}

static void
open_container(struct json_writer *writer, bool is_object)
{
    before_value(writer);
    put(writer, is_object ? "{" : "[", 1);
    assert(writer->depth < JSON_DEPTH_MOST);
    writer->depth++;
    uint64_t bit = UINT64_C(1) << writer->depth;
    writer->has_members &= ~bit;
    writer->is_object = is_object ? writer->is_object | bit : writer->is_object & ~bit;
}

static void
close_container(struct json_writer *writer, bool is_object)
{
    uint64_t bit = UINT64_C(1) << writer->depth;
    bool had_members = (writer->has_members & bit) != 0;

    assert(writer->depth > 0 && !writer->after_key);
    assert(((writer->is_object & bit) != 0) == is_object);
    writer->depth--;
    if (had_members)
        new_line(writer);
    put(writer, is_object ? "}" : "]", 1);
}

void
json_object_start(struct json_writer *writer)
{
    open_container(writer, true);
}

void
json_object_end(struct json_writer *writer)
{
    close_container(writer, true);
}

void
json_array_start(struct json_writer *writer)
{
    open_container(writer, false);
}

void
json_array_end(struct json_writer *writer)
{
    close_container(writer, false);
}

static void
put_escaped(struct json_writer *writer, unsigned char c)
{
    static const char names[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = strchr(names, c);
    char text[7];

    if (found != NULL)
        (void)snprintf(text, sizeof text, "\\%c", letters[found - names]);
    else
        (void)snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
    put(writer, text, strlen(text));
}

/* As \\u and four digits; beyond U+FFFF as two of these (RFC 8259, section 7). */
static void
put_number(struct json_writer *writer, uint32_t c)
{
    char escaped[24];

    if (c < 0x10000)
        (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)c);
    else
        (void)snprintf(escaped, sizeof escaped, "\\u%04x\\u%04x", (unsigned)(0xD800 + ((c - 0x10000) >> 10)),
                       (unsigned)(0xDC00 + ((c - 0x10000) & 0x3FF)));
    put(writer, escaped, strlen(escaped));
}

/* Beyond ASCII: what could steer the terminal on which somebody reads it. 0: it may stand as it is. */
static size_t
unseen(const char *text, size_t left, uint32_t *c)
{
    char four[9];
    size_t len = left < sizeof four - 1 ? left : sizeof four - 1; /* a character, and what follows it */

    memcpy(four, text, len);
    four[len] = '\0';
    return text_unseen(four, c);
}

static void
put_quoted(struct json_writer *writer, const char *text, size_t len)
{
    size_t from = 0;

    if (writer->rc == RC_OK)
        writer->rc = text_check(text, len, writer->out->ceiling_bytes, "JSON");
    if (writer->rc != RC_OK)
        return;
    put(writer, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        uint32_t number;
        size_t more = c < 0xC2 ? 0 : unseen(text + i, len - i, &number);
        if (more > 0) {
            put(writer, text + from, i - from);
            put_number(writer, number);
            i += more - 1;
            from = i + 1;
        }
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        put(writer, text + from, i - from);
        put_escaped(writer, c);
        from = i + 1;
    }
    put(writer, text + from, len - from);
    put(writer, "\"", 1);
}

void
json_key(struct json_writer *writer, const char *key)
{
    assert((writer->is_object >> writer->depth & 1) != 0 && !writer->after_key);
    separate(writer);
    put_quoted(writer, key, strlen(key));
    put(writer, ": ", writer->pretty ? 2 : 1);
    writer->after_key = true;
}

static void
put_word(struct json_writer *writer, const char *word)
{
    before_value(writer);
    put(writer, word, strlen(word));
}

void
json_text_bytes(struct json_writer *writer, const void *bytes, size_t len)
{
    before_value(writer);
    put_quoted(writer, bytes, len);
}

void
json_text(struct json_writer *writer, const char *text)
{
    if (text == NULL)
        json_null(writer);
    else
        json_text_bytes(writer, text, strlen(text));
}

void
json_int(struct json_writer *writer, int64_t value)
{
    bool is_wide = value > JSON_INT_MOST || value < -JSON_INT_MOST;
    char text[24];

    (void)snprintf(text, sizeof text, is_wide ? "\"%lld\"" : "%lld", (long long)value);
    put_word(writer, text);
}

void
json_u64(struct json_writer *writer, uint64_t value)
{
    bool is_wide = value > (uint64_t)JSON_INT_MOST;
    char text[24];

    (void)snprintf(text, sizeof text, is_wide ? "\"%llu\"" : "%llu", (unsigned long long)value);
    put_word(writer, text);
}

void
json_bool(struct json_writer *writer, bool value)
{
    put_word(writer, value ? "true" : "false");
}

void
json_null(struct json_writer *writer)
{
    put_word(writer, "null");
}

void
json_hex(struct json_writer *writer, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;

    before_value(writer);
    put(writer, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        const char pair[2] = {digits[at[i] >> 4], digits[at[i] & 15]};
        put(writer, pair, sizeof pair);
    }
    put(writer, "\"", 1);
}

void
json_put_text(struct json_writer *writer, const char *key, const char *text)
{
    json_key(writer, key);
    json_text(writer, text);
}

void
json_put_int(struct json_writer *writer, const char *key, int64_t value)
{
    json_key(writer, key);
    json_int(writer, value);
}

void
json_put_u64(struct json_writer *writer, const char *key, uint64_t value)
{
    json_key(writer, key);
    json_u64(writer, value);
}

void
json_put_bool(struct json_writer *writer, const char *key, bool value)
{
    json_key(writer, key);
    json_bool(writer, value);
}

void
json_put_hex(struct json_writer *writer, const char *key, const void *bytes, size_t len)
{
    json_key(writer, key);
    json_hex(writer, bytes, len);
}

enum rc
json_finish(struct json_writer *writer)
{
    if (writer->rc == RC_OK) {
        assert(writer->depth == 0);
        if (writer->pretty)
            put(writer, "\n", 1);
    }
    return writer->rc;
}
