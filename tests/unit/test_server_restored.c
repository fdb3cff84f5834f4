/* A server put back from an old backup: each device finds out by itself, and all that anybody has comes back without a new write. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/elog.h"
#include "sync/replica_own.h"
#include "sync/status.h"
#include "tests/support/office_plan.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2 };

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_shared(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    return 0;
}

static bool
has(int at, const char *note)
{
    return office_shows(&office, at, file, note);
}

static enum rc
keep_last(void *context, const struct feed_status *status)
{
    *(struct feed_status *)context = *status;
    return RC_OK;
}

/* ---- entries ---------------------------------------------------------------------------------------- */

/* What came since counts further than the cursors of the lost life: they are not passed by it. */
static void
what_only_its_author_has_goes_back_after_others_have_gone_on(void **state)
{
    (void)state;
    office_keep_server(&office);
    office_visit(&office, ANNA, family, "of Anna, lost");
    office_sync(&office, ANNA);
    office_visit(&office, BRAM, family, "of Bram alone");
    office_sync(&office, BRAM);
    office_restore_server(&office);
    for (int i = 0; i < 8; i++) {
        office_visit(&office, ANNA, family, "since the restore");
        office_sync(&office, ANNA);
    }
    office_sync(&office, BRAM);
    assert_true(has(BRAM, "since the restore"));
    office_sync(&office, ANNA);
    assert_true(has(ANNA, "of Bram alone"));
    assert_int_equal(office_waiting(&office, ANNA).entries_unsent + office_waiting(&office, BRAM).entries_unsent, 0);
    unsigned before = office.devices[BRAM].requests;
    office_sync(&office, BRAM);
    office_sync(&office, BRAM);
    assert_true(office.devices[BRAM].requests <= before + 4 + 3); /* three again, once all is told */
}

/* The session that sent it was cut before a page showed it again, so no cursor stands behind it. */
static void
what_was_sent_in_a_session_that_was_cut_is_offered_again(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    office_keep_server(&office);
    office_visit(&office, BRAM, family, "sent and not seen back");
    bram->requests = 0;
    bram->fault = (struct office_fault){.lose_answer = 3}; /* hello, push, pull */
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    bram->fault = (struct office_fault){0};
    assert_int_equal(office_waiting(&office, BRAM).entries_unsent, 0);
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_true(has(ANNA, "sent and not seen back"));
}

/* What fills a stream shows what the shared cursor has not reached yet: that cursor misses it no more when the session is cut there. */
static void
what_only_a_stream_that_is_filled_showed_is_offered_again(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    office_sync_all(&office, 2, 2);
    office_keep_server(&office);
    office_visit(&office, BRAM, family, "shown by what filled");
    assert_ok(db_run(store_db(bram->store), "UPDATE sync_stream SET is_filling = 1, fill_after = 0, fill_until ="
                                            " (SELECT value FROM sync_state WHERE name = 'cursor') WHERE kind = 4")); /* STREAM_FILE */
    bram->requests = 0;
    bram->fault = (struct office_fault){.lose_request = 4}; /* hello, push, what fills; the pull */
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    bram->fault = (struct office_fault){0};
    office_restore_server(&office);
    office_sync_all(&office, 2, 2);
    assert_true(has(ANNA, "shown by what filled"));
}

/* A store that is put back reads all before it offers anything: what the server said to have in an earlier session says nothing of this one. */
static void
what_the_server_said_to_have_is_offered_again_by_a_store_that_is_put_back(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    char token[256];

    office_keep_server(&office);
    office_visit(&office, BRAM, family, "had, and not seen back");
    for (int i = 0; i < 2; i++) { /* stored, then had */
        bram->requests = 0;
        bram->fault = (struct office_fault){.lose_answer = 3};
        assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    }
    bram->fault = (struct office_fault){0};
    office_token_path(&office, BRAM, token);
    office_shut(&office, BRAM);
    assert_int_equal(remove(token), 0);
    assert_ok(office_start(&office, BRAM));
    assert_true(bram->replica->must_recover);
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_true(has(ANNA, "had, and not seen back"));
}

