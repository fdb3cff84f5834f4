/* Saves in line, and the sealing of what waits into entries. Sealed bytes are committed before they are sent. */
#ifndef SYNC_OUTBOX_H
#define SYNC_OUTBOX_H

#include "sync/elog.h"

struct replica;
struct salvage;

enum rc outbox_put(struct db *db, int64_t feed, uint32_t save, const struct buf *body) MUST_CHECK;
/* Replaces `body`; RC_ABSENT without a sentence; RC_CORRUPT: it is not what was put. */
enum rc outbox_get(struct db *db, int64_t feed, uint32_t save, struct buf *body) MUST_CHECK;
enum rc outbox_drop(struct db *db, int64_t feed, uint32_t first, uint32_t last) MUST_CHECK;
enum rc outbox_count(struct db *db, uint64_t *saves) MUST_CHECK;
/* Lowest and highest save that wait of a feed; 0 when none. */
enum rc outbox_range(struct db *db, int64_t feed, uint32_t *first, uint32_t *last) MUST_CHECK;
/* How many saves of an own feed were not sealed and are not in line either: damage, and only the typed tables may have them. */
enum rc outbox_missing(struct db *db, const struct elog_feed *feed, int64_t *missing) MUST_CHECK;

/*
 * Seals what waits, in one stream or (zero) in all that owe no rotation: many entries in a transaction, or, where one of
 * them cannot be, each in its own. What cannot be sealed (no key, no right ever, continuity not proven) goes on waiting.
 * What was sealed may leave this device only after RC_OK: the instance token has counted on then. Outside a transaction.
 */
enum rc outbox_seal(struct replica *replica, struct id stream) MUST_CHECK;
/* The same of all without the server: what is owed is judged by device time, for the clock may have been put back since the greeting. */
enum rc outbox_seal_alone(struct replica *replica) MUST_CHECK;
/* The stream of the first own feed with saves that wait after *feed (0: of all), which it becomes. A stream with feeds of two
 * incarnations comes twice. */
enum rc outbox_next_stream(struct db *db, int64_t *feed, struct id *stream, bool *found) MUST_CHECK;
/* Puts the saves of a refused entry, and of all after it in its feed, back in line. RC_DENIED when one was in a bundle. */
enum rc outbox_unseal(struct replica *replica, int64_t entry) MUST_CHECK;
/* The saves of own entries that are here and not at the server, where one before them is lost, back in line: their chain ends
 * nowhere, and recovery gives them new numbers. Not those that were in a bundle. Inside a transaction. */
enum rc outbox_unseal_torn(struct replica *replica) MUST_CHECK;
/* A save of an own feed that was lost, as the tables show it, in line again under its number: salvage_finish, and fails as that.
 * Before it is applied, the journal must not hold what comes after. Inside a transaction. */
enum rc outbox_put_again(struct replica *replica, const struct elog_feed *feed, struct salvage *item) MUST_CHECK;
/* Applies the save that waits under that number of an own feed; RC_ABSENT when none does. */
enum rc outbox_reapply_save(struct replica *replica, const struct elog_feed *feed, uint32_t save) MUST_CHECK;
/* Applies the waiting saves of a stream to the journal again, after it was reset. */
enum rc outbox_reapply(struct replica *replica, struct id stream) MUST_CHECK;

#endif
