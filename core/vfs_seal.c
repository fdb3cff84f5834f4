/* The sealed units of a store: page, WAL start, WAL frame, journal slot. */
#include "core/vfs_seal.h"

#include <string.h>

enum {
    AD_BYTES = VFS_FILE_ID_BYTES + 8 + 8,
    AD_FRAME_BYTES = AD_BYTES + CRYPTO_NONCE_BYTES,
    CHECKED_BYTES = VFS_SALT_BYTES + 1,
    AD_SLOT_BYTES = AD_BYTES + VFS_FILE_ID_BYTES + 8,
    JOURNAL_FORMAT = 1,
    JOURNAL_CHECKED_BYTES = 48,
    CIPHER_XCHACHA20_POLY1305 = 1, /* bound into the keys: a second suite never shares them */
};

const uint8_t VFS_SQLITE_MAGIC[16] = "SQLite format 3";

static void
take_nonce(struct vfs_nonces *nonces, uint8_t nonce[CRYPTO_NONCE_BYTES])
{
    if (nonces->left == 0) {
        random_fill(nonces->pool, sizeof nonces->pool);
        nonces->left = VFS_NONCES;
    }
    nonces->left--;
    uint8_t *next = nonces->pool + nonces->left * CRYPTO_NONCE_BYTES;
    memcpy(nonce, next, CRYPTO_NONCE_BYTES);
    wipe(next, CRYPTO_NONCE_BYTES);
}

void
vfs_nonces_wipe(struct vfs_nonces *nonces)
{
    wipe(nonces, sizeof *nonces);
}

static void
put_ad(uint8_t *ad, const uint8_t id[VFS_FILE_ID_BYTES], uint64_t number, const char *kind)
{
    memcpy(ad, id, VFS_FILE_ID_BYTES);
    for (unsigned i = 0; i < 8; i++)
        ad[VFS_FILE_ID_BYTES + i] = (uint8_t)(number >> (56 - 8 * i));
    memcpy(ad + VFS_FILE_ID_BYTES + 8, kind, 8);
}

static void
put_check(const struct secret *master, uint8_t id[VFS_FILE_ID_BYTES])
{
    uint8_t check[CRYPTO_HASH_BYTES];

    crypto_commit(master, "baken file check", id, CHECKED_BYTES, check);
    memcpy(id + CHECKED_BYTES, check, VFS_FILE_ID_BYTES - CHECKED_BYTES);
}

void
vfs_id_make(const struct secret *master, uint8_t id[VFS_FILE_ID_BYTES])
{
    random_fill(id, VFS_SALT_BYTES);
    id[VFS_SALT_BYTES] = VFS_FORMAT;
    put_check(master, id);
}

int
vfs_id_judge(const struct secret *master, const uint8_t id[VFS_FILE_ID_BYTES])
{
    uint8_t expected[VFS_FILE_ID_BYTES];

    memcpy(expected, id, VFS_FILE_ID_BYTES);
    put_check(master, expected);
    /* Not a secret: the check stands in the clear and its 56 bits only tell keys apart. It covers
     * the format byte, so that a format of tomorrow is told from a wrong key. */
    if (memcmp(expected, id, VFS_FILE_ID_BYTES) == 0)
        return id[VFS_SALT_BYTES] == VFS_FORMAT ? VFS_FITS : VFS_NEWER;
    return id[VFS_SALT_BYTES] == VFS_FORMAT ? VFS_WRONG_KEY : VFS_FOREIGN;
}

enum rc
vfs_keys_derive(struct vfs_keys *keys, const struct secret *master,
                const uint8_t id[VFS_FILE_ID_BYTES])
{
    uint8_t info[VFS_FILE_ID_BYTES + 1];
    enum rc rc;

    memcpy(info, id, VFS_FILE_ID_BYTES);
    info[VFS_FILE_ID_BYTES] = CIPHER_XCHACHA20_POLY1305;
    rc = crypto_derive(master, "baken file main", info, sizeof info, &keys->page, CRYPTO_KEY_BYTES);
    if (rc == RC_OK)
        rc = crypto_derive(master, "baken file wal", info, sizeof info, &keys->wal,
                           CRYPTO_KEY_BYTES);
    crypto_page_free(keys->cipher);
    keys->cipher = NULL;
    if (rc == RC_OK)
        rc = crypto_page_new(&keys->cipher);
    if (rc != RC_OK) {
        vfs_keys_wipe(keys);
        return rc;
    }
    memcpy(keys->id, id, VFS_FILE_ID_BYTES);
    return RC_OK;
}

void
vfs_keys_wipe(struct vfs_keys *keys)
{
    secret_wipe(&keys->page);
    secret_wipe(&keys->wal);
    crypto_page_free(keys->cipher);
    keys->cipher = NULL;
}

