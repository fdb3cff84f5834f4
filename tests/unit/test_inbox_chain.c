/* A line's head counts for the chain that it names, whatever its author was told by the server. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/inbox.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

/* 0: Anna, coordinator, who reads indexes and no files. 1: Bram, owner. 2: Carla, who covers. */
enum { ANNA = 0, BRAM = 1, CARLA = 2 };
enum lie { HONEST, NAMES_A_HEAD_BEYOND, NAMES_ANOTHER_HEAD, GIVES_NO_ENTRIES };

static struct office office;
static struct transport honest[2];
static enum lie lie;
static struct id family, cover;

static void
lie_of_heads(struct buf *body)
{
    struct ledger_heads heads = LEDGER_HEADS_EMPTY;

    assert_ok(ledger_heads_decode(body->data, body->len, &heads));
    for (size_t i = 0; i < heads.count; i++) {
        heads.items[i].hash[0] ^= 1;
        if (lie == NAMES_A_HEAD_BEYOND)
            heads.items[i].last = UINT32_MAX;
    }
    buf_clear(body);
    assert_ok(ledger_heads_encode(&heads, body));
    ledger_heads_wipe(&heads);
}

static enum rc
tell(const struct transport *real, void *context, const struct transport_request *request,
     struct transport_reply *reply)
{
    bool is_get = strcmp(request->method, "GET") == 0;

    if (is_get && lie == GIVES_NO_ENTRIES && strstr(request->target, "/entries?") != NULL)
        return rc_fail(RC_OFFLINE, "cut");
    enum rc rc = real->send(context, request, reply);
    if (rc == RC_OK && strstr(request->target, "/heads?") != NULL &&
        (lie == NAMES_A_HEAD_BEYOND || lie == NAMES_ANOTHER_HEAD))
        lie_of_heads(&reply->body);
    return rc;
}

static enum rc
tell_anna(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    return tell(&honest[ANNA], context, request, reply);
}

static enum rc
tell_bram(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    return tell(&honest[BRAM], context, request, reply);
}

static int
setup(void **state)
{
    (void)state;
    lie = HONEST;
    office_open(&office);
    office_found(&office, 0);
    office_join(&office, BRAM, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, CARLA, "Carla", LEDGER_ROLE_COACH);
    family = office_family(&office, ANNA, "vos", BRAM);
    office_sync_all(&office, 3, 2);
    for (int i = ANNA; i <= BRAM; i++)
        honest[i] = office.devices[i].transport;
    office.devices[ANNA].transport.send = tell_anna;
    office.devices[BRAM].transport.send = tell_bram;
    struct cover_new new = {&family,       1, office.devices[CARLA].person,
                            office.now_ms, office.now_ms + 10 * DAY_MS, true};
    assert_ok(replica_cover_give(office.devices[BRAM].replica, &office.devices[BRAM].transport,
                                 &new, &cover));
    office_sync(&office, CARLA);
    assert_ok(replica_cover_accept(office.devices[CARLA].replica, &office.devices[CARLA].transport,
                                   cover));
    office_sync(&office, CARLA);
    office_visit(&office, CARLA, family, "FIRST");
    office_sync(&office, CARLA);
    return 0;
}

static struct id
stream_of(bool is_file)
{
    const struct ledger_family *known = ledger_family(office.devices[ANNA].replica->ledger, family);

    return is_file ? known->file : known->index;
}

static bool
bram_has(const char *word)
{
    char *dump = office_dump(&office, BRAM, stream_of(true));
    bool found = office_dump_shows(dump, word);

    free(dump);
    return found;
}

static void
anna_ends_the_cover(void)
{
    struct office_device *anna = &office.devices[ANNA];

    assert_ok(replica_cover_end(anna->replica, &anna->transport, cover));
}

/* Carla's first save of the file, or of the index, at Bram. */
static struct inbox_verdict
state_there(bool is_file)
{
    struct replica *bram = office.devices[BRAM].replica;
    struct elog_row row = ELOG_ROW_EMPTY;
    struct elog_feed feed;

    assert_ok(elog_feed_find(bram->db, stream_of(is_file),
                             replica_feed(office.devices[CARLA].replica), &feed));
    assert_ok(elog_find(bram->db, feed.key, 1, &row));
    struct inbox_verdict verdict = {row.state, row.reason};
    elog_row_wipe(&row);
    return verdict;
}

static void
assert_file_is(enum elog_state state, enum elog_reason reason)
{
    struct inbox_verdict file = state_there(true);

    assert_int_equal(file.state, state);
    assert_int_equal(file.reason, reason);
    assert_int_equal(bram_has("FIRST"), state == ELOG_APPLIED);
    /* Anna reads the index: there she named what she holds, not what she was told. */
    assert_int_equal(state_there(false).state, ELOG_APPLIED);
}

