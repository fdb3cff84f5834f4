/* What the files of the journal (and core/summary.c, which reads registers) share; nobody else includes it. */
#ifndef CORE_JOURNAL_INSIDE_H
#define CORE_JOURNAL_INSIDE_H

#include "core/journal.h"

enum {
    UNIT_VERSIONS = 256,                 /* that one feed keeps current in a unit: docs/MERGE.md section 4 */
    RECORD_PART_BYTES = 16 * 1024 * 1024, /* that one person keeps current in a record, and that is held of theirs there: the same */
    RECORD_HEAD_BYTES = 4096,            /* what a version weighs beside its value: it costs time, however small it is */
};

/* Who named a version of a strict unit in order to relax it, while that is not enough: a summary of the set of them, so that
 * their order does not matter. `person` is zero when several persons of the one function in `functions` did. */
struct relaxed {
    unsigned functions; /* 0: nobody */
    struct id person;
};

/* One current version. The value is lent: by the record's packed bytes or by the change being applied. */
struct head {
    uint32_t unit;
    struct version version;
    struct id person;
    uint64_t hlc;
    uint32_t later; /* operations of its own feed on the unit since */
    struct relaxed relaxed;
    const uint8_t *value;
    size_t value_len;
};

/* The first version of a `once` unit: least by (not a root, clock, version), over all ever applied. */
struct first {
    uint32_t unit;
    bool is_root; /* it superseded nothing */
    struct version version;
    struct id person;
    uint64_t hlc;
};

/* Deleted: shown to who asks for it. Moved: never shown from here. */
enum register_degree { REGISTER_SHOWN, REGISTER_DELETED, REGISTER_MOVED };

/* A record's registers in memory. Heads are sorted by (unit, version), firsts by unit. */
struct record {
    struct record *next; /* in its bucket of the batch */
    int64_t rid;         /* 0: not stored yet */
    int64_t s;
    enum stream_kind kind;
    uint32_t entity;
    struct id id;
    uint32_t conflicts; /* as stored */
    enum register_degree hidden; /* as stored */
    bool set_touched;
    struct head *heads;
    size_t head_count, head_room;
    size_t weight; /* of all heads */
    struct {
        bool is_known;
        struct id person;
        size_t weight;
    } part, held_part; /* of one person, who may have any number of devices, asked for last; and what is held of theirs */
    struct first *firsts;
    size_t first_count, first_room;
    struct buf packed;
    /* What held saves write into strict units, as far as nothing replaced it; see journal_held.c. Empty unless loaded. */
    struct head *held;
    size_t held_count, held_room;
    struct buf held_values;
#ifdef BAKEN_TEST_BROKEN
    struct journal *journal; /* see number_here */
#endif
};

struct stream_row {
    int64_t s;
    struct id id;
    enum stream_kind kind;
    struct id family;
};

/* The statements of one typed table; the texts live as long as the journal (db_stmt keys by pointer). */
struct table {
    const struct schema_entity *entity;
    enum stream_kind kind;
    char *put;    /* INSERT of a whole row */
    char *change; /* UPDATE of a whole row, the same parameters */
    char *remove; /* DELETE of all rows of a stream */
    char *dump;
    char *search;     /* the searched columns of one row; NULL when there are none */
    char *unindex;    /* of rows ?1 to ?2: out of the search index, and into it */
    char *index;
    char *set_put[4]; /* per set unit, in the order of the schema */
    char *set_remove[4];
    char *set_purge[4];
    size_t sets;
};

enum { BATCH_BUCKETS = 4096, FEED_BUCKETS = 256, BATCH_STREAMS = 64 };

struct feed_row {
    int64_t s, f;
    struct feed_ref feed;
    uint32_t frontier;
    bool is_changed;
    uint32_t next; /* in its bucket: its place + 1; 0 ends */
};

struct value_block;

/* What was read and changed and is not written yet: by the save being applied, or by all since journal_gather. */
struct batch {
    bool is_open;            /* journal_gather was called */
    bool keeps_up;           /* of own single saves: now and then one brings the search index up to date */
    bool is_broken;          /* a save failed half-way: nothing may be written */
    struct record **records; /* record_count are in use; the rest wait for reuse */
    size_t record_count, record_room;
    struct record *buckets[BATCH_BUCKETS];
    struct feed_row *feeds;
    size_t feed_count, feed_room;
    uint32_t feed_buckets[FEED_BUCKETS];
    struct stream_row streams[BATCH_STREAMS]; /* by the last bits of their ids; s is 0: none */
    bool has_streams;
    bool knows_pend, has_pend; /* whether journal_pend has rows */
    bool knows_held, has_held; /* and journal_held */
    bool knows_newest; /* of the records that are stored: ids begin with their time */
    struct id newest;
    bool knows_clock, is_clock_moved;
    struct hlc clock;
    bool knows_indexed; /* the row up to which the search index goes */
    int64_t indexed;
    int64_t unindexed_last; /* the newest row above it that was written; 0: none was */
    bool has_noted;         /* an older row is to be indexed anew */
    int64_t dirty_first, dirty_last; /* of those what is not noted yet; 0: none */
    struct value_block *values;
    size_t bytes; /* what all of it takes, about */
};

