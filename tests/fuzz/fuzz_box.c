/* Fuzz entry of sync/wire and sync/keyring: lists of boxes, each tried as what it may be, and as what a colleague might
 * have sealed into one. Keys and commitments are those of the golden ledger: no box may add a key to them. */
#include "sync/keyring.h"

#include <stdlib.h>
#include <string.h>

#include "sync/ledger.h"
#include "tests/support/golden.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CEILING = 1 << 20 };

static struct identity members[GOLDEN_MEMBERS];
static struct keyring *keys;
static struct ledger *ledger;
static size_t known; /* keys of the golden team */

static void
need(bool holds)
{
    if (!holds)
        abort();
}

static void
load_ledger(void)
{
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    struct buf bytes = BUF_EMPTY(CEILING);

    golden_read("history", &bytes);
    need(ledger_new(&ledger) == RC_OK);
    need(wire_ledger_answer_decode(bytes.data, bytes.len, &answer) == RC_OK);
    for (size_t i = 0; i < answer.lines.count; i++)
        need(ledger_append(ledger, answer.lines.items[i].data, answer.lines.items[i].len) == RC_OK);
    wire_ledger_answer_wipe(&answer);
    buf_wipe(&bytes);
}

/* What a box of that place must hold: zeros for a place that the ledger does not know. */
static struct ledger_epoch
epoch_of(struct id stream, uint32_t epoch)
{
    struct ledger_epoch found = {.epoch = 0};

    if (epoch > 0)
        (void)ledger_epoch(ledger, stream, epoch, &found);
    return found;
}

static enum rc
open_as(const struct wire_box *box, const struct identity *identity)
{
    struct ledger_epoch epoch = epoch_of(box->stream, box->epoch);

    return id_equal(box->stream, ledger_reserve())
               ? keyring_open_reserve_secret(keys, box, identity, epoch.commitment,
                                             epoch.reserve_public)
               : keyring_open_box(keys, box, identity, epoch.commitment);
}

/* True when the box opened as what it says it is. */
static bool
try_box(const struct wire_box *box)
{
    struct ledger_epoch epoch = epoch_of(box->stream, box->epoch);
    struct ledger_epoch below = epoch_of(box->stream, box->epoch - 1);
    struct ledger_epoch reserve = epoch_of(ledger_reserve(), epoch.reserve_epoch);
    bool opened = keyring_open_link(keys, box, below.commitment) == RC_OK;

    for (size_t i = 0; i < GOLDEN_MEMBERS; i++)
        if (open_as(box, &members[i]) == RC_OK)
            opened = true;
    if (keyring_open_reserve_box(keys, box, epoch.reserve_epoch, reserve.reserve_public,
                                 epoch.commitment) == RC_OK)
        opened = true;
    return opened;
}

/* A box whose content is what stands where the box should: sealed by somebody who may seal anything. */
static bool
try_payload(const struct wire_box *box)
{
    struct wire_box made = {.stream = box->stream,
                            .epoch = box->epoch,
                            .recipient = members[0].device,
                            .len = box->len};

    need(box->len > CRYPTO_BOX_EXTRA_BYTES);
    need(crypto_box_put(members[0].box_public, box->bytes,
                        (size_t)box->len - CRYPTO_BOX_EXTRA_BYTES, made.bytes) == RC_OK);
    return open_as(&made, &members[0]) == RC_OK;
}

static void
start(void)
{
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    struct buf bytes = BUF_EMPTY(CEILING);

    need(secret_start() == RC_OK && keyring_new(&keys) == RC_OK);
    for (size_t i = 0; i < GOLDEN_MEMBERS; i++)
        golden_identity(i, &members[i]);
    load_ledger();
    golden_read("box_list", &bytes);
    need(wire_box_list_decode(bytes.data, bytes.len, &list) == RC_OK);
    for (size_t i = 0; i < list.boxes.count; i++)
        if (!id_equal(list.boxes.items[i].recipient, ledger_reserve()) &&
            !id_is_zero(list.boxes.items[i].recipient))
            need(try_box(&list.boxes.items[i]));
    for (size_t i = 0; i < list.boxes.count; i++)
        need(try_box(&list.boxes.items[i])); /* now those of the reserve, and the links, too */
    known = keyring_count(keys);
    wire_box_list_wipe(&list);
    buf_wipe(&bytes);
}

/* What a server says that it lacks, and what a device hands back of it: whatever was read is written as it was. */
static void
read_names(const uint8_t *data, size_t len)
{
    struct wire_boxes names = WIRE_BOXES_EMPTY;
    struct buf again = BUF_EMPTY((size_t)1 << 20);

    if (wire_box_names_decode(data, len, &names) == RC_OK)
        need(names.count <= WIRE_LACKING_BOXES && wire_box_names_encode(&names, &again) == RC_OK && again.len == len &&
             memcmp(again.data, data, len) == 0);
    (void)(wire_boxes_decode(data, len, &names) == RC_OK);
    wire_boxes_wipe(&names);
    buf_wipe(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;

    if (keys == NULL)
        start();
    if (wire_box_list_decode(data, len, &list) == RC_OK)
        for (size_t i = 0; i < list.boxes.count; i++) {
            (void)try_box(&list.boxes.items[i]);
            (void)try_payload(&list.boxes.items[i]);
        }
    need(keyring_count(keys) == known);
    wire_box_list_wipe(&list);
    read_names(data, len);
    return 0;
}
