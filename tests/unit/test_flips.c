/* Every byte of a small store and its log flipped, pages and frames moved, cut and foreign: the right rows, an error that
 * names what to do, or what docs/STORE.md section 9 says is not noticed. FLIPS=all tries every byte; else a sample by SEED. */
#include "tests/unit/unit.h"

#include <string.h>

#include "cli/exit.h"
#include "core/db.h"
#include "core/vfs_seal.h"
#include "tests/support/power_vfs.h"

#define NAME "/store.db"
#define WAL "/store.db-wal"
#define STRINGIFY(x) #x
#define TEXT(x) STRINGIFY(x)
#define BASE_ROWS 18

enum { COMMITS = 6, OLD_COMMITS = 3, SAMPLE_EACH = 97, FRAMES_MOST = 256 };

struct image {
    uint8_t *bytes;
    size_t len;
};

/* The store as it was made: closed at its beginning, closed at its end, and with a log of COMMITS commits. */
struct fixture {
    struct power_disk *disk;
    struct secret key;
    struct vfs *vfs;
    struct db *db;
    uint8_t file_id[VFS_FILE_ID_BYTES];
    struct image base;    /* state 0, closed */
    struct image old_log; /* commits 1 .. OLD_COMMITS over `base` */
    struct image log;     /* commits 1 .. COMMITS over `base`, as after kill -9 */
    struct image closed;  /* state COMMITS, closed */
    size_t frames;
    int before[FRAMES_MOST]; /* commits that ended before this frame, from 0 */
    struct dice dice;
    bool is_whole;
};
static struct fixture fixture;

/* What came of the attempts, printed at the end of each test. */
struct counts {
    size_t tried, right, refused, earlier;
};

/* ---- making ------------------------------------------------------------------------------------- */

static void
close_all(void)
{
    db_close(fixture.db);
    vfs_unregister(fixture.vfs);
    fixture.db = NULL;
    fixture.vfs = NULL;
}

static enum rc
open_with(const uint8_t *id)
{
    struct db_options options = {
        .exclusive = true, .synchronous_full = true, .must_exist = id != NULL};

    close_all();
    assert_ok(vfs_register(power_disk_vfs(fixture.disk), &fixture.key, id, &fixture.vfs));
    options.vfs = vfs_name(fixture.vfs);
    return db_open(NAME, &options, &fixture.db);
}

static void
run(const char *sql)
{
    if (db_run(fixture.db, sql) != RC_OK)
        fail_msg("%s: %s", sql, rc_sentence());
}

static struct image
image_of(const char *name)
{
    struct image image;
    const uint8_t *bytes = power_disk_file(fixture.disk, name, &image.len);

    assert_non_null(bytes);
    image.bytes = malloc(image.len + 2 * VFS_FRAME_UNIT_BYTES); /* room to append */
    assert_non_null(image.bytes);
    memcpy(image.bytes, bytes, image.len);
    return image;
}

static void
put(const struct image *main, const struct image *log)
{
    power_disk_put(fixture.disk, NAME, main->bytes, main->len);
    power_disk_put(fixture.disk, WAL, log == NULL ? NULL : log->bytes, log == NULL ? 0 : log->len);
}

/* Commit k makes row BASE_ROWS + k, and writes k into every third row. */
static void
commit(int k)
{
    char sql[512];

    snprintf(sql, sizeof sql,
             "BEGIN; INSERT INTO t VALUES(%d, 'mark-%d-%d-' || hex(zeroblob(200)));"
             "UPDATE t SET b = 'mark-' || a || '-%d-' || hex(zeroblob(200)) WHERE a %% 3 = 0;"
             "UPDATE n SET v = %d; COMMIT",
             BASE_ROWS + k, BASE_ROWS + k, k, k, k);
    run(sql);
}

