/* One world from set-up to its last check. */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/adapter.h"
#include "tests/sim/claims.h"
#include "tests/sim/fork.h"
#include "tests/sim/seeded.h"
#include "tests/support/stores.h"

enum { STEPS_LEAST = 25, STEPS_MORE = 45, ROUNDS_MOST = 14, ROUNDS_QUIET = 1, SETUP_FAMILIES = 3, THOROUGH_EVERY = 8 };
#define START_MS INT64_C(1790000000000)
#define SETUP_SEED UINT64_C(0x62616b656e)

/* ---- what every part needs ---- */

void
world_trace_bytes(struct world *world, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        world->trace = (world->trace ^ at[i]) * UINT64_C(0x100000001b3);
}

void
world_trace(struct world *world, const char *format, ...)
{
    char text[WORLD_SENTENCE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    world_trace_bytes(world, text, strlen(text));
    if (world->is_verbose)
        printf("%10lld %04x %s\n", (long long)((world->now_ms - START_MS) / 1000),
               (unsigned)(world->trace & 0xffff), text);
}

void
world_fail(struct world *world, const char *format, ...)
{
    char text[WORLD_SENTENCE];
    va_list arguments;

    if (world->has_failed)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    world->has_failed = true;
    memcpy(world->failure, text, sizeof text);
    world_trace(world, "FAILED: %s", text);
}

/* As a failure ends a seed, and without one. */
void
world_give_up(struct world *world, const char *why)
{
    if (world->has_failed)
        return;
    world->has_failed = world->has_given_up = true;
    world_happened(world, HAPPENED_GIVEN_UP);
    world_trace(world, "given up: %s", why);
}

void
world_happened(struct world *world, enum happened kind)
{
    world->tally.happened[kind]++;
}

bool
world_falls(struct world *world, unsigned in_thousand)
{
    return chance_below(&world->chance, 1000) < in_thousand;
}

unsigned
world_below(struct world *world, unsigned below)
{
    return (unsigned)chance_below(&world->chance, below);
}

struct device *
world_any(struct world *world)
{
    unsigned number = world_below(world, (unsigned)(world->device_count + world->copy_count));

    return &world->devices[(int)number < world->device_count
                               ? (int)number
                               : WORLD_MADE + (int)number - world->device_count];
}

struct device *
world_other(const struct device *device)
{
    struct device *other = NULL;

    do
        other = world_any(device->world);
    while (other == device);
    return other;
}

int
world_next(const struct world *world, int index)
{
    if (++index == world->device_count && index < WORLD_MADE)
        index = WORLD_MADE;
    return index < WORLD_MADE + world->copy_count ? index : WORLD_DEVICES;
}

struct id
world_person(const struct device *device)
{
    const struct world *world = device->world;

    return ledger_device(world->ledger, world->names.devices[device->index])->person;
}

void
world_pass(struct world *world, int64_t ms)
{
    if (ms > 0)
        world->now_ms += ms;
}

bool
world_judge(struct device *device, enum rc rc, const char *what)
{
    struct world *world = device->world;
    bool is_healed = world->is_healing && strcmp(what, "sync") == 0;

    if (device_is_dead(device))
        return false;
    switch (rc) {
    case RC_OK:
        return true;
    case RC_OFFLINE:
        if (world->is_stepping && world->cut.machine == WORLD_MADE)
            return false;
        /* fall through */
    case RC_STALE:
    case RC_DENIED:
    case RC_LOCKED:
    case RC_EXISTS:
    case RC_ABSENT:
    case RC_INVALID:
        if (!is_healed || !model_is_active(world->model, device->index))
            return false;
        break;
    case RC_FULL:
        if (device->is_full)
            return false;
        break;
    case RC_UNTRUSTED: /* what a portal or a cut answer looks like */
    case RC_CORRUPT:
        if (!world->is_healing &&
            (world->rates.cut > 0 || world->rates.portal > 0 || world->rates.lie > 0))
            return false;
        if (is_healed && world->was_server_restored && claims_gaps_are_lost(device))
            return false; /* decision 018: a liar kept it back, and whoever has it hands it in again */
        break;
    default:
        break;
    }
    world_fail(world, "device %d, %s: %s: %s", device->index, what, rc_name(rc), rc_sentence());
    return false;
}

/* ---- set-up ---- */

static void
demand_sync(struct device *device)
{
    struct sync_report report = {0};
    const struct sync_options options = {0};

    stores_demand(replica_sync(device->replica, &device->transport, &options, &report),
                  "a session");
}

static void
make_team(struct world *world)
{
    struct device *device = &world->devices[0];
    char code[SERVER_CODE_CHARS + 1];

    stores_demand(server_new_code(world->server, code), "a code");
    const struct team_new team = {.code = code,
                                  .server_address = "http://127.0.0.1:1",
                                  .person_name = "Anna",
                                  .device_label = "laptop",
                                  .roles = LEDGER_ROLE_COORDINATOR | LEDGER_ROLE_COACH};
    stores_demand(replica_create_team(device->replica, &device->transport, &team),
                  "making the team");
    memcpy(world->team, ledger_team(replica_ledger(device->replica)), sizeof world->team);
    adapter_follow(world);
}

static void
bring_in(struct world *world, int index, const struct id *person, const char *name)
{
    struct device *host = &world->devices[0], *device = &world->devices[index];
    struct buf invitation = BUF_EMPTY(8192);
    char digits[JOINING_DIGITS_CHARS + 1];
    struct id id;

    stores_demand(replica_invite(host->replica, &host->transport,
                                 person == NULL ? (struct id){{0}} : *person, name, LEDGER_ROLE_COACH,
                                 WORLD_DAY_MS, &invitation),
                  "inviting");
    stores_demand(replica_join(device->replica, &device->transport, buf_text(&invitation), digits),
                  "joining");
    stores_demand(replica_approve(host->replica, &host->transport, digits, "laptop", &id),
                  "approving");
    demand_sync(device);
    buf_wipe(&invitation);
}

/* Five people; the second has two devices. */
static void
make_people(struct world *world)
{
    make_team(world);
    bring_in(world, 1, NULL, "Bram");
    bring_in(world, 2, NULL, "Carla");
    bring_in(world, 3, NULL, "Dirk");
    bring_in(world, 4, NULL, "Els");
    bring_in(world, 5, &world->names.persons[1], "Bram");
}

static void
make_families(struct world *world)
{
    for (int i = 0; i < SETUP_FAMILIES; i++) {
        struct device *device = &world->devices[i];
        struct id family;
        struct family_new wanted = {.owner = world->names.persons[i],
                                    .record.code_name = "Family"};
        stores_demand(replica_create_family(device->replica, &device->transport, &wanted, &family),
                      "making a family");
        adapter_take_own_saves(device);
    }
}

void
world_make(struct world *world)
{
    *world = (struct world){.now_ms = START_MS, .is_healing = true, .device_count = WORLD_MADE};
    seeded_start(SETUP_SEED);
    stores_demand(secret_start(), "guarded memory");
    scratch_make(&world->scratch);
    world->model = model_new();
    stores_demand(ledger_new(&world->ledger), "a ledger");
    server_prepare(world);
    server_start(world);
    for (int i = 0; i < WORLD_MADE; i++) {
        device_prepare(world, i);
        device_make_store(&world->devices[i]);
    }
    make_people(world);
    for (int i = 0; i < WORLD_MADE; i++)
        world->devices[i].writer = adapter_own_writer(&world->devices[i]);
    make_families(world);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < WORLD_MADE; i++)
            demand_sync(&world->devices[i]);
    for (int i = 0; i < WORLD_MADE; i++) {
        adapter_look(&world->devices[i]);
        device_close(&world->devices[i]);
    }
    server_stop(world);
    device_keep_tokens(world);
}

