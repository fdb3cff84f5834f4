/* Versions of one unit brought together against what all descend from: by fields, and texts by lines. Pure; a person
 * decides whether the result holds. */
#ifndef CORE_MERGE3_H
#define CORE_MERGE3_H

#include "core/buf.h"
#include "core/schema.h"

#include <stdbool.h>

enum { MERGE3_SIDES = 16 };

/* What is done with a free text that several versions changed, each otherwise. */
enum merge3_texts {
    MERGE3_LINES, /* merged, when no line of the base was changed by two */
    MERGE3_BELOW, /* put below each other, in the order of the versions */
};

struct merge3 {
    const struct schema_unit *unit;
    const struct buf *base; /* a value; NULL: they have nothing in common */
    const struct buf *sides[MERGE3_SIDES];
    size_t count;
    enum merge3_texts texts;
    const char *text;  /* takes the place of the unit's first free text, whatever the versions have; NULL: none */
    const struct buf *other; /* whose field holds where several changed it and it cannot be merged; NULL: nobody's */
};

/* Appends the value to `out`, which is empty. Field by field: unchanged, or changed in one version only, or by all alike, needs
 * nobody. *field is the number of the first field that does, 0 when none did: then, and only then, `out` is whole.
 * RC_INVALID: the unit has no free text for `text`. */
enum rc merge3_values(const struct merge3 *merge, struct buf *out, uint32_t *field) MUST_CHECK;

/* Two texts against their base by lines. *overlaps: both changed a line of the base, or put lines in one place, differently;
 * `out` has then nothing. */
enum rc merge3_lines(const struct buf *base, const struct buf *first, const struct buf *second,
                     struct buf *out, bool *overlaps) MUST_CHECK;

#endif
