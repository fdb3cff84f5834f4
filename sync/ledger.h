/* Who may what: the team's signed list of facts, verified line by line and reduced in memory.
 * The same code runs on devices and on the server (docs/PROTOCOL.md, section 3). */
#ifndef SYNC_LEDGER_H
#define SYNC_LEDGER_H

#include "core/buf.h"
#include "core/clock.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "sync/ledger_op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry;
struct ledger;

enum rc ledger_new(struct ledger **ledger) MUST_CHECK; /* empty: position 0 */
void ledger_free(struct ledger *ledger);               /* accepts NULL */

/*
 * Verifies the next line (chain, signature, rule, preconditions) and takes it in. On failure the ledger is as it was.
 *
 * fails  RC_UNTRUSTED it breaks a rule, whose name stands in the sentence; RC_UNSUPPORTED made by a newer program;
 *        RC_NOMEM (then the ledger refuses everything further: free it)
 */
enum rc ledger_append(struct ledger *ledger, const void *line, size_t len) MUST_CHECK;
/*
 * The same for a line that was judged before, and is one of a chain whose head is known: neither signature nor rules are
 * looked at again. Of any other line the ledger would be nonsense, and worse.
 */
enum rc ledger_append_known(struct ledger *ledger, const void *line, size_t len) MUST_CHECK;

/* What ledger_check found. */
struct ledger_verdict {
    const char
        *rule; /* short name of the rule that fails ("expiry"), a string constant; NULL when none */
    uint64_t position;               /* RC_EXISTS: where the same operation stands already */
    uint8_t hash[CRYPTO_HASH_BYTES]; /* of the operation */
};
/*
 * Would this operation be a lawful next line at this time?
 *
 * fails  RC_STALE a precondition moved on (epoch, recipients, seen): read the ledger, make it again;
 *        RC_DENIED its author has no right to it; RC_INVALID any other rule; RC_EXISTS it counted already, at
 *        verdict->position; RC_CORRUPT no operation; RC_UNSUPPORTED; RC_NOMEM
 */
enum rc ledger_check(const struct ledger *ledger, const void *op, size_t len, uint64_t time_ms,
                     struct ledger_verdict *verdict) MUST_CHECK;
/* Writes the next line round `op` (checked before): what the server stores and sends. */
enum rc ledger_next_line(const struct ledger *ledger, const void *op, size_t len, uint64_t time_ms,
                         struct buf *line) MUST_CHECK;
/* Fills team, seen, seen_hash and (when a part names the reserve) reserve_epoch of an operation from the head. */
void ledger_address(const struct ledger *ledger, struct ledger_op *op);

/* ---- the head and the lines ---- */
uint64_t ledger_position(const struct ledger *ledger); /* 0 when empty */
/* 32 bytes, belonging to the ledger; NULL for a position that is not there. */
const uint8_t *ledger_hash_at(const struct ledger *ledger, uint64_t position);
const uint8_t *ledger_team(const struct ledger *ledger);                 /* NULL when empty */
struct id ledger_team_stream(const struct ledger *ledger);
const uint8_t *
ledger_server_public(const struct ledger *ledger); /* in force now; NULL when empty */
/* The key that signs the statement of that position: in force before that line (at 1, the key that it names). */
const uint8_t *ledger_server_public_at(const struct ledger *ledger, uint64_t position);
const char *ledger_server_address(const struct ledger *ledger);
/* The position where the operation with this hash counted; 0 when nowhere. */
uint64_t ledger_find_op(const struct ledger *ledger, const uint8_t *op_hash);

