/* What a back end of the server must do: keep teams, lines, boxes, entries, acknowledgements, joins
 * and one-time codes. It judges nothing. One handle serves one thread at a time.
 *
 * Every function fails with RC_IO, RC_FULL, RC_NOMEM, RC_BUSY (another process writes; try again) or
 * RC_CORRUPT beside what it names. A visitor that returns other than RC_OK ends the visit with that
 * code; `*stop` set to true ends it with RC_OK. What is handed to a visitor is lent for the call;
 * a visitor may read, and changes nothing. */
#ifndef SERVER_DEPOT_H
#define SERVER_DEPOT_H

#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "sync/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct depot;

enum { DEPOT_WINDOW = 10000 };

/* `path` names the SQLite file; made when `may_create`, otherwise RC_ABSENT. RC_UNSUPPORTED when a
 * newer program made it. */
enum rc depot_open(const char *path, bool may_create, struct depot **depot) MUST_CHECK;
void depot_close(struct depot *depot); /* accepts NULL */
enum rc depot_check(struct depot *depot) MUST_CHECK; /* structure only; RC_CORRUPT names a finding */

/*
 * The numbers that a server gives from now on begin at `first`, by which those of a life that a restore took away are not
 * given again, and a cursor of that life is known as such. depot_new_life finds it, once for a process: later than
 * `now_ms` of every earlier start, and beyond all that was given. Its other handles are told by depot_go_on_from.
 */
enum rc depot_new_life(struct depot *depot, int64_t now_ms, uint64_t *first) MUST_CHECK;
void depot_go_on_from(struct depot *depot, uint64_t first);
enum depot_counter { DEPOT_BOXES, DEPOT_ARRIVALS, DEPOT_ACKS };
/* Whether that number lies between two that were given, and is itself one of another life. */
enum rc depot_was_skipped(struct depot *depot, int64_t team, enum depot_counter counter, uint64_t number,
                          bool *skipped) MUST_CHECK;

/* A transaction that writes: it holds the lock on all numbers that depot_put_* give. Reading
 * functions work outside as well. Committed means flushed to disk. */
enum rc depot_begin(struct depot *depot) MUST_CHECK;
enum rc depot_commit(struct depot *depot) MUST_CHECK;
void depot_rollback(struct depot *depot); /* keeps rc_sentence */

struct depot_team {
    int64_t key;      /* the depot's own name of it */
    uint64_t ledger;  /* last position */
    uint64_t arrival; /* last arrival number */
    uint64_t ack;     /* last number of an acknowledgement */
    uint64_t box;     /* last number of a box */
};
/* RC_ABSENT without a sentence to show. */
enum rc depot_find_team(struct depot *depot, const uint8_t id[CRYPTO_HASH_BYTES],
                        struct depot_team *team) MUST_CHECK;
enum rc depot_put_team(struct depot *depot, const uint8_t id[CRYPTO_HASH_BYTES],
                       struct depot_team *team) MUST_CHECK;

enum rc depot_list_teams(struct depot *depot,
                         enum rc (*visit)(void *context, const uint8_t id[CRYPTO_HASH_BYTES],
                                          const struct depot_team *team, bool *stop),
                         void *context) MUST_CHECK;

/* Lines, in order from `from`. */
enum rc depot_list_lines(struct depot *depot, int64_t team, uint64_t from,
                         enum rc (*visit)(void *context, uint64_t position, const uint8_t *line,
                                          size_t len, bool *stop),
                         void *context) MUST_CHECK;
enum rc depot_put_line(struct depot *depot, int64_t team, uint64_t position,
                       const uint8_t op_hash[CRYPTO_HASH_BYTES], const uint8_t *line,
                       size_t len) MUST_CHECK;

struct depot_box {
    uint64_t number; /* given by depot_put_box */
    struct id stream;
    uint32_t epoch;
    struct id recipient;
    const uint8_t *bytes;
    size_t len;
};
/* A box of the same name (stream, epoch, recipient) is replaced and takes a new number. */
enum rc depot_put_box(struct depot *depot, int64_t team, const struct depot_box *box) MUST_CHECK;
/* Boxes with a number above `after`, of one stream or (NULL) of all, ascending. */
enum rc depot_list_boxes(struct depot *depot, int64_t team, const struct id *stream, uint64_t after,
                         enum rc (*visit)(void *context, const struct depot_box *box, bool *stop),
                         void *context) MUST_CHECK;
enum rc depot_delete_box(struct depot *depot, int64_t team, uint64_t number) MUST_CHECK;

struct depot_feed {
    struct id stream;
    struct id device;
    uint64_t incarnation;
};
struct depot_entry {
    struct depot_feed feed;
    uint32_t first;
    uint32_t last;
    uint64_t arrival; /* given by depot_put_entry */
    int64_t arrived_ms;
    const uint8_t *header; /* ENTRY_HEADER_BYTES */
    const uint8_t *header_hash;
    const uint8_t *signature;
    const uint8_t *ciphertext; /* NULL when the body is gone; with _list: only after depot_body */
    size_t ciphertext_len;
};
/* The last save stored of a feed and its entry's header hash; *last is 0 when there is none. */
enum rc depot_feed_head(struct depot *depot, int64_t team, const struct depot_feed *feed,
                        uint32_t *last, uint8_t header_hash[CRYPTO_HASH_BYTES]) MUST_CHECK;
