/* The log: feeds, and entries with their ciphertext, own and others'. The source of truth of a stream. */
#ifndef SYNC_ELOG_H
#define SYNC_ELOG_H

#include "core/change.h"
#include "core/db.h"
#include "sync/entry.h"

enum elog_state { ELOG_NEW = 0, ELOG_APPLIED, ELOG_PARKED, ELOG_HELD };
enum elog_reason {
    ELOG_NO_REASON = 0,
    ELOG_KEY,    /* parked: its epoch key is not here */
    ELOG_LEDGER, /* parked: it names a line, stream or device that was not read yet; not verified */
    ELOG_GAP,    /* parked: saves before it, or a header that it saw, are missing */
    ELOG_UNKNOWN,  /* parked: made by a newer program */
    ELOG_DAMAGED,  /* parked: its signature, seal or body does not hold */
    ELOG_FORK,     /* parked: it saw, or follows, another chain than the one here */
    ELOG_PAST,     /* parked: another hash at a known ledger position */
    ELOG_GONE,     /* parked: the body is gone */
    ELOG_LATE,     /* held: late work */
    ELOG_NO_RIGHT, /* parked: its author never had the right */
    ELOG_REASON_COUNT,
    ELOG_STOOD = 100 /* new, and shown to nobody: it was applied before its stream was made anew */
};
/* A stable word: "key", "ledger", ... */
const char *elog_reason_name(enum elog_reason reason);

struct elog_feed {
    int64_t key;
    struct id stream;
    struct feed_ref feed;
    bool is_own;
    uint32_t saved;                  /* own: last save given */
    uint32_t sealed;                 /* own: last save sealed */
    uint8_t head[CRYPTO_HASH_BYTES]; /* own: hash of the header that ends at `sealed`; zeros at 0 */
    uint32_t on_server;
};
/* Finds a feed, or makes it. */
enum rc elog_feed_open(struct db *db, struct id stream, struct feed_ref feed, bool is_own,
                       struct elog_feed *row) MUST_CHECK;
/* RC_ABSENT without a sentence. */
enum rc elog_feed_find(struct db *db, struct id stream, struct feed_ref feed,
                       struct elog_feed *row) MUST_CHECK;
enum rc elog_feed_get(struct db *db, int64_t key, struct elog_feed *row) MUST_CHECK;
/* Writes saved, sealed, head and on_server back. */
enum rc elog_feed_put(struct db *db, const struct elog_feed *row) MUST_CHECK;
/* Feeds of a stream (zero: of all), ascending by (stream, device, incarnation). */
typedef enum rc (*elog_feed_fn)(void *context, const struct elog_feed *feed);
enum rc elog_feeds(struct db *db, struct id stream, elog_feed_fn visit, void *context) MUST_CHECK;

/* One stored entry. `entry.ciphertext` points into `bytes`. Embedded value: ELOG_ROW_EMPTY, ended by elog_row_wipe. */
struct elog_row {
    int64_t key;
    int64_t feed;
    enum elog_state state;
    enum elog_reason reason;
    bool is_sent;
    bool is_bundled;
    struct entry entry;
    struct buf bytes;
};
#define ELOG_ROW_EMPTY ((struct elog_row){.bytes = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES)})
void elog_row_wipe(struct elog_row *row);

/*
 * Stores an entry. The same entry again: RC_EXISTS without a sentence (a body or an arrival time that was missing is added).
 * Other bytes at these saves: RC_UNTRUSTED; but an entry whose signature nobody looked at (ELOG_LEDGER) gives way to a proven one.
 */
enum rc elog_put(struct db *db, const struct elog_feed *feed, const struct entry *entry,
                 enum elog_state state, enum elog_reason reason, bool is_sent) MUST_CHECK;
enum rc elog_get(struct db *db, int64_t key, struct elog_row *row) MUST_CHECK;
/* The entry of a feed that holds `save`; RC_ABSENT without a sentence. */
enum rc elog_find(struct db *db, int64_t feed, uint32_t save, struct elog_row *row) MUST_CHECK;
/* The header hash of the entry of a feed that ends at `last`, in any state; RC_ABSENT without a sentence. */
enum rc elog_head_at(struct db *db, int64_t feed, uint32_t last,
                     uint8_t hash[CRYPTO_HASH_BYTES]) MUST_CHECK;
/* The header of the entry of a feed that holds `save`, with its signature, in any state; RC_ABSENT without a
 * sentence. Unproven: perhaps nobody has looked at its signature yet (ELOG_LEDGER). */
enum rc elog_header_at(struct db *db, int64_t feed, uint32_t save, struct entry *entry,
                       bool *is_unproven) MUST_CHECK;
/* The last save of a feed in the log, in any state, and the last one applied; 0 when none. */
enum rc elog_last(struct db *db, int64_t feed, uint32_t *stored, uint32_t *applied) MUST_CHECK;
enum rc elog_set_state(struct db *db, int64_t key, enum elog_state state,
                       enum elog_reason reason) MUST_CHECK;
enum rc elog_drop(struct db *db, int64_t key) MUST_CHECK;
/* How far a walk in the order of chains came: by feed, then by save. From zeros on. */
struct elog_place {
    int64_t feed, first;
};
/* Keys of up to `room` entries of a stream (zero: of all) in that state, not ELOG_APPLIED, behind `place`, which moves to the last of them;
 * `count` out. */
enum rc elog_keys(struct db *db, struct id stream, enum elog_state state, struct elog_place *place, int64_t *keys,
                  size_t room, size_t *count) MUST_CHECK;
/* The next of those entries itself, one by one; *found false behind the last. */
enum rc elog_next(struct db *db, struct id stream, enum elog_state state, struct elog_place *place, struct elog_row *row,
                  bool *found) MUST_CHECK;
/* Entries of a stream (zero: of all) that are parked for `reason` become new; how many. */
enum rc elog_unpark(struct db *db, struct id stream, enum elog_reason reason, uint64_t *count) MUST_CHECK;
/* Applied (ELOG_STOOD, or ELOG_GAP as before) and held entries of a stream become new, and those parked as gap, damaged or unknown: after
 * its journal was reset. */
enum rc elog_renew(struct db *db, struct id stream) MUST_CHECK;
/* Not of ELOG_APPLIED. */
enum rc elog_count(struct db *db, enum elog_state state, uint64_t *count) MUST_CHECK;

#endif
