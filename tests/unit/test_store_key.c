/* Tests of core/store_key: slots, passphrases, a hostile keyslots.json. */
#include "core/store_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/sheet.h"
#include "core/store_token.h"
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
    assert_int_equal(store_key_set_passphrase(fixture.directory, clock, &before, &other, &STORES_CHEAP),
                     RC_OK);
    assert_int_equal(unlock(&word, &id, &key), RC_LOCKED);
    assert_int_equal(unlock(&other, &id, &key), RC_OK);
    assert_true(secret_equal(&before, &key));
    key.bytes[0] ^= 1; /* who has no key of this store changes nothing */
    assert_int_equal(store_key_set_passphrase(fixture.directory, clock, &key, &word, &STORES_CHEAP),
                     RC_LOCKED);
    assert_int_equal(store_key_set_sheet(fixture.directory, clock, &key, &other), RC_LOCKED);
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
    assert_int_equal(store_key_write(fixture.directory, &fixture.options.clock, &key, &slots), RC_OK);
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
    assert_int_equal(read_changed(text, "\"format\": 2", "\"format\": 3"), RC_UNSUPPORTED);
    assert_int_equal(read_changed(text, "\"format\": 2", "\"format\": 1"), RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"format\": 2", "\"format\": 0"), RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"proof\": \"", "\"proof\": \"0"), RC_CORRUPT);
    assert_int_equal(read_changed(text, "\"passphrase\"", "\"recovery\""), RC_CORRUPT);
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
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_CORRUPT);
    assert_int_equal(unlink(scratch_path(&fixture.scratch, "device/store.db")), 0);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_ABSENT);
    free(text);
}

/* ---- the recovery sheet ---- */

static enum rc
open_by_sheet(const struct secret *sheet)
{
    struct store_slots slots;
    enum rc rc = store_key_read(fixture.directory, &slots);

    return rc == RC_OK ? store_key_open_sheet(&slots, sheet, &key) : rc;
}

static void
store_key_opens_by_its_newest_sheet_alone(void **state)
{
    (void)state;
    const struct clock *clock = &fixture.options.clock;
    const char *db = scratch_path(&fixture.scratch, "device/store.db");
    struct secret first = SECRET_EMPTY, second = SECRET_EMPTY, right = SECRET_EMPTY;
    size_t was_len, is_len;
    uint8_t *was = scratch_read(db, &was_len);
    struct id id;

    assert_int_equal(sheet_make(&first), RC_OK);
    assert_int_equal(sheet_make(&second), RC_OK);
    assert_int_equal(open_by_sheet(&first), RC_LOCKED);
    assert_int_equal(unlock(&word, &id, &right), RC_OK);
    assert_int_equal(store_key_set_sheet(fixture.directory, clock, &right, &first), RC_OK);
    assert_int_equal(open_by_sheet(&first), RC_OK);
    assert_true(secret_equal(&key, &right));
    assert_int_equal(open_by_sheet(&second), RC_LOCKED);
    assert_null(key.bytes);
    assert_int_equal(store_key_set_sheet(fixture.directory, clock, &right, &second), RC_OK);
    assert_int_equal(open_by_sheet(&first), RC_LOCKED);
    assert_int_equal(open_by_sheet(&second), RC_OK);
    /* A forgotten passphrase: the sheet's key sets another, and the sheet goes on. */
    assert_int_equal(store_key_set_passphrase(fixture.directory, clock, &key, &other, &STORES_CHEAP), RC_OK);
    assert_int_equal(unlock(&word, &id, &key), RC_LOCKED);
    assert_int_equal(unlock(&other, &id, &key), RC_OK);
    assert_int_equal(open_by_sheet(&second), RC_OK);
    uint8_t *is = scratch_read(db, &is_len);
    assert_int_equal(was_len, is_len);
    assert_memory_equal(was, is, was_len);
    free(was);
    free(is);
    secret_wipe(&first);
    secret_wipe(&second);
    secret_wipe(&right);
}

