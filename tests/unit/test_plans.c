/* No statement of a session, of a bundle or of a question about the state reads a whole table that grows with the work. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/db_plan.h"
#include "core/record.h"
#include "core/schema.h"
#include "server/depot_sqlite.h"
#include "sync/inbox.h"
#include "sync/ledger.h"
#include "sync/outbox.h"
#include "sync/status.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { COORDINATOR = 0, BRAM = 1, FATMA = 2, DEVICES = 3 };

static struct office office;

/* Every kind of line, of entry and of question, so that their statements are made. */
static void
work(void)
{
    struct office_device *first = &office.devices[COORDINATOR];
    struct id family = office_family(&office, COORDINATOR, "vos", BRAM);

    office_assign(&office, COORDINATOR, family, FATMA, LEDGER_COACH);
    office_sync_all(&office, DEVICES, 2);
    office_visit(&office, BRAM, family, "one");
    office_visit(&office, FATMA, family, "two");
    office_sync_all(&office, DEVICES, 2);
    office_visit(&office, BRAM, family, "three");
    office_carry(&office, BRAM, FATMA);
    office_sync_all(&office, DEVICES, 2);
    office_visit(&office, FATMA, family, "late");
    assert_ok(replica_revoke_device(first->replica, &first->transport, office.devices[FATMA].id));
    (void)office_try_sync(&office, FATMA);
    office_visit(&office, BRAM, family, "four");
    office_sync_all(&office, FATMA, 2);
    for (int i = 0; i < FATMA; i++) {
        (void)office_waiting(&office, i);
        assert_ok(inbox_retry(office.devices[i].replica));
        assert_ok(replica_rebuild_all(office.devices[i].replica));
    }
    office_sync_all(&office, FATMA, 1);
    for (int i = 0; i < FATMA; i++) {
        char text[ID_TEXT_CHARS + 1];
        struct facts facts;
        id_to_text(family, text);
        assert_ok(record_find(replica_journal(office.devices[i].replica), ENTITY_FAMILY,
                              text + ID_TEXT_CHARS - ID_SHORT_CHARS, &facts));
        assert_true(id_equal(facts.id, family));
    }
}

static int
setup(void **state)
{
    *state = &office;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, BRAM, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, FATMA, "Fatma", LEDGER_ROLE_COACH);
    office_sync_all(&office, DEVICES, 2);
    work();
    return 0;
}

/* Tables that grow with the work, and the short names that statements give them. */
static const char *const LARGE[] = {
    "sync_entry", "e",       "b",     "sync_outbox", "o",     "sync_feed", "f", "sync_ack",
    "entries",    "acks",    "lines", "ack_streams", "boxes",
};
/* Partial indexes that hold what waits and no more, one row, and what is asked once: at opening, of a bundle. */
static const struct {
    const char *step, *sql;
} ALLOWED[] = {
    {"USING INDEX sync_entry_unsent", "is_sent = 0"},
    {"USING COVERING INDEX sqlite_autoindex_sync_feed_1", "SELECT feed FROM sync_feed ORDER BY"},
    {"USING COVERING INDEX sqlite_autoindex_sync_outbox_1", "SELECT count(*) FROM sync_outbox"},
    {"USING COVERING INDEX sqlite_autoindex_sync_outbox_1", "EXISTS (SELECT 1 FROM sync_outbox)"},
};

static bool
is_of_large(const char *step)
{
    static const char verb[] = "SCAN ";

    for (size_t i = 0; i < sizeof LARGE / sizeof LARGE[0]; i++) {
        size_t len = strlen(LARGE[i]);
        if (strncmp(step, verb, strlen(verb)) == 0 &&
            strncmp(step + strlen(verb), LARGE[i], len) == 0 &&
            (step[strlen(verb) + len] == ' ' || step[strlen(verb) + len] == '\0'))
            return true;
    }
    return false;
}

