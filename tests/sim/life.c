/* Machines that go back to what they were: a device restored from its backup, in place or elsewhere; a server from its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/depot.h"
#include "sync/replica_own.h"
#include "sync/sent.h"
#include "tests/sim/adapter.h"
#include "tests/sim/copies.h"
#include "tests/sim/opens.h"
#include "tests/sim/world.h"

/* ---- devices ---- */

static bool
is_its(const struct device *device, int writer)
{
    return model_device(device->world->model, writer) == device->index;
}

int64_t
life_logged(struct device *device, int stream, int writer)
{
    const struct names *names = &device->world->names;
    struct stmt *stmt = NULL;
    int64_t last = 0;
    enum rc rc = db_stmt(store_db(device->store),
                         "SELECT coalesce(max(last), 0) FROM sync_entry JOIN sync_feed USING (feed)"
                         " WHERE stream = ?1 AND device = ?2 AND incarnation = ?3",
                         &stmt);

    if (rc == RC_OK) {
        stmt_id(stmt, 1, names->streams[stream]);
        stmt_id(stmt, 2, names->writers[writer].device);
        stmt_int(stmt, 3, (int64_t)names->writers[writer].incarnation);
        rc = stmt_finish_int(stmt, &last);
    }
    if (rc != RC_OK)
        world_fail(device->world, "device %d, its log: %s", device->index, rc_sentence());
    return last;
}

/* What it gave away on a stick alone would be there twice: once as given, and once under the numbers that it gets now. */
static bool
is_elsewhere_only(const struct device *device)
{
    struct world *world = device->world;

    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        for (int stream = 0; i != device->index && stream < MODEL_STREAMS; stream++)
            for (int writer = 0; writer < world->names.writer_count; writer++)
                if (is_its(device, writer) && !id_is_zero(world->names.streams[stream]) &&
                    life_logged(&world->devices[i], stream, writer) >
                        (int64_t)model_stored(world->model, stream, writer))
                    return true;
    return false;
}

static void
keep_device(struct device *device)
{
    if (device->backup == NULL)
        device->backup = power_disk_new();
    power_disk_copy(device->backup, device->disk);
    device->has_backup = true;
    world_trace(device->world, "device %d: a backup is made", device->index);
}

/* A copy of it won that stream, and goes on there under that life's numbers: what it has not sent is on its own disk. */
static bool
is_its_doubles(const struct device *device, int stream, int writer)
{
    const struct world *world = device->world;

    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (i != device->index && world->devices[i].life == writer && world->devices[i].has_won[stream])
            return true;
    return false;
}

/* What the server or one colleague alone had, for its author's disk was lost, is lost with it. */
static void
forget_where_nobody_has_it(struct world *world, int stream, int writer)
{
    struct device *author = &world->devices[model_device(world->model, writer)];
    uint32_t kept = model_stored(world->model, stream, writer);

    if (!author->was_returned || author->is_busy || author->life != MODEL_NONE || is_its_doubles(author, stream, writer))
        return;
    int64_t saved = adapter_saved(author, stream, writer);
    kept = saved > kept ? (uint32_t)saved : kept;
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i)) {
        int64_t logged = life_logged(&world->devices[i], stream, writer);
        kept = logged > kept ? (uint32_t)logged : kept;
    }
    model_truncate(world->model, stream, writer, kept);
}

/* Of what it wrote since, all that the server does not have is lost with the disk; of others' work what nobody else had. */
static void
forget_lost(struct device *device)
{
    struct world *world = device->world;

    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        for (int writer = 0; writer < world->names.writer_count; writer++) {
            if (id_is_zero(world->names.streams[stream]) || is_its_doubles(device, stream, writer))
                continue;
            if (!is_its(device, writer)) {
                forget_where_nobody_has_it(world, stream, writer);
                continue;
            }
            uint32_t saved = (uint32_t)adapter_saved(device, stream, writer);
            uint32_t stored = model_stored(world->model, stream, writer);
            model_truncate(world->model, stream, writer, saved > stored ? saved : stored);
        }
    model_acks_none(world->model, device->index);
}

static void
return_device(struct device *device)
{
    struct world *world = device->world;
    bool is_elsewhere = world_falls(world, 500);
    char name[ID_TEXT_CHARS + 1], path[WORLD_PATH];

    world_happened(world, is_elsewhere ? HAPPENED_RESTORED_ELSEWHERE : HAPPENED_RESTORED);
    world_trace(world, "device %d: its backup is put back%s", device->index,
                is_elsewhere ? ", on another machine" : "");
    id_to_text(store_id(device->store), name);
    device_close(device);
    net_forget_late(world); /* what the lost life still had under way is lost too */
    power_disk_copy(device->disk, device->backup);
    if (is_elsewhere) { /* the instance token stays behind */
        snprintf(path, sizeof path, "%s/%s", scratch_path(&world->scratch, "state"), name);
        (void)unlink(path);
    }
    device->started_ms = world->now_ms;
    device->writer = MODEL_NONE;
    device->is_returned = device->was_returned = true;
    device_open(device);
    if (world->has_failed)
        return;
    forget_lost(device);
    adapter_look(device);
}

