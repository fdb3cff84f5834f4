/* Stores as released programs left them, one for each last migration: this program brings them up to date and shows the same. */
#include "tests/unit/unit.h"

#include <glob.h>
#include <inttypes.h>
#include <string.h>

#include "core/migration.h"
#include "sync/replica_own.h"
#include "tests/support/golden_store.h"
#include "tests/support/stores.h"

/* A golden store in a scratch directory, opened; its state directory knows no token, as after a restore. */
struct aged {
    struct stores stores;
    int64_t now_ms;
    char *expected; /* after its first line */
    uint8_t *text;
    struct store *store;
    struct replica *replica;
    unsigned findings;
};

static int64_t
wall(void *context)
{
    return ((struct aged *)context)->now_ms;
}

static int64_t
mono(void *context)
{
    (void)context;
    return 1000;
}

static void
no_sleep(void *context, int64_t ms)
{
    ((struct aged *)context)->now_ms += ms;
}

static void
read_expected(struct aged *aged, const char *directory)
{
    char path[512];
    size_t len;

    snprintf(path, sizeof path, "%s/expected.txt", directory);
    aged->text = scratch_read(path, &len);
    assert_non_null(aged->text);
    aged->text = realloc(aged->text, len + 1);
    assert_non_null(aged->text);
    aged->text[len] = '\0';
    assert_int_equal(sscanf((char *)aged->text, "now %" SCNd64, &aged->now_ms), 1);
    aged->expected = strchr((char *)aged->text, '\n') + 1;
}

static void
open_copy(struct aged *aged, const char *directory)
{
    char command[1000];
    struct store_slots slots;
    struct secret passphrase = SECRET_EMPTY, key = SECRET_EMPTY;

    *aged = (struct aged){.now_ms = 0};
    stores_make(&aged->stores);
    snprintf(command, sizeof command, "cp -r '%s' '%s'", directory, aged->stores.directory);
    assert_int_equal(system(command), 0);
    read_expected(aged, directory);
    assert_ok(secret_copy(&passphrase, GOLDEN_STORE_PASSPHRASE, strlen(GOLDEN_STORE_PASSPHRASE)));
    assert_ok(store_key_read(aged->stores.directory, &slots));
    assert_ok(store_key_open(&slots, &passphrase, &key));
    aged->stores.options.clock = (struct clock){wall, mono, no_sleep, aged};
    aged->stores.options.key = &key;
    assert_ok(store_open(&aged->stores.options, &aged->store));
    assert_ok(replica_open(aged->store, &aged->replica));
    secret_wipe(&passphrase);
    secret_wipe(&key);
}

static void
close_copy(struct aged *aged)
{
    replica_close(aged->replica);
    store_close(aged->store);
    stores_remove(&aged->stores);
    free(aged->text);
}

static int64_t
count_of(struct aged *aged, const char *sql)
{
    int64_t count;

    assert_ok(db_get_int(store_db(aged->store), sql, &count));
    return count;
}

static enum rc
tell_finding(void *context, const struct doctor_finding *finding)
{
    struct aged *aged = context;

    aged->findings++;
    print_error("%s: %s %s\n", finding->what, finding->sentence, finding->details);
    return RC_OK;
}

static void
assert_shows_what_it_showed(struct aged *aged)
{
    struct buf shown = BUF_EMPTY((size_t)16 << 20);

    golden_store_describe(aged->store, aged->replica, &shown);
    assert_string_equal(buf_text(&shown), aged->expected);
    buf_wipe(&shown);
}

static void
visit_store(const char *directory)
{
    struct aged aged;
    int last = MIGRATIONS[MIGRATION_COUNT - 1].number;

    open_copy(&aged, directory);
    assert_int_equal(count_of(&aged, "PRAGMA user_version"), last);
    assert_shows_what_it_showed(&aged);
    assert_ok(replica_doctor(aged.replica, tell_finding, &aged));
    assert_int_equal(aged.findings, 0);
    assert_shows_what_it_showed(&aged);
    assert_ok(replica_rebuild_all(aged.replica));
    assert_shows_what_it_showed(&aged);
    close_copy(&aged);
}

static void
failure_14_every_golden_store_opens_and_shows_what_it_showed(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob("tests/golden/store-*", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        visit_store(found.gl_pathv[i]);
    globfree(&found);
}

/* A store of which a new kind of row would be missing proves nothing: each must hold them all. */
static void
the_golden_stores_hold_every_kind_of_row(void **state)
{
    static const char *const counts[] = {
        "SELECT count(*) FROM journal_conflict",
        "SELECT count(*) FROM journal_pend",
        "SELECT count(*) FROM sync_entry WHERE state = 3",
        "SELECT count(*) FROM sync_entry WHERE state = 2 AND reason = 1", /* key */
        "SELECT count(*) FROM sync_entry WHERE state = 2 AND reason = 3", /* gap */
        "SELECT count(*) FROM sync_entry WHERE is_sent = 0",
        "SELECT count(*) FROM sync_entry WHERE is_bundled = 1",
        "SELECT count(*) FROM sync_outbox WHERE hash NOT NULL",
        "SELECT count(*) FROM meta WHERE key = 'clock' AND CAST(CAST(value AS TEXT) AS INTEGER) > 0",
        "SELECT count(*) FROM sync_key",
        "SELECT count(*) FROM sync_box",
        "SELECT count(*) FROM sync_ack",
        "SELECT count(*) FROM sync_newer_run",
        "SELECT count(*) FROM sync_stream WHERE hidden_ms NOT NULL",
        "SELECT count(DISTINCT incarnation) > 1 FROM sync_feed WHERE is_own = 1",
    };
    glob_t found;

    (void)state;
    assert_int_equal(glob("tests/golden/store-*", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct aged aged;
        open_copy(&aged, found.gl_pathv[i]);
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            if (count_of(&aged, counts[c]) == 0)
                fail_msg("%s: none of %s", found.gl_pathv[i], counts[c]);
        close_copy(&aged);
    }
    globfree(&found);
}

/* A migration that has no store of its own would one day meet rows that no test has shown it. */
static void
the_last_migration_has_its_golden_store(void **state)
{
    char path[64];
    glob_t found;

    (void)state;
    snprintf(path, sizeof path, "tests/golden/store-%03d/store.db", MIGRATIONS[MIGRATION_COUNT - 1].number);
    if (glob(path, 0, NULL, &found) != 0)
        fail_msg("no %s: build/debug/tests/tools/golden_store tests/golden makes it", path);
    globfree(&found);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_14_every_golden_store_opens_and_shows_what_it_showed),
        cmocka_unit_test(the_golden_stores_hold_every_kind_of_row),
        cmocka_unit_test(the_last_migration_has_its_golden_store),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
