/* Tests of sync/own_secret, and of keys in a store's rows: sealed there, many of them, with little locked memory. */
#include "sync/own_secret.h"

#include "tests/unit/unit.h"

#include <string.h>
#include <sys/resource.h>

#include "sync/replica_own.h"
#include "tests/support/stores.h"

enum { MANY_STREAMS = 120, MANY_EPOCHS = 600 };

static struct stores fixture;
static struct store *store;
static struct replica *replica;

static void
open_both(void)
{
    assert_ok(store_open(&fixture.options, &store));
    assert_ok(replica_open(store, &replica));
}

static void
close_both(void)
{
    replica_close(replica);
    store_close(store);
}

static int
set_up(void **state)
{
    (void)state;
    stores_make(&fixture);
    stores_demand(store_create(&fixture.options, NULL, NULL, &store), "store_create");
    stores_demand(replica_open(store, &replica), "replica_open");
    stores_demand(replica_need_identity(replica), "identity");
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    close_both();
    stores_remove(&fixture);
    return 0;
}

static void
add_key(struct id stream, uint32_t epoch, struct secret *key)
{
    assert_ok(secret_random(key, CRYPTO_KEY_BYTES));
    assert_ok(keyring_put(replica->keys, stream, epoch, key));
    assert_ok(replica_store_keys(replica));
}

/* Whether the bytes stand in any row of own secrets and keys. */
static bool
stands_in_a_row(const struct secret *needle)
{
    static const char *const QUERIES[] = {"SELECT value FROM sync_state WHERE typeof(value) = 'blob'",
                                          "SELECT sealed FROM sync_key"};
    bool found = false;

    for (size_t i = 0; i < 2; i++) {
        struct stmt *stmt;
        bool row = true;
        assert_ok(db_stmt(replica->db, QUERIES[i], &stmt));
        for (;;) {
            size_t len;
            assert_ok(stmt_step(stmt, &row));
            if (!row)
                break;
            const uint8_t *bytes = stmt_get_blob(stmt, 0, &len);
            for (size_t at = 0; at + needle->len <= len; at++)
                found = found || memcmp(bytes + at, needle->bytes, needle->len) == 0;
        }
        stmt_done(stmt);
    }
    return found;
}

static void
own_secrets_and_keys_lie_sealed_in_their_rows(void **state)
{
    (void)state;
    struct secret key = SECRET_EMPTY;

    add_key(id_random(), 1, &key);
    assert_false(stands_in_a_row(&key));
    assert_false(stands_in_a_row(&replica->identity.box));
    assert_false(stands_in_a_row(&(struct secret){replica->identity.sign.bytes, 32}));
    secret_wipe(&key);
}

/* The rows as a program from before 005 left them. */
static void
put_plain(struct id stream, const struct secret *key)
{
    struct secret saved = SECRET_EMPTY;
    struct stmt *stmt;

    assert_ok(identity_save(&replica->identity, &saved));
    assert_ok(state_put_bytes(replica->db, STATE_IDENTITY, saved.bytes, saved.len));
    assert_ok(state_put_bytes(replica->db, STATE_INVITATION, "an invitation", 13));
    assert_ok(state_put_int(replica->db, STATE_MUST_SEAL, 1));
    assert_ok(db_stmt(replica->db, "UPDATE sync_key SET sealed = ?2 WHERE stream = ?1", &stmt));
    stmt_id(stmt, 1, stream);
    stmt_blob(stmt, 2, key->bytes, key->len);
    assert_ok(stmt_finish(stmt));
    secret_wipe(&saved);
}

static void
what_an_earlier_program_left_in_the_clear_is_sealed_at_opening(void **state)
{
    (void)state;
    struct secret key = SECRET_EMPTY, back = SECRET_EMPTY;
    struct id stream = id_random(), device = replica->identity.device;
    int64_t left;

    add_key(stream, 7, &key);
    put_plain(stream, &key);
    assert_true(stands_in_a_row(&key));
    assert_true(stands_in_a_row(&replica->identity.box));
    close_both();
    open_both();
    assert_false(stands_in_a_row(&key));
    assert_false(stands_in_a_row(&replica->identity.box));
    assert_true(id_equal(replica->identity.device, device));
    assert_ok(keyring_get(replica->keys, stream, 7, &back));
    assert_true(secret_equal(&back, &key));
    assert_ok(own_secret_get(replica->db, &replica->sealing, STATE_INVITATION, &back));
    assert_int_equal(back.len, 13);
    assert_memory_equal(back.bytes, "an invitation", 13);
    assert_ok(state_get_int(replica->db, STATE_MUST_SEAL, &left));
    assert_int_equal(left, 0);
    secret_wipe(&key);
    secret_wipe(&back);
}

