/* Boxes, lines, statements and lists of blocks: bodies of the ledger's routes to structs and back. */
#include "sync/wire.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "core/version.h"
#include "sync/ack.h"
#include "sync/joining.h"
#include "sync/writer.h"

enum {
    BOX_FRONT_BYTES = 36,     /* of a box record, before its block */
    BOX_LEAST_BYTES = 72,     /* of a box: a link; all others are longer */
    RECORD_LEAST_BYTES = 109, /* of a box record with the shortest box */
    STATEMENT_SIGNED_BYTES = 80,
};

/* How many things of at least `each` bytes can still be there. */
static uint64_t
at_most(const struct reader *reader, size_t each)
{
    return reader_left(reader) / each;
}

/* ---- boxes ---- */

void
wire_boxes_wipe(struct wire_boxes *boxes)
{
    free(boxes->items);
    *boxes = WIRE_BOXES_EMPTY;
}

enum rc
wire_boxes_add(struct wire_boxes *boxes, const struct wire_box *box)
{
    struct wire_box *items =
        array_grow(boxes->items, &boxes->room, boxes->count + 1, sizeof *items);
    if (items == NULL)
        return RC_NOMEM;
    boxes->items = items;
    items[boxes->count++] = *box;
    return RC_OK;
}

static int
compare_boxes(const void *left, const void *right)
{
    const struct wire_box *a = left;
    const struct wire_box *b = right;
    int order = id_compare(a->stream, b->stream);

    if (order == 0)
        order = (a->epoch > b->epoch) - (a->epoch < b->epoch);
    return order != 0 ? order : id_compare(a->recipient, b->recipient);
}

void
wire_boxes_sort(struct wire_boxes *boxes)
{
    if (boxes->count > 1)
        qsort(boxes->items, boxes->count, sizeof *boxes->items, compare_boxes);
}

/* The record as on the wire. */
static size_t
box_encode(const struct wire_box *box, uint8_t out[BOX_FRONT_BYTES + 2 + WIRE_BOX_BYTES])
{
    uint8_t *at = out;

    memcpy(at, box->stream.bytes, ID_BYTES);
    at += ID_BYTES;
    for (unsigned shift = 32; shift > 0; shift -= 8)
        *at++ = (uint8_t)(box->epoch >> (shift - 8));
    memcpy(at, box->recipient.bytes, ID_BYTES);
    at += ID_BYTES;
    if (box->len >= 0x80) {
        *at++ = (uint8_t)(box->len | 0x80);
        *at++ = (uint8_t)(box->len >> 7);
    } else {
        *at++ = (uint8_t)box->len;
    }
    memcpy(at, box->bytes, box->len);
    return (size_t)(at - out) + box->len;
}

void
wire_boxes_hash(const struct wire_boxes *boxes, uint8_t hash[CRYPTO_HASH_BYTES])
{
    struct crypto_hash state;

    memset(hash, 0, CRYPTO_HASH_BYTES);
    if (boxes->count == 0)
        return;
    crypto_hash_start(&state, "baken boxes 1");
    for (size_t i = 0; i < boxes->count; i++) {
        uint8_t record[BOX_FRONT_BYTES + 2 + WIRE_BOX_BYTES];
        size_t len = box_encode(&boxes->items[i], record);
        crypto_hash_add(&state, record, len);
    }
    crypto_hash_end(&state, hash);
}

static enum rc
box_put(struct buf *buf, const struct wire_box *box)
{
    uint8_t record[BOX_FRONT_BYTES + 2 + WIRE_BOX_BYTES];
    size_t len = box_encode(box, record);

    return buf_put(buf, record, len);
}

static void
box_get(struct reader *reader, struct wire_box *box)
{
    size_t len;

    *box = (struct wire_box){.stream = reader_id(reader)};
    box->epoch = reader_u32(reader);
    box->recipient = reader_id(reader);
    const uint8_t *bytes = reader_block(reader, WIRE_BOX_BYTES, &len);
    if (len < BOX_LEAST_BYTES || box->epoch == 0)
        reader->failed = true;
    if (reader->failed)
        return;
    box->len = (uint16_t)len;
    memcpy(box->bytes, bytes, len);
}

enum rc
wire_boxes_put(struct buf *buf, const struct wire_boxes *boxes)
{
    struct writer writer = writer_of(buf);

    writer_varint(&writer, boxes->count);
    for (size_t i = 0; i < boxes->count && writer.rc == RC_OK; i++)
        writer.rc = box_put(buf, &boxes->items[i]);
    return writer_finish(&writer);
}

