/* Tests of the instance token: its golden text, and what is refused. */
#include "core/store_token.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/scratch.h"

static const char GOLDEN_1[] = "tests/golden/token.json", GOLDEN[] = "tests/golden/token-2.bin";

enum { OLDER = 299, NEWER = 300 };

static struct store_token
token_of(uint64_t openings)
{
    struct store_token token = {.device = 65024, .inode = UINT64_MAX, .openings = openings};

    for (uint8_t i = 0; i < ID_BYTES; i++)
        token.store.bytes[i] = (uint8_t)(0xf0 + i);
    return token;
}

static size_t
read_golden(const char *path, uint8_t bytes[STORE_TOKEN_FILE_BYTES + 1])
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    size_t len = fread(bytes, 1, STORE_TOKEN_FILE_BYTES + 1, file);
    assert_int_equal(fclose(file), 0);
    return len;
}

static void
assert_token(const struct store_token *token, uint64_t openings)
{
    const struct store_token expected = token_of(openings);

    assert_memory_equal(token, &expected, sizeof expected);
}

/* ---- texts and slots ---------------------------------------------------------------------------- */

/* The older token in the first slot, the newer in the second. */
static void
the_golden_token_is_written_byte_for_byte(void **state)
{
    (void)state;
    uint8_t bytes[STORE_TOKEN_FILE_BYTES] = {0}, golden[STORE_TOKEN_FILE_BYTES + 1];
    const struct store_token older = token_of(OLDER), newer = token_of(NEWER);

    assert_ok(store_token_encode_slot(&older, bytes));
    assert_ok(store_token_encode_slot(&newer, bytes + STORE_TOKEN_SLOT_STRIDE));
    if (getenv("WRITE_GOLDEN") != NULL) {
        FILE *file = fopen(GOLDEN, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(read_golden(GOLDEN, golden), sizeof bytes);
    assert_memory_equal(golden, bytes, sizeof bytes);
}

static void
golden_tokens_of_both_formats_are_read(void **state)
{
    (void)state;
    uint8_t golden[STORE_TOKEN_FILE_BYTES + 1];
    struct store_token token;
    unsigned slot;

    assert_ok(store_token_decode_file(golden, read_golden(GOLDEN, golden), &token, &slot));
    assert_token(&token, NEWER);
    assert_int_equal(slot, 1);
    size_t len = read_golden(GOLDEN_1, golden);
    assert_ok(store_token_decode_file(golden, len, &token, &slot));
    assert_token(&token, NEWER);
    assert_int_equal(slot, 0);
    assert_ok(store_token_decode(golden, len, &token)); /* as an older program left it in the store */
    assert_token(&token, NEWER);
}

static void
an_old_token_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct store_token token;
    uint8_t golden[STORE_TOKEN_FILE_BYTES + 1];
    unsigned slot;
    size_t len = read_golden(GOLDEN_1, golden);

    while (len > 0 && golden[len - 1] != '}')
        len--; /* the line's end may go */
    assert_true(len > 0);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(store_token_decode_file(golden, cut, &token, &slot), RC_CORRUPT);
}

/* Whatever becomes of the slot that is being written, the other tells. */
static void
a_slot_with_any_byte_cut_or_flipped_gives_way_to_the_other(void **state)
{
    (void)state;
    struct store_token token;
    uint8_t golden[STORE_TOKEN_FILE_BYTES + 1];
    unsigned slot;
    size_t len = read_golden(GOLDEN, golden);

    for (size_t at = 0; at < STORE_TOKEN_SLOT_BYTES; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            golden[STORE_TOKEN_SLOT_STRIDE + at] ^= (uint8_t)(1u << bit);
            assert_ok(store_token_decode_file(golden, len, &token, &slot));
            assert_token(&token, OLDER);
            assert_int_equal(slot, 0);
            golden[at] ^= (uint8_t)(1u << bit);
            assert_int_equal(store_token_decode_file(golden, len, &token, &slot), RC_CORRUPT);
            golden[STORE_TOKEN_SLOT_STRIDE + at] ^= (uint8_t)(1u << bit);
            assert_ok(store_token_decode_file(golden, len, &token, &slot));
            assert_token(&token, NEWER);
            golden[at] ^= (uint8_t)(1u << bit);
        }
        assert_ok(store_token_decode_file(golden, STORE_TOKEN_SLOT_STRIDE + at, &token, &slot));
        assert_token(&token, OLDER);
        assert_int_equal(store_token_decode_file(golden, at, &token, &slot), RC_CORRUPT);
    }
    assert_int_equal(store_token_decode_file(golden, len + 1, &token, &slot), RC_CORRUPT);
}

