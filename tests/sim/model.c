/* Saves and versions as they should be. */
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

    for (int i = 0; i < MODEL_DEVICES; i++)
        model->rights.person_of[i] = MODEL_NONE;
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

/* ---- current versions ---- */

static bool
is_visible(const struct model_view *view, int stream, int writer, uint32_t save)
{
    const struct model *model = view->model;

    if (view->device == MODEL_NONE)
        return model_save_counts(model, stream, writer, save) == MODEL_COUNTS;
    return save <= model->seen[view->device][stream][writer] &&
           (model->feeds[stream][writer].saves[save - 1].held_at >> view->device & 1) == 0;
}

static bool
same_version(const struct model_version *a, const struct model_version *b)
{
    return a->writer == b->writer && a->save == b->save && a->index == b->index;
}

static bool
is_about(const struct op *op, const char *record, const char *unit)
{
    return strcmp(op->what.record, record) == 0 && strcmp(op->what.unit, unit) == 0;
}

/* Calls for each visible operation on the unit; ends early when `visit` says so. */
struct walk {
    const struct model_view *view;
    int stream;
    const char *record, *unit;
    bool (*visit)(struct walk *walk, const struct op *op, struct model_version version);
    struct model_version wanted;
    struct first *first;
    struct model_standing *out;
    size_t count, room;
};

static bool
walk(struct walk *walk)
{
    for (int writer = 0; writer < MODEL_WRITERS; writer++) {
        const struct feed *feed = &walk->view->model->feeds[walk->stream][writer];
        for (uint32_t save = 1; save <= feed->count; save++) {
            if (!is_visible(walk->view, walk->stream, writer, save))
                continue;
            for (size_t i = 0; i < feed->saves[save - 1].count; i++) {
                const struct op *op = &feed->saves[save - 1].ops[i];
                struct model_version version = {writer, save, (uint32_t)i};
                if (is_about(op, walk->record, walk->unit) && walk->visit(walk, op, version))
                    return true;
            }
        }
    }
    return false;
}

static int
person_of(const struct model *model, int writer)
{
    return model->rights.person_of[model->device_of[writer]];
}

/* Where a unit stays its author's, the pair decides: nobody removes another person's version. */
static bool
supersedes_wanted(struct walk *walk, const struct op *op, struct model_version version)
{
    const struct model *model = walk->view->model;

    if (op->what.is_once &&
        person_of(model, version.writer) != person_of(model, walk->wanted.writer))
        return false;
    for (size_t i = 0; i < op->supersedes_count; i++)
        if (same_version(&op->supersedes[i], &walk->wanted))
            return true;
    return false;
}

static bool
collect(struct walk *outer, const struct op *op, struct model_version version)
{
    struct walk inner = *outer;

    inner.visit = supersedes_wanted;
    inner.wanted = version;
    if (!walk(&inner)) {
        assert(outer->count < outer->room);
        outer->out[outer->count++] = (struct model_standing){version, op->what.value};
    }
    return false;
}

size_t
model_current(const struct model_view *view, int stream, const char *record, const char *unit,
              struct model_standing *out, size_t room)
{
    struct walk all = {.view = view,
                       .stream = stream,
                       .record = record,
                       .unit = unit,
                       .visit = collect,
                       .out = out,
                       .room = room};

    (void)walk(&all);
    return all.count;
}

/* Is a's version before b's in the order by which one is shown? */
static bool
is_below(const struct model *model, int stream, const struct model_version *a,
         const struct model_version *b)
{
    uint64_t x = model->feeds[stream][a->writer].saves[a->save - 1].clock;
    uint64_t y = model->feeds[stream][b->writer].saves[b->save - 1].clock;
    int order = memcmp(model->order[a->writer], model->order[b->writer], MODEL_ORDER_BYTES);

    if (x != y)
        return x < y;
    if (order != 0)
        return order < 0;
    return a->save != b->save ? a->save < b->save : a->index < b->index;
}

struct first {
    bool is_there, is_revision;
    struct model_version version;
};

/* Least by (superseded something, clock, order, save, index) of all versions, dead ones too. */
static bool
take_first(struct walk *walk, const struct op *op, struct model_version version)
{
    struct first *first = walk->first;
    bool is_revision = op->supersedes_count > 0;

    if (!first->is_there || is_revision < first->is_revision ||
        (is_revision == first->is_revision &&
         is_below(walk->view->model, walk->stream, &version, &first->version)))
        *first = (struct first){true, is_revision, version};
    return false;
}

static bool
unit_is_once(const struct model *model, int stream, const char *record, const char *unit)
{
    for (size_t i = 0; i < model->unit_count[stream]; i++) {
        const struct unit *at = &model->units[stream][i];
        if (strcmp(at->record, record) == 0 && strcmp(at->unit, unit) == 0)
            return at->is_once;
    }
    return false;
}

/* Leaves of a unit that stays its author's what is theirs, if anything is. */
static size_t
leave_authors(const struct model_view *view, int stream, const char *record, const char *unit,
              struct model_standing *standing, size_t count)
{
    struct first first = {.is_there = false};
    struct walk all = {.view = view,
                       .stream = stream,
                       .record = record,
                       .unit = unit,
                       .visit = take_first,
                       .first = &first};
    size_t kept = 0;

