/* What the files of the table of rules share: its rows, and the longer checks. For sync/ledger_rules*.c alone. */
#ifndef SYNC_LEDGER_JUDGE_H
#define SYNC_LEDGER_JUDGE_H

#include "core/clock.h"
#include "sync/ledger_inside.h"

/* An operation on its way to be the next line. */
struct judged {
    const struct ledger *ledger;
    const struct ledger_op *op;
    const uint8_t *bytes;
    size_t len;
    uint64_t time_ms;
    const struct inside_device *author; /* NULL when not known */
    const struct inside_person *person; /* the author's */
    struct ledger_ids *scratch;
    enum rc *trouble; /* RC_NOMEM when a check could not be made */
    const struct ledger_cover *carried; /* see ledger_inside_judge */
};

struct ledger_rule_row {
    struct ledger_rule rule;
    bool (*holds)(const struct judged *judged);
};
/* A part of the table; those of one kind stand together and in the order of judging. */
struct ledger_rules {
    const struct ledger_rule_row *rows;
    size_t count;
};
struct ledger_rules ledger_rules_team(void);
struct ledger_rules ledger_rules_family(void);

bool ledger_judge_author_has(const struct judged *judged, uint32_t roles); /* one of them */
bool ledger_judge_author_is(const struct judged *judged, struct id person);
bool ledger_judge_is_reserved(struct id id);
bool ledger_judge_is_active_with(const struct ledger *ledger, struct id person,
                                 uint32_t roles); /* one of them */
/* The part makes that epoch for exactly these recipients. */
bool ledger_judge_makes(const struct ledger_part *part, uint32_t epoch, const struct id *recipients,
                        size_t count);

bool ledger_judge_administrator_remains(const struct judged *judged);
bool ledger_judge_heads(const struct judged *judged);
bool ledger_judge_first_recipients(const struct judged *judged);
bool ledger_judge_share_epoch(const struct judged *judged);
bool ledger_judge_may_share(const struct judged *judged);
bool ledger_judge_share_recipients(const struct judged *judged);
bool ledger_judge_next_epoch(const struct judged *judged);
bool ledger_judge_may_rotate(const struct judged *judged);
bool ledger_judge_reserve_alone(const struct judged *judged);
bool ledger_judge_recipients(const struct judged *judged);

#endif
