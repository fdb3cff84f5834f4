/* Giving an operation its line: decode wholly, check, then store in the caller's transaction. */
#include "server/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "server/ask.h"
#include "server/lies.h"
#include "server/pile.h"
#include "sync/ledger.h"

void
order_wipe(struct order *order)
{
    wire_submission_wipe(&order->submission);
    ledger_op_wipe(&order->op);
}

bool
order_read(struct ask *ask, bool with_code, struct order *order)
{
    const struct wire_bytes *operation = &order->submission.operation;
    enum rc rc = wire_submission_decode(ask->request->body, ask->request->body_len, with_code,
                                        &order->submission);

    if (rc == RC_OK)
        rc = ledger_op_decode(operation->data, operation->len, &order->op);
    if (rc == RC_OK) {
        ledger_op_hash(operation->data, operation->len, order->hash);
        return true;
    }
    if (rc == RC_NOMEM)
        ask_fail(ask, rc);
    else if (rc == RC_UNSUPPORTED)
        ask_refuse(ask, WIRE_ERROR_RULE, "The operation was made by a newer program.");
    else
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "The body is not an operation with its boxes.");
    return false;
}

static void
refuse_rule(struct ask *ask, enum rc rc, const char *rule)
{
    char sentence[160];

    (void)snprintf(sentence, sizeof sentence, "The operation breaks the rule '%s'.",
                   rule != NULL ? rule : rc_name(rc));
    if (rc == RC_STALE)
        ask_refuse(ask, WIRE_ERROR_STALE, "The ledger has moved on; read it and do this again.");
    else if (rc == RC_DENIED)
        ask_refuse(ask, WIRE_ERROR_DENIED, "The author has no right to this operation.");
    else if (rc == RC_CORRUPT)
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "The body is not an operation with its boxes.");
    else if (rc == RC_INVALID || rc == RC_UNSUPPORTED || rc == RC_UNTRUSTED)
        ask_refuse(ask, WIRE_ERROR_RULE, sentence);
    else
        ask_fail(ask, rc);
}

bool
order_judge(struct ask *ask, const struct ledger *ledger, struct order *order, uint64_t *position)
{
    const struct wire_bytes *operation = &order->submission.operation;
    struct ledger_verdict verdict = {0};
    enum rc rc = lies_forgive(
        ledger_check(ledger, operation->data, operation->len, ask->now_ms, &verdict));

    *position = 0;
    if (rc == RC_EXISTS) {
        *position = verdict.position;
        return true;
    }
    if (rc != RC_OK) {
        refuse_rule(ask, rc, verdict.rule);
        return false;
    }
    rc = lies_forgive(ledger_op_check_boxes(&order->op, &order->submission.boxes));
    if (rc == RC_OK)
        return true;
    refuse_rule(ask, rc, "boxes");
    return false;
}

/* ---- storing ---- */

struct ended_boxes {
    const struct ledger *ledger;
    uint64_t at_ms;
    uint64_t *numbers; /* grown by doubling */
    size_t count;
    size_t room;
};

/* A device that comes to hold the stream again is owed a grant, so its old box can go at once. */
static bool
is_ended(const struct ended_boxes *ended, const struct depot_box *box)
{
    if (ledger_device(ended->ledger, box->recipient) == NULL) /* the reserve's, and links */
        return false;
    return !ledger_may_hold(ended->ledger, box->recipient, box->stream, ended->at_ms);
}

static enum rc
note_ended(void *context, const struct depot_box *box, bool *stop)
{
    struct ended_boxes *ended = context;

    (void)stop;
    if (!is_ended(ended, box))
        return RC_OK;
    uint64_t *numbers = array_grow(ended->numbers, &ended->room, ended->count + 1, sizeof *numbers);
    if (numbers == NULL)
        return RC_NOMEM;
    ended->numbers = numbers;
    ended->numbers[ended->count++] = box->number;
    return RC_OK;
}

enum rc
order_end_boxes(struct ask *ask, int64_t team, const struct ledger *ledger, uint64_t at_ms)
{
    struct ended_boxes ended = {.ledger = ledger, .at_ms = at_ms};
    enum rc rc = depot_list_boxes(ask->depot, team, NULL, 0, note_ended, &ended);

    for (size_t i = 0; rc == RC_OK && i < ended.count; i++)
        rc = depot_delete_box(ask->depot, team, ended.numbers[i]);
    free(ended.numbers);
    return rc;
}

