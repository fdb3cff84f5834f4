/* What one device makes of one record has a weight that others can bear, whatever its program writes (docs/MERGE.md section 4). */
#include <string.h>
#include <sys/resource.h>

#include "core/goal.h"
#include "core/schema.h"
#include "tests/unit/two_devices.h"

enum { PART_BYTES = 16 << 20, ENTITY = 9999, HELD_SAVES = 32, PERSON_DEVICES = 3, STANDING_CONSENT = 1 };

static struct id record;
static uint32_t saves;

/* One save of a colleague whose program knows no ceiling: `count` units of their own, none replacing another. */
static enum rc
write_units_as(unsigned device, uint64_t incarnation, uint32_t save, uint32_t count, const struct buf *value)
{
    struct author evil = {.feed = {devices_id(9, 9 + device), incarnation}, .person = devices_id(9, 8)};
    struct change change = CHANGE_EMPTY(world.team);
    struct version none;

    change.hlc = save;
    for (uint32_t i = 0; i < count; i++) /* downwards: each before the others */
        assert_ok(change_put_over(&change, ENTITY, record, 1000000 - saves++, value, &none, 0));
    enum rc rc = journal_apply(journal(1), &evil, save, &change);
    change_wipe(&change);
    return rc;
}

static enum rc
write_units(uint64_t incarnation, uint32_t save, uint32_t count, const struct buf *value)
{
    return write_units_as(0, incarnation, save, count, value);
}

static size_t
count_current(size_t device)
{
    struct version *versions = NULL;
    size_t count;

    assert_ok(journal_versions(journal(device), world.team, ENTITY, record, &versions, &count));
    free(versions);
    return count;
}

/* Zeros pack to nothing: a few kilobytes on the wire were half a gigabyte in each device's record, written anew each time. */
static void
a_colleague_makes_no_record_too_heavy_for_the_others(void **state)
{
    (void)state;
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES), mine = BUF_EMPTY(64);
    struct change change = CHANGE_EMPTY(world.team);
    static char text[250 * 1024];

    memset(text, 'a', sizeof text - 1);
    assert_ok(value_put_text(&value, 1, text));
    record = devices_id(9, 7);
    saves = 0;
    assert_ok(db_begin(world.device[1].db));
    for (uint32_t save = 1; save <= 64; save++) /* in two lives */
        assert_ok(write_units(1 + save % 2, (save + 1) / 2, 3, &value));
    assert_ok(db_commit(world.device[1].db));
    assert_in_range(count_current(1), 1, PART_BYTES / sizeof text);
    assert_ok(value_put_int(&mine, 1, 1)); /* and others write on in it */
    assert_ok(change_put(&change, ENTITY, record, 1, &mine));
    size_t before = count_current(1);
    devices_save(&world, 1, &change);
    assert_int_equal(count_current(1), before + 1);
    buf_wipe(&value);
    buf_wipe(&mine);
}

static void
nor_too_full(void **state)
{
    (void)state;
    struct buf value = BUF_EMPTY(64);

    assert_ok(value_put_int(&value, 1, 1));
    record = devices_id(9, 6);
    saves = 0;
    assert_ok(db_begin(world.device[1].db));
    journal_gather(journal(1));
    enum rc rc = RC_OK;
    for (uint32_t save = 1; rc == RC_OK && save <= 25; save++) /* an entry of a mebibyte holds as many */
        rc = write_units(1, save, 4000, &value);
    assert_ok(db_end(world.device[1].db, journal_settle(journal(1), rc)));
    assert_in_range(count_current(1), 4000, 4096);
    buf_wipe(&value);
}

/* Who wrote most cannot write on there; what is replaced makes room again. */
static void
what_is_replaced_weighs_nothing(void **state)
{
    (void)state;
    struct author evil = {.feed = {devices_id(9, 9), 1}, .person = devices_id(9, 8)};
    struct buf value = BUF_EMPTY(64);
    struct change change = CHANGE_EMPTY(world.team);
    struct version first = {evil.feed, 1, 0};

    assert_ok(value_put_int(&value, 1, 1));
    record = devices_id(9, 5);
    saves = 0;
    assert_ok(db_begin(world.device[1].db));
    assert_ok(write_units(1, 1, 4096, &value));
    assert_ok(write_units(1, 2, 1, &value));
    size_t full = count_current(1);
    assert_ok(change_put_over(&change, ENTITY, record, 1000000, &value, &first, 1));
    assert_ok(journal_apply(journal(1), &evil, 3, &change));
    assert_int_equal(count_current(1), full); /* one went, one came */
    assert_ok(db_commit(world.device[1].db));
    change_wipe(&change);
    buf_wipe(&value);
}

