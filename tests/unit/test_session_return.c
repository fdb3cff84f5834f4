/* A server put back from a backup that lacks ledger lines: devices hand them back, with the key boxes beside them, and nobody is refused for ever. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/session.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2, DORA = 3 };

static struct office office;
static struct id family, file;
static struct transport honest;

static int
setup(void **state)
{
    (void)state;
    family = office_pair_and_one(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_sync_all(&office, 3, 2);
    honest = office.devices[ANNA].transport;
    return 0;
}

static struct id
file_of(struct id of)
{
    return ledger_family(office.devices[ANNA].replica->ledger, of)->file;
}

static uint64_t
lines(int at)
{
    return ledger_position(office.devices[at].replica->ledger);
}

/* Bram's family, to Caas. */
static struct id
give_cover(int64_t days, bool may_write)
{
    const struct office_device *bram = &office.devices[BRAM];
    struct cover_new given = {.families = &family, .count = 1, .person = office.devices[CAAS].person, .from_ms = office.now_ms,
                              .until_ms = office.now_ms + days * DAY_MS, .may_write = may_write};
    struct id cover;

    assert_ok(replica_cover_give(bram->replica, &bram->transport, &given, &cover));
    return cover;
}

/* The lost life: a family of Bram's with a visit, a coach to the first family, a cover to Caas, and a device that was approved and never
 * synced. */
static struct id
lose_a_life(void)
{
    struct office_device *bram = &office.devices[BRAM];

    office_keep_server(&office);
    struct id second = office_family(&office, BRAM, "das", BRAM);
    office_visit(&office, BRAM, second, "in the lost family");
    assert_ok(replica_assign(bram->replica, &bram->transport, family, office.devices[ANNA].person, LEDGER_COACH));
    (void)give_cover(20, true);
    office_visit(&office, BRAM, family, "for the cover");
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    office_join_only(&office, DORA, "Dora", LEDGER_ROLE_COACH);
    office_sync(&office, BRAM); /* it reads the approval; Caas reads none of all this */
    office_restore_server(&office);
    return second;
}

static void
all_is_whole(struct id second)
{
    struct id cover;

    for (int i = ANNA; i <= DORA; i++)
        assert_int_equal(lines(i), lines(ANNA));
    assert_true(office_shows(&office, BRAM, file_of(second), "in the lost family"));
    assert_true(office_shows(&office, ANNA, file, "for the cover"));
    cover = ledger_cover_at(office.devices[CAAS].replica->ledger, 0)->id;
    assert_ok(replica_cover_accept(office.devices[CAAS].replica, &office.devices[CAAS].transport, cover));
    office_sync_all(&office, 4, 2);
    assert_true(office_shows(&office, CAAS, file, "for the cover"));
    for (int i = ANNA; i <= DORA; i++) {
        struct waiting waiting;
        assert_ok(replica_waiting(office.devices[i].replica, &waiting));
        assert_int_equal(waiting.parked + waiting.held + waiting.entries_unsent + waiting.saves_unsealed, 0);
        assert_int_equal(office.devices[i].report.refused + office.devices[i].report.forged_boxes, 0);
    }
}

/* ---- every order -------------------------------------------------------------------------------------- */

static void
who_knows_the_lines_hands_them_back_and_says_how_many(void **state)
{
    (void)state;
    struct id second = lose_a_life();
    uint64_t known = lines(BRAM);

    office_sync(&office, BRAM);
    assert_int_equal(lines(BRAM), known);
    assert_true(office.devices[BRAM].report.lines_returned >= 5);
    office_sync(&office, ANNA);
    assert_int_equal(office.devices[ANNA].report.lines_returned, 0);
    office_sync(&office, CAAS);
    office_sync(&office, DORA);
    office_sync_all(&office, 4, 2);
    all_is_whole(second);
    office_sync(&office, BRAM);
    assert_int_equal(office.devices[BRAM].requests, 3);
}

static void
a_device_that_never_read_them_may_come_first(void **state)
{
    (void)state;
    struct id second = lose_a_life();

    office_sync(&office, CAAS);
    assert_int_equal(office_try_sync(&office, DORA), RC_DENIED); /* not known there yet */
    office_sync(&office, ANNA);
    office_sync(&office, BRAM);
    office_sync(&office, DORA);
    office_sync_all(&office, 4, 2);
    all_is_whole(second);
}