struct journal {
    struct db *db;
    struct clock clock;
    struct table *tables;
    size_t table_count;
    struct batch batch;
    struct buf scratch;
};

/* Of a fault that is built in; see number_here. */
static inline void
record_note_journal(struct record *record, struct journal *journal)
{
#ifdef BAKEN_TEST_BROKEN
    record->journal = journal;
#else
    (void)record;
    (void)journal;
#endif
}

/* journal_table.c */
enum rc table_prepare(struct journal *journal) MUST_CHECK;
void table_free(struct journal *journal);
const struct table *table_of(const struct journal *journal, uint32_t entity, enum stream_kind kind);
enum rc table_write(struct journal *journal, const struct record *record, bool is_new,
                    enum register_degree hidden, uint32_t conflicts) MUST_CHECK;
/* What stands in temp.journal_emptied goes, of stream s. */
enum rc table_purge(struct journal *journal, int64_t s) MUST_CHECK;
enum rc table_dump(struct journal *journal, int64_t s, struct buf *out) MUST_CHECK;

/* journal_packed.c. A record that is not stored is empty, with rid 0; by its rid it is RC_ABSENT. */
enum rc packed_load(struct journal *journal, const struct stream_row *stream, uint32_t entity, struct id id,
                    struct record *record) MUST_CHECK;
/* The same into a record of its own, *record, which is the caller's to free also after a failure. */
enum rc packed_open(struct journal *journal, const struct stream_row *stream, uint32_t entity, struct id id,
                    struct record **record) MUST_CHECK;
enum rc packed_load_rid(struct journal *journal, int64_t rid, struct record *record) MUST_CHECK;
void packed_empty(struct record *record);
/* From a row of rid, s, entity, id, hidden, conflicts, heads, kind, to which the statement steps. */
enum rc packed_load_row(struct stmt *stmt, struct record *record) MUST_CHECK;
enum rc packed_write(const struct record *record, struct buf *out) MUST_CHECK;

/* journal_register.c */
enum rc register_new(struct record **record) MUST_CHECK;
void register_free(struct record *record);
enum rc register_reserve_heads(struct record *record, size_t count) MUST_CHECK;
enum rc register_reserve_firsts(struct record *record, size_t count) MUST_CHECK;
enum rc register_note_first(struct record *record, const struct head *made,
                            bool is_root) MUST_CHECK;
struct head *register_head(const struct record *record, uint32_t unit,
                           const struct version *version);
void register_drop(struct record *record, struct head *head);
enum rc register_add(struct record *record, const struct head *head) MUST_CHECK;
/* Heads were put there otherwise. */
void register_weigh(struct record *record);
/* Whether the head would take what its person keeps current in the record beyond RECORD_PART_BYTES. */
bool register_is_full(struct record *record, const struct head *head);
/* One more operation of that feed on the unit: of what the feed keeps current there all but the newest UNIT_VERSIONS go.
 * True when something went. */
bool register_age(struct record *record, enum policy policy, const struct head *made);
const struct first *register_first(const struct record *record, uint32_t unit);
/* The version shown of a unit among those that are current; NULL when nothing is. */
const struct head *register_shown(const struct record *record, uint32_t unit);
/* Which of two is shown, NULL being none: in a `once` unit the author's, in a strict one what protects more, then the later. */
const struct head *register_choose(const struct record *record, const struct head *a, const struct head *b);
enum register_degree register_hidden(const struct record *record);
/* The number of current versions that conflict; 0 when the unit is not in conflict. */
uint32_t register_conflict(const struct record *record, uint32_t unit);
/* Heads of one unit: [*from, *until). */
void register_range(const struct record *record, uint32_t unit, size_t *from, size_t *until);
int head_compare_stamp(const struct head *a, const struct head *b);
bool head_equal_value(const struct head *a, const struct head *b);

