/* Cover from the first box to the last page: given, worked in, ended by command and by time, purged, refused. */
#include "tests/unit/cover_office.h"

#include <stdio.h>

#include "sync/request.h"
#include "sync/state.h"

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
    assert_true(office_waiting(&office, 2).entries_unsent > 0);
    office_sync(&office, 2);
    office_sync(&office, 1); /* the owner's session records the end */
    assert_int_equal(ledger_cover(ledger_of(1), cover)->state, LEDGER_COVER_ENDED);
    assert_int_equal(ledger_cover(ledger_of(1), cover)->why, LEDGER_WHY_EXPIRED);
    assert_true(has(1, file_of(), "unsent work"));
    assert_int_equal(office_waiting(&office, 2).entries_unsent, 0);
}

/* What others may need of the family's keys stays; nothing that opens on this device, also where its clock says that the cover runs on. */
static void
an_end_by_time_keeps_no_key_box_for_the_device_itself(void **state)
{
    (void)state;
    char own[2 * ID_BYTES + 1], sql[128];

    accept(2, give(1, 2, 10, true));
    office_pass(&office, 11 * DAY_MS);
    office.devices[2].clock_off_ms = -3 * DAY_MS; /* put back by hand while it ran */
    office_reopen(&office, 2);
    assert_nothing_left(2);
    assert_int_equal(file_keys(2), 0);
    request_hex(office.devices[2].id.bytes, ID_BYTES, own);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM sync_made WHERE recipient = x'%s'", own);
    assert_int_equal(office_ask(&office, 2, sql), 0);
    assert_true(office_ask(&office, 2, "SELECT count(*) FROM sync_made") >= 2); /* the owner's and the reserve's */
}

/* Its boxes cannot be made for others then: that holds up nothing. */
static void
an_end_by_time_purges_though_a_key_is_damaged(void **state)
{
    (void)state;
    accept(2, give(1, 2, 10, true));
    assert_ok(db_run(store_db(office.devices[2].store), "UPDATE sync_key SET sealed = zeroblob(length(sealed))"));
    office_pass(&office, 11 * DAY_MS);
    office_reopen(&office, 2);
    assert_nothing_left(2);
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

/* What a device is told of its groups: changes as a person counts them, and the least that becomes of them. */
struct told {
    int at;
    uint64_t saves, changes;
    enum received_fate fate;
};

static enum rc
tell_group(void *context, const struct parked_group *group)
{
    struct told *told = context;
    struct replica *replica = office.devices[told->at].replica;
    enum received_fate fate;
    uint64_t twins;

    assert_ok(replica_received_twins(replica, group, &twins));
    assert_ok(replica_received_fate(replica, group, &fate));
    told->saves += group->saves;
    told->changes += group->saves - twins;
    told->fate = fate < told->fate ? fate : told->fate;
    return RC_OK;
}

static struct told
tell(int at)
{
    struct told told = {.at = at, .fate = RECEIVED_COUNTS};

    assert_ok(replica_parked_groups(office.devices[at].replica, tell_group, &told));
    return told;
}

/* Its key is gone, so which save is whose twin can be read no longer: one visit is still one change. */
static void
who_covered_is_told_that_what_came_late_counts_by_itself(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);
    struct told told;
    uint64_t twins;

    accept(2, cover);
    office_visit(&office, 2, family, "the first");
    office_visit(&office, 2, family, "the second");
    end(1, cover);
    office_sync(&office, 2);
    told = tell(2);
    assert_int_equal(told.saves, 4);
    assert_int_equal(told.changes, 2);
    assert_int_equal(told.fate, RECEIVED_UNREAD);
    office_sync(&office, 0); /* the coordinator has the lines in the index, and admits nothing */
    told = tell(0);
    assert_int_equal(told.saves, 2);
    assert_int_equal(told.changes, 0);
    assert_int_equal(told.fate, RECEIVED_COUNTS);
    office_sync(&office, 1);
    assert_true(has(1, file_of(), "the second"));
    assert_int_equal(tell(1).saves, 0);
    office_sync(&office, 2);
    assert_int_equal(tell(2).saves, 0); /* it knows nothing of them any more */
    assert_ok(replica_waiting_twins(office.devices[2].replica, index_of(), &twins));
    assert_int_equal(twins, 0);
}

/* Who accepted may write at once, to prepare: that is no later work than what is written in the cover's days. */
static void
what_was_written_before_the_first_day_counts_by_itself_too(void **state)
{
    (void)state;
    struct id cover = give_from(1, 2, 9, 10, true);

    accept(2, cover);
    office_visit(&office, 2, family, "to prepare");
    end(1, cover);
    office_sync(&office, 2);
    assert_int_equal(tell(2).fate, RECEIVED_UNREAD);
    office_sync(&office, 1);
    assert_true(has(1, file_of(), "to prepare"));
    assert_int_equal(tell(1).saves, 0);
}

