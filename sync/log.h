/* The log: feeds, and entries with their ciphertext, own and others'. The source of truth of a stream. */
#ifndef SYNC_LOG_H
#define SYNC_LOG_H

#include "core/change.h"
#include "core/db.h"
#include "sync/entry.h"

enum log_state { LOG_NEW = 0, LOG_APPLIED, LOG_PARKED, LOG_HELD };
enum log_reason {
    LOG_NO_REASON = 0,
    LOG_KEY,      /* parked: its epoch key is not here */
    LOG_LEDGER,   /* parked: it names a line, stream or device that was not read yet; not verified */
    LOG_GAP,      /* parked: saves before it, or a header that it saw, are missing */
    LOG_UNKNOWN,  /* parked: made by a newer program */
    LOG_DAMAGED,  /* parked: its signature, seal or body does not hold */
    LOG_FORK,     /* parked: it saw, or follows, another chain than the one here */
    LOG_PAST,     /* parked: another hash at a known ledger position */
    LOG_GONE,     /* parked: the body is gone */
    LOG_LATE,     /* held: late work */
    LOG_NO_RIGHT, /* parked: its author never had the right */
    LOG_REASON_COUNT
};
/* A stable word: "key", "ledger", ... */
const char *log_reason_name(enum log_reason reason);

struct log_feed {
    int64_t key;
    struct id stream;
    struct feed_ref feed;
    bool is_own;
    uint32_t saved;  /* own: last save given */
    uint32_t sealed; /* own: last save sealed */
    uint8_t head[CRYPTO_HASH_BYTES]; /* own: hash of the header that ends at `sealed`; zeros at 0 */
    uint32_t on_server;
};
/* Finds a feed, or makes it. */
enum rc log_feed_open(struct db *db, struct id stream, struct feed_ref feed, bool is_own, struct log_feed *row) MUST_CHECK;
/* RC_ABSENT without a sentence. */
enum rc log_feed_find(struct db *db, struct id stream, struct feed_ref feed, struct log_feed *row) MUST_CHECK;
enum rc log_feed_get(struct db *db, int64_t key, struct log_feed *row) MUST_CHECK;
/* Writes saved, sealed, head and on_server back. */
enum rc log_feed_put(struct db *db, const struct log_feed *row) MUST_CHECK;
/* Feeds of a stream (zero: of all), ascending by (stream, device, incarnation). */
typedef enum rc (*log_feed_fn)(void *context, const struct log_feed *feed);
enum rc log_feeds(struct db *db, struct id stream, log_feed_fn visit, void *context) MUST_CHECK;

/* One stored entry. `entry.ciphertext` points into `bytes`. Embedded value: LOG_ROW_EMPTY, ended by log_row_wipe. */
struct log_row {
    int64_t key;
    int64_t feed;
    enum log_state state;
    enum log_reason reason;
    bool is_sent;
    bool is_bundled;
    struct entry entry;
    struct buf bytes;
};
#define LOG_ROW_EMPTY ((struct log_row){.bytes = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES)})
void log_row_wipe(struct log_row *row);

/*
 * Stores an entry. The same entry again: RC_EXISTS without a sentence (a body or an arrival time that was missing is added).
 * Other bytes at these saves: RC_UNTRUSTED.
 */
enum rc log_put(struct db *db, const struct log_feed *feed, const struct entry *entry, enum log_state state,
                enum log_reason reason, bool is_sent) MUST_CHECK;
enum rc log_get(struct db *db, int64_t key, struct log_row *row) MUST_CHECK;
/* The entry of a feed that holds `save`; RC_ABSENT without a sentence. */
enum rc log_find(struct db *db, int64_t feed, uint32_t save, struct log_row *row) MUST_CHECK;
/* The header hash of the entry of a feed that ends at `last`, in any state; RC_ABSENT without a sentence. */
enum rc log_head_at(struct db *db, int64_t feed, uint32_t last, uint8_t hash[CRYPTO_HASH_BYTES]) MUST_CHECK;
/* The last save of a feed in the log, in any state, and the last one applied; 0 when none. */
enum rc log_last(struct db *db, int64_t feed, uint32_t *stored, uint32_t *applied) MUST_CHECK;
enum rc log_set_state(struct db *db, int64_t key, enum log_state state, enum log_reason reason) MUST_CHECK;
enum rc log_set_sent(struct db *db, int64_t key, bool is_sent) MUST_CHECK;
enum rc log_drop(struct db *db, int64_t key) MUST_CHECK;
/* Keys of up to `room` entries in that state above `after`, ascending; `count` out. */
enum rc log_keys(struct db *db, enum log_state state, int64_t after, int64_t *keys, size_t room, size_t *count) MUST_CHECK;
/* Entries parked for `reason` become new; how many. */
enum rc log_unpark(struct db *db, enum log_state state, enum log_reason reason, uint64_t *count) MUST_CHECK;
/* Applied entries of a stream become new: after its journal was reset. */
enum rc log_renew(struct db *db, struct id stream) MUST_CHECK;
enum rc log_count(struct db *db, enum log_state state, uint64_t *count) MUST_CHECK;

#endif
