/* Tests of core/rules: what a merge makes is found, on both devices alike, until somebody says that it is as it should be. */
#include "core/rules.h"

#include <string.h>

#include "core/family.h"
#include "core/goal.h"
#include "tests/support/casework.h"
#include "tests/unit/two_devices.h"

static char found[2000];

static enum rc
see(void *context, const struct rule_finding *finding)
{
    size_t len = strlen(found);

    (void)context;
    snprintf(found + len, sizeof found - len, "%s %u %s\n", finding->rule, (unsigned)finding->date,
             finding->text == NULL ? "-" : finding->text);
    return RC_OK;
}

static void
assert_found(size_t device, const char *expected)
{
    found[0] = 0;
    assert_ok(rules_list(journal(device), CASEWORK_TODAY, see, NULL));
    assert_string_equal(found, expected);
}

static void
name_family(size_t device, struct id id, const char *code_name, uint32_t closed)
{
    struct family family = {.facts = {.id = id, .family = id}, .code_name = code_name, .closed = closed};

    assert_ok(family_put(journal(device), &set, &family));
    devices_save_set(&world, device, &set);
}

static void
save_family(size_t device, const char *code_name, uint32_t closed)
{
    name_family(device, world.family, code_name, closed);
}

static void
good_work_gives_no_findings(void **state)
{
    (void)state;
    casework_fill(&world);
    devices_sync(&world);
    assert_found(0, "");
    assert_found(1, "");
}

static void
what_two_made_together_is_found_by_both(void **state)
{
    (void)state;
    save_family(0, "Duin", 0);
    devices_sync(&world);
    /* One ends the help, the other visits; both write down the same goal. */
    save_family(1, "Duin", 20240301);
    casework_contact(&world, 20240305, "visit", 0, "x");
    devices_sync(&world);
    assert_found(0, "visit-after-close 20240305 -\n");
    assert_found(1, "visit-after-close 20240305 -\n");
    save_family(0, "Duin", 0);
    casework_goal(&world, "Samen eten", 0, "open");
    casework_goal(&world, "Samen eten", 0, "open");
    casework_goal(&world, "Samen eten", 0, "reached");
    casework_agreement(&world, "School bellen", 20240401, false);
    casework_agreement(&world, "School bellen", 20240401, false);
    casework_agreement(&world, "School bellen", 20240501, false);
    casework_member(&world, "Mo", 20190203);
    casework_member(&world, "Mo", 20190203);
    casework_contact(&world, 20240401, "visit", 0, "not yet");
    devices_sync(&world);
    assert_found(1, "agreement-twice 0 School bellen\n"
                    "goal-twice 0 Samen eten\n"
                    "member-twice 0 Mo\n"
                    "visit-in-future 20240401 -\n");
}

/* Which two a finding is about. */
static enum rc
keep_pair(void *context, const struct rule_finding *finding)
{
    memcpy(context, finding->records, sizeof finding->records);
    return RC_OK;
}

/* Of three of one name each is told of once, and of none whose help was ended. */
static void
two_families_of_one_name_are_found_by_both(void **state)
{
    const struct id families[] = {world.family, devices_id(3, 2), devices_id(3, 3)};
    struct id pair[RULES_RECORDS];

    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (unsigned k = 1; k < 3; k++) {
            assert_ok(journal_add_stream(journal(i), devices_id(5, 2 * k), STREAM_INDEX, families[k]));
            assert_ok(journal_add_stream(journal(i), devices_id(5, 2 * k + 1), STREAM_FILE, families[k]));
        }
    name_family(0, families[0], "Duin", 0);
    name_family(1, families[1], "Duin", 0);
    name_family(1, families[2], "Zee", 0);
    assert_found(0, ""); /* each sees their own alone */
    assert_found(1, "");
    devices_sync(&world);
    for (size_t i = 0; i < 2; i++) {
        assert_found(i, "name-twice 0 Duin\n");
        assert_ok(rules_list(journal(i), CASEWORK_TODAY, keep_pair, pair));
        assert_true(id_equal(pair[0], families[0]));
        assert_true(id_equal(pair[1], families[1]));
    }
    name_family(0, families[2], "Duin", 0);
    devices_sync(&world);
    assert_found(1, "name-twice 0 Duin\nname-twice 0 Duin\n");
    name_family(1, families[1], "Duin", 20240301);
    devices_sync(&world);
    assert_found(0, "name-twice 0 Duin\n"); /* the first and the third */
    name_family(0, families[2], "Zee", 0);
    devices_sync(&world);
    assert_found(0, "");
    assert_found(1, "");
    name_family(0, families[2], "D\u00dcIN", 0); /* typed so, the lookup finds both */
    name_family(1, families[1], "d\u00fcin", 0);
    devices_sync(&world);
    assert_found(0, "name-twice 0 d\u00fcin\n");
}

