/* A new incarnation: after a restore, and where held work of one's own stands in the way (docs/decisions/011). */
#ifndef SYNC_RECOVER_H
#define SYNC_RECOVER_H

#include "sync/session.h"

/*
 * After a whole pull: saves found at the server with equal content were sent; the others get new numbers in a new incarnation,
 * references included, and the streams are rebuilt. Ends the doubt about continuity.
 */
enum rc recover_feeds(struct session *session) MUST_CHECK;
/*
 * The same after a bundle was taken in, where that is enough (docs/decisions/016): all that the server or a colleague acknowledged of own feeds
 * is here, and nothing waits that is not in it. Else the doubt stays, and nothing is changed.
 */
enum rc recover_by_bundle(struct replica *replica) MUST_CHECK;
/*
 * What waits gets new numbers in a new incarnation, because own saves before it are applied nowhere; what `changes`, which are
 * about to be saved, name of it follows. Not while continuity is in doubt. Inside a transaction: when that fails later, the caller
 * puts replica->incarnation back. RC_CORRUPT, and nothing is changed, where a save that waits is damaged or missing: the doctor's.
 */
enum rc recover_anew(struct replica *replica, struct change *changes, size_t count) MUST_CHECK;
/*
 * The same, where something waits so and may be written: before sealing, at an opening, and after a bundle, ledger lines or
 * the end of what was carried. Nothing while continuity is in doubt. Outside a transaction.
 */
enum rc recover_blocked(struct replica *replica) MUST_CHECK;

#endif
