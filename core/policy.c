/* Who may resolve what, and how far a value of a strict unit protects. */
#include "core/policy.h"

#include <string.h>

#include "core/change.h"
#include "core/i18n.h"
#include "core/schema.h"

enum rc
policy_may_resolve(uint32_t entity, uint32_t unit, const struct policy_asker *asker)
{
    const struct schema_unit *known = schema_unit(schema_entity(entity), unit);
    bool needs_two = known != NULL && known->needs_two;

    switch (schema_policy(entity, unit)) {
    case POLICY_ONCE:
        if (!asker->is_author)
            return rc_fail(RC_DENIED, _("only its author chooses between versions of a report"));
        break;
    case POLICY_HUMAN:
        if ((asker->functions & (FUNCTION_OWNER | FUNCTION_COORDINATOR)) == 0)
            return rc_fail(RC_DENIED, _("this is decided by the family's owner or a coordinator"));
        break;
    case POLICY_STRICT:
        if (asker->relaxes && needs_two && (asker->functions & FUNCTIONS_OF_TWO) == 0)
            return rc_fail(RC_DENIED, _("less protection is decided by two of coach, scientist and coordinator"));
        if (asker->relaxes && !needs_two && (asker->functions & FUNCTION_COACH) == 0)
            return rc_fail(RC_DENIED, _("less protection is decided by a coach of the family"));
        break;
    case POLICY_KEEP:
    case POLICY_LAST:
    case POLICY_SET:
        break;
    }
    return RC_OK;
}

unsigned
policy_rank(uint32_t entity, uint32_t unit, const uint8_t *value, size_t len)
{
    const struct schema_unit *known = schema_unit(schema_entity(entity), unit);
    struct field fields[CHANGE_FIELDS];
    size_t count;
    unsigned rank = 1;

    if (schema_policy(entity, unit) != POLICY_STRICT || value_is_empty(value, len))
        return 0;
    if (known == NULL) /* `moved` has one word, so to speak */
        return rank;
    const struct field *word = value_read(value, len, fields, &count) == RC_OK ? value_find(fields, count, 1) : NULL;
    for (; known->protection[rank - 1] != NULL; rank++)
        if (word != NULL && word->type == FIELD_TEXT && word->len == strlen(known->protection[rank - 1]) &&
            memcmp(word->bytes, known->protection[rank - 1], word->len) == 0)
            break;
    return rank;
}

bool
policy_relaxes(uint32_t entity, uint32_t unit, const uint8_t *value, size_t len, const uint8_t *other,
               size_t other_len)
{
    return policy_rank(entity, unit, value, len) < policy_rank(entity, unit, other, other_len);
}
