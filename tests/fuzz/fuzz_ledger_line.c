/* Fuzz entry of sync/ledger: a line, an operation, a submission and an answer as they are; then the input as operations of the
 * golden team's members, signed anew, behind a number of lines of the golden ledger. */
#include "sync/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "tests/support/golden.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { LINES_MOST = 32, OPERATIONS_MOST = 4, CEILING = 1 << 21 };

/* Where an operation's bytes have what is set right here: docs/PROTOCOL.md, section 3. */
enum { AT_TEAM = 2, AT_AUTHOR = 34, AT_SEEN = 50, AT_SEEN_HASH = 58, AT_CREATED = 90 };

static struct identity members[GOLDEN_MEMBERS];
static struct buf golden;                    /* an answer with every line */
static struct wire_ledger_answer lines;      /* lent from it */
static struct ledger *ledgers[LINES_MOST + 1]; /* after so many lines */
static uint64_t times[LINES_MOST + 1];

static void
need(bool holds)
{
    if (!holds)
        abort();
}

static struct ledger *
ledger_after(size_t count)
{
    struct ledger *ledger;

    need(ledger_new(&ledger) == RC_OK);
    for (size_t i = 0; i < count; i++)
        need(ledger_append(ledger, lines.lines.items[i].data, lines.lines.items[i].len) == RC_OK);
    return ledger;
}

static void
start(void)
{
    if (golden.len > 0)
        return;
    need(secret_start() == RC_OK);
    for (size_t i = 0; i < GOLDEN_MEMBERS; i++)
        golden_identity(i, &members[i]);
    golden = BUF_EMPTY(CEILING);
    golden_read("history", &golden);
    lines = WIRE_LEDGER_ANSWER_EMPTY;
    need(wire_ledger_answer_decode(golden.data, golden.len, &lines) == RC_OK);
    need(lines.lines.count > 0 && lines.lines.count <= LINES_MOST);
    for (size_t i = 0; i <= lines.lines.count; i++)
        ledgers[i] = ledger_after(i);
    for (size_t i = 0; i < lines.lines.count; i++) {
        struct ledger_line line;
        need(ledger_line_decode(lines.lines.items[i].data, lines.lines.items[i].len, &line) ==
             RC_OK);
        times[i + 1] = line.time_ms;
    }
}

static void
read_as_it_is(const uint8_t *data, size_t len)
{
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct ledger_heads heads = LEDGER_HEADS_EMPTY;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct ledger *ledger;

    need(ledger_new(&ledger) == RC_OK);
    need((ledger_append(ledger, data, len) == RC_OK) == (ledger_position(ledger) == 1));
    (void)(ledger_op_decode(data, len, &op) == RC_OK);
    (void)(wire_ledger_answer_decode(data, len, &answer) == RC_OK);
    (void)(wire_submission_decode(data, len, false, &submission) == RC_OK);
    (void)(wire_submission_decode(data, len, true, &submission) == RC_OK);
    (void)(ledger_heads_decode(data, len, &heads) == RC_OK);
    ledger_free(ledger);
    ledger_op_wipe(&op);
    ledger_heads_wipe(&heads);
    wire_ledger_answer_wipe(&answer);
    wire_submission_wipe(&submission);
}

