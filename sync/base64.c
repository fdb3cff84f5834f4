/* Base64 (RFC 4648): with padding for headers, the URL-safe form without for invitations. Strict. */
#include "sync/base64.h"

#include <string.h>

#include "core/i18n.h"
#include "sync/writer.h"

static const char *
alphabet(enum base64_form form)
{
    return form == BASE64_URL ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                              : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

enum rc
base64_encode(const void *bytes, size_t len, enum base64_form form, struct buf *text)
{
    struct writer writer = writer_of(text);
    const uint8_t *at = bytes;
    const char *letters = alphabet(form);

    for (size_t i = 0; i < len; i += 3) {
        size_t here = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)at[i] << 16;
        if (here > 1)
            group |= (uint32_t)at[i + 1] << 8;
        if (here > 2)
            group |= at[i + 2];
        for (size_t k = 0; k < 4; k++) {
            if (k <= here)
                writer_u8(&writer, (uint8_t)letters[group >> (18 - 6 * k) & 63]);
            else if (form == BASE64_PADDED)
                writer_u8(&writer, '=');
        }
    }
    return writer_finish(&writer);
}

static enum rc
refuse(void)
{
    return rc_fail(RC_INVALID, _("the text is not base64"));
}

enum rc
base64_decode(const char *text, size_t len, enum base64_form form, struct buf *bytes)
{
    struct writer writer = writer_of(bytes);
    const char *letters = alphabet(form);
    uint32_t group = 0;
    unsigned bits = 0;

    if (form == BASE64_PADDED) {
        if (len % 4 != 0)
            return refuse();
        for (unsigned i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
            len--;
    }
    for (size_t i = 0; i < len; i++) {
        const char *found = text[i] == '\0' ? NULL : strchr(letters, text[i]);
        if (found == NULL)
            return refuse();
        group = group << 6 | (uint32_t)(found - letters);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            writer_u8(&writer, (uint8_t)(group >> bits));
            group &= (1U << bits) - 1;
        }
    }
    if (bits >= 6 || group != 0) {
        bytes->len = writer.start;
        return refuse();
    }
    return writer_finish(&writer);
}
