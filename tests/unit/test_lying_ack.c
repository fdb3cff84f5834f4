/* A colleague whose acknowledgements claim what is not so: nobody fetches a stream again and again for it. */
#include <string.h>

#include "sync/ack.h"
#include "sync/request.h"
#include "tests/support/office_plan.h"
#include "tests/support/stores.h"
#include "tests/unit/unit.h"

enum { ANNA = 0, BRAM = 1, LIAR = 2, ROUNDS = 8 };

static struct office office;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, BRAM, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, LIAR, "Liar", LEDGER_ROLE_COACH);
    office_sync_all(&office, 3, 2);
    return 0;
}

/* "I have applied my own saves up to `last` in that stream", which it may not even read. */
static void
claim_as(int at, uint64_t incarnation, struct id stream, uint64_t number, uint32_t last)
{
    struct replica *liar = office.devices[at].replica;
    struct request_call call = {.method = "POST"};
    struct ack ack = ACK_EMPTY;
    struct buf body = BUF_EMPTY(4096), answer = BUF_EMPTY(4096);
    static const uint8_t digest[CRYPTO_HASH_BYTES];

    memcpy(ack.team, liar->team, sizeof ack.team);
    ack.device = liar->identity.device;
    ack.incarnation = incarnation;
    ack.number = number;
    ack.created_ms = (uint64_t)office.now_ms;
    ack.position = ledger_position(liar->ledger);
    memcpy(ack.line_hash, ledger_hash_at(liar->ledger, ack.position), sizeof ack.line_hash);
    assert_ok(ack_add_stream(&ack, stream, digest));
    assert_ok(ack_add_feed(&ack, (struct ack_feed){ack.device, incarnation, last}));
    assert_ok(ack_encode(&ack, &liar->identity, &body));
    assert_ok(request_target(liar, &call, "/acks"));
    call.body = &body;
    assert_ok(request_send(liar, &office.devices[at].transport, &call, &answer, NULL));
    buf_wipe(&body);
    buf_wipe(&answer);
    ack_wipe(&ack);
}

static void
claim(struct id stream, uint64_t number, uint32_t last)
{
    claim_as(LIAR, 666, stream, number, last);
}

/* What Bram fetches of entries in one session, after Anna wrote a little. */
static size_t
day(struct id family)
{
    office_visit(&office, ANNA, family, "x");
    office_sync(&office, ANNA);
    size_t before = office.devices[BRAM].entry_bytes;
    office_sync(&office, BRAM);
    return office.devices[BRAM].entry_bytes - before;
}

static void
what_a_colleague_claims_to_have_written_is_asked_for_once(void **state)
{
    (void)state;
    struct id family = office_family(&office, ANNA, "vos", ANNA);
    char note[20000];

    for (size_t i = 0; i < sizeof note - 1; i++)
        note[i] = (char)('a' + (i * i + i / 7) % 26);
    note[sizeof note - 1] = '\0';
    office_assign(&office, ANNA, family, BRAM, LEDGER_COACH);
    for (int i = 0; i < 20; i++) {
        note[0] = (char)('a' + i);
        office_visit(&office, ANNA, family, note);
    }
    office_sync_all(&office, 2, 3);
    const struct ledger_family *known = ledger_family(office.devices[ANNA].replica->ledger, family);
    (void)day(family);
    size_t usual = day(family);
    claim(known->file, 1, 1000); /* who has no right to a stream cannot have written there */
    for (int i = 0; i < 4; i++)
        assert_in_range(day(family), 1, 2 * usual);

    office_assign(&office, ANNA, family, LIAR, LEDGER_COACH);
    office_sync(&office, BRAM);
    assert_in_range(day(family), 1, 2 * usual);
    claim(known->file, 2, 2000);
    unsigned again = 0;
    for (int i = 0; i < 6; i++)
        again += day(family) > 2 * usual;
    assert_int_equal(again, 1); /* it could be true: once */
}

/* Whoever has a copy of his store can sign what Bram never wrote: in the life he lives, and in others. */
static void
what_a_copy_of_this_store_claims_for_it_stops_nobody(void **state)
{
    (void)state;
    struct id family = office_family(&office, ANNA, "vos", ANNA);
    struct replica *bram = office.devices[BRAM].replica;
    char note[] = "by Bram 0";

    office_assign(&office, ANNA, family, BRAM, LEDGER_COACH);
    office_sync_all(&office, 2, 3);
    struct id file = ledger_family(bram->ledger, family)->file;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t life = round % 2 == 0 ? bram->incarnation : 666 + round;
        claim_as(BRAM, life, file, UINT64_MAX / 4 + round, UINT32_MAX);
        if (round % 4 > 1)
            office_sync(&office, BRAM);
        note[sizeof note - 2] = (char)('0' + round);
        office_visit(&office, BRAM, family, note);
        for (int i = 0; i < 3; i++)
            office_sync(&office, BRAM);
        office_sync_all(&office, 2, 2);
        assert_true(office_shows(&office, ANNA, file, note));
    }
    office_sync_all(&office, 2, 3);
    assert_true(office_are_equal(&office, ANNA, BRAM, family));
    for (int i = ANNA; i <= BRAM; i++) {
        struct waiting waiting = office_waiting(&office, i);
        assert_int_equal(waiting.parked + waiting.held + waiting.entries_unsent + waiting.saves_unsealed, 0);
        office_sync(&office, i);
        assert_int_equal(office.devices[i].requests, 3);
    }
    assert_in_range(office_ask(&office, BRAM, "SELECT count(*) FROM sync_lack"), 1, ROUNDS); /* asked for more and more seldom */
}

#define CASE(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_a_colleague_claims_to_have_written_is_asked_for_once),
        CASE(what_a_copy_of_this_store_claims_for_it_stops_nobody),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
