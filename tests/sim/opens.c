/* Tries every key that a device had on everything that lies at the server. */
#include "tests/sim/opens.h"

#include <stdlib.h>
#include <string.h>

#include "server/depot.h"
#include "sync/entry.h"
#include "sync/replica_own.h"
#include "sync/wire.h"
#include "tests/sim/adapter.h"

/* payload of a box: 0 u8 | 1 id stream | 17 u32 epoch | 21 key | 53 end. A link: 0 nonce | 24 key, sealed | 72 end, with
 * "baken link 1", stream and epoch beside it (docs/PROTOCOL.md, section 3). */
enum { PAYLOAD_BYTES = 53, LINK_BYTES = 72, LINK_DATA_BYTES = CRYPTO_CONTEXT_BYTES + ID_BYTES + 4 };
enum { BOXES_MOST = 400, RESERVE = MODEL_STREAMS, NEEDLES_MOST = 512, NEEDLE_BYTES = 16 };

/* At the server, or handed out by it. */
struct box {
    int stream; /* RESERVE: the reserve's own secret */
    uint32_t epoch;
    enum { BOX_DEVICE, BOX_LINK, BOX_RESERVE } kind;
    struct id id;
    size_t len;
    uint8_t bytes[WIRE_BOX_BYTES];
};

struct opening {
    struct world *world;
    struct box boxes[BOXES_MOST];
    size_t box_count;
};

static int
stream_of(const struct world *world, struct id id)
{
    if (id_equal(id, ledger_reserve()))
        return RESERVE;
    for (int i = 0; i < MODEL_STREAMS; i++)
        if (!id_is_zero(world->names.streams[i]) && id_equal(world->names.streams[i], id))
            return i;
    return MODEL_NONE;
}

/* ---- keys ---- */

/* True when that is new. */
static bool
note_key(struct world *world, int device, int stream, uint32_t epoch, const uint8_t *bytes)
{
    unsigned bit = 1u << device;

    for (size_t i = 0; i < world->key_count; i++) {
        struct known_key *key = &world->keys[i];
        if (key->stream != stream || key->epoch != epoch ||
            memcmp(key->bytes, bytes, sizeof key->bytes) != 0)
            continue;
        bool is_new = (key->holders & bit) == 0;
        key->holders |= bit;
        return is_new;
    }
    if (world->key_count == WORLD_KEYS)
        abort();
    struct known_key *key = &world->keys[world->key_count++];
    *key = (struct known_key){.stream = stream, .epoch = epoch, .holders = bit};
    memcpy(key->bytes, bytes, sizeof key->bytes);
    return true;
}

void
opens_look(struct device *device)
{
    struct world *world = device->world;
    const struct keyring *ring = device->replica->keys;
    struct secret secret = SECRET_EMPTY;
    struct id id;
    uint32_t epoch;
    enum rc rc = RC_OK;

    if (device->ring_seen == keyring_changes(ring) && device->ring_count == keyring_count(ring))
        return;
    device->ring_seen = keyring_changes(ring);
    device->ring_count = keyring_count(ring);
    for (size_t i = 0; rc == RC_OK && i < keyring_count(ring); i++) {
        rc = keyring_at(ring, i, &id, &epoch, &secret);
        int stream = rc == RC_OK ? stream_of(world, id) : MODEL_NONE;
        if (stream != MODEL_NONE)
            (void)note_key(world, device->original, stream, epoch, secret.bytes);
    }
    secret_wipe(&secret);
    if (rc != RC_OK)
        world_fail(world, "device %d, its keys: %s", device->index, rc_sentence());
}

bool
opens_holders_were_put_back(struct world *world, struct id stream, uint32_t epoch)
{
    int place = stream_of(world, stream);
    unsigned holders = 0;
    bool was_put_back = false;

    if (place == MODEL_NONE)
        return false;
    for (size_t i = 0; i < world->key_count; i++)
        if (world->keys[i].stream == place && world->keys[i].epoch == epoch)
            holders |= world->keys[i].holders;
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i)) {
        const struct device *device = &world->devices[i];
        bool has_had = (holders >> device->original & 1) != 0, is_maker = model_made(world->model, i, place, epoch);
        bool may_hold = ledger_may_hold(world->ledger, world->names.devices[i], stream, (uint64_t)world->now_ms);
        if (!device->was_returned && (is_maker || (has_had && may_hold)))
            return false;
        was_put_back = was_put_back || (device->was_returned && (is_maker || has_had));
    }
    return was_put_back;
}

