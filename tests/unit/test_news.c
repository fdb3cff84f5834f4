/* Tests of sync/news: what others changed is told once, also after a kill before the telling, and never what was there before. */
#include "sync/replica.h"

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

    assert_ok(replica_assign(office.devices[0].replica, &office.devices[0].transport, family,
                             office.devices[1].person, LEDGER_COACH));
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
    assert_ok(replica_assign(office.devices[0].replica, &office.devices[0].transport, family,
                             office.devices[1].person, LEDGER_COACH));
    office_sync_all(&office, 2, 2);
    assert_news(1, 0, "");
    office_visit(&office, 0, family, "of today");
    office_sync_all(&office, 2, 2);
    assert_news(1, 0, "also contact.report\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(what_others_changed_is_told_once, NULL, office_tear_down, &office),
        cmocka_unit_test_prestate_setup_teardown(what_a_newly_shared_family_brings_is_no_news, NULL, office_tear_down,
                                                 &office),
    };

    assert_ok(secret_start());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
