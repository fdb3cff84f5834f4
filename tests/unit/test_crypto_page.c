/* Pages by libcrypto: the same bytes as libsodium's, both ways, refusals, and nothing of a key left in ordinary memory. */
#define _GNU_SOURCE /* memmem */
#include "core/crypto_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 4400, ROUNDS = 4 };

struct unit {
    uint8_t key[CRYPTO_KEY_BYTES], nonce[CRYPTO_NONCE_BYTES], ad[80];
    size_t ad_len, len;
    uint8_t plain[ROOM], sealed[ROOM], tag[CRYPTO_TAG_BYTES];
};

static struct crypto_page *page;

static void
draw(struct unit *unit, size_t len, size_t ad_len)
{
    random_fill(unit->key, sizeof unit->key);
    random_fill(unit->nonce, sizeof unit->nonce);
    random_fill(unit->ad, sizeof unit->ad);
    random_fill(unit->plain, sizeof unit->plain);
    unit->len = len;
    unit->ad_len = ad_len;
}

static void
seal(struct unit *unit)
{
    crypto_page_seal(page, unit->key, unit->nonce, unit->ad, unit->ad_len, unit->plain, unit->len,
                     unit->sealed, unit->tag);
}

static bool
open_in_place(struct unit *unit)
{
    return crypto_page_open(page, unit->key, unit->nonce, unit->ad, unit->ad_len, unit->sealed,
                            unit->len, unit->tag, unit->sealed);
}

static void
both_libraries_seal_the_same_bytes_and_open_each_others(void **state)
{
    static struct unit unit;
    static uint8_t sealed[ROOM], opened[ROOM];
    uint8_t tag[CRYPTO_TAG_BYTES];

    (void)state;
    for (size_t len = 0; len <= 4200; len += len < 300 ? 1 : 97)
        for (int round = 0; round < ROUNDS; round++) {
            draw(&unit, len, (size_t)round * 24);
            seal(&unit);
            crypto_seal_apart(unit.key, unit.nonce, unit.ad, unit.ad_len, unit.plain, len, sealed,
                              tag);
            assert_memory_equal(unit.sealed, sealed, len);
            assert_memory_equal(unit.tag, tag, sizeof tag);
            assert_true(crypto_open_apart(unit.key, unit.nonce, unit.ad, unit.ad_len, unit.sealed,
                                          len, unit.tag, opened));
            assert_memory_equal(opened, unit.plain, len);
            assert_true(open_in_place(&unit));
            assert_memory_equal(unit.sealed, unit.plain, len);
        }
}

static void
a_changed_bit_anywhere_is_refused_and_gives_zeros(void **state)
{
    static struct unit unit;
    static const uint8_t zeros[ROOM];
    struct {
        uint8_t *bytes;
        size_t len;
    } parts[] = {{unit.sealed, 100},
                 {unit.tag, sizeof unit.tag},
                 {unit.nonce, sizeof unit.nonce},
                 {unit.ad, 32}};

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (size_t at = 0; at < parts[i].len; at++) {
            draw(&unit, 100, 32);
            seal(&unit);
            parts[i].bytes[at] ^= (uint8_t)(1 << at % 8);
            assert_false(open_in_place(&unit));
            assert_memory_equal(unit.sealed, zeros, unit.len);
        }
    draw(&unit, 100, 32); /* and what comes after a refusal is well */
    seal(&unit);
    assert_true(open_in_place(&unit));
    assert_memory_equal(unit.sealed, unit.plain, unit.len);
}

/* The memory that the C library's malloc takes from first. */
static bool
find_heap(const uint8_t **from, const uint8_t **until)
{
    char line[256];
    bool is_found = false;
    void *first, *end;
    FILE *maps = fopen("/proc/self/maps", "r");

    assert_non_null(maps);
    while (!is_found && fgets(line, sizeof line, maps) != NULL)
        is_found = strstr(line, "[heap]") != NULL && sscanf(line, "%p-%p", &first, &end) == 2;
    fclose(maps);
    *from = is_found ? first : NULL;
    *until = is_found ? end : NULL;
    return is_found;
}

static bool
lies_in_heap(const uint8_t *at)
{
    const uint8_t *from, *until;

    return find_heap(&from, &until) && at >= from && at < until;
}

/* How often the bytes stand there. */
static int
count_in_heap(const uint8_t *bytes, size_t len)
{
    const uint8_t *at, *until;
    int count = 0;

    assert_true(find_heap(&at, &until));
    while ((at = memmem(at, (size_t)(until - at), bytes, len)) != NULL) {
        count++;
        at++;
    }
    return count;
}

static void
no_key_of_a_page_stays_in_the_heap(void **state)
{
    static struct unit unit;
    uint8_t subkey[CRYPTO_KEY_BYTES];

    (void)state;
    draw(&unit, 4056, 32);
    crypto_subkey(unit.key, unit.nonce, subkey);
    uint8_t *copy = malloc(sizeof subkey);
    assert_non_null(copy);
    if (!lies_in_heap(copy)) { /* a sanitizer's or valgrind's malloc, which keeps what is freed */
        free(copy);
        skip();
    }
    memcpy(copy, subkey, sizeof subkey);
    assert_int_equal(count_in_heap(subkey, sizeof subkey), 1); /* the search finds what is there */
    wipe(copy, sizeof subkey);
    free(copy);
    seal(&unit);
    assert_int_equal(count_in_heap(subkey, 16), 0);
    assert_true(open_in_place(&unit));
    assert_int_equal(count_in_heap(subkey, 16), 0);
    assert_int_equal(count_in_heap(unit.key, 16), 0);
    unit.tag[0] ^= 1;
    assert_false(open_in_place(&unit));
    assert_int_equal(count_in_heap(subkey, 16), 0);
}

static int
start(void **state)
{
    static struct unit unit;

    (void)state;
    if (secret_start() != RC_OK || crypto_page_new(&page) != RC_OK || crypto_page_is_fast(page))
        return -1;
    draw(&unit, 10, 10);
    for (int i = 0; i < 600; i++)
        seal(&unit);
    return crypto_page_is_fast(page) ? 0 : -1; /* else libsodium would be compared with itself */
}

static int
end(void **state)
{
    (void)state;
    crypto_page_free(page);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_libraries_seal_the_same_bytes_and_open_each_others),
        cmocka_unit_test(a_changed_bit_anywhere_is_refused_and_gives_zeros),
        cmocka_unit_test(no_key_of_a_page_stays_in_the_heap),
    };

    return cmocka_run_group_tests(tests, start, end);
}
