/* A restored or copied store: own feeds compared with the server's, later saves renumbered. */
#ifndef SYNC_RECOVER_H
#define SYNC_RECOVER_H

#include "sync/session.h"

/*
 * After a whole pull: saves found at the server with equal content were sent; the others get new numbers in a new incarnation,
 * references included, and the streams are rebuilt. Ends the doubt about continuity.
 */
enum rc recover_feeds(struct session *session) MUST_CHECK;

#endif
