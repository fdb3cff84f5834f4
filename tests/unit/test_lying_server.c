/* What a server gains by one untrue answer to one device, and what a store loses by it: nothing. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/version.h"
#include "sync/ledger.h"
#include "sync/replica_own.h"
#include "sync/wire_run.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

#define HOUR_MS INT64_C(3600000)

/* Ans and Bram are coaches of one family. Between a device and the server stands `lie`. */
static struct office office;
static struct id family;
static struct {
    struct transport server;
    const char *method;
    const char *ending; /* of the target that is lied about */
    const char *error;  /* 4xx with this word; NULL: no such lie */
    int status;
    int passes; /* so many are let through before */
    int64_t jump_ms;      /* the clock of device 1 jumps while ENDING is asked */
    uint8_t push_refused; /* this reason for all that is pushed */
    struct buf pushed;    /* what was */
    struct secret server_key;
    bool serves_pushed; /* the next page holds it */
} lie;

static const struct ledger *
ledger_of(int at)
{
    return replica_ledger(office.devices[at].replica);
}

static int
setup(void **state)
{
    (void)state;
    memset(&lie, 0, sizeof lie);
    lie.pushed = BUF_EMPTY(1 << 24);
    family = office_pair(&office, 0);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    buf_wipe(&lie.pushed);
    secret_wipe(&lie.server_key);
    office_close(&office);
    return 0;
}

/* ---- the liar ---- */

static enum rc
reply_with(struct transport_reply *out, int status, const char *type, const void *body, size_t len)
{
    out->status = status;
    snprintf(out->content_type, sizeof out->content_type, "%s", type);
    return buf_put(&out->body, body, len);
}

static enum rc
refuse_push(const struct transport_request *in, struct transport_reply *out)
{
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct wire_push_answer answer = WIRE_PUSH_ANSWER_EMPTY;
    struct buf bytes = BUF_EMPTY(100000);

    buf_clear(&lie.pushed);
    assert_ok(buf_put(&lie.pushed, in->body, in->body_len));
    assert_ok(wire_run_push_decode(lie.pushed.data, lie.pushed.len, &list));
    answer.items = calloc(list.count, sizeof *answer.items);
    assert_non_null(answer.items);
    answer.count = list.count;
    for (size_t i = 0; i < list.count; i++)
        answer.items[i] = (struct wire_push_item){WIRE_PUSH_REFUSED, lie.push_refused};
    crypto_hash_plain(in->body, in->body_len, answer.request);
    answer.time_ms = (uint64_t)office.now_ms;
    answer.position = ledger_position(ledger_of(0));
    assert_ok(wire_push_answer_encode(&answer, &lie.server_key, &bytes));
    enum rc rc = reply_with(out, 200, "application/vnd.baken", bytes.data, bytes.len);
    buf_wipe(&bytes);
    wire_push_answer_wipe(&answer);
    wire_run_list_wipe(&list);
    return rc;
}

static enum rc
serve_pushed(const struct transport_request *in, struct transport_reply *out)
{
    struct wire_run_page page = WIRE_RUN_PAGE_EMPTY;
    struct buf bytes = BUF_EMPTY(1 << 24);

    lie.serves_pushed = false;
    page.after = page.next = strtoull(strchr(in->target, '=') + 1, NULL, 10);
    assert_ok(wire_run_push_decode(lie.pushed.data, lie.pushed.len, &page.runs));
    for (size_t i = 0; i < page.runs.count; i++)
        page.runs.items[i].arrived_ms = (uint64_t)office.now_ms;
    page.time_ms = (uint64_t)office.now_ms;
    page.position = ledger_position(ledger_of(0));
    assert_ok(wire_run_page_encode(&page, &bytes));
    enum rc rc = reply_with(out, 200, "application/vnd.baken", bytes.data, bytes.len);
    buf_wipe(&bytes);
    wire_run_page_wipe(&page);
    return rc;
}

static enum rc
send_through_liar(void *context, const struct transport_request *in, struct transport_reply *out)
{
    char body[100];
    (void)context;

    if (lie.push_refused != 0 && strcmp(in->method, "POST") == 0 &&
        strstr(in->target, "/entries") != NULL)
        return refuse_push(in, out);
    if (lie.serves_pushed && strstr(in->target, "/entries?after=") != NULL)
        return serve_pushed(in, out);
    if (lie.ending != NULL && strcmp(in->method, lie.method) == 0 &&
        strstr(in->target, lie.ending) != NULL && lie.passes-- <= 0) {
        if (lie.jump_ms != 0)
            office.devices[1].clock_off_ms = lie.jump_ms;
        if (lie.error != NULL) {
            snprintf(body, sizeof body, "{\"error\":\"%s\",\"message\":\"x\"}", lie.error);
            return reply_with(out, lie.status, "application/json", body, strlen(body));
        }
    }
    return lie.server.send(lie.server.context, in, out);
}

