/* What the tests of a rescue share: two coaches of one family, the first of whom wrote what was not sent; pages of his closed store
 * damaged; what can be read in a new one, synced, and looked at on both sides. */
#ifndef TESTS_UNIT_RESCUED_H
#define TESTS_UNIT_RESCUED_H

#include "tests/unit/unit.h"

#include <string.h>

#include "core/store.h"
#include "sync/ledger.h"
#include "sync/rescue.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { PAGE_BYTES = 4096, SENT = 12, WAITING = 5 };

static int waiting = WAITING; /* visits that wait */
static struct office office;
static struct id family;
static uint8_t *bytes; /* store.db, closed */
static size_t len;
static char path[160], fresh[128];

/* Two coaches of one family; the first wrote visits that were sent, and some that were not. */
static inline void
begin(void)
{
    waiting = WAITING;
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, 1, "Bo", LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", 0);
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    for (int i = 0; i < SENT; i++) {
        char note[40];
        snprintf(note, sizeof note, "sent %d", i);
        office_visit(&office, 0, family, note);
        office_sync(&office, 0);
    }
    office_sync_all(&office, 2, 2);
    for (int i = 0; i < WAITING; i++) {
        char note[40];
        snprintf(note, sizeof note, "waits %d", i);
        office_visit(&office, 0, family, note);
    }
}

/* So many more, of some length: what waits fills pages. */
static inline void
wait_more(int count)
{
    for (int i = 0; i < count; i++, waiting++) {
        char note[400];
        snprintf(note, sizeof note, "waits %d %0300d", waiting, i);
        office_visit(&office, 0, family, note);
    }
}

static inline int64_t
ask(int at, const char *sql)
{
    int64_t value;

    stores_demand(db_get_int(store_db(office.devices[at].store), sql, &value), sql);
    return value;
}

static inline void
shut(void)
{
    snprintf(path, sizeof path, "%s/store.db", office.devices[0].directory);
    assert_true(snprintf(fresh, sizeof fresh, "%.100s.fresh", office.devices[0].directory) < 128);
    office_shut(&office, 0);
    bytes = scratch_read(path, &len);
    assert_non_null(bytes);
}

static inline void
end(void)
{
    free(bytes);
    bytes = NULL;
    office_close(&office);
}

/* Writes one byte of a page, as it was but for the bits of `flip`. */
static inline void
put_byte(int64_t page, uint8_t flip)
{
    long at = (long)((page - 1) * PAGE_BYTES + 777);
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(bytes[at] ^ flip, file), bytes[at] ^ flip);
    assert_int_equal(fclose(file), 0);
}

static inline void
damage(int64_t page)
{
    put_byte(page, 1);
}

static inline void
mend(int64_t page)
{
    put_byte(page, 0);
}

/* The page as a disk gives it that lost it. */
static inline void
blank(int64_t page)
{
    static const uint8_t zeros[PAGE_BYTES];
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, (long)((page - 1) * PAGE_BYTES), SEEK_SET), 0);
    assert_int_equal(fwrite(zeros, 1, sizeof zeros, file), sizeof zeros);
    assert_int_equal(fclose(file), 0);
}

/* A leaf of a table or an index, in the order of its keys: from 0; the last where there are not so many, or for -1. Before shut. */
static inline int64_t
leaf(const char *name, int64_t at)
{
    struct stmt *stmt;
    int64_t count;

    stores_demand(db_stmt(store_db(office.devices[0].store),
                          "SELECT count(*) FROM dbstat WHERE name = ?1 AND pagetype = 'leaf'", &stmt),
                  name);
    stmt_text(stmt, 1, name);
    stores_demand(stmt_finish_int(stmt, &count), name);
    stores_demand(db_stmt(store_db(office.devices[0].store),
                          "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET ?2", &stmt),
                  name);
    stmt_text(stmt, 1, name);
    stmt_int(stmt, 2, at < 0 || at >= count ? count - 1 : at);
    stores_demand(stmt_finish_int(stmt, &count), name);
    return count;
}

static inline enum rc
count_lost(void *context, const struct rescue_lost *lost)
{
    *(uint64_t *)context += lost->last - lost->first + 1;
    return RC_OK;
}

/* Into `fresh`, which becomes the device's directory. */
static inline enum rc
rescue(struct rescue *rescue)
{
    struct store_options options = office_options(&office, 0);
    struct store *from = NULL;
    uint64_t lost = 0;

    options.is_checkup = true;
    enum rc rc = store_open_to_read(&options, &from);
    options.directory = fresh;
    if (rc == RC_OK)
        rc = rescue_into(from, &options, count_lost, &lost, rescue);
    store_close(from);
    if (rc == RC_OK) {
        assert_int_equal(rescue->lost, lost);
        snprintf(office.devices[0].directory, sizeof office.devices[0].directory, "%s", fresh);
    }
    return rc;
}

/* How many of the notes that begin so stand once, and that none stands twice. */
static inline int64_t
once(int at, const char *begins)
{
    struct stmt *stmt;
    bool row;

    stores_demand(db_stmt(store_db(office.devices[at].store),
                          "SELECT count(*), count(DISTINCT note) FROM file_contact WHERE note GLOB ?1 || '*'", &stmt),
                  "visits");
    stmt_text(stmt, 1, begins);
    stores_demand(stmt_step(stmt, &row), "visits");
    int64_t all = stmt_get_int(stmt, 0), different = stmt_get_int(stmt, 1);
    stmt_done(stmt);
    assert_int_equal(all, different);
    return different;
}

static inline enum rc
no_finding(void *context, const struct doctor_finding *finding)
{
    (void)context;
    printf("    %s: %s\n", finding->what, finding->sentence);
    fail();
    return RC_OK;
}

/* Everything is at both once, and the doctor finds nothing. */
static inline void
assert_all_once(uint64_t lost)
{
    for (int at = 0; at < 2; at++) {
        assert_int_equal(once(at, "sent"), SENT);
        assert_true(once(at, "waits") >= waiting - (int64_t)lost);
    }
    if (lost == 0)
        assert_int_equal(once(1, "waits"), waiting);
    assert_int_equal(ask(0, "SELECT count(*) FROM sync_outbox"), 0);
    assert_int_equal(ask(0, "SELECT count(*) FROM sync_entry WHERE state > 1 OR is_sent = 0"), 0);
    assert_ok(replica_doctor(office.devices[0].replica, no_finding, NULL));
}

/* Starts, sees what waits, and writes more after a sync. */
static inline void
go_on(uint64_t lost)
{
    const char *reason;

    stores_demand(office_start(&office, 0), "start");
    assert_false(store_is_continuous(office.devices[0].store, &reason));
    office_sync_all(&office, 2, 2);
    assert_true(store_is_continuous(office.devices[0].store, &reason));
    office_visit(&office, 0, family, "after");
    office_sync_all(&office, 2, 2);
    for (int at = 0; at < 2; at++)
        assert_int_equal(once(at, "after"), 1);
    assert_all_once(lost);
}

#endif
