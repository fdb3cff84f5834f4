/* What saves change, kept until it is written: of one save, or of many that others wrote (journal_gather). Each record that
 * they touch is then read once and written once, by rising row. */
#include "core/journal_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"

enum {
    BATCH_BYTES = 16 * 1024 * 1024, /* more is written before the next save */
    RECORD_BYTES = 1024,            /* about what a record takes beside its values */
    RECORDS_KEPT = 64,              /* for use again, after a batch */
    BLOCK_BYTES = 64 * 1024,
};

/* ---- values: copies of what the saves hold, until the batch is forgotten --------------------- */

struct value_block {
    struct value_block *next;
    size_t room, used;
    uint8_t bytes[];
};

enum rc
batch_keep(struct journal *journal, struct head *head)
{
    struct batch *b = &journal->batch;
    struct value_block *block = b->values;

    if (block == NULL || block->room - block->used < head->value_len) {
        size_t room = head->value_len > BLOCK_BYTES ? head->value_len : BLOCK_BYTES;
        block = malloc(sizeof *block + room);
        if (block == NULL)
            return rc_nomem();
        *block = (struct value_block){.next = b->values, .room = room};
        b->values = block;
    }
    uint8_t *copy = block->bytes + block->used;
    if (head->value_len > 0)
        memcpy(copy, head->value, head->value_len);
    block->used += head->value_len;
    b->bytes += head->value_len;
    head->value = copy;
    return RC_OK;
}

/* Keeps one block of the usual size. */
static void
forget_values(struct batch *b, bool is_end)
{
    while (b->values != NULL) {
        struct value_block *block = b->values;
        wipe(block->bytes, block->used); /* families' data, in the clear */
        block->used = 0;
        if (!is_end && block->next == NULL && block->room == BLOCK_BYTES)
            return;
        b->values = block->next;
        free(block);
    }
}

/* ---- records -------------------------------------------------------------------------------- */

static struct stream_row *
stream_place(struct batch *b, struct id id)
{
    return &b->streams[id.bytes[ID_BYTES - 1] & (BATCH_STREAMS - 1)];
}

static struct record **
bucket_of(struct batch *b, int64_t s, uint32_t entity, struct id id)
{
    uint64_t hash;

    memcpy(&hash, id.bytes + ID_BYTES - sizeof hash, sizeof hash); /* the random end of an id */
    hash = (hash ^ (uint64_t)s ^ ((uint64_t)entity << 32)) * UINT64_C(0x9e3779b97f4a7c15);
    return &b->buckets[hash >> 32 & (BATCH_BUCKETS - 1)];
}

/* A record object that is not in use, at the end of the list. */
static enum rc
next_record(struct batch *b, struct record **record)
{
    enum rc rc = RC_OK;

    if (b->record_count == b->record_room) {
        size_t room = b->record_room == 0 ? 4 : b->record_room * 2;
        struct record **grown = realloc(b->records, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        memset(grown + b->record_room, 0, (room - b->record_room) * sizeof *grown);
        b->records = grown;
        b->record_room = room;
    }
    if (b->records[b->record_count] == NULL)
        rc = register_new(&b->records[b->record_count]);
    *record = b->records[b->record_count];
    return rc;
}

/* Whether the id is greater than any that is stored, as that of a record just made is: then nothing of it is. Asked once in a batch,
 * for what is gathered is found in memory first. */
static enum rc
is_newest(struct journal *journal, struct id id, bool *newest)
{
    struct batch *b = &journal->batch;
    struct stmt *stmt;
    bool row;

    *newest = b->knows_newest && id_compare(id, b->newest) > 0;
    if (b->knows_newest || !b->is_open)
        return RC_OK;
    b->newest = (struct id){{0}};
    enum rc rc = db_stmt(journal->db, "SELECT id FROM journal_record ORDER BY id DESC LIMIT 1", &stmt);
    if (rc != RC_OK)
        return rc;
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row)
        rc = stmt_get_id(stmt, 0, &b->newest);
    stmt_done(stmt);
    b->knows_newest = rc == RC_OK;
    *newest = rc == RC_OK && id_compare(id, b->newest) > 0;
    return rc;
}

static void
start_record(const struct stream_row *stream, const struct operation *operation, struct record *record)
{
    packed_empty(record);
    record->s = stream->s;
    record->kind = stream->kind;
    record->entity = operation->entity;
    record->id = operation->record;
}

static struct record *
find_record(struct batch *b, int64_t s, uint32_t entity, struct id id)
{
    struct record *record = *bucket_of(b, s, entity, id);

    while (record != NULL && (record->s != s || record->entity != entity || !id_equal(record->id, id)))
        record = record->next;
    return record;
}