static void
a_head_that_nobody_has_lets_nothing_count(void **state)
{
    (void)state;
    lie = NAMES_A_HEAD_BEYOND;
    anna_ends_the_cover();
    office_sync(&office, BRAM);
    assert_file_is(ELOG_PARKED, ELOG_GAP);
}

static void
what_was_applied_before_the_line_came_counts_no_longer(void **state)
{
    (void)state;
    office_sync(&office, BRAM);
    assert_true(bram_has("FIRST"));
    lie = NAMES_A_HEAD_BEYOND;
    anna_ends_the_cover();
    office_sync(&office, BRAM);
    assert_file_is(ELOG_PARKED, ELOG_GAP);
}

static void
a_head_of_another_chain_parks_this_one_as_a_fork(void **state)
{
    (void)state;
    office_sync(&office, BRAM);
    office_visit(&office, CARLA, family, "SECOND");
    office_sync(&office, CARLA);
    lie = NAMES_ANOTHER_HEAD;
    anna_ends_the_cover();
    office_sync(&office, BRAM);
    assert_file_is(ELOG_PARKED, ELOG_FORK);
    assert_false(bram_has("SECOND"));
}

static void
what_stands_stays_until_the_rest_was_pulled(void **state)
{
    (void)state;
    office_sync(&office, BRAM);
    office_visit(&office, CARLA, family, "SECOND");
    office_sync(&office, CARLA);
    anna_ends_the_cover();
    lie = GIVES_NO_ENTRIES;
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    assert_true(bram_has("FIRST"));
    assert_false(bram_has("SECOND"));
    lie = HONEST;
    office_sync(&office, BRAM);
    assert_file_is(ELOG_APPLIED, ELOG_NO_REASON);
    assert_true(bram_has("SECOND"));
    assert_int_equal(office.devices[BRAM].report.parked, 0);
}

/* What Bram wrote meanwhile is put in again with his new functions, so his stream is made anew between the line and the pull. */
static void
what_stands_stays_too_when_its_stream_is_made_anew_before_the_pull(void **state)
{
    struct office_device *anna = &office.devices[ANNA];

    (void)state;
    office_sync(&office, BRAM);
    office_visit(&office, CARLA, family, "SECOND");
    office_sync(&office, CARLA);
    office_visit(&office, BRAM, family, "MINE");
    anna_ends_the_cover();
    assert_ok(replica_set_roles(anna->replica, &anna->transport, office.devices[BRAM].person,
                                LEDGER_ROLE_COACH | LEDGER_ROLE_SCIENTIST));
    lie = GIVES_NO_ENTRIES;
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    assert_true(bram_has("FIRST"));
    assert_true(bram_has("MINE"));
    assert_false(bram_has("SECOND"));
    assert_ok(replica_rebuild(office.devices[BRAM].replica, stream_of(true))); /* as an opening or the doctor does */
    assert_true(bram_has("FIRST"));
    lie = HONEST;
    office_sync(&office, BRAM);
    assert_file_is(ELOG_APPLIED, ELOG_NO_REASON);
    assert_true(bram_has("SECOND"));
    assert_int_equal(office.devices[BRAM].report.parked, 0);
}

/* A head that nobody has speaks against it all the same once everything was pulled. */
static void
what_was_made_anew_counts_no_longer_once_everything_was_pulled(void **state)
{
    (void)state;
    office_sync(&office, BRAM);
    lie = NAMES_A_HEAD_BEYOND;
    anna_ends_the_cover();
    lie = GIVES_NO_ENTRIES;
    assert_int_equal(office_try_sync(&office, BRAM), RC_OFFLINE);
    assert_ok(replica_rebuild(office.devices[BRAM].replica, stream_of(true)));
    assert_file_is(ELOG_APPLIED, ELOG_NO_REASON);
    lie = HONEST;
    office_sync(&office, BRAM);
    assert_file_is(ELOG_PARKED, ELOG_GAP);
    office_sync(&office, BRAM);
    assert_file_is(ELOG_PARKED, ELOG_GAP);
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_head_that_nobody_has_lets_nothing_count),
        CASE(what_was_applied_before_the_line_came_counts_no_longer),
        CASE(a_head_of_another_chain_parks_this_one_as_a_fork),
        CASE(what_stands_stays_until_the_rest_was_pulled),
        CASE(what_stands_stays_too_when_its_stream_is_made_anew_before_the_pull),
        CASE(what_was_made_anew_counts_no_longer_once_everything_was_pulled),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
