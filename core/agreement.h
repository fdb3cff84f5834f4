/* Agreements: who does what by when. */
#ifndef CORE_AGREEMENT_H
#define CORE_AGREEMENT_H

#include "core/record.h"

struct agreement {
    struct facts facts;
    const char *text;
    const char *kind; /* advised, agreed, prescribed */
    const char *who;
    uint32_t due;
    bool is_done;
    uint32_t done_on;
    const char *done_how;
};

/* Gives a new record its id. Compulsory: family, text. */
enum rc agreement_put(struct journal *journal, struct change_set *set,
                      struct agreement *agreement) MUST_CHECK;
enum rc agreement_get(struct journal *journal, struct id id, struct agreement *out,
                      struct texts *texts) MUST_CHECK;
typedef enum rc (*agreement_fn)(void *context, const struct agreement *agreement);
/* By due date, none last. */
enum rc agreement_list(struct journal *journal, const struct record_filter *filter,
                       agreement_fn visit, void *context) MUST_CHECK;

#endif
