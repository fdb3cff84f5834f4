/* Tests of server/depot.h on the SQLite back end; another back end runs the same. */
#include "server/depot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/secret.h"
#include "tests/support/scratch.h"

struct fixture {
    struct scratch scratch;
    struct depot *depot;
    struct depot_team team;
    uint8_t team_id[CRYPTO_HASH_BYTES];
};

static int
set_up(void **state)
{
    static struct fixture fixture;

    scratch_make(&fixture.scratch);
    assert_int_equal(depot_open(scratch_path(&fixture.scratch, "depot.db"), true, &fixture.depot),
                     RC_OK);
    memset(fixture.team_id, 7, sizeof fixture.team_id);
    assert_int_equal(depot_put_team(fixture.depot, fixture.team_id, &fixture.team), RC_OK);
    *state = &fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    depot_close(fixture->depot);
    scratch_remove(&fixture->scratch);
    return 0;
}

static struct id
id_of(uint8_t byte)
{
    struct id id;

    memset(id.bytes, byte, sizeof id.bytes);
    return id;
}

/* Everything that a visit was shown, as small numbers in order. */
struct seen {
    uint64_t numbers[16];
    size_t count;
};

/* ---- teams and lines ---- */

static void
a_depot_that_is_not_there_is_absent_unless_it_may_be_made(void **state)
{
    struct fixture *fixture = *state;
    struct depot *depot;

    assert_int_equal(depot_open(scratch_path(&fixture->scratch, "other.db"), false, &depot),
                     RC_ABSENT);
    assert_null(depot);
}

static enum rc
see_line(void *context, uint64_t position, const uint8_t *line, size_t len, bool *stop)
{
    struct seen *seen = context;

    assert_int_equal(len, 3);
    assert_memory_equal(line, "abc", 3);
    seen->numbers[seen->count++] = position;
    *stop = seen->count == 2;
    return RC_OK;
}

static void
lines_come_in_order_and_stop_when_told(void **state)
{
    struct fixture *fixture = *state;
    uint8_t hash[CRYPTO_HASH_BYTES] = {0};
    struct seen seen = {.count = 0};

    for (uint8_t i = 1; i <= 4; i++) {
        hash[0] = i;
        assert_int_equal(depot_put_line(fixture->depot, fixture->team.key, i, hash,
                                        (const uint8_t *)"abc", 3),
                         RC_OK);
    }
    assert_int_equal(
        depot_list_lines(fixture->depot, fixture->team.key, 2, see_line, &seen), RC_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 2);
    assert_int_equal(seen.numbers[1], 3);
    assert_int_equal(depot_find_team(fixture->depot, fixture->team_id, &fixture->team), RC_OK);
    assert_int_equal(fixture->team.ledger, 4);
}

static void
an_operation_gets_one_line(void **state)
{
    struct fixture *fixture = *state;
    uint8_t hash[CRYPTO_HASH_BYTES] = {1};
    const uint8_t line[3] = "abc";

    assert_int_equal(depot_put_line(fixture->depot, fixture->team.key, 1, hash, line, 3), RC_OK);
    assert_int_not_equal(depot_put_line(fixture->depot, fixture->team.key, 2, hash, line, 3),
                         RC_OK);
}

/* ---- boxes ---- */

static enum rc
see_box(void *context, const struct depot_box *box, bool *stop)
{
    struct seen *seen = context;

    (void)stop;
    seen->numbers[seen->count++] = box->number * 100 + box->bytes[0];
    return RC_OK;
}

static void
a_box_put_again_takes_a_new_number(void **state)
{
    struct fixture *fixture = *state;
    struct depot_box box = {.stream = id_of(1), .epoch = 1, .recipient = id_of(2), .len = 1};
    const struct id other = id_of(9);
    struct seen seen = {.count = 0};

    box.bytes = (const uint8_t *)"\x0a";
    assert_int_equal(depot_put_box(fixture->depot, fixture->team.key, &box), RC_OK);
    box.epoch = 2;
    assert_int_equal(depot_put_box(fixture->depot, fixture->team.key, &box), RC_OK);
    box.epoch = 1;
    box.bytes = (const uint8_t *)"\x0b";
    assert_int_equal(depot_put_box(fixture->depot, fixture->team.key, &box), RC_OK);
    assert_int_equal(
        depot_list_boxes(fixture->depot, fixture->team.key, NULL, 0, see_box, &seen), RC_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 210);
    assert_int_equal(seen.numbers[1], 311);
    assert_int_equal(
        depot_list_boxes(fixture->depot, fixture->team.key, &other, 0, see_box, &seen), RC_OK);
    assert_int_equal(seen.count, 2);
}

