/* Tests of sync/founding.c: a team that is not made at once. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/joining.h"
#include "sync/ledger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

static struct office office;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    return 0;
}

/* Device 2 asks for a team of its own on the same server. */
static enum rc
create_team(const char *code, const char *name)
{
    struct office_device *device = &office.devices[2];
    struct team_new team = {code, "http://127.0.0.1:1", name, "laptop", 0};

    device->requests = 0;
    return replica_create_team(device->replica, &device->transport, &team);
}

static void
assert_founder_is(const char *expected)
{
    struct buf name = BUF_EMPTY(1000);

    office_reopen(&office, 2);
    struct replica *replica = office.devices[2].replica;
    assert_true(replica_in_team(replica));
    assert_ok(replica_person_name(replica, replica_self(replica).person, &name));
    assert_string_equal(buf_text(&name), expected);
    buf_wipe(&name);
    office_sync(&office, 2);
}

static void
a_team_that_was_refused_may_be_made_under_another_name(void **state)
{
    (void)state;
    char code[SERVER_CODE_CHARS + 1];

    office_make(&office, 2);
    assert_ok(server_new_code(office.server, code));
    assert_int_equal(create_team("no-such-code", "First"), RC_DENIED);
    office_reopen(&office, 2);
    assert_int_equal(create_team("no-such-code", "Second"), RC_DENIED);
    assert_ok(create_team(code, "Third"));
    assert_founder_is("Third");
}

static void
a_team_that_may_have_been_made_is_asked_for_unchanged(void **state)
{
    (void)state;
    char code[SERVER_CODE_CHARS + 1];

    office_make(&office, 2);
    assert_ok(server_new_code(office.server, code));
    office.devices[2].fault.lose_answer = 2;
    assert_int_equal(create_team(code, "First"), RC_OFFLINE);
    office.devices[2].fault.lose_answer = 0;
    office_reopen(&office, 2);
    assert_int_equal(create_team("no-such-code", "Second"), RC_DENIED);
    office_reopen(&office, 2);
    assert_ok(create_team(code, "Third"));
    assert_founder_is("First");
}

static void
a_team_that_never_reached_the_server_is_forgotten_once_it_is_refused(void **state)
{
    (void)state;
    char code[SERVER_CODE_CHARS + 1];

    office_make(&office, 2);
    assert_ok(server_new_code(office.server, code));
    office.devices[2].fault.lose_request = 2;
    assert_int_equal(create_team(code, "First"), RC_OFFLINE);
    office.devices[2].fault.lose_request = 0;
    assert_int_equal(create_team("no-such-code", "Second"), RC_DENIED);
    assert_ok(create_team(code, "Third"));
    assert_founder_is("Third");
}

/* Device 2 joins the team of device 0, as a coordinator: it gets the reserve's key. */
static void
join_instead(void)
{
    struct office_device *first = &office.devices[0], *device = &office.devices[2];
    struct buf invitation = BUF_EMPTY(JOINING_INVITATION_MAX_BYTES * 2);
    char digits[JOINING_DIGITS_CHARS + 1];
    struct id approved;

    device->requests = 0;
    assert_ok(replica_invite(first->replica, &first->transport, (struct id){{0}}, "Carla",
                             LEDGER_ROLE_COORDINATOR, 3600 * 1000, &invitation));
    assert_ok(replica_join(device->replica, &device->transport, buf_text(&invitation), digits));
    office_reopen(&office, 2);
    assert_ok(replica_approve(first->replica, &first->transport, digits, "tablet", &approved));
    buf_wipe(&invitation);
}

/* A coordinator passes the key of a file on by the reserve: with the other team's in its place nothing would open. */
static void
join_and_pass_a_key_on(bool was_made)
{
    char code[SERVER_CODE_CHARS + 1];
    struct office_device *device = &office.devices[2];
    struct id family = office_family(&office, 0, "vos", 0);

    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    office_visit(&office, 0, family, "behind the key");
    office_sync(&office, 0);
    office_make(&office, 2);
    assert_ok(server_new_code(office.server, code));
    device->fault.lose_request = was_made ? 0 : 2;
    device->fault.lose_answer = was_made ? 2 : 0;
    assert_int_equal(create_team(code, "First"), RC_OFFLINE);
    device->fault = (struct office_fault){.lose_request = 0};
    office_reopen(&office, 2);
    join_instead();
    office_sync(&office, 2);
    assert_true(replica_in_team(device->replica));
    assert_int_equal(device->report.forged_boxes, 0);
    assert_ok(replica_assign(device->replica, &device->transport, family, office.devices[1].person,
                             LEDGER_COACH));
    office_sync(&office, 1);
    char *dump = office_dump(
        &office, 1, ledger_family(replica_ledger(office.devices[1].replica), family)->file);
    assert_true(strlen(dump) > 0);
    free(dump);
    assert_int_equal(office.devices[1].report.parked, 0);
}

static void
who_joins_instead_keeps_no_key_of_a_team_that_never_was(void **state)
{
    (void)state;
    join_and_pass_a_key_on(false);
}

static void
who_joins_instead_keeps_no_key_of_a_team_whose_answer_was_lost(void **state)
{
    (void)state;
    join_and_pass_a_key_on(true);
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_team_that_was_refused_may_be_made_under_another_name),
        CASE(a_team_that_may_have_been_made_is_asked_for_unchanged),
        CASE(a_team_that_never_reached_the_server_is_forgotten_once_it_is_refused),
        CASE(who_joins_instead_keeps_no_key_of_a_team_that_never_was),
        CASE(who_joins_instead_keeps_no_key_of_a_team_whose_answer_was_lost),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
