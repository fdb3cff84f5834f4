/* Taking entries apart again that nobody was given: their saves wait in line as before. */
#include "sync/outbox.h"

#include <string.h>

#include "core/i18n.h"
#include "sync/replica_own.h"

/* The saves of one entry back in line. */
static enum rc
unseal_one(struct replica *replica, struct elog_feed *feed, struct elog_row *row)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct buf one = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct change *changes = NULL;
    uint32_t first = row->entry.first, last = row->entry.last;

    enum rc rc = source_open(replica, &row->entry, &body);
    if (rc == RC_OK)
        rc = body_read(feed->stream, feed->feed, first, last, body.data, body.len, &changes);
    for (uint32_t save = first; rc == RC_OK && save <= last; save++) {
        buf_clear(&one);
        rc = body_write(feed->feed, save, &changes[save - first], 1, NULL, 0, &one);
        if (rc == RC_OK)
            rc = outbox_put(replica->db, feed->key, save, &one);
    }
    if (rc == RC_OK)
        rc = elog_drop(replica->db, row->key);
    if (rc == RC_OK) {
        feed->sealed = first - 1;
        memcpy(feed->head, row->entry.previous, sizeof feed->head);
        rc = elog_feed_put(replica->db, feed);
    }
    if (changes != NULL)
        body_free(changes, last - first + 1);
    buf_wipe(&one);
    buf_wipe(&body);
    return rc;
}

enum rc
outbox_unseal(struct replica *replica, int64_t entry)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    struct elog_feed feed;

    enum rc rc = elog_get(replica->db, entry, &row);
    if (rc == RC_ABSENT) {
        elog_row_wipe(&row);
        return RC_OK; /* with one before it */
    }
    if (rc == RC_OK)
        rc = elog_feed_get(replica->db, row.feed, &feed);
    uint32_t first = row.entry.first;
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK) {
        elog_row_wipe(&row);
        return rc;
    }
    /* From the last entry down, so that the chain stays whole at every step. */
    while (rc == RC_OK && feed.sealed >= first) {
        rc = elog_find(replica->db, feed.key, feed.sealed, &row);
        if (rc == RC_OK && (row.is_bundled || row.is_sent))
            rc = rc_fail(RC_DENIED, _("the entry was given away before"));
        if (rc == RC_OK)
            rc = unseal_one(replica, &feed, &row);
    }
    rc = db_end(replica->db, rc);
    source_forget(replica);
    elog_row_wipe(&row);
    return rc;
}

/* The first save of a feed that the server may lack and the log does lack, above what it is known to hold; 0: none. */
static enum rc
first_lost(struct replica *replica, const struct elog_feed *feed, uint32_t *lost)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    uint32_t save = feed->on_server + 1;
    enum rc rc = RC_OK;

    while (rc == RC_OK && save <= feed->saved) {
        rc = elog_find(replica->db, feed->key, save, &row);
        if (rc == RC_OK)
            save = row.entry.last + 1;
    }
    elog_row_wipe(&row);
    *lost = rc == RC_ABSENT ? save : 0;
    return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
unseal_after_lost(void *context, const struct elog_feed *found)
{
    struct replica *replica = context;
    struct elog_row row = ELOG_ROW_EMPTY;
    struct elog_feed feed = *found;
    uint32_t lost;

    if (!feed.is_own)
        return RC_OK;
    enum rc rc = first_lost(replica, &feed, &lost);
    for (uint32_t save = lost; rc == RC_OK && lost != 0 && save <= found->saved; save++) {
        rc = elog_find(replica->db, feed.key, save, &row);
        if (rc == RC_OK && !row.is_sent && !row.is_bundled) {
            save = row.entry.last;
            rc = unseal_one(replica, &feed, &row);
        }
        if (rc == RC_ABSENT || rc == RC_LOCKED)
            rc = RC_OK;
    }
    elog_row_wipe(&row);
    return rc;
}

enum rc
outbox_unseal_torn(struct replica *replica)
{
    enum rc rc = elog_feeds(replica->db, (struct id){{0}}, unseal_after_lost, replica);

    source_forget(replica);
    return rc;
}
