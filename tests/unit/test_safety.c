/* Tests of core/safety. */
#include "core/safety.h"

#include <string.h>

#include "tests/unit/two_devices.h"

static enum rc
keep(void *context, const struct safety *safety)
{
    struct safety *out = context;

    assert_true(id_is_zero(out->facts.id));
    *out = *safety;
    enum rc rc = texts_copy(&texts, safety->level, &out->level);
    return rc == RC_OK ? texts_copy(&texts, safety->ground, &out->ground) : rc;
}

/* The family's one judgement, as that device shows it. */
static struct safety
only(size_t at)
{
    struct record_filter filter = {.family = world.family};
    struct safety out = {.date = 0};

    assert_ok(safety_list(journal(at), &filter, keep, &out));
    assert_false(id_is_zero(out.facts.id));
    return out;
}

static void
a_judgement_is_written_once_and_its_twin_tells_the_date_alone(void **state)
{
    struct safety safety = {
        .facts.family = world.family, .date = 20240301, .level = "worry", .ground = "blauwe plek"};
    struct safety out;
    struct id author = world.device[0].self.person;

    (void)state;
    assert_ok(safety_put(journal(0), &set, author, &safety));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    out = only(1);
    assert_string_equal(out.level, "worry");
    char *dump = devices_dump(&world, 1, world.index);
    assert_non_null(strstr(dump, "date=20240301"));
    assert_null(strstr(dump, "level"));
    assert_null(strstr(dump, "626c61757765")); /* "blauwe" */
    free(dump);
    out.level = "safe";
    out.reason = "toch niet";
    assert_int_equal(safety_put(journal(1), &set, world.device[1].self.person, &out), RC_DENIED);
    out.is_withdrawn = true;
    out.reason = "verkeerd kind";
    assert_ok(safety_put(journal(0), &set, author, &out));
    devices_save_set(&world, 0, &set);
    assert_true(only(0).is_withdrawn);
}

static void
a_judgement_needs_a_date_a_level_and_a_ground(void **state)
{
    struct safety safety = {.facts.family = world.family, .date = 20240301, .level = "worry"};
    struct id author = world.device[0].self.person;

    (void)state;
    assert_int_equal(safety_put(journal(0), &set, author, &safety), RC_INVALID);
    safety.ground = "x";
    safety.level = "odd";
    assert_int_equal(safety_put(journal(0), &set, author, &safety), RC_INVALID);
    safety.level = "safe";
    safety.date = 0;
    assert_int_equal(safety_put(journal(0), &set, author, &safety), RC_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_judgement_is_written_once_and_its_twin_tells_the_date_alone),
        TEST(a_judgement_needs_a_date_a_level_and_a_ground),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
