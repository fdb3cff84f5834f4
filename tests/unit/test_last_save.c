/* Bundles of a colleague's modified program whose entries end at the last number that a save can have: what follows it has none. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/replica_own.h"
#include "sync/wire_run.h"
#include "tests/support/forger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2, LIFE = 7 };

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_shared(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    office_assign(&office, BRAM, family, CAAS, LEDGER_COACH);
    office_sync_all(&office, 3, 3);
    return 0;
}

/* Bram's, of one save behind the entry with that header; *hash becomes its own. */
static void
write_entry(struct wire_run_list *list, uint32_t save, uint8_t hash[CRYPTO_HASH_BYTES], struct buf *cipher)
{
    struct replica *bram = office.devices[BRAM].replica;
    struct buf body = BUF_EMPTY(4096), value = BUF_EMPTY(64);
    struct change change = CHANGE_EMPTY(file);
    struct secret key = SECRET_EMPTY;
    struct entry entry = {.stream = file, .incarnation = LIFE, .first = save, .last = save};

    memcpy(entry.previous, hash, CRYPTO_HASH_BYTES);
    entry.position = ledger_position(bram->ledger);
    memcpy(entry.position_hash, ledger_hash_at(bram->ledger, entry.position), sizeof entry.position_hash);
    entry.epoch = ledger_epoch_at(bram->ledger, file, entry.position);
    assert_ok(value_put_int(&value, 1, 7));
    assert_ok(change_put(&change, 9999, id_random(), 1, &value));
    assert_ok(body_write((struct feed_ref){bram->identity.device, LIFE}, save, &change, 1, NULL, 0, &body));
    assert_ok(keyring_get(bram->keys, file, entry.epoch, &key));
    assert_ok(entry_seal(&entry, &bram->identity, &key, &body, cipher));
    assert_ok(wire_run_add(list, &entry));
    memcpy(hash, entry.hash, CRYPTO_HASH_BYTES);
    change_wipe(&change);
    secret_wipe(&key);
    buf_wipe(&value);
    buf_wipe(&body);
}

/* The last two saves that a feed can have, and nothing before them, to Anna. */
static void
bring(void)
{
    struct office_device *anna = &office.devices[ANNA];
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf bundle;
    struct buf ciphers[] = {BUF_EMPTY(4096), BUF_EMPTY(4096)};
    uint8_t hash[CRYPTO_HASH_BYTES] = {1};

    write_entry(&content.runs, UINT32_MAX - 1, hash, &ciphers[0]);
    write_entry(&content.runs, UINT32_MAX, hash, &ciphers[1]);
    forger_pack(&office, BRAM, ANNA, &content, &bundle);
    assert_ok(replica_bundle_import(anna->replica, bundle.data, bundle.len, &anna->report));
    wire_run_bundle_wipe(&content);
    buf_wipe(&ciphers[0]);
    buf_wipe(&ciphers[1]);
    buf_wipe(&bundle);
}

static void
late_work_up_to_the_last_save_is_held(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];

    assert_ok(replica_revoke_device(anna->replica, &anna->transport, office.devices[BRAM].id));
    office_sync(&office, ANNA);
    bring();
    assert_int_equal(anna->report.held, 1);
    assert_int_equal(anna->report.parked, 1);
    office_visit(&office, ANNA, family, "after it");
    office_sync(&office, ANNA);
    assert_true(anna->report.is_complete);
}

static void
a_bundle_goes_out_past_the_last_save(void **state)
{
    (void)state;
    bring();
    office_visit(&office, ANNA, family, "after it");
    office_carry(&office, ANNA, CAAS);
    assert_true(office_shows(&office, CAAS, file, "after it"));
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(late_work_up_to_the_last_save_is_held),
        TEST(a_bundle_goes_out_past_the_last_save),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
