/* The ledger as a store keeps it: judged once, and judged again where its lines are not the ones that were judged. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ledger.h"
#include "sync/replica_own.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { FIRST = 0, BRAM = 1, FATMA = 2, DEVICES = 3 };

static struct office office;

static int
set_up(void **state)
{
    *state = &office;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, BRAM, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, FATMA, "Fatma", LEDGER_ROLE_COACH);
    office_sync_all(&office, DEVICES, 2);
    struct id family = office_family(&office, FIRST, "vos", BRAM);
    struct office_device *first = &office.devices[FIRST];
    office_assign(&office, FIRST, family, FATMA, LEDGER_COACH);
    assert_ok(replica_revoke_device(first->replica, &first->transport, office.devices[FATMA].id));
    office_sync_all(&office, FATMA, 2);
    return 0;
}

/* As one who verifies everything reads the same store. */
static struct ledger *
judged_anew(struct replica *replica)
{
    struct ledger *ledger = NULL;
    struct stmt *stmt;
    bool found;

    assert_ok(ledger_new(&ledger));
    assert_ok(db_stmt(replica->db, "SELECT line FROM sync_line ORDER BY position", &stmt));
    for (assert_ok(stmt_step(stmt, &found)); found; assert_ok(stmt_step(stmt, &found))) {
        size_t len;
        const uint8_t *line = stmt_get_blob(stmt, 0, &len);
        assert_ok(ledger_append(ledger, line, len));
    }
    stmt_done(stmt);
    return ledger;
}

static void
assert_same(const struct ledger *a, const struct ledger *b, uint64_t now_ms)
{
    const struct ledger_stream *stream;
    const struct ledger_device *device;
    struct ledger_ids owed_a = LEDGER_IDS_EMPTY, owed_b = LEDGER_IDS_EMPTY;

    assert_int_equal(ledger_position(a), ledger_position(b));
    assert_memory_equal(ledger_hash_at(a, ledger_position(a)), ledger_hash_at(b, ledger_position(b)),
                        CRYPTO_HASH_BYTES);
    for (size_t i = 0; (stream = ledger_stream_at(a, i)) != NULL; i++)
        for (size_t k = 0; (device = ledger_device_at(a, k)) != NULL; k++) {
            assert_int_equal(ledger_may_hold(a, device->id, stream->id, now_ms),
                             ledger_may_hold(b, device->id, stream->id, now_ms));
            assert_int_equal(ledger_may_write(a, device->id, stream->id),
                             ledger_may_write(b, device->id, stream->id));
        }
    assert_ok(ledger_rotations_owed(a, now_ms, &owed_a));
    assert_ok(ledger_rotations_owed(b, now_ms, &owed_b));
    assert_int_equal(owed_a.count, owed_b.count);
    ledger_ids_wipe(&owed_a);
    ledger_ids_wipe(&owed_b);
}

static void
an_opening_judges_no_line_again(void **state)
{
    (void)state;
    office_reopen(&office, BRAM);
    struct replica *replica = office.devices[BRAM].replica;
    struct ledger *anew = judged_anew(replica);

    assert_true(ledger_position(replica->ledger) > 8);
    assert_int_equal(replica->lines_judged, 0);
    assert_same(replica->ledger, anew, (uint64_t)office.now_ms);
    ledger_free(anew);
}

static void
lines_beyond_the_mark_are_judged(void **state)
{
    (void)state;
    struct replica *replica = office.devices[BRAM].replica;

    assert_ok(db_run(replica->db, "DELETE FROM sync_state WHERE name = 'ledger_mark'"));
    office_reopen(&office, BRAM);
    replica = office.devices[BRAM].replica;
    assert_int_equal(replica->lines_judged, ledger_position(replica->ledger));
    office_sync(&office, BRAM); /* which marks a store of before */
    office_reopen(&office, BRAM);
    assert_int_equal(office.devices[BRAM].replica->lines_judged, 0);
}