void
world_remove(struct world *world)
{
    scratch_remove(&world->scratch);
    for (int i = 0; i < WORLD_DEVICES; i++) {
        power_disk_free(world->devices[i].disk);
        power_disk_free(world->devices[i].backup);
    }
    power_disk_free(world->server_backup);
    power_disk_free(world->server_disk);
    for (int i = 0; i < world->token_count; i++)
        free(world->tokens[i].bytes);
    net_forget_late(world);
    ledger_free(world->ledger);
    model_free(world->model);
    free(world->stored);
    claims_free(world);
}

/* ---- a seed ---- */

/* Each kind of fault is absent, rare or frequent; one seed in eight knows none but time. */
static unsigned
rate(struct world *world, unsigned rare, unsigned frequent)
{
    switch (world_below(world, 3)) {
    case 0:
        return 0;
    case 1:
        return rare;
    default:
        return frequent;
    }
}

/* Mostly three: what they meet in is then dense. Those that are not used are colleagues who are silent. */
static int
throw_devices(struct world *world)
{
    static const int counts[] = {2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 6, 3};

    return counts[world_below(world, sizeof counts / sizeof *counts)];
}

static void
throw_rates(struct world *world)
{
    struct rates *rates = &world->rates;

    *rates = (struct rates){.ledger = 60 + rate(world, 60, 240)};
    rates->bundle = rate(world, 20, 80);
    rates->interleaved = rate(world, 20, 100);
    rates->tie = rate(world, 20, 60);
    if (world_below(world, 8) == 0)
        return;
    rates->lost_before = rate(world, 10, 80);
    rates->lost_after = rate(world, 10, 80);
    rates->repeated = rate(world, 10, 60);
    rates->late = rate(world, 10, 60);
    rates->cut = rate(world, 5, 40);
    rates->portal = rate(world, 5, 40);
    rates->busy = rate(world, 5, 40);
    rates->crash = rate(world, 20, 100);
    rates->server_crash = rate(world, 5, 30);
    rates->jump = rate(world, 10, 50);
    rates->drift = rate(world, 10, 30);
    rates->link = rate(world, 20, 60);
    rates->full = rate(world, 10, 50);
    if (world_below(world, 3) == 0)
        rates->lie = rate(world, 100, 300);
    if (world_below(world, 2) == 0)
        rates->restore = rate(world, 60, 150);
    if (rates->restore == 0 && world_below(world, 3) == 0)
        rates->server_restore = rate(world, 60, 150);
    if (rates->restore + rates->server_restore + rates->lie == 0 && world_below(world, 3) == 0)
        rates->copy = rate(world, 50, 120);
    if (world->is_returning)
        rates->restore = 200;
    if (rates->restore > 0 && world_below(world, 3) != 0) /* mostly one of both: what one hides the other is not asked for */
        rates->lie = 0;
    if (world->is_copying) {
        rates->restore = rates->server_restore = rates->lie = 0;
        rates->copy = 100;
    }
    if (world->is_putting_back) {
        rates->restore = rates->copy = 0;
        rates->server_restore = 60;
    }
    if (world->is_lying)
        rates->lie = 300;
    if (world->is_crashy)
        rates->crash = 250;
    if (world->is_stepping)
        rates->crash = rates->server_crash = rates->full = rates->restore = rates->server_restore =
            rates->copy = 0;
}

