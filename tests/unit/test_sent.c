/* Boxes of operations whose answers were lost: who made them has them until the line is here, whatever becomes of the server meanwhile. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/sent.h"
#include "sync/submit.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM = 1, CAAS = 2 };

static struct office office;
static struct id family, file;
static struct transport honest;

/* What befalls requests of the device whose transport is `lossy`. */
static unsigned posts, lose_post; /* to the ledger, counted from 1; the answer to that one is lost */
static bool loses_posts;          /* none of them arrives */
static bool loses_boxes;          /* nor what asks for boxes */

static enum rc
lossy(void *context, const struct transport_request *in, struct transport_reply *out)
{
    bool is_post = strcmp(in->method, "POST") == 0 && strstr(in->target, "/ledger") != NULL;

    posts += is_post;
    if ((is_post && loses_posts) || (loses_boxes && strstr(in->target, "/boxes") != NULL))
        return rc_fail(RC_OFFLINE, "the test's network lost the request");
    enum rc rc = honest.send(context, in, out);
    if (rc == RC_OK && is_post && posts == lose_post) {
        buf_clear(&out->body);
        return rc_fail(RC_OFFLINE, "the test's network lost the answer");
    }
    return rc;
}

static int
setup(void **state)
{
    (void)state;
    family = office_pair_and_one(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    office_sync_all(&office, 3, 2);
    honest = office.devices[ANNA].transport;
    posts = lose_post = 0;
    loses_posts = loses_boxes = false;
    return 0;
}

static void
fail_at(int at, unsigned nth)
{
    honest = office.devices[at].transport;
    office.devices[at].transport.send = lossy;
    posts = 0;
    lose_post = nth;
}

static void
fail_no_more(int at)
{
    office.devices[at].transport.send = honest.send;
    loses_posts = loses_boxes = false;
    lose_post = 0;
}

static int64_t
sets_kept(int at)
{
    struct buf bytes = BUF_EMPTY(WIRE_REQUEST_BYTES);
    enum rc rc = state_get_bytes(office.devices[at].replica->db, STATE_SENT, &bytes);
    int64_t count = rc == RC_OK ? bytes.data[1] : 0;

    assert_true(rc == RC_OK || rc == RC_ABSENT);
    buf_wipe(&bytes);
    return count;
}

static uint32_t
epoch_of(int at, struct id stream)
{
    return ledger_stream(office.devices[at].replica->ledger, stream)->epoch;
}

/* Bram ends Caas' cover, and the answer to the rotation that follows is lost. */
static void
lose_a_rotation(void)
{
    struct office_device *bram = &office.devices[BRAM];
    struct id cover;

    assert_ok(replica_assign(bram->replica, &bram->transport, family, office.devices[ANNA].person, LEDGER_COACH));
    struct cover_new given = {.families = &family, .count = 1, .person = office.devices[CAAS].person, .from_ms = office.now_ms,
                              .until_ms = office.now_ms + INT64_C(20) * 24 * 3600 * 1000};
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &given, &cover));
    office_sync_all(&office, 3, 2);
    office_keep_server(&office);
    assert_ok(replica_cover_end(bram->replica, &bram->transport, cover));
    fail_at(BRAM, 1);
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    assert_int_equal(posts, 1);
    fail_no_more(BRAM);
    assert_int_equal(epoch_of(BRAM, file), 1);
    assert_int_equal(sets_kept(BRAM), 1);
}

/* ---- a line of one's own that is read only later ------------------------------------------------------ */

/* Its maker reads the line, and goes down before it asks for the boxes; the server then has none of them. */
static void
a_rotation_whose_answer_was_lost_comes_back_with_its_boxes(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    lose_a_rotation();
    office_reopen(&office, BRAM);
    fail_at(BRAM, 0);
    loses_boxes = true;
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    fail_no_more(BRAM);
    assert_int_equal(epoch_of(BRAM, file), 2);
    assert_int_equal(sets_kept(BRAM), 0);
    office_reopen(&office, BRAM);
    office_restore_server(&office);
    office_sync(&office, BRAM);
    assert_true(bram->report.lines_returned >= 2);
    assert_true(bram->report.boxes_returned >= 6); /* index and file: Anna, the reserve, Bram, and links */
    office_visit(&office, BRAM, family, "under the new key");
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_true(office_shows(&office, ANNA, file, "under the new key"));
    assert_false(office_shows(&office, CAAS, file, "under the new key"));
}

