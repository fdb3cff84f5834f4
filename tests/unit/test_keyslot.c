/* Tests of core/keyslot on the kernel's own keyring; skipped where there is none. */
#include "core/keyslot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/crypto.h"

static struct secret key, back;
static struct id store;

static int
set_up(void **state)
{
    (void)state;
    store = id_random();
    return secret_random(&key, CRYPTO_KEY_BYTES) == RC_OK ? 0 : 1;
}

static int
tear_down(void **state)
{
    (void)state;
    enum rc rc = keyslot_remove(store);
    (void)rc; /* most tests have removed it */
    secret_wipe(&key);
    secret_wipe(&back);
    return 0;
}

/* Without a keyring every call says absent, and that is all there is to test. */
static void
park_or_skip(uint32_t timeout_s)
{
    enum rc rc = keyslot_park(store, &key, timeout_s);

    if (rc == RC_ABSENT) {
        assert_int_equal(keyslot_fetch(store, &back), RC_ABSENT);
        assert_int_equal(keyslot_remove(store), RC_ABSENT);
        print_message("no keyring here: %s\n", rc_sentence());
        skip();
    }
    assert_int_equal(rc, RC_OK);
}

static void
keyslot_gives_back_what_was_parked(void **state)
{
    (void)state;
    park_or_skip(60);
    assert_int_equal(keyslot_fetch(store, &back), RC_OK);
    assert_true(secret_equal(&key, &back));
    assert_int_equal(keyslot_remove(store), RC_OK);
    secret_wipe(&back);
    assert_int_equal(keyslot_fetch(store, &back), RC_ABSENT);
    assert_null(back.bytes);
    assert_int_equal(keyslot_remove(store), RC_ABSENT);
}

static void
keyslot_replaces_what_was_parked(void **state)
{
    (void)state;
    park_or_skip(60);
    key.bytes[0] ^= 1;
    assert_int_equal(keyslot_park(store, &key, 60), RC_OK);
    assert_int_equal(keyslot_fetch(store, &back), RC_OK);
    assert_true(secret_equal(&key, &back));
}

static void
keyslot_knows_only_its_own_store(void **state)
{
    (void)state;
    park_or_skip(60);
    assert_int_equal(keyslot_fetch(id_random(), &back), RC_ABSENT);
}

static void
keyslot_forgets_after_its_time(void **state)
{
    (void)state;
    const struct timespec wait = {0, 100000000};
    enum rc rc = RC_OK;

    park_or_skip(2);
    assert_int_equal(keyslot_fetch(store, &back), RC_OK);
    for (int i = 0; i < 200; i++) { /* 20 s at most */
        secret_wipe(&back);
        rc = keyslot_fetch(store, &back);
        if (rc != RC_OK)
            break;
        nanosleep(&wait, NULL);
    }
    assert_int_equal(rc, RC_ABSENT);
}

static void
keyslot_is_for_the_user_alone(void **state)
{
    (void)state;
    char line[256], name[64] = "baken:";
    bool found = false;

    park_or_skip(60);
    id_to_text(store, name + strlen(name));
    FILE *keys = fopen("/proc/keys", "r");
    if (keys == NULL)
        skip();
    while (fgets(line, sizeof line, keys) != NULL)
        if (strstr(line, name) != NULL) {
            found = true;
            assert_non_null(strstr(line, "000b0000")); /* user: view, read, search; nobody else */
        }
    fclose(keys);
    assert_true(found);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keyslot_gives_back_what_was_parked), TEST(keyslot_replaces_what_was_parked),
        TEST(keyslot_knows_only_its_own_store),   TEST(keyslot_forgets_after_its_time),
        TEST(keyslot_is_for_the_user_alone),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
