/* Tests of cli/find: colleagues, devices, families and covers by name or short id. */
#include "cli/command.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM, BRAMS_TABLET, BRITT };

static struct office office;
static struct call call; /* Anna's */
static struct id vos, das;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, BRAM, "Bram Bos", LEDGER_ROLE_COACH);
    office_join_again(&office, BRAMS_TABLET, office.devices[BRAM].person);
    office_join(&office, BRITT, "Britt", LEDGER_ROLE_COACH);
    vos = office_family(&office, ANNA, "Vos", ANNA);
    das = office_family(&office, ANNA, "das", BRAM);
    office_sync_all(&office, 4, 2);
    call = (struct call){.replica = office.devices[ANNA].replica,
                         .journal = replica_journal(office.devices[ANNA].replica)};
    return 0;
}

static const char *
short_id(struct id id)
{
    static char text[ID_TEXT_CHARS + 1];

    id_to_text(id, text);
    return text + ID_TEXT_CHARS - 8;
}

static void
a_colleague_answers_to_the_name_its_beginning_an_id_and_me(void **state)
{
    (void)state;
    struct id found;

    assert_ok(call_person(&call, "bram bos", &found));
    assert_true(id_equal(found, office.devices[BRAM].person));
    assert_ok(call_person(&call, "Bram", &found));
    assert_true(id_equal(found, office.devices[BRAM].person));
    assert_ok(call_person(&call, short_id(office.devices[BRITT].person), &found));
    assert_true(id_equal(found, office.devices[BRITT].person));
    assert_ok(call_person(&call, "me", &found));
    assert_true(id_equal(found, office.devices[ANNA].person));
}

static void
two_colleagues_with_one_beginning_are_both_named(void **state)
{
    (void)state;
    struct id found;

    assert_int_equal(call_person(&call, "br", &found), RC_AMBIGUOUS);
    assert_non_null(strstr(rc_sentence(), short_id(office.devices[BRAM].person)));
    assert_non_null(strstr(rc_sentence(), short_id(office.devices[BRITT].person)));
    assert_int_equal(call_person(&call, "ram", &found), RC_ABSENT);
    assert_int_equal(call_person(&call, "", &found), RC_ABSENT);
}

static void
a_family_answers_to_its_whole_code_name_or_id(void **state)
{
    (void)state;
    struct id found;

    assert_ok(call_family(&call, "VOS", &found));
    assert_true(id_equal(found, vos));
    assert_ok(call_family(&call, short_id(das), &found));
    assert_true(id_equal(found, das));
    assert_int_equal(call_family(&call, "vo", &found), RC_ABSENT);
}

static void
only_who_may_write_finds_a_family_to_write_in(void **state)
{
    (void)state;
    struct id found;

    assert_ok(call_family_to_write(&call, "Vos", &found));
    assert_int_equal(call_family_to_write(&call, "das", &found), RC_DENIED);
    assert_int_equal(call_family_to_write(&call, "mol", &found), RC_ABSENT);
}

static void
a_device_answers_to_its_id_and_to_a_label_that_only_it_has(void **state)
{
    (void)state;
    struct texts texts = TEXTS_EMPTY;
    const char *label;
    struct id found;

    assert_ok(call_device(&call, short_id(office.devices[BRAMS_TABLET].id), &found));
    assert_true(id_equal(found, office.devices[BRAMS_TABLET].id));
    assert_ok(call_device_label(&call, &texts, office.devices[ANNA].id, &label));
    assert_string_equal(label, "laptop");
    assert_int_equal(call_device(&call, "no such device", &found), RC_ABSENT);
    texts_wipe(&texts);
}

static void
devices_of_one_person_with_one_label_are_numbered(void **state)
{
    static const struct {
        int at;
        const char *label;
    } known[] = {{ANNA, "laptop"}, {BRAM, "laptop (1)"}, {BRAMS_TABLET, "laptop (2)"}, {BRITT, "laptop"}};
    struct office_device *anna = &office.devices[ANNA];
    struct texts texts = TEXTS_EMPTY;
    const char *label;
    struct id found;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_ok(call_device_label(&call, &texts, office.devices[known[i].at].id, &label));
        assert_string_equal(label, known[i].label);
    }
    assert_ok(call_device(&call, "Laptop (2", &found));
    assert_true(id_equal(found, office.devices[BRAMS_TABLET].id));
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, office.devices[BRAM].id));
    assert_ok(call_device_label(&call, &texts, office.devices[BRAMS_TABLET].id, &label));
    assert_string_equal(label, "laptop (2)");
    texts_wipe(&texts);
}

static void
devices_with_one_beginning_are_all_named(void **state)
{
    (void)state;
    struct texts texts = TEXTS_EMPTY;
    const char *label;
    char said[512];
    struct id found;

    assert_int_equal(call_device(&call, "", &found), RC_ABSENT);
    assert_int_equal(call_device(&call, "aptop", &found), RC_ABSENT);
    assert_int_equal(call_device(&call, "LAP", &found), RC_AMBIGUOUS);
    (void)snprintf(said, sizeof said, "%s", rc_sentence());
    assert_int_equal(call_device(&call, "Laptop", &found), RC_AMBIGUOUS);
    assert_string_equal(strchr(said, ':'), strchr(rc_sentence(), ':')); /* whole, it names those with a number too */
    for (int at = ANNA; at <= BRITT; at++) {
        assert_ok(call_device_label(&call, &texts, office.devices[at].id, &label));
        char named[64];
        (void)snprintf(named, sizeof named, "%s %s", label, short_id(office.devices[at].id));
        assert_non_null(strstr(said, named));
    }
    texts_wipe(&texts);
}

static void
a_cover_answers_to_its_id(void **state)
{
    (void)state;
    struct id given, found;
    struct cover_new cover = {.person = office.devices[BRAM].person,
                              .families = &vos,
                              .count = 1,
                              .from_ms = office.now_ms,
                              .until_ms = office.now_ms + 86400000};

    assert_ok(replica_cover_give(call.replica, &office.devices[ANNA].transport, &cover, &given));
    assert_ok(call_cover(&call, short_id(given), &found));
    assert_true(id_equal(given, found));
    assert_int_equal(call_cover(&call, short_id(vos), &found), RC_ABSENT);
}

static void
who_has_no_name_here_is_shown_by_a_short_id(void **state)
{
    (void)state;
    struct texts texts = TEXTS_EMPTY;
    const struct id stranger = {{1, 2, 3}};
    const char *name;

    assert_ok(call_person_name(&call, &texts, stranger, &name));
    assert_int_equal(name[0], '?');
    assert_string_equal(name + 1, short_id(stranger) + 8 - ID_SHORT_CHARS);
    assert_ok(call_family_name(&call, &texts, vos, &name));
    assert_string_equal(name, "Vos");
    texts_wipe(&texts);
}

#define TEST(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_colleague_answers_to_the_name_its_beginning_an_id_and_me),
        TEST(two_colleagues_with_one_beginning_are_both_named),
        TEST(a_family_answers_to_its_whole_code_name_or_id),
        TEST(only_who_may_write_finds_a_family_to_write_in),
        TEST(a_device_answers_to_its_id_and_to_a_label_that_only_it_has),
        TEST(devices_of_one_person_with_one_label_are_numbered),
        TEST(devices_with_one_beginning_are_all_named),
        TEST(a_cover_answers_to_its_id),
        TEST(who_has_no_name_here_is_shown_by_a_short_id),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
