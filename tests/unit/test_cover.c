/* Cover from the first box to the last page: given, worked in, ended by command and by time, purged, refused. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ledger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

#define DAY_MS INT64_C(86400000)

/* 0: Anna, administrator and coordinator. 1: Bram, owner. 2: Carla, who covers. */
static struct office office;
static struct id family;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, 0);
    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, 2, "Carla", LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", 1);
    office_sync(&office, 1);
    office_visit(&office, 1, family, "mother cried about KIEVITSBLOEM today");
    office_sync_all(&office, 3, 1);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    office_close(&office);
    return 0;
}

static const struct ledger *
ledger_of(int at)
{
    return replica_ledger(office.devices[at].replica);
}

static struct id
file_of(void)
{
    return ledger_family(ledger_of(0), family)->file;
}

static struct id
index_of(void)
{
    return ledger_family(ledger_of(0), family)->index;
}

static bool
has(int at, struct id stream, const char *word)
{
    char *dump = office_dump(&office, at, stream);
    bool found = strstr(dump, word) != NULL;

    if (!found) { /* the dump may show values as hexadecimal */
        char hex[256];
        for (size_t i = 0; i < strlen(word) && i < 120; i++)
            snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)word[i]);
        found = strstr(dump, hex) != NULL;
    }
    free(dump);
    return found;
}

static struct id
give(int by, int to, int64_t days, bool may_write)
{
    struct office_device *device = &office.devices[by];
    struct id id;
    struct cover_new cover = {
        &family,  1, office.devices[to].person, office.now_ms, office.now_ms + days * DAY_MS,
        may_write};

    assert_ok(replica_cover_give(device->replica, &device->transport, &cover, &id));
    return id;
}

static void
accept(int at, struct id cover)
{
    struct office_device *device = &office.devices[at];

    office_sync(&office, at);
    assert_ok(replica_cover_accept(device->replica, &device->transport, cover));
    office_sync(&office, at);
}

static void
end(int by, struct id cover)
{
    struct office_device *device = &office.devices[by];

    assert_ok(replica_cover_end(device->replica, &device->transport, cover));
}

static void
the_coordinator_sees_the_index_and_not_the_file(void **state)
{
    (void)state;
    bool word_in_store;

    assert_false(has(0, file_of(), "KIEVITSBLOEM"));
    word_in_store = office_store_holds(&office, 0, "KIEVITSBLOEM");
    assert_false(word_in_store);
    assert_true(has(0, index_of(), "vos"));
    assert_true(
        office_store_holds(&office, 1, "KIEVITSBLOEM")); /* the search finds what is there */
}

static void
the_owner_gives_cover_and_the_colleague_reads_the_whole_past(void **state)
{
    (void)state;
    assert_false(has(2, file_of(), "KIEVITSBLOEM"));
    struct id cover = give(1, 2, 10, true);
    accept(2, cover);
    assert_true(has(2, file_of(), "KIEVITSBLOEM"));
    office_visit(&office, 2, family, "seen by Carla while Bram was away");
    office_sync(&office, 2);
    office_sync(&office, 1);
    assert_true(has(1, file_of(), "seen by Carla"));
}

static void
the_coordinator_gives_cover_by_the_reserve_with_the_owner_off(void **state)
{
    (void)state;
    office_shut(&office, 1);
    struct id cover = give(0, 2, 10, true);
    accept(2, cover);
    assert_true(has(2, file_of(), "KIEVITSBLOEM"));
    assert_false(has(0, file_of(), "KIEVITSBLOEM"));
    assert_ok(office_start(&office, 1));
    office_sync(&office, 1);
}

static void
a_cover_to_read_refuses_a_visit(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, false);
    accept(2, cover);
    assert_true(has(2, file_of(), "KIEVITSBLOEM"));
    assert_int_equal(office_try_visit(&office, 2, family, "may not"), RC_DENIED);
}

static void
assert_nothing_left(int at)
{
    assert_false(has(at, file_of(), "KIEVITSBLOEM"));
    assert_false(office_store_holds(&office, at, "KIEVITSBLOEM"));
    assert_false(scratch_holds(&office.scratch, "KIEVITSBLOEM"));
}

static void
an_end_by_command_leaves_nothing_on_the_device(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);
    accept(2, cover);
    assert_true(office_store_holds(&office, 2, "KIEVITSBLOEM"));
    office_visit(&office, 2, family, "Carla on KIEVITSBLOEM");
    office_sync(&office, 2);
    end(1, cover);
    office_sync(&office, 2);
    assert_nothing_left(2);
    assert_int_equal(office_try_visit(&office, 2, family, "too late"), RC_ABSENT);
    office_sync(&office, 1);
    assert_true(has(1, file_of(), "Carla on KIEVITSBLOEM"));
}

