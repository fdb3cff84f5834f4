/* What protects a family: its consent, a veto, who may see its file, how safe it is. Strict units: what protects most holds at once,
 * also from held work, and not everybody relaxes it (docs/MERGE.md section 5). */
#ifndef CORE_STANDING_H
#define CORE_STANDING_H

#include "core/record.h"

struct standing {
    const char *what; /* the unit's name: "consent", "veto", "visibility", "safety" */
    const char *word; /* NULL: nothing was said yet */
    uint32_t date;
    const char *note;
    bool is_held;     /* the word is of late work, which nobody decided upon yet */
    bool is_conflict; /* there are versions that somebody has to choose between */
};

/* Says something of the family: `what` and `word` compulsory, RC_INVALID with the words there are when it is none of them.
 * RC_DENIED when it would protect less and `self` may not say so. */
enum rc standing_put(struct journal *journal, struct change_set *set, const struct author *self, struct id family,
                     const struct standing *standing) MUST_CHECK;
typedef enum rc (*standing_fn)(void *context, const struct standing *standing);
/* Each of them, said or not. RC_ABSENT when the family's file is not here. */
enum rc standing_list(struct journal *journal, struct id family, standing_fn visit, void *context) MUST_CHECK;

#endif