/* ---- entries ---- */

struct bytes_of_entry {
    uint8_t header[ENTRY_HEADER_BYTES];
    uint8_t hash[CRYPTO_HASH_BYTES];
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
};

static enum rc
put_entry(struct fixture *fixture, uint8_t stream, uint8_t device, uint64_t incarnation,
          uint32_t first, uint32_t last)
{
    struct bytes_of_entry bytes;
    struct depot_entry entry = {.feed = {id_of(stream), id_of(device), incarnation},
                                .first = first,
                                .last = last,
                                .arrived_ms = 5,
                                .header = bytes.header,
                                .header_hash = bytes.hash,
                                .signature = bytes.signature,
                                .ciphertext = (const uint8_t *)"sealed",
                                .ciphertext_len = 6};

    memset(&bytes, (int)last, sizeof bytes);
    return depot_put_entry(fixture->depot, fixture->team.key, &entry);
}

static enum rc
see_entry(void *context, struct depot_entry *entry, struct depot_body *body, bool *stop)
{
    struct seen *seen = context;

    (void)stop;
    assert_int_equal(depot_body(body, entry), RC_OK);
    assert_int_equal(entry->ciphertext_len, 6);
    assert_memory_equal(entry->ciphertext, "sealed", 6);
    seen->numbers[seen->count++] = entry->arrival;
    return RC_OK;
}

static void
arrival_numbers_rise_and_windows_hold(void **state)
{
    struct fixture *fixture = *state;
    const struct id second = id_of(2);
    struct seen seen = {.count = 0};

    for (uint32_t i = 1; i <= 5; i++)
        assert_int_equal(put_entry(fixture, i % 2 ? 1 : 2, 3, 4, i, i), RC_OK);
    assert_int_equal(depot_list_entries(fixture->depot, fixture->team.key,
                                        &(struct depot_window){NULL, 1, 4}, see_entry, &seen),
                     RC_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.numbers[0], 2);
    assert_int_equal(seen.numbers[2], 4);
    seen.count = 0;
    assert_int_equal(depot_list_entries(fixture->depot, fixture->team.key,
                                        &(struct depot_window){&second, 0, 5}, see_entry, &seen),
                     RC_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[1], 4);
    assert_int_equal(depot_find_team(fixture->depot, fixture->team_id, &fixture->team), RC_OK);
    assert_int_equal(fixture->team.arrival, 5);
}

/* Each life of a server gives numbers that no other gave, also one that a restore took away. */
static void
a_new_life_skips_what_a_lost_one_may_have_given(void **state)
{
    struct fixture *fixture = *state;
    struct depot *depot = fixture->depot;
    struct seen seen = {.count = 0};
    uint64_t first, second;
    bool skipped;

    assert_int_equal(put_entry(fixture, 1, 3, 4, 1, 1), RC_OK); /* of a program that counted from 1 */
    assert_int_equal(depot_new_life(depot, 5000000, &first), RC_OK);
    assert_int_equal(put_entry(fixture, 1, 3, 4, 2, 2), RC_OK);
    assert_int_equal(put_entry(fixture, 1, 3, 4, 3, 3), RC_OK);
    assert_int_equal(depot_new_life(depot, 4000000, &second), RC_OK); /* its clock went back */
    assert_true(second > first + 1);
    assert_int_equal(put_entry(fixture, 1, 3, 4, 4, 4), RC_OK);
    assert_int_equal(depot_list_entries(depot, fixture->team.key, &(struct depot_window){NULL, 0, INT64_MAX}, see_entry,
                                        &seen), RC_OK);
    assert_int_equal(seen.count, 4);
    assert_true(seen.numbers[0] == 1 && seen.numbers[1] == first && seen.numbers[2] == first + 1 && seen.numbers[3] == second);
    const uint64_t given[] = {0, 1, first, first + 1, second};
    const uint64_t lost[] = {2, first - 1, first + 2, second - 1};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        assert_int_equal(depot_was_skipped(depot, fixture->team.key, DEPOT_ARRIVALS, given[i], &skipped), RC_OK);
        assert_false(skipped);
    }
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        assert_int_equal(depot_was_skipped(depot, fixture->team.key, DEPOT_ARRIVALS, lost[i], &skipped), RC_OK);
        assert_true(skipped);
    }
}

