/* A colleague's program that gives itself more devices than a line can give keys to: what others do next goes on. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "sync/session.h"
#include "sync/wire_run.h"
#include "tests/support/forger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2, DEVICES = LEDGER_MAX_RECIPIENTS + 8, FAMILIES = 65, HOLDERS = LEDGER_MAX_RECIPIENTS - 8, ENTITY = 9999, UNITS = 4090 };

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

/* One more device of Bram's: keys alone. */
static struct id
add_device(void)
{
    struct identity identity = IDENTITY_EMPTY;

    forger_add_device(&office, BRAM, &identity);
    struct id device = identity.device;
    identity_wipe(&identity);
    return device;
}

static void
what_is_due_to_many_devices_is_paid_in_parts(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];

    for (int i = 0; i < DEVICES; i++)
        (void)add_device();
    office_visit(&office, ANNA, family, "after it");
    office_sync(&office, ANNA);
    assert_true(anna->report.is_complete);
    assert_int_equal(anna->report.grants_due, 0);
    office_sync(&office, BRAM);
    assert_true(office_shows(&office, BRAM, file, "after it"));
}

static void
a_rotation_that_no_line_holds_stops_no_session(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    struct id device = {{0}};

    for (int i = 0; i < DEVICES; i++)
        device = add_device();
    assert_ok(replica_revoke_device(bram->replica, &bram->transport, device));
    office_visit(&office, BRAM, family, "after it");
    (void)office_try_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_true(anna->report.is_complete);
    assert_true(anna->report.rotations_owed > 0);
    assert_ok(replica_set_roles(anna->replica, &anna->transport, bram->person, 0)); /* which ends it */
    office_sync(&office, ANNA);
    assert_int_equal(anna->report.rotations_owed, 0);
    office_visit(&office, ANNA, family, "of Anna alone");
    office_sync(&office, ANNA);
    struct waiting waiting = office_waiting(&office, ANNA);
    assert_int_equal(waiting.saves_unsealed + waiting.entries_unsent, 0);
}

/* Of the team's stream they are the devices and the link; of a family's the reserve comes beside them. */
static void
a_rotation_that_just_fits_is_made(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    const struct ledger *ledger = anna->replica->ledger;
    struct id device = {{0}}, team = ledger_team_stream(ledger);
    uint32_t before = ledger_stream(ledger, team)->epoch;

    for (int i = 2; i < LEDGER_MAX_RECIPIENTS; i++)
        device = add_device();
    assert_ok(replica_revoke_device(bram->replica, &bram->transport, device));
    office_sync(&office, ANNA);
    assert_int_equal(ledger_stream(anna->replica->ledger, team)->epoch, before + 1);
}

/* A save of the further device into one record, as heavy as all that its person may keep current there. */
static void
fill_record(const struct identity *by, struct id record)
{
    struct office_device *bram = &office.devices[BRAM];
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES), value = BUF_EMPTY(64), cipher = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
    struct buf request = BUF_EMPTY(WIRE_REQUEST_BYTES), answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct change change = CHANGE_EMPTY(file);
    struct secret key = SECRET_EMPTY;
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct request_call call = {.method = "POST"};
    struct entry entry = {.stream = file, .incarnation = 1, .first = 1, .last = 1, .position = ledger_position(bram->replica->ledger)};
    struct version none;

    memcpy(entry.position_hash, ledger_hash_at(bram->replica->ledger, entry.position), sizeof entry.position_hash);
    entry.epoch = ledger_epoch_at(bram->replica->ledger, file, entry.position);
    assert_ok(value_put_int(&value, 1, 7));
    for (uint32_t unit = 1; unit <= UNITS; unit++)
        assert_ok(change_put_over(&change, ENTITY, record, unit, &value, &none, 0));
    assert_ok(body_write((struct feed_ref){by->device, 1}, 1, &change, 1, NULL, 0, &body));
    assert_ok(keyring_get(bram->replica->keys, file, entry.epoch, &key));
    assert_ok(entry_seal(&entry, by, &key, &body, &cipher));
    assert_ok(wire_run_add(&list, &entry));
    assert_ok(wire_run_push_encode(&list, &request));
    assert_ok(request_target(bram->replica, &call, "/entries"));
    call.body = &request;
    assert_ok(request_send(bram->replica, &bram->transport, &call, &answer, NULL));
    wire_run_list_wipe(&list);
    secret_wipe(&key);
    change_wipe(&change);
    buf_wipe(&request);
    buf_wipe(&answer);
    buf_wipe(&cipher);
    buf_wipe(&value);
    buf_wipe(&body);
}

