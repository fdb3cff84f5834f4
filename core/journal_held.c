/* Held late work: what it writes into strict units protects at once, and changes nothing else. */
#include "core/journal_inside.h"

#include <stdlib.h>
#include <string.h>

/* What is held of a person in the record, counted once while it is in memory. */
static enum rc
weigh_held(struct journal *journal, struct record *record, struct id person)
{
    struct stmt *stmt;
    int64_t weight = 0;

    if (record->held_part.is_known && id_equal(record->held_part.person, person))
        return RC_OK;
    record->held_part.is_known = false;
    enum rc rc = db_stmt(journal->db,
                         "SELECT coalesce(sum(length(h.value) + ?5), 0) FROM journal_held AS h JOIN journal_feed AS f ON f.f = h.f "
                         "WHERE h.record = ?1 AND h.entity = ?2 AND f.s = ?3 AND h.person = ?4",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, record->id);
    stmt_int(stmt, 2, record->entity);
    stmt_int(stmt, 3, record->s);
    stmt_id(stmt, 4, person);
    stmt_int(stmt, 5, RECORD_HEAD_BYTES);
    rc = stmt_finish_int(stmt, &weight);
    record->held_part.person = person;
    record->held_part.weight = (size_t)weight;
    record->held_part.is_known = rc == RC_OK;
    return rc;
}

static enum rc
is_there(struct journal *journal, int64_t f, uint32_t save, uint32_t index, bool *there)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(journal->db, "SELECT 1 FROM journal_held WHERE f = ?1 AND save = ?2 AND idx = ?3", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, f);
    stmt_int(stmt, 2, save);
    stmt_int(stmt, 3, index);
    rc = stmt_step(stmt, there);
    stmt_done(stmt);
    return rc;
}

/* *fits false: with it more would be held of that person in the record than they may keep current there (register_is_full), and all of it
 * is read each time that the record is. What is held already takes its own place. */
static enum rc
make_place(struct journal *journal, const struct author *author, int64_t f, uint32_t save, uint32_t index,
           const struct operation *operation, struct record *record, bool *fits)
{
    size_t weight = operation->value_len + RECORD_HEAD_BYTES;
    bool there = false;
    enum rc rc = weigh_held(journal, record, author->person);

    if (rc == RC_OK)
        rc = is_there(journal, f, save, index, &there);
    *fits = there || record->held_part.weight + weight <= RECORD_PART_BYTES;
    if (rc == RC_OK && *fits && !there)
        record->held_part.weight += weight;
    return rc;
}

