/* Pages of a real store damaged in turn, what can be read brought into a new store, and synced: a colleague has each visit once. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/store.h"
#include "sync/ledger.h"
#include "sync/rescue.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { PAGE_BYTES = 4096, SENT = 12, WAITING = 5, SAMPLE = 7 };

static struct office office;
static struct id family;
static uint8_t *bytes; /* store.db, closed */
static size_t len;
static char path[160], fresh[128];
static int64_t outbox_page;

/* Two coaches of one family; the first wrote visits that were sent, and some that were not. */
static void
begin(void)
{
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, 1, "Bo", LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", 0);
    stores_demand(replica_assign(office.devices[0].replica, &office.devices[0].transport, family, office.devices[1].person,
                                 LEDGER_COACH),
                  "assign");
    for (int i = 0; i < SENT; i++) {
        char note[40];
        snprintf(note, sizeof note, "sent %d", i);
        office_visit(&office, 0, family, note);
        office_sync(&office, 0);
    }
    office_sync_all(&office, 2, 2);
    for (int i = 0; i < WAITING; i++) {
        char note[40];
        snprintf(note, sizeof note, "waits %d", i);
        office_visit(&office, 0, family, note);
    }
}

static int64_t
ask(int at, const char *sql)
{
    int64_t value;

    stores_demand(db_get_int(store_db(office.devices[at].store), sql, &value), sql);
    return value;
}

static void
shut(void)
{
    outbox_page = ask(0, "SELECT rootpage FROM sqlite_schema WHERE name = 'sync_outbox'");
    snprintf(path, sizeof path, "%s/store.db", office.devices[0].directory);
    assert_true(snprintf(fresh, sizeof fresh, "%.100s.fresh", office.devices[0].directory) < 128);
    office_shut(&office, 0);
    bytes = scratch_read(path, &len);
    assert_non_null(bytes);
}

static void
end(void)
{
    free(bytes);
    bytes = NULL;
    office_close(&office);
}

static void
damage(int64_t page)
{
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, (long)((page - 1) * PAGE_BYTES + 777), SEEK_SET), 0);
    assert_int_equal(fputc(bytes[(page - 1) * PAGE_BYTES + 777] ^ 1, file), bytes[(page - 1) * PAGE_BYTES + 777] ^ 1);
    assert_int_equal(fclose(file), 0);
}

static enum rc
count_lost(void *context, const struct rescue_lost *lost)
{
    *(uint64_t *)context += lost->last - lost->first + 1;
    return RC_OK;
}

/* Into `fresh`, which becomes the device's directory. */
static enum rc
rescue(struct rescue *rescue)
{
    struct store_options options = office_options(&office, 0);
    struct store *from = NULL;
    uint64_t lost = 0;

    options.is_checkup = true;
    enum rc rc = store_open_to_read(&options, &from);
    options.directory = fresh;
    if (rc == RC_OK)
        rc = rescue_into(from, &options, count_lost, &lost, rescue);
    store_close(from);
    if (rc == RC_OK) {
        assert_int_equal(rescue->lost, lost);
        snprintf(office.devices[0].directory, sizeof office.devices[0].directory, "%s", fresh);
    }
    return rc;
}

/* How many of the notes that begin so stand once, and that none stands twice. */
static int64_t
once(int at, const char *begins)
{
    struct stmt *stmt;
    bool row;

    stores_demand(db_stmt(store_db(office.devices[at].store),
                          "SELECT count(*), count(DISTINCT note) FROM file_contact WHERE note GLOB ?1 || '*'", &stmt),
                  "visits");
    stmt_text(stmt, 1, begins);
    stores_demand(stmt_step(stmt, &row), "visits");
    int64_t all = stmt_get_int(stmt, 0), different = stmt_get_int(stmt, 1);
    stmt_done(stmt);
    assert_int_equal(all, different);
    return different;
}

static enum rc
no_finding(void *context, const struct doctor_finding *finding)
{
    (void)context;
    printf("    %s: %s\n", finding->what, finding->sentence);
    fail();
    return RC_OK;
}

/* Starts, sees what waits, writes more after a sync, and everything is at both once. */
static void
go_on(uint64_t lost)
{
    stores_demand(office_start(&office, 0), "start");
    const char *reason;
    assert_false(store_is_continuous(office.devices[0].store, &reason));
    office_sync_all(&office, 2, 2);
    assert_true(store_is_continuous(office.devices[0].store, &reason));
    office_visit(&office, 0, family, "after");
    office_sync_all(&office, 2, 2);
    for (int at = 0; at < 2; at++) {
        assert_int_equal(once(at, "sent"), SENT);
        assert_true(once(at, "waits") >= WAITING - (int64_t)lost);
        assert_int_equal(once(at, "after"), 1);
    }
    if (lost == 0)
        assert_int_equal(once(1, "waits"), WAITING);
    assert_int_equal(ask(0, "SELECT count(*) FROM sync_outbox"), 0);
    assert_int_equal(ask(0, "SELECT count(*) FROM sync_entry WHERE state > 1 OR is_sent = 0"), 0);
    assert_ok(replica_doctor(office.devices[0].replica, no_finding, NULL));
}

