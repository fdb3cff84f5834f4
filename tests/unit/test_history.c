/* Tests of sync/history: every version is found again, with its author and what became of it. */
#include "sync/replica_own.h"

#include "core/change_set.h"
#include "tests/support/office.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct office office;

static void
set_address(int at, struct id family, const char *address)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct profile profile = {.facts = {.id = family, .family = family}, .address = address};

    assert_ok(profile_put(replica_journal(office.devices[at].replica), &set, &profile));
    assert_ok(replica_save(office.devices[at].replica, set.changes, set.count));
    change_set_wipe(&set);
}

static struct id
file_of(int at, struct id family)
{
    return ledger_family(replica_ledger(office.devices[at].replica), family)->file;
}

/* Of the address: unit 2 of the profile. */
static const struct history_item *
with_address(const struct history *history, const char *address)
{
    for (size_t i = 0; i < history->count; i++) {
        struct field fields[CHANGE_FIELDS];
        size_t count;
        const struct history_item *item = &history->items[i];
        assert_int_equal(item->unit, 2);
        assert_ok(value_read(item->value, item->value_len, fields, &count));
        if (count == 1 && fields[0].len == strlen(address) &&
            memcmp(fields[0].bytes, address, fields[0].len) == 0)
            return item;
    }
    fail_msg("no version says %s", address);
    return NULL;
}

static void
read_history(int at, struct id family, struct history *history)
{
    assert_ok(replica_history(office.devices[at].replica, file_of(at, family), ENTITY_PROFILE, family, history));
}

static void
every_version_is_found_with_its_author_and_its_fate(void **state)
{
    (void)state;
    struct id family = office_shared(&office, 0);
    struct history history;

    set_address(0, family, "Dorpsstraat 1");
    read_history(0, family, &history);
    assert_int_equal(history.count, 1);
    assert_true(history.items[0].is_waiting && history.items[0].arrived_ms == 0);
    replica_history_wipe(&history);
    office_sync_all(&office, 2, 2);
    set_address(0, family, "Kerkplein 2");
    set_address(1, family, "Molenweg 3");
    office_sync_all(&office, 2, 2);
    for (int at = 0; at < 2; at++) {
        read_history(at, family, &history);
        assert_int_equal(history.count, 3);
        const struct history_item *first = with_address(&history, "Dorpsstraat 1");
        const struct history_item *own = with_address(&history, "Kerkplein 2");
        const struct history_item *other = with_address(&history, "Molenweg 3");
        assert_int_equal(first->state, HISTORY_REPLACED);
        assert_true(version_compare(&first->by, &own->version) == 0 ||
                    version_compare(&first->by, &other->version) == 0);
        assert_int_equal(own->state, HISTORY_CURRENT);
        assert_int_equal(other->state, HISTORY_CURRENT);
        assert_true(own->is_shown != other->is_shown);
        assert_true(id_equal(own->person, office.devices[0].person));
        assert_true(id_equal(other->person, office.devices[1].person));
        assert_true(first->arrived_ms > 0 && own->arrived_ms > 0 && other->arrived_ms > 0);
        assert_int_equal(history.unreadable, 0);
        replica_history_wipe(&history);
    }
    /* Replaced, and still there. */
    set_address(0, family, "Havenkade 4");
    office_sync_all(&office, 2, 2);
    read_history(1, family, &history);
    assert_int_equal(history.count, 4);
    replica_history_wipe(&history);
}

static void
what_is_not_on_this_device_has_no_history_here(void **state)
{
    (void)state;
    struct id family = office_pair(&office, 0);
    struct history history;

    /* The second coach is no coach of it: neither file nor index are there. */
    assert_int_equal(replica_history(office.devices[1].replica, file_of(1, family), 0, family, &history), RC_ABSENT);
    assert_int_equal(history.count, 0);
}

