/* Text of people: checked, normalised, folded and measured by libunistring. */
#include "core/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <unilbrk.h>
#include <uninorm.h>
#include <unistr.h>
#include <uniwbrk.h>
#include <uniwidth.h>

#include "core/i18n.h"
#include "core/secret.h"

/* ASCII without a CR or a NUL: valid, composed, and as it should be. By eight bytes at a time: of bytes below 0x80 one less has the
 * highest bit for a zero alone. */
static bool
is_normal_ascii(const uint8_t *bytes, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t found = 0, word;
    size_t i = 0;

    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        found |= word | (word - ones) | ((word ^ ones * '\r') - ones);
    }
    for (; i < len; i++)
        found |= bytes[i] >= 0x80 || bytes[i] == 0 || bytes[i] == '\r' ? 0x80 : 0;
    return (found & ones << 7) == 0;
}

enum rc
text_check(const void *bytes, size_t len, size_t ceiling_bytes, const char *what)
{
    if (len > ceiling_bytes)
        return rc_fail(RC_TOO_LARGE, _("%s is longer than %zu bytes"), _(what), ceiling_bytes);
    if (len == 0 || is_normal_ascii(bytes, len))
        return RC_OK;
    if (u8_check(bytes, len) != NULL)
        return rc_fail(RC_INVALID, _("%s is not valid UTF-8"), _(what));
    if (memchr(bytes, 0, len) != NULL)
        return rc_fail(RC_INVALID, _("%s holds a NUL character"), _(what));
    return RC_OK;
}

/* Drops every CR that stands before a LF, in place, so that normal text stays as it is; the new length. */
static size_t
drop_returns(uint8_t *text, size_t len)
{
    size_t kept = 0;

    for (size_t i = 0; i < len; i++) {
        while (text[i] == '\n' && kept > 0 && text[kept - 1] == '\r')
            kept--;
        text[kept++] = text[i];
    }
    return kept;
}

static void
wipe_and_free(uint8_t *text, size_t len)
{
    if (text != NULL)
        wipe(text, len);
    free(text);
}

enum rc
text_normalise(const void *bytes, size_t len, size_t ceiling_bytes, const char *what, struct buf *out)
{
    if (len <= ceiling_bytes && is_normal_ascii(bytes, len))
        return buf_put(out, bytes, len);
    enum rc rc = text_check(bytes, len, ceiling_bytes, what);
    if (rc != RC_OK || len == 0)
        return rc;
    size_t whole = 0;
    uint8_t *composed = u8_normalize(UNINORM_NFC, bytes, len, NULL, &whole);
    if (composed == NULL)
        return rc_nomem();
    size_t kept = drop_returns(composed, whole);
    if (kept > ceiling_bytes)
        rc = rc_fail(RC_TOO_LARGE, _("%s is longer than %zu bytes"), what, ceiling_bytes);
    else
        rc = buf_put(out, composed, kept);
    wipe_and_free(composed, whole);
    return rc;
}

/* The folded form, for wipe_and_free; NULL for bad UTF-8 or when memory runs out. */
static uint8_t *
fold(const char *text, size_t text_len, size_t *len)
{
    *len = 0;
    if (u8_check((const uint8_t *)text, text_len) != NULL)
        return NULL;
    /* Never NULL for the empty text: there is always room for one byte. */
    return text_len == 0 ? calloc(1, 1)
                         : u8_casefold((const uint8_t *)text, text_len, NULL, UNINORM_NFC, NULL, len);
}

/* Do both fold, and does the label begin with, or equal, what was typed? */
static bool
matches_folded(const char *label, const char *typed, bool is_whole)
{
    size_t label_len = 0;
    size_t typed_len = 0;
    uint8_t *a = fold(label, strlen(label), &label_len);
    uint8_t *b = fold(typed, strlen(typed), &typed_len);
    bool found = a != NULL && b != NULL && typed_len <= label_len &&
                 (!is_whole || typed_len == label_len) && memcmp(a, b, typed_len) == 0;

    wipe_and_free(a, label_len);
    wipe_and_free(b, typed_len);
    return found;
}

bool
text_equal_folded(const char *a, const char *b)
{
    return matches_folded(a, b, true);
}

bool
text_begins_folded(const char *label, const char *typed)
{
    return matches_folded(label, typed, false);
}

static int
compare_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

int
text_compare_folded(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t one_len, other_len;
    uint8_t *one = fold(a, a_len, &one_len);
    uint8_t *other = fold(b, b_len, &other_len);
    int order = one != NULL && other != NULL ? compare_bytes(one, one_len, other, other_len) : compare_bytes(a, a_len, b, b_len);

    wipe_and_free(one, one_len);
    wipe_and_free(other, other_len);
    return order;
}

enum rc
text_word_breaks(const void *bytes, size_t len, uint8_t *breaks)
{
    if (len == 0)
        return RC_OK;
    if (u8_check(bytes, len) != NULL)
        return rc_fail(RC_INVALID, _("%s is not valid UTF-8"), _("the text"));
    u8_wordbreaks(bytes, len, (char *)breaks);
    return RC_OK;
}

