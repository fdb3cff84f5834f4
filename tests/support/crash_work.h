/* Work on a disk in memory that is cut at one operation, and what is there afterwards. */
#ifndef TESTS_SUPPORT_CRASH_WORK_H
#define TESTS_SUPPORT_CRASH_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/power_vfs.h"

/* What happens between and in transactions: bits of `acts`. */
enum {
    CRASH_UNDOES = 1,      /* savepoints are rolled back, not only released */
    CRASH_CHECKPOINTS = 2, /* all four kinds, at random */
    CRASH_VACUUMS = 4,
    CRASH_SHRINKS = 8, /* rows come and go under auto_vacuum, so that the file is cut at a commit */
    CRASH_TWO_AT_ONCE = 16, /* two connections take turns, one reads while the other writes */
    CRASH_TWO_FILES = 32,   /* each transaction changes two files */
};

struct crash_workload {
    const char *name;
    const char *settings; /* SQL after each opening */
    unsigned acts;
    bool is_shared;   /* the wal-index is shared, not exclusive */
    bool keeps_all;   /* each acknowledged commit must be there, else only a prefix of them */
    bool loses_plain; /* a known loss of stock SQLite: nothing is demanded of it, nor of ours */
    bool is_journaled; /* a rollback journal: a free page may be left torn, and is free again */
    bool is_product;   /* through store and replica, not SQL alone */
};

struct crash_outcome {
    const char *what; /* what is wrong; NULL: nothing */
    char sentence[512];
    uint64_t operation; /* the cut */
    struct power_manner manner;
};

extern const struct crash_workload CRASH_WORKLOADS[];
extern const unsigned CRASH_WORKLOAD_COUNT;

/* One seeded run of a workload on plain SQLite or on ours, cut once; the seed draws operation and manner. */
void crash_point(const struct crash_workload *workload, bool is_ours, uint64_t seed,
                 struct crash_outcome *outcome);

void crash_end(void);

/* The same through the product. One team per process, made at the first call. */
void crash_product_point(const struct crash_workload *workload, uint64_t seed,
                         struct crash_outcome *outcome);
void crash_product_end(void);

#endif