void
vfs_page_seal(const struct vfs_keys *keys, struct vfs_nonces *nonces, uint64_t number,
              const uint8_t *plain, uint8_t *sealed)
{
    uint8_t ad[AD_BYTES];
    size_t head = number == 1 ? VFS_FILE_ID_BYTES : 0;
    uint8_t *nonce = sealed + VFS_PAGE_SEALED_BYTES;

    put_ad(ad, keys->id, number, "mainpage");
    take_nonce(nonces, nonce);
    memcpy(sealed, keys->id, head);
    crypto_page_seal(keys->cipher, keys->page.bytes, nonce, ad, sizeof ad, plain + head,
                     VFS_PAGE_SEALED_BYTES - head, sealed + head, nonce + CRYPTO_NONCE_BYTES);
}

bool
vfs_page_open(const struct vfs_keys *keys, uint64_t number, uint8_t *page)
{
    uint8_t ad[AD_BYTES];
    size_t head = number == 1 ? VFS_FILE_ID_BYTES : 0;
    uint8_t *nonce = page + VFS_PAGE_SEALED_BYTES;

    put_ad(ad, keys->id, number, "mainpage");
    if (!crypto_page_open(keys->cipher, keys->page.bytes, nonce, ad, sizeof ad, page + head,
                          VFS_PAGE_SEALED_BYTES - head, nonce + CRYPTO_NONCE_BYTES, page + head))
        return false;
    memcpy(page, VFS_SQLITE_MAGIC, head);
    memset(nonce, 0, VFS_RESERVED_BYTES);
    return true;
}

void
vfs_start_seal(const struct vfs_keys *keys, struct vfs_nonces *nonces,
               const uint8_t header[VFS_WAL_HEADER_BYTES], uint8_t unit[VFS_START_BYTES])
{
    uint8_t ad[AD_BYTES];
    uint8_t *sealed = unit + CRYPTO_NONCE_BYTES;

    put_ad(ad, keys->id, 0, "walstart");
    take_nonce(nonces, unit);
    crypto_page_seal(keys->cipher, keys->wal.bytes, unit, ad, sizeof ad, header,
                     VFS_WAL_HEADER_BYTES, sealed, sealed + VFS_WAL_HEADER_BYTES);
}

bool
vfs_start_open(const struct vfs_keys *keys, const uint8_t unit[VFS_START_BYTES],
               uint8_t header[VFS_WAL_HEADER_BYTES])
{
    uint8_t ad[AD_BYTES];
    const uint8_t *sealed = unit + CRYPTO_NONCE_BYTES;

    put_ad(ad, keys->id, 0, "walstart");
    return crypto_page_open(keys->cipher, keys->wal.bytes, unit, ad, sizeof ad, sealed,
                            VFS_WAL_HEADER_BYTES, sealed + VFS_WAL_HEADER_BYTES, header);
}

static void
put_frame_ad(uint8_t *ad, const struct vfs_keys *keys, const uint8_t *generation, uint64_t number)
{
    put_ad(ad, keys->id, number, "walframe");
    memcpy(ad + AD_BYTES, generation, CRYPTO_NONCE_BYTES);
}

void
vfs_frame_seal(const struct vfs_keys *keys, struct vfs_nonces *nonces, const uint8_t *generation,
               uint64_t number, const uint8_t frame[VFS_FRAME_BYTES],
               uint8_t unit[VFS_FRAME_UNIT_BYTES])
{
    uint8_t ad[AD_FRAME_BYTES];
    uint8_t *sealed = unit + CRYPTO_NONCE_BYTES;

    put_frame_ad(ad, keys, generation, number);
    take_nonce(nonces, unit);
    crypto_page_seal(keys->cipher, keys->wal.bytes, unit, ad, sizeof ad, frame, VFS_FRAME_BYTES,
                     sealed, sealed + VFS_FRAME_BYTES);
}

bool
vfs_frame_open(const struct vfs_keys *keys, const uint8_t *generation, uint64_t number,
               uint8_t unit[VFS_FRAME_UNIT_BYTES])
{
    uint8_t ad[AD_FRAME_BYTES];
    uint8_t *frame = unit + CRYPTO_NONCE_BYTES;

    put_frame_ad(ad, keys, generation, number);
    return crypto_page_open(keys->cipher, keys->wal.bytes, unit, ad, sizeof ad, frame,
                            VFS_FRAME_BYTES, frame + VFS_FRAME_BYTES, frame);
}

bool
vfs_frame_is_commit(const uint8_t frame[VFS_FRAME_BYTES])
{
    return (frame[4] | frame[5] | frame[6] | frame[7]) != 0;
}

