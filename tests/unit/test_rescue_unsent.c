/* What was not sent when a page of it is lost: it comes along from the page, or from what the tables show of it, or is named; and with the
 * next session a colleague has it, once. */
#include "tests/unit/rescued.h"

#include "core/contact.h"
#include "core/goal.h"

enum { MANY = 40, SAMPLE = 6 };

/* Rescues without these pages, of which the second may be 0. */
static struct rescue
rescued(int64_t page, int64_t other, bool is_blank)
{
    struct rescue report;

    shut();
    if (is_blank)
        blank(page);
    else
        damage(page);
    if (other > 0)
        damage(other);
    assert_ok(rescue(&report));
    return report;
}

/* Nothing is in doubt any more, and no own save has a second number: the new incarnation has but what the tests wrote after. */
static int64_t
saves_under_new_numbers(void)
{
    return ask(0, "SELECT coalesce(sum(saved), 0) FROM sync_feed WHERE is_own AND incarnation ="
                  " (SELECT value FROM sync_state WHERE name = 'incarnation')");
}

static void
a_page_of_what_waits_is_made_good_from_the_tables(void **state)
{
    (void)state;
    begin();
    wait_more(MANY);
    struct rescue report = rescued(leaf("sync_outbox", 2), 0, true);
    assert_true(report.remade > 3);
    assert_int_equal(report.lost, 0);
    assert_true(report.unsent >= 2 * (uint64_t)waiting); /* file and index */
    go_on(0);
    end();
}

static void
all_that_waits_is_made_good_from_the_tables(void **state)
{
    (void)state;
    begin();
    wait_more(MANY);
    int64_t root = ask(0, "SELECT rootpage FROM sqlite_schema WHERE name = 'sync_outbox'");
    struct rescue report = rescued(root, 0, false);
    assert_int_equal(report.remade, 2 * waiting);
    assert_int_equal(report.lost, 0);
    go_on(0);
    end();
}

static void
a_page_of_a_table_or_of_an_index_costs_nothing_that_waits(void **state)
{
    static const char *const NAMES[] = {"file_contact", "journal_record", "sqlite_autoindex_sync_outbox_1",
                                        "sqlite_autoindex_journal_record_1"};

    enum { COUNT = sizeof NAMES / sizeof NAMES[0] };
    int64_t pages[COUNT];
    char directory[sizeof office.devices[0].directory];

    (void)state;
    begin();
    wait_more(MANY);
    snprintf(directory, sizeof directory, "%s", office.devices[0].directory);
    for (size_t i = 0; i < COUNT; i++)
        pages[i] = leaf(NAMES[i], 1);
    shut();
    for (size_t i = 0; i < COUNT; i++) { /* one after the other; the last goes on */
        struct rescue report;
        scratch_remove_tree(fresh);
        snprintf(office.devices[0].directory, sizeof office.devices[0].directory, "%s", directory);
        damage(pages[i]);
        assert_ok(rescue(&report));
        mend(pages[i]);
        assert_int_equal(report.remade, 0);
        assert_int_equal(report.lost, 0);
        assert_true(report.unsent >= 2 * (uint64_t)waiting);
    }
    go_on(0);
    end();
}

/* Saved, sealed and pushed, and the request or its answer was lost on the way: the entry is known to nobody, or to the server alone. */
static void
seal_unsent(bool is_answer_lost)
{
    struct office_device *device = &office.devices[0];

    for (unsigned request = 1; ask(0, "SELECT count(*) FROM sync_entry WHERE is_sent = 0") == 0; request++) {
        assert_true(request < 20);
        device->requests = 0;
        device->fault = is_answer_lost ? (struct office_fault){.lose_answer = request}
                                       : (struct office_fault){.lose_request = request};
        (void)office_try_sync(&office, 0);
    }
    device->fault = (struct office_fault){0};
    device->requests = 0;
}

static void
a_sealed_entry_that_was_not_sent_is_made_good_from_the_tables(void **state)
{
    (void)state;
    for (int is_answer_lost = 0; is_answer_lost < 2; is_answer_lost++) {
        begin();
        wait_more(10);
        seal_unsent(is_answer_lost);
        assert_int_equal(ask(0, "SELECT count(*) FROM sync_outbox"), 0);
        struct rescue report = rescued(leaf("sync_entry", -1), 0, false);
        assert_true(report.remade >= (uint64_t)waiting);
        assert_int_equal(report.lost, 0);
        stores_demand(office_start(&office, 0), "start");
        office_sync_all(&office, 2, 2);
        if (is_answer_lost)
            assert_int_equal(saves_under_new_numbers(), 0); /* the server has it: it is not saved again */
        else
            assert_true(saves_under_new_numbers() >= waiting);
        assert_all_once(0);
        end();
    }
}

