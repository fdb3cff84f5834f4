/* Can this device see that save? By our own log, the ledger, and what the device acknowledged. */
#include <string.h>

#include "core/broken.h"
#include "sync/replica_own.h"
#include "sync/status.h"

const char *
sight_name(enum sight sight)
{
    static const char *const names[SIGHT_COUNT] = {
        "unknown", "revoked", "no_right", "held",      "parked_here",
        "here_only", "sealed",  "key_due",  "on_server", "applied",
    };

    return names[sight];
}

/* What is asked, and what our own log says of it. */
struct look {
    struct replica *replica;
    struct id device;
    struct id stream;
    struct feed_ref feed;
    uint32_t save;
    struct elog_row row; /* the entry that holds the save */
};

/* May what was acknowledged be another chain under the same numbers? Only where all headers are here can that be said. */
static enum rc
is_other_chain(const struct look *look, const struct ack_status *ack, bool *is_other)
{
    uint8_t theirs[CRYPTO_HASH_BYTES], ours[CRYPTO_HASH_BYTES];
    bool is_known = false;
    struct stmt *stmt;
    bool found;
    enum rc rc = db_stmt(look->replica->db,
                         "SELECT digest, vector FROM sync_ack WHERE device = ?1 AND stream = ?2", &stmt);

    *is_other = false;
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, ack->device);
    stmt_id(stmt, 2, look->stream);
    rc = stmt_step(stmt, &found);
    if (rc == RC_OK && found)
        rc = stmt_get_fixed(stmt, 0, theirs, sizeof theirs);
    if (rc == RC_OK && found) {
        size_t len;
        const uint8_t *vector = stmt_get_blob(stmt, 1, &len);
        rc = status_digest(look->replica, look->stream, vector, len, ours, &is_known);
    }
    stmt_done(stmt);
    *is_other = rc == RC_OK && is_known && memcmp(ours, theirs, sizeof ours) != 0;
    return rc;
}

/* An acknowledgement passes what the ledger holds back. So it proves of a save that counts by a later line only when its device
 * had read that line, and had the chain that the line's head names. */
static bool
proves(const struct look *look, const struct ack_status *ack)
{
    const struct entry *entry = &look->row.entry;
    struct ledger_entry_facts facts = ledger_facts_of(entry);
    struct ledger_judgement why;

    if (ack->last < look->save ||
        ledger_entry_counts(look->replica->ledger, &facts, &why) != LEDGER_COUNTS || why.by_carried)
        return false; /* a carried cover may have come to nothing there, and its work be held */
    if (why.admitted > ack->position)
        return false;
    return !why.has_head || (why.admitted == 0 && why.ended > ack->position) ||
           ack->last >= why.head.last;
}

/* Does it count by the right that its writer had where it sealed it? By a later line, one that gives a right or admits late work, its
 * writer holds it until it has read that line; and what was carried may have come to nothing there. */
static bool
counts_from_the_start(const struct look *look)
{
    const struct ledger *ledger = look->replica->ledger;
    struct ledger_entry_facts facts = ledger_facts_of(&look->row.entry);
    struct ledger_judgement why;

    return ledger_may_write_at(ledger, facts.device, facts.stream, facts.position) &&
           ledger_entry_counts(ledger, &facts, &why) == LEDGER_COUNTS && why.admitted == 0;
}

/* Its writer has it, unless the right to read ended since, it was held there, or its store goes on as another incarnation. */
static enum rc
writer_has(const struct look *look, bool *has)
{
    const struct ledger *ledger = look->replica->ledger;
    uint64_t now_ms = (uint64_t)replica_now_ms(look->replica);
    int64_t others = 0;
    struct stmt *stmt;

    *has = false;
    if (!id_equal(look->device, look->feed.device) ||
        ledger_reads_since(ledger, look->device, look->stream, now_ms) > look->row.entry.position ||
        !counts_from_the_start(look))
        return RC_OK;
    enum rc rc = db_stmt(look->replica->db,
                         "SELECT count(*) FROM sync_ack WHERE device = ?1 AND incarnation <> ?2", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, look->device);
    stmt_int(stmt, 2, (int64_t)look->feed.incarnation);
    rc = stmt_finish_int(stmt, &others);
    *has = rc == RC_OK && others == 0;
    return rc;
}

