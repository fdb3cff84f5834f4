/* What people do on the ledger: covers, assignments, families, a lost device. */
#include <stdio.h>

#include "tests/sim/adapter.h"
#include "tests/sim/world.h"

/* The device of a person; mostly the one who may, sometimes anybody, who is then refused. */
static struct device *
actor(struct world *world, struct id person)
{
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (id_equal(world_person(&world->devices[i]), person) && !world_falls(world, 80))
            return &world->devices[i];
    return world_any(world);
}

/* Somebody who may act for the family: its owner, or the coordinator. */
static struct device *
actor_for(struct world *world, struct id family)
{
    const struct ledger_family *known = ledger_family(world->ledger, family);

    return world_falls(world, 400) ? &world->devices[0] : actor(world, known->owner);
}

static struct id
any_family(struct world *world)
{
    return world->names.families[world_below(world, (unsigned)world->names.family_count)];
}

static struct id
any_other_person(struct world *world, struct id but)
{
    for (;;) {
        /* Rather one who is there: a colleague who is silent accepts no cover. */
        struct id person =
            world_falls(world, 850)
                ? world_person(world_any(world))
                : world->names.persons[world_below(world, (unsigned)world->names.person_count)];
        if (!id_equal(person, but) || world_falls(world, 50))
            return person;
    }
}

static void
give(struct world *world)
{
    struct id family = any_family(world), id;
    struct device *device = actor_for(world, family);

    if (world->names.cover_count == MODEL_COVERS || device->is_busy)
        return;
    /* One draw a statement, here as everywhere: the order within an expression is the compiler's. */
    struct cover_new cover = {.families = &family, .count = 1, .from_ms = world->now_ms};
    cover.person = any_other_person(world, ledger_family(world->ledger, family)->owner);
    cover.until_ms = world->now_ms + (1 + (int64_t)world_below(world, 20 * 24)) * WORLD_HOUR_MS;
    cover.may_write = world_falls(world, 800);
    act_begin(device, "gives a cover");
    enum rc rc = replica_cover_give(device->replica, &device->transport, &cover, &id);
    world_trace(world, " -> %s", rc_name(rc));
    (void)world_judge(device, rc, "cover give");
    act_done(device);
}

/* A cover in that state by the server's ledger; false when there is none. */
static bool
any_cover(struct world *world, enum ledger_cover_state state, struct id *id, struct id *person)
{
    const struct ledger_cover *cover;
    unsigned count = 0;

    for (size_t i = 0; (cover = ledger_cover_at(world->ledger, i)) != NULL; i++)
        if (cover->state == state && world_below(world, ++count) == 0) {
            *id = cover->id;
            *person = cover->person;
        }
    return count > 0;
}

static void
accept(struct world *world)
{
    struct id id, person;

    if (!any_cover(world, LEDGER_COVER_GIVEN, &id, &person)) {
        give(world);
        return;
    }
    struct device *device = actor(world, person);
    if (device->is_busy)
        return;
    act_begin(device, "accepts a cover");
    enum rc rc = replica_cover_accept(device->replica, &device->transport, id);
    world_trace(device->world, " -> %s", rc_name(rc));
    (void)world_judge(device, rc, "cover accept");
    act_done(device);
}

static void
end_cover(struct world *world)
{
    struct id id, person;

    if (!any_cover(world, world_falls(world, 800) ? LEDGER_COVER_ACCEPTED : LEDGER_COVER_GIVEN, &id,
                   &person))
        return;
    struct device *device = world_falls(world, 700) ? &world->devices[0] : actor(world, person);
    if (device->is_busy)
        return;
    act_begin(device, "ends a cover");
    enum rc rc = replica_cover_end(device->replica, &device->transport, id);
    world_trace(device->world, " -> %s", rc_name(rc));
    (void)world_judge(device, rc, "cover end");
    act_done(device);
}

/* Somebody works on where there is no network, while at the office their cover is ended: late work. */
static void
work_late(struct world *world)
{
    struct id id, person;

    if (!any_cover(world, LEDGER_COVER_ACCEPTED, &id, &person))
        return;
    struct device *device = actor(world, person), *office = &world->devices[0];
    if (device->is_busy || office->is_busy || device == office)
        return;
    device->link_is_down = true;
    for (unsigned i = 0; i < 2 && !world->has_failed; i++)
        act_save_in(device, ledger_cover(world->ledger, id)->families[0]);
    if (world->has_failed)
        return;
    act_begin(office, "ends the cover of somebody who still works");
    enum rc rc = replica_cover_end(office->replica, &office->transport, id);
    world_trace(world, " -> %s", rc_name(rc));
    (void)world_judge(office, rc, "cover end");
    act_done(office);
    device->link_is_down = world_falls(world, 300);
}

