/* Entries, acknowledgements and cursors: what was said once must stay true. */
#include "tests/sim/claims.h"

#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "sync/ack.h"
#include "sync/state.h"
#include "sync/wire_run.h"
#include "tests/sim/adapter.h"
#include "tests/sim/copies.h"

static int
stream_of(const struct world *world, struct id id)
{
    for (int i = 0; i < MODEL_STREAMS; i++)
        if (!id_is_zero(world->names.streams[i]) && id_equal(world->names.streams[i], id))
            return i;
    return MODEL_NONE;
}

/* ---- one entry, one content ---- */

static void
note(struct device *device, const struct note *new_note)
{
    struct world *world = device->world;

    for (size_t i = 0; i < world->note_count; i++) {
        const struct note *old = &world->notes[i];
        if (old->stream != new_note->stream || old->writer != new_note->writer ||
            old->last < new_note->first || new_note->last < old->first)
            continue;
        if (memcmp(old->hash, new_note->hash, sizeof old->hash) != 0)
            world_fail(world,
                       "device %d shows saves %u to %u of writer %d in stream %d in another entry "
                       "than the one that was shown before",
                       device->index, new_note->first, new_note->last, new_note->writer,
                       new_note->stream);
        return;
    }
    if (world->note_count == world->note_room) {
        world->note_room = world->note_room == 0 ? 128 : world->note_room * 2;
        world->notes = realloc(world->notes, world->note_room * sizeof *world->notes);
        if (world->notes == NULL)
            abort();
    }
    world->notes[world->note_count++] = *new_note;
}

static void
note_entry(struct device *device, const struct entry *entry)
{
    const struct feed_ref feed = {entry->device, entry->incarnation};
    struct note new_note = {.stream = stream_of(device->world, entry->stream),
                            .writer = adapter_writer(device->world, feed),
                            .first = entry->first,
                            .last = entry->last};

    memcpy(new_note.hash, entry->hash, sizeof new_note.hash);
    /* Of two who number alike the server takes one; the other goes on offering its own until it has compared. */
    if (new_note.stream != MODEL_NONE && new_note.writer != MODEL_NONE &&
        (device->world->shared >> new_note.writer & 1) == 0)
        note(device, &new_note);
}

void
claims_note_push(struct device *device, const uint8_t *body, size_t len)
{
    struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
    if (device->life != MODEL_NONE)
        return; /* one of two who number alike: the server takes one of them alone */
    enum rc rc = wire_run_push_decode(body, len, &runs);

    if (rc != RC_OK)
        world_fail(device->world, "device %d sends what cannot be read: %s", device->index,
                   rc_sentence());
    for (size_t i = 0; rc == RC_OK && i < runs.count; i++)
        note_entry(device, &runs.items[i]);
    wire_run_list_wipe(&runs);
}

/* Of each feed, how far the server said to its author that it has it, and said so again in a later session, after a purge. */
static void
note_told(struct device *device, const struct entry *entry, enum wire_push_result result)
{
    struct world *world = device->world;
    int stream = stream_of(world, entry->stream);
    int writer = adapter_writer(world, (struct feed_ref){entry->device, entry->incarnation});

    if (stream == MODEL_NONE || writer == MODEL_NONE || result == WIRE_PUSH_REFUSED ||
        model_device(world->model, writer) != device->index)
        return;
    struct told *told = &world->told[stream][writer];
    if (result == WIRE_PUSH_HAD && entry->last <= told->once && told->session != device->sessions &&
        entry->last > told->purged && !device_is_dead(device) && !adapter_has_stream(device, stream))
        told->purged = entry->last;
    if (entry->last > told->once) {
        told->once = entry->last;
        told->session = device->sessions;
    }
}

void
claims_note_answer(struct device *device, const struct late_request *request, const struct transport_reply *reply)
{
    struct world *world = device->world;
    struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
    struct wire_push_answer answer = WIRE_PUSH_ANSWER_EMPTY;
    uint8_t hash[CRYPTO_HASH_BYTES];

    crypto_hash_plain(request->body, request->body_len, hash);
    if (wire_run_push_decode(request->body, request->body_len, &runs) == RC_OK &&
        wire_push_answer_decode(reply->body.data, reply->body.len, ledger_server_public(world->ledger), hash, &answer) == RC_OK &&
        answer.count == runs.count)
        for (size_t i = 0; i < runs.count; i++)
            note_told(device, &runs.items[i], answer.items[i].result);
    wire_push_answer_wipe(&answer);
    wire_run_list_wipe(&runs);
}