enum rc
wire_boxes_get(struct reader *reader, struct wire_boxes *boxes)
{
    uint64_t count = reader_count(reader, at_most(reader, RECORD_LEAST_BYTES));

    boxes->count = 0;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        struct wire_box box;
        box_get(reader, &box);
        enum rc rc = wire_boxes_add(boxes, &box);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

void
wire_box_list_wipe(struct wire_box_list *list)
{
    free(list->numbers);
    wire_boxes_wipe(&list->boxes);
    *list = WIRE_BOX_LIST_EMPTY;
}

enum rc
wire_box_list_encode(const struct wire_box_list *list, struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_u64(&writer, list->next);
    writer_u8(&writer, list->more);
    writer_varint(&writer, list->boxes.count);
    for (size_t i = 0; i < list->boxes.count && writer.rc == RC_OK; i++) {
        writer_u64(&writer, list->numbers[i]);
        if (writer.rc == RC_OK)
            writer.rc = box_put(out, &list->boxes.items[i]);
    }
    return writer_finish(&writer);
}

uint64_t
wire_get_cursor(struct reader *reader)
{
    uint64_t value = reader_u64(reader);

    if (value > INT64_MAX)
        reader->failed = true;
    return value;
}

/* A bool is 0 or 1; everything else is malformed. */
static bool
read_bool(struct reader *reader)
{
    uint8_t value = reader_u8(reader);

    if (value > 1)
        reader->failed = true;
    return value == 1;
}

enum rc
wire_box_list_decode(const void *bytes, size_t len, struct wire_box_list *list)
{
    struct reader reader = reader_of(bytes, len);
    size_t room = 0;

    wire_box_list_wipe(list);
    list->next = wire_get_cursor(&reader);
    list->more = read_bool(&reader);
    uint64_t count = reader_count(&reader, at_most(&reader, 8 + RECORD_LEAST_BYTES));
    for (uint64_t i = 0; i < count && !reader.failed; i++) {
        struct wire_box box;
        uint64_t *numbers = array_grow(list->numbers, &room, (size_t)i + 1, sizeof *numbers);
        if (numbers == NULL)
            return RC_NOMEM;
        list->numbers = numbers;
        numbers[i] = reader_u64(&reader);
        box_get(&reader, &box);
        enum rc rc = wire_boxes_add(&list->boxes, &box);
        if (rc != RC_OK)
            return rc;
    }
    return reader_finish(&reader, _("the list of boxes"));
}

/* ---- the ledger's bodies ---- */

static void
statement_signed(const struct wire_statement *statement, uint8_t out[STATEMENT_SIGNED_BYTES])
{
    memcpy(out, statement->team, CRYPTO_HASH_BYTES);
    memcpy(out + 40, statement->line_hash, CRYPTO_HASH_BYTES);
    for (unsigned i = 0; i < 8; i++) {
        out[32 + i] = (uint8_t)(statement->position >> (56 - 8 * i));
        out[72 + i] = (uint8_t)(statement->time_ms >> (56 - 8 * i));
    }
}

enum rc
wire_statement_sign(struct wire_statement *statement, const struct secret *server_key)
{
    uint8_t bytes[STATEMENT_SIGNED_BYTES];

    statement_signed(statement, bytes);
    return crypto_sign_message(server_key, "baken statement", bytes, sizeof bytes,
                               statement->signature);
}

bool
wire_statement_verify(const struct wire_statement *statement, const uint8_t *server_public)
{
    uint8_t bytes[STATEMENT_SIGNED_BYTES];

    statement_signed(statement, bytes);
    return crypto_verify(server_public, "baken statement", bytes, sizeof bytes,
                         statement->signature);
}

enum rc
wire_statement_put(struct buf *buf, const struct wire_statement *statement)
{
    struct writer writer = writer_of(buf);

    writer_bytes(&writer, statement->team, sizeof statement->team);
    writer_u64(&writer, statement->position);
    writer_bytes(&writer, statement->line_hash, sizeof statement->line_hash);
    writer_u64(&writer, statement->time_ms);
    writer_bytes(&writer, statement->signature, sizeof statement->signature);
    return writer_finish(&writer);
}

void
wire_statement_get(struct reader *reader, struct wire_statement *statement)
{
    reader_copy(reader, statement->team, sizeof statement->team);
    statement->position = reader_u64(reader);
    reader_copy(reader, statement->line_hash, sizeof statement->line_hash);
    statement->time_ms = reader_u64(reader);
    reader_copy(reader, statement->signature, sizeof statement->signature);
}

void
wire_blocks_wipe(struct wire_blocks *blocks)
{
    free(blocks->items);
    *blocks = WIRE_BLOCKS_EMPTY;
}

enum rc
wire_blocks_add(struct wire_blocks *blocks, const void *data, size_t len)
{
    struct wire_bytes *items =
        array_grow(blocks->items, &blocks->room, blocks->count + 1, sizeof *items);
    if (items == NULL)
        return RC_NOMEM;
    blocks->items = items;
    items[blocks->count++] = (struct wire_bytes){data, len};
    return RC_OK;
}

enum rc
wire_blocks_put(struct buf *buf, const struct wire_blocks *blocks)
{
    struct writer writer = writer_of(buf);

    writer_varint(&writer, blocks->count);
    for (size_t i = 0; i < blocks->count; i++)
        writer_block(&writer, blocks->items[i].data, blocks->items[i].len);
    return writer_finish(&writer);
}

enum rc
wire_blocks_get(struct reader *reader, size_t ceiling, struct wire_blocks *blocks)
{
    /* Every block that is lawful anywhere is longer than this: a count costs the sender bytes. */
    uint64_t count = reader_count(reader, at_most(reader, 64));

    blocks->count = 0;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        size_t len;
        const uint8_t *data = reader_block(reader, ceiling, &len);
        enum rc rc = wire_blocks_add(blocks, data, len);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

void
wire_ledger_answer_wipe(struct wire_ledger_answer *answer)
{
    wire_blocks_wipe(&answer->lines);
    *answer = WIRE_LEDGER_ANSWER_EMPTY;
}

enum rc
wire_ledger_answer_encode(const struct wire_ledger_answer *answer, struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_u8(&writer, WIRE_FORMAT);
    if (writer.rc == RC_OK)
        writer.rc = wire_blocks_put(out, &answer->lines);
    writer_u8(&writer, answer->more);
    if (writer.rc == RC_OK)
        writer.rc = wire_statement_put(out, &answer->statement);
    return writer_finish(&writer);
}

/* Reads the format byte that a body begins with. */
static enum rc
read_format(struct reader *reader, const char *what)
{
    uint8_t format = reader_u8(reader);

    if (!reader->failed && format != WIRE_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("%s of format %u, made by a newer program"), what, format);
    return RC_OK;
}

enum rc
wire_ledger_answer_decode(const void *bytes, size_t len, struct wire_ledger_answer *answer)
{
    struct reader reader = reader_of(bytes, len);

    wire_ledger_answer_wipe(answer);
    enum rc rc = read_format(&reader, _("the ledger's answer"));
    if (rc != RC_OK)
        return rc;
    rc = wire_blocks_get(&reader, WIRE_LINE_BYTES, &answer->lines);
    if (rc != RC_OK)
        return rc;
    answer->more = read_bool(&reader);
    wire_statement_get(&reader, &answer->statement);
    return reader_finish(&reader, _("the ledger's answer"));
}

void
wire_submission_wipe(struct wire_submission *submission)
{
    wire_boxes_wipe(&submission->boxes);
    *submission = WIRE_SUBMISSION_EMPTY;
}

enum rc
wire_submission_encode(const struct wire_submission *submission, bool with_code, struct buf *out)
{
    struct writer writer = writer_of(out);

    if (submission->operation.len > WIRE_OPERATION_BYTES)
        return rc_fail(RC_TOO_LARGE, _("an operation of %zu bytes"), submission->operation.len);
    if (with_code)
        writer_text(&writer, submission->code);
    writer_u32(&writer, (uint32_t)submission->operation.len);
    writer_bytes(&writer, submission->operation.data, submission->operation.len);
    if (writer.rc == RC_OK)
        writer.rc = wire_boxes_put(out, &submission->boxes);
    return writer_finish(&writer);
}

enum rc
wire_submission_decode(const void *bytes, size_t len, bool with_code,
                       struct wire_submission *submission)
{
    struct reader reader = reader_of(bytes, len);

    wire_submission_wipe(submission);
    if (with_code)
        reader_ascii(&reader, WIRE_CODE_CHARS, submission->code);
    submission->operation.len = reader_u32(&reader);
    if (submission->operation.len > WIRE_OPERATION_BYTES)
        reader.failed = true;
    submission->operation.data = reader_bytes(&reader, submission->operation.len);
    enum rc rc = wire_boxes_get(&reader, &submission->boxes);
    if (rc == RC_OK)
        rc = reader_finish(&reader, _("the submitted operation"));
    return rc;
}

enum rc
wire_joins_encode(const struct wire_blocks *joins, struct buf *out)
{
    return wire_blocks_put(out, joins);
}

enum rc
wire_joins_decode(const void *bytes, size_t len, struct wire_blocks *joins)
{
    struct reader reader = reader_of(bytes, len);
    enum rc rc = wire_blocks_get(&reader, JOINING_REQUEST_BYTES, joins);

    return rc == RC_OK ? reader_finish(&reader, _("the list of requests to join")) : rc;
}

void
wire_ack_list_wipe(struct wire_ack_list *list)
{
    wire_blocks_wipe(&list->acks);
    *list = WIRE_ACK_LIST_EMPTY;
}

enum rc
wire_ack_list_encode(const struct wire_ack_list *list, struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_u64(&writer, list->next);
    writer_u8(&writer, list->more);
    if (writer.rc == RC_OK)
        writer.rc = wire_blocks_put(out, &list->acks);
    return writer_finish(&writer);
}

enum rc
wire_ack_list_decode(const void *bytes, size_t len, struct wire_ack_list *list)
{
    struct reader reader = reader_of(bytes, len);

    wire_ack_list_wipe(list);
    list->next = wire_get_cursor(&reader);
    list->more = read_bool(&reader);
    enum rc rc = wire_blocks_get(&reader, ACK_MAX_BYTES, &list->acks);
    return rc == RC_OK ? reader_finish(&reader, _("the list of acknowledgements")) : rc;
}
