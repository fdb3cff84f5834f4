/* Fuzz entry of core/store_token: a token that is taken is written back and read the same; of a file's two slots one that is whole
 * is always found, whatever the other holds. */
#include "core/store_token.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
need(bool holds)
{
    if (!holds)
        abort();
}

static void
read_file(const uint8_t *data, size_t len)
{
    struct store_token token;
    unsigned slot;

    if (store_token_decode_file(data, len, &token, &slot) == RC_OK)
        need(slot < STORE_TOKEN_SLOTS && len <= STORE_TOKEN_FILE_BYTES);
}

/* Begins with a whole slot; the other holds the input. */
static void
read_beside(const struct store_token *whole, unsigned at, const uint8_t *data, size_t len)
{
    static uint8_t file[STORE_TOKEN_FILE_BYTES];
    struct store_token token;
    unsigned slot;

    memset(file, 0, sizeof file);
    if (len > STORE_TOKEN_SLOT_BYTES)
        len = STORE_TOKEN_SLOT_BYTES;
    memcpy(file + (1 - at) * STORE_TOKEN_SLOT_STRIDE, data, len);
    need(store_token_encode_slot(whole, file + at * STORE_TOKEN_SLOT_STRIDE) == RC_OK);
    need(store_token_decode_file(file, sizeof file, &token, &slot) == RC_OK);
    need(token.openings >= whole->openings);
    need(slot != at || memcmp(&token, whole, sizeof token) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct store_token WHOLE = {.device = 1, .inode = 2, .openings = 3};
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES);
    struct store_token token, again;

    read_file(data, len);
    for (unsigned at = 0; at < STORE_TOKEN_SLOTS && len > 0; at++)
        read_beside(&WHOLE, at, data, len);
    if (store_token_decode(data, len, &token) != RC_OK)
        return 0;
    need(store_token_encode(&token, &text) == RC_OK &&
         store_token_decode(text.data, text.len, &again) == RC_OK &&
         memcmp(&token, &again, sizeof token) == 0);
    read_beside(&token, 0, data, len);
    buf_wipe(&text);
    return 0;
}
