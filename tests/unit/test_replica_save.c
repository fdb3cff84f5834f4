/* Many saves in one commit: all of them or none, read and edited before it, found and sent after it. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/change_set.h"
#include "core/contact.h"
#include "core/search.h"
#include "sync/ledger.h"
#include "sync/outbox.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { MANY = 40, HITS_MOST = 1000 };

static struct office office;
static struct id family;

static struct replica *
replica(void)
{
    return office.devices[0].replica;
}

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "gezin", 0);
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 3);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    office_close(&office);
    return 0;
}

static enum rc
put(struct id *id, const char *note, const char *reason)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct contact contact = CONTACT_EMPTY;

    contact.facts.family = family;
    contact.facts.id = *id;
    contact.kind = "visit";
    contact.date = 20250101;
    contact.note = note;
    contact.reason = reason;
    enum rc rc = contact_put(replica_journal(replica()), &set, office.devices[0].person, &contact);
    *id = contact.facts.id;
    if (rc == RC_OK)
        rc = replica_save(replica(), set.changes, set.count);
    change_set_wipe(&set);
    return rc;
}

static enum rc
count_contact(void *context, const struct contact *contact)
{
    (void)contact;
    ++*(size_t *)context;
    return RC_OK;
}

static size_t
contacts(int device)
{
    struct record_filter filter = {.family = family};
    size_t count = 0;

    assert_ok(contact_list(replica_journal(office.devices[device].replica), &filter, count_contact, &count));
    return count;
}

static enum rc
count_hit(void *context, const struct search_hit *hit)
{
    (void)hit;
    ++*(size_t *)context;
    return RC_OK;
}

static size_t
hits(const char *words)
{
    size_t count = 0;

    assert_ok(search(replica_journal(replica()), words, family, HITS_MOST, count_hit, &count));
    return count;
}

static uint64_t
waiting(void)
{
    uint64_t saves;

    assert_ok(outbox_count(store_db(office.devices[0].store), &saves));
    return saves;
}

static void
many_saves_of_one_commit_are_found_and_sent(void **state)
{
    (void)state;
    const struct ledger_family *at = ledger_family(replica_ledger(replica()), family);

    assert_ok(replica_saves_begin(replica()));
    for (int i = 0; i < MANY; i++) {
        struct id id = {{0}};
        assert_ok(put(&id, "koffie met oma", NULL));
    }
    assert_ok(replica_saves_end(replica(), RC_OK));
    assert_int_equal(contacts(0), MANY);
    assert_int_equal(hits("oma"), MANY);
    assert_int_equal(waiting(), 2 * MANY); /* file and twin */
    office_sync_all(&office, 2, 3);
    assert_int_equal(waiting(), 0);
    assert_int_equal(contacts(1), MANY);
    assert_true(office_agree(&office, 0, 1, at->file));
    assert_true(office_agree(&office, 0, 1, at->index));
}

static void
what_was_saved_can_be_read_and_amended_before_the_commit(void **state)
{
    (void)state;
    struct id id = {{0}}, other = {{0}};

    assert_ok(replica_saves_begin(replica()));
    assert_ok(put(&id, "eerst", NULL));
    assert_ok(put(&other, "nog een", NULL));
    assert_int_equal(put(&id, "daarna", NULL), RC_INVALID); /* an amendment needs a reason: so it was read */
    assert_ok(put(&id, "daarna", "vergist"));
    assert_int_equal(contacts(0), 2);
    assert_ok(put(&id, "ten slotte", "vergist"));
    assert_ok(replica_saves_end(replica(), RC_OK));
    assert_int_equal(contacts(0), 2);
    assert_int_equal(hits("slotte"), 1);
    assert_int_equal(hits("daarna"), 0);
    assert_ok(put(&id, "toch niet", "vergist")); /* one by one again, on what is indexed */
    assert_int_equal(hits("slotte"), 0);
    assert_int_equal(hits("toch"), 1);
    office_sync_all(&office, 2, 3);
    assert_true(office_agree(&office, 0, 1, ledger_family(replica_ledger(replica()), family)->file));
}

static void
what_fails_takes_the_whole_commit_back(void **state)
{
    (void)state;
    static char note[CHANGE_SAVE_BYTES / 4 + 1];
    struct change_set set = CHANGE_SET_EMPTY;
    struct id id = {{0}};
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);

    memset(note, 'a', sizeof note - 1);
    assert_ok(put(&id, "van voor", NULL));
    uint64_t before = waiting();
    assert_ok(replica_saves_begin(replica()));
    id = (struct id){{0}};
    assert_ok(put(&id, "gaat mee terug", NULL));
    assert_ok(value_put_text(&value, 4, note));
    for (int i = 0; i < 5; i++) /* together more than one save may hold */
        assert_ok(change_set_put(replica_journal(replica()), &set, family, ENTITY_CONTACT,
                                 id_new(i + 1), 1, &value, NULL, 0));
    assert_int_equal(replica_save(replica(), set.changes, set.count), RC_TOO_LARGE);
    assert_int_equal(replica_saves_end(replica(), RC_OK), RC_STALE); /* also when that was not heeded */
    assert_int_equal(contacts(0), 1);
    assert_int_equal(hits("terug"), 0);
    assert_int_equal(waiting(), before);
    id = (struct id){{0}};
    assert_ok(put(&id, "opnieuw", NULL));
    assert_int_equal(contacts(0), 2);
    office_sync_all(&office, 2, 3);
    assert_int_equal(contacts(1), 2);
    assert_true(office_agree(&office, 0, 1, ledger_family(replica_ledger(replica()), family)->file));
    change_set_wipe(&set);
    buf_wipe(&value);
}