static enum rc
see_feed(void *context, const struct depot_feed_end *end, bool *stop)
{
    struct seen *seen = context;

    (void)stop;
    assert_int_equal(end->header_hash[0], end->last);
    seen->numbers[seen->count++] = end->feed.stream.bytes[0] * 100u + end->last;
    return RC_OK;
}

static void
feeds_end_at_their_last_entry_also_beyond_two_to_the_63(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t high = UINT64_MAX - 1;
    const struct depot_feed feed = {id_of(1), id_of(3), high};
    uint8_t hash[CRYPTO_HASH_BYTES];
    struct seen seen = {.count = 0};
    uint32_t last;
    bool found;

    assert_int_equal(put_entry(fixture, 1, 3, high, 1, 4), RC_OK);
    assert_int_equal(put_entry(fixture, 1, 3, high, 5, 9), RC_OK);
    assert_int_equal(put_entry(fixture, 1, 3, 2, 1, 2), RC_OK);
    assert_int_equal(put_entry(fixture, 2, 3, 2, 1, 1), RC_OK);
    assert_int_equal(put_entry(fixture, 1, 8, 2, 1, 7), RC_OK);
    assert_int_equal(depot_feed_head(fixture->depot, fixture->team.key, &feed, &last, hash), RC_OK);
    assert_int_equal(last, 9);
    assert_int_equal(hash[0], 9);
    assert_int_equal(
        depot_find_entry(fixture->depot, fixture->team.key, &feed, 4, &found, hash), RC_OK);
    assert_true(found);
    assert_int_equal(
        depot_find_entry(fixture->depot, fixture->team.key, &feed, 5, &found, hash), RC_OK);
    assert_false(found);
    assert_int_equal(depot_list_feeds(fixture->depot, fixture->team.key, id_of(3), NULL, see_feed,
                                      &seen),
                     RC_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.numbers[0], 102);
    assert_int_equal(seen.numbers[1], 109);
    assert_int_equal(seen.numbers[2], 201);
}

static void
what_is_rolled_back_leaves_no_number_behind(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(depot_begin(fixture->depot), RC_OK);
    assert_int_equal(put_entry(fixture, 1, 3, 4, 1, 1), RC_OK);
    depot_rollback(fixture->depot);
    assert_int_equal(depot_find_team(fixture->depot, fixture->team_id, &fixture->team), RC_OK);
    assert_int_equal(fixture->team.arrival, 0);
    assert_int_equal(put_entry(fixture, 1, 3, 4, 1, 1), RC_OK);
}

static void
a_save_is_stored_once(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(put_entry(fixture, 1, 3, 4, 1, 1), RC_OK);
    assert_int_not_equal(put_entry(fixture, 1, 3, 4, 1, 1), RC_OK);
}

/* ---- acknowledgements ---- */

static enum rc
see_ack(void *context, uint64_t ack, const uint8_t *bytes, size_t len, bool *stop)
{
    struct seen *seen = context;

    (void)ack;
    (void)stop;
    assert_int_equal(len, 1);
    seen->numbers[seen->count++] = bytes[0];
    return RC_OK;
}

static void
put_ack(struct fixture *fixture, uint8_t number, const char *streams)
{
    struct id ids[4];
    struct depot_ack ack = {.device = id_of(3),
                            .incarnation = 4,
                            .number = number,
                            .streams = ids,
                            .stream_count = strlen(streams),
                            .bytes = &number,
                            .len = 1};

    for (size_t i = 0; i < ack.stream_count; i++)
        ids[i] = id_of((uint8_t)streams[i]);
    assert_int_equal(depot_put_ack(fixture->depot, fixture->team.key, &ack), RC_OK);
}

static void
an_acknowledgement_stays_while_a_stream_needs_it(void **state)
{
    struct fixture *fixture = *state;
    uint8_t hash[CRYPTO_HASH_BYTES];
    struct seen seen = {.count = 0};
    uint64_t number;

    put_ack(fixture, 1, "ab");
    put_ack(fixture, 2, "b");
    put_ack(fixture, 3, "");
    assert_int_equal(depot_list_acks(fixture->depot, fixture->team.key, 0, see_ack, &seen), RC_OK);
    assert_int_equal(seen.count, 3);
    put_ack(fixture, 4, "ac");
    seen.count = 0;
    assert_int_equal(depot_list_acks(fixture->depot, fixture->team.key, 0, see_ack, &seen), RC_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 2);
    assert_int_equal(seen.numbers[1], 4);
    assert_int_equal(
        depot_last_ack(fixture->depot, fixture->team.key, id_of(3), 4, &number, hash), RC_OK);
    assert_int_equal(number, 4);
    assert_int_equal(
        depot_last_ack(fixture->depot, fixture->team.key, id_of(3), 5, &number, hash), RC_OK);
    assert_int_equal(number, 0);
}