/* One character of text: its bytes as shown, its columns, and how far to go on. */
struct glyph {
    const char *shown;
    size_t shown_len;
    size_t len;
    int columns;
};

enum { CHARACTER_BYTES = 4, NON_JOINER = 0x200C, JOINER = 0x200D, LATIN_END = 0x250, REPLACEMENT = 0xFFFD };

/* A whole text is looked at once, not once from each of its characters. */
static int
next_character(const char *text, ucs4_t *c)
{
    *c = (unsigned char)text[0];
    return *c < 0x80 ? 1 : u8_mbtouc(c, (const uint8_t *)text, strnlen(text, CHARACTER_BYTES));
}

static bool
is_joiner(ucs4_t c)
{
    return c == NON_JOINER || c == JOINER;
}

/* Controls, what turns the direction of what follows, and what leaves two different names to look alike. Joiners belong to emoji and
 * to other scripts than ours, the selectors U+FE00 to FE0F to emoji. */
static bool
is_unseen(ucs4_t c, const char *rest)
{
    ucs4_t next = 0;

    if (c < 0x80)
        return c < ' ' || c == 0x7F;
    if (is_joiner(c)) { /* what stands behind it must be shown as it is: another joiner, or what becomes a dot, is nothing to join */
        int len = rest[0] == '\0' ? 0 : next_character(rest, &next);
        return len <= 0 || next < LATIN_END || next == REPLACEMENT || is_joiner(next) || is_unseen(next, rest + len);
    }
    return uc_is_cntrl(c) || c == 0x2028 || c == 0x2029 || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (uc_is_property_default_ignorable_code_point(c) && (c < 0xFE00 || c > 0xFE0F));
}

size_t
text_unseen(const char *text, uint32_t *number)
{
    ucs4_t c = 0;
    int len = text[0] == '\0' ? 0 : next_character(text, &c);

    *number = c;
    return len > 0 && is_unseen(c, text + len) ? (size_t)len : 0;
}

static struct glyph
next_glyph(const char *text)
{
    static const char dot[] = "\xc2\xb7";
    ucs4_t c;
    int len = next_character(text, &c);

    if (len <= 0 || c == REPLACEMENT || is_unseen(c, text + len)) {
        bool is_bad = len <= 0;
        return (struct glyph){dot, sizeof dot - 1, is_bad ? 1 : (size_t)len, 1};
    }
    int columns = c < 0x80 ? 1 : uc_width(c, "UTF-8");
    return (struct glyph){text, (size_t)len, (size_t)len, columns < 0 ? 0 : columns};
}

int
text_columns(const char *text)
{
    size_t columns = 0;

    while (*text != '\0') {
        struct glyph glyph = next_glyph(text);
        columns += (size_t)glyph.columns;
        text += glyph.len;
    }
    return columns > INT32_MAX ? INT32_MAX : (int)columns;
}

enum { LINE_BYTES = 4096 }; /* of which a line is made: more than any terminal shows */

/* As many characters as fit, at least one. */
static size_t
cut_line(const char *text, size_t most, int columns)
{
    size_t len = 0;
    int used = 0;

    while (len < most) {
        struct glyph glyph = next_glyph(text + len);
        if (len > 0 && used + glyph.columns > columns)
            break;
        used += glyph.columns;
        len += glyph.len;
    }
    return len;
}

size_t
text_line(const char *text, int columns)
{
    size_t whole = strcspn(text, "\n");
    size_t len = cut_line(text, whole, columns);
    char breaks[LINE_BYTES];

    if (len == whole)
        return whole + (text[whole] == '\n');
    /* The line could end behind what fits: one character more tells. */
    size_t known = len + next_glyph(text + len).len;
    if (known > sizeof breaks)
        return len;
    u8_possible_linebreaks((const uint8_t *)text, known, "UTF-8", breaks);
    for (size_t i = known - 1; i > 0; i--)
        if (i <= len && breaks[i] == UC_BREAK_POSSIBLE)
            return i;
    return len;
}

enum rc
text_put_column(struct buf *out, const char *text, int columns)
{
    int all = text_columns(text);
    int room = all > columns ? columns - 1 : columns; /* the ellipsis takes one */
    int used = 0;
    enum rc rc = RC_OK;

    while (rc == RC_OK && *text != '\0') {
        struct glyph glyph = next_glyph(text);
        if (used + glyph.columns > room)
            break;
        rc = buf_put(out, glyph.shown, glyph.shown_len);
        used += glyph.columns;
        text += glyph.len;
    }
    if (rc == RC_OK && all > columns && columns > 0) {
        rc = buf_put(out, "\xe2\x80\xa6", 3);
        used++;
    }
    for (; rc == RC_OK && used < columns; used++)
        rc = buf_put(out, " ", 1);
    return rc;
}

enum rc
text_put_printable(struct buf *out, const char *text)
{
    enum rc rc = RC_OK;

    while (rc == RC_OK && *text != '\0') {
        struct glyph glyph = next_glyph(text);
        if (*text == '\n' || *text == '\t')
            glyph.shown = text, glyph.shown_len = 1;
        rc = buf_put(out, glyph.shown, glyph.shown_len);
        text += glyph.len;
    }
    return rc;
}
