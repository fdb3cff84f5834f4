/* What must hold when all is well again and quiet. */
#include <string.h>

#include "tests/sim/adapter.h"
#include "tests/sim/check.h"
#include "tests/sim/claims.h"
#include "tests/sim/opens.h"
#include "tests/sim/sights.h"

enum { DUMP_BYTES = 16 * 1024 * 1024 };

static void
dump(struct device *device, int stream, struct buf *out)
{
    enum rc rc =
        journal_dump(replica_journal(device->replica), device->world->names.streams[stream], out);

    if (rc != RC_OK)
        world_fail(device->world, "device %d, dump of stream %d: %s", device->index, stream,
                   rc_sentence());
}

static void
check_equal(struct world *world, int stream, const bool *reads)
{
    struct buf first = BUF_EMPTY(DUMP_BYTES), other = BUF_EMPTY(DUMP_BYTES);
    int from = MODEL_NONE;

    for (int i = 0; i < WORLD_DEVICES && !world->has_failed; i = world_next(world, i)) {
        if (!reads[i] || check_is_withheld_for_good(&world->devices[i], stream))
            continue;
        buf_wipe(&other);
        dump(&world->devices[i], stream, from == MODEL_NONE ? &first : &other);
        if (from == MODEL_NONE)
            from = i;
        else if (first.len != other.len || (first.len > 0 && memcmp(first.data, other.data, first.len) != 0))
            world_fail(world, "devices %d and %d differ in stream %d", from, i, stream);
    }
    if (!world->has_failed && first.len > 0)
        world_trace_bytes(world, first.data, first.len);
    buf_wipe(&first);
    buf_wipe(&other);
}

/* What it would seal there, some could read who may not: a new epoch is owed, or was made and its key never given to it. */
static bool
has_no_key_for(struct device *device, int stream)
{
    struct world *world = device->world;
    const struct ledger *ledger = replica_ledger(device->replica);
    struct id id = world->names.streams[stream];

    return ledger_rotation_is_owed(ledger, id, (uint64_t)world->now_ms) ||
           adapter_ask(device, "SELECT coalesce(max(epoch), 0) FROM sync_key WHERE stream = ?1", &id) <
               (int64_t)ledger_epoch_at(ledger, id, ledger_position(ledger));
}

/* A device that hears that it was revoked hands in all but what lies where it cannot be sealed for those alone who may read it: that it keeps. */
static bool
is_kept_by_revoked(struct world *world, int stream, int writer, uint32_t save)
{
    struct id id = world->names.streams[stream];

    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i)) {
        struct device *device = &world->devices[i];
        if (model_is_active(world->model, i) || (device->writer != writer && device->life != writer))
            continue;
        if (device->is_returned || device->life != MODEL_NONE || adapter_is_unproven(device))
            return true; /* it neither seals nor sends before its feeds were compared, which it may no more */
        if (!has_no_key_for(device, stream))
            continue;
        int64_t kept = adapter_ask(device,
                                   "SELECT count(*) FROM sync_outbox JOIN sync_feed USING (feed)"
                                   " WHERE stream = ?1",
                                   &id);
        return save + kept > model_last(world->model, stream, writer);
    }
    return false;
}

/* Every acknowledged save is at the server, and counts or is late work, by the model's own reading. */
static void
check_saves(struct world *world, int stream)
{
    for (int writer = 0; writer < world->names.writer_count; writer++)
        for (uint32_t save = 1; save <= model_last(world->model, stream, writer); save++) {
            enum model_counts counts = model_save_counts(world->model, stream, writer, save);
            world->tally.late += counts == MODEL_LATE;
            if (counts == MODEL_NOT_STORED &&
                (is_kept_by_revoked(world, stream, writer, save) || check_is_given_up(world, stream, writer, save)))
                continue;
            if (counts == MODEL_NOT_STORED || counts == MODEL_NO_RIGHT) {
                world_fail(world, "save %u of writer %d in stream %d is %s", save, writer, stream,
                           counts == MODEL_NOT_STORED ? "not at the server"
                                                      : "there without any right");
                return;
            }
        }
}