/* Again what `item` said, over these. */
static void
take_again(int at, struct id family, const struct history_item *item, struct version *over, size_t count)
{
    struct journal *journal = replica_journal(office.devices[at].replica);
    struct change_set set = CHANGE_SET_EMPTY;
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);

    version_sort(over, count);
    assert_ok(buf_put(&value, item->value, item->value_len));
    assert_ok(change_set_put(journal, &set, family, ENTITY_PROFILE, family, 2, &value, over, count));
    assert_ok(replica_save(office.devices[at].replica, set.changes, set.count));
    change_set_wipe(&set);
    buf_wipe(&value);
}

/* Whose turn it is to be shown: the middle of three that nobody put away, then the middle of three that followed each other. */
static void
the_middle_one_of_three_can_be_taken_again(void **state)
{
    static const char *const words[] = {"Dorpsstraat 1", "Kerkplein 2", "Molenweg 3"};
    struct id family = office_pair(&office, 0);
    struct history history;

    (void)state;
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_join_again(&office, 2, office.devices[0].person);
    office_sync_all(&office, 3, 3);
    for (int at = 0; at < 3; at++) {
        set_address(at, family, words[at]);
        office_pass(&office, 1000);
    }
    office_sync_all(&office, 3, 2);
    read_history(0, family, &history);
    assert_int_equal(history.count, 3);
    struct version over[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(history.items[i].state, HISTORY_CURRENT);
        over[i] = history.items[i].version;
    }
    take_again(0, family, with_address(&history, words[1]), over, 3);
    replica_history_wipe(&history);
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++) {
        read_history(at, family, &history);
        assert_int_equal(history.count, 4);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(history.items[i].state, HISTORY_REPLACED);
        assert_true(history.items[3].is_shown && history.items[3].seen_count == 3);
        assert_int_equal(history.items[3].value_len, history.items[1].value_len);
        assert_memory_equal(history.items[3].value, history.items[1].value, history.items[1].value_len);
        replica_history_wipe(&history);
    }
    /* One after the other. */
    for (int at = 0; at < 3; at++) {
        office_pass(&office, 1000);
        set_address(at, family, at == 1 ? "the middle one" : words[at]);
        office_sync_all(&office, 3, 2);
    }
    read_history(1, family, &history);
    assert_int_equal(history.count, 7);
    assert_int_equal(history.items[6].state, HISTORY_CURRENT);
    take_again(1, family, with_address(&history, "the middle one"), &history.items[6].version, 1);
    replica_history_wipe(&history);
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++) {
        read_history(at, family, &history);
        assert_int_equal(history.count, 8);
        assert_int_equal(history.items[6].state, HISTORY_REPLACED);
        assert_true(history.items[7].is_shown && history.items[7].state == HISTORY_CURRENT);
        assert_memory_equal(history.items[7].value, history.items[5].value, history.items[5].value_len);
        replica_history_wipe(&history);
    }
}

struct received {
    struct id person, record, family;
    int64_t at_ms, arrived_ms;
    enum history_state state;
    const char *reason;
    char text[200];
    size_t count;
};

static enum rc
note_received(void *context, const struct received_item *item)
{
    struct received *received = context;
    struct field fields[CHANGE_FIELDS];
    size_t count;

    received->count++;
    received->person = item->person;
    received->record = item->record;
    received->family = item->family;
    received->at_ms = hlc_ms(item->hlc);
    received->arrived_ms = item->arrived_ms;
    received->state = item->state;
    received->reason = item->reason;
    assert_int_equal(item->entity, ENTITY_CONTACT);
    assert_ok(value_read(item->value, item->value_len, fields, &count));
    for (size_t i = 0; i < count; i++)
        if (fields[i].type == FIELD_TEXT && fields[i].len < sizeof received->text)
            memcpy(received->text, fields[i].bytes, fields[i].len);
    return RC_OK;
}

/* Saves that were received, less those that say nothing of their own. */
struct counted {
    int at;
    uint64_t saves, changes;
};

static enum rc
count_group(void *context, const struct parked_group *group)
{
    struct counted *counted = context;
    uint64_t twins;

    assert_ok(replica_received_twins(office.devices[counted->at].replica, group, &twins));
    counted->saves += group->saves;
    counted->changes += group->saves - twins;
    return RC_OK;
}