/* Which frames end a commit: SQLite's frame header says so, under the seal. */
static void
read_commits(void)
{
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    uint8_t unit[VFS_FRAME_UNIT_BYTES];
    int commits = 0;

    assert_ok(vfs_keys_derive(&keys, &fixture.key, fixture.file_id));
    fixture.frames = (fixture.log.len - VFS_START_BYTES) / VFS_FRAME_UNIT_BYTES;
    assert_true(fixture.frames > COMMITS && fixture.frames < FRAMES_MOST);
    for (size_t i = 0; i < fixture.frames; i++) {
        memcpy(unit, fixture.log.bytes + VFS_START_BYTES + i * sizeof unit, sizeof unit);
        assert_true(vfs_frame_open(&keys, fixture.log.bytes, i + 1, unit));
        fixture.before[i] = commits;
        commits += memcmp(unit + CRYPTO_NONCE_BYTES + 4, "\0\0\0", 4) != 0;
    }
    assert_int_equal(commits, COMMITS);
    fixture.before[fixture.frames] = commits;
    vfs_keys_wipe(&keys);
}

static int
set_up(void **state)
{
    (void)state;
    memset(&fixture, 0, sizeof fixture);
    fixture.disk = power_disk_new();
    fixture.dice = dice_start();
    const char *flips = getenv("FLIPS");
    fixture.is_whole = flips != NULL && strcmp(flips, "all") == 0;
    assert_ok(secret_make(&fixture.key, CRYPTO_KEY_BYTES));
    memset(fixture.key.bytes, 9, fixture.key.len);
    assert_ok(open_with(NULL));
    assert_ok(vfs_file_id(fixture.vfs, fixture.file_id));
    run("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL); CREATE INDEX ti ON t(b);"
        "CREATE TABLE n(v); INSERT INTO n VALUES(0);"
        "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < " TEXT(
            BASE_ROWS) ") INSERT INTO t SELECT i, 'mark-' || i || '-0-' || hex(zeroblob(200)) FROM s");
    close_all();
    fixture.base = image_of(NAME);
    assert_ok(open_with(fixture.file_id));
    run("PRAGMA wal_autocheckpoint=0");
    for (int k = 1; k <= COMMITS; k++) {
        commit(k);
        if (k == OLD_COMMITS)
            fixture.old_log = image_of(WAL);
    }
    fixture.log = image_of(WAL);
    close_all();
    fixture.closed = image_of(NAME);
    read_commits();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    close_all();
    secret_wipe(&fixture.key);
    power_disk_free(fixture.disk);
    free(fixture.base.bytes);
    free(fixture.log.bytes);
    free(fixture.old_log.bytes);
    free(fixture.closed.bytes);
    return 0;
}

/* ---- looking ------------------------------------------------------------------------------------- */

/* Whether the rows of one query are those of state k. */
static enum rc
compare(const char *sql, int k, bool *is_right)
{
    struct stmt *stmt;
    bool row = true;
    int rows = 0;
    enum rc rc = db_stmt(fixture.db, sql, &stmt);

    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        int a = (int)stmt_get_int(stmt, 0);
        int version = a % 3 == 0 ? k : a > BASE_ROWS ? a - BASE_ROWS : 0;
        char text[32];
        snprintf(text, sizeof text, "mark-%d-%d-00", a, version);
        const char *b = stmt_get_text(stmt, 1);
        *is_right = *is_right && b != NULL && strncmp(b, text, strlen(text)) == 0 &&
                    strspn(strrchr(b, '-') + 1, "0") == 400 && strlen(strrchr(b, '-')) == 401;
        rows++;
    }
    if (rc == RC_OK)
        *is_right = *is_right && rows == BASE_ROWS + k;
    stmt_done(stmt);
    return rc;
}

/* Reads everything, by table and index. *state: which commit the rows are those of; -1: of none. */
static enum rc
look(int *state)
{
    struct stmt *stmt;
    bool row = false, is_right = true;
    int64_t v = -1;
    enum rc rc = db_stmt(fixture.db, "SELECT v FROM n", &stmt);

    *state = -1;
    if (rc == RC_OK)
        rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row)
        v = stmt_get_int(stmt, 0);
    stmt_done(rc == RC_OK ? stmt : NULL);
    if (rc == RC_OK && v >= 0 && v <= COMMITS)
        rc = compare("SELECT a, b FROM t NOT INDEXED ORDER BY a", (int)v, &is_right);
    if (rc == RC_OK && v >= 0 && v <= COMMITS)
        rc = compare("SELECT a, b FROM t INDEXED BY ti WHERE b > ''", (int)v, &is_right);
    if (rc == RC_OK && is_right)
        *state = (int)v;
    return rc;
}

