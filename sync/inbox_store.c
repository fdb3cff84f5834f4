/* Received entries: verified, and stored with the cursor. */
#include <string.h>

#include "core/array.h"
#include "core/broken.h"
#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/outbox.h"

/* The server knows saves of our own that this store never sealed, or others under their numbers: this is an old copy, or there is
 * one that was first. What was sealed here and not sent goes back in line, to be compared and renumbered with what waits there. */
static enum rc
find_copy(struct replica *replica, const struct elog_feed *feed, const struct entry *items,
          size_t count)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    /* In another life than this one's a copy goes on, or went on before: nothing more is written there. */
    bool is_other = items[count - 1].last > feed->sealed &&
                    feed->feed.incarnation == replica->incarnation;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        rc = elog_find(replica->db, feed->key, items[i].first, &row);
        bool differs =
            rc == RC_OK && memcmp(row.entry.hash, items[i].hash, sizeof row.entry.hash) != 0;
        if (differs && !row.is_sent && !broken_is(BROKEN_COPY)) {
            is_other = true;
            rc = outbox_unseal(replica, row.key);
        }
        if (rc == RC_ABSENT)
            rc = RC_OK;
    }
    elog_row_wipe(&row);
    if (rc != RC_OK || !is_other || replica->must_recover)
        return rc;
    replica->must_recover = true;
    return state_put_int(replica->db, STATE_MUST_RECOVER, 1);
}

/* What was refused may end elsewhere than what is here: then what follows it has no predecessor, and nobody withholds one. */
static enum rc
note_fork(struct replica *replica, int64_t feed)
{
    for (size_t i = replica->forked_count; i > 0; i--)
        if (replica->forked[i - 1] == feed)
            return RC_OK;
    int64_t *forked =
        array_grow(replica->forked, &replica->forked_room, replica->forked_count + 1, sizeof *forked);
    if (forked == NULL)
        return RC_NOMEM;
    replica->forked = forked;
    forked[replica->forked_count++] = feed;
    return RC_OK;
}

static enum rc
store_items(struct replica *replica, const struct entry *items, size_t count, bool is_verified,
            bool from_server, uint64_t *stored)
{
    struct elog_feed feed;
    bool is_own = id_equal(items[0].device, replica->identity.device);

    enum rc rc =
        elog_feed_open(replica->db, items[0].stream,
                       (struct feed_ref){items[0].device, items[0].incarnation}, is_own, &feed);
    if (rc == RC_OK && is_own && is_verified) {
        rc = find_copy(replica, &feed, items, count);
        if (rc == RC_OK)
            rc = elog_feed_get(replica->db, feed.key, &feed);
    }
    inbox_chain_forget(replica);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        if (!entry_body_fits(&items[i]))
            return rc_fail(RC_UNTRUSTED,
                           _("an entry's body is not the one that its author signed"));
        struct entry item = items[i];
        if (!from_server) /* when it arrived, and so that it did, nobody else can say: it would never be sent from here */
            item.arrived_ms = 0;
        rc = elog_put(replica->db, &feed, &item, is_verified ? ELOG_NEW : ELOG_PARKED,
                      is_verified ? ELOG_NO_REASON : ELOG_LEDGER, from_server);
        if (rc == RC_OK)
            ++*stored;
        /* Its author signed two, or it is nobody's: that stops nobody else's work. What follows it is parked. */
        if (rc == RC_UNTRUSTED && !is_own)
            rc = is_verified ? note_fork(replica, feed.key) : RC_OK;
        if (rc == RC_EXISTS)
            rc = RC_OK;
    }
    if (rc == RC_OK && from_server && items[count - 1].last > feed.on_server) {
        feed.on_server = items[count - 1].last;
        rc = elog_feed_put(replica->db, &feed);
    }
    return rc;
}

/* What a bundle brings was not looked at by the server, and may go on in a bundle that ends a run elsewhere. */
static size_t
verify_each(const struct entry *items, size_t count, const uint8_t *sign_public)
{
    size_t good = 0;

    while (good < count && entry_verify(&items[good], sign_public))
        good++;
    return good;
}

static enum rc
store_run(struct replica *replica, const struct entry *items, size_t count, bool from_server,
          uint64_t *stored)
{
    bool is_here, is_filling;
    const struct ledger_device *device = ledger_device(replica->ledger, items[0].device);

    enum rc rc = streams_have(replica, items[0].stream, &is_here, &is_filling);
    if (rc != RC_OK || !is_here)
        return rc; /* gained by a line that was not read yet: it will be filled from zero */
    if (device == NULL)
        return store_items(replica, items, count, false, from_server, stored);
    size_t good = from_server ? entry_verify_run(items, count, device->sign_public)
                              : verify_each(items, count, device->sign_public);
    if (good < count)
        return rc_fail(RC_UNTRUSTED, _("an entry's signature does not hold"));
    return store_items(replica, items, count, true, from_server, stored);
}

enum rc
inbox_store(struct replica *replica, const struct wire_run_list *runs, bool from_server,
            uint64_t *stored)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < runs->run_count; i++) {
        size_t count;
        const struct entry *items = wire_run_at(runs, i, &count);
        rc = store_run(replica, items, count, from_server, stored);
    }
    return rc == RC_OK ? inbox_keep_newer(replica, &runs->unknown, from_server) : rc;
}

static enum rc
confirm(struct db *db, const struct entry *last)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "DELETE FROM sync_unconfirmed WHERE last <= ?4 AND feed = (SELECT feed FROM sync_feed"
                         " JOIN sync_stream USING (stream) WHERE stream = ?1 AND device = ?2 AND incarnation = ?3)",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, last->stream);
    stmt_id(stmt, 2, last->device);
    stmt_int(stmt, 3, (int64_t)last->incarnation);
    stmt_int(stmt, 4, last->last);
    return stmt_finish(stmt);
}

enum rc
inbox_confirm(struct replica *replica, const struct wire_run_list *runs)
{
    int64_t any;
    enum rc rc = db_get_int(replica->db, "SELECT EXISTS (SELECT 1 FROM sync_unconfirmed)", &any);

    for (size_t i = 0; rc == RC_OK && any != 0 && i < runs->run_count; i++) {
        size_t count;
        const struct entry *items = wire_run_at(runs, i, &count);
        rc = confirm(replica->db, &items[count - 1]);
    }
    return rc;
}
