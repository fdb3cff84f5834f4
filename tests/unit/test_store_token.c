/* Tests of the instance token: its golden text, and what is refused. */
#include "core/store_token.h"

#include "tests/unit/unit.h"

#include <string.h>

static const char GOLDEN[] = "tests/golden/token.json";

static struct store_token
golden_token(void)
{
    struct store_token token = {.device = 65024, .inode = UINT64_MAX, .openings = 300};

    for (uint8_t i = 0; i < ID_BYTES; i++)
        token.store.bytes[i] = (uint8_t)(0xf0 + i);
    return token;
}

static size_t
read_golden(char text[STORE_TOKEN_BYTES])
{
    FILE *file = fopen(GOLDEN, "rb");

    assert_non_null(file);
    size_t len = fread(text, 1, STORE_TOKEN_BYTES, file);
    assert_int_equal(fclose(file), 0);
    return len;
}

static void
the_golden_token_is_written_byte_for_byte(void **state)
{
    (void)state;
    const struct store_token token = golden_token();
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES);
    char golden[STORE_TOKEN_BYTES];

    assert_ok(store_token_encode(&token, &text));
    size_t len = read_golden(golden);
    if (text.len != len || memcmp(text.data, golden, len) != 0)
        fail_msg("%s should hold: %.*s", GOLDEN, (int)text.len, (const char *)text.data);
    buf_wipe(&text);
}

static void
the_golden_token_is_read(void **state)
{
    (void)state;
    const struct store_token expected = golden_token();
    struct store_token token;
    char golden[STORE_TOKEN_BYTES];

    assert_ok(store_token_decode(golden, read_golden(golden), &token));
    assert_memory_equal(&token, &expected, sizeof token);
}

static void
a_token_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct store_token token;
    char golden[STORE_TOKEN_BYTES];
    size_t len = read_golden(golden);

    while (len > 0 && golden[len - 1] != '}')
        len--; /* the line's end may go */
    assert_true(len > 0);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(store_token_decode(golden, cut, &token), RC_CORRUPT);
}

static void
a_token_with_anything_more_less_or_newer_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "[1]",
        "{\"format\":1,\"store\":\"000102030405060708090a0b0c0d0e0f\",\"device\":1,\"inode\":2}",
        "{\"format\":2,\"store\":\"000102030405060708090a0b0c0d0e0f\",\"device\":1,\"inode\":2,"
        "\"openings\":3}",
        "{\"format\":1,\"store\":\"000102030405060708090a0b0c0d0e0f\",\"device\":1,\"inode\":2,"
        "\"openings\":3,\"more\":4}",
        "{\"format\":1,\"store\":\"000102030405060708090a0b0c0d0e\",\"device\":1,\"inode\":2,"
        "\"openings\":3}",
        "{\"format\":1,\"store\":\"000102030405060708090a0b0c0d0e0f\",\"device\":1,\"inode\":2,"
        "\"openings\":-3}",
    };
    struct store_token token;

    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        if (store_token_decode(TEXTS[i], strlen(TEXTS[i]), &token) != RC_CORRUPT)
            fail_msg("%s", TEXTS[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_token_is_written_byte_for_byte),
        cmocka_unit_test(the_golden_token_is_read),
        cmocka_unit_test(a_token_cut_anywhere_is_refused),
        cmocka_unit_test(a_token_with_anything_more_less_or_newer_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