static bool
is_allowed(const char *sql, const char *step)
{
    for (size_t i = 0; i < sizeof ALLOWED / sizeof ALLOWED[0]; i++)
        if (strstr(step, ALLOWED[i].step) != NULL && strstr(sql, ALLOWED[i].sql) != NULL)
            return true;
    return false;
}

/* Statements that would be a search of too much, were they not a search by this. */
struct search {
    const char *sql, *step;
};
static const struct search DEVICE_SEARCHES[] = {
    {"SELECT stream FROM sync_stream WHERE stream > ?1 AND hidden_ms", "(stream>?)"},
    {"SELECT o.feed, f.stream FROM sync_outbox", "sqlite_autoindex_sync_outbox_1 (feed>?)"},
    {"SELECT feed FROM sync_feed WHERE stream = ?1", "sqlite_autoindex_sync_feed_1 (stream=?)"},
    {"SELECT last FROM sync_entry WHERE feed = ?1 AND first <", "sync_entry_open (state=? AND feed=?)"},
    {"SELECT entry, header, first FROM", "sqlite_autoindex_sync_entry_1 (feed=? AND first>?)"},
    {"SELECT rid, id FROM journal_record", "COVERING INDEX"}, /* of ids: the table holds every version */
    {"SELECT entry, feed, first", "sync_entry_open (state=? AND (feed,first)>(?,?))"},
};
static const struct search SERVER_SEARCHES[] = {
    {"number > ?2 AND stream = ?3", "boxes_by_name (team=? AND stream=?"},
    {"SELECT stream FROM entries", "(team=? AND stream>?)"},
    {"SELECT incarnation FROM entries", "entries_by_feed (team=? AND stream=? AND device=? AND incarnation>?"},
    {"DELETE FROM acks", "acks_by_device (team=? AND device=?)"},
};

struct scans {
    const struct search *searches;
    size_t search_count;
    size_t steps, found;
    uint64_t searched; /* a bit for each that was seen */
};

static void
look(void *context, const char *sql, const char *step)
{
    struct scans *scans = context;

    scans->steps++;
    for (size_t i = 0; i < scans->search_count; i++)
        if (strstr(sql, scans->searches[i].sql) != NULL &&
            strstr(step, scans->searches[i].step) != NULL)
            scans->searched |= UINT64_C(1) << i;
    if (!is_of_large(step) || is_allowed(sql, step))
        return;
    scans->found++;
    print_error("%s: %s\n", step, sql);
}

static void
assert_no_scan(struct db *db, const struct search *searches, size_t count)
{
    struct scans scans = {.searches = searches, .search_count = count};

    assert_ok(db_plans(db, look, &scans));
    assert_true(scans.steps > 20);
    assert_int_equal(scans.found, 0);
    for (size_t i = 0; i < count; i++)
        if ((scans.searched >> i & 1) == 0)
            fail_msg("no plan of \"%s\" goes by %s", searches[i].sql, searches[i].step);
}

static void
no_statement_of_a_device_reads_a_whole_table(void **state)
{
    (void)state;
    for (int i = COORDINATOR; i <= BRAM; i++)
        assert_no_scan(office.devices[i].replica->db, DEVICE_SEARCHES,
                       sizeof DEVICE_SEARCHES / sizeof DEVICE_SEARCHES[0]);
}

static void
no_statement_of_the_server_reads_a_whole_table(void **state)
{
    (void)state;
    struct depot *depot;

    assert_ok(server_take_depot(office.server, &depot));
    assert_no_scan(depot->db, SERVER_SEARCHES, sizeof SERVER_SEARCHES / sizeof SERVER_SEARCHES[0]);
    server_give_depot(office.server, depot);
}

int
main(void)
{
    stores_demand(secret_start(), "secret_start");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_statement_of_a_device_reads_a_whole_table),
        cmocka_unit_test(no_statement_of_the_server_reads_a_whole_table),
    };
    return cmocka_run_group_tests(tests, setup, office_tear_down);
}
