/* What the tables still show of one save. */
#include "core/journal_salvage.h"

#include <stdlib.h>

#include "core/i18n.h"
#include "core/journal_inside.h"

/* Where each operation of the change stood in its save. */
struct places {
    uint32_t at[CHANGE_OPERATIONS];
};

static enum rc
take_record(const struct record *record, struct feed_ref feed, uint32_t save, struct change *change,
            struct places *places)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < record->head_count; i++) {
        const struct head *head = &record->heads[i];
        struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
        if (head->version.save != save || head->version.feed.incarnation != feed.incarnation ||
            !id_equal(head->version.feed.device, feed.device))
            continue;
        if (change->count == CHANGE_OPERATIONS)
            return rc_fail(RC_CORRUPT, _("a save has more changes than can be"));
        places->at[change->count] = head->version.index;
        rc = buf_put(&value, head->value, head->value_len);
        if (rc == RC_OK)
            rc = change_put(change, record->entity, record->id, head->unit, &value);
        buf_wipe(&value);
    }
    return rc;
}

static enum rc
take_records(struct journal *journal, struct feed_ref feed, uint32_t save, struct change *change,
             struct places *places)
{
    struct stream_row stream;
    struct record *record = NULL;
    struct stmt *stmt;
    bool row = true;
    enum rc rc = stream_get(journal, change->stream, &stream);

    if (rc == RC_OK)
        rc = register_new(&record);
    if (rc != RC_OK)
        return rc;
    rc = db_stmt(journal->db, "SELECT rid FROM journal_record WHERE s = ?1 ORDER BY rid", &stmt);
    if (rc != RC_OK) {
        register_free(record);
        return rc;
    }
    stmt_int(stmt, 1, stream.s);
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = packed_load_rid(journal, stmt_get_int(stmt, 0), record);
        if (rc == RC_OK && row)
            rc = take_record(record, feed, save, change, places);
    }
    stmt_done(stmt);
    register_free(record);
    return rc;
}

/* Puts each operation where it stood; false when one before the last is missing. */
static bool
put_in_order(struct change *change, struct places *places)
{
    for (size_t i = 0; i < change->count; i++) {
        size_t found = i;
        while (found < change->count && places->at[found] != i)
            found++;
        if (found == change->count)
            return false;
        struct operation operation = change->operations[i];
        change->operations[i] = change->operations[found];
        change->operations[found] = operation;
        places->at[found] = places->at[i];
    }
    return change->count > 0;
}

enum rc
journal_salvage(struct journal *journal, struct feed_ref feed, uint32_t save, struct change *change)
{
    struct places *places = calloc(1, sizeof *places);

    if (places == NULL)
        return rc_nomem();
    enum rc rc = take_records(journal, feed, save, change, places);
    if (rc == RC_OK && !put_in_order(change, places))
        rc = rc_fail(RC_ABSENT, _("the save is not shown whole any more"));
    free(places);
    return rc;
}