static void
each_hands_back_what_the_one_before_it_did_not_know(void **state)
{
    (void)state;
    office_keep_server(&office);
    office_family(&office, ANNA, "das", ANNA);
    office_sync(&office, CAAS);
    struct id last = office_family(&office, ANNA, "bever", ANNA);
    office_visit(&office, ANNA, last, "on the last line");
    office_sync(&office, ANNA);
    office_restore_server(&office);
    office_sync(&office, CAAS);
    assert_int_equal(office.devices[CAAS].report.lines_returned, 1);
    office_sync(&office, ANNA);
    assert_int_equal(office.devices[ANNA].report.lines_returned, 1);
    office_sync(&office, CAAS);
    assert_int_equal(lines(CAAS), lines(ANNA));
    assert_true(office_shows(&office, ANNA, file_of(last), "on the last line"));
}

/* A cover of Caas that ended: Bram, whose the family is, works on under a new key that the server's backup lacks. */
static void
rotate_after_the_backup(void)
{
    struct office_device *bram = &office.devices[BRAM];
    struct id cover = give_cover(20, false);

    office_sync_all(&office, 3, 2);
    office_keep_server(&office);
    assert_ok(replica_cover_end(bram->replica, &bram->transport, cover));
    office_visit(&office, BRAM, family, "under the new key");
    office_sync(&office, BRAM);
}

/* The device that made a new epoch has its key; who was to get it had not asked for it yet. */
static void
a_rotation_comes_back_with_its_boxes_and_its_link(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    assert_ok(replica_assign(bram->replica, &bram->transport, family, office.devices[ANNA].person, LEDGER_COACH));
    rotate_after_the_backup();
    assert_int_equal(ledger_stream(bram->replica->ledger, file)->epoch, 2);
    office_restore_server(&office);
    office_sync(&office, BRAM);
    assert_true(bram->report.lines_returned >= 2);
    assert_true(bram->report.boxes_returned >= 6); /* index and file: Anna, Bram, the reserve, and links */
    office_sync(&office, ANNA);
    assert_true(office_shows(&office, ANNA, file, "under the new key"));
    /* A device that comes now has the newest key alone, and reads the past by the link. */
    office_join_again(&office, DORA, office.devices[BRAM].person);
    office_sync(&office, BRAM);
    office_sync(&office, DORA);
    assert_true(office_shows(&office, DORA, file, "under the new key"));
    assert_true(keyring_has(office.devices[DORA].replica->keys, file, 1));
}

/* Bram alone has the key of the file's second epoch, and the server, which is put back to before it. Anna hands the lines back. */
static void
lose_a_key_that_bram_alone_has(void)
{
    rotate_after_the_backup();
    office_sync(&office, ANNA);
    office_restore_server(&office);
    office_sync(&office, ANNA);
    assert_int_equal(ledger_stream(office.devices[ANNA].replica->ledger, file)->epoch, 2);
}

/* The family goes to Anna before Bram hears of the restore: with its right his device forgets the key, but not what others need of it. */
static void
who_lost_a_stream_before_it_heard_still_gives_its_key_back(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];

    lose_a_key_that_bram_alone_has();
    assert_ok(replica_assign(anna->replica, &anna->transport, family, anna->person, LEDGER_OWNER));
    assert_ok(replica_assign(anna->replica, &anna->transport, family, bram->person, LEDGER_RELEASED));
    office_sync(&office, ANNA);
    assert_false(keyring_has(anna->replica->keys, file, 2));
    office_sync(&office, BRAM);
    assert_false(keyring_has(bram->replica->keys, file, 2));
    assert_true(bram->report.boxes_returned >= 2); /* the reserve's and the link */
    office_sync_all(&office, 3, 2);
    assert_true(keyring_has(anna->replica->keys, file, 2));
    assert_true(ledger_stream(anna->replica->ledger, file)->epoch > 2);
    office_visit(&office, ANNA, family, "by the new owner");
    office_sync_all(&office, 3, 2);
    assert_true(office_shows(&office, ANNA, file, "by the new owner"));
    assert_int_equal(anna->report.held, 1); /* under the new key, late by the line that she made without it: it can be read, and admitted */
    assert_int_equal(anna->report.parked, 0);
    assert_int_equal(office_ask(&office, BRAM, "SELECT count(*) FROM sync_made"), 0); /* they go with the next epoch */
}

