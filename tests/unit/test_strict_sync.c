/* Strict units through the engine: whose functions count, and what late work protects at others. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/standing.h"
#include "sync/ledger.h"
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
say(int at, const char *what, const char *word)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct replica *replica = office.devices[at].replica;
    struct standing standing = {.what = what, .word = word, .date = 20260921};
    struct author self = replica_self_in(replica, file_of());

    assert_ok(standing_put(replica_journal(replica), &set, &self, family, &standing));
    assert_ok(replica_save(replica, set.changes, set.count));
    change_set_wipe(&set);
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

static void
late_work_protects_at_others_through_rebuild_opening_and_doctor(void **state)
{
    struct office_device *bram = &office.devices[1];
    struct id cover;

    (void)state;
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
    office_pass(&office, 40 * DAY_MS); /* too late to be taken over by itself */
    office_sync(&office, 3);
    office_sync_all(&office, 3, 2);
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
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