/* ---- boxes ---- */

static bool
may_fetch(const struct world *world, const struct device *device, int stream, struct id recipient)
{
    const struct model *model = world->model;

    if (id_equal(recipient, ledger_reserve()))
        return model_may_share(model, device->index);
    if (!id_is_zero(recipient) && !id_equal(recipient, world->names.devices[device->index]))
        return false;
    return stream == RESERVE ? model_may_share(model, device->index)
                             : model_may_read(model, device->index, stream, world->now_ms);
}

/* Boxes of the reserve go to whoever may share keys, who is lent a file's key with them: until the debt is paid. */
void
opens_note_boxes(struct device *device, const struct buf *body)
{
    struct world *world = device->world;
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    enum rc rc = wire_box_list_decode(body->data, body->len, &list);

    for (size_t i = 0; rc == RC_OK && i < list.boxes.count; i++) {
        const struct wire_box *box = &list.boxes.items[i];
        int stream = stream_of(world, box->stream);
        if (stream == MODEL_NONE)
            continue;
        if (!may_fetch(world, device, stream, box->recipient))
            world_fail(world, "the server hands device %d a box of stream %d that is not for it", device->index,
                       stream);
        if (id_equal(box->recipient, ledger_reserve()) && device->lent[stream] < box->epoch)
            device->lent[stream] = box->epoch;
    }
    wire_box_list_wipe(&list);
    if (rc != RC_OK)
        world_fail(world, "the server's boxes for device %d: %s", device->index, rc_sentence());
}

static enum rc
take_box(void *context, const struct depot_box *from, bool *stop)
{
    struct opening *opening = context;
    int stream = stream_of(opening->world, from->stream);

    (void)stop;
    if (stream == MODEL_NONE || from->len > WIRE_BOX_BYTES)
        return RC_OK;
    if (opening->box_count == BOXES_MOST)
        abort();
    struct box *box = &opening->boxes[opening->box_count++];
    *box = (struct box){.stream = stream, .epoch = from->epoch, .id = from->stream, .len = from->len};
    box->kind = id_is_zero(from->recipient)                   ? BOX_LINK
                : id_equal(from->recipient, ledger_reserve()) ? BOX_RESERVE
                                                              : BOX_DEVICE;
    memcpy(box->bytes, from->bytes, from->len);
    return RC_OK;
}

/* A payload names its own place; whoever opens the box believes nothing else. */
static bool
take_payload(struct world *world, int device, const struct secret *payload)
{
    struct id id;
    uint32_t epoch = 0;

    if (payload->len != PAYLOAD_BYTES)
        return false;
    memcpy(id.bytes, payload->bytes + 1, ID_BYTES);
    for (size_t i = 0; i < 4; i++)
        epoch = epoch << 8 | payload->bytes[1 + ID_BYTES + i];
    int stream = stream_of(world, id);
    return stream != MODEL_NONE &&
           note_key(world, device, stream, epoch, payload->bytes + PAYLOAD_BYTES - CRYPTO_KEY_BYTES);
}

/* With the device's own secret: every box, whoever's it is said to be. */
static void
open_own(struct opening *opening, struct device *device)
{
    const struct identity *identity = &device->replica->identity;
    struct secret payload = SECRET_EMPTY;

    for (size_t i = 0; i < opening->box_count; i++) {
        const struct box *box = &opening->boxes[i];
        if (box->kind != BOX_LINK &&
            crypto_box_get(identity->box_public, &identity->box, box->bytes, box->len, &payload) == RC_OK)
            (void)take_payload(opening->world, device->original, &payload);
    }
    secret_wipe(&payload);
}

/* With a secret of the reserve. What is lent with it of a file has been judged when it was handed out. Whose right to it has ended is
 * handed nothing more; until a coordinator's session rotates it, its old secret would do for whoever has the server too (THREATS.md). */
