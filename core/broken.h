/* Faults built into the engine on purpose, one line each at its place, to show that the simulator finds such. In the test flavour
 * "broken" alone, and there only the one that was chosen; in every other flavour they are nothing. */
#ifndef CORE_BROKEN_H
#define CORE_BROKEN_H

#include <stdbool.h>

enum broken {
    BROKEN_NONE,
    BROKEN_SUPERSEDE, /* a save names one version too few */
    BROKEN_CURSOR,    /* the cursor moves before the entries are stored */
    BROKEN_GAP,       /* what stands before an entry need not be here */
    BROKEN_PARKED,    /* an entry that cannot be opened yet counts as applied */
    BROKEN_REUSE,     /* a restored store goes on under its old numbers */
    BROKEN_RESEAL,    /* after a lost answer the saves are sealed again */
    BROKEN_TWIN,      /* a file's index columns do not reach the index */
    BROKEN_TIE,       /* of equal clocks the one is shown whose author this store met later */
    BROKEN_FLUSH,     /* acknowledged before it is flushed */
    BROKEN_DEAD,      /* what is dead on arrival removes nothing */
    BROKEN_HELD,      /* late work that is held counts as seen */
    BROKEN_LINE,      /* an entry on an unknown ledger line counts */
    BROKEN_REVOKED,   /* so do a revoked device's later entries */
    BROKEN_ROTATION,  /* an owed rotation is forgotten */
    BROKEN_BOX,       /* a key need not be the one that was committed to */
    BROKEN_HALF,      /* of an entry its first save alone is applied */
    BROKEN_SCREEN,    /* a resolution goes over what was not on the screen */
    BROKEN_REBUILD,   /* a rebuild keeps of each unit what is shown */
    BROKEN_CLOCK,     /* another's clock moves the own one as far as it likes */
    BROKEN_EQUAL,     /* equal bytes are a conflict */
    BROKEN_CARRIED,   /* a cover given by bundle is never told to the server */
    BROKEN_COPY,      /* what a copy sealed under numbers that are taken does not wait again */
    BROKEN_SEAL,      /* sealed under a key that somebody has who lost the right */
    BROKEN_FETCH,     /* the server hands out every box */
    BROKEN_PAST,      /* another ledger than the own is as good */
    BROKEN_STRICT,    /* anybody relaxes a strict unit */
    BROKEN_SIGHT,     /* of who may not read a save it is said where it has got to */
    BROKEN_COUNT
};

#ifdef BAKEN_TEST_BROKEN
void broken_choose(enum broken which);
/* Is this the chosen one? Asked where it does harm: it has been done then. */
bool broken_is(enum broken which);
bool broken_was_done(void);
/* Some faults are those of one way through the code alone. */
void broken_enter(enum broken which);
void broken_leave(void);
bool broken_is_in(enum broken which);
#else
static inline bool
broken_is(enum broken which)
{
    (void)which;
    return false;
}
static inline void
broken_enter(enum broken which)
{
    (void)which;
}
static inline void
broken_leave(void)
{
}
static inline bool
broken_is_in(enum broken which)
{
    (void)which;
    return false;
}
#endif

#endif
