/* The longer checks of the table of rules: recipients, shares, heads. */
#include "sync/ledger_judge.h"

#include <string.h>

#include "core/array.h"


bool
ledger_judge_author_has(const struct judged *judged, uint32_t roles)
{
    return judged->person != NULL && (judged->person->facts.roles & roles) != 0;
}

bool
ledger_judge_author_is(const struct judged *judged, struct id person)
{
    return judged->person != NULL && id_equal(judged->person->facts.id, person);
}

bool
ledger_judge_is_reserved(struct id id)
{
    return id_is_zero(id) || id_equal(id, ledger_reserve());
}

bool
ledger_judge_is_active_with(const struct ledger *ledger, struct id person, uint32_t roles)
{
    const struct inside_person *found = ledger_inside_person(ledger, person);

    return found != NULL && (found->facts.roles & roles) != 0 &&
           ledger_person_is_active(ledger, person);
}

bool
ledger_judge_makes(const struct ledger_part *part, uint32_t epoch, const struct id *recipients,
                   size_t count)
{
    return part->makes && part->epoch == epoch && part->recipient_count == count &&
           memcmp(part->recipients, recipients, count * sizeof *recipients) == 0;
}

/* After the line: the last active administrator is neither revoked nor given other roles. */
bool
ledger_judge_administrator_remains(const struct judged *judged)
{
    const struct ledger *ledger = judged->ledger;
    const struct ledger_op *op = judged->op;

    for (size_t i = 0; i < ledger->devices_count; i++) {
        const struct inside_device *device = &ledger->devices[i];
        uint32_t roles = ledger->persons[device->person].facts.roles;
        if (op->kind == LEDGER_ROLE && id_equal(device->facts.person, op->as.role.person))
            roles = op->as.role.roles;
        bool goes =
            op->kind == LEDGER_REVOKE_DEVICE && id_equal(device->facts.id, op->as.revoke_device);
        if (!goes && device->facts.revoked == 0 && (roles & LEDGER_ROLE_ADMINISTRATOR) != 0)
            return true;
    }
    return false;
}

/* ---- heads ---- */

/* Does the end of a right, as this operation puts it, concern the feed of that head? */
static bool
head_belongs(const struct judged *judged, const struct inside_device *device,
             const struct inside_stream *stream)
{
    const struct ledger_op *op = judged->op;
    const struct ledger *ledger = judged->ledger;
    const struct inside_cover *cover;
    const struct inside_family *family;

    switch (op->kind) {
    case LEDGER_ROLE:
        return id_equal(device->facts.person, op->as.role.person);
    case LEDGER_REVOKE_DEVICE:
        return id_equal(device->facts.id, op->as.revoke_device);
    case LEDGER_COVER_END:
        cover = ledger_inside_cover(ledger, op->as.cover_end.cover);
        return id_equal(device->facts.person, cover->facts.person) &&
               stream->family != INSIDE_NO_FAMILY &&
               ledger_inside_covers(cover, stream->facts.family);
    case LEDGER_ASSIGN:
        family = ledger_inside_family(ledger, op->as.assign.family);
        if (stream->family == INSIDE_NO_FAMILY || &ledger->families[stream->family] != family)
            return false;
        if (op->as.assign.function == LEDGER_RELEASED)
            return id_equal(device->facts.person, op->as.assign.person);
        /* A first owner ends what intake could do. */
        return op->as.assign.function == LEDGER_OWNER && family->owned == 0;
    case LEDGER_ADMIT:
        return true;
    default:
        return false;
    }
}

bool
ledger_judge_heads(const struct judged *judged)
{
    const struct ledger_heads *heads = &judged->op->heads;

    for (size_t i = 0; i < heads->count; i++) {
        const struct inside_device *device =
            ledger_inside_device(judged->ledger, heads->items[i].device);
        const struct inside_stream *stream =
            ledger_inside_stream(judged->ledger, heads->items[i].stream);
        if (device == NULL || stream == NULL || !head_belongs(judged, device, stream))
            return false;
    }
    return judged->op->kind != LEDGER_ADMIT || heads->count > 0;
}

/* ---- recipients ---- */

/* Puts a reserved id where it belongs: the link is lowest of all, the reserve highest. */
static bool
add_reserved(const struct judged *judged, struct id id)
{
    struct ledger_ids *ids = judged->scratch;
    struct id *items = array_grow(ids->items, &ids->room, ids->count + 1, sizeof *items);

    if (items == NULL) {
        *judged->trouble = RC_NOMEM;
        return false;
    }
    ids->items = items;
    if (id_is_zero(id))
        memmove(items + 1, items, ids->count * sizeof *items);
    items[id_is_zero(id) ? 0 : ids->count] = id;
    ids->count++;
    return true;
}

static bool
fits_first(const struct judged *judged, const struct ledger_part *part,
           enum stream_kind kind)
{
    *judged->trouble =
        ledger_holders_new(judged->ledger, kind, judged->op->as.family.owner, judged->scratch);
    return *judged->trouble == RC_OK && add_reserved(judged, ledger_reserve()) &&
           ledger_judge_makes(part, 1, judged->scratch->items, judged->scratch->count);
}

bool
ledger_judge_first_recipients(const struct judged *judged)
{
    const struct ledger_op *op = judged->op;
    bool index_first = id_compare(op->as.family.index, op->as.family.file) < 0;
    const struct ledger_part *index = &op->parts[index_first ? 0 : 1];
    const struct ledger_part *file = &op->parts[index_first ? 1 : 0];

    return op->part_count == 2 && id_equal(index->stream, op->as.family.index) &&
           id_equal(file->stream, op->as.family.file) &&
           fits_first(judged, index, STREAM_INDEX) &&
           fits_first(judged, file, STREAM_FILE);
}

