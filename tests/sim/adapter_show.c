/* What the engine shows of the saves, held against the model. */
#include <stdio.h>
#include <string.h>

#include "core/schema.h"
#include "tests/sim/adapter.h"
#include "tests/sim/copies.h"

enum { STANDING_MOST = 64 };

/* ---- comparing ---- */

struct shown {
    struct device *device;
    int stream;
    const struct unit_kind *kind;
    size_t count;
    struct {
        struct model_version version;
        char value[MODEL_TEXT];
        bool is_shown;
    } at[STANDING_MOST];
};

static bool
is_before(const struct model_version *a, const struct model_version *b)
{
    if (a->writer != b->writer)
        return a->writer < b->writer;
    return a->save != b->save ? a->save < b->save : a->index < b->index;
}

static enum rc
take_shown(void *context, const struct current *current)
{
    struct shown *shown = context;
    struct field fields[CHANGE_FIELDS];
    size_t count = 0, at = shown->count;
    struct model_version version = copies_version(shown->device, shown->stream, &current->version);

    if (shown->count == STANDING_MOST)
        return rc_fail(RC_TOO_LARGE, "too many versions");
    enum rc rc = value_read(current->value, current->value_len, fields, &count);
    if (rc != RC_OK)
        return rc;
    const struct field *field = value_find(fields, count, shown->kind->field);
    for (; at > 0 && is_before(&version, &shown->at[at - 1].version); at--)
        shown->at[at] = shown->at[at - 1];
    shown->at[at].version = version;
    shown->at[at].is_shown = current->is_shown;
    snprintf(shown->at[at].value, MODEL_TEXT, "%.*s",
             field == NULL || shown->kind->unit == UNIT_DELETED ? 0 : (int)field->len,
             field == NULL ? "" : (const char *)field->bytes);
    shown->count++;
    return RC_OK;
}

static void
tell_difference(const struct shown *shown, const struct model_standing *standing, size_t count,
                int stream, const char *record)
{
    char text[WORLD_SENTENCE] = "";
    size_t len = 0;

    for (size_t i = 0; i < count && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " %d.%u.%u=%s",
                                standing[i].version.writer, standing[i].version.save,
                                standing[i].version.index, standing[i].value);
    if (len < sizeof text)
        len += (size_t)snprintf(text + len, sizeof text - len, "; device has");
    for (size_t i = 0; i < shown->count && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " %d.%u.%u=%s",
                                shown->at[i].version.writer, shown->at[i].version.save,
                                shown->at[i].version.index, shown->at[i].value);
    world_fail(shown->device->world, "device %d, stream %d, record %s, %s: should be%s",
               shown->device->index, stream, record, shown->kind->name, text);
}

/* Of what is current one is shown: the same one on every device. */
static void
compare_shown(const struct shown *shown, const struct model_view *view, int stream,
              const char *record)
{
    struct model_version wanted;

    if (!model_shown(view, stream, record, shown->kind->name, &wanted))
        return;
    for (size_t i = 0; i < shown->count; i++) {
        const struct model_version *at = &shown->at[i].version;
        bool is_wanted =
            at->writer == wanted.writer && at->save == wanted.save && at->index == wanted.index;
        if (is_wanted != shown->at[i].is_shown)
            world_fail(shown->device->world,
                       "device %d, stream %d, record %s, %s: shows %d.%u.%u: %d, should show "
                       "%d.%u.%u",
                       shown->device->index, stream, record, shown->kind->name, at->writer,
                       at->save, at->index, shown->at[i].is_shown, wanted.writer, wanted.save,
                       wanted.index);
    }
}

bool
adapter_lacks_names(struct device *device, int stream)
{
    return !device->world->is_ending && /* ELOG_APPLIED, ELOG_GAP */
           adapter_ask(device,
                       "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed) WHERE stream = ?1"
                       " AND state = 1 AND reason = 3",
                       &device->world->names.streams[stream]) > 0;
}

static bool
is_same(const struct shown *shown, size_t at, const struct model_standing *standing)
{
    const struct model_version *a = &standing->version, *b = &shown->at[at].version;

    return a->writer == b->writer && a->save == b->save && a->index == b->index &&
           (shown->kind->unit == UNIT_DELETED || strcmp(standing->value, shown->at[at].value) == 0);
}

