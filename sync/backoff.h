/* How long to wait before a request that failed is tried again: exponential, with jitter and a cap. Pure. */
#ifndef SYNC_BACKOFF_H
#define SYNC_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_FIRST_MS = 1000, BACKOFF_MOST_MS = 5 * 60 * 1000 };

/*
 * Milliseconds to wait after `failures` in a row: 0 after none; then half of 1 s, 2 s, 4 s, ... up to five minutes, and by chance up
 * to the other half of it, so that devices that lost the server together do not come back together ("equal jitter": Marc Brooker,
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 *
 * chance  64 random bits of the caller
 */
int64_t backoff_ms(unsigned failures, uint64_t chance);

#endif