/* Device `at`'s way to the server, through the liar. */
static struct transport
through_liar(int at)
{
    lie.server = office.devices[at].transport;
    return (struct transport){send_through_liar, NULL};
}

static void
steal_server_key(void)
{
    char path[300];
    uint8_t public_key[CRYPTO_PUBLIC_BYTES];
    struct secret seed = SECRET_EMPTY;
    size_t len;

    snprintf(path, sizeof path, "%s/server/server.key", office.scratch.directory);
    uint8_t *bytes = scratch_read(path, &len);
    assert_ok(secret_copy(&seed, bytes, 32));
    assert_ok(crypto_sign_pair_from_seed(&seed, public_key, &lie.server_key));
    assert_memory_equal(public_key, ledger_server_public(ledger_of(0)), sizeof public_key);
    secret_wipe(&seed);
    free(bytes);
}

static enum rc
sync_through(int at, const struct transport *transport)
{
    return replica_sync(office.devices[at].replica, transport, NULL, &office.devices[at].report);
}

/* A server that was put back says so once in a session: a cursor of zero is of no lost life. */
static void
who_says_at_each_question_that_it_was_put_back_is_named(void **state)
{
    (void)state;
    struct transport liar = through_liar(0);

    office_visit(&office, 0, family, "still here");
    office_sync_all(&office, 2, 2);
    lie.method = "GET", lie.ending = "/entries?after=", lie.error = "stale", lie.status = 409;
    assert_int_equal(sync_through(0, &liar), RC_UNTRUSTED);
    lie.ending = NULL;
    assert_ok(sync_through(0, &liar));
    assert_true(office_shows(&office, 0, ledger_family(ledger_of(0), family)->file, "still here"));
    assert_int_equal(office.devices[0].report.pushed, 0); /* it had all of it */
}

/* ---- stores put back ---- */

static void
copy_store(int at)
{
    char command[512];

    office_shut(&office, at);
    snprintf(command, sizeof command, "cp -a '%s' '%s/copy'", office.devices[at].directory,
             office.scratch.directory);
    assert_int_equal(system(command), 0);
    assert_ok(office_start(&office, at));
    office_shut(&office, at);
}

static void
put_copy_back(int at)
{
    char command[512];

    snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s/copy' '%s'",
             office.devices[at].directory, office.scratch.directory, office.devices[at].directory);
    assert_int_equal(system(command), 0);
    assert_ok(office_start(&office, at));
    assert_true(office.devices[at].replica->must_recover);
}

static void
cover_for_bram(int64_t hours)
{
    struct id cover;
    struct cover_new wanted = {
        &family, 1, office.devices[1].person, office.now_ms, office.now_ms + hours * HOUR_MS, true};

    assert_ok(replica_cover_give(office.devices[0].replica, &office.devices[0].transport, &wanted,
                                 &cover));
    office_sync(&office, 1);
    assert_ok(replica_cover_accept(office.devices[1].replica, &office.devices[1].transport, cover));
    office_sync_all(&office, 2, 2);
}

/* ---- the tests ---- */

static void
that_it_exists_is_believed_of_the_ledger_alone(void **state)
{
    (void)state;
    struct transport liar = through_liar(0);
    struct buf text = BUF_EMPTY(10000);
    struct replica *replica = office.devices[0].replica;

    lie.method = "POST", lie.ending = "/ledger", lie.error = "exists", lie.status = 409;
    assert_int_not_equal(replica_revoke_device(replica, &liar, office.devices[1].id), RC_OK);
    assert_true(ledger_device_is_active(ledger_of(0), office.devices[1].id));
    assert_int_not_equal(
        replica_invite(replica, &liar, (struct id){{0}}, "X", LEDGER_ROLE_COACH, HOUR_MS, &text),
        RC_OK);
    assert_int_equal(text.len, 0);
    buf_wipe(&text);
}

static void
a_moved_store_hands_in_what_waited_in_a_family_that_was_released(void **state)
{
    (void)state;
    struct id own = office_family(&office, 1, "own", 1);

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    office_visit(&office, 1, family, "waits, and is moved");
    copy_store(1);
    office_assign(&office, 0, family, 1, LEDGER_RELEASED);
    put_copy_back(1);
    office_visit(&office, 1, own, "in my own family");
    for (int i = 0; i < 2; i++)
        assert_ok(office_try_sync(&office, 1));
    assert_int_equal(office_waiting(&office, 1).saves_unsealed, 0);
    assert_int_equal(office_waiting(&office, 1).entries_unsent, 0);
    office_sync(&office, 0);
    assert_int_equal(office_waiting(&office, 0).held, 2); /* the visit and its twin, as late work */
}

