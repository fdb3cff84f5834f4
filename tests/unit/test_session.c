/* Sessions between real stores and the real route layer: nothing is lost, nothing double, whatever the network does. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/change_set.h"
#include "core/family.h"
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
    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    return 0;
}

static struct id
file_of(struct id family)
{
    return ledger_family(replica_ledger(office.devices[0].replica), family)->file;
}

static struct id
index_of(struct id family)
{
    return ledger_family(replica_ledger(office.devices[0].replica), family)->index;
}

static void
a_visit_reaches_a_colleague(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "vos", 0);
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_visit(&office, 0, family, "a quiet talk in the kitchen");
    office_sync(&office, 0);
    assert_true(office.devices[0].report.pushed >= 2);
    office_sync(&office, 1);
    assert_true(office_agree(&office, 0, 1, file_of(family)));
    assert_true(office_agree(&office, 0, 1, index_of(family)));
    assert_int_equal(office.devices[1].report.parked, 0);
    assert_true(office.devices[1].report.is_complete);
}

static void
both_write_offline_and_end_equal(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "das", 0);
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    for (int i = 0; i < 10; i++) {
        office_visit(&office, i % 2, family, "offline");
        office_pass(&office, 60000);
    }
    office_sync_all(&office, 2, 2);
    assert_true(office_agree(&office, 0, 1, file_of(family)));
    assert_true(office_agree(&office, 0, 1, index_of(family)));
}

/* Two devices with work on both sides; device 1 is then interrupted at each request in turn. */
static struct id
work_on_both_sides(void)
{
    struct id family = office_family(&office, 0, "wolf", 0);

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    office_visit(&office, 0, family, "from the owner");
    office_visit(&office, 1, family, "from the colleague");
    office_sync(&office, 0);
    return family;
}

static void
interrupt_everywhere(size_t offset)
{
    struct id family = work_on_both_sides();
    struct office_device *device = &office.devices[1];

    for (unsigned n = 1;; n++) {
        unsigned *fault = (unsigned *)((char *)&device->fault + offset);
        office_visit(&office, 1, family, "offline work");
        *fault = n;
        enum rc rc = office_try_sync(&office, 1);
        bool was_hit = device->requests >= *fault;
        *fault = 0;
        if (was_hit)
            assert_true(rc == RC_OFFLINE || rc == RC_UNTRUSTED);
        office_reopen(&office, 1);
        office_sync(&office, 1);
        assert_int_equal(device->report.refused, 0);
        if (!was_hit)
            break;
        assert_true(n < 40);
    }
    office_sync_all(&office, 2, 1);
    assert_true(office_agree(&office, 0, 1, file_of(family)));
}

static void
a_request_lost_at_any_point_loses_nothing(void **state)
{
    (void)state;
    interrupt_everywhere(offsetof(struct office_fault, lose_request));
}

static void
an_answer_lost_at_any_point_forks_nothing(void **state)
{
    (void)state;
    interrupt_everywhere(offsetof(struct office_fault, lose_answer));
}

static void
an_answer_cut_at_any_point_is_refused(void **state)
{
    (void)state;
    interrupt_everywhere(offsetof(struct office_fault, cut_answer));
}

static void
a_sign_in_page_is_no_server(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "uil", 0);

    office_visit(&office, 0, family, "waits");
    office.devices[0].fault.is_page = true;
    assert_int_equal(office_try_sync(&office, 0), RC_UNTRUSTED);
    assert_true(office_waiting(&office, 0).saves_unsealed > 0);
    office.devices[0].fault.is_page = false;
    office_sync(&office, 0);
    assert_int_equal(office_waiting(&office, 0).saves_unsealed + office_waiting(&office, 0).entries_unsent, 0);
}

static void
a_clock_a_year_off_syncs_all_the_same(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "hert", 0);

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office.devices[1].clock_off_ms = INT64_C(-365) * 24 * 3600 * 1000;
    office_reopen(&office, 1);
    office_sync(&office, 1);
    office_visit(&office, 1, family, "by a slow clock");
    office_sync(&office, 1);
    assert_true(office.devices[1].report.clock_off_ms < 0);
    office_sync(&office, 0);
    assert_true(office_agree(&office, 0, 1, file_of(family)));
}

