/* What people and machines do in one step. */
#include <stdio.h>
#include <string.h>

#include "tests/sim/adapter.h"
#include "tests/sim/copies.h"
#include "tests/sim/world.h"

enum { DAYS_OF_YEAR = 365, BUNDLE_BYTES = 16 * 1024 * 1024 };
enum { REQUESTS_QUIET = 8, REQUESTS_RESTORE = 4, REQUESTS_MOST = 40, SESSION_OPERATIONS = 60 };

void
act_begin(struct device *device, const char *what)
{
    device->is_busy = true;
    device->world->depth++;
    world_trace(device->world, "device %d: %s", device->index, what);
    check_clock(device);
}

void
act_done(struct device *device)
{
    struct world *world = device->world;

    device->is_busy = false;
    world->depth--;
    if (world->has_failed)
        return;
    power_disk_limit(device->disk, 0);
    device->was_full = device->is_full;
    device->is_full = false;
    if (device_is_dead(device))
        device_crash(device);
    else
        adapter_follow_life(device);
    if (!world->has_failed && replica_now_ms(device->replica) < device->refreshed_ms)
        device->refreshed_ms = replica_now_ms(device->replica); /* the server's greeting took back a jump of its clock */
    if (!world->has_failed)
        sabotage_after(device);
    if (!world->has_failed)
        check_device(device);
}

/* ---- sessions ---- */

/* A session asks a few times, and once more for each page, line and operation (O7), and for each stream that waits to be
 * filled: when a bundle brought its lines and entries, only the server can say that there is nothing else. Where the server was put back,
 * its refusal of the cursor comes to it, all offered again, and two requests about boxes. */
static void
judge_requests(struct device *device, const struct sync_report *report, uint64_t spared, uint64_t requests)
{
    uint64_t moved = report->lines + report->pushed + report->pulled + report->rotations +
                     report->grants + report->refused + report->lines_returned + report->boxes_returned;
    uint64_t most = moved == 0 && device->world->is_healing ? REQUESTS_QUIET
                                                            : REQUESTS_MOST + 6 * moved;

    if (requests > most + spared)
        world_fail(device->world,
                   "device %d sent %llu requests in a session that moved %llu things, and %llu are spared",
                   device->index, (unsigned long long)requests, (unsigned long long)moved,
                   (unsigned long long)spared);
}

bool
act_session(struct device *device, struct sync_report *report)
{
    const struct sync_options options = {0};
    bool is_complete = false;

    act_begin(device, "sync");
    device->world->tally.sessions++;
    *report = (struct sync_report){0};
    sabotage_session(device);
    device->sessions++;
    uint64_t to_fill = (uint64_t)adapter_ask(device, "SELECT count(*) FROM sync_stream WHERE is_filling", NULL);
    uint64_t requests = device->requests, heard = device->restores_heard, operations = power_disk_operations(device->disk);
    if (!device->world->is_healing && !device->world->is_calm && world_falls(device->world, device->world->rates.crash))
        power_disk_cut_at(device->disk, 1 + world_below(device->world, SESSION_OPERATIONS));
    enum rc rc = replica_sync(device->replica, &device->transport, &options, report);
    world_trace(device->world, " -> %llu operations on its disk",
                (unsigned long long)(power_disk_operations(device->disk) - operations));
    world_trace(device->world, " -> %s, pushed %llu, applied %llu, parked %llu, held %llu",
                rc_name(rc), (unsigned long long)report->pushed,
                (unsigned long long)report->applied, (unsigned long long)report->parked,
                (unsigned long long)report->held);
    is_complete = rc == RC_OK && report->is_complete;
    if (rc == RC_OK)
        device->refreshed_ms = replica_now_ms(device->replica);
    /* A restored server asks for what it lost, once. */
    if (world_judge(device, rc, "sync") && report->refused > 0 && !device->world->was_server_restored &&
        !copies_has_double(device))
        world_fail(device->world, "device %d: the server refused %llu entries", device->index,
                   (unsigned long long)report->refused);
    judge_requests(device, report, to_fill + REQUESTS_RESTORE * (device->restores_heard - heard), device->requests - requests);
    if (report->forged_boxes > 0 && !device->world->has_forged)
        world_fail(device->world, "device %d saw forged boxes", device->index);
    act_done(device);
    return is_complete;
}

