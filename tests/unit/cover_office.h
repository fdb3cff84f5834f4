/* What the tests of covers share: an office in which Carla covers for Bram, and what may be seen and must be gone. */
#ifndef TESTS_UNIT_COVER_OFFICE_H
#define TESTS_UNIT_COVER_OFFICE_H

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "core/schema.h"
#include "sync/ledger.h"
#include "tests/support/office_plan.h"
#include "tests/support/stores.h"

/* 0: Anna, administrator and coordinator. 1: Bram, owner. 2: Carla, who covers. */
static struct office office;
static struct id family;

static inline int
setup(void **state)
{
    (void)state;
    office_open(&office);
    office_found(&office, 0);
    office_join(&office, 1, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, 2, "Carla", LEDGER_ROLE_COACH);
    family = office_family(&office, 0, "vos", 1);
    office_sync(&office, 1);
    office_visit(&office, 1, family, "mother cried about KIEVITSBLOEM today");
    office_sync_all(&office, 3, 1);
    return 0;
}

static inline const struct ledger *
ledger_of(int at)
{
    return replica_ledger(office.devices[at].replica);
}

static inline struct id
file_of(void)
{
    return ledger_family(ledger_of(0), family)->file;
}

static inline struct id
index_of(void)
{
    return ledger_family(ledger_of(0), family)->index;
}

static inline bool
has(int at, struct id stream, const char *word)
{
    return office_shows(&office, at, stream, word);
}

/* From so many days on for so many. */
static inline struct id
give_from(int by, int to, int64_t first, int64_t days, bool may_write)
{
    struct office_device *device = &office.devices[by];
    struct id id;
    int64_t from_ms = office.now_ms + first * DAY_MS;
    struct cover_new cover = {&family, 1, office.devices[to].person, from_ms, from_ms + days * DAY_MS, may_write};

    assert_ok(replica_cover_give(device->replica, &device->transport, &cover, &id));
    return id;
}

static inline struct id
give(int by, int to, int64_t days, bool may_write)
{
    return give_from(by, to, 0, days, may_write);
}

static inline void
accept(int at, struct id cover)
{
    struct office_device *device = &office.devices[at];

    office_sync(&office, at);
    assert_ok(replica_cover_accept(device->replica, &device->transport, cover));
    office_sync(&office, at);
}

static inline void
end(int by, struct id cover)
{
    struct office_device *device = &office.devices[by];

    assert_ok(replica_cover_end(device->replica, &device->transport, cover));
}

/* Keys of families' files that the device has, of any epoch. */
static inline int64_t
file_keys(int at)
{
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM sync_key JOIN sync_stream USING (stream) WHERE kind = %d", STREAM_FILE);
    return office_ask(&office, at, sql);
}

static inline void
assert_nothing_left(int at)
{
    assert_false(has(at, file_of(), "KIEVITSBLOEM"));
    assert_false(office_store_holds(&office, at, "KIEVITSBLOEM"));
    assert_false(scratch_holds(&office.scratch, "KIEVITSBLOEM"));
}

#define CASE(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

#endif