/* An honest server is asked once whether it has it, and never again. */
static void
what_a_page_showed_again_is_not_offered_any_more(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    int64_t open = 0;

    office_visit(&office, BRAM, family, "one");
    bram->requests = 0;
    bram->fault = (struct office_fault){.lose_answer = 3};
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    bram->fault = (struct office_fault){0};
    office_sync(&office, BRAM);
    assert_ok(db_get_int(store_db(bram->store), "SELECT count(*) FROM sync_unconfirmed", &open));
    assert_int_equal(open, 0);
    bram->requests = 0;
    office_sync(&office, BRAM);
    assert_int_equal(bram->requests, 3);
}

/* No page is shown to who was revoked: what was handed in is offered at each session. */
static void
what_a_revoked_device_handed_in_comes_back_too(void **state)
{
    (void)state;
    office_visit(&office, BRAM, family, "late work");
    assert_ok(replica_revoke_device(office.devices[ANNA].replica, &office.devices[ANNA].transport,
                                    office.devices[BRAM].id));
    office_keep_server(&office);
    assert_int_equal(office_try_sync(&office, BRAM), RC_DENIED);
    office_restore_server(&office);
    assert_int_equal(office_try_sync(&office, BRAM), RC_DENIED);
    office_sync(&office, ANNA);
    assert_int_equal(office_waiting(&office, ANNA).held, 2); /* of file and index */
}

/* ---- what its author may read no longer ------------------------------------------------------------- */

enum { COVER_DAYS = 10 };

/* Caas covers the family for ten days. */
static void
begin_cover(void)
{
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct id cover;

    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    office_sync(&office, BRAM);
    const struct cover_new wanted = {
        &family, 1, caas->person, office.now_ms, office.now_ms + COVER_DAYS * DAY_MS, true};
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &wanted, &cover));
    office_sync(&office, CAAS);
    assert_ok(replica_cover_accept(caas->replica, &caas->transport, cover));
    office_sync_all(&office, 3, 2);
}

/* What the device has of streams that are gone: entries, and keys. */
static int64_t
kept(int at)
{
    return office_ask(&office, at, "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed)"
                                   " WHERE stream NOT IN (SELECT stream FROM sync_stream)");
}

static int64_t
keys_kept(int at)
{
    return office_ask(&office, at, "SELECT count(*) FROM sync_key WHERE stream NOT IN (SELECT stream FROM sync_stream)");
}

/* The cover ends before the device hears that the server lost what it had sent. */
static void
what_the_server_lost_is_handed_in_again_by_who_covered(void **state)
{
    (void)state;
    begin_cover();
    office_keep_server(&office);
    office_visit(&office, CAAS, family, "seen while covering");
    office_sync(&office, CAAS);
    office_restore_server(&office);
    office_pass(&office, 2 * COVER_DAYS * DAY_MS);
    office_sync(&office, CAAS);
    assert_false(has(CAAS, "seen while covering"));
    assert_int_equal(keys_kept(CAAS), 0);
    office_sync_all(&office, 3, 2);
    assert_true(has(BRAM, "seen while covering"));
    assert_int_equal(kept(CAAS), 0);
}

/* Also what was handed in when the cover was over, and lost before anybody fetched it. */
static void
what_was_handed_in_late_and_lost_is_handed_in_again(void **state)
{
    (void)state;
    begin_cover();
    office_visit(&office, CAAS, family, "written offline");
    office_pass(&office, 2 * COVER_DAYS * DAY_MS);
    office_keep_server(&office);
    office_sync(&office, CAAS);
    office_restore_server(&office);
    office_sync(&office, CAAS);
    office_sync_all(&office, 3, 2);
    assert_true(has(BRAM, "written offline"));
    assert_int_equal(kept(CAAS), 0);
}

/* With some of it sent and lost, and some not sent yet: what was sent is no gap before the rest. */
static void
what_was_not_sent_yet_waits_for_no_entry_that_is_gone(void **state)
{
    (void)state;
    begin_cover();
    office_keep_server(&office);
    office_visit(&office, CAAS, family, "sent and lost");
    office_sync(&office, CAAS);
    office_visit(&office, CAAS, family, "not sent yet");
    office_restore_server(&office);
    office_pass(&office, 2 * COVER_DAYS * DAY_MS);
    office_reopen(&office, CAAS); /* purged without the server */
    assert_false(has(CAAS, "sent and lost"));
    assert_int_equal(keys_kept(CAAS), 0);
    office_sync_all(&office, 3, 3);
    assert_true(has(BRAM, "sent and lost"));
    assert_true(has(BRAM, "not sent yet"));
    assert_int_equal(office_waiting(&office, CAAS).entries_unsent, 0);
    assert_int_equal(kept(CAAS), 0);
}

