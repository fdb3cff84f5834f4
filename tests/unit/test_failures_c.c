/* Failures that other sync engines were seen to have, 10 to 15, as tests here: tests/README.md says where each stands. */
#include "tests/unit/failures.h"

#include <string.h>

#include "sync/elog.h"
#include "sync/inbox.h"
#include "sync/outbox.h"
#include "sync/replica_own.h"

enum { UNSENT = 50, CONFLICTS = 100 };

/* ---- 10: conflicts that block --------------------------------------------------------------------------- */

static void
failure_10_a_hundred_open_conflicts_hinder_no_work_and_no_session(void **state)
{
    struct id goals[CONFLICTS];

    (void)state;
    for (unsigned i = 0; i < CONFLICTS; i++)
        goals[i] = office_goal(&office, 1, family, "a goal");
    office_sync_all(&office, 3, 2);
    for (unsigned i = 0; i < CONFLICTS; i++) {
        office_edit_goal(&office, 1, family, goals[i], "by Bram");
        office_edit_goal(&office, 2, family, goals[i], "by Carla");
    }
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++)
        assert_int_equal(office_conflicts(&office, at), CONFLICTS);
    office_visit(&office, 0, family, "life goes on");
    office_edit_goal(&office, 0, family, goals[0], "and is edited, with its conflict open");
    office_sync_all(&office, 3, 2);
    for (int at = 0; at < 3; at++) {
        assert_int_equal(office_visits(&office, at, family, "life goes on"), 1);
        assert_int_equal(office_conflicts(&office, at), CONFLICTS);
        assert_int_equal(office_waiting(&office, at).parked, 0);
    }
    assert_all_equal();
}

/* ---- 11: reassignment leaves orphans ---------------------------------------------------------------------- */

static void
write_unsent(int at)
{
    for (unsigned i = 0; i < UNSENT; i++)
        office_visit(&office, at, family, "written offline");
}

/* What a device holds of one feed as late work. */
struct late {
    struct feed_ref feed;
    uint64_t entries, saves;
};

static enum rc
count_late(void *context, struct id stream, struct feed_ref feed, uint32_t first, uint32_t last, const char *reason)
{
    struct late *late = context;

    (void)stream;
    if (!feed_equal(feed, late->feed) || strcmp(reason, "late") != 0)
        return RC_OK;
    late->entries++;
    late->saves += last - first + 1;
    return RC_OK;
}

/* The family gets another owner while the old one is away with work that nobody has. Who has the right sees fifty, held apart
 * until a person decides; and the old one's device keeps nothing of the family. */
static void
failure_11_what_the_old_owner_had_not_sent_is_held_for_everybody_and_counted_alike(void **state)
{
    (void)state;
    office_visit(&office, 1, family, "sent in time");
    office_sync_all(&office, 3, 2);
    for (unsigned i = 0; i < UNSENT; i++) {
        office_visit(&office, 1, family, "written offline");
        if (i % 20 == 0) /* some of it in entries already */
            assert_ok(outbox_seal(device(1)->replica, (struct id){{0}}));
    }
    office_assign(&office, 0, family, 2, LEDGER_OWNER);
    office_assign(&office, 0, family, 1, LEDGER_RELEASED);
    office_sync_all(&office, 1, 1);
    office_pass(&office, DAYS(30));
    office_sync(&office, 2);
    const struct feed_ref feed = replica_self(device(1)->replica).feed;
    office_sync(&office, 1);
    const uint64_t pushed = device(1)->report.pushed;
    assert_int_equal(pushed, 8); /* four entries of the file, four of the index */
    assert_int_equal(office_waiting(&office, 1).saves_unsealed + office_waiting(&office, 1).entries_unsent, 0);
    office_sync(&office, 0);
    office_sync(&office, 2);
    for (int at = 0; at < 3; at += 2) {
        struct late late = {.feed = feed};
        assert_ok(replica_parked(device(at)->replica, count_late, &late));
        assert_int_equal(late.entries, pushed);
        assert_int_equal(late.saves, 2 * UNSENT); /* file and index */
        assert_int_equal(office_held(&office, at, STREAM_FILE), UNSENT);
        assert_int_equal(office_visits(&office, at, family, "written offline"), 0);
        assert_int_equal(office_visits(&office, at, family, "sent in time"), 1);
    }
    assert_int_equal(office_visits(&office, 1, family, NULL), 0);
    assert_true(office_are_equal(&office, 0, 2, family));
}

/* Nobody ended it; its time was over while she was away. */
static void
failure_11_what_was_written_under_a_cover_that_ended_meanwhile_is_all_there(void **state)
{
    struct id id;

    (void)state;
    office_assign(&office, 0, family, 2, LEDGER_RELEASED);
    office_sync_all(&office, 3, 2);
    struct cover_new cover = {&family, 1, device(2)->person, office.now_ms, office.now_ms + DAYS(10), true};
    assert_ok(replica_cover_give(device(1)->replica, &device(1)->transport, &cover, &id));
    office_sync(&office, 2);
    assert_ok(replica_cover_accept(device(2)->replica, &device(2)->transport, id));
    office_sync(&office, 2);
    write_unsent(2);
    office_shut(&office, 2);
    office_pass(&office, DAYS(30));
    office_sync_all(&office, 2, 2); /* which records the end */
    assert_ok(office_start(&office, 2));
    office_sync(&office, 2);
    office_sync_all(&office, 2, 2);
    for (int at = 0; at < 2; at++)
        assert_int_equal(office_visits(&office, at, family, "written offline"), UNSENT);
    assert_int_equal(office_visits(&office, 2, family, NULL), 0);
    assert_int_equal(office_held(&office, 1, STREAM_FILE), 0);
    assert_true(office_are_equal(&office, 0, 1, family));
}

