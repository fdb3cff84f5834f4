/* The whole way of the product, store_open with its slots, lock and token, over files of which a byte was flipped or which were
 * exchanged. FLIPS=all tries every byte of slots, lock and token, and twenty times the sample of file and log (each byte of
 * these: test_flips); else a sample by SEED. */
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "cli/exit.h"
#include "core/store.h"
#include "core/store_token.h"
#include "tests/support/stores.h"

enum { ROWS = 12, FILES = 5, SAMPLE_DB = 200, SAMPLE_SMALL = 40 };

static const char *const NAMES[FILES] = {"device/store.db", "device/store.db-wal",
                                         "device/keyslots.json", "device/lock", "state/"};
enum { MAIN, LOG, SLOTS, LOCK, TOKEN };

struct image {
    uint8_t *bytes[FILES]; /* NULL: there is none */
    size_t len[FILES];
};

struct fixture {
    struct stores stores;
    struct secret passphrase;
    struct dice dice;
    bool is_whole;
    char token[48];
    struct image early;  /* closed, with half of the rows */
    struct image middle; /* open, later: with its log, as after kill -9 */
    struct image killed; /* open, with all rows, as after kill -9 */
    struct image closed;
};
static struct fixture fixture;

/* ---- making ------------------------------------------------------------------------------------------ */

static const char *
name_of(int file)
{
    return file == TOKEN ? fixture.token : NAMES[file];
}

static struct image
take(void)
{
    struct image image;

    for (int i = 0; i < FILES; i++)
        image.bytes[i] =
            scratch_read(scratch_path(&fixture.stores.scratch, name_of(i)), &image.len[i]);
    return image;
}

static void
forget(struct image *image)
{
    for (int i = 0; i < FILES; i++)
        free(image->bytes[i]);
}

static void
put_file(int file, const uint8_t *bytes, size_t len)
{
    (void)unlink(scratch_path(&fixture.stores.scratch, name_of(file)));
    if (bytes != NULL)
        scratch_write(&fixture.stores.scratch, name_of(file), bytes, len);
}

static void
put(const struct image *image)
{
    for (int i = 0; i < FILES; i++)
        put_file(i, image->bytes[i], image->len[i]);
}

static void
add_rows(struct store *store, int from, int until)
{
    for (int i = from; i <= until; i++) {
        struct stmt *stmt;
        char text[64];
        snprintf(text, sizeof text, "row %d", i);
        assert_ok(db_begin(store_db(store)));
        assert_ok(db_stmt(store_db(store), "INSERT INTO t VALUES(?1, ?2)", &stmt));
        stmt_int(stmt, 1, i);
        stmt_text(stmt, 2, text);
        assert_ok(stmt_finish(stmt));
        assert_ok(store_end_saves(store, RC_OK));
    }
}

static int
set_up(void **state)
{
    (void)state;
    struct store *store;

    memset(&fixture, 0, sizeof fixture);
    fixture.dice = dice_start();
    const char *flips = getenv("FLIPS");
    fixture.is_whole = flips != NULL && strcmp(flips, "all") == 0;
    stores_make(&fixture.stores);
    assert_ok(secret_copy(&fixture.passphrase, "six words", 9));
    assert_ok(store_create(&fixture.stores.options, &fixture.passphrase, &STORES_CHEAP, &store));
    memcpy(fixture.token, "state/", 6);
    id_to_text(store_id(store), fixture.token + 6);
    assert_ok(db_run(store_db(store), "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT) STRICT"));
    add_rows(store, 1, ROWS / 2);
    store_close(store);
    fixture.early = take();
    assert_ok(store_open(&fixture.stores.options, &store));
    add_rows(store, ROWS / 2 + 1, ROWS - 2);
    fixture.middle = take();
    store_close(store);
    assert_ok(store_open(&fixture.stores.options, &store));
    add_rows(store, ROWS - 1, ROWS);
    fixture.killed = take();
    assert_true(fixture.killed.len[LOG] > 4 * 4160);
    store_close(store);
    fixture.closed = take();
    assert_null(fixture.closed.bytes[LOG]);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    forget(&fixture.early);
    forget(&fixture.middle);
    forget(&fixture.killed);
    forget(&fixture.closed);
    secret_wipe(&fixture.passphrase);
    stores_remove(&fixture.stores);
    return 0;
}

/* ---- looking -------------------------------------------------------------------------------------------- */

