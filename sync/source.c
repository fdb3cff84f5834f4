/* Saves read back from outbox and log: for history, bases, sealing anew and rebuilding. */
#include <stdlib.h>
#include <string.h>

#include "sync/outbox.h"
#include "sync/replica_own.h"

/* Entries read last, decoded: history walks saves one by one, from one author's feed to another's. */
enum { SOURCE_ENTRIES = 8 };

struct decoded {
    struct id stream;
    struct feed_ref feed;
    uint32_t first;
    uint32_t last;
    struct change *saves; /* NULL: none */
};

struct source_cache {
    struct decoded entries[SOURCE_ENTRIES];
    size_t next; /* whose place is taken next */
};

static void
drop(struct decoded *entry)
{
    if (entry->saves != NULL)
        body_free(entry->saves, entry->last - entry->first + 1);
    *entry = (struct decoded){.saves = NULL};
}

void
source_forget(struct replica *replica)
{
    for (size_t i = 0; replica->cache != NULL && i < SOURCE_ENTRIES; i++)
        drop(&replica->cache->entries[i]);
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

enum rc
source_read(struct replica *replica, const struct entry *entry, struct change **saves, size_t *count)
{
    struct feed_ref feed = {entry->device, entry->incarnation};
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);

    *saves = NULL;
    *count = entry->last - entry->first + 1;
    enum rc rc = source_open(replica, entry, &body);
    if (rc == RC_OK)
        rc = body_read(entry->stream, feed, entry->first, entry->last, body.data, body.len, saves);
    buf_wipe(&body);
    return rc;
}

bool
source_is_unreadable(enum rc rc)
{
    return rc == RC_LOCKED || rc == RC_ABSENT || rc == RC_CORRUPT || rc == RC_UNSUPPORTED;
}

/* Copies one decoded save by encoding and decoding it: the one way to an independent change. */
static enum rc
copy_save(const struct decoded *entry, uint32_t save, struct change **change)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);

    enum rc rc =
        body_write(entry->feed, save, &entry->saves[save - entry->first], 1, NULL, 0, &body);
    if (rc == RC_OK)
        rc = body_read(entry->stream, entry->feed, save, save, body.data, body.len, change);
    buf_wipe(&body);
    return rc;
}

static const struct decoded *
find(const struct source_cache *cache, struct id stream, struct feed_ref feed, uint32_t save)
{
    for (size_t i = 0; i < SOURCE_ENTRIES; i++) {
        const struct decoded *entry = &cache->entries[i];
        if (entry->saves != NULL && save >= entry->first && save <= entry->last &&
            id_equal(entry->stream, stream) && feed_equal(entry->feed, feed))
            return entry;
    }
    return NULL;
}

static enum rc
from_log(struct replica *replica, const struct elog_feed *feed, uint32_t save,
         struct change **change)
{
    struct source_cache *cache = replica->cache;
    struct elog_row row = ELOG_ROW_EMPTY;
    struct change *saves;
    size_t count;

    enum rc rc = elog_find(replica->db, feed->key, save, &row);
    if (rc == RC_OK)
        rc = source_read(replica, &row.entry, &saves, &count);
    if (rc == RC_OK) {
        struct decoded *entry = &cache->entries[cache->next];
        cache->next = (cache->next + 1) % SOURCE_ENTRIES;
        drop(entry);
        *entry =
            (struct decoded){feed->stream, feed->feed, row.entry.first, row.entry.last, saves};
        rc = copy_save(entry, save, change);
    }
    elog_row_wipe(&row);
    return rc;
}

static enum rc
get(void *context, struct id stream, struct feed_ref ref, uint32_t save, struct change **change)
{
    struct replica *replica = context;
    struct elog_feed feed;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    const struct decoded *known = find(replica->cache, stream, ref, save);

    *change = NULL;
    if (known != NULL)
        return copy_save(known, save, change);
    enum rc rc = elog_feed_find(replica->db, stream, ref, &feed);
    if (rc != RC_OK)
        return rc;
    rc = outbox_get(replica->db, feed.key, save, &body);
    if (rc == RC_OK)
        rc = body_read(stream, ref, save, save, body.data, body.len, change);
    else if (rc == RC_ABSENT)
        rc = from_log(replica, &feed, save, change);
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
