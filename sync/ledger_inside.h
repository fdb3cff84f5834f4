/* What the ledger looks like inside. For sync/ledger*.c alone. */
#ifndef SYNC_LEDGER_INSIDE_H
#define SYNC_LEDGER_INSIDE_H

#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "sync/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Positions in an array of items, ordered by the key that each item begins with. Only ever added to. */
struct ledger_index {
    uint32_t *order;
    size_t count;
};

struct inside_role {
    uint64_t position;
    uint32_t roles;
};

struct inside_person {
    struct ledger_person facts; /* first: its id is the key */
    struct inside_role *roles;  /* history, ascending */
    size_t role_count;
};

struct inside_device {
    struct ledger_device facts;
    uint32_t person; /* index */
};

struct inside_assigned {
    uint64_t position;
    struct id person;
    uint8_t function;
};

struct inside_family {
    struct ledger_family facts;
    struct inside_assigned *assigned; /* history, ascending */
    size_t assigned_count;
    uint64_t owned; /* position from which it has an owner; 0 while there is none */
    uint32_t *covers;
    size_t cover_count;
};

/* One epoch: who was given its key. A mark tells that the device could not hold the stream at some later line, or that no line gave the key,
 * which a carried cover may have brought. */
struct inside_epoch {
    uint64_t position;
    uint8_t commitment[CRYPTO_HASH_BYTES];
    uint8_t reserve_public[CRYPTO_PUBLIC_BYTES];
    uint32_t reserve_epoch;
    struct id *given; /* ascending */
    uint8_t *lapsed;  /* beside `given`: 1 where the box lapsed, or none is known of */
    size_t given_count;
};

enum { INSIDE_NO_FAMILY = UINT32_MAX };

struct inside_stream {
    struct ledger_stream facts;
    uint32_t family; /* index, or INSIDE_NO_FAMILY */
    struct inside_epoch *epochs;
};

struct inside_cover {
    struct ledger_cover facts;
    struct id *families;
    bool lapsed; /* its end was seen at a line's time, and no box was given since */
};

/* A cover whose operations are not all on the ledger. */
struct inside_carried {
    struct ledger_cover facts;
    struct id *families;
    bool has_give; /* else it is an acceptance of a cover that is on the ledger */
    uint8_t give_hash[CRYPTO_HASH_BYTES];
    uint64_t seen; /* entries sealed before that position are not of it */
    bool is_refused;
};

/* Keyed by the public key, which comes first. */
struct inside_invite {
    struct ledger_invitation facts;
};

struct inside_line {
    uint8_t op_hash[CRYPTO_HASH_BYTES]; /* first: the key */
    uint8_t hash[CRYPTO_HASH_BYTES];
    uint64_t time_ms;
    enum ledger_kind kind;
};

/* Heads of a line that ended a right or admitted late work. */
struct inside_heads {
    uint64_t position;
    struct ledger_head *items;
    size_t count;
};

struct inside_server {
    uint64_t position;
    uint8_t server_public[CRYPTO_PUBLIC_BYTES];
    char address[JOINING_ADDRESS_BYTES + 1];
};

#define INSIDE_TABLE(type, name)                                                                   \
    type *name;                                                                                    \
    size_t name##_count;                                                                           \
    size_t name##_room;                                                                            \
    struct ledger_index name##_by_key

struct ledger {
    bool broken; /* memory ran out half-way */
    uint8_t team[CRYPTO_HASH_BYTES];
    struct id team_stream;
    INSIDE_TABLE(struct inside_line, lines);
    INSIDE_TABLE(struct inside_person, persons);
    INSIDE_TABLE(struct inside_device, devices);
    INSIDE_TABLE(struct inside_family, families);
    INSIDE_TABLE(struct inside_stream, streams);
    INSIDE_TABLE(struct inside_cover, covers);
    INSIDE_TABLE(struct inside_invite, invites);
    struct inside_heads *heads; /* ascending */
    size_t heads_count;
    uint32_t *admits; /* which of them are of lines that admitted late work, ascending */
    size_t admits_count;
    uint32_t *open_covers; /* those that have not lapsed */
    size_t open_covers_count;
    size_t open_covers_room;
    struct inside_server *servers;
    size_t servers_count;
    struct inside_carried *carried;
    size_t carried_count;
    size_t carried_room;
    uint64_t carried_changes;
};

/* The position of the line that is being taken in. */
static inline uint64_t
ledger_inside_now(const struct ledger *ledger)
{
    return ledger->lines_count + 1;
}

/* ---- ledger_tables.c ---- */
struct inside_person *ledger_inside_person(const struct ledger *ledger, struct id id);
struct inside_device *ledger_inside_device(const struct ledger *ledger, struct id id);
struct inside_family *ledger_inside_family(const struct ledger *ledger, struct id id);
struct inside_stream *ledger_inside_stream(const struct ledger *ledger, struct id id);
struct inside_cover *ledger_inside_cover(const struct ledger *ledger, struct id id);
struct inside_invite *ledger_inside_invite(const struct ledger *ledger,
                                           const uint8_t *invite_public);
