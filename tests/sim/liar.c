/* A server that lies: between its true answer and the device. It has the server's key, and none of the team's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "sync/keyring_place.h"
#include "sync/wire.h"
#include "sync/wire_run.h"
#include "tests/sim/adapter.h"
#include "tests/sim/claims.h"
#include "tests/sim/copies.h"
#include "tests/sim/world.h"
#include "tests/support/stores.h"

enum { ANSWER_BYTES = 32 * 1024 * 1024, PAYLOAD_BYTES = 1 + KEYRING_PLACE_BYTES + CRYPTO_KEY_BYTES };

static void
told(struct device *device, enum happened lie, const char *what)
{
    world_happened(device->world, lie);
    world_trace(device->world, "  lie: %s", what);
}

/* ---- entries ---- */

/* Once: what is kept from a device when it asks again, for an acknowledgement names it, it asks for with the next one. */
static bool
note_withheld(struct device *device, const struct entry *entry)
{
    struct world *world = device->world;
    int writer = adapter_writer(world, (struct feed_ref){entry->device, entry->incarnation});

    if (copies_share(world, writer)) /* their acknowledgements are numbered alike too: the lower of both nobody looks at */
        return false;
    for (size_t i = 0; i < world->stored_count; i++) {
        struct stored *stored = &world->stored[i];
        if (stored->writer == writer && stored->first == entry->first &&
            id_equal(world->names.streams[stored->stream], entry->stream)) {
            bool is_again = (stored->withheld >> device->index & 1) != 0;
            /* Its author lost the stream and has it again: as late work, nobody names it to who wrote it. */
            bool is_lost_own = id_equal(entry->device, world->names.devices[device->index]) &&
                               !claims_is_logged(device, stored->stream, stored->writer, stored->last);
            if (is_lost_own)
                return false;
            stored->withheld |= 1u << device->index;
            return !is_again;
        }
    }
    return true;
}

/* One entry of the page is left out, or one bit of its body is another. */
static enum rc
lie_about_entries(struct device *device, const struct buf *truth, struct buf *lie)
{
    struct world *world = device->world;
    struct wire_run_page page = WIRE_RUN_PAGE_EMPTY;
    struct wire_run_list kept = WIRE_RUN_LIST_EMPTY;
    struct buf altered = BUF_EMPTY(ANSWER_BYTES);
    enum rc rc = wire_run_page_decode(truth->data, truth->len, &page);

    if (rc != RC_OK || page.runs.count == 0) {
        wire_run_page_wipe(&page);
        return RC_ABSENT;
    }
    size_t chosen = world_below(world, (unsigned)page.runs.count);
    bool is_withheld = world_falls(world, 800);
    /* A store that compares itself with a liar's word gives saves other numbers that are at the server: nobody could tell. */
    bool is_compared = (device->is_returned || device->life != MODEL_NONE || adapter_is_unproven(device)) &&
                       id_equal(page.runs.items[chosen].device, world->names.devices[device->index]);
    if (is_compared || (is_withheld && !note_withheld(device, &page.runs.items[chosen]))) {
        wire_run_page_wipe(&page);
        return RC_ABSENT;
    }
    for (size_t i = 0; rc == RC_OK && i < page.runs.count; i++) {
        struct entry entry = page.runs.items[i];
        if (i == chosen && is_withheld)
            continue;
        if (i == chosen && entry.ciphertext != NULL) {
            rc = buf_put(&altered, entry.ciphertext, entry.ciphertext_len);
            if (rc == RC_OK)
                altered.data[world_below(world, entry.ciphertext_len)] ^= 1;
            entry.ciphertext = altered.data;
        }
        if (rc == RC_OK)
            rc = wire_run_add(&kept, &entry);
    }
    struct wire_run_list all = page.runs;
    page.runs = kept;
    if (rc == RC_OK)
        rc = wire_run_page_encode(&page, lie);
    page.runs = all;
    if (rc == RC_OK && is_withheld) {
        told(device, HAPPENED_LIE_WITHHELD, "an entry is withheld");
    } else if (rc == RC_OK)
        told(device, HAPPENED_LIE_ALTERED, "a bit is altered");
    wire_run_list_wipe(&kept);
    wire_run_page_wipe(&page);
    buf_wipe(&altered);
    return rc;
}

