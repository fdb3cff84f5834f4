/* What asks for attention today, computed from the files on this device. */
#ifndef CORE_TODAY_H
#define CORE_TODAY_H

#include "core/record.h"

enum today_kind {
    TODAY_AGREEMENT = 1, /* due today or earlier, not done */
    TODAY_GOAL,          /* deadline today or earlier, still open */
    TODAY_APPOINTMENT,   /* the next appointment of a contact, today or within 7 days */
    TODAY_BIRTHDAY,      /* within 14 days */
    TODAY_EXPECTED,      /* a child expected within 14 days */
};
struct today_item {
    enum today_kind kind;
    struct id family;
    struct id record;
    uint32_t date; /* when it is or was due */
    const char
        *text; /* lent: the agreement, the goal, the member's name; NULL for an appointment */
    const char *family_name; /* lent: the code name; NULL when the index is not here */
    uint32_t age;            /* TODAY_BIRTHDAY: the age reached */
};
typedef enum rc (*today_fn)(void *context, const struct today_item *item);
/* By date, then kind. */
enum rc today_list(struct journal *journal, uint32_t today, today_fn visit,
                   void *context) MUST_CHECK;

#endif
