/* Bundles of a store: ledger tail and entries to one device, without a server. */
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/bundle.h"
#include "sync/inbox.h"
#include "sync/outbox.h"
#include "sync/status.h"

enum { BUNDLE_BATCH = 500, STATEMENT_CEILING_BYTES = 512 };

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

/* Without the word on the very head that we know, a bundle carries lines that nobody takes. */
static enum rc
find_statement(struct replica *replica, struct wire_statement *statement, bool *found)
{
    struct buf bytes = BUF_EMPTY(STATEMENT_CEILING_BYTES);

    *found = false;
    enum rc rc = state_get_bytes(replica->db, STATE_STATEMENT, &bytes);
    if (rc == RC_OK) {
        struct reader reader = reader_of(bytes.data, bytes.len);
        wire_statement_get(&reader, statement);
        rc = reader_finish(&reader, _("the kept word of the server"));
    }
    *found = rc == RC_OK && statement->position == ledger_position(replica->ledger);
    buf_wipe(&bytes);
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* ---- out -------------------------------------------------------------------------------------- */

/* What is on its way into one bundle. Rows hold the ciphertexts, lines the bytes, that the wire structs lend. */
struct packing {
    struct replica *replica;
    struct id device;
    struct wire_run_bundle content;
    struct elog_row *rows;
    size_t count;
    size_t room;
    struct buf lines;
};

static void
packing_wipe(struct packing *packing)
{
    for (size_t i = 0; i < packing->count; i++)
        elog_row_wipe(&packing->rows[i]);
    free(packing->rows);
    wire_run_bundle_wipe(&packing->content);
    buf_wipe(&packing->lines);
}

/* Every line: which ones the receiver lacks is not known. Two walks, so that the buffer does not move under what is lent. */
static enum rc
pack_lines(struct packing *packing)
{
    struct stmt *stmt;
    bool found = true;
    size_t *ends = calloc((size_t)ledger_position(packing->replica->ledger) + 1, sizeof *ends);
    size_t count = 0;

    if (ends == NULL)
        return rc_nomem();
    enum rc rc =
        db_stmt(packing->replica->db, "SELECT line FROM sync_line ORDER BY position", &stmt);
    if (rc != RC_OK) {
        free(ends);
        return rc;
    }
    while (rc == RC_OK && found && count < ledger_position(packing->replica->ledger)) {
        rc = stmt_step(stmt, &found);
        if (rc == RC_OK && found) {
            size_t len;
            const uint8_t *line = stmt_get_blob(stmt, 0, &len);
            rc = buf_put(&packing->lines, line, len);
            ends[count++] = packing->lines.len;
        }
    }
    stmt_done(stmt);
    size_t at = 0;
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        rc = wire_blocks_add(&packing->content.lines, packing->lines.data + at, ends[i] - at);
        at = ends[i];
    }
    packing->content.first_position = 1;
    free(ends);
    return rc;
}

