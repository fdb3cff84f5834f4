/* Ed25519 and X25519 by what is cheaper: see memo.c. */
#ifndef TESTS_SIM_MEMO_H
#define TESTS_SIM_MEMO_H

#include <stdbool.h>

/* Before a seed: signs and seals boxes with the stand-ins from now on, or with the real ones. */
void memo_begin(bool stands_in);

#endif
