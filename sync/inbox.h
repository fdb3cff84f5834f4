/* Received entries: stored with the cursor in one transaction; applied after, whole entries only. */
#ifndef SYNC_INBOX_H
#define SYNC_INBOX_H

#include "sync/replica_own.h"
#include "sync/wire_run.h"

/*
 * Verifies and stores the entries of runs that are of our streams; the rest is left out. The caller moves its cursor in the same
 * transaction.
 *
 * stored  counts the entries that were new
 * fails   RC_UNTRUSTED a signature, a body or a fork of an own feed: nothing is to be committed. Of another's fork the
 *         first is kept
 */
enum rc inbox_store(struct replica *replica, const struct wire_run_list *runs, bool from_server,
                    uint64_t *stored) MUST_CHECK;
/* The page of these runs, which were stored, moves the shared cursor: what stands before that is missed when the server is put back, and so
 * not offered again. In the transaction of both. */
enum rc inbox_confirm(struct replica *replica, const struct wire_run_list *runs) MUST_CHECK;
/* Applies what is new, in batches; parks and holds what must wait. Counts into `report` (may be NULL). RC_CORRUPT: the store is damaged,
 * and nobody is blamed for it; what a colleague sealed wrongly is parked. */
enum rc inbox_apply(struct replica *replica, struct sync_report *report,
                    const struct sync_options *options) MUST_CHECK;
/* The same for one stream: while it is made anew. */
enum rc inbox_apply_stream(struct replica *replica, struct id stream) MUST_CHECK;
/* What becomes of one entry. */
struct inbox_verdict {
    enum elog_state state;
    enum elog_reason reason;
};
struct inbox_verdict inbox_park(enum elog_reason reason);
/* By lines, and the chains that their heads name: docs/PROTOCOL.md, section 9. */
enum rc inbox_verdict(struct replica *replica, const struct entry *entry,
                      struct inbox_verdict *verdict) MUST_CHECK;
/* elog_header_at; of what waits for a ledger line the signature is looked at here. */
enum rc inbox_header_at(struct replica *replica, int64_t feed, uint32_t save, struct entry *entry,
                        bool *is_unproven) MUST_CHECK;
/*
 * Is the entry, stored here, part of the chain that ends in `head`? ELOG_NO_REASON: yes; ELOG_GAP:
 * the chain is not whole here; ELOG_FORK: another chain is here. What was found is kept until the
 * log changes: inbox_chain_forget.
 */
enum rc inbox_chain(struct replica *replica, const struct entry *entry,
                    const struct ledger_head *head, enum elog_reason *reason) MUST_CHECK;
void inbox_chain_forget(struct replica *replica);
/* Whether the header is the one that an author had seen. */
bool inbox_is_seen(const struct feed_seen *seen, const struct entry *header);
/*
 * After everything was pulled: entries that still wait for a header which their author had seen are applied, and name nothing of that
 * feed until it comes. Else whoever gave one colleague another past than the server had all work of that colleague wait for ever.
 */
enum rc inbox_settle_names(struct replica *replica, struct sync_report *report,
                           const struct sync_options *options) MUST_CHECK;
/* What is new may be what some of those name: their streams are marked to be made anew. Before what is new is applied. */
enum rc inbox_names_came(struct replica *replica) MUST_CHECK;
/* After new keys or lines: what waited for them becomes new again. */
enum rc inbox_retry(struct replica *replica) MUST_CHECK;
/*
 * Keys of the stream are stored now, the first of epoch `oldest`, the last of `newest`: what is parked for one becomes new again, and what is
 * held under them is held anew, for what it protects could not be read before. At once, not with the next inbox_apply: the session may end
 * before that. In the transaction that stores the keys, and not while the journal gathers.
 */
enum rc inbox_key_came(struct replica *replica, struct id stream, uint32_t oldest, uint32_t newest) MUST_CHECK;
/* What could not be read becomes new again, and what is held too: by another program than parked it, or after the doctor, for it may have been this store's
 * fault. */
enum rc inbox_try_again(struct replica *replica) MUST_CHECK;
/* Marks a stream whose applied entries changed: the next inbox_judge, or opening, rebuilds it. Inside a transaction. */
enum rc inbox_mark_rebuild(struct replica *replica, struct id stream) MUST_CHECK;
/* Rebuilds what is marked, each stream in a transaction of its own. */
enum rc inbox_rebuild_marked(struct replica *replica) MUST_CHECK;
/* After new lines: applied entries that turn out to be late are held and their streams rebuilt; held ones may count. */
enum rc inbox_judge(struct replica *replica) MUST_CHECK;
/* The same of these streams, when what is carried came to nothing: applied entries are held. */
enum rc inbox_judge_streams(struct replica *replica, const struct ledger_ids *streams) MUST_CHECK;
/* After everything was pulled: applied entries whose line's head is still not here count no longer. */
enum rc inbox_settle(struct replica *replica) MUST_CHECK;

/* Runs of a newer format, of any stream: kept whole. RC_UNSUPPORTED beyond 64 MiB of them: upgrade first. Of a bundle, what would go beyond
 * 16 MiB is left out instead: the bundle can be read again, and must not keep the server's from being taken. Inside a transaction. */
enum rc inbox_keep_newer(struct replica *replica, const struct wire_blocks *runs, bool from_server) MUST_CHECK;
/* After an upgrade: what this program can read by now is stored as from a bundle, for who brought it is not known; what turns out to be no run,
 * or nobody's, is dropped. */
enum rc inbox_retry_newer(struct replica *replica, uint64_t *stored) MUST_CHECK;
enum rc inbox_count_newer(struct db *db, uint64_t *count) MUST_CHECK;

#endif
