/* Names and numbers, and what the server's depot tells the model. */
#include "tests/sim/adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/depot.h"
#include "sync/entry.h"
#include "sync/replica_own.h"
#include "tests/sim/claims.h"
#include "tests/sim/copies.h"

/* ---- numbers of ids ---- */

static int
find(const struct id *ids, int count, struct id id)
{
    for (int i = 0; i < count; i++)
        if (id_equal(ids[i], id))
            return i;
    return MODEL_NONE;
}

static int
number(struct id *ids, int *count, int room, struct id id)
{
    int at = find(ids, *count, id);

    if (at != MODEL_NONE)
        return at;
    if (*count == room) {
        fprintf(stderr, "the simulator's tables are too small\n");
        abort();
    }
    ids[*count] = id;
    return (*count)++;
}

static int
person_of(struct world *world, struct id id)
{
    return id_is_zero(id)
               ? MODEL_NONE
               : number(world->names.persons, &world->names.person_count, MODEL_PERSONS, id);
}

static int
family_of(struct world *world, struct id id)
{
    return number(world->names.families, &world->names.family_count, MODEL_FAMILIES, id);
}

static int
cover_of(struct world *world, struct id id)
{
    return number(world->names.covers, &world->names.cover_count, MODEL_COVERS, id);
}

int
adapter_writer(const struct world *world, struct feed_ref feed)
{
    const struct names *names = &world->names;

    for (int i = 0; i < names->writer_count; i++)
        if (feed_equal(names->writers[i], feed))
            return i;
    return MODEL_NONE;
}

void
adapter_order(struct world *world, int writer, struct feed_ref feed)
{
    uint8_t order[MODEL_ORDER_BYTES];

    memcpy(order, feed.device.bytes, ID_BYTES);
    for (size_t i = 0; i < sizeof feed.incarnation; i++)
        order[ID_BYTES + i] = (uint8_t)(feed.incarnation >> (56 - 8 * i));
    model_order(world->model, writer, order);
}

static int
new_writer(struct world *world, struct feed_ref feed, int device)
{
    struct names *names = &world->names;

    if (names->writer_count == MODEL_WRITERS)
        abort();
    names->writers[names->writer_count] = feed;
    model_writer(world->model, names->writer_count, device);
    adapter_order(world, names->writer_count, feed);
    return names->writer_count++;
}

static int
writer_of(struct world *world, struct feed_ref feed)
{
    const struct names *names = &world->names;
    int at = adapter_writer(world, feed);

    return at != MODEL_NONE
               ? at
               : new_writer(world, feed, find(names->devices, names->device_count, feed.device));
}

int
adapter_own_writer(struct device *device)
{
    const struct feed_ref feed = replica_self(device->replica).feed;
    int at = adapter_writer(device->world, feed);

    return at != MODEL_NONE ? at : new_writer(device->world, feed, device->index);
}

/* Of the device, and of an incarnation that none has. */
int
adapter_shadow(struct device *device)
{
    struct world *world = device->world;
    const struct feed_ref feed = {world->names.devices[device->index],
                                  (uint64_t)world->names.writer_count};

    return new_writer(world, feed, device->index);
}

struct id
adapter_record(struct world *world, const char *name)
{
    struct names *names = &world->names;

    for (int i = 0; i < names->record_count; i++)
        if (strcmp(names->records[i].name, name) == 0)
            return names->records[i].id;
    if (names->record_count == WORLD_RECORDS)
        abort();
    snprintf(names->records[names->record_count].name, MODEL_TEXT, "%s", name);
    names->records[names->record_count].id = id_new(world->now_ms);
    return names->records[names->record_count++].id;
}

struct version
adapter_version(const struct device *device, int stream, struct model_version version)
{
    return (struct version){copies_feed(device, stream, version.writer),
                            version.save + copies_base(device, stream, version.writer), version.index};
}

/* ---- lines ---- */

static void
tell_join(struct world *world, struct model_fact *fact)
{
    const struct ledger_device *device, *last = NULL;

    for (size_t i = 0; (device = ledger_device_at(world->ledger, i)) != NULL; i++)
        last = device;
    fact->kind = MODEL_JOIN;
    fact->device =
        number(world->names.devices, &world->names.device_count, MODEL_DEVICES, last->id);
    fact->person = person_of(world, last->person);
    fact->roles = ledger_person(world->ledger, last->person)->roles;
}

