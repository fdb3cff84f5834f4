/* Fuzz entry of core/store_token: a token that is taken is written back and read the same. */
#include "core/store_token.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES);
    struct store_token token, again;

    if (store_token_decode(data, len, &token) != RC_OK)
        return 0;
    if (store_token_encode(&token, &text) != RC_OK ||
        store_token_decode(text.data, text.len, &again) != RC_OK ||
        memcmp(&token, &again, sizeof token) != 0)
        abort();
    buf_wipe(&text);
    return 0;
}
