/* Tests of a first session that is cut off: it goes on where it was, nothing is fetched twice but a page, and until it is
 * whole the store says that it is not. */
#include "sync/replica.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "sync/entry.h"
#include "sync/ledger.h"
#include "sync/outbox.h"
#include "sync/wire.h"
#include "tests/support/chance.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, CLEAN, LOST, CUT, LATER };
/* What lies at the server fills two pages; what the many visits left there fills three, and is applied in two parts. */
enum { VISITS = 80, NOTE_BYTES = 100 * 1024, MANY_VISITS = 550, MANY_NOTE_BYTES = 24 * 1024 };

static struct office office;
static struct id family;

/* Letters of chance: they compress by a quarter, so that what was written fills some pages. */
static void
write_visits(unsigned count, size_t note_bytes, bool seals_each)
{
    static char note[NOTE_BYTES + 1];
    struct chance chance = {1};

    memset(note, 0, sizeof note);
    for (unsigned i = 0; i < count; i++) {
        for (size_t k = 0; k < note_bytes; k++)
            note[k] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[chance_below(&chance, 64)];
        office_visit(&office, ANNA, family, note);
        if (seals_each)
            assert_ok(outbox_seal(office.devices[ANNA].replica, (struct id){{0}}));
    }
    office_sync(&office, ANNA);
}

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    family = office_family(&office, ANNA, "vos", ANNA);
    office_visit(&office, ANNA, family, "one");
    office_sync(&office, ANNA);
    return 0;
}

static bool
is_incomplete(int at)
{
    return office_waiting(&office, at).is_incomplete;
}

/* As the clean first session of another device. */
static void
assert_equals_clean(int at)
{
    struct id file = ledger_family(replica_ledger(office.devices[at].replica), family)->file;
    char *clean = office_dump(&office, CLEAN, file), *dump = office_dump(&office, at, file);

    assert_true(strlen(clean) > VISITS);
    assert_string_equal(dump, clean);
    free(dump);
    free(clean);
}

enum { FIRST_PAGES = 3 }; /* a greeting, a page, and the page that is cut off */

/* Syncs until it succeeds; each try ends at a later request, or at the same while pages are lacking, for then each try brings
 * one; and the machine ends with it. How many tries failed with less here than all. A first session says so whenever fewer than
 * so many visits are here. */
static unsigned
sync_cut_everywhere(int at, bool loses_answer, unsigned visits)
{
    struct office_device *device = &office.devices[at];
    unsigned partly = 0;
    enum rc rc = RC_OFFLINE;

    device->entry_bytes = device->entry_bytes_most = 0;
    for (unsigned n = 1, tries = 0; rc != RC_OK && tries < 100; tries++) {
        device->requests = 0;
        device->fault = (struct office_fault){.lose_request = loses_answer ? 0 : n, .lose_answer = loses_answer ? n : 0};
        rc = office_try_sync(&office, at);
        if (rc == RC_OK)
            break;
        office_reopen(&office, at);
        bool is_partly = replica_in_team(device->replica) && is_incomplete(at);
        partly += is_partly;
        if (replica_in_team(device->replica) && !is_partly && visits > 0)
            assert_int_equal(office_ask(&office, at, "SELECT count(*) FROM file_contact"), visits);
        n += !is_partly || n < FIRST_PAGES;
    }
    assert_ok(rc);
    assert_false(is_incomplete(at));
    assert_true(device->report.is_complete);
    return partly;
}

/* What a session told of one step. */
struct told {
    const char *step;
    unsigned rises; /* calls that told of more than the one before */
    bool falls; /* a call told of less than the one before, or of another total */
    bool is_told;
    uint64_t done, of;
};

static void
keep_progress(void *context, const char *step, uint64_t done, uint64_t of)
{
    struct told *told = context;

    while (told->step != NULL && strcmp(told->step, step) != 0)
        told++;
    if (told->step == NULL)
        return;
    told->falls = told->falls || done < told->done || (told->is_told && of != told->of);
    told->rises += done > told->done;
    told->is_told = true;
    told->done = done;
    told->of = of;
}

/* A session that tells of the steps in `told`, which ends with NULL. */
static void
sync_telling(int at, struct told *told)
{
    struct office_device *device = &office.devices[at];
    struct sync_options options = {.progress = keep_progress, .context = told};

    assert_ok(replica_sync(device->replica, &device->transport, &options, &device->report));
}

