/* Saves as they should be: whose they are, what they name, who has them. */
#include "tests/sim/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model_inside.h"

enum { CURRENT_MOST = 64 };

static void *
must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

struct model *
model_new(void)
{
    struct model *model = must(calloc(1, sizeof *model));

    for (int i = 0; i < MODEL_DEVICES; i++) {
        model->rights.person_of[i] = MODEL_NONE;
        model->rights.identity_of[i] = i;
    }
    for (int i = 0; i < MODEL_FAMILIES; i++)
        model->rights.owner[i] = MODEL_NONE;
    for (int i = 0; i < MODEL_WRITERS; i++)
        model->device_of[i] = MODEL_NONE;
    return model;
}

static void
free_save(struct save *save)
{
    for (size_t i = 0; i < save->count; i++) {
        free(save->ops[i].supersedes);
        free(save->ops[i].lists);
    }
}

void
model_free(struct model *model)
{
    if (model == NULL)
        return;
    for (int stream = 0; stream < MODEL_STREAMS; stream++) {
        for (int writer = 0; writer < MODEL_WRITERS; writer++) {
            struct feed *feed = &model->feeds[stream][writer];
            for (uint32_t i = 0; i < feed->count; i++)
                free_save(&feed->saves[i]);
            free(feed->saves);
        }
        free(model->units[stream]);
    }
    for (uint64_t p = 1; p <= model->position; p++)
        free(model->lines[p].heads);
    free(model);
}

void
model_writer(struct model *model, int writer, int device)
{
    model->device_of[writer] = device;
}

int
model_device(const struct model *model, int writer)
{
    return model->device_of[writer];
}

void
model_sees(struct model *model, int device, int stream, int writer, uint32_t upto)
{
    model->seen[device][stream][writer] = upto;
}

uint32_t
model_seen(const struct model *model, int device, int stream, int writer)
{
    return model->seen[device][stream][writer];
}

void
model_holds_none(struct model *model, int device)
{
    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        for (int writer = 0; writer < MODEL_WRITERS; writer++)
            for (uint32_t i = 0; i < model->feeds[stream][writer].count; i++)
                model->feeds[stream][writer].saves[i].held_at &= ~(1u << device);
}

void
model_holds(struct model *model, int device, int stream, int writer, uint32_t first, uint32_t last)
{
    struct feed *feed = &model->feeds[stream][writer];

    for (uint32_t save = first; save <= last && save <= feed->count; save++)
        feed->saves[save - 1].held_at |= 1u << device;
}

void
model_tag(struct model *model, int stream, int writer, int tag)
{
    struct feed *feed = &model->feeds[stream][writer];

    assert(feed->count > 0);
    feed->saves[feed->count - 1].tag = tag;
}

bool
model_is_held_by(const struct model *model, int device, int stream, int writer, uint32_t save)
{
    const struct feed *feed = &model->feeds[stream][writer];

    return save <= feed->count && (feed->saves[save - 1].held_at >> device & 1) != 0;
}

/* ---- saves ---- */

static void
note_unit(struct model *model, int stream, const struct model_op *op)
{
    struct unit **units = &model->units[stream];
    size_t *count = &model->unit_count[stream];

    for (size_t i = 0; i < *count; i++)
        if (strcmp((*units)[i].record, op->record) == 0 && strcmp((*units)[i].unit, op->unit) == 0)
            return;
    *units = must(realloc(*units, (*count + 1) * sizeof **units));
    struct unit *unit = &(*units)[(*count)++];
    *unit = (struct unit){
        .is_shown = op->is_shown_in_conflict, .deletes = op->deletes, .moves = op->moves, .is_once = op->is_once};
    snprintf(unit->record, sizeof unit->record, "%s", op->record);
    snprintf(unit->unit, sizeof unit->unit, "%s", op->unit);
}

void
model_units(const struct model *model, int stream, model_unit_fn visit, void *context)
{
    for (size_t i = 0; i < model->unit_count[stream]; i++)
        visit(context, model->units[stream][i].record, model->units[stream][i].unit,
              model->units[stream][i].is_shown);
}

static void
fill_list(struct model *model, const struct model_save *save, struct op *op)
{
    struct model_view view = {model, save->device};

    for (size_t i = 0; i < model->unit_count[save->stream]; i++) {
        const struct unit *unit = &model->units[save->stream][i];
        struct model_standing standing[CURRENT_MOST];
        if (unit->deletes || strcmp(unit->record, op->what.record) != 0)
            continue;
        size_t count =
            model_current(&view, save->stream, unit->record, unit->unit, standing, CURRENT_MOST);
        op->lists = must(realloc(op->lists, (op->lists_count + count + 1) * sizeof *op->lists));
        for (size_t k = 0; k < count; k++)
            op->lists[op->lists_count++] = standing[k].version;
    }
}

/* What the author sees of the unit, earlier operations of the same save included, is superseded. */
static void
fill_supersedes(struct model *model, const struct model_save *save, struct save *into, size_t at)
{
    int device = save->device;
    const struct model_op *what = &save->ops[at];
    struct model_view view = {model, device};
    struct model_standing standing[CURRENT_MOST];
    struct op *op = &into->ops[at];

    *op = (struct op){.what = *what};
    if (what->deletes)
        fill_list(model, save, op);
    if (what->supersedes_nothing)
        return;
    size_t count =
        model_current(&view, save->stream, what->record, what->unit, standing, CURRENT_MOST);
    if (count == 0)
        return;
    if (what->supersedes_one)
        count = 1;
    op->supersedes = must(calloc(count, sizeof *op->supersedes));
    for (size_t i = 0; i < count; i++)
        if (what->over[0] == '\0' || strcmp(what->over, standing[i].value) == 0)
            op->supersedes[op->supersedes_count++] = standing[i].version;
}