/* Made for a colleague by who does not hold the file: nobody else ever had that key. */
static void
a_family_made_for_a_colleague_comes_back_with_its_keys(void **state)
{
    (void)state;
    office_keep_server(&office);
    struct id second = office_family(&office, ANNA, "das", CAAS);
    office_sync(&office, ANNA);
    office_restore_server(&office);
    office_sync(&office, ANNA);
    office_sync(&office, CAAS);
    office_visit(&office, CAAS, second, "of the colleague");
    office_sync(&office, CAAS);
    assert_true(office_shows(&office, CAAS, file_of(second), "of the colleague"));
    assert_false(office_shows(&office, ANNA, file_of(second), "of the colleague"));
}

/* Nobody else has that key: so an operation gives it back with the line, and does not wait for the next sync, before which its store may be
 * put back too. */
static void
an_operation_gives_back_the_boxes_with_the_lines(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];

    office_keep_server(&office);
    struct id second = office_family(&office, ANNA, "das", CAAS);
    office_restore_server(&office);
    assert_ok(replica_assign(anna->replica, &anna->transport, family, office.devices[CAAS].person, LEDGER_COACH));
    office_sync(&office, CAAS);
    office_visit(&office, CAAS, second, "of the colleague");
    office_sync(&office, CAAS);
    assert_true(office_shows(&office, CAAS, file_of(second), "of the colleague"));
    assert_int_equal(office.devices[CAAS].report.parked, 0);
}

static enum rc
try_family(int by, const char *code_name, int owner)
{
    struct office_device *device = &office.devices[by];
    struct family_new wanted = {.owner = office.devices[owner].person, .record.code_name = code_name};
    struct id made;

    return replica_create_family(device->replica, &device->transport, &wanted, &made);
}

/* Its line is ordered, the answer lost, and Bram alone reads it; then the server is put back. */
static void
a_family_made_for_a_colleague_comes_back_though_the_answer_was_lost(void **state)
{
    (void)state;
    office_keep_server(&office);
    office.devices[ANNA].requests = 0;
    office.devices[ANNA].fault = (struct office_fault){.lose_answer = 2}; /* hello, ledger */
    assert_int_equal(try_family(ANNA, "das", CAAS), RC_OFFLINE);
    office.devices[ANNA].fault = (struct office_fault){0};
    office_sync(&office, BRAM);
    struct id second = ledger_family_at(office.devices[BRAM].replica->ledger, 1)->id;
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync_all(&office, 3, 2);
    office_visit(&office, CAAS, second, "of the colleague");
    office_sync(&office, CAAS);
    assert_true(office_shows(&office, CAAS, file_of(second), "of the colleague"));
}

/* Its cursors stand before all that was lost, so no number of its is of a lost life: the numbers that it is given now jump. */
static void
a_device_whose_cursors_are_low_hears_of_the_restore_from_the_numbers(void **state)
{
    (void)state;
    office_keep_server(&office);
    struct id second = office_family(&office, ANNA, "das", CAAS);
    office_sync(&office, BRAM);
    office_restore_server(&office);
    office_visit(&office, BRAM, family, "the first of the new life");
    office_sync(&office, BRAM); /* hands the line back, and cannot make the box */
    assert_true(office.devices[BRAM].report.lines_returned > 0);
    office_sync(&office, ANNA);
    assert_false(office.devices[ANNA].report.was_handed_back);
    assert_true(office.devices[ANNA].report.boxes_returned > 0);
    office_sync(&office, CAAS);
    office_visit(&office, CAAS, second, "of the colleague");
    office_sync_all(&office, 3, 2);
    for (int i = ANNA; i <= CAAS; i++) {
        office_sync(&office, i);
        assert_int_equal(office.devices[i].requests, 3);
    }
}

/* Acknowledgements are the last that a session fetches. */
static void
numbers_of_acknowledgements_tell_it_too(void **state)
{
    (void)state;
    office_keep_server(&office);
    office_family(&office, ANNA, "das", CAAS);
    office_sync(&office, BRAM);
    office_restore_server(&office);
    office.now_ms += INT64_C(24) * 3600 * 1000;
    office_sync(&office, BRAM); /* hands the line back, and says that it still looks */
    office_sync(&office, ANNA);
    assert_true(office.devices[ANNA].report.boxes_returned > 0);
    office_sync_all(&office, 3, 2);
    office_sync(&office, ANNA);
    assert_int_equal(office.devices[ANNA].requests, 3);
}

static unsigned asked;