static enum rc
count_conflict(void *context, const struct conflict *conflict)
{
    (void)conflict;
    ++*(unsigned *)context;
    return RC_OK;
}

static unsigned
conflicts_at(int at)
{
    unsigned count = 0;

    assert_ok(
        journal_conflicts(replica_journal(office.devices[at].replica), count_conflict, &count));
    return count;
}

static enum rc
note_version(void *context, const struct current *current)
{
    struct version **at = context;

    *(*at)++ = current->version;
    return RC_OK;
}

static void
set_profile(int at, struct id family, const char *address)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct profile profile = {
        .facts = {.id = family, .family = family}, .surname = "Jansen", .address = address};

    assert_ok(profile_put(replica_journal(office.devices[at].replica), &set, &profile));
    assert_ok(replica_save(office.devices[at].replica, set.changes, set.count));
    change_set_wipe(&set);
}

struct seen_conflict {
    struct conflict conflict;
    unsigned count;
};

static enum rc
keep_conflict(void *context, const struct conflict *conflict)
{
    struct seen_conflict *seen = context;

    seen->conflict = *conflict;
    seen->count++;
    return RC_OK;
}

static void
a_conflict_is_kept_and_its_resolution_reaches_a_third_device(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "bever", 0);
    struct version versions[8], *end = versions;
    struct seen_conflict seen = {.count = 0};
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_join_again(&office, 2, office.devices[0].person);
    office_sync_all(&office, 3, 2);
    set_profile(0, family, "Dorpsstraat 1");
    office_sync_all(&office, 3, 2);
    set_profile(0, family, "Kerkplein 2");
    set_profile(1, family, "Molenweg 3");
    office_sync_all(&office, 3, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(conflicts_at(i), 1);
    assert_true(office_agree(&office, 0, 1, file_of(family)));
    struct journal *journal = replica_journal(office.devices[1].replica);
    assert_ok(journal_conflicts(journal, keep_conflict, &seen));
    assert_ok(journal_current(journal, seen.conflict.stream, seen.conflict.entity,
                              seen.conflict.record, seen.conflict.unit, note_version, &end));
    assert_int_equal(end - versions, 2);
    assert_ok(value_put_text(&value, 1, "Molenweg 3"));
    struct change change = CHANGE_EMPTY(seen.conflict.stream);
    assert_ok(change_put_over(&change, seen.conflict.entity, seen.conflict.record,
                              seen.conflict.unit, &value, versions, 2));
    assert_ok(replica_save(office.devices[1].replica, &change, 1));
    change_wipe(&change);
    buf_wipe(&value);
    office_sync_all(&office, 3, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(conflicts_at(i), 0);
    assert_true(office_agree(&office, 0, 2, file_of(family)));
    assert_true(office_agree(&office, 0, 1, file_of(family)));
}

/* The versions that are current of what conflicts at a device, in the order of the journal. */
static size_t
current_at(int at, struct seen_conflict *seen, struct version versions[8])
{
    struct journal *journal = replica_journal(office.devices[at].replica);
    struct version *end = versions;

    seen->count = 0;
    assert_ok(journal_conflicts(journal, keep_conflict, seen));
    assert_int_equal(seen->count, 1);
    assert_ok(journal_current(journal, seen->conflict.stream, seen->conflict.entity,
                              seen->conflict.record, seen->conflict.unit, note_version, &end));
    return (size_t)(end - versions);
}

static void
a_version_that_arrives_while_one_decides_is_not_superseded(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "zwaan", 0);
    struct version on_screen[8], now[8];
    struct seen_conflict seen;
    struct version_facts facts;
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct replica *replica = office.devices[0].replica;

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_join_again(&office, 2, office.devices[0].person);
    set_profile(0, family, "Dorpsstraat 1");
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++)
        set_profile(at, family, at == 0 ? "Kerkplein 2" : at == 1 ? "Molenweg 3" : "Havenkade 4");
    office_sync(&office, 1);
    office_sync(&office, 0);
    assert_int_equal(current_at(0, &seen, on_screen), 2);
    /* The third arrives: from a colleague, by the server. */
    office_sync(&office, 2);
    office_sync(&office, 0);
    assert_int_equal(current_at(0, &seen, now), 3);
    assert_ok(value_put_text(&value, 1, "Molenweg 3, achterom"));
    struct change change = CHANGE_EMPTY(seen.conflict.stream);
    assert_ok(change_put_over(&change, seen.conflict.entity, seen.conflict.record,
                              seen.conflict.unit, &value, on_screen, 2));
    assert_ok(replica_save(replica, &change, 1));
    change_wipe(&change);
    buf_wipe(&value);
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++) {
        bool has_third = false;
        assert_int_equal(current_at(at, &seen, now), 2);
        for (int i = 0; i < 2; i++)
            has_third |= id_equal(now[i].feed.device, office.devices[2].id);
        assert_true(has_third);
    }
    /* What the resolution had seen are the two of the screen, and the server has it. */
    for (int i = 0; i < 2; i++) {
        assert_ok(replica_version_facts(replica, seen.conflict.stream, &now[i], &facts));
        assert_true(facts.arrived_ms > 0 && !facts.is_waiting);
        bool is_resolution = id_equal(now[i].feed.device, office.devices[0].id);
        assert_int_equal(facts.seen_count, is_resolution ? 2 : 1);
        for (size_t k = 0; is_resolution && k < 2; k++)
            assert_true(version_compare(&facts.seen[k], &on_screen[0]) == 0 ||
                        version_compare(&facts.seen[k], &on_screen[1]) == 0);
        free(facts.seen);
    }
    assert_true(office_agree(&office, 0, 2, file_of(family)));
}

