/* Own secrets in the store's rows, sealed under a key of the store. */
#include "sync/own_secret.h"

#include <string.h>

#include "core/crypto.h"
#include "core/i18n.h"
#include "sync/keyring.h"
#include "sync/state.h"

/* nonce 24 | sealed | tag 16; AD: "baken own secret" (16) | name */
enum {
    NAME_MOST = 32,
    AD_BYTES = CRYPTO_CONTEXT_BYTES + NAME_MOST,
    SEALED_MOST = CRYPTO_NONCE_BYTES + SECRET_MAX_BYTES + CRYPTO_TAG_BYTES,
};

static size_t
put_ad(const char *name, uint8_t ad[AD_BYTES])
{
    size_t len = strnlen(name, NAME_MOST);

    memcpy(ad, "baken own secret", CRYPTO_CONTEXT_BYTES);
    memcpy(ad + CRYPTO_CONTEXT_BYTES, name, len);
    return CRYPTO_CONTEXT_BYTES + len;
}

enum rc
own_secret_put(struct db *db, const struct secret *sealing, const char *name, const struct secret *value)
{
    uint8_t sealed[SEALED_MOST], ad[AD_BYTES];
    size_t ad_len = put_ad(name, ad);

    random_fill(sealed, CRYPTO_NONCE_BYTES);
    crypto_seal(sealing->bytes, sealed, ad, ad_len, value->bytes, value->len,
                sealed + CRYPTO_NONCE_BYTES);
    return state_put_bytes(db, name, sealed, CRYPTO_NONCE_BYTES + value->len + CRYPTO_TAG_BYTES);
}

enum rc
own_secret_get(struct db *db, const struct secret *sealing, const char *name, struct secret *value)
{
    struct buf sealed = BUF_EMPTY(SEALED_MOST);
    uint8_t ad[AD_BYTES];
    size_t ad_len = put_ad(name, ad);

    secret_wipe(value);
    enum rc rc = state_get_bytes(db, name, &sealed);
    if (rc == RC_OK && sealed.len < CRYPTO_NONCE_BYTES + CRYPTO_TAG_BYTES)
        rc = rc_fail(RC_CORRUPT, _("the own secret `%s` is damaged"), name);
    if (rc == RC_OK)
        rc = secret_make(value, sealed.len - CRYPTO_NONCE_BYTES - CRYPTO_TAG_BYTES);
    if (rc == RC_OK &&
        !crypto_open(sealing->bytes, sealed.data, ad, ad_len, sealed.data + CRYPTO_NONCE_BYTES,
                     sealed.len - CRYPTO_NONCE_BYTES, value->bytes)) {
        secret_wipe(value);
        rc = rc_fail(RC_CORRUPT, _("the own secret `%s` is damaged"), name);
    }
    buf_wipe(&sealed);
    return rc;
}

/* ---- what was stored before rows were sealed ---- */

static enum rc
seal_state(struct db *db, const struct secret *sealing, const char *name)
{
    struct buf plain = BUF_EMPTY(SECRET_MAX_BYTES);
    struct secret value = SECRET_EMPTY;
    enum rc rc = state_get_bytes(db, name, &plain);

    if (rc == RC_OK)
        rc = secret_copy(&value, plain.data, plain.len);
    if (rc == RC_OK)
        rc = own_secret_put(db, sealing, name, &value);
    secret_wipe(&value);
    buf_wipe(&plain);
    return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
read_plain_keys(struct db *db, struct keyring *keys)
{
    struct secret key = SECRET_EMPTY;
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(db, "SELECT stream, epoch, sealed FROM sync_key", &stmt);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && found) {
        struct id stream;
        rc = stmt_step(stmt, &found);
        if (rc != RC_OK || !found)
            break;
        rc = stmt_get_id(stmt, 0, &stream);
        if (rc == RC_OK)
            rc = secret_make(&key, CRYPTO_KEY_BYTES);
        if (rc == RC_OK)
            rc = stmt_get_fixed(stmt, 2, key.bytes, CRYPTO_KEY_BYTES);
        if (rc == RC_OK)
            rc = keyring_put(keys, stream, (uint32_t)stmt_get_int(stmt, 1), &key);
    }
    stmt_done(stmt);
    secret_wipe(&key);
    return rc;
}

static enum rc
seal_keys(struct db *db, const struct secret *sealing)
{
    struct keyring *keys = NULL;
    enum rc rc = keyring_new_under(sealing, &keys);

    if (rc == RC_OK)
        rc = read_plain_keys(db, keys);
    for (size_t i = 0; rc == RC_OK && i < keyring_count(keys); i++) {
        uint8_t sealed[KEYRING_SEALED_BYTES];
        struct stmt *stmt;
        struct id stream;
        uint32_t epoch;
        keyring_sealed_at(keys, i, &stream, &epoch, sealed);
        rc = db_stmt(db, "UPDATE sync_key SET sealed = ?3 WHERE stream = ?1 AND epoch = ?2", &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, stream);
        stmt_int(stmt, 2, epoch);
        stmt_blob(stmt, 3, sealed, sizeof sealed);
        rc = stmt_finish(stmt);
    }
    keyring_free(keys);
    return rc;
}

enum rc
own_secret_seal_earlier(struct db *db, const struct secret *sealing)
{
    int64_t must_seal;
    enum rc rc = state_get_int(db, STATE_MUST_SEAL, &must_seal);

    if (rc != RC_OK || must_seal == 0)
        return rc;
    rc = db_begin(db);
    if (rc != RC_OK)
        return rc;
    rc = seal_keys(db, sealing);
    if (rc == RC_OK)
        rc = seal_state(db, sealing, STATE_IDENTITY);
    if (rc == RC_OK)
        rc = seal_state(db, sealing, STATE_INVITATION);
    if (rc == RC_OK)
        rc = state_drop(db, STATE_MUST_SEAL);
    return db_end(db, rc);
}