/* The server takes it, is found to be put back, and has it when all is offered again: that is one session, and counts once. */
static void
what_was_handed_in_and_handed_back_in_one_session_is_not_gone_yet(void **state)
{
    (void)state;
    begin_cover();
    office_keep_server(&office);
    office_visit(&office, CAAS, family, "sent and lost");
    office_sync(&office, CAAS);
    office_restore_server(&office);
    office_visit(&office, CAAS, family, "written offline");
    office_pass(&office, 2 * COVER_DAYS * DAY_MS);
    office_keep_server(&office);
    office_sync(&office, CAAS);
    assert_true(office.devices[CAAS].report.was_handed_back);
    assert_true(kept(CAAS) > 0);
    office_restore_server(&office);
    office_sync(&office, CAAS);
    office_sync_all(&office, 3, 2);
    assert_true(has(BRAM, "written offline"));
    assert_int_equal(kept(CAAS), 0);
}

/* Nobody fetched it, and the server, which said twice to have it, lost it (decision 024). What is written when the right is there again comes to all. */
static void
what_is_written_after_a_loss_that_is_for_good_comes_to_all(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct id cover;

    begin_cover();
    office_keep_server(&office);
    office_visit(&office, CAAS, family, "lost for good");
    office_sync(&office, CAAS);
    office_pass(&office, 2 * COVER_DAYS * DAY_MS);
    office_sync(&office, CAAS);
    office_sync(&office, CAAS);
    assert_int_equal(kept(CAAS), 0);
    office_restore_server(&office);
    office_sync_all(&office, 3, 2);
    assert_false(has(BRAM, "lost for good"));

    const struct cover_new wanted = {
        &family, 1, caas->person, office.now_ms, office.now_ms + COVER_DAYS * DAY_MS, true};
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &wanted, &cover));
    office_sync(&office, CAAS);
    assert_ok(replica_cover_accept(caas->replica, &caas->transport, cover));
    office_sync_all(&office, 3, 2);
    office_visit(&office, CAAS, family, "of the second cover");
    office_sync_all(&office, 3, 3);
    assert_true(has(CAAS, "of the second cover"));
    assert_int_equal(office_waiting(&office, CAAS).entries_unsent, 0);
    assert_true(has(BRAM, "of the second cover"));
}

/* What stays sealed is judged by the lines that come, and applied nowhere: there are no rows of that stream. */
static void
what_stays_of_a_purged_stream_is_taken_over_elsewhere(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];

    begin_cover();
    office_visit(&office, CAAS, family, "taken over");
    assert_ok(replica_cover_end(bram->replica, &bram->transport, ledger_cover_at(bram->replica->ledger, 0)->id));
    caas->fault = (struct office_fault){.lose_answer = 3}; /* hello, ledger, boxes; then hello, boxes, push */
    for (int i = 0; i < 2; i++)
        assert_int_equal(office_try_sync(&office, CAAS), RC_OFFLINE);
    office_sync(&office, BRAM);
    caas->fault = (struct office_fault){0};
    assert_true(has(BRAM, "taken over"));
    assert_true(office_waiting(&office, CAAS).entries_unsent > 0);
    office_sync(&office, CAAS);
    assert_int_equal(office_waiting(&office, CAAS).parked, 0);
    office_sync(&office, CAAS);
    assert_int_equal(kept(CAAS), 0);
}

/* A server that has it says so in the session in which the right ends: nothing stays beyond that. */
static void
what_the_server_has_goes_in_the_session_in_which_the_right_ends(void **state)
{
    (void)state;
    begin_cover();
    office_visit(&office, CAAS, family, "sent in time");
    office_sync(&office, CAAS);
    office_pass(&office, 2 * COVER_DAYS * DAY_MS);
    office_sync(&office, CAAS);
    assert_int_equal(kept(CAAS), 0);
    office.devices[CAAS].requests = 0;
    office_sync(&office, CAAS);
    assert_int_equal(office.devices[CAAS].requests, 3);
}