/* journal_batch.c. Records and feeds live until batch_forget. */
enum rc batch_stream(struct journal *journal, struct id id, struct stream_row *stream) MUST_CHECK;
/* The record of an operation; one that is new is not looked for. */
enum rc batch_record(struct journal *journal, const struct stream_row *stream,
                     const struct operation *operation, struct record **record) MUST_CHECK;
enum rc batch_keep(struct journal *journal, struct head *head) MUST_CHECK; /* copies its value */
/* As feed_open and feed_find; then the new frontier of one that was opened. */
enum rc batch_feed(struct journal *journal, int64_t s, struct feed_ref feed, int64_t *f,
                   uint32_t *frontier) MUST_CHECK;
enum rc batch_frontier(struct journal *journal, int64_t s, struct feed_ref feed,
                       uint32_t *frontier) MUST_CHECK;
enum rc batch_advance(struct journal *journal, int64_t s, struct feed_ref feed,
                      uint32_t frontier) MUST_CHECK;
enum rc batch_has_pend(struct journal *journal, bool *has) MUST_CHECK;
void batch_has_pend_now(struct journal *journal);
enum rc batch_has_held(struct journal *journal, bool *has) MUST_CHECK;
void batch_has_held_now(struct journal *journal);
void batch_forget(struct journal *journal);
void batch_free(struct journal *journal);
bool batch_is_open(const struct journal *journal);
/* The record as it is gathered; NULL: as it is stored. */
struct record *batch_peek(struct journal *journal, const struct stream_row *stream, uint32_t entity, struct id id);
/* A stream of the family that was asked for before in this batch. */
bool batch_find_stream(const struct journal *journal, struct id family, enum stream_kind kind, struct id *stream);
/* The clock, to be changed through the pointer; is_clock_moved has it written. */
enum rc batch_clock(struct journal *journal, struct hlc **clock) MUST_CHECK;
void batch_break(struct journal *journal);
/* Writes what is gathered, so that SQL sees it. Every other way into the journal begins with it. */
enum rc batch_flush(struct journal *journal) MUST_CHECK;
bool batch_is_full(const struct journal *journal);
enum rc batch_make_room(struct journal *journal) MUST_CHECK;

/* journal_write.c */
enum rc batch_write(struct journal *journal) MUST_CHECK;

/* journal_stream.c */
enum rc stream_get(struct journal *journal, struct id id, struct stream_row *stream) MUST_CHECK;
/* *f is 0 when the feed is unknown. */
enum rc feed_find(struct journal *journal, int64_t s, struct feed_ref feed, int64_t *f,
                  uint32_t *frontier) MUST_CHECK;
enum rc feed_open(struct journal *journal, int64_t s, struct feed_ref feed, int64_t *f,
                  uint32_t *frontier) MUST_CHECK;
enum rc feed_advance(struct journal *journal, int64_t f, uint32_t frontier) MUST_CHECK;
enum rc clock_load(struct journal *journal, struct hlc *hlc) MUST_CHECK;
enum rc clock_store(struct journal *journal, const struct hlc *hlc) MUST_CHECK;
enum rc clock_stamp(struct journal *journal, uint64_t *hlc) MUST_CHECK;

/* journal_strict.c */
struct naming {
    unsigned rank; /* policy_rank of the value that names */
    struct id person;
    unsigned functions;
};
/* Whether a version of a strict unit with that rank is dead once `naming` names it too; else *relaxed remembers it. */
bool strict_names(uint32_t entity, uint32_t unit, unsigned rank, const struct naming *naming,
                  struct relaxed *relaxed);

/* journal_held.c */
enum rc held_load(struct journal *journal, struct record *record) MUST_CHECK;
/* The version shown among what is current and what is held, if that was loaded: what the typed tables show. */
const struct head *register_protective(const struct record *record, uint32_t unit);
/* From columns 1 to 8 of a statement's row: device, incarnation, save, idx, unit, person, hlc, value (lent by the row). */
enum rc held_read(struct stmt *stmt, struct head *head) MUST_CHECK;
/* What a save wrote into strict units is held no longer: it is being applied. */
enum rc held_release(struct journal *journal, int64_t f, uint32_t save) MUST_CHECK;

/* journal_search.c */
/* A row was written, by rising row; what is noted of it is written by search_note. */
enum rc search_later(struct journal *journal, int64_t rid) MUST_CHECK;
enum rc search_note(struct journal *journal) MUST_CHECK;
/* Indexes some of what waits when it has become much: a save pays for a few before it. */
enum rc search_keep_up(struct journal *journal) MUST_CHECK;
enum rc search_purge(struct journal *journal) MUST_CHECK;

#endif