/* ---- facts: pointers belong to the ledger and are valid until the next append; find gives NULL for none ---- */
struct ledger_person {
    struct id id;
    uint32_t roles; /* 0: membership ended */
    struct ledger_text name;
    uint64_t since; /* position of the first line that names the person as a member */
};
struct ledger_device {
    struct id id;
    struct id person;
    uint8_t sign_public[CRYPTO_PUBLIC_BYTES];
    uint8_t box_public[CRYPTO_PUBLIC_BYTES];
    struct ledger_text label;
    uint64_t since;      /* position */
    uint64_t revoked;    /* position; 0 when not */
    uint64_t revoked_ms; /* time of that line */
};
struct ledger_family {
    struct id id;
    struct id index;
    struct id file;
    struct id shielded;
    struct id owner; /* person; zeros while there is none */
    uint64_t since;
};
struct ledger_stream {
    struct id id;
    enum stream_kind kind;
    struct id family; /* zero for team and reserve */
    uint32_t epoch;   /* current; 0: none made */
};
enum ledger_cover_state { LEDGER_COVER_GIVEN = 1, LEDGER_COVER_ACCEPTED, LEDGER_COVER_ENDED };
struct ledger_cover {
    struct id id;
    struct id person;   /* who covers */
    struct id given_by; /* person */
    uint64_t from_ms;
    uint64_t until_ms;
    uint8_t scope;
    enum ledger_cover_state state; /* by lines alone: one past `until_ms` may still be ACCEPTED */
    uint8_t why;                   /* when ended */
    uint64_t given;                /* positions; 0 when not */
    uint64_t accepted;
    uint64_t ended;
    const struct id *families; /* ascending */
    size_t family_count;
    bool is_carried; /* what it says is not all on the ledger: the positions are 0 that no line has */
    uint64_t not_after_ms; /* when carried: a line of a later time gives it no more */
};
struct ledger_invitation {
    uint8_t invite_public[CRYPTO_PUBLIC_BYTES];
    struct id person;
    uint32_t roles;
    uint64_t expires_ms;
    struct ledger_text name;
    struct id device; /* that invited */
    uint64_t position;
    uint64_t used; /* position of the approval; 0 when open */
};

const struct ledger_person *ledger_person(const struct ledger *ledger, struct id person);
const struct ledger_device *ledger_device(const struct ledger *ledger, struct id device);
const struct ledger_family *ledger_family(const struct ledger *ledger, struct id family);
const struct ledger_stream *ledger_stream(const struct ledger *ledger, struct id stream);
const struct ledger_cover *ledger_cover(const struct ledger *ledger, struct id cover);
const struct ledger_invitation *ledger_invitation(const struct ledger *ledger,
                                                  const uint8_t *invite_public);

/* By index from 0, in the order in which the ledger came to know them; NULL beyond the last. */
const struct ledger_person *ledger_person_at(const struct ledger *ledger, size_t index);
const struct ledger_device *ledger_device_at(const struct ledger *ledger, size_t index);
const struct ledger_family *ledger_family_at(const struct ledger *ledger, size_t index);
const struct ledger_stream *ledger_stream_at(const struct ledger *ledger, size_t index);
const struct ledger_cover *ledger_cover_at(const struct ledger *ledger, size_t index);

/* Not revoked, and its person's membership has not ended. */
bool ledger_device_is_active(const struct ledger *ledger, struct id device);
/* One of its devices is. */
bool ledger_person_is_active(const struct ledger *ledger, struct id person);
/* A coach of the family now (owner included), by assignment and role. */
bool ledger_is_coach(const struct ledger *ledger, struct id family, struct id person);
/* What stands for `was` of an assignment, whatever the person's roles. */
enum ledger_function ledger_function(const struct ledger *ledger, struct id family,
                                     struct id person);

/* ---- epochs ---- */
struct ledger_epoch {
    uint32_t epoch;
    uint64_t position; /* of the line that made it */
    uint8_t commitment[CRYPTO_HASH_BYTES];
    uint8_t reserve_public[CRYPTO_PUBLIC_BYTES]; /* of the reserve's own epochs; else zeros */
    uint32_t
        reserve_epoch; /* of the reserve, that this epoch's box for it was made for; 0: no such box */
    const struct id
        *recipients; /* all that were named so far, devices and reserved ids, ascending */
    size_t recipient_count;
};
/* False when that epoch was never made. epoch 0 asks for the current one. */
bool ledger_epoch(const struct ledger *ledger, struct id stream, uint32_t epoch,
                  struct ledger_epoch *out);
/* The stream's epoch after line `position`; 0 when none was made by then. */
uint32_t ledger_epoch_at(const struct ledger *ledger, struct id stream, uint64_t position);

/* ---- rights ---- */
bool ledger_may_read(const struct ledger *ledger, struct id device, struct id stream,
                     uint64_t at_ms);
