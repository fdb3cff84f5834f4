/* The sealed units of a store: page, WAL start, WAL frame. Private to core/vfs*; no SQLite in it. */
#ifndef CORE_VFS_SEAL_H
#define CORE_VFS_SEAL_H

#include "core/crypto.h"
#include "core/rc.h"
#include "core/secret.h"
#include "core/vfs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * On disk (docs/STORE.md draws the same):
 *
 *   page n      0..4055 sealed  4056..4079 nonce  4080..4095 tag      page 1: 0..15 file id, sealed from 16
 *               AD: file id 16, page number u64, "mainpage"
 *   WAL start   0..23 nonce  24..55 sealed header of SQLite  56..71 tag
 *               AD: file id 16, 0 u64, "walstart"
 *   WAL frame   0..23 nonce  24..4143 sealed header 24 and page 4096  4144..4159 tag
 *               AD: file id 16, frame number u64, "walframe", nonce of the WAL start 24 (its generation)
 *   file id     salt 8, log2 of the page size (12), keyed check 7
 */
enum {
    VFS_PAGE_SEALED_BYTES = VFS_PAGE_BYTES - VFS_RESERVED_BYTES,
    VFS_EXTRA_BYTES = CRYPTO_NONCE_BYTES + CRYPTO_TAG_BYTES,
    VFS_WAL_HEADER_BYTES = 32,
    VFS_START_BYTES = VFS_WAL_HEADER_BYTES + VFS_EXTRA_BYTES,
    VFS_FRAME_HEADER_BYTES = 24,
    VFS_FRAME_BYTES = VFS_FRAME_HEADER_BYTES + VFS_PAGE_BYTES,
    VFS_FRAME_UNIT_BYTES = VFS_FRAME_BYTES + VFS_EXTRA_BYTES,
    VFS_NONCES = 64,
    VFS_SALT_BYTES = 8,
    VFS_PAGE_LOG2 = 12,
};

extern const uint8_t VFS_SQLITE_MAGIC[16];

/* Random nonces drawn by the pool; one pool per file object, for a pool of the whole process would
 * give the same nonces twice after a fork. */
struct vfs_nonces {
    uint8_t pool[VFS_NONCES * CRYPTO_NONCE_BYTES];
    size_t left;
};

/* What one file is sealed under. */
struct vfs_keys {
    uint8_t id[VFS_FILE_ID_BYTES];
    struct secret page;
    struct secret wal;
    bool is_ready;
};

void vfs_nonces_wipe(struct vfs_nonces *nonces);

void vfs_id_make(const struct secret *master, uint8_t id[VFS_FILE_ID_BYTES]);
bool vfs_id_fits(const struct secret *master, const uint8_t id[VFS_FILE_ID_BYTES]);
enum rc vfs_keys_derive(struct vfs_keys *keys, const struct secret *master,
                        const uint8_t id[VFS_FILE_ID_BYTES]) MUST_CHECK;
void vfs_keys_wipe(struct vfs_keys *keys);

/* Pages count from 1. `plain` and `sealed` are whole pages and do not overlap. */
void vfs_page_seal(const struct vfs_keys *keys, struct vfs_nonces *nonces, uint64_t number,
                   const uint8_t *plain, uint8_t *sealed);
/* In place; the reserved bytes come back as zeros, page 1 with SQLite's magic. */
bool vfs_page_open(const struct vfs_keys *keys, uint64_t number, uint8_t *page) MUST_CHECK;

/* Seals the start of a WAL; its nonce, the first bytes of `unit`, is the new generation. */
void vfs_start_seal(const struct vfs_keys *keys, struct vfs_nonces *nonces,
                    const uint8_t header[VFS_WAL_HEADER_BYTES], uint8_t unit[VFS_START_BYTES]);
bool vfs_start_open(const struct vfs_keys *keys, const uint8_t unit[VFS_START_BYTES],
                    uint8_t header[VFS_WAL_HEADER_BYTES]) MUST_CHECK;
/* Frames count from 1. Both work in place on a unit whose plain or sealed bytes lie from
 * CRYPTO_NONCE_BYTES on. */
void vfs_frame_seal(const struct vfs_keys *keys, struct vfs_nonces *nonces,
                    const uint8_t *generation, uint64_t number, uint8_t unit[VFS_FRAME_UNIT_BYTES]);
bool vfs_frame_open(const struct vfs_keys *keys, const uint8_t *generation, uint64_t number,
                    uint8_t unit[VFS_FRAME_UNIT_BYTES]) MUST_CHECK;

#endif
