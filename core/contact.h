/* Contacts with a family: visits, calls, messages, meetings. A report is written once; its author amends it. */
#ifndef CORE_CONTACT_H
#define CORE_CONTACT_H

#include "core/record.h"

struct contact {
    struct facts facts; /* author and written_ms say who wrote it, and when */
    const char *kind;   /* slug: visit, call, message, meeting, or another */
    uint32_t date;      /* compulsory */
    int32_t time;       /* minutes since midnight; -1 = not filled in */
    const char *note;
    uint32_t minutes;
    uint32_t next;      /* date of the next appointment */
    const char *reason; /* why it was amended or withdrawn */
    bool is_withdrawn;
};
#define CONTACT_EMPTY ((struct contact){.time = -1})

/* One participant: a person's id, or a text when the id is zero. */
struct participant {
    struct id person;
    const char *text;
};

/* A new contact (zero id) or, by its own author, an amendment, which needs a reason: RC_DENIED for another's,
 * RC_INVALID without date, family or reason. `self` is the person who saves. */
enum rc contact_put(struct journal *journal, struct change_set *set, struct id self,
                    struct contact *contact) MUST_CHECK;
enum rc contact_withdraw(struct journal *journal, struct change_set *set, struct id self,
                         struct id id, const char *reason) MUST_CHECK;
/* The set of participants as it should be: what is missing is added, what is too much here is removed. */
enum rc contact_put_participants(struct journal *journal, struct change_set *set, struct id family,
                                 struct id id, const struct participant *participants,
                                 size_t count) MUST_CHECK;
enum rc contact_get(struct journal *journal, struct id id, struct contact *out,
                    struct texts *texts) MUST_CHECK;
typedef enum rc (*contact_fn)(void *context, const struct contact *contact);
/* By date, then time. Withdrawn ones are visited too (is_withdrawn). */
enum rc contact_list(struct journal *journal, const struct record_filter *filter, contact_fn visit,
                     void *context) MUST_CHECK;
typedef enum rc (*participant_fn)(void *context, const struct participant *participant);
enum rc contact_list_participants(struct journal *journal, struct id id, participant_fn visit,
                                  void *context) MUST_CHECK;

#endif
