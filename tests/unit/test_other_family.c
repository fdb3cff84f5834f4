/* What a colleague who may write one family's file writes under another family's id: it says nothing of that family. */
#include <string.h>

#include "core/caseload.h"
#include "core/family.h"
#include "core/goal.h"
#include "core/rules.h"
#include "core/standing.h"
#include "core/today.h"
#include "tests/support/casework.h"
#include "tests/unit/two_devices.h"

/* The colleague's own family came to this device first, so its rows stand first. */
static struct id theirs;

static int
set_up_two(void **state)
{
    set_up(state);
    theirs = devices_id(3, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(journal_add_stream(journal(i), devices_id(5, 1), STREAM_INDEX, theirs));
        assert_ok(journal_add_stream(journal(i), devices_id(5, 2), STREAM_FILE, theirs));
        world.device[i].self.functions = FUNCTION_COACH;
    }
    return 0;
}

/* What the domain's own functions build, sent to the streams of the colleague's own family. */
static void
save_elsewhere(void)
{
    for (size_t i = 0; i < set.count; i++)
        set.changes[i].stream = id_equal(set.changes[i].stream, devices_id(5, 1)) ? world.index : world.file;
    devices_save_set(&world, 0, &set);
}

static void
put_family(size_t device, struct id family, const char *code_name, uint32_t closed)
{
    struct family row = {.facts = {.id = family, .family = family}, .code_name = code_name, .closed = closed};

    assert_ok(family_put(journal(device), &set, &row));
    if (device == 1)
        devices_save_set(&world, 1, &set);
    else
        save_elsewhere();
}

static void
put_profile(size_t device, const char *address)
{
    struct profile profile = {.facts = {.id = theirs, .family = theirs}, .address = address};

    assert_ok(profile_put(journal(device), &set, &profile));
    if (device == 1)
        devices_save_set(&world, 1, &set);
    else
        save_elsewhere();
}

static void
put_veto(size_t device, const char *word)
{
    struct standing standing = {.what = "veto", .word = word, .date = 20250301, .note = word};

    assert_ok(standing_put(journal(device), &set, &world.device[device].self, theirs, &standing));
    if (device == 1)
        devices_save_set(&world, 1, &set);
    else
        save_elsewhere();
}

static enum rc
see_veto(void *context, const struct standing *standing)
{
    char *word = context;

    if (strcmp(standing->what, "veto") == 0)
        snprintf(word, 40, "%s", standing->word == NULL ? "-" : standing->word);
    return RC_OK;
}

static void
what_protects_a_family_is_read_from_its_own_file(void **state)
{
    (void)state;
    char word[40] = "";

    put_veto(0, "lifted");
    devices_sync(&world);
    assert_ok(standing_list(journal(1), theirs, see_veto, word));
    assert_string_equal(word, "-");
    put_veto(1, "stands");
    devices_sync(&world);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(standing_list(journal(i), theirs, see_veto, word));
        assert_string_equal(word, "stands");
    }
}

static void
where_a_family_lives_is_read_from_its_own_file(void **state)
{
    (void)state;
    struct profile profile;

    put_profile(0, "elsewhere");
    devices_sync(&world);
    assert_int_equal(profile_get(journal(1), theirs, &profile, &texts), RC_ABSENT);
    put_profile(1, "home");
    devices_sync(&world);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(profile_get(journal(i), theirs, &profile, &texts));
        assert_string_equal(profile.address, "home");
    }
    texts_wipe(&texts);
}

static char seen[2000];

static enum rc
see_family(void *context, const struct family *family)
{
    (void)context;
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", family->code_name);
    return RC_OK;
}

static enum rc
see_finding(void *context, const struct rule_finding *finding)
{
    (void)context;
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s %s; ", finding->rule,
                   finding->family_name == NULL ? "-" : finding->family_name);
    return RC_OK;
}

static enum rc
see_item(void *context, const struct today_item *item)
{
    (void)context;
    (void)snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s; ",
                   item->family_name == NULL ? "-" : item->family_name);
    return RC_OK;
}

static void
what_a_family_is_called_stands_in_its_own_index(void **state)
{
    (void)state;
    struct record_filter all = {.limit = 0};
    struct family family;
    struct id found;

    put_family(0, theirs, "Vos", 20200101);
    put_family(1, theirs, "Duin", 0);
    devices_sync(&world);
    assert_ok(family_get(journal(1), theirs, &family, &texts));
    assert_string_equal(family.code_name, "Duin");
    texts_wipe(&texts);
    assert_ok(family_list(journal(1), &all, see_family, NULL));
    assert_string_equal(seen, "Duin ");
    assert_int_equal(family_find(journal(1), "Vos", &found), RC_ABSENT);
    assert_ok(family_find(journal(1), "Duin", &found));
    assert_true(id_equal(found, theirs));
}

static void
tasks_and_findings_go_by_the_familys_own_name(void **state)
{
    (void)state;
    struct family own = {.facts = {.id = world.family, .family = world.family}, .code_name = "Own"};

    assert_ok(family_put(journal(0), &set, &own));
    devices_save_set(&world, 0, &set);
    put_family(0, theirs, "Vos", 0);
    put_family(1, theirs, "Duin", 0);
    for (int i = 0; i < 2; i++) {
        struct goal goal = {.facts = {.family = theirs}, .text = "same", .deadline = 20240101};
        assert_ok(goal_put(journal(1), &set, &goal));
        devices_save_set(&world, 1, &set);
    }
    devices_sync(&world);
    seen[0] = '\0';
    assert_ok(rules_list(journal(1), CASEWORK_TODAY, see_finding, NULL));
    assert_string_equal(seen, "goal-twice Duin; ");
    seen[0] = '\0';
    assert_ok(today_list(journal(1), CASEWORK_TODAY, see_item, NULL));
    assert_string_equal(seen, "Duin; Duin; ");
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_two, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_protects_a_family_is_read_from_its_own_file),
        TEST(where_a_family_lives_is_read_from_its_own_file),
        TEST(what_a_family_is_called_stands_in_its_own_index),
        TEST(tasks_and_findings_go_by_the_familys_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
