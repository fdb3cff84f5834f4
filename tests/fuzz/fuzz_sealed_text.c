/* Fuzz entry of sync/ledger_item: a name or label as a colleague with the team's key may have sealed it. What is taken
 * is text, and comes back when it is sealed anew. */
#include "sync/ledger_op.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { GRAIN_BYTES = 64, PLAIN_MOST_BYTES = LEDGER_SEALED_TEXT_BYTES - CRYPTO_TAG_BYTES };

static void
need(bool holds)
{
    if (!holds)
        abort();
}

/* The input, cut or filled with zeros to a length that a sealed text may have. */
static void
seal(const struct secret *key, struct id subject, const uint8_t *data, size_t len,
     struct ledger_text *sealed)
{
    uint8_t associated[CRYPTO_CONTEXT_BYTES + ID_BYTES] = "baken name 1";
    uint8_t plain[PLAIN_MOST_BYTES] = {0};

    if (len > sizeof plain)
        len = sizeof plain;
    if (len > 0)
        memcpy(plain, data, len);
    size_t padded = len == 0 ? GRAIN_BYTES : (len + GRAIN_BYTES - 1) / GRAIN_BYTES * GRAIN_BYTES;
    memcpy(associated + CRYPTO_CONTEXT_BYTES, subject.bytes, ID_BYTES);
    *sealed = (struct ledger_text){.epoch = 1, .len = (uint16_t)(padded + CRYPTO_TAG_BYTES)};
    crypto_seal(key->bytes, sealed->nonce, associated, sizeof associated, plain, padded,
                sealed->bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct secret key;
    static const uint8_t key_bytes[CRYPTO_KEY_BYTES] = {7};
    const struct id subject = {{1, 2, 3}};
    struct ledger_text sealed;
    char text[LEDGER_TEXT_BYTES + 1], again[LEDGER_TEXT_BYTES + 1];

    if (key.bytes == NULL)
        need(secret_start() == RC_OK && secret_copy(&key, key_bytes, sizeof key_bytes) == RC_OK);
    seal(&key, subject, data, len, &sealed);
    if (ledger_text_open(&sealed, &key, subject, text) == RC_OK) {
        need(text_check(text, strlen(text), LEDGER_TEXT_BYTES, "the name") == RC_OK);
        need(ledger_text_seal(&key, 1, subject, text, &sealed) == RC_OK);
        need(ledger_text_open(&sealed, &key, subject, again) == RC_OK && strcmp(text, again) == 0);
    }
    sealed.bytes[0] ^= 1;
    need(ledger_text_open(&sealed, &key, subject, text) == RC_CORRUPT);
    return 0;
}
