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
    const char *level;  /* slug: one of goal_level_at, or another that came from elsewhere */
};

/* The levels that are offered for writing: three by default. A goal of a level that is not among them is shown as it is. */
enum { GOAL_LEVELS = 3 };
struct goal_level {
    const char *slug;
    const char *name; /* in English, to be translated */
};
/* From 0; NULL beyond the last. */
const struct goal_level *goal_level_at(size_t at);
/* What people read for a level, translated: the slug itself when it is none of them; "" for NULL. */
const char *goal_level_say(const char *slug);

/* Gives a new record its id. Compulsory: family, text. */
enum rc goal_put(struct journal *journal, struct change_set *set, struct goal *goal) MUST_CHECK;
enum rc goal_get(struct journal *journal, struct id id, struct goal *out,
                 struct texts *texts) MUST_CHECK;
typedef enum rc (*goal_fn)(void *context, const struct goal *goal);
/* By deadline, none last. */
enum rc goal_list(struct journal *journal, const struct record_filter *filter, goal_fn visit,
                  void *context) MUST_CHECK;

#endif
