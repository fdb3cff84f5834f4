/* What a store shows, as text. */
#include "tests/support/golden_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/stores.h"

enum { STREAMS_MOST = 64 };

struct describing {
    struct replica *replica;
    struct buf *out;
};

static const char *
hex(struct id id, char text[2 * ID_BYTES + 1])
{
    for (size_t i = 0; i < ID_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)id.bytes[i]);
    return text;
}

static enum rc
put_conflict(void *context, const struct conflict *conflict)
{
    struct describing *describing = context;
    char stream[2 * ID_BYTES + 1], record[2 * ID_BYTES + 1];

    return buf_printf(describing->out, "conflict %s %u %s %u: %u versions\n", hex(conflict->stream, stream),
                      (unsigned)conflict->entity, hex(conflict->record, record),
                      (unsigned)conflict->unit, (unsigned)conflict->versions);
}

static enum rc
put_feed(void *context, const struct feed_status *feed)
{
    struct describing *describing = context;
    char device[2 * ID_BYTES + 1];

    return buf_printf(describing->out, "feed %s %016" PRIx64 ": written %u, sealed %u, on the server %u\n",
                      hex(feed->feed.device, device), feed->feed.incarnation, (unsigned)feed->written,
                      (unsigned)feed->sealed, (unsigned)feed->on_server);
}

static enum rc
put_parked(void *context, struct id stream, struct feed_ref feed, uint32_t first, uint32_t last,
           const char *reason)
{
    struct describing *describing = context;
    char of[2 * ID_BYTES + 1], device[2 * ID_BYTES + 1];

    return buf_printf(describing->out, "%s: %s %s %016" PRIx64 " %u-%u\n", reason, hex(stream, of),
                      hex(feed.device, device), feed.incarnation, (unsigned)first, (unsigned)last);
}

static size_t
find_streams(struct db *db, struct id streams[STREAMS_MOST])
{
    struct stmt *stmt;
    bool row = true;
    size_t count = 0;

    stores_demand(db_stmt(db, "SELECT stream FROM sync_stream ORDER BY stream", &stmt), "streams");
    while (row && count < STREAMS_MOST) {
        stores_demand(stmt_step(stmt, &row), "streams");
        if (row)
            stores_demand(stmt_get_id(stmt, 0, &streams[count++]), "a stream");
    }
    stmt_done(stmt);
    return count;
}

static void
describe_stream(struct describing *describing, struct id stream)
{
    char text[2 * ID_BYTES + 1];

    stores_demand(buf_printf(describing->out, "stream %s\n", hex(stream, text)), "stream");
    enum rc rc = journal_dump(replica_journal(describing->replica), stream, describing->out);
    if (rc == RC_ABSENT) /* hidden, or without its key */
        rc = buf_printf(describing->out, "not shown\n");
    stores_demand(rc, "journal_dump");
    stores_demand(replica_feeds(describing->replica, stream, put_feed, describing), "feeds");
}

void
golden_store_describe(struct store *store, struct replica *replica, struct buf *out)
{
    struct describing describing = {replica, out};
    struct id streams[STREAMS_MOST];
    struct waiting waiting;
    size_t count = find_streams(store_db(store), streams);

    for (size_t i = 0; i < count; i++)
        describe_stream(&describing, streams[i]);
    stores_demand(journal_conflicts(replica_journal(replica), put_conflict, &describing), "conflicts");
    stores_demand(replica_parked(replica, put_parked, &describing), "parked");
    stores_demand(replica_waiting(replica, &waiting), "waiting");
    stores_demand(buf_printf(out,
                             "waiting: %" PRIu64 " unsealed, %" PRIu64 " unsent, %" PRIu64 " carried, %" PRIu64
                             " parked, %" PRIu64 " held, %" PRIu64 " hidden\n",
                             waiting.saves_unsealed, waiting.entries_unsent, waiting.entries_carried,
                             waiting.parked, waiting.held, waiting.hidden),
                  "waiting");
}