static void
what_is_sealed_for_a_family_that_is_gone_is_counted_once(void **state)
{
    (void)state;
    struct stream_waiting waiting;
    uint64_t twins;

    accept(2, give(1, 2, 10, true));
    office_visit(&office, 2, family, "never sent");
    office_pass(&office, 11 * DAY_MS);
    office_reopen(&office, 2);
    assert_ok(replica_waiting_in(office.devices[2].replica, index_of(), &waiting));
    assert_int_equal(waiting.unsent, 1);
    assert_ok(replica_waiting_twins(office.devices[2].replica, index_of(), &twins));
    assert_int_equal(twins, 1);
}

/* An entry counts as a whole: the visit that was handed in with the other text of the owner's goal waits with it. */
static void
what_is_admitted_by_itself_is_what_a_device_says_of_it(void **state)
{
    (void)state;
    struct id goal = office_goal(&office, 1, family, "up at seven");
    office_sync(&office, 1);
    struct id cover = give(1, 2, 10, true);

    accept(2, cover);
    office_visit(&office, 2, family, "with a change");
    office_edit_goal(&office, 2, family, goal, "up at eight");
    end(1, cover);
    office_sync(&office, 2);
    assert_int_equal(tell(2).fate, RECEIVED_UNREAD);
    office_sync(&office, 1);
    assert_false(has(1, file_of(), "with a change"));
    assert_int_equal(tell(1).fate, RECEIVED_WAITS);
    assert_int_equal(tell(1).changes, 2);
}

static void
late_work_of_a_bundle_is_to_be_at_the_server_first(void **state)
{
    (void)state;
    struct id cover = give(1, 2, 10, true);

    accept(2, cover);
    office_visit(&office, 2, family, "brought by bundle");
    end(1, cover);
    office_carry(&office, 2, 1);
    assert_int_equal(tell(1).changes, 1);
    assert_int_equal(tell(1).fate, RECEIVED_UNSENT);
    office_carry(&office, 1, 2);
    assert_int_equal(tell(2).changes, 1);
    assert_int_equal(tell(2).fate, RECEIVED_UNSENT);
    office_pass(&office, 31 * DAY_MS);
    assert_int_equal(tell(1).fate, RECEIVED_WAITS); /* then it comes too late for that too */
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
    assert_true(office_agree(&office, 1, 2, file_of()));
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
    assert_true(office_waiting(&office, 1).held > 0);
    assert_false(has(2, file_of(), "handed in too late"));
    office_visit(&office, 2, family, "covers again");
    office_visit(&office, 2, family, "and once more");
    assert_true(has(2, file_of(), "covers again"));
    office_sync_all(&office, 3, 2);
    assert_true(has(1, file_of(), "covers again"));
    assert_true(has(1, file_of(), "and once more"));
    assert_false(has(1, file_of(), "handed in too late"));
    assert_int_equal(office_waiting(&office, 1).parked, 0);
}

/* What waits for a person is read once, not in every session: here by a row that nobody could read a second time. */
static void
held_work_is_looked_at_again_only_when_something_changed(void **state)
{
    (void)state;
    struct db *db = store_db(office.devices[1].store);
    struct id cover = give(1, 2, 10, true);

    accept(2, cover);
    office_visit(&office, 2, family, "handed in too late");
    end(1, cover);
    office_sync(&office, 1);
    office_pass(&office, 40 * DAY_MS);
    office_sync(&office, 2);
    office_sync_all(&office, 2, 2);
    assert_true(office_waiting(&office, 1).held > 0);
    assert_ok(db_run(db, "CREATE TEMP TABLE kept AS SELECT entry, header FROM sync_entry WHERE state = 3"));
    assert_ok(db_run(db, "UPDATE sync_entry SET header = x'00' WHERE state = 3"));
    office_sync(&office, 1);
    assert_ok(state_put_int(db, STATE_ADMIT_SEEN, 0)); /* so it was for that */
    assert_true(office_try_sync(&office, 1) != RC_OK);
    assert_ok(db_run(db, "UPDATE sync_entry SET header = (SELECT header FROM kept WHERE kept.entry = sync_entry.entry)"
                         " WHERE state = 3"));
    office_sync(&office, 1);
}

/* Sealed for a bundle before the line that ended the right, which came back by the next; another visit waits behind it. */
static void
write_before_and_behind_an_end(void)
{
    struct buf bundle;

    office_assign(&office, 1, family, 2, LEDGER_COACH);
    office_sync(&office, 2);
    office_visit(&office, 2, family, "in a bundle");
    office_pack(&office, 2, 0, &bundle);
    buf_wipe(&bundle);
    office_visit(&office, 2, family, "waits behind it");
    office_assign(&office, 1, family, 2, LEDGER_RELEASED);
    office_assign(&office, 1, family, 2, LEDGER_COACH);
}