static void
an_end_by_time_needs_no_server_and_keeps_what_was_not_sent(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);
    accept(2, cover);
    office_visit(&office, 2, family, "unsent work on KIEVITSBLOEM");
    office_pass(&office, 11 * DAY_MS);
    office_reopen(&office, 2); /* no network at all */
    assert_nothing_left(2);
    struct waiting waiting;
    assert_ok(replica_waiting(office.devices[2].replica, &waiting));
    assert_true(waiting.entries_unsent > 0);
    office_sync(&office, 2);
    office_sync(&office, 1); /* the owner's session records the end */
    assert_int_equal(ledger_cover(ledger_of(1), cover)->state, LEDGER_COVER_ENDED);
    assert_int_equal(ledger_cover(ledger_of(1), cover)->why, LEDGER_WHY_EXPIRED);
    assert_true(has(1, file_of(), "unsent work"));
    assert_ok(replica_waiting(office.devices[2].replica, &waiting));
    assert_int_equal(waiting.entries_unsent, 0);
}

static void
work_handed_in_late_that_only_adds_is_taken_over(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);
    accept(2, cover);
    office_visit(&office, 2, family, "written offline in time");
    office_pass(&office, 2 * DAY_MS);
    end(1, cover); /* before Carla's device was heard */
    office_sync(&office, 1);
    assert_false(has(1, file_of(), "written offline in time"));
    office_pass(&office, 2 * DAY_MS);
    office_sync(&office, 2);
    assert_nothing_left(2);
    office_sync(&office, 1);
    assert_true(has(1, file_of(), "written offline in time"));
    assert_int_equal(office.devices[1].report.held, 0);
}

static void
a_second_cover_fills_the_file_again(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);
    accept(2, cover);
    office_visit(&office, 2, family, "first time");
    office_sync(&office, 2);
    end(1, cover);
    office_sync(&office, 2);
    assert_false(has(2, file_of(), "first time"));
    office_pass(&office, DAY_MS);
    cover = give(1, 2, 10, true);
    accept(2, cover);
    assert_true(has(2, file_of(), "KIEVITSBLOEM"));
    assert_true(has(2, file_of(), "first time"));
    office_visit(&office, 2, family, "second time");
    office_sync(&office, 2);
    office_sync(&office, 1);
    assert_true(has(1, file_of(), "second time"));
    char *one = office_dump(&office, 1, file_of());
    char *two = office_dump(&office, 2, file_of());
    assert_string_equal(one, two);
    free(one);
    free(two);
}

static void
the_next_seal_pays_the_rotation_that_an_end_owes(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);
    accept(2, cover);
    end(1, cover);
    uint32_t epoch = ledger_stream(ledger_of(1), file_of())->epoch;
    assert_true(ledger_rotation_is_owed(ledger_of(1), file_of(), (uint64_t)office.now_ms));
    office_visit(&office, 1, family, "after the cover");
    office_sync(&office, 1);
    assert_true(office.devices[1].report.rotations > 0);
    assert_int_equal(ledger_stream(ledger_of(1), file_of())->epoch, epoch + 1);
    assert_false(ledger_rotation_is_owed(ledger_of(1), file_of(), (uint64_t)office.now_ms));
    office_sync(&office, 0);
    assert_true(has(0, index_of(), "vos"));
}

static void
a_revoked_device_is_refused_and_its_person_goes_on(void **state)
{
    (void)state;
    office_join_again(&office, 3, office.devices[1].person);
    office_sync_all(&office, 4, 2);
    assert_true(has(3, file_of(), "KIEVITSBLOEM"));
    assert_ok(replica_revoke_device(office.devices[0].replica, &office.devices[0].transport,
                                    office.devices[3].id));
    assert_int_equal(office_try_sync(&office, 3), RC_DENIED);
    office_visit(&office, 1, family, "not for the lost laptop");
    office_sync(&office, 1);
    assert_int_equal(office_try_sync(&office, 3), RC_DENIED);
    assert_false(has(3, file_of(), "not for the lost laptop"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_coordinator_sees_the_index_and_not_the_file),
        CASE(the_owner_gives_cover_and_the_colleague_reads_the_whole_past),
        CASE(the_coordinator_gives_cover_by_the_reserve_with_the_owner_off),
        CASE(a_cover_to_read_refuses_a_visit),
        CASE(an_end_by_command_leaves_nothing_on_the_device),
        CASE(an_end_by_time_needs_no_server_and_keeps_what_was_not_sent),
        CASE(work_handed_in_late_that_only_adds_is_taken_over),
        CASE(a_second_cover_fills_the_file_again),
        CASE(the_next_seal_pays_the_rotation_that_an_end_owes),
        CASE(a_revoked_device_is_refused_and_its_person_goes_on),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