static bool
open_reserved(struct opening *opening, const struct device *device, const struct known_key *key)
{
    struct world *world = opening->world;
    struct ledger_epoch epoch;
    struct secret secret = SECRET_EMPTY, payload = SECRET_EMPTY;
    bool has_more = false;

    if (!model_may_share(world->model, device->index) ||
        !ledger_epoch(world->ledger, ledger_reserve(), key->epoch, &epoch) ||
        secret_copy(&secret, key->bytes, sizeof key->bytes) != RC_OK)
        return false;
    for (size_t i = 0; i < opening->box_count; i++) {
        const struct box *box = &opening->boxes[i];
        if (box->kind == BOX_RESERVE && box->stream % 2 == 1 &&
            crypto_box_get(epoch.reserve_public, &secret, box->bytes, box->len, &payload) == RC_OK)
            has_more |= take_payload(world, device->original, &payload);
    }
    secret_wipe(&secret);
    secret_wipe(&payload);
    return has_more;
}

static bool
open_links(struct opening *opening, const struct device *device, const struct known_key *key)
{
    uint8_t data[LINK_DATA_BYTES] = "baken link 1", below[CRYPTO_KEY_BYTES];
    bool has_more = false;

    for (size_t i = 0; i < opening->box_count; i++) {
        const struct box *box = &opening->boxes[i];
        if (box->kind != BOX_LINK || box->len != LINK_BYTES)
            continue;
        memcpy(data + CRYPTO_CONTEXT_BYTES, box->id.bytes, ID_BYTES);
        for (size_t k = 0; k < 4; k++)
            data[CRYPTO_CONTEXT_BYTES + ID_BYTES + k] = (uint8_t)(box->epoch >> (24 - 8 * k));
        if (crypto_open(key->bytes, box->bytes, data, sizeof data, box->bytes + CRYPTO_NONCE_BYTES,
                        LINK_BYTES - CRYPTO_NONCE_BYTES, below))
            has_more |= note_key(opening->world, device->original, box->stream, box->epoch - 1, below);
    }
    return has_more;
}

/* All that follows from what it had. A key that opened nothing more is not tried again. */
static void
close_over(struct opening *opening, struct device *device)
{
    struct world *world = opening->world;
    unsigned bit = 1u << device->original;

    open_own(opening, device);
    for (size_t i = 0; i < world->key_count; i++) {
        const struct known_key key = world->keys[i];
        if ((key.holders & bit) == 0)
            continue;
        bool has_more = key.stream == RESERVE ? open_reserved(opening, device, &key)
                                              : open_links(opening, device, &key);
        if (has_more)
            i = (size_t)-1; /* an earlier key may have become its too */
    }
}

/* ---- entries ---- */

static bool
is_lent(const struct world *world, int device, const struct known_key *key)
{
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (world->devices[i].original == device && key->epoch <= world->devices[i].lent[key->stream])
            return true;
    return false;
}

/* Sealed under the last line and epoch at which its writer had the right, by one that lost it by a later line: others lost theirs by
 * that line or before, and still had the key of that epoch. */
static bool
is_handed_in(const struct world *world, int device, const struct stored *stored)
{
    const struct model *model = world->model;
    int writer = model_device(model, stored->writer);

    return model_was_granted_before(model, device, stored->stream, stored->position) &&
           model_write_ended_after(model, writer, stored->stream, stored->position);
}

static void
judge(struct world *world, const struct known_key *key, const struct stored *stored)
{
    for (int i = 0; i < WORLD_MADE && !world->has_failed; i++) {
        bool is_own = model_device(world->model, stored->writer) == i;
        if ((key->holders >> i & 1) != 0 && !is_own && !is_lent(world, i, key) &&
            !model_made(world->model, i, key->stream, key->epoch) &&
            !model_was_granted(world->model, i, stored->stream, stored->position) && !is_handed_in(world, i, stored))
            world_fail(world, "device %d opens arrival %llu of stream %d, which it was not granted", i,
                       (unsigned long long)stored->arrival, stored->stream);
    }
}

static bool
opens_with(const uint8_t *key, const struct entry *entry, const uint8_t *header, uint8_t *plain)
{
    return crypto_open(key, entry->nonce, header, ENTRY_FRONT_BYTES, entry->ciphertext,
                       entry->ciphertext_len, plain);
}