/* What waits there was saved before that came. */
static void
a_record_that_ones_other_device_filled_stops_no_restored_store(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct identity lost = IDENTITY_EMPTY;
    struct id record = id_random();
    struct buf value = BUF_EMPTY(64);
    char token[256];

    forger_add_device(&office, BRAM, &lost);
    office_sync_all(&office, 2, 1);
    fill_record(&lost, record);
    assert_ok(value_put_int(&value, 1, 8));
    for (uint32_t save = 0; save < 4; save++) {
        struct change change = CHANGE_EMPTY(file);
        for (uint32_t unit = 1; unit <= 3; unit++)
            assert_ok(change_put(&change, ENTITY, record, UNITS + 3 * save + unit, &value));
        assert_ok(replica_save(bram->replica, &change, 1));
        change_wipe(&change);
    }
    office_visit(&office, BRAM, family, "behind it");
    office_token_path(&office, BRAM, token);
    office_shut(&office, BRAM);
    assert_int_equal(remove(token), 0);
    assert_ok(office_start(&office, BRAM));
    office_sync(&office, BRAM);
    struct waiting waiting = office_waiting(&office, BRAM);
    assert_int_equal(waiting.saves_unsealed + waiting.entries_unsent, 0);
    office_sync(&office, ANNA);
    assert_true(office_shows(&office, ANNA, file, "behind it"));
    identity_wipe(&lost);
    buf_wipe(&value);
}

/* Anna gave Caas her whole caseload by bundle, which came to nothing: she makes all its keys anew, for each device of Bram's too. */
static void
keys_of_a_caseload_are_renewed_for_many_devices(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];
    struct id families[FAMILIES], cover;
    char name[32];

    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    assert_ok(replica_set_roles(anna->replica, &anna->transport, office.devices[BRAM].person,
                                LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST));
    for (int i = 0; i < FAMILIES; i++) {
        snprintf(name, sizeof name, "familie %d", i);
        families[i] = office_family(&office, ANNA, name, ANNA);
    }
    office_sync_all(&office, 3, 2);
    struct cover_new wanted = {families, FAMILIES, office.devices[CAAS].person, office.now_ms, office.now_ms + DAY_MS, true};
    assert_ok(replica_cover_carry(anna->replica, &wanted, &cover));
    for (int i = 0; i < HOLDERS; i++)
        (void)add_device();
    office_pass(&office, 2 * DAY_MS);
    office_sync(&office, ANNA);
    assert_true(anna->report.is_complete);
    assert_int_equal(anna->report.carried_refused, 1);
    for (int i = 0; i < FAMILIES; i++) {
        const struct ledger_family *own = ledger_family(anna->replica->ledger, families[i]);
        assert_int_equal(ledger_stream(anna->replica->ledger, own->index)->epoch, 2);
        assert_int_equal(ledger_stream(anna->replica->ledger, own->file)->epoch, 2);
    }
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_due_to_many_devices_is_paid_in_parts),
        TEST(a_rotation_that_no_line_holds_stops_no_session),
        TEST(a_rotation_that_just_fits_is_made),
        TEST(a_record_that_ones_other_device_filled_stops_no_restored_store),
        TEST(keys_of_a_caseload_are_renewed_for_many_devices),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
