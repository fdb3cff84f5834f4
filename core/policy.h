/* Who may resolve what: a person's functions in a family, and what each policy asks of them (docs/MERGE.md sections 1 and 5).
 * The merge itself asks only for the functions of who relaxes a strict unit; the rest is a rule of this program for its user. */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As bits. sync/ resolves them from the ledger, for what others wrote at the position that their entry names. A person who
 * covers is no coach of the family by that. */
enum function {
    FUNCTION_COACH = 1, /* the owner too */
    FUNCTION_OWNER = 2,
    FUNCTION_SCIENTIST = 4,
    FUNCTION_COORDINATOR = 8,
    FUNCTIONS_OF_TWO = FUNCTION_COACH | FUNCTION_SCIENTIST | FUNCTION_COORDINATOR,
};

/* Who wants to replace versions of a unit. */
struct policy_asker {
    unsigned functions;
    bool is_author; /* of the first version of a `once` unit; true when there is none */
    bool relaxes;   /* the new value protects less than one that it replaces: policy_relaxes */
};
/* RC_OK, or RC_DENIED with a sentence that says who may. A relaxed safety level is RC_OK for each of the functions that
 * count, and holds once a second person of another function said the same. */
enum rc policy_may_resolve(uint32_t entity, uint32_t unit,
                           const struct policy_asker *asker) MUST_CHECK;

/* How far a value of a strict unit protects: 0 for the empty one, the place of its word in the schema's list, more than all
 * of them for a word that this program does not know. 0 in units that are not strict. */
unsigned policy_rank(uint32_t entity, uint32_t unit, const uint8_t *value, size_t len);
/* Whether `value` protects less than `other` in a strict unit. */
bool policy_relaxes(uint32_t entity, uint32_t unit, const uint8_t *value, size_t len,
                    const uint8_t *other, size_t other_len);

#endif