void
act_sync(struct device *device)
{
    struct sync_report report;

    (void)act_session(device, &report);
}

/* ---- saves ---- */

static const struct unit_kind *
any_kind(struct world *world, enum model_stream_kind home)
{
    for (;;) {
        const struct unit_kind *kind = &unit_kinds[world_below(world, UNIT_KINDS)];
        bool is_rare = kind->is_set || kind->moves || strcmp(kind->name, "future.thing") == 0;
        if (kind->home == home && (!is_rare || world_falls(world, 250)))
            return kind;
    }
}

/* Who is no coach of the family may not protect less: they rather try. */
static const struct unit_kind *
kind_for(struct device *device, int stream, enum model_stream_kind home)
{
    struct world *world = device->world;
    struct author self = replica_self_in(device->replica, world->names.streams[stream]);

    if (home == MODEL_FILE && (self.functions & FUNCTION_COACH) == 0 && world_falls(world, 300))
        return unit_kind(world_falls(world, 500) ? "standing.consent" : "standing.safety");
    return any_kind(world, home);
}

/* A few records in each stream, so that people meet on them. Reports are mostly their author's own. */
static void
fill_op(struct device *device, int stream, enum model_stream_kind home, struct model_op *op)
{
    struct world *world = device->world;
    const struct unit_kind *kind = kind_for(device, stream, home);

    *op = (struct model_op){.is_shown_in_conflict = kind->is_shown,
                            .supersedes_nothing = kind->is_set,
                            .is_once = kind->is_once,
                            .deletes = strcmp(kind->name, "goal.deleted") == 0,
                            .moves = kind->moves};
    op->supersedes_one = !kind->is_set && world_falls(world, 60);
    snprintf(op->unit, sizeof op->unit, "%s", kind->name);
    size_t word = strcspn(kind->name, ".");
    if (strcmp(kind->name, "contact.report") == 0) { /* one throw after the other: a compiler may take arguments in any order */
        unsigned number = world_below(world, 4);
        int author = world_falls(world, 100) ? (int)world_below(world, (unsigned)world->device_count) : device->index;
        snprintf(op->record, sizeof op->record, "s%d-contact-by%d-%u", stream, author, number);
    } else
        snprintf(op->record, sizeof op->record, "s%d-%.*s-%u", stream, (int)word, kind->name,
                 world_below(world, 3));
    if (kind->moves) { /* a mark, or the empty value, which takes one back */
        op->protects = world_falls(world, 600) ? 1 : 0;
        if (op->protects == 1)
            snprintf(op->value, sizeof op->value, "v%d", world->next_value++);
    } else if (kind->is_strict) {
        unsigned place = world_below(world, STRICT_WORDS);
        op->protects = 1 + place;
        op->needs_two = kind->needs_two;
        snprintf(op->value, sizeof op->value, "%s", strict_word(kind, place));
    } else if (world_falls(world, 150))
        snprintf(op->value, sizeof op->value, "same");
    else
        snprintf(op->value, sizeof op->value, "v%d", world->next_value++);
}

static void
fill_save(struct device *device, int stream, enum model_stream_kind home, struct model_save *save)
{
    size_t want = 1 + world_below(device->world, MODEL_OPS - 1);

    *save = (struct model_save){.stream = stream};
    for (size_t i = 0; i < want; i++) {
        struct model_op *op = &save->ops[save->count];
        fill_op(device, stream, home, op);
        bool is_twice = false; /* one operation for each unit */
        for (size_t k = 0; k < save->count; k++)
            is_twice |= strcmp(save->ops[k].record, op->record) == 0 &&
                        strcmp(save->ops[k].unit, op->unit) == 0;
        if (!is_twice)
            save->count++;
    }
}

