/* Bundles into a store: lines, keys, entries and acknowledgements that a colleague brought, without a server. */
#include <string.h>

#include "core/i18n.h"
#include "sync/bundle.h"
#include "sync/carried.h"
#include "sync/inbox.h"
#include "sync/news.h"
#include "sync/recover.h"
#include "sync/sent.h"
#include "sync/status.h"

enum { STATEMENT_CEILING_BYTES = 512 };

/* ---- the server's word ------------------------------------------------------------------------ */

enum rc
replica_keep_statement(struct replica *replica, const struct wire_statement *statement)
{
    struct buf bytes = BUF_EMPTY(STATEMENT_CEILING_BYTES);

    enum rc rc = wire_statement_put(&bytes, statement);
    if (rc == RC_OK)
        rc = state_put_bytes(replica->db, STATE_STATEMENT, bytes.data, bytes.len);
    buf_wipe(&bytes);
    return rc;
}

enum rc
replica_kept_statement(struct replica *replica, struct wire_statement *statement)
{
    struct buf bytes = BUF_EMPTY(STATEMENT_CEILING_BYTES);
    enum rc rc = state_get_bytes(replica->db, STATE_STATEMENT, &bytes);

    *statement = (struct wire_statement){.position = 0};
    if (rc == RC_OK) {
        struct reader reader = reader_of(bytes.data, bytes.len);
        wire_statement_get(&reader, statement);
        rc = reader_finish(&reader, _("the kept word of the server"));
    }
    buf_wipe(&bytes);
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* ---- in --------------------------------------------------------------------------------------- */

/* Says nothing about the store: the file is a bad input. */
static enum rc
fail_not_whole(enum rc rc)
{
    return rc == RC_CORRUPT ? rc_while(RC_INVALID, _("this file is not whole, ask for it again")) : rc;
}

/* Lines that follow ours are taken in as from the server; every one of them proves itself but for its order, which the next
 * session compares with the server's. */
static enum rc
take_lines(struct replica *replica, const struct wire_run_bundle *content,
           struct sync_report *report)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < content->lines.count; i++) {
        const struct wire_bytes *bytes = &content->lines.items[i];
        struct ledger_line line;
        uint8_t hash[CRYPTO_HASH_BYTES];
        rc = fail_not_whole(ledger_line_decode(bytes->data, bytes->len, &line));
        if (rc != RC_OK)
            break;
        ledger_line_hash(bytes->data, bytes->len, hash);
        const uint8_t *known = ledger_hash_at(replica->ledger, line.position);
        if (known != NULL && memcmp(known, hash, sizeof hash) != 0)
            rc = rc_fail(RC_UNTRUSTED,
                         _("the bundle shows another past of the ledger than this device knows"));
        if (known != NULL || !content->has_statement)
            continue;
        if (line.position != ledger_position(replica->ledger) + 1) {
            report->has_ledger_gap = true; /* what is sealed on these lines waits for a session */
            break;
        }
        rc = replica_take_line(replica, bytes->data, bytes->len);
        if (rc == RC_OK)
            rc = sent_take_line(replica, &line, false);
        report->lines += rc == RC_OK;
    }
    return rc;
}

/* One key of a stream that this device may read, sealed to it; only the one that the ledger committed to. */
static enum rc
take_box(struct replica *replica, const struct wire_box *box, struct sync_report *report)
{
    struct ledger_epoch epoch;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);

    if (!id_equal(box->recipient, replica->identity.device) ||
        id_equal(box->stream, ledger_reserve()) || box->epoch == 0 ||
        keyring_has(replica->keys, box->stream, box->epoch) ||
        !ledger_epoch(replica->ledger, box->stream, box->epoch, &epoch) ||
        !ledger_may_read(replica->ledger, replica->identity.device, box->stream, now_ms))
        return RC_OK;
    enum rc rc = keyring_open_box(replica->keys, box, &replica->identity, epoch.commitment);
    if (rc == RC_UNTRUSTED)
        report->forged_boxes++;
    return rc == RC_UNTRUSTED || rc == RC_LOCKED ? RC_OK : rc;
}

static enum rc
take_boxes(struct replica *replica, const struct wire_boxes *boxes, struct sync_report *report)
{
    uint64_t before = keyring_changes(replica->keys);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < boxes->count; i++)
        rc = take_box(replica, &boxes->items[i], report);
    if (rc != RC_OK || keyring_changes(replica->keys) == before)
        return rc;
    rc = replica_store_keys(replica);
    return rc == RC_OK ? inbox_retry(replica) : rc;
}

