/* What is done while something fails, and what must be true afterwards. */
#ifndef TESTS_CRASH_FAULTS_ACTS_H
#define TESTS_CRASH_FAULTS_ACTS_H

#include "core/rc.h"
#include "tests/crash/faults/fault.h"

#include <stdint.h>

struct act {
    const char *name;
    void (*prepare)(void); /* nothing fails yet */
    enum rc (*perform)(void);
    const char *(*look)(enum rc rc); /* nothing fails any more: what is wrong, or NULL */
    uint64_t floors[FAULT_KINDS];    /* what n must reach */
};

extern const struct act ACTS[];
extern const unsigned ACT_COUNT;

void acts_start(void); /* a team with a device and a server, as each act finds it */
/* Back to that, everything closed. `with_doctor`: what is looked at afterwards includes doctor, which takes most of the time. */
void acts_reset(bool with_doctor);
void acts_end(void);

#endif
