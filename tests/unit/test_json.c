/* Tests of core/json: what is refused, and that the reader reads what the writer wrote. */
#include "core/json.h"

#include "tests/unit/unit.h"

#include <string.h>

static enum rc
parse(const char *text, struct json **root)
{
    /* An exact copy: a read past the end is seen by the sanitizers. */
    size_t len = strlen(text);
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    enum rc rc = json_parse(copy, len, 10000, root);
    free(copy);
    return rc;
}

static void
what_two_readers_may_read_differently_is_refused(void **state)
{
    static const char *const bad[] = {
        "", " ", "{", "}", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{\"a\":1}x", "1 2",
        "[1]]", "[[1]", "{\"a\":1]", "01", "-", "+1", "1.", ".5", "1e3", "1.5E2", "1e400", "NaN",
        "Infinity", "nul", "True", "'a'", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u0000\"", "\"\\ud800\"",
        "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "\"\xff\"", "\"\xc0\x80\"", "\xef\xbb\xbf{}",
        "\x01{}", "{\"a\":1,\"a\":2}", "{\"x\":[{\"b\":1,\"c\":2,\"b\":3}]}", "9007199254740993",
        "-9007199254740993", "99999999999999999999", "{\"a\":1,\"\\u0061\":2}", "// c\n1", "[1 2]",
        "0.1234567890123456789012345678901234567890",
    };
    struct json *root = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i], &root) != RC_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_null(root);
    }
    assert_int_equal(json_parse("[1,2,3]", 7, 6, &root), RC_TOO_LARGE);
    assert_int_equal(json_parse("[1]\0", 4, 10, &root), RC_INVALID);
}

static void
depth_has_a_ceiling(void **state)
{
    char text[2 * (JSON_DEPTH_MOST + 1) + 1] = {0};
    struct json *root = NULL;

    (void)state;
    memset(text, '[', JSON_DEPTH_MOST);
    memset(text + JSON_DEPTH_MOST, ']', JSON_DEPTH_MOST);
    assert_ok(parse(text, &root));
    json_free(root);
    memset(text, '[', JSON_DEPTH_MOST + 1);
    memset(text + JSON_DEPTH_MOST + 1, ']', JSON_DEPTH_MOST + 1);
    assert_int_equal(parse(text, &root), RC_INVALID);
}

static void
values_come_out_as_they_are(void **state)
{
    struct json *root = NULL;
    const char *text = NULL;
    const struct json *list = NULL;
    int64_t number = 0;
    uint64_t wide = 0;
    uint8_t bytes[2];

    (void)state;
    assert_ok(parse(" {\"text\":\"caf\\u00e9 \\ud83c\\udfe0\\n\",\"int\":-42,\"most\":9007199254740992,"
                    "\"wide\":\"18446744073709551615\",\"yes\":true,\"none\":null,\"half\":0.5,"
                    "\"list\":[1,[],{}],\"hex\":\"00ff\"} ",
                    &root));
    assert_ok(json_need_text(root, "text", 20, &text));
    assert_string_equal(text, "caf\xc3\xa9 \xf0\x9f\x8f\xa0\n");
    assert_int_equal(json_need_text(root, "text", 3, &text), RC_INVALID);
    assert_int_equal(json_need_text(root, "Text", 20, &text), RC_INVALID); /* another case */
    assert_string_equal(rc_sentence(), "\"Text\" is missing");
    assert_int_equal(json_need_text(root, "int", 20, &text), RC_INVALID);
    assert_ok(json_need_int(root, "int", -42, 0, &number));
    assert_int_equal(number, -42);
    assert_int_equal(json_need_int(root, "int", -41, 0, &number), RC_INVALID);
    assert_int_equal(json_need_int(root, "half", 0, 1, &number), RC_INVALID);
    assert_ok(json_need_int(root, "most", 0, INT64_MAX, &number));
    assert_true(number == JSON_INT_MOST);
    assert_ok(json_need_u64(root, "wide", &wide));
    assert_true(wide == UINT64_MAX);
    assert_int_equal(json_need_u64(root, "int", &wide), RC_INVALID);
    assert_int_equal(json_need_u64(root, "hex", &wide), RC_INVALID);
    assert_int_equal(json_kind(json_get(root, "yes")), JSON_BOOL);
    assert_int_equal(json_kind(json_get(root, "half")), JSON_DECIMAL);
    assert_ok(json_need_array(root, "list", &list));
    assert_int_equal(json_count(list), 3);
    assert_int_equal(json_kind(json_next(json_next(json_first(list)))), JSON_OBJECT);
    assert_int_equal(json_need_array(root, "half", &list), RC_INVALID);
    assert_ok(json_need_hex(root, "hex", bytes, 2));
    assert_memory_equal(bytes, "\x00\xff", 2);
    assert_int_equal(json_need_hex(root, "hex", bytes, 1), RC_INVALID);
    assert_null(json_get(NULL, "x"));
    json_free(root);
    json_free(NULL);
}

static void
unknown_keys_are_named(void **state)
{
    static const char *const keys[] = {"a", "b", NULL};
    struct json *root = NULL;

    (void)state;
    assert_ok(parse("{\"a\":1,\"b\":2}", &root));
    assert_ok(json_only(root, keys));
    json_free(root);
    assert_ok(parse("{\"a\":1,\"B\":2}", &root));
    assert_int_equal(json_only(root, keys), RC_INVALID);
    assert_non_null(strstr(rc_sentence(), "\"B\""));
    json_free(root);
    assert_ok(parse("[1]", &root)); /* its member has no key at all */
    assert_int_equal(json_only(root, keys), RC_INVALID);
    json_free(root);
}