uint32_t
model_begin(struct model *model, const struct model_save *save)
{
    struct feed *feed = &model->feeds[save->stream][save->writer];
    int device = save->device;

    assert(!model_is_open(model, save->stream, save->writer) && save->count <= MODEL_OPS);
    if (feed->count == feed->room) {
        feed->room = feed->room == 0 ? 8 : feed->room * 2;
        feed->saves = must(realloc(feed->saves, feed->room * sizeof *feed->saves));
    }
    struct save made = {.count = 0, .read = save->position};
    for (size_t i = 0; i < save->count; i++) {
        fill_supersedes(model, save, &made, i);
        made.count = i + 1;
        note_unit(model, save->stream, &save->ops[i]);
    }
    feed->saves[feed->count++] = made;
    model->seen[device][save->stream][save->writer] = feed->count;
    return feed->count;
}

bool
model_is_open(const struct model *model, int stream, int writer)
{
    const struct feed *feed = &model->feeds[stream][writer];

    return feed->count > 0 && !feed->saves[feed->count - 1].is_acknowledged;
}

uint32_t
model_last(const struct model *model, int stream, int writer)
{
    return model->feeds[stream][writer].count;
}

void
model_acknowledge(struct model *model, int stream, int writer)
{
    struct feed *feed = &model->feeds[stream][writer];

    assert(feed->count > 0);
    feed->saves[feed->count - 1].is_acknowledged = true;
}

void
model_forget(struct model *model, int device, int stream, int writer)
{
    struct feed *feed = &model->feeds[stream][writer];

    assert(model_is_open(model, stream, writer));
    free_save(&feed->saves[--feed->count]);
    model->seen[device][stream][writer] = feed->count;
}

void
model_follow(struct model_version *versions, size_t count, int old, uint32_t kept, int new, uint32_t before)
{
    for (size_t i = 0; i < count; i++)
        if (versions[i].writer == old && versions[i].save > kept)
            versions[i] = (struct model_version){new, versions[i].save - kept + before, versions[i].index};
}

void
model_renumber(struct model *model, int device, int stream, int old, uint32_t kept, int new)
{
    struct feed *from = &model->feeds[stream][old], *to = &model->feeds[stream][new];
    uint32_t before = to->count, moved = from->count > kept ? from->count - kept : 0;

    if (moved == 0)
        return;
    assert(from->stored <= kept);
    to->saves = must(realloc(to->saves, (before + moved) * sizeof *to->saves));
    memcpy(&to->saves[before], &from->saves[kept], moved * sizeof *to->saves);
    to->count = to->room = before + moved;
    from->count = kept;
    for (int writer = 0; writer < MODEL_WRITERS; writer++) {
        const struct feed *feed = &model->feeds[stream][writer];
        for (uint32_t save = 0; save < feed->count; save++)
            for (size_t i = 0; i < feed->saves[save].count; i++) {
                struct op *op = &feed->saves[save].ops[i];
                model_follow(op->supersedes, op->supersedes_count, old, kept, new, before);
                model_follow(op->lists, op->lists_count, old, kept, new, before);
            }
    }
    if (model->seen[device][stream][old] > kept)
        model->seen[device][stream][old] = kept;
    model->seen[device][stream][new] = to->count;
}

void
model_entry(struct model *model, int stream, int writer, uint32_t last, uint64_t position)
{
    struct feed *feed = &model->feeds[stream][writer];

    for (uint32_t save = feed->stored + 1; save <= last && save <= feed->count; save++) {
        feed->saves[save - 1].position = position;
        feed->saves[save - 1].entry_last = last;
    }
    feed->stored = last;
}

uint32_t
model_stored(const struct model *model, int stream, int writer)
{
    return model->feeds[stream][writer].stored;
}

void
model_stamp(struct model *model, int stream, int writer, uint32_t save, uint64_t clock)
{
    struct feed *feed = &model->feeds[stream][writer];

    assert(save >= 1 && save <= feed->count);
    feed->saves[save - 1].clock = clock;
}

void
model_order(struct model *model, int writer, const uint8_t order[MODEL_ORDER_BYTES])
{
    memcpy(model->order[writer], order, MODEL_ORDER_BYTES);
}

void
model_acks(struct model *model, int device, int stream, int writer, uint32_t last)
{
    if (last > model->acked[device][stream][writer])
        model->acked[device][stream][writer] = last;
}

uint32_t
model_lacks(const struct model *model, int device, int stream, int writer, uint32_t last)
{
    const struct feed *feed = &model->feeds[stream][writer];

    for (uint32_t save = model->seen[device][stream][writer] + 1; save <= last; save++)
        if (save > feed->count || (feed->saves[save - 1].held_at >> device & 1) == 0)
            return save;
    return 0;
}

uint32_t
model_ack_lacks(const struct model *model, int device, int stream, int writer)
{
    return model_lacks(model, device, stream, writer, model->acked[device][stream][writer]);
}