static void
put_journal_check(const struct secret *master, uint8_t header[VFS_JOURNAL_HEADER_BYTES])
{
    uint8_t check[CRYPTO_HASH_BYTES];

    crypto_commit(master, "baken jrnl check", header, JOURNAL_CHECKED_BYTES, check);
    memcpy(header + JOURNAL_CHECKED_BYTES, check, VFS_JOURNAL_HEADER_BYTES - JOURNAL_CHECKED_BYTES);
}

void
vfs_journal_begin(const struct secret *master, const uint8_t file_id[VFS_FILE_ID_BYTES],
                  uint8_t header[VFS_JOURNAL_HEADER_BYTES])
{
    memset(header, 0, VFS_JOURNAL_HEADER_BYTES);
    random_fill(header, VFS_FILE_ID_BYTES);
    memcpy(header + VFS_FILE_ID_BYTES, file_id, VFS_FILE_ID_BYTES);
    header[2 * VFS_FILE_ID_BYTES] = JOURNAL_FORMAT;
    header[2 * VFS_FILE_ID_BYTES + 1] = CIPHER_XCHACHA20_POLY1305;
    put_journal_check(master, header);
}

bool
vfs_journal_fits(const struct secret *master, const uint8_t header[VFS_JOURNAL_HEADER_BYTES],
                 const uint8_t *file_id)
{
    uint8_t expected[VFS_JOURNAL_HEADER_BYTES];

    memcpy(expected, header, sizeof expected);
    put_journal_check(master, expected);
    return memcmp(expected, header, sizeof expected) == 0 &&
           header[2 * VFS_FILE_ID_BYTES] == JOURNAL_FORMAT &&
           header[2 * VFS_FILE_ID_BYTES + 1] == CIPHER_XCHACHA20_POLY1305 &&
           (file_id == NULL || memcmp(header + VFS_FILE_ID_BYTES, file_id, VFS_FILE_ID_BYTES) == 0);
}

enum rc
vfs_journal_key(const struct secret *master, const uint8_t header[VFS_JOURNAL_HEADER_BYTES],
                struct secret *key)
{
    uint8_t info[VFS_FILE_ID_BYTES + 1];

    memcpy(info, header, VFS_FILE_ID_BYTES);
    info[VFS_FILE_ID_BYTES] = CIPHER_XCHACHA20_POLY1305;
    return crypto_derive(master, "baken file jrnl", info, sizeof info, key, CRYPTO_KEY_BYTES);
}

static void
put_slot_ad(uint8_t *ad, const uint8_t *header, uint64_t number, const uint8_t *slot)
{
    put_ad(ad, header, number, "jrnlslot");
    memcpy(ad + AD_BYTES, header + VFS_FILE_ID_BYTES, VFS_FILE_ID_BYTES);
    memcpy(ad + AD_BYTES + VFS_FILE_ID_BYTES, slot + VFS_EXTRA_BYTES, 8);
}

void
vfs_slot_seal(const struct secret *key, struct vfs_nonces *nonces, const uint8_t *header,
              uint64_t number, size_t len, uint8_t slot[VFS_SLOT_BYTES])
{
    uint8_t ad[AD_SLOT_BYTES];
    uint8_t *bytes = slot + VFS_SLOT_HEAD_BYTES;

    memset(slot, 0, VFS_SLOT_HEAD_BYTES);
    slot[VFS_EXTRA_BYTES] = (uint8_t)(len >> 8);
    slot[VFS_EXTRA_BYTES + 1] = (uint8_t)len;
    put_slot_ad(ad, header, number, slot);
    take_nonce(nonces, slot);
    crypto_seal_apart(key->bytes, slot, ad, sizeof ad, bytes, VFS_CHUNK_BYTES, bytes,
                      slot + CRYPTO_NONCE_BYTES);
}

bool
vfs_slot_open(const struct secret *key, const uint8_t *header, uint64_t number,
              uint8_t slot[VFS_SLOT_BYTES], size_t *len)
{
    uint8_t ad[AD_SLOT_BYTES];
    uint8_t *bytes = slot + VFS_SLOT_HEAD_BYTES;

    put_slot_ad(ad, header, number, slot);
    *len = (size_t)(slot[VFS_EXTRA_BYTES] << 8 | slot[VFS_EXTRA_BYTES + 1]);
    return crypto_open_apart(key->bytes, slot, ad, sizeof ad, bytes, VFS_CHUNK_BYTES,
                             slot + CRYPTO_NONCE_BYTES, bytes) &&
           *len > 0 && *len <= VFS_CHUNK_BYTES;
}
