/* A store that was copied, and both are used. */
#include "tests/sim/copies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/adapter.h"

/* ---- names ---- */

struct feed_ref
copies_feed(const struct device *device, int stream, int writer)
{
    const struct names *names = &device->world->names;

    return copies_is_shadowed(device, stream) && writer == device->writer
               ? names->writers[device->life]
               : names->writers[writer];
}

uint32_t
copies_base(const struct device *device, int stream, int writer)
{
    return writer == device->writer && copies_is_shadowed(device, stream) ? device->base[stream] : 0;
}

struct model_version
copies_version(const struct device *device, int stream, const struct version *version)
{
    int writer = adapter_writer(device->world, version->feed);

    if (writer != MODEL_NONE && writer == device->life && copies_is_shadowed(device, stream) &&
        version->save > device->base[stream]) {
        uint32_t save = version->save - device->base[stream];
        if (save <= model_last(device->world->model, stream, device->writer)) /* beyond that it is its double's, of a bundle */
            return (struct model_version){device->writer, save, version->index};
    }
    return (struct model_version){writer, version->save, version->index};
}

uint32_t
copies_seen(const struct device *device, int stream, int writer, uint32_t upto)
{
    const struct model *model = device->world->model;

    if (!copies_is_shadowed(device, stream) || (writer != device->writer && writer != device->life))
        return upto;
    uint32_t base = device->base[stream], own = model_last(model, stream, device->writer);
    if (writer == device->life)
        return own > 0 && upto > base ? base : upto;
    return upto <= base ? 0 : upto - base < own ? upto - base : own;
}

/* By a bundle, over what it wrote itself under the same numbers: what names those is taken as if it named its own. */
static bool
goes_on_over_its_own(const struct device *device, int stream)
{
    struct world *world = device->world;
    uint32_t own = model_last(world->model, stream, device->writer), upto = 0;
    enum rc rc = journal_frontier(replica_journal(device->replica), world->names.streams[stream],
                                  world->names.writers[device->life], &upto);

    if (rc != RC_OK)
        world_fail(world, "device %d, frontier: %s", device->index, rc_sentence());
    return own > 0 && upto > device->base[stream] + own;
}

bool
copies_is_torn(const struct device *device, int stream)
{
    return copies_is_shadowed(device, stream) &&
           (model_stored(device->world->model, stream, device->life) > device->base[stream] ||
            goes_on_over_its_own(device, stream));
}

bool
copies_has_double(const struct device *device)
{
    const struct world *world = device->world;

    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (i != device->index && world->devices[i].original == device->original)
            return true;
    return false;
}

bool
copies_share(const struct world *world, int writer)
{
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (world->devices[i].life == writer)
            return true;
    return false;
}

/* ---- who was first ---- */

void
copies_stored(struct world *world, struct device *sender, int stream, int writer, uint32_t last)
{
    if (sender == NULL || sender->life != writer || !copies_is_shadowed(sender, stream) ||
        last <= sender->base[stream])
        return;
    world_happened(world, HAPPENED_COPY_FIRST);
    world_trace(world, "device %d was the first of two in stream %d", sender->index, stream);
    model_renumber(world->model, sender->index, stream, sender->writer, 0, writer);
    sender->has_won[stream] = true;
}

/* What it wrote under a shadow got numbers of the new life; not so where it began for another cause than its double. */
static bool
has_all(struct device *device, int stream, struct feed_ref feed)
{
    struct world *world = device->world;
    struct stmt *stmt = NULL;
    int64_t saved = 0;

    if (!copies_is_shadowed(device, stream))
        return true;
    enum rc rc = db_stmt(store_db(device->store),
                         "SELECT coalesce(max(saved), 0) FROM sync_feed WHERE stream = ?1 AND is_own = 1"
                         " AND incarnation = ?2",
                         &stmt);
    if (rc == RC_OK) {
        stmt_id(stmt, 1, world->names.streams[stream]);
        stmt_int(stmt, 2, (int64_t)feed.incarnation);
        rc = stmt_finish_int(stmt, &saved);
    }
    if (rc != RC_OK && !device_is_dead(device))
        world_fail(world, "device %d: %s", device->index, rc_sentence());
    return saved >= (int64_t)model_last(world->model, stream, device->writer);
}

