/* What happened in a family between two moments, by others: the owner's return from leave. */
#ifndef CORE_SUMMARY_H
#define CORE_SUMMARY_H

#include "core/record.h"

struct summary_item {
    uint32_t entity;
    struct id record;
    struct id person; /* who */
    int64_t at_ms;    /* when, by that person's clock */
    uint64_t hlc;
    const char *unit; /* name of the unit, "deleted", or NULL when this program does not know it; of the first, when one save
                       * changed several of the record, which is one item */
    bool is_new;      /* the first change of the record falls in the period */
    const char *text; /* lent: the note, goal, agreement or name; NULL */
    bool is_conflict;
};
struct summary_counts {
    uint32_t contacts; /* new ones */
    uint32_t changes;  /* items that are no new contact */
    uint32_t conflicts;
    uint32_t persons;
};
typedef enum rc (*summary_fn)(void *context, const struct summary_item *item);
/* `visit` may be NULL. Current versions whose clock lies in [from_ms, until_ms) and whose author is not `self`, oldest first. */
enum rc summary_list(struct journal *journal, struct id family, struct id self, int64_t from_ms,
                     int64_t until_ms, struct summary_counts *counts, summary_fn visit,
                     void *context) MUST_CHECK;

#endif
