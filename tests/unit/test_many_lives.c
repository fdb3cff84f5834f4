/* A colleague's program that writes in many lives at once, of each stream that it may: what others do next goes on. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/session.h"
#include "sync/wire_run.h"
#include "tests/support/forger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, LIVES_AT_SERVER = 63, FAMILIES = 34, COVERED = 17, LIVES_IN_BUNDLE = 4200 };

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_shared(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_visit(&office, BRAM, family, "before");
    office_sync_all(&office, 2, 2);
    return 0;
}

/* What Bram's modified program wrote: entries of one save, each the first of another life. */
struct lives {
    struct wire_run_list list;
    struct buf *ciphers;
    size_t count;
};

static void
write_life_by(struct lives *lives, const struct identity *by, struct id stream, uint64_t incarnation, struct id record)
{
    struct replica *bram = office.devices[BRAM].replica;
    struct buf body = BUF_EMPTY(4096), value = BUF_EMPTY(64), *cipher = &lives->ciphers[lives->count++];
    struct change change = CHANGE_EMPTY(stream);
    struct secret key = SECRET_EMPTY;
    struct entry entry = {.stream = stream, .incarnation = incarnation, .first = 1, .last = 1};

    *cipher = BUF_EMPTY(4096);
    entry.position = ledger_position(bram->ledger);
    memcpy(entry.position_hash, ledger_hash_at(bram->ledger, entry.position), sizeof entry.position_hash);
    entry.epoch = ledger_epoch_at(bram->ledger, stream, entry.position);
    assert_ok(value_put_int(&value, 1, 7));
    assert_ok(change_put(&change, 9999, record, 1, &value));
    assert_ok(body_write((struct feed_ref){by->device, incarnation}, 1, &change, 1, NULL, 0, &body));
    assert_ok(keyring_get(bram->keys, stream, entry.epoch, &key));
    assert_ok(entry_seal(&entry, by, &key, &body, cipher));
    assert_ok(wire_run_add(&lives->list, &entry));
    change_wipe(&change);
    secret_wipe(&key);
    buf_wipe(&value);
    buf_wipe(&body);
}

static void
write_life(struct lives *lives, struct id stream, uint64_t incarnation, struct id record)
{
    write_life_by(lives, &office.devices[BRAM].replica->identity, stream, incarnation, record);
}

static void
lives_wipe(struct lives *lives)
{
    wire_run_list_wipe(&lives->list);
    for (size_t i = 0; i < lives->count; i++)
        buf_wipe(&lives->ciphers[i]);
    free(lives->ciphers);
}

/* ---- at the server -------------------------------------------------------------------------------------- */

static void
push(struct lives *lives)
{
    struct office_device *bram = &office.devices[BRAM];
    struct request_call call = {.method = "POST"};
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);

    assert_ok(wire_run_push_encode(&lives->list, &body));
    assert_ok(request_target(bram->replica, &call, "/entries"));
    call.body = &body;
    assert_ok(request_send(bram->replica, &bram->transport, &call, &answer, NULL));
    buf_wipe(&answer);
    buf_wipe(&body);
}

static void
a_device_of_many_lives_can_be_revoked(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    struct lives lives = {.list = WIRE_RUN_LIST_EMPTY, .ciphers = calloc((2 * FAMILIES + 1) * LIVES_AT_SERVER, sizeof *lives.ciphers)};
    char name[32];

    assert_non_null(lives.ciphers);
    for (int i = 0; i < FAMILIES; i++) {
        snprintf(name, sizeof name, "eigen %d", i);
        const struct ledger_family *own = ledger_family(bram->replica->ledger, office_family(&office, BRAM, name, BRAM));
        for (uint64_t life = 1; life <= LIVES_AT_SERVER; life++) {
            write_life(&lives, own->index, life, id_random());
            write_life(&lives, own->file, life, id_random());
        }
    }
    push(&lives);
    lives_wipe(&lives);
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, bram->id));
    assert_true(ledger_device(anna->replica->ledger, bram->id)->revoked != 0);
    office_sync(&office, ANNA);
    assert_true(office_shows(&office, ANNA, file, "before")); /* what he wrote until then counts */
    assert_int_equal(anna->report.held, 0);
}