/* Whatever the lines say, every question has an answer. */
static void
ask_everything(const struct ledger *ledger, uint64_t at_ms)
{
    struct ledger_ids ids = LEDGER_IDS_EMPTY;
    struct ledger_pairs pairs = LEDGER_PAIRS_EMPTY;
    const struct ledger_device *device;
    const struct ledger_stream *stream;
    struct ledger_judgement why;

    for (size_t s = 0; (stream = ledger_stream_at(ledger, s)) != NULL; s++) {
        need(ledger_holders(ledger, stream->id, at_ms, &ids) == RC_OK);
        ledger_ids_wipe(&ids);
        need(ledger_epoch_at(ledger, stream->id, ledger_position(ledger)) == stream->epoch);
        for (size_t d = 0; (device = ledger_device_at(ledger, d)) != NULL; d++) {
            bool writes = ledger_may_write(ledger, device->id, stream->id);
            need(writes == ledger_may_write_at(ledger, device->id, stream->id,
                                               ledger_position(ledger)));
            struct ledger_entry_facts facts = {
                .device = device->id,
                .stream = stream->id,
                .incarnation = UINT64_C(0x8000000000000001),
                .last = 1,
                .position = ledger_position(ledger),
                .position_hash = ledger_hash_at(ledger, ledger_position(ledger)),
            };
            need((ledger_entry_counts(ledger, &facts, &why) == LEDGER_COUNTS) || !writes);
            (void)ledger_may_read(ledger, device->id, stream->id, at_ms);
            (void)ledger_may_fetch(ledger, device->id, stream->id, ledger_reserve(), at_ms);
        }
    }
    need(ledger_rotations_owed(ledger, at_ms, &ids) == RC_OK);
    need(ledger_grants_due(ledger, at_ms, &pairs) == RC_OK);
    ledger_ids_wipe(&ids);
    ledger_pairs_wipe(&pairs);
}

/* Team, author and head seen are set right, and the whole is signed anew. */
static void
sign_anew(const struct ledger *ledger, const struct identity *author, struct buf *op)
{
    uint64_t position = ledger_position(ledger);
    uint8_t *bytes = op->data;

    if (op->len >= AT_CREATED && position > 0) {
        memcpy(bytes + AT_TEAM, ledger_team(ledger), CRYPTO_HASH_BYTES);
        memcpy(bytes + AT_AUTHOR, author->device.bytes, ID_BYTES);
        for (unsigned i = 0; i < 8; i++)
            bytes[AT_SEEN + i] = (uint8_t)(position >> (56 - 8 * i));
        memcpy(bytes + AT_SEEN_HASH, ledger_hash_at(ledger, position), CRYPTO_HASH_BYTES);
    }
    size_t signed_len = op->len - CRYPTO_SIGNATURE_BYTES;
    need(identity_sign(author, "baken ledger 1", bytes, signed_len, bytes + signed_len) == RC_OK);
}

/* What ledger_check says of the operation is what ledger_append does with its line. */
static bool
submit(struct ledger *ledger, const struct buf *op, uint64_t time_ms)
{
    struct buf line = BUF_EMPTY(CEILING);
    struct ledger_verdict verdict;
    uint64_t before = ledger_position(ledger);

    enum rc rc = ledger_check(ledger, op->data, op->len, time_ms, &verdict);
    need(rc != RC_NOMEM);
    need(ledger_next_line(ledger, op->data, op->len, time_ms, &line) == RC_OK);
    enum rc appended = ledger_append(ledger, line.data, line.len);
    need((appended == RC_OK) == (rc == RC_OK));
    need(ledger_position(ledger) == before + (rc == RC_OK));
    if (rc == RC_OK) {
        need(ledger_find_op(ledger, verdict.hash) == before + 1);
        need(ledger_check(ledger, op->data, op->len, time_ms, &verdict) == RC_EXISTS);
        ask_everything(ledger, time_ms);
        ask_everything(ledger, time_ms + UINT64_C(400) * 86400000);
    }
    buf_wipe(&line);
    return rc == RC_OK;
}

/*
 * u8 lines of the golden ledger before, then operations: u8 author, u8 days later, u16 length, bytes. Of the golden
 * operations only those refused are tried on the ledger that is kept.
 */