/* Of an entry that is here and is not held. */
static enum rc
look_at_entry(struct look *look, struct sight_status *status)
{
    struct replica *replica = look->replica;
    const struct elog_row *row = &look->row;
    bool is_own = id_equal(look->feed.device, replica->identity.device);
    struct ack_status ack;
    bool is_other = false, has = false;

    if (id_equal(look->device, replica->identity.device)) {
        status->sight = row->state == ELOG_APPLIED  ? SIGHT_APPLIED
                        : row->state == ELOG_PARKED ? SIGHT_PARKED_HERE
                                                    : SIGHT_UNKNOWN;
        return RC_OK;
    }
    if (replica->must_recover && is_own && !row->is_sent)
        return RC_OK; /* another store may have given these numbers away */
    enum rc rc = replica_applied_at(replica, look->device, look->stream, look->feed, &ack);
    if (rc != RC_OK)
        return rc;
    if (proves(look, &ack)) {
        rc = is_other_chain(look, &ack, &is_other);
        status->sight = is_other ? SIGHT_UNKNOWN : SIGHT_APPLIED;
        status->at_ms = ack.acked_at_ms;
        return rc;
    }
    rc = writer_has(look, &has);
    uint64_t server_ms = replica_server_ms(replica);
    if (has)
        status->sight = SIGHT_APPLIED;
    else if (row->state == ELOG_PARKED)
        status->sight = SIGHT_PARKED_HERE;
    else if (!row->is_sent && row->entry.arrived_ms == 0)
        status->sight = SIGHT_SEALED;
    else if (ledger_grant_is_due(replica->ledger, look->stream, look->device, server_ms))
        status->sight = SIGHT_KEY_DUE;
    else
        status->sight = SIGHT_ON_SERVER;
    return rc;
}

/* Of a save of our own that is not sealed yet. */
static void
look_at_unsealed(const struct look *look, struct sight_status *status)
{
    if (id_equal(look->device, look->replica->identity.device))
        status->sight = SIGHT_APPLIED;
    else if (!look->replica->must_recover)
        status->sight = SIGHT_HERE_ONLY;
}

enum rc
replica_sees(struct replica *replica, struct id device, struct id stream,
             const struct version *version, struct sight_status *status)
{
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    struct look look = {.replica = replica, .device = device, .stream = stream,
                        .feed = version->feed, .save = version->save, .row = ELOG_ROW_EMPTY};
    struct elog_feed feed;

    *status = (struct sight_status){.sight = SIGHT_UNKNOWN};
    enum rc rc = replica_need_team(replica);
    if (rc != RC_OK)
        return rc;
    if (!ledger_device_is_active(replica->ledger, device) ||
        (replica->is_revoked && id_equal(device, replica->identity.device))) {
        status->sight = ledger_device(replica->ledger, device) == NULL ? SIGHT_UNKNOWN : SIGHT_REVOKED;
        return RC_OK;
    }
    if (!ledger_may_read(replica->ledger, device, stream, now_ms) && !broken_is(BROKEN_SIGHT)) {
        status->sight = SIGHT_NO_RIGHT;
        return RC_OK;
    }
    rc = elog_feed_find(replica->db, stream, version->feed, &feed);
    if (rc != RC_OK)
        return rc == RC_ABSENT ? RC_OK : rc;
    bool is_unsealed = version->save <= feed.saved;
    /* In another own life than this one a copy of this store may go on: that is in the log. */
    if (feed.is_own && version->save > feed.sealed &&
        (is_unsealed || feed.feed.incarnation == replica->incarnation)) {
        if (is_unsealed)
            look_at_unsealed(&look, status);
        return RC_OK;
    }
    rc = elog_find(replica->db, feed.key, version->save, &look.row);
    status->first = rc == RC_OK ? look.row.entry.first : 0;
    if (rc == RC_OK && look.row.state == ELOG_HELD)
        status->sight = SIGHT_HELD;
    else if (rc == RC_OK)
        rc = look_at_entry(&look, status);
    elog_row_wipe(&look.row);
    return rc == RC_ABSENT ? RC_OK : rc;
}
