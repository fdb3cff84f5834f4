/* Which of the faults that are built in on purpose is on; see broken.h. Empty in every flavour but "broken". */
#include "core/broken.h"

#ifdef BAKEN_TEST_BROKEN

/* The simulator runs one seed, with one fault, in a process. */
static struct {
    enum broken chosen, inside;
    bool was_done;
} broken;

void
broken_choose(enum broken which)
{
    broken.chosen = which;
}

bool
broken_is(enum broken which)
{
    bool is = broken.chosen == which;

    broken.was_done = broken.was_done || is;
    return is;
}

bool
broken_was_done(void)
{
    return broken.was_done;
}

void
broken_enter(enum broken which)
{
    broken.inside = which;
}

void
broken_leave(void)
{
    broken.inside = BROKEN_NONE;
}

bool
broken_is_in(enum broken which)
{
    return broken.inside == which && broken_is(which);
}

#endif
