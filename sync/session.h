/* One round of sync, and its steps, which membership uses too. */
#ifndef SYNC_SESSION_H
#define SYNC_SESSION_H

#include "sync/replica_own.h"
#include "sync/request.h"

/* A round on its way. */
struct session {
    struct replica *replica;
    const struct transport *transport;
    const struct sync_options *options; /* may be NULL */
    struct sync_report *report;         /* never NULL */
    uint64_t
        server_position; /* highest ledger position that the server spoke of, or what it passed on */
    bool is_revoked;     /* by the server's word */
    bool is_newer_full; /* runs of a newer format came that are not kept: no cursor moves any more */
    bool is_current;     /* its greeting named and signed the head of the ledger that is here */
    bool has_offered;    /* what no page brought back yet: session_offer_unconfirmed */
    bool has_short_heads; /* the operation that is being made names less than the server says that it stores */
    uint8_t made_by[CRYPTO_HASH_BYTES]; /* while an operation of ours is on its way: its hash; else zeros */
};

/* Server time, its key and ledger head, all signed. The time is not stored yet: replica_store_time. */
enum rc session_hello(struct session *session) MUST_CHECK;
/* The server's head is line `shown` of ours, and not the last: it is given what follows, with its own word on the last of it. RC_UNTRUSTED,
 * with what a person is to know, when it does not take it, or there is no such word here. */
enum rc session_return_lines(struct session *session, uint64_t shown) MUST_CHECK;
/* Where a restore was heard of: the key boxes that lines gave, that the server lacks, and that this device can make. */
enum rc session_return_boxes(struct session *session) MUST_CHECK;
/* Within a transaction, before a cursor (of entries, acknowledgements or boxes) is put to `next`: where that is of a later life of the server than
 * every cursor, the server was started anew, and may have been put back from a backup that no cursor is beyond: it is asked as after a restore. */
enum rc session_note_life(struct replica *replica, uint64_t next) MUST_CHECK;
/* Reads and verifies new lines; streams, keys and judgements follow them. */
enum rc session_ledger(struct session *session) MUST_CHECK;
/* RC_UNSUPPORTED with what that means for who works here, when the team uses a newer program; else RC_OK. */
enum rc session_tell_newer(struct session *session) MUST_CHECK;
/* The same as the first step after the greeting, which may have told already that there are none. */
enum rc session_ledger_first(struct session *session) MUST_CHECK;
/* What an answer to GET or POST ledger says: lines taken in, statement verified. `more` out. */
enum rc session_take_lines(struct session *session, const struct buf *answer,
                           bool *more) MUST_CHECK;
/* Within a transaction: a box or link gives its key, where that is not here yet. *is_forged: it does not, though the ledger knows its epoch. */
enum rc session_open_box(struct replica *replica, const struct wire_box *box, bool *is_forged) MUST_CHECK;
/* New boxes, where lines came since they were read; all of one stream where one was gained. */
enum rc session_boxes(struct session *session) MUST_CHECK;
enum rc session_boxes_of(struct session *session, struct id stream) MUST_CHECK;
/* Pays the grants due and rotations owed that this device can pay; counts what stays. */
enum rc session_pay(struct session *session) MUST_CHECK;
/* The same after an act whose line stands: that the server is away by now is no failure of the act. */
enum rc session_pay_after(struct session *session) MUST_CHECK;
/* New epochs of these streams, as far as this device can make them, owed or not. */
enum rc session_rotate(struct session *session, const struct ledger_ids *streams) MUST_CHECK;
/* What an earlier session sent and no page brought back yet may not be there: its last entries go once more. Before session_push. */
enum rc session_offer_unconfirmed(struct session *session) MUST_CHECK;
enum rc session_push(struct session *session) MUST_CHECK;
enum rc session_pull(struct session *session) MUST_CHECK;
/* Fills streams again that lack what the server must hold: at once, and then more and more seldom. RC_UNTRUSTED while a feed
 * goes on after a save that is not here. */
enum rc session_close_gaps(struct session *session) MUST_CHECK;
/* The server says that it stores a feed up to this head, and all that was pulled ends before: the stream is asked for whole, as seldom as
 * any lack. Nobody else may tell of it: whose right is over acknowledges nothing. */
enum rc session_fetch_head(struct session *session, const struct ledger_head *head) MUST_CHECK;
enum rc session_acknowledge(struct session *session) MUST_CHECK;
enum rc session_fetch_acks(struct session *session) MUST_CHECK;
/* Hello, ledger and boxes: what is fetched before an operation is made. */
enum rc session_begin(struct session *session) MUST_CHECK;
void session_progress(const struct session *session, const char *step, uint64_t done, uint64_t of);

#endif
