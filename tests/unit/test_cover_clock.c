/* Cover at a device whose clock jumps: what only the clock says is hidden, not purged, and the server's word decides. */
#include "tests/unit/cover_office.h"

static uint64_t
hidden_at(int at)
{
    return office_waiting(&office, at).hidden;
}

/* Carla covers until ten days from now, has unsent work, and her clock jumps a year ahead. */
static void
jump_in_a_cover(void)
{
    accept(2, give(1, 2, 10, true));
    office_visit(&office, 2, family, "unsent when the clock jumped");
    office.devices[2].clock_off_ms = 365 * DAY_MS;
    office_reopen(&office, 2);
}

static void
assert_hidden(int at)
{
    assert_int_equal(hidden_at(at), 1);
    assert_false(has(at, file_of(), "KIEVITSBLOEM"));
    assert_false(has(at, index_of(), "vos"));
    assert_int_equal(
        office_ask(&office, at, "SELECT count(*) FROM journal_record JOIN journal_stream USING (s) WHERE kind >= 3"),
        0);
    assert_int_equal(office_try_visit(&office, at, family, "not now"), RC_ABSENT);
    assert_int_equal(office_waiting(&office, at).saves_unsealed, 2); /* the visit and its twin */
}

static void
a_jump_of_the_clock_hides_a_cover_and_keeps_what_was_not_sent(void **state)
{
    (void)state;
    jump_in_a_cover();
    assert_hidden(2);
    office_reopen(&office, 2);
    assert_hidden(2);
    office.devices[2].clock_off_ms = 0; /* put back by hand: the server has not said so */
    office_reopen(&office, 2);
    assert_hidden(2);
    assert_true(office_ask(&office, 2, "SELECT count(*) FROM sync_key JOIN sync_stream USING (stream)"
                            " WHERE hidden_ms NOT NULL") > 0);
}

static void
the_servers_word_against_a_jump_shows_the_cover_again(void **state)
{
    (void)state;
    jump_in_a_cover();
    office_sync(&office, 2); /* the clock is a year ahead still */
    assert_int_equal(hidden_at(2), 0);
    assert_true(has(2, file_of(), "KIEVITSBLOEM"));
    assert_true(has(2, file_of(), "unsent when the clock jumped"));
    office_pass(&office, DAY_MS);
    office_reopen(&office, 2);
    assert_true(has(2, file_of(), "KIEVITSBLOEM"));
    office.devices[2].clock_off_ms = 0; /* set right afterwards */
    office_reopen(&office, 2);
    assert_true(has(2, file_of(), "KIEVITSBLOEM"));
    office_sync(&office, 1);
    assert_true(has(1, file_of(), "unsent when the clock jumped"));
    office_pass(&office, 10 * DAY_MS); /* and it ends when its time is over all the same */
    office_reopen(&office, 2);
    assert_nothing_left(2);
}

static void
the_servers_word_for_the_end_purges_what_a_jump_hid(void **state)
{
    (void)state;
    accept(2, give(1, 2, 10, true));
    office_visit(&office, 2, family, "unsent work on KIEVITSBLOEM");
    office_switch_off(&office, 2);
    office_pass(&office, 21 * DAY_MS);
    assert_ok(office_start(&office, 2));
    assert_hidden(2);
    office_sync(&office, 2);
    assert_int_equal(hidden_at(2), 0);
    assert_nothing_left(2);
    assert_int_equal(file_keys(2), 0);
    office_sync(&office, 1);
    assert_true(has(1, file_of(), "unsent work"));
}

static void
a_week_without_the_server_purges_what_a_jump_hid(void **state)
{
    (void)state;
    jump_in_a_cover();
    for (int day = 0; day < 7; day++) {
        assert_hidden(2);
        office_switch_off(&office, 2);
        office_pass(&office, DAY_MS);
        assert_ok(office_start(&office, 2));
    }
    assert_int_equal(hidden_at(2), 0);
    assert_nothing_left(2);
    assert_true(office_waiting(&office, 2).entries_unsent > 0);
    office_sync(&office, 2); /* the cover runs on: it is filled again */
    office_sync(&office, 2);
    assert_true(has(2, file_of(), "KIEVITSBLOEM"));
    assert_true(has(2, file_of(), "unsent when the clock jumped"));
}

static void
a_device_that_is_off_for_a_day_at_most_at_a_time_needs_no_server_for_the_end(void **state)
{
    (void)state;
    accept(2, give(1, 2, 10, true));
    for (int day = 0; day < 10; day++) {
        assert_true(has(2, file_of(), "KIEVITSBLOEM"));
        office_switch_off(&office, 2);
        office_pass(&office, DAY_MS);
        assert_ok(office_start(&office, 2));
    }
    assert_int_equal(hidden_at(2), 0);
    assert_nothing_left(2);
}

static void
a_bundle_for_a_hidden_family_waits_with_the_server(void **state)
{
    (void)state;
    jump_in_a_cover();
    office_visit(&office, 1, family, "brought on a stick");
    office_carry(&office, 1, 2);
    assert_hidden(2);
    office_sync(&office, 1);
    office_sync(&office, 2);
    assert_true(has(2, file_of(), "brought on a stick"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_jump_of_the_clock_hides_a_cover_and_keeps_what_was_not_sent),
        CASE(the_servers_word_against_a_jump_shows_the_cover_again),
        CASE(the_servers_word_for_the_end_purges_what_a_jump_hid),
        CASE(a_week_without_the_server_purges_what_a_jump_hid),
        CASE(a_device_that_is_off_for_a_day_at_most_at_a_time_needs_no_server_for_the_end),
        CASE(a_bundle_for_a_hidden_family_waits_with_the_server),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
