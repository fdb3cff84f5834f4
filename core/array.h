/* Arrays on the heap that grow. */
#ifndef CORE_ARRAY_H
#define CORE_ARRAY_H

#include <stddef.h>

/*
 * Room for `needed` items of `item_bytes` each, doubling. Returns the array, moved or not; NULL (and a sentence)
 * when memory ran out, and then the old array is as it was.
 */
void *array_grow(void *items, size_t *room, size_t needed, size_t item_bytes);
/* The same for an array that remembers only its count and grows one by one from empty, in powers of two. */
void *array_one_more(void *items, size_t count, size_t item_bytes);

#endif