/* A save may be about four thousand records, each with a note of 256 KiB: a gigabyte, if all were kept until its end. */
static void
a_save_that_touches_much_takes_little_memory(void **state)
{
    enum { RECORDS = 600 };
    (void)state;
    struct author evil = {.feed = {devices_id(9, 9), 1}, .person = devices_id(9, 8)};
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES), small = BUF_EMPTY(64);
    struct version none;
    struct rusage before, after;
    static char text[250 * 1024];

    memset(text, 'a', sizeof text - 1);
    assert_ok(value_put_text(&value, 1, text));
    assert_ok(value_put_int(&small, 1, 1));
    assert_ok(db_begin(world.device[1].db));
    for (unsigned i = 0; i < RECORDS; i++) {
        struct change change = CHANGE_EMPTY(world.team);
        assert_ok(change_put_over(&change, ENTITY, devices_id(7, i), 1, &value, &none, 0));
        assert_ok(journal_apply(journal(1), &evil, i + 1, &change));
        change_wipe(&change);
    }
    assert_ok(db_commit(world.device[1].db));
    struct change change = CHANGE_EMPTY(world.team);
    for (unsigned i = 0; i < RECORDS; i++)
        assert_ok(change_put_over(&change, ENTITY, devices_id(7, i), 2, &small, &none, 0));
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    assert_ok(db_begin(world.device[1].db));
    journal_gather(journal(1));
    enum rc rc = journal_settle(journal(1), journal_apply(journal(1), &evil, RECORDS + 1, &change));
    assert_ok(db_end(world.device[1].db, rc));
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
    assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 80 * 1024);
#endif
    record = devices_id(7, RECORDS - 1);
    assert_int_equal(count_current(1), 2);
    change_wipe(&change);
    buf_wipe(&value);
    buf_wipe(&small);
}

/* A person gives themselves as many devices as they like: 33 of them made a record that no device could write any more. */
static void
further_devices_of_a_person_make_none_heavier(void **state)
{
    (void)state;
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES), mine = BUF_EMPTY(64);
    struct change change = CHANGE_EMPTY(world.team);
    static char text[250 * 1024];

    memset(text, 'a', sizeof text - 1);
    assert_ok(value_put_text(&value, 1, text));
    record = devices_id(9, 3);
    saves = 0;
    for (unsigned device = 0; device < PERSON_DEVICES; device++) {
        assert_ok(db_begin(world.device[1].db));
        journal_gather(journal(1));
        enum rc rc = RC_OK;
        for (uint32_t save = 1; rc == RC_OK && save <= 22; save++)
            rc = write_units_as(device, 1, save, 3, &value);
        assert_ok(db_end(world.device[1].db, journal_settle(journal(1), rc)));
    }
    assert_in_range(count_current(1), 1, PART_BYTES / sizeof text);
    assert_ok(value_put_int(&mine, 1, 1));
    assert_ok(change_put(&change, ENTITY, record, 1, &mine));
    devices_save(&world, 1, &change);
    buf_wipe(&value);
    buf_wipe(&mine);
}

static enum rc
sum_held(void *context, const struct current *current)
{
    size_t *sum = context;

    *sum += current->value_len;
    return RC_OK;
}

/* Whose right is over may still hand in late work, of which a few kilobytes are half a gigabyte of one record: that no device could load. */
static void
held_work_makes_none_too_heavy_either(void **state)
{
    (void)state;
    struct author late = {.feed = {devices_id(9, 9), 1}, .person = devices_id(9, 8)};
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct change mine = CHANGE_EMPTY(world.file);
    struct version none;
    static char text[250 * 1024];
    size_t sum = 0;

    memset(text, 'a', sizeof text - 1);
    assert_ok(value_put_text(&value, 1, text));
    record = devices_id(9, 4);
    for (uint32_t save = 1; save <= HELD_SAVES; save++) {
        struct change change = CHANGE_EMPTY(world.file);
        change.hlc = save;
        for (int i = 0; i < 3; i++)
            assert_ok(change_put_over(&change, ENTITY_STANDING, record, STANDING_CONSENT, &value, &none, 0));
        assert_ok(db_begin(world.device[1].db));
        assert_ok(journal_hold(journal(1), &late, save, &change));
        assert_ok(db_commit(world.device[1].db));
        change_wipe(&change);
    }
    assert_ok(journal_held(journal(1), world.file, ENTITY_STANDING, record, STANDING_CONSENT, sum_held, &sum));
    assert_in_range(sum, sizeof text, PART_BYTES);
    buf_clear(&value);
    assert_ok(value_put_text(&value, 1, "limited"));
    assert_ok(change_put(&mine, ENTITY_STANDING, record, STANDING_CONSENT, &value));
    devices_save(&world, 1, &mine);
    buf_wipe(&value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_colleague_makes_no_record_too_heavy_for_the_others),
        TEST(nor_too_full),
        TEST(what_is_replaced_weighs_nothing),
        TEST(a_save_that_touches_much_takes_little_memory),
        TEST(further_devices_of_a_person_make_none_heavier),
        TEST(held_work_makes_none_too_heavy_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
