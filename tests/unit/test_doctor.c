/* The doctor on stores that were damaged under it: each kind of damage is found, by its word. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/db.h"
#include "core/store.h"
#include "sync/ledger.h"
#include "sync/replica.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

static struct office office;
static struct id family;

/* One device whose coach wrote two visits, sealed one by one. */
static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", 0);
    office_visit(&office, 0, family, "the first");
    office_sync(&office, 0);
    office_visit(&office, 0, family, "the second");
    office_sync(&office, 0);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    office_close(&office);
    return 0;
}

struct findings {
    const char *wanted;
    unsigned wanted_count, count;
    char sentence[500]; /* of the last one */
};

static enum rc
count_finding(void *context, const struct doctor_finding *finding)
{
    struct findings *findings = context;

    findings->count++;
    snprintf(findings->sentence, sizeof findings->sentence, "%s", finding->sentence);
    findings->wanted_count += strcmp(finding->what, findings->wanted) == 0;
    return RC_OK;
}

/* Runs the SQL behind the replica's back, and expects a finding of this kind. */
static void
assert_found_after(const char *sql, const char *what)
{
    struct findings before = {.wanted = what};
    struct findings after = {.wanted = what};

    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &before));
    assert_int_equal(before.count, 0);
    assert_ok(db_run(store_db(office.devices[0].store), sql));
    assert_int_equal(db_changes(store_db(office.devices[0].store)), 1);
    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &after));
    assert_true(after.wanted_count > 0);
}

static void
failure_18_a_row_that_no_save_wrote_is_found(void **state)
{
    (void)state;
    assert_found_after("UPDATE file_contact SET note = 'forged' WHERE note = 'the first'",
                       "tables");
}

static void
failure_18_a_row_that_vanished_is_found(void **state)
{
    (void)state;
    assert_found_after("DELETE FROM file_contact WHERE note = 'the second'", "tables");
}

static int64_t
rows(const char *sql)
{
    struct stmt *stmt;
    bool found = false;

    assert_ok(db_stmt(store_db(office.devices[0].store), sql, &stmt));
    assert_ok(stmt_step(stmt, &found));
    assert_true(found);
    int64_t count = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    return count;
}

static void
failure_18_tables_that_differ_are_made_anew_with_what_was_not_sent(void **state)
{
    (void)state;
    struct findings findings = {.wanted = "tables"};

    office_visit(&office, 0, family, "not sent");
    assert_found_after("DELETE FROM file_contact WHERE note = 'not sent'", "tables");
    assert_int_equal(rows("SELECT count(*) FROM file_contact WHERE note = 'not sent'"), 1);
    assert_found_after("UPDATE file_contact SET note = 'forged' WHERE note = 'the first'", "tables");
    assert_int_equal(rows("SELECT count(*) FROM file_contact WHERE note = 'the first'"), 1);
    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &findings));
    assert_int_equal(findings.count, 0);
    office_sync(&office, 0);
    assert_int_equal(rows("SELECT count(*) FROM sync_outbox"), 0);
}

/* What only the tables still have is not thrown away. */
static void
what_the_outbox_lacks_is_saved_anew_or_the_tables_stay(void **state)
{
    (void)state;
    struct findings findings = {.wanted = "outbox"};

    office_visit(&office, 0, family, "in no outbox");
    assert_ok(db_run(store_db(office.devices[0].store), "DELETE FROM sync_outbox"));
    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &findings));
    assert_int_equal(findings.wanted_count, 2); /* file and index */
    assert_non_null(strstr(findings.sentence, "saved anew"));
    assert_int_equal(rows("SELECT count(*) FROM file_contact WHERE note = 'in no outbox'"), 1);
    office_visit(&office, 0, family, "nor this");
    findings.wanted_count = 0;
    assert_ok(db_run(store_db(office.devices[0].store), "DELETE FROM sync_outbox"));
    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &findings));
    assert_int_equal(findings.wanted_count, 2);
    assert_non_null(strstr(findings.sentence, "write it down again"));
    assert_int_equal(rows("SELECT count(*) FROM file_contact WHERE note IN ('in no outbox', 'nor this')"), 2);
}

