/* A disk in memory that can lose power: a VFS to put below ours. Many can live in one process. */
#ifndef TESTS_SUPPORT_POWER_VFS_H
#define TESTS_SUPPORT_POWER_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Every write stays in the disk's cache until the file is synced. What a power cut leaves of what came after a file's last
 * sync is the disk's manner. Garbage lies only in bytes that were written: power-safe overwrite, as SQLite assumes. A file
 * is as long as it was, as it became, or, where it grew, between. A file made or deleted is there or is not, until the
 * first sync of a file that is new, with which os_unix syncs the directory. From the cut on every call fails, until
 * power_disk_restore. One thread; locks count among the connections of the process. SQLite's randomness is zeros: it
 * draws its own generator from the default VFS.
 */
struct power_disk;

/* What a cut leaves of the writes to one file since its last sync. */
enum power_fate {
    POWER_LOST,      /* nothing; lengths and directory entries too are as at the last sync */
    POWER_TORN,      /* all up to one write, some sectors of that, none after */
    POWER_REORDERED, /* each write wholly or not at all, whatever came first */
    POWER_GARBAGE,   /* as torn; sectors of the torn write hold garbage */
    POWER_MIXED,     /* each sector of each write new, old or garbage */
    POWER_FATES
};

struct power_manner {
    unsigned sector_bytes; /* 512 or 4096 */
    enum power_fate fate;
};

enum { POWER_MANNERS = 2 * POWER_FATES };

struct power_manner power_manner_number(unsigned number); /* from 0 */
const char *power_manner_name(const struct power_manner *manner);

struct power_disk *power_disk_new(void); /* registers its VFS; aborts when memory runs out */
void power_disk_free(struct power_disk *disk);
const char *power_disk_vfs(const struct power_disk *disk);
/* What opens without naming a VFS (a server's depot) lies on this disk from now on. */
void power_disk_make_default(struct power_disk *disk);

/* {512, POWER_MIXED} unless told. */
void power_disk_set_manner(struct power_disk *disk, const struct power_manner *manner);

/* Power fails in place of the n-th (from 1) operation from now on that changes the disk: write,
 * truncation, sync, deletion. 0: never. */
void power_disk_cut_at(struct power_disk *disk, uint64_t operation);
/* The same, counting syncs alone: nothing of the n-th sync is done. */
void power_disk_cut_at_sync(struct power_disk *disk, uint64_t sync);
/* The n-th operation from now on that changes the disk fails, without effect; power stays. 0: none. */
void power_disk_fail_once(struct power_disk *disk, uint64_t operation);
/* Files take no byte beyond `bytes` from now on: SQLITE_FULL. 0: none. */
void power_disk_limit(struct power_disk *disk, int64_t bytes);
/* The longest of its files. */
int64_t power_disk_longest(const struct power_disk *disk);
void power_disk_cut_now(struct power_disk *disk);
bool power_disk_is_cut(const struct power_disk *disk);
uint64_t power_disk_operations(const struct power_disk *disk); /* since power_disk_new */
uint64_t power_disk_syncs(const struct power_disk *disk);      /* of them */

/* After everything on the disk was closed: what is left is decided by `seed`, and power is back. */
void power_disk_restore(struct power_disk *disk, uint64_t seed);

/* Makes the files of `to`, none of which is open, what those of `from` are to the program now; all of it durable. */
void power_disk_copy(struct power_disk *to, const struct power_disk *from);

/* The same, of files below the directory `there`, which are below `here` in the copy. */
void power_disk_copy_to(struct power_disk *to, const struct power_disk *from, const char *there,
                        const char *here);

/* In place of power_disk_restore where the process died and the machine did not: all that was written is there, and a later cut may
 * still take it. */
void power_disk_survive(struct power_disk *disk);

/* What was made or deleted stays so, as after an fsync of the directory. */
void power_disk_sync_directory(struct power_disk *disk);

/* The current content of a file, lent; NULL when there is none. */
const uint8_t *power_disk_file(const struct power_disk *disk, const char *name, size_t *len);
/* Every file as the program sees it. */
void power_disk_each(const struct power_disk *disk,
                     void (*visit)(void *context, const uint8_t *bytes, size_t len), void *context);
/* Replaces (or makes) a file, durably: a restored backup, or an attacker. */
void power_disk_put(struct power_disk *disk, const char *name, const void *bytes, size_t len);

#endif
