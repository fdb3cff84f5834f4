/* Reading a damaged database: from key to key, past pages that fail. */
#include "core/db.h"

enum { PAST_STEPS = 65536 };

/* The first key above `after`; *found false at the end of the table. */
static enum rc
next_key(struct db *db, const char *sql, int64_t after, int64_t *key, bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, sql, &stmt);

    *found = false;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, after);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        *key = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    /* An old page put back in its place has keys that belong elsewhere, and going on from those would have no end. */
    return rc == RC_OK && *found && *key <= after ? rc_fail(RC_CORRUPT, "a key out of its order") : rc;
}

enum rc
db_next_past(struct db *db, const char *sql, int64_t *key, bool *found, uint64_t *bad)
{
    int64_t after = *key, step = 1;
    enum rc rc = next_key(db, sql, after, key, found);

    if (rc == RC_CORRUPT)
        ++*bad;
    for (unsigned tries = 0; rc == RC_CORRUPT; tries++) {
        if (tries > PAST_STEPS)
            step = 2 * step;
        if (after > INT64_MAX / 4 - step) { /* to the end */
            *found = false;
            return RC_OK;
        }
        after += step;
        rc = next_key(db, sql, after, key, found);
    }
    return rc;
}
