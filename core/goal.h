/* Goals of the family's plan. */
#ifndef CORE_GOAL_H
#define CORE_GOAL_H

#include "core/record.h"

struct goal {
    struct facts facts;
    const char *text;
    const char *measure;
    uint32_t deadline;
    const char *holder; /* who does it */
    const char *status; /* open, reached, dropped; NULL counts as open */
    const char *level;  /* slug: hoofddoel, subdoel, werkdoel, or another */
};

/* Gives a new record its id. Compulsory: family, text. */
enum rc goal_put(struct journal *journal, struct change_set *set, struct goal *goal) MUST_CHECK;
enum rc goal_get(struct journal *journal, struct id id, struct goal *out,
                 struct texts *texts) MUST_CHECK;
typedef enum rc (*goal_fn)(void *context, const struct goal *goal);
/* By deadline, none last. */
enum rc goal_list(struct journal *journal, const struct record_filter *filter, goal_fn visit,
                  void *context) MUST_CHECK;

#endif
