/* What the tables still show of saves whose own bytes are lost, to be put in line again under their own numbers. */
#ifndef CORE_JOURNAL_SALVAGE_H
#define CORE_JOURNAL_SALVAGE_H

#include "core/journal.h"

struct salvage {
    struct id stream;
    uint32_t save;
    struct change change; /* without operations: nothing of it is shown any more */
    uint32_t *places;     /* of its operations in the save; as many as the change has room for */
    bool is_marked;       /* the caller's */
};
/* Embedded value: SALVAGE_EMPTY(stream, save) ... salvage_wipe. */
#define SALVAGE_EMPTY(stream_id, number) ((struct salvage){(stream_id), (number), CHANGE_EMPTY(stream_id), NULL, false})
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

/* Versions of one unit that are current again in the journal, though `db` shows the record without them. */
struct salvage_returned {
    struct id stream, record;
    uint32_t entity, unit;
    const struct version *versions; /* at most CHANGE_SUPERSEDES */
    size_t count;
    const struct version *shown; /* by what the feed's own save put there instead; NULL in a set, whose elements are removed */
};
typedef enum rc (*salvage_returned_fn)(void *context, const struct salvage_returned *returned);

/*
 * Visits what came back in the streams of `items` when their saves were put in line: what a save superseded that is still lost, or a
 * part of one that nothing shows. Fails as salvage_read, or as `visit`, of which RC_CORRUPT, RC_INVALID and RC_TOO_LARGE pass by.
 */
enum rc salvage_find_returned(struct db *db, struct feed_ref feed, struct salvage *items, size_t count, struct journal *journal,
                              salvage_returned_fn visit, void *context) MUST_CHECK;

#endif