static void
what_waits_behind_work_that_became_late_goes_out_under_other_numbers(void **state)
{
    (void)state;
    write_before_and_behind_an_end();
    office_sync(&office, 2);
    assert_false(has(2, file_of(), "in a bundle"));
    assert_true(has(2, file_of(), "waits behind it"));
    office_sync_all(&office, 3, 2);
    assert_true(has(1, file_of(), "waits behind it"));
    assert_true(office_waiting(&office, 1).held > 0);
    assert_int_equal(office_waiting(&office, 1).parked, 0);
}

static void
what_waits_behind_work_that_became_late_is_shown_wherever_the_session_is_cut(void **state)
{
    (void)state;
    struct office_device *device = &office.devices[2];
    enum rc rc = RC_OFFLINE;

    write_before_and_behind_an_end();
    for (unsigned request = 2; rc != RC_OK; request++) {
        device->requests = 0;
        device->fault.lose_request = request;
        rc = office_try_sync(&office, 2);
        assert_true(rc == RC_OK || rc == RC_OFFLINE);
        assert_true(has(2, file_of(), "waits behind it"));
    }
    assert_false(has(2, file_of(), "in a bundle"));
}

/* Damaged, it cannot be numbered anew: no session passes it, and the store opens all the same, for the doctor. */
static void
a_damaged_save_behind_late_work_keeps_no_store_shut(void **state)
{
    (void)state;
    write_before_and_behind_an_end();
    assert_ok(db_run(store_db(office.devices[2].store), "UPDATE sync_outbox SET body = x'00'"));
    assert_int_equal(office_try_sync(&office, 2), RC_CORRUPT);
    office_reopen(&office, 2);
    assert_false(has(2, file_of(), "in a bundle"));
}

static enum rc
pass_by(void *context, const struct doctor_finding *finding)
{
    (void)context;
    (void)finding;
    return RC_OK;
}

/* What is in line of no stream is in the tables alone: an opening, which numbers anew what waits behind late work of another family, leaves it
 * there, and the doctor saves it anew. */
static void
what_is_missing_in_line_stays_on_the_screen_behind_late_work_of_another_family(void **state)
{
    (void)state;
    struct id other = office_family(&office, 0, "duin", 1);
    struct db *db;

    office_assign(&office, 1, other, 2, LEDGER_COACH);
    write_before_and_behind_an_end();
    office_visit(&office, 2, other, "kept");
    office_visit(&office, 2, other, "only in the tables");
    db = store_db(office.devices[2].store);
    assert_ok(db_run(db, "DELETE FROM sync_outbox WHERE (feed, save) IN (SELECT feed, max(save) FROM sync_outbox GROUP BY feed"
                         " HAVING count(*) > 1)"));
    assert_int_equal(db_changes(db), 2); /* file and index */
    (void)office_try_sync(&office, 2);
    office_reopen(&office, 2);
    assert_int_equal(office_ask(&office, 2, "SELECT count(*) FROM file_contact WHERE note IN ('kept', 'only in the tables')"), 2);
    assert_ok(replica_doctor(office.devices[2].replica, pass_by, NULL));
    office_sync(&office, 2);
    office_sync(&office, 1);
    assert_int_equal(office_ask(&office, 1, "SELECT count(*) FROM file_contact WHERE note IN ('kept', 'only in the tables')"), 2);
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
    return office_ask(&office, at, "SELECT count(*) FROM file_standing WHERE veto = 'stands'") > 0;
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
    assert_true(office_waiting(&office, 1).held > 0);
    assert_false(has(1, file_of(), "with a veto"));
    assert_true(veto_stands(1));
    assert_ok(replica_rebuild(office.devices[1].replica, file_of()));
    assert_true(veto_stands(1));
    assert_true(office_waiting(&office, 1).held > 0);
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
        CASE(an_end_by_time_keeps_no_key_box_for_the_device_itself),
        CASE(an_end_by_time_purges_though_a_key_is_damaged),
        CASE(work_handed_in_late_that_only_adds_is_taken_over),
        CASE(who_covered_is_told_that_what_came_late_counts_by_itself),
        CASE(what_was_written_before_the_first_day_counts_by_itself_too),
        CASE(what_is_sealed_for_a_family_that_is_gone_is_counted_once),
        CASE(what_is_admitted_by_itself_is_what_a_device_says_of_it),
        CASE(late_work_of_a_bundle_is_to_be_at_the_server_first),
        CASE(a_second_cover_fills_the_file_again),
        CASE(held_work_does_not_stop_who_covers_again),
        CASE(held_work_is_looked_at_again_only_when_something_changed),
        CASE(what_waits_behind_work_that_became_late_goes_out_under_other_numbers),
        CASE(what_waits_behind_work_that_became_late_is_shown_wherever_the_session_is_cut),
        CASE(a_damaged_save_behind_late_work_keeps_no_store_shut),
        CASE(what_is_missing_in_line_stays_on_the_screen_behind_late_work_of_another_family),
        CASE(a_coach_relaxes_a_strict_unit_for_everybody),
        CASE(held_work_protects_at_once),
        CASE(the_next_seal_pays_the_rotation_that_an_end_owes),
        CASE(a_revoked_device_is_refused_and_its_person_goes_on),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