static void
an_own_secret_that_was_altered_moved_or_cut_is_refused(void **state)
{
    (void)state;
    struct secret value = SECRET_EMPTY;
    struct buf sealed = BUF_EMPTY(4096);

    assert_ok(state_get_bytes(replica->db, STATE_IDENTITY, &sealed));
    assert_ok(state_put_bytes(replica->db, STATE_INVITATION, sealed.data, sealed.len));
    assert_int_equal(own_secret_get(replica->db, &replica->sealing, STATE_INVITATION, &value),
                     RC_CORRUPT);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_ok(state_put_bytes(replica->db, STATE_IDENTITY, sealed.data, sealed.len));
        assert_int_equal(own_secret_get(replica->db, &replica->sealing, STATE_IDENTITY, &value),
                         RC_CORRUPT);
        assert_null(value.bytes);
        sealed.data[i] ^= 1;
        assert_ok(state_put_bytes(replica->db, STATE_IDENTITY, sealed.data, i));
        assert_int_equal(own_secret_get(replica->db, &replica->sealing, STATE_IDENTITY, &value),
                         RC_CORRUPT);
    }
    assert_ok(state_put_bytes(replica->db, STATE_IDENTITY, sealed.data, sealed.len));
    assert_ok(own_secret_get(replica->db, &replica->sealing, STATE_IDENTITY, &value));
    secret_wipe(&value);
    buf_wipe(&sealed);
}

/* Rows go in sealed as a keyring of their own holds them; every one must open again after the store was closed. */
static void
seventy_two_thousand_keys_need_no_more_locked_memory_than_one(void **state)
{
    (void)state;
    struct secret key = SECRET_EMPTY, first = SECRET_EMPTY;
    struct id stream = {{0}};

    for (unsigned s = 0; s < MANY_STREAMS; s++)
        for (uint32_t epoch = 1; epoch <= MANY_EPOCHS; epoch++) {
            stream.bytes[0] = (uint8_t)(s + 1);
            assert_ok(secret_random(&key, CRYPTO_KEY_BYTES));
            if (s == 0 && epoch == 1)
                assert_ok(secret_copy(&first, key.bytes, key.len));
            assert_ok(keyring_put(replica->keys, stream, epoch, &key));
        }
    assert_ok(db_begin(replica->db));
    assert_ok(db_end(replica->db, replica_store_keys(replica)));
    close_both();
    open_both();
    assert_int_equal(keyring_count(replica->keys), MANY_STREAMS * MANY_EPOCHS);
    assert_true(secret_is_locked());
    for (size_t i = 0; i < keyring_count(replica->keys); i++) {
        uint32_t epoch;
        assert_ok(keyring_at(replica->keys, i, &stream, &epoch, &key));
        assert_int_equal(epoch, i % MANY_EPOCHS + 1);
    }
    stream.bytes[0] = 1;
    assert_ok(keyring_get(replica->keys, stream, 1, &key));
    assert_true(secret_equal(&key, &first));
    assert_ok(keyring_get(replica->keys, stream, MANY_EPOCHS, &key));
    assert_false(secret_equal(&key, &first));
    secret_wipe(&first);
    secret_wipe(&key);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_secrets_and_keys_lie_sealed_in_their_rows),
        TEST(what_an_earlier_program_left_in_the_clear_is_sealed_at_opening),
        TEST(an_own_secret_that_was_altered_moved_or_cut_is_refused),
        TEST(seventy_two_thousand_keys_need_no_more_locked_memory_than_one),
    };
    const struct rlimit little = {65536, 65536};

    /* The least that systems give an ordinary user (`ulimit -l 64`). */
    if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