static void
store_key_is_raised_to_the_cost_of_today_and_never_lowered(void **state)
{
    (void)state;
    const struct clock *clock = &fixture.options.clock;
    const struct store_key_cost more = {STORES_CHEAP.memory_kib * 2, STORES_CHEAP.passes}, less = {8, 3};
    struct secret before = SECRET_EMPTY;
    struct store_slots slots;
    struct id id;
    bool raised;

    assert_int_equal(unlock(&word, &id, &before), RC_OK);
    assert_int_equal(store_key_raise(fixture.directory, clock, &word, &STORES_CHEAP, &raised), RC_OK);
    assert_false(raised);
    assert_int_equal(store_key_raise(fixture.directory, clock, &other, &more, &raised), RC_LOCKED);
    assert_false(raised);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_OK);
    assert_true(store_key_is_cheap(&slots, &more));
    assert_int_equal(store_key_raise(fixture.directory, clock, &word, &more, &raised), RC_OK);
    assert_true(raised);
    assert_int_equal(store_key_raise(fixture.directory, clock, &word, &less, &raised), RC_OK);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_OK);
    assert_int_equal(slots.count, 1);
    assert_int_equal(slots.slots[0].cost.memory_kib, more.memory_kib);
    assert_int_equal(slots.slots[0].cost.passes, 3);
    assert_false(store_key_is_cheap(&slots, &more));
    assert_int_equal(unlock(&word, &id, &key), RC_OK);
    assert_true(secret_equal(&before, &key));
    assert_true(store_key_is_whole(&slots, &key));
    secret_wipe(&before);
}

/* The golden files: the first format, and the second with a sheet, of one store. */
static void
both_formats_open_the_golden_store(void **state)
{
    (void)state;
    static const char SHEET[] = "000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG";
    static const char *const FILES[] = {"tests/golden/store/keyslots.json", "tests/golden/store/keyslots-2.json"};
    struct secret keys[3] = {SECRET_EMPTY, SECRET_EMPTY, SECRET_EMPTY}, sheet = SECRET_EMPTY;
    struct store_slots slots;

    set_word(&word, "golden passphrase");
    for (size_t i = 0; i < 2; i++) {
        size_t len;
        uint8_t *text = scratch_read(FILES[i], &len);
        assert_int_equal(store_key_decode(text, len, &slots), RC_OK);
        assert_int_equal(store_key_open(&slots, &word, &keys[i]), RC_OK);
        assert_int_equal(slots.has_proof, i == 1);
        assert_true(store_key_is_whole(&slots, &keys[i]));
        free(text);
    }
    assert_int_equal(sheet_from_text(SHEET, sizeof SHEET - 1, &sheet), RC_OK);
    assert_int_equal(store_key_open_sheet(&slots, &sheet, &keys[2]), RC_OK);
    assert_true(secret_equal(&keys[0], &keys[1]) && secret_equal(&keys[0], &keys[2]));
    for (size_t i = 0; i < 3; i++)
        secret_wipe(&keys[i]);
    secret_wipe(&sheet);
}

/* ---- slots that were altered, rolled back, lost ---- */

static void
flip_file(const uint8_t *whole, size_t len, size_t at, uint8_t mask)
{
    uint8_t *changed = malloc(len);

    assert_non_null(changed);
    memcpy(changed, whole, len);
    changed[at] ^= mask;
    scratch_write(&fixture.scratch, "device/keyslots.json", changed, len);
    free(changed);
}

/* Whatever is read of it: the right passphrase and sheet give the right key or none, and a change that was taken is known. */
static void
assert_harmless(const struct secret *right, const struct secret *sheet)
{
    struct store_slots slots;
    enum rc rc = store_key_read(fixture.directory, &slots);

    if (rc != RC_OK) {
        assert_true(rc == RC_CORRUPT || rc == RC_UNSUPPORTED);
        return;
    }
    if (store_key_is_whole(&slots, right))
        return; /* blanks, or a letter of a hexadecimal digit in the other case: the same content */
    if (store_key_open_sheet(&slots, sheet, &key) == RC_OK)
        assert_true(secret_equal(&key, right));
    bool is_dear = false; /* an altered cost may be as dear as the bounds allow */
    for (size_t i = 0; i < slots.count; i++)
        is_dear = is_dear || slots.slots[i].cost.memory_kib > 4096 || slots.slots[i].cost.passes > 4;
    if (!is_dear && store_key_open(&slots, &word, &key) == RC_OK)
        assert_true(secret_equal(&key, right));
}