static enum rc
pack_row(struct packing *packing, const struct elog_feed *feed, uint32_t *save)
{
    if (packing->count == packing->room) {
        size_t room = packing->room == 0 ? BUNDLE_BATCH : 2 * packing->room;
        struct elog_row *grown = realloc(packing->rows, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        packing->rows = grown;
        packing->room = room;
    }
    struct elog_row *row = &packing->rows[packing->count];
    *row = ELOG_ROW_EMPTY;
    enum rc rc = elog_find(packing->replica->db, feed->key, *save, row);
    if (rc != RC_OK)
        return rc;
    packing->count++;
    *save = row->entry.last + 1;
    struct entry sent = row->entry;
    sent.arrived_ms = 0;
    if (sent.ciphertext == NULL)
        return RC_OK;
    /* Noted before it is given away: what was in a bundle is never sealed anew. */
    struct stmt *stmt;
    rc = db_stmt(packing->replica->db, "UPDATE sync_entry SET is_bundled = 1 WHERE entry = ?1",
                 &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, row->key);
    rc = stmt_finish(stmt);
    return rc == RC_OK ? wire_run_add(&packing->content.runs, &sent) : rc;
}

/* What the device is not known to have of one feed. */
static enum rc
pack_feed(void *context, const struct elog_feed *feed)
{
    struct packing *packing = context;
    struct replica *replica = packing->replica;
    struct ack_status known;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    bool is_here, is_filling;

    if (id_equal(feed->feed.device, packing->device) ||
        !ledger_may_hold(replica->ledger, packing->device, feed->stream, now_ms))
        return RC_OK;
    enum rc rc = streams_have(replica, feed->stream, &is_here, &is_filling);
    if (rc != RC_OK || !is_here)
        return rc;
    rc = replica_applied_at(replica, packing->device, feed->stream, feed->feed, &known);
    uint32_t save = known.last + 1;
    while (rc == RC_OK)
        rc = pack_row(packing, feed, &save);
    return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
pack(struct packing *packing)
{
    struct replica *replica = packing->replica;
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = pack_lines(packing);
    if (rc == RC_OK)
        rc = find_statement(replica, &packing->content.statement, &packing->content.has_statement);
    if (rc == RC_OK)
        rc = elog_feeds(replica->db, (struct id){{0}}, pack_feed, packing);
    return db_end(replica->db, rc);
}

enum rc
replica_bundle_export(struct replica *replica, struct id device, struct buf *out)
{
    struct packing packing = {
        .replica = replica,
        .device = device,
        .content = WIRE_RUN_BUNDLE_EMPTY,
        .lines = BUF_EMPTY(BUNDLE_MAX_BYTES),
    };
    struct buf content = BUF_EMPTY(BUNDLE_MAX_BYTES);

    enum rc rc = replica_need_team(replica);
    const struct ledger_device *to = rc == RC_OK ? ledger_device(replica->ledger, device) : NULL;
    if (rc == RC_OK && (to == NULL || !ledger_device_is_active(replica->ledger, device)))
        rc = rc_fail(RC_ABSENT, _("no such device in the team"));
    if (rc == RC_OK)
        rc = outbox_seal(replica, (struct id){{0}});
    if (rc == RC_OK)
        rc = pack(&packing);
    if (rc == RC_OK)
        rc = wire_run_bundle_encode(&packing.content, &content);
    if (rc == RC_OK) {
        struct bundle_head head = {.from = replica->identity.device,
                                   .to = device,
                                   .created_ms = (uint64_t)replica_now_ms(replica)};
        memcpy(head.team, replica->team, sizeof head.team);
        rc = bundle_seal(&head, &replica->identity, to->box_public, &content, out);
    }
    buf_wipe(&content);
    packing_wipe(&packing);
    return rc;
}

/* ---- in --------------------------------------------------------------------------------------- */

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
        rc = ledger_line_decode(bytes->data, bytes->len, &line);
        if (rc != RC_OK)
            break;
        ledger_line_hash(bytes->data, bytes->len, hash);
        const uint8_t *known = ledger_hash_at(replica->ledger, line.position);
        if (known != NULL && memcmp(known, hash, sizeof hash) != 0)
            rc = rc_fail(RC_UNTRUSTED,
                         _("the bundle shows another past of the ledger than this device knows"));
        if (known != NULL || !content->has_statement)
            continue;
        rc = replica_take_line(replica, bytes->data, bytes->len);
        report->lines += rc == RC_OK;
    }
    return rc;
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
    if (rc == RC_OK && report->lines > 0) /* what these lines grant stands in this bundle too */
        rc = streams_gain(replica);
    if (rc == RC_OK)
        rc = inbox_store(replica, &content->runs, false, &report->pulled);
    rc = db_end(replica->db, rc);
    if (rc != RC_OK) { /* memory as the store is: a line may have been taken in that the disk refused */
        report->lines = 0;
        enum rc again = replica_load_ledger(replica);
        rc = again == RC_OK ? rc : again;
    }
    return rc;
}

/*
 * Opens into `plain` and decodes what lends from it. A file that is not whole says nothing about the store: the
 * file is a bad input.
 */
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
    return rc == RC_CORRUPT ? rc_while(RC_INVALID, _("this file is not whole, ask for it again"))
                            : rc;
}

enum rc
replica_bundle_import(struct replica *replica, const void *bytes, size_t len,
                      struct sync_report *report)
{
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf plain = BUF_EMPTY(BUNDLE_MAX_BYTES);

    *report = (struct sync_report){0};
    enum rc rc = replica_need_team(replica);
    if (rc == RC_OK)
        rc = read_file(replica, bytes, len, &plain, &content);
    if (rc == RC_OK)
        rc = take_content(replica, &content, report);
    if (rc == RC_OK)
        rc = inbox_judge(replica);
    if (rc == RC_OK)
        rc = streams_refresh(replica);
    if (rc == RC_OK)
        rc = inbox_apply(replica, report, NULL);
    if (rc == RC_OK)
        rc = journal_index(replica->journal);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_PARKED, &report->parked);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_HELD, &report->held);
    report->is_complete = rc == RC_OK;
    wire_run_bundle_wipe(&content);
    buf_wipe(&plain);
    return rc;
}
