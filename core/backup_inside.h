/* What core/backup.c shares with core/backup_restore.c alone: a backup that is read and proven. */
#ifndef CORE_BACKUP_INSIDE_H
#define CORE_BACKUP_INSIDE_H

#include "core/backup.h"
#include "core/vfs_seal.h"

#include <limits.h>

/* By errno, with the path: RC_FULL, RC_ABSENT, else RC_IO. */
enum rc backup_fail_errno(const char *path) MUST_CHECK;
/* The directory that `path` lies in. RC_TOO_LARGE. */
enum rc backup_directory_of(const char *path, char directory[PATH_MAX]) MUST_CHECK;
/* Where proven pages go: a file under an id of its own, for which its keys are. */
struct backup_target {
    int fd;
    struct vfs_keys keys;
    struct vfs_nonces nonces;
};
/* Reads all of the file anew and proves it, sealing its pages anew to `to` unless that is NULL. As backup_restore; a
 * sentence calls the file `named`. */
enum rc backup_prove(const char *path, const char *named, const struct secret *key, struct backup *backup,
                     struct backup_target *to) MUST_CHECK;
/* SQLite's own check of the file of pages at `path`. RC_CORRUPT. */
enum rc backup_check_structure(const char *path, const struct secret *key, const uint8_t *file_id) MUST_CHECK;

#endif