static void
play(const uint8_t *data, size_t len)
{
    struct reader reader = reader_of(data, len);
    size_t count = reader_u8(&reader) % (lines.lines.count + 1);
    struct ledger *ledger = ledgers[count];
    uint64_t time_ms = count > 0 ? times[count] : times[1];

    for (int i = 0; i < OPERATIONS_MOST && reader_left(&reader) > 4 && !reader.failed; i++) {
        struct buf op = BUF_EMPTY(WIRE_OPERATION_BYTES);
        const struct identity *author = &members[reader_u8(&reader) % GOLDEN_MEMBERS];
        time_ms += reader_u8(&reader) * UINT64_C(86400000);
        size_t room = (size_t)reader_u8(&reader) << 8;
        room |= reader_u8(&reader);
        if (room > reader_left(&reader))
            room = reader_left(&reader);
        need(buf_put(&op, reader_bytes(&reader, room), room) == RC_OK);
        if (room >= CRYPTO_SIGNATURE_BYTES) {
            sign_anew(ledger, author, &op);
            struct ledger_verdict verdict;
            if (ledger == ledgers[count] &&
                ledger_check(ledger, op.data, op.len, time_ms, &verdict) == RC_OK)
                ledger = ledger_after(count);
            (void)submit(ledger, &op, time_ms);
        }
        buf_wipe(&op);
    }
    if (ledger != ledgers[count])
        ledger_free(ledger);
}

/* The same operations carried: they answer questions about rights, and change nothing that lines decide. */
static void
carry(const uint8_t *data, size_t len)
{
    struct reader reader = reader_of(data, len);
    size_t count = reader_u8(&reader) % (lines.lines.count + 1);
    struct ledger *ledger = ledgers[count];
    uint64_t time_ms = count > 0 ? times[count] : times[1];
    struct ledger_pairs before = LEDGER_PAIRS_EMPTY, after = LEDGER_PAIRS_EMPTY;
    const struct ledger_device *device;
    const struct ledger_stream *stream;
    const struct ledger_cover *cover;

    for (int i = 0; count > 0 && i < OPERATIONS_MOST && reader_left(&reader) > 4 && !reader.failed; i++) {
        struct buf op = BUF_EMPTY(WIRE_OPERATION_BYTES);
        const struct identity *author = &members[reader_u8(&reader) % GOLDEN_MEMBERS];
        time_ms += reader_u8(&reader) * UINT64_C(86400000);
        size_t room = (size_t)reader_u8(&reader) << 8;
        room |= reader_u8(&reader);
        if (room > reader_left(&reader))
            room = reader_left(&reader);
        need(buf_put(&op, reader_bytes(&reader, room), room) == RC_OK);
        if (room >= CRYPTO_SIGNATURE_BYTES) {
            sign_anew(ledger, author, &op);
            enum rc rc = ledger_carry(ledger, op.data, op.len, time_ms);
            need(rc != RC_NOMEM && (rc != RC_OK || ledger_carry(ledger, op.data, op.len, time_ms) == RC_EXISTS));
            (void)(ledger_carry_known(ledger, op.data, op.len, rc == RC_STALE) == RC_OK);
        }
        buf_wipe(&op);
    }
    need(ledger_position(ledger) == count);
    for (size_t i = 0; count > 0 && (cover = ledger_cover_at(ledger, i)) != NULL; i++)
        need(ledger_cover(ledger, cover->id) == cover);
    for (size_t s = 0; count > 0 && (stream = ledger_stream_at(ledger, s)) != NULL; s++)
        for (size_t d = 0; (device = ledger_device_at(ledger, d)) != NULL; d++) {
            need(ledger_may_read(ledger, device->id, stream->id, time_ms) ||
                 !ledger_reads_by_lines(ledger, device->id, stream->id, time_ms));
            (void)ledger_reads_since(ledger, device->id, stream->id, time_ms);
        }
    if (count > 0)
        need(ledger_grants_due(ledger, time_ms, &after) == RC_OK);
    ledger_carry_nothing(ledger);
    if (count > 0)
        need(ledger_grants_due(ledger, time_ms, &before) == RC_OK);
    need(before.count == after.count);
    ledger_pairs_wipe(&before);
    ledger_pairs_wipe(&after);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    start();
    read_as_it_is(data, len);
    play(data, len);
    carry(data, len);
    return 0;
}