/* Reads all rows: how many, ascending from 1 and each as it was written; -1 when one is not. */
static enum rc
look(struct store *store, int *rows)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(store_db(store), "SELECT a, b FROM t ORDER BY a", &stmt);

    *rows = 0;
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        char text[64];
        snprintf(text, sizeof text, "row %lld", (long long)stmt_get_int(stmt, 0));
        const char *is = stmt_get_text(stmt, 1);
        if (*rows < 0 || stmt_get_int(stmt, 0) != *rows + 1 || is == NULL || strcmp(is, text) != 0)
            *rows = -1;
        else
            ++*rows;
    }
    stmt_done(stmt);
    return rc == RC_OK ? db_check_structure(store_db(store)) : rc; /* which reads every page in use */
}

struct outcome {
    enum rc rc;
    int rows;
    bool is_open; /* store_open took it; reading may have failed later */
    bool is_continuous;
    bool may_lack;
};

/* Slots, passphrase, store_open, rows, store_close: as a command does it. */
static struct outcome
attempt(void)
{
    struct outcome outcome = {.rows = -1};
    struct store_options options = fixture.stores.options;
    struct secret key = SECRET_EMPTY;
    struct store_slots slots;
    struct store *store = NULL;
    const char *reason;

    options.key = &key;
    outcome.rc = store_key_read(fixture.stores.directory, &slots);
    if (outcome.rc == RC_OK)
        outcome.rc = store_key_open(&slots, &fixture.passphrase, &key);
    if (outcome.rc == RC_OK)
        outcome.rc = store_open(&options, &store);
    outcome.is_open = outcome.rc == RC_OK;
    if (outcome.is_open) {
        outcome.is_continuous = store_is_continuous(store, &reason);
        outcome.may_lack = store_may_lack_saves(store);
        outcome.rc = look(store, &outcome.rows);
    }
    store_close(store);
    secret_wipe(&key);
    return outcome;
}

/* What a person is told of it: what happened; what is safe; what to do. */
static void
assert_sentence(enum rc rc)
{
    struct ending none = {NULL, NULL};
    struct buf text = BUF_EMPTY(2048);

    assert_ok(exit_message(rc, &none, &text));
    const char *words = buf_text(&text);
    const char *safe = words == NULL ? NULL : strstr(words, "; ");
    assert_true(safe != NULL && safe > words && strstr(safe + 2, "; ") > safe + 2);
    buf_wipe(&text);
}

/* A refused opening changed neither store nor slots nor token. */
static void
assert_untouched(const struct image *image)
{
    for (int i = 0; i < FILES; i++) {
        size_t len;
        uint8_t *is = scratch_read(scratch_path(&fixture.stores.scratch, name_of(i)), &len);
        if (i != LOCK && image->bytes[i] == NULL)
            assert_true(is == NULL || len == 0);
        else if (i != LOCK && (len != image->len[i] || memcmp(is, image->bytes[i], len) != 0))
            fail_msg("%s was changed by an opening that was refused", name_of(i));
        free(is);
    }
}

/* Puts the image there with that byte flipped, and opens it: the right rows, or an error with its sentence and nothing
 * changed. Where own saves are missing, it is told. */
static struct outcome
flip(struct image *image, int file, size_t at)
{
    uint8_t bit = (uint8_t)(1u << dice_below(&fixture.dice, 8));

    image->bytes[file][at] ^= bit;
    put(image);
    struct outcome outcome = attempt();
    if (outcome.rc == RC_OK && outcome.rows != ROWS && !outcome.may_lack)
        fail_msg("%s byte %zu: %d rows, and nothing is said", name_of(file), at, outcome.rows);
    if (outcome.rc == RC_OK && (outcome.rows < 0 || outcome.rows > ROWS))
        fail_msg("%s byte %zu: wrong rows", name_of(file), at);
    if (outcome.rc != RC_OK) {
        if (outcome.rc != RC_CORRUPT && outcome.rc != RC_LOCKED && outcome.rc != RC_UNSUPPORTED)
            fail_msg("%s byte %zu: %s: %s", name_of(file), at, rc_name(outcome.rc), rc_sentence());
        assert_sentence(outcome.rc);
        if (!outcome.is_open)
            assert_untouched(image);
    }
    image->bytes[file][at] ^= bit;
    return outcome;
}