static const struct inside_stream *
stream_of(const struct judged *judged, size_t part)
{
    return ledger_inside_stream(judged->ledger, judged->op->parts[part].stream);
}

bool
ledger_judge_share_epoch(const struct judged *judged)
{
    for (size_t i = 0; i < judged->op->part_count; i++) {
        const struct inside_stream *stream = stream_of(judged, i);
        if (stream == NULL || judged->op->parts[i].makes ||
            judged->op->parts[i].epoch != stream->facts.epoch)
            return false;
    }
    return true;
}

static bool
author_may_hold(const struct judged *judged, const struct inside_stream *stream)
{
    return ledger_inside_may_hold(judged->ledger, judged->author, stream, judged->time_ms);
}

static bool
author_holds_reserve(const struct judged *judged)
{
    return author_may_hold(judged, ledger_inside_stream(judged->ledger, ledger_reserve()));
}

bool
ledger_judge_may_share(const struct judged *judged)
{
    for (size_t i = 0; i < judged->op->part_count; i++)
        if (!author_may_hold(judged, stream_of(judged, i)) && !author_holds_reserve(judged))
            return false;
    return true;
}

/* What the line itself gives: a share may travel with the assignment or the cover that is its reason. */
static bool
will_hold(const struct judged *judged, const struct inside_device *device,
          const struct inside_stream *stream)
{
    const struct ledger_op *op = judged->op;

    if (stream->facts.kind != STREAM_INDEX && stream->facts.kind != STREAM_FILE)
        return false;
    if (!ledger_inside_is_active(judged->ledger, device))
        return false;
    if (op->kind == LEDGER_ASSIGN)
        return op->as.assign.function != LEDGER_RELEASED &&
               id_equal(device->facts.person, op->as.assign.person) &&
               id_equal(stream->facts.family, op->as.assign.family);
    if (op->kind != LEDGER_COVER_GIVE || !id_equal(device->facts.person, op->as.cover_give.person))
        return false;
    for (size_t i = 0; i < op->family_count; i++)
        if (id_equal(op->families[i], stream->facts.family))
            return true;
    return false;
}

/* A release, or a first owner, takes from some what they hold before the line. */
static bool
loses_hold(const struct judged *judged, const struct inside_stream *stream)
{
    return judged->op->kind == LEDGER_ASSIGN &&
           id_equal(stream->facts.family, judged->op->as.assign.family);
}

bool
ledger_judge_share_recipients(const struct judged *judged)
{
    for (size_t i = 0; i < judged->op->part_count; i++) {
        const struct ledger_part *part = &judged->op->parts[i];
        const struct inside_stream *stream = stream_of(judged, i);
        for (size_t k = 0; k < part->recipient_count; k++) {
            const struct inside_device *device =
                ledger_inside_device(judged->ledger, part->recipients[k]);
            if (device == NULL)
                return false;
            bool holds = !loses_hold(judged, stream) &&
                         ledger_inside_may_hold(judged->ledger, device, stream, judged->time_ms);
            if (!holds && !will_hold(judged, device, stream))
                return false;
        }
    }
    return true;
}

bool
ledger_judge_next_epoch(const struct judged *judged)
{
    for (size_t i = 0; i < judged->op->part_count; i++) {
        const struct inside_stream *stream = stream_of(judged, i);
        const struct ledger_part *part = &judged->op->parts[i];
        if (stream == NULL || stream->facts.epoch == 0 || stream->facts.epoch == UINT32_MAX ||
            !part->makes || part->epoch != stream->facts.epoch + 1)
            return false;
    }
    return true;
}

bool
ledger_judge_may_rotate(const struct judged *judged)
{
    for (size_t i = 0; i < judged->op->part_count; i++)
        if (!ledger_inside_may_write_at(judged->ledger, judged->author, stream_of(judged, i),
                                        judged->ledger->lines_count) &&
            !author_holds_reserve(judged))
            return false;
    return true;
}

bool
ledger_judge_reserve_alone(const struct judged *judged)
{
    bool rotates_reserve = false;

    for (size_t i = 0; i < judged->op->part_count; i++)
        if (id_equal(judged->op->parts[i].stream, ledger_reserve()))
            rotates_reserve = true;
    return judged->op->as.rotate.has_reserve == rotates_reserve &&
           (!rotates_reserve || judged->op->part_count == 1);
}

bool
ledger_judge_recipients(const struct judged *judged)
{
    for (size_t i = 0; i < judged->op->part_count; i++) {
        const struct inside_stream *stream = stream_of(judged, i);
        enum stream_kind kind = stream->facts.kind;
        *judged->trouble =
            ledger_holders(judged->ledger, stream->facts.id, judged->time_ms, judged->scratch);
        if (*judged->trouble != RC_OK)
            return false;
        if (kind != STREAM_RESERVE && !add_reserved(judged, ledger_link()))
            return false;
        if ((kind == STREAM_INDEX || kind == STREAM_FILE) &&
            !add_reserved(judged, ledger_reserve()))
            return false;
        if (!ledger_judge_makes(&judged->op->parts[i], stream->facts.epoch + 1,
                                judged->scratch->items, judged->scratch->count))
            return false;
    }
    return true;
}
