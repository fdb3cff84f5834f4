/* Tests of core/agreement. */
#include "core/agreement.h"

#include "tests/unit/two_devices.h"

static size_t seen;

static enum rc
see(void *context, const struct agreement *agreement)
{
    (void)context;
    (void)agreement;
    seen++;
    return RC_OK;
}

static void
an_agreement_is_done_on_one_device_and_changed_on_another_without_conflict(void **state)
{
    struct record_filter open = {.family = world.family, .is_open_only = true, .until = 20240131};
    struct agreement agreement = {.facts.family = world.family,
                                  .text = "Bellen",
                                  .kind = "agreed",
                                  .who = "moeder",
                                  .due = 20240110};
    struct agreement other, out;

    (void)state;
    assert_ok(agreement_put(journal(0), &set, &agreement));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    seen = 0;
    assert_ok(agreement_list(journal(1), &open, see, NULL));
    assert_int_equal(seen, 1);
    other = agreement;
    agreement.is_done = true;
    agreement.done_on = 20240109;
    assert_ok(agreement_put(journal(0), &set, &agreement));
    devices_save_set(&world, 0, &set);
    other.due = 20240120;
    assert_ok(agreement_put(journal(1), &set, &other));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    assert_ok(agreement_get(journal(1), agreement.facts.id, &out, &texts));
    assert_int_equal(out.facts.conflicts, 0);
    assert_true(out.is_done);
    assert_int_equal(out.due, 20240120);
    seen = 0;
    assert_ok(agreement_list(journal(1), &open, see, NULL));
    assert_int_equal(seen, 0);
}

static void
what_is_done_in_one_of_two_versions_stays_in_the_open_list(void **state)
{
    struct record_filter open = {.family = world.family, .is_open_only = true};
    struct agreement agreement = {.facts.family = world.family, .text = "School bellen", .is_done = true};
    struct agreement other, out;

    (void)state;
    assert_ok(agreement_put(journal(0), &set, &agreement));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    other = agreement;
    other.is_done = false;
    assert_ok(agreement_put(journal(0), &set, &other));
    devices_save_set(&world, 0, &set);
    world.device[1].now_ms = world.device[0].now_ms + 60000;
    agreement.done_on = 20240109;
    assert_ok(agreement_put(journal(1), &set, &agreement));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    assert_ok(agreement_get(journal(0), agreement.facts.id, &out, &texts));
    assert_true(out.is_done);
    assert_int_equal(out.facts.conflicts, 1);
    seen = 0;
    assert_ok(agreement_list(journal(0), &open, see, NULL));
    assert_int_equal(seen, 1);
}

static void
what_cannot_be_is_refused(void **state)
{
    struct agreement empty = {.facts.family = world.family, .text = ""};
    struct agreement odd = {.facts.family = world.family, .text = "x", .kind = "shouted"};

    (void)state;
    assert_int_equal(agreement_put(journal(0), &set, &empty), RC_INVALID);
    assert_int_equal(agreement_put(journal(0), &set, &odd), RC_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_agreement_is_done_on_one_device_and_changed_on_another_without_conflict),
        TEST(what_is_done_in_one_of_two_versions_stays_in_the_open_list),
        TEST(what_cannot_be_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
