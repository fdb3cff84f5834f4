/* Seeded randomness: xoshiro256** behind the simulator's choices and behind libsodium. */
#include "tests/sim/dice.h"

#include <sodium.h>

/* libsodium asks its implementation without any context, so this one generator is the process's. */
static struct dice sodium_dice;

static uint64_t
split_mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void
dice_seed(struct dice *dice, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        dice->state[i] = split_mix(&seed);
}

static uint64_t
rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t
dice_u64(struct dice *dice)
{
    uint64_t *s = dice->state;
    const uint64_t result = rotate(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

unsigned
dice_below(struct dice *dice, unsigned below)
{
    return (unsigned)((dice_u64(dice) >> 32) * below >> 32);
}

bool
dice_falls(struct dice *dice, unsigned in_thousand)
{
    return dice_below(dice, 1000) < in_thousand;
}

void
dice_fill(struct dice *dice, void *out, size_t len)
{
    uint8_t *at = out;

    while (len > 0) { /* byte by byte, so that the order of a word's bytes on the machine is no matter */
        uint64_t word = dice_u64(dice);
        for (size_t i = 0; i < 8 && len > 0; i++, len--, word >>= 8)
            *at++ = (uint8_t)word;
    }
}

static const char *
name(void)
{
    return "simulator";
}

static uint32_t
draw(void)
{
    return (uint32_t)(dice_u64(&sodium_dice) >> 32);
}

static void
stir(void)
{
}

void
dice_sodium_fill(void *out, size_t len)
{
    dice_fill(&sodium_dice, out, len);
}

void
dice_own_sodium(uint64_t seed)
{
    static randombytes_implementation ours = {
        .implementation_name = name,
        .random = draw,
        .stir = stir,
        .buf = dice_sodium_fill,
    };

    dice_seed(&sodium_dice, seed);
    (void)randombytes_set_implementation(&ours);
}
