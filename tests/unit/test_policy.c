/* Tests of core/policy: who may resolve, and what protects more. */
#include "core/policy.h"

#include "core/change.h"
#include "core/schema.h"
#include "tests/unit/unit.h"

static void
each_policy_asks_for_who_its_units_are_up_to(void **state)
{
    static const struct {
        uint32_t entity, unit;
        struct policy_asker asker;
        enum rc rc;
    } asked[] = {
        {ENTITY_GOAL, 1, {0, false, false}, RC_OK},
        {ENTITY_GOAL, 2, {0, false, false}, RC_OK},
        {ENTITY_CONTACT, 2, {0, false, false}, RC_OK},
        {ENTITY_CONTACT, 1, {FUNCTION_OWNER | FUNCTION_COACH, false, false}, RC_DENIED},
        {ENTITY_CONTACT, 1, {0, true, false}, RC_OK},
        {ENTITY_FAMILY, 2, {FUNCTION_COACH | FUNCTION_SCIENTIST, true, false}, RC_DENIED},
        {ENTITY_FAMILY, 2, {FUNCTION_OWNER, false, false}, RC_OK},
        {ENTITY_FAMILY, 2, {FUNCTION_COORDINATOR, false, false}, RC_OK},
        {ENTITY_STANDING, 1, {0, false, false}, RC_OK},
        {ENTITY_STANDING, 1, {FUNCTION_SCIENTIST | FUNCTION_COORDINATOR, true, true}, RC_DENIED},
        {ENTITY_STANDING, 1, {FUNCTION_COACH, false, true}, RC_OK},
        {ENTITY_STANDING, 4, {FUNCTION_SCIENTIST, false, true}, RC_OK},
        {ENTITY_STANDING, 4, {FUNCTION_OWNER, false, true}, RC_DENIED},
        {ENTITY_GOAL, UNIT_MOVED, {0, false, false}, RC_OK},
        {ENTITY_GOAL, UNIT_MOVED, {FUNCTION_SCIENTIST, false, true}, RC_DENIED},
        {1000, 1, {0, false, false}, RC_OK}, /* of a newer program: kept, and nobody is stopped */
    };

    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        assert_int_equal(policy_may_resolve(asked[i].entity, asked[i].unit, &asked[i].asker), asked[i].rc);
}

static unsigned
rank_of(uint32_t entity, uint32_t unit, const char *word, const char *note)
{
    struct buf value = BUF_EMPTY(1000);

    assert_ok(value_put_text(&value, 1, word));
    assert_ok(value_put_text(&value, 3, note));
    if (value.len == 0)
        assert_ok(buf_put_u8(&value, 0));
    unsigned rank = policy_rank(entity, unit, value.data, value.len);
    buf_wipe(&value);
    return rank;
}

static void
a_word_ranks_by_its_place_and_an_unknown_one_above_all(void **state)
{
    (void)state;
    assert_int_equal(rank_of(ENTITY_STANDING, 1, NULL, NULL), 0);
    assert_int_equal(rank_of(ENTITY_STANDING, 1, "given", "a note changes nothing"), 1);
    assert_int_equal(rank_of(ENTITY_STANDING, 1, "limited", NULL), 2);
    assert_int_equal(rank_of(ENTITY_STANDING, 1, "refused", NULL), 3);
    assert_int_equal(rank_of(ENTITY_STANDING, 1, "refused-by-court", NULL), 4);
    assert_int_equal(rank_of(ENTITY_STANDING, 1, "ref", NULL), 4);
    assert_int_equal(rank_of(ENTITY_STANDING, 1, NULL, "a note without its word"), 4);
    assert_int_equal(rank_of(ENTITY_GOAL, 1, "given", NULL), 0);
    assert_int_equal(rank_of(ENTITY_GOAL, UNIT_MOVED, "anything", NULL), 1);
    assert_int_equal(rank_of(ENTITY_GOAL, UNIT_MOVED, NULL, NULL), 0);
}

static void
what_protects_less_relaxes(void **state)
{
    struct buf given = BUF_EMPTY(100), refused = BUF_EMPTY(100);

    (void)state;
    assert_ok(value_put_text(&given, 1, "given"));
    assert_ok(value_put_text(&refused, 1, "refused"));
    assert_true(policy_relaxes(ENTITY_STANDING, 1, given.data, given.len, refused.data, refused.len));
    assert_false(policy_relaxes(ENTITY_STANDING, 1, refused.data, refused.len, given.data, given.len));
    assert_false(policy_relaxes(ENTITY_STANDING, 1, given.data, given.len, given.data, given.len));
    assert_false(policy_relaxes(ENTITY_GOAL, 1, given.data, given.len, refused.data, refused.len));
    buf_wipe(&given);
    buf_wipe(&refused);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_policy_asks_for_who_its_units_are_up_to),
        cmocka_unit_test(a_word_ranks_by_its_place_and_an_unknown_one_above_all),
        cmocka_unit_test(what_protects_less_relaxes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
