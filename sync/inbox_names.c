/* Entries whose author had seen what is not here: applied without those names in the end, and with them once it comes. */
#include <stdlib.h>
#include <string.h>

#include "sync/inbox.h"

bool
inbox_is_seen(const struct feed_seen *seen, const struct entry *header)
{
    return header->last == seen->last && memcmp(header->hash, seen->header, CHANGE_SEEN_BYTES) == 0;
}

/* They wait for no entry of their own feed: the one before was applied. */
#define WAITING                                                                                     \
    " FROM sync_entry AS e WHERE e.state = 2 AND e.state <> 1 AND e.reason IN (3, 6) AND"           \
    " (e.first = 1 OR EXISTS (SELECT 1 FROM (SELECT b.last, b.state FROM sync_entry AS b WHERE"     \
    " b.feed = e.feed AND b.first < e.first ORDER BY b.first DESC LIMIT 1)"                         \
    " WHERE last = e.first - 1 AND state = 1))"

enum rc
inbox_settle_names(struct replica *replica, struct sync_report *report, const struct sync_options *options)
{
    int64_t any;
    enum rc rc = db_get_int(replica->db, "SELECT 1" WAITING " LIMIT 1", &any); /* ELOG_PARKED for ELOG_GAP, ELOG_FORK */

    if (rc == RC_OK && any != 0) {
        rc = db_run(replica->db,
                    "UPDATE sync_entry SET state = 0, reason = 0 WHERE entry IN (SELECT e.entry" WAITING ")");
        replica->names_less = true;
        if (rc == RC_OK)
            rc = inbox_apply(replica, report, options);
        replica->names_less = false;
    }
    return rc == RC_OK ? inbox_rebuild_marked(replica) : rc;
}

/* Whether an entry names a header that has just come. */
static enum rc
look_at(struct replica *replica, const struct entry *entry, struct buf *body, bool *came)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    struct feed_seen *seen = NULL;
    size_t count = 0;
    enum rc rc = source_open(replica, entry, body);

    if (rc == RC_OK)
        rc = body_seen(body->data, body->len, &seen, &count);
    for (size_t i = 0; rc == RC_OK && !*came && i < count; i++) {
        struct elog_feed feed;
        rc = elog_feed_find(replica->db, entry->stream, seen[i].feed, &feed);
        if (rc == RC_OK)
            rc = elog_find(replica->db, feed.key, seen[i].last, &row);
        *came = rc == RC_OK && row.state == ELOG_NEW && inbox_is_seen(&seen[i], &row.entry);
        if (rc == RC_ABSENT)
            rc = RC_OK;
    }
    free(seen);
    elog_row_wipe(&row);
    return rc == RC_ABSENT || rc == RC_LOCKED ? RC_OK : rc;
}

static enum rc
next_of(struct db *db, int64_t *key, bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, /* ELOG_APPLIED for ELOG_GAP */
                         "SELECT entry FROM sync_entry WHERE entry > ?1 AND state = 1 AND reason = 3"
                         " ORDER BY entry LIMIT 1",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, *key);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        *key = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return rc;
}

enum rc
inbox_names_came(struct replica *replica)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    int64_t names_less, any, key = 0;
    bool found = true;

    enum rc rc = state_get_int(replica->db, STATE_NAMES_LESS, &names_less);
    if (rc != RC_OK || names_less == 0)
        return rc;
    rc = db_get_int(replica->db, "SELECT 1 FROM sync_entry WHERE state = 0 AND state <> 1 LIMIT 1", &any);
    while (rc == RC_OK && any != 0 && found) {
        bool came = false;
        rc = next_of(replica->db, &key, &found);
        if (rc == RC_OK && found)
            rc = elog_get(replica->db, key, &row);
        if (rc == RC_OK && found)
            rc = look_at(replica, &row.entry, &body, &came);
        if (rc == RC_OK && came)
            rc = inbox_mark_rebuild(replica, row.entry.stream);
    }
    elog_row_wipe(&row);
    buf_wipe(&body);
    return rc;
}
