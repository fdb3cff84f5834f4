/* Grants in time: what a session does about covers by itself. */
#ifndef SYNC_COVER_H
#define SYNC_COVER_H

#include "sync/session.h"

/* Covers whose time is over by the server's clock are ended by a line (why: expired), by an owner or coordinator. */
enum rc cover_settle(struct session *session) MUST_CHECK;
/* After an ordinary end of a cover, a coach's session admits late work that only adds (docs/PROTOCOL.md, section 9). */
enum rc cover_admit(struct session *session) MUST_CHECK;
/* What becomes of a held entry by that rule, whatever stands before it in its feed. Reads only. */
enum rc cover_fate(struct replica *replica, const struct elog_row *row, enum received_fate *fate) MUST_CHECK;
/* The same cover, given before and not ended; NULL for none. */
const struct ledger_cover *cover_find_same(const struct ledger *ledger, const struct cover_new *wanted);
/* What gives it, but for its families. */
struct ledger_cover_give cover_payload(const struct cover_new *wanted, struct id id);

#endif