/* Flips byte by byte, or `sample` of them; tells how many there were of each outcome. */
static void
flip_all(struct image *image, int file, size_t sample, size_t *refused, size_t *lacking,
         size_t *doubted)
{
    bool is_whole = fixture.is_whole && file != MAIN && file != LOG;
    size_t tried = 0;

    if (fixture.is_whole)
        sample *= 20;
    size_t step = 2 * (image->len[file] / sample) + 1;
    *refused = *lacking = *doubted = 0;
    for (size_t at = 0; at < image->len[file];
         at += is_whole ? 1 : 1 + dice_below(&fixture.dice, step)) {
        struct outcome outcome = flip(image, file, at);
        tried++;
        *refused += outcome.rc != RC_OK;
        *lacking += outcome.rc == RC_OK && outcome.may_lack;
        *doubted += outcome.rc == RC_OK && !outcome.is_continuous;
    }
    printf("%s: %zu tried, %zu refused, %zu open and say that saves may be missing, %zu in doubt\n",
           file == TOKEN ? "token" : NAMES[file], tried, *refused, *lacking, *doubted);
}

static void
a_flipped_byte_of_the_closed_file_is_refused_or_harmless(void **state)
{
    (void)state;
    size_t refused, lacking, doubted;

    flip_all(&fixture.closed, MAIN, SAMPLE_DB, &refused, &lacking, &doubted);
    assert_int_equal(lacking, 0);
    assert_int_equal(doubted, 0);
    assert_true(refused > SAMPLE_DB / 2); /* all but free pages */
}

static void
a_flipped_byte_of_the_file_under_a_log_is_refused_or_harmless(void **state)
{
    (void)state;
    size_t refused, lacking, doubted;

    flip_all(&fixture.killed, MAIN, SAMPLE_DB / 2, &refused, &lacking, &doubted);
    assert_int_equal(lacking, 0);
    assert_true(refused > 0);
}

/* The log ends there; own saves were in it, so the store says that some may be missing. */
static void
a_flipped_byte_of_the_log_loses_no_save_in_silence(void **state)
{
    (void)state;
    size_t refused, lacking, doubted;

    flip_all(&fixture.killed, LOG, SAMPLE_DB, &refused, &lacking, &doubted);
    assert_int_equal(refused, 0);
    assert_true(lacking > 0);
}

static void
a_flipped_byte_of_the_slots_is_an_error_or_harmless(void **state)
{
    (void)state;
    size_t refused, lacking, doubted;

    flip_all(&fixture.closed, SLOTS, SAMPLE_SMALL, &refused, &lacking, &doubted);
    assert_true(refused > 0);
    assert_int_equal(lacking, 0);
    flip_all(&fixture.killed, SLOTS, SAMPLE_SMALL, &refused, &lacking, &doubted);
    assert_int_equal(lacking, 0);
}

static void
a_flipped_byte_of_the_lock_file_changes_nothing(void **state)
{
    (void)state;
    size_t refused, lacking, doubted;

    flip_all(&fixture.killed, LOCK, SAMPLE_SMALL, &refused, &lacking, &doubted);
    assert_int_equal(refused + lacking + doubted, 0);
}

/* The other slot tells; the store is one or two counts ahead of it, as after a kill. Both spoilt put it in doubt. */
static void
a_flipped_byte_of_the_token_changes_nothing_and_one_in_each_slot_is_a_doubt(void **state)
{
    (void)state;
    size_t refused, lacking, doubted;
    uint8_t *slots = fixture.closed.bytes[TOKEN];

    flip_all(&fixture.closed, TOKEN, SAMPLE_SMALL, &refused, &lacking, &doubted);
    assert_int_equal(refused + lacking + doubted, 0);
    flip_all(&fixture.killed, TOKEN, SAMPLE_SMALL, &refused, &lacking, &doubted);
    assert_int_equal(refused + lacking + doubted, 0);
    slots[STORE_TOKEN_SLOT_STRIDE + 40] ^= 1;
    struct outcome outcome = flip(&fixture.closed, TOKEN, 40);
    slots[STORE_TOKEN_SLOT_STRIDE + 40] ^= 1;
    assert_int_equal(outcome.rc, RC_OK);
    assert_false(outcome.is_continuous);
    assert_false(outcome.may_lack);
}

/* ---- exchanged ------------------------------------------------------------------------------------------ */

/* With the files of `from` but the token, which stays where it was. */
static struct outcome
exchange(const struct image *from, const struct image *token, int without)
{
    for (int i = 0; i < FILES; i++)
        if (i != TOKEN)
            put_file(i, i == without ? NULL : from->bytes[i], from->len[i]);
    put_file(TOKEN, token->bytes[TOKEN], token->len[TOKEN]);
    return attempt();
}

