/* What one act of a user changes: a change of the home stream and its twin in the index stream, saved together.
 * Built without touching the journal's rows; sync/ saves each change, seals and queues it in one transaction. */
#ifndef CORE_CHANGE_SET_H
#define CORE_CHANGE_SET_H

#include "core/change.h"
#include "core/journal.h"

enum { CHANGE_SET_STREAMS = 8 };

/* At most one change per stream, in the order in which they were first needed. */
struct change_set {
    struct change changes[CHANGE_SET_STREAMS];
    size_t count;
    struct id drawn; /* of the record whose id was drawn for it last: nothing of that is stored, so nothing is looked for */
};
#define CHANGE_SET_EMPTY ((struct change_set){.count = 0})
void change_set_wipe(struct change_set *set);

/* Adds one unit's value to the home stream of its entity and, when the entity has a twin, the twin's part to
 * the index stream; of what can be deleted also where that stays as it was. `family` is zero for the team stream. supersedes NULL: see change_put.
 * RC_ABSENT when the stream is not here (no right to it, or no key yet). */
enum rc change_set_put(struct journal *journal, struct change_set *set, struct id family,
                       uint32_t entity, struct id record, uint32_t unit, const struct buf *value,
                       const struct version *supersedes, size_t count) MUST_CHECK;
/* As change_set_put, but fields of the shown value that this program does not know are carried over, and nothing is added when
 * the whole has the same bytes as that. */
enum rc change_set_put_new(struct journal *journal, struct change_set *set, struct id family,
                           uint32_t entity, struct id record, uint32_t unit,
                           const struct buf *value) MUST_CHECK;
/* Deletes a record as it stands here: lists the versions seen, in the home stream and in the twin's, and replaces the deletions
 * seen. RC_INVALID for lasting entities (withdraw them), RC_ABSENT when there is no such record. */
enum rc change_set_delete(struct journal *journal, struct change_set *set, struct id family,
                          uint32_t entity, struct id record) MUST_CHECK;

/* Takes the deletions of a record that are seen here back: saves one unit again as it is shown, which no deletion lists, and
 * replaces them. Fails as change_set_delete does. */
enum rc change_set_restore(struct journal *journal, struct change_set *set, struct id family,
                           uint32_t entity, struct id record) MUST_CHECK;
/* Marks a record, in the home stream and in the twin's, as moved to a record with another id in another stream, which the caller
 * makes: from here it is never shown again, whatever comes later. RC_ABSENT when there is no such record. */
enum rc change_set_move(struct journal *journal, struct change_set *set, struct id family,
                        uint32_t entity, struct id record, struct id to) MUST_CHECK;

#endif
