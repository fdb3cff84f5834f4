/* Disks in memory below SQLite: what was not flushed when the power goes is lost, kept or torn.
 *
 * A sector (512 bytes) that was written since the file's last xSync is after the cut as it was, as it
 * became, or new up to some byte and old from there; a file's length is old, new or between. What was
 * not written is never damaged. Deleting a file is durable at once. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "tests/sim/dice.h"

#include <stdbool.h>
#include <stdint.h>

enum { DISK_COUNT = 8 };
#define DISK_VFS "simdisk"

/* Registers the VFS, as SQLite's default: paths below `prefix` of a disk lie on it. Call once. */
void disks_start(void);
/* Draws SQLite's own generator anew from libsodium's, so that every seed starts alike. */
void disks_reseed(void);

struct disk;
/* `prefix` is copied; the disk lives as long as the process. */
struct disk *disk_add(const char *prefix);
/* The power goes at the n-th flush from now (1: the next); 0: it stays. `died` may be NULL. */
void disk_cut_at(struct disk *disk, unsigned syncs, void (*died)(void *context), void *context);
/* Cuts it now: from here on everything fails. */
void disk_cut(struct disk *disk);
bool disk_is_dead(const struct disk *disk);
/* The machine starts again, after everything on it was closed. */
void disk_restart(struct disk *disk, struct dice *dice);
uint64_t disk_syncs(const struct disk *disk); /* flushed so far */

#endif