struct record *
batch_peek(struct journal *journal, const struct stream_row *stream, uint32_t entity, struct id id)
{
    return find_record(&journal->batch, stream->s, entity, id);
}

enum rc
batch_record(struct journal *journal, const struct stream_row *stream, const struct operation *operation,
             struct record **record)
{
    struct batch *b = &journal->batch;
    struct record **bucket = bucket_of(b, stream->s, operation->entity, operation->record);

    bool is_new = operation->is_new;

    *record = find_record(b, stream->s, operation->entity, operation->record);
    if (*record != NULL)
        return RC_OK;
    enum rc rc = next_record(b, record);
    if (rc == RC_OK && !is_new)
        rc = is_newest(journal, operation->record, &is_new);
    if (rc == RC_OK && is_new)
        start_record(stream, operation, *record);
    else if (rc == RC_OK)
        rc = packed_load(journal, stream, operation->entity, operation->record, *record);
    if (rc != RC_OK)
        return rc;
    record_note_journal(*record, journal);
    b->record_count++;
    b->bytes += (*record)->packed.len + RECORD_BYTES;
    (*record)->next = *bucket;
    *bucket = *record;
    return RC_OK;
}

/* ---- streams, feeds, what waits, the clock --------------------------------------------------- */

enum rc
batch_stream(struct journal *journal, struct id id, struct stream_row *stream)
{
    struct batch *b = &journal->batch;
    enum rc rc = RC_OK;

    struct stream_row *row = stream_place(b, id);
    if (row->s == 0 || !id_equal(row->id, id)) {
        row->s = 0;
        rc = stream_get(journal, id, row);
        if (rc != RC_OK)
            row->s = 0;
        b->has_streams = true;
    }
    *stream = *row;
    return rc;
}

bool
batch_find_stream(const struct journal *journal, struct id family, enum stream_kind kind, struct id *stream)
{
    const struct batch *b = &journal->batch;

    for (size_t i = 0; b->has_streams && i < BATCH_STREAMS; i++) {
        const struct stream_row *row = &b->streams[i];
        if (row->s == 0 || row->kind != kind || !id_equal(row->family, family))
            continue;
        *stream = row->id;
        return true;
    }
    return false;
}

enum rc
batch_clock(struct journal *journal, struct hlc **clock)
{
    struct batch *b = &journal->batch;
    enum rc rc = b->knows_clock ? RC_OK : clock_load(journal, &b->clock);

    b->knows_clock = rc == RC_OK;
    *clock = &b->clock;
    return rc;
}

static uint32_t *
feed_bucket(struct batch *b, int64_t s, struct feed_ref feed)
{
    uint64_t hash = (feed.incarnation ^ (uint64_t)s) * UINT64_C(0x9e3779b97f4a7c15);

    return &b->feed_buckets[hash >> 32 & (FEED_BUCKETS - 1)];
}

/* NULL when it is not in memory. Valid until the next is put. */
static struct feed_row *
find_row(struct batch *b, int64_t s, struct feed_ref feed)
{
    for (uint32_t at = *feed_bucket(b, s, feed); at != 0; at = b->feeds[at - 1].next) {
        struct feed_row *row = &b->feeds[at - 1];
        if (row->s == s && feed_equal(row->feed, feed))
            return row;
    }
    return NULL;
}