    if (!unit_is_once(view->model, stream, record, unit))
        return count;
    (void)walk(&all);
    if (!first.is_there)
        return count;
    int person = person_of(view->model, first.version.writer);
    for (size_t i = 0; i < count; i++)
        if (person_of(view->model, standing[i].version.writer) == person) {
            struct model_standing moved = standing[i];
            standing[i] = standing[kept];
            standing[kept++] = moved;
        }
    return kept > 0 ? kept : count;
}

bool
model_shown(const struct model_view *view, int stream, const char *record, const char *unit,
            struct model_version *shown)
{
    struct model_standing standing[CURRENT_MOST];
    size_t count = model_current(view, stream, record, unit, standing, CURRENT_MOST);

    count = leave_authors(view, stream, record, unit, standing, count);
    for (size_t i = 0; i < count; i++) {
        const struct model_version *version = &standing[i].version;
        if (view->model->feeds[stream][version->writer].saves[version->save - 1].clock == 0)
            return false;
        if (i == 0 || is_below(view->model, stream, shown, version))
            *shown = *version;
    }
    return count > 0;
}

bool
model_in_conflict(const struct model_view *view, int stream, const char *record, const char *unit)
{
    struct model_standing standing[CURRENT_MOST];
    size_t count = model_current(view, stream, record, unit, standing, CURRENT_MOST);

    count = leave_authors(view, stream, record, unit, standing, count);
    for (size_t i = 1; i < count; i++)
        if (strcmp(standing[i].value, standing[0].value) != 0)
            return true;
    return false;
}

/* Is every current version of the record's other units listed by this deletion? */
static bool
covers_all(struct walk *walk, const struct op *op, struct model_version version)
{
    const struct model *model = walk->view->model;

    (void)version;
    for (size_t i = 0; i < model->unit_count[walk->stream]; i++) {
        const struct unit *unit = &model->units[walk->stream][i];
        struct model_standing standing[CURRENT_MOST];
        if (strcmp(unit->record, walk->record) != 0 || strcmp(unit->unit, walk->unit) == 0)
            continue;
        size_t count = model_current(walk->view, walk->stream, walk->record, unit->unit, standing,
                                     CURRENT_MOST);
        for (size_t k = 0; k < count; k++) {
            bool is_listed = false;
            for (size_t l = 0; l < op->lists_count && !is_listed; l++)
                is_listed = same_version(&op->lists[l], &standing[k].version);
            if (!is_listed)
                return false;
        }
    }
    return op->what.deletes;
}

bool
model_is_hidden(const struct model_view *view, int stream, const char *record)
{
    const struct model *model = view->model;

    for (size_t i = 0; i < model->unit_count[stream]; i++) {
        struct walk deletions = {.view = view,
                                 .stream = stream,
                                 .record = record,
                                 .unit = model->units[stream][i].unit,
                                 .visit = covers_all};
        if (model->units[stream][i].deletes &&
            strcmp(model->units[stream][i].record, record) == 0 && walk(&deletions))
            return true;
    }
    return false;
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
        .is_shown = op->is_shown_in_conflict, .deletes = op->deletes, .is_once = op->is_once};
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
    struct model_view view = {model, model->device_of[save->writer]};

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
    int device = model->device_of[save->writer];
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
    int device = model->device_of[save->writer];

    assert(!model_is_open(model, save->stream, save->writer) && save->count <= MODEL_OPS);
    if (feed->count == feed->room) {
        feed->room = feed->room == 0 ? 8 : feed->room * 2;
        feed->saves = must(realloc(feed->saves, feed->room * sizeof *feed->saves));
    }
    struct save made = {.count = 0};
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
model_forget(struct model *model, int stream, int writer)
{
    struct feed *feed = &model->feeds[stream][writer];

    assert(model_is_open(model, stream, writer));
    free_save(&feed->saves[--feed->count]);
    model->seen[model->device_of[writer]][stream][writer] = feed->count;
}

static void
follow(struct model_version *versions, size_t count, int old, uint32_t kept, int new, uint32_t before)
{
    for (size_t i = 0; i < count; i++)
        if (versions[i].writer == old && versions[i].save > kept)
            versions[i] = (struct model_version){new, versions[i].save - kept + before, versions[i].index};
}

void
model_renumber(struct model *model, int stream, int old, uint32_t kept, int new)
{
    struct feed *from = &model->feeds[stream][old], *to = &model->feeds[stream][new];
    uint32_t before = to->count, moved = from->count > kept ? from->count - kept : 0;
    int device = model->device_of[old];

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
                follow(op->supersedes, op->supersedes_count, old, kept, new, before);
                follow(op->lists, op->lists_count, old, kept, new, before);
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
model_ack_lacks(const struct model *model, int device, int stream, int writer)
{
    const struct feed *feed = &model->feeds[stream][writer];
    uint32_t acked = model->acked[device][stream][writer];

    for (uint32_t save = model->seen[device][stream][writer] + 1; save <= acked; save++)
        if (save > feed->count || (feed->saves[save - 1].held_at >> device & 1) == 0)
            return save;
    return 0;
}
