/* What the tables still show of saves that are lost. */
#include "core/journal_salvage.h"

#include <stdlib.h>

#include "core/array.h"
#include "core/i18n.h"
#include "core/journal_inside.h"

/* Which stream a number of the tables stands for. */
struct stream_number {
    int64_t s;
    struct id id;
};

struct reading {
    struct db *db;
    struct feed_ref feed;
    struct salvage *items;
    size_t count;
    struct stream_number *streams;
    size_t stream_count, stream_room;
    enum rc (*take)(struct reading *reading, struct id stream, const struct record *record);
    struct journal *journal; /* of what returned */
    struct record *now;
    salvage_returned_fn visit;
    void *context;
};

void
salvage_wipe(struct salvage *salvage)
{
    change_wipe(&salvage->change);
    free(salvage->places);
    salvage->places = NULL;
}

/* ---- reading ---------------------------------------------------------------------------------- */

static enum rc
add_stream(struct reading *reading, int64_t s, struct id id)
{
    struct stream_number *grown = array_grow(reading->streams, &reading->stream_room, reading->stream_count + 1, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    reading->streams = grown;
    reading->streams[reading->stream_count++] = (struct stream_number){s, id};
    return RC_OK;
}

static enum rc
read_streams(struct reading *reading, const char *sql)
{
    struct stmt *stmt;
    struct id id;
    bool row = true;
    enum rc rc = db_stmt(reading->db, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = stmt_get_id(stmt, 1, &id);
        if (rc == RC_OK && row)
            rc = add_stream(reading, stmt_get_int(stmt, 0), id);
    }
    stmt_done(stmt);
    return rc;
}

/* The table, or its index, which has all of that a second time. */
static enum rc
read_numbers(struct reading *reading)
{
    enum rc rc = read_streams(reading, "SELECT s, id FROM journal_stream NOT INDEXED");

    return rc == RC_CORRUPT ? read_streams(reading, "SELECT s, id FROM journal_stream"
                                                    " INDEXED BY sqlite_autoindex_journal_stream_1 ORDER BY id")
                            : rc;
}

static struct salvage *
find_item(const struct reading *reading, struct id stream, uint32_t save)
{
    size_t low = 0, high = reading->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct salvage *item = &reading->items[middle];
        int order = id_compare(item->stream, stream);
        if (order == 0 && item->save == save)
            return item;
        if (order < 0 || (order == 0 && item->save < save))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Appends a version; its list is what else is current of that unit. */
static enum rc
take_head(struct salvage *item, const struct record *record, const struct head *head)
{
    struct version beside[UNIT_VERSIONS];
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    size_t from, until, count = 0, room = item->change.room;

    register_range(record, head->unit, &from, &until);
    for (size_t i = from; i < until && count < UNIT_VERSIONS; i++)
        if (&record->heads[i] != head)
            beside[count++] = record->heads[i].version;
    enum rc rc = buf_put(&value, head->value, head->value_len);
    if (rc == RC_OK)
        rc = change_put_over(&item->change, record->entity, record->id, head->unit, &value, beside, count);
    buf_wipe(&value);
    if (rc == RC_OK && item->change.room != room) {
        uint32_t *grown = realloc(item->places, item->change.room * sizeof *grown);
        if (grown == NULL) {
            change_wipe(&item->change);
            return rc_nomem();
        }
        item->places = grown;
    }
    if (rc == RC_OK) {
        item->places[item->change.count - 1] = head->version.index;
        item->change.hlc = head->hlc;
    }
    return rc;
}

static bool
is_own(const struct reading *reading, const struct version *version)
{
    return feed_equal(version->feed, reading->feed);
}

static enum rc
take_heads(struct reading *reading, struct id stream, const struct record *record)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < record->head_count; i++) {
        const struct version *version = &record->heads[i].version;
        struct salvage *item = is_own(reading, version) ? find_item(reading, stream, version->save) : NULL;
        if (item != NULL)
            rc = take_head(item, record, &record->heads[i]);
    }
    return rc;
}