static void
a_family_without_a_name_is_found(void **state)
{
    (void)state;
    casework_contact(&world, 20240305, "visit", 0, "x");
    devices_sync(&world);
    assert_found(1, "family-without-name 0 -\n");
}

static enum rc
keep(void *context, const struct rule_finding *finding)
{
    struct rule_finding *kept = context;

    *kept = *finding;
    return RC_OK;
}

static enum rc
count(void *context, const struct rule_finding *finding)
{
    (void)finding;
    ++*(unsigned *)context;
    return RC_OK;
}

static void
a_dismissal_holds_on_every_device_and_two_are_one_record(void **state)
{
    struct rule_finding at[2];
    struct rules_known before, now;

    (void)state;
    save_family(0, "Duin", 0);
    assert_ok(rules_know(journal(1), CASEWORK_TODAY, &before));
    casework_goal(&world, "Samen eten", 0, "open");
    casework_goal(&world, "Samen eten", 0, "open");
    devices_sync(&world);
    assert_ok(rules_know(journal(1), CASEWORK_TODAY, &now));
    assert_int_equal(rules_new(&before, &now), 1);
    assert_int_equal(rules_new(&now, &now), 0);
    rules_known_free(&before);
    rules_known_free(&now);
    for (size_t i = 0; i < 2; i++) { /* each by itself, before they meet */
        assert_ok(rules_list(journal(i), CASEWORK_TODAY, keep, &at[i]));
        assert_ok(rules_dismiss(journal(i), &set, &at[i], "one for each child"));
        devices_save_set(&world, i, &set);
        assert_found(i, "");
    }
    assert_true(id_equal(at[0].id, at[1].id));
    devices_sync(&world);
    assert_found(0, "");
    assert_found(1, "");
    char *dumps[2] = {devices_dump(&world, 0, world.file), devices_dump(&world, 1, world.file)};
    assert_string_equal(dumps[0], dumps[1]);
    free(dumps[0]);
    free(dumps[1]);
    /* A third goal is another finding. */
    casework_goal(&world, "Samen eten", 0, "open");
    devices_sync(&world);
    unsigned findings = 0; /* two, when its id falls between theirs */
    assert_ok(rules_list(journal(1), CASEWORK_TODAY, count, &findings));
    assert_in_range(findings, 1, 2);
}

static enum rc
keep_dismissed(void *context, const struct rule_finding *finding)
{
    struct rule_finding *kept = context;

    assert_true(finding->is_dismissed);
    assert_string_equal(finding->reason, "one for each child");
    *kept = *finding;
    return RC_OK;
}

static void
a_dismissal_can_be_taken_back_by_whoever_sees_otherwise(void **state)
{
    struct rule_finding at, seen, again;
    char name[ID_TEXT_CHARS + 1];

    (void)state;
    save_family(0, "Duin", 0);
    casework_goal(&world, "Samen eten", 0, "open");
    casework_goal(&world, "Samen eten", 0, "open");
    devices_sync(&world);
    assert_ok(rules_list(journal(0), CASEWORK_TODAY, keep, &at));
    assert_int_equal(rules_reopen(journal(0), &set, &at, "nothing to take back"), RC_STALE);
    assert_ok(rules_dismiss(journal(0), &set, &at, "one for each child"));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    assert_found(1, "");
    assert_ok(rules_list_all(journal(1), CASEWORK_TODAY, keep_dismissed, &seen));
    assert_true(id_equal(seen.by, world.device[0].self.person));
    assert_true(seen.at_ms > 0);
    id_to_text(seen.id, name);
    assert_ok(rules_find(journal(1), CASEWORK_TODAY, name, &again)); /* a dismissed one can be named */
    assert_ok(rules_reopen(journal(1), &set, &again, "it is one child"));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    assert_found(0, "goal-twice 0 Samen eten\n");
    assert_found(1, "goal-twice 0 Samen eten\n");
}

/* Each pair of a thousand would be half a million findings, asked for in every exchange. */
static void
a_thousand_alike_are_not_half_a_million_findings(void **state)
{
    struct goal goal = {.facts = {.family = world.family}, .text = "Samen eten"};
    unsigned findings = 0;

    (void)state;
    save_family(0, "Duin", 0);
    for (int i = 0; i < 1000; i++) {
        goal.facts.id = (struct id){{0}};
        assert_ok(goal_put(journal(0), &set, &goal));
    }
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    assert_ok(rules_list(journal(1), CASEWORK_TODAY, count, &findings));
    assert_int_equal(findings, 999);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_work_gives_no_findings),
        TEST(what_two_made_together_is_found_by_both),
        TEST(two_families_of_one_name_are_found_by_both),
        TEST(a_family_without_a_name_is_found),
        TEST(a_dismissal_holds_on_every_device_and_two_are_one_record),
        TEST(a_dismissal_can_be_taken_back_by_whoever_sees_otherwise),
        TEST(a_thousand_alike_are_not_half_a_million_findings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