void
claims_note_log(struct device *device)
{
    struct world *world = device->world;
    struct stmt *stmt = NULL;
    bool row = true;

    if (device->life != MODEL_NONE)
        return;
    enum rc rc = db_stmt(store_db(device->store),
                         "SELECT header FROM sync_entry JOIN sync_feed USING (feed)"
                         " WHERE is_own = 0 OR is_sent = 1 OR is_bundled = 1",
                         &stmt);

    while (rc == RC_OK && row) {
        struct entry entry;
        size_t len = 0;
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        const uint8_t *header = stmt_get_blob(stmt, 0, &len);
        rc = entry_header_decode(header, len, &entry);
        if (rc == RC_OK)
            note_entry(device, &entry);
    }
    stmt_done(stmt);
    if (rc != RC_OK)
        world_fail(world, "device %d, its log: %s", device->index, rc_sentence());
}

void
claims_free(struct world *world)
{
    free(world->notes);
    world->notes = NULL;
}

/* ---- acknowledgements ---- */

static enum rc
take_ack(void *context, uint64_t number, const uint8_t *bytes, size_t len, bool *stop)
{
    struct world *world = context;
    struct ack ack = ACK_EMPTY;
    enum rc rc = ack_decode(bytes, len, &ack);
    int device = MODEL_NONE;

    (void)stop;
    int author = rc == RC_OK
                     ? adapter_writer(world, (struct feed_ref){ack.device, ack.incarnation})
                     : MODEL_NONE;
    if (author != MODEL_NONE && !copies_share(world, author)) /* else nobody knows whose word it is */
        device = model_device(world->model, author);
    for (size_t i = 0; rc == RC_OK && device != MODEL_NONE && i < ack.stream_count; i++)
        for (size_t k = 0; k < ack.streams[i].feed_count; k++) {
            const struct ack_feed *feed = &ack.streams[i].feeds[k];
            int stream = stream_of(world, ack.streams[i].stream);
            int writer =
                adapter_writer(world, (struct feed_ref){feed->device, feed->incarnation});
            if (stream != MODEL_NONE && writer != MODEL_NONE)
                model_acks(world->model, device, stream, writer, feed->last);
        }
    world->acked = number;
    ack_wipe(&ack);
    return rc;
}

enum rc
claims_follow(struct world *world, struct depot *depot, int64_t team)
{
    return depot_list_acks(depot, team, world->acked, take_ack, world);
}

bool
claims_is_logged(struct device *device, int stream, int writer, uint32_t save)
{
    struct world *world = device->world;
    struct stmt *stmt = NULL;
    bool row = false;
    enum rc rc =
        db_stmt(store_db(device->store),
                "SELECT 1 FROM sync_entry JOIN sync_feed USING (feed) WHERE stream = ?1 AND"
                " device = ?2 AND incarnation = ?3 AND first <= ?4 AND last >= ?4",
                &stmt);

    if (rc == RC_OK) {
        stmt_id(stmt, 1, world->names.streams[stream]);
        stmt_id(stmt, 2, world->names.writers[writer].device);
        stmt_int(stmt, 3, (int64_t)world->names.writers[writer].incarnation);
        stmt_int(stmt, 4, save);
        rc = stmt_step(stmt, &row);
    }
    stmt_done(stmt);
    if (rc != RC_OK)
        world_fail(world, "device %d, its log: %s", device->index, rc_sentence());
    return row;
}

