/* Tests of core/store_key: slots, passphrases, a hostile keyslots.json. */
#include "core/store_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/stores.h"

static struct stores fixture;
static struct secret word, other, key;

static void
set_word(struct secret *secret, const char *text)
{
    stores_demand(secret_copy(secret, text, strlen(text)), "passphrase");
}

static int
set_up(void **state)
{
    struct store *store;

    (void)state;
    stores_make(&fixture);
    set_word(&word, "vier rode fietsen");
    set_word(&other, "vijf rode fietsen");
    fixture.options.key = NULL;
    stores_demand(store_create(&fixture.options, &word, &STORES_CHEAP, &store), "store_create");
    store_close(store);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    secret_wipe(&word);
    secret_wipe(&other);
    secret_wipe(&key);
    stores_remove(&fixture);
    return 0;
}

static enum rc
unlock(const struct secret *passphrase, struct id *id, struct secret *out)
{
    struct store_slots slots;
    enum rc rc = store_key_read(fixture.directory, &slots);

    if (rc == RC_OK)
        rc = store_key_open(&slots, passphrase, out);
    *id = slots.store;
    return rc;
}

static void
store_key_opens_by_its_passphrase_alone(void **state)
{
    (void)state;
    struct id id;
    struct store *store;

    assert_int_equal(unlock(&other, &id, &key), RC_LOCKED);
    assert_string_equal(rc_sentence(), "the passphrase is wrong");
    assert_null(key.bytes);
    assert_int_equal(unlock(&word, &id, &key), RC_OK);
    fixture.options.key = &key;
    assert_int_equal(store_open(&fixture.options, &store), RC_OK);
    assert_true(id_equal(store_id(store), id));
    store_close(store);
}

static void
store_key_changes_its_passphrase_and_not_the_store(void **state)
{
    (void)state;
    struct secret before = SECRET_EMPTY;
    struct id id;
    size_t was_len, is_len;
    const char *db = scratch_path(&fixture.scratch, "device/store.db");
    const struct clock *clock = &fixture.options.clock;
    uint8_t *was = scratch_read(db, &was_len);

    assert_int_equal(unlock(&word, &id, &before), RC_OK);
    assert_int_equal(store_key_change(fixture.directory, clock, &other, &word, &STORES_CHEAP),
                     RC_LOCKED);
    assert_int_equal(store_key_change(fixture.directory, clock, &word, &other, &STORES_CHEAP),
                     RC_OK);
    assert_int_equal(unlock(&word, &id, &key), RC_LOCKED);
    assert_int_equal(unlock(&other, &id, &key), RC_OK);
    assert_true(secret_equal(&before, &key));
    uint8_t *is = scratch_read(db, &is_len);
    assert_int_equal(was_len, is_len);
    assert_memory_equal(was, is, was_len);
    free(was);
    free(is);
    secret_wipe(&before);
}

static void
store_key_refuses_an_empty_passphrase_and_costs_out_of_bounds(void **state)
{
    (void)state;
    static const struct store_key_cost BAD[] = {{4, 1}, {64, 0}, {64, 101}, {4194305, 1}};
    struct secret empty = SECRET_EMPTY;
    struct store_slots slots;

    assert_int_equal(secret_make(&key, CRYPTO_KEY_BYTES), RC_OK);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_OK);
    assert_int_equal(slots.count, 1);
    assert_int_equal(store_key_add(&slots, &key, &empty, &STORES_CHEAP), RC_INVALID);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(store_key_add(&slots, &key, &word, &BAD[i]), RC_INVALID);
    assert_int_equal(slots.count, 1);
    while (slots.count < STORE_KEY_SLOTS)
        assert_int_equal(store_key_add(&slots, &key, &other, &STORES_CHEAP), RC_OK);
    assert_int_equal(store_key_add(&slots, &key, &other, &STORES_CHEAP), RC_TOO_LARGE);
    assert_int_equal(store_key_write(fixture.directory, &slots), RC_OK);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_OK);
    assert_int_equal(slots.count, STORE_KEY_SLOTS);
    assert_int_equal(STORE_KEY_COST.memory_kib, 262144);
    assert_int_equal(STORE_KEY_COST.passes, 3);
}

static void
store_key_binds_the_slot_to_its_store_and_cost(void **state)
{
    (void)state;
    struct store_slots slots, changed;

    assert_int_equal(store_key_read(fixture.directory, &slots), RC_OK);
    changed = slots;
    changed.store.bytes[3] ^= 1;
    assert_int_equal(store_key_open(&changed, &word, &key), RC_LOCKED);
    changed = slots;
    changed.slots[0].cost.passes = 2;
    assert_int_equal(store_key_open(&changed, &word, &key), RC_LOCKED);
    changed = slots;
    changed.slots[0].wrapped[5] ^= 0x80;
    assert_int_equal(store_key_open(&changed, &word, &key), RC_LOCKED);
    assert_int_equal(store_key_open(&slots, &word, &key), RC_OK);
}

/* The file with `from` replaced by `to`. */
static enum rc
read_changed(const char *text, const char *from, const char *to)
{
    char changed[4096];
    struct store_slots slots;
    const char *at = strstr(text, from);

    assert_non_null(at);
    int len = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to,
                       at + strlen(from));
    scratch_write(&fixture.scratch, "device/keyslots.json", changed, (size_t)len);
    return store_key_read(fixture.directory, &slots);
}

static void
store_key_refuses_a_hostile_file(void **state)
{
    (void)state;
    size_t len;
    struct store_slots slots;
    char *text = (char *)scratch_read(scratch_path(&fixture.scratch, "device/keyslots.json"), &len);

    text[len] = '\0';
    assert_int_equal(read_changed(text, "\"format\": 1", "\"format\": 2"), RC_UNSUPPORTED);
    assert_int_equal(read_changed(text, "\"format\": 1", "\"format\": 0"), RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"passphrase\"", "\"something\""), RC_UNSUPPORTED);
    assert_int_equal(read_changed(text, "\"memory_kib\": 64", "\"memory_kib\": 4194305"),
                     RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"passes\": 1", "\"passes\": 101"), RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"passes\": 1", "\"passes\": -1"), RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"passes\": 1", "\"passes\": 1, \"passes\": 1"),
                     RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"salt\": \"", "\"salt\": \"00"), RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"slots\"", "\"slot\""), RC_CORRUPT);
    for (size_t cut = 0; cut < len; cut += 7) {
        scratch_write(&fixture.scratch, "device/keyslots.json", text, cut);
        if (cut < len - 2)
            assert_int_equal(store_key_read(fixture.directory, &slots), RC_CORRUPT);
    }
    char *huge = calloc(1, STORE_KEY_FILE_BYTES + 4096);
    assert_non_null(huge);
    scratch_write(&fixture.scratch, "device/keyslots.json", huge, STORE_KEY_FILE_BYTES + 4096);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_CORRUPT);
    free(huge);
    assert_int_equal(unlink(scratch_path(&fixture.scratch, "device/keyslots.json")), 0);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_ABSENT);
    free(text);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(store_key_opens_by_its_passphrase_alone),
        TEST(store_key_changes_its_passphrase_and_not_the_store),
        TEST(store_key_refuses_an_empty_passphrase_and_costs_out_of_bounds),
        TEST(store_key_binds_the_slot_to_its_store_and_cost),
        TEST(store_key_refuses_a_hostile_file),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