static void
a_moved_store_hands_in_what_waited_in_a_cover_that_ended(void **state)
{
    (void)state;
    cover_for_bram(5);
    office_visit(&office, 1, family, "waits, and is moved");
    copy_store(1);
    office_pass(&office, 10 * HOUR_MS);
    put_copy_back(1);
    for (int i = 0; i < 2; i++)
        assert_ok(office_try_sync(&office, 1));
    assert_int_equal(office_waiting(&office, 1).saves_unsealed, 0);
    assert_int_equal(office_waiting(&office, 1).entries_unsent, 0);
    assert_false(
        keyring_has(office.devices[1].replica->keys, ledger_family(ledger_of(1), family)->file, 1));
}

static void
a_false_word_of_a_fork_wedges_nothing(void **state)
{
    (void)state;
    struct transport liar = through_liar(1);

    steal_server_key();
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    office_visit(&office, 1, family, "before");
    lie.push_refused = WIRE_REASON_FORK;
    (void)sync_through(1, &liar);
    assert_true(office.devices[1].replica->must_recover);
    office_visit(&office, 1, family, "after");
    office_assign(&office, 0, family, 1, LEDGER_RELEASED);
    for (int i = 0; i < 2; i++)
        assert_ok(office_try_sync(&office, 1));
    assert_int_equal(office_waiting(&office, 1).saves_unsealed, 0);
    assert_int_equal(office_waiting(&office, 1).entries_unsent, 0);
}

static void
what_was_refused_once_is_offered_again_unchanged(void **state)
{
    (void)state;
    struct transport for_ans = through_liar(0);

    steal_server_key();
    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    office_visit(&office, 0, family, "first");
    lie.push_refused = WIRE_REASON_SIGNATURE;
    assert_ok(sync_through(0, &for_ans));
    assert_int_equal(office.devices[0].report.refused, 2);
    lie.push_refused = 0;
    struct transport for_bram = through_liar(1);
    lie.serves_pushed = true;
    assert_ok(sync_through(1, &for_bram));
    /* From here on the server is honest. */
    office_visit(&office, 0, family, "second");
    office_sync_all(&office, 2, 2);
    struct id file = ledger_family(ledger_of(0), family)->file;
    assert_true(office_agree(&office, 0, 1, file));
}

static void
a_clock_that_jumped_within_a_session_shows_nothing_when_put_back(void **state)
{
    (void)state;
    cover_for_bram(5 * 24);
    office_visit(&office, 0, family, "one");
    office_sync_all(&office, 2, 2);
    struct id file = ledger_family(ledger_of(0), family)->file;
    (void)office_family(&office, 0, "das", 0); /* a line, or none is asked for */
    struct transport liar = through_liar(1);
    lie.method = "GET", lie.ending = "/ledger?", lie.jump_ms = 30 * DAY_MS;
    (void)sync_through(1, &liar);
    office.devices[1].clock_off_ms = 0;
    office_reopen(&office, 1);
    char *dump = office_dump(&office, 1, file);
    assert_string_equal(dump, "");
    free(dump);
    assert_ok(office_try_sync(&office, 1));
    assert_ok(office_try_sync(&office, 1));
    dump = office_dump(&office, 1, file);
    assert_string_not_equal(dump, "");
    free(dump);
}

static void
the_word_revoked_seals_nothing_where_a_rotation_is_owed(void **state)
{
    (void)state;
    struct transport liar = through_liar(0);

    office_assign(&office, 0, family, 1, LEDGER_COACH);
    office_sync_all(&office, 2, 2);
    lie.method = "POST", lie.ending = "/ledger", lie.status = 403, lie.error = "denied";
    lie.passes = 1; /* the release, and not the rotation after it */
    assert_ok(replica_assign(office.devices[0].replica, &liar, family, office.devices[1].person,
                             LEDGER_RELEASED));
    struct id file = ledger_family(ledger_of(0), family)->file;
    office_visit(&office, 0, family, "not for Bram any more");
    (void)sync_through(0, &liar);
    (void)office_family(&office, 1, "das", 1); /* a line, or none is asked for */
    lie.method = "GET", lie.ending = "/ledger?", lie.error = "revoked";
    assert_int_equal(sync_through(0, &liar), RC_DENIED);
    assert_non_null(strstr(rc_sentence(), "only here"));
    assert_int_equal(office_waiting(&office, 0).saves_unsealed, 2);
    lie.error = NULL;
    office_sync(&office, 0); /* nothing was lost */
    assert_int_equal(office_waiting(&office, 0).saves_unsealed, 0);
    assert_true(ledger_stream(ledger_of(0), file)->epoch > 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(who_says_at_each_question_that_it_was_put_back_is_named),
        CASE(that_it_exists_is_believed_of_the_ledger_alone),
        CASE(a_moved_store_hands_in_what_waited_in_a_family_that_was_released),
        CASE(a_moved_store_hands_in_what_waited_in_a_cover_that_ended),
        CASE(a_false_word_of_a_fork_wedges_nothing),
        CASE(what_was_refused_once_is_offered_again_unchanged),
        CASE(a_clock_that_jumped_within_a_session_shows_nothing_when_put_back),
        CASE(the_word_revoked_seals_nothing_where_a_rotation_is_owed),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
