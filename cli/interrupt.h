/* Ctrl-C: ends the program with EXIT_INTERRUPTED, but never in the middle of what would stay half done.
 *
 * The store needs no care: it is whole after any end (core/store.h). */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include "core/clock.h"

#include <signal.h>
#include <stdbool.h>

/* From now on an interrupt ends the program with EXIT_INTERRUPTED and says nothing. `talks`: it leaves the
 * line that it finds on the terminal. Where interrupts were ignored, they still are. */
void interrupt_start(bool talks);

/* What would end the program waits from hold to release (a key, a closed terminal, `kill`). Who changed what a person must
 * be told of does not release: the answer is said, and then the program ends anyway. */
void interrupt_hold(sigset_t *before);
void interrupt_release(const sigset_t *before);

/* A clock that holds once it is asked what day it is: who is given it writes right after, and may wait long before (for
 * another program, or for a key that takes a second to make). What ends the program until then finds nothing changed. */
struct interrupt_later {
    struct clock clock; /* to be given; points to this struct */
    const struct clock *own;
    sigset_t before;
    bool is_held;
};
void interrupt_hold_later(struct interrupt_later *later, const struct clock *own);
void interrupt_release_later(const struct interrupt_later *later);

/* While held: waits until `descriptor` can be read, true; or something wants to end the program, false. */
bool interrupt_wait(int descriptor);

#endif