static void
a_changed_signature_is_found(void **state)
{
    (void)state;
    assert_found_after("UPDATE sync_entry SET signature = zeroblob(64) WHERE entry = "
                       "(SELECT max(entry) FROM sync_entry)",
                       "signature");
}

static void
a_lost_entry_is_found(void **state)
{
    (void)state;
    /* Another follows it in its feed: without it the chain has a hole. */
    assert_found_after("DELETE FROM sync_entry WHERE entry = (SELECT a.entry FROM sync_entry AS a "
                       "JOIN sync_entry AS b ON b.feed = a.feed AND b.first = a.last + 1 LIMIT 1)",
                       "gap");
}

static void
a_feed_whose_first_entry_is_missing_is_found_after_one_that_waits(void **state)
{
    (void)state;
    struct db *db = store_db(office.devices[0].store);
    struct findings findings = {.wanted = "gap"};

    /* The feed before it in the order of the log ends in a parked entry, which explains a gap of its own only. */
    assert_ok(db_run(db, "UPDATE sync_entry SET state = 2, reason = 1 WHERE entry = (SELECT entry "
                         "FROM sync_entry JOIN sync_feed USING (feed) ORDER BY stream, last DESC "
                         "LIMIT 1)"));
    assert_int_equal(db_changes(db), 1);
    assert_ok(db_run(db, "DELETE FROM sync_entry WHERE first = 1 AND feed = (SELECT feed FROM "
                         "sync_feed WHERE feed IN (SELECT feed FROM sync_entry WHERE first > 1) "
                         "AND stream > (SELECT min(stream) FROM sync_feed JOIN sync_entry USING "
                         "(feed)) ORDER BY stream LIMIT 1)"));
    assert_int_equal(db_changes(db), 1);
    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &findings));
    assert_int_equal(findings.wanted_count, 1);
}

/* ---- pages -------------------------------------------------------------------------------------- */

/* Flips a bit of the last page of the store's file. */
static void
damage_last_page(void)
{
    char path[160];

    snprintf(path, sizeof path, "%s/store.db", office.devices[0].directory);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -2000, SEEK_END), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, -2000, SEEK_END), 0);
    assert_int_equal(fputc(byte ^ 4, file), byte ^ 4);
    assert_int_equal(fclose(file), 0);
}

static void
damage_in_a_free_page_is_found_and_the_rest_is_said_to_be_safe(void **state)
{
    (void)state;
    struct db *db = store_db(office.devices[0].store);
    struct findings findings = {.wanted = "pages"};

    assert_ok(db_run(db, "CREATE TABLE waste(bytes); INSERT INTO waste VALUES(zeroblob(400000));"
                         "DROP TABLE waste"));
    assert_ok(db_checkpoint(db, true));
    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &findings));
    assert_int_equal(findings.count, 0);
    damage_last_page();
    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &findings));
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.wanted_count, 1);
    assert_non_null(strstr(findings.sentence, "store: 1 ("));
    assert_non_null(strstr(findings.sentence, "nothing written is lost"));
    /* The page is written anew before it is used again, and the store works on. */
    assert_ok(db_run(db, "CREATE TABLE waste(bytes); INSERT INTO waste VALUES(zeroblob(800000))"));
    findings.count = 0;
    assert_ok(replica_doctor(office.devices[0].replica, count_finding, &findings));
    assert_int_equal(findings.count, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(failure_18_a_row_that_no_save_wrote_is_found),
        CASE(failure_18_a_row_that_vanished_is_found),
        CASE(failure_18_tables_that_differ_are_made_anew_with_what_was_not_sent),
        CASE(what_the_outbox_lacks_is_saved_anew_or_the_tables_stay),
        CASE(a_changed_signature_is_found),
        CASE(a_lost_entry_is_found),
        CASE(a_feed_whose_first_entry_is_missing_is_found_after_one_that_waits),
        CASE(damage_in_a_free_page_is_found_and_the_rest_is_said_to_be_safe),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
