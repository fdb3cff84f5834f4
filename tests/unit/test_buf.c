/* Tests of core/buf. */
#include "core/buf.h"

#include "tests/unit/unit.h"

#include <string.h>

static void
what_was_put_is_read_back(void **state)
{
    struct buf buf = BUF_EMPTY(1000);
    size_t len = 0;
    uint8_t copy[3];

    (void)state;
    assert_ok(buf_put_u8(&buf, 0xfe));
    assert_ok(buf_put_u32(&buf, 0x01020304));
    assert_ok(buf_put_u64(&buf, UINT64_C(0x0102030405060708)));
    assert_memory_equal(buf.data, "\xfe\1\2\3\4\1\2\3\4\5\6\7\10", 13);
    assert_ok(buf_put_varint(&buf, 300));
    assert_ok(buf_put_text(&buf, "gezin"));
    assert_ok(buf_put_block(&buf, NULL, 0));
    assert_ok(buf_put_zeros(&buf, 3));
    struct reader reader = reader_of(buf.data, buf.len);
    assert_int_equal(reader_u8(&reader), 0xfe);
    assert_int_equal(reader_u32(&reader), 0x01020304);
    assert_true(reader_u64(&reader) == UINT64_C(0x0102030405060708));
    assert_int_equal(reader_varint(&reader), 300);
    assert_memory_equal(reader_block(&reader, 5, &len), "gezin", 5);
    assert_int_equal(len, 5);
    assert_non_null(reader_block(&reader, 5, &len));
    assert_int_equal(len, 0);
    reader_copy(&reader, copy, sizeof copy);
    assert_memory_equal(copy, "\0\0\0", 3);
    assert_ok(reader_finish(&reader, "it"));
    buf_wipe(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.ceiling_bytes, 1000);
}

static void
the_ceiling_holds_and_a_refusal_changes_nothing(void **state)
{
    struct buf buf = BUF_EMPTY(8);
    uint8_t *room = NULL;

    (void)state;
    assert_ok(buf_put(&buf, "1234567", 7));
    assert_int_equal(buf_put_u32(&buf, 1), RC_TOO_LARGE);
    assert_int_equal(buf_put_text(&buf, "x"), RC_TOO_LARGE);
    assert_int_equal(buf_printf(&buf, "%d", 42), RC_TOO_LARGE);
    assert_int_equal(buf_put_zeros(&buf, SIZE_MAX), RC_TOO_LARGE);
    assert_int_equal(buf_extend(&buf, SIZE_MAX - 3, &room), RC_TOO_LARGE);
    assert_null(room);
    assert_int_equal(buf.len, 7);
    assert_ok(buf_printf(&buf, "%d", 8));
    assert_string_equal(buf_text(&buf), "12345678"); /* the NUL is not under the ceiling */
    assert_int_equal(buf.len, 8);
    buf_wipe(&buf);
}

static void
text_of_an_empty_buf_is_the_empty_text(void **state)
{
    struct buf buf = BUF_EMPTY(0);

    (void)state;
    assert_string_equal(buf_text(&buf), "");
    assert_ok(buf_printf(&buf, "%s", ""));
    assert_int_equal(buf.len, 0);
    buf_wipe(&buf);
}

static void
clearing_zeroes_what_was_there(void **state)
{
    struct buf buf = BUF_EMPTY(100);

    (void)state;
    assert_ok(buf_put(&buf, "secret", 6));
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_memory_equal(buf.data, "\0\0\0\0\0\0", 6);
    buf_wipe(&buf);
}

static void
varints_are_read_back_in_their_shortest_form(void **state)
{
    struct dice dice = dice_start();

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct buf buf = BUF_EMPTY(10);
        uint64_t value = dice_next(&dice) >> dice_below(&dice, 64);
        size_t bits = 1;
        while (bits < 64 && value >> bits != 0)
            bits++;
        assert_ok(buf_put_varint(&buf, value));
        assert_int_equal(buf.len, (bits + 6) / 7);
        struct reader reader = reader_of(buf.data, buf.len);
        assert_true(reader_varint(&reader) == value);
        assert_ok(reader_finish(&reader, "varint"));
        buf_wipe(&buf);
    }
}