enum rc
order_store_box(struct ask *ask, int64_t team, const struct wire_box *box)
{
    return depot_put_box(ask->depot, team,
                         &(struct depot_box){.stream = box->stream,
                                             .epoch = box->epoch,
                                             .recipient = box->recipient,
                                             .bytes = box->bytes,
                                             .len = box->len});
}

static enum rc
store_boxes(struct ask *ask, int64_t team, const struct wire_boxes *boxes)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < boxes->count; i++)
        rc = order_store_box(ask, team, &boxes->items[i]);
    return rc;
}

static bool
may_end_boxes(enum ledger_kind kind)
{
    return kind == LEDGER_ROLE || kind == LEDGER_ASSIGN || kind == LEDGER_COVER_END ||
           kind == LEDGER_REVOKE_DEVICE || kind == LEDGER_ROTATE;
}

enum rc
order_store(struct ask *ask, int64_t team, struct ledger *ledger, struct order *order)
{
    const struct wire_bytes *operation = &order->submission.operation;
    struct buf line = BUF_EMPTY(WIRE_LINE_BYTES);
    enum rc rc;

    rc = ledger_next_line(ledger, operation->data, operation->len, ask->now_ms, &line);
    if (rc == RC_OK)
        rc = depot_put_line(ask->depot, team, ledger_position(ledger) + 1, order->hash, line.data,
                            line.len);
    if (rc == RC_OK)
        rc = store_boxes(ask, team, &order->submission.boxes);
    if (rc == RC_OK)
        rc = lies_forgive(ledger_append(ledger, line.data, line.len));
    if (rc == RC_OK && may_end_boxes(order->op.kind))
        rc = order_end_boxes(ask, team, ledger, ask->now_ms);
    if (rc == RC_OK && order->op.kind == LEDGER_APPROVE)
        rc = depot_delete_joins(ask->depot, team, order->op.as.approve.request.invite_public);
    buf_wipe(&line);
    return rc;
}

/* ---- answering ---- */

struct picked_lines {
    struct pile pile;
    struct wire_blocks blocks;
    uint64_t last; /* the last position to show */
    uint64_t position; /* of the last line picked; before: the head */
    bool one_only;
    bool more;
};

static enum rc
pick_line(void *context, uint64_t position, const uint8_t *line, size_t len, bool *stop)
{
    struct picked_lines *picked = context;
    const uint8_t *kept;

    if (position > picked->last) {
        *stop = true;
        return RC_OK;
    }
    if (picked->pile.bytes > WIRE_PAGE_BYTES) {
        picked->more = true;
        *stop = true;
        return RC_OK;
    }
    enum rc rc = pile_keep(&picked->pile, line, len, &kept);
    if (rc == RC_OK)
        rc = wire_blocks_add(&picked->blocks, kept, len);
    picked->position = position;
    *stop = picked->one_only;
    return rc;
}

void
order_answer_from(struct ask *ask, uint64_t from, bool one_only)
{
    const struct ledger *ledger = ask->team->ledger;
    uint64_t head = lies_last_line(ledger_position(ledger));
    struct picked_lines picked = {.pile = PILE_EMPTY,
                                  .blocks = WIRE_BLOCKS_EMPTY,
                                  .last = lies_show_beyond(head),
                                  .position = head,
                                  .one_only = one_only};
    struct wire_ledger_answer answer = {.statement = {.time_ms = ask->now_ms}};
    enum rc rc;

    rc = depot_list_lines(ask->depot, ask->team->key, from, pick_line, &picked);
    memcpy(answer.statement.team, ask->team_id, sizeof answer.statement.team);
    if (rc == RC_OK) {
        answer.statement.position = picked.position;
        if (picked.blocks.count > 0) {
            const struct wire_bytes *last = &picked.blocks.items[picked.blocks.count - 1];
            ledger_line_hash(last->data, last->len, answer.statement.line_hash);
        } else {
            memcpy(answer.statement.line_hash, ledger_hash_at(ledger, head), CRYPTO_HASH_BYTES);
        }
    }
    answer.lines = picked.blocks; /* the array stays ours to free */
    answer.more = picked.more;
    if (rc == RC_OK)
        rc = wire_statement_sign(&answer.statement, &ask->server->secret_key);
    if (rc == RC_OK)
        rc = wire_ledger_answer_encode(&answer, &ask->reply->body);
    ask_answer(ask, rc);
    wire_blocks_wipe(&picked.blocks);
    pile_wipe(&picked.pile);
}

void
order_answer(struct ask *ask, uint64_t position)
{
    order_answer_from(ask, position, true);
}