static enum rc
try_phase(int at, struct id family, const char *phase, const struct version *over, size_t count)
{
    struct change change = CHANGE_EMPTY(ledger_family(replica_ledger(office.devices[at].replica), family)->index);
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);

    assert_ok(value_put_text(&value, 1, phase));
    assert_ok(over == NULL ? change_put(&change, ENTITY_FAMILY, family, 2, &value)
                           : change_put_over(&change, ENTITY_FAMILY, family, 2, &value, over, count));
    enum rc rc = replica_save(office.devices[at].replica, &change, 1);
    change_wipe(&change);
    buf_wipe(&value);
    return rc;
}

static void
a_choice_is_saved_only_for_who_may_choose(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "specht", 0);
    struct version versions[8];
    struct seen_conflict seen;

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    assert_ok(try_phase(0, family, "start", NULL, 0));
    assert_ok(try_phase(1, family, "end", NULL, 0));
    office_sync_all(&office, 2, 2);
    assert_int_equal(current_at(1, &seen, versions), 2);
    assert_int_equal(try_phase(1, family, "end", versions, 2), RC_DENIED); /* a coach */
    assert_ok(try_phase(0, family, "start", versions, 2)); /* the owner */
    office_sync_all(&office, 2, 2);
    assert_int_equal(conflicts_at(1), 0);
}

static void
a_colleague_is_known_to_have_it_only_after_acknowledging(void **state)
{
    (void)state;
    struct id family = office_family(&office, 0, "otter", 0);
    struct ack_status status;
    struct feed_ref feed;

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    office_visit(&office, 0, family, "did she get it?");
    office_sync(&office, 0);
    feed = replica_self(office.devices[0].replica).feed;
    assert_ok(replica_applied_at(office.devices[0].replica, office.devices[1].id, file_of(family),
                                 feed, &status));
    assert_int_equal(status.last, 0);
    office_sync(&office, 1);
    office_sync(&office, 0);
    assert_ok(replica_applied_at(office.devices[0].replica, office.devices[1].id, file_of(family),
                                 feed, &status));
    assert_int_equal(status.last, 1);
}

static enum rc
no_finding(void *context, const struct doctor_finding *finding)
{
    (void)context;
    fprintf(stderr, "doctor: %s: %s\n", finding->what, finding->sentence);
    return rc_fail(RC_CORRUPT, "a finding");
}

static int64_t
heard_at(int by, int of)
{
    int64_t at_ms;

    assert_ok(replica_heard_at(office.devices[by].replica, office.devices[of].id, &at_ms));
    return at_ms;
}