/* What a person is told of it: what happened; what is safe; what to do. */
static void
assert_sentence(enum rc rc)
{
    struct ending none = {NULL, NULL};
    struct buf text = BUF_EMPTY(2048);

    assert_ok(exit_message(rc, &none, &text));
    const char *words = buf_text(&text);
    assert_non_null(words);
    const char *safe = strstr(words, "; ");
    assert_true(safe != NULL && safe > words);
    assert_true(strstr(safe + 2, "; ") != NULL && strstr(safe + 2, "; ") > safe + 2);
    buf_wipe(&text);
}

static void
assert_untouched(const struct image *main, const struct image *log)
{
    size_t len;
    const uint8_t *is = power_disk_file(fixture.disk, NAME, &len);

    assert_int_equal(len, main->len);
    assert_true(len == 0 || memcmp(is, main->bytes, len) == 0);
    is = power_disk_file(fixture.disk, WAL, &len);
    assert_int_equal(len, log == NULL ? 0 : log->len);
    assert_true(len == 0 || memcmp(is, log->bytes, len) == 0);
}

/* Opens what was put there, reads it, closes without a write. The state, or -1 with *refused. Wrong rows fail. */
static int
attempt(const struct image *main, const struct image *log, const char *what, size_t at,
        bool *refused, struct counts *counts)
{
    int state = -1;

    put(main, log);
    enum rc opened = open_with(fixture.file_id);
    enum rc rc = opened == RC_OK ? look(&state) : opened;
    if (rc != RC_OK && rc != RC_CORRUPT)
        fail_msg("%s %zu: %s: %s", what, at, rc_name(rc), rc_sentence());
    if (rc != RC_OK)
        assert_sentence(rc);
    else if (state < 0)
        fail_msg("%s %zu: wrong rows", what, at);
    if (opened != RC_OK) {
        close_all();
        assert_untouched(main, log);
    } else {
        power_disk_cut_now(fixture.disk);
        close_all();
        power_disk_restore(fixture.disk, at);
    }
    *refused = rc != RC_OK;
    counts->tried++;
    counts->refused += *refused;
    counts->right += state == COMMITS;
    counts->earlier += state >= 0 && state < COMMITS;
    return state;
}

static void
tell(const char *what, const struct counts *counts)
{
    printf("%s: %zu tried, %zu refused, %zu right, %zu earlier commits\n", what, counts->tried,
           counts->refused, counts->right, counts->earlier);
}

/* The next byte to flip: every one in the long run. */
static size_t
next_byte(size_t at)
{
    return at + (fixture.is_whole ? 1 : 1 + dice_below(&fixture.dice, 2 * SAMPLE_EACH));
}

/* ---- the file ------------------------------------------------------------------------------------- */

static void
each_byte_of_a_closed_store_that_is_flipped_is_an_error(void **state)
{
    (void)state;
    struct counts counts = {0};
    struct image bad = fixture.closed;
    bool refused;

    for (size_t at = 0; at < bad.len; at = next_byte(at)) {
        uint8_t bit = (uint8_t)(1u << dice_below(&fixture.dice, 8));
        bad.bytes[at] ^= bit;
        (void)attempt(&bad, NULL, "byte", at, &refused, &counts);
        if (!refused)
            fail_msg("byte %zu flipped was not noticed", at); /* the file has no free page */
        bad.bytes[at] ^= bit;
    }
    tell("flipped in the closed file", &counts);
}