static void
assign(struct world *world)
{
    struct id family = any_family(world);
    struct id person = any_other_person(world, ledger_family(world->ledger, family)->owner);
    struct device *device = actor_for(world, family);
    enum ledger_function function =
        ledger_is_coach(world->ledger, family, person) ? LEDGER_RELEASED : LEDGER_COACH;

    if (world_falls(world, id_is_zero(ledger_family(world->ledger, family)->owner) ? 500 : 100))
        function = LEDGER_OWNER;
    if (device->is_busy)
        return;
    act_begin(device, "assigns");
    enum rc rc = replica_assign(device->replica, &device->transport, family, person, function);
    world_trace(world, " -> function %d: %s", function, rc_name(rc));
    (void)world_judge(device, rc, "assign");
    act_done(device);
}

static void
new_family(struct device *device)
{
    struct world *world = device->world;
    struct names *names = &world->names;
    struct id family;
    char name[MODEL_TEXT];

    /* Every try may become a line, also one whose answer was lost. */
    if (device->is_returned || names->family_count + world->family_tries >= MODEL_FAMILIES)
        return;
    world->family_tries++;
    snprintf(name, sizeof name, "Family %d", world->next_value++);
    act_begin(device, "makes a family");
    bool is_referral = world_falls(world, 200); /* nobody owns it yet: intake has it */
    struct family_new wanted = {.owner = is_referral ? (struct id){{0}} : world_person(device),
                                .record.code_name = name};
    world->tally.referrals += is_referral;
    enum rc rc = replica_create_family(device->replica, &device->transport, &wanted, &family);
    world_trace(world, " -> %s", rc_name(rc));
    (void)world_judge(device, rc, "family");
    act_done(device);
}

/* A coach becomes a coordinator, a behavioural scientist, who takes in or is on duty, or less; all this time their work goes on. */
static void
set_roles(struct device *device)
{
    struct world *world = device->world;
    static const uint32_t sets[] = {
        LEDGER_ROLE_COACH,
        LEDGER_ROLE_COACH | LEDGER_ROLE_COORDINATOR,
        LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST,
        LEDGER_ROLE_COORDINATOR,
        LEDGER_ROLE_SCIENTIST,
        LEDGER_ROLE_COACH | LEDGER_ROLE_INTAKE,
        LEDGER_ROLE_INTAKE,
        LEDGER_ROLE_COACH | LEDGER_ROLE_DUTY,
        LEDGER_ROLE_DUTY,
        LEDGER_ROLE_SCIENTIST | LEDGER_ROLE_COORDINATOR,
    };
    unsigned others = (unsigned)world->names.person_count - 1;
    struct id person = world->names.persons[1 + world_below(world, others)];
    uint32_t roles = sets[world_below(world, sizeof sets / sizeof *sets)];

    if (device->is_busy)
        return;
    act_begin(device, "sets roles");
    enum rc rc = replica_set_roles(device->replica, &device->transport, person, roles);
    world_trace(world, " -> %u: %s", (unsigned)roles, rc_name(rc));
    (void)world_judge(device, rc, "roles");
    act_done(device);
}

/* One device in a seed, which is not the first; its owner may hold another one. */
static void
revoke(struct device *device)
{
    struct world *world = device->world;

    if (world->is_revoked_once || world_falls(world, 500))
        return;
    unsigned lost = 1 + world_below(world, (unsigned)world->device_count - 1);
    world->is_revoked_once = true;
    act_begin(device, "revokes a device");
    enum rc rc = replica_revoke_device(device->replica, &device->transport, world->names.devices[lost]);
    world_trace(world, " -> device %u: %s", lost, rc_name(rc));
    (void)world_judge(device, rc, "revoke");
    act_done(device);
}

void
act_ledger(struct device *device)
{
    switch (world_below(device->world, 20)) {
    case 0:
    case 1:
        give(device->world);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        accept(device->world);
        break;
    case 6:
    case 7:
    case 8:
        end_cover(device->world);
        break;
    case 9:
    case 10:
    case 11:
        assign(device->world);
        break;
    case 12:
    case 13:
    case 17:
        work_late(device->world);
        break;
    case 14:
    case 18:
    case 19:
        set_roles(&device->world->devices[0]);
        break;
    default:
        if (world_falls(device->world, 500))
            new_family(device);
        else
            revoke(&device->world->devices[0]);
        break;
    }
}