static enum rc
put_row(struct batch *b, const struct feed_row *row)
{
    uint32_t *bucket = feed_bucket(b, row->s, row->feed);

    if (b->feed_count == b->feed_room) {
        size_t room = b->feed_room == 0 ? 8 : b->feed_room * 2;
        struct feed_row *grown = realloc(b->feeds, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        b->feeds = grown;
        b->feed_room = room;
    }
    b->feeds[b->feed_count] = *row;
    b->feeds[b->feed_count++].next = *bucket;
    *bucket = (uint32_t)b->feed_count;
    b->bytes += sizeof *row;
    return RC_OK;
}

enum rc
batch_feed(struct journal *journal, int64_t s, struct feed_ref feed, int64_t *f, uint32_t *frontier)
{
    struct feed_row *found = find_row(&journal->batch, s, feed);
    struct feed_row row = {.s = s, .feed = feed};
    enum rc rc = RC_OK;

    if (found == NULL) {
        rc = feed_open(journal, s, feed, &row.f, &row.frontier);
        if (rc == RC_OK)
            rc = put_row(&journal->batch, &row);
        found = &row;
    }
    *f = found->f;
    *frontier = found->frontier;
    return rc;
}

enum rc
batch_frontier(struct journal *journal, int64_t s, struct feed_ref feed, uint32_t *frontier)
{
    const struct feed_row *found = find_row(&journal->batch, s, feed);
    struct feed_row row = {.s = s, .feed = feed};
    enum rc rc = RC_OK;

    if (found == NULL) {
        rc = feed_find(journal, s, feed, &row.f, &row.frontier);
        if (rc == RC_OK && row.f != 0 && batch_is_open(journal)) /* it is asked before a save: the save needs it next */
            rc = put_row(&journal->batch, &row);
        found = &row;
    }
    *frontier = found->frontier;
    return rc;
}

enum rc
batch_advance(struct journal *journal, int64_t s, struct feed_ref feed, uint32_t frontier)
{
    struct feed_row *row = find_row(&journal->batch, s, feed);

    assert(row != NULL); /* the save being applied is of a feed that was opened */
    row->frontier = frontier;
    row->is_changed = true;
    return RC_OK;
}

enum rc
batch_has_pend(struct journal *journal, bool *has)
{
    struct batch *b = &journal->batch;
    int64_t one;
    enum rc rc = RC_OK;

    if (!b->knows_pend) {
        rc = db_get_int(journal->db, "SELECT 1 FROM journal_pend LIMIT 1", &one);
        b->has_pend = one != 0;
        b->knows_pend = rc == RC_OK;
    }
    *has = b->has_pend;
    return rc;
}

void
batch_has_pend_now(struct journal *journal)
{
    journal->batch.has_pend = true;
}

enum rc
batch_has_held(struct journal *journal, bool *has)
{
    struct batch *b = &journal->batch;
    int64_t one;
    enum rc rc = RC_OK;

    if (!b->knows_held) {
        rc = db_get_int(journal->db, "SELECT 1 FROM journal_held LIMIT 1", &one);
        b->has_held = one != 0;
        b->knows_held = rc == RC_OK;
    }
    *has = b->has_held;
    return rc;
}

void
batch_has_held_now(struct journal *journal)
{
    journal->batch.knows_held = journal->batch.has_held = true;
}

void
batch_forget(struct journal *journal)
{
    struct batch *b = &journal->batch;

    for (size_t i = 0; i < b->record_count; i++)
        *bucket_of(b, b->records[i]->s, b->records[i]->entity, b->records[i]->id) = NULL;
    for (size_t i = 0; i < b->feed_count; i++)
        *feed_bucket(b, b->feeds[i].s, b->feeds[i].feed) = 0;
    for (size_t i = RECORDS_KEPT; i < b->record_room && b->records[i] != NULL; i++) {
        register_free(b->records[i]);
        b->records[i] = NULL;
    }
    forget_values(b, false);
    b->record_count = b->feed_count = b->bytes = 0;
    if (b->has_streams)
        memset(b->streams, 0, sizeof b->streams);
    b->has_streams = b->knows_pend = b->has_pend = b->knows_held = b->has_held = false;
    b->knows_clock = b->is_clock_moved = b->knows_newest = false;
    b->dirty_first = b->dirty_last = b->unindexed_last = 0;
    b->knows_indexed = b->has_noted = false;
}

void
batch_free(struct journal *journal)
{
    struct batch *b = &journal->batch;

    for (size_t i = 0; i < b->record_room; i++)
        register_free(b->records[i]);
    free(b->records);
    free(b->feeds);
    forget_values(b, true);
}

/* ---- gathering ------------------------------------------------------------------------------ */

bool
batch_is_open(const struct journal *journal)
{
    return journal->batch.is_open;
}

void
batch_break(struct journal *journal)
{
    journal->batch.is_broken = journal->batch.is_open;
}

enum rc
batch_flush(struct journal *journal)
{
    enum rc rc = RC_OK;

    if (!journal->batch.is_open)
        return RC_OK;
    rc = batch_write(journal);
    if (rc == RC_OK)
        batch_forget(journal);
    return rc;
}

bool
batch_is_full(const struct journal *journal)
{
    return journal->batch.bytes > BATCH_BYTES;
}

enum rc
batch_make_room(struct journal *journal)
{
    return batch_is_full(journal) ? batch_flush(journal) : RC_OK;
}

void
journal_gather(struct journal *journal)
{
    assert(!journal->batch.is_open && journal->batch.record_count == 0);
    journal->batch.is_open = true;
}

void
journal_gather_own(struct journal *journal, bool is_import)
{
    journal_gather(journal);
    journal->batch.keeps_up = !is_import;
}

enum rc
journal_settle(struct journal *journal, enum rc rc)
{
    if (rc == RC_OK)
        rc = batch_write(journal);
    if (rc == RC_OK && journal->batch.keeps_up)
        rc = search_keep_up(journal);
    batch_forget(journal);
    journal->batch.is_open = journal->batch.is_broken = journal->batch.keeps_up = false;
    return rc;
}
