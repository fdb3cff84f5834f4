/* Tests of everything that travels: it comes back, and what was cut or altered is refused without harm. */
#include "sync/wire.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "sync/wire_run.h"
#include "tests/support/wires.h"

enum { MUTATIONS = 10000 };

static int
set_up(void **state)
{
    static struct wires wires;

    wires_start(&wires);
    *state = &wires;
    return 0;
}

static int
tear_down(void **state)
{
    wires_end(*state);
    return 0;
}

static void
everything_that_travels_is_taken(void **state)
{
    const struct wires *wires = *state;

    for (unsigned kind = 0; kind < WIRES_COUNT; kind++) {
        enum rc rc = wires_decode(wires, kind, wires->bytes[kind].data, wires->bytes[kind].len);
        if (rc != RC_OK)
            fail_msg("%s: %s", wires_name(kind), rc_sentence());
    }
}

static void
every_truncation_is_refused(void **state)
{
    const struct wires *wires = *state;

    for (unsigned kind = 0; kind < WIRES_COUNT; kind++) {
        const struct buf *whole = &wires->bytes[kind];
        for (size_t len = 0; len < whole->len; len++) {
            /* A copy of its own, so that a byte read beyond it is seen. */
            uint8_t *cut = malloc(len + 1);
            assert_non_null(cut);
            memcpy(cut, whole->data, len);
            cut = realloc(cut, len > 0 ? len : 1);
            if (wires_decode(wires, kind, cut, len) == RC_OK)
                fail_msg("%s of %zu bytes, cut from %zu", wires_name(kind), len, whole->len);
            free(cut);
        }
    }
}

static void
one_byte_too_many_is_refused(void **state)
{
    struct wires *wires = *state;

    for (unsigned kind = 0; kind < WIRES_COUNT; kind++) {
        assert_ok(buf_put_u8(&wires->bytes[kind], 0));
        if (wires_decode(wires, kind, wires->bytes[kind].data, wires->bytes[kind].len) == RC_OK)
            fail_msg("%s", wires_name(kind));
        wires->bytes[kind].len--;
    }
}

static void
ten_thousand_mutations_do_no_harm(void **state)
{
    const struct wires *wires = *state;
    struct dice dice = dice_start();

    for (unsigned i = 0; i < MUTATIONS; i++) {
        enum wires_kind kind = (enum wires_kind)(i % WIRES_COUNT);
        const struct buf *whole = &wires->bytes[kind];
        uint8_t *bytes = malloc(whole->len);
        assert_non_null(bytes);
        memcpy(bytes, whole->data, whole->len);
        for (size_t changes = 1 + dice_below(&dice, 3); changes > 0; changes--)
            bytes[dice_below(&dice, whole->len)] = (uint8_t)dice_next(&dice);
        (void)wires_decode(wires, kind, bytes, whole->len);
        free(bytes);
    }
}

static void
a_run_comes_back_with_its_headers_chained(void **state)
{
    const struct wires *wires = *state;
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct buf again = BUF_EMPTY(1 << 20);
    const struct buf *push = &wires->bytes[WIRES_PUSH];

    assert_ok(wire_run_push_decode(push->data, push->len, &list));
    assert_int_equal(list.count, 3);
    assert_int_equal(list.run_count, 1);
    for (size_t i = 1; i < list.count; i++) {
        assert_memory_equal(list.items[i].previous, list.items[i - 1].hash, 32);
        assert_int_equal(list.items[i].first, list.items[i - 1].last + 1);
    }
    const uint8_t *key = wires->team.members[0].identity.sign_public;
    assert_int_equal(entry_verify_run(list.items, list.count, key), 3);
    list.items[2].signature[0] ^= 1;
    assert_int_equal(entry_verify_run(list.items, list.count, key), 2);
    list.items[2].signature[0] ^= 1;
    list.items[0].signature[0] ^= 1; /* vouched for by the last */
    assert_int_equal(entry_verify_run(list.items, list.count, key), 3);
    list.items[0].signature[0] ^= 1;
    assert_ok(wire_run_push_encode(&list, &again));
    assert_int_equal(again.len, push->len);
    assert_memory_equal(again.data, push->data, push->len);
    wire_run_list_wipe(&list);
    buf_wipe(&again);
}

