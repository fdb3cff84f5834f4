/* Strict units through the engine: whose functions count, and what late work protects at others. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/standing.h"
#include "sync/bundle.h"
#include "sync/ledger.h"
#include "sync/replica_own.h"
#include "tests/support/office_plan.h"
#include "tests/support/stores.h"

/* 0: Anna, administrator and coordinator. 1: Bram, owner. 2: Carla, coach and scientist. */
static struct office office;
static struct id family;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, 0);
    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, 2, "Carla", LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST);
    family = office_family(&office, 0, "vos", 1);
    office_sync_all(&office, 3, 2);
    return 0;
}

static struct id
file_of(void)
{
    return ledger_family(replica_ledger(office.devices[0].replica), family)->file;
}

static void
say_since(int at, const char *what, const char *word, uint32_t date)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct replica *replica = office.devices[at].replica;
    struct standing standing = {.what = what, .word = word, .date = date};
    struct author self = replica_self_in(replica, file_of());

    assert_ok(standing_put(replica_journal(replica), &set, &self, family, &standing));
    assert_ok(replica_save(replica, set.changes, set.count));
    change_set_wipe(&set);
}

static void
say(int at, const char *what, const char *word)
{
    say_since(at, what, word, 20260921);
}

struct asked {
    const char *what;
    char word[20];
    bool is_held;
};

static enum rc
see(void *context, const struct standing *standing)
{
    struct asked *asked = context;

    if (strcmp(standing->what, asked->what) != 0)
        return RC_OK;
    snprintf(asked->word, sizeof asked->word, "%s", standing->word == NULL ? "-" : standing->word);
    asked->is_held = standing->is_held;
    return RC_OK;
}

static struct asked
look(int at, const char *what)
{
    struct asked asked = {.what = what};

    assert_ok(standing_list(replica_journal(office.devices[at].replica), family, see, &asked));
    return asked;
}

static void
assert_shown(const char *what, const char *word)
{
    for (int at = 1; at < 3; at++)
        assert_string_equal(look(at, what).word, word);
}

static void
a_coach_and_a_scientist_relax_safety_together(void **state)
{
    (void)state;
    say(2, "safety", "unsafe");
    say(2, "consent", "refused");
    office_sync_all(&office, 3, 2);
    say(1, "safety", "worry");
    say(1, "consent", "limited");
    office_sync_all(&office, 3, 2);
    assert_shown("consent", "limited");
    assert_shown("safety", "unsafe");
    say(2, "safety", "worry");
    office_sync_all(&office, 3, 2);
    assert_shown("safety", "worry");
    assert_true(office_are_equal(&office, 1, 2, family));
}

/* She wrote it as a coach, and the line that ended that was first: it is sealed on that line. */
static void
functions_are_those_of_the_line_that_a_save_is_sealed_on(void **state)
{
    (void)state;
    office_assign(&office, 1, family, 2, LEDGER_COACH);
    say(1, "consent", "refused");
    office_sync_all(&office, 3, 2);
    say(2, "consent", "given");
    assert_string_equal(look(2, "consent").word, "given");
    office_assign(&office, 1, family, 2, LEDGER_RELEASED);
    office_sync_all(&office, 3, 2);
    assert_shown("consent", "refused");
    assert_true(office_are_equal(&office, 1, 2, family));
    assert_int_equal(office_conflicts(&office, 1), 1);
    assert_int_equal(office_conflicts(&office, 2), 1);
}

/* And what was sealed while she was one counts for ever. */
static void
what_a_coach_relaxed_stays_relaxed_when_they_are_released(void **state)
{
    (void)state;
    office_assign(&office, 1, family, 2, LEDGER_COACH);
    say(1, "consent", "refused");
    office_sync_all(&office, 3, 2);
    say(2, "consent", "given");
    office_sync_all(&office, 3, 2);
    office_assign(&office, 1, family, 2, LEDGER_RELEASED);
    office_sync_all(&office, 3, 2);
    assert_shown("consent", "given");
    for (int at = 1; at < 3; at++)
        assert_ok(replica_rebuild(office.devices[at].replica, file_of()));
    assert_shown("consent", "given");
    assert_true(office_are_equal(&office, 1, 2, family));
}