/* Its author amends the visit: the first wording is not shown any more, the rest of that save is. */
static void
amend(struct id visit, const char *note)
{
    struct office_device *device = &office.devices[0];
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct contact contact = CONTACT_EMPTY;

    stores_demand(contact_get(replica_journal(device->replica), visit, &contact, &texts), "contact_get");
    contact.note = note;
    contact.reason = "a word was wrong";
    stores_demand(contact_put(replica_journal(device->replica), &set, device->person, &contact), "contact_put");
    stores_demand(replica_save(device->replica, set.changes, set.count), "save");
    change_set_wipe(&set);
    texts_wipe(&texts);
}

static void
set_participants(struct id visit, const char *const *names, size_t count)
{
    struct office_device *device = &office.devices[0];
    struct change_set set = CHANGE_SET_EMPTY;
    struct participant people[4] = {0};

    for (size_t i = 0; i < count; i++)
        people[i].text = names[i];
    stores_demand(contact_put_participants(replica_journal(device->replica), &set, family, visit, people, count), "participants");
    stores_demand(replica_save(device->replica, set.changes, set.count), "save");
    change_set_wipe(&set);
}

/* A save of several operations, of which later ones, which can be read, took back one in the midst: what they name by its place in the
 * lost save goes, and nothing beside it. */
static void
a_save_that_is_shown_in_part_comes_along_in_part(void **state)
{
    static const char *const THREE[] = {"Ada", "Bas", "Cor"}, *const TWO[] = {"Ada", "Cor"};

    (void)state;
    begin();
    struct id visit = office_visit(&office, 0, family, "waits for its people");
    waiting++;
    office_sync_all(&office, 2, 2);
    set_participants(visit, THREE, 3);
    int64_t save = ask(0, "SELECT max(rowid) FROM sync_outbox");
    wait_more(MANY);
    set_participants(visit, TWO, 2);
    amend(visit, "waits no more for its people");
    int64_t page = leaf("sync_outbox", 0); /* with the save of three, and without that of two */
    assert_true(save <= 3);
    struct rescue report = rescued(page, 0, true);
    assert_true(report.remade > 2);
    assert_int_equal(report.lost, 0);
    go_on(0);
    for (int at = 0; at < 2; at++) {
        assert_int_equal(ask(at, "SELECT count(*) FROM file_contact_participants"), 2);
        assert_int_equal(ask(at, "SELECT count(*) FROM file_contact_participants WHERE text = 'Bas'"), 0);
    }
    end();
}

static struct id goal;

static void
write_goal(int at, const char *text)
{
    struct office_device *device = &office.devices[at];
    struct change_set set = CHANGE_SET_EMPTY;
    struct goal fields = {.facts = {.id = goal, .family = family}, .text = text};

    stores_demand(goal_put(replica_journal(device->replica), &set, &fields), "goal_put");
    goal = fields.facts.id;
    stores_demand(replica_save(device->replica, set.changes, set.count), "save");
    change_set_wipe(&set);
}

/* A goal that both changed: the own version waits, the colleague's came in a bundle. */
static void
disagree(void)
{
    goal = (struct id){{0}};
    write_goal(0, "both begin with this");
    office_sync_all(&office, 2, 2);
    write_goal(0, "the first coach's");
    write_goal(1, "the second coach's");
    office_carry(&office, 1, 0);
    assert_int_equal(ask(0, "SELECT count(*) FROM journal_conflict"), 1);
}

static void
assert_both_wait_for_a_choice(void)
{
    struct id file;

    for (int at = 0; at < 2; at++) {
        struct journal *journal = replica_journal(office.devices[at].replica);
        assert_ok(journal_find_stream(journal, family, STREAM_FILE, &file));
        char *dump = office_dump(&office, at, file);
        assert_true(office_dump_shows(dump, "the first coach's"));
        assert_true(office_dump_shows(dump, "the second coach's"));
        assert_false(office_dump_shows(dump, "both begin with this"));
        assert_int_equal(ask(at, "SELECT count(*) FROM journal_conflict"), 1);
        free(dump);
    }
}

static void
what_stood_beside_a_colleagues_version_stands_beside_it_again(void **state)
{
    (void)state;
    begin();
    disagree();
    int64_t root = ask(0, "SELECT rootpage FROM sqlite_schema WHERE name = 'sync_outbox'");
    struct rescue report = rescued(root, 0, false);
    assert_int_equal(report.lost, 0);
    go_on(0);
    assert_both_wait_for_a_choice();
    end();
}