static void
each_byte_of_a_file_under_a_log_that_is_flipped_is_an_error_or_the_log_has_the_page(void **state)
{
    (void)state;
    struct counts counts = {0};
    struct image bad = fixture.base;
    bool refused;

    for (size_t at = 0; at < bad.len; at = next_byte(at)) {
        uint8_t bit = (uint8_t)(1u << dice_below(&fixture.dice, 8));
        bad.bytes[at] ^= bit;
        (void)attempt(&bad, &fixture.log, "byte", at, &refused, &counts);
        bad.bytes[at] ^= bit;
    }
    assert_int_equal(counts.earlier, 0);
    assert_true(counts.right > 0);
    tell("flipped in the file under a log", &counts);
}

/* A second file, under the same key or another, with as many pages. */
static struct image
foreign(bool same_key)
{
    uint8_t id[VFS_FILE_ID_BYTES];

    put(&(struct image){NULL, 0}, NULL);
    if (!same_key)
        fixture.key.bytes[0] ^= 1;
    assert_ok(open_with(NULL));
    run("CREATE TABLE t(a, b); CREATE TABLE w(x); INSERT INTO w VALUES(zeroblob(200000))");
    assert_ok(vfs_file_id(fixture.vfs, id));
    close_all();
    if (!same_key)
        fixture.key.bytes[0] ^= 1;
    struct image image = image_of(NAME);
    assert_true(image.len >= fixture.closed.len);
    return image;
}

/* One manipulation of one page; false: the file is as it was. */
static bool
maim(int kind, size_t page, const struct image *same, const struct image *other, struct image *bad)
{
    const struct image *good = &fixture.closed;
    size_t at = page * VFS_PAGE_BYTES, next = (at + VFS_PAGE_BYTES) % good->len;

    memcpy(bad->bytes, good->bytes, good->len);
    bad->len = good->len;
    switch (kind) {
    case 0:
        memcpy(bad->bytes + at, good->bytes + next, VFS_PAGE_BYTES);
        memcpy(bad->bytes + next, good->bytes + at, VFS_PAGE_BYTES);
        break;
    case 1:
        memcpy(bad->bytes + at, same->bytes + at, VFS_PAGE_BYTES);
        break;
    case 2:
        memcpy(bad->bytes + at, other->bytes + at, VFS_PAGE_BYTES);
        break;
    case 3:
        memset(bad->bytes + at, 0, VFS_PAGE_BYTES);
        break;
    case 4:
        bad->len = at;
        break;
    case 5:
        bad->len = at + 1 + dice_below(&fixture.dice, VFS_PAGE_BYTES - 1);
        break;
    default: /* a page of this file in the place of another */
        memcpy(bad->bytes + at, good->bytes + next, VFS_PAGE_BYTES);
        break;
    }
    return true;
}

static void
pages_that_were_swapped_foreign_zeroed_copied_or_cut_are_an_error(void **state)
{
    (void)state;
    static const char *const KINDS[] = {"swapped",          "of another file", "of another key",
                                        "zeroed",           "cut before page", "cut within page",
                                        "copied over page"};
    struct image same = foreign(true), other = foreign(false);
    struct image bad = {malloc(fixture.closed.len), fixture.closed.len};
    bool refused;

    assert_non_null(bad.bytes);
    for (int kind = 0; kind < 7; kind++) {
        struct counts counts = {0};
        for (size_t page = 0; page < fixture.closed.len / VFS_PAGE_BYTES; page++) {
            assert_true(maim(kind, page, &same, &other, &bad));
            (void)attempt(&bad, NULL, KINDS[kind], page, &refused, &counts);
            assert_true(refused);
            /* Under a log that has commits to it: never the rows of an earlier one. */
            int state_under_log = attempt(&bad, &fixture.log, KINDS[kind], page, &refused, &counts);
            assert_true(refused || state_under_log == COMMITS);
        }
        tell(KINDS[kind], &counts);
    }
    free(bad.bytes);
    free(same.bytes);
    free(other.bytes);
}

/* SQLite knows from page 1 how long its file is. */
static void
bytes_after_the_last_page_are_never_read(void **state)
{
    (void)state;
    struct counts counts = {0};
    struct image longer = fixture.closed;
    bool refused;

    for (size_t more = 1; more <= VFS_PAGE_BYTES; more = more == 1 ? 16 : more * 16) {
        dice_fill(&fixture.dice, longer.bytes + fixture.closed.len, more);
        longer.len = fixture.closed.len + more;
        assert_int_equal(attempt(&longer, NULL, "longer by", more, &refused, &counts), COMMITS);
    }
    memcpy(longer.bytes + fixture.closed.len, longer.bytes + VFS_PAGE_BYTES, VFS_PAGE_BYTES);
    assert_int_equal(attempt(&longer, NULL, "longer by page", 2, &refused, &counts), COMMITS);
}

