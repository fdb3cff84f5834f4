/* Pages of a real store damaged in turn, what can be read brought into a new store, and synced: a colleague has each visit once. */
#include "tests/unit/rescued.h"

enum { SAMPLE = 7 };

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
        struct rescue report = {.is_damaged = false};
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

/* An old store.db that is damaged too, or that hides its count: what a rescue makes of it says that saves may be missing. */
static void
a_store_that_is_older_is_told_after_its_rescue(void **state)
{
    (void)state;
    for (int hides_count = 0; hides_count < 2; hides_count++) {
        struct rescue report;
        uint8_t *newest;
        size_t newest_len;

        begin();
        int64_t page = leaf(hides_count ? "meta" : "file_contact", 0);
        shut();
        assert_ok(office_start(&office, 0));
        office_visit(&office, 0, family, "acknowledged");
        office_shut(&office, 0);
        newest = scratch_read(path, &newest_len);
        assert_true(newest_len != len || memcmp(newest, bytes, len) != 0);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
        damage(page);
        struct store_options options = office_options(&office, 0);
        struct store *from;
        options.is_checkup = true;
        assert_ok(store_open_to_read(&options, &from));
        assert_int_equal(store_slots_state(from), hides_count ? STORE_SLOTS_UNKNOWN : STORE_SLOTS_FINE);
        store_close(from);
        assert_ok(rescue(&report));
        assert_ok(office_start(&office, 0));
        assert_true(store_may_lack_saves(office.devices[0].store));
        free(newest);
        end();
    }
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
        cmocka_unit_test(without_its_own_keys_nothing_goes_on),
        cmocka_unit_test(a_store_that_is_older_is_told_after_its_rescue),
        cmocka_unit_test(any_page),
    };

    assert_ok(secret_start());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
