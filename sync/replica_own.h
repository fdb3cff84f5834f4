/* What the files behind sync/replica.h share: the open replica, and the acts that more than one of them needs. */
#ifndef SYNC_REPLICA_OWN_H
#define SYNC_REPLICA_OWN_H

#include "sync/identity.h"
#include "sync/joining.h"
#include "sync/keyring.h"
#include "sync/elog.h"
#include "sync/replica.h"
#include "sync/state.h"

/* How far down the chain that ends in a head was found: asked for each entry of a feed in turn. */
enum { REPLICA_CHAINS = 16 };
struct chain_found {
    int64_t feed; /* 0: nothing was looked for since the log changed */
    uint32_t last;
    uint8_t hash[CRYPTO_HASH_BYTES];
    uint32_t from;            /* its lowest save here; beyond all when the head is not */
    enum elog_reason stopped; /* ELOG_GAP, ELOG_FORK; ELOG_NO_REASON at save 1 */
};

struct replica {
    struct store *store; /* lent, with its db and clock */
    struct db *db;
    const struct clock *clock;
    struct journal *journal;
    struct ledger *ledger; /* NULL before a team is known */
    struct keyring *keys;
    struct identity identity;
    bool has_identity;
    bool is_in_team;
    bool has_team;
    uint8_t team[CRYPTO_HASH_BYTES]; /* known from the invitation on */
    bool is_revoked;                 /* so said the server at the latest session */
    bool must_recover;               /* continuity is not proven: nothing is sealed */
    uint64_t incarnation;
    int64_t time_base_ms; /* device time at mono_base_ms */
    int64_t mono_base_ms;
    int64_t clock_offset_ms; /* server time minus wall clock */
    struct save_source saves;
    struct chain_found chains[REPLICA_CHAINS]; /* by feed, modulo */
    struct source_cache *cache; /* the body read last; sync/source.c */
};

/* ---- bundle_io.c ---- */
/* Keeps the server's verified word on the ledger's head, which bundles pass on; inside a transaction. */
enum rc replica_keep_statement(struct replica *replica,
                               const struct wire_statement *statement) MUST_CHECK;

/* ---- replica.c ---- */
/* Reads the ledger anew from the store: at opening, and when a transaction with new lines failed. */
enum rc replica_load_ledger(struct replica *replica) MUST_CHECK;
/* Takes a verified line in, in memory and store; inside a transaction. */
enum rc replica_take_line(struct replica *replica, const void *line, size_t len) MUST_CHECK;
/* The invitation that this store is joining by; RC_ABSENT without a sentence. */
enum rc replica_load_invitation(struct replica *replica,
                                struct joining_invitation *invitation) MUST_CHECK;
/* Makes and stores the device's identity when there is none. */
enum rc replica_need_identity(struct replica *replica) MUST_CHECK;
struct feed_ref replica_feed(const struct replica *replica);
/* The server's signed time moves device time. */
enum rc replica_learn_time(struct replica *replica, int64_t server_ms) MUST_CHECK;
/* The server's time, as its latest signed hello lets us reckon: what the next line will be judged by. Device time may be
 * far ahead of it for ever, after the clock was once; then what is owed would be judged otherwise than the server does. */
uint64_t replica_server_ms(const struct replica *replica);
/* RC_ABSENT with a sentence without a team. */
enum rc replica_need_team(const struct replica *replica) MUST_CHECK;
/* Stores every key of the ring that is not stored yet; not those that are only passed on through the reserve. */
enum rc replica_store_keys(struct replica *replica) MUST_CHECK;
/* Forgets keys and boxes of streams that this device may not hold: it opened them through the reserve to pass them
 * on, and that is done; or a cover that was given ended before it was accepted. */
enum rc replica_forget_lent(struct replica *replica) MUST_CHECK;

/* ---- streams.c ---- */
/* Brings streams in step with ledger and time: gained ones are filled from zero, lost ones sealed and purged. */
enum rc streams_refresh(struct replica *replica, bool *gained) MUST_CHECK;
/* True when the stream is one of ours now. */
enum rc streams_have(struct replica *replica, struct id stream, bool *is_here,
                     bool *is_filling) MUST_CHECK;
enum rc streams_touch(struct replica *replica,
                      struct id stream) MUST_CHECK; /* changed since the last acknowledgement */
/* Keys of up to `room` streams: all of ours, ascending after `after`. */
enum rc streams_next(struct replica *replica, const struct id *after, struct id *stream,
                     bool *found) MUST_CHECK;

/* ---- source.c ---- */
enum rc source_make(struct replica *replica) MUST_CHECK;
void source_free(struct replica *replica);
void source_forget(struct replica *replica); /* after the log changed under it */
/* Opens one entry's body with the key ring. RC_LOCKED without the key. */
enum rc source_open(struct replica *replica, const struct entry *entry,
                    struct buf *body) MUST_CHECK;

/* A sealed name or label of `subject` into `out`; "?" plus a short id while the key is missing. */
enum rc replica_open_name(struct replica *replica, const struct ledger_text *sealed,
                          struct id subject, struct buf *out) MUST_CHECK;
/* Seals a name or label, normalised, under that key of `keys`. RC_LOCKED without it, RC_INVALID, RC_TOO_LARGE. */
enum rc replica_seal_name(const struct keyring *keys, struct id stream, uint32_t epoch,
                          struct id subject, const char *text, struct ledger_text *sealed) MUST_CHECK;
/* Every table of every stream from the log. */
enum rc replica_rebuild_all(struct replica *replica) MUST_CHECK;

#endif
