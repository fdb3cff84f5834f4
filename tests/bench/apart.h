/* Work in a process of its own, so that nothing is warm, its memory is its own, and no setting of SQLite's reaches another's. */
#ifndef TESTS_BENCH_APART_H
#define TESTS_BENCH_APART_H

#include <stddef.h>

/* Has `work` fill the `size` bytes of `out` there, 512 at most. Ends this process where that fails. */
void apart(void (*work)(const void *context, void *out), const void *context, void *out, size_t size);

#endif