/* Nothing that counts is here of the record: its author, time and words are read from the log. */
static void
late_work_on_a_record_that_is_not_here_can_be_read(void **state)
{
    (void)state;
    struct id family = office_shared(&office, 0);
    struct office_device *anna = &office.devices[0], *bram = &office.devices[1];
    struct received received = {.count = 0};
    struct history history;
    uint64_t unreadable;

    struct id visit = office_visit(&office, 1, family, "Moeder was alleen.");
    assert_ok(replica_received(anna->replica, note_received, &received, &unreadable));
    assert_int_equal(received.count, 0);
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, bram->id));
    assert_int_equal(office_try_sync(&office, 1), RC_DENIED); /* it hands in */
    office_sync(&office, 0);
    office_reopen(&office, 0);
    assert_ok(replica_received(anna->replica, note_received, &received, &unreadable));
    assert_int_equal(received.count, 1); /* and not its twin */
    struct counted counted = {.at = 0};
    assert_ok(replica_parked_groups(anna->replica, count_group, &counted));
    assert_int_equal(counted.saves, 2);
    assert_int_equal(counted.changes, 1);
    assert_int_equal(unreadable, 0);
    assert_true(id_equal(received.person, bram->person));
    assert_true(id_equal(received.record, visit));
    assert_true(id_equal(received.family, family));
    assert_int_equal(received.state, HISTORY_HELD);
    assert_string_equal(received.reason, "late");
    assert_string_equal(received.text, "Moeder was alleen.");
    assert_true(received.at_ms > 0 && received.arrived_ms > 0);
    assert_ok(replica_history(anna->replica, file_of(0, family), ENTITY_CONTACT, visit, &history));
    assert_int_equal(history.count, 1);
    assert_int_equal(history.items[0].state, HISTORY_HELD);
    replica_history_wipe(&history);
}

static void
what_waits_is_read_and_what_has_no_key_is_counted(void **state)
{
    (void)state;
    struct id family = office_shared(&office, 0);
    struct office_device *bram = &office.devices[1];
    struct received received = {.count = 0};
    uint64_t unreadable;

    office_visit(&office, 0, family, "Het ging goed.");
    office_sync_all(&office, 2, 2);
    assert_ok(db_run(bram->replica->db, "UPDATE sync_entry SET state = 2, reason = 3 WHERE entry ="
                                        " (SELECT max(entry) FROM sync_entry JOIN sync_feed USING (feed)"
                                        " JOIN sync_stream USING (stream) WHERE kind = 4)"));
    assert_ok(replica_received(bram->replica, note_received, &received, &unreadable));
    assert_int_equal(received.count, 1);
    assert_int_equal(received.state, HISTORY_PARKED);
    assert_string_equal(received.reason, "gap");
    assert_string_equal(received.text, "Het ging goed.");
    assert_ok(db_run(bram->replica->db, "UPDATE sync_entry SET ciphertext = NULL WHERE state = 2 AND state <> 1"));
    office_reopen(&office, 1);
    received.count = 0;
    assert_ok(replica_received(bram->replica, note_received, &received, &unreadable));
    assert_int_equal(received.count, 0);
    assert_int_equal(unreadable, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(every_version_is_found_with_its_author_and_its_fate, NULL,
                                                 office_tear_down, &office),
        cmocka_unit_test_prestate_setup_teardown(what_is_not_on_this_device_has_no_history_here, NULL,
                                                 office_tear_down, &office),
        cmocka_unit_test_prestate_setup_teardown(the_middle_one_of_three_can_be_taken_again, NULL,
                                                 office_tear_down, &office),
        cmocka_unit_test_prestate_setup_teardown(late_work_on_a_record_that_is_not_here_can_be_read, NULL,
                                                 office_tear_down, &office),
        cmocka_unit_test_prestate_setup_teardown(what_waits_is_read_and_what_has_no_key_is_counted, NULL,
                                                 office_tear_down, &office),
    };

    assert_ok(secret_start());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