static enum rc
read_record(struct reading *reading, int64_t rid, struct record *record)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(reading->db,
                         "SELECT rid, s, entity, id, hidden, conflicts, heads, 0 FROM journal_record NOT INDEXED"
                         " WHERE rid = ?1",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, rid);
    rc = packed_load_row(stmt, record);
    stmt_done(stmt);
    for (size_t i = 0; rc == RC_OK && i < reading->stream_count; i++)
        if (reading->streams[i].s == record->s)
            return reading->take(reading, reading->streams[i].id, record);
    return rc == RC_OK ? RC_CORRUPT : rc; /* nobody knows which stream it is of */
}

/* Also a value that cannot be, and tables that were dropped to be made anew. */
static bool
is_unread(enum rc rc)
{
    return rc == RC_CORRUPT || rc == RC_INVALID || rc == RC_TOO_LARGE;
}

static enum rc
read_all(struct reading *reading, uint64_t *unread)
{
    struct record *record = NULL;
    int64_t rid = 0;
    bool found = true;
    enum rc rc = register_new(&record);

    if (rc == RC_OK)
        rc = read_numbers(reading);
    if (is_unread(rc)) {
        ++*unread;
        rc = RC_OK;
    }
    while (rc == RC_OK && found) {
        rc = db_next_past(reading->db, "SELECT rid FROM journal_record NOT INDEXED WHERE rid > ?1 ORDER BY rid LIMIT 1", &rid,
                          &found, unread);
        if (rc == RC_OK && found)
            rc = read_record(reading, rid, record);
        if (is_unread(rc)) {
            ++*unread;
            rc = RC_OK;
        }
    }
    register_free(record);
    free(reading->streams);
    return rc;
}

enum rc
salvage_read(struct db *db, struct feed_ref feed, struct salvage *items, size_t count, uint64_t *unread)
{
    struct reading reading = {.db = db, .feed = feed, .items = items, .count = count, .take = take_heads};

    *unread = 0;
    return read_all(&reading, unread);
}

/* ---- making one save of it ---------------------------------------------------------------------- */

/* What the operation supersedes: of what is current now, what did not stand beside it. In a set only what equals it: others are
 * elements of their own. */
static size_t
superseded(const struct record *record, const struct operation *operation, struct version list[UNIT_VERSIONS])
{
    struct head made = {.value = operation->value, .value_len = operation->value_len};
    bool is_set = schema_policy(operation->entity, operation->unit) == POLICY_SET;
    size_t from, until, count = 0;

    register_range(record, operation->unit, &from, &until);
    for (size_t i = from; i < until && count < UNIT_VERSIONS; i++) {
        const struct head *head = &record->heads[i];
        bool is_beside = is_set && !head_equal_value(&made, head);
        for (size_t k = 0; !is_beside && k < operation->supersedes_count; k++)
            is_beside = version_compare(&operation->supersedes[k], &head->version) == 0;
        if (!is_beside)
            list[count++] = head->version;
    }
    return count;
}

static enum rc
put_operation(struct journal *journal, const struct stream_row *stream, const struct operation *operation,
              struct record *record, struct change *change)
{
    struct version list[UNIT_VERSIONS];
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    size_t count = 0;
    enum rc rc = buf_put(&value, operation->value, operation->value_len);

    if (rc == RC_OK && record != NULL) {
        rc = packed_load(journal, stream, operation->entity, operation->record, record);
        count = rc == RC_OK ? superseded(record, operation, list) : 0;
    }
    if (rc == RC_OK)
        rc = change_put_over(change, operation->entity, operation->record, operation->unit, &value, list, count);
    buf_wipe(&value);
    return rc;
}