static void
a_run_of_a_newer_format_is_kept_whole(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 0, 0, 0, 3, 'a', 'b', 'c'};
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct reader reader = reader_of(bytes, sizeof bytes);
    struct buf again = BUF_EMPTY(100);

    assert_ok(wire_run_get(&reader, &list));
    assert_int_equal(list.count, 0);
    assert_int_equal(list.unknown.count, 1);
    assert_int_equal(list.unknown.items[0].len, 8);
    assert_ok(wire_run_put(&again, &list));
    assert_int_equal(again.len, sizeof bytes);
    assert_memory_equal(again.data, bytes, sizeof bytes);
    wire_run_list_wipe(&list);
    buf_wipe(&again);
}

static void
an_answer_to_another_push_is_not_believed(void **state)
{
    const struct wires *wires = *state;
    struct wire_push_answer answer = WIRE_PUSH_ANSWER_EMPTY;
    const struct buf *bytes = &wires->bytes[WIRES_PUSH_ANSWER];
    uint8_t other[32] = {0};

    assert_int_equal(
        wire_push_answer_decode(bytes->data, bytes->len, wires->team.server_public, other, &answer),
        RC_UNTRUSTED);
    wire_push_answer_wipe(&answer);
}

static void
errors_have_one_name_and_one_status_each(void **state)
{
    (void)state;

    for (unsigned i = 1; i < WIRE_ERROR_COUNT; i++) {
        assert_int_equal(wire_error_from_name(wire_error_name(i)), i);
        assert_in_range(wire_error_status(i), 400, 507);
    }
    assert_int_equal(wire_error_from_name("nonsense"), WIRE_ERROR_NONE);
    assert_int_equal(wire_error_status(WIRE_ERROR_STALE), 409);
}

static void
a_set_of_boxes_has_one_hash_in_any_order(void **state)
{
    (void)state;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct wire_box box = {.epoch = 2, .len = 101};
    uint8_t first[32];
    uint8_t second[32];

    box.recipient.bytes[0] = 5;
    assert_ok(wire_boxes_add(&boxes, &box));
    box.recipient.bytes[0] = 3;
    assert_ok(wire_boxes_add(&boxes, &box));
    wire_boxes_sort(&boxes);
    wire_boxes_hash(&boxes, first);
    struct wire_box swap = boxes.items[0];
    boxes.items[0] = boxes.items[1];
    boxes.items[1] = swap;
    wire_boxes_sort(&boxes);
    wire_boxes_hash(&boxes, second);
    assert_memory_equal(first, second, 32);
    boxes.items[1].bytes[100] ^= 1;
    wire_boxes_hash(&boxes, second);
    assert_memory_not_equal(first, second, 32);
    wire_boxes_wipe(&boxes);
}

/* Asked for again it would be a negative number, which every server refuses: the device would sync no more. */
static void
a_cursor_that_no_store_can_keep_is_refused(void **state)
{
    const struct wires *wires = *state;
    static const struct {
        enum wires_kind kind;
        size_t at;
    } CURSORS[] = {{WIRES_BOX_LIST, 0}, {WIRES_ACK_LIST, 0}, {WIRES_PAGE, 9}};

    for (size_t i = 0; i < sizeof CURSORS / sizeof CURSORS[0]; i++) {
        struct buf bytes = BUF_EMPTY(1 << 20);
        assert_ok(buf_put(&bytes, wires->bytes[CURSORS[i].kind].data,
                          wires->bytes[CURSORS[i].kind].len));
        bytes.data[CURSORS[i].at] = 0x7f;
        assert_ok(wires_decode(wires, CURSORS[i].kind, bytes.data, bytes.len));
        bytes.data[CURSORS[i].at] = 0x80;
        assert_int_equal(wires_decode(wires, CURSORS[i].kind, bytes.data, bytes.len), RC_CORRUPT);
        buf_wipe(&bytes);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_that_travels_is_taken),
        TEST(every_truncation_is_refused),
        TEST(one_byte_too_many_is_refused),
        TEST(ten_thousand_mutations_do_no_harm),
        TEST(a_run_comes_back_with_its_headers_chained),
        cmocka_unit_test(a_run_of_a_newer_format_is_kept_whole),
        TEST(a_cursor_that_no_store_can_keep_is_refused),
        TEST(an_answer_to_another_push_is_not_believed),
        cmocka_unit_test(errors_have_one_name_and_one_status_each),
        cmocka_unit_test(a_set_of_boxes_has_one_hash_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