/* Who ends a right hands back first what they hold: the server's word alone would make late work of what all have read. */
static void
what_the_server_lost_is_no_late_work_of_who_is_shut_out(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];

    office_keep_server(&office);
    office_visit(&office, BRAM, family, "read by all");
    office_sync_all(&office, 2, 2);
    assert_true(has(ANNA, "read by all"));
    office_sync(&office, BRAM);
    office_restore_server(&office);
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, office.devices[BRAM].id));
    office_sync(&office, ANNA);
    assert_true(has(ANNA, "read by all"));
    assert_int_equal(office_waiting(&office, ANNA).held, 0);
}

/* ---- acknowledgements ------------------------------------------------------------------------------- */

static void
what_was_acknowledged_to_the_lost_life_is_told_again(void **state)
{
    (void)state;
    struct replica *anna = office.devices[ANNA].replica;
    struct feed_status feed = {.written = 0};
    struct ack_status status;

    office_visit(&office, ANNA, family, "read by Bram");
    office_sync(&office, ANNA);
    office_keep_server(&office);
    office_sync(&office, BRAM);
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_ok(replica_feeds(anna, file, keep_last, &feed));
    assert_ok(replica_applied_at(anna, office.devices[BRAM].id, file, feed.feed, &status));
    assert_int_equal(status.last, feed.written);
}

/* ... also when its session was cut before it saw its acknowledgement at the server. */
static void
an_acknowledgement_counts_when_the_server_has_shown_it(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct replica *anna = office.devices[ANNA].replica;
    struct feed_status feed = {.written = 0};
    struct ack_status status;

    office_visit(&office, ANNA, family, "read by Bram");
    office_sync(&office, ANNA);
    office_keep_server(&office);
    bram->requests = 0;
    bram->fault = (struct office_fault){.lose_answer = 4}; /* hello, pull, acknowledgement, those of others */
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    bram->fault = (struct office_fault){0};
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_ok(replica_feeds(anna, file, keep_last, &feed));
    assert_ok(replica_applied_at(anna, bram->id, file, feed.feed, &status));
    assert_int_equal(status.last, feed.written);
}

/* ---- cursors that nobody gave ----------------------------------------------------------------------- */

/* A lying server gave them: that ends with it. */
static void
a_cursor_that_the_server_never_gave_goes_back_by_itself(void **state)
{
    (void)state;
    static const char *const names[] = {STATE_ACKS_AFTER, STATE_BOXES_AFTER, STATE_CURSOR};
    static const int64_t cursors[] = {3, INT64_C(999999999999999999), INT64_C(6269010681311133708), INT64_MAX};
    struct db *db = store_db(office.devices[BRAM].store);
    int64_t now;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof cursors / sizeof *cursors; k++) {
            assert_ok(state_put_int(db, names[i], cursors[k]));
            assert_ok(state_put_int(db, STATE_BOXES_POSITION, 0));
            office_visit(&office, ANNA, family, "one more");
            office_sync(&office, ANNA);
            office_sync(&office, BRAM);
            assert_ok(state_get_int(db, names[i], &now));
            assert_true(now != cursors[k]);
        }
}

/* Saves while the server answers a pull: the command of another terminal. And asks how what is sent was written. */
static bool saves_once;
static unsigned pushes;

static enum rc
save_amid(void *context, const struct transport_request *in, struct transport_reply *out)
{
    struct office_device *device = context;
    int64_t synchronous;

    if (strcmp(in->method, "GET") == 0 && strstr(in->target, "/entries") != NULL && saves_once) {
        saves_once = false;
        office_visit(&office, ANNA, family, "saved amid the pull");
    }
    if (strcmp(in->method, "POST") == 0 && strstr(in->target, "/entries") != NULL) {
        assert_ok(db_get_int(device->replica->db, "PRAGMA synchronous", &synchronous));
        assert_int_equal(synchronous, 2); /* FULL */
        pushes++;
    }
    return device->transport.send(device->transport.context, in, out);
}

