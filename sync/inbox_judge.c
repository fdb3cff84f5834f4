/* What counts: an entry judged by the ledger, again when lines come, and streams rebuilt where that changes something. */
#include <string.h>

#include "core/broken.h"
#include "sync/inbox.h"
#include "sync/outbox.h"

struct inbox_verdict
inbox_park(enum elog_reason reason)
{
    return (struct inbox_verdict){ELOG_PARKED, reason};
}

/* What the ledger asks of an entry's chain, and why it was not found. */
struct chain_asked {
    struct replica *replica;
    const struct entry *entry;
    enum elog_reason reason; /* of the head asked for last */
    enum rc rc;
};

static bool
agrees(void *context, const struct ledger_head *head)
{
    struct chain_asked *asked = context;

    if (asked->rc == RC_OK)
        asked->rc = inbox_chain(asked->replica, asked->entry, head, &asked->reason);
    return asked->rc == RC_OK && asked->reason == ELOG_NO_REASON;
}

static struct inbox_verdict
park_unknown(enum elog_reason reason)
{
    return broken_is(BROKEN_LINE) ? (struct inbox_verdict){ELOG_APPLIED, ELOG_NO_REASON}
                                  : inbox_park(reason);
}

static struct inbox_verdict
verdict_of(const struct replica *replica, const struct entry *entry, struct chain_asked *asked)
{
    struct ledger_entry_facts facts = ledger_facts_of(entry);
    struct ledger_judgement why;

    facts.agrees = agrees;
    facts.context = asked;
    enum ledger_counts counts = ledger_entry_counts(replica->ledger, &facts, &why);
    if (counts != LEDGER_UNKNOWN_POSITION && counts != LEDGER_OTHER_HASH &&
        ledger_epoch_at(replica->ledger, entry->stream, entry->position) != entry->epoch)
        return inbox_park(ELOG_DAMAGED);
    if (why.has_head && why.head.last == entry->last &&
        memcmp(why.head.hash, entry->hash, sizeof entry->hash) != 0)
        return inbox_park(ELOG_FORK);
    switch (counts) {
    case LEDGER_COUNTS:
        return (struct inbox_verdict){ELOG_APPLIED, ELOG_NO_REASON};
    case LEDGER_LATE:
        if (why.is_unfounded)
            return inbox_park(asked->reason);
        return (struct inbox_verdict){ELOG_HELD, ELOG_LATE};
    case LEDGER_NO_RIGHT:
        return inbox_park(ELOG_NO_RIGHT);
    case LEDGER_OTHER_HASH:
        return park_unknown(ELOG_PAST);
    default:
        return park_unknown(ELOG_LEDGER);
    }
}

enum rc
inbox_verdict(struct replica *replica, const struct entry *entry, struct inbox_verdict *verdict)
{
    struct chain_asked asked = {replica, entry, ELOG_NO_REASON, RC_OK};

    *verdict = verdict_of(replica, entry, &asked);
    return asked.rc;
}

enum rc
inbox_retry(struct replica *replica)
{
    static const enum elog_reason reasons[] = {ELOG_KEY, ELOG_GAP, ELOG_FORK, ELOG_NO_RIGHT};
    struct stmt *stmt;
    uint64_t waited;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < sizeof reasons / sizeof reasons[0]; i++)
        rc = elog_unpark(replica->db, (struct id){{0}}, reasons[i], &waited);
    if (rc != RC_OK)
        return rc;
    /* The reason stays: it tells that the signature was not looked at yet. */
    rc = db_stmt(replica->db, "UPDATE sync_entry SET state = 0 WHERE state = 2 AND state <> 1 AND reason = 2", &stmt);
    return rc == RC_OK ? stmt_finish(stmt) : rc;
}

enum rc
inbox_try_again(struct replica *replica)
{
    uint64_t unknown, damaged;
    enum rc rc = elog_unpark(replica->db, (struct id){{0}}, ELOG_UNKNOWN, &unknown);

    if (rc == RC_OK)
        rc = elog_unpark(replica->db, (struct id){{0}}, ELOG_DAMAGED, &damaged);
    if (rc == RC_OK) /* ELOG_HELD: what could not be read of it protects nothing. The reason stays */
        rc = db_run(replica->db, "UPDATE sync_entry SET state = 0 WHERE state = 3 AND state <> 1");
    return rc;
}

