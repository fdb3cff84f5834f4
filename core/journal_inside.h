/* What the files of the journal (and core/summary.c, which reads registers) share; nobody else includes it. */
#ifndef CORE_JOURNAL_INSIDE_H
#define CORE_JOURNAL_INSIDE_H

#include "core/journal.h"

enum {
    UNIT_VERSIONS = 256
}; /* current versions of one unit; see docs/MERGE.md for the answer at it */

/* One current version. The value is lent: by the record's packed bytes or by the change being applied. */
struct head {
    uint32_t unit;
    struct version version;
    struct id person;
    uint64_t hlc;
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

/* A record's registers in memory. Heads are sorted by (unit, version), firsts by unit. */
struct record {
    int64_t rid; /* 0: not stored yet */
    int64_t s;
    enum stream_kind kind;
    uint32_t entity;
    struct id id;
    uint32_t conflicts; /* as stored */
    bool is_hidden;     /* as stored */
    bool set_touched;
    struct head *heads;
    size_t head_count, head_room;
    struct first *firsts;
    size_t first_count, first_room;
    struct buf packed;
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
    char *put;    /* INSERT OR REPLACE of a whole row */
    char *remove; /* DELETE of all rows of a stream */
    char *dump;
    char *search;     /* the searched columns of one row; NULL when there are none */
    char *set_put[4]; /* per set unit, in the order of the schema */
    char *set_remove[4];
    char *set_purge[4];
    size_t sets;
};

struct journal {
    struct db *db;
    struct clock clock;
    struct table *tables;
    size_t table_count;
    struct record **records; /* of the save being applied; the rest wait for reuse */
    size_t record_count, record_room;
    struct buf scratch;
};

/* journal_table.c */
enum rc table_prepare(struct journal *journal) MUST_CHECK;
void table_free(struct journal *journal);
const struct table *table_of(const struct journal *journal, uint32_t entity, enum stream_kind kind);
enum rc table_write(struct journal *journal, const struct record *record, bool is_hidden,
                    uint32_t conflicts) MUST_CHECK;
enum rc table_purge(struct journal *journal, int64_t s) MUST_CHECK;
enum rc table_dump(struct journal *journal, int64_t s, struct buf *out) MUST_CHECK;

/* journal_register.c */
enum rc register_new(struct record **record) MUST_CHECK;
void register_free(struct record *record);
enum rc register_load(struct journal *journal, const struct stream_row *stream, uint32_t entity,
                      struct id id, struct record *record) MUST_CHECK;
enum rc register_load_rid(struct journal *journal, int64_t rid, struct record *record) MUST_CHECK;
enum rc register_pack(const struct record *record, struct buf *out) MUST_CHECK;
enum rc register_note_first(struct record *record, const struct head *made,
                            bool is_root) MUST_CHECK;
struct head *register_head(const struct record *record, uint32_t unit,
                           const struct version *version);
void register_drop(struct record *record, struct head *head);
enum rc register_add(struct record *record, const struct head *head) MUST_CHECK;
const struct first *register_first(const struct record *record, uint32_t unit);
/* The version shown of a unit; NULL when nothing is current. */
const struct head *register_shown(const struct record *record, uint32_t unit);
bool register_is_hidden(const struct record *record);
/* The number of current versions that conflict; 0 when the unit is not in conflict. */
uint32_t register_conflict(const struct record *record, uint32_t unit);
/* Heads of one unit: [*from, *until). */
void register_range(const struct record *record, uint32_t unit, size_t *from, size_t *until);
int head_compare_stamp(const struct head *a, const struct head *b);
bool head_equal_value(const struct head *a, const struct head *b);

/* journal_stream.c */
enum rc stream_get(struct journal *journal, struct id id, struct stream_row *stream) MUST_CHECK;
enum rc feed_open(struct journal *journal, int64_t s, struct feed_ref feed, int64_t *f,
                  uint32_t *frontier) MUST_CHECK;
enum rc feed_advance(struct journal *journal, int64_t f, uint32_t frontier) MUST_CHECK;
enum rc clock_stamp(struct journal *journal, uint64_t *hlc) MUST_CHECK;

/* journal_search.c */
enum rc search_write(struct journal *journal, int64_t rid, uint32_t entity,
                     enum stream_kind kind) MUST_CHECK;
enum rc search_later(struct journal *journal, int64_t rid) MUST_CHECK;
enum rc search_purge(struct journal *journal, int64_t s) MUST_CHECK;

#endif
