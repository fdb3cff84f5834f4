/* The ledger's memory of keys: which device was given which epoch, or may have it, and whose box has lapsed since. */
#include <string.h>

#include "core/array.h"
#include "sync/ledger_inside.h"

/* What stands beside who has the key of an epoch, or may have it. */
enum { HAS_BOX = 0, LAPSED = 1 };

/* Marks the boxes of the current epoch whose devices may not hold the stream at this line. */
static void
mark_lapsed(const struct ledger *ledger, const struct inside_stream *stream, uint64_t time_ms)
{
    struct inside_epoch *epoch = ledger_inside_current(stream);

    for (size_t i = 0; epoch != NULL && i < epoch->given_count; i++) {
        const struct inside_device *device = ledger_inside_device(ledger, epoch->given[i]);
        if (device != NULL && !ledger_inside_may_hold(ledger, device, stream, time_ms))
            epoch->lapsed[i] = LAPSED;
    }
}

static void
mark_families(const struct ledger *ledger, const struct id *families, size_t count,
              uint64_t time_ms)
{
    for (size_t i = 0; i < count; i++) {
        const struct ledger_family *family = &ledger_inside_family(ledger, families[i])->facts;
        mark_lapsed(ledger, ledger_inside_stream(ledger, family->index), time_ms);
        mark_lapsed(ledger, ledger_inside_stream(ledger, family->file), time_ms);
    }
}

void
ledger_inside_mark_lapsed(struct ledger *ledger, const struct ledger_op *op, uint64_t time_ms)
{
    if (op->kind == LEDGER_ROLE || op->kind == LEDGER_REVOKE_DEVICE)
        for (size_t i = 0; i < ledger->streams_count; i++)
            mark_lapsed(ledger, &ledger->streams[i], time_ms);
    if (op->kind == LEDGER_ASSIGN)
        mark_families(ledger, &op->as.assign.family, 1, time_ms);
    size_t open = 0;
    for (size_t i = 0; i < ledger->open_covers_count; i++) {
        struct inside_cover *cover = &ledger->covers[ledger->open_covers[i]];
        bool ends_here = cover->facts.ended == ledger->lines_count;
        if (!ends_here && time_ms < cover->facts.until_ms) {
            ledger->open_covers[open++] = ledger->open_covers[i];
            continue;
        }
        mark_families(ledger, cover->families, cover->facts.family_count, time_ms);
        cover->lapsed = true;
    }
    ledger->open_covers_count = open;
}

enum rc
ledger_inside_open_cover(struct ledger *ledger, uint32_t cover)
{
    uint32_t *open = array_grow(ledger->open_covers, &ledger->open_covers_room,
                                ledger->open_covers_count + 1, sizeof *open);

    if (open == NULL)
        return RC_NOMEM;
    ledger->open_covers = open;
    open[ledger->open_covers_count++] = cover;
    ledger->covers[cover].lapsed = false;
    return RC_OK;
}

/* A box given anew may lapse anew. */
static enum rc
wake_covers(struct ledger *ledger, const struct inside_stream *stream)
{
    enum rc rc = RC_OK;

    if (stream->family == INSIDE_NO_FAMILY)
        return RC_OK;
    const struct inside_family *family = &ledger->families[stream->family];
    for (size_t i = 0; rc == RC_OK && i < family->cover_count; i++) {
        const struct inside_cover *cover = &ledger->covers[family->covers[i]];
        if (cover->lapsed && cover->facts.state != LEDGER_COVER_ENDED)
            rc = ledger_inside_open_cover(ledger, family->covers[i]);
    }
    return rc;
}

/* LAPSED: it is only known that the device may have the key, and its grant is due; who has a box keeps it. */
static enum rc
give(struct inside_epoch *epoch, struct id recipient, uint8_t mark)
{
    size_t low = 0;
    size_t high = epoch->given_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (id_compare(epoch->given[middle], recipient) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < epoch->given_count && id_equal(epoch->given[low], recipient)) {
        epoch->lapsed[low] &= mark;
        return RC_OK;
    }
    struct id *given = array_one_more(epoch->given, epoch->given_count, sizeof *given);
    if (given == NULL)
        return RC_NOMEM;
    epoch->given = given;
    uint8_t *marks = array_one_more(epoch->lapsed, epoch->given_count, sizeof *marks);
    if (marks == NULL)
        return RC_NOMEM;
    epoch->lapsed = marks;
    memmove(&given[low + 1], &given[low], (epoch->given_count - low) * sizeof *given);
    memmove(&marks[low + 1], &marks[low], epoch->given_count - low);
    given[low] = recipient;
    marks[low] = mark;
    epoch->given_count++;
    return RC_OK;
}

static enum rc
make_epoch(const struct ledger *ledger, struct inside_stream *stream, const struct ledger_op *op,
           const struct ledger_part *part)
{
    struct inside_epoch *epochs =
        array_one_more(stream->epochs, stream->facts.epoch, sizeof *epochs);

    if (epochs == NULL)
        return RC_NOMEM;
    stream->epochs = epochs;
    struct inside_epoch *epoch = &epochs[stream->facts.epoch++];
    *epoch = (struct inside_epoch){.position = ledger_inside_now(ledger)};
    memcpy(epoch->commitment, part->commitment, CRYPTO_HASH_BYTES);
    if (stream->facts.kind == STREAM_RESERVE)
        memcpy(epoch->reserve_public,
               op->kind == LEDGER_CREATE_TEAM ? op->as.create_team.reserve_public
                                              : op->as.rotate.reserve_public,
               CRYPTO_PUBLIC_BYTES);
    for (size_t i = 0; i < part->recipient_count; i++)
        if (id_equal(part->recipients[i], ledger_reserve()))
            epoch->reserve_epoch = op->reserve_epoch;
    return RC_OK;
}

/* A gift that names no keys was carried, and a bundle may have brought them to each device of who covers that its author had not read to be
 * revoked. */
static enum rc
note_carried(struct ledger *ledger, const struct ledger_op *op)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < ledger->devices_count; i++) {
        const struct ledger_device *device = &ledger->devices[i].facts;
        if (!id_equal(device->person, op->as.cover_give.person) || (device->revoked != 0 && device->revoked <= op->seen))
            continue;
        for (size_t k = 0; rc == RC_OK && k < op->family_count; k++) {
            const struct ledger_family *family = &ledger_inside_family(ledger, op->families[k])->facts;
            rc = give(ledger_inside_current(ledger_inside_stream(ledger, family->index)), device->id, LAPSED);
            if (rc == RC_OK)
                rc = give(ledger_inside_current(ledger_inside_stream(ledger, family->file)), device->id, LAPSED);
        }
    }
    return rc;
}

enum rc
ledger_inside_give_keys(struct ledger *ledger, const struct ledger_op *op)
{
    for (size_t i = 0; i < op->part_count; i++) {
        const struct ledger_part *part = &op->parts[i];
        struct inside_stream *stream = ledger_inside_stream(ledger, part->stream);
        enum rc rc = part->makes ? make_epoch(ledger, stream, op, part) : RC_OK;
        for (size_t k = 0; k < part->recipient_count && rc == RC_OK; k++)
            rc = give(ledger_inside_current(stream), part->recipients[k], HAS_BOX);
        if (rc == RC_OK)
            rc = wake_covers(ledger, stream);
        if (rc != RC_OK)
            return rc;
    }
    return op->kind == LEDGER_COVER_GIVE && op->part_count == 0 ? note_carried(ledger, op) : RC_OK;
}