static enum rc
try_entry(void *context, struct depot_entry *row, struct depot_body *body, bool *stop)
{
    struct opening *opening = context;
    struct world *world = opening->world;
    const struct stored *stored = NULL;
    struct entry entry;
    bool is_open = false;

    for (size_t i = 0; i < world->stored_count && stored == NULL; i++)
        if (world->stored[i].arrival == row->arrival)
            stored = &world->stored[i];
    enum rc rc = depot_body(body, row);
    if (rc == RC_OK)
        rc = entry_header_decode(row->header, ENTRY_HEADER_BYTES, &entry);
    if (rc != RC_OK || stored == NULL || row->ciphertext == NULL)
        return rc;
    entry.ciphertext = row->ciphertext;
    uint8_t *plain = malloc(row->ciphertext_len);
    if (plain == NULL)
        abort();
    for (size_t i = 0; i < world->key_count; i++) {
        if (!opens_with(world->keys[i].bytes, &entry, row->header, plain))
            continue;
        is_open = true;
        judge(world, &world->keys[i], stored);
    }
    if (opens_with(world->server->secret_key.bytes, &entry, row->header, plain))
        world_fail(world, "the server opens arrival %llu", (unsigned long long)row->arrival);
    world->tally.tried += world->key_count;
    world->tally.opened += is_open;
    free(plain);
    *stop = world->has_failed;
    return rc;
}

/* ---- the server's disk ---- */

/* What may be in no byte of it. */
struct needles {
    struct world *world;
    const uint8_t *at[NEEDLES_MOST];
    size_t count;
    uint8_t begins[65536 / 8]; /* a bit for each first two bytes */
};

static void
add_needle(struct needles *needles, const uint8_t *bytes)
{
    unsigned first = bytes[0] | (unsigned)bytes[1] << 8;

    if (needles->count == NEEDLES_MOST)
        return;
    needles->at[needles->count++] = bytes;
    needles->begins[first / 8] |= (uint8_t)(1u << first % 8);
}

static void
search(void *context, const uint8_t *bytes, size_t len)
{
    const struct needles *needles = context;

    for (size_t at = 0; at + NEEDLE_BYTES <= len; at++) {
        unsigned first = bytes[at] | (unsigned)bytes[at + 1] << 8;
        if ((needles->begins[first / 8] >> first % 8 & 1) == 0)
            continue;
        for (size_t i = 0; i < needles->count; i++)
            if (memcmp(bytes + at, needles->at[i], NEEDLE_BYTES) == 0)
                world_fail(needles->world, "a key, or a record's id, lies at the server for all to read");
    }
}

static void
check_server(struct world *world)
{
    static struct needles needles;

    needles = (struct needles){.world = world};
    for (size_t i = 0; i < world->key_count; i++)
        add_needle(&needles, world->keys[i].bytes);
    for (int i = 0; i < world->names.record_count; i++)
        add_needle(&needles, world->names.records[i].id.bytes);
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i)) {
        add_needle(&needles, world->devices[i].replica->identity.box.bytes);
        add_needle(&needles, world->devices[i].replica->identity.sign.bytes);
    }
    power_disk_each(world->server_disk, search, &needles);
}

/* ---- all of it ---- */

void
opens_check(struct world *world)
{
    static struct opening opening;
    struct depot *depot = NULL;
    struct depot_team team;

    opening = (struct opening){.world = world};
    enum rc rc = server_take_depot(world->server, &depot);
    if (rc == RC_OK)
        rc = depot_find_team(depot, world->team, &team);
    if (rc == RC_OK)
        rc = depot_list_boxes(depot, team.key, NULL, 0, take_box, &opening);
    for (int i = 0; rc == RC_OK && i < WORLD_DEVICES; i = world_next(world, i)) {
        opens_look(&world->devices[i]);
        close_over(&opening, &world->devices[i]);
    }
    const struct depot_window all = {NULL, 0, UINT64_MAX >> 1};
    if (rc == RC_OK)
        rc = depot_list_entries(depot, team.key, &all, try_entry, &opening);
    server_give_depot(world->server, depot);
    if (rc != RC_OK)
        world_fail(world, "what opens: %s: %s", rc_name(rc), rc_sentence());
    if (!world->has_failed && world->is_thorough)
        check_server(world);
}
