/* What stands, by the saves that a device has seen or that count. */
#include <assert.h>
#include <string.h>

#include "tests/sim/model_inside.h"

enum { CURRENT_MOST = 64 };

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
    struct model_version wanted, one;
    unsigned protects;
    struct first *first;
    struct model_standing *out;
    size_t count, room;
};

static bool
walk_over(struct walk *walk)
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
    return model->rights.person_of[model->rights.identity_of[model->device_of[writer]]];
}

/* Its author's functions in the family, at the line that the entry names. */
static unsigned
functions_at(const struct model *model, int stream, struct model_version version)
{
    const struct save *save = &model->feeds[stream][version.writer].saves[version.save - 1];
    uint64_t position = save->position > 0 ? save->position : save->read;

    if (stream == 0 || position == 0 || position > model->position)
        return 0;
    return model->lines[position].functions[person_of(model, version.writer)][(stream - 1) / 2];
}

static bool
names_wanted(const struct walk *walk, const struct op *op)
{
    for (size_t i = 0; i < op->supersedes_count; i++)
        if (same_version(&op->supersedes[i], &walk->wanted))
            return true;
    return false;
}

/* Another who protects less, too, and is another person of another function. */
static bool
is_second(struct walk *walk, const struct op *op, struct model_version version)
{
    const struct model *model = walk->view->model;
    unsigned functions = functions_at(model, walk->stream, version);

    if (op->what.protects >= walk->protects || !names_wanted(walk, op) ||
        person_of(model, version.writer) == person_of(model, walk->one.writer))
        return false;
    unsigned others = functions_at(model, walk->stream, walk->one);
    return functions != 0 && others != 0 && ((functions | others) & ((functions | others) - 1)) != 0;
}

/* Who protects no less may; less takes a coach, or two. */
static bool
may_name(struct walk *walk, const struct op *op, struct model_version version)
{
    if (op->what.protects >= walk->protects)
        return true;
    if (!op->what.needs_two)
        return (functions_at(walk->view->model, walk->stream, version) & MODEL_COACH) != 0;
    struct walk second = *walk;
    second.visit = is_second;
    second.one = version;
    return walk_over(&second);
}

/* Where a unit stays its author's, the pair decides: nobody removes another person's version. */
static bool
supersedes_wanted(struct walk *walk, const struct op *op, struct model_version version)
{
    const struct model *model = walk->view->model;

    if (op->what.is_once &&
        person_of(model, version.writer) != person_of(model, walk->wanted.writer))
        return false;
    return names_wanted(walk, op) && may_name(walk, op, version);
}

static bool
collect(struct walk *outer, const struct op *op, struct model_version version)
{
    struct walk inner = *outer;

    inner.visit = supersedes_wanted;
    inner.wanted = version;
    inner.protects = op->what.protects;
    if (!walk_over(&inner)) {
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

    (void)walk_over(&all);
    return all.count;
}

static unsigned
protection(const struct model *model, int stream, const struct model_version *version)
{
    return model->feeds[stream][version->writer].saves[version->save - 1].ops[version->index].what.protects;
}

/* Is a's version before b's in the order by which one is shown? */
static bool
is_below(const struct model *model, int stream, const struct model_version *a,
         const struct model_version *b)
{
    uint64_t x = model->feeds[stream][a->writer].saves[a->save - 1].clock;
    uint64_t y = model->feeds[stream][b->writer].saves[b->save - 1].clock;
    int order = memcmp(model->order[a->writer], model->order[b->writer], MODEL_ORDER_BYTES);

    unsigned p = protection(model, stream, a), q = protection(model, stream, b);
    if (p != q) /* of a strict unit: what protects most is shown */
        return p < q;
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
    (void)walk_over(&all);
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

static bool
has_moved(const struct model_view *view, int stream, const struct unit *unit)
{
    struct model_standing standing[CURRENT_MOST];
    size_t count = model_current(view, stream, unit->record, unit->unit, standing, CURRENT_MOST);

    for (size_t i = 0; i < count; i++)
        if (standing[i].value[0] != '\0')
            return true;
    return false;
}

bool
model_is_hidden(const struct model_view *view, int stream, const char *record)
{
    const struct model *model = view->model;

    for (size_t i = 0; i < model->unit_count[stream]; i++)
        if (model->units[stream][i].moves && strcmp(model->units[stream][i].record, record) == 0 &&
            has_moved(view, stream, &model->units[stream][i]))
            return true;
    for (size_t i = 0; i < model->unit_count[stream]; i++) {
        struct walk deletions = {.view = view,
                                 .stream = stream,
                                 .record = record,
                                 .unit = model->units[stream][i].unit,
                                 .visit = covers_all};
        if (model->units[stream][i].deletes &&
            strcmp(model->units[stream][i].record, record) == 0 && walk_over(&deletions))
            return true;
    }
    return false;
}

bool
model_is_settled(const struct model_view *view, int stream, const char *record, const char *unit)
{
    for (int writer = 0; writer < MODEL_WRITERS; writer++) {
        const struct feed *feed = &view->model->feeds[stream][writer];
        for (uint32_t save = 1; save <= feed->count; save++)
            for (size_t i = 0; i < feed->saves[save - 1].count; i++)
                if (feed->saves[save - 1].position == 0 && is_about(&feed->saves[save - 1].ops[i], record, unit))
                    return false;
    }
    return true;
}

bool
model_tag_stands(const struct model_view *view, int stream, int tag)
{
    for (int writer = 0; writer < MODEL_WRITERS; writer++) {
        const struct feed *feed = &view->model->feeds[stream][writer];
        for (uint32_t save = 1; save <= feed->count; save++)
            if (feed->saves[save - 1].tag == tag && is_visible(view, stream, writer, save))
                return true;
    }
    return false;
}

bool
model_is_held(const struct model_view *view, int stream, const char *record, const char *unit)
{
    for (int writer = 0; writer < MODEL_WRITERS; writer++) {
        const struct feed *feed = &view->model->feeds[stream][writer];
        for (uint32_t save = 1; save <= feed->count; save++)
            for (size_t i = 0; i < feed->saves[save - 1].count; i++)
                if (!is_visible(view, stream, writer, save) && is_about(&feed->saves[save - 1].ops[i], record, unit))
                    return true;
    }
    return false;
}