static void
every_byte_of_the_slots_may_be_flipped_and_none_gives_a_wrong_key(void **state)
{
    (void)state;
    struct secret right = SECRET_EMPTY, sheet = SECRET_EMPTY;
    struct store_slots slots;
    struct id id;
    size_t len, same = 0;

    assert_int_equal(unlock(&word, &id, &right), RC_OK);
    assert_int_equal(sheet_make(&sheet), RC_OK);
    assert_int_equal(store_key_set_sheet(fixture.directory, &fixture.options.clock, &right, &sheet), RC_OK);
    uint8_t *whole = scratch_read(scratch_path(&fixture.scratch, "device/keyslots.json"), &len);
    for (size_t at = 0; at < len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            flip_file(whole, len, at, (uint8_t)(1u << bit));
            assert_harmless(&right, &sheet);
            same += store_key_read(fixture.directory, &slots) == RC_OK && store_key_is_whole(&slots, &right);
        }
    assert_true(same < len); /* only blanks between values may change unseen */
    for (size_t cut = 0; cut + 2 < len; cut++) {
        scratch_write(&fixture.scratch, "device/keyslots.json", whole, cut);
        assert_int_equal(store_key_read(fixture.directory, &slots), RC_CORRUPT);
    }
    free(whole);
    secret_wipe(&right);
    secret_wipe(&sheet);
}

static enum store_slots_state
state_at_opening(void)
{
    struct store *store;

    assert_int_equal(store_open(&fixture.options, &store), RC_OK);
    enum store_slots_state state = store_slots_state(store);
    store_close(store);
    return state;
}

static void
old_slots_that_were_put_back_are_told_of(void **state)
{
    (void)state;
    const struct clock *clock = &fixture.options.clock;
    struct secret right = SECRET_EMPTY;
    struct store *store;
    struct id id;
    size_t len;
    uint8_t *old = scratch_read(scratch_path(&fixture.scratch, "device/keyslots.json"), &len);

    assert_int_equal(unlock(&word, &id, &right), RC_OK);
    fixture.options.key = &right;
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    assert_int_equal(store_key_set_passphrase(fixture.directory, clock, &right, &other, &STORES_CHEAP), RC_OK);
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    scratch_write(&fixture.scratch, "device/keyslots.json", old, len);
    assert_int_equal(unlock(&word, &id, &key), RC_OK); /* documented: nothing can prevent it */
    assert_int_equal(state_at_opening(), STORE_SLOTS_OLD);
    assert_int_equal(state_at_opening(), STORE_SLOTS_OLD);
    /* Another change ends it; so does a person who says so. */
    clock_sleep_ms(clock, 1);
    assert_int_equal(store_open(&fixture.options, &store), RC_OK);
    assert_int_equal(store_accept_slots(store), RC_OK);
    store_close(store);
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    assert_int_equal(store_key_set_passphrase(fixture.directory, clock, &right, &other, &STORES_CHEAP), RC_OK);
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    free(old);
    secret_wipe(&right);
}

/* Raising the cost of an old file must not make it the newest: its old sheet, which opens again, is told of. */
static void
old_slots_that_are_raised_stay_old(void **state)
{
    (void)state;
    const struct clock *clock = &fixture.options.clock;
    const struct store_key_cost more = {STORES_CHEAP.memory_kib * 2, STORES_CHEAP.passes};
    struct secret right = SECRET_EMPTY, sheet = SECRET_EMPTY;
    struct id id;
    bool raised;
    size_t len;
    uint8_t *old = scratch_read(scratch_path(&fixture.scratch, "device/keyslots.json"), &len);

    assert_int_equal(unlock(&word, &id, &right), RC_OK);
    fixture.options.key = &right;
    assert_int_equal(sheet_make(&sheet), RC_OK);
    assert_int_equal(store_key_set_sheet(fixture.directory, clock, &right, &sheet), RC_OK);
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    scratch_write(&fixture.scratch, "device/keyslots.json", old, len);
    clock_sleep_ms(clock, 10);
    assert_int_equal(store_key_raise(fixture.directory, clock, &word, &more, &raised), RC_OK);
    assert_true(raised);
    assert_int_equal(state_at_opening(), STORE_SLOTS_OLD);
    free(old);
    secret_wipe(&right);
    secret_wipe(&sheet);
}