static void
check_drained(struct device *device)
{
    struct world *world = device->world;
    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        if (check_is_there(world, stream))
            world_trace(world, "device %d, stream %d: %lld saves unsealed", device->index, stream,
                        (long long)adapter_ask(device,
                                               "SELECT count(*) FROM sync_outbox JOIN sync_feed"
                                               " USING (feed) WHERE stream = ?1",
                                               &world->names.streams[stream]));
    struct waiting waiting = {0};
    enum rc rc = replica_waiting(device->replica, &waiting);

    if (rc != RC_OK)
        world_fail(world, "device %d, waiting: %s", device->index, rc_sentence());
    else if (waiting.saves_unsealed + waiting.entries_unsent + waiting.entries_carried +
                 waiting.parked >
             0)
        world_fail(
            world,
            "device %d: %llu saves unsealed, %llu entries unsent, %llu carried, %llu parked after all "
            "is well",
            device->index, (unsigned long long)waiting.saves_unsealed,
            (unsigned long long)waiting.entries_unsent,
            (unsigned long long)waiting.entries_carried, (unsigned long long)waiting.parked);
}

/* Who lost a right may not read on: what it owes is paid by whoever comes next. */
static void
check_rotation(struct world *world, int stream)
{
    int64_t now_ms = world->now_ms;

    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (model_is_active(world->model, i) && world->devices[i].refreshed_ms < now_ms)
            now_ms = world->devices[i].refreshed_ms;
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (model_may_hold(world->model, i, stream, now_ms) &&
            model_owes_rotation(world->model, stream, now_ms)) {
            world_fail(world, "a rotation of stream %d is still owed after all is well", stream);
            return;
        }
}

static void
check_stream(struct world *world, int stream)
{
    bool reads[WORLD_DEVICES] = {false};

    check_saves(world, stream);
    check_rotation(world, stream);
    for (int i = 0; i < WORLD_DEVICES && !world->has_failed; i = world_next(world, i)) {
        struct device *device = &world->devices[i];
        reads[i] = model_may_read(world->model, i, stream, device->refreshed_ms);
        if (reads[i] && (!adapter_has_stream(device, stream) || adapter_is_filling(device, stream)))
            world_fail(world, "device %d may read stream %d and has it not", i, stream);
        else if (!reads[i] && adapter_has_stream(device, stream) && model_is_active(world->model, i))
            world_fail(world, "device %d has stream %d and may not read it", i, stream);
    }
    if (!world->has_failed)
        check_equal(world, stream, reads);
    for (int i = 0; i < WORLD_DEVICES && !world->has_failed; i = world_next(world, i))
        if (reads[i])
            check_against(&world->devices[i], MODEL_NONE, stream);
    for (int i = 0; i < WORLD_DEVICES && !world->has_failed; i = world_next(world, i))
        if (reads[i])
            sights_check_end(&world->devices[i], stream, reads);
}

void
check_end(struct world *world)
{
    world->is_ending = true;
    for (int i = 0; i < WORLD_DEVICES && !world->has_failed; i = world_next(world, i)) {
        adapter_look(&world->devices[i]);
        if (model_is_active(world->model, i))
            check_drained(&world->devices[i]);
        if (!world->has_failed)
            check_cursor(&world->devices[i]);
        if (!world->has_failed)
            visit_check_twins(&world->devices[i]);
        if (!world->has_failed)
            claims_check_acks(&world->devices[i], true);
        if (!world->has_failed)
            claims_check_cursors(&world->devices[i]);
        if (!world->has_failed)
            check_rights(&world->devices[i]);
    }
    for (int stream = 0; stream < MODEL_STREAMS && !world->has_failed; stream++)
        if (check_is_there(world, stream))
            check_stream(world, stream);
    if (!world->has_failed)
        opens_check(world);
}
