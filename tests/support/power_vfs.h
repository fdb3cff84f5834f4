/* A disk in memory that can lose power: a VFS to put below ours. Many can live in one process. */
#ifndef TESTS_SUPPORT_POWER_VFS_H
#define TESTS_SUPPORT_POWER_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Every write stays in the disk's cache until the file is synced. When power fails, each 512-byte
 * sector of each write since the last sync is there, is not, or holds garbage (in the bytes that were
 * written only: power-safe overwrite, as SQLite assumes); a file is as long as it was, as it became,
 * or, where it grew, between; a file made or deleted since the last sync is there or is not. From then on every call
 * fails, until power_disk_restore. One thread; locks always hold, so connections take turns. SQLite's
 * randomness is zeros: it draws its own generator from the default VFS.
 */
struct power_disk;

struct power_disk *power_disk_new(void); /* registers its VFS; aborts when memory runs out */
void power_disk_free(struct power_disk *disk);
const char *power_disk_vfs(const struct power_disk *disk);
/* What opens without naming a VFS (a server's depot) lies on this disk from now on. */
void power_disk_make_default(struct power_disk *disk);

/* Power fails in place of the n-th (from 1) operation from now on that changes the disk: write,
 * truncation, sync, deletion. 0: never. */
void power_disk_cut_at(struct power_disk *disk, uint64_t operation);
/* The same, counting syncs alone: nothing of the n-th sync is done. */
void power_disk_cut_at_sync(struct power_disk *disk, uint64_t sync);
/* The n-th operation from now on that changes the disk fails, without effect; power stays. 0: none. */
void power_disk_fail_once(struct power_disk *disk, uint64_t operation);
void power_disk_cut_now(struct power_disk *disk);
bool power_disk_is_cut(const struct power_disk *disk);
uint64_t power_disk_operations(const struct power_disk *disk); /* since power_disk_new */

/* After everything on the disk was closed: what is left is decided by `seed`, and power is back. */
void power_disk_restore(struct power_disk *disk, uint64_t seed);

/* What was made or deleted stays so, as after an fsync of the directory. */
void power_disk_sync_directory(struct power_disk *disk);

/* The current content of a file, lent; NULL when there is none. */
const uint8_t *power_disk_file(const struct power_disk *disk, const char *name, size_t *len);
/* Replaces (or makes) a file, durably: a restored backup, or an attacker. */
void power_disk_put(struct power_disk *disk, const char *name, const void *bytes, size_t len);

#endif
