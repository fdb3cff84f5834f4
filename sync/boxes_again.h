/* Key boxes that ledger lines gave, made once more. */
#ifndef SYNC_BOXES_AGAIN_H
#define SYNC_BOXES_AGAIN_H

#include "sync/replica_own.h"

/*
 * Fills the bytes of a box whose stream, epoch and recipient are named, from the keys that are here or as this device made it before (sync/sent).
 * *found is false where no line gave it, it is of no use any more, or its key is not here. Nobody gets a key because somebody asks for it.
 */
enum rc boxes_again(struct replica *replica, struct wire_box *box, bool *found) MUST_CHECK;

/*
 * Within a transaction, before the keys of a stream that this device may hold no longer go: the boxes of its current epoch that are of use to
 * others are kept, for a server that was put back may lack them, and this device may be the only one that had that key. Sealed to others, they
 * tell it nothing: none is kept for itself, also where it may hold the stream still (by a clock that was put back, or a cover that it has not
 * accepted). They go with the stream's next epoch.
 */
enum rc boxes_keep_for_others(struct replica *replica, struct id stream) MUST_CHECK;

#endif
