/* How long to wait before a request that failed is tried again. */
#include "sync/backoff.h"

int64_t
backoff_ms(unsigned failures, uint64_t chance)
{
    int64_t most_ms = BACKOFF_FIRST_MS;

    if (failures == 0)
        return 0;
    for (unsigned i = 1; i < failures && most_ms < BACKOFF_MOST_MS; i++)
        most_ms *= 2;
    if (most_ms > BACKOFF_MOST_MS)
        most_ms = BACKOFF_MOST_MS;
    return most_ms / 2 + (int64_t)(chance % (uint64_t)(most_ms / 2 + 1));
}