static enum rc
take_content(struct replica *replica, const struct wire_run_bundle *content,
             struct sync_report *report)
{
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = take_lines(replica, content, report);
    if (rc == RC_OK && report->lines > 0) {
        const struct wire_statement *statement = &content->statement;
        const uint8_t *key = ledger_server_public_at(replica->ledger, statement->position);
        const uint8_t *hash = ledger_hash_at(replica->ledger, statement->position);
        if (key == NULL || hash == NULL ||
            statement->position != ledger_position(replica->ledger) ||
            memcmp(hash, statement->line_hash, CRYPTO_HASH_BYTES) != 0 ||
            !wire_statement_verify(statement, key))
            rc = rc_fail(RC_UNTRUSTED,
                         _("the bundle's ledger does not carry the server's signature"));
        if (rc == RC_OK)
            rc = replica_keep_statement(replica, statement);
        if (rc == RC_OK)
            rc = replica_mark_ledger(replica);
    }
    if (rc == RC_OK)
        rc = carried_take(replica, &content->carried, report);
    if (rc == RC_OK && report->lines + report->carried_taken > 0) /* what is granted so stands in this bundle too */
        rc = streams_gain(replica);
    if (rc == RC_OK && report->carried_taken > 0) /* and what came before it may count by now */
        rc = inbox_retry(replica);
    if (rc == RC_OK)
        rc = take_boxes(replica, &content->boxes, report);
    if (rc == RC_OK)
        rc = inbox_store(replica, &content->runs, false, &report->pulled);
    if (rc == RC_OK)
        rc = status_take_acks(replica, &content->acks, NULL);
    rc = db_end(replica->db, rc);
    if (rc != RC_OK) { /* memory as the store is: a line may have been taken in that the disk refused */
        report->lines = report->carried_taken = 0;
        enum rc again = replica_load_ledger(replica);
        rc = again == RC_OK ? rc : again;
    }
    return rc;
}

/* Opens into `plain` and decodes what lends from it. */
static enum rc
read_file(struct replica *replica, const void *bytes, size_t len, struct buf *plain,
          struct wire_run_bundle *content)
{
    struct bundle_head head;

    enum rc rc = bundle_peek(bytes, len, &head);
    if (rc == RC_OK && memcmp(head.team, replica->team, sizeof head.team) != 0)
        rc = rc_fail(RC_DENIED, _("the bundle is of another team"));
    const struct ledger_device *from =
        rc == RC_OK ? ledger_device(replica->ledger, head.from) : NULL;
    if (rc == RC_OK && from == NULL)
        rc = rc_fail(RC_STALE, _("the bundle's sender is not known here yet: sync first"));
    if (rc == RC_OK)
        rc = bundle_open(bytes, len, &replica->identity, from->sign_public, plain);
    if (rc == RC_OK)
        rc = wire_run_bundle_decode(plain->data, plain->len, content);
    return fail_not_whole(rc);
}

/* Two steps of an import, each without a flush of its own: the file can be read again. */
static enum rc
keep(struct replica *replica, const struct wire_run_bundle *content, struct sync_report *report)
{
    enum rc rc = db_set_synchronous(replica->db, false);

    if (rc == RC_OK) /* kept by an older program, and readable by now */
        rc = inbox_retry_newer(replica, &report->pulled);
    if (rc == RC_OK)
        rc = take_content(replica, content, report);
    if (rc == RC_OK)
        rc = inbox_judge(replica);
    enum rc full = db_set_synchronous(replica->db, true);
    return rc == RC_OK ? full : rc;
}

static enum rc
apply(struct replica *replica, struct sync_report *report)
{
    enum rc rc = db_set_synchronous(replica->db, false);

    if (rc == RC_OK)
        rc = inbox_apply(replica, report, NULL);
    if (rc == RC_OK)
        rc = journal_index(replica->journal);
    enum rc full = db_set_synchronous(replica->db, true);
    return rc == RC_OK ? full : rc;
}

/* One commit that is flushed, and with it all before it: who is told that the bundle is in may throw the file away. It writes another
 * number also where nothing was new, for then an earlier import may have been cut off before its flush. */
static enum rc
flush(struct replica *replica)
{
    int64_t imports;
    enum rc rc = state_get_int(replica->db, STATE_IMPORTS, &imports);

    return rc == RC_OK ? state_put_int(replica->db, STATE_IMPORTS, imports + 1) : rc;
}

static enum rc
import(struct replica *replica, const void *bytes, size_t len, struct sync_report *report)
{
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf plain = BUF_EMPTY(BUNDLE_MAX_BYTES);
    enum rc rc = replica_need_team(replica);

    if (rc == RC_OK)
        rc = read_file(replica, bytes, len, &plain, &content);
    if (rc == RC_OK)
        rc = keep(replica, &content, report);
    if (rc == RC_OK) /* each by a flush: what is sealed before a stream goes may be sent at once, and keys that go are gone */
        rc = streams_refresh(replica);
    if (rc == RC_OK)
        rc = apply(replica, report);
    if (rc == RC_OK) /* a right that ended and came back may have left held work in the way of what waits */
        rc = replica->must_recover ? recover_by_bundle(replica) : recover_blocked(replica);
    if (rc == RC_OK)
        rc = journal_index(replica->journal); /* what a recovery numbered anew */
    if (rc == RC_OK)
        rc = flush(replica);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_PARKED, &report->parked);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_HELD, &report->held);
    report->is_complete = rc == RC_OK;
    wire_run_bundle_wipe(&content);
    buf_wipe(&plain);
    return rc;
}

enum rc
replica_bundle_import(struct replica *replica, const void *bytes, size_t len,
                      struct sync_report *report)
{
    struct news_conflicts before;
    enum rc rc = news_conflicts_know(replica->journal, true, &before);

    *report = (struct sync_report){0};
    return rc == RC_OK ? news_conflicts_end(replica->journal, &before, report, import(replica, bytes, len, report)) : rc;
}
