/* Tests of sync/family_new.c: nothing half done, whatever is refused, and a plan that never stands in the way. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/ledger.h"
#include "sync/state.h"
#include "sync/writer.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

static struct office office;
static struct id family;

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, 1, "Ilse", LEDGER_ROLE_INTAKE);
    office_join(&office, 2, "Cor", LEDGER_ROLE_COORDINATOR);
    family = office_family(&office, 0, "vos", 0);
    office_sync_all(&office, 3, 2);
    return 0;
}

static enum rc
create(int at, const struct family_new *wanted)
{
    struct id made;

    return replica_create_family(office.devices[at].replica, &office.devices[at].transport, wanted,
                                 &made);
}

/* Orders on the ledger, as a device sees them that fetched it anew. */
static uint64_t
position(void)
{
    office_sync(&office, 0);
    return ledger_position(replica_ledger(office.devices[0].replica));
}

static enum rc
find(int at, const char *code_name)
{
    struct id found;

    return family_find(replica_journal(office.devices[at].replica), code_name, &found);
}

static void
what_cannot_be_saved_is_refused_before_the_server_orders_anything(void **state)
{
    struct id owner = office.devices[0].person;
    static char long_text[CHANGE_NOTE_BYTES + 2];
    memset(long_text, 'a', sizeof long_text - 1);
    const struct family_new bad[] = {
        {.owner = owner, .record.code_name = NULL},
        {.owner = owner, .record.code_name = ""},
        {.owner = owner, .record.code_name = " \t"},
        {.owner = owner, .record.code_name = "a\xff"},
        {.owner = owner, .record.code_name = "eik", .record.phase = "Bad P"},
        {.owner = owner, .record.code_name = "eik", .profile.address = "a\xff"},
        {.owner = owner, .record.code_name = "eik", .profile.surname = long_text},
    };
    uint64_t before = position();
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum rc rc = create(0, &bad[i]);
        assert_true(rc == RC_INVALID || rc == RC_TOO_LARGE);
    }
    assert_int_equal(position(), before);
    struct family_new good = {.owner = owner, .record.code_name = "eik"};
    assert_ok(create(0, &good));
    assert_int_equal(position(), before + 1);
    assert_ok(find(0, "eik"));
}

static void
who_could_not_save_the_record_makes_no_family(void **state)
{
    struct family_new nameless = {.owner = office.devices[0].person, .record.code_name = "eik"};
    struct family_new shut = {.owner = office.devices[0].person,
                              .record.code_name = "eik",
                              .profile.surname = "de Vries"};
    uint64_t before = position();
    (void)state;

    assert_int_equal(create(1, &nameless), RC_DENIED); /* intake, of a family that has an owner */
    assert_int_equal(create(2, &shut), RC_DENIED);     /* a coordinator does not open the file */
    assert_int_equal(position(), before);
    assert_ok(create(2, &nameless));
    assert_ok(find(2, "eik"));
}

static void
keep_plan(int at, const struct buf *bytes)
{
    assert_ok(state_put_bytes(store_db(office.devices[at].store), STATE_FAMILY, bytes->data,
                              bytes->len));
}

static void
a_stored_plan_that_can_never_be_saved_is_dropped(void **state)
{
    struct buf bytes = BUF_EMPTY(4096);
    const struct ledger_family known =
        *ledger_family(replica_ledger(office.devices[0].replica), family);
    struct family_new good = {.owner = office.devices[0].person, .record.code_name = "eik"};
    const char *const names[] = {"", " ", "a\xff"};
    char next[] = "eik 0";
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct writer writer = writer_of(&bytes);
        writer_id(&writer, family);
        writer_id(&writer, known.index);
        writer_id(&writer, known.file);
        writer_id(&writer, known.shielded);
        writer_id(&writer, office.devices[0].person);
        writer_block(&writer, names[i], strlen(names[i]));
        writer_block(&writer, "", 0);
        for (int date = 0; date < 3; date++)
            writer_u32(&writer, 0);
        for (int text = 0; text < 4; text++)
            writer_block(&writer, "", 0);
        assert_ok(writer_finish(&writer));
        keep_plan(0, &bytes);
        buf_clear(&bytes);
        next[4] = (char)('0' + i);
        good.record.code_name = next;
        assert_ok(create(0, &good));
        assert_ok(find(0, next));
    }
    assert_ok(buf_put(&bytes, "no plan", 7));
    keep_plan(0, &bytes);
    good.record.code_name = "eik";
    assert_ok(create(0, &good));
    assert_ok(find(0, "vos"));
    buf_wipe(&bytes);
}

/* Also what was said beside the name, when the next try is for another family. */
static void
a_family_whose_answer_was_lost_gets_all_that_was_said_of_it(void **state)
{
    struct office_device *device = &office.devices[0];
    struct family_new first = {.owner = device->person,
                               .record = {.code_name = "eik", .phase = "start", .since = 20240101},
                               .profile.address = "Dijk 1"};
    struct family_new second = {.owner = device->person, .record.code_name = "es"};
    struct family shown;
    struct profile profile;
    struct texts texts = TEXTS_EMPTY;
    struct id eik;
    uint64_t before = position();
    bool was_ordered = false;
    (void)state;

    for (unsigned n = 1; !was_ordered; n++) {
        assert_true(n < 30);
        device->requests = 0;
        device->fault.lose_answer = n;
        assert_int_equal(create(0, &first), RC_OFFLINE);
        device->fault.lose_answer = 0;
        office_reopen(&office, 0);
        was_ordered = position() > before;
    }
    assert_int_equal(find(0, "eik"), RC_ABSENT);
    assert_ok(create(0, &second));
    struct journal *journal = replica_journal(device->replica);
    assert_ok(family_find(journal, "eik", &eik));
    assert_ok(family_get(journal, eik, &shown, &texts));
    assert_string_equal(shown.phase, "start");
    assert_int_equal(shown.since, 20240101);
    assert_ok(profile_get(journal, eik, &profile, &texts));
    assert_string_equal(profile.address, "Dijk 1");
    assert_int_equal(position(), before + 2);
    texts_wipe(&texts);
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_cannot_be_saved_is_refused_before_the_server_orders_anything),
        CASE(who_could_not_save_the_record_makes_no_family),
        CASE(a_stored_plan_that_can_never_be_saved_is_dropped),
        CASE(a_family_whose_answer_was_lost_gets_all_that_was_said_of_it),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
