/* What every unit test includes: cmocka in its order, and seeded randomness that prints its seed. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#define assert_ok(expression) assert_int_equal((expression), 0)

/* xorshift64*: repeatable, quick, and no secret. SEED=n replays a run. */
struct dice {
    uint64_t state;
};

static inline uint64_t
dice_next(struct dice *dice)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return dice->state * UINT64_C(2685821657736338717);
}

static inline size_t
dice_below(struct dice *dice, size_t most)
{
    return (size_t)(dice_next(dice) % most);
}

/* cmocka shows output of a failing program only, so the seed always goes out. */
static inline struct dice
dice_start(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)(uintptr_t)&text ^ 0x9e3779b9;

    if (seed == 0)
        seed = 1;
    printf("SEED=%llu\n", (unsigned long long)seed);
    return (struct dice){seed};
}

static inline void
dice_fill(struct dice *dice, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)dice_next(dice);
}

#endif
