/* The plans of statements, and what they cost. */
#include "core/db_plan.h"

#include <sqlite3.h>

#include "core/db_inside.h"

static enum rc
explain(struct db *db, const char *sql, db_plan_fn visit, void *context)
{
    struct buf text = BUF_EMPTY(65536);
    struct sqlite3_stmt *plan = NULL;
    int code = SQLITE_OK;

    enum rc rc = buf_printf(&text, "EXPLAIN QUERY PLAN %s", sql);
    if (rc == RC_OK)
        code = sqlite3_prepare_v2(db->handle, (const char *)text.data, (int)text.len, &plan, NULL);
    while (rc == RC_OK && code == SQLITE_OK && (code = sqlite3_step(plan)) == SQLITE_ROW) {
        visit(context, sql, (const char *)sqlite3_column_text(plan, 3));
        code = SQLITE_OK;
    }
    sqlite3_finalize(plan);
    buf_wipe(&text);
    if (rc == RC_OK && code != SQLITE_OK && code != SQLITE_DONE)
        rc = db_fail_with(db, code, true);
    return rc;
}

enum rc
db_plans(struct db *db, db_plan_fn visit, void *context)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < DB_STATEMENT_BUCKETS; i++)
        for (const struct stmt *stmt = db->buckets[i]; rc == RC_OK && stmt != NULL; stmt = stmt->next)
            rc = explain(db, stmt->text, visit, context);
    return rc;
}

uint64_t
db_steps(struct db *db)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < DB_STATEMENT_BUCKETS; i++)
        for (const struct stmt *stmt = db->buckets[i]; stmt != NULL; stmt = stmt->next)
            sum += (uint64_t)sqlite3_stmt_status(stmt->handle, SQLITE_STMTSTATUS_VM_STEP, 1);
    return sum;
}
