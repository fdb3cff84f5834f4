/* What people write and see of a family's plan, on the devices of an office. */
#include "tests/support/office_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/change_set.h"
#include "core/contact.h"
#include "core/goal.h"
#include "core/texts.h"
#include "tests/support/stores.h"

static struct journal *
journal_of(struct office *office, int at)
{
    return replica_journal(office->devices[at].replica);
}

struct id
office_three(struct office *office)
{
    office_open(office);
    office_found(office, LEDGER_ROLE_COACH);
    office_join(office, 1, "Bram", LEDGER_ROLE_COACH);
    office_join(office, 2, "Carla", LEDGER_ROLE_COACH);
    struct id family = office_family(office, 0, "vos", 1);
    office_sync_all(office, 3, 1);
    for (int at = 0; at < 3; at += 2)
        stores_demand(replica_assign(office->devices[1].replica, &office->devices[1].transport, family,
                                     office->devices[at].person, LEDGER_COACH),
                      "replica_assign");
    office_sync_all(office, 3, 2);
    return family;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static enum rc
save_goal(struct office *office, int at, struct goal *goal)
{
    struct change_set set = CHANGE_SET_EMPTY;

    enum rc rc = goal_put(journal_of(office, at), &set, goal);
    if (rc == RC_OK)
        rc = replica_save(office->devices[at].replica, set.changes, set.count);
    change_set_wipe(&set);
    return rc;
}

struct id
office_goal(struct office *office, int at, struct id family, const char *text)
{
    struct goal goal = {.facts.family = family, .text = text};

    stores_demand(save_goal(office, at, &goal), "office_goal");
    return goal.facts.id;
}

enum rc
office_try_edit_goal(struct office *office, int at, struct id family, struct id id, const char *text)
{
    struct goal goal = {.facts = {.id = id, .family = family}, .text = text};

    return save_goal(office, at, &goal);
}

void
office_edit_goal(struct office *office, int at, struct id family, struct id id, const char *text)
{
    stores_demand(office_try_edit_goal(office, at, family, id, text), "office_edit_goal");
}

void
office_delete_goal(struct office *office, int at, struct id family, struct id id)
{
    struct change_set set = CHANGE_SET_EMPTY;

    stores_demand(change_set_delete(journal_of(office, at), &set, family, ENTITY_GOAL, id), "change_set_delete");
    stores_demand(replica_save(office->devices[at].replica, set.changes, set.count), "office_delete_goal");
    change_set_wipe(&set);
}

/* ---- seeing ----------------------------------------------------------------------------------------- */

bool
office_shows_goal(struct office *office, int at, struct id id, const char *text)
{
    struct texts texts = TEXTS_EMPTY;
    struct goal goal;

    enum rc rc = goal_get(journal_of(office, at), id, &goal, &texts);
    bool shows = rc == RC_OK && !goal.facts.is_hidden && goal.text != NULL && strcmp(goal.text, text) == 0;
    if (rc != RC_ABSENT)
        stores_demand(rc, "goal_get");
    texts_wipe(&texts);
    return shows;
}

struct counting {
    const char *note;
    unsigned count;
};

static enum rc
count_visit(void *context, const struct contact *contact)
{
    struct counting *counting = context;

    if (counting->note == NULL || (contact->note != NULL && strcmp(contact->note, counting->note) == 0))
        counting->count++;
    return RC_OK;
}

unsigned
office_visits(struct office *office, int at, struct id family, const char *note)
{
    struct record_filter filter = {.family = family};
    struct counting counting = {note, 0};

    stores_demand(contact_list(journal_of(office, at), &filter, count_visit, &counting), "contact_list");
    return counting.count;
}

static enum rc
count_conflict(void *context, const struct conflict *conflict)
{
    (void)conflict;
    ++*(unsigned *)context;
    return RC_OK;
}

unsigned
office_conflicts(struct office *office, int at)
{
    unsigned count = 0;

    stores_demand(journal_conflicts(journal_of(office, at), count_conflict, &count), "journal_conflicts");
    return count;
}

struct holding {
    const struct ledger *ledger;
    enum stream_kind kind;
    uint64_t saves;
};

static enum rc
count_held(void *context, struct id stream, struct feed_ref feed, uint32_t first, uint32_t last,
           const char *reason)
{
    struct holding *holding = context;

    (void)feed;
    if (strcmp(reason, "late") == 0 && ledger_stream(holding->ledger, stream)->kind == holding->kind)
        holding->saves += last - first + 1;
    return RC_OK;
}

uint64_t
office_held(struct office *office, int at, enum stream_kind kind)
{
    struct holding holding = {replica_ledger(office->devices[at].replica), kind, 0};

    stores_demand(replica_parked(office->devices[at].replica, count_held, &holding), "replica_parked");
    return holding.saves;
}

bool
office_are_equal(struct office *office, int a, int b, struct id family)
{
    const struct ledger_family *known = ledger_family(replica_ledger(office->devices[a].replica), family);

    return office_agree(office, a, b, known->index) && office_agree(office, a, b, known->file);
}