/* Each operation at its place, and the smallest of them where there is none. */
static enum rc
put_in_place(struct journal *journal, const struct salvage *item, struct record *record, struct change *whole)
{
    const struct operation *at[CHANGE_OPERATIONS] = {NULL};
    const struct operation *smallest = &item->change.operations[0];
    struct stream_row stream;
    size_t end = 0;
    enum rc rc = stream_get(journal, item->stream, &stream);
    bool is_here = rc == RC_OK; /* else a session brings what it superseded, which it then stands beside */

    if (rc != RC_OK && rc != RC_ABSENT)
        return rc;
    rc = RC_OK;
    for (size_t i = 0; i < item->change.count; i++) {
        const struct operation *operation = &item->change.operations[i];
        if (item->places[i] >= CHANGE_OPERATIONS)
            return rc_fail(RC_CORRUPT, _("a save has more changes than can be"));
        at[item->places[i]] = operation;
        end = item->places[i] >= end ? item->places[i] + 1 : end;
        smallest = operation->value_len < smallest->value_len ? operation : smallest;
    }
    for (size_t i = 0; rc == RC_OK && i < end; i++)
        rc = put_operation(journal, &stream, at[i] != NULL ? at[i] : smallest, at[i] != NULL && is_here ? record : NULL, whole);
    return rc;
}

enum rc
salvage_finish(struct journal *journal, struct salvage *item)
{
    struct change whole = CHANGE_EMPTY(item->stream);
    struct record *record = NULL;

    if (item->change.count == 0)
        return rc_fail(RC_ABSENT, _("nothing is shown of the save any more"));
    enum rc rc = register_new(&record);
    if (rc == RC_OK)
        rc = put_in_place(journal, item, record, &whole);
    register_free(record);
    if (rc != RC_OK) {
        change_wipe(&whole);
        return rc;
    }
    whole.hlc = item->change.hlc;
    change_wipe(&item->change);
    item->change = whole;
    return RC_OK;
}

/* ---- what came back ----------------------------------------------------------------------------- */

/* Of the unit of now->heads[from]: what is not current in `before`, to the visitor. *from moves to the next unit. */
static enum rc
compare_unit(struct reading *reading, struct id stream, const struct record *before, size_t *from)
{
    const struct record *now = reading->now;
    struct version versions[UNIT_VERSIONS];
    struct salvage_returned returned = {stream, now->id, now->entity, now->heads[*from].unit, versions, 0, NULL};
    size_t first, until;

    for (; *from < now->head_count && now->heads[*from].unit == returned.unit; ++*from)
        if (register_head(before, returned.unit, &now->heads[*from].version) == NULL && returned.count < UNIT_VERSIONS)
            versions[returned.count++] = now->heads[*from].version;
    if (returned.count == 0)
        return RC_OK;
    bool is_set = schema_policy(now->entity, returned.unit) == POLICY_SET;
    register_range(before, returned.unit, &first, &until);
    for (size_t i = first; !is_set && returned.shown == NULL && i < until; i++)
        if (is_own(reading, &before->heads[i].version))
            returned.shown = &before->heads[i].version;
    return is_set || returned.shown != NULL ? reading->visit(reading->context, &returned) : RC_OK;
}

static enum rc
compare_record(struct reading *reading, struct id stream, const struct record *before)
{
    struct stream_row row;
    size_t at = 0;
    bool is_concerned = id_is_among(stream, reading->items, reading->count, sizeof *reading->items);
    enum rc rc = is_concerned ? stream_get(reading->journal, stream, &row) : RC_ABSENT;

    if (rc == RC_OK)
        rc = packed_load(reading->journal, &row, before->entity, before->id, reading->now);
    while (rc == RC_OK && at < reading->now->head_count)
        rc = compare_unit(reading, stream, before, &at);
    return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
salvage_find_returned(struct db *db, struct feed_ref feed, struct salvage *items, size_t count, struct journal *journal,
                      salvage_returned_fn visit, void *context)
{
    struct reading reading = {.db = db, .feed = feed, .items = items, .count = count, .take = compare_record,
                              .journal = journal, .visit = visit, .context = context};
    uint64_t unread = 0; /* told of by salvage_read */
    enum rc rc = register_new(&reading.now);

    if (rc == RC_OK)
        rc = read_all(&reading, &unread);
    register_free(reading.now);
    return rc;
}
