/* Tests of core/contact. */
#include "core/contact.h"

#include "core/schema.h"
#include "tests/unit/two_devices.h"

static struct id
self(size_t device)
{
    return world.device[device].self.person;
}

static struct contact
put(size_t device, uint32_t date, const char *note)
{
    struct contact contact = CONTACT_EMPTY;

    contact.facts.family = world.family;
    contact.kind = "visit";
    contact.date = date;
    contact.note = note;
    contact.minutes = 45;
    assert_ok(contact_put(journal(device), &set, self(device), &contact));
    assert_int_equal(set.count, 2); /* the file, and its twin in the index */
    devices_save_set(&world, device, &set);
    return contact;
}

static void
a_contact_comes_back_with_its_author_and_time(void **state)
{
    struct contact put_in = put(0, 20240301, "Alles goed");
    struct contact out;

    (void)state;
    devices_sync(&world);
    assert_ok(contact_get(journal(1), put_in.facts.id, &out, &texts));
    assert_string_equal(out.note, "Alles goed");
    assert_int_equal(out.time, -1);
    assert_int_equal(out.minutes, 45);
    assert_true(id_equal(out.facts.author, self(0)));
    assert_int_equal(out.facts.written_ms, 1700000000000);
}

static void
only_its_author_amends_a_report_and_says_why(void **state)
{
    struct contact contact = put(0, 20240301, "Alles goed");
    struct contact out;

    (void)state;
    devices_sync(&world);
    assert_ok(contact_get(journal(1), contact.facts.id, &out, &texts));
    out.note = "Niet goed";
    out.reason = "beter";
    assert_int_equal(contact_put(journal(1), &set, self(1), &out), RC_DENIED);
    out.reason = NULL;
    assert_int_equal(contact_put(journal(0), &set, self(0), &out), RC_INVALID);
    out.reason = "vergeten";
    world.device[0].now_ms += 1000;
    assert_ok(contact_put(journal(0), &set, self(0), &out));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    assert_ok(contact_get(journal(1), contact.facts.id, &out, &texts));
    assert_string_equal(out.note, "Niet goed");
    assert_int_equal(out.facts.written_ms, 1700000000000); /* the first version's time */
}

static void
a_contact_is_withdrawn_never_deleted(void **state)
{
    struct contact contact = put(0, 20240301, "Verkeerd gezin");
    struct contact out;

    (void)state;
    assert_int_equal(
        change_set_delete(journal(0), &set, world.family, ENTITY_CONTACT, contact.facts.id),
        RC_INVALID);
    assert_int_equal(contact_withdraw(journal(1), &set, self(1), contact.facts.id, "x"), RC_ABSENT);
    assert_int_equal(contact_withdraw(journal(0), &set, self(0), contact.facts.id, " "),
                     RC_INVALID);
    assert_ok(contact_withdraw(journal(0), &set, self(0), contact.facts.id, "verkeerd gezin"));
    devices_save_set(&world, 0, &set);
    assert_ok(contact_get(journal(0), contact.facts.id, &out, &texts));
    assert_true(out.is_withdrawn);
    assert_string_equal(out.note, "Verkeerd gezin");
}

static size_t seen;
static struct participant last;

static enum rc
see_participant(void *context, const struct participant *participant)
{
    (void)context;
    seen++;
    last = *participant;
    return RC_OK;
}

static void
participants_are_a_set(void **state)
{
    struct contact contact = put(0, 20240301, "x");
    struct participant both[2] = {{.person = devices_id(2, 7)}, {.text = "oma"}};
    struct id id = contact.facts.id;

    (void)state;
    assert_ok(contact_put_participants(journal(0), &set, world.family, id, both, 2));
    devices_save_set(&world, 0, &set);
    devices_sync(&world);
    seen = 0;
    assert_ok(contact_list_participants(journal(1), id, see_participant, NULL));
    assert_int_equal(seen, 2);
    assert_ok(contact_put_participants(journal(1), &set, world.family, id, both, 1));
    devices_save_set(&world, 1, &set);
    devices_sync(&world);
    seen = 0;
    assert_ok(contact_list_participants(journal(0), id, see_participant, NULL));
    assert_int_equal(seen, 1);
    assert_true(id_equal(last.person, devices_id(2, 7)));
    assert_ok(contact_put_participants(journal(0), &set, world.family, id, both, 1));
    assert_int_equal(set.count, 0);
}

static enum rc
see_contact(void *context, const struct contact *contact)
{
    uint32_t *dates = context;

    dates[seen++] = contact->date;
    return RC_OK;
}

static void
contacts_are_filtered_and_ordered(void **state)
{
    struct record_filter filter = {.family = world.family, .from = 20240201, .newest_first = true};
    uint32_t dates[4] = {0};

    (void)state;
    put(0, 20240301, "c");
    put(0, 20240101, "a");
    put(0, 20240201, "b");
    seen = 0;
    assert_ok(contact_list(journal(0), &filter, see_contact, dates));
    assert_int_equal(seen, 2);
    assert_int_equal(dates[0], 20240301);
    filter.limit = 1;
    seen = 0;
    assert_ok(contact_list(journal(0), &filter, see_contact, dates));
    assert_int_equal(seen, 1);
    filter.family = devices_id(3, 9); /* a family that is not here */
    seen = 0;
    assert_ok(contact_list(journal(0), &filter, see_contact, dates));
    assert_int_equal(seen, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_contact_comes_back_with_its_author_and_time),
        TEST(only_its_author_amends_a_report_and_says_why),
        TEST(a_contact_is_withdrawn_never_deleted),
        TEST(participants_are_a_set),
        TEST(contacts_are_filtered_and_ordered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