bool
claims_gaps_are_lost(struct device *device)
{
    struct world *world = device->world;
    struct stmt *stmt = NULL;
    bool row = true, is_any = false, is_there = false;
    enum rc rc = db_stmt(store_db(device->store),
                         "SELECT stream, device, incarnation, first - 1 FROM sync_entry JOIN sync_feed USING (feed)"
                         " WHERE state = 2 AND reason = 3", /* ELOG_PARKED, ELOG_GAP */
                         &stmt);

    while (rc == RC_OK && (rc = stmt_step(stmt, &row)) == RC_OK && row) {
        struct id stream, author;
        rc = stmt_get_id(stmt, 0, &stream);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 1, &author);
        if (rc != RC_OK)
            break;
        int at = stream_of(world, stream);
        int writer = adapter_writer(world, (struct feed_ref){author, (uint64_t)stmt_get_int(stmt, 2)});
        is_any = true;
        is_there = is_there || at == MODEL_NONE || writer == MODEL_NONE ||
                   model_stored(world->model, at, writer) >= (uint32_t)stmt_get_int(stmt, 3);
    }
    stmt_done(stmt);
    if (rc != RC_OK)
        world_fail(world, "device %d, its gaps: %s", device->index, rc_sentence());
    return is_any && !is_there;
}

void
claims_check_acks(struct device *device, bool is_end)
{
    struct world *world = device->world;

    for (int stream = 0; stream < MODEL_STREAMS && !world->has_failed; stream++) {
        if (id_is_zero(world->names.streams[stream]) || !adapter_has_stream(device, stream) ||
            adapter_is_filling(device, stream))
            continue;
        for (int writer = 0; writer < world->names.writer_count; writer++) {
            uint32_t lacks = model_ack_lacks(world->model, device->index, stream, writer);
            if (lacks > 0 && (is_end || !claims_is_logged(device, stream, writer, lacks)))
                world_fail(world,
                           "device %d acknowledged save %u of writer %d in stream %d and does not "
                           "have it",
                           device->index, lacks, writer, stream);
        }
    }
}

/* ---- cursors ---- */

struct looking {
    struct device *device;
    uint64_t upto;
};

static int64_t
state_of(struct device *device, const char *name)
{
    int64_t value = 0;

    if (state_get_int(store_db(device->store), name, &value) != RC_OK)
        world_fail(device->world, "device %d, %s: %s", device->index, name, rc_sentence());
    return value;
}

/* A later epoch's key opens the earlier ones, by links. */
static enum rc
look_at_box(void *context, const struct depot_box *box, bool *stop)
{
    struct looking *looking = context;
    struct device *device = looking->device;
    struct world *world = device->world;
    int stream = stream_of(world, box->stream);
    struct stmt *stmt = NULL;
    bool row = false;

    *stop = box->number > looking->upto || world->has_failed;
    if (*stop || stream == MODEL_NONE ||
        !id_equal(box->recipient, world->names.devices[device->index]) ||
        !adapter_has_stream(device, stream) ||
        !model_may_read(world->model, device->index, stream, device->refreshed_ms))
        return RC_OK;
    enum rc rc = db_stmt(store_db(device->store),
                         "SELECT 1 FROM sync_key WHERE stream = ?1 AND epoch >= ?2 UNION ALL"
                         " SELECT 1 FROM sync_box WHERE stream = ?1 AND epoch = ?2"
                         " AND recipient = ?3",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, box->stream);
    stmt_int(stmt, 2, box->epoch);
    stmt_id(stmt, 3, box->recipient);
    rc = stmt_step(stmt, &row);
    stmt_done(stmt);
    if (rc == RC_OK && !row)
        world_fail(world, "device %d: cursor %llu of boxes passed box %llu (stream %d, epoch %u)",
                   device->index, (unsigned long long)looking->upto,
                   (unsigned long long)box->number, stream, box->epoch);
    return rc;
}

void
claims_check_cursors(struct device *device)
{
    struct world *world = device->world;
    struct looking looking = {device, (uint64_t)state_of(device, STATE_BOXES_AFTER)};
    struct depot *depot = NULL;
    struct depot_team team;

    if (world->server == NULL ||
        ledger_position(replica_ledger(device->replica)) != model_position(world->model))
        return;
    enum rc rc = server_take_depot(world->server, &depot);
    if (rc == RC_OK)
        rc = depot_find_team(depot, world->team, &team);
    if (rc == RC_OK)
        rc = depot_list_boxes(depot, team.key, NULL, 0, look_at_box, &looking);
    server_give_depot(world->server, depot);
    if (rc != RC_OK)
        world_fail(world, "device %d, boxes: %s: %s", device->index, rc_name(rc), rc_sentence());
}
