/* 16-byte ids and their text form in Crockford's base32. */
#include "core/id.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/secret.h"

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

struct id
id_random(void)
{
    struct id id;

    random_fill(id.bytes, sizeof id.bytes);
    return id;
}

struct id
id_new(int64_t now_ms)
{
    struct id id = id_random();
    uint64_t ms = now_ms < 0 ? 0 : (uint64_t)now_ms;

    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
    return id;
}

bool
id_equal(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, ID_BYTES) == 0;
}

bool
id_is_zero(struct id id)
{
    static const struct id zero;

    return id_equal(id, zero);
}

int
id_compare(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, ID_BYTES);
}

static int
compare_void(const void *a, const void *b)
{
    return memcmp(a, b, ID_BYTES);
}

bool
id_is_among(struct id id, const void *items, size_t count, size_t size)
{
    return count > 0 && bsearch(&id, items, count, size, compare_void) != NULL;
}

/* 26 characters hold 130 bits; the two too many are zeros at the front. */
void
id_to_text(struct id id, char *text)
{
    unsigned bits = 0;
    int have = 2;
    size_t at = 0;

    for (int i = 0; i < ID_TEXT_CHARS; i++) {
        if (have < 5) {
            bits = bits << 8 | (at < ID_BYTES ? id.bytes[at] : 0u);
            at++;
            have += 8;
        }
        have -= 5;
        text[i] = digits[bits >> have & 31];
        bits &= (1u << have) - 1;
    }
    text[ID_TEXT_CHARS] = '\0';
}

/* The value of one character, case and look-alikes forgiven; -1 for what is no digit. */
static int
digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    if (c == 'o')
        c = '0';
    if (c == 'i' || c == 'l')
        c = '1';
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

enum rc
id_from_text(const char *text, struct id *id)
{
    struct id made = {{0}};
    unsigned bits = 0;
    int have = -2;
    size_t at = 0;

    *id = made;
    if (strnlen(text, ID_TEXT_CHARS + 1) != ID_TEXT_CHARS)
        return rc_fail(RC_INVALID, _("an id has %d characters"), ID_TEXT_CHARS);
    for (int i = 0; i < ID_TEXT_CHARS; i++) {
        int value = digit_value(text[i]);
        if (value < 0 || (i == 0 && value > 7))
            return rc_fail(RC_INVALID, _("character %d of the id cannot be"), i + 1);
        bits = bits << 5 | (unsigned)value;
        have += 5;
        if (have >= 8) {
            have -= 8;
            made.bytes[at++] = (uint8_t)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    *id = made;
    return RC_OK;
}

bool
id_matches(struct id id, const char *text)
{
    char whole[ID_TEXT_CHARS + 1];
    size_t len = strnlen(text, ID_TEXT_CHARS + 1);

    if (len < ID_SHORT_CHARS || len > ID_TEXT_CHARS)
        return false;
    id_to_text(id, whole);
    for (size_t i = 0; i < len; i++) {
        int value = digit_value(text[i]);
        if (value < 0 || digits[value] != whole[ID_TEXT_CHARS - len + i])
            return false;
    }
    return true;
}
