/* Tests of sync/news: what others changed is told once, also after a kill before the telling, and never what was there before. */
#include "sync/replica_own.h"

#include "core/change_set.h"
#include "tests/support/office.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct office office;
static char told[2000];

static enum rc
see(void *context, const struct news_item *item)
{
    const struct schema_entity *entity = schema_entity(item->entity);
    const struct office_device *by = context;
    size_t len = strlen(told);

    assert_true(id_equal(item->person, by->person));
    snprintf(told + len, sizeof told - len, "%s %s.%s\n",
             item->kind == NEWS_TWO_VERSIONS ? "two" : "also", entity->name,
             schema_unit(entity, item->unit)->name);
    return RC_OK;
}

/* What is news at a device, all by one colleague's device. */
static void
assert_news(int at, int by, const char *expected)
{
    uint64_t more;

    told[0] = '\0';
    assert_ok(replica_news(office.devices[at].replica, see, &office.devices[by], &more));
    assert_string_equal(told, expected);
    assert_int_equal(more, 0);
}

static void
set_profile(int at, struct id family, const char *address, const char *reach)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct profile profile = {
        .facts = {.id = family, .family = family}, .address = address, .reach = reach};

    assert_ok(profile_put(replica_journal(office.devices[at].replica), &set, &profile));
    assert_ok(replica_save(office.devices[at].replica, set.changes, set.count));
    change_set_wipe(&set);
}

static void
what_others_changed_is_told_once(void **state)
{
    (void)state;
    struct id family = office_pair(&office, 0);

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    set_profile(0, family, "Dorpsstraat 1", "call");
    office_sync_all(&office, 2, 2);
    assert_news(1, 0, ""); /* all of it was there before news were told at all */
    for (int at = 0; at < 2; at++)
        assert_ok(replica_news_told(office.devices[at].replica));
    set_profile(0, family, "Dorpsstraat 1", "do not call");
    assert_news(0, 1, ""); /* one's own is none */
    office_sync(&office, 0);
    office_sync(&office, 1);
    office_reopen(&office, 1); /* killed before it was told */
    assert_news(1, 0, "also profile.reach\n");
    assert_ok(replica_news_told(office.devices[1].replica));
    assert_news(1, 0, "");
    office_sync(&office, 1);
    assert_news(1, 0, "");
    /* The same part on both sides is a choice, another one is not. */
    set_profile(0, family, "Kerkplein 2", "by letter");
    set_profile(1, family, "Molenweg 3", "do not call");
    office_sync_all(&office, 2, 2);
    assert_news(1, 0, "two profile.address\nalso profile.reach\n");
    assert_news(0, 1, "two profile.address\n");
}

static void
what_a_newly_shared_family_brings_is_no_news(void **state)
{
    (void)state;
    struct id family = office_pair(&office, 0);

    office_visit(&office, 0, family, "long ago");
    office_sync_all(&office, 2, 2);
    office_pass(&office, 60000);
    office_visit(&office, 1, office_family(&office, 1, "egel", 1), "of one's own");
    office_sync_all(&office, 2, 2);
    assert_ok(replica_news_told(office.devices[1].replica));
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    assert_news(1, 0, "");
    office_visit(&office, 0, family, "of today");
    office_sync_all(&office, 2, 2);
    assert_news(1, 0, "also contact.report\n");
}

static enum rc
count_conflict(void *context, const struct conflict *conflict)
{
    (void)conflict;
    ++*(uint32_t *)context;
    return RC_OK;
}

static uint32_t
conflicts_at(int at)
{
    uint32_t count = 0;

    assert_ok(journal_conflicts(replica_journal(office.devices[at].replica), count_conflict, &count));
    return count;
}

struct seen {
    struct version versions[4];
    size_t count;
};

static enum rc
note_version(void *context, const struct current *current)
{
    struct seen *seen = context;

    assert_true(seen->count < 4);
    seen->versions[seen->count++] = current->version;
    return RC_OK;
}

/* Over all that is on the screen. */
static void
settle_address(int at, struct id family, const char *address)
{
    struct journal *journal = replica_journal(office.devices[at].replica);
    struct id file = ledger_family(replica_ledger(office.devices[at].replica), family)->file;
    struct change_set set = CHANGE_SET_EMPTY;
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct seen seen = {.count = 0};

    assert_ok(journal_current(journal, file, ENTITY_PROFILE, family, 2, note_version, &seen));
    version_sort(seen.versions, seen.count);
    assert_ok(value_put_text(&value, 1, address));
    assert_ok(change_set_put(journal, &set, family, ENTITY_PROFILE, family, 2, &value, seen.versions, seen.count));
    assert_ok(replica_save(office.devices[at].replica, set.changes, set.count));
    change_set_wipe(&set);
    buf_wipe(&value);
}

/* Two devices that have told each other everything about one family. */
static struct id
pair_that_knows(void)
{
    struct id family = office_pair(&office, 0);

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    set_profile(0, family, "Dorpsstraat 1", "call");
    office_sync_all(&office, 2, 2);
    for (int at = 0; at < 2; at++)
        assert_ok(replica_news_told(office.devices[at].replica));
    return family;
}

