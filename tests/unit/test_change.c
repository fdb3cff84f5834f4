/* Tests of values, changes and bodies: one encoding per content, strict decoding, golden bytes. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/change.h"
#include "core/secret.h"

static struct id
id_of(uint8_t byte)
{
    struct id id;

    memset(id.bytes, byte, sizeof id.bytes);
    return id;
}

static size_t
from_hex(const char *text, uint8_t *out)
{
    size_t len = 0;

    for (; text[0] != '\0' && text[1] != '\0' && text[0] != '\n'; text += 2) {
        char pair[3] = {text[0], text[1], '\0'};
        out[len++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return len;
}

/* The change that tests/golden/body.hex holds: two saves, three records, own and foreign versions, every type. */
static void
make_golden(struct change saves[2])
{
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct version foreign[2] = {{{id_of(0x22), 7}, 3, 1}, {{id_of(0x21), 9}, 2, 0}};
    struct version own[1] = {{{id_of(0x11), 5}, 1, 0}};
    struct version listed[1] = {{{id_of(0x21), 9}, 2, 0}};

    saves[0] = CHANGE_EMPTY(id_of(0xee));
    saves[1] = CHANGE_EMPTY(id_of(0xee));
    saves[0].hlc = UINT64_C(0x018bcfe568000000);
    saves[1].hlc = UINT64_C(0x018bcfe568000001);
    assert_ok(value_put_text(&value, 1,
                             "Zoe\xcc\x88")); /* e and diaeresis: NFC makes one letter of them */
    assert_ok(value_put_date(&value, 2, 20240229));
    assert_ok(value_put_int(&value, 3, -5));
    assert_ok(value_put_id(&value, 4, id_of(0x44)));
    assert_ok(change_put_over(&saves[0], 5, id_of(0xaa), 1, &value, foreign, 2));
    buf_clear(&value);
    assert_ok(change_put_over(&saves[0], 5, id_of(0xaa), 2, &value, foreign, 0));
    assert_ok(value_put_versions(&value, 1, listed, 1));
    assert_ok(change_put_over(&saves[1], 4, id_of(0xbb), 0, &value, own, 0));
    buf_clear(&value);
    assert_ok(value_put_int(&value, 8, 1));
    assert_ok(change_put_over(&saves[1], 5, id_of(0xaa), 1, &value, own, 1));
    buf_wipe(&value);
}

static size_t
encode_golden(uint8_t *out)
{
    struct change saves[2];
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct feed_seen seen[3] = {{{id_of(0x20), 1}, 1, {1}},
                                {{id_of(0x21), 9}, 4, {1, 2, 3, 4, 5, 6, 7, 8}},
                                {{id_of(0x22), 7}, 3, {8, 7, 6, 5, 4, 3, 2, 1}}};

    make_golden(saves);
    assert_ok(body_write((struct feed_ref){id_of(0x11), 5}, 1, saves, 2, seen, 3, &body));
    size_t len = body.len;
    memcpy(out, body.data, len);
    buf_wipe(&body);
    change_wipe(&saves[0]);
    change_wipe(&saves[1]);
    return len;
}

/* The file holds these bytes in hexadecimal; WRITE_GOLDEN=1 prints what it should hold. */
static void
assert_golden(const char *path, const uint8_t *bytes, size_t len)
{
    uint8_t golden[4096];
    char text[8192];
    FILE *file = fopen(path, "r");

    if (getenv("WRITE_GOLDEN") != NULL) {
        printf("%s: ", path);
        for (size_t i = 0; i < len; i++)
            printf("%02x", bytes[i]);
        printf("\n");
    }
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    (void)fclose(file);
    assert_int_equal(from_hex(text, golden), len);
    assert_memory_equal(golden, bytes, len);
}

static void
the_golden_body_is_written_byte_for_byte(void **state)
{
    uint8_t bytes[4096];

    (void)state;
    size_t len = encode_golden(bytes);
    assert_golden("tests/golden/body.hex", bytes, len);
}

/* A row of sync_outbox: the first save alone, with no word yet of what was seen. */
static void
a_save_that_waits_is_written_byte_for_byte(void **state)
{
    struct change saves[2];
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);

    (void)state;
    make_golden(saves);
    assert_ok(body_write((struct feed_ref){id_of(0x11), 5}, 1, saves, 1, NULL, 0, &body));
    assert_golden("tests/golden/outbox.hex", body.data, body.len);
    buf_wipe(&body);
    change_wipe(&saves[0]);
    change_wipe(&saves[1]);
}

