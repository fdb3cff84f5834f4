/* Visits as a front end saves them: the report in the file and its twin in the index, in one transaction. */
#include <stdlib.h>
#include <string.h>

#include "core/contact.h"
#include "tests/sim/adapter.h"
#include "tests/sim/copies.h"
#include "tests/sim/world.h"

enum { VISITS_MOST = 64, TWIN_UNIT = 1 };

/* Both its saves bear its number, from 1. */
static void
note_visit(struct device *device, int stream, struct id record)
{
    struct world *world = device->world;

    world->visits[world->visit_count++] = (struct visit){record, stream};
    model_tag(world->model, stream, copies_writer(device, stream), world->visit_count);
    model_tag(world->model, stream - 1, copies_writer(device, stream - 1), world->visit_count);
}

void
act_visit(struct device *device)
{
    struct world *world = device->world;
    int family = (int)world_below(world, (unsigned)world->names.family_count);
    int stream = model_family_stream(family, MODEL_FILE);
    struct change_set set = CHANGE_SET_EMPTY;
    struct contact contact = CONTACT_EMPTY;

    if (device->is_returned)
        return;
    contact.facts.family = world->names.families[family];
    contact.kind = "visit";
    contact.date = 20260701 + world_below(world, 28);
    contact.minutes = 10 + world_below(world, 100);
    contact.note = "They were at home.";
    act_begin(device, "writes a visit");
    enum rc rc = contact_put(replica_journal(device->replica), &set,
                             replica_self(device->replica).person, &contact);
    if (rc == RC_OK)
        rc = replica_save(device->replica, set.changes, set.count);
    world_trace(world, " -> stream %d: %s", stream, rc_name(rc));
    world->tally.saves++;
    (void)world_judge(device, rc, "visit");
    if (rc == RC_OK) {
        adapter_follow_life(device);
        adapter_take_own_saves(device);
    }
    if (rc == RC_OK && world->visit_count < VISITS_MOST)
        note_visit(device, stream, contact.facts.id);
    change_set_wipe(&set);
    act_done(device);
}

/* ---- the rule ---- */

struct value {
    uint8_t bytes[256];
    size_t len, count;
};

static enum rc
take_value(void *context, const struct current *current)
{
    struct value *value = context;

    value->count++;
    if (!current->is_shown || current->value_len > sizeof value->bytes)
        return RC_OK;
    value->len = current->value_len;
    memcpy(value->bytes, current->value, current->value_len);
    return RC_OK;
}

static bool
read_unit(struct device *device, int stream, struct id record, struct value *value)
{
    struct world *world = device->world;

    *value = (struct value){.count = 0};
    enum rc rc = journal_current(replica_journal(device->replica), world->names.streams[stream],
                                 ENTITY_CONTACT, record, TWIN_UNIT, take_value, value);
    if (rc != RC_OK)
        world_fail(world, "device %d, a visit: %s", device->index, rc_sentence());
    return rc == RC_OK && value->count > 0;
}

/* Each field of the twin is the file's. */
static bool
follows(const struct value *twin, const struct value *file)
{
    struct field twins[CHANGE_FIELDS], files[CHANGE_FIELDS];
    size_t twin_count = 0, file_count = 0;

    if (value_read(twin->bytes, twin->len, twins, &twin_count) != RC_OK ||
        value_read(file->bytes, file->len, files, &file_count) != RC_OK || twin_count == 0)
        return false;
    for (size_t i = 0; i < twin_count; i++) {
        const struct field *same = value_find(files, file_count, twins[i].number);
        if (same == NULL || same->len != twins[i].len || same->integer != twins[i].integer ||
            (same->len > 0 && memcmp(same->bytes, twins[i].bytes, same->len) != 0))
            return false;
    }
    return true;
}

static bool
is_whole(struct device *device, int stream)
{
    return adapter_has_stream(device, stream) && !adapter_is_filling(device, stream) &&
           (device->world->is_ending || !copies_is_torn(device, stream));
}

static bool
reads_on(const struct device *device, int stream)
{
    return model_may_read(device->world->model, device->index, stream, device->refreshed_ms);
}

/* Where both saves of a visit are applied, or at the end count and come here: one of them may have come alone, or be late work alone. */
void
visit_check_twins(struct device *device)
{
    struct world *world = device->world;

    for (int i = 0; i < world->visit_count && !world->has_failed; i++) {
        const struct visit *visit = &world->visits[i];
        bool is_end = world->is_ending && reads_on(device, visit->stream) && reads_on(device, visit->stream - 1);
        struct model_view view = {world->model, is_end ? MODEL_NONE : device->index};
        struct value file, twin;
        if (!is_whole(device, visit->stream) || !is_whole(device, visit->stream - 1) ||
            !model_tag_stands(&view, visit->stream, i + 1) || !model_tag_stands(&view, visit->stream - 1, i + 1))
            continue;
        bool has_both = read_unit(device, visit->stream, visit->record, &file) &&
                        read_unit(device, visit->stream - 1, visit->record, &twin);
        if (!has_both || !follows(&twin, &file))
            world_fail(world, "device %d, stream %d: a visit has no twin, or another one",
                       device->index, visit->stream);
    }
}
