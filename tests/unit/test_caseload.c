/* Tests of core/caseload. */
#include "core/caseload.h"

#include "core/family.h"
#include "tests/support/casework.h"
#include "tests/unit/two_devices.h"

static struct caseload_line line;
static size_t lines;
static char kind[20], name[20];

static enum rc
see(void *context, const struct caseload_line *one)
{
    (void)context;
    line = *one;
    lines++;
    snprintf(kind, sizeof kind, "%s", one->last_kind == NULL ? "" : one->last_kind);
    snprintf(name, sizeof name, "%s", one->code_name == NULL ? "" : one->code_name);
    return RC_OK;
}

static void
the_figures_come_from_the_index_alone(void **state)
{
    (void)state;
    casework_fill(&world);
    for (size_t i = 0; i < world.sent_count;
         i++) /* device 1 is a coordinator's: it never gets the file */
        if (id_equal(world.sent[i].stream, world.index))
            assert_ok(devices_apply(&world, 1, i));
    for (size_t device = 0; device < 2; device++) {
        lines = 0;
        assert_ok(caseload_list(journal(device), CASEWORK_TODAY, false, see, NULL));
        assert_int_equal(lines, 1);
        assert_string_equal(name, "Duin");
        assert_string_equal(kind, "call");
        assert_int_equal(line.last_contact, 20240305);
        assert_int_equal(line.contacts_30_days, 3);
        assert_int_equal(line.open_goals, 2);
        assert_int_equal(line.next_deadline, 20240601);
        assert_int_equal(line.overdue_goals, 1);
        assert_int_equal(line.overdue_agreements, 1);
        assert_int_equal(line.last_safety, 20240303);
        assert_int_equal(line.conflicts, 0);
    }
}

static void
closed_families_are_listed_when_asked(void **state)
{
    struct family family = {.facts.id = world.family, .code_name = "Duin", .closed = 20240301};

    (void)state;
    lines = 0;
    assert_ok(caseload_list(journal(0), CASEWORK_TODAY, false, see, NULL));
    assert_int_equal(lines, 1); /* no line of the family yet, but its index is here */
    assert_string_equal(name, "");
    assert_ok(family_put(journal(0), &set, &family));
    devices_save_set(&world, 0, &set);
    lines = 0;
    assert_ok(caseload_list(journal(0), CASEWORK_TODAY, false, see, NULL));
    assert_int_equal(lines, 0);
    assert_ok(caseload_list(journal(0), CASEWORK_TODAY, true, see, NULL));
    assert_int_equal(lines, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_figures_come_from_the_index_alone),
        TEST(closed_families_are_listed_when_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
