/* One cell of each kind of table damaged from outside, as the expert's shell can: the doctor says what, and repairs it by a rebuild or
 * by fetching again, without losing what was not sent. */
#include "tests/unit/unit.h"

#include <sqlite3.h>
#include <string.h>

#include "core/store.h"
#include "sync/ledger.h"
#include "sync/replica.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

static struct office office;
static struct id family;

/* Device 0's coach wrote two visits that were sent and one that was not; device 1 is a colleague's, who wrote one too. */
static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, 1, "Fatma", LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", 0);
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_visit(&office, 0, family, "the first");
    office_sync_all(&office, 2, 2);
    office_visit(&office, 1, family, "of a colleague");
    office_sync_all(&office, 2, 2);
    office_visit(&office, 0, family, "the second");
    office_sync(&office, 0);
    office_visit(&office, 0, family, "not sent");
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    office_close(&office);
    return 0;
}

/* ---- from outside ----------------------------------------------------------------------------------- */

/* Runs the SQL as the stock shell would: with the key, and nothing of the program's guards. */
static void
expert(const char *sql)
{
    struct office_device *device = &office.devices[0];
    struct store_slots slots;
    struct vfs *vfs;
    char path[160];
    sqlite3 *db;

    office_shut(&office, 0);
    assert_ok(store_key_read(device->directory, &slots));
    assert_ok(vfs_register(NULL, &device->key, slots.file_id, &vfs));
    snprintf(path, sizeof path, "%s/store.db", device->directory);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, vfs_name(vfs)), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_changes(db), 1);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    vfs_unregister(vfs);
}

/* What the doctor said, word by word. */
struct said {
    char words[512];
    unsigned count;
};

static enum rc
note(void *context, const struct doctor_finding *finding)
{
    struct said *said = context;
    size_t at = strlen(said->words);

    snprintf(said->words + at, sizeof said->words - at, "%s ", finding->what);
    printf("  %s: %s\n", finding->what, finding->sentence);
    assert_true(strlen(finding->sentence) > 20);
    said->count++;
    return RC_OK;
}

static struct said
doctor(void)
{
    struct said said = {"", 0};

    assert_ok(replica_doctor(office.devices[0].replica, note, &said));
    return said;
}

static int64_t
number(const char *sql)
{
    struct stmt *stmt;
    bool found = false;

    assert_ok(db_stmt(store_db(office.devices[0].store), sql, &stmt));
    assert_ok(stmt_step(stmt, &found));
    int64_t value = found ? stmt_get_int(stmt, 0) : -1;
    stmt_done(stmt);
    return value;
}

/* Everything that was written is there, is found by search, and reaches the colleague; the doctor finds nothing any more. */
static void
assert_well(void)
{
    assert_int_equal(doctor().count, 0);
    assert_int_equal(number("SELECT count(*) FROM file_contact WHERE note IN ('the first', 'the second', "
                            "'of a colleague', 'not sent')"),
                     4);
    assert_ok(journal_index(replica_journal(office.devices[0].replica)));
    assert_int_equal(number("SELECT count(*) FROM journal_search WHERE journal_search MATCH 'first OR second OR colleague "
                            "OR sent'"),
                     4);
    office_sync_all(&office, 2, 2);
    assert_int_equal(number("SELECT count(*) FROM sync_outbox"), 0);
    assert_int_equal(doctor().count, 0);
    struct id file;
    assert_ok(journal_find_stream(replica_journal(office.devices[0].replica), family, STREAM_FILE, &file));
    assert_true(office_agree(&office, 0, 1, file));
}

/* Damages, and the doctor says this kind of thing, and nothing else unless `more`. */
static void
assert_said_after(const char *sql, const char *what)
{
    expert(sql);
    stores_demand(office_start(&office, 0), "opening");
    struct said said = doctor();
    if (strstr(said.words, what) == NULL)
        fail_msg("%s: said '%s', not '%s'", sql, said.words, what);
}

/* Repaired at once, or after the next command made the tables anew. */
static void
assert_repaired(const char *sql, const char *what)
{
    assert_said_after(sql, what);
    office_reopen(&office, 0);
    assert_well();
}

