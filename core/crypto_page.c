/* XChaCha20-Poly1305 by libcrypto: ChaCha20-Poly1305 (RFC 8439) under the key that HChaCha20 gives for a nonce. */
#include "core/crypto_page.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* libcrypto takes two or three milliseconds to start: as long as a thousand pages save. What only looks something up in a
 * store does not wait for that. */
enum { LEN_MOST = 1 << 30, IV_BYTES = 12, HALF_NONCE_BYTES = 16, FIRST_PAGES = 512 };

#ifdef BAKEN_CONTROL_IDENTITY_CIPHER
/* The demo's control: what libcrypto lacks falls to core/crypto.c, which then hides nothing. */
static const char CIPHER[] = "none";
#else
static const char CIPHER[] = "ChaCha20-Poly1305";
#endif

struct crypto_page {
    unsigned first;      /* pages done by libsodium, up to FIRST_PAGES */
    EVP_CIPHER *cipher;  /* NULL: not started, or libcrypto lacks it */
    EVP_CIPHER_CTX *ctx; /* empty between two calls */
};

enum rc
crypto_page_new(struct crypto_page **out)
{
    struct crypto_page *page = calloc(1, sizeof *page);

    *out = NULL;
    if (page == NULL)
        return rc_nomem();
    *out = page;
    return RC_OK;
}

void
crypto_page_free(struct crypto_page *page)
{
    if (page == NULL)
        return;
    EVP_CIPHER_CTX_free(page->ctx);
    EVP_CIPHER_free(page->cipher);
    free(page);
}

bool
crypto_page_is_fast(const struct crypto_page *page)
{
    return page->cipher != NULL;
}

/* The context's key lies in ordinary memory: it is gone, wiped by libcrypto, when a page is done. What libcrypto has to
 * complain of would otherwise be found in its queue by curl. */
static void
empty(struct crypto_page *page, bool is_well)
{
    (void)EVP_CIPHER_CTX_reset(page->ctx);
    if (!is_well)
        ERR_clear_error();
}

/* Once; a failure leaves all to libsodium. A store may be closed while the program exits: libcrypto, which would be gone by then, stays. */
static void
start(struct crypto_page *page)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
        return;
    page->ctx = EVP_CIPHER_CTX_new();
    if (page->ctx != NULL)
        page->cipher = EVP_CIPHER_fetch(NULL, CIPHER, NULL);
    if (page->cipher == NULL)
        ERR_clear_error();
}

static bool
is_ready(struct crypto_page *page)
{
    if (page->first < FIRST_PAGES && ++page->first == FIRST_PAGES)
        start(page);
    return page->cipher != NULL;
}

/* XChaCha20 (draft-irtf-cfrg-xchacha-03, 2.3): the first 16 bytes of the nonce go into the key, the last 8 stay. */
static bool
begin(struct crypto_page *page, const uint8_t *key, const uint8_t *nonce, const void *ad,
      size_t ad_len, bool is_sealing)
{
    uint8_t subkey[CRYPTO_KEY_BYTES];
    uint8_t iv[IV_BYTES] = {0};
    int len;

    crypto_subkey(key, nonce, subkey);
    memcpy(iv + IV_BYTES - (CRYPTO_NONCE_BYTES - HALF_NONCE_BYTES), nonce + HALF_NONCE_BYTES,
           CRYPTO_NONCE_BYTES - HALF_NONCE_BYTES);
    bool is_well = EVP_CipherInit_ex(page->ctx, page->cipher, NULL, subkey, iv, is_sealing) == 1;
    wipe(subkey, sizeof subkey);
    return is_well &&
           (ad_len == 0 || EVP_CipherUpdate(page->ctx, NULL, &len, ad, (int)ad_len) == 1);
}

void
crypto_page_seal(struct crypto_page *page, const uint8_t *key, const uint8_t *nonce, const void *ad,
                 size_t ad_len, const void *plain, size_t len, uint8_t *sealed, uint8_t *tag)
{
    uint8_t none[CRYPTO_TAG_BYTES];
    int done;

    assert(len <= LEN_MOST && ad_len <= LEN_MOST);
    if (!is_ready(page)) {
        crypto_seal_apart(key, nonce, ad, ad_len, plain, len, sealed, tag);
        return;
    }
    bool is_well =
        begin(page, key, nonce, ad, ad_len, true) &&
        (len == 0 || EVP_EncryptUpdate(page->ctx, sealed, &done, plain, (int)len) == 1) &&
        EVP_EncryptFinal_ex(page->ctx, none, &done) == 1 &&
        EVP_CIPHER_CTX_ctrl(page->ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_BYTES, tag) == 1;
    empty(page, is_well);
    if (!is_well)
        crypto_seal_apart(key, nonce, ad, ad_len, plain, len, sealed, tag);
}

bool
crypto_page_open(struct crypto_page *page, const uint8_t *key, const uint8_t *nonce, const void *ad,
                 size_t ad_len, const void *sealed, size_t len, const uint8_t *tag, uint8_t *plain)
{
    uint8_t expected[CRYPTO_TAG_BYTES], none[CRYPTO_TAG_BYTES];
    int done;

    assert(len <= LEN_MOST && ad_len <= LEN_MOST);
    if (!is_ready(page))
        return crypto_open_apart(key, nonce, ad, ad_len, sealed, len, tag, plain);
    memcpy(expected, tag, sizeof expected);
    if (!begin(page, key, nonce, ad, ad_len, false) ||
        EVP_CIPHER_CTX_ctrl(page->ctx, EVP_CTRL_AEAD_SET_TAG, CRYPTO_TAG_BYTES, expected) != 1) {
        empty(page, false);
        return crypto_open_apart(key, nonce, ad, ad_len, sealed, len, tag, plain);
    }
    bool is_well =
        (len == 0 || EVP_DecryptUpdate(page->ctx, plain, &done, sealed, (int)len) == 1) &&
        EVP_DecryptFinal_ex(page->ctx, none, &done) == 1;
    empty(page, is_well);
    if (!is_well && len > 0)
        memset(plain, 0, len);
    return is_well;
}
