/* Tests of core/standing. */
#include "core/standing.h"

#include <string.h>

#include "tests/unit/two_devices.h"

/* Device 0 is a coach's, device 1 a scientist's. */
static const struct author *
self(size_t device)
{
    world.device[device].self.functions = device == 0 ? FUNCTION_COACH : FUNCTION_SCIENTIST;
    return &world.device[device].self;
}

static enum rc
say(size_t device, const char *what, const char *word, const char *note)
{
    struct standing standing = {.what = what, .word = word, .date = 20250301, .note = note};
    enum rc rc = standing_put(journal(device), &set, self(device), world.family, &standing);

    if (rc == RC_OK)
        devices_save_set(&world, device, &set);
    else
        change_set_wipe(&set);
    return rc;
}

struct asked {
    const char *what;
    size_t count;
    char word[20];
    char note[20];
    uint32_t date;
    bool is_held, is_conflict;
};

static enum rc
see(void *context, const struct standing *standing)
{
    struct asked *asked = context;

    asked->count++;
    if (strcmp(standing->what, asked->what) != 0)
        return RC_OK;
    snprintf(asked->word, sizeof asked->word, "%s", standing->word == NULL ? "-" : standing->word);
    snprintf(asked->note, sizeof asked->note, "%s", standing->note == NULL ? "-" : standing->note);
    asked->date = standing->date;
    asked->is_held = standing->is_held;
    asked->is_conflict = standing->is_conflict;
    return RC_OK;
}

static struct asked
look(size_t device, const char *what)
{
    struct asked asked = {.what = what};

    assert_ok(standing_list(journal(device), world.family, see, &asked));
    assert_int_equal(asked.count, 4);
    return asked;
}

static void
what_was_said_comes_back_and_the_rest_was_not_said(void **state)
{
    (void)state;
    assert_string_equal(look(0, "consent").word, "-");
    assert_ok(say(0, "consent", "limited", "alleen moeder"));
    devices_sync(&world);
    struct asked asked = look(1, "consent");
    assert_string_equal(asked.word, "limited");
    assert_string_equal(asked.note, "alleen moeder");
    assert_int_equal(asked.date, 20250301);
    assert_false(asked.is_held);
    assert_false(asked.is_conflict);
    assert_string_equal(look(1, "veto").word, "-");
}

static void
words_that_are_none_are_refused(void **state)
{
    (void)state;
    assert_int_equal(say(0, "consent", "perhaps", NULL), RC_INVALID);
    assert_non_null(strstr(rc_sentence(), "given, limited, refused"));
    assert_int_equal(say(0, "consent", NULL, NULL), RC_INVALID);
    assert_int_equal(say(0, "weather", "given", NULL), RC_INVALID);
}

static void
who_may_not_protect_less_is_refused_before(void **state)
{
    (void)state;
    assert_ok(say(1, "consent", "refused", NULL));
    assert_ok(say(1, "safety", "worry", NULL));
    devices_sync(&world);
    assert_int_equal(say(1, "consent", "given", NULL), RC_DENIED);
    assert_ok(say(0, "consent", "given", NULL));
    assert_string_equal(look(0, "consent").word, "given");
    assert_ok(say(0, "safety", "safe", NULL)); /* one of the two that it takes */
    assert_string_equal(look(0, "safety").word, "worry");
    assert_true(look(0, "safety").is_conflict);
    devices_sync(&world);
    assert_ok(say(1, "safety", "safe", NULL));
    assert_string_equal(look(1, "safety").word, "safe");
    assert_false(look(1, "safety").is_conflict);
}

static void
a_held_word_says_that_it_is_held(void **state)
{
    (void)state;
    assert_ok(say(0, "visibility", "named", NULL));
    devices_hold(&world, 1, 0);
    assert_string_equal(look(1, "visibility").word, "named");
    assert_true(look(1, "visibility").is_held);
    assert_false(look(1, "visibility").is_conflict);
    assert_false(look(0, "visibility").is_held);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_said_comes_back_and_the_rest_was_not_said),
        TEST(words_that_are_none_are_refused),
        TEST(who_may_not_protect_less_is_refused_before),
        TEST(a_held_word_says_that_it_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