/* ---- joins and codes ---- */

static enum rc
see_join(void *context, const struct depot_join *join, bool *stop)
{
    struct seen *seen = context;

    (void)stop;
    seen->numbers[seen->count++] = join->bytes[0];
    return RC_OK;
}

static void
requests_to_join_are_kept_once_up_to_a_ceiling_until_they_expire(void **state)
{
    struct fixture *fixture = *state;
    struct depot_join join = {.invite = {1}, .expires_ms = 100, .len = 1};
    struct seen seen = {.count = 0};

    join.bytes = (const uint8_t *)"a";
    assert_int_equal(depot_put_join(fixture->depot, fixture->team.key, &join, 2), RC_OK);
    assert_int_equal(depot_put_join(fixture->depot, fixture->team.key, &join, 2), RC_OK);
    join.bytes = (const uint8_t *)"b";
    assert_int_equal(depot_put_join(fixture->depot, fixture->team.key, &join, 2), RC_OK);
    join.bytes = (const uint8_t *)"c";
    assert_int_equal(depot_put_join(fixture->depot, fixture->team.key, &join, 2), RC_EXISTS);
    assert_int_equal(
        depot_list_joins(fixture->depot, fixture->team.key, 99, see_join, &seen), RC_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(
        depot_list_joins(fixture->depot, fixture->team.key, 100, see_join, &seen), RC_OK);
    assert_int_equal(seen.count, 2);
    assert_int_equal(depot_expire_joins(fixture->depot, 100), RC_OK);
    assert_int_equal(
        depot_list_joins(fixture->depot, fixture->team.key, 0, see_join, &seen), RC_OK);
    assert_int_equal(seen.count, 2);
}

static void
a_code_remembers_which_team_it_made(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t hash[CRYPTO_HASH_BYTES] = {9};
    struct depot_code code;
    bool found;

    assert_int_equal(depot_find_code(fixture->depot, hash, &found, &code), RC_OK);
    assert_false(found);
    assert_int_equal(depot_put_code(fixture->depot, hash, 50), RC_OK);
    assert_int_equal(depot_find_code(fixture->depot, hash, &found, &code), RC_OK);
    assert_true(found && !code.used && code.expires_ms == 50);
    assert_int_equal(depot_use_code(fixture->depot, hash, fixture->team_id), RC_OK);
    assert_int_equal(depot_find_code(fixture->depot, hash, &found, &code), RC_OK);
    assert_true(code.used);
    assert_memory_equal(code.used_by, fixture->team_id, CRYPTO_HASH_BYTES);
}

static void
what_was_committed_is_there_for_another_handle(void **state)
{
    struct fixture *fixture = *state;
    struct depot_team team;
    struct depot *other;

    assert_int_equal(put_entry(fixture, 1, 3, 4, 1, 1), RC_OK);
    assert_int_equal(depot_open(scratch_path(&fixture->scratch, "depot.db"), false, &other), RC_OK);
    assert_int_equal(depot_find_team(other, fixture->team_id, &team), RC_OK);
    assert_int_equal(team.arrival, 1);
    assert_int_equal(depot_check(other), RC_OK);
    depot_close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_depot_that_is_not_there_is_absent_unless_it_may_be_made),
        TEST(lines_come_in_order_and_stop_when_told),
        TEST(an_operation_gets_one_line),
        TEST(a_box_put_again_takes_a_new_number),
        TEST(arrival_numbers_rise_and_windows_hold),
        TEST(a_new_life_skips_what_a_lost_one_may_have_given),
        TEST(feeds_end_at_their_last_entry_also_beyond_two_to_the_63),
        TEST(what_is_rolled_back_leaves_no_number_behind),
        TEST(a_save_is_stored_once),
        TEST(an_acknowledgement_stays_while_a_stream_needs_it),
        TEST(requests_to_join_are_kept_once_up_to_a_ceiling_until_they_expire),
        TEST(a_code_remembers_which_team_it_made),
        TEST(what_was_committed_is_there_for_another_handle),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