static enum rc
only_outbox(void *context, const struct doctor_finding *finding)
{
    (void)context;
    assert_string_equal(finding->what, "outbox");
    assert_non_null(strstr(finding->sentence, "saved anew"));
    return RC_OK;
}

static void
so_it_does_where_the_doctor_repairs_it_in_place(void **state)
{
    (void)state;
    begin();
    disagree();
    assert_ok(db_run(store_db(office.devices[0].store), "UPDATE sync_outbox SET body = zeroblob(9) WHERE rowid ="
                                                        " (SELECT max(rowid) FROM sync_outbox WHERE instr(body, 'the first'))"));
    assert_int_equal(db_changes(store_db(office.devices[0].store)), 1);
    assert_ok(replica_doctor(office.devices[0].replica, only_outbox, NULL));
    office_sync_all(&office, 2, 2);
    assert_both_wait_for_a_choice();
    end();
}

/* A person was taken away, and a goal changed twice: the removal and the first change are lost, and no version of them is shown. */
static void
what_only_took_away_or_was_replaced_since_does_not_come_back(void **state)
{
    static const char *const THREE[] = {"Ada", "Bas", "Cor"}, *const TWO[] = {"Ada", "Cor"};
    struct id file;

    (void)state;
    begin();
    struct id visit = office_visit(&office, 0, family, "sent with people");
    set_participants(visit, THREE, 3);
    goal = (struct id){{0}};
    write_goal(0, "the goal that was sent");
    office_sync_all(&office, 2, 2);
    set_participants(visit, TWO, 2);
    write_goal(0, "the goal between");
    wait_more(MANY);
    write_goal(0, "the goal at last");
    struct rescue report = rescued(leaf("sync_outbox", 0), 0, true);
    assert_true(report.remade > 2);
    assert_true(report.replaced > 0); /* the goal between */
    assert_int_equal(report.lost, 0);
    stores_demand(office_start(&office, 0), "start");
    office_sync_all(&office, 2, 2);
    for (int at = 0; at < 2; at++) {
        assert_int_equal(ask(at, "SELECT count(*) FROM file_contact_participants"), 2);
        assert_int_equal(ask(at, "SELECT count(*) FROM file_contact_participants WHERE text = 'Bas'"), 0);
        assert_int_equal(ask(at, "SELECT count(*) FROM journal_conflict"), 0);
        assert_ok(journal_find_stream(replica_journal(office.devices[at].replica), family, STREAM_FILE, &file));
        char *dump = office_dump(&office, at, file);
        assert_true(office_dump_shows(dump, "the goal at last"));
        assert_false(office_dump_shows(dump, "the goal that was sent"));
        free(dump);
    }
    end();
}

static void
what_was_written_and_deleted_stays_deleted(void **state)
{
    struct change_set set = CHANGE_SET_EMPTY;

    (void)state;
    begin();
    goal = (struct id){{0}};
    write_goal(0, "never meant");
    wait_more(MANY);
    assert_ok(change_set_delete(replica_journal(office.devices[0].replica), &set, family, ENTITY_GOAL, goal));
    stores_demand(replica_save(office.devices[0].replica, set.changes, set.count), "delete");
    change_set_wipe(&set);
    assert_int_equal(ask(0, "SELECT hidden FROM file_goal"), 1);
    struct rescue report = rescued(leaf("sync_outbox", 1), 0, true);
    assert_int_equal(report.lost, 0);
    go_on(0);
    for (int at = 0; at < 2; at++)
        assert_int_equal(ask(at, "SELECT hidden FROM file_goal"), 1);
    end();
}

/* Neither the page nor the tables: it is counted, and nothing else is lost by it. */
static void
what_the_tables_do_not_show_either_is_named(void **state)
{
    (void)state;
    begin();
    wait_more(MANY);
    int64_t registers = ask(0, "SELECT rootpage FROM sqlite_schema WHERE name = 'journal_record'");
    struct rescue report = rescued(leaf("sync_outbox", 1), registers, false);
    assert_int_equal(report.remade, 0);
    assert_true(report.lost > 3);
    assert_true(report.unsent > (uint64_t)waiting);
    go_on(report.lost);
    end();
}

/* Own saves that are in line, or sealed and not sent. */
#define UNSENT                                                                                                              \
    "SELECT (SELECT count(*) FROM sync_outbox) + coalesce(sum(last - first + 1), 0) FROM sync_entry JOIN sync_feed"        \
    " USING (feed) WHERE is_own AND is_sent = 0"

/* The new store, which is not opened to be used, has all that was not sent, and shows the visits among it once each, unless keys, ledger
 * lines or entries must come again first. */