static void
tell_family(struct world *world, const struct ledger_op *op, struct model_fact *fact)
{
    fact->kind = MODEL_FAMILY;
    fact->family = family_of(world, op->as.family.family);
    fact->person = person_of(world, op->as.family.owner);
    world->names.streams[model_family_stream(fact->family, MODEL_INDEX)] = op->as.family.index;
    world->names.streams[model_family_stream(fact->family, MODEL_FILE)] = op->as.family.file;
}

static void
tell_kind(struct world *world, const struct ledger_op *op, struct model_fact *fact)
{
    switch (op->kind) {
    case LEDGER_CREATE_TEAM:
        world->names.streams[model_team_stream()] = op->as.create_team.team_stream;
        tell_join(world, fact);
        break;
    case LEDGER_APPROVE:
        tell_join(world, fact);
        break;
    case LEDGER_ROLE:
        fact->kind = MODEL_ROLES;
        fact->person = person_of(world, op->as.role.person);
        fact->roles = op->as.role.roles;
        break;
    case LEDGER_FAMILY:
        tell_family(world, op, fact);
        break;
    case LEDGER_ASSIGN:
        fact->kind = MODEL_ASSIGN;
        fact->family = family_of(world, op->as.assign.family);
        fact->person = person_of(world, op->as.assign.person);
        fact->function = op->as.assign.function;
        break;
    case LEDGER_COVER_GIVE:
        fact->kind = MODEL_GIVE;
        fact->cover = cover_of(world, op->as.cover_give.cover);
        fact->person = person_of(world, op->as.cover_give.person);
        fact->may_write = op->as.cover_give.scope == LEDGER_SCOPE_WRITE;
        fact->until_ms = (int64_t)op->as.cover_give.until_ms;
        for (size_t i = 0; i < op->family_count; i++)
            fact->families |= 1u << family_of(world, op->families[i]);
        break;
    case LEDGER_COVER_ACCEPT:
        fact->kind = MODEL_ACCEPT;
        fact->cover = cover_of(world, op->as.cover_accept);
        break;
    case LEDGER_COVER_END:
        fact->kind = MODEL_END;
        fact->cover = cover_of(world, op->as.cover_end.cover);
        break;
    case LEDGER_REVOKE_DEVICE:
        fact->kind = MODEL_REVOKE;
        fact->device = find(world->names.devices, world->names.device_count, op->as.revoke_device);
        break;
    case LEDGER_ADMIT:
        fact->kind = MODEL_ADMIT;
        break;
    default:
        break;
    }
}

static void
tell_keys(struct world *world, const struct ledger_op *op)
{
    const struct names *names = &world->names;

    for (size_t i = 0; i < op->part_count; i++) {
        const struct ledger_part *part = &op->parts[i];
        int stream = find(names->streams, MODEL_STREAMS, part->stream);
        if (stream == MODEL_NONE || id_is_zero(part->stream))
            continue;
        if (part->makes)
            model_epoch(world->model, stream, part->epoch, find(names->devices, names->device_count, op->author));
        for (size_t k = 0; k < part->recipient_count; k++) {
            int device = find(names->devices, names->device_count, part->recipients[k]);
            if (device != MODEL_NONE)
                model_give(world->model, stream, part->epoch, device);
        }
    }
}

static enum rc
take_line(void *context, uint64_t position, const uint8_t *bytes, size_t len, bool *stop)
{
    struct world *world = context;
    struct model_fact fact = {.kind = MODEL_OTHER};
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct model_head *heads = NULL;
    struct ledger_line line;

    (void)stop;
    enum rc rc = ledger_append(world->ledger, bytes, len);
    if (rc == RC_OK)
        rc = ledger_line_decode(bytes, len, &line);
    if (rc == RC_OK)
        rc = ledger_op_decode(line.op, line.op_len, &op);
    if (rc != RC_OK)
        return rc;
    if (op.heads.count > 0)
        heads = calloc(op.heads.count, sizeof *heads);
    for (size_t i = 0; i < op.heads.count; i++) {
        const struct ledger_head *head = &op.heads.items[i];
        heads[i] = (struct model_head){
            find(world->names.streams, MODEL_STREAMS, head->stream),
            writer_of(world, (struct feed_ref){head->device, head->incarnation}), head->last};
    }
    fact.time_ms = (int64_t)line.time_ms;
    fact.heads = heads;
    fact.head_count = op.heads.count;
    tell_kind(world, &op, &fact);
    model_line(world->model, &fact);
    tell_keys(world, &op);
    world->tally.lines++;
    if ((int)op.kind < TALLY_KINDS)
        world->tally.kinds[op.kind]++;
    world_trace(world, "  line %llu: %s by device %d at %llu", (unsigned long long)position,
                ledger_kind_name(op.kind),
                find(world->names.devices, world->names.device_count, op.author),
                (unsigned long long)line.time_ms);
    free(heads);
    ledger_op_wipe(&op);
    return RC_OK;
}

