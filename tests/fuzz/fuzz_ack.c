/* Fuzz entry of sync/ack and sync/status: an acknowledgement and lists of them as they are; then what the input has two colleagues
 * acknowledge, rightly signed, taken into a store and asked for again. */
#include "sync/ack.h"

#include <stdlib.h>
#include <string.h>

#include "sync/status.h"
#include "sync/wire.h"
#include "tests/sim/seeded.c"
#include "tests/support/office.h"
#include "tests/support/stores.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SEED = 20260302, READER = 0, DEVICES = 3, STREAMS = 4, ACKS_MOST = 8, CEILING = 1 << 20 };

static struct office office;
static struct replica *reader;
static struct id streams[STREAMS]; /* ascending; one is nobody's */

static void
need(bool holds)
{
    if (!holds)
        abort();
}

static void
stop(void)
{
    office_close(&office);
}

static void
sort_ids(struct id *ids, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && id_compare(ids[k - 1], ids[k]) > 0; k--) {
            struct id id = ids[k];
            ids[k] = ids[k - 1];
            ids[k - 1] = id;
        }
}

static void
start(void)
{
    if (reader != NULL)
        return;
    seeded_start(SEED);
    stores_demand(secret_start(), "secret_start");
    struct id family = office_pair(&office, 1);
    reader = office.devices[READER].replica;
    office_join(&office, 2, "Carla", LEDGER_ROLE_COACH);
    office_visit(&office, 1, family, "acknowledged");
    office_sync_all(&office, DEVICES, 2);
    const struct ledger_family *known = ledger_family(reader->ledger, family);
    streams[0] = ledger_team_stream(reader->ledger);
    streams[1] = known->index;
    streams[2] = known->file; /* which the reader, a coordinator, may not read */
    streams[3] = (struct id){{1, 2, 3}};
    sort_ids(streams, STREAMS);
    (void)atexit(stop);
}

static void
read_as_it_is(const uint8_t *data, size_t len)
{
    struct wire_ack_list list = WIRE_ACK_LIST_EMPTY;
    struct wire_blocks joins = WIRE_BLOCKS_EMPTY;
    struct ack ack = ACK_EMPTY;
    static const uint8_t key[32] = {1};

    need(ack_decode(data, len, &ack) != RC_OK || !ack_verify(data, len, key));
    (void)(wire_ack_list_decode(data, len, &list) == RC_OK);
    (void)(wire_joins_decode(data, len, &joins) == RC_OK);
    ack_wipe(&ack);
    wire_ack_list_wipe(&list);
    wire_blocks_wipe(&joins);
}

/* What is not of its kind's range stays at the 64 bits of the wire: a number may be anything. */
static uint64_t
some_number(struct reader *input)
{
    uint8_t kind = reader_u8(input);

    return kind < 192 ? kind : reader_u64(input);
}

/* One acknowledgement of device 1 or 2 about some of the streams. */
static void
make_ack(struct reader *input, struct ack *ack, struct buf *bytes)
{
    struct office_device *author = &office.devices[1 + reader_u8(input) % 2];
    uint8_t flaws = reader_u8(input);
    uint8_t digest[CRYPTO_HASH_BYTES] = {flaws};
    enum rc rc = RC_OK;

    memcpy(ack->team, ledger_team(reader->ledger), CRYPTO_HASH_BYTES);
    ack->team[0] ^= (flaws & 1) != 0;
    ack->device = author->id;
    ack->incarnation = some_number(input);
    ack->number = some_number(input);
    ack->created_ms = some_number(input);
    ack->position = (flaws & 2) != 0 ? some_number(input) : ledger_position(reader->ledger);
    const uint8_t *hash = ledger_hash_at(reader->ledger, ack->position);
    if (hash != NULL)
        memcpy(ack->line_hash, hash, CRYPTO_HASH_BYTES);
    ack->line_hash[0] ^= (flaws & 4) != 0;
    for (size_t s = 0; rc == RC_OK && s < STREAMS; s++) {
        if ((flaws & (8u << s)) != 0)
            continue;
        rc = ack_add_stream(ack, streams[s], digest);
        for (uint8_t feeds = reader_u8(input) % 4; rc == RC_OK && feeds > 0; feeds--) {
            struct ack_feed feed = {office.devices[reader_u8(input) % DEVICES].id,
                                    some_number(input), (uint32_t)some_number(input)};
            rc = ack_add_feed(ack, feed);
            if (rc == RC_INVALID)
                rc = RC_OK; /* out of order: left out */
        }
    }
    need(rc == RC_OK);
    need(ack_encode(ack, &author->replica->identity, bytes) == RC_OK);
}

static enum rc
one_feed(void *context, const struct feed_status *feed)
{
    struct ack_status status;

    (void)context;
    for (size_t d = 0; d < DEVICES; d++)
        need(replica_applied_at(reader, office.devices[d].id, feed->stream, feed->feed, &status) ==
             RC_OK);
    return RC_OK;
}

static void
ask(void)
{
    int64_t at_ms;

    for (size_t s = 0; s < STREAMS; s++)
        need(replica_feeds(reader, streams[s], one_feed, NULL) == RC_OK);
    for (size_t d = 0; d < DEVICES; d++)
        need(replica_heard_at(reader, office.devices[d].id, &at_ms) == RC_OK);
}

/* Nothing is committed. */
static void
take_in(const uint8_t *data, size_t len)
{
    struct reader input = reader_of(data, len);
    struct wire_blocks acks = WIRE_BLOCKS_EMPTY;
    struct buf bytes[ACKS_MOST];
    uint64_t read = 0;
    size_t count = 0;

    need(db_begin(reader->db) == RC_OK);
    for (; count < ACKS_MOST && reader_left(&input) > 0 && !input.failed; count++) {
        struct ack ack = ACK_EMPTY;
        bytes[count] = BUF_EMPTY(CEILING);
        make_ack(&input, &ack, &bytes[count]);
        need(wire_blocks_add(&acks, bytes[count].data, bytes[count].len) == RC_OK);
        ack_wipe(&ack);
    }
    enum rc rc = status_take_acks(reader, &acks, &read);
    need(rc == RC_OK || rc == RC_UNTRUSTED);
    if (rc == RC_OK)
        ask();
    db_rollback(reader->db);
    for (size_t i = 0; i < count; i++)
        buf_wipe(&bytes[i]);
    wire_blocks_wipe(&acks);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    start();
    read_as_it_is(data, len);
    take_in(data, len);
    return 0;
}
