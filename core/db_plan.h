/* How SQLite runs the statements of an open database: for tests that guard against reading a whole table. */
#ifndef CORE_DB_PLAN_H
#define CORE_DB_PLAN_H

#include "core/db.h"

/* Each step of the plan of each statement that was made so far, in the words of EXPLAIN QUERY PLAN, without an order. */
typedef void (*db_plan_fn)(void *context, const char *sql, const char *step);
enum rc db_plans(struct db *db, db_plan_fn visit, void *context) MUST_CHECK;
/* How many steps of SQLite's machine those statements took since this was asked last: what a test may hold two runs against,
 * for it is the same each time. */
uint64_t db_steps(struct db *db);

#endif