/* The root of a table or an index, or what lies under it first. */
static void
rescue_without(const char *name)
{
    struct rescue report;
    struct stmt *stmt;

    begin();
    bool row;
    stores_demand(db_stmt(store_db(office.devices[0].store), "SELECT rootpage FROM sqlite_schema WHERE name = ?1", &stmt), name);
    stmt_text(stmt, 1, name);
    stores_demand(stmt_step(stmt, &row), name);
    assert_true(row);
    int64_t page = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    shut();
    damage(page);
    assert_ok(rescue(&report));
    assert_int_equal(report.lost, 0);
    assert_true(report.unsent >= WAITING);
    uint8_t *now;
    size_t now_len;
    now = scratch_read(path, &now_len);
    assert_int_equal(now_len, len);
    bytes[(page - 1) * PAGE_BYTES + 777] ^= 1;
    assert_memory_equal(now, bytes, len); /* the old one is as it was */
    free(now);
    go_on(0);
    end();
}

static void
a_page_of_a_typed_table(void **state)
{
    (void)state;
    rescue_without("file_contact");
}

static void
a_page_of_the_log_of_entries(void **state)
{
    (void)state;
    rescue_without("sync_entry");
}

static void
a_page_of_an_index(void **state)
{
    (void)state;
    rescue_without("sqlite_autoindex_sync_outbox_1");
    rescue_without("sqlite_autoindex_sync_entry_1");
}

static void
a_page_of_the_feeds(void **state)
{
    (void)state;
    rescue_without("sync_feed");
}

static void
a_page_of_keys(void **state)
{
    (void)state;
    rescue_without("sync_key");
}

static void
what_was_not_sent_and_cannot_be_read_is_counted(void **state)
{
    struct rescue report;

    (void)state;
    begin();
    shut();
    damage(outbox_page);
    assert_ok(rescue(&report));
    assert_true(report.lost > 0);
    go_on(report.lost);
    end();
}

static void
without_its_own_keys_nothing_goes_on(void **state)
{
    struct rescue report;

    (void)state;
    begin();
    int64_t page = ask(0, "SELECT rootpage FROM sqlite_schema WHERE name = 'sync_state'");
    shut();
    damage(page);
    assert_int_equal(rescue(&report), RC_CORRUPT);
    assert_non_null(strstr(rc_sentence(), "own keys"));
    end();
}

/* Any page: what was sent is there once, what waited is there once or counted as lost, or it is said that nothing goes on. */
static void
any_page(void **state)
{
    (void)state;
    struct dice dice = dice_start();
    int rescued = 0;
    bool is_long = getenv("LONG") != NULL;
    int64_t pages = SAMPLE;

    for (int64_t i = 1; i <= pages; i++) {
        struct rescue report = {0, 0, false};
        begin();
        shut();
        int64_t all = (int64_t)(len / PAGE_BYTES);
        int64_t page = is_long ? i : 1 + (int64_t)dice_below(&dice, (size_t)all);
        pages = is_long ? all : SAMPLE;
        damage(page);
        enum rc rc = rescue(&report);
        if (is_long || (rc != RC_OK && rc != RC_CORRUPT))
            printf("    page %d of %d: %s, unsent %d, lost %d\n", (int)page, (int)all, rc_name(rc), (int)report.unsent,
                   (int)report.lost);
        if (rc == RC_OK)
            go_on(report.lost);
        else
            assert_int_equal(rc, RC_CORRUPT);
        rescued += rc == RC_OK;
        end();
    }
    assert_true(rescued > (is_long ? (int)pages * 3 / 4 : 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_a_typed_table),
        cmocka_unit_test(a_page_of_the_log_of_entries),
        cmocka_unit_test(a_page_of_an_index),
        cmocka_unit_test(a_page_of_the_feeds),
        cmocka_unit_test(a_page_of_keys),
        cmocka_unit_test(what_was_not_sent_and_cannot_be_read_is_counted),
        cmocka_unit_test(without_its_own_keys_nothing_goes_on),
        cmocka_unit_test(any_page),
    };

    assert_ok(secret_start());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