struct inside_line *ledger_inside_line(const struct ledger *ledger, const uint8_t *op_hash);
/* Puts the item behind the last that the index has into its order, by its first `key_len` bytes. RC_NOMEM. */
enum rc ledger_inside_enter(struct ledger_index *index, const void *items, size_t item_bytes,
                            size_t key_len) MUST_CHECK;
void ledger_inside_wipe(struct ledger *ledger);

/* ---- ledger_state.c ---- */
/* Takes a lawful operation in as the next line. RC_NOMEM leaves the ledger broken. */
enum rc ledger_inside_apply(struct ledger *ledger, const struct ledger_op *op,
                            const struct inside_line *line) MUST_CHECK;

/* ---- ledger_keys.c ---- */
/* Marks the boxes of current epochs whose devices may not hold the stream any more, after that line at that time. */
void ledger_inside_mark_lapsed(struct ledger *ledger, const struct ledger_op *op,
                               uint64_t time_ms);
/* A new cover has not lapsed. RC_NOMEM. */
enum rc ledger_inside_open_cover(struct ledger *ledger, uint32_t cover) MUST_CHECK;
/* Makes the epochs of an operation's key parts and notes who was given their keys. RC_NOMEM. */
enum rc ledger_inside_give_keys(struct ledger *ledger, const struct ledger_op *op) MUST_CHECK;

/* ---- ledger_rights.c ---- */
struct inside_epoch *
ledger_inside_current(const struct inside_stream *stream); /* NULL: none made */
/* True when the cover names the family. */
bool ledger_inside_covers(const struct inside_cover *cover, struct id family);
enum ledger_function ledger_inside_function(const struct inside_family *family, struct id person);
/* At the head and a time. */
bool ledger_inside_may_hold(const struct ledger *ledger, const struct inside_device *device,
                            const struct inside_stream *stream, uint64_t at_ms);
/* By lines up to a position, and a time. */
bool ledger_inside_may_read_at(const struct ledger *ledger, const struct inside_device *device,
                               const struct inside_stream *stream, uint64_t position,
                               uint64_t at_ms);
/* By lines up to a position alone, never by a clock. */
bool ledger_inside_may_write_at(const struct ledger *ledger, const struct inside_device *device,
                                const struct inside_stream *stream, uint64_t position);
/* True when the device may write the stream now, and no more after that operation. */
bool ledger_inside_loses(const struct ledger *ledger, const struct inside_device *device,
                         const struct inside_stream *stream, const struct ledger_op *op);
/* The device's person's roles at the head; 0 while the device is not active. */
uint32_t ledger_inside_roles(const struct ledger *ledger, const struct inside_device *device);
bool ledger_inside_is_active(const struct ledger *ledger, const struct inside_device *device);

/* ---- ledger_carried.c ---- */
/* A carried cover that lets the device read the stream, with `also_given` hold it; NULL for none. */
const struct inside_carried *ledger_inside_carried_opens(const struct ledger *ledger, const struct inside_device *device,
                                                         const struct inside_stream *stream, uint64_t at_ms,
                                                         bool also_given);
bool ledger_inside_carried_writes(const struct ledger *ledger, const struct inside_device *device,
                                  const struct inside_stream *stream);
/* Of an entry that no line gives a right to: it counts by a carried cover, is late by one that was refused, or neither. */
enum ledger_counts ledger_inside_carried_counts(const struct ledger *ledger,
                                                const struct ledger_entry_facts *entry);
void ledger_inside_carried_span(const struct ledger *ledger, uint64_t at_ms, struct ledger_span *span);
/* The cover as lines and what is carried say together. */
const struct ledger_cover *ledger_inside_cover_shown(const struct ledger *ledger, struct id id);
/* Of those that no line knows, from 0; NULL beyond. */
const struct ledger_cover *ledger_inside_carried_at(const struct ledger *ledger, size_t index);

/* ---- ledger_rules.c ---- */
/* Judges an operation as the next line. The codes are those of ledger_check. `carried` (else NULL): the cover that an acceptance is
 * of, where no line gave it. */
enum rc ledger_inside_judge(const struct ledger *ledger, const struct ledger_op *op,
                            const void *bytes, size_t len, uint64_t time_ms, const struct ledger_cover *carried,
                            const char **rule) MUST_CHECK;

/* One row of the table of rules, for its test. */
struct ledger_rule {
    enum ledger_kind kind; /* LEDGER_KIND_COUNT: every kind */
    const char *name;
    enum rc code;       /* what ledger_check gives when it fails */
    const char *demand; /* one English sentence */
};
/* ledger_rules.c: from 0, in the order of judging; NULL beyond */
const struct ledger_rule *ledger_rule_at(size_t index);

#endif
