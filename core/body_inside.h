/* What body_read.c and body_write.c share: the order of versions in a body. */
#ifndef CORE_BODY_INSIDE_H
#define CORE_BODY_INSIDE_H

#include "core/change.h"

/* A version as written: the feed's number in this body first. */
struct written {
    uint32_t feed, save, index;
};

static inline int
body_compare_written(const void *a, const void *b)
{
    const struct written *x = a;
    const struct written *y = b;

    if (x->feed != y->feed)
        return x->feed < y->feed ? -1 : 1;
    if (x->save != y->save)
        return x->save < y->save ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

#endif