/* ---- the log --------------------------------------------------------------------------------------- */

/* Recovery ends at the frame: every commit that ended before it is there, no other. */
static void
assert_ends_before(const struct image *log, size_t frame, const char *what, size_t at,
                   struct counts *counts)
{
    bool refused;
    int state = attempt(&fixture.base, log, what, at, &refused, counts);

    assert_false(refused);
    if (state != fixture.before[frame])
        fail_msg("%s %zu: state %d, not %d", what, at, state, fixture.before[frame]);
}

static void
a_flipped_byte_of_the_log_ends_it_before_that_commit(void **state)
{
    (void)state;
    struct counts counts = {0};
    struct image bad = fixture.log;

    for (size_t at = 0; at < bad.len; at = next_byte(at)) {
        uint8_t bit = (uint8_t)(1u << dice_below(&fixture.dice, 8));
        size_t frame = at < VFS_START_BYTES ? 0 : (at - VFS_START_BYTES) / VFS_FRAME_UNIT_BYTES;
        bad.bytes[at] ^= bit;
        assert_ends_before(&bad, frame, "byte of the log", at, &counts);
        bad.bytes[at] ^= bit;
    }
    tell("flipped in the log", &counts);
}

static uint8_t *
frame_at(const struct image *log, size_t frame)
{
    return log->bytes + VFS_START_BYTES + frame * VFS_FRAME_UNIT_BYTES;
}

static void
frames_that_were_swapped_removed_doubled_zeroed_or_cut_end_the_log_there(void **state)
{
    (void)state;
    static const char *const KINDS[] = {"frames swapped", "frame removed",    "frame doubled",
                                        "frame zeroed",   "cut before frame", "cut within frame"};
    const size_t unit = VFS_FRAME_UNIT_BYTES;
    struct image bad = {malloc(fixture.log.len + unit), 0};

    assert_non_null(bad.bytes);
    for (int kind = 0; kind < 6; kind++) {
        struct counts counts = {0};
        for (size_t i = 0; i + 1 < fixture.frames; i++) {
            size_t rest = (fixture.frames - i - 1) * unit;
            size_t ends = i;
            memcpy(bad.bytes, fixture.log.bytes, fixture.log.len);
            bad.len = fixture.log.len;
            if (kind == 0) {
                memcpy(frame_at(&bad, i), frame_at(&fixture.log, i + 1), unit);
                memcpy(frame_at(&bad, i + 1), frame_at(&fixture.log, i), unit);
            } else if (kind == 1) {
                memmove(frame_at(&bad, i), frame_at(&bad, i + 1), rest);
                bad.len -= unit;
            } else if (kind == 2) {
                memmove(frame_at(&bad, i + 1), frame_at(&fixture.log, i), rest + unit);
                bad.len += unit;
                ends = i + 1;
            } else if (kind == 3) {
                memset(frame_at(&bad, i), 0, unit);
            } else {
                bad.len = (size_t)(frame_at(&bad, i) - bad.bytes) +
                          (kind == 5 ? 1 + dice_below(&fixture.dice, unit - 1) : 0);
            }
            assert_ends_before(&bad, ends, KINDS[kind], i, &counts);
        }
        tell(KINDS[kind], &counts);
    }
    free(bad.bytes);
}

