/* The coordinator's figures, from the index streams alone. */
#ifndef CORE_CASELOAD_H
#define CORE_CASELOAD_H

#include "core/record.h"

struct caseload_line {
    struct id family;
    const char *code_name; /* lent */
    const char *phase;     /* lent, NULL when unknown */
    uint32_t since;
    uint32_t opened;
    uint32_t closed;
    uint32_t last_contact; /* date, 0 = none */
    const char *last_kind; /* lent */
    uint32_t contacts_30_days;
    uint32_t open_goals;
    uint32_t next_deadline; /* earliest deadline of an open goal, today or later */
    uint32_t overdue_goals;
    uint32_t overdue_agreements; /* due before today and not done */
    uint32_t last_safety;        /* date of the last judgement */
    uint32_t conflicts; /* units with two versions, in index and file as far as they are here */
};
typedef enum rc (*caseload_fn)(void *context, const struct caseload_line *line);
/* Every family whose index is here, by code name. Closed ones only when asked. today is yyyymmdd. */
enum rc caseload_list(struct journal *journal, uint32_t today, bool with_closed, caseload_fn visit,
                      void *context) MUST_CHECK;

#endif