/* The link breaks at each request in turn, until nothing more is asked for. */
static void
failure_11_a_first_sync_that_is_interrupted_anywhere_purges_nothing(void **state)
{
    unsigned before = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        office_visit(&office, 1, family, "of the past");
        office_sync(&office, 1);
    }
    office_join(&office, 3, "Dirk", LEDGER_ROLE_COACH);
    office_assign(&office, 1, family, 3, LEDGER_COACH);
    office_sync(&office, 1);
    for (unsigned n = 1; before < 20 || n < 20; n++) {
        device(3)->fault = (struct office_fault){.lose_answer = n % 2 == 0 ? (n + 1) / 2 : 0,
                                                 .cut_answer = n % 2 == 1 ? (n + 1) / 2 : 0};
        (void)office_try_sync(&office, 3);
        device(3)->fault = (struct office_fault){0};
        office_reopen(&office, 3);
        unsigned now = office_visits(&office, 3, family, "of the past");
        assert_true(now >= before);
        before = now;
        assert_true(n < 60);
    }
    assert_int_equal(before, 20);
    assert_true(office_are_equal(&office, 1, 3, family));
}

/* ---- 12: what depends on one another, out of order ----------------------------------------------------------- */

enum { RUN = 4, ORDERS = 24 };

/* The n-th of all orders of four. */
static void
order_of(unsigned n, unsigned order[RUN])
{
    unsigned left[RUN] = {0, 1, 2, 3};

    for (unsigned i = 0; i < RUN; i++) {
        unsigned at = n % (RUN - i);
        n /= RUN - i;
        order[i] = left[at];
        memmove(left + at, left + at + 1, (RUN - i - at - 1) * sizeof *left);
    }
}

static void
failure_12_four_entries_in_every_order_are_applied_up_to_the_first_gap(void **state)
{
    struct id file = ledger_family(ledger_of(1), family)->file;
    struct feed_ref author = replica_self(device(1)->replica).feed;
    struct id goal = office_goal(&office, 1, family, "a goal");
    struct elog_feed feed;
    char text[32] = "";

    (void)state;
    office_sync_all(&office, 3, 2);
    for (unsigned n = 0; n < ORDERS; n++) {
        unsigned order[RUN], prefix = 0, come = 0;
        assert_ok(elog_feed_find(device(1)->replica->db, file, author, &feed));
        for (unsigned i = 0; i < RUN; i++) { /* each is over the one before it, and an entry of its own */
            snprintf(text, sizeof text, "edit %u", i);
            office_edit_goal(&office, 1, family, goal, text);
            office_pass(&office, 10000);
            office_sync(&office, 1);
        }
        order_of(n, order);
        for (unsigned i = 0; i < RUN; i++) {
            uint32_t frontier;
            bring(1, 2, &feed, feed.saved + 1 + order[i]);
            for (come |= 1u << order[i]; prefix < RUN && come & 1u << prefix;)
                prefix++;
            assert_ok(journal_frontier(replica_journal(device(2)->replica), file, author, &frontier));
            assert_int_equal(frontier, feed.saved + prefix);
        }
        assert_true(office_shows_goal(&office, 2, goal, text));
        assert_int_equal(office_waiting(&office, 2).parked, 0);
    }
    office_sync_all(&office, 3, 2);
    assert_all_equal();
}

/* ---- 15: a queue that stalls for ever -------------------------------------------------------------------------- */

/* Whatever went wrong, one session after it is over drains all, with nothing new written. */
static void
failure_15_after_any_fault_the_next_session_drains_all_without_a_new_write(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 12; n++)
        for (unsigned kind = 0; kind < 5; kind++) {
            office_visit(&office, 1, family, "waits");
            office_pass(&office, 60000);
            device(1)->fault = (struct office_fault){
                .lose_request = kind == 0 ? n : 0,
                .lose_answer = kind == 1 ? n : 0,
                .cut_answer = kind == 2 ? n : 0,
                .is_page = kind == 3,
                .is_away = kind == 4,
            };
            for (int again = 0; again < 3; again++)
                (void)office_try_sync(&office, 1);
            device(1)->fault = (struct office_fault){0};
            office_sync(&office, 1);
            assert_int_equal(office_waiting(&office, 1).saves_unsealed + office_waiting(&office, 1).entries_unsent, 0);
        }
    office_sync_all(&office, 3, 2);
    assert_int_equal(office_visits(&office, 2, family, "waits"), 60);
    assert_all_equal();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(failure_10_a_hundred_open_conflicts_hinder_no_work_and_no_session),
        CASE(failure_11_what_the_old_owner_had_not_sent_is_held_for_everybody_and_counted_alike),
        CASE(failure_11_what_was_written_under_a_cover_that_ended_meanwhile_is_all_there),
        CASE(failure_11_a_first_sync_that_is_interrupted_anywhere_purges_nothing),
        CASE(failure_12_four_entries_in_every_order_are_applied_up_to_the_first_gap),
        CASE(failure_15_after_any_fault_the_next_session_drains_all_without_a_new_write),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
