/* The family: its line in the index stream (what a coordinator sees) and its profile in the file. */
#ifndef CORE_FAMILY_H
#define CORE_FAMILY_H

#include "core/record.h"

struct family {
    struct facts facts; /* id = family = the ledger's family id */
    const char *code_name;
    const char *phase; /* slug */
    uint32_t since;    /* date of the phase */
    uint32_t opened;
    uint32_t closed;
};

/* Compulsory: facts.id, code_name. Units that do not differ from what is shown are left alone. */
enum rc family_put(struct journal *journal, struct change_set *set,
                   const struct family *family) MUST_CHECK;
/* What family_put would say of these values, while the family has no streams here yet; its id is not looked at. */
enum rc family_check(const struct family *family) MUST_CHECK;
enum rc family_get(struct journal *journal, struct id family, struct family *out,
                   struct texts *texts) MUST_CHECK;
typedef enum rc (*family_fn)(void *context, const struct family *family);
/* By code name. */
enum rc family_list(struct journal *journal, const struct record_filter *filter, family_fn visit,
                    void *context) MUST_CHECK;
/* The family whose code name is `text` (case ignored) or whose id ends in it. RC_ABSENT, RC_AMBIGUOUS. */
enum rc family_find(struct journal *journal, const char *text, struct id *family) MUST_CHECK;

struct profile {
    struct facts facts;
    const char *surname;
    const char *address;
    const char *reach;  /* how and when to reach whom */
    const char *unsafe; /* what is unsafe on a visit */
};
enum rc profile_put(struct journal *journal, struct change_set *set,
                    const struct profile *profile) MUST_CHECK;
enum rc profile_check(const struct profile *profile) MUST_CHECK; /* as family_check */
bool profile_is_empty(const struct profile *profile);
/* RC_ABSENT when nothing was filled in yet. */
enum rc profile_get(struct journal *journal, struct id family, struct profile *out,
                    struct texts *texts) MUST_CHECK;

#endif
