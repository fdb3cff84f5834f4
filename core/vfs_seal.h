/* The sealed units of a store: page, WAL start, WAL frame, journal slot. Private to core/vfs*; no SQLite. */
#ifndef CORE_VFS_SEAL_H
#define CORE_VFS_SEAL_H

#include "core/crypto_page.h"
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
 *   file id     salt 8, format (12: XChaCha20-Poly1305, pages of 2^12), keyed check 7
 *   journal     0..15 its own id  16..31 file id  32 format 1  33 cipher 1  34..47 zeros  48..63 keyed check
 *   slot        0..23 nonce  24..39 tag  40..41 length u16  42..47 zeros  48..4143 sealed
 *               AD: journal id 16, slot number u64, "jrnlslot", file id 16, bytes 40..47 of the slot
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
    VFS_FORMAT = 12, /* byte 8 of the file id: high half 0, this cipher; low half log2 of the page size */
    VFS_CHUNK_BYTES = 4096,
    VFS_SLOT_HEAD_BYTES = 48,
    VFS_SLOT_BYTES = VFS_SLOT_HEAD_BYTES + VFS_CHUNK_BYTES,
    VFS_JOURNAL_HEADER_BYTES = 64,
};

/* What vfs_id_judge says, in SQLite's codes. */
enum {
    VFS_FITS = 0,     /* SQLITE_OK */
    VFS_FOREIGN = 26, /* SQLITE_NOTADB */
};

extern const uint8_t VFS_SQLITE_MAGIC[16];

/* Random nonces drawn by the pool; one pool per file object, for a pool of the whole process would
 * give the same nonces twice after a fork. */
struct vfs_nonces {
    uint8_t pool[VFS_NONCES * CRYPTO_NONCE_BYTES];
    size_t left;
};

/* What one file is sealed under; used by one thread at a time, as its connection is. */
struct vfs_keys {
    struct crypto_page *cipher;
    uint8_t id[VFS_FILE_ID_BYTES];
    struct secret page;
    struct secret wal;
};

#define VFS_KEYS_EMPTY ((struct vfs_keys){.cipher = NULL})

void vfs_nonces_wipe(struct vfs_nonces *nonces);

void vfs_id_make(const struct secret *master, uint8_t id[VFS_FILE_ID_BYTES]);
/* Whether the id was made under this key: VFS_FITS; VFS_NEWER: yes, but of a format that is not known
 * here; VFS_WRONG_KEY: no, though it looks like one; VFS_FOREIGN: no. */
int vfs_id_judge(const struct secret *master, const uint8_t id[VFS_FILE_ID_BYTES]);
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
/* Frames count from 1. Opening works in place: the frame lies from CRYPTO_NONCE_BYTES on. */
void vfs_frame_seal(const struct vfs_keys *keys, struct vfs_nonces *nonces,
                    const uint8_t *generation, uint64_t number,
                    const uint8_t frame[VFS_FRAME_BYTES], uint8_t unit[VFS_FRAME_UNIT_BYTES]);
bool vfs_frame_open(const struct vfs_keys *keys, const uint8_t *generation, uint64_t number,
                    uint8_t unit[VFS_FRAME_UNIT_BYTES]) MUST_CHECK;
/* Whether an open frame ends a commit: bytes 4..7 of its header are not zero then (SQLite's file format, 4.1). */
bool vfs_frame_is_commit(const uint8_t frame[VFS_FRAME_BYTES]);

/* A rollback journal has an id of its own, for it is begun anew with each transaction. */
void vfs_journal_begin(const struct secret *master, const uint8_t file_id[VFS_FILE_ID_BYTES],
                       uint8_t header[VFS_JOURNAL_HEADER_BYTES]);
/* Whether these are the first bytes of a journal of ours. file_id: of the main file that it must
 * belong to; NULL for any. */
bool vfs_journal_fits(const struct secret *master, const uint8_t header[VFS_JOURNAL_HEADER_BYTES],
                      const uint8_t *file_id);
enum rc vfs_journal_key(const struct secret *master, const uint8_t header[VFS_JOURNAL_HEADER_BYTES],
                        struct secret *key) MUST_CHECK;
/* Slots count from 1. Both work in place on a slot whose plain or sealed bytes lie from
 * VFS_SLOT_HEAD_BYTES on; `len` of them, 1 to VFS_CHUNK_BYTES, are the journal's. */
void vfs_slot_seal(const struct secret *key, struct vfs_nonces *nonces, const uint8_t *header,
                   uint64_t number, size_t len, uint8_t slot[VFS_SLOT_BYTES]);
bool vfs_slot_open(const struct secret *key, const uint8_t *header, uint64_t number,
                   uint8_t slot[VFS_SLOT_BYTES], size_t *len) MUST_CHECK;

#endif