/* ---- boxes ---- */

/* Rightly made for this device and place, and another key than the ledger names. */
static enum rc
forge(struct device *device, struct wire_box *box)
{
    struct world *world = device->world;
    const struct ledger_device *known =
        ledger_device(world->ledger, world->names.devices[device->index]);
    uint8_t payload[PAYLOAD_BYTES] = {1}; /* the format */

    keyring_place(box->stream, box->epoch, payload + 1);
    memset(payload + 1 + KEYRING_PLACE_BYTES, 0x5a, CRYPTO_KEY_BYTES);
    box->len = PAYLOAD_BYTES + CRYPTO_BOX_EXTRA_BYTES;
    return crypto_box_put(known->box_public, payload, sizeof payload, box->bytes);
}

static enum rc
lie_about_boxes(struct device *device, const struct buf *truth, struct buf *lie)
{
    struct world *world = device->world;
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    enum rc rc = wire_box_list_decode(truth->data, truth->len, &list);

    if (rc != RC_OK || list.boxes.count == 0) {
        wire_box_list_wipe(&list);
        return RC_ABSENT;
    }
    struct wire_box *a = &list.boxes.items[world_below(world, (unsigned)list.boxes.count)];
    struct wire_box *b = &list.boxes.items[world_below(world, (unsigned)list.boxes.count)];
    bool is_own = id_equal(a->recipient, world->names.devices[device->index]);
    if (world_falls(world, 300)) {
        *a = list.boxes.items[--list.boxes.count];
        told(device, HAPPENED_LIE_BOX, "a box is withheld");
    } else if (is_own && world_falls(world, 600)) {
        rc = forge(device, a);
        told(device, HAPPENED_LIE_BOX, "a box is forged");
    } else if (a->len == b->len) {
        uint8_t kept[WIRE_BOX_BYTES];
        memcpy(kept, a->bytes, sizeof kept);
        memcpy(a->bytes, b->bytes, sizeof kept);
        memcpy(b->bytes, kept, sizeof kept);
        told(device, HAPPENED_LIE_BOX, "two boxes change places");
    }
    world->has_forged = true;
    if (rc == RC_OK)
        rc = wire_box_list_encode(&list, lie);
    wire_box_list_wipe(&list);
    return rc;
}

/* ---- lines ---- */

/* Lines beyond the one that the device knew when it began are not shown; the server signs that there are none. */
static enum rc
lie_in_hello(struct device *device, const struct buf *truth, struct buf *lie)
{
    struct world *world = device->world;
    struct wire_hello hello;
    enum rc rc = wire_hello_decode(truth->data, truth->len, &hello);

    if (rc != RC_OK || !hello.has_team || hello.position <= device->hidden_after)
        return RC_ABSENT;
    hello.position = device->hidden_after;
    memcpy(hello.line_hash, ledger_hash_at(world->ledger, device->hidden_after),
           sizeof hello.line_hash);
    told(device, HAPPENED_LIE_LINES, "the ledger ends earlier");
    return wire_hello_encode(&hello, &world->server->secret_key, lie);
}

static enum rc
lie_about_lines(struct device *device, const struct buf *truth, struct buf *lie)
{
    struct world *world = device->world;
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    enum rc rc = wire_ledger_answer_decode(truth->data, truth->len, &answer);

    if (rc != RC_OK || answer.statement.position <= device->hidden_after) {
        wire_ledger_answer_wipe(&answer);
        return RC_ABSENT;
    }
    answer.lines.count = 0; /* it asks from the first that it does not know */
    answer.more = false;
    answer.statement.position = device->hidden_after;
    memcpy(answer.statement.line_hash, ledger_hash_at(world->ledger, device->hidden_after),
           sizeof answer.statement.line_hash);
    rc = wire_statement_sign(&answer.statement, &world->server->secret_key);
    if (rc == RC_OK)
        rc = wire_ledger_answer_encode(&answer, lie);
    wire_ledger_answer_wipe(&answer);
    return rc;
}

