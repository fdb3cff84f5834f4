/* Cover without the server: given, accepted and worked under by bundles alone; then one of the two meets the server. */
#include "tests/sim/adapter.h"
#include "tests/sim/copies.h"
#include "tests/sim/world.h"

enum { CARRY_BYTES = 64 << 20 };

/* No request fares badly and nobody is cut off until the server knows: what it must not refuse is then not refused. */
static void
be_calm(struct world *world, struct device *a, struct device *b)
{
    struct device *both[] = {a, b};

    world->is_calm = true;
    power_disk_cut_at_sync(world->server_disk, 0);
    for (int i = 0; i < 2; i++) {
        both[i]->link_is_down = false;
        power_disk_cut_at_sync(both[i]->disk, 0);
        power_disk_cut_at(both[i]->disk, 0);
    }
}

static bool
bring(struct device *from, struct device *to)
{
    struct world *world = from->world;
    struct buf bytes = BUF_EMPTY(CARRY_BYTES);
    struct bundle_report packed;
    struct sync_report report = {0};

    act_begin(from, "writes a bundle for who covers, or is covered");
    enum rc rc = replica_bundle_pack(from->replica, world->names.devices[to->index], false, &packed, &bytes);
    if (rc == RC_OK)
        world_happened(world, HAPPENED_PACKED);
    (void)world_judge(from, rc, "bundle export");
    act_done(from);
    if (rc == RC_OK && !world->has_failed) {
        act_begin(to, "reads it");
        rc = replica_bundle_import(to->replica, bytes.data, bytes.len, &report);
        world_trace(world, " -> %s, carried %llu", rc_name(rc), (unsigned long long)report.carried_taken);
        if (rc == RC_OK)
            world_happened(world, HAPPENED_READ);
        (void)world_judge(to, rc, "bundle import");
        act_done(to);
    }
    buf_wipe(&bytes);
    return rc == RC_OK && !world->has_failed;
}

static bool
meet(struct device *device)
{
    struct world *world = device->world;
    struct sync_report report;
    bool is_through = act_session(device, &report);

    if (!is_through && !world->has_failed && world->is_stepping) /* the one cut of such a run struck here */
        is_through = act_session(device, &report);
    if (!is_through && !world->has_failed)
        world_fail(world, "device %d does not get through when all is well", device->index);
    return !world->has_failed;
}

static bool
give(struct device *giver, struct device *colleague, struct id family, struct id *id)
{
    struct world *world = giver->world;
    struct cover_new cover = {.families = &family, .count = 1, .person = world_person(colleague), .from_ms = world->now_ms};

    cover.until_ms = world->now_ms + (2 + (int64_t)world_below(world, 20)) * WORLD_DAY_MS;
    cover.may_write = world_falls(world, 800);
    act_begin(giver, "gives a cover without the server");
    enum rc rc = replica_cover_carry(giver->replica, &cover, id);
    world_trace(world, " -> %s", rc_name(rc));
    (void)world_judge(giver, rc, "cover carry");
    act_done(giver);
    return rc == RC_OK && !world->has_failed;
}

static bool
accept(struct device *colleague, struct id id)
{
    act_begin(colleague, "accepts it without the server");
    enum rc rc = replica_cover_carry_acceptance(colleague->replica, id);
    world_trace(colleague->world, " -> %s", rc_name(rc));
    (void)world_judge(colleague, rc, "cover acceptance");
    act_done(colleague);
    return rc == RC_OK && !colleague->world->has_failed;
}

/* What the server is not told yet: until it is, the model, which knows lines alone, says nothing of the family there. */
static void
work(struct device *giver, struct device *colleague, struct id family)
{
    struct world *world = giver->world;
    struct id id;

    if (!meet(giver) || !give(giver, colleague, family, &id))
        return;
    bool is_carried = bring(giver, colleague) && accept(colleague, id) && bring(giver, colleague);
    for (unsigned i = 0; is_carried && i < 2 && !world->has_failed; i++) {
        act_save_in(colleague, family);
        act_save_in(giver, family);
        is_carried = bring(i == 0 ? colleague : giver, i == 0 ? giver : colleague);
    }
    if (world->has_failed)
        return;
    world_happened(world, HAPPENED_CARRIED);
    struct device *first = world_falls(world, 500) ? giver : colleague;
    if (!meet(first))
        return;
    const struct ledger_cover *cover = ledger_cover(replica_ledger(first->replica), id);
    if (cover == NULL ? first == giver : cover->is_carried)
        world_fail(world, "device %d met the server, and the cover that it carries is not on the ledger", first->index);
}

static bool
is_at_hand(const struct device *device)
{
    return !copies_has_double(device) && device->replica != NULL && !device->is_busy && !device->is_returned && !device_is_dead(device) &&
           model_is_active(device->world->model, device->index);
}

void
act_carry(struct world *world)
{
    struct id family = world->names.families[world_below(world, (unsigned)world->names.family_count)];
    struct id owner = ledger_family(world->ledger, family)->owner;
    struct device *giver = NULL, *colleague = world_any(world);

    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (id_equal(world_person(&world->devices[i]), owner))
            giver = &world->devices[i];
    if (giver == NULL || giver == colleague || id_equal(world_person(colleague), owner) || !is_at_hand(giver) ||
        !is_at_hand(colleague))
        return;
    be_calm(world, giver, colleague);
    work(giver, colleague, family);
    world->is_calm = false;
}
