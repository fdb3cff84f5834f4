/* The policy that the next program has and this one does not: the least value is shown, and nothing is a conflict. */
#include <string.h>

#include "core/journal_inside.h"

/* By the linker's --wrap in place of register_shown, which is called __real_register_shown then. */
const struct head *__real_register_shown(const struct record *r, uint32_t unit);
const struct head *__wrap_register_shown(const struct record *r, uint32_t unit);

enum { POLICY_LEAST = 7 };

static bool
is_less(const struct head *a, const struct head *b)
{
    size_t len = a->value_len < b->value_len ? a->value_len : b->value_len;
    int order = memcmp(a->value, b->value, len);

    return order < 0 || (order == 0 && a->value_len < b->value_len);
}

static const struct head *
find_least(const struct record *r, uint32_t unit)
{
    const struct head *least = NULL;
    size_t from, until;

    register_range(r, unit, &from, &until);
    for (size_t i = from; i < until; i++)
        if (least == NULL || is_less(&r->heads[i], least))
            least = &r->heads[i];
    return least;
}

const struct head *
__wrap_register_shown(const struct record *r, uint32_t unit)
{
    bool is_least = (int)schema_policy(r->entity, unit) == POLICY_LEAST;

    return is_least ? find_least(r, unit) : __real_register_shown(r, unit);
}