/* Else a power cut takes the entry that a colleague has, and the next one under its number is a fork. */
static void
what_is_sealed_amid_a_pull_is_flushed_before_it_is_sent(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];
    struct transport amid = {save_amid, anna};

    office_keep_server(&office);
    office_visit(&office, ANNA, family, "lost");
    office_sync_all(&office, 2, 2);
    office_restore_server(&office);
    saves_once = true;
    pushes = 0;
    assert_ok(replica_sync(anna->replica, &amid, NULL, &anna->report));
    assert_true(anna->report.was_handed_back);
    assert_true(pushes > 0);
    assert_int_equal(office_waiting(&office, ANNA).saves_unsealed, 0);
}

/* Cut at any request: a stream that came to it while all is read again from the first entry is not taken for whole before the last. */
static void
who_is_assigned_a_family_is_told_until_all_was_read_again(void **state)
{
    (void)state;
    struct office_device *caas = &office.devices[CAAS];
    unsigned partly = 0;

    office_join(&office, CAAS, "Caas", LEDGER_ROLE_COACH);
    struct id own = office_family(&office, CAAS, "das", CAAS);
    office_visit(&office, ANNA, family, "what Caas is to read");
    office_sync_all(&office, 3, 2);
    office_keep_server(&office);
    office_visit(&office, CAAS, own, "by whose cursor it knows of the restore");
    office_sync(&office, CAAS);
    office_restore_server(&office);
    office_assign(&office, ANNA, family, CAAS, LEDGER_COACH);
    enum rc rc = RC_OFFLINE;
    for (unsigned n = 1; rc != RC_OK; n++) {
        assert_true(n < 100);
        caas->requests = 0;
        caas->fault = (struct office_fault){.lose_request = n};
        rc = office_try_sync(&office, CAAS);
        bool has_file = office_ask(&office, CAAS, "SELECT count(*) FROM sync_stream WHERE kind = 4") == 2; /* STREAM_FILE */
        partly += has_file && !has(CAAS, "what Caas is to read");
        assert_true(!has_file || has(CAAS, "what Caas is to read") || office_waiting(&office, CAAS).is_incomplete);
    }
    assert_ok(rc);
    assert_true(partly > 0);
    assert_false(office_waiting(&office, CAAS).is_incomplete);
}

/* ---- what its author lost since ----------------------------------------------------------------------- */

static int
setup_three(void **state)
{
    (void)state;
    family = office_three(&office);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_sync_all(&office, 3, 2);
    return 0;
}

/* Bram's session ends once what fills the file is stored: nothing of it is applied yet. */
static void
fill_and_cut(void)
{
    struct office_device *bram = &office.devices[BRAM];

    assert_ok(db_run(store_db(bram->store), "UPDATE sync_stream SET is_filling = 1, fill_after = 0, fill_until ="
                                            " (SELECT value FROM sync_state WHERE name = 'cursor') WHERE kind = 4")); /* STREAM_FILE */
    bram->requests = 0;
    bram->fault = (struct office_fault){.lose_request = 3}; /* hello, what fills; the pull */
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    bram->fault = (struct office_fault){0};
    assert_false(has(BRAM, "of Anna, lost"));
}

/* The session that stored it was cut before it was applied. Anna's disk is gone. */
static void
what_was_stored_and_not_applied_yet_goes_back(void **state)
{
    (void)state;
    office_keep_server(&office);
    office_visit(&office, BRAM, family, "of Bram");
    office_sync(&office, BRAM); /* by whose cursor it knows of the restore */
    office_visit(&office, ANNA, family, "of Anna, lost");
    office_sync(&office, ANNA);
    fill_and_cut();
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync(&office, CAAS);
    assert_true(has(BRAM, "of Anna, lost"));
    assert_true(has(CAAS, "of Anna, lost"));
}

/* Who ends a right reads what there is before it offers anything: what the server said to have in an earlier session says nothing of this one. */
static void
what_the_server_said_to_have_is_offered_again_by_who_reads_first(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    office_keep_server(&office);
    office_visit(&office, BRAM, family, "had, and not seen back");
    for (int i = 0; i < 2; i++) { /* stored, then had */
        bram->requests = 0;
        bram->fault = (struct office_fault){.lose_answer = 3};
        assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    }
    bram->fault = (struct office_fault){0};
    office_restore_server(&office);
    office_assign(&office, BRAM, family, ANNA, LEDGER_RELEASED);
    office_sync(&office, BRAM);
    office_sync(&office, CAAS);
    assert_true(has(CAAS, "had, and not seen back"));
}