/* The first `old` bytes of the slot are new, or all behind them. */
static void
a_slot_written_half_gives_way_to_the_other(void **state)
{
    (void)state;
    struct store_token token;
    uint8_t golden[STORE_TOKEN_FILE_BYTES + 1], before[STORE_TOKEN_SLOT_BYTES];
    uint8_t *half = golden + STORE_TOKEN_SLOT_STRIDE;
    const struct store_token earlier = token_of(OLDER - 1), next = token_of(NEWER);
    uint8_t after[STORE_TOKEN_SLOT_BYTES];
    unsigned slot;
    size_t len = read_golden(GOLDEN, golden);

    assert_ok(store_token_encode_slot(&earlier, before));
    assert_ok(store_token_encode_slot(&next, after));
    for (size_t at = 1; at < STORE_TOKEN_SLOT_BYTES; at++) {
        memcpy(half, after, at);
        memcpy(half + at, before + at, STORE_TOKEN_SLOT_BYTES - at);
        assert_ok(store_token_decode_file(golden, len, &token, &slot));
        assert_true(token.openings == OLDER || memcmp(half, after, sizeof after) == 0);
        memcpy(half, before, at);
        memcpy(half + at, after + at, STORE_TOKEN_SLOT_BYTES - at);
        assert_ok(store_token_decode_file(golden, len, &token, &slot));
        assert_true(token.openings == OLDER || memcmp(half, after, sizeof after) == 0);
    }
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
        "{\"format\":2,\"store\":\"000102030405060708090a0b0c0d0e0f\",\"device\":1,\"inode\":2,"
        "\"openings\":3,\"check\":\"000102030405060708090a0b0c0d0e0f\"}",
        "{\"format\":3,\"store\":\"000102030405060708090a0b0c0d0e0f\",\"device\":1,\"inode\":2,"
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

/* ---- the file ----------------------------------------------------------------------------------- */

/* A directory of tokens, one of which is written; `path` is its name. */
struct there {
    struct scratch scratch;
    char directory[80];
    char path[160];
    struct store_token_file file;
};

static int
set_up(void **state)
{
    static struct there there;
    struct id store = token_of(0).store;
    char name[ID_TEXT_CHARS + 1];

    scratch_make(&there.scratch);
    id_to_text(store, name);
    snprintf(there.directory, sizeof there.directory, "%s/state", there.scratch.directory);
    snprintf(there.path, sizeof there.path, "%s/%s", there.directory, name);
    there.file = STORE_TOKEN_FILE_EMPTY;
    *state = &there;
    return 0;
}

static int
tear_down(void **state)
{
    struct there *there = *state;

    store_token_file_close(&there->file);
    scratch_remove(&there->scratch);
    return 0;
}

static void
put(struct there *there, uint64_t openings)
{
    const struct store_token token = token_of(openings);

    assert_ok(store_token_file_write(&there->file, there->directory, &token));
}

static void
assert_reads(const struct there *there, uint64_t openings)
{
    struct store_token token;

    assert_ok(store_token_read(there->directory, token_of(0).store, &token));
    assert_token(&token, openings);
}

static void
lay(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void
each_write_goes_to_the_slot_that_is_not_the_newest(void **state)
{
    struct there *there = *state;
    size_t len;

    for (uint64_t count = OLDER; count < OLDER + 9; count += count % 3 + 1) {
        uint8_t *before = scratch_read(there->path, &len), slot[STORE_TOKEN_SLOT_BYTES];
        struct store_token token;
        unsigned newest = 1;
        if (before != NULL)
            assert_ok(store_token_decode_file(before, len, &token, &newest));
        bool in_first = newest == 1;
        token = token_of(count);
        put(there, count);
        assert_reads(there, count);
        uint8_t *after = scratch_read(there->path, &len);
        assert_int_equal(len, STORE_TOKEN_FILE_BYTES);
        assert_ok(store_token_encode_slot(&token, slot));
        assert_memory_equal(after + (in_first ? 0 : STORE_TOKEN_SLOT_STRIDE), slot, sizeof slot);
        size_t other = in_first ? STORE_TOKEN_SLOT_STRIDE : 0;
        if (before != NULL)
            assert_memory_equal(after + other, before + other, STORE_TOKEN_SLOT_BYTES);
        free(before);
        free(after);
        if (count % 2 == 0)
            store_token_file_close(&there->file); /* the next one finds out again */
    }
}

static void
a_token_of_format_1_is_written_on_in_its_place(void **state)
{
    struct there *there = *state;
    uint8_t golden[STORE_TOKEN_FILE_BYTES + 1];
    size_t len = read_golden(GOLDEN_1, golden);

    assert_int_equal(mkdir(there->directory, 0700), 0);
    lay(there->path, golden, len);
    assert_reads(there, NEWER);
    put(there, NEWER + 1);
    assert_reads(there, NEWER + 1);
    put(there, NEWER + 2);
    assert_reads(there, NEWER + 2);
    put(there, NEWER + 3);
    assert_reads(there, NEWER + 3);
}

static void
a_file_that_was_deleted_replaced_linked_or_spoilt_is_made_anew(void **state)
{
    struct there *there = *state;
    static const uint8_t rubbish[9] = "{rubbish";
    char other[200];
    size_t len;

    snprintf(other, sizeof other, "%s/other", there->directory);
    put(there, 1);
    put(there, 2);
    assert_int_equal(unlink(there->path), 0);
    put(there, 3);
    assert_reads(there, 3);
    put(there, 4);
    lay(other, rubbish, sizeof rubbish);
    assert_int_equal(rename(other, there->path), 0);
    put(there, 5);
    assert_reads(there, 5);
    put(there, 6);
    uint8_t *before = scratch_read(there->path, &len);
    assert_int_equal(link(there->path, other), 0); /* a copy by a second name */
    put(there, 7);
    put(there, 8);
    assert_reads(there, 8);
    uint8_t *after = scratch_read(other, &len);
    assert_memory_equal(after, before, len);
    free(before);
    free(after);
    assert_int_equal(unlink(there->path), 0);
    assert_int_equal(symlink(other, there->path), 0);
    put(there, 9);
    assert_reads(there, 9);
    scratch_remove_tree(there->directory);
    put(there, 10);
    assert_reads(there, 10);
    lay(there->path, "", 0); /* cut in its place */
    put(there, 11);
    assert_reads(there, 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_token_is_written_byte_for_byte),
        cmocka_unit_test(golden_tokens_of_both_formats_are_read),
        cmocka_unit_test(an_old_token_cut_anywhere_is_refused),
        cmocka_unit_test(a_slot_with_any_byte_cut_or_flipped_gives_way_to_the_other),
        cmocka_unit_test(a_slot_written_half_gives_way_to_the_other),
        cmocka_unit_test(a_token_with_anything_more_less_or_newer_is_refused),
        TEST(each_write_goes_to_the_slot_that_is_not_the_newest),
        TEST(a_token_of_format_1_is_written_on_in_its_place),
        TEST(a_file_that_was_deleted_replaced_linked_or_spoilt_is_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