/* One seed in sixteen, of those in which nobody lies and no store comes back. */
static void
throw_carried(struct world *world, uint64_t seed)
{
    struct rates *rates = &world->rates;

    if (world->is_carrying)
        rates->restore = rates->server_restore = rates->lie = rates->copy = 0;
    if (world->is_carrying || (seed % 16 == 7 && rates->restore + rates->server_restore + rates->lie + rates->copy == 0))
        rates->carry = 60;
}

/* What moves while sessions go on: when it stands still, all is quiet. */
static uint64_t
picture(struct world *world)
{
    uint64_t kept = world->trace, picture;

    world->trace = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i)) {
        struct device *device = &world->devices[i];
        struct waiting waiting = {0};
        const uint64_t position = ledger_position(replica_ledger(device->replica));
        if (replica_waiting(device->replica, &waiting) != RC_OK)
            world_fail(world, "device %d, waiting: %s", i, rc_sentence());
        /* What an acknowledgement reveals as withheld is asked for in the session after; one that was held up by a cut is read then. */
        const uint64_t acks =
            world->rates.lie == 0 && !world->is_stepping
                ? 0
                : (uint64_t)adapter_ask(device, "SELECT value FROM sync_state WHERE name = 'acks_after'", NULL);
        /* Of two machines that numbered alike, what the one acknowledged others may refuse for the other's higher number, until it does so
         * in a life of its own. */
        const uint64_t life = replica_self(device->replica).feed.incarnation;
        const uint64_t facts[] = {position, waiting.saves_unsealed, waiting.entries_unsent,
                                  waiting.parked, waiting.held, acks, life};
        world_trace_bytes(world, facts, sizeof facts);
        for (int stream = 0; stream < MODEL_STREAMS; stream++)
            for (int writer = 0; writer < world->names.writer_count; writer++) {
                uint32_t seen = model_seen(world->model, i, stream, writer);
                world_trace_bytes(world, &seen, sizeof seen);
            }
    }
    const uint64_t served[] = {model_position(world->model), world->stored_count};
    world_trace_bytes(world, served, sizeof served);
    picture = world->trace;
    world->trace = kept;
    return picture;
}

