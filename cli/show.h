/* How records look in lists, shared by the commands that show them. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/command.h"
#include "core/family.h"

/* Members, goals, agreements, contacts and judgements as the filter says. */
enum rc show_members(struct call *call, const struct record_filter *filter) MUST_CHECK;
enum rc show_goals(struct call *call, const struct record_filter *filter) MUST_CHECK;
enum rc show_agreements(struct call *call, const struct record_filter *filter) MUST_CHECK;
enum rc show_contacts(struct call *call, const struct record_filter *filter) MUST_CHECK;
enum rc show_safety(struct call *call, const struct record_filter *filter) MUST_CHECK;
/* As an object "profile". */
void show_profile_fields(struct call *call, const struct profile *profile);

/* Who deleted the record last, also where it is shown because something newer is current; zero: nobody, or it was restored. */
enum rc show_deleted_by(struct call *call, uint32_t entity, const struct facts *facts,
                        struct id *person) MUST_CHECK;

/* For people: that the record has two versions, or was withdrawn. */
void show_remark(struct out *out, const struct facts *facts, bool is_withdrawn);

/* Minutes since midnight as HH:MM; -1 is null. */
void show_minutes(struct out *out, const char *key, const char *heading, int32_t minutes);

/* Remarks that the family's file is not for this device: an empty list then says nothing. */
void show_file_reach(struct call *call, struct id family);

/* --from, --until, --limit, --all and an optional family word. */
enum rc show_filter(struct call *call, const char *family, struct record_filter *filter) MUST_CHECK;

#endif