static enum rc
count_asking(void *context, const struct transport_request *in, struct transport_reply *out)
{
    asked += strstr(in->target, "/lacking") != NULL;
    return honest.send(context, in, out);
}

/* A server that was only started again looks the same to a device: it is asked once, by who gets something from it. */
static void
a_server_that_was_started_again_is_asked_once(void **state)
{
    (void)state;
    office_keep_server(&office);
    office_restore_server(&office);
    office.devices[ANNA].transport.send = count_asking;
    asked = 0;
    office_sync(&office, ANNA);
    assert_int_equal(office.devices[ANNA].requests, 3);
    assert_int_equal(asked, 0);
    for (int i = 0; i < 3; i++) { /* entries, acknowledgements and boxes of the new life */
        office_visit(&office, BRAM, family, "once more");
        office_sync(&office, BRAM);
        office_sync(&office, ANNA);
        assert_int_equal(asked, 1);
    }
    office_family(&office, ANNA, "das", CAAS);
    office_sync_all(&office, 3, 2);
    office_sync(&office, ANNA);
    assert_int_equal(asked, 1);
    assert_int_equal(office.devices[ANNA].requests, 3);
    office.devices[ANNA].transport = honest;
}

/* The key was lent by the reserve for this grant alone, and is gone when its answer is. */
static void
a_grant_by_the_reserve_comes_back_though_its_answer_was_lost(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];

    office_visit(&office, BRAM, family, "for a second coach");
    office_sync(&office, BRAM);
    office_keep_server(&office);
    anna->requests = 0;
    for (unsigned nth = 1; nth < 20; nth++) { /* the answer to the line of the grant, wherever it is */
        anna->requests = 0;
        anna->fault = (struct office_fault){.lose_answer = nth};
        if (replica_assign(anna->replica, &anna->transport, family, office.devices[CAAS].person, LEDGER_COACH) == RC_OK)
            break;
    }
    anna->fault = (struct office_fault){0};
    office_sync(&office, ANNA);
    office_restore_server(&office);
    office_sync(&office, ANNA);
    assert_true(anna->report.lines_returned > 0);
    office_sync(&office, CAAS);
    assert_true(office_shows(&office, CAAS, file, "for a second coach"));
}

/* It hears of the restore while the server has not got its own last line again, which it never read: that Anna hands back. */
static void
who_reads_a_line_of_its_own_only_later_asks_about_its_boxes_again(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    office_keep_server(&office);
    office_visit(&office, BRAM, family, "for a second coach");
    office_sync(&office, BRAM);
    bram->requests = 0;
    bram->fault = (struct office_fault){.lose_answer = 2}; /* hello, ledger */
    assert_int_equal(replica_assign(bram->replica, &bram->transport, family, office.devices[CAAS].person, LEDGER_COACH), RC_OFFLINE);
    bram->fault = (struct office_fault){0};
    office_sync(&office, ANNA);
    assert_int_equal(lines(ANNA), lines(BRAM) + 1);
    office_restore_server(&office);
    office.server->closed_until_ms = (uint64_t)office.now_ms + 3600 * 1000;
    office_sync(&office, BRAM);
    assert_true(bram->report.was_handed_back);
    office_sync(&office, ANNA);
    assert_true(office.devices[ANNA].report.lines_returned > 0);
    office.server->closed_until_ms = 0;
    office_sync(&office, BRAM);
    assert_true(bram->report.boxes_returned > 0);
    office_sync(&office, CAAS);
    assert_true(office_shows(&office, CAAS, file, "for a second coach"));
    office_sync(&office, BRAM);
    bram->requests = 0;
    office_sync(&office, BRAM);
    assert_int_equal(bram->requests, 3);
}

/* Between two lines a cover runs out: as its grant stands until the next, so does its box, though lines come back meanwhile. */
static void
lines_that_come_back_end_no_box_whose_grant_stands(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA];
    uint64_t known;

    office_visit(&office, BRAM, family, "for a second coach");
    (void)give_cover(5, false);
    office_sync_all(&office, 3, 2);
    office_keep_server(&office);
    (void)office_family(&office, ANNA, "das", BRAM);
    known = lines(ANNA);
    office_restore_server(&office);
    office_visit(&office, BRAM, family, "in the later life");
    office_sync(&office, BRAM); /* who has the keys hears of the restore while nothing lacks yet */
    office_sync(&office, BRAM);
    office_pass(&office, 6 * DAY_MS);
    assert_ok(replica_assign(anna->replica, &anna->transport, family, office.devices[CAAS].person, LEDGER_COACH));
    assert_int_equal(lines(ANNA), known + 1);
    office_sync_all(&office, 3, 2);
    assert_true(office_shows(&office, CAAS, file, "for a second coach"));
}

