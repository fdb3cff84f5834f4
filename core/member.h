/* Members of a family; a birth date in the future is an expected child. */
#ifndef CORE_MEMBER_H
#define CORE_MEMBER_H

#include "core/record.h"

struct member {
    struct facts facts;
    const char *given_name;
    const char *surname;
    uint32_t birth_date;
    const char *relation; /* slug: mother, father, child, other, or another */
    const char *lives_where;
    const char *phone;
};

/* Gives a new record its id. Compulsory: family, and one of the names. */
enum rc member_put(struct journal *journal, struct change_set *set,
                   struct member *member) MUST_CHECK;
typedef enum rc (*member_fn)(void *context, const struct member *member);
/* By birth date, unknown last. */
enum rc member_list(struct journal *journal, const struct record_filter *filter, member_fn visit,
                    void *context) MUST_CHECK;

#endif