static void
a_colleague_is_heard_of_by_whatever_stream_changed(void **state)
{
    (void)state;
    struct id busy = office_family(&office, 0, "vos", 0);
    struct id quiet = office_family(&office, 0, "das", 0);
    struct ack_status status;
    office_assign(&office, 0, busy, 1, LEDGER_COACH);
    office_assign(&office, 0, quiet, 1, LEDGER_COACH);
    office_visit(&office, 0, quiet, "once");
    office_sync_all(&office, 2, 2);
    int64_t before = heard_at(0, 1);
    office_pass(&office, 3600 * 1000);
    office_visit(&office, 0, busy, "again");
    int64_t now_ms = office.now_ms;
    office_sync_all(&office, 2, 2);
    assert_true(before > 0 && before < now_ms);
    assert_true(heard_at(0, 1) >= now_ms);
    /* What it said of the quiet family and of the team is as old as it was. */
    struct id streams[] = {file_of(quiet),
                           ledger_team_stream(replica_ledger(office.devices[0].replica))};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(replica_applied_at(office.devices[0].replica, office.devices[1].id, streams[i],
                                     replica_self(office.devices[0].replica).feed, &status));
        assert_true(status.acked_at_ms > 0 && status.acked_at_ms <= before);
    }
}

static void
a_device_that_looks_every_day_is_heard_of_though_nothing_changes(void **state)
{
    (void)state;
    office_sync_all(&office, 2, 2);
    int64_t before = heard_at(0, 1);
    office_pass(&office, 3600 * 1000);
    office_sync_all(&office, 2, 2);
    assert_int_equal(heard_at(0, 1), before); /* no chatter at every session */
    office_pass(&office, INT64_C(23) * 3600 * 1000);
    int64_t now_ms = office.now_ms;
    office_sync_all(&office, 2, 2);
    assert_true(heard_at(0, 1) >= now_ms);
}

static void
the_doctor_finds_nothing_in_a_healthy_store(void **state)
{
    (void)state;
    struct id family = work_on_both_sides();

    (void)family;
    office_sync_all(&office, 2, 2);
    office_visit(&office, 1, family, "still waiting");
    for (int i = 0; i < 2; i++)
        assert_ok(replica_doctor(office.devices[i].replica, no_finding, NULL));
}

static void
a_bundle_carries_work_without_a_server(void **state)
{
    (void)state;
    struct id family = work_on_both_sides();
    struct sync_report report;
    struct buf bundle;

    office_sync_all(&office, 2, 2);
    office_visit(&office, 0, family, "on a stick");
    office_pack(&office, 0, 1, &bundle);
    for (int i = 0; i < 2; i++)
        assert_ok(
            replica_bundle_import(office.devices[1].replica, bundle.data, bundle.len, &report));
    assert_true(office_agree(&office, 0, 1, file_of(family)));
    assert_int_equal(
        replica_bundle_import(office.devices[0].replica, bundle.data, bundle.len, &report),
        RC_DENIED);
    buf_wipe(&bundle);
    office_sync_all(&office, 2, 2); /* the same entries by the server change nothing */
    assert_true(office_agree(&office, 0, 1, file_of(family)));
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_visit_reaches_a_colleague),
        CASE(both_write_offline_and_end_equal),
        CASE(a_request_lost_at_any_point_loses_nothing),
        CASE(an_answer_lost_at_any_point_forks_nothing),
        CASE(an_answer_cut_at_any_point_is_refused),
        CASE(a_sign_in_page_is_no_server),
        CASE(a_clock_a_year_off_syncs_all_the_same),
        CASE(a_conflict_is_kept_and_its_resolution_reaches_a_third_device),
        CASE(a_version_that_arrives_while_one_decides_is_not_superseded),
        CASE(a_choice_is_saved_only_for_who_may_choose),
        CASE(a_colleague_is_known_to_have_it_only_after_acknowledging),
        CASE(a_colleague_is_heard_of_by_whatever_stream_changed),
        CASE(a_device_that_looks_every_day_is_heard_of_though_nothing_changes),
        CASE(the_doctor_finds_nothing_in_a_healthy_store),
        CASE(a_bundle_carries_work_without_a_server),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