static void
a_first_session_cut_off_at_each_request_goes_on_and_says_that_it_is_not_whole(void **state)
{
    (void)state;
    struct office_device *clean = &office.devices[CLEAN], *lost = &office.devices[LOST], *cut = &office.devices[CUT];
    struct told told[] = {{.step = "pull"}, {.step = NULL}};

    write_visits(VISITS, NOTE_BYTES, false);
    office_join_only(&office, CLEAN, "Bram", LEDGER_ROLE_SCIENTIST);
    clean->entry_bytes = 0;
    sync_telling(CLEAN, told);
    size_t whole = clean->entry_bytes;
    assert_true(told[0].rises >= 2); /* or nothing would be cut between two pages */
    assert_false(is_incomplete(CLEAN));

    office_join_only(&office, LOST, "Caas", LEDGER_ROLE_SCIENTIST);
    assert_true(sync_cut_everywhere(LOST, false, 1 + VISITS) >= 2);
    assert_equals_clean(LOST);
    assert_true(lost->entry_bytes < whole + 64 * 1024); /* nothing came twice */

    office_join_only(&office, CUT, "Daan", LEDGER_ROLE_SCIENTIST);
    assert_true(sync_cut_everywhere(CUT, true, 1 + VISITS) >= 2);
    assert_equals_clean(CUT);
    /* Each page was sent twice, once into nothing: no interruption costs more than its own page. */
    assert_true(cut->entry_bytes <= 2 * whole + 64 * 1024);
    assert_true(cut->entry_bytes_most <= (size_t)WIRE_PAGE_BYTES + ENTRY_CIPHERTEXT_MAX_BYTES + 64 * 1024);
}

static void
a_first_session_tells_page_by_page_what_came_and_part_by_part_what_was_taken_in(void **state)
{
    struct told told[] = {{.step = "pull"}, {.step = "apply"}, {.step = NULL}};

    (void)state;
    write_visits(MANY_VISITS, MANY_NOTE_BYTES, true);
    office_join_only(&office, CLEAN, "Bram", LEDGER_ROLE_SCIENTIST);
    sync_telling(CLEAN, told);
    uint64_t entries = office.devices[CLEAN].report.pulled;
    assert_true(entries > 2 * MANY_VISITS); /* file and index */
    assert_false(told[0].falls);
    assert_true(told[0].rises >= 3);
    assert_int_equal(told[0].done, entries);
    assert_false(told[1].falls);
    assert_true(told[1].rises >= 2);
    assert_int_equal(told[1].done, entries);
    assert_int_equal(told[1].of, entries);
}

static void
each_stream_that_is_filled_is_told_against_their_number(void **state)
{
    struct told told[] = {{.step = "fill"}, {.step = NULL}};

    (void)state;
    office_join(&office, LATER, "Eva", LEDGER_ROLE_COACH);
    office_assign(&office, ANNA, family, LATER, LEDGER_COACH);
    sync_telling(LATER, told);
    assert_false(told[0].falls);
    assert_int_equal(told[0].rises, 2); /* index and file */
    assert_int_equal(told[0].done, 2);
    assert_int_equal(told[0].of, 2);
}

static void
who_is_assigned_a_family_later_is_told_until_it_is_there(void **state)
{
    (void)state;
    office_join(&office, LATER, "Eva", LEDGER_ROLE_COACH);
    office_join(&office, CLEAN, "Bram", LEDGER_ROLE_SCIENTIST);
    assert_false(is_incomplete(LATER));
    office_assign(&office, ANNA, family, LATER, LEDGER_COACH);
    assert_true(sync_cut_everywhere(LATER, false, 0) >= 2);
    assert_equals_clean(LATER);
    assert_int_equal(office_waiting(&office, LATER).filling, 0);
}

static void
who_makes_a_family_has_all_of_it(void **state)
{
    (void)state;

    assert_false(is_incomplete(ANNA));
    (void)office_family(&office, ANNA, "das", ANNA);
    assert_false(is_incomplete(ANNA));
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_first_session_cut_off_at_each_request_goes_on_and_says_that_it_is_not_whole),
        TEST(who_is_assigned_a_family_later_is_told_until_it_is_there),
        TEST(a_first_session_tells_page_by_page_what_came_and_part_by_part_what_was_taken_in),
        TEST(each_stream_that_is_filled_is_told_against_their_number),
        TEST(who_makes_a_family_has_all_of_it),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