/* ---- cut off anywhere --------------------------------------------------------------------------------- */

static void
a_session_that_is_cut_anywhere_is_taken_up_by_the_next(void **state)
{
    bool failed = true;

    for (unsigned nth = 1; failed && nth < 60; nth++) {
        if (nth > 1) {
            office_tear_down((void *[]){&office});
            setup(state);
        }
        struct id second = lose_a_life();
        office.devices[BRAM].fault = (struct office_fault){.lose_answer = nth};
        failed = office_try_sync(&office, BRAM) != RC_OK;
        office.devices[BRAM].fault = (struct office_fault){0};
        office_sync(&office, BRAM);
        office_sync(&office, ANNA);
        office_sync(&office, CAAS);
        office_sync(&office, DORA);
        office_sync_all(&office, 4, 2);
        all_is_whole(second);
    }
    assert_false(failed);
}

/* ---- servers that do not take them ---------------------------------------------------------------------- */

enum way { HIDES_LINES, IS_OLDER, GIVES_NONE };
static enum way way;
static uint64_t shown;
static unsigned handed;

static enum rc
tell(void *context, const struct transport_request *in, struct transport_reply *out)
{
    struct wire_hello hello;
    bool is_new = strstr(in->target, "/handback") != NULL || strstr(in->target, "/lacking") != NULL;

    handed += strstr(in->target, "/handback") != NULL;
    if (way == IS_OLDER && is_new) {
        static const char answer[] = "{\"error\": \"unknown_route\", \"message\": \"There is no such route.\"}";
        out->status = 404;
        snprintf(out->content_type, sizeof out->content_type, "application/json");
        return buf_put(&out->body, answer, sizeof answer - 1);
    }
    enum rc rc = honest.send(context, in, out);
    if (rc != RC_OK || way != HIDES_LINES || strstr(in->target, "/hello?") == NULL)
        return rc;
    assert_ok(wire_hello_decode(out->body.data, out->body.len, &hello));
    hello.position = shown;
    memcpy(hello.line_hash, ledger_hash_at(office.devices[ANNA].replica->ledger, shown), sizeof hello.line_hash);
    buf_clear(&out->body);
    return wire_hello_encode(&hello, &office.server->secret_key, &out->body);
}

static void
a_server_that_hides_lines_is_offered_them_once_a_session_and_named(void **state)
{
    (void)state;
    uint64_t known = lines(ANNA);

    way = HIDES_LINES;
    shown = known - 1;
    handed = 0;
    office.devices[ANNA].transport.send = tell;
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(office_try_sync(&office, ANNA), RC_UNTRUSTED);
        assert_non_null(strstr(rc_sentence(), "fewer ledger lines than before"));
        assert_int_equal(handed, i);
        assert_int_equal(office.devices[ANNA].requests, 3); /* greeting, lines, greeting */
        assert_int_equal(office.devices[ANNA].report.lines_returned, 0);
        assert_int_equal(lines(ANNA), known);
    }
    office.devices[ANNA].transport = honest;
    office_sync(&office, ANNA);
    assert_int_equal(lines(ANNA), known);
}

static void
an_older_server_is_named_as_before(void **state)
{
    (void)state;
    way = IS_OLDER;
    office_keep_server(&office);
    office_family(&office, ANNA, "das", ANNA);
    office_restore_server(&office);
    office.devices[ANNA].transport.send = tell;
    assert_int_equal(office_try_sync(&office, ANNA), RC_UNTRUSTED);
    assert_non_null(strstr(rc_sentence(), "fewer ledger lines than before"));
    office.devices[ANNA].transport = honest;
    office_sync(&office, ANNA);
    assert_int_equal(office.devices[ANNA].report.lines_returned, 1);
}

/* It lost entries only: nothing is wrong with a server that knows no boxes to ask for. */
static void
an_older_server_that_lost_no_lines_gets_the_entries_as_before(void **state)
{
    (void)state;
    way = IS_OLDER;
    office_keep_server(&office);
    office_visit(&office, BRAM, family, "lost and handed back");
    office_sync(&office, BRAM);
    office_restore_server(&office);
    office.devices[BRAM].transport.send = tell;
    office_sync(&office, BRAM);
    assert_true(office.devices[BRAM].report.was_handed_back);
    office_sync(&office, BRAM);
    assert_int_equal(office.devices[BRAM].requests, 3);
}