static void
the_writer_writes_what_one_would_by_hand(void **state)
{
    struct buf out = BUF_EMPTY(1000);
    struct json_writer writer = json_writer_of(&out, false);

    (void)state;
    json_object_start(&writer);
    json_put_text(&writer, "naam", "regel \"1\"\n\x01\x7f\\");
    json_put_int(&writer, "n", -7);
    json_put_u64(&writer, "wide", UINT64_MAX);
    json_put_hex(&writer, "id", "\x0f\xa0", 2);
    json_key(&writer, "list");
    json_array_start(&writer);
    json_bool(&writer, true);
    json_null(&writer);
    json_array_start(&writer);
    json_array_end(&writer);
    json_object_start(&writer);
    json_object_end(&writer);
    json_array_end(&writer);
    json_put_text(&writer, "none", NULL);
    json_object_end(&writer);
    assert_ok(json_finish(&writer));
    assert_string_equal(buf_text(&out),
                        "{\"naam\":\"regel \\\"1\\\"\\n\\u0001\\u007f\\\\\",\"n\":-7,"
                        "\"wide\":\"18446744073709551615\",\"id\":\"0fa0\","
                        "\"list\":[true,null,[],{}],\"none\":null}");
    buf_clear(&out);
    writer = json_writer_of(&out, true);
    json_object_start(&writer);
    json_put_int(&writer, "a", 1);
    json_key(&writer, "b");
    json_array_start(&writer);
    json_int(&writer, 2);
    json_array_end(&writer);
    json_object_end(&writer);
    assert_ok(json_finish(&writer));
    assert_string_equal(buf_text(&out), "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}\n");
    buf_wipe(&out);
}

/* A reader on a terminal is often another program, which passes on what it read. */
static void
what_could_steer_a_terminal_is_escaped(void **state)
{
    struct buf out = BUF_EMPTY(200);
    struct json_writer writer = json_writer_of(&out, false);
    struct json *root = NULL;
    const char *text = "a\xc2\x9b" "2J\xe2\x80\xae" "b\xe2\x80\x8d" "c\xf3\xa0\x81\x81" "d\xc3\xa9\xf0\x9f\x91\xa9";

    (void)state;
    json_text(&writer, text);
    assert_ok(json_finish(&writer));
    assert_string_equal(buf_text(&out), "\"a\\u009b2J\\u202eb\\u200dc\\udb40\\udc41d\xc3\xa9\xf0\x9f\x91\xa9\"");
    assert_ok(json_parse(out.data, out.len, 200, &root));
    assert_string_equal(json_as_text(root), text);
    json_free(root);
    buf_wipe(&out);
}

static void
the_writers_first_failure_sticks(void **state)
{
    struct buf out = BUF_EMPTY(8);
    struct json_writer writer = json_writer_of(&out, false);

    (void)state;
    json_array_start(&writer);
    json_text(&writer, "\xff");
    json_array_end(&writer);
    assert_int_equal(json_finish(&writer), RC_INVALID);
    buf_clear(&out);
    writer = json_writer_of(&out, false);
    json_text(&writer, "longer");
    json_text(&writer, "x");
    assert_int_equal(json_finish(&writer), RC_TOO_LARGE);
    buf_wipe(&out);
}

/* Writes a random tree; the deeper, the likelier a leaf. */
static void
write_tree(struct dice *dice, struct json_writer *writer, unsigned depth)
{
    char text[24] = {0};

    if (depth < 6 && dice_below(dice, 3) > 0) {
        bool is_object = dice_below(dice, 2) == 0;
        size_t members = dice_below(dice, 5);
        if (is_object)
            json_object_start(writer);
        else
            json_array_start(writer);
        for (size_t i = 0; i < members; i++) {
            (void)snprintf(text, sizeof text, "k%zu", i);
            if (is_object)
                json_key(writer, text);
            write_tree(dice, writer, depth + 1);
        }
        if (is_object)
            json_object_end(writer);
        else
            json_array_end(writer);
        return;
    }
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)(1 + dice_below(dice, 127));
    if (dice_below(dice, 2) == 0)
        json_text(writer, text);
    else
        json_int(writer, (int64_t)dice_next(dice));
}

static void
the_reader_reads_what_the_writer_wrote_and_survives_damage(void **state)
{
    struct dice dice = dice_start();

    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct buf out = BUF_EMPTY(100000);
        struct json_writer writer = json_writer_of(&out, i % 2 == 0);
        struct json *root = NULL;
        write_tree(&dice, &writer, 0);
        assert_ok(json_finish(&writer));
        assert_ok(json_parse(out.data, out.len, 100000, &root));
        json_free(root);
        size_t at = dice_below(&dice, out.len);
        out.data[at] = (uint8_t)dice_next(&dice);
        if (json_parse(out.data, dice_below(&dice, 2) == 0 ? at : out.len, 100000, &root) == RC_OK)
            json_free(root);
        buf_wipe(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_two_readers_may_read_differently_is_refused),
        cmocka_unit_test(depth_has_a_ceiling),
        cmocka_unit_test(values_come_out_as_they_are),
        cmocka_unit_test(unknown_keys_are_named),
        cmocka_unit_test(the_writer_writes_what_one_would_by_hand),
        cmocka_unit_test(what_could_steer_a_terminal_is_escaped),
        cmocka_unit_test(the_writers_first_failure_sticks),
        cmocka_unit_test(the_reader_reads_what_the_writer_wrote_and_survives_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
