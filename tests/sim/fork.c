/* A server that forks: two continuations of one ledger, each true to itself. */
#include "tests/sim/fork.h"

#include <string.h>

#include "core/schema.h"
#include "tests/sim/adapter.h"
#include "tests/sim/check.h"
#include "tests/sim/copies.h"
#include "tests/support/stores.h"

enum { DUMP_BYTES = 16 * 1024 * 1024, BUNDLE_BYTES = 16 * 1024 * 1024, ABSENCE_UNIT = 1, ABSENCE_FIELD = 5 };

struct server *
fork_server(const struct world *world, const struct device *device, const char *path)
{
    if (world->fork == NULL)
        return NULL;
    bool is_swapped =
        device->swaps != NULL && strcmp(strrchr(path, '/'), device->swaps) == 0;
    return device->is_forked != is_swapped ? world->fork : world->server;
}

/* ---- the two ---- */

static int64_t
now(void *context)
{
    return ((struct world *)context)->now_ms;
}

static void
wait(void *context, int64_t ms)
{
    world_pass(context, ms);
}

static void
start(struct world *world)
{
    const struct clock clock = {now, now, wait, world};

    server_stop(world);
    world->fork_disk = power_disk_new();
    power_disk_copy(world->fork_disk, world->server_disk);
    server_start(world);
    power_disk_make_default(world->fork_disk);
    stores_demand(server_open(world->server_directory, &clock, &world->fork), "the other server");
    power_disk_make_default(world->server_disk);
    world_happened(world, HAPPENED_FORKED);
    world_trace(world, "the server forks");
}

static void
stop(struct world *world)
{
    server_close(world->fork);
    world->fork = NULL;
    power_disk_free(world->fork_disk);
    world->fork_disk = NULL;
}

/* ---- what each does on its side ---- */

static enum rc
sync(struct device *device)
{
    struct sync_report report = {0};
    const struct sync_options options = {0};

    enum rc rc = replica_sync(device->replica, &device->transport, &options, &report);
    world_trace(device->world, "device %d syncs with %s: %s", device->index,
                device->is_forked ? "the fork" : "the server", rc_name(rc));
    return rc;
}

/* A line and an entry sealed on it, which each of its colleagues may read. */
static bool
go_on(struct device *device)
{
    struct world *world = device->world;
    struct family_new wanted = {.owner = world_person(device), .record.code_name = "Fork"};
    struct change change = CHANGE_EMPTY(world->names.streams[model_team_stream()]);
    struct buf value = BUF_EMPTY(1024);
    struct id family;

    enum rc rc = replica_create_family(device->replica, &device->transport, &wanted, &family);
    if (rc == RC_OK)
        rc = value_put_text(&value, ABSENCE_FIELD, "away");
    if (rc == RC_OK)
        rc = change_put(&change, ENTITY_ABSENCE, id_new(world->now_ms), ABSENCE_UNIT, &value);
    if (rc == RC_OK)
        rc = replica_save(device->replica, &change, 1);
    if (rc == RC_OK)
        rc = sync(device);
    buf_wipe(&value);
    change_wipe(&change);
    return rc == RC_OK;
}

/* ---- what must not change ---- */

static uint64_t
picture(struct device *device)
{
    struct world *world = device->world;
    struct buf bytes = BUF_EMPTY(DUMP_BYTES);
    const struct ledger *ledger = replica_ledger(device->replica);
    uint64_t kept = world->trace, picture;

    world->trace = UINT64_C(0xcbf29ce484222325);
    world_trace_bytes(world, ledger_hash_at(ledger, ledger_position(ledger)), 32);
    for (int stream = 0; stream < MODEL_STREAMS; stream++) {
        if (id_is_zero(world->names.streams[stream]) || !adapter_has_stream(device, stream))
            continue;
        buf_wipe(&bytes);
        if (journal_dump(replica_journal(device->replica), world->names.streams[stream], &bytes) != RC_OK)
            world_fail(world, "device %d, dump of stream %d: %s", device->index, stream, rc_sentence());
        world_trace_bytes(world, bytes.data, bytes.len);
    }
    picture = world->trace;
    world->trace = kept;
    buf_wipe(&bytes);
    return picture;
}

