/* Tests of what is carried: a cover given and accepted by bundle alone, and what becomes of it when the server is met. */
#include "sync/carried.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "sync/bundle.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM, CAAS, DAAN };

static struct office office;
static struct id family, file, stream_index;

/* Bram's family; Caas is a coach, Daan a behavioural scientist, who reads every file. */
static int
setup(void **state)
{
    (void)state;
    family = office_pair(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    stream_index = ledger_family(office.devices[BRAM].replica->ledger, family)->index;
    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    office_join(&office, DAAN, "Daan", LEDGER_ROLE_SCIENTIST);
    office_sync_all(&office, 4, 2);
    office_visit(&office, BRAM, family, "EERST");
    return 0;
}

static struct replica *
replica_of(int at)
{
    return office.devices[at].replica;
}

static struct bundle_report
pack(int from, int to, struct buf *bundle)
{
    struct bundle_report packed;

    *bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    assert_ok(replica_bundle_pack(replica_of(from), office.devices[to].id, false, &packed, bundle));
    return packed;
}

static void
take(int to, const struct buf *bundle)
{
    assert_ok(replica_bundle_import(replica_of(to), bundle->data, bundle->len, &office.devices[to].report));
}

static struct bundle_report
bring(int from, int to)
{
    struct buf bundle;
    struct bundle_report packed = pack(from, to, &bundle);

    take(to, &bundle);
    buf_wipe(&bundle);
    return packed;
}

static struct cover_new
wanted(int64_t days, bool may_write)
{
    return (struct cover_new){&family, 1, office.devices[CAAS].person, office.now_ms, office.now_ms + days * DAY_MS, may_write};
}

static struct id
carry(int64_t days, bool may_write)
{
    struct cover_new cover = wanted(days, may_write);
    struct id id;

    assert_ok(replica_cover_carry(replica_of(BRAM), &cover, &id));
    return id;
}

/* Given, brought, accepted, brought once more, and the acceptance brought back: nobody met the server. */
static struct id
cover_by_bundle(int64_t days, bool may_write)
{
    struct id id = carry(days, may_write);
    struct buf bundle;

    assert_int_equal(pack(BRAM, CAAS, &bundle).carried, 1);
    take(CAAS, &bundle);
    assert_ok(replica_cover_carry_acceptance(replica_of(CAAS), id));
    take(CAAS, &bundle);
    buf_wipe(&bundle);
    assert_int_equal(bring(CAAS, BRAM).carried, 2);
    return id;
}

/* Given and accepted at the server, and all have heard of it. */
static struct id
cover_by_server(int64_t days)
{
    struct cover_new cover = wanted(days, true);
    struct id id;

    assert_ok(replica_cover_give(replica_of(BRAM), &office.devices[BRAM].transport, &cover, &id));
    office_sync(&office, CAAS);
    assert_ok(replica_cover_accept(replica_of(CAAS), &office.devices[CAAS].transport, id));
    office_sync_all(&office, 4, 2);
    return id;
}

static bool
shows(int at, const char *word)
{
    return office_shows(&office, at, file, word);
}

static uint64_t
in_state(int at, enum elog_state state)
{
    uint64_t count;

    assert_ok(elog_count(replica_of(at)->db, state, &count));
    return count;
}

static enum ledger_cover_state
state_of(int at, struct id id)
{
    const struct ledger_cover *cover = ledger_cover(replica_of(at)->ledger, id);

    return cover == NULL ? LEDGER_COVER_ENDED : cover->state;
}

static void
a_cover_by_bundle_alone_reads_and_writes(void **state)
{
    (void)state;
    struct id id = carry(20, true);
    struct buf bundle;

    assert_false(shows(CAAS, "EERST"));
    assert_int_equal(pack(BRAM, CAAS, &bundle).carried, 1);
    take(CAAS, &bundle);
    assert_int_equal(office.devices[CAAS].report.carried_taken, 1);
    assert_false(shows(CAAS, "EERST")); /* what was given and not accepted opens nothing */
    assert_true(office_try_visit(&office, CAAS, family, "NEE") != RC_OK);
    assert_ok(replica_cover_carry_acceptance(replica_of(CAAS), id));
    assert_ok(replica_cover_carry_acceptance(replica_of(CAAS), id));
    take(CAAS, &bundle);
    assert_int_equal(office.devices[CAAS].report.carried_taken, 0);
    assert_true(shows(CAAS, "EERST"));
    office_visit(&office, CAAS, family, "WAARGENOMEN");
    office_reopen(&office, CAAS);
    assert_true(shows(CAAS, "WAARGENOMEN"));

    assert_int_equal(state_of(BRAM, id), LEDGER_COVER_GIVEN);
    assert_int_equal(bring(CAAS, BRAM).carried, 2);
    assert_int_equal(office.devices[BRAM].report.carried_taken, 1);
    assert_int_equal(state_of(BRAM, id), LEDGER_COVER_ACCEPTED);
    assert_true(shows(BRAM, "WAARGENOMEN"));
    assert_true(office_agree(&office, BRAM, CAAS, file));
    office_reopen(&office, BRAM);
    assert_true(shows(BRAM, "WAARGENOMEN"));

    take(CAAS, &bundle); /* the old one again, and the new one twice */
    (void)bring(CAAS, BRAM);
    (void)bring(CAAS, BRAM);
    assert_true(office_agree(&office, BRAM, CAAS, file));
    assert_int_equal(in_state(BRAM, ELOG_PARKED) + in_state(CAAS, ELOG_PARKED), 0);
    buf_wipe(&bundle);
}

static void
bundles_in_another_order_and_twice_come_to_the_same(void **state)
{
    (void)state;
    struct buf asked, later[3];
    struct id id = carry(20, true);

    (void)pack(BRAM, CAAS, &asked);
    for (int i = 0; i < 3; i++) {
        office_visit(&office, BRAM, family, "NOG EEN");
        (void)pack(BRAM, CAAS, &later[i]);
    }
    take(CAAS, &later[2]); /* the question stands in each */
    assert_ok(replica_cover_carry_acceptance(replica_of(CAAS), id));
    static const int order[] = {1, 0, 2, 1, 0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        take(CAAS, &later[order[i]]);
    take(CAAS, &asked);
    assert_true(office_agree(&office, BRAM, CAAS, file));
    char *before = office_dump(&office, CAAS, file);
    for (int i = 0; i < 3; i++)
        take(CAAS, &later[i]);
    char *after = office_dump(&office, CAAS, file);
    assert_string_equal(before, after);
    free(before);
    free(after);
    /* Another device of the team opens none of them. */
    assert_int_equal(replica_bundle_import(replica_of(DAAN), asked.data, asked.len, &office.devices[DAAN].report), RC_DENIED);
    (void)bring(CAAS, BRAM);
    assert_int_equal(bring(BRAM, CAAS).entries, 0); /* all that it lacks, and nothing more */
    office_sync_all(&office, 4, 2);
    assert_true(office_agree(&office, BRAM, CAAS, file));
    assert_true(office_agree(&office, BRAM, DAAN, file));
    buf_wipe(&asked);
    for (int i = 0; i < 3; i++)
        buf_wipe(&later[i]);
}

/* Whoever comes first: afterwards all is as if it had been given by the server. */
static void
meet_the_server(int first, int second)
{
    struct id id = cover_by_bundle(20, true);

    office_visit(&office, CAAS, family, "WAARGENOMEN");
    (void)bring(CAAS, BRAM);
    (void)bring(CAAS, DAAN); /* to Daan, whom nobody told of the cover */
    assert_int_equal(in_state(DAAN, ELOG_PARKED), 2);
    assert_false(shows(DAAN, "WAARGENOMEN"));

    office_sync(&office, first);
    assert_int_equal(office.devices[first].report.carried_ordered, 2);
    assert_int_equal(office.devices[first].report.carried_refused, 0);
    assert_int_equal(office.devices[first].report.grants_due, 0); /* the keys are on the ledger too, so that their end is */
    office_sync(&office, second);
    assert_int_equal(office.devices[second].report.carried_refused, 0);
    assert_false(ledger_cover(replica_of(second)->ledger, id)->is_carried);
    office_sync_all(&office, 4, 2);
    assert_true(shows(DAAN, "WAARGENOMEN"));
    assert_true(office_agree(&office, BRAM, CAAS, file));
    assert_true(office_agree(&office, BRAM, DAAN, file));
    for (int i = 0; i < 4; i++)
        assert_int_equal(in_state(i, ELOG_PARKED) + in_state(i, ELOG_HELD), 0);
    assert_int_equal(bring(BRAM, CAAS).carried, 0);

    assert_ok(replica_cover_end(replica_of(BRAM), &office.devices[BRAM].transport, id));
    assert_true(ledger_rotation_is_owed(replica_of(BRAM)->ledger, file, (uint64_t)office.now_ms));
    office_sync(&office, BRAM);
    assert_false(ledger_rotation_is_owed(replica_of(BRAM)->ledger, file, (uint64_t)office.now_ms));
    office_sync(&office, CAAS);
    assert_false(shows(CAAS, "EERST"));
    assert_false(office_store_holds(&office, CAAS, "EERST"));
    assert_true(shows(BRAM, "WAARGENOMEN"));
}

static void
the_colleague_meets_the_server_first(void **state)
{
    (void)state;
    meet_the_server(CAAS, BRAM);
}

static void
the_giver_meets_the_server_first(void **state)
{
    (void)state;
    meet_the_server(BRAM, CAAS);
}

static uint32_t
epoch_of(struct id stream)
{
    return ledger_stream(replica_of(BRAM)->ledger, stream)->epoch;
}

/* No line gave Caas the key that a bundle brought, and none does any more. */
static void
an_end_that_comes_before_the_grant_makes_new_keys(void **state)
{
    (void)state;
    struct id id = cover_by_bundle(20, true);

    assert_ok(replica_cover_end(replica_of(BRAM), &office.devices[BRAM].transport, id));
    office_visit(&office, BRAM, family, "DAARNA");
    office_sync_all(&office, 4, 2);
    assert_true(office_agree(&office, BRAM, DAAN, file));
    assert_int_equal(epoch_of(file), 2);
    assert_int_equal(epoch_of(stream_index), 2);
    assert_false(office_shows(&office, CAAS, file, "DAARNA"));
}

/* One of Caas's machines was lost, and the cover went to whoever has it. */
static void
what_went_to_a_device_that_was_revoked_makes_new_keys(void **state)
{
    (void)state;
    struct buf bundle;

    office_join_again(&office, 4, office.devices[CAAS].person);
    office_sync_all(&office, 5, 2);
    assert_ok(replica_revoke_device(replica_of(ANNA), &office.devices[ANNA].transport, office.devices[4].id));
    struct id id = carry(20, true);
    (void)pack(BRAM, 4, &bundle);
    take(4, &bundle);
    assert_ok(replica_cover_carry_acceptance(replica_of(4), id));
    take(4, &bundle);
    buf_wipe(&bundle);
    assert_true(shows(4, "EERST"));
    office_sync(&office, BRAM);
    assert_int_equal(state_of(BRAM, id), LEDGER_COVER_GIVEN);
    assert_int_equal(epoch_of(file), 2);
    assert_int_equal(epoch_of(stream_index), 2);
}

static void
the_acceptance_alone_is_carried_too(void **state)
{
    (void)state;
    struct cover_new cover = wanted(20, true);
    struct id id;

    assert_ok(replica_cover_give(replica_of(BRAM), &office.devices[BRAM].transport, &cover, &id));
    (void)bring(BRAM, CAAS); /* the line, with the server's word */
    assert_int_equal(state_of(CAAS, id), LEDGER_COVER_GIVEN);
    assert_ok(replica_cover_carry_acceptance(replica_of(CAAS), id));
    (void)bring(BRAM, CAAS);
    assert_true(shows(CAAS, "EERST"));
    office_visit(&office, CAAS, family, "WAARGENOMEN");
    assert_int_equal(bring(CAAS, BRAM).carried, 1);
    assert_true(shows(BRAM, "WAARGENOMEN"));
    office_sync(&office, CAAS);
    assert_int_equal(office.devices[CAAS].report.carried_ordered, 1);
    office_sync_all(&office, 4, 2);
    assert_true(office_agree(&office, BRAM, CAAS, file));
    assert_true(office_agree(&office, BRAM, DAAN, file));
}

/* The days that a colleague's clock is ahead are no days of the cover: whoever gave it would have known nothing of the acceptance. */
static void
an_acceptance_counts_whatever_the_clock_of_its_author(void **state)
{
    (void)state;
    office.devices[CAAS].clock_off_ms = 2 * DAY_MS;
    (void)cover_by_bundle(20, true);
    assert_int_equal(office.devices[BRAM].report.carried_refused, 0);
    assert_int_equal(office.devices[BRAM].report.carried_taken, 1);
    office_visit(&office, CAAS, family, "WAARGENOMEN");
    (void)bring(CAAS, BRAM);
    assert_true(shows(BRAM, "WAARGENOMEN"));
    office_sync(&office, BRAM); /* the colleague meets nobody: gift and answer are told all the same */
    assert_int_equal(office.devices[BRAM].report.carried_ordered, 2);
    assert_int_equal(office.devices[BRAM].report.refused, 0);
    office_sync(&office, DAAN);
    assert_true(shows(DAAN, "WAARGENOMEN"));
}

static void
one_who_only_reads_writes_nothing(void **state)
{
    (void)state;
    (void)cover_by_bundle(20, false);
    assert_true(shows(CAAS, "EERST"));
    assert_int_equal(office_try_visit(&office, CAAS, family, "NEE"), RC_DENIED);
}

/* Caas's roles end at the server before it hears of the cover. */
static void
refuse(void)
{
    assert_ok(replica_set_roles(replica_of(ANNA), &office.devices[ANNA].transport, office.devices[CAAS].person,
                                LEDGER_ROLE_INTAKE));
    office_sync(&office, ANNA);
}

static void
what_is_refused_ends_and_its_work_is_late_work(void **state)
{
    (void)state;
    struct ledger_epoch before, after;

    (void)cover_by_bundle(20, true);
    office_visit(&office, CAAS, family, "GEDAAN");
    (void)bring(CAAS, BRAM);
    assert_true(shows(BRAM, "GEDAAN"));
    office_visit(&office, CAAS, family, "NOG NIET GEBRACHT");
    refuse();
    assert_true(ledger_epoch(replica_of(BRAM)->ledger, file, 0, &before));

    office_sync(&office, BRAM);
    assert_int_equal(office.devices[BRAM].report.carried_refused, 2);
    assert_false(shows(BRAM, "GEDAAN"));
    assert_true(shows(BRAM, "EERST"));
    assert_int_equal(in_state(BRAM, ELOG_HELD), 2); /* of file and index */
    assert_true(ledger_epoch(replica_of(BRAM)->ledger, file, 0, &after));
    assert_int_equal(after.epoch, before.epoch + 1); /* the key was given away */
    office_sync(&office, BRAM);
    assert_int_equal(office.devices[BRAM].report.refused, 0);
    assert_true(ledger_epoch(replica_of(BRAM)->ledger, file, 0, &before));
    assert_int_equal(after.epoch, before.epoch); /* once */

    office_sync(&office, CAAS);
    assert_int_equal(office.devices[CAAS].report.refused, 0);
    assert_false(shows(CAAS, "EERST"));
    assert_false(office_store_holds(&office, CAAS, "EERST"));
    assert_false(office_store_holds(&office, CAAS, "GEDAAN"));
    office_reopen(&office, BRAM);
    assert_int_equal(in_state(BRAM, ELOG_HELD), 2);

    /* What it had not brought yet is still handed over by bundle, and held too. */
    assert_true(bring(CAAS, BRAM).entries >= 2);
    assert_int_equal(in_state(BRAM, ELOG_HELD), 4);
    assert_int_equal(in_state(BRAM, ELOG_PARKED), 0);
    office_sync_all(&office, 4, 2);
    assert_true(office_agree(&office, BRAM, DAAN, file));
}

/* Bram has met no server since: what the colleague himself wrote may be there no more, and is not. */
static void
of_work_under_a_carried_cover_nothing_is_promised_of_its_writer(void **state)
{
    (void)state;
    struct version work = {{office.devices[CAAS].id, replica_of(CAAS)->incarnation}, 1, 0};
    struct sight_status status;

    (void)cover_by_bundle(20, true);
    office_visit(&office, CAAS, family, "GEDAAN");
    (void)bring(CAAS, BRAM);
    refuse();
    office_sync(&office, CAAS);
    assert_false(shows(CAAS, "GEDAAN"));
    assert_true(shows(BRAM, "GEDAAN"));
    assert_ok(replica_sees(replica_of(BRAM), office.devices[CAAS].id, file, &work, &status));
    assert_string_equal(sight_name(status.sight), "sealed");
}

static void
what_was_refused_counts_when_the_cover_is_given_anew(void **state)
{
    (void)state;
    (void)cover_by_bundle(20, true);
    office_visit(&office, CAAS, family, "GEDAAN");
    (void)bring(CAAS, BRAM);
    refuse();
    office_sync_all(&office, 4, 2);
    assert_false(shows(BRAM, "GEDAAN"));
    assert_ok(replica_set_roles(replica_of(ANNA), &office.devices[ANNA].transport, office.devices[CAAS].person,
                                LEDGER_ROLE_COACH));
    office_sync_all(&office, 4, 1);
    (void)cover_by_server(20);
    office_sync_all(&office, 4, 1);
    assert_true(shows(BRAM, "GEDAAN"));
    assert_true(office_agree(&office, BRAM, CAAS, file));
    assert_true(office_agree(&office, BRAM, DAAN, file));
    for (int i = 0; i < 4; i++)
        assert_int_equal(in_state(i, ELOG_PARKED) + in_state(i, ELOG_HELD), 0);
}

/* Caas covered by the server, and does so no more. */
static void
cover_before(void)
{
    struct id cover = cover_by_server(2);

    assert_ok(replica_cover_end(replica_of(BRAM), &office.devices[BRAM].transport, cover));
    office_sync_all(&office, 4, 2);
    assert_false(shows(CAAS, "EERST"));
}

/* Who covered this family before: an entry sealed ahead of the lines would be late work for ever. */
static void
who_covered_before_seals_when_the_lines_stand(void **state)
{
    (void)state;
    cover_before();
    (void)cover_by_bundle(20, true);
    assert_true(shows(CAAS, "EERST"));
    office_visit(&office, CAAS, family, "WAARGENOMEN");
    assert_int_equal(bring(CAAS, BRAM).saves_left, 2);
    assert_false(shows(BRAM, "WAARGENOMEN"));
    office_sync_all(&office, 4, 2);
    assert_true(office_agree(&office, BRAM, CAAS, file));
    assert_true(shows(DAAN, "WAARGENOMEN"));
    for (int i = 0; i < 4; i++)
        assert_int_equal(in_state(i, ELOG_PARKED) + in_state(i, ELOG_HELD), 0);
}

/* A cover by the server ends while one by bundle goes on: what was sealed under the first is late work, and what waits behind it in
 * the same feed is shown all the same. */
static void
what_waits_behind_late_work_stays_on_the_screen(void **state)
{
    (void)state;
    struct buf asked;
    struct id first = cover_by_server(2);

    office_visit(&office, CAAS, family, "VERZEGELD");
    (void)bring(CAAS, DAAN);
    struct id second = carry(20, true);
    (void)pack(BRAM, CAAS, &asked);
    take(CAAS, &asked);
    assert_ok(replica_cover_carry_acceptance(replica_of(CAAS), second));
    office_visit(&office, CAAS, family, "WACHT");

    assert_ok(replica_cover_end(replica_of(BRAM), &office.devices[BRAM].transport, first));
    (void)bring(BRAM, CAAS);
    assert_false(shows(CAAS, "VERZEGELD"));
    assert_true(shows(CAAS, "WACHT"));
    (void)bring(CAAS, BRAM);
    office_sync_all(&office, 4, 2);
    assert_true(shows(BRAM, "WACHT"));
    assert_true(office_agree(&office, BRAM, CAAS, file));
    buf_wipe(&asked);
}

/* The lines stand, and the colleague's device is lost before it heard of them: what it wrote is handed in all the same. */
static void
a_revoked_colleague_hands_in_what_it_wrote(void **state)
{
    (void)state;
    (void)cover_by_bundle(20, true);
    office_sync(&office, BRAM);
    office_visit(&office, CAAS, family, "INGELEVERD");
    assert_ok(replica_revoke_device(replica_of(ANNA), &office.devices[ANNA].transport, office.devices[CAAS].id));
    assert_int_equal(office_try_sync(&office, CAAS), RC_DENIED);
    office_sync(&office, BRAM);
    assert_int_equal(in_state(BRAM, ELOG_HELD), 2);
}

/* Nor does it wait for lines that are told to it no more. */
static void
who_covered_before_and_is_revoked_hands_in_what_waits(void **state)
{
    (void)state;
    cover_before();
    office_pass(&office, 3 * DAY_MS); /* what lies in the days of that cover would be admitted unasked */
    office_sync_all(&office, 4, 1);
    (void)cover_by_bundle(20, true);
    office_visit(&office, CAAS, family, "INGELEVERD");
    office_sync(&office, BRAM);
    assert_ok(replica_revoke_device(replica_of(ANNA), &office.devices[ANNA].transport, office.devices[CAAS].id));
    assert_int_equal(office_try_sync(&office, CAAS), RC_DENIED);
    assert_int_equal(office.devices[CAAS].report.pushed, 2);
    office_sync(&office, BRAM);
    assert_int_equal(in_state(BRAM, ELOG_HELD), 2);
}

static void
it_ends_by_the_time_it_names_without_a_server(void **state)
{
    (void)state;
    (void)cover_by_bundle(5, true);
    office_visit(&office, CAAS, family, "GEDAAN");
    for (int i = 0; i < 6; i++) { /* no jump of a clock: a day at a time */
        office_pass(&office, DAY_MS);
        office_reopen(&office, CAAS);
    }
    assert_false(shows(CAAS, "EERST"));
    assert_false(office_store_holds(&office, CAAS, "EERST"));
    (void)bring(CAAS, BRAM);
    office_sync_all(&office, 4, 2); /* too late for the server: what was done is late work at who gave it */
    assert_int_equal(office.devices[CAAS].report.refused, 0);
    assert_int_equal(in_state(BRAM, ELOG_HELD), 2);
    assert_false(shows(BRAM, "GEDAAN"));
}

/* Of the epoch in which the former right ended nothing was ever sealed: no bundle brought its key. */
static void
who_covered_before_hands_in_what_waited_when_it_ends(void **state)
{
    (void)state;
    family = office_family(&office, ANNA, "BUIZERD-3", BRAM);
    office_sync_all(&office, 4, 2);
    file = ledger_family(replica_of(BRAM)->ledger, family)->file;
    cover_before();
    office_pass(&office, 3 * DAY_MS);
    office_sync_all(&office, 4, 1);
    office_visit(&office, BRAM, family, "TWEEDE");
    (void)cover_by_bundle(5, true);
    office_visit(&office, CAAS, family, "GEDAAN");
    for (int i = 0; i < 6; i++) {
        office_pass(&office, DAY_MS);
        office_reopen(&office, CAAS);
    }
    assert_false(shows(CAAS, "GEDAAN"));
    office_sync_all(&office, 4, 2);
    assert_int_equal(office_waiting(&office, CAAS).saves_unsealed, 0);
    assert_int_equal(in_state(BRAM, ELOG_HELD), 2);
}

static void
it_waits_thirty_days_for_the_server_and_begins_on_no_older_ledger(void **state)
{
    (void)state;
    struct cover_new cover;
    struct id id;

    (void)cover_by_bundle(300, true);
    for (int i = 0; i < 31; i++) {
        office_pass(&office, DAY_MS);
        office_reopen(&office, CAAS);
        office_reopen(&office, BRAM);
    }
    assert_false(shows(CAAS, "EERST"));
    cover = wanted(20, true);
    assert_int_equal(replica_cover_carry(replica_of(BRAM), &cover, &id), RC_STALE);
    office_sync(&office, BRAM);
    assert_int_equal(office.devices[BRAM].report.carried_refused, 2);
    assert_ok(replica_cover_carry(replica_of(BRAM), &cover, &id));
}

static void
only_the_rules_of_the_team_let_it_count(void **state)
{
    (void)state;
    struct cover_new cover = wanted(20, true);
    struct id id;

    /* Daan reads the file and has its keys, and may give nothing away. */
    assert_int_equal(replica_cover_carry(replica_of(DAAN), &cover, &id), RC_DENIED);
    cover.until_ms = office.now_ms + 400 * DAY_MS;
    assert_int_equal(replica_cover_carry(replica_of(BRAM), &cover, &id), RC_INVALID);
    /* Nobody but the colleague accepts. */
    id = carry(20, true);
    assert_int_equal(replica_cover_carry_acceptance(replica_of(BRAM), id), RC_DENIED);
    /* Others are told nothing, and their bundles carry nothing. */
    assert_int_equal(bring(BRAM, DAAN).carried, 0);
    assert_null(ledger_cover(replica_of(DAAN)->ledger, id));
    /* The same once more is the same. */
    cover = wanted(20, true);
    struct id again;
    assert_ok(replica_cover_carry(replica_of(BRAM), &cover, &again));
    assert_true(id_equal(id, again));
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cover_by_bundle_alone_reads_and_writes),
        TEST(bundles_in_another_order_and_twice_come_to_the_same),
        TEST(the_colleague_meets_the_server_first),
        TEST(the_giver_meets_the_server_first),
        TEST(an_end_that_comes_before_the_grant_makes_new_keys),
        TEST(what_went_to_a_device_that_was_revoked_makes_new_keys),
        TEST(the_acceptance_alone_is_carried_too),
        TEST(an_acceptance_counts_whatever_the_clock_of_its_author),
        TEST(one_who_only_reads_writes_nothing),
        TEST(what_is_refused_ends_and_its_work_is_late_work),
        TEST(of_work_under_a_carried_cover_nothing_is_promised_of_its_writer),
        TEST(what_was_refused_counts_when_the_cover_is_given_anew),
        TEST(who_covered_before_seals_when_the_lines_stand),
        TEST(what_waits_behind_late_work_stays_on_the_screen),
        TEST(a_revoked_colleague_hands_in_what_it_wrote),
        TEST(who_covered_before_and_is_revoked_hands_in_what_waits),
        TEST(it_ends_by_the_time_it_names_without_a_server),
        TEST(who_covered_before_hands_in_what_waited_when_it_ends),
        TEST(it_waits_thirty_days_for_the_server_and_begins_on_no_older_ledger),
        TEST(only_the_rules_of_the_team_let_it_count),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