/* ---- rebuilding ------------------------------------------------------------------------------- */

static enum rc
set_needs_rebuild(struct replica *replica, struct id stream, bool needs)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "UPDATE sync_stream SET needs_rebuild = ?2, is_unacknowledged = 1"
                         " WHERE stream = ?1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_int(stmt, 2, needs);
    return stmt_finish(stmt);
}

enum rc
inbox_mark_rebuild(struct replica *replica, struct id stream)
{
    return set_needs_rebuild(replica, stream, true);
}

enum rc
replica_rebuild(struct replica *replica, struct id stream)
{
    enum streams_place place;
    enum rc rc = streams_find(replica, stream, &place);

    if (rc != RC_OK || place == STREAMS_HIDDEN)
        return rc; /* it is built when it is shown again */
    rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = journal_reset(replica->journal, stream);
    if (rc == RC_OK)
        rc = elog_renew(replica->db, stream);
    broken_enter(BROKEN_REBUILD);
    if (rc == RC_OK)
        rc = inbox_apply_stream(replica, stream);
    if (rc == RC_OK)
        rc = outbox_reapply(replica, stream);
    broken_leave();
    if (rc == RC_OK)
        rc = set_needs_rebuild(replica, stream, false);
    rc = db_end(replica->db, rc);
    source_forget(replica);
    return rc;
}

/* ---- judging again ---------------------------------------------------------------------------- */

/* Whose applied entries new lines can end, or show to be of another chain; and whether held work may count by them. */
struct touched {
    struct ledger_ids streams, persons, devices;
    bool is_any; /* some line can end or give a right, or admit late work */
};

static void
touched_wipe(struct touched *touched)
{
    ledger_ids_wipe(&touched->streams);
    ledger_ids_wipe(&touched->persons);
    ledger_ids_wipe(&touched->devices);
}

static enum rc
add_id(struct ledger_ids *ids, struct id id)
{
    return ledger_ids_have(ids, id) ? RC_OK : ledger_ids_add(ids, id);
}

static enum rc
add_family(const struct ledger *ledger, struct id family, struct touched *touched)
{
    const struct ledger_family *known = ledger_family(ledger, family);
    enum rc rc = known != NULL ? add_id(&touched->streams, known->index) : RC_OK;

    return rc == RC_OK && known != NULL ? add_id(&touched->streams, known->file) : rc;
}

static enum rc
touch(struct replica *replica, const struct ledger_op *op, struct touched *touched)
{
    const struct ledger *ledger = replica->ledger;
    const struct ledger_cover *cover;
    enum rc rc = RC_OK;

    touched->is_any = touched->is_any ||
                      (op->kind != LEDGER_INVITE && op->kind != LEDGER_APPROVE &&
                       op->kind != LEDGER_FAMILY && op->kind != LEDGER_GRANT && op->kind != LEDGER_ROTATE);
    switch (op->kind) {
    case LEDGER_ROLE:
        return add_id(&touched->persons, op->as.role.person);
    case LEDGER_REVOKE_DEVICE:
        return add_id(&touched->devices, op->as.revoke_device);
    case LEDGER_ASSIGN: /* a first owner ends what intake could do */
        return add_family(ledger, op->as.assign.family, touched);
    case LEDGER_COVER_END:
        cover = ledger_cover(ledger, op->as.cover_end.cover);
        for (size_t i = 0; rc == RC_OK && cover != NULL && i < cover->family_count; i++)
            rc = add_family(ledger, cover->families[i], touched);
        return rc;
    case LEDGER_ADMIT: /* what was told before it proves nothing of what it admits */
        for (size_t i = 0; rc == RC_OK && i < op->heads.count; i++) {
            rc = add_id(&touched->streams, op->heads.items[i].stream);
            if (rc == RC_OK)
                rc = streams_touch(replica, op->heads.items[i].stream);
        }
        return rc;
    default:
        return RC_OK;
    }
}