static void
assert_all_waits(int64_t page, int64_t unsent, bool is_damaged)
{
    struct store_options options = office_options(&office, 0);
    struct store *store = NULL;
    int64_t now, all, different;

    assert_ok(store_open_to_read(&options, &store));
    struct db *db = store_db(store);
    stores_demand(db_get_int(db, UNSENT, &now), "unsent");
    stores_demand(db_get_int(db, "SELECT count(*) FROM file_contact WHERE note GLOB 'waits*'", &all), "visits");
    stores_demand(db_get_int(db, "SELECT count(DISTINCT note) FROM file_contact WHERE note GLOB 'waits*'", &different), "visits");
    store_close(store);
    if (now < unsent || all != different || (all != waiting && !is_damaged))
        fail_msg("page %d: unsent %d of %d, shown %d of %d", (int)page, (int)now, (int)unsent, (int)all, waiting);
}

/* Whichever single page is lost, nothing that waits is: sealed or not, it is in the page or in the tables. Refused is only a store
 * without its schema, its own keys or the ledger's first line. LONG=1: each page in turn. */
static void
no_single_page_costs_what_waits(void **state)
{
    bool is_long = getenv("LONG") != NULL;
    char directory[sizeof office.devices[0].directory];
    int64_t refused = 0, remade = 0;

    (void)state;
    begin();
    wait_more(MANY / 2);
    seal_unsent(false);
    wait_more(MANY / 2);
    int64_t unsent = ask(0, UNSENT);
    snprintf(directory, sizeof directory, "%s", office.devices[0].directory);
    shut();
    struct dice dice = dice_start();
    int64_t all = (int64_t)(len / PAGE_BYTES);
    for (int64_t i = 1; i <= (is_long ? all : SAMPLE); i++) {
        struct rescue report;
        int64_t page = is_long ? i : 1 + (int64_t)dice_below(&dice, (size_t)all);
        damage(page);
        enum rc rc = rescue(&report);
        mend(page);
        refused += rc != RC_OK;
        if (rc != RC_OK) {
            assert_int_equal(rc, RC_CORRUPT);
            continue;
        }
        assert_int_equal(report.lost, 0);
        assert_all_waits(page, unsent, report.is_damaged);
        remade += (int64_t)report.remade;
        scratch_remove_tree(fresh);
        snprintf(office.devices[0].directory, sizeof office.devices[0].directory, "%s", directory);
    }
    printf("    %d pages, refused %d, made good %d\n", (int)(is_long ? all : SAMPLE), (int)refused, (int)remade);
    assert_true(refused <= 8 && (!is_long || remade > waiting));
    end();
}

/* Two pages: neither the feeds nor what waits; the tables count and show it all. */
static void
feeds_that_only_the_tables_know_are_made_good_too(void **state)
{
    (void)state;
    begin();
    wait_more(MANY);
    int64_t feeds = ask(0, "SELECT rootpage FROM sqlite_schema WHERE name = 'sync_feed'");
    struct rescue report = rescued(leaf("sync_outbox", 1), feeds, false);
    assert_true(report.remade > 3);
    assert_int_equal(report.lost, 0);
    go_on(0);
    end();
    begin();
    wait_more(MANY);
    feeds = ask(0, "SELECT rootpage FROM sqlite_schema WHERE name = 'sync_feed'");
    int64_t keys = ask(0, "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_sync_feed_1'");
    report = rescued(feeds, keys, true);
    assert_int_equal(report.lost, 0);
    go_on(0);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_what_waits_is_made_good_from_the_tables),
        cmocka_unit_test(all_that_waits_is_made_good_from_the_tables),
        cmocka_unit_test(a_page_of_a_table_or_of_an_index_costs_nothing_that_waits),
        cmocka_unit_test(a_sealed_entry_that_was_not_sent_is_made_good_from_the_tables),
        cmocka_unit_test(a_save_that_is_shown_in_part_comes_along_in_part),
        cmocka_unit_test(what_stood_beside_a_colleagues_version_stands_beside_it_again),
        cmocka_unit_test(so_it_does_where_the_doctor_repairs_it_in_place),
        cmocka_unit_test(what_only_took_away_or_was_replaced_since_does_not_come_back),
        cmocka_unit_test(what_was_written_and_deleted_stays_deleted),
        cmocka_unit_test(what_the_tables_do_not_show_either_is_named),
        cmocka_unit_test(no_single_page_costs_what_waits),
        cmocka_unit_test(feeds_that_only_the_tables_know_are_made_good_too),
    };

    assert_ok(secret_start());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
