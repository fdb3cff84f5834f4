/* What happened in a run, or in many: counted by the world, added up and printed by the program. */
#ifndef TESTS_SIM_TALLY_H
#define TESTS_SIM_TALLY_H

#include <stdint.h>

enum happened {
    HAPPENED_LOST_BEFORE, /* a request, before the server performed it */
    HAPPENED_LOST_AFTER,  /* its answer */
    HAPPENED_REPEATED,
    HAPPENED_LATE,
    HAPPENED_CUT,    /* an answer ends early */
    HAPPENED_PORTAL, /* 200 with somebody else's HTML */
    HAPPENED_BUSY,   /* 503 */
    HAPPENED_LINK,   /* down, or up again */
    HAPPENED_INTERLEAVED,
    HAPPENED_CRASH,
    HAPPENED_KILL, /* of a device's program */
    HAPPENED_SERVER_CRASH,
    HAPPENED_JUMP,
    HAPPENED_DRIFT,
    HAPPENED_TIE,  /* two devices save the same unit at the same millisecond */
    HAPPENED_FULL, /* a device's disk */
    HAPPENED_SERVER_FULL,
    HAPPENED_RESTORED,
    HAPPENED_RESTORED_ELSEWHERE,
    HAPPENED_SERVER_RESTORED,
    HAPPENED_COPIED,       /* without its instance token */
    HAPPENED_COPIED_WHOLE, /* with it */
    HAPPENED_COPY_FIRST,   /* one of two has sent under numbers that both gave */
    HAPPENED_COPY_TOLD,    /* the other has found out */
    HAPPENED_FORKED,       /* the server */
    HAPPENED_FORK_NOTICED, /* by one who was shown both */
    HAPPENED_LIE_WITHHELD,
    HAPPENED_LIE_ALTERED,
    HAPPENED_LIE_BOX,
    HAPPENED_LIE_LINES,
    HAPPENED_COUNT
};

struct tally {
    uint64_t runs, steps, requests, saves, sessions, lines;
    uint64_t tried, opened; /* keys on entries; entries that somebody's key opened */
    uint64_t happened[HAPPENED_COUNT];
};

void tally_add(struct tally *sum, const struct tally *more);
/* Two lines: what was done, and faults by kind. */
void tally_print(const struct tally *tally);

#endif
