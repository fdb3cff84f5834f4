/* Tests of core/search. */
#include "core/search.h"

#include <string.h>

#include "core/contact.h"
#include "tests/unit/two_devices.h"

static char found[500];
static size_t hits;

static enum rc
see(void *context, const struct search_hit *hit)
{
    (void)context;
    hits++;
    snprintf(found, sizeof found, "%u %u %s", (unsigned)hit->entity, (unsigned)hit->date,
             hit->snippet);
    assert_true(id_equal(hit->family, world.family));
    return RC_OK;
}

static size_t
look(size_t device, const char *words)
{
    struct id any = {{0}};

    hits = 0;
    found[0] = 0;
    assert_ok(search(journal(device), words, any, 0, see, NULL));
    return hits;
}

static struct contact
put_note(size_t device, const char *note)
{
    struct contact contact = CONTACT_EMPTY;

    contact.facts.family = world.family;
    contact.date = 20240301;
    contact.note = note;
    assert_ok(contact_put(journal(device), &set, world.device[device].self.person, &contact));
    devices_save_set(&world, device, &set);
    return contact;
}

static void
words_are_found_whatever_their_accents_case_and_order(void **state)
{
    (void)state;
    put_note(0, "Zo\xc3\xab at vandaag twee cr\xc3\xaapes");
    assert_int_equal(look(0, "ZOE"), 1);
    assert_int_equal(look(0, "crepes zo\xc3\xab"), 1);
    assert_int_equal(look(0, "twee cre"), 1); /* the last word may be a beginning */
    assert_int_equal(look(0, "cre twee"), 0);
    assert_int_equal(look(0, "drie"), 0);
    assert_int_equal(look(0, "zoe"), 1);
    assert_non_null(strstr(found, "4 20240301 " SEARCH_OPEN));
}

static void
merged_rows_are_found_at_the_next_search(void **state)
{
    (void)state;
    put_note(0, "zonnebloem");
    assert_int_equal(look(1, "zonnebloem"), 0);
    devices_sync(&world);
    assert_int_equal(look(1, "zonnebloem"), 1);
}

static void
an_amended_note_is_found_by_its_new_words_alone(void **state)
{
    struct contact contact = put_note(0, "zonnebloem");

    (void)state;
    contact.note = "paardenbloem";
    contact.reason = "typefout";
    assert_ok(contact_put(journal(0), &set, world.device[0].self.person, &contact));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    for (size_t d = 0; d < 2; d++) {
        assert_int_equal(look(d, "zonnebloem"), 0);
        assert_int_equal(look(d, "paardenbloem"), 1);
    }
    assert_ok(journal_purge_stream(journal(1), world.file));
    assert_int_equal(look(1, "paardenbloem"), 0);
}

static void
nothing_a_user_types_is_an_operator(void **state)
{
    static const char *const odd[] = {"\"",    "a\"b",           "text:zon", "zon AND", "NOT zon",
                                      "zon*",  "(zon",           "-zon",     "{zon}",   "^zon",
                                      "a + b", "NEAR(zon maan)", "zon \x01"};
    struct id any = {{0}};

    (void)state;
    put_note(0, "zon");
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        enum rc rc = search(journal(0), odd[i], any, 0, see, NULL);
        assert_true(rc == RC_OK || rc == RC_INVALID);
    }
    assert_int_equal(search(journal(0), " -- ", any, 0, see, NULL), RC_INVALID);
    assert_int_equal(search(journal(0), "", any, 0, see, NULL), RC_INVALID);
    assert_int_equal(look(0, "\"zon\""), 1);
}

static void
a_search_in_one_family_leaves_out_the_others(void **state)
{
    hits = 0;

    (void)state;
    put_note(0, "zon");
    assert_ok(search(journal(0), "zon", devices_id(3, 9), 0, see, NULL));
    assert_int_equal(hits, 0);
    assert_ok(search(journal(0), "zon", world.family, 0, see, NULL));
    assert_int_equal(hits, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_are_found_whatever_their_accents_case_and_order),
        TEST(merged_rows_are_found_at_the_next_search),
        TEST(an_amended_note_is_found_by_its_new_words_alone),
        TEST(nothing_a_user_types_is_an_operator),
        TEST(a_search_in_one_family_leaves_out_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
