/* Ctrl-C: ends the program with EXIT_INTERRUPTED, but never in the middle of what would stay half done.
 *
 * The store needs no care: it is whole after any end (core/store.h). */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* From now on an interrupt ends the program with EXIT_INTERRUPTED and says nothing. `talks`: it leaves the
 * line that it finds on the terminal. Where interrupts were ignored, they still are. */
void interrupt_start(bool talks);

/* What would end the program waits from hold to release (a key, a closed terminal, `kill`). Who changed what a person must
 * be told of does not release: the answer is said, and then the program ends anyway. */
void interrupt_hold(sigset_t *before);
void interrupt_release(const sigset_t *before);

/* While held: waits until `descriptor` can be read, true; or something wants to end the program, false. */
bool interrupt_wait(int descriptor);

#endif
