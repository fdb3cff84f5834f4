/* A server that forks: from one ledger on it shows two groups of devices two continuations. */
#ifndef TESTS_SIM_FORK_H
#define TESTS_SIM_FORK_H

#include "tests/sim/world.h"

/* After all else was checked, for nothing of it can be put right again. Who meets the other continuation, by the server, by its answers
 * in between or by a bundle, says so and takes nothing of it, and works on with its own. */
void fork_check(struct world *world);
/* Which of both performs this request of that machine; NULL while there is no fork. */
struct server *fork_server(const struct world *world, const struct device *device, const char *path);

#endif