/* The line since which the device may read the stream without a break, up to at_ms; 0 when it may not. A break is a line
 * that took the right, or the end of a cover that no other right outlasted: there a device purges. */
uint64_t ledger_reads_since(const struct ledger *ledger, struct id device, struct id stream,
                            uint64_t at_ms);
bool ledger_may_hold(const struct ledger *ledger, struct id device, struct id stream,
                     uint64_t at_ms);
bool ledger_may_write(const struct ledger *ledger, struct id device,
                      struct id stream); /* at the head */
/* At the state after line `position`. */
bool ledger_may_write_at(const struct ledger *ledger, struct id device, struct id stream,
                         uint64_t position);

/* The functions (enum function, core/policy.h) of the device's person in the stream's family after line `position`, by lines
 * alone; 0 of a device that is not active then. Without a family only what roles give. */
unsigned ledger_functions_at(const struct ledger *ledger, struct id device, struct id stream,
                             uint64_t position);

/* A stretch of time in which no right to read or hold begins or ends while the ledger stays as it is: covers end by time,
 * all else by lines. What was found at one moment of it holds at any other. Zeros: no moment. */
struct ledger_span {
    uint64_t position;
    uint8_t hash[CRYPTO_HASH_BYTES];
    uint64_t from_ms, until_ms; /* the last is outside */
    uint64_t carried;           /* what was carried then */
};
struct ledger_span ledger_span(const struct ledger *ledger, uint64_t at_ms);
bool ledger_is_within(const struct ledger *ledger, const struct ledger_span *span, uint64_t at_ms);

/* ---- carried: covers that travel without the server (docs/decisions/016). Where some are, the questions about rights at the head
 * (ledger_may_read, _may_hold, _may_write), ledger_reads_since, ledger_entry_counts and the covers count them in; positions, what is
 * due or owed, and the judging of lines never do. The server carries none. ---- */
#define LEDGER_CARRIED_MS (30 * DAY_MS) /* the longest that one may wait for its line */
/*
 * Judges a cover_give without key parts, or a cover_accept (of a cover that is on the ledger or carried), as a line of that time
 * would be judged, and counts it at once.
 *
 * fails  RC_EXISTS without a sentence: it counts already, by a line or carried; RC_ABSENT an acceptance of an unknown cover; RC_INVALID
 *        another operation, or a rule; RC_STALE, RC_DENIED, RC_CORRUPT, RC_UNSUPPORTED as ledger_check; RC_NOMEM
 */
enum rc ledger_carry(struct ledger *ledger, const void *op, size_t len, uint64_t time_ms) MUST_CHECK;
/* The same of what this device judged before; what was refused since opens nothing, and holds what was written under it as late
 * work. A give comes before its acceptance. */
enum rc ledger_carry_known(struct ledger *ledger, const void *op, size_t len, bool is_refused) MUST_CHECK;
void ledger_carry_nothing(struct ledger *ledger);
/* Reading by lines alone: what a server that was not told of what is carried grants. */
bool ledger_reads_by_lines(const struct ledger *ledger, struct id device, struct id stream, uint64_t at_ms);

/* May the server hand `device` this box now? */
bool ledger_may_fetch(const struct ledger *ledger, struct id device, struct id stream,
                      struct id recipient, uint64_t at_ms);

enum ledger_counts {
    LEDGER_COUNTS = 1,
    LEDGER_LATE,             /* beyond what the line that ended the right names: held */
    LEDGER_NO_RIGHT,         /* no right at that position nor at a later one: parked */
    LEDGER_UNKNOWN_POSITION, /* parked until the ledger is read */
    LEDGER_OTHER_HASH,       /* alarm: the server shows different pasts */
};
struct ledger_entry_facts {
    struct id device;
    struct id stream;
    uint64_t incarnation;
    uint32_t last;
    uint64_t position;
    const uint8_t *position_hash;
    /* Is the entry part of the chain that ends in this head? NULL: heads are believed, as by the
     * server, which only has to pass entries on. */
    bool (*agrees)(void *context, const struct ledger_head *head);
    void *context;
};
/* Those of an entry, whose header they borrow; its heads are believed. */
struct ledger_entry_facts ledger_facts_of(const struct entry *entry);
/* Why: filled as far as it applies, zeros elsewhere. */
struct ledger_judgement {
    enum ledger_counts counts;
    uint64_t ended; /* position of the line that ended the right (late, or counted by its head) */
    enum ledger_kind kind; /* of that line */
    uint64_t ended_ms;     /* its time */
    uint64_t admitted;     /* position of the admit line, where one made it count */
    bool has_head; /* `head` is what that line names for the feed: its chain must be this one */
    struct ledger_head head;
    bool by_carried;   /* no line says so: a carried cover does, or one that was refused */
    bool is_unfounded; /* late only because its chain does not lead to `head` */
    bool by_cover; /* the line is a cover_end, of: */
    struct id cover;
    uint8_t why; /* take-over by itself is possible when 1 or 2 */
    uint64_t from_ms; /* its first day, or its acceptance where that came before */
    uint64_t until_ms;
};
/* Section 9. The epoch is compared apart, by ledger_epoch_at. */
enum ledger_counts ledger_entry_counts(const struct ledger *ledger,
                                       const struct ledger_entry_facts *entry,
                                       struct ledger_judgement *judgement);

