/* Saves read back from outbox and log: for history, bases, sealing anew and rebuilding. */
#include <stdlib.h>
#include <string.h>

#include "sync/outbox.h"
#include "sync/replica_own.h"

/* The entry read last, decoded: history walks saves one by one. */
struct source_cache {
    struct id stream;
    struct feed_ref feed;
    uint32_t first;
    uint32_t last;
    struct change *saves;
};

static void
drop(struct source_cache *cache)
{
    if (cache->saves != NULL)
        body_free(cache->saves, cache->last - cache->first + 1);
    *cache = (struct source_cache){.saves = NULL};
}

void
source_forget(struct replica *replica)
{
    if (replica->cache != NULL)
        drop(replica->cache);
}

void
source_free(struct replica *replica)
{
    source_forget(replica);
    free(replica->cache);
    replica->cache = NULL;
}

enum rc
source_open(struct replica *replica, const struct entry *entry, struct buf *body)
{
    struct secret key = SECRET_EMPTY;

    enum rc rc = keyring_get(replica->keys, entry->stream, entry->epoch, &key);
    if (rc == RC_OK)
        rc = entry_open(entry, &key, body);
    secret_wipe(&key);
    return rc;
}

/* Copies one decoded save by encoding and decoding it: the one way to an independent change. */
static enum rc
copy_save(const struct source_cache *cache, uint32_t save, struct change **change)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);

    enum rc rc =
        body_write(cache->feed, save, &cache->saves[save - cache->first], 1, NULL, 0, &body);
    if (rc == RC_OK)
        rc = body_read(cache->stream, cache->feed, save, save, body.data, body.len, change);
    buf_wipe(&body);
    return rc;
}

static enum rc
from_log(struct replica *replica, const struct elog_feed *feed, uint32_t save)
{
    struct source_cache *cache = replica->cache;
    struct elog_row row = ELOG_ROW_EMPTY;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct change *saves = NULL;

    enum rc rc = elog_find(replica->db, feed->key, save, &row);
    if (rc == RC_OK)
        rc = source_open(replica, &row.entry, &body);
    if (rc == RC_OK)
        rc = body_read(feed->stream, feed->feed, row.entry.first, row.entry.last, body.data,
                       body.len, &saves);
    if (rc == RC_OK) {
        drop(cache);
        *cache =
            (struct source_cache){feed->stream, feed->feed, row.entry.first, row.entry.last, saves};
    }
    buf_wipe(&body);
    elog_row_wipe(&row);
    return rc;
}

static enum rc
get(void *context, struct id stream, struct feed_ref ref, uint32_t save, struct change **change)
{
    struct replica *replica = context;
    struct source_cache *cache = replica->cache;
    struct elog_feed feed;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    bool is_cached = cache->saves != NULL && id_equal(cache->stream, stream) &&
                     feed_equal(cache->feed, ref) && save >= cache->first && save <= cache->last;

    *change = NULL;
    if (is_cached)
        return copy_save(cache, save, change);
    enum rc rc = elog_feed_find(replica->db, stream, ref, &feed);
    if (rc != RC_OK)
        return rc;
    rc = outbox_get(replica->db, feed.key, save, &body);
    if (rc == RC_OK)
        rc = body_read(stream, ref, save, save, body.data, body.len, change);
    else if (rc == RC_ABSENT)
        rc = from_log(replica, &feed, save);
    if (rc == RC_OK && *change == NULL)
        rc = copy_save(cache, save, change);
    buf_wipe(&body);
    return rc;
}

enum rc
source_make(struct replica *replica)
{
    replica->cache = calloc(1, sizeof *replica->cache);
    if (replica->cache == NULL)
        return rc_nomem();
    replica->saves = (struct save_source){get, replica};
    return RC_OK;
}