static void
refuses_varint(const char *bytes, size_t len)
{
    struct reader reader = reader_of(bytes, len);

    assert_true(reader_varint(&reader) == 0);
    assert_true(reader.failed);
    assert_int_equal(reader_finish(&reader, "varint"), RC_CORRUPT);
}

static void
overlong_and_oversized_varints_are_refused(void **state)
{
    (void)state;
    refuses_varint("\x80\x00", 2);
    refuses_varint("\xff\x80\x00", 3);
    refuses_varint("\x80", 1);
    refuses_varint("", 0);
    refuses_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    refuses_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11);
    struct reader most = reader_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    assert_true(reader_varint(&most) == UINT64_MAX);
    assert_ok(reader_finish(&most, "varint"));
}

static void
a_count_over_its_ceiling_and_bytes_left_over_are_refused(void **state)
{
    size_t len = 9;
    struct reader reader = reader_of("\x05hallo", 6);

    (void)state;
    assert_null(reader_block(&reader, 4, &len));
    assert_int_equal(len, 0);
    assert_int_equal(reader_finish(&reader, "block"), RC_CORRUPT);
    reader = reader_of("ab", 2);
    assert_int_equal(reader_u8(&reader), 'a');
    assert_int_equal(reader_finish(&reader, "pair"), RC_CORRUPT);
    reader = reader_of(NULL, 0);
    assert_ok(reader_finish(&reader, "nothing"));
}

/* One random read; under the sanitizers an overrun ends the program. */
static void
read_something(struct dice *dice, struct reader *reader)
{
    uint8_t copy[32];
    size_t len = 0;
    const uint8_t *lent = NULL;

    switch (dice_below(dice, 6)) {
    case 0: (void)reader_u8(reader); break;
    case 1: (void)reader_u32(reader); break;
    case 2: (void)reader_u64(reader); break;
    case 3: (void)reader_varint(reader); break;
    case 4: reader_copy(reader, copy, dice_below(dice, sizeof copy)); break;
    default:
        lent = reader_block(reader, 40, &len);
        assert_true(lent != NULL || (len == 0 && reader->failed));
        for (size_t i = 0; i < len; i++)
            copy[i % sizeof copy] = lent[i];
    }
    (void)copy;
}

static void
a_reader_never_overruns(void **state)
{
    struct dice dice = dice_start();

    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t len = dice_below(&dice, 64);
        uint8_t *bytes = malloc(len + 1); /* exact size: what lies behind is poisoned */
        assert_non_null(bytes);
        dice_fill(&dice, bytes + 1, len);
        struct reader reader = reader_of(bytes + 1, len);
        for (int reads = 0; reads < 12; reads++) {
            size_t before = reader_left(&reader);
            bool failed = reader.failed;
            read_something(&dice, &reader);
            assert_true(reader_left(&reader) <= before);
            assert_true(!failed || (reader.failed && reader_left(&reader) == before));
            assert_true(reader.at >= bytes + 1 && reader.at <= bytes + 1 + len);
        }
        free(bytes);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_read_back),
        cmocka_unit_test(the_ceiling_holds_and_a_refusal_changes_nothing),
        cmocka_unit_test(text_of_an_empty_buf_is_the_empty_text),
        cmocka_unit_test(clearing_zeroes_what_was_there),
        cmocka_unit_test(varints_are_read_back_in_their_shortest_form),
        cmocka_unit_test(overlong_and_oversized_varints_are_refused),
        cmocka_unit_test(a_count_over_its_ceiling_and_bytes_left_over_are_refused),
        cmocka_unit_test(a_reader_never_overruns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
