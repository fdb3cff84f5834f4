/* What core/backup.c shares with core/backup_restore.c alone: a backup that is read and proven. */
#ifndef CORE_BACKUP_INSIDE_H
#define CORE_BACKUP_INSIDE_H

#include "core/backup.h"

#include <limits.h>

/* By errno, with the path: RC_FULL, RC_ABSENT, else RC_IO. */
enum rc backup_fail_errno(const char *path) MUST_CHECK;
/* The directory that `path` lies in. RC_TOO_LARGE. */
enum rc backup_directory_of(const char *path, char directory[PATH_MAX]) MUST_CHECK;
/* Reads all of the file anew and proves it, copying its pages as they are to `to` unless that is -1. As backup_restore. */
enum rc backup_prove(const char *path, const struct secret *key, struct backup *backup, int to) MUST_CHECK;
/* SQLite's own check of the file of pages at `path`. RC_CORRUPT. */
enum rc backup_check_structure(const char *path, const struct secret *key, const uint8_t *file_id) MUST_CHECK;

#endif