/* "changed" as high as the format allows. */
static void
put_most_changed(void)
{
    size_t len;
    char *text = (char *)scratch_read(scratch_path(&fixture.scratch, "device/keyslots.json"), &len);

    text[len] = '\0';
    char *from = strstr(text, "\"changed\": ");
    assert_non_null(from);
    from += strlen("\"changed\": ");
    char *end = from + strspn(from, "0123456789");
    char number = *end;
    *end = '\0';
    char old[32];
    snprintf(old, sizeof old, "%s", from);
    *end = number;
    assert_int_equal(read_changed(text, old, "9007199254740992"), RC_OK);
    free(text);
}

/* Nor is an altered file proven by it; and no number in one makes the next file unreadable. */
static void
altered_slots_are_not_raised_and_can_be_written_anew(void **state)
{
    (void)state;
    const struct clock *clock = &fixture.options.clock;
    const struct store_key_cost more = {STORES_CHEAP.memory_kib * 2, STORES_CHEAP.passes};
    struct secret right = SECRET_EMPTY;
    struct id id;
    bool raised;

    assert_int_equal(unlock(&word, &id, &right), RC_OK);
    fixture.options.key = &right;
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    put_most_changed();
    assert_int_equal(store_key_raise(fixture.directory, clock, &word, &more, &raised), RC_OK);
    assert_false(raised);
    assert_int_equal(state_at_opening(), STORE_SLOTS_ALTERED);
    clock_sleep_ms(clock, 10);
    assert_int_equal(store_key_set_passphrase(fixture.directory, clock, &right, &other, &STORES_CHEAP), RC_OK);
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    assert_int_equal(unlock(&other, &id, &key), RC_OK);
    secret_wipe(&right);
}

static void
altered_slots_are_told_of(void **state)
{
    (void)state;
    struct secret right = SECRET_EMPTY, sheet = SECRET_EMPTY;
    struct store_slots slots;
    struct id id;
    size_t len;

    assert_int_equal(unlock(&word, &id, &right), RC_OK);
    fixture.options.key = &right;
    assert_int_equal(sheet_make(&sheet), RC_OK);
    assert_int_equal(store_key_set_sheet(fixture.directory, &fixture.options.clock, &right, &sheet), RC_OK);
    char *text = (char *)scratch_read(scratch_path(&fixture.scratch, "device/keyslots.json"), &len);
    text[len] = '\0';
    /* The count raised by hand, as who puts an old file back would like to. */
    assert_int_equal(read_changed(text, "\"changed\": ", "\"changed\": 9"), RC_OK);
    assert_int_equal(store_key_read(fixture.directory, &slots), RC_OK);
    assert_false(store_key_is_whole(&slots, &right));
    assert_int_equal(state_at_opening(), STORE_SLOTS_ALTERED);
    assert_int_equal(store_key_set_sheet(fixture.directory, &fixture.options.clock, &right, &sheet), RC_OK);
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    free(text);
    secret_wipe(&right);
    secret_wipe(&sheet);
}

