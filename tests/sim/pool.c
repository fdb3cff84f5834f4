/* SQLite's memory from lists of free pieces, one for each size: a tenth of a seed went into the C library's search for the best fit, and
 * into locks that nobody shares. What is freed is kept for the next who asks; a seed's process ends soon.
 *
 *   0 u64 size of the piece | 8 the piece, as SQLite asks aligned to 8 */
#include "tests/sim/pool.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 8, STEP_BYTES = 32, SIZES = 160, POOLED_BYTES = STEP_BYTES * SIZES, BLOCK_BYTES = 256 * 1024 };

/* Of (n + 1) * STEP_BYTES each, their first bytes pointing to the next. */
static struct {
    void *free[SIZES];
    uint8_t *block;
    size_t left;
} pool;

static size_t
size_of(void *piece)
{
    uint64_t size;

    memcpy(&size, (uint8_t *)piece - HEAD_BYTES, sizeof size);
    return (size_t)size;
}

static int
round_up(int len)
{
    return (len + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES;
}

static void *
with_head(uint8_t *memory, size_t size)
{
    const uint64_t head = size;

    if (memory == NULL)
        return NULL;
    memcpy(memory, &head, sizeof head);
    return memory + HEAD_BYTES;
}

static uint8_t *
cut(size_t size)
{
    if (pool.left < size + HEAD_BYTES) {
        pool.block = malloc(BLOCK_BYTES);
        pool.left = pool.block == NULL ? 0 : BLOCK_BYTES;
    }
    if (pool.left < size + HEAD_BYTES)
        return NULL;
    uint8_t *memory = pool.block;
    pool.block += size + HEAD_BYTES;
    pool.left -= size + HEAD_BYTES;
    return memory;
}

static void *
take(int len)
{
    size_t size = (size_t)round_up(len);

    if (len <= 0)
        return NULL;
    if (size > POOLED_BYTES)
        return with_head(malloc(size + HEAD_BYTES), size);
    void **first = &pool.free[size / STEP_BYTES - 1], *piece = *first;
    if (piece == NULL)
        return with_head(cut(size), size);
    memcpy(first, piece, sizeof *first);
    return piece;
}

static void
give_back(void *piece)
{
    if (piece == NULL)
        return;
    size_t size = size_of(piece);
    if (size > POOLED_BYTES) {
        free((uint8_t *)piece - HEAD_BYTES);
        return;
    }
    void **first = &pool.free[size / STEP_BYTES - 1];
    memcpy(piece, first, sizeof *first);
    *first = piece;
}

static void *
resize(void *piece, int len)
{
    size_t size = size_of(piece), wanted = (size_t)round_up(len);

    if (wanted == size)
        return piece;
    if (size > POOLED_BYTES && wanted > POOLED_BYTES)
        return with_head(realloc((uint8_t *)piece - HEAD_BYTES, wanted + HEAD_BYTES), wanted);
    void *other = take(len);
    if (other == NULL)
        return NULL;
    memcpy(other, piece, size < wanted ? size : wanted);
    give_back(piece);
    return other;
}

static int
size_for_sqlite(void *piece)
{
    return piece == NULL ? 0 : (int)size_of(piece);
}

static int
start(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void
stop(void *context)
{
    (void)context;
}

void
pool_start(void)
{
    static const sqlite3_mem_methods methods = {take, give_back, resize, size_for_sqlite, round_up, start, stop, NULL};

    if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK || sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK) {
        fprintf(stderr, "SQLite takes no other memory\n");
        abort();
    }
}
