/* libsodium's randomness from a seed. No generator for secrets: for runs that can be repeated. */
#include "tests/sim/seeded.h"

#include <sodium.h>

#include "tests/support/chance.h"

/* libsodium hands its implementation no context, so this generator is the process's. */
static struct chance drawn;

static const char *
name(void)
{
    return "simulator";
}

static uint32_t
draw(void)
{
    return (uint32_t)(chance_u64(&drawn) >> 32);
}

static void
stir(void)
{
}

/* Byte by byte, so that the order of a word's bytes on the machine is no matter. */
static void
fill(void *const out, const size_t len)
{
    uint8_t *at = out;
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++, word >>= 8) {
        if (i % 8 == 0)
            word = chance_u64(&drawn);
        at[i] = (uint8_t)word;
    }
}

void
seeded_start(uint64_t seed)
{
    static randombytes_implementation ours = {
        .implementation_name = name,
        .random = draw,
        .stir = stir,
        .buf = fill,
    };

    drawn.state = seed;
    (void)randombytes_set_implementation(&ours);
}