/* Inside a transaction. */
static enum rc
list_touched(struct replica *replica, uint64_t since, struct touched *touched)
{
    struct stmt *stmt;
    bool found = true;

    enum rc rc = db_stmt(replica->db, "SELECT line FROM sync_line WHERE position > ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, (int64_t)since);
    while (rc == RC_OK && found) {
        struct ledger_line line;
        struct ledger_op op = LEDGER_OP_EMPTY;
        size_t len;
        rc = stmt_step(stmt, &found);
        if (rc != RC_OK || !found)
            break;
        const uint8_t *bytes = stmt_get_blob(stmt, 0, &len);
        rc = ledger_line_decode(bytes, len, &line);
        if (rc == RC_OK)
            rc = ledger_op_decode(line.op, line.op_len, &op);
        if (rc == RC_OK)
            rc = touch(replica, &op, touched);
        ledger_op_wipe(&op);
    }
    stmt_done(stmt);
    return rc;
}

/* What is judged again: all feeds, or those that lines touched. */
struct judging {
    struct replica *replica;
    const struct touched *touched; /* NULL: all */
    bool is_pulled;
};

/* Of one feed, in the order of its chain: that is descended once. */
static enum rc
hold_late_of(void *context, const struct elog_feed *feed)
{
    const struct judging *judging = context;
    struct replica *replica = judging->replica;
    const struct touched *touched = judging->touched;
    const struct ledger_device *author = ledger_device(replica->ledger, feed->feed.device);
    struct inbox_verdict verdict;
    struct entry entry;
    int64_t first = 0, key = 0;
    bool found = touched == NULL || ledger_ids_have(&touched->streams, feed->stream) ||
                 ledger_ids_have(&touched->devices, feed->feed.device) ||
                 (author != NULL && ledger_ids_have(&touched->persons, author->person));
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        struct stmt *stmt;
        rc = db_stmt(replica->db,
                     "SELECT entry, header, first FROM sync_entry WHERE feed = ?1 AND first > ?2"
                     " AND state = 1 ORDER BY first LIMIT 1",
                     &stmt);
        if (rc != RC_OK)
            break;
        stmt_int(stmt, 1, feed->key);
        stmt_int(stmt, 2, first);
        rc = stmt_step(stmt, &found);
        if (rc == RC_OK && found) {
            size_t len;
            const uint8_t *header = stmt_get_blob(stmt, 1, &len);
            key = stmt_get_int(stmt, 0);
            first = stmt_get_int(stmt, 2);
            rc = entry_header_decode(header, len, &entry);
        }
        stmt_done(stmt);
        if (rc == RC_OK && found)
            rc = inbox_verdict(replica, &entry, &verdict);
        if (rc != RC_OK || !found)
            break;
        if (verdict.state == ELOG_APPLIED)
            continue;
        if (!judging->is_pulled && verdict.state == ELOG_PARKED && verdict.reason == ELOG_GAP) {
            rc = state_put_int(replica->db, STATE_UNSETTLED, 1);
            continue;
        }
        rc = elog_set_state(replica->db, key, verdict.state, verdict.reason);
        if (rc == RC_OK)
            rc = inbox_mark_rebuild(replica, entry.stream);
    }
    return rc;
}

/* Applied entries that do not count by what is known now. Until everything was pulled, a head that
 * is not here yet speaks against nothing that stands: the line comes before the entries. */
static enum rc
hold_late(struct replica *replica, const struct touched *touched, bool is_pulled)
{
    struct judging judging = {replica, touched, is_pulled};

    inbox_chain_forget(replica);
    if (touched != NULL && touched->streams.count + touched->devices.count + touched->persons.count == 0)
        return RC_OK;
    return elog_feeds(replica->db, (struct id){{0}}, hold_late_of, &judging);
}