static enum model_stream_kind
home_of(int stream)
{
    return stream == 0 ? MODEL_TEAM : stream % 2 == 1 ? MODEL_INDEX : MODEL_FILE;
}

static bool
engine_may_write(struct device *device, int stream)
{
    const struct world *world = device->world;

    return ledger_may_write(replica_ledger(device->replica), world->names.devices[device->index],
                            world->names.streams[stream]);
}

static bool
has_keys(struct device *device, int at, size_t count)
{
    for (int stream = at; stream > at - (int)count; stream--)
        if (adapter_ask(device, "SELECT count(*) FROM sync_key WHERE stream = ?1",
                        &device->world->names.streams[stream]) == 0)
            return false;
    return true;
}

/* Decision 011: in doubt whether it goes on it begins no other life, where what it wrote before is held, or not fetched again yet. */
static bool
is_torn_in_doubt(struct device *device, int at, size_t count)
{
    const struct names *names = &device->world->names;
    bool is_torn = false;

    for (int stream = at; stream > at - (int)count && device->is_returned; stream--) {
        uint32_t applied = 0;
        enum rc rc = journal_frontier(replica_journal(device->replica), names->streams[stream],
                                      names->writers[device->writer], &applied);
        is_torn = is_torn || (rc == RC_OK && adapter_saved(device, stream, device->writer) > (int64_t)applied);
    }
    return is_torn;
}

static void
save_in(struct device *device, int at)
{
    struct world *world = device->world;
    struct model_save saves[2];
    size_t count = 1;
    enum model_stream_kind home = home_of(at);

    fill_save(device, at, home, &saves[0]);
    if (home == MODEL_FILE && world_falls(world, 400))
        fill_save(device, at - 1, MODEL_INDEX, &saves[count++]);
    bool may = engine_may_write(device, saves[0].stream);
    bool is_here = adapter_has_stream(device, at);
    if (!may && world_falls(world, 900))
        return;
    if (!life_may_save(device, at) || (count == 2 && !life_may_save(device, at - 1)))
        return;
    act_begin(device, "save");
    world->tally.saves++;
    enum rc rc = adapter_save(device, saves, count);
    world_trace(world, " -> stream %d, %zu operations: %s", at, saves[0].count, rc_name(rc));
    if (!device_is_dead(device)) {
        if (rc == RC_OK && !may)
            world_fail(world, "device %d saved in stream %d without the right", device->index, at);
        else if (rc != RC_OK && may && is_here &&
                 !(rc == RC_LOCKED && !has_keys(device, at, count)) &&
                 !(rc == RC_STALE && (copies_has_double(device) || is_torn_in_doubt(device, at, count))) &&
                 !(rc == RC_FULL && device->is_full))
            world_fail(world, "device %d could not save in stream %d: %s: %s", device->index, at,
                       rc_name(rc), rc_sentence());
    }
    act_done(device);
}

static void
act_save(struct device *device)
{
    struct world *world = device->world;
    unsigned streams = 1 + 2 * (unsigned)world->names.family_count, at = 0;

    for (int tries = 0; tries < 4; tries++) { /* mostly where it may */
        at = world_below(world, streams);
        if (engine_may_write(device, (int)at))
            break;
    }
    save_in(device, (int)at);
}

void
act_save_in(struct device *device, struct id family)
{
    for (int i = 0; i < device->world->names.family_count; i++)
        if (id_equal(device->world->names.families[i], family))
            save_in(device, model_family_stream(i, MODEL_FILE));
}

/* ---- what befalls a device ---- */