static void
an_old_file_opens_as_it_was_then_and_the_token_tells(void **state)
{
    (void)state;
    struct outcome outcome = exchange(&fixture.early, &fixture.closed, -1);

    assert_int_equal(outcome.rc, RC_OK);
    assert_int_equal(outcome.rows, ROWS / 2);
    assert_true(outcome.may_lack);
    assert_false(outcome.is_continuous);
}

static void
a_log_that_was_removed_or_cut_after_a_commit_is_told_by_the_token(void **state)
{
    (void)state;
    struct outcome outcome = exchange(&fixture.killed, &fixture.killed, LOG);

    assert_int_equal(outcome.rc, RC_OK);
    assert_true(outcome.rows == ROWS - 2 && outcome.may_lack && !outcome.is_continuous);
    for (size_t frames = 1; 72 + frames * 4160 < fixture.killed.len[LOG]; frames++) {
        struct image cut = fixture.killed;
        cut.len[LOG] = 72 + frames * 4160;
        outcome = exchange(&cut, &fixture.killed, -1);
        assert_int_equal(outcome.rc, RC_OK);
        assert_true(outcome.rows >= ROWS - 2 && outcome.rows <= ROWS);
        assert_true(outcome.may_lack || outcome.rows == ROWS);
    }
}

/* The log of an earlier opening lies over pages that went on without it: refused where the structure no longer fits, else the
 * store of then as far as the log reaches, and the token tells in any case. */
static void
an_old_log_beside_a_newer_file_is_refused_or_told_by_the_token(void **state)
{
    (void)state;
    struct image mixed = fixture.closed;

    mixed.bytes[LOG] = fixture.middle.bytes[LOG];
    mixed.len[LOG] = fixture.middle.len[LOG];
    struct outcome outcome = exchange(&mixed, &fixture.closed, -1);
    printf("old log beside a newer file: %s, %d rows\n", rc_name(outcome.rc), outcome.rows);
    if (outcome.rc == RC_OK)
        assert_true(outcome.may_lack && !outcome.is_continuous);
    else
        assert_int_equal(outcome.rc, RC_CORRUPT);
}

static void
a_missing_file_is_named(void **state)
{
    (void)state;
    struct outcome outcome = exchange(&fixture.closed, &fixture.closed, MAIN);

    assert_int_equal(outcome.rc, RC_CORRUPT);
    assert_non_null(strstr(rc_sentence(), "store.db is missing"));
    outcome = exchange(&fixture.closed, &fixture.closed, SLOTS);
    assert_int_equal(outcome.rc, RC_CORRUPT);
    assert_non_null(strstr(rc_sentence(), "key slots are gone"));
    outcome = exchange(&fixture.closed, &fixture.closed, LOCK);
    assert_true(outcome.rc == RC_OK && outcome.rows == ROWS);
}

/* Also a file of which less than a page is left: SQLite would take that for a new one. */
static void
a_file_that_was_cut_is_refused_and_so_is_its_log_left_alone(void **state)
{
    (void)state;
    for (size_t len = 0; len < fixture.killed.len[MAIN]; len += len % 4096 == 0 ? 1000 : 3096) {
        struct image cut = fixture.killed;
        cut.len[MAIN] = len;
        put(&cut);
        struct outcome outcome = attempt();
        if (outcome.rc == RC_OK) { /* what was cut off is in the log */
            assert_true(outcome.rows == ROWS && !outcome.may_lack);
            continue;
        }
        assert_int_equal(outcome.rc, RC_CORRUPT);
        assert_sentence(outcome.rc);
        if (!outcome.is_open)
            assert_untouched(&cut);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flipped_byte_of_the_closed_file_is_refused_or_harmless),
        TEST(a_flipped_byte_of_the_file_under_a_log_is_refused_or_harmless),
        TEST(a_flipped_byte_of_the_log_loses_no_save_in_silence),
        TEST(a_flipped_byte_of_the_slots_is_an_error_or_harmless),
        TEST(a_flipped_byte_of_the_lock_file_changes_nothing),
        TEST(a_flipped_byte_of_the_token_changes_nothing_and_one_in_each_slot_is_a_doubt),
        TEST(an_old_file_opens_as_it_was_then_and_the_token_tells),
        TEST(a_log_that_was_removed_or_cut_after_a_commit_is_told_by_the_token),
        TEST(an_old_log_beside_a_newer_file_is_refused_or_told_by_the_token),
        TEST(a_missing_file_is_named),
        TEST(a_file_that_was_cut_is_refused_and_so_is_its_log_left_alone),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
