/* A strict look at JSON text before anything is made of it. */
#include "core/json_look.h"

#include <stdbool.h>
#include <string.h>

#include "core/i18n.h"
#include "core/json.h"

/*
 * The look: cJSON forgives what two readers may read differently (control bytes as blanks, "01",
 * bytes after the value), so the grammar of RFC 8259 is checked first, without recursion.
 */
struct look {
    const char *start;
    const char *at;
    const char *end;
    unsigned depth;
    bool is_object[JSON_DEPTH_MOST];
};

static void
skip_blanks(struct look *look)
{
    while (look->at < look->end &&
           (*look->at == ' ' || *look->at == '\t' || *look->at == '\n' || *look->at == '\r'))
        look->at++;
}

static bool
next_is(struct look *look, char wanted)
{
    if (look->at == look->end || *look->at != wanted)
        return false;
    look->at++;
    return true;
}

/* The value of four hexadecimal digits, or -1. */
static int
take_hex4(struct look *look)
{
    int value = 0;

    if (look->end - look->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = *look->at++;
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + (c - 'A' + 10);
        else
            return -1;
    }
    return value;
}

static bool
look_escape(struct look *look)
{
    if (look->at == look->end)
        return false;
    char c = *look->at++;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    int unit = take_hex4(look);
    if (unit <= 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return false;
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (!next_is(look, '\\') || !next_is(look, 'u'))
        return false;
    int low = take_hex4(look);
    return low >= 0xdc00 && low <= 0xdfff;
}

static bool
look_text(struct look *look)
{
    if (!next_is(look, '"'))
        return false;
    while (look->at < look->end) {
        unsigned char c = (unsigned char)*look->at++;
        if (c == '"')
            return true;
        if (c < 0x20 || (c == '\\' && !look_escape(look)))
            return false;
    }
    return false;
}

static size_t
skip_digits(struct look *look)
{
    const char *from = look->at;

    while (look->at < look->end && *look->at >= '0' && *look->at <= '9')
        look->at++;
    return (size_t)(look->at - from);
}

static bool
look_number(struct look *look)
{
    const char *from = look->at;

    (void)next_is(look, '-');
    const char *digits = look->at;
    size_t count = skip_digits(look);
    if (count == 0 || (count > 1 && *digits == '0'))
        return false;
    if (next_is(look, '.')) {
        if (skip_digits(look) == 0 || look->at - from > JSON_NUMBER_CHARS)
            return false;
    } else {
        uint64_t value = 0;
        for (size_t i = 0; i < count && count <= 16; i++)
            value = value * 10 + (uint64_t)(digits[i] - '0');
        if (count > 16 || value > (uint64_t)JSON_INT_MOST)
            return false;
    }
    return look->at == look->end || (*look->at != 'e' && *look->at != 'E');
}

static bool
look_word(struct look *look, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(look->end - look->at) < len || memcmp(look->at, word, len) != 0)
        return false;
    look->at += len;
    return true;
}

/* The key of a member up to its colon, in an object; nothing in an array. */
static bool
look_key(struct look *look)
{
    if (!look->is_object[look->depth - 1])
        return true;
    skip_blanks(look);
    if (!look_text(look))
        return false;
    skip_blanks(look);
    return next_is(look, ':');
}

/* A value that is no container, or the start of one: then `*opened` is set. */
static bool
look_value(struct look *look, bool *opened)
{
    *opened = false;
    skip_blanks(look);
    if (look->at == look->end)
        return false;
    switch (*look->at) {
    case '{':
    case '[':
        if (look->depth == JSON_DEPTH_MOST)
            return false;
        look->is_object[look->depth++] = *look->at++ == '{';
        *opened = true;
        return true;
    case '"':
        return look_text(look);
    case 't':
        return look_word(look, "true");
    case 'f':
        return look_word(look, "false");
    case 'n':
        return look_word(look, "null");
    default:
        return look_number(look);
    }
}

/* After a value: closes what ends here. True when another member must follow. */
static bool
look_after(struct look *look)
{
    while (look->depth > 0) {
        skip_blanks(look);
        if (next_is(look, ','))
            return true;
        if (!next_is(look, look->is_object[look->depth - 1] ? '}' : ']')) {
            look->depth = JSON_DEPTH_MOST + 1;
            return false;
        }
        look->depth--;
    }
    return false;
}

static bool
look_whole(struct look *look)
{
    bool more = true;

    while (more) {
        bool opened = false;
        if ((look->depth > 0 && !look_key(look)) || !look_value(look, &opened))
            return false;
        if (opened) {
            skip_blanks(look);
            if (!next_is(look, look->is_object[look->depth - 1] ? '}' : ']'))
                continue;
            look->depth--;
        }
        more = look_after(look);
    }
    skip_blanks(look);
    return look->depth == 0 && look->at == look->end;
}

enum rc
json_look(const char *text, size_t len)
{
    struct look look = {.start = text, .at = text, .end = text + len};

    if (look_whole(&look))
        return RC_OK;
    return rc_fail(RC_INVALID, _("the JSON text cannot be read at byte %zu"),
                   (size_t)(look.at - look.start));
}
