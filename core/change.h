/* Changes: operations on units of records, their values, and the body bytes that carry them.
 * The bytes are drawn in docs/PROTOCOL.md section 5; this file is their only codec. Pure: no I/O. */
#ifndef CORE_CHANGE_H
#define CORE_CHANGE_H

#include "core/buf.h"
#include "core/id.h"
#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHANGE_BODY_BYTES = 1024 * 1024,
    CHANGE_VALUE_BYTES = 300 * 1024,
    CHANGE_NOTE_BYTES = 256 * 1024,
    CHANGE_FIELDS = 64,
    CHANGE_SUPERSEDES = 256,
    CHANGE_OPERATIONS = 4096,
    CHANGE_SAVES = 65536,
    CHANGE_FEEDS = 4096,
    CHANGE_LISTED_VERSIONS = 8192,  /* in a FIELD_VERSIONS field */
    CHANGE_SAVE_BYTES = 900 * 1024, /* one save with the feeds it names */
    CHANGE_SEEN_BYTES = 8,
    UNIT_DELETED = 0,        /* unit 0 of every record */
    UNIT_MOVED = 0x7fffffff, /* of every record too: it lives on in another stream; field 1 is its id there */
};

/* A feed within a stream: who writes it. */
struct feed_ref {
    struct id device;
    uint64_t incarnation;
};

bool feed_equal(struct feed_ref a, struct feed_ref b);
/* By device, then incarnation: their order in a body. */
static inline int
feed_compare(const struct feed_ref *a, const struct feed_ref *b)
{
    int order = id_compare(a->device, b->device);

    if (order != 0)
        return order;
    return (a->incarnation > b->incarnation) - (a->incarnation < b->incarnation);
}

/* One operation's identity within its stream. */
struct version {
    struct feed_ref feed;
    uint32_t save;  /* from 1 */
    uint32_t index; /* within the save, from 0 */
};
int version_compare(const struct version *a, const struct version *b);
/* Ascending, as a list of versions is written. */
void version_sort(struct version *versions, size_t count);

/* A higher type, of a newer program, is kept as a block of bytes. */
enum field_type { FIELD_INT = 1, FIELD_TEXT, FIELD_BYTES, FIELD_ID, FIELD_DATE, FIELD_VERSIONS };

/* One field of a value. Text and bytes are lent and not NUL-terminated. */
struct field {
    uint32_t number;
    enum field_type type;
    int64_t integer; /* FIELD_INT; FIELD_DATE as yyyymmdd */
    const uint8_t
        *bytes; /* FIELD_TEXT, FIELD_BYTES, higher types; FIELD_VERSIONS: the encoded list */
    size_t len;
    struct id id; /* FIELD_ID */
};

/* Value builder: fields in ascending order; the value is complete after the last. */
enum rc value_put_int(struct buf *value, uint32_t number, int64_t integer) MUST_CHECK;
/* Puts the NFC form; NULL or "" puts nothing. RC_INVALID for bad UTF-8; RC_TOO_LARGE over CHANGE_NOTE_BYTES. */
enum rc value_put_text(struct buf *value, uint32_t number, const char *text) MUST_CHECK;
enum rc value_put_id(struct buf *value, uint32_t number, struct id id) MUST_CHECK;
/* yyyymmdd; 0 puts nothing. RC_INVALID for a day that does not exist. */
enum rc value_put_date(struct buf *value, uint32_t number, uint32_t date) MUST_CHECK;
/* `versions` strictly ascending. */
enum rc value_put_versions(struct buf *value, uint32_t number, const struct version *versions,
                           size_t count) MUST_CHECK;
/* Copies a field of another value, its bytes as they are. */
enum rc value_put_field(struct buf *value, const struct field *field) MUST_CHECK;
/* Decode wholly and strictly; RC_CORRUPT. `fields` has room for CHANGE_FIELDS. */
enum rc value_read(const uint8_t *value, size_t len, struct field *fields,
                   size_t *count) MUST_CHECK;
const struct field *value_find(const struct field *fields, size_t count, uint32_t number);
/* The list in a FIELD_VERSIONS field; *versions is heap memory of the caller, NULL when empty. */
enum rc value_read_versions(const struct field *field, struct version **versions,
                            size_t *count) MUST_CHECK;
/* True for the value without fields, which clears a unit and removes from a set. */
bool value_is_empty(const uint8_t *value, size_t len);
/* Whether a day yyyymmdd exists (proleptic Gregorian, years 1 to 9999). */
bool value_date_exists(uint32_t date);

/* One operation. `value` and `supersedes` belong to the change or save that holds it. */
struct operation {
    uint32_t entity;
    uint32_t unit;
    struct id record;
    struct version *supersedes; /* NULL: not filled in yet; without entries, not NULL: none */
    size_t supersedes_count;
    uint8_t *value;
    size_t value_len; /* at least 1 */
    bool is_new; /* the record's id was drawn just now: nothing of it is stored */
};

/* Operations for one stream, saved together. Embedded value: CHANGE_EMPTY(stream) ... change_wipe. */
struct change {
    struct id stream;
    uint64_t hlc; /* given at the save */
    struct operation *operations;
    size_t count;
    size_t room;
};
#define CHANGE_EMPTY(stream_id) ((struct change){(stream_id), 0, NULL, 0, 0})

/* Adds one operation with a copy of `value`; an empty buf is the empty value. supersedes NULL means that the
 * journal fills it in when it is saved: the shown version and those of equal bytes (so a plain edit of a unit
 * in conflict leaves the conflict), under `last` all that is current; in a set, an element what equals it, and
 * the empty value all; `deleted` nothing. A resolution lists what was on the screen. RC_INVALID for a value
 * that value_read refuses. */
enum rc change_put(struct change *change, uint32_t entity, struct id record, uint32_t unit,
                   const struct buf *value) MUST_CHECK;
enum rc change_put_over(struct change *change, uint32_t entity, struct id record, uint32_t unit,
                        const struct buf *value, const struct version *supersedes,
                        size_t count) MUST_CHECK;
void change_wipe(struct change *change);

/* What the author had seen of a feed that a body names: its last applied save, and the first bytes of the
 * hash of the header that ends there. */
struct feed_seen {
    struct feed_ref feed;
    uint32_t last;
    uint8_t header[CHANGE_SEEN_BYTES];
};

/* Bodies. Encodes saves first..first+count-1 of feed `own` into `body`. RC_TOO_LARGE beyond the ceiling.
 * `seen` tells of every foreign feed that the saves name, ascending (more are left out); NULL, for a save that waits in the
 * outbox: the highest save named and a zero hash are written, and sealing writes the body anew with what was seen. */
enum rc body_write(struct feed_ref own, uint32_t first, const struct change *saves, size_t count,
                   const struct feed_seen *seen, size_t seen_count, struct buf *body) MUST_CHECK;
/* Decodes wholly and checks every rule of section 5; all-or-nothing. Text must be
 * UTF-8 without NUL; NFC is the writer's duty (a reader with other Unicode tables must not refuse what was saved).
 * `saves` is an array of `count` changes
 * (stream = `stream`), heap memory of the caller: free with body_free. */
enum rc body_read(struct id stream, struct feed_ref own, uint32_t first, uint32_t last,
                  const uint8_t *body, size_t len, struct change **saves) MUST_CHECK;
/* The feeds that a body names and what its author had seen of them; `seen` is heap memory of the caller (free). */
enum rc body_seen(const uint8_t *body, size_t len, struct feed_seen **seen,
                  size_t *count) MUST_CHECK;
void body_free(struct change *saves, size_t count);

#endif