static enum rc
fail_finding(void *context, const struct doctor_finding *finding)
{
    (void)context;
    fail_msg("%s: %s", finding->what, finding->sentence);
    return RC_OK;
}

/* Bram said that consent is limited. Dirk, who covered, that it is refused: too late to be taken over by itself. */
static void
refuse_late(void)
{
    struct office_device *bram = &office.devices[1];
    struct id cover;

    office_join(&office, 3, "Dirk", LEDGER_ROLE_COACH);
    say(1, "consent", "limited");
    office_sync_all(&office, 4, 2);
    struct cover_new asked = {&family, 1, office.devices[3].person, office.now_ms, office.now_ms + 10 * DAY_MS, true};
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &asked, &cover));
    office_sync(&office, 3);
    assert_ok(replica_cover_accept(office.devices[3].replica, &office.devices[3].transport, cover));
    office_sync_all(&office, 4, 2);
    say(3, "consent", "refused");
    assert_ok(replica_cover_end(bram->replica, &bram->transport, cover));
    office_pass(&office, 40 * DAY_MS);
    office_sync(&office, 3);
    office_sync_all(&office, 3, 2);
}

static void
late_work_protects_at_others_through_rebuild_opening_and_doctor(void **state)
{
    struct office_device *bram = &office.devices[1];

    (void)state;
    refuse_late();
    assert_true(office_held(&office, 1, STREAM_FILE) > 0);
    assert_shown("consent", "refused");
    assert_true(look(1, "consent").is_held);
    assert_int_equal(office_conflicts(&office, 1), 0);
    assert_ok(replica_rebuild(bram->replica, file_of()));
    assert_string_equal(look(1, "consent").word, "refused");
    office_reopen(&office, 1);
    assert_string_equal(look(1, "consent").word, "refused");
    assert_ok(replica_doctor(bram->replica, fail_finding, NULL));
    assert_string_equal(look(1, "consent").word, "refused");
    assert_true(office_are_equal(&office, 1, 2, family));
}

/* ---- late work that came before its key -------------------------------------------------------------------- */

/* Of Dirk's feed nothing is there but what is late: nothing else has it looked at again. */
static void
assert_sealed(int at)
{
    assert_true(office_held(&office, at, STREAM_FILE) > 0);
    assert_string_equal(look(at, "consent").word, "-");
}

static void
assert_protects(int at)
{
    assert_true(office_held(&office, at, STREAM_FILE) > 0);
    assert_string_equal(look(at, "consent").word, "refused");
    assert_true(look(at, "consent").is_held);
    assert_true(office_are_equal(&office, 1, at, family));
}

/* As on a device that has the entries, and no key of theirs yet. */
static void
lose_keys(int at)
{
    struct replica *replica = office.devices[at].replica;

    assert_ok(db_run_id(replica->db, "DELETE FROM sync_key WHERE stream = ?1", file_of()));
    assert_ok(db_run_id(replica->db, "DELETE FROM sync_box WHERE stream = ?1", file_of()));
    keyring_drop(replica->keys, file_of());
    assert_ok(replica_rebuild(replica, file_of()));
    assert_sealed(at);
}

/* What another device has, into the ring alone: as where a box was opened by the reserve, or the disk refused what was opened. */
static void
lend_keys(int from, int to)
{
    const struct keyring *keys = office.devices[from].replica->keys;
    struct replica *replica = office.devices[to].replica;

    for (uint32_t epoch = 1; epoch <= keyring_newest(keys, file_of()); epoch++) {
        struct secret key = SECRET_EMPTY;
        assert_ok(keyring_get(keys, file_of(), epoch, &key));
        assert_ok(keyring_put(replica->keys, file_of(), epoch, &key));
        secret_wipe(&key);
    }
    replica->has_loose_keys = true;
}