/* What waits was applied with the functions of its time; with those that it is sealed with, a strict unit may show something else. */
static enum rc
mark_other_functions(struct replica *replica, uint64_t since)
{
    struct id device = replica->identity.device;
    struct id stream;
    int64_t feed = 0;
    bool found;

    enum rc rc = outbox_next_stream(replica->db, &feed, &stream, &found);
    while (rc == RC_OK && found) {
        if (ledger_functions_at(replica->ledger, device, stream, since) != replica_self_in(replica, stream).functions)
            rc = inbox_mark_rebuild(replica, stream);
        if (rc == RC_OK)
            rc = outbox_next_stream(replica->db, &feed, &stream, &found);
    }
    return rc;
}

enum rc
inbox_rebuild_marked(struct replica *replica)
{
    struct stmt *stmt;
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        struct id stream;
        rc = db_stmt(replica->db, "SELECT stream FROM sync_stream WHERE needs_rebuild AND hidden_ms IS NULL LIMIT 1",
                     &stmt);
        if (rc != RC_OK)
            break;
        rc = stmt_step(stmt, &found);
        if (rc == RC_OK && found)
            rc = stmt_get_id(stmt, 0, &stream);
        stmt_done(stmt);
        if (rc == RC_OK && found)
            rc = replica_rebuild(replica, stream);
    }
    return rc;
}

/* Held entries that the ledger holds no longer are to be applied; the others stay what they are. */
static enum rc
release_held(struct replica *replica)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    struct elog_place place = {0, 0};
    struct inbox_verdict verdict;
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        rc = elog_next(replica->db, (struct id){{0}}, ELOG_HELD, &place, &row, &found);
        if (rc == RC_OK && found)
            rc = inbox_verdict(replica, &row.entry, &verdict);
        if (rc == RC_OK && found && verdict.state != ELOG_HELD)
            rc = elog_set_state(replica->db, row.key, ELOG_NEW, ELOG_LATE);
    }
    elog_row_wipe(&row);
    return rc;
}

enum rc
inbox_judge(struct replica *replica)
{
    int64_t judged;
    struct touched touched = {LEDGER_IDS_EMPTY, LEDGER_IDS_EMPTY, LEDGER_IDS_EMPTY, false};

    enum rc rc = state_get_int(replica->db, STATE_JUDGED, &judged);
    if (rc != RC_OK || replica->ledger == NULL ||
        (uint64_t)judged >= ledger_position(replica->ledger))
        return rc == RC_OK && replica->ledger != NULL ? inbox_rebuild_marked(replica) : rc;
    rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = list_touched(replica, (uint64_t)judged, &touched);
    if (rc == RC_OK)
        rc = hold_late(replica, &touched, false);
    if (rc == RC_OK && touched.is_any)
        rc = mark_other_functions(replica, (uint64_t)judged);
    if (rc == RC_OK && touched.is_any)
        rc = release_held(replica);
    if (rc == RC_OK)
        rc = inbox_retry(replica);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_JUDGED, (int64_t)ledger_position(replica->ledger));
    rc = db_end(replica->db, rc);
    touched_wipe(&touched);
    return rc == RC_OK ? inbox_rebuild_marked(replica) : rc;
}

enum rc
inbox_judge_streams(struct replica *replica, const struct ledger_ids *streams)
{
    struct touched touched = {.streams = *streams, .persons = LEDGER_IDS_EMPTY, .devices = LEDGER_IDS_EMPTY};
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = hold_late(replica, &touched, false);
    if (rc == RC_OK)
        rc = inbox_retry(replica);
    rc = db_end(replica->db, rc);
    return rc == RC_OK ? inbox_rebuild_marked(replica) : rc;
}

enum rc
inbox_settle(struct replica *replica)
{
    int64_t unsettled;
    enum rc rc = state_get_int(replica->db, STATE_UNSETTLED, &unsettled);

    if (rc != RC_OK || unsettled == 0)
        return rc;
    rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = hold_late(replica, NULL, true);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_UNSETTLED, 0);
    rc = db_end(replica->db, rc);
    return rc == RC_OK ? inbox_rebuild_marked(replica) : rc;
}