void
life_act(struct device *device)
{
    if (device->is_busy || device_is_dead(device) || device->is_copy || device->life != MODEL_NONE || device->world->is_short)
        return;
    if (!device->has_backup || world_falls(device->world, 300))
        keep_device(device);
    else if (model_is_active(device->world->model, device->index) && !is_elsewhere_only(device))
        return_device(device);
}

bool
life_may_save(struct device *device, int stream)
{
    return !device->is_returned ||
           adapter_saved(device, stream, copies_writer(device, stream)) ==
               (int64_t)model_last(device->world->model, stream, copies_writer(device, stream));
}

/* ---- the server ---- */

static void
keep_server(struct world *world)
{
    if (world->server_backup == NULL)
        world->server_backup = power_disk_new();
    power_disk_copy(world->server_backup, world->server_disk);
    world->kept_lines = model_position(world->model);
    world->kept_stored = world->stored_count;
    world->kept_acked = world->acked;
    world_trace(world, "the server: a backup is made");
}

/* ---- a server that lacks lines ---- */

/* It has read every line, and will keep them. */
static bool
knows_all(struct device *device)
{
    return !device_is_dead(device) && !device->is_busy && !device->is_copy && !device->is_forked && device->life == MODEL_NONE &&
           model_is_active(device->world->model, device->index) &&
           ledger_position(replica_ledger(device->replica)) == model_position(device->world->model);
}

static struct device *
who_knows_all(struct world *world)
{
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (knows_all(&world->devices[i]))
            return &world->devices[i];
    return NULL;
}

/* Who lost a right by it would have that again at the server for a while, which the model does not hold. */
static bool
ends_a_right(struct world *world, const uint8_t *bytes, size_t len)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct ledger_line line;
    bool ends = true;

    if (ledger_line_decode(bytes, len, &line) != RC_OK || ledger_op_decode(line.op, line.op_len, &op) != RC_OK)
        world_fail(world, "a ledger line of a device: %s", rc_sentence());
    else
        ends = op.kind == LEDGER_ROLE || op.kind == LEDGER_COVER_END || op.kind == LEDGER_REVOKE_DEVICE ||
               op.kind == LEDGER_ASSIGN;
    ledger_op_wipe(&op);
    return ends;
}

/* Two pasts would come of it, were nobody left who could hand the lines back. */
static bool
may_be_short(struct world *world)
{
    struct device *device = who_knows_all(world);
    struct stmt *stmt = NULL;
    bool may = device != NULL && world->rates.lie == 0, found = true;

    if (!may)
        return false;
    enum rc rc = db_stmt(store_db(device->store), "SELECT line FROM sync_line WHERE position > ?1", &stmt);
    if (rc == RC_OK)
        stmt_int(stmt, 1, (int64_t)world->kept_lines);
    while (rc == RC_OK && may && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        size_t len;
        const uint8_t *line = stmt_get_blob(stmt, 0, &len);
        may = !ends_a_right(world, line, len);
    }
    stmt_done(stmt);
    return may && rc == RC_OK;
}

void
life_follow_lines(struct world *world, uint64_t position)
{
    if (!world->is_short || position < model_position(world->model))
        return;
    world_trace(world, "the server has all its lines again");
    world->is_short = false;
    world->server->closed_until_ms = 0;
}

void
life_return_lines(struct world *world)
{
    struct sync_report report;
    struct device *device = world->is_short ? who_knows_all(world) : NULL;

    if (device != NULL)
        (void)act_session(device, &report);
    if (world->is_short && !world->has_failed)
        world_fail(world, "nobody hands back the ledger lines that the server lost");
}

struct looking {
    const struct ledger_pair *box;
    bool found;
};

static enum rc
look(void *context, const struct depot_box *box, bool *stop)
{
    struct looking *looking = context;

    looking->found = box->epoch == looking->box->epoch && id_equal(box->recipient, looking->box->device);
    *stop = looking->found;
    return RC_OK;
}

static int
find(const struct id *ids, int count, struct id wanted)
{
    for (int i = 0; i < count; i++)
        if (id_equal(ids[i], wanted))
            return i;
    return MODEL_NONE;
}

/* Who is in the team (or is not any more) has the key, and can make the box again; or keeps it made, of a stream that it may not hold. */
static bool
has_it(struct world *world, const struct ledger_pair *named, bool is_in_team)
{
    struct wire_box box = {.stream = named->stream, .epoch = named->epoch, .recipient = named->device};

    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i)) {
        struct replica *replica = world->devices[i].replica;
        bool found = true;
        if (model_is_active(world->model, i) != is_in_team)
            continue;
        if (replica == NULL || keyring_has(replica->keys, box.stream, box.epoch) || sent_find(replica, &box, &found) != RC_OK ||
            found)
            return true;
    }
    return false;
}

