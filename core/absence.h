/* Absences of colleagues (team stream), and a family's assent to a cover (file). */
#ifndef CORE_ABSENCE_H
#define CORE_ABSENCE_H

#include "core/record.h"

struct absence {
    struct facts facts; /* family is zero */
    struct id person;   /* compulsory */
    uint32_t from;      /* compulsory */
    uint32_t until;     /* compulsory, not before `from` */
    const char *kind;   /* slug: leave, ill, other */
    const char *note;
};
enum rc absence_put(struct journal *journal, struct change_set *set,
                    struct absence *absence) MUST_CHECK;
typedef enum rc (*absence_fn)(void *context, const struct absence *absence);
/* filter.from and until: absences that overlap. By first day. */
enum rc absence_list(struct journal *journal, const struct record_filter *filter, absence_fn visit,
                     void *context) MUST_CHECK;

struct assent {
    struct facts facts;
    struct id cover;    /* compulsory */
    struct id person;   /* the colleague it is about; compulsory */
    const char *answer; /* yes, no, veto */
    uint32_t date;
};
enum rc assent_put(struct journal *journal, struct change_set *set,
                   struct assent *assent) MUST_CHECK;
typedef enum rc (*assent_fn)(void *context, const struct assent *assent);
enum rc assent_list(struct journal *journal, const struct record_filter *filter, assent_fn visit,
                    void *context) MUST_CHECK;

#endif