static void
lost_slots_are_written_anew_by_who_has_the_key(void **state)
{
    (void)state;
    const struct clock *clock = &fixture.options.clock;
    const char *path = scratch_path(&fixture.scratch, "device/keyslots.json");
    struct secret right = SECRET_EMPTY, wrong = SECRET_EMPTY;
    struct id id, found = {{0}};
    size_t len;

    assert_int_equal(unlock(&word, &id, &right), RC_OK);
    assert_int_equal(secret_random(&wrong, CRYPTO_KEY_BYTES), RC_OK);
    assert_int_equal(store_token_find(fixture.state, fixture.directory, &found), RC_OK);
    assert_true(id_equal(found, id));
    assert_int_equal(store_key_renew(fixture.directory, clock, id, &right, &other, &STORES_CHEAP), RC_EXISTS);
    scratch_write(&fixture.scratch, "device/keyslots.json", "{\"form", 6);
    assert_int_equal(store_key_renew(fixture.directory, clock, id, &wrong, &other, &STORES_CHEAP), RC_LOCKED);
    assert_int_equal(store_key_renew(fixture.directory, clock, id, &right, &other, &STORES_CHEAP), RC_OK);
    uint8_t *kept = scratch_read(scratch_path(&fixture.scratch, "device/keyslots.json.damaged"), &len);
    assert_int_equal(len, 6);
    free(kept);
    assert_int_equal(unlock(&other, &id, &key), RC_OK);
    assert_true(id_equal(found, id));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_key_renew(fixture.directory, clock, id, &right, &word, &STORES_CHEAP), RC_OK);
    assert_int_equal(unlock(&word, &id, &key), RC_OK);
    fixture.options.key = &key;
    assert_int_equal(state_at_opening(), STORE_SLOTS_FINE);
    assert_int_equal(store_token_find("/nowhere", fixture.directory, &found), RC_ABSENT);
    secret_wipe(&right);
    secret_wipe(&wrong);
}

/* What somebody put there who may write to the directory, and to nothing else. */
static void
what_is_put_in_the_place_of_slots_reaches_no_other_file(void **state)
{
    (void)state;
    const struct clock *clock = &fixture.options.clock;
    static const char WORDS[] = "another file of the user";
    static uint8_t large[100000];
    char outside[192], slots[192], fresh[192];
    struct secret right = SECRET_EMPTY;
    struct id id;
    size_t len;

    assert_int_equal(unlock(&word, &id, &right), RC_OK);
    snprintf(outside, sizeof outside, "%s", scratch_path(&fixture.scratch, "outside"));
    snprintf(slots, sizeof slots, "%s", scratch_path(&fixture.scratch, "device/keyslots.json"));
    snprintf(fresh, sizeof fresh, "%s", scratch_path(&fixture.scratch, "device/keyslots.json.new"));
    scratch_write(&fixture.scratch, "outside", WORDS, sizeof WORDS);
    assert_int_equal(link(outside, fresh), 0); /* a second name for it */
    assert_int_equal(store_key_set_passphrase(fixture.directory, clock, &right, &other, &STORES_CHEAP), RC_OK);
    assert_int_equal(unlink(slots), 0);
    assert_int_equal(symlink(outside, slots), 0); /* not copied into the directory as damaged slots */
    assert_int_equal(store_key_renew(fixture.directory, clock, id, &right, &word, &STORES_CHEAP), RC_IO);
    assert_int_equal(access(scratch_path(&fixture.scratch, "device/keyslots.json.damaged"), F_OK), -1);
    assert_int_equal(unlink(slots), 0);
    uint8_t *now = scratch_read(outside, &len);
    assert_int_equal(len, sizeof WORDS);
    assert_memory_equal(now, WORDS, len);
    free(now);
    scratch_write(&fixture.scratch, "device/keyslots.json", large, sizeof large); /* nor does its length keep the store shut */
    assert_int_equal(store_key_renew(fixture.directory, clock, id, &right, &word, &STORES_CHEAP), RC_OK);
    assert_int_equal(unlock(&word, &id, &key), RC_OK);
    secret_wipe(&right);
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
        TEST(store_key_opens_by_its_newest_sheet_alone),
        TEST(store_key_is_raised_to_the_cost_of_today_and_never_lowered),
        TEST(both_formats_open_the_golden_store),
        TEST(every_byte_of_the_slots_may_be_flipped_and_none_gives_a_wrong_key),
        TEST(old_slots_that_were_put_back_are_told_of),
        TEST(altered_slots_are_told_of),
        TEST(old_slots_that_are_raised_stay_old),
        TEST(altered_slots_are_not_raised_and_can_be_written_anew),
        TEST(lost_slots_are_written_anew_by_who_has_the_key),
        TEST(what_is_put_in_the_place_of_slots_reaches_no_other_file),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
