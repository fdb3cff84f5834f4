/* What the tables still show of saves whose own bytes are lost, to be put in line again under their own numbers. */
#ifndef CORE_JOURNAL_SALVAGE_H
#define CORE_JOURNAL_SALVAGE_H

#include "core/journal.h"

struct salvage {
    struct id stream;
    uint32_t save;
    struct change change; /* without operations: nothing of it is shown any more */
    uint32_t *places;     /* of its operations in the save; as many as the change has room for */
};
/* Embedded value: SALVAGE_EMPTY(stream, save) ... salvage_wipe. */
#define SALVAGE_EMPTY(stream_id, number) ((struct salvage){(stream_id), (number), CHANGE_EMPTY(stream_id), NULL})
void salvage_wipe(struct salvage *salvage);

/*
 * Fills the saves `items` of one feed, ascending by (stream, save), from the registers in `db`: the time of each and every version of
 * it that is current there. Goes by the tables alone, past pages and rows that cannot be read; `db` may be damaged, and another than
 * the journal's own. Until salvage_finish an operation's list names what stands beside it.
 *
 * unread  out: how many rows or stretches of registers could not be read; the saves may have had more there
 * fails   RC_IO, RC_NOMEM
 */
enum rc salvage_read(struct db *db, struct feed_ref feed, struct salvage *items, size_t count,
                     uint64_t *unread) MUST_CHECK;

/*
 * Makes what was read of a save into one that can be put in line, in a journal in which all before it is applied and nothing after:
 * it supersedes what is current now and did not stand beside it. Later saves name its operations by their place, so each gets its old
 * one; where one was replaced since and is not shown any more, the smallest stands a second time, which as an equal version changes
 * nothing.
 *
 * fails  RC_ABSENT nothing of it is shown; RC_TOO_LARGE it cannot be one save; RC_CORRUPT these registers are damaged as well; RC_NOMEM
 */
enum rc salvage_finish(struct journal *journal, struct salvage *item) MUST_CHECK;

#endif