void
copies_end(struct device *device, struct feed_ref feed)
{
    struct world *world = device->world;

    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        if (!id_is_zero(world->names.streams[stream]) && !has_all(device, stream, feed))
            world_give_up(world, "a copy begins another life with saves sealed under numbers that are not its own");
    world_happened(world, HAPPENED_COPY_TOLD);
    world->names.writers[device->writer] = feed;
    adapter_order(world, device->writer, feed);
    for (int stream = 0; stream < MODEL_STREAMS; stream++) {
        if (id_is_zero(world->names.streams[stream]) || !device->has_won[stream])
            continue;
        uint32_t kept = (uint32_t)adapter_saved(device, stream, device->life);
        uint32_t stored = model_stored(world->model, stream, device->life);
        model_renumber(world->model, device->index, stream, device->life,
                       kept > stored ? kept : stored, device->writer);
    }
    device->life = MODEL_NONE;
}

/* ---- the copy is made ---- */

/* All that it wrote is at the server: else both would give it, each under other numbers. */
static bool
is_quiet(struct device *device)
{
    struct world *world = device->world;

    if (adapter_ask(device, "SELECT count(*) FROM sync_outbox", NULL) != 0)
        return false;
    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        if (!id_is_zero(world->names.streams[stream]) &&
            (model_stored(world->model, stream, device->writer) !=
                 model_last(world->model, stream, device->writer) ||
             adapter_saved(device, stream, device->writer) !=
                 (int64_t)model_last(world->model, stream, device->writer)))
            return false;
    return true;
}

static void
put_under_shadow(struct device *device, int life)
{
    struct world *world = device->world;

    device->life = life;
    for (int stream = 0; stream < MODEL_STREAMS; stream++) {
        device->has_won[stream] = false;
        device->base[stream] = model_last(world->model, stream, life);
    }
    device->writer = adapter_shadow(device);
    adapter_order(world, device->writer, world->names.writers[life]); /* by which it is shown until it begins another life */
    device->was_returned = true;
    device->has_backup = false;
}

static void
copy_machine(struct device *device, struct device *copy, bool has_token)
{
    struct world *world = device->world;

    device_prepare(world, copy->index);
    copy->is_copy = true;
    copy->original = device->index;
    copy->offset_ms = device->offset_ms;
    copy->clock_most_ms = device->clock_most_ms;
    copy->lacks_acks = device->lacks_acks;
    for (size_t i = 0; i < world->stored_count; i++) /* it lacks what was kept from the other */
        if ((world->stored[i].withheld >> device->index & 1) != 0)
            world->stored[i].withheld |= 1u << copy->index;
    device_copy_files(copy, device, has_token);
    world->names.devices[copy->index] = world->names.devices[device->index];
    model_is_copy_of(world->model, copy->index, device->index);
}

/* Both write, before either knows of the other. */
static void
write_in_both(struct device *device, struct device *copy)
{
    struct world *world = device->world;
    unsigned family = world_below(world, (unsigned)world->names.family_count);

    act_save_in(device, world->names.families[family]);
    if (!world->has_failed)
        act_save_in(copy, world->names.families[family]);
    if (!world->has_failed && world_falls(world, 500))
        act_sync(device);
    if (!world->has_failed)
        act_sync(copy);
}

void
copies_act(struct device *device)
{
    struct world *world = device->world;

    if (device->is_busy || device_is_dead(device) || device->is_copy || device->is_returned ||
        device->life != MODEL_NONE || device->world->is_short || WORLD_MADE + world->copy_count == WORLD_DEVICES || !is_quiet(device) ||
        !model_is_active(world->model, device->index))
        return;
    bool has_token = world_falls(world, 500);
    int life = device->writer;
    struct device *copy = &world->devices[WORLD_MADE + world->copy_count];
    world_happened(world, has_token ? HAPPENED_COPIED_WHOLE : HAPPENED_COPIED);
    world_trace(world, "device %d is copied, as device %d%s", device->index, WORLD_MADE + world->copy_count,
                has_token ? ", with its token" : "");
    *copy = (struct device){.index = WORLD_MADE + world->copy_count};
    device->token_id = store_id(device->store);
    device_close(device);
    copy_machine(device, copy, has_token);
    world->copy_count++;
    device_open(device);
    if (has_token) {
        put_under_shadow(device, life);
        world->shared |= UINT64_C(1) << life;
    }
    copy->world = world;
    put_under_shadow(copy, life);
    copy->is_returned = !has_token;
    device_open(copy);
    if (!world->has_failed) { /* both were opened, and what had only been fetched is applied by that */
        adapter_look(device);
        adapter_look(copy);
    }
    if (!world->has_failed && world_falls(world, 700))
        write_in_both(device, copy);
}