static bool
is_simulated(const struct world *world, struct id device)
{
    bool is = false;

    for (int i = 0; i < WORLD_DEVICES && !is; i = world_next(world, i))
        is = id_equal(world->names.devices[i], device);
    return is;
}

/* A colleague of the team who does not come in this seed has the key, and gives the box when it does. */
static bool
is_at_an_absent(const struct world *world, const struct ledger_pair *named)
{
    struct ledger_epoch epoch;
    bool is = false;

    if (!ledger_epoch(world->ledger, named->stream, named->epoch, &epoch))
        return false;
    for (size_t i = 0; i < epoch.recipient_count && !is; i++)
        is = ledger_may_hold(world->ledger, epoch.recipients[i], named->stream, (uint64_t)world->now_ms) &&
             !is_simulated(world, epoch.recipients[i]) && !id_equal(epoch.recipients[i], named->device);
    return is;
}

static void
check_boxes_of(struct world *world, struct depot *depot, int64_t team, struct id device, bool *is_lost)
{
    struct ledger_pairs boxes = LEDGER_PAIRS_EMPTY;
    enum rc rc = ledger_boxes_of_use(world->ledger, device, (struct id){{0}}, (uint64_t)world->now_ms, &boxes);

    for (size_t i = 0; rc == RC_OK && i < boxes.count && !world->has_failed; i++) {
        struct looking looking = {.box = &boxes.items[i]};
        rc = depot_list_boxes(depot, team, &boxes.items[i].stream, 0, look, &looking);
        if (rc != RC_OK || looking.found)
            continue;
        if (!has_it(world, looking.box, true) && (is_at_an_absent(world, looking.box) || has_it(world, looking.box, false) ||
                                                  opens_holders_were_put_back(world, looking.box->stream, looking.box->epoch)))
            *is_lost = true;
        else
            world_fail(world, "the server lacks a key box that its lines gave: epoch %u of stream %d, for device %d",
                       boxes.items[i].epoch, find(world->names.streams, MODEL_STREAMS, boxes.items[i].stream),
                       find(world->names.devices, MODEL_DEVICES, boxes.items[i].device));
    }
    if (rc != RC_OK)
        world_fail(world, "the server's boxes: %s", rc_sentence());
    ledger_pairs_wipe(&boxes);
}

void
life_check_boxes(struct world *world)
{
    struct depot *depot = NULL;
    struct depot_team team;
    bool is_lost = false;

    if (!world->was_short || world->has_failed)
        return;
    enum rc rc = server_take_depot(world->server, &depot);
    if (rc == RC_OK)
        rc = depot_find_team(depot, world->team, &team);
    for (int i = 0; rc == RC_OK && i < WORLD_DEVICES; i = world_next(world, i))
        if (model_is_active(world->model, i))
            check_boxes_of(world, depot, team.key, world->names.devices[i], &is_lost);
    server_give_depot(world->server, depot);
    if (rc != RC_OK)
        world_fail(world, "the server's boxes: %s", rc_sentence());
    else if (is_lost)
        world_give_up(world, "a key went with the server's lines, and with all who had it: they were put back, or revoked");
}

/* With a shorter ledger it takes no new operations until somebody has handed the lines back. */
static void
return_server(struct world *world)
{
    bool is_short = world->kept_lines != model_position(world->model);

    world_happened(world, is_short ? HAPPENED_SERVER_SHORT : HAPPENED_SERVER_RESTORED);
    world_trace(world, "the server: its backup is put back, %zu of %zu entries, %llu of %llu lines", world->kept_stored,
                world->stored_count, (unsigned long long)world->kept_lines, (unsigned long long)model_position(world->model));
    server_stop(world);
    net_forget_late(world);
    power_disk_copy(world->server_disk, world->server_backup);
    for (size_t i = world->stored_count; i > world->kept_stored; i--) {
        const struct stored *lost = &world->stored[i - 1];
        model_unstore(world->model, lost->stream, lost->writer, lost->first - 1);
    }
    for (size_t i = world->stored_count; i > world->kept_stored; i--)
        forget_where_nobody_has_it(world, world->stored[i - 1].stream, world->stored[i - 1].writer);
    world->stored_count = world->kept_stored;
    world->was_server_restored = true;
    world->is_short = is_short;
    world->was_short = world->was_short || is_short;
    world->acked = world->kept_acked;
    server_start(world);
}

void
life_act_server(struct world *world)
{
    if (world->depth > 0 || world->is_short)
        return;
    if (world->server_backup != NULL && !world_falls(world, 200) &&
        (world->kept_lines == model_position(world->model) || may_be_short(world)))
        return_server(world);
    else
        keep_server(world);
}
