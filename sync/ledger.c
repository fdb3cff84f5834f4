/* The ledger from outside: taking lines in, judging operations, and the facts. */
#include "sync/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/ledger_inside.h"

enum rc
ledger_new(struct ledger **ledger)
{
    *ledger = calloc(1, sizeof **ledger);
    return *ledger == NULL ? rc_nomem() : RC_OK;
}

void
ledger_free(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    ledger_inside_wipe(ledger);
    free(ledger);
}

/* Decodes and judges. `op` is the caller's to wipe. */
static enum rc
examine(const struct ledger *ledger, const void *bytes, size_t len, uint64_t time_ms,
        struct ledger_op *op, struct ledger_verdict *verdict)
{
    *verdict = (struct ledger_verdict){.rule = NULL};
    if (ledger->broken)
        return rc_fail(RC_NOMEM, _("the ledger was not taken in whole: memory ran out"));
    enum rc rc = ledger_op_decode(bytes, len, op);
    if (rc != RC_OK)
        return rc;
    ledger_op_hash(bytes, len, verdict->hash);
    const struct inside_line *known = ledger_inside_line(ledger, verdict->hash);
    if (known != NULL) {
        verdict->position = (uint64_t)(known - ledger->lines) + 1;
        return rc_fail(RC_EXISTS, _("the operation counted already, at line %" PRIu64),
                       verdict->position);
    }
    return ledger_inside_judge(ledger, op, bytes, len, time_ms, NULL, &verdict->rule);
}

enum rc
ledger_check(const struct ledger *ledger, const void *op, size_t len, uint64_t time_ms,
             struct ledger_verdict *verdict)
{
    struct ledger_op decoded = LEDGER_OP_EMPTY;
    enum rc rc = examine(ledger, op, len, time_ms, &decoded, verdict);

    ledger_op_wipe(&decoded);
    return rc;
}

static enum rc
follows(const struct ledger *ledger, const struct ledger_line *line)
{
    static const uint8_t zeros[CRYPTO_HASH_BYTES];
    const uint8_t *previous =
        ledger->lines_count == 0 ? zeros : ledger->lines[ledger->lines_count - 1].hash;

    if (line->position != ledger->lines_count + 1)
        return rc_fail(RC_UNTRUSTED, _("line %" PRIu64 " comes where line %zu should"),
                       line->position, ledger->lines_count + 1);
    if (memcmp(line->previous, previous, CRYPTO_HASH_BYTES) != 0)
        return rc_fail(RC_UNTRUSTED, _("line %" PRIu64 " breaks the rule %s"), line->position,
                       "chain");
    return RC_OK;
}

/* An operation that was judged before. */
static enum rc
recall(const struct ledger *ledger, const void *bytes, size_t len, struct ledger_op *op,
       struct ledger_verdict *verdict)
{
    if (ledger->broken)
        return rc_fail(RC_NOMEM, _("the ledger was not taken in whole: memory ran out"));
    ledger_op_hash(bytes, len, verdict->hash);
    return ledger_op_decode(bytes, len, op);
}

static enum rc
append(struct ledger *ledger, const void *line, size_t len, bool is_known)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct ledger_verdict verdict = {.rule = NULL};
    struct ledger_line parts;
    enum rc rc;

    rc = ledger_line_decode(line, len, &parts);
    if (rc != RC_OK)
        return rc_fail(RC_UNTRUSTED, _("a line of the ledger is malformed"));
    rc = follows(ledger, &parts);
    if (rc != RC_OK)
        return rc;
    rc = is_known ? recall(ledger, parts.op, parts.op_len, &op, &verdict)
                  : examine(ledger, parts.op, parts.op_len, parts.time_ms, &op, &verdict);
    if (rc == RC_OK) {
        struct inside_line taken = {.time_ms = parts.time_ms, .kind = op.kind};
        memcpy(taken.op_hash, verdict.hash, sizeof taken.op_hash);
        ledger_line_hash(line, len, taken.hash);
        rc = ledger_inside_apply(ledger, &op, &taken);
    } else if (rc != RC_UNSUPPORTED && rc != RC_NOMEM) {
        rc = rc_while(RC_UNTRUSTED, _("line %" PRIu64 " of the ledger"), parts.position);
    }
    ledger_op_wipe(&op);
    return rc;
}

enum rc
ledger_append(struct ledger *ledger, const void *line, size_t len)
{
    return append(ledger, line, len, false);
}

enum rc
ledger_append_known(struct ledger *ledger, const void *line, size_t len)
{
    return append(ledger, line, len, true);
}

enum rc
ledger_next_line(const struct ledger *ledger, const void *op, size_t len, uint64_t time_ms,
                 struct buf *line)
{
    struct ledger_line parts = {
        .position = ledger->lines_count + 1, .time_ms = time_ms, .op = op, .op_len = len};

    if (ledger->lines_count > 0)
        memcpy(parts.previous, ledger->lines[ledger->lines_count - 1].hash, sizeof parts.previous);
    return ledger_line_encode(&parts, line);
}

void
ledger_address(const struct ledger *ledger, struct ledger_op *op)
{
    memcpy(op->team, ledger->team, sizeof op->team);
    op->seen = ledger->lines_count;
    memset(op->seen_hash, 0, sizeof op->seen_hash);
    if (op->seen > 0)
        memcpy(op->seen_hash, ledger->lines[op->seen - 1].hash, sizeof op->seen_hash);
    op->reserve_epoch = 0;
    const struct inside_stream *reserve = ledger_inside_stream(ledger, ledger_reserve());
    for (size_t i = 0; i < op->part_count && reserve != NULL; i++)
        for (size_t k = 0; k < op->parts[i].recipient_count; k++)
            if (id_equal(op->parts[i].recipients[k], ledger_reserve()))
                op->reserve_epoch = reserve->facts.epoch;
}

