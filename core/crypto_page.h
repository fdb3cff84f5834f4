/* XChaCha20-Poly1305 for many pages under few keys, by libcrypto: byte for byte what core/crypto.h gives, in about 0.6 of
 * its time (docs/decisions/006-pages-by-libcrypto.md). The home of openssl/. */
#ifndef CORE_CRYPTO_PAGE_H
#define CORE_CRYPTO_PAGE_H

#include "core/crypto.h"
#include "core/rc.h"

/* What can be used again from page to page; it holds no key between two calls. One thread at a time. */
struct crypto_page;

/* RC_NOMEM. libsodium does the first 512 pages, and all where libcrypto has no such cipher (a FIPS provider). */
enum rc crypto_page_new(struct crypto_page **page) MUST_CHECK;
void crypto_page_free(struct crypto_page *page);          /* accepts NULL */
bool crypto_page_is_fast(const struct crypto_page *page); /* libcrypto is at work */

/* As crypto_seal_apart and crypto_open_apart; `len` at most 1 GiB. In sealing, `plain` and `sealed` do not overlap: what
 * libcrypto fails to do (memory) libsodium then does. */
void crypto_page_seal(struct crypto_page *page, const uint8_t *key, const uint8_t *nonce,
                      const void *ad, size_t ad_len, const void *plain, size_t len, uint8_t *sealed,
                      uint8_t *tag);
bool crypto_page_open(struct crypto_page *page, const uint8_t *key, const uint8_t *nonce,
                      const void *ad, size_t ad_len, const void *sealed, size_t len,
                      const uint8_t *tag, uint8_t *plain) MUST_CHECK;

#endif
