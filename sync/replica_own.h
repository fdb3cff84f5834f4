/* What the files behind sync/replica.h share: the open replica, and the acts that more than one of them needs. */
#ifndef SYNC_REPLICA_OWN_H
#define SYNC_REPLICA_OWN_H

#include "sync/identity.h"
#include "sync/joining.h"
#include "sync/keyring.h"
#include "sync/own_secret.h"
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

/* Device time (docs/PROTOCOL.md section 9). What is settled never goes down; beyond it stands what a jump of the clock
 * says, until the server's word. */
struct device_time {
    int64_t settled_ms; /* 0: the server's word never came */
    int64_t highest_ms; /* at least settled_ms */
    int64_t wall_ms;    /* the clocks as last read; 0: never */
    int64_t mono_ms;
    int64_t kept_wall_ms; /* as last stored */
};

/* What was found in order last, and until when that holds: asked several times a session, over all streams and keys. */
struct settled {
    struct ledger_span streams, streams_before; /* streams_refresh: by device time, and by what of it is settled */
    struct ledger_span lent;                    /* replica_forget_lent, for these keys and boxes: */
    uint64_t lent_keys, lent_boxes;
    struct ledger_span debts; /* session_pay */
    uint64_t grants_due, rotations_owed;
};

/* A feed that is written to in the transaction of own saves that is open. */
struct saving_feed {
    struct author self;
    struct elog_feed feed;
    bool is_changed;
};

/* Own saves from the begin of their transaction to its end. */
struct saving {
    bool is_many;   /* replica_saves_begin was called */
    bool is_broken; /* a save failed half-way */
    uint64_t incarnation; /* before */
    struct saving_feed *feeds;
    size_t count, room;
};

struct replica {
    struct store *store; /* lent, with its db and clock */
    struct db *db;
    const struct clock *clock;
    struct journal *journal;
    struct ledger *ledger; /* NULL before a team is known */
    uint64_t marked;       /* the ledger's mark in the store stands at this line */
    uint64_t lines_judged; /* how many the latest reading of the store had to judge */
    struct secret sealing; /* what keys and own secrets are sealed under in their rows */
    struct keyring *keys;
    bool has_loose_keys;  /* keys of the ring are not stored: lent ones, and where a transaction failed */
    uint64_t box_changes; /* rises with each box that is stored */
    struct identity identity;
    bool has_identity;
    bool is_in_team;
    bool is_ledger_short; /* damaged lines were dropped and have not come again: nothing is sealed, gained, lost or judged */
    bool has_newer_line;  /* the ledger goes on with what a newer program made: nothing is sealed, no operation made */
    bool has_team;
    uint8_t team[CRYPTO_HASH_BYTES]; /* known from the invitation on */
    bool is_revoked;                 /* so said the server at the latest session */
    bool must_recover;               /* continuity is not proven: nothing is sealed */
    uint64_t incarnation;
    struct device_time time;
    bool has_loose_time; /* the server's word, which is not stored yet */
    int64_t clock_offset_ms; /* server time minus wall clock */
    bool has_hidden;         /* some stream is hidden: see streams_refresh */
    struct save_source saves;
    struct chain_found chains[REPLICA_CHAINS]; /* by feed, modulo */
    int64_t *forked; /* feeds whose author was seen to sign two entries as one, since opening */
    size_t forked_count, forked_room;
    struct saving saving;
    bool names_less; /* what names a header that is not here is applied all the same: inbox_settle_names */
    struct source_cache *cache; /* bodies read last; sync/source.c */
    struct settled settled;
};

/* ---- bundle_io.c ---- */
/* Keeps the server's verified word on the ledger's head, which bundles pass on; inside a transaction. */
enum rc replica_keep_statement(struct replica *replica,
                               const struct wire_statement *statement) MUST_CHECK;
/* The word that is kept; its position and time are 0 where none is. */
enum rc replica_kept_statement(struct replica *replica, struct wire_statement *statement) MUST_CHECK;

/* ---- replica_ledger.c ---- */
/* Reads the ledger anew from the store: at opening, and when a transaction with new lines failed. Lines that this device
 * has judged, as a sealed mark says, are not judged again where they still make the same chain. */
enum rc replica_load_ledger(struct replica *replica) MUST_CHECK;
/* Takes a verified line in, in memory and store; inside a transaction. */
enum rc replica_take_line(struct replica *replica, const void *line, size_t len) MUST_CHECK;
/* Every line up to the head was judged here: after the last line, in the same transaction. */
enum rc replica_mark_ledger(struct replica *replica) MUST_CHECK;

/* ---- replica.c ---- */
/* The invitation that this store is joining by; RC_ABSENT without a sentence. */
enum rc replica_load_invitation(struct replica *replica,
                                struct joining_invitation *invitation) MUST_CHECK;
/* Makes and stores the device's identity when there is none. */
enum rc replica_need_identity(struct replica *replica) MUST_CHECK;
struct feed_ref replica_feed(const struct replica *replica);

/* ---- founding.c ---- */
/* Forgets a team that was asked for and is not ours, with its keys; nothing while none was asked for. */
enum rc founding_forget(struct replica *replica) MUST_CHECK;