/* What should stand does, perhaps among others. */
static bool
has_all(const struct shown *shown, const struct model_standing *standing, size_t count)
{
    bool has = true;

    for (size_t i = 0; has && i < count; i++) {
        has = false;
        for (size_t k = 0; !has && k < shown->count; k++)
            has = is_same(shown, k, &standing[i]);
    }
    return has;
}

void
adapter_compare(struct device *device, const struct model_view *view, int stream,
                const char *record, const char *unit)
{
    struct world *world = device->world;
    struct model_standing standing[STANDING_MOST];
    struct shown shown = {.device = device, .stream = stream, .kind = unit_kind(unit)};
    size_t count = model_current(view, stream, record, unit, standing, STANDING_MOST);

    enum rc rc = journal_current(replica_journal(device->replica), world->names.streams[stream],
                                 shown.kind->entity, adapter_record(world, record),
                                 shown.kind->unit, take_shown, &shown);
    if (rc == RC_ABSENT)
        rc = RC_OK;
    if (rc != RC_OK) {
        world_fail(world, "device %d, record %s: %s", device->index, record, rc_sentence());
        return;
    }
    bool same = count == shown.count;
    for (size_t i = 0; same && i < count; i++)
        same = is_same(&shown, i, &standing[i]);
    if (!same && has_all(&shown, standing, count) && adapter_lacks_names(device, stream))
        return; /* what it does not name yet stands beside it */
    if (!same)
        tell_difference(&shown, standing, count, stream, record);
    else if (!shown.kind->is_set && !(shown.kind->is_strict && model_is_held(view, stream, record, unit)))
        compare_shown(&shown, view, stream, record);
}

bool
adapter_hides(struct device *device, int stream, const char *record, const struct unit_kind *kind)
{
    struct stmt *stmt = NULL;
    int64_t hidden = 0;
    enum rc rc = db_stmt(store_db(device->store),
                         "SELECT coalesce(max(hidden), 0) FROM journal_record JOIN journal_stream USING (s)"
                         " WHERE journal_stream.id = ?1 AND entity = ?2 AND journal_record.id = ?3",
                         &stmt);

    if (rc == RC_OK) {
        stmt_id(stmt, 1, device->world->names.streams[stream]);
        stmt_int(stmt, 2, (int64_t)kind->entity);
        stmt_id(stmt, 3, adapter_record(device->world, record));
        rc = stmt_finish_int(stmt, &hidden);
    }
    if (rc != RC_OK)
        world_fail(device->world, "device %d, record %s: %s", device->index, record, rc_sentence());
    return hidden != 0;
}

/* ---- conflicts ---- */

struct listing {
    const struct world *world;
    struct id stream;
    struct listed *listed;
    size_t count, room;
};

static enum rc
list_conflict(void *context, const struct conflict *conflict)
{
    struct listing *listing = context;
    const struct names *names = &listing->world->names;

    if (!id_equal(conflict->stream, listing->stream) || listing->count++ >= listing->room)
        return RC_OK;
    struct listed *listed = &listing->listed[listing->count - 1];
    *listed = (struct listed){"?", "?"};
    for (int i = 0; i < names->record_count; i++)
        if (id_equal(names->records[i].id, conflict->record))
            memcpy(listed->record, names->records[i].name, sizeof listed->record);
    for (size_t i = 0; i < UNIT_KINDS; i++)
        if (unit_kinds[i].entity == conflict->entity && unit_kinds[i].unit == conflict->unit)
            snprintf(listed->unit, sizeof listed->unit, "%s", unit_kinds[i].name);
    return RC_OK;
}

size_t
adapter_conflicts(struct device *device, int stream, struct listed *listed, size_t room)
{
    struct listing listing = {device->world, device->world->names.streams[stream], listed, 0, room};
    enum rc rc = journal_conflicts(replica_journal(device->replica), list_conflict, &listing);

    if (rc != RC_OK)
        world_fail(device->world, "device %d, conflicts: %s", device->index, rc_sentence());
    return listing.count;
}