static enum rc
hold_operation(struct journal *journal, const struct author *author, const struct stream_row *stream, int64_t f,
               uint32_t save, uint32_t index, const struct change *change)
{
    const struct operation *operation = &change->operations[index];
    struct record *record;
    struct stmt *stmt;
    bool fits = false;
    enum rc rc = batch_record(journal, stream, operation, &record); /* its row is written anew */

    if (rc == RC_OK)
        rc = make_place(journal, author, f, save, index, operation, record, &fits);
    if (rc == RC_OK && !fits)
        return RC_OK;
    if (rc == RC_OK)
        rc = db_stmt(journal->db,
                     "INSERT OR REPLACE INTO journal_held (f, save, idx, entity, record, unit, person, hlc, value) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    batch_has_held_now(journal);
    stmt_int(stmt, 1, f);
    stmt_int(stmt, 2, save);
    stmt_int(stmt, 3, index);
    stmt_int(stmt, 4, operation->entity);
    stmt_id(stmt, 5, operation->record);
    stmt_int(stmt, 6, operation->unit);
    stmt_id(stmt, 7, author->person);
    stmt_int(stmt, 8, (int64_t)change->hlc);
    stmt_blob_lent(stmt, 9, operation->value, operation->value_len);
    return stmt_finish(stmt);
}

enum rc
journal_hold(struct journal *journal, const struct author *author, uint32_t save, const struct change *change)
{
    struct stream_row stream;
    uint32_t frontier;
    int64_t f;
    enum rc rc = batch_make_room(journal);

    if (rc == RC_OK)
        rc = batch_stream(journal, change->stream, &stream);
    if (rc == RC_OK)
        rc = batch_feed(journal, stream.s, author->feed, &f, &frontier);
    for (uint32_t i = 0; rc == RC_OK && save > frontier && i < change->count; i++)
        if (schema_policy(change->operations[i].entity, change->operations[i].unit) == POLICY_STRICT)
            rc = hold_operation(journal, author, &stream, f, save, i, change);
    if (rc != RC_OK)
        batch_break(journal);
    if (!batch_is_open(journal)) {
        if (rc == RC_OK)
            rc = batch_write(journal);
        batch_forget(journal);
    }
    return rc;
}

enum rc
held_release(struct journal *journal, int64_t f, uint32_t save)
{
    struct stmt *stmt;
    bool has;
    enum rc rc = batch_has_held(journal, &has);

    if (rc != RC_OK || !has)
        return rc;
    rc = db_stmt(journal->db, "DELETE FROM journal_held WHERE f = ?1 AND save = ?2", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, f);
    stmt_int(stmt, 2, save);
    return stmt_finish(stmt);
}

/* ---- loading -------------------------------------------------------------------------------- */

/* Whether what was applied replaces it: somebody for whom it was not late saw it, and had the right to. */
static enum rc
is_replaced(struct journal *journal, const struct record *r, int64_t f, const struct head *head, bool *replaced)
{
    unsigned rank = policy_rank(r->entity, head->unit, head->value, head->value_len);
    struct relaxed relaxed = {0};
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal->db,
                         "SELECT person, rank, functions FROM journal_pend WHERE f = ?1 AND save = ?2 AND idx = ?3 "
                         "AND entity = ?4 AND record = ?5 AND unit = ?6",
                         &stmt);

    *replaced = false;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, f);
    stmt_int(stmt, 2, head->version.save);
    stmt_int(stmt, 3, head->version.index);
    stmt_int(stmt, 4, r->entity);
    stmt_id(stmt, 5, r->id);
    stmt_int(stmt, 6, head->unit);
    while (rc == RC_OK && row && !*replaced) {
        struct naming naming;
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = stmt_get_id(stmt, 0, &naming.person);
        if (rc != RC_OK || !row)
            break;
        naming.rank = (unsigned)stmt_get_int(stmt, 1);
        naming.functions = (unsigned)stmt_get_int(stmt, 2);
        *replaced = strict_names(r->entity, head->unit, rank, &naming, &relaxed);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
held_read(struct stmt *stmt, struct head *head)
{
    enum rc rc = stmt_get_id(stmt, 1, &head->version.feed.device);

    head->version.feed.incarnation = (uint64_t)stmt_get_int(stmt, 2);
    head->version.save = (uint32_t)stmt_get_int(stmt, 3);
    head->version.index = (uint32_t)stmt_get_int(stmt, 4);
    head->unit = (uint32_t)stmt_get_int(stmt, 5);
    if (rc == RC_OK)
        rc = stmt_get_id(stmt, 6, &head->person);
    head->hlc = (uint64_t)stmt_get_int(stmt, 7);
    head->value = stmt_get_blob(stmt, 8, &head->value_len);
    return rc;
}

static enum rc
add_held(struct record *r, const struct head *head)
{
    if (r->held_count == r->held_room) {
        size_t room = r->held_room == 0 ? 4 : 2 * r->held_room;
        struct head *grown = realloc(r->held, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        r->held = grown;
        r->held_room = room;
    }
    r->held[r->held_count++] = *head;
    return buf_put(&r->held_values, head->value, head->value_len);
}

static enum rc
load_rows(struct journal *journal, struct record *r)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal->db,
                         "SELECT h.f, f.device, f.incarnation, h.save, h.idx, h.unit, h.person, h.hlc, h.value "
                         "FROM journal_held AS h JOIN journal_feed AS f ON f.f = h.f "
                         "WHERE h.record = ?1 AND h.entity = ?2 AND f.s = ?3 "
                         "ORDER BY h.unit, f.device, f.incarnation, h.save, h.idx",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, r->id);
    stmt_int(stmt, 2, r->entity);
    stmt_int(stmt, 3, r->s);
    while (rc == RC_OK && row) {
        struct head head = {0};
        bool replaced = false;
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        rc = held_read(stmt, &head);
        if (rc == RC_OK)
            rc = is_replaced(journal, r, stmt_get_int(stmt, 0), &head, &replaced);
        if (rc == RC_OK && !replaced)
            rc = add_held(r, &head);
    }
    stmt_done(stmt);
    return rc;
}

enum rc
held_load(struct journal *journal, struct record *r)
{
    bool has;
    enum rc rc = batch_has_held(journal, &has);

    buf_clear(&r->held_values);
    r->held_count = 0;
    if (rc != RC_OK || !has)
        return rc;
    rc = load_rows(journal, r);
    const uint8_t *value = r->held_values.data; /* it lies still from here on */
    for (size_t i = 0; rc == RC_OK && i < r->held_count; i++) {
        r->held[i].value = value;
        value += r->held[i].value_len;
    }
    return rc;
}

const struct head *
register_protective(const struct record *r, uint32_t unit)
{
    const struct head *best = register_shown(r, unit);

    for (size_t i = 0; i < r->held_count; i++)
        if (r->held[i].unit == unit)
            best = register_choose(r, best, &r->held[i]);
    return best;
}

enum rc
journal_held(struct journal *journal, struct id stream, uint32_t entity, struct id record, uint32_t unit,
             journal_current_fn visit, void *context)
{
    struct record *r = NULL;
    struct stream_row row;
    enum rc rc = batch_flush(journal);

    if (rc == RC_OK)
        rc = stream_get(journal, stream, &row);
    if (rc == RC_OK)
        rc = packed_open(journal, &row, entity, record, &r);
    if (rc == RC_OK)
        rc = held_load(journal, r);
    const struct head *shown = rc == RC_OK ? register_protective(r, unit) : NULL;
    for (size_t i = 0; rc == RC_OK && i < r->held_count; i++) {
        const struct head *h = &r->held[i];
        struct current current = {h->version, h->person, h->hlc, h == shown, h->value, h->value_len};
        if (h->unit == unit)
            rc = visit(context, &current);
    }
    register_free(r);
    if (!batch_is_open(journal))
        batch_forget(journal); /* whether there is anything held may change by another's hand */
    return rc;
}