static void
act_jump(struct device *device)
{
    struct world *world = device->world;
    int64_t days = (int64_t)world_below(world, 4 * DAYS_OF_YEAR) - 2 * DAYS_OF_YEAR;

    check_clock(device);
    device->offset_ms = world_falls(world, 400) ? 0 : days * WORLD_DAY_MS;
    world_happened(world, HAPPENED_JUMP);
    if (device->offset_ms != 0 && (days >= DAYS_OF_YEAR || days <= -DAYS_OF_YEAR))
        world_happened(world, HAPPENED_YEARS);
    world_trace(world, "device %d: clock is off by %lld ms", device->index,
                (long long)device->offset_ms);
}

static void
act_drift(struct device *device)
{
    struct world *world = device->world;

    check_clock(device); /* as far as it came until now */
    device->drift_from_ms = world->now_ms;
    device->drift_ppm = (int64_t)world_below(world, 2000) - 1000;
    world_happened(world, HAPPENED_DRIFT);
    world_trace(world, "device %d: drifts by %lld ppm", device->index,
                (long long)device->drift_ppm);
}

static void
act_link(struct device *device)
{
    static const char *const routes[] = {"/ledger", "/entries", "/acks", "/boxes", "/heads"};
    struct world *world = device->world;

    if (device->cut_route != NULL || world_falls(world, 300)) { /* of one way alone, or it is well again */
        unsigned at = world_below(world, sizeof routes / sizeof *routes);
        device->cut_route = device->cut_route == NULL ? routes[at] : NULL;
        world_happened(world, HAPPENED_ROUTE);
        world_trace(world, "device %d: %s gets through no more: %s", device->index,
                    device->cut_route == NULL ? "nothing" : "one way", device->cut_route == NULL ? "" : device->cut_route);
        return;
    }
    world_happened(world, HAPPENED_LINK);
    device->link_is_down = !device->link_is_down;
}

static void
act_rebuild(struct device *device)
{
    struct world *world = device->world;
    int stream = 0;

    for (int tries = 0; tries < 4; tries++) { /* rather one with a conflict */
        stream = (int)world_below(world, 1 + 2 * (unsigned)world->names.family_count);
        if (adapter_has_stream(device, stream) && adapter_conflicts(device, stream, NULL, 0) > 0)
            break;
    }
    if (!adapter_has_stream(device, stream))
        return;
    act_begin(device, "rebuilds a stream");
    (void)world_judge(device, replica_rebuild(device->replica, world->names.streams[stream]),
                      "rebuild");
    act_done(device);
}

/* On a stick from one device to another, sometimes read twice; nothing of it needs the server. */
static void
act_bundle(struct device *from)
{
    struct world *world = from->world;
    struct device *to =
        world_other(from);
    struct buf bytes = BUF_EMPTY(BUNDLE_BYTES);
    struct sync_report report = {0};
    unsigned times = 1 + world_below(world, 2);

    if (from->life != MODEL_NONE && !from->is_returned)
        return; /* what it gives away may be what its double numbers alike: two chains, for good */
    act_begin(from, "writes a bundle");
    struct bundle_report packed;
    bool is_whole = world_below(world, 4) == 0;
    enum rc rc = replica_bundle_pack(from->replica, world->names.devices[to->index], is_whole, &packed, &bytes);
    world_trace(world, " -> %s, %zu bytes for device %d", rc_name(rc), bytes.len, to->index);
    if (rc == RC_OK)
        world_happened(world, HAPPENED_PACKED);
    (void)world_judge(from, rc, "bundle export");
    act_done(from);
    for (unsigned i = 0; rc == RC_OK && i < times && !world->has_failed; i++) {
        act_begin(to, "reads a bundle");
        enum rc read = replica_bundle_import(to->replica, bytes.data, bytes.len, &report);
        world_trace(world, " -> %s, applied %llu", rc_name(read),
                    (unsigned long long)report.applied);
        if (read == RC_OK)
            world_happened(world, HAPPENED_READ);
        (void)world_judge(to, read, "bundle import");
        act_done(to);
    }
    buf_wipe(&bytes);
}

