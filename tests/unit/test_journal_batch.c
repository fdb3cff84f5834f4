/* What others wrote, gathered and written once: readers in between see it, a failure leaves nothing, memory is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/journal_inside.h"
#include "tests/support/devices.h"

enum { GOAL = ENTITY_GOAL, LARGE = 100, LARGE_BYTES = 200 * 1024 };

static struct devices world;

static int
make(void **state)
{
    (void)state;
    devices_make(&world, 2);
    return 0;
}

static int
unmake(void **state)
{
    (void)state;
    devices_remove(&world);
    return 0;
}

static void
put(size_t device, unsigned number, const char *text)
{
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(LARGE_BYTES + 100);

    assert_int_equal(value_put_text(&value, 1, text), RC_OK);
    assert_int_equal(change_put(&change, GOAL, devices_id(9, number), 1, &value), RC_OK);
    buf_wipe(&value);
    devices_save(&world, device, &change);
}

/* Applies one that was sent, inside whatever is open. */
static enum rc
apply(size_t device, size_t at)
{
    struct sent *sent = &world.sent[at];
    struct change *change;

    assert_int_equal(body_read(sent->stream, sent->author.feed, sent->save, sent->save,
                               sent->body.data, sent->body.len, &change),
                     RC_OK);
    enum rc rc = journal_apply(world.device[device].journal, &sent->author, sent->save, change);
    body_free(change, 1);
    return rc;
}

static enum rc
count_one(void *context, const struct current *current)
{
    size_t *count = context;

    (*count)++;
    assert_true(current->value_len > 0);
    return RC_OK;
}

static size_t
count_current(size_t device, unsigned number)
{
    size_t count = 0;

    assert_int_equal(journal_current(world.device[device].journal, world.file, GOAL,
                                     devices_id(9, number), 1, count_one, &count),
                     RC_OK);
    return count;
}

static int64_t
stored_records(size_t device)
{
    int64_t count;

    assert_int_equal(
        db_get_int(world.device[device].db, "SELECT count(*) FROM journal_record", &count), RC_OK);
    return count;
}

static void
nothing_is_written_until_it_is_settled_or_asked_for_by_sql(void **state)
{
    struct device *d = &world.device[1];
    uint32_t frontier;

    (void)state;
    put(0, 1, "a");
    put(0, 1, "b");
    put(0, 2, "c");
    int64_t before = stored_records(1);
    assert_int_equal(db_begin(d->db), RC_OK);
    journal_gather(d->journal);
    assert_int_equal(apply(1, 0), RC_OK);
    assert_int_equal(apply(1, 1), RC_OK);
    assert_int_equal(stored_records(1), before);
    assert_int_equal(journal_frontier(d->journal, world.file, world.sent[0].author.feed, &frontier),
                     RC_OK);
    assert_int_equal(frontier, 2);
    assert_int_equal(stored_records(1), before);
    assert_int_equal(count_current(1, 1), 1); /* as it is gathered */
    assert_int_equal(stored_records(1), before);
    assert_ptr_equal(journal_db(d->journal), d->db); /* who asks by SQL: what is gathered is written for him */
    assert_int_equal(stored_records(1), before + 1);
    assert_int_equal(apply(1, 1), RC_OK); /* repeated: nothing */
    assert_int_equal(apply(1, 2), RC_OK);
    assert_int_equal(stored_records(1), before + 1);
    assert_int_equal(db_end(d->db, journal_settle(d->journal, RC_OK)), RC_OK);
    assert_int_equal(stored_records(1), before + 2);
    assert_int_equal(count_current(1, 2), 1);
}

static void
after_a_failure_nothing_is_left_and_all_can_be_applied(void **state)
{
    struct device *d = &world.device[1];
    size_t all[] = {0, 1};
    bool applied[2];

    (void)state;
    put(0, 1, "a");
    put(0, 2, "b");
    int64_t before = stored_records(1);
    assert_int_equal(db_begin(d->db), RC_OK);
    journal_gather(d->journal);
    assert_int_equal(apply(1, 0), RC_OK);
    assert_int_equal(journal_settle(d->journal, RC_CORRUPT), RC_CORRUPT);
    db_rollback(d->db);
    assert_int_equal(stored_records(1), before);
    assert_int_equal(devices_apply_gathered(&world, 1, all, 2, applied), RC_OK);
    assert_int_equal(stored_records(1), before + 2);
}

static void
more_than_sixteen_mebibytes_are_written_in_between(void **state)
{
    struct device *d = &world.device[1];
    static char text[LARGE_BYTES];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    for (unsigned i = 0; i < LARGE; i++)
        put(0, i, text);
    int64_t before = stored_records(1);
    assert_int_equal(db_begin(d->db), RC_OK);
    journal_gather(d->journal);
    size_t most = 0;
    for (size_t i = 0; i < LARGE; i++) {
        assert_int_equal(apply(1, i), RC_OK);
        most = d->journal->batch.bytes > most ? d->journal->batch.bytes : most;
    }
    assert_true(most < 17 * 1024 * 1024);
    assert_true(stored_records(1) > before);
    assert_int_equal(db_end(d->db, journal_settle(d->journal, RC_OK)), RC_OK);
    assert_int_equal(stored_records(1), before + LARGE);
    for (unsigned i = 0; i < LARGE; i++)
        assert_int_equal(count_current(1, i), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_written_until_it_is_settled_or_asked_for_by_sql, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(after_a_failure_nothing_is_left_and_all_can_be_applied,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(more_than_sixteen_mebibytes_are_written_in_between, make,
                                        unmake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
