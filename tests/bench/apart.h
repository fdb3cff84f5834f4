/* Work in a process of its own, so that nothing is warm, its memory is its own, and no setting of SQLite's reaches another's. */
#ifndef TESTS_BENCH_APART_H
#define TESTS_BENCH_APART_H

#include <stddef.h>

enum { APART_BYTES_MOST = 512 };

/* Has `work` fill the `size` bytes of `out` there, APART_BYTES_MOST at most. Where that fails it says so and ends this process. */
void apart(void (*work)(const void *context, void *out), const void *context, void *out, size_t size);

#endif