/* Changes the byte `behind` bytes before the end of a line, and opens the store. */
static enum rc
open_with_changed(int64_t position, size_t behind)
{
    struct replica *replica = office.devices[BRAM].replica;
    struct buf line = BUF_EMPTY(1 << 20);
    struct stmt *stmt;

    assert_ok(db_stmt(replica->db, "SELECT line FROM sync_line WHERE position = ?1", &stmt));
    stmt_int(stmt, 1, position);
    assert_ok(stmt_need_row(stmt));
    assert_ok(stmt_get_buf(stmt, 0, &line));
    stmt_done(stmt);
    line.data[line.len - behind] ^= 1;
    assert_ok(db_stmt(replica->db, "UPDATE sync_line SET line = ?2 WHERE position = ?1", &stmt));
    stmt_int(stmt, 1, position);
    stmt_blob(stmt, 2, line.data, line.len);
    assert_ok(stmt_finish(stmt));
    buf_wipe(&line);
    office_shut(&office, BRAM);
    return office_start(&office, BRAM);
}

static void
a_line_that_was_changed_is_found(void **state)
{
    (void)state;
    assert_int_equal(open_with_changed(3, 1), RC_CORRUPT);
}

static void
a_last_line_that_was_changed_is_found(void **state)
{
    (void)state;
    int64_t last = (int64_t)ledger_position(office.devices[BRAM].replica->ledger);

    assert_int_equal(open_with_changed(last, 1), RC_CORRUPT);
}

/* With lines of before, cut off behind one: nothing is missing in the chain, and the mark lies beyond it. */
static void
a_ledger_that_was_cut_is_judged(void **state)
{
    (void)state;
    struct replica *replica = office.devices[BRAM].replica;
    uint64_t last = ledger_position(replica->ledger);

    assert_ok(db_run_int(replica->db, "DELETE FROM sync_line WHERE position = ?1", (int64_t)last));
    office_reopen(&office, BRAM);
    assert_int_equal(office.devices[BRAM].replica->lines_judged, last - 1);
    office_sync(&office, BRAM);
    assert_int_equal(ledger_position(office.devices[BRAM].replica->ledger), last);
}

/* A mark of another store, or one that somebody wrote, is none. */
static void
a_mark_that_is_not_sealed_here_counts_for_nothing(void **state)
{
    (void)state;
    struct replica *replica = office.devices[BRAM].replica;

    assert_ok(db_run(replica->db, "UPDATE sync_state SET value ="
                                  " zeroblob(length(value)) WHERE name = 'ledger_mark'"));
    office_reopen(&office, BRAM);
    replica = office.devices[BRAM].replica;
    assert_int_equal(replica->lines_judged, ledger_position(replica->ledger));
}

/* Opened to be passed on while it was not hers to hold, and hers by the line that came then. */
static void
a_key_that_was_lent_is_kept_by_who_comes_to_hold_it(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *first = &office.devices[FIRST];
    const struct ledger_family *family = ledger_family_at(first->replica->ledger, 0);
    struct id file = family->file, one[] = {family->id}, cover;
    uint32_t epoch = ledger_stream(first->replica->ledger, file)->epoch;
    struct cover_new wanted = {one, 1, first->person, office.now_ms, office.now_ms + DAY_MS, true};
    struct secret key = SECRET_EMPTY;

    assert_ok(replica_cover_give(bram->replica, &bram->transport, &wanted, &cover));
    assert_ok(keyring_get(bram->replica->keys, file, epoch, &key));
    assert_ok(keyring_put(first->replica->keys, file, epoch, &key));
    assert_ok(replica_store_keys_of(first->replica, file));
    secret_wipe(&key);
    office_sync(&office, FIRST);
    office_reopen(&office, FIRST);
    assert_true(keyring_has(first->replica->keys, file, epoch));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, office_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_opening_judges_no_line_again),
        TEST(a_key_that_was_lent_is_kept_by_who_comes_to_hold_it),
        TEST(lines_beyond_the_mark_are_judged),
        TEST(a_line_that_was_changed_is_found),
        TEST(a_last_line_that_was_changed_is_found),
        TEST(a_ledger_that_was_cut_is_judged),
        TEST(a_mark_that_is_not_sealed_here_counts_for_nothing),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
