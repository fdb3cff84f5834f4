/* Pages of a real store damaged, or put back as they were before: what opening and the doctor show of each, and what nothing shows. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/store.h"
#include "sync/ledger.h"
#include "sync/replica.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { PAGE_BYTES = 4096, SAMPLE_PAGES = 24 };

static struct office office;
static struct id family;
static char token_path[200];
static uint8_t *token; /* as it was left by the late one */
static size_t token_len;
static uint8_t *early, *late; /* store.db, closed: before and after the last visits */
static size_t early_len, late_len;

static const char *
store_path(void)
{
    static char path[160];

    snprintf(path, sizeof path, "%s/store.db", office.devices[0].directory);
    return path;
}

static void
put_file(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* A file of these pages, with the token of the late one. */
static void
put(const uint8_t *bytes, size_t len)
{
    put_file(store_path(), bytes, len);
    put_file(token_path, token, token_len);
}

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", 0);
    for (int i = 0; i < 20; i++)
        office_visit(&office, 0, family, "early");
    office_sync(&office, 0);
    office_shut(&office, 0);
    early = scratch_read(store_path(), &early_len);
    stores_demand(office_start(&office, 0), "start");
    for (int i = 0; i < 6; i++)
        office_visit(&office, 0, family, "late, and sent");
    office_sync(&office, 0);
    office_visit(&office, 0, family, "late, and waiting");
    char id[ID_TEXT_CHARS + 1];
    id_to_text(store_id(office.devices[0].store), id);
    snprintf(token_path, sizeof token_path, "%s/%s", office.devices[0].state, id);
    office_shut(&office, 0);
    token = scratch_read(token_path, &token_len);
    assert_non_null(token);
    late = scratch_read(store_path(), &late_len);
    assert_true(early_len >= 20 * PAGE_BYTES && late_len >= early_len);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    office_close(&office);
    free(early);
    free(late);
    free(token);
    return 0;
}

/* What the way of `baken doctor` found. */
struct outcome {
    enum rc opened;
    bool may_lack;
    unsigned findings;
    char words[256];
    int64_t rows; /* of the visits; -1: not readable */
};

static enum rc
note(void *context, const struct doctor_finding *finding)
{
    struct outcome *outcome = context;
    size_t at = strlen(outcome->words);

    outcome->findings++;
    snprintf(outcome->words + at, sizeof outcome->words - at, "%s ", finding->what);
    assert_true(strlen(finding->sentence) > 20);
    if (getenv("LOUD") != NULL)
        printf("    %s: %s\n", finding->what, finding->sentence);
    return RC_OK;
}

static struct outcome
checkup(void)
{
    struct office_device *device = &office.devices[0];
    struct outcome outcome = {.rows = -1};
    struct store_options options = office_options(&office, 0);
    struct stmt *stmt;
    bool row = false;

    options.is_checkup = true;
    outcome.opened = store_open(&options, &device->store);
    if (outcome.opened != RC_OK)
        return outcome;
    outcome.may_lack = store_may_lack_saves(device->store);
    enum rc rc = replica_mend(device->store, note, &outcome);
    if (rc == RC_OK)
        rc = replica_open(device->store, &device->replica);
    if (rc == RC_OK)
        rc = replica_doctor(device->replica, note, &outcome);
    if (rc != RC_OK) {
        outcome.opened = rc;
        if (getenv("LOUD") != NULL)
            printf("    does not open: %s\n", rc_sentence());
        assert_int_equal(rc, RC_CORRUPT);
        rc = replica_doctor_store(device->store, note, &outcome);
        assert_true(rc == RC_OK || rc == RC_CORRUPT);
    }
    rc = db_stmt(store_db(device->store), "SELECT count(*) FROM file_contact WHERE note >= ''", &stmt);
    if (rc == RC_OK) {
        rc = stmt_step(stmt, &row);
        outcome.rows = rc == RC_OK && row ? stmt_get_int(stmt, 0) : -1;
        stmt_done(stmt);
    }
    office_shut(&office, 0);
    return outcome;
}

/* ---- damaged pages -------------------------------------------------------------------------------------- */

static void
each_damaged_page_is_found_and_what_it_concerns_is_named(void **state)
{
    (void)state;
    size_t pages = late_len / PAGE_BYTES, refused = 0, named = 0, found = 0;
    const char *flips = getenv("FLIPS");
    size_t step = flips != NULL && strcmp(flips, "all") == 0 ? 1 : 1 + pages / SAMPLE_PAGES;

    for (size_t page = 0; page < pages; page += step) {
        late[page * PAGE_BYTES + 2000] ^= 8;
        put(late, late_len);
        struct outcome outcome = checkup();
        late[page * PAGE_BYTES + 2000] ^= 8;
        if (outcome.opened != RC_OK && outcome.findings == 0) {
            assert_int_equal(outcome.opened, RC_CORRUPT);
            refused++;
            continue;
        }
        if (outcome.findings == 0)
            fail_msg("page %zu: nothing found", page + 1);
        found++;
        named += strstr(outcome.words, "table ") != NULL;
    }
    printf("damaged pages: %zu refused at opening, %zu found, %zu of them with their table\n", refused, found, named);
    assert_true(found > 0 && named > 0);
}

/* ---- old pages ---------------------------------------------------------------------------------------------- */

/* The chains of the log, the tables against a rebuild, the index against its tables, the store's count: each page belongs to one of
 * these or to another cache of them. What nothing shows is told by the counts, and stands in docs/THREATS.md. */
static void
an_old_page_that_hides_a_visit_is_shown_or_made_good(void **state)
{
    (void)state;
    size_t differ = 0, refused = 0, shown = 0, harmless = 0, silent = 0;
    uint8_t *mixed = malloc(late_len);

    assert_non_null(mixed);
    put(late, late_len);
    struct outcome whole = checkup();
    assert_int_equal(whole.findings, 0);
    assert_int_equal(whole.rows, 27);
    for (size_t page = 0; page < early_len / PAGE_BYTES; page++) {
        size_t at = page * PAGE_BYTES;
        if (memcmp(early + at, late + at, PAGE_BYTES) == 0)
            continue;
        memcpy(mixed, late, late_len);
        memcpy(mixed + at, early + at, PAGE_BYTES);
        put(mixed, late_len);
        struct outcome outcome = checkup();
        differ++;
        if (outcome.opened != RC_OK && outcome.findings == 0)
            refused++;
        else if (outcome.findings > 0 || outcome.may_lack)
            shown++;
        else if (outcome.rows == 27)
            harmless++;
        else
            silent++;
        printf("  page %zu: %s, %s%s, %lld rows\n", page + 1, rc_name(outcome.opened), outcome.words,
               outcome.may_lack ? "may lack" : "", (long long)outcome.rows);
    }
    printf("old pages: %zu; %zu refused, %zu shown, %zu leave the visits as they are, %zu silent\n", differ,
           refused, shown, harmless, silent);
    assert_int_equal(silent, 0);
    assert_true(shown > differ / 2);
    free(mixed);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_damaged_page_is_found_and_what_it_concerns_is_named),
        CASE(an_old_page_that_hides_a_visit_is_shown_or_made_good),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
