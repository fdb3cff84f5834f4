/* What a server that was put back from a backup lost of the ledger, given back: lines, and the key boxes beside them. */
#include <string.h>

#include "core/i18n.h"
#include "sync/boxes_again.h"
#include "sync/session.h"

/* ---- lines ------------------------------------------------------------------------------------- */

/* Lines after `shown` up to that of the word, as blocks behind their count. */
static enum rc
read_lines(struct replica *replica, uint64_t shown, const struct wire_statement *word, struct buf *blocks)
{
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(replica->db,
                         "SELECT line FROM sync_line WHERE position > ?1 AND position <= ?2 ORDER BY position", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, (int64_t)shown);
    stmt_int(stmt, 2, (int64_t)word->position);
    rc = buf_put_varint(blocks, word->position - shown);
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        size_t len;
        const uint8_t *line = stmt_get_blob(stmt, 0, &len);
        rc = buf_put_block(blocks, line, len);
    }
    stmt_done(stmt);
    return rc;
}

static enum rc
write_page(struct replica *replica, uint64_t shown, const struct wire_statement *word, struct buf *body)
{
    struct wire_ledger_answer page = {.lines = WIRE_BLOCKS_EMPTY, .statement = *word};
    struct buf blocks = BUF_EMPTY(WIRE_REQUEST_BYTES);
    enum rc rc = read_lines(replica, shown, word, &blocks);

    if (rc == RC_OK) {
        struct reader reader = reader_of(blocks.data, blocks.len);
        rc = wire_blocks_get(&reader, WIRE_LINE_BYTES, &page.lines);
        if (rc == RC_OK)
            rc = reader_finish(&reader, _("the ledger kept here"));
    }
    if (rc == RC_OK)
        rc = wire_ledger_answer_encode(&page, body);
    wire_ledger_answer_wipe(&page);
    buf_wipe(&blocks);
    return rc;
}

enum rc
session_return_lines(struct session *session, uint64_t shown)
{
    struct replica *replica = session->replica;
    struct request_call call = {.method = "POST", .is_unsigned = true};
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    uint64_t known = ledger_position(replica->ledger);
    struct wire_statement word;

    enum rc rc = replica_kept_statement(replica, &word);
    if (rc == RC_OK && (word.position <= shown || word.position > known))
        rc = rc_fail(RC_UNTRUSTED, _("the server's word on the last lines is not here"));
    if (rc == RC_OK)
        rc = write_page(replica, shown, &word, &body);
    if (rc == RC_OK)
        rc = request_target(replica, &call, "/handback");
    call.body = &body;
    if (rc == RC_OK)
        rc = request_send(replica, session->transport, &call, &answer, NULL);
    buf_wipe(&answer);
    buf_wipe(&body);
    if (rc == RC_OK) /* and its boxes, in this session or a later one */
        return state_put_int(replica->db, STATE_RETURN_BOXES, 1);
    if (rc == RC_OFFLINE || rc == RC_NOMEM || rc == RC_CORRUPT || rc == RC_IO || rc == RC_FULL)
        return rc;
    return rc_fail(RC_UNTRUSTED, _("the server shows fewer ledger lines than before: %llu of %llu"),
                   (unsigned long long)shown, (unsigned long long)known);
}

/* ---- boxes ------------------------------------------------------------------------------------- */

enum { BOX_ROUNDS = 64 };

/* Of the boxes that the server lacks those whose keys are here. */
static enum rc
make_boxes(struct replica *replica, const struct wire_boxes *lacking, struct wire_boxes *made)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < lacking->count; i++) {
        struct wire_box box = lacking->items[i];
        bool found;
        rc = boxes_again(replica, &box, &found);
        if (rc == RC_OK && found) /* else another has it */
            rc = wire_boxes_add(made, &box);
    }
    return rc;
}

static enum rc
ask_lacking(struct session *session, struct wire_boxes *lacking, bool *is_older)
{
    struct request_call call = {.method = "GET"};
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    enum wire_error error = WIRE_ERROR_NONE;
    enum rc rc = request_target(session->replica, &call, "/lacking");

    if (rc == RC_OK)
        rc = request_send(session->replica, session->transport, &call, &answer, &error);
    *is_older = error == WIRE_ERROR_UNKNOWN_ROUTE;
    if (rc == RC_OK)
        rc = wire_box_names_decode(answer.data, answer.len, lacking);
    if (rc == RC_CORRUPT)
        rc = rc_while(RC_UNTRUSTED, _("the server's answer about keys"));
    buf_wipe(&answer);
    return *is_older ? RC_OK : rc;
}

static enum rc
send_boxes(struct session *session, const struct wire_boxes *boxes)
{
    struct request_call call = {.method = "POST"};
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    enum rc rc = wire_boxes_put(&body, boxes);

    if (rc == RC_OK)
        rc = request_target(session->replica, &call, "/boxes");
    call.body = &body;
    if (rc == RC_OK)
        rc = request_send(session->replica, session->transport, &call, &answer, NULL);
    if (rc == RC_OK)
        session->report->boxes_returned += boxes->count;
    buf_wipe(&answer);
    buf_wipe(&body);
    return rc;
}

/* One list of the server's. *more: it was as long as a list can be, and something of it was answered. */
static enum rc
return_some(struct session *session, bool *more)
{
    struct wire_boxes lacking = WIRE_BOXES_EMPTY, made = WIRE_BOXES_EMPTY;
    bool is_older;
    enum rc rc = ask_lacking(session, &lacking, &is_older);

    if (rc == RC_OK)
        rc = make_boxes(session->replica, &lacking, &made);
    if (rc == RC_OK && made.count > 0)
        rc = send_boxes(session, &made);
    *more = made.count > 0 && lacking.count == WIRE_LACKING_BOXES;
    wire_boxes_wipe(&lacking);
    wire_boxes_wipe(&made);
    return rc;
}

enum rc
session_return_boxes(struct session *session)
{
    struct db *db = session->replica->db;
    int64_t is_asked_for;
    bool more = true;
    enum rc rc = state_get_int(db, STATE_RETURN_BOXES, &is_asked_for);

    if (rc != RC_OK || is_asked_for == 0)
        return rc;
    rc = session_boxes(session);
    for (int i = 0; rc == RC_OK && more && i < BOX_ROUNDS; i++)
        rc = return_some(session, &more);
    return rc == RC_OK ? state_drop(db, STATE_RETURN_BOXES) : rc;
}

enum rc
session_note_life(struct replica *replica, uint64_t next)
{
    static const char *const cursors[] = {STATE_CURSOR, STATE_BOXES_AFTER, STATE_ACKS_AFTER};
    uint64_t highest = 0;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < sizeof cursors / sizeof cursors[0]; i++) {
        int64_t cursor;
        rc = state_get_int(replica->db, cursors[i], &cursor);
        if (rc == RC_OK && (uint64_t)cursor > highest)
            highest = (uint64_t)cursor;
    }
    if (rc != RC_OK || next <= highest || next - highest < UINT64_C(1) << WIRE_LIFE_SHIFT)
        return rc;
    return state_put_int(replica->db, STATE_RETURN_BOXES, 1);
}