/* Each of his two devices writes in fewer lives than a line can name; both together in more. */
static void
a_cover_that_no_line_can_end_stops_no_session(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    struct lives lives = {.list = WIRE_RUN_LIST_EMPTY, .ciphers = calloc(4 * COVERED * LIVES_AT_SERVER, sizeof *lives.ciphers)};
    struct identity second = IDENTITY_EMPTY;
    struct id families[COVERED], id;
    char name[32];

    assert_non_null(lives.ciphers);
    for (int i = 0; i < COVERED; i++) {
        snprintf(name, sizeof name, "van anna %d", i);
        families[i] = office_family(&office, ANNA, name, ANNA);
    }
    struct cover_new cover = {families, COVERED, bram->person, office.now_ms, office.now_ms + DAY_MS, true};
    assert_ok(replica_cover_give(anna->replica, &anna->transport, &cover, &id));
    office_sync(&office, BRAM);
    assert_ok(replica_cover_accept(bram->replica, &bram->transport, id));
    forger_add_device(&office, BRAM, &second);
    office_sync_all(&office, 2, 2);
    for (int i = 0; i < COVERED; i++) {
        const struct ledger_family *covered = ledger_family(bram->replica->ledger, families[i]);
        for (uint64_t life = 1; life <= LIVES_AT_SERVER; life++) {
            write_life(&lives, covered->index, life, id_random());
            write_life(&lives, covered->file, life, id_random());
            write_life_by(&lives, &second, covered->index, life, id_random());
            write_life_by(&lives, &second, covered->file, life, id_random());
        }
    }
    push(&lives);
    lives_wipe(&lives);
    office_pass(&office, 2 * DAY_MS);
    office_visit(&office, ANNA, family, "after it");
    office_sync(&office, ANNA);
    assert_true(anna->report.is_complete);
    office_sync(&office, BRAM);
    assert_true(office_shows(&office, BRAM, file, "after it"));
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, second.device)); /* of one device fewer it can be ended */
    office_sync(&office, ANNA);
    assert_int_equal(ledger_cover(anna->replica->ledger, id)->state, LEDGER_COVER_ENDED);
    identity_wipe(&second);
}

/* ---- by a bundle ------------------------------------------------------------------------------------------ */

static void
import(struct lives *lives)
{
    struct office_device *anna = &office.devices[ANNA];
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf bundle;

    content.runs = lives->list;
    forger_pack(&office, BRAM, ANNA, &content, &bundle);
    assert_ok(replica_bundle_import(anna->replica, bundle.data, bundle.len, &anna->report));
    buf_wipe(&bundle);
}

static void
a_bundle_of_many_lives_stops_no_session_after_it(void **state)
{
    (void)state;
    struct lives lives = {.list = WIRE_RUN_LIST_EMPTY, .ciphers = calloc(LIVES_IN_BUNDLE, sizeof *lives.ciphers)};
    struct office_device *anna = &office.devices[ANNA];

    assert_non_null(lives.ciphers);
    for (uint64_t life = 1; life <= LIVES_IN_BUNDLE; life++)
        write_life(&lives, file, life, id_random());
    import(&lives);
    lives_wipe(&lives);
    office_visit(&office, ANNA, family, "after it");
    office_sync(&office, ANNA);
    assert_true(anna->report.is_complete);
    office_sync(&office, BRAM);
    assert_true(office_shows(&office, BRAM, file, "after it"));
    office_sync(&office, ANNA);
    office_carry(&office, ANNA, BRAM);
}

/* Each list names 256 of them, and what one body may name of feeds is 4,096. */
static void
saves_that_name_many_lives_are_sealed_in_parts(void **state)
{
    (void)state;
    struct lives lives = {.list = WIRE_RUN_LIST_EMPTY, .ciphers = calloc(LIVES_IN_BUNDLE + 256, sizeof *lives.ciphers)};
    struct office_device *anna = &office.devices[ANNA];
    struct id records[LIVES_IN_BUNDLE / 256 + 1];
    size_t count = sizeof records / sizeof records[0];

    assert_non_null(lives.ciphers);
    for (size_t i = 0; i < count; i++) {
        records[i] = id_random();
        for (uint64_t k = 1; k <= 256; k++)
            write_life(&lives, file, i * 256 + k, records[i]);
    }
    import(&lives);
    lives_wipe(&lives);
    for (size_t i = 0; i < count; i++) {
        struct change change = CHANGE_EMPTY(file);
        struct buf value = BUF_EMPTY(64);
        assert_ok(value_put_int(&value, 1, 8));
        assert_ok(change_put(&change, 9999, records[i], 1, &value));
        assert_ok(replica_save(anna->replica, &change, 1));
        change_wipe(&change);
        buf_wipe(&value);
    }
    office_visit(&office, ANNA, family, "after them");
    office_sync(&office, ANNA);
    assert_true(anna->report.is_complete);
    struct waiting waiting = office_waiting(&office, ANNA);
    assert_int_equal(waiting.saves_unsealed, 0);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_of_many_lives_can_be_revoked),
        TEST(a_cover_that_no_line_can_end_stops_no_session),
        TEST(a_bundle_of_many_lives_stops_no_session_after_it),
        TEST(saves_that_name_many_lives_are_sealed_in_parts),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
