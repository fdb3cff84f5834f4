/* Tests of the schema table itself: numbers that are for ever, and the SQL made of it. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/schema.h"

static void
numbers_rise_and_names_are_slugs(void **state)
{
    (void)state;
    for (size_t e = 0; e < schema_entity_count; e++) {
        const struct schema_entity *entity = &schema_entities[e];
        assert_int_equal(entity->number, e + 1);
        assert_ptr_equal(schema_entity(entity->number), entity);
        for (size_t u = 0; u < entity->unit_count; u++) {
            const struct schema_unit *unit = &entity->units[u];
            assert_int_equal(unit->number, u + 1);
            assert_true(unit->policy >= POLICY_KEEP && unit->policy <= POLICY_HUMAN);
            assert_true(unit->field_count > 0 && unit->field_count <= CHANGE_FIELDS);
            for (size_t f = 0; f < unit->field_count; f++)
                assert_int_equal(unit->fields[f].number, f + 1);
        }
    }
}

/* One line per unit: what was released never changes, so this text only grows. */
static void
the_table_is_what_was_released(void **state)
{
    static const char expected[] =
        "1 family.name keep code_name:2\n"
        "1 family.phase human phase:2 since:5\n"
        "1 family.dates keep opened:5 closed:5\n"
        "2 profile.names keep surname:2\n"
        "2 profile.address keep address:2\n"
        "2 profile.reach keep reach:2\n"
        "2 profile.unsafe keep unsafe:2\n"
        "3 member.name keep given_name:2 surname:2\n"
        "3 member.birth keep birth_date:5\n"
        "3 member.relation last relation:2\n"
        "3 member.lives keep lives_where:2\n"
        "3 member.phone last phone:2\n"
        "4 contact.report once kind:2t date:5t time:1 note:2 minutes:1t next:5 reason:2 "
        "withdrawn:1t\n"
        "4 contact.participants set person:4 text:2\n"
        "5 goal.goal keep text:2 measure:2 deadline:5t holder:2 status:2t\n"
        "5 goal.level last level:2\n"
        "6 agreement.agreement keep text:2 kind:2 who:2 due:5t\n"
        "6 agreement.done keep done:1t done_on:5 done_how:2\n"
        "7 safety.judgement once date:5t level:2 ground:2 shared_with:2 reason:2 withdrawn:1t\n"
        "8 absence.period keep person:4 from_date:5 until_date:5 kind:2 note:2\n"
        "9 assent.answer keep cover:4 person:4 answer:2 date:5\n"
        "10 standing.consent strict consent:2 consent_date:5 consent_note:2 (given limited refused)\n"
        "10 standing.veto strict veto:2 veto_date:5 veto_note:2 (lifted stands)\n"
        "10 standing.visibility strict visibility:2 visibility_date:5 visibility_note:2 (open coaches named)\n"
        "10 standing.safety strict safety:2 safety_date:5 safety_note:2 (safe worry unsafe) of two\n"
        "11 dismissal.dismissal last rule:2 dismissed:1 dismissal_reason:2\n";
    struct buf out = BUF_EMPTY(8192);

    (void)state;
    for (size_t e = 0; e < schema_entity_count; e++) {
        for (size_t u = 0; u < schema_entities[e].unit_count; u++) {
            const struct schema_unit *unit = &schema_entities[e].units[u];
            assert_ok(buf_printf(&out, "%u %s.%s %s", (unsigned)schema_entities[e].number,
                                 schema_entities[e].name, unit->name,
                                 schema_policy_name(unit->policy)));
            for (size_t f = 0; f < unit->field_count; f++)
                assert_ok(buf_printf(&out, " %s:%d%s", unit->fields[f].name,
                                     (int)unit->fields[f].type,
                                     (unit->fields[f].flags & SCHEMA_TWIN) != 0 ? "t" : ""));
            for (size_t w = 0; unit->protection != NULL && unit->protection[w] != NULL; w++)
                assert_ok(buf_printf(&out, "%s%s%s", w == 0 ? " (" : " ", unit->protection[w],
                                     unit->protection[w + 1] == NULL ? ")" : ""));
            assert_ok(buf_printf(&out, "%s\n", unit->needs_two ? " of two" : ""));
        }
    }
    assert_string_equal(buf_text(&out), expected);
    buf_wipe(&out);
}