static void
judge(struct device *device, uint64_t before, enum rc rc, bool must_notice, const char *how)
{
    struct world *world = device->world;

    if (rc == RC_UNTRUSTED)
        world_happened(world, HAPPENED_FORK_NOTICED);
    if (must_notice && rc != RC_UNTRUSTED)
        world_fail(world, "device %d does not notice the fork by %s: %s", device->index, how, rc_name(rc));
    else if (rc != RC_OK && rc != RC_UNTRUSTED && (must_notice || rc != RC_STALE)) /* lines without their head */
        world_fail(world, "device %d, the fork by %s: %s: %s", device->index, how, rc_name(rc), rc_sentence());
    else if (picture(device) != before)
        world_fail(world, "device %d takes something of the fork by %s", device->index, how);
}

/* ---- who meets it ---- */

/* Shown the other continuation from the first request to the last. */
static void
meet_server(struct device *device)
{
    uint64_t before = picture(device);

    device->is_forked = !device->is_forked;
    enum rc rc = sync(device);
    device->is_forked = !device->is_forked;
    judge(device, before, rc, true, "the server");
}

/* One kind of answer comes from the other. What is sealed on a line that is not known here may wait, and is not applied. */
static void
meet_answers(struct device *device, const char *route)
{
    uint64_t before = picture(device);

    device->swaps = route;
    enum rc rc = sync(device);
    device->swaps = NULL;
    judge(device, before, rc, false, route);
}

static void
meet_bundle(struct device *from, struct device *to)
{
    struct world *world = from->world;
    struct buf bytes = BUF_EMPTY(BUNDLE_BYTES);
    struct bundle_report packed;
    struct sync_report report = {0};
    uint64_t before = picture(to);

    enum rc rc = replica_bundle_pack(from->replica, world->names.devices[to->index], true, &packed, &bytes);
    if (rc != RC_OK) {
        world_fail(world, "device %d, a bundle: %s", from->index, rc_sentence());
        return;
    }
    world_happened(world, HAPPENED_PACKED);
    rc = replica_bundle_import(to->replica, bytes.data, bytes.len, &report);
    world_trace(world, "device %d reads a bundle of device %d: %s", to->index, from->index, rc_name(rc));
    if (rc == RC_OK)
        world_happened(world, HAPPENED_READ);
    judge(to, before, rc, true, "a bundle");
    buf_wipe(&bytes);
}

/* Its own side's truth is still good for it. */
static void
works_on(struct device *device)
{
    if (!device->world->has_failed && sync(device) != RC_OK)
        world_fail(device->world, "device %d does not work on after it met a fork: %s", device->index,
                   rc_sentence());
}

static void
meet(struct device *device, struct device *other)
{
    struct world *world = device->world;

    meet_server(device);
    if (!world->has_failed)
        meet_answers(device, "/entries");
    if (!world->has_failed)
        meet_answers(device, "/acks");
    if (!world->has_failed)
        meet_answers(device, "/ledger");
    if (!world->has_failed)
        meet_bundle(other, device);
    works_on(device);
}

/* ---- a seed's end ---- */

/* What a liar kept back for good, and a device that is sent back to its beginning reads after all, is no fork's. */
static bool
lacks_any(struct device *device)
{
    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        if (check_is_withheld_for_good(device, stream))
            return true;
    return false;
}

static bool
may_take_part(struct device *device)
{
    return model_is_active(device->world->model, device->index) && !copies_has_double(device) && !lacks_any(device);
}

void
fork_check(struct world *world)
{
    struct device *a = &world->devices[0], *b = NULL;

    for (int i = 1; i < world->device_count && b == NULL; i++)
        if (may_take_part(&world->devices[i]))
            b = &world->devices[i];
    if (b == NULL || !may_take_part(a) || world->was_server_restored)
        return;
    start(world);
    b->is_forked = true;
    if (go_on(a) && go_on(b)) {
        meet(a, b);
        if (!world->has_failed)
            meet(b, a);
    }
    world_trace(world, "the fork is over");
    stop(world);
}