/* ---- answers ---- */

static void
keep_answer(struct device *device, const char *route, const struct buf *truth)
{
    struct world *world = device->world;
    struct past_answer *past = &world->past[world->past_at++ % WORLD_PAST];

    free(past->bytes);
    *past = (struct past_answer){.device = device->index, .bytes = malloc(truth->len + 1), .len = truth->len};
    snprintf(past->route, sizeof past->route, "%s", route);
    if (past->bytes == NULL)
        abort();
    if (truth->len > 0)
        memcpy(past->bytes, truth->data, truth->len);
}

/* What the same route answered before, to this device or to another. Of entries that may leave out all that came since. */
static enum rc
lie_with_past(struct device *device, const char *route, struct buf *lie)
{
    struct world *world = device->world;
    const struct past_answer *past = &world->past[world_below(world, WORLD_PAST)];
    bool is_compared = device->is_returned || device->life != MODEL_NONE || adapter_is_unproven(device);

    if (past->bytes == NULL || strcmp(past->route, route) != 0 || is_compared)
        return RC_ABSENT;
    /* It has just said a second time that it has these: ended short of them, a pull would leave them to be lost with a backup. */
    if (strcmp(route, "/entries") == 0 && adapter_ask(device, "SELECT count(*) FROM sync_unconfirmed WHERE was_had", NULL) > 0)
        return RC_ABSENT;
    /* Who keeps back an entry and the acknowledgement that names it has hidden it. */
    bool is_hiding = strcmp(route, "/entries") == 0 || strcmp(route, "/acks") == 0;
    for (size_t i = 0; is_hiding && i < world->stored_count; i++)
        if ((world->stored[i].withheld >> device->index & 1) != 0)
            return RC_ABSENT;
    for (size_t i = 0; is_hiding && i < world->stored_count; i++)
        world->stored[i].withheld |= 1u << device->index;
    device->lacks_acks = device->lacks_acks || strcmp(route, "/acks") == 0;
    if (past->device == device->index)
        told(device, HAPPENED_LIE_REPLAYED, "an answer is replayed");
    else
        told(device, HAPPENED_LIE_SWAPPED, "another device's answer");
    return buf_put(lie, past->bytes, past->len);
}

/* ---- which ---- */

/* With a session's first request it is decided whether lines are hidden from this one. */
static void
begin(struct device *device)
{
    struct world *world = device->world;
    const struct ledger *known = replica_ledger(device->replica);

    device->hidden_after =
        known != NULL && world_falls(world, 300) ? ledger_position(known) : 0;
}

void
liar_change(struct device *device, const char *method, const char *path, struct buf *body)
{
    struct world *world = device->world;
    const char *route = strrchr(path, '/');
    struct buf lie = BUF_EMPTY(ANSWER_BYTES);
    bool is_question = strcmp(method, "GET") == 0;
    enum rc rc = RC_ABSENT;

    if (world->is_healing || world->rates.lie == 0)
        return;
    if (strcmp(route, "/hello") == 0)
        begin(device);
    if (!is_question)
        device->hidden_after = 0;
    else if (strcmp(route, "/hello") == 0 && device->hidden_after > 0)
        rc = lie_in_hello(device, body, &lie);
    else if (strcmp(route, "/ledger") == 0 && device->hidden_after > 0)
        rc = lie_about_lines(device, body, &lie);
    else if (strcmp(route, "/entries") == 0 && world_falls(world, world->rates.lie))
        rc = lie_about_entries(device, body, &lie);
    else if (strcmp(route, "/boxes") == 0 && world_falls(world, world->rates.lie))
        rc = lie_about_boxes(device, body, &lie);
    if (is_question && rc == RC_ABSENT && world_falls(world, world->rates.lie))
        rc = lie_with_past(device, route, &lie);
    if (is_question)
        keep_answer(device, route, body);
    if (rc == RC_OK) {
        buf_wipe(body);
        *body = lie;
        return;
    }
    buf_wipe(&lie);
    if (rc != RC_ABSENT)
        world_fail(world, "the liar: %s: %s", rc_name(rc), rc_sentence());
}
