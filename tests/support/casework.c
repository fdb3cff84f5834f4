/* What a coach wrote about one family up to a fixed day. */
#include "tests/support/casework.h"

#include "core/agreement.h"
#include "core/contact.h"
#include "core/family.h"
#include "core/goal.h"
#include "core/member.h"
#include "core/safety.h"

/* Saves what `put` built, and demands that it could be built. */
static void
save(struct devices *devices, enum rc put, struct change_set *set)
{
    devices_demand(put, "put");
    devices_save_set(devices, 0, set);
}

void
casework_contact(struct devices *devices, uint32_t date, const char *kind, uint32_t next,
                 const char *note)
{
    struct device *d = &devices->device[0];
    struct change_set set = CHANGE_SET_EMPTY;
    struct contact contact = CONTACT_EMPTY;

    contact.facts.family = devices->family;
    contact.date = date;
    contact.kind = kind;
    contact.next = next;
    contact.note = note;
    save(devices, contact_put(d->journal, &set, d->self.person, &contact), &set);
}

void
casework_goal(struct devices *devices, const char *text, uint32_t deadline, const char *status)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct goal goal = {
        .facts.family = devices->family, .text = text, .deadline = deadline, .status = status};

    save(devices, goal_put(devices->device[0].journal, &set, &goal), &set);
}

void
casework_agreement(struct devices *devices, const char *text, uint32_t due, bool is_done)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct agreement agreement = {
        .facts.family = devices->family, .text = text, .due = due, .is_done = is_done};

    save(devices, agreement_put(devices->device[0].journal, &set, &agreement), &set);
}

void
casework_member(struct devices *devices, const char *name, uint32_t birth)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct member member = {
        .facts.family = devices->family, .given_name = name, .birth_date = birth};

    save(devices, member_put(devices->device[0].journal, &set, &member), &set);
}

void
casework_safety(struct devices *devices, uint32_t date, const char *level)
{
    struct device *d = &devices->device[0];
    struct change_set set = CHANGE_SET_EMPTY;
    struct safety safety = {
        .facts.family = devices->family, .date = date, .level = level, .ground = "gesprek"};

    save(devices, safety_put(d->journal, &set, d->self.person, &safety), &set);
}

void
casework_fill(struct devices *devices)
{
    struct journal *journal = devices->device[0].journal;
    struct change_set set = CHANGE_SET_EMPTY;
    struct family family = {.facts.id = devices->family,
                            .code_name = "Duin",
                            .phase = "start",
                            .since = 20240101,
                            .opened = 20240101};
    struct profile profile = {
        .facts.family = devices->family, .unsafe = "hond", .reach = "na vieren"};

    save(devices, family_put(journal, &set, &family), &set);
    save(devices, profile_put(journal, &set, &profile), &set);
    casework_contact(devices, 20240101, "visit", 0, "eerste");
    casework_contact(devices, 20240301, "visit", 20240312, "tweede");
    casework_contact(devices, 20240305, "call", 20240401, "derde");
    casework_contact(devices, 20240220, "message", 20240201, "vierde");
    casework_goal(devices, "open", 20240601, "open");
    casework_goal(devices, "late", 20240301, NULL);
    casework_goal(devices, "reached", 20240302, "reached");
    casework_agreement(devices, "due", 20240309, false);
    casework_agreement(devices, "today", 20240310, false);
    casework_agreement(devices, "done", 20240301, true);
    casework_member(devices, "Jarig", 20160314);
    casework_member(devices, "Schrikkel", 20200229);
    casework_member(devices, "Verwacht", 20240320);
    casework_member(devices, "Later", 20241201);
    casework_safety(devices, 20240201, "safe");
    casework_safety(devices, 20240303, "worry");
}
