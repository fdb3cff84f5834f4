/* Operations that travel without the server: a cover given and accepted by bundle (docs/decisions/016). */
#ifndef SYNC_CARRIED_H
#define SYNC_CARRIED_H

#include "sync/session.h"

/* Reads what is carried into the ledger, which was read anew. */
enum rc carried_load(struct replica *replica) MUST_CHECK;
/* Takes in what a bundle carries and concerns this person, inside the caller's transaction; counts in `report`. What no rule allows, and
 * what is for others, is passed by. */
enum rc carried_take(struct replica *replica, const struct wire_blocks *ops, struct sync_report *report) MUST_CHECK;
/* Adds what waits for the server and concerns the device's person. `bytes` keeps what `ops` lends, and is the caller's to wipe. */
enum rc carried_pack(struct replica *replica, struct id device, struct buf *bytes, struct wire_blocks *ops) MUST_CHECK;
/*
 * Has the server order what is carried, whoever signed it. What the ledger as it stands refuses ends here: streams go, work becomes
 * late work, and whoever gave the cover makes new keys. What only the server refuses waits.
 */
enum rc carried_settle(struct session *session) MUST_CHECK;

#endif