/* The shared cursor stands before what filled the file: by it nobody notices that the server was put back. Anna's disk is gone. */
static void
what_fills_beyond_the_cursor_goes_back(void **state)
{
    (void)state;
    office_keep_server(&office);
    office_visit(&office, ANNA, family, "of Anna, lost");
    office_sync(&office, ANNA);
    fill_and_cut();
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync(&office, BRAM);
    office_sync(&office, CAAS);
    assert_true(has(BRAM, "of Anna, lost"));
    assert_true(has(CAAS, "of Anna, lost"));
}

static struct transport honest;

/* As where the numbers of a page tell of a restore: then boxes are asked for, and there the link breaks. */
static enum rc
break_after_the_page(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    if (strstr(request->target, "/entries?") != NULL)
        assert_ok(state_put_int(store_db(office.devices[BRAM].store), STATE_RETURN_BOXES, 1));
    return strstr(request->target, "/lacking") != NULL ? RC_OFFLINE : honest.send(context, request, reply);
}

/* It names what a page kept back, and the session was cut before it was applied without that. Anna's disk is gone. */
static void
what_waits_for_what_it_names_goes_back(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    int64_t cursor;

    office_keep_server(&office);
    struct id goal = office_goal(&office, CAAS, family, "of Caas");
    office_sync(&office, CAAS);
    office_sync(&office, ANNA);
    assert_ok(state_get_int(store_db(office.devices[ANNA].store), STATE_CURSOR, &cursor));
    assert_ok(state_put_int(store_db(bram->store), STATE_CURSOR, cursor)); /* and nothing of it came */
    office_edit_goal(&office, ANNA, family, goal, "of Anna, lost");
    office_sync(&office, ANNA);
    honest = bram->transport;
    bram->transport.send = break_after_the_page;
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    bram->transport = honest;
    assert_int_equal(office_ask(&office, BRAM, "SELECT count(*) FROM sync_entry WHERE state = 2 AND reason = 3"), 1);
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync(&office, CAAS); /* hands back what was kept back */
    office_sync(&office, BRAM);
    assert_true(office_shows_goal(&office, BRAM, goal, "of Anna, lost"));
    assert_true(office_shows_goal(&office, CAAS, goal, "of Anna, lost"));
}

#define LOST(name) cmocka_unit_test_prestate_setup_teardown(name, setup_three, office_tear_down, &office)
#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_only_its_author_has_goes_back_after_others_have_gone_on),
        TEST(what_was_sent_in_a_session_that_was_cut_is_offered_again),
        TEST(what_only_a_stream_that_is_filled_showed_is_offered_again),
        TEST(what_the_server_said_to_have_is_offered_again_by_a_store_that_is_put_back),
        TEST(what_a_page_showed_again_is_not_offered_any_more),
        TEST(what_a_revoked_device_handed_in_comes_back_too),
        TEST(what_the_server_lost_is_handed_in_again_by_who_covered),
        TEST(what_was_handed_in_late_and_lost_is_handed_in_again),
        TEST(what_was_not_sent_yet_waits_for_no_entry_that_is_gone),
        TEST(what_was_handed_in_and_handed_back_in_one_session_is_not_gone_yet),
        TEST(what_is_written_after_a_loss_that_is_for_good_comes_to_all),
        TEST(what_stays_of_a_purged_stream_is_taken_over_elsewhere),
        TEST(what_the_server_has_goes_in_the_session_in_which_the_right_ends),
        TEST(what_the_server_lost_is_no_late_work_of_who_is_shut_out),
        TEST(what_was_acknowledged_to_the_lost_life_is_told_again),
        TEST(an_acknowledgement_counts_when_the_server_has_shown_it),
        TEST(what_is_sealed_amid_a_pull_is_flushed_before_it_is_sent),
        TEST(who_is_assigned_a_family_is_told_until_all_was_read_again),
        TEST(a_cursor_that_the_server_never_gave_goes_back_by_itself),
        LOST(what_was_stored_and_not_applied_yet_goes_back),
        LOST(what_the_server_said_to_have_is_offered_again_by_who_reads_first),
        LOST(what_fills_beyond_the_cursor_goes_back),
        LOST(what_waits_for_what_it_names_goes_back),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