static void
late_work_protects_once_a_session_brings_its_key(void **state)
{
    (void)state;
    refuse_late();
    lose_keys(2);
    office_sync(&office, 2);
    assert_protects(2);
}

/* All the same when the network is gone before what was pulled is looked at. */
static void
late_work_protects_with_the_request_that_brought_its_key(void **state)
{
    struct office_device *carla = &office.devices[2];
    bool has_protected = false;

    (void)state;
    refuse_late();
    for (unsigned request = 1; request < 20 && !has_protected; request++) {
        lose_keys(2);
        carla->requests = 0;
        carla->fault.lose_request = request;
        enum rc rc = office_try_sync(&office, 2);
        carla->fault.lose_request = 0;
        has_protected = rc != RC_OK && strcmp(look(2, "consent").word, "refused") == 0;
        assert_int_equal(keyring_newest(carla->replica->keys, file_of()) > 0,
                         strcmp(look(2, "consent").word, "refused") == 0);
    }
    assert_true(has_protected);
}

static void
late_work_protects_once_a_bundle_brings_its_key(void **state)
{
    struct office_device *carla = &office.devices[2];
    struct bundle_report report;
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);

    (void)state;
    refuse_late();
    lose_keys(2);
    assert_ok(replica_bundle_pack(office.devices[1].replica, carla->id, true, &report, &bundle));
    assert_ok(replica_bundle_import(carla->replica, bundle.data, bundle.len, &carla->report));
    buf_wipe(&bundle);
    assert_protects(2);
}

static void
late_work_protects_once_a_key_that_was_lent_is_kept(void **state)
{
    (void)state;
    refuse_late();
    lose_keys(2);
    lend_keys(1, 2);
    office_sync(&office, 2);
    assert_protects(2);
}

/* Emma covers; her boxes are spoilt on the way, her entries come. */
static void
late_work_protects_at_who_covers_once_their_boxes_come(void **state)
{
    struct office_device *bram = &office.devices[1], *emma = &office.devices[4];
    struct id cover;

    (void)state;
    refuse_late();
    office_join(&office, 4, "Emma", LEDGER_ROLE_COACH);
    struct cover_new asked = {&family, 1, emma->person, office.now_ms, office.now_ms + 10 * DAY_MS, true};
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &asked, &cover));
    office_sync(&office, 4);
    emma->fault.flips_boxes = true;
    assert_ok(replica_cover_accept(emma->replica, &emma->transport, cover));
    office_sync(&office, 4);
    assert_sealed(4);
    emma->fault.flips_boxes = false;
    office_sync(&office, 4);
    assert_protects(4);
}

/* The server lost the boxes too, and gets them back from who made them. */
static void
late_work_protects_once_its_boxes_are_handed_back(void **state)
{
    (void)state;
    office_keep_server(&office);
    refuse_late();
    office_restore_server(&office);
    lose_keys(2);
    office_sync_all(&office, 3, 3);
    assert_protects(2);
}

static void
late_work_protects_once_another_program_can_read_it(void **state)
{
    struct replica *replica = office.devices[2].replica;

    (void)state;
    refuse_late();
    lose_keys(2);
    assert_ok(db_run(replica->db, "UPDATE sync_state SET value = x'00' WHERE name = 'made_by'"));
    lend_keys(1, 2);
    for (size_t i = 0; i < keyring_count(replica->keys); i++) {
        uint8_t sealed[KEYRING_SEALED_BYTES];
        struct stmt *stmt;
        struct id stream;
        uint32_t epoch;
        keyring_sealed_at(replica->keys, i, &stream, &epoch, sealed);
        assert_ok(db_stmt(replica->db, "INSERT OR IGNORE INTO sync_key (stream, epoch, sealed) VALUES (?1, ?2, ?3)",
                          &stmt));
        stmt_id(stmt, 1, stream);
        stmt_int(stmt, 2, epoch);
        stmt_blob(stmt, 3, sealed, sizeof sealed);
        assert_ok(stmt_finish(stmt));
    }
    office_reopen(&office, 2);
    assert_string_equal(look(2, "consent").word, "refused");
}