static bool
go_round(struct world *world)
{
    bool is_complete = true;

    for (int i = 0; i < WORLD_DEVICES && !world->has_failed; i = world_next(world, i)) {
        struct sync_report report;
        bool done = act_session(&world->devices[i], &report);
        is_complete &= done || !model_is_active(world->model, i);
        world_pass(world, WORLD_MINUTE_MS);
    }
    return is_complete;
}

static void
heal(struct world *world)
{
    uint64_t before = 0;
    int quiet = 0;

    world_trace(world, "all is well from here");
    world->is_healing = true;
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i)) {
        struct device *device = &world->devices[i];
        device->link_is_down = false;
        device->cut_route = NULL;
        device->offset_ms = device->drift_ppm = 0;
        if (!world->is_stepping) {
            power_disk_cut_at_sync(device->disk, 0);
            power_disk_cut_at(device->disk, 0);
        }
    }
    power_disk_cut_at_sync(world->server_disk, 0);
    net_deliver_late(world, true);
    if (world->is_short)
        life_return_lines(world);
    for (int round = 0; round < ROUNDS_MOST && !world->has_failed; round++) {
        bool is_complete = go_round(world);
        if (world->has_failed)
            return;
        uint64_t after = picture(world);
        quiet = after == before && is_complete ? quiet + 1 : 0;
        if (quiet == ROUNDS_QUIET) {
            life_check_boxes(world);
            return;
        }
        before = after;
    }
    world_fail(world, "still not quiet after %d rounds", ROUNDS_MOST);
}

static struct power_disk *
disk_of(struct world *world, int machine)
{
    return machine == WORLD_MADE ? world->server_disk : world->devices[machine].disk;
}

static void
begin_steps(struct world *world)
{
    for (int i = 0; i <= WORLD_MADE; i++)
        world->operations[i] = power_disk_operations(disk_of(world, i));
    if (world->is_stepping)
        power_disk_cut_at(disk_of(world, world->cut.machine), world->cut.step);
}

static void
end_steps(struct world *world)
{
    for (int i = 0; i <= WORLD_MADE; i++)
        world->operations[i] = power_disk_operations(disk_of(world, i)) - world->operations[i];
}

void
world_run(struct world *world, uint64_t seed)
{
    world->chance.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    seeded_start(seed);
    world->is_thorough = seed % THOROUGH_EVERY == 0;
    world->trace = UINT64_C(0xcbf29ce484222325);
    world->is_healing = false;
    world->tally = (struct tally){.runs = 1};
    device_restore_tokens(world);
    world->device_count = throw_devices(world);
    world->tally.devices[world->device_count]++;
    throw_rates(world);
    throw_carried(world, seed);
    server_start(world);
    begin_steps(world);
    for (int i = 0; i < WORLD_DEVICES && !world->has_failed; i = world_next(world, i))
        device_open(&world->devices[i]);
    unsigned steps = STEPS_LEAST + world_below(world, STEPS_MORE);
    for (unsigned i = 0; i < steps && !world->has_failed; i++)
        act_step(world);
    if (!world->has_failed)
        heal(world);
    end_steps(world);
    if (!world->has_failed)
        check_end(world);
    if (!world->has_failed && world_below(world, 6) == 0)
        fork_check(world);
    if (world->has_given_up)
        world->has_failed = false;
}

void
world_close(struct world *world)
{
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        device_close(&world->devices[i]);
    server_stop(world);
}