/* ---- lists; embedded values ended by their wipe ---- */
struct ledger_ids {
    struct id *items;
    size_t count;
    size_t room;
};
#define LEDGER_IDS_EMPTY ((struct ledger_ids){NULL, 0, 0})
void ledger_ids_wipe(struct ledger_ids *ids);
enum rc ledger_ids_add(struct ledger_ids *ids, struct id id) MUST_CHECK; /* also where it is there already; RC_NOMEM */
bool ledger_ids_have(const struct ledger_ids *ids, struct id id);

struct ledger_pairs {
    struct ledger_pair {
        struct id stream;
        uint32_t epoch; /* the stream's current one; of a link that which it leads down from */
        struct id device;
    } * items;
    size_t count;
    size_t room;
};
#define LEDGER_PAIRS_EMPTY ((struct ledger_pairs){NULL, 0, 0})
void ledger_pairs_wipe(struct ledger_pairs *pairs);

/* Devices that may hold a stream at a time, ascending: the recipients of its next epoch. */
enum rc ledger_holders(const struct ledger *ledger, struct id stream, uint64_t at_ms,
                       struct ledger_ids *devices) MUST_CHECK;
/* The same for the index (or the file) of a family that does not exist yet, with that owner. */
enum rc ledger_holders_new(const struct ledger *ledger, enum stream_kind kind,
                           struct id owner, struct ledger_ids *devices) MUST_CHECK;
/* Streams whose current epoch was given to a device that may no longer hold it, or to an older reserve; ascending. */
enum rc ledger_rotations_owed(const struct ledger *ledger, uint64_t at_ms,
                              struct ledger_ids *streams) MUST_CHECK;
bool ledger_rotation_is_owed(const struct ledger *ledger, struct id stream, uint64_t at_ms);
/* May the device hold the stream, and was it given no box of the current epoch since it last came to? */
bool ledger_grant_is_due(const struct ledger *ledger, struct id stream, struct id device,
                         uint64_t at_ms);
/* Devices that may hold a stream and were given no box of its current epoch since they last came to hold it. */
enum rc ledger_grants_due(const struct ledger *ledger, uint64_t at_ms,
                          struct ledger_pairs *grants) MUST_CHECK;
/* The boxes that lines gave and that are of use still, in streams whose keys `asker` may pass on, or whose current one it was given:
 * of each stream's current epoch those of devices that may hold it, and the reserve's; of each epoch above the first the link. `device` is the
 * box's recipient. only: one stream's; zero: all. */
enum rc ledger_boxes_of_use(const struct ledger *ledger, struct id asker, struct id only, uint64_t at_ms,
                            struct ledger_pairs *boxes) MUST_CHECK;
/* The (stream, device) whose writing this operation of kind role, assign, cover_end or revoke_device ends if it is the
 * next line: its heads should name the last save of each of their feeds. Empty for other kinds. */
enum rc ledger_heads_due(const struct ledger *ledger, const struct ledger_op *op,
                         struct ledger_pairs *feeds) MUST_CHECK;
/* The heads that lines name, line by line, from 0 on; NULL when there are no more. */
const struct ledger_head *ledger_heads_at(const struct ledger *ledger, size_t index, uint64_t *position, size_t *count);

#endif