/* The columns that the program fills by itself for each row. */
static bool
is_own_column(const char *text, const char *end)
{
    static const char *const own[] = {"rid INTEGER", "s INTEGER", "id BLOB", "hidden INTEGER", "conflicts INTEGER", "changed INTEGER"};

    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        size_t len = strlen(own[i]);
        if ((size_t)(end - text) > len && memcmp(end - len, own[i], len) == 0 && strchr(" (", end[-(ptrdiff_t)len - 1]) != NULL)
            return true;
    }
    return false;
}

static void
no_typed_table_refuses_a_row(void **state)
{
    struct buf sql = BUF_EMPTY(65536);

    (void)state;
    assert_ok(schema_write_tables(&sql));
    const char *text = buf_text(&sql);
    assert_non_null(strstr(text, "CREATE TABLE index_contact "));
    assert_non_null(strstr(text, "CREATE TABLE file_contact_participants "));
    assert_null(strstr(text, "UNIQUE"));
    assert_null(strstr(text, "REFERENCES"));
    assert_null(strstr(text, "CHECK"));
    assert_null(strstr(text, " STRICT"));
    for (const char *at = text; (at = strstr(at, " NOT NULL")) != NULL; at++)
        assert_true(is_own_column(text, at));
    const char *twin = strstr(text, "CREATE TABLE index_contact ");
    const char *end = strchr(twin, ';');
    const char *note = strstr(twin, "note");
    assert_true(note == NULL || note > end); /* the caseload line has no words of the family */
    buf_wipe(&sql);
}

/* journal_open compares this text: what is not in it asks for no rebuild. */
static void
the_tables_tell_what_decides_their_rows(void **state)
{
    struct buf sql = BUF_EMPTY(65536);

    (void)state;
    assert_ok(schema_write_tables(&sql));
    assert_non_null(strstr(buf_text(&sql), "-- goal.1 keep\n"));
    assert_non_null(strstr(buf_text(&sql), "-- family.2 human\n"));
    assert_non_null(strstr(buf_text(&sql), "-- standing.1 strict given limited refused\n"));
    assert_non_null(strstr(buf_text(&sql), "-- standing.4 strict of two safe worry unsafe\n"));
    buf_wipe(&sql);
}

static void
a_strict_unit_says_what_it_protects_by(void **state)
{
    (void)state;
    for (size_t e = 0; e < schema_entity_count; e++) {
        for (size_t u = 0; u < schema_entities[e].unit_count; u++) {
            const struct schema_unit *unit = &schema_entities[e].units[u];
            bool is_strict = unit->policy == POLICY_STRICT;
            assert_int_equal(unit->protection != NULL, is_strict);
            if (is_strict)
                assert_int_equal(unit->fields[0].type, FIELD_TEXT);
        }
    }
    assert_int_equal(schema_policy(ENTITY_GOAL, UNIT_MOVED), POLICY_STRICT);
    assert_int_equal(schema_policy(1000, UNIT_MOVED), POLICY_STRICT);
}

static void
slugs_are_short_words(void **state)
{
    (void)state;
    assert_ok(schema_check_slug("onder-toezicht-2"));
    assert_int_equal(schema_check_slug(""), RC_INVALID);
    assert_int_equal(schema_check_slug("Visit"), RC_INVALID);
    assert_int_equal(schema_check_slug("a b"), RC_INVALID);
    assert_int_equal(schema_check_slug("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), RC_INVALID);
}

static void
what_is_not_known_has_no_policy(void **state)
{
    (void)state;
    assert_null(schema_entity(0));
    assert_null(schema_entity(1000));
    assert_int_equal(schema_policy(ENTITY_GOAL, 99), 0);
    assert_int_equal(schema_policy(ENTITY_GOAL, UNIT_DELETED), 0);
    assert_int_equal(schema_policy(1000, 1), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_rise_and_names_are_slugs),
        cmocka_unit_test(the_table_is_what_was_released),
        cmocka_unit_test(no_typed_table_refuses_a_row),
        cmocka_unit_test(the_tables_tell_what_decides_their_rows),
        cmocka_unit_test(a_strict_unit_says_what_it_protects_by),
        cmocka_unit_test(slugs_are_short_words),
        cmocka_unit_test(what_is_not_known_has_no_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
