/* What a session with nothing to do costs: for a large team hardly more than for a small one. */
#include "tests/unit/unit.h"

#include "core/db_plan.h"
#include "sync/ledger.h"
#include "sync/inbox.h"
#include "sync/replica_own.h"
#include "tests/support/office.h"
#include "tests/support/power_vfs.h"
#include "tests/support/stores.h"

enum { COORDINATOR = 0, COACH = 1, DEVICES = 2, FEW = 3, MANY = 15, STREAM_STEPS = 5, NEW_STEPS = 35, IDLE_REQUESTS = 3, MINUTE_MS = 60000 };

static struct office office;
static struct power_disk *disk; /* of the devices */

static int
setup(void **state)
{
    *state = &office;
    office_open(&office);
    disk = power_disk_new();
    for (int i = 0; i < DEVICES; i++)
        office.devices[i].base_vfs = power_disk_vfs(disk);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, COACH, "Bram", LEDGER_ROLE_COACH);
    office_sync_all(&office, DEVICES, 2);
    return 0;
}

static void
add_families(int count)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

    for (int i = 0; i < count; i++) {
        char name[3] = {letters[i / 26 % 26], letters[i % 26], '\0'};
        struct id family = office_family(&office, COORDINATOR, name, COACH);
        office_sync(&office, COACH);
        office_visit(&office, COACH, family, "a talk");
        office_sync(&office, COACH);
    }
    office_sync_all(&office, DEVICES, 3);
}

struct cost {
    uint64_t steps;
    unsigned requests;
    uint64_t flushes;
};

static struct cost
cost_of_idle_sync(int at)
{
    struct office_device *device = &office.devices[at];

    office_sync(&office, at);
    (void)db_steps(device->replica->db);
    uint64_t before = power_disk_syncs(disk);
    office_sync(&office, at);
    assert_int_equal(device->report.pulled + device->report.pushed + device->report.lines, 0);
    return (struct cost){db_steps(device->replica->db), device->requests,
                         power_disk_syncs(disk) - before};
}

static void
an_idle_session_costs_hardly_more_with_many_families(void **state)
{
    (void)state;
    struct cost few[DEVICES], many[DEVICES];

    add_families(FEW);
    for (int i = 0; i < DEVICES; i++)
        few[i] = cost_of_idle_sync(i);
    add_families(MANY);
    for (int i = 0; i < DEVICES; i++) {
        many[i] = cost_of_idle_sync(i);
        assert_int_equal(many[i].requests, IDLE_REQUESTS);
        assert_in_range(many[i].flushes, 0, 1); /* none where the time that is noted is the one that stands there */
        /* A look at the ledger's streams, and none at those that are here, at keys, boxes, entries or acknowledgements. */
        assert_in_range(many[i].steps, 1, few[i].steps + (uint64_t)MANY * 2 * STREAM_STEPS);
    }
}

static uint64_t
cost_of_a_new_family(const char *name)
{
    struct replica *coach = office.devices[COACH].replica;

    office_pass(&office, MINUTE_MS);
    (void)office_family(&office, COORDINATOR, name, COACH);
    (void)db_steps(coach->db);
    office_sync(&office, COACH);
    assert_int_equal(office.devices[COACH].report.is_complete, true);
    uint64_t steps = db_steps(coach->db);
    office_sync_all(&office, DEVICES, 2);
    return steps;
}

static void
a_new_family_costs_hardly_more_with_many_families(void **state)
{
    (void)state;
    uint64_t few = cost_of_a_new_family("few");
    add_families(MANY);
    uint64_t many = cost_of_a_new_family("many");
    /* The table of streams and what was acknowledged last of each are read, a few times; nothing is asked of each one by one. */
    assert_in_range(many, 1, few + (uint64_t)MANY * 2 * NEW_STEPS);
}

/* As history is read: to and fro between the saves of two authors. */
static void
saves_of_two_authors_are_read_from_the_log_once(void **state)
{
    (void)state;
    struct replica *replica = office.devices[COORDINATOR].replica;
    const struct save_source *source = replica_saves(replica);
    struct id stream = ledger_family_at(replica->ledger, 0)->index;
    struct feed_ref authors[] = {replica_feed(replica),
                                 replica_feed(office.devices[COACH].replica)};
    struct change *change;

    for (int round = 0; round < 3; round++) {
        (void)db_steps(replica->db);
        for (int i = 0; i < 2; i++) {
            assert_ok(source->get(source->context, stream, authors[i], 1, &change));
            body_free(change, 1);
        }
        uint64_t steps = db_steps(replica->db);
        assert_true(round == 0 ? steps > 0 : steps == 0);
    }
}

static uint64_t
steps_of_judging_the_last_line(struct replica *replica)
{
    int64_t judged = (int64_t)ledger_position(replica->ledger) - 1;

    assert_ok(state_put_int(replica->db, STATE_JUDGED, judged));
    (void)db_steps(replica->db);
    assert_ok(inbox_judge(replica));
    return db_steps(replica->db);
}

/* One person's device is revoked: what others wrote stands, however much it is. */
static void
a_line_about_one_judges_nobody_elses_work(void **state)
{
    (void)state;
    struct office_device *first = &office.devices[COORDINATOR];
    struct replica *coach = office.devices[COACH].replica;
    struct id family = ledger_family_at(coach->ledger, 0)->id;

    office_join(&office, DEVICES, "Fatma", LEDGER_ROLE_COACH);
    assert_ok(replica_revoke_device(first->replica, &first->transport, office.devices[DEVICES].id));
    office_sync_all(&office, DEVICES, 2);
    uint64_t before = steps_of_judging_the_last_line(coach);
    for (int i = 0; i < MANY; i++) {
        office_pass(&office, MINUTE_MS); /* or the server asks to come back later */
        office_visit(&office, COACH, family, "one more entry");
        office_sync(&office, COACH);
    }
    assert_in_range(steps_of_judging_the_last_line(coach), 1, before + MANY);
}

static int
tear_down(void **state)
{
    int failed = office_tear_down(state);

    power_disk_free(disk);
    return failed;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_session_costs_hardly_more_with_many_families),
        cmocka_unit_test(a_new_family_costs_hardly_more_with_many_families),
        cmocka_unit_test(a_line_about_one_judges_nobody_elses_work),
        cmocka_unit_test(saves_of_two_authors_are_read_from_the_log_once),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, setup, tear_down);
}
