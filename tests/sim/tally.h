/* What happened in a run, or in many: counted by the world, added up and printed by the program, under the words of the issue that
 * asks for each. */
#ifndef TESTS_SIM_TALLY_H
#define TESTS_SIM_TALLY_H

#include <stdint.h>

enum happened {
    /* links */
    HAPPENED_LOST_BEFORE, /* a request, before the server performed it */
    HAPPENED_LOST_AFTER,  /* its answer */
    HAPPENED_LOST_PUSH,   /* of these: the answer to a push */
    HAPPENED_REPEATED,
    HAPPENED_LATE,
    HAPPENED_CUT, /* an answer ends early */
    HAPPENED_LINK, /* down, or up again */
    HAPPENED_ROUTE, /* the same of one route alone */
    HAPPENED_PORTAL, /* 200 with somebody else's HTML */
    HAPPENED_BUSY,   /* 503 */
    HAPPENED_INTERLEAVED,
    /* clocks */
    HAPPENED_DRIFT,
    HAPPENED_JUMP,
    HAPPENED_YEARS, /* of these: by a year or more */
    HAPPENED_TIE,   /* two devices save the same unit at the same millisecond */
    /* crashes and disks */
    HAPPENED_CRASH,
    HAPPENED_KILL, /* of a device's program */
    HAPPENED_SERVER_CRASH,
    HAPPENED_FULL, /* a device's disk */
    HAPPENED_SERVER_FULL,
    /* what goes back, or is there twice */
    HAPPENED_RESTORED,
    HAPPENED_RESTORED_ELSEWHERE,
    HAPPENED_GIVEN_TWICE, /* what the lost life had handed in: the right was over, and nobody showed it */
    HAPPENED_COPIED,       /* without its instance token */
    HAPPENED_COPIED_WHOLE, /* with it */
    HAPPENED_COPY_FIRST,   /* one of two has sent under numbers that both gave */
    HAPPENED_COPY_TOLD,    /* the other has found out */
    HAPPENED_GIVEN_UP,     /* the seed, for the model cannot follow */
    HAPPENED_SERVER_RESTORED,
    HAPPENED_SERVER_SHORT, /* and lacked lines */
    HAPPENED_PACKED, /* a bundle */
    HAPPENED_READ,   /* one, once or again */
    HAPPENED_CARRIED, /* a cover, worked under without the server */
    /* a server that lies */
    HAPPENED_LIE_WITHHELD,
    HAPPENED_LIE_LINES,
    HAPPENED_FORKED,
    HAPPENED_FORK_NOTICED, /* by one who was shown both */
    HAPPENED_LIE_REPLAYED,
    HAPPENED_LIE_ALTERED,
    HAPPENED_LIE_BOX,
    HAPPENED_LIE_SWAPPED, /* another device's answer */
    HAPPENED_COUNT
};

enum { TALLY_DEVICES = 8, TALLY_KINDS = 16, TALLY_SIGHTS = 10 };

struct tally {
    uint64_t runs, steps, requests, saves, sessions, lines;
    uint64_t tried, opened; /* keys on entries; entries that somebody's key opened */
    uint64_t devices[TALLY_DEVICES]; /* runs with so many */
    uint64_t kinds[TALLY_KINDS];     /* ledger lines by their kind */
    uint64_t sights[TALLY_SIGHTS]; /* answers to "can that device see it?" */
    uint64_t referrals, late;        /* families without an owner, tried; entries that came too late */
    uint64_t happened[HAPPENED_COUNT];
};

void tally_add(struct tally *sum, const struct tally *more);
/* A line for each thing that the world is to hold, with how often it did. */
void tally_print(const struct tally *tally);

#endif
