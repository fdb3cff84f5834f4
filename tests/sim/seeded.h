/* What libsodium draws instead of the machine's randomness: SplitMix64 from a seed (tests/support/chance.h). */
#ifndef TESTS_SIM_SEEDED_H
#define TESTS_SIM_SEEDED_H

#include <stdint.h>

/* Before secret_start, and again with each seed. */
void seeded_start(uint64_t seed);

#endif
