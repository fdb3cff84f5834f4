/* Cover from the first box to the last page: given, worked in, ended by command and by time, purged, refused. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ledger.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

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
    bool found = office_dump_shows(dump, word);

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

/* ---- a clock that jumps -------------------------------------------------------------------------- */

static uint64_t
hidden_at(int at)
{
    struct waiting waiting;

    assert_ok(replica_waiting(office.devices[at].replica, &waiting));
    return waiting.hidden;
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

static int64_t
count_at(int at, const char *sql)
{
    struct stmt *stmt;
    bool row;

    assert_ok(db_stmt(store_db(office.devices[at].store), sql, &stmt));
    assert_ok(stmt_step(stmt, &row));
    int64_t count = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return count;
}

static void
assert_hidden(int at)
{
    struct waiting waiting;

    assert_int_equal(hidden_at(at), 1);
    assert_false(has(at, file_of(), "KIEVITSBLOEM"));
    assert_false(has(at, index_of(), "vos"));
    assert_int_equal(
        count_at(at, "SELECT count(*) FROM journal_record JOIN journal_stream USING (s) WHERE kind >= 3"),
        0);
    assert_int_equal(office_try_visit(&office, at, family, "not now"), RC_ABSENT);
    assert_ok(replica_waiting(office.devices[at].replica, &waiting));
    assert_int_equal(waiting.saves_unsealed, 2); /* the visit and its twin */
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
    assert_true(count_at(2, "SELECT count(*) FROM sync_key JOIN sync_stream USING (stream)"
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
    assert_int_equal(count_at(2, "SELECT count(*) FROM sync_key JOIN sync_stream USING (stream)"
                                 " WHERE kind = 4"),
                     0);
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
    struct waiting waiting;
    assert_ok(replica_waiting(office.devices[2].replica, &waiting));
    assert_true(waiting.entries_unsent > 0);
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
    struct buf bundle = BUF_EMPTY(16 * 1024 * 1024);
    struct sync_report report;

    jump_in_a_cover();
    office_visit(&office, 1, family, "brought on a stick");
    assert_ok(replica_bundle_export(office.devices[1].replica, office.devices[2].id, &bundle));
    assert_ok(replica_bundle_import(office.devices[2].replica, bundle.data, bundle.len, &report));
    buf_wipe(&bundle);
    assert_hidden(2);
    office_sync(&office, 1);
    office_sync(&office, 2);
    assert_true(has(2, file_of(), "brought on a stick"));
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

static uint64_t
held_at(int at)
{
    struct waiting waiting;

    assert_ok(replica_waiting(office.devices[at].replica, &waiting));
    return waiting.held;
}

/* Too late to be taken over by itself. Whoever covers again works on, and a person decides about what is held. */
static void
held_work_does_not_stop_who_covers_again(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);
    accept(2, cover);
    office_visit(&office, 2, family, "handed in too late");
    end(1, cover);
    office_sync(&office, 1);
    office_pass(&office, 40 * DAY_MS);
    office_sync(&office, 2);
    accept(2, give(1, 2, 10, true));
    office_sync_all(&office, 3, 1);
    assert_true(held_at(1) > 0);
    assert_false(has(2, file_of(), "handed in too late"));
    office_visit(&office, 2, family, "covers again");
    office_visit(&office, 2, family, "and once more");
    assert_true(has(2, file_of(), "covers again"));
    office_sync_all(&office, 3, 2);
    assert_true(has(1, file_of(), "covers again"));
    assert_true(has(1, file_of(), "and once more"));
    assert_false(has(1, file_of(), "handed in too late"));
    struct waiting waiting;
    assert_ok(replica_waiting(office.devices[1].replica, &waiting));
    assert_int_equal(waiting.parked, 0);
}

/* Sealed for a bundle before the line that ended the right; the next visit waited behind it. */
static void
what_waits_behind_work_that_became_late_goes_out_under_other_numbers(void **state)
{
    (void)state;
    struct buf bundle = BUF_EMPTY(16 * 1024 * 1024);
    struct office_device *owner = &office.devices[1];
    struct waiting waiting;

    assert_ok(replica_assign(owner->replica, &owner->transport, family, office.devices[2].person, LEDGER_COACH));
    office_sync(&office, 2);
    office_visit(&office, 2, family, "in a bundle");
    assert_ok(replica_bundle_export(office.devices[2].replica, office.devices[0].id, &bundle));
    buf_wipe(&bundle);
    office_visit(&office, 2, family, "waits behind it");
    assert_ok(replica_assign(owner->replica, &owner->transport, family, office.devices[2].person, LEDGER_RELEASED));
    assert_ok(replica_assign(owner->replica, &owner->transport, family, office.devices[2].person, LEDGER_COACH));
    office_sync(&office, 2);
    assert_false(has(2, file_of(), "in a bundle"));
    assert_true(has(2, file_of(), "waits behind it"));
    office_sync_all(&office, 3, 2);
    assert_true(has(1, file_of(), "waits behind it"));
    assert_true(held_at(1) > 0);
    assert_ok(replica_waiting(owner->replica, &waiting));
    assert_int_equal(waiting.parked, 0);
}

static void
write_veto(int at, const char *word)
{
    struct change change = CHANGE_EMPTY(file_of());
    struct buf value = BUF_EMPTY(256);

    assert_ok(value_put_text(&value, 1, word));
    assert_ok(change_put(&change, ENTITY_STANDING, family, 2, &value));
    assert_ok(replica_save(office.devices[at].replica, &change, 1));
    change_wipe(&change);
    buf_wipe(&value);
}

static bool
veto_stands(int at)
{
    return count_at(at, "SELECT count(*) FROM file_standing WHERE veto = 'stands'") > 0;
}

static void
a_coach_relaxes_a_strict_unit_for_everybody(void **state)
{
    (void)state;
    accept(2, give(1, 2, 10, true));
    write_veto(1, "stands");
    office_sync_all(&office, 3, 2);
    assert_true(veto_stands(2));
    write_veto(1, "lifted");
    assert_false(veto_stands(1));
    office_sync_all(&office, 3, 2);
    assert_false(veto_stands(1));
    assert_false(veto_stands(2));
}

/* Too late to be applied; what it says of a veto counts at once, also after the tables were made anew. */
static void
held_work_protects_at_once(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);
    accept(2, cover);
    write_veto(1, "lifted");
    office_sync_all(&office, 3, 1);
    write_veto(2, "stands");
    office_visit(&office, 2, family, "with a veto");
    end(1, cover);
    office_sync(&office, 1);
    office_pass(&office, 40 * DAY_MS);
    office_sync(&office, 2);
    office_sync(&office, 1);
    assert_true(held_at(1) > 0);
    assert_false(has(1, file_of(), "with a veto"));
    assert_true(veto_stands(1));
    assert_ok(replica_rebuild(office.devices[1].replica, file_of()));
    assert_true(veto_stands(1));
    assert_true(held_at(1) > 0);
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

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

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
        CASE(a_jump_of_the_clock_hides_a_cover_and_keeps_what_was_not_sent),
        CASE(the_servers_word_against_a_jump_shows_the_cover_again),
        CASE(the_servers_word_for_the_end_purges_what_a_jump_hid),
        CASE(a_week_without_the_server_purges_what_a_jump_hid),
        CASE(a_device_that_is_off_for_a_day_at_most_at_a_time_needs_no_server_for_the_end),
        CASE(a_bundle_for_a_hidden_family_waits_with_the_server),
        CASE(work_handed_in_late_that_only_adds_is_taken_over),
        CASE(a_second_cover_fills_the_file_again),
        CASE(held_work_does_not_stop_who_covers_again),
        CASE(what_waits_behind_work_that_became_late_goes_out_under_other_numbers),
        CASE(a_coach_relaxes_a_strict_unit_for_everybody),
        CASE(held_work_protects_at_once),
        CASE(the_next_seal_pays_the_rotation_that_an_end_owes),
        CASE(a_revoked_device_is_refused_and_its_person_goes_on),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