/* Caas reads it first, and hands it back without its boxes, which he never had, before its maker ever sees it. */
static void
it_comes_back_though_only_a_colleague_read_it_before(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    lose_a_rotation();
    office_sync(&office, CAAS);
    office_restore_server(&office);
    office_sync(&office, CAAS);
    assert_true(office.devices[CAAS].report.lines_returned >= 2);
    office_sync(&office, BRAM);
    assert_true(bram->report.boxes_returned >= 4);
    office_visit(&office, BRAM, family, "under the new key");
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_true(office_shows(&office, ANNA, file, "under the new key"));
    assert_int_equal(sets_kept(BRAM), 0);
}

/* By a colleague's bundle, with no server: its maker works on under the new key. */
static void
a_line_that_a_bundle_brings_gives_its_key_too(void **state)
{
    (void)state;
    lose_a_rotation();
    office_sync(&office, ANNA);
    office_carry(&office, ANNA, BRAM);
    assert_int_equal(epoch_of(BRAM, file), 2);
    assert_true(keyring_has(office.devices[BRAM].replica->keys, file, 2));
    assert_int_equal(sets_kept(BRAM), 0);
    office_reopen(&office, BRAM);
    assert_true(keyring_has(office.devices[BRAM].replica->keys, file, 2));
}

/* ---- what is kept, and how long ------------------------------------------------------------------------- */

static enum rc
try_family(int by, const char *code_name, int owner)
{
    struct office_device *device = &office.devices[by];
    struct family_new wanted = {.owner = office.devices[owner].person, .record.code_name = code_name};
    struct id made;

    return replica_create_family(device->replica, &device->transport, &wanted, &made);
}

/* Each try draws its keys: the line tells which of both the server took. */
static void
a_family_that_was_asked_for_twice_has_the_boxes_of_the_try_that_was_taken(void **state)
{
    (void)state;
    office_keep_server(&office);
    fail_at(ANNA, 0);
    loses_posts = true;
    assert_int_equal(try_family(ANNA, "das", CAAS), RC_OFFLINE);
    loses_posts = false;
    lose_post = posts + 1;
    assert_int_equal(try_family(ANNA, "das", CAAS), RC_OFFLINE);
    assert_int_equal(sets_kept(ANNA), 2);
    fail_no_more(ANNA);
    office_sync(&office, BRAM);
    struct id second = ledger_family_at(office.devices[BRAM].replica->ledger, 1)->id;
    office_restore_server(&office);
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_int_equal(sets_kept(ANNA), 0);
    assert_true(office.devices[ANNA].report.boxes_returned > 0);
    office_sync(&office, CAAS);
    office_visit(&office, CAAS, second, "of the colleague");
    office_sync(&office, CAAS);
    assert_true(office_shows(&office, CAAS, ledger_family(office.devices[CAAS].replica->ledger, second)->file, "of the colleague"));
    assert_false(keyring_has(office.devices[ANNA].replica->keys, ledger_family(office.devices[ANNA].replica->ledger, second)->file, 1));
}

/* The server was put back and is closed: it refuses the second try, and the line of the first comes back by Bram. */
static void
a_refused_try_leaves_what_was_kept_before_it(void **state)
{
    (void)state;
    office_keep_server(&office);
    fail_at(ANNA, 1);
    assert_int_equal(try_family(ANNA, "das", CAAS), RC_OFFLINE);
    fail_no_more(ANNA);
    office_sync(&office, BRAM);
    office_restore_server(&office);
    office.server->closed_until_ms = (uint64_t)office.now_ms + 3600 * 1000;
    for (int i = 0; i < SENT_MOST + 1; i++) {
        assert_int_equal(try_family(ANNA, "das", CAAS), RC_DENIED);
        assert_non_null(strstr(rc_sentence(), "put back from a backup"));
        assert_int_equal(sets_kept(ANNA), 1);
    }
    office.server->closed_until_ms = 0;
    office_sync(&office, BRAM);
    office_sync(&office, ANNA);
    assert_true(office.devices[ANNA].report.boxes_returned > 0);
    office_sync(&office, CAAS);
    struct id second = ledger_family_at(office.devices[BRAM].replica->ledger, 1)->id;
    office_visit(&office, CAAS, second, "of the colleague");
}

static int64_t
made_kept(int at)
{
    return office_ask(&office, at, "SELECT count(*) FROM sync_made");
}

