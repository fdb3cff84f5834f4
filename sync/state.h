/* Own scalars of the sync layer by name, in the encrypted store. */
#ifndef SYNC_STATE_H
#define SYNC_STATE_H

#include "core/buf.h"
#include "core/db.h"
#include "core/secret.h"

/* The names. Integers unless said. */
#define STATE_IDENTITY "identity"       /* bytes of identity_save, sealed (sync/own_secret.h) */
#define STATE_INCARNATION "incarnation" /* the u64's bits */
#define STATE_INVITATION "invitation"   /* bytes, sealed likewise, while joining */
#define STATE_REQUEST "request"         /* bytes of the request to join */
#define STATE_CREATING "creating"       /* bytes of the submission that makes the team */
#define STATE_FAMILY "family"           /* bytes: the family that is being made */
#define STATE_CURSOR "cursor"           /* shared cursor of entries */
#define STATE_PULL_OPEN "pull_open" /* not all is here: the shared cursor stands where the server had more, or that is read from its first entry again */
#define STATE_SHOWN_BY "shown_by" /* the highest ledger position by which a page was made up before that line was here */
#define STATE_BOXES_AFTER "boxes_after"
#define STATE_BOXES_POSITION "boxes_position" /* ledger position at which they were read to the end last */
#define STATE_ACKS_AFTER "acks_after"
#define STATE_ACKS_ASKED "acks_asked" /* acks_after when what they name was last asked for again */
#define STATE_HEADS_ASKED "heads_asked" /* ledger position up to which the heads that lines name were held against the log */
#define STATE_ACK_NUMBER "ack_number" /* highest own number given */
#define STATE_ACKED_MS "acked_ms"     /* when the newest own one was given */
#define STATE_CLOCK_OFFSET_MS "clock_offset_ms" /* server time minus wall clock */
/* Device time and the readings of the clocks that it was last told by (sync/device_time.c). */
#define STATE_SETTLED_MS "settled_ms"
#define STATE_HIGHEST_MS "highest_ms"
#define STATE_WALL_MS "wall_ms"
#define STATE_MONO_MS "mono_ms"
#define STATE_LAST_SYNC_MS "last_sync_ms"
#define STATE_STATEMENT "statement" /* bytes: the server's latest word on the ledger, for bundles */
#define STATE_LEDGER_MARK "ledger_mark" /* bytes, sealed: the line up to which this device has judged (sync/replica_ledger.c) */
#define STATE_CARRIED "carried" /* bytes: operations that wait for the server, and those that it refused (sync/carried.c) */
#define STATE_JUDGED "judged"       /* ledger position up to which applied entries were judged */
#define STATE_LEDGER_LINES "ledger_lines" /* how many were here before damaged ones were dropped; 0: none was */
#define STATE_NEWER_LINE "newer_line" /* the highest ledger line that is known and was made by a newer program, or follows one */
#define STATE_NEWER_FULL "newer_full" /* runs of a newer format came that are not kept: the shared cursor stands before them */
#define STATE_ADMIT_SEEN "admit_seen" /* of the held work, ledger and keys that cover_admit looked at last */
#define STATE_UNSETTLED "unsettled" /* applied entries hang on a head that was not received yet */
#define STATE_NAMES_LESS "names_less" /* some entry was applied that names headers which are not here */
#define STATE_MUST_RECOVER "must_recover" /* continuity was not proven: nothing is sealed */
#define STATE_SENT "sent" /* bytes: key boxes of own operations whose answers are awaited (sync/sent.c) */
#define STATE_RETURN_BOXES "return_boxes" /* the server was put back from a backup, and was not asked yet which key boxes it lacks */
#define STATE_NEWS_ENTRY "news_entry" /* the newest entry of the log when news were last told; -1: there was none */
#define STATE_IMPORTS "imports"           /* how many bundles were taken in: written last, and flushed */
#define STATE_REVOKED "revoked"           /* the server's latest word: this device was revoked */

#define STATE_MADE_BY "made_by" /* text: the program that last tried what could not be read */
#define STATE_MUST_SEAL "must_seal"   /* keys and own secrets of an earlier program lie in the clear */
#define STATE_MUST_SCRUB "must_scrub" /* rows were purged: free pages and WAL are to be emptied */

/* 0 when there is none. */
enum rc state_get_int(struct db *db, const char *name, int64_t *value) MUST_CHECK;
enum rc state_put_int(struct db *db, const char *name, int64_t value) MUST_CHECK;
/* Replaces `out`; RC_ABSENT without a sentence to show. */
enum rc state_get_bytes(struct db *db, const char *name, struct buf *out) MUST_CHECK;
enum rc state_put_bytes(struct db *db, const char *name, const void *bytes, size_t len) MUST_CHECK;
enum rc state_drop(struct db *db, const char *name) MUST_CHECK;

#endif