static void
what_may_not_be_written_may_be_left_out(void **state)
{
    (void)state;
    struct change denied = CHANGE_EMPTY(((struct id){{7}}));
    struct id id = {{0}};

    assert_ok(replica_saves_begin(replica()));
    assert_ok(put(&id, "blijft", NULL));
    assert_int_equal(replica_save(replica(), &denied, 1), RC_DENIED);
    assert_ok(replica_saves_end(replica(), RC_OK));
    assert_int_equal(contacts(0), 1);
    assert_ok(replica_saves_begin(replica()));
    id = (struct id){{0}};
    assert_ok(put(&id, "blijft niet", NULL));
    assert_int_equal(replica_saves_end(replica(), RC_DENIED), RC_DENIED);
    assert_int_equal(contacts(0), 1);
}

static int64_t
number(const char *sql)
{
    int64_t value = 0;

    assert_ok(db_get_int(store_db(office.devices[0].store), sql, &value));
    return value;
}

static void
put_visits(int count, const char *note, struct id *ids)
{
    for (int i = 0; i < count; i++) {
        ids[i] = (struct id){{0}};
        assert_ok(put(&ids[i], note, NULL));
    }
}

static void
a_word_is_found_as_soon_as_it_was_saved_though_the_index_waits_for_more(void **state)
{
    (void)state;
    struct id ids[3];

    put_visits(3, "koffie met oma", ids);
    assert_int_equal(number("SELECT count(*) FROM journal_search_content WHERE c0 LIKE '%oma%'"), 0);
    office_shut(&office, 0);
    assert_ok(office_start(&office, 0)); /* another process finds it too */
    assert_int_equal(hits("oma"), 3);
    assert_ok(put(&ids[1], "thee", "vergist"));
    assert_int_equal(number("SELECT count(*) FROM journal_search_content WHERE c0 LIKE '%thee%'"), 0);
    assert_int_equal(hits("oma"), 2);
    assert_int_equal(hits("thee"), 1);
    assert_int_equal(number("SELECT count(*) FROM journal_dirty"), 0);
}

static void
saves_that_nobody_searches_after_are_indexed_some_at_a_time(void **state)
{
    (void)state;
    enum { VISITS = 150, ROWS_MOST = 130, NOTED_MOST = 64 };
    static const char behind[] = "SELECT max(rid) - (SELECT rid FROM journal_indexed) FROM journal_record";
    struct id ids[VISITS];

    put_visits(VISITS, "koffie met oma", ids);
    assert_true(number("SELECT count(*) FROM journal_search_content WHERE c0 LIKE '%oma%'") > 0);
    assert_true(number(behind) < ROWS_MOST);
    assert_int_equal(hits("oma"), VISITS);
    for (int i = 0; i < VISITS; i++) { /* each other, so that no two make one range */
        int at = i < VISITS / 2 ? 2 * i : 2 * (i - VISITS / 2) + 1;
        assert_ok(put(&ids[at], "thee met opa", "vergist"));
        assert_true(number("SELECT count(*) FROM journal_dirty") < NOTED_MOST);
    }
    assert_int_equal(hits("oma"), 0);
    assert_int_equal(hits("opa"), VISITS);
}

static void
an_import_is_not_indexed_by_the_one_save_after_it(void **state)
{
    (void)state;
    enum { VISITS = 500 };
    struct id ids[VISITS], id = {{0}};

    assert_ok(replica_saves_begin(replica()));
    put_visits(VISITS, "koffie met oma", ids);
    assert_ok(replica_saves_end(replica(), RC_OK));
    assert_ok(put(&id, "koffie met oma", NULL));
    int64_t indexed = number("SELECT count(*) FROM journal_search_content WHERE c0 LIKE '%oma%'");
    assert_true(indexed > 0 && indexed < VISITS / 2);
    assert_int_equal(hits("oma"), VISITS + 1);
    for (int i = 0; i < VISITS; i += 2) /* ranges of many rows, which are taken in parts */
        assert_ok(put(&ids[i], "thee met opa", "vergist"));
    assert_int_equal(hits("oma"), VISITS / 2 + 1);
    assert_int_equal(hits("opa"), VISITS / 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_saves_of_one_commit_are_found_and_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_saved_can_be_read_and_amended_before_the_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(what_fails_takes_the_whole_commit_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_may_not_be_written_may_be_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_word_is_found_as_soon_as_it_was_saved_though_the_index_waits_for_more, setup, teardown),
        cmocka_unit_test_setup_teardown(saves_that_nobody_searches_after_are_indexed_some_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(an_import_is_not_indexed_by_the_one_save_after_it, setup, teardown),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
