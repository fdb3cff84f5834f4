/* Rules over the records that are here: what no single person made, and what two have made together. Asked anew each time, so
 * after every merge; nothing of it is stored, dropped or repaired: a person looks. */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include "core/record.h"

enum { RULES_RECORDS = 2 };

struct rule_finding {
    const char *rule; /* a stable word: rules_say has its sentence */
    struct id id;     /* of this finding: derived from the rule and its records, so the same on every device that has them */
    struct id family;
    const char *family_name; /* lent; NULL when there is none */
    struct id records[RULES_RECORDS]; /* ascending; zero where a rule names one only */
    uint32_t date; /* yyyymmdd, 0: none */
    const char *text; /* lent; NULL: none */
    bool is_dismissed;
    struct id by;       /* who dismissed it; at_ms by their clock, and why (lent) */
    int64_t at_ms;
    const char *reason;
};
typedef enum rc (*rules_fn)(void *context, const struct rule_finding *finding);

/* What the rules find that nobody dismissed, by family, rule and record. What a device sees depends on what it has: of a family
 * whose file is not here only what the index shows, and no dismissal. `today` is yyyymmdd. */
enum rc rules_list(struct journal *journal, uint32_t today, rules_fn visit, void *context) MUST_CHECK;
/* The same, also what somebody dismissed. */
enum rc rules_list_all(struct journal *journal, uint32_t today, rules_fn visit, void *context) MUST_CHECK;
/* What people read for a rule, translated; the word itself when it is none of ours. */
const char *rules_say(const char *rule);
/* The finding whose id ends in `text`, dismissed or not. RC_ABSENT, RC_AMBIGUOUS. Its texts are not filled in. */
enum rc rules_find(struct journal *journal, uint32_t today, const char *text,
                   struct rule_finding *finding) MUST_CHECK;
/* Says, in the family's file, that this is as it should be. */
enum rc rules_dismiss(struct journal *journal, struct change_set *set,
                      const struct rule_finding *finding, const char *reason) MUST_CHECK;
/* Says that it asks for a look after all. */
enum rc rules_reopen(struct journal *journal, struct change_set *set,
                     const struct rule_finding *finding, const char *reason) MUST_CHECK;

/* The ids of all findings at one moment, to tell new ones from old. Embedded value: {0} ... rules_known_free. */
struct rules_known {
    struct id *ids;
    size_t count, room;
};
enum rc rules_know(struct journal *journal, uint32_t today, struct rules_known *known) MUST_CHECK;
/* How many of `now` are not in `before`. */
size_t rules_new(const struct rules_known *before, const struct rules_known *now);
void rules_known_free(struct rules_known *known);

#endif