/* Two continuations never become one. */
static void
a_server_that_went_on_otherwise_is_named_and_keeps_what_it_has(void **state)
{
    (void)state;
    office_keep_server(&office);
    office_family(&office, ANNA, "das", ANNA);
    office_family(&office, ANNA, "bever", ANNA);
    office_restore_server(&office);
    office_family(&office, BRAM, "marter", BRAM);
    uint64_t there = lines(BRAM);
    assert_int_equal(office_try_sync(&office, ANNA), RC_UNTRUSTED);
    assert_non_null(strstr(rc_sentence(), "different pasts"));
    office_sync(&office, BRAM);
    assert_int_equal(lines(BRAM), there);
}

/* ---- boxes that are asked for ------------------------------------------------------------------------------ */

/* The server asks for a box of somebody who may not have the key: it is not made. */
static enum rc
ask_too_much(void *context, const struct transport_request *in, struct transport_reply *out)
{
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;

    if (strstr(in->target, "/boxes") != NULL && strcmp(in->method, "POST") == 0)
        handed++;
    enum rc rc = honest.send(context, in, out);
    if (rc != RC_OK || strstr(in->target, "/lacking") == NULL)
        return rc;
    const struct wire_box wanted[] = {
        {.stream = file, .epoch = 1, .recipient = office.devices[CAAS].id}, /* no right */
        {.stream = file, .epoch = 2, .recipient = ledger_link()},           /* no such epoch */
        {.stream = file, .epoch = 1, .recipient = ledger_link()},
        {.stream = ledger_reserve(), .epoch = 1, .recipient = ledger_reserve()},
        {.stream = ledger_team_stream(office.devices[BRAM].replica->ledger), .epoch = 1, .recipient = ledger_reserve()},
        {.stream = {{9}}, .epoch = 1, .recipient = office.devices[BRAM].id},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_ok(wire_boxes_add(&boxes, &wanted[i]));
    buf_clear(&out->body);
    assert_ok(wire_box_names_encode(&boxes, &out->body));
    wire_boxes_wipe(&boxes);
    return RC_OK;
}

static void
nobody_gets_a_key_because_the_server_asks_for_it(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    assert_ok(replica_assign(bram->replica, &bram->transport, family, office.devices[ANNA].person, LEDGER_COACH));
    office_sync(&office, BRAM);
    handed = 0;
    bram->transport.send = ask_too_much;
    assert_ok(state_put_int(bram->replica->db, STATE_RETURN_BOXES, 1));
    office_sync(&office, BRAM);
    assert_int_equal(handed, 0);
    assert_int_equal(bram->report.boxes_returned, 0);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_knows_the_lines_hands_them_back_and_says_how_many),
        TEST(a_device_that_never_read_them_may_come_first),
        TEST(each_hands_back_what_the_one_before_it_did_not_know),
        TEST(a_rotation_comes_back_with_its_boxes_and_its_link),
        TEST(who_lost_a_stream_before_it_heard_still_gives_its_key_back),
        TEST(a_family_made_for_a_colleague_comes_back_with_its_keys),
        TEST(an_operation_gives_back_the_boxes_with_the_lines),
        TEST(a_family_made_for_a_colleague_comes_back_though_the_answer_was_lost),
        TEST(a_device_whose_cursors_are_low_hears_of_the_restore_from_the_numbers),
        TEST(numbers_of_acknowledgements_tell_it_too),
        TEST(a_server_that_was_started_again_is_asked_once),
        TEST(a_grant_by_the_reserve_comes_back_though_its_answer_was_lost),
        TEST(who_reads_a_line_of_its_own_only_later_asks_about_its_boxes_again),
        TEST(lines_that_come_back_end_no_box_whose_grant_stands),
        TEST(a_session_that_is_cut_anywhere_is_taken_up_by_the_next),
        TEST(a_server_that_hides_lines_is_offered_them_once_a_session_and_named),
        TEST(an_older_server_is_named_as_before),
        TEST(an_older_server_that_lost_no_lines_gets_the_entries_as_before),
        TEST(a_server_that_went_on_otherwise_is_named_and_keeps_what_it_has),
        TEST(nobody_gets_a_key_because_the_server_asks_for_it),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
