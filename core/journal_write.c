/* What was changed in memory into the tables: registers, conflicts, typed rows, what is to be found, feeds and the clock. */
#include "core/journal_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"

static uint32_t
count_conflicts(const struct record *r)
{
    const struct schema_entity *entity = schema_entity(r->entity);
    uint32_t count = 0;

    if (entity == NULL || entity->home != r->kind) /* a twin's conflict is its record's */
        return 0;
    for (size_t u = 0; u < entity->unit_count; u++)
        count += register_conflict(r, entity->units[u].number) > 0;
    return count;
}

static enum rc
store_conflicts(struct journal *journal, const struct record *r, uint32_t conflicts)
{
    const struct schema_entity *entity = schema_entity(r->entity);
    struct stmt *stmt;
    enum rc rc = RC_OK;

    if (r->conflicts > 0)
        rc = db_run_int(journal->db, "DELETE FROM journal_conflict WHERE rid = ?1", r->rid);
    for (size_t u = 0; rc == RC_OK && conflicts > 0 && u < entity->unit_count; u++) {
        uint32_t versions = register_conflict(r, entity->units[u].number);
        if (versions == 0)
            continue;
        rc = db_stmt(journal->db,
                     "INSERT INTO journal_conflict (rid, unit, versions) VALUES (?1, ?2, ?3)",
                     &stmt);
        if (rc != RC_OK)
            return rc;
        stmt_int(stmt, 1, r->rid);
        stmt_int(stmt, 2, entity->units[u].number);
        stmt_int(stmt, 3, versions);
        rc = stmt_finish(stmt);
    }
    return rc;
}

static enum rc
store_heads(struct journal *journal, struct record *r, enum register_degree hidden, uint32_t conflicts)
{
    struct stmt *stmt;
    enum rc rc;

    if (r->rid == 0)
        rc = db_stmt(journal->db,
                     "INSERT INTO journal_record (hidden, conflicts, heads, s, entity, id) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                     &stmt);
    else
        rc = db_stmt(journal->db,
                     "UPDATE journal_record SET hidden = ?1, conflicts = ?2, heads = ?3 "
                     "WHERE rid = ?4",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, hidden);
    stmt_int(stmt, 2, conflicts);
    stmt_blob_lent(stmt, 3, journal->scratch.data, journal->scratch.len);
    if (r->rid == 0) {
        stmt_int(stmt, 4, r->s);
        stmt_int(stmt, 5, r->entity);
        stmt_blob_lent(stmt, 6, r->id.bytes, ID_BYTES);
    } else {
        stmt_int(stmt, 4, r->rid);
    }
    rc = stmt_finish(stmt);
    if (rc == RC_OK && r->rid == 0)
        r->rid = db_last_rowid(journal->db);
    return rc;
}

static enum rc
store_record(struct journal *journal, struct record *r)
{
    const struct table *table = table_of(journal, r->entity, r->kind);
    bool is_new = r->rid == 0;
    uint32_t conflicts = count_conflicts(r);
    enum rc rc = held_load(journal, r);

    if (rc != RC_OK)
        return rc;
    enum register_degree hidden = register_hidden(r);
    rc = packed_write(r, &journal->scratch);
    if (rc == RC_OK)
        rc = store_heads(journal, r, hidden, conflicts);
    if (rc == RC_OK)
        rc = store_conflicts(journal, r, conflicts);
    if (rc == RC_OK)
        rc = table_write(journal, r, is_new, hidden, conflicts);
    return rc == RC_OK && table != NULL && table->search != NULL ? search_later(journal, r->rid) : rc;
}

/* What is stored already by rising row, then what is new by rising id: ids begin with their time. */
static int
compare_rows(const void *a, const void *b)
{
    const struct record *x = *(struct record *const *)a;
    const struct record *y = *(struct record *const *)b;

    if ((x->rid == 0) != (y->rid == 0))
        return x->rid == 0 ? 1 : -1;
    if (x->rid != y->rid)
        return x->rid < y->rid ? -1 : 1;
    int order = memcmp(x->id.bytes, y->id.bytes, ID_BYTES);
    if (order != 0 || x->rid != 0)
        return order;
    if (x->s != y->s)
        return x->s < y->s ? -1 : 1;
    return (x->entity > y->entity) - (x->entity < y->entity);
}

enum rc
batch_write(struct journal *journal)
{
    struct batch *b = &journal->batch;
    enum rc rc = RC_OK;

    if (b->is_broken)
        return rc_fail(RC_STALE, _("the transaction was rolled back"));
    if (b->record_count > 1)
        qsort(b->records, b->record_count, sizeof *b->records, compare_rows);
    for (size_t i = 0; rc == RC_OK && i < b->record_count; i++)
        rc = store_record(journal, b->records[i]);
    for (size_t i = 0; rc == RC_OK && i < b->feed_count; i++)
        if (b->feeds[i].is_changed)
            rc = feed_advance(journal, b->feeds[i].f, b->feeds[i].frontier);
    if (rc == RC_OK && b->is_clock_moved)
        rc = clock_store(journal, &b->clock);
    return rc == RC_OK ? search_note(journal) : rc;
}