/* ---- entries ---- */

static enum rc
take_entry(void *context, struct depot_entry *row, struct depot_body *body, bool *stop)
{
    struct world *world = context;
    struct entry entry;

    (void)body, (void)stop;
    enum rc rc = entry_header_decode(row->header, ENTRY_HEADER_BYTES, &entry);
    if (rc != RC_OK)
        return rc;
    struct feed_ref feed = {entry.device, entry.incarnation};
    struct stored stored = {row->arrival, find(world->names.streams, MODEL_STREAMS, entry.stream),
                            writer_of(world, feed), entry.first, entry.last, entry.position, 0};
    if (stored.stream == MODEL_NONE) {
        world_fail(world, "the server stored an entry of a stream that no line made");
        return RC_OK;
    }
    if (entry.first != model_stored(world->model, stored.stream, stored.writer) + 1)
        world_fail(world, "the server stored save %u of writer %d in stream %d after save %u",
                   entry.first, stored.writer, stored.stream,
                   model_stored(world->model, stored.stream, stored.writer));
    copies_stored(world, world->sender, stored.stream, stored.writer, entry.last);
    model_entry(world->model, stored.stream, stored.writer, entry.last, entry.position);
    if (world->stored_count == world->stored_room) {
        world->stored_room = world->stored_room == 0 ? 64 : world->stored_room * 2;
        world->stored = realloc(world->stored, world->stored_room * sizeof *world->stored);
        if (world->stored == NULL)
            abort();
    }
    world->stored[world->stored_count++] = stored;
    world_trace(world, "  arrival %llu: stream %d, writer %d, saves %u to %u, line %llu",
                (unsigned long long)row->arrival, stored.stream, stored.writer, entry.first,
                entry.last, (unsigned long long)entry.position);
    return RC_OK;
}

static uint64_t
last_arrival(const struct world *world)
{
    return world->stored_count == 0 ? 0 : world->stored[world->stored_count - 1].arrival;
}

/* What the server has answered for is there, whatever happened to it since. */
static enum rc
follow(struct world *world, struct depot *depot)
{
    struct depot_team team;
    enum rc rc = depot_find_team(depot, world->team, &team);

    if (rc != RC_OK)
        return rc;
    life_follow_lines(world, team.ledger);
    if ((team.ledger < model_position(world->model) && !world->is_short) || team.arrival < last_arrival(world)) {
        world_fail(world, "the server lost what it had answered for");
        return RC_OK;
    }
    if (team.ledger > model_position(world->model))
        rc = depot_list_lines(depot, team.key, model_position(world->model) + 1, take_line, world);
    if (rc == RC_OK)
        rc = claims_follow(world, depot, team.key);
    if (rc != RC_OK || team.arrival == last_arrival(world))
        return rc;
    struct depot_window window = {NULL, last_arrival(world), team.arrival};
    return depot_list_entries(depot, team.key, &window, take_entry, world);
}

void
adapter_follow(struct world *world)
{
    static const uint8_t NO_TEAM[sizeof world->team];
    struct depot *depot = NULL;

    if (world->model == NULL || world->server == NULL || world->fork != NULL ||
        memcmp(world->team, NO_TEAM, sizeof NO_TEAM) == 0)
        return;
    enum rc rc = server_take_depot(world->server, &depot);
    if (rc == RC_OK)
        rc = follow(world, depot);
    server_give_depot(world->server, depot);
    if (rc != RC_OK)
        world_fail(world, "reading the server's depot: %s: %s", rc_name(rc), rc_sentence());
}

bool
adapter_is_unproven(const struct device *device)
{
    const char *reason;

    return device->was_returned && device->replica != NULL && device->replica->must_recover &&
           !store_is_continuous(device->store, &reason);
}
