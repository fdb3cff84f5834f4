/* What differs between two texts: by words (UAX #29), or by lines where there are very many words. Pure. */
#ifndef CORE_DIFF_H
#define CORE_DIFF_H

#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIFF_TOKENS = 20000 }; /* of both texts together; with more they are compared by lines, then as wholes */

enum diff_op { DIFF_EQUAL = 1, DIFF_DELETE, DIFF_INSERT };

/* A stretch of text: of both, of the first only, of the second only. Lent from the texts compared (equal ones from the first). */
struct diff_part {
    enum diff_op op;
    const uint8_t *text;
    size_t len;
};

/* All parts in order: without those inserted they are the first text, without those deleted the second. Between two equal
 * parts what was deleted stands before what was inserted. Embedded value: {0} ... diff_free. */
struct diff {
    struct diff_part *parts;
    size_t count;
};

/* Into an empty value. The texts are UTF-8 and outlive `diff`. RC_INVALID, RC_NOMEM. */
enum rc diff_texts(const void *first, size_t first_len, const void *second, size_t second_len,
                   struct diff *diff) MUST_CHECK;
/* The same without looking: all of the first deleted, all of the second inserted. */
enum rc diff_wholes(const void *first, size_t first_len, const void *second, size_t second_len,
                    struct diff *diff) MUST_CHECK;
void diff_free(struct diff *diff);

/* Marks with 1 what the shorter way from one list of numbers to the other deletes and inserts: as few as can be. The marks are
 * zero before. `first_count + second_count` is at most DIFF_TOKENS. Source: Myers, An O(ND) Difference Algorithm and Its
 * Variations (1986), in linear space. */
enum rc diff_numbers(const uint32_t *first, size_t first_count, uint8_t *deleted,
                     const uint32_t *second, size_t second_count, uint8_t *inserted) MUST_CHECK;

/* A text cut into tokens that are numbered: equal ones have equal numbers, also in another text of the same table. */
struct diff_tokens {
    const uint8_t *text;
    size_t *from; /* count + 1 of them: where each begins, and the end */
    uint32_t *numbers;
    size_t count;
};
struct diff_table; /* of tokens */
enum rc diff_table_new(struct diff_table **table) MUST_CHECK;
void diff_table_free(struct diff_table *table);
/* Lines with their ends; the last may have none. RC_TOO_LARGE with more than DIFF_TOKENS. Into an empty value. */
enum rc diff_lines(struct diff_table *table, const void *text, size_t len,
                   struct diff_tokens *tokens) MUST_CHECK;
void diff_tokens_free(struct diff_tokens *tokens);

#endif