/* Repaired by the next session. */
static void
assert_fetched_again(const char *sql, const char *what)
{
    assert_said_after(sql, what);
    office_reopen(&office, 0);
    assert_int_equal(number("SELECT count(*) FROM file_contact"), 4); /* meanwhile everything is shown */
    office_sync(&office, 0);
    office_reopen(&office, 0);
    assert_well();
}

/* ---- caches ------------------------------------------------------------------------------------------- */

static void
a_typed_table_is_made_anew(void **state)
{
    (void)state;
    assert_repaired("UPDATE file_contact SET note = 'forged' WHERE note = 'the first'", "tables");
    assert_repaired("UPDATE file_contact SET date = 20200101 WHERE note = 'not sent'", "tables");
    assert_repaired("UPDATE index_contact SET date = 20200101 WHERE rid = (SELECT max(rid) FROM index_contact)",
                    "tables");
}

static void
registers_are_made_anew(void **state)
{
    (void)state;
    assert_repaired("UPDATE journal_record SET heads = x'00ff' WHERE rid = (SELECT max(rid) FROM journal_record)",
                    "tables");
    assert_repaired("UPDATE journal_record SET hidden = 1 WHERE rid = (SELECT min(rid) FROM file_contact)",
                    "tables");
    assert_repaired("INSERT INTO journal_conflict SELECT min(rid), 1, 2 FROM file_contact", "tables");
}

static void
the_search_index_is_made_anew(void **state)
{
    (void)state;
    assert_repaired("UPDATE journal_search_content SET c0 = 'forged' WHERE c0 LIKE '%the first%'", "tables");
    assert_repaired("DELETE FROM journal_search_content WHERE id = (SELECT max(id) FROM journal_search_content)", "search");
    assert_repaired("UPDATE journal_search_data SET block = zeroblob(30) WHERE id = (SELECT max(id) FROM "
                    "journal_search_data)",
                    "search");
    assert_repaired("UPDATE journal_search_data SET block = x'' WHERE id = 10", ""); /* its list of segments */
}

/* ---- the log ------------------------------------------------------------------------------------------- */

#define OTHERS "(SELECT max(entry) FROM sync_entry JOIN sync_feed USING (feed) WHERE NOT is_own)"
#define OWN "(SELECT min(entry) FROM sync_entry JOIN sync_feed USING (feed) WHERE is_own AND is_sent)"

static void
an_entry_whose_ciphertext_was_damaged_is_fetched_again(void **state)
{
    (void)state;
    assert_fetched_again("UPDATE sync_entry SET ciphertext = zeroblob(length(ciphertext)) WHERE entry = " OTHERS,
                         "body fetch");
    assert_fetched_again("UPDATE sync_entry SET ciphertext = substr(ciphertext, 2) WHERE entry = " OWN, "header fetch");
}

static void
an_entry_whose_header_or_signature_was_damaged_is_fetched_again(void **state)
{
    (void)state;
    assert_fetched_again("UPDATE sync_entry SET signature = zeroblob(64) WHERE entry = " OTHERS,
                         "signature fetch");
    assert_fetched_again("UPDATE sync_entry SET header = zeroblob(185) WHERE entry = " OTHERS, "header fetch");
    assert_fetched_again("UPDATE sync_entry SET header = x'00' WHERE entry = " OWN, "header fetch");
    assert_fetched_again("DELETE FROM sync_entry WHERE entry = (SELECT e.entry FROM sync_entry AS e JOIN sync_entry AS f "
                         "ON f.feed = e.feed AND f.first = e.last + 1 LIMIT 1)",
                         "gap fetch");
}

/* Sealed here, the answer of the server never came: nobody else has it. */
static void
an_entry_that_only_this_device_has_is_named_and_kept(void **state)
{
    (void)state;
    struct buf bundle;

    office_pack(&office, 0, 1, &bundle);
    buf_wipe(&bundle); /* and it was lost */
    assert_true(number("SELECT count(*) FROM sync_entry WHERE NOT is_sent") > 0);
    assert_said_after("UPDATE sync_entry SET ciphertext = zeroblob(length(ciphertext)) WHERE entry = "
                      "(SELECT max(entry) FROM sync_entry WHERE NOT is_sent)",
                      "body unsent");
    assert_int_equal(number("SELECT count(*) FROM file_contact WHERE note = 'not sent'"), 1);
}