/* ---- a colleague who floods what is held --------------------------------------------------------------------- */

enum { LATE_SAVES = 60 };

static int64_t
rows_written(int at)
{
    return office_ask(&office, at, "SELECT total_changes()");
}

/* Dirk's late work is many saves of one record. */
static void
flood_late(void)
{
    struct office_device *bram = &office.devices[1];
    struct id cover;

    office_join(&office, 3, "Dirk", LEDGER_ROLE_COACH);
    office_sync_all(&office, 4, 2);
    struct cover_new asked = {&family, 1, office.devices[3].person, office.now_ms, office.now_ms + 10 * DAY_MS, true};
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &asked, &cover));
    office_sync(&office, 3);
    assert_ok(replica_cover_accept(office.devices[3].replica, &office.devices[3].transport, cover));
    office_sync_all(&office, 4, 2);
    for (int i = 0; i < LATE_SAVES; i++)
        say_since(3, "consent", "refused", 20260901 + (uint32_t)i % 28);
    assert_ok(replica_cover_end(bram->replica, &bram->transport, cover));
    office_pass(&office, 40 * DAY_MS);
    office_sync(&office, 3);
    office_sync_all(&office, 3, 2);
}

static void
what_is_held_in_one_record_is_written_once_when_its_key_comes(void **state)
{
    (void)state;
    flood_late();
    lose_keys(2);
    int64_t before = rows_written(2);
    lend_keys(1, 2);
    assert_ok(replica_store_keys(office.devices[2].replica));
    assert_protects(2);
    assert_in_range(rows_written(2) - before, LATE_SAVES, 2 * LATE_SAVES);
}

static void
what_is_held_under_an_older_key_is_not_opened_again_with_each_new_one(void **state)
{
    struct office_device *bram = &office.devices[1], *emma = &office.devices[4];
    struct id cover;

    (void)state;
    flood_late();
    office_join(&office, 4, "Emma", LEDGER_ROLE_COACH);
    struct cover_new asked = {&family, 1, emma->person, office.now_ms, office.now_ms + 10 * DAY_MS, true};
    assert_ok(replica_cover_give(bram->replica, &bram->transport, &asked, &cover));
    office_sync(&office, 4);
    assert_ok(replica_cover_accept(emma->replica, &emma->transport, cover));
    office_sync_all(&office, 5, 2);
    struct replica *carla = office.devices[2].replica;
    uint32_t epoch = keyring_newest(carla->keys, file_of());
    assert_ok(db_run(carla->db, "UPDATE journal_held SET person = zeroblob(16)")); /* which tells rows that are written again */
    assert_ok(replica_cover_end(bram->replica, &bram->transport, cover));
    office_sync_all(&office, 3, 2);
    assert_true(keyring_newest(carla->keys, file_of()) > epoch);
    assert_int_equal(office_ask(&office, 2, "SELECT count(*) FROM journal_held WHERE person = zeroblob(16)"), LATE_SAVES);
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_coach_and_a_scientist_relax_safety_together),
        CASE(functions_are_those_of_the_line_that_a_save_is_sealed_on),
        CASE(what_a_coach_relaxed_stays_relaxed_when_they_are_released),
        CASE(late_work_protects_at_others_through_rebuild_opening_and_doctor),
        CASE(late_work_protects_once_a_session_brings_its_key),
        CASE(late_work_protects_with_the_request_that_brought_its_key),
        CASE(late_work_protects_once_a_bundle_brings_its_key),
        CASE(late_work_protects_once_a_key_that_was_lent_is_kept),
        CASE(late_work_protects_at_who_covers_once_their_boxes_come),
        CASE(late_work_protects_once_its_boxes_are_handed_back),
        CASE(late_work_protects_once_another_program_can_read_it),
        CASE(what_is_held_in_one_record_is_written_once_when_its_key_comes),
        CASE(what_is_held_under_an_older_key_is_not_opened_again_with_each_new_one),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