static void
nothing_grows_however_often_it_is_tried(void **state)
{
    (void)state;
    int64_t before = made_kept(ANNA);

    fail_at(ANNA, 0);
    loses_posts = true;
    for (int i = 1; i <= SENT_MOST + 3; i++) {
        assert_int_equal(try_family(ANNA, "das", CAAS), RC_OFFLINE);
        assert_int_equal(sets_kept(ANNA), i < SENT_MOST ? i : SENT_MOST);
        assert_int_equal(made_kept(ANNA), before);
    }
    fail_no_more(ANNA);
    assert_ok(try_family(ANNA, "das", CAAS));
    assert_int_equal(sets_kept(ANNA), 0); /* an epoch is made once: those of the tries go */
    assert_int_equal(made_kept(ANNA), before + 2); /* of the file, for Caas and the reserve */
    assert_ok(try_family(ANNA, "lynx", CAAS));
    assert_int_equal(made_kept(ANNA), before + 4); /* of the index, which Anna holds, none */
}

/* A grant makes no epoch: a try of it goes with the next one that is made. */
static void
a_try_to_give_a_key_goes_with_the_epoch_after_it(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct id cover;

    struct cover_new given = {.families = &family, .count = 1, .person = office.devices[CAAS].person, .from_ms = office.now_ms,
                              .until_ms = office.now_ms + INT64_C(20) * 24 * 3600 * 1000};
    fail_at(BRAM, 0);
    loses_posts = true;
    assert_int_equal(replica_assign(bram->replica, &bram->transport, family, office.devices[ANNA].person, LEDGER_COACH), RC_OFFLINE);
    fail_no_more(BRAM);
    assert_int_equal(sets_kept(BRAM), 1);
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &given, &cover));
    office_sync(&office, CAAS);
    office_sync(&office, BRAM);
    assert_int_equal(sets_kept(BRAM), 1);
    assert_ok(replica_cover_end(bram->replica, &bram->transport, cover));
    office_sync(&office, BRAM);
    assert_int_equal(epoch_of(BRAM, file), 2);
    assert_int_equal(sets_kept(BRAM), 0);
}

/* Anna was given the key for a cover that she never accepted, made the next epoch while it stood, and has it no more. */
static void
a_rotation_by_who_never_accepted_a_cover_comes_back(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *bram = &office.devices[BRAM];
    struct cover_new given = {.families = &family, .count = 1, .person = anna->person, .from_ms = office.now_ms,
                              .until_ms = office.now_ms + INT64_C(20) * 24 * 3600 * 1000};
    struct id cover;

    office_assign(&office, BRAM, family, CAAS, LEDGER_COACH);
    office_sync_all(&office, 3, 2);
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &given, &cover));
    office_sync_all(&office, 3, 2);
    office_keep_server(&office);
    office_assign(&office, ANNA, family, CAAS, LEDGER_RELEASED);
    office_sync(&office, ANNA);
    assert_int_equal(epoch_of(ANNA, file), 2);
    office_restore_server(&office);
    office_pass(&office, INT64_C(21) * 24 * 3600 * 1000);
    office_sync_all(&office, 2, 2);
    office_visit(&office, BRAM, family, "in an epoch that Anna made");
    office_sync_all(&office, 2, 2);
    assert_int_equal(office_waiting(&office, BRAM).entries_unsent, 0);
    assert_true(office_shows(&office, BRAM, file, "in an epoch that Anna made"));
    assert_true(keyring_has(bram->replica->keys, file, 2));
}

/* A newer program's, or none at all: it is of no use, and lines are read as ever. */
static void
what_cannot_be_read_of_it_stops_no_line(void **state)
{
    static const uint8_t NEWER[] = {2, 1, 1}, SHORT[] = {1, 3, 1};
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    assert_ok(state_put_bytes(bram->replica->db, STATE_SENT, NEWER, sizeof NEWER));
    office_family(&office, BRAM, "das", BRAM);
    assert_ok(state_put_bytes(bram->replica->db, STATE_SENT, SHORT, sizeof SHORT));
    office_family(&office, BRAM, "lynx", BRAM);
    assert_int_equal(sets_kept(BRAM), 0);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rotation_whose_answer_was_lost_comes_back_with_its_boxes),
        TEST(it_comes_back_though_only_a_colleague_read_it_before),
        TEST(a_line_that_a_bundle_brings_gives_its_key_too),
        TEST(a_family_that_was_asked_for_twice_has_the_boxes_of_the_try_that_was_taken),
        TEST(a_refused_try_leaves_what_was_kept_before_it),
        TEST(nothing_grows_however_often_it_is_tried),
        TEST(a_try_to_give_a_key_goes_with_the_epoch_after_it),
        TEST(a_rotation_by_who_never_accepted_a_cover_comes_back),
        TEST(what_cannot_be_read_of_it_stops_no_line),
    };
    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