static void
the_golden_body_reads_back_and_writes_the_same(void **state)
{
    uint8_t bytes[4096];
    struct change *saves;
    struct buf again = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct feed_seen *seen;
    size_t count;

    (void)state;
    size_t len = encode_golden(bytes);
    assert_ok(body_read(id_of(0xee), (struct feed_ref){id_of(0x11), 5}, 1, 2, bytes, len, &saves));
    assert_int_equal(saves[0].count, 2);
    assert_int_equal(saves[1].operations[1].supersedes[0].save, 1);
    assert_true(id_equal(saves[1].operations[1].record, id_of(0xaa)));
    assert_ok(body_seen(bytes, len, &seen, &count));
    assert_int_equal(count, 2); /* the one without use was left out */
    assert_int_equal(seen[0].last, 4);
    assert_ok(body_write((struct feed_ref){id_of(0x11), 5}, 1, saves, 2, seen, count, &again));
    assert_int_equal(again.len, len);
    assert_memory_equal(again.data, bytes, len);
    free(seen);
    buf_wipe(&again);
    body_free(saves, 2);
}

static void
a_cut_or_lengthened_body_is_refused(void **state)
{
    uint8_t bytes[4096];
    struct change *saves;

    (void)state;
    size_t len = encode_golden(bytes);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(
            body_read(id_of(0xee), (struct feed_ref){id_of(0x11), 5}, 1, 2, bytes, cut, &saves),
            RC_CORRUPT);
        assert_null(saves);
    }
    bytes[len] = 0;
    assert_int_equal(
        body_read(id_of(0xee), (struct feed_ref){id_of(0x11), 5}, 1, 2, bytes, len + 1, &saves),
        RC_CORRUPT);
    assert_int_equal(
        body_read(id_of(0xee), (struct feed_ref){id_of(0x11), 5}, 1, 3, bytes, len, &saves),
        RC_CORRUPT);
    /* Under another name the first feed of the list would be the entry's own. */
    assert_int_equal(
        body_read(id_of(0xee), (struct feed_ref){id_of(0x21), 9}, 1, 2, bytes, len, &saves),
        RC_CORRUPT);
}

/* What decodes has one encoding: any accepted bytes are written back as they were. */
static void
damaged_bodies_are_refused_or_mean_just_what_they_say(void **state)
{
    struct dice dice = dice_start();
    uint8_t golden[4096], bytes[4096];
    size_t accepted = 0;

    (void)state;
    size_t len = encode_golden(golden);
    for (size_t i = 0; i < 20000; i++) {
        struct change *saves;
        struct feed_seen *seen;
        size_t count;
        memcpy(bytes, golden, len);
        for (size_t k = 0; k <= i % 3; k++)
            bytes[dice_below(&dice, len)] = (uint8_t)dice_next(&dice);
        if (body_read(id_of(0xee), (struct feed_ref){id_of(0x11), 5}, 1, 2, bytes, len, &saves) !=
            RC_OK)
            continue;
        struct buf again = BUF_EMPTY(CHANGE_BODY_BYTES);
        assert_ok(body_seen(bytes, len, &seen, &count));
        assert_ok(body_write((struct feed_ref){id_of(0x11), 5}, 1, saves, 2, seen, count, &again));
        assert_int_equal(again.len, len);
        assert_memory_equal(again.data, bytes, len);
        accepted++;
        free(seen);
        buf_wipe(&again);
        body_free(saves, 2);
    }
    assert_true(accepted > 0);
}

static void
values_refuse_what_cannot_be(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[16];
        size_t len;
    } wrong[] = {
        {"nothing", {0}, 0},
        {"field number 0", {1, 0, 1, 2}, 4},
        {"type 0", {1, 1, 0, 0}, 4},
        {"descending numbers", {2, 2, 1, 0, 1, 1, 0}, 7},
        {"one number twice", {2, 1, 1, 0, 1, 1, 0}, 7},
        {"an overlong count", {0x81, 0, 1, 1, 0}, 5},
        {"an overlong integer", {1, 1, 1, 0x80, 0}, 5},
        {"bad UTF-8", {1, 1, 2, 1, 0xff}, 5},
        {"a NUL", {1, 1, 2, 1, 0}, 5},
        {"30 February", {1, 1, 5, 0x01, 0x34, 0xd7, 0x66}, 7},
        {"a cut id", {1, 1, 4, 1, 2, 3}, 6},
        {"left over", {1, 1, 1, 0, 0}, 5},
        {"a version of save 0", {1, 1, 6, 1}, 4},
    };
    struct field fields[CHANGE_FIELDS];
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (value_read(wrong[i].bytes, wrong[i].len, fields, &count) != RC_CORRUPT)
            fail_msg("accepted: %s", wrong[i].what);
}

