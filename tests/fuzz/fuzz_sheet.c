/* Fuzz entry of core/sheet: what is taken for a recovery sheet prints back as the same one. */
#include "core/sheet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct secret sheet = SECRET_EMPTY, text = SECRET_EMPTY, back = SECRET_EMPTY;

    if (secret_start() != RC_OK)
        abort();
    if (sheet_from_text(data, len, &sheet) == RC_OK) {
        if (sheet.len != SHEET_SECRET_BYTES || sheet_to_text(&sheet, &text) != RC_OK ||
            sheet_from_text(text.bytes, text.len, &back) != RC_OK || !secret_equal(&sheet, &back))
            abort();
    } else if (sheet.bytes != NULL) {
        abort();
    }
    secret_wipe(&sheet);
    secret_wipe(&text);
    secret_wipe(&back);
    return 0;
}
