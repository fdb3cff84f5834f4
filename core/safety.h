/* Safety judgements: written once, withdrawn with a reason, never overwritten. */
#ifndef CORE_SAFETY_H
#define CORE_SAFETY_H

#include "core/record.h"

struct safety {
    struct facts facts;
    uint32_t date;      /* compulsory */
    const char *level;  /* compulsory: safe, worry, unsafe */
    const char *ground; /* compulsory */
    const char *shared_with;
    const char *reason;
    bool is_withdrawn;
};

/* As contact_put: an amendment needs a reason, and only the author amends. */
enum rc safety_put(struct journal *journal, struct change_set *set, struct id self,
                   struct safety *safety) MUST_CHECK;
typedef enum rc (*safety_fn)(void *context, const struct safety *safety);
enum rc safety_list(struct journal *journal, const struct record_filter *filter, safety_fn visit,
                    void *context) MUST_CHECK;

#endif