/* ---- device_time.c ---- */
enum rc replica_load_time(struct replica *replica) MUST_CHECK;
/* Stores device time; by keep_time, when it moved by more than a minute since that was done last. */
enum rc replica_store_time(struct replica *replica) MUST_CHECK;
enum rc replica_keep_time(struct replica *replica) MUST_CHECK;
/* Device time without what only a jump of the clock says: what may be purged is judged by it. */
int64_t replica_settled_ms(struct replica *replica);
/* The server's signed time settles device time: a jump is confirmed by it, or forgotten. */
enum rc replica_learn_time(struct replica *replica, int64_t server_ms) MUST_CHECK;
/* The same, not yet stored: the caller does that when its session ends, well or not. */
enum rc replica_hear_time(struct replica *replica, int64_t server_ms) MUST_CHECK;
/* The server's time, as its latest signed hello lets us reckon: what the next line will be judged by. Device time may be
 * ahead of it for ever, when the server's own clock was once; then what is owed would be judged otherwise than the server does.
 * For sessions: without a fresh greeting it goes where somebody puts the clock. */
uint64_t replica_server_ms(const struct replica *replica);

/* ---- replica.c ---- */
/* RC_ABSENT with a sentence without a team. */
enum rc replica_need_team(const struct replica *replica) MUST_CHECK;

/* ---- replica_keys.c ---- */
/* Opens a ring with the keys that the store has. */
enum rc replica_load_keys(struct replica *replica) MUST_CHECK;
/* Stores every key of the ring that is not stored yet, or those of one stream; not those that are only passed on through the
 * reserve. */
enum rc replica_store_keys(struct replica *replica) MUST_CHECK;
enum rc replica_store_keys_of(struct replica *replica, struct id stream) MUST_CHECK;
/* True when an epoch of the stream that the ledger knows has no key here. */
bool replica_lacks_keys(const struct replica *replica, struct id stream);
/* Forgets keys and boxes of streams that this device may not hold: it opened them through the reserve to pass them
 * on, and that is done; or a cover that was given ended before it was accepted. */
enum rc replica_forget_lent(struct replica *replica) MUST_CHECK;

/* ---- streams.c ---- */
/* Brings streams in step with ledger and time: gained ones are filled from zero, lost ones sealed and purged. What is lost
 * only by a jump of the clock is hidden: log, keys and outbox stay, and no row of the journal does. */
enum rc streams_refresh(struct replica *replica) MUST_CHECK;
/* Of that only the gaining: also inside a transaction. */
enum rc streams_gain(struct replica *replica) MUST_CHECK;
/* Shows again what a jump hid and the server's time gives back; purges nothing. */
enum rc streams_show(struct replica *replica) MUST_CHECK;
enum streams_place { STREAMS_ABSENT, STREAMS_HIDDEN, STREAMS_SHOWN };
enum rc streams_find(struct replica *replica, struct id stream,
                     enum streams_place *place) MUST_CHECK;
/* Runs a statement whose first column is a stream, to its end, and adds each to `streams`, which is the caller's to wipe, success or
 * not. The statement is done then. */
enum rc streams_list(struct stmt *stmt, struct ledger_ids *streams) MUST_CHECK;
/* A whole stream is asked for once more, from zero up to the shared cursor. */
enum rc streams_fill_again(struct replica *replica, struct id stream) MUST_CHECK;
/* Within the transaction that stores a page: it was made up by ledger lines up to `position`, which are not all here. */
enum rc streams_shown_by(struct replica *replica, uint64_t position) MUST_CHECK;
/* Within the transaction that takes a line: such a page left out what this line ended the right to, and the cursor passed it. Should a
 * later line give it again before anything follows this one, the stream is filled anew. */
enum rc streams_pass_line(struct replica *replica) MUST_CHECK;
/* True when the stream is one of ours now; hidden ones are not. */
enum rc streams_have(struct replica *replica, struct id stream, bool *is_here,
                     bool *is_filling) MUST_CHECK;
enum rc streams_touch(struct replica *replica,
                      struct id stream) MUST_CHECK; /* changed since the last acknowledgement */
/* The next of ours, ascending after `after`; hidden ones are passed over. */
enum rc streams_next(struct replica *replica, const struct id *after, struct id *stream,
                     bool *found) MUST_CHECK;

/* ---- source.c ---- */
enum rc source_make(struct replica *replica) MUST_CHECK;
void source_free(struct replica *replica);
void source_forget(struct replica *replica); /* after the log changed under it */
/* Opens one entry's body with the key ring. RC_LOCKED without the key. */
enum rc source_open(struct replica *replica, const struct entry *entry,
                    struct buf *body) MUST_CHECK;
/* The same, decoded: `count` saves from entry->first on, heap memory of the caller (body_free); NULL after a failure. */
enum rc source_read(struct replica *replica, const struct entry *entry, struct change **saves,
                    size_t *count) MUST_CHECK;
/* Whether that code of source_read speaks of the one entry alone: key or body are not here, it is damaged, or a newer program's. */
bool source_is_unreadable(enum rc rc);

/* A sealed name or label of `subject` into `out`; "?" plus a short id while the key is missing. */
enum rc replica_open_name(struct replica *replica, const struct ledger_text *sealed,
                          struct id subject, struct buf *out) MUST_CHECK;
/* Seals a name or label, normalised, under that key of `keys`. RC_LOCKED without it, RC_INVALID, RC_TOO_LARGE. */
enum rc replica_seal_name(const struct keyring *keys, struct id stream, uint32_t epoch,
                          struct id subject, const char *text, struct ledger_text *sealed) MUST_CHECK;
/* Every table of every stream from the log. */
enum rc replica_rebuild_all(struct replica *replica) MUST_CHECK;

#endif
