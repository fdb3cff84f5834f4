/* Key boxes of this device's own operations: kept before one is sent until its line is here, and after it where only their maker has them. */
#ifndef SYNC_SENT_H
#define SYNC_SENT_H

#include "sync/replica_own.h"

/* Sets of boxes whose answer is awaited at most: the oldest goes first. Each try of the same operation is one, for it draws its own keys. */
enum { SENT_MOST = 8 };

/* Before an operation with these boxes is sent, in a commit of its own: its answer may be lost, and the server be put back from before it. */
enum rc sent_keep(struct replica *replica, const struct wire_boxes *boxes) MUST_CHECK;
/* The server said that it did not take it. */
enum rc sent_drop(struct replica *replica, const struct wire_boxes *boxes) MUST_CHECK;
/*
 * Within a transaction: this line was taken in just now. If it is of an operation of our own whose boxes are kept, those for this device are
 * opened and their keys stored, and the others stay where it may not hold their stream. Boxes of the operations that can be ordered no more
 * now go.
 *
 * is_answer  it came in the answer to the very request: else the server is asked which boxes it lacks, for it may have been put back
 *            since, and have had the line again without them
 */
enum rc sent_take_line(struct replica *replica, const struct ledger_line *line, bool is_answer) MUST_CHECK;
/* Keeps one for others, of a stream that this device may not hold, until the stream's next epoch. */
enum rc sent_keep_made(struct replica *replica, const struct wire_box *box) MUST_CHECK;
/* Lines were taken in: of the boxes that stay so those go that are of an older epoch than the ledger's. */
enum rc sent_forget_older(struct replica *replica) MUST_CHECK;
/* As it was made: a box of a stream that this device may not hold. The caller has filled its stream, epoch and recipient. */
enum rc sent_find(struct replica *replica, struct wire_box *box, bool *found) MUST_CHECK;

#endif
