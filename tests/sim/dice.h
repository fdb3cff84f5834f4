/* Seeded randomness: the simulator's own dice, and what libsodium draws instead of the machine's.
 *
 * The generator is xoshiro256** 1.0 (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2018), its state filled by SplitMix64 from the seed. It is no generator for secrets. */
#ifndef TESTS_SIM_DICE_H
#define TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
    uint64_t state[4];
};

void dice_seed(struct dice *dice, uint64_t seed);
uint64_t dice_u64(struct dice *dice);
/* From 0 to below - 1; `below` at least 1. */
unsigned dice_below(struct dice *dice, unsigned below);
/* True in `in_thousand` of 1,000 throws. */
bool dice_falls(struct dice *dice, unsigned in_thousand);
void dice_fill(struct dice *dice, void *out, size_t len);

/* From now on libsodium draws from one seeded generator. Before secret_start, and again at each seed. */
void dice_own_sodium(uint64_t seed);
/* Draws from the same generator: SQLite's randomness. */
void dice_sodium_fill(void *out, size_t len);

#endif
