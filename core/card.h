/* The hand-over card of one family: what a covering colleague must know, on one page. */
#ifndef CORE_CARD_H
#define CORE_CARD_H

#include "core/agreement.h"
#include "core/contact.h"
#include "core/family.h"
#include "core/goal.h"
#include "core/member.h"
#include "core/safety.h"

enum { CARD_MEMBERS = 16, CARD_GOALS = 12, CARD_AGREEMENTS = 16, CARD_CONTACTS = 3 };

/* All texts belong to `texts`. What does not fit is counted, never silently left out. */
struct card {
    struct family family;
    struct profile profile;
    struct safety safety; /* the latest that was not withdrawn; date 0 = none */
    struct member members[CARD_MEMBERS];
    size_t member_count, members_left_out;
    struct goal goals[CARD_GOALS]; /* open ones */
    size_t goal_count, goals_left_out;
    struct agreement agreements[CARD_AGREEMENTS]; /* not done */
    size_t agreement_count, agreements_left_out;
    struct contact contacts[CARD_CONTACTS]; /* the latest, not withdrawn */
    size_t contact_count;
    uint32_t next_appointment; /* the first from today on; 0 = none */
    uint32_t conflicts;
    struct texts texts;
};
/* RC_ABSENT when the family's file is not here. Embedded value: card_wipe whatever the result. */
enum rc card_get(struct journal *journal, struct id family, uint32_t today,
                 struct card *card) MUST_CHECK;
void card_wipe(struct card *card);

#endif