static void
what_waited_when_news_were_told_is_told_once_it_is_applied(void **state)
{
    (void)state;
    struct id family = pair_that_knows();
    struct db *db = office.devices[1].replica->db;

    set_profile(0, family, "Dorpsstraat 1", "do not call");
    office_sync(&office, 0);
    office_sync(&office, 1);
    assert_ok(db_run(db, "UPDATE sync_entry SET state = 2, reason = 1 WHERE entry ="
                         " (SELECT max(entry) FROM sync_entry JOIN sync_feed USING (feed)"
                         " JOIN sync_stream USING (stream) WHERE kind = 4)"));
    assert_news(1, 0, "");
    assert_ok(replica_news_told(office.devices[1].replica));
    assert_ok(replica_news_told(office.devices[1].replica));
    set_profile(0, family, "Kerkplein 2", "do not call");
    office_sync(&office, 0);
    office_sync(&office, 1);
    assert_news(1, 0, "also profile.address\n");
    assert_ok(replica_news_told(office.devices[1].replica));
    assert_ok(db_run(db, "UPDATE sync_entry SET state = 0 WHERE state = 2 AND state <> 1")); /* its key came */
    office_sync(&office, 1);
    office_reopen(&office, 1);
    assert_news(1, 0, "also profile.reach\n");
    assert_ok(replica_news_told(office.devices[1].replica));
    assert_news(1, 0, "");
    office_sync(&office, 1);
    assert_news(1, 0, "");
}

/* What is purged gives the keys of its entries away: what gets them then is news. */
static void
what_takes_the_place_of_deleted_entries_is_told(void **state)
{
    (void)state;
    struct id family = pair_that_knows();
    struct id other = office_family(&office, 0, "egel", 0);

    office_assign(&office, 0, other, 1, LEDGER_COACH);
    office_visit(&office, 0, other, "one");
    office_visit(&office, 0, other, "two");
    office_sync_all(&office, 2, 2);
    assert_ok(replica_news_told(office.devices[1].replica));
    office_assign(&office, 0, other, 1, LEDGER_RELEASED);
    set_profile(0, family, "Dorpsstraat 1", "do not call");
    office_sync(&office, 0);
    office_sync(&office, 1); /* purges, and fetches */
    assert_news(1, 0, "also profile.reach\n");
}

static void
a_rebuild_and_a_second_fetch_tell_nothing_again(void **state)
{
    (void)state;
    struct id family = pair_that_knows();
    struct id file = ledger_family(replica_ledger(office.devices[1].replica), family)->file;

    set_profile(0, family, "Dorpsstraat 1", "do not call");
    office_sync(&office, 0);
    office_sync(&office, 1);
    assert_ok(replica_news_told(office.devices[1].replica));
    assert_ok(replica_rebuild(office.devices[1].replica, file));
    assert_news(1, 0, "");
    office_sync(&office, 1);
    assert_news(1, 0, "");
}

/* What the first session tells of before anything came is what a family begins with. */
static void
the_first_family_of_a_new_device_is_no_news(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    office_sync(&office, 1);
    assert_ok(replica_news_told(office.devices[1].replica));
    struct id family = office_family(&office, 0, "duin", 0);

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync(&office, 0);
    office_sync(&office, 1);
    assert_news(1, 0, "");
    assert_ok(replica_news_told(office.devices[1].replica));
    office_visit(&office, 0, family, "of today");
    office_sync(&office, 0);
    office_sync(&office, 1);
    assert_news(1, 0, "also contact.report\n");
}

/* One conflict settled and another made is one that is new, and a side that changed is another version to choose from. */
static void
the_report_counts_what_has_two_versions_since(void **state)
{
    (void)state;
    struct id family = pair_that_knows();

    set_profile(0, family, "Kerkplein 2", "call");
    office_pass(&office, 1000); /* so that 1's is shown */
    set_profile(1, family, "Molenweg 3", "call");
    office_sync(&office, 0);
    assert_int_equal(office.devices[0].report.new_conflicts, 0);
    office_sync(&office, 1);
    assert_int_equal(office.devices[1].report.new_conflicts, 1);
    office_sync(&office, 1);
    assert_int_equal(office.devices[1].report.new_conflicts, 0);
    office_sync(&office, 0);
    assert_int_equal(office.devices[0].report.new_conflicts, 1);
    /* 0 settles the address, while both write otherwise how to reach them. */
    settle_address(0, family, "Molenweg 3");
    set_profile(0, family, "Molenweg 3", "by letter");
    set_profile(1, family, "Molenweg 3", "never");
    office_sync(&office, 0);
    office_sync(&office, 1);
    assert_int_equal(conflicts_at(1), 1);
    assert_int_equal(office.devices[1].report.new_conflicts, 1);
    /* One side goes on. */
    office_sync(&office, 0);
    office_pass(&office, 1000);
    set_profile(0, family, "Molenweg 3", "at noon");
    office_sync(&office, 0);
    office_sync(&office, 1);
    assert_int_equal(conflicts_at(1), 1);
    assert_int_equal(office.devices[1].report.new_conflicts, 1);
}

#define CASE(test) cmocka_unit_test_prestate_setup_teardown(test, NULL, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_others_changed_is_told_once),
        CASE(what_a_newly_shared_family_brings_is_no_news),
        CASE(what_waited_when_news_were_told_is_told_once_it_is_applied),
        CASE(what_takes_the_place_of_deleted_entries_is_told),
        CASE(a_rebuild_and_a_second_fetch_tell_nothing_again),
        CASE(the_first_family_of_a_new_device_is_no_news),
        CASE(the_report_counts_what_has_two_versions_since),
    };

    assert_ok(secret_start());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
