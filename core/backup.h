/* A store in one sealed file: written while others write to the store, proven, and put back. */
#ifndef CORE_BACKUP_H
#define CORE_BACKUP_H

#include "core/rc.h"
#include "core/secret.h"
#include "core/store.h"
#include "core/store_key.h"

#include <stddef.h>
#include <stdint.h>

enum { BACKUP_TRAILER_BYTES = 72, BACKUP_FORMAT = 1 };

/* The end of the file; docs/STORE.md section 11 draws it. */
struct backup_trailer {
    uint32_t slots_len;
    uint64_t pages;
    uint64_t made_ms; /* UTC */
};

struct backup {
    struct backup_trailer trailer;
    struct store_slots slots;
    uint64_t bytes; /* of the whole file */
};

/* Reads the last BACKUP_TRAILER_BYTES of a file of `bytes` bytes: sizes agree, nothing is proven. RC_CORRUPT;
 * RC_UNSUPPORTED a newer format. */
enum rc backup_trailer_decode(const uint8_t trailer[BACKUP_TRAILER_BYTES], uint64_t bytes,
                              struct backup_trailer *out) MUST_CHECK;

/*
 * Writes what the store (opened in whichever way) holds at this moment to a new file that only the user may read, durably;
 * then reads it back, proves every page and checks the structure. Another may write meanwhile.
 *
 * fails  RC_EXISTS there is such a file; RC_FULL, RC_IO, RC_CORRUPT: there is no file then
 */
enum rc backup_write(struct store *store, const char *path, struct backup *backup) MUST_CHECK;

/* What the file says of itself, before anything is proven. RC_ABSENT, RC_CORRUPT, RC_UNSUPPORTED, RC_IO. */
enum rc backup_look(const char *path, struct backup *backup) MUST_CHECK;

/*
 * Makes the file the store in `directory`: writes it beside, proves every page and the structure, and puts it in its place
 * in one step.
 *
 * key    that the slots of the backup give
 * aside  NULL when nothing is there but an empty directory or none; else the store that is there is called so
 *        afterwards. It must lie beside `directory`. Who calls holds no store open there.
 * fails  RC_LOCKED, RC_CORRUPT, RC_FULL, RC_IO, RC_EXISTS, RC_BUSY: what was there is untouched
 */
enum rc backup_restore(const char *path, const struct secret *key, const char *directory, const char *aside,
                       const struct clock *clock, struct backup *backup) MUST_CHECK;

/* Removes the files of a store that was begun in a directory of its own, and the directory. */
void backup_clear_stage(const char *directory);

#endif
