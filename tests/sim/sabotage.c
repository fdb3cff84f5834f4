/* Faults built in on purpose, to show that the simulator finds such. Done below the engine's interface. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/adapter.h"
#include "tests/sim/world.h"

static void
done(struct device *device, const char *what)
{
    device->world->is_sabotaged = true;
    world_trace(device->world, "device %d: sabotage: %s", device->index, what);
}

static void
move_cursor(struct device *device)
{
    struct world *world = device->world;
    char sql[120];
    int64_t cursor =
        adapter_ask(device, "SELECT value FROM sync_state WHERE name = 'cursor'", NULL);

    for (size_t i = 0; i < world->stored_count; i++) {
        const struct stored *stored = &world->stored[i];
        if ((int64_t)stored->arrival <= cursor || stored->writer == device->writer ||
            !model_may_read(world->model, device->index, stored->stream, world->now_ms))
            continue;
        snprintf(sql, sizeof sql, "UPDATE sync_state SET value = %llu WHERE name = 'cursor'",
                 (unsigned long long)stored->arrival);
        adapter_tell(device, sql);
        done(device, "the cursor is moved");
        return;
    }
}

void
sabotage_session(struct device *device)
{
    struct world *world = device->world;

    if (world->is_sabotaged)
        return;
    if (world->sabotage == SABOTAGE_CURSOR)
        move_cursor(device);
    else if (world->sabotage == SABOTAGE_SEND &&
             adapter_ask(device, "SELECT count(*) FROM sync_entry WHERE is_sent = 0", NULL) > 0) {
        adapter_tell(device, "UPDATE sync_entry SET is_sent = 1");
        done(device, "taken for sent");
    }
}

static void
keep_rows(struct device *device)
{
    struct world *world = device->world;

    for (int stream = 1; stream < MODEL_STREAMS; stream++) {
        const struct id id = world->names.streams[stream];
        char sql[200], hex[2 * ID_BYTES + 1];
        if (id_is_zero(id) ||
            model_may_hold(world->model, device->index, stream, device->refreshed_ms) ||
            adapter_ask(device, "SELECT count(*) FROM sync_feed WHERE stream = ?1", &id) == 0 ||
            adapter_ask(device, "SELECT count(*) FROM sync_key WHERE stream = ?1", &id) > 0)
            continue;
        for (size_t i = 0; i < ID_BYTES; i++)
            snprintf(hex + 2 * i, 3, "%02x", id.bytes[i]);
        snprintf(sql, sizeof sql,
                 "INSERT INTO sync_key (stream, epoch, sealed) VALUES (x'%s', 1, zeroblob(72))", hex);
        adapter_tell(device, sql);
        done(device, "a key stays");
        return;
    }
}

struct held {
    bool is_there;
    struct id stream;
    struct feed_ref feed;
    uint32_t first, last;
};

static enum rc
take_held(void *context, struct id stream, struct feed_ref feed, uint32_t first, uint32_t last,
          const char *reason)
{
    struct held *held = context;

    if (!held->is_there && strcmp(reason, "late") == 0)
        *held = (struct held){true, stream, feed, first, last};
    return RC_OK;
}

static void
apply_held(struct device *device)
{
    const struct save_source *saves = replica_saves(device->replica);
    struct held held = {.is_there = false};
    struct change *change = NULL;
    enum rc rc = replica_parked(device->replica, take_held, &held);

    if (rc != RC_OK || !held.is_there)
        return;
    struct author author = {
        .feed = held.feed,
        .person = ledger_device(replica_ledger(device->replica), held.feed.device)->person};
    rc = db_begin(store_db(device->store));
    for (uint32_t save = held.first; rc == RC_OK && save <= held.last; save++) {
        rc = saves->get(saves->context, held.stream, held.feed, save, &change);
        if (rc == RC_OK)
            rc = journal_apply(replica_journal(device->replica), &author, save, change);
        body_free(change, rc == RC_OK ? 1 : 0);
    }
    rc = db_end(store_db(device->store), rc);
    if (rc == RC_OK)
        done(device, "late work is applied");
}

void
sabotage_after(struct device *device)
{
    struct world *world = device->world;

    if (device->is_busy)
        return;
    if (world->sabotage == SABOTAGE_PURGE)
        keep_rows(device); /* each time: the engine forgets lent keys whenever it looks */
    if (world->is_sabotaged)
        return;
    if (world->sabotage == SABOTAGE_SAVE &&
        adapter_ask(device, "SELECT count(*) FROM sync_outbox", NULL) > 0) {
        adapter_tell(device, "DELETE FROM sync_outbox");
        done(device, "a save leaves the outbox");
    } else if (world->sabotage == SABOTAGE_CONFLICT &&
               adapter_ask(device, "SELECT count(*) FROM journal_conflict", NULL) > 0) {
        adapter_tell(device, "DELETE FROM journal_conflict");
        done(device, "no conflict is shown");
    } else if (world->sabotage == SABOTAGE_PLAIN && world->names.record_count > 0) {
        power_disk_put(world->server_disk, "notes", world->names.records[0].id.bytes, ID_BYTES);
        done(device, "the server is told of a record");
    } else if (world->sabotage == SABOTAGE_HELD) {
        apply_held(device);
    }
}

bool
sabotage_request(struct device *device, const char *method, const char *path)
{
    struct world *world = device->world;
    const char *last = strrchr(path, '/');

    if (world->sabotage != SABOTAGE_QUEUE || device->index != 1 || strcmp(method, "POST") != 0 ||
        strcmp(last, "/entries") != 0)
        return false;
    world->is_sabotaged = true;
    return true;
}
