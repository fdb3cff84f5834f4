/* What the ledger says is owed and due: rotations, boxes, heads; and who may fetch a box. */
#include <stdlib.h>

#include "core/array.h"
#include "core/broken.h"
#include "sync/ledger_inside.h"

static bool
is_sealed_to_reserve(const struct inside_stream *stream)
{
    return stream->facts.kind == STREAM_INDEX || stream->facts.kind == STREAM_FILE;
}

static bool
rotation_is_owed(const struct ledger *ledger, const struct inside_stream *stream, uint64_t at_ms)
{
    const struct inside_epoch *epoch = ledger_inside_current(stream);

    if (epoch == NULL)
        return false;
    if (is_sealed_to_reserve(stream) &&
        epoch->reserve_epoch != ledger_inside_stream(ledger, ledger_reserve())->facts.epoch)
        return true;
    for (size_t i = 0; i < epoch->given_count; i++) {
        const struct inside_device *device = ledger_inside_device(ledger, epoch->given[i]);
        if (device != NULL && !ledger_inside_may_hold(ledger, device, stream, at_ms) &&
            !broken_is(BROKEN_ROTATION))
            return true;
    }
    return false;
}

/* Its place among those who were given the key, whether or not that lapsed; SIZE_MAX: none. */
static size_t
find_given(const struct inside_epoch *epoch, struct id device)
{
    size_t low = 0;
    size_t high = epoch->given_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = id_compare(epoch->given[middle], device);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

static bool
was_given(const struct inside_epoch *epoch, struct id device)
{
    size_t at = find_given(epoch, device);

    return at != SIZE_MAX && epoch->lapsed[at] == 0;
}

static bool
grant_is_due(const struct ledger *ledger, const struct inside_stream *stream,
             const struct inside_device *device, uint64_t at_ms)
{
    const struct inside_epoch *epoch = ledger_inside_current(stream);

    return epoch != NULL && ledger_inside_may_hold(ledger, device, stream, at_ms) &&
           !was_given(epoch, device->facts.id);
}

bool
ledger_rotation_is_owed(const struct ledger *ledger, struct id stream, uint64_t at_ms)
{
    const struct inside_stream *found = ledger_inside_stream(ledger, stream);

    return found != NULL && rotation_is_owed(ledger, found, at_ms);
}

bool
ledger_grant_is_due(const struct ledger *ledger, struct id stream, struct id device, uint64_t at_ms)
{
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);
    const struct inside_device *who = ledger_inside_device(ledger, device);

    return what != NULL && who != NULL && grant_is_due(ledger, what, who, at_ms);
}

bool
ledger_may_fetch(const struct ledger *ledger, struct id device, struct id stream,
                 struct id recipient, uint64_t at_ms)
{
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);

    if (what == NULL)
        return false;
    if (id_equal(recipient, device) || id_is_zero(recipient))
        return ledger_may_read(ledger, device, stream, at_ms);
    if (!id_equal(recipient, ledger_reserve()) ||
        !ledger_may_read(ledger, device, ledger_reserve(), at_ms))
        return false;
    if (what->facts.kind != STREAM_FILE)
        return true;
    for (size_t i = 0; i < ledger->devices_count; i++)
        if (grant_is_due(ledger, what, &ledger->devices[i], at_ms))
            return true;
    return rotation_is_owed(ledger, what, at_ms);
}

void
ledger_ids_wipe(struct ledger_ids *ids)
{
    free(ids->items);
    *ids = LEDGER_IDS_EMPTY;
}

enum rc
ledger_ids_add(struct ledger_ids *ids, struct id id)
{
    struct id *items = array_grow(ids->items, &ids->room, ids->count + 1, sizeof *items);

    if (items == NULL)
        return RC_NOMEM;
    ids->items = items;
    items[ids->count++] = id;
    return RC_OK;
}

bool
ledger_ids_have(const struct ledger_ids *ids, struct id id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (id_equal(ids->items[i], id))
            return true;
    return false;
}

void
ledger_pairs_wipe(struct ledger_pairs *pairs)
{
    free(pairs->items);
    *pairs = LEDGER_PAIRS_EMPTY;
}

static enum rc
add_pair(struct ledger_pairs *pairs, const struct inside_stream *stream, uint32_t epoch, struct id recipient)
{
    struct ledger_pair *items = array_grow(pairs->items, &pairs->room, pairs->count + 1, sizeof *items);

    if (items == NULL)
        return RC_NOMEM;
    pairs->items = items;
    items[pairs->count++] = (struct ledger_pair){stream->facts.id, epoch, recipient};
    return RC_OK;
}

/* The i-th device, or stream, in ascending order of ids. */
static const struct inside_device *
device_by_rank(const struct ledger *ledger, size_t rank)
{
    return &ledger->devices[ledger->devices_by_key.order[rank]];
}

static const struct inside_stream *
stream_by_rank(const struct ledger *ledger, size_t rank)
{
    return &ledger->streams[ledger->streams_by_key.order[rank]];
}

enum rc
ledger_holders(const struct ledger *ledger, struct id stream, uint64_t at_ms,
               struct ledger_ids *devices)
{
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);
    enum rc rc = RC_OK;

    devices->count = 0;
    for (size_t i = 0; i < ledger->devices_count && what != NULL && rc == RC_OK; i++) {
        const struct inside_device *device = device_by_rank(ledger, i);
        if (ledger_inside_may_hold(ledger, device, what, at_ms))
            rc = ledger_ids_add(devices, device->facts.id);
    }
    return rc;
}

