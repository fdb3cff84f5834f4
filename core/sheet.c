/* The recovery sheet's secret, and the groups in which it stands on paper. */
#include "core/sheet.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "core/i18n.h"

/*
 * A group is four digits d1 d2 d3 d4, 20 bits of the secret, and a check digit: over GF(32) with x^5 + x^2 + 1
 *
 *   check = 2 d1 + 4 d2 + 8 d3 + 16 d4 + number of the group, from 1
 *
 * The factors differ, none is zero or one: any one wrong digit, any two that changed places and any two groups that changed
 * places are noticed, and where.
 */
enum { DATA_CHARS = SHEET_GROUP_CHARS - 1, FIELD_MODULUS = 0x25 };

static const char DIGITS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base32 */

static unsigned
twice(unsigned value)
{
    value <<= 1;
    return (value & 32) != 0 ? value ^ FIELD_MODULUS : value;
}

static unsigned
check_of(unsigned number, const uint8_t *data)
{
    unsigned sum = 0;

    for (unsigned i = DATA_CHARS; i-- > 0;)
        sum = twice(sum ^ data[i]);
    return sum ^ number;
}

/* -1 for what is no digit. */
static int
value_of(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        c = (uint8_t)(c - 'a' + 'A');
    if (c == 'O')
        c = '0';
    if (c == 'I' || c == 'L')
        c = '1';
    const char *found = c == '\0' ? NULL : strchr(DIGITS, c);
    return found == NULL ? -1 : (int)(found - DIGITS);
}

static bool
separates(uint8_t c)
{
    return c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n';
}

enum rc
sheet_make(struct secret *sheet)
{
    return secret_random(sheet, SHEET_SECRET_BYTES);
}

enum rc
sheet_to_text(const struct secret *sheet, struct secret *text)
{
    uint8_t data[DATA_CHARS];

    assert(sheet->len == SHEET_SECRET_BYTES);
    enum rc rc = secret_make(text, SHEET_TEXT_CHARS);
    if (rc != RC_OK)
        return rc;
    uint8_t *at = text->bytes;
    for (unsigned group = 0; group < SHEET_GROUPS; group++) {
        if (group > 0)
            *at++ = '-';
        for (unsigned i = 0; i < DATA_CHARS; i++) {
            unsigned bit = group * 20 + i * 5;
            unsigned two = (unsigned)sheet->bytes[bit / 8] << 8;
            if (bit / 8 + 1 < SHEET_SECRET_BYTES)
                two |= sheet->bytes[bit / 8 + 1];
            data[i] = (uint8_t)(two >> (11 - bit % 8) & 31);
            *at++ = (uint8_t)DIGITS[data[i]];
        }
        *at++ = (uint8_t)DIGITS[check_of(group + 1, data)];
    }
    wipe(data, sizeof data);
    return RC_OK;
}

/* One group without separators into four values. */
static enum rc
read_group(unsigned number, const uint8_t *text, size_t len, uint8_t data[SHEET_GROUP_CHARS])
{
    if (len != SHEET_GROUP_CHARS)
        return rc_fail(RC_INVALID, _("group %u has %zu characters; each group has %d"), number, len,
                       SHEET_GROUP_CHARS);
    for (unsigned i = 0; i < SHEET_GROUP_CHARS; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return rc_fail(RC_INVALID, _("character %u of group %u stands on no recovery sheet"),
                           i + 1, number);
        data[i] = (uint8_t)value;
    }
    if (check_of(number, data) != data[DATA_CHARS])
        return rc_fail(RC_INVALID, _("a character of group %u is wrong: compare it with the sheet"),
                       number);
    return RC_OK;
}

enum rc
sheet_check_group(unsigned number, const void *text, size_t len)
{
    uint8_t data[SHEET_GROUP_CHARS];
    enum rc rc = read_group(number, text, len, data);

    wipe(data, sizeof data);
    return rc;
}

static void
put_group(unsigned group, const uint8_t *data, uint8_t *secret)
{
    for (unsigned i = 0; i < DATA_CHARS; i++) {
        unsigned bit = group * 20 + i * 5;
        unsigned two = (unsigned)data[i] << (11 - bit % 8);
        secret[bit / 8] |= (uint8_t)(two >> 8);
        if (bit / 8 + 1 < SHEET_SECRET_BYTES)
            secret[bit / 8 + 1] |= (uint8_t)two;
    }
}

/* Where a run of characters ends: at a separator, or, when nothing separates, after a group's. */
static size_t
run_length(const uint8_t *text, size_t len, bool is_in_one)
{
    size_t run = 0;

    while (run < len && !separates(text[run]) && !(is_in_one && run == SHEET_GROUP_CHARS))
        run++;
    return run;
}

enum rc
sheet_from_text(const void *text, size_t len, struct secret *sheet)
{
    const uint8_t *at = text, *end = at + len;
    struct secret made = SECRET_EMPTY;
    uint8_t data[SHEET_GROUP_CHARS] = {0};
    unsigned groups = 0;
    enum rc rc = secret_make(&made, SHEET_SECRET_BYTES);

    while (at < end && separates(*at))
        at++;
    bool is_in_one = run_length(at, (size_t)(end - at), false) == SHEET_GROUPS * SHEET_GROUP_CHARS;
    while (rc == RC_OK && at < end) {
        size_t run = run_length(at, (size_t)(end - at), is_in_one);
        if (groups == SHEET_GROUPS)
            rc = rc_fail(RC_INVALID, _("something stands after group %d, the last"), SHEET_GROUPS);
        else
            rc = read_group(groups + 1, at, run, data);
        if (rc == RC_OK)
            put_group(groups++, data, made.bytes);
        at += run;
        while (at < end && separates(*at))
            at++;
    }
    if (rc == RC_OK && groups < SHEET_GROUPS)
        rc = rc_fail(RC_INVALID, _("a recovery sheet has %d groups; here are %u"), SHEET_GROUPS, groups);
    wipe(data, sizeof data);
    secret_wipe(sheet);
    if (rc == RC_OK)
        *sheet = made;
    else
        secret_wipe(&made);
    return rc;
}