/* Until the act that follows is done. */
static void
act_full(struct device *device)
{
    struct world *world = device->world;

    world_happened(world, HAPPENED_FULL);
    device->is_full = true;
    power_disk_limit(device->disk,
                     power_disk_longest(device->disk) + 4096 * (int64_t)world_below(world, 20));
    world_trace(world, "device %d: its disk is nearly full", device->index);
    if (world_falls(world, 500))
        act_save(device);
    else
        act_sync(device);
    power_disk_limit(device->disk, 0);
    device->is_full = false;
}

static int64_t
wall_of(const struct device *device)
{
    return device->clock.wall_ms(device->clock.context);
}

/* Two people write the same at the same millisecond. */
static void
act_tie(struct device *a)
{
    struct world *world = a->world;
    struct device *b = world_other(a);
    int at = (int)world_below(world, 1 + 2 * (unsigned)world->names.family_count);
    struct model_save saves[2];

    if (a->is_busy || b->is_busy || a->is_returned || b->is_returned || !engine_may_write(a, at) || !engine_may_write(b, at) ||
        !adapter_has_stream(a, at) || !adapter_has_stream(b, at))
        return;
    b->offset_ms += wall_of(a) - wall_of(b);
    fill_save(a, at, home_of(at), &saves[0]);
    saves[1] = saves[0];
    for (size_t i = 0; i < saves[1].count; i++)
        if (saves[1].ops[i].protects == 0 && !saves[1].ops[i].moves)
            snprintf(saves[1].ops[i].value, MODEL_TEXT, "v%d", world->next_value++);
    world_happened(world, HAPPENED_TIE);
    for (int i = 0; i < 2 && !world->has_failed; i++) {
        struct device *device = i == 0 ? a : b;
        act_begin(device, "saves at the same moment");
        world->tally.saves++;
        enum rc rc = adapter_save(device, &saves[i], 1);
        world_trace(world, " -> stream %d: %s", at, rc_name(rc));
        act_done(device);
    }
}

static void
act_crash(struct device *device)
{
    if (world_falls(device->world, 300)) {
        device_crash(device);
        if (!device->world->has_failed)
            check_device(device);
    } else if (world_falls(device->world, 500)) /* in the middle of what it does next */
        power_disk_cut_at_sync(device->disk, 1 + world_below(device->world, 12));
    else
        power_disk_cut_at(device->disk, 1 + world_below(device->world, 1 + world_below(device->world, 200)));
}

void
act_step(struct world *world)
{
    struct device *device = world_any(world);
    const struct rates *rates = &world->rates;

    world->tally.steps++;
    world_pass(world, 1000 + (int64_t)world_below(world, 6 * WORLD_HOUR_MS));
    if (world_falls(world, 40))
        world_pass(world, (1 + (int64_t)world_below(world, 3)) * WORLD_DAY_MS);
    if (world_falls(world, rates->crash))
        act_crash(device);
    else if (world_falls(world, rates->server_crash))
        server_power_fails(world);
    else if (world_falls(world, rates->jump))
        act_jump(device);
    else if (world_falls(world, rates->drift))
        act_drift(device);
    else if (world_falls(world, rates->link))
        act_link(device);
    else if (world_falls(world, rates->restore))
        life_act(device);
    else if (world_falls(world, rates->server_restore))
        life_act_server(world);
    else if (rates->carry > 0 && !world->is_short && world_falls(world, rates->carry)) /* no throw where there is none: seeds stay what they were */
        act_carry(world);
    else if (world_falls(world, rates->copy))
        copies_act(device);
    else if (world_falls(world, rates->full))
        act_full(device);
    else if (world_falls(world, 30))
        act_visit(device);
    else if (world_falls(world, rates->tie))
        act_tie(device);
    else if (world_falls(world, rates->ledger))
        act_ledger(device);
    else if (world_falls(world, 25))
        act_rebuild(device);
    else if (world_falls(world, rates->bundle))
        act_bundle(device);
    else if (world_falls(world, 450))
        act_sync(device);
    else
        act_save(device);
}
