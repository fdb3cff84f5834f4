/* What every record has, whatever its entity: where it lives, who changed it, whether it is in conflict. */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H

#include "core/change_set.h"
#include "core/texts.h"

#include <stdbool.h>
#include <stdint.h>

/* First member of every domain struct. A new record has a zero id: the put function gives one.
 * `put` functions read only id and family. */
struct facts {
    struct id id;
    struct id family;   /* zero in the team stream */
    bool is_hidden;     /* deleted by somebody, and nothing newer */
    uint32_t conflicts; /* units with two versions */
    int64_t changed_ms; /* of the latest version that is shown, by its author's clock */
    struct id changed_by;
    int64_t written_ms; /* `once` entities: the first version's time and signer; else zero */
    struct id author;
};

/* Texts are NULL, dates and counts 0 when not filled in. In callbacks all texts are lent for the call;
 * `get` functions put them into `texts`. Lists leave hidden records out, unless asked. */

/* Which records a list visits. Zero ids mean any; dates are yyyymmdd, inclusive, 0 = no limit, and are
 * compared with the entity's own date (contact and safety: date; goal: deadline; agreement: due; absence: overlap). */
struct record_filter {
    struct id family;
    struct id id;
    uint32_t from;
    uint32_t until;
    bool is_open_only; /* families not closed, goals that are open, agreements not done; and what has two versions of that */
    bool with_hidden;
    bool newest_first;
    uint32_t limit; /* 0 = none */
};

/* Finds the record of an entity whose id ends in `text` (ID_SHORT_CHARS and more characters).
 * RC_ABSENT; RC_AMBIGUOUS, with the ends of up to eight ids in the sentence; RC_INVALID when the text is too short. */
enum rc record_find(struct journal *journal, uint32_t entity, const char *text,
                    struct facts *facts) MUST_CHECK;

/* Who deleted a record, as far as nobody who saw that took it back. The record is hidden while one of them saw all that is current
 * of it (facts.is_hidden), else it is shown: deleted by this person, changed by another. */
struct deletion {
    struct id person;
    int64_t at_ms; /* by the person's clock */
};
typedef enum rc (*record_deletion_fn)(void *context, const struct deletion *deletion);
/* `family` is zero in the team stream. RC_ABSENT when its stream is not here. */
enum rc record_deletions(struct journal *journal, struct id family, uint32_t entity,
                         struct id record, record_deletion_fn visit, void *context) MUST_CHECK;

#endif
