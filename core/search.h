/* Full-text search over notes, goals, agreements and names. */
#ifndef CORE_SEARCH_H
#define CORE_SEARCH_H

#include "core/record.h"

struct search_hit {
    struct id family;
    struct id record;
    uint32_t entity;
    uint32_t date;       /* of a contact or judgement; 0 for others */
    const char *snippet; /* lent; the words found stand between SEARCH_OPEN and SEARCH_CLOSE */
};
#define SEARCH_OPEN "\x02"
#define SEARCH_CLOSE "\x03"

typedef enum rc (*search_fn)(void *context, const struct search_hit *hit);
/* All words must occur, in any order; the last may be a beginning. Case and accents do not matter. Nothing in
 * `words` is an operator. family zero = all that is on this device. limit 0 = 50.
 * RC_INVALID when `words` has no letter or digit. Brings the index up to date first. */
enum rc search(struct journal *journal, const char *words, struct id family, uint32_t limit,
               search_fn visit, void *context) MUST_CHECK;

#endif