static void
a_key_that_was_damaged_is_fetched_again(void **state)
{
    (void)state;
    assert_fetched_again("UPDATE sync_key SET sealed = zeroblob(length(sealed)) WHERE (stream, epoch) = "
                         "(SELECT stream, epoch FROM sync_key WHERE stream IN (SELECT stream FROM sync_feed WHERE feed IN "
                         "(SELECT feed FROM sync_outbox)) LIMIT 1)",
                         "key");
}

/* ---- what waits ----------------------------------------------------------------------------------------- */

static void
a_save_that_waits_and_was_damaged_is_saved_anew_from_the_tables(void **state)
{
    (void)state;
    assert_repaired("UPDATE sync_outbox SET body = CAST(replace(CAST(body AS TEXT), 'not sent', 'all well') AS BLOB) WHERE "
                    "instr(body, 'not sent')",
                    "outbox");
    office_visit(&office, 0, family, "later");
    assert_repaired("UPDATE sync_outbox SET body = zeroblob(9) WHERE (feed, save) = (SELECT feed, save FROM sync_outbox LIMIT 1)",
                    "outbox");
    assert_int_equal(number("SELECT count(*) FROM file_contact"), 5);
}

/* ---- what keeps the replica from opening ------------------------------------------------------------------ */

/* As `baken doctor` does: the replica does not open before. */
static void
assert_mended(const char *sql, const char *what)
{
    struct said said = {"", 0};

    expert(sql);
    assert_int_equal(office_start(&office, 0), RC_CORRUPT);
    assert_ok(replica_mend(office.devices[0].store, note, &said));
    if (strstr(said.words, what) == NULL)
        fail_msg("%s: said '%s', not '%s'", sql, said.words, what);
    office_reopen(&office, 0);
}

static void
a_ledger_line_that_was_damaged_is_fetched_again_with_what_follows(void **state)
{
    (void)state;
    static const char *const LINES[] = {"2", "(SELECT max(position) FROM sync_line)", "4"};

    for (size_t i = 0; i < 3; i++) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "UPDATE sync_line SET line = zeroblob(length(line)) WHERE position = %s", LINES[i]);
        assert_mended(sql, "ledger");
        /* Nothing is lost by the shorter ledger: rows, keys and what waits are there, and nothing is sealed. */
        assert_int_equal(number("SELECT count(*) FROM file_contact"), 4);
        int64_t waiting = number("SELECT count(*) FROM sync_outbox");
        office_reopen(&office, 0);
        assert_int_equal(number("SELECT count(*) FROM sync_outbox"), waiting);
        office_sync(&office, 0);
        office_reopen(&office, 0);
        assert_well();
    }
}

static void
a_first_ledger_line_that_was_damaged_is_named_and_kept(void **state)
{
    (void)state;
    struct said said = {"", 0};

    expert("UPDATE sync_line SET line = zeroblob(9) WHERE position = 1");
    assert_int_equal(office_start(&office, 0), RC_CORRUPT);
    assert_ok(replica_mend(office.devices[0].store, note, &said));
    assert_string_equal(said.words, "ledger ");
    assert_true(number("SELECT count(*) FROM sync_line") > 3);
}

static void
a_key_of_another_size_is_fetched_again(void **state)
{
    (void)state;
    assert_mended("UPDATE sync_key SET sealed = x'00' WHERE (stream, epoch) = (SELECT stream, epoch FROM sync_key LIMIT 1)",
                  "key");
    office_sync(&office, 0);
    office_reopen(&office, 0);
    assert_well();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_typed_table_is_made_anew),
        CASE(registers_are_made_anew),
        CASE(the_search_index_is_made_anew),
        CASE(an_entry_whose_ciphertext_was_damaged_is_fetched_again),
        CASE(an_entry_whose_header_or_signature_was_damaged_is_fetched_again),
        CASE(an_entry_that_only_this_device_has_is_named_and_kept),
        CASE(a_key_that_was_damaged_is_fetched_again),
        CASE(a_ledger_line_that_was_damaged_is_fetched_again_with_what_follows),
        CASE(a_first_ledger_line_that_was_damaged_is_named_and_kept),
        CASE(a_key_of_another_size_is_fetched_again),
        CASE(a_save_that_waits_and_was_damaged_is_saved_anew_from_the_tables),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