static void
integers_come_back_whole(void **state)
{
    static const int64_t integers[] = {0, 1, -1, 63, -64, 64, INT64_MAX, INT64_MIN};
    struct field fields[CHANGE_FIELDS];
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        struct buf value = BUF_EMPTY(100);
        assert_ok(value_put_int(&value, 7, integers[i]));
        assert_ok(value_read(value.data, value.len, fields, &count));
        assert_int_equal(fields[0].integer, integers[i]);
        buf_wipe(&value);
    }
}

static void
dates_are_days_that_exist(void **state)
{
    (void)state;
    assert_true(value_date_exists(20240229));
    assert_true(value_date_exists(20000229));
    assert_false(value_date_exists(19000229));
    assert_false(value_date_exists(20230229));
    assert_false(value_date_exists(20230431));
    assert_false(value_date_exists(20231301));
    assert_false(value_date_exists(20230100));
    assert_false(value_date_exists(UINT32_MAX));
}

static void
a_field_of_a_newer_type_is_kept(void **state)
{
    static const uint8_t bytes[] = {1, 9, 200, 2, 'x', 'y'};
    struct field fields[CHANGE_FIELDS];
    struct buf copy = BUF_EMPTY(100);
    size_t count;

    (void)state;
    assert_ok(value_read(bytes, sizeof bytes, fields, &count));
    assert_ok(value_put_field(&copy, &fields[0]));
    assert_int_equal(copy.len, sizeof bytes);
    assert_memory_equal(copy.data, bytes, sizeof bytes);
    buf_wipe(&copy);
}

static void
a_change_never_supersedes_itself_or_what_comes_later(void **state)
{
    struct version later[1] = {{{id_of(0x11), 5}, 1, 0}};
    struct change change = CHANGE_EMPTY(id_of(0xee));
    struct buf value = BUF_EMPTY(10), body = BUF_EMPTY(1000);

    (void)state;
    assert_ok(change_put_over(&change, 5, id_of(1), 1, &value, later, 1));
    assert_int_equal(body_write((struct feed_ref){id_of(0x11), 5}, 1, &change, 1, NULL, 0, &body),
                     RC_INVALID);
    buf_clear(&body);
    assert_ok(body_write((struct feed_ref){id_of(0x11), 5}, 2, &change, 1, NULL, 0, &body));
    change_wipe(&change);
    buf_wipe(&body);
    buf_wipe(&value);
}

static void
what_was_not_seen_is_not_sealed(void **state)
{
    struct version unseen[1] = {{{id_of(0x22), 5}, 8, 0}};
    struct feed_seen seen[1] = {{{id_of(0x22), 5}, 7, {0}}};
    struct change change = CHANGE_EMPTY(id_of(0xee));
    struct buf value = BUF_EMPTY(10), body = BUF_EMPTY(1000);

    (void)state;
    assert_ok(change_put_over(&change, 5, id_of(1), 1, &value, unseen, 1));
    assert_int_equal(body_write((struct feed_ref){id_of(0x11), 5}, 1, &change, 1, seen, 1, &body),
                     RC_INVALID);
    change_wipe(&change);
    buf_wipe(&body);
    buf_wipe(&value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_body_is_written_byte_for_byte),
        cmocka_unit_test(a_save_that_waits_is_written_byte_for_byte),
        cmocka_unit_test(the_golden_body_reads_back_and_writes_the_same),
        cmocka_unit_test(a_cut_or_lengthened_body_is_refused),
        cmocka_unit_test(damaged_bodies_are_refused_or_mean_just_what_they_say),
        cmocka_unit_test(values_refuse_what_cannot_be),
        cmocka_unit_test(integers_come_back_whole),
        cmocka_unit_test(dates_are_days_that_exist),
        cmocka_unit_test(a_field_of_a_newer_type_is_kept),
        cmocka_unit_test(a_change_never_supersedes_itself_or_what_comes_later),
        cmocka_unit_test(what_was_not_seen_is_not_sealed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