/* The feeds that a device has, in one stream or (NULL) in all, with the end of each; ascending by
 * (stream, incarnation). */
struct depot_feed_end {
    struct depot_feed feed;
    uint32_t last;
    uint8_t header_hash[CRYPTO_HASH_BYTES];
};
enum rc depot_list_feeds(struct depot *depot, int64_t team, struct id device,
                         const struct id *stream,
                         enum rc (*visit)(void *context, const struct depot_feed_end *end,
                                          bool *stop),
                         void *context) MUST_CHECK;
/* Adds to what a revoked device has handed in; gives the new sum. */
enum rc depot_add_handed_in(struct depot *depot, int64_t team, struct id device, uint64_t bytes,
                            uint64_t *sum) MUST_CHECK;
/* The header hash of the stored entry of a feed that ends at `last`; *found false when none does. */
enum rc depot_find_entry(struct depot *depot, int64_t team, const struct depot_feed *feed,
                         uint32_t last, bool *found,
                         uint8_t header_hash[CRYPTO_HASH_BYTES]) MUST_CHECK;
/* Gives the next arrival number of the team. Only after depot_begin. RC_EXISTS. */
enum rc depot_put_entry(struct depot *depot, int64_t team, struct depot_entry *entry) MUST_CHECK;

struct depot_window {
    const struct id *stream; /* NULL for all */
    uint64_t after;
    uint64_t upto; /* the last arrival that is looked at */
};
/* `body` reads the ciphertext of the entry being visited into it; unread bodies cost nothing. */
struct depot_body;
enum rc depot_list_entries(struct depot *depot, int64_t team, const struct depot_window *window,
                           enum rc (*visit)(void *context, struct depot_entry *entry,
                                            struct depot_body *body, bool *stop),
                           void *context) MUST_CHECK;
enum rc depot_body(struct depot_body *body, struct depot_entry *entry) MUST_CHECK;

struct depot_ack {
    struct id device;
    uint64_t incarnation;
    uint64_t number; /* rising within the incarnation */
    const struct id *streams;
    size_t stream_count;
    const uint8_t *bytes;
    size_t len;
};
/* The number of an incarnation's latest (0 when none) and the plain hash of its bytes. */
enum rc depot_last_ack(struct depot *depot, int64_t team, struct id device, uint64_t incarnation,
                       uint64_t *number, uint8_t hash[CRYPTO_HASH_BYTES]) MUST_CHECK;
/* Stores it and deletes those of the device that no stream refers to any more. */
enum rc depot_put_ack(struct depot *depot, int64_t team, const struct depot_ack *ack) MUST_CHECK;
/* Numbered by arrival, ascending. */
enum rc depot_list_acks(struct depot *depot, int64_t team, uint64_t after,
                        enum rc (*visit)(void *context, uint64_t ack, const uint8_t *bytes,
                                         size_t len, bool *stop),
                        void *context) MUST_CHECK;

struct depot_join {
    uint8_t invite[CRYPTO_PUBLIC_BYTES];
    int64_t expires_ms;
    const uint8_t *bytes;
    size_t len;
};
/* The same request again changes nothing. RC_EXISTS when the invitation has
 * `ceiling` other requests already. */
enum rc depot_put_join(struct depot *depot, int64_t team, const struct depot_join *join,
                       int64_t ceiling) MUST_CHECK;
/* Those that have not expired. */
enum rc depot_list_joins(struct depot *depot, int64_t team, int64_t now_ms,
                         enum rc (*visit)(void *context, const struct depot_join *join, bool *stop),
                         void *context) MUST_CHECK;
enum rc depot_delete_joins(struct depot *depot, int64_t team,
                           const uint8_t invite[CRYPTO_PUBLIC_BYTES]) MUST_CHECK;
enum rc depot_expire_joins(struct depot *depot, int64_t now_ms) MUST_CHECK;

enum rc depot_put_code(struct depot *depot, const uint8_t hash[CRYPTO_HASH_BYTES],
                       int64_t expires_ms) MUST_CHECK;
struct depot_code {
    int64_t expires_ms;
    bool used;
    uint8_t used_by[CRYPTO_HASH_BYTES];
};
enum rc depot_find_code(struct depot *depot, const uint8_t hash[CRYPTO_HASH_BYTES], bool *found,
                        struct depot_code *code) MUST_CHECK;
enum rc depot_use_code(struct depot *depot, const uint8_t hash[CRYPTO_HASH_BYTES],
                       const uint8_t team[CRYPTO_HASH_BYTES]) MUST_CHECK;

#endif