/* ---- the head and the lines ---- */

uint64_t
ledger_position(const struct ledger *ledger)
{
    return ledger->lines_count;
}

const uint8_t *
ledger_hash_at(const struct ledger *ledger, uint64_t position)
{
    return position == 0 || position > ledger->lines_count ? NULL
                                                           : ledger->lines[position - 1].hash;
}

const uint8_t *
ledger_team(const struct ledger *ledger)
{
    return ledger->lines_count == 0 ? NULL : ledger->team;
}

struct id
ledger_team_stream(const struct ledger *ledger)
{
    return ledger->team_stream;
}

const uint8_t *
ledger_server_public(const struct ledger *ledger)
{
    return ledger->servers_count == 0 ? NULL
                                      : ledger->servers[ledger->servers_count - 1].server_public;
}

const uint8_t *
ledger_server_public_at(const struct ledger *ledger, uint64_t position)
{
    if (ledger->servers_count == 0 || position == 0 || position > ledger->lines_count + 1)
        return NULL;
    for (size_t i = ledger->servers_count - 1; i > 0; i--)
        if (ledger->servers[i].position < position)
            return ledger->servers[i].server_public;
    return ledger->servers[0].server_public;
}

const char *
ledger_server_address(const struct ledger *ledger)
{
    return ledger->servers_count == 0 ? "" : ledger->servers[ledger->servers_count - 1].address;
}

uint64_t
ledger_find_op(const struct ledger *ledger, const uint8_t *op_hash)
{
    const struct inside_line *line = ledger_inside_line(ledger, op_hash);

    return line == NULL ? 0 : (uint64_t)(line - ledger->lines) + 1;
}

/* ---- facts ---- */

const struct ledger_person *
ledger_person(const struct ledger *ledger, struct id person)
{
    const struct inside_person *found = ledger_inside_person(ledger, person);
    return found == NULL ? NULL : &found->facts;
}

const struct ledger_device *
ledger_device(const struct ledger *ledger, struct id device)
{
    const struct inside_device *found = ledger_inside_device(ledger, device);
    return found == NULL ? NULL : &found->facts;
}

const struct ledger_family *
ledger_family(const struct ledger *ledger, struct id family)
{
    const struct inside_family *found = ledger_inside_family(ledger, family);
    return found == NULL ? NULL : &found->facts;
}

const struct ledger_stream *
ledger_stream(const struct ledger *ledger, struct id stream)
{
    const struct inside_stream *found = ledger_inside_stream(ledger, stream);
    return found == NULL ? NULL : &found->facts;
}

const struct ledger_cover *
ledger_cover(const struct ledger *ledger, struct id cover)
{
    return ledger_inside_cover_shown(ledger, cover);
}

const struct ledger_invitation *
ledger_invitation(const struct ledger *ledger, const uint8_t *invite_public)
{
    const struct inside_invite *found = ledger_inside_invite(ledger, invite_public);
    return found == NULL ? NULL : &found->facts;
}

const struct ledger_person *
ledger_person_at(const struct ledger *ledger, size_t index)
{
    return index < ledger->persons_count ? &ledger->persons[index].facts : NULL;
}

const struct ledger_device *
ledger_device_at(const struct ledger *ledger, size_t index)
{
    return index < ledger->devices_count ? &ledger->devices[index].facts : NULL;
}

const struct ledger_family *
ledger_family_at(const struct ledger *ledger, size_t index)
{
    return index < ledger->families_count ? &ledger->families[index].facts : NULL;
}

const struct ledger_stream *
ledger_stream_at(const struct ledger *ledger, size_t index)
{
    return index < ledger->streams_count ? &ledger->streams[index].facts : NULL;
}

const struct ledger_cover *
ledger_cover_at(const struct ledger *ledger, size_t index)
{
    return index < ledger->covers_count
               ? ledger_inside_cover_shown(ledger, ledger->covers[index].facts.id)
               : ledger_inside_carried_at(ledger, index - ledger->covers_count);
}

/* ---- epochs ---- */

bool
ledger_epoch(const struct ledger *ledger, struct id stream, uint32_t epoch,
             struct ledger_epoch *out)
{
    const struct inside_stream *found = ledger_inside_stream(ledger, stream);

    *out = (struct ledger_epoch){.epoch = 0};
    if (found == NULL || found->facts.epoch == 0 || epoch > found->facts.epoch)
        return false;
    out->epoch = epoch == 0 ? found->facts.epoch : epoch;
    const struct inside_epoch *made = &found->epochs[out->epoch - 1];
    out->position = made->position;
    memcpy(out->commitment, made->commitment, sizeof out->commitment);
    memcpy(out->reserve_public, made->reserve_public, sizeof out->reserve_public);
    out->reserve_epoch = made->reserve_epoch;
    out->recipients = made->given;
    out->recipient_count = made->given_count;
    return true;
}

uint32_t
ledger_epoch_at(const struct ledger *ledger, struct id stream, uint64_t position)
{
    const struct inside_stream *found = ledger_inside_stream(ledger, stream);
    uint32_t low = 0;
    uint32_t high = found == NULL ? 0 : found->facts.epoch;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (found->epochs[middle].position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
