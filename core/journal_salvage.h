/* What the tables still show of one save, as a change to be saved anew: for a save whose own bytes were damaged. */
#ifndef CORE_JOURNAL_SALVAGE_H
#define CORE_JOURNAL_SALVAGE_H

#include "core/journal.h"

/*
 * Appends every current version that this save made to `change`, in the order of its operations; what they supersede is left for
 * journal_save to fill in.
 *
 * change  CHANGE_EMPTY(stream); the caller's to wipe
 * fails   RC_ABSENT no such stream here, or not all operations up to the last of them are current (a later save may name them by
 *         their place); RC_CORRUPT the registers are damaged as well; RC_NOMEM
 */
enum rc journal_salvage(struct journal *journal, struct feed_ref feed, uint32_t save,
                        struct change *change) MUST_CHECK;

#endif
