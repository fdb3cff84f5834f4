/* Tests of core/member. */
#include "core/member.h"

#include <string.h>

#include "core/schema.h"
#include "tests/unit/two_devices.h"

static char names[100];

static enum rc
append_name(void *context, const struct member *member)
{
    (void)context;
    strncat(names, member->given_name, sizeof names - strlen(names) - 1);
    return RC_OK;
}

static enum rc
see_deleted(void *context, const struct member *member)
{
    (void)context;
    assert_true(member->facts.is_hidden);
    assert_string_equal(member->phone, "07");
    return append_name(NULL, member);
}

static void
put(const char *name, uint32_t birth)
{
    struct member member = {
        .facts.family = world.family, .given_name = name, .birth_date = birth, .relation = "child"};

    assert_ok(member_put(journal(0), &set, &member));
    assert_false(id_is_zero(member.facts.id));
    devices_save_set(&world, 0, &set);
}

static void
members_are_listed_by_birth_date_unknown_last(void **state)
{
    struct record_filter all = {.family = world.family};

    (void)state;
    put("C", 0);
    put("B", 20190101);
    put("A", 19900101);
    names[0] = 0;
    assert_ok(member_list(journal(0), &all, append_name, NULL));
    assert_string_equal(names, "ABC");
}

static void
a_member_is_changed_deleted_and_found_by_a_short_id(void **state)
{
    struct member member = {
        .facts.family = world.family, .given_name = "Zoe\xcc\x88", .phone = "06"};
    struct record_filter only = {.family = world.family};
    struct facts facts;
    char text[ID_TEXT_CHARS + 1];

    (void)state;
    assert_ok(member_put(journal(0), &set, &member));
    devices_save_set(&world, 0, &set);
    id_to_text(member.facts.id, text);
    assert_ok(
        record_find(journal(0), ENTITY_MEMBER, text + ID_TEXT_CHARS - ID_SHORT_CHARS, &facts));
    assert_true(id_equal(facts.id, member.facts.id));
    member.phone = "07";
    assert_ok(member_put(journal(0), &set, &member));
    assert_int_equal(set.changes[0].count, 1);
    devices_save_set(&world, 0, &set);
    assert_ok(change_set_delete(journal(0), &set, world.family, ENTITY_MEMBER, facts.id));
    devices_save_set(&world, 0, &set);
    names[0] = 0;
    assert_ok(member_list(journal(0), &only, append_name, NULL));
    assert_string_equal(names, "");
    only.id = facts.id;
    assert_ok(member_list(journal(0), &only, see_deleted, NULL));
    assert_string_equal(names, "Zo\xc3\xab"); /* NFC */
}

static void
a_short_id_of_several_lists_the_ends_of_their_ids(void **state)
{
    struct id ids[10];
    struct facts facts;
    char whole[2][ID_TEXT_CHARS + 1];

    (void)state;
    /* Made-up ids whose last 32 bits are the same, as are six characters of their text. */
    for (uint8_t i = 0; i < 10; i++) {
        struct member member = {.facts.family = world.family, .given_name = "A"};
        ids[i] = devices_id(7, 7);
        ids[i].bytes[11] = (uint8_t)(i + 1);
        member.facts.id = ids[i];
        if (i < 2)
            id_to_text(ids[i], whole[i]);
        assert_ok(member_put(journal(0), &set, &member));
        devices_save_set(&world, 0, &set);
        enum rc rc =
            record_find(journal(0), ENTITY_MEMBER, whole[0] + ID_TEXT_CHARS - 6, &facts);
        assert_int_equal(rc, i == 0 ? RC_OK : RC_AMBIGUOUS);
        if (i == 1) {
            assert_non_null(strstr(rc_sentence(), whole[0] + ID_TEXT_CHARS - 9));
            assert_non_null(strstr(rc_sentence(), whole[1] + ID_TEXT_CHARS - 9));
            assert_null(strstr(rc_sentence(), "..."));
        }
    }
    assert_non_null(strstr(rc_sentence(), ", ...")); /* no more than eight */
    assert_ok(record_find(journal(0), ENTITY_MEMBER, whole[1] + ID_TEXT_CHARS - 9, &facts));
    assert_true(id_equal(facts.id, ids[1]));
}

static void
a_member_needs_a_name_and_a_family(void **state)
{
    struct member nameless = {.facts.family = world.family};
    struct member homeless = {.given_name = "A"};

    (void)state;
    assert_int_equal(member_put(journal(0), &set, &nameless), RC_INVALID);
    assert_int_equal(member_put(journal(0), &set, &homeless), RC_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(members_are_listed_by_birth_date_unknown_last),
        TEST(a_member_is_changed_deleted_and_found_by_a_short_id),
        TEST(a_short_id_of_several_lists_the_ends_of_their_ids),
        TEST(a_member_needs_a_name_and_a_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
