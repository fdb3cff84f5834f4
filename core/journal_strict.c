/* Strict units: what it takes to relax one. Whatever the order in which operations come, a version dies by the same set. */
#include "core/broken.h"
#include "core/journal_inside.h"

static bool
is_one(unsigned functions)
{
    return (functions & (functions - 1)) == 0;
}

/* Two persons of different functions. One person with both has been contradicted by nobody. */
static bool
is_by_two(struct relaxed *relaxed, const struct naming *naming)
{
    unsigned functions = naming->functions & FUNCTIONS_OF_TWO;

    if (functions == 0)
        return false;
    if (relaxed->functions == 0) {
        *relaxed = (struct relaxed){functions, naming->person};
        return false;
    }
    if (id_equal(relaxed->person, naming->person)) {
        relaxed->functions |= functions;
        return false;
    }
    if (relaxed->functions != functions || !is_one(functions))
        return true;
    relaxed->person = (struct id){{0}};
    return false;
}

bool
strict_names(uint32_t entity, uint32_t unit, unsigned rank, const struct naming *naming, struct relaxed *relaxed)
{
    const struct schema_unit *known = schema_unit(schema_entity(entity), unit);

    if (naming->rank >= rank)
        return true;
    if (known != NULL && known->needs_two)
        return is_by_two(relaxed, naming);
    return (naming->functions & FUNCTION_COACH) != 0 || broken_is(BROKEN_STRICT);
}