enum rc
ledger_holders_new(const struct ledger *ledger, enum stream_kind kind, struct id owner,
                   struct ledger_ids *devices)
{
    uint32_t by_role = LEDGER_ROLE_SCIENTIST;
    enum rc rc = RC_OK;

    if (kind == STREAM_INDEX)
        by_role |= LEDGER_ROLE_COORDINATOR;
    if (id_is_zero(owner))
        by_role |= LEDGER_ROLE_INTAKE;
    devices->count = 0;
    for (size_t i = 0; i < ledger->devices_count && rc == RC_OK; i++) {
        const struct inside_device *device = device_by_rank(ledger, i);
        uint32_t roles = ledger_inside_roles(ledger, device);
        if ((roles & by_role) != 0 ||
            ((roles & LEDGER_ROLE_COACH) != 0 && id_equal(device->facts.person, owner)))
            rc = ledger_ids_add(devices, device->facts.id);
    }
    return rc;
}

enum rc
ledger_rotations_owed(const struct ledger *ledger, uint64_t at_ms, struct ledger_ids *streams)
{
    enum rc rc = RC_OK;

    streams->count = 0;
    for (size_t i = 0; i < ledger->streams_count && rc == RC_OK; i++) {
        const struct inside_stream *stream = stream_by_rank(ledger, i);
        if (rotation_is_owed(ledger, stream, at_ms))
            rc = ledger_ids_add(streams, stream->facts.id);
    }
    return rc;
}

enum rc
ledger_grants_due(const struct ledger *ledger, uint64_t at_ms, struct ledger_pairs *grants)
{
    enum rc rc = RC_OK;

    grants->count = 0;
    for (size_t i = 0; i < ledger->streams_count; i++) {
        const struct inside_stream *stream = stream_by_rank(ledger, i);
        for (size_t k = 0; k < ledger->devices_count && rc == RC_OK; k++) {
            const struct inside_device *device = device_by_rank(ledger, k);
            if (grant_is_due(ledger, stream, device, at_ms))
                rc = add_pair(grants, stream, stream->facts.epoch, device->facts.id);
        }
    }
    return rc;
}

static enum rc
add_boxes_of(const struct ledger *ledger, const struct inside_stream *stream, uint64_t at_ms, struct ledger_pairs *boxes)
{
    const struct inside_epoch *current = ledger_inside_current(stream);
    bool is_linked = stream->facts.kind != STREAM_RESERVE;
    enum rc rc = RC_OK;

    for (uint32_t epoch = 2; rc == RC_OK && is_linked && epoch <= stream->facts.epoch; epoch++)
        rc = add_pair(boxes, stream, epoch, ledger_link());
    for (size_t i = 0; rc == RC_OK && current != NULL && i < current->given_count; i++) {
        const struct inside_device *device = ledger_inside_device(ledger, current->given[i]);
        if (device != NULL && current->lapsed[i] == 0 && ledger_inside_may_hold(ledger, device, stream, at_ms))
            rc = add_pair(boxes, stream, stream->facts.epoch, device->facts.id);
    }
    if (rc == RC_OK && current != NULL && is_sealed_to_reserve(stream))
        rc = add_pair(boxes, stream, stream->facts.epoch, ledger_reserve());
    return rc;
}

enum rc
ledger_boxes_of_use(const struct ledger *ledger, struct id asker, struct id only, uint64_t at_ms, struct ledger_pairs *boxes)
{
    const struct inside_device *device = ledger_inside_device(ledger, asker);
    const struct inside_stream *reserve = ledger_inside_stream(ledger, ledger_reserve());
    enum rc rc = RC_OK;

    boxes->count = 0;
    if (device == NULL)
        return RC_OK;
    bool holds_reserve = ledger_inside_may_hold(ledger, device, reserve, at_ms);
    for (size_t i = 0; i < ledger->streams_count && rc == RC_OK; i++) {
        const struct inside_stream *stream = stream_by_rank(ledger, i);
        const struct inside_epoch *current = ledger_inside_current(stream);
        bool was_its = current != NULL && find_given(current, asker) != SIZE_MAX;
        if (!id_is_zero(only) && !id_equal(only, stream->facts.id))
            continue;
        if (holds_reserve || was_its || ledger_inside_may_hold(ledger, device, stream, at_ms))
            rc = add_boxes_of(ledger, stream, at_ms, boxes);
    }
    return rc;
}

enum rc
ledger_heads_due(const struct ledger *ledger, const struct ledger_op *op,
                 struct ledger_pairs *feeds)
{
    enum rc rc = RC_OK;

    feeds->count = 0;
    if (op->kind != LEDGER_ROLE && op->kind != LEDGER_ASSIGN && op->kind != LEDGER_COVER_END &&
        op->kind != LEDGER_REVOKE_DEVICE)
        return RC_OK;
    for (size_t i = 0; i < ledger->streams_count; i++) {
        const struct inside_stream *stream = stream_by_rank(ledger, i);
        for (size_t k = 0; k < ledger->devices_count && rc == RC_OK; k++) {
            const struct inside_device *device = device_by_rank(ledger, k);
            if (ledger_inside_loses(ledger, device, stream, op))
                rc = add_pair(feeds, stream, stream->facts.epoch, device->facts.id);
        }
    }
    return rc;
}