static void
a_log_of_another_store_or_generation_is_as_good_as_none(void **state)
{
    (void)state;
    struct counts counts = {0};
    struct image other, spliced = fixture.log;

    put(&(struct image){NULL, 0}, NULL);
    assert_ok(open_with(NULL)); /* another file under the same key */
    run("PRAGMA wal_autocheckpoint=0; CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2)");
    other = image_of(WAL);
    power_disk_cut_now(fixture.disk);
    close_all();
    power_disk_restore(fixture.disk, 1);
    assert_ends_before(&other, 0, "log of another file", 0, &counts);
    /* The start of another generation before the frames of this one: none of them opens under it. */
    put(&fixture.closed, NULL);
    assert_ok(open_with(fixture.file_id));
    run("PRAGMA wal_autocheckpoint=0; INSERT INTO t VALUES(1000, 'x')");
    struct image newer = image_of(WAL);
    power_disk_cut_now(fixture.disk);
    close_all();
    power_disk_restore(fixture.disk, 1);
    memcpy(spliced.bytes, newer.bytes, VFS_START_BYTES);
    assert_ends_before(&spliced, 0, "start of another generation", 0, &counts);
    free(other.bytes);
    free(newer.bytes);
}

/* ---- what nothing here notices (docs/STORE.md, section 9) ------------------------------------------- */

/* An old page authenticates in its own place. With it come its old rows, or rows and index that do not fit each other: an
 * error where SQLite sees that, and else mixed rows. What of it `baken doctor` shows is in test_doctor_pages. */
static void
an_old_page_in_its_own_place_gives_what_it_held_then(void **state)
{
    (void)state;
    size_t pages = fixture.base.len / VFS_PAGE_BYTES, refused = 0, mixed = 0, same = 0;
    struct image bad = {malloc(fixture.closed.len), fixture.closed.len};

    assert_non_null(bad.bytes);
    for (size_t page = 0; page < pages; page++) {
        size_t at = page * VFS_PAGE_BYTES;
        int seen = -1;
        memcpy(bad.bytes, fixture.closed.bytes, bad.len);
        memcpy(bad.bytes + at, fixture.base.bytes + at, VFS_PAGE_BYTES);
        bool was_changed = memcmp(bad.bytes, fixture.closed.bytes, bad.len) != 0;
        put(&bad, NULL);
        enum rc rc = open_with(fixture.file_id);
        if (rc == RC_OK)
            rc = look(&seen);
        assert_true(rc == RC_OK || rc == RC_CORRUPT);
        refused += rc == RC_CORRUPT;
        mixed += rc == RC_OK && seen < 0;
        same += rc == RC_OK && seen >= 0;
        assert_true(was_changed || seen == COMMITS);
        power_disk_cut_now(fixture.disk);
        close_all();
        power_disk_restore(fixture.disk, 1);
    }
    printf("old pages: %zu of %zu refused, %zu give mixed rows, %zu give right ones\n", refused,
           pages, mixed, same);
    assert_true(mixed > 0); /* the limit is real: were it gone, the documents would say too little */
    free(bad.bytes);
}

static void
an_old_file_without_its_log_is_the_store_of_then(void **state)
{
    (void)state;
    struct counts counts = {0};
    bool refused;

    assert_int_equal(attempt(&fixture.base, NULL, "old file", 0, &refused, &counts), 0);
}

static void
an_old_log_of_the_same_generation_is_the_store_of_then(void **state)
{
    (void)state;
    struct counts counts = {0};
    bool refused;

    assert_int_equal(attempt(&fixture.base, &fixture.old_log, "old log", 0, &refused, &counts),
                     OLD_COMMITS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_byte_of_a_closed_store_that_is_flipped_is_an_error),
        TEST(each_byte_of_a_file_under_a_log_that_is_flipped_is_an_error_or_the_log_has_the_page),
        TEST(pages_that_were_swapped_foreign_zeroed_copied_or_cut_are_an_error),
        TEST(bytes_after_the_last_page_are_never_read),
        TEST(a_flipped_byte_of_the_log_ends_it_before_that_commit),
        TEST(frames_that_were_swapped_removed_doubled_zeroed_or_cut_end_the_log_there),
        TEST(a_log_of_another_store_or_generation_is_as_good_as_none),
        TEST(an_old_page_in_its_own_place_gives_what_it_held_then),
        TEST(an_old_file_without_its_log_is_the_store_of_then),
        TEST(an_old_log_of_the_same_generation_is_the_store_of_then),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
