/* Parts of `baken status`: what waits of each family, and what was received and waits. */
#ifndef CLI_STATUS_WAITS_H
#define CLI_STATUS_WAITS_H

#include "cli/command.h"
#include "sync/ledger.h"

/* What the ledger says is owed and due now. */
struct owed {
    struct ledger_ids rotations;
    struct ledger_pairs grants;
};

/* How many changes of its own wait in a store in all, as a person counts them: a visit, not the visit and its line in the index.
 * `waiting` is what replica_waiting says of it. */
enum rc status_changes(struct replica *replica, const struct waiting *waiting, uint64_t *changes) MUST_CHECK;
/* A row for each family that this device sees or still has to send something of, and one for the team's stream. */
enum rc status_families(struct call *call, const struct owed *owed) MUST_CHECK;
/* What is parked or held, in changes as a person counts them; of one family, or of all where it is NULL. */
struct received_sum {
    uint64_t parked, held;
    uint64_t own_counts;  /* of the held: own work, handed in, that counts by itself after an ordinary end of a cover */
    uint64_t else_counts; /* the same of others, or not handed in yet */
    uint64_t gone;        /* of all: of families that this device shows no longer */
    bool own_came, else_came, held_came; /* since the marks: of own_counts, of else_counts, of all else that is held and can be read */
    bool gone_came;                      /* the same: of a family that this device shows no longer */
};
enum rc status_sum_received(struct call *call, const struct id *family, struct received_sum *sum) MUST_CHECK;
/* What is held before an exchange, to tell afterwards what came in it; reads no entry of others that is large. Embedded value:
 * RECEIVED_MARKS_EMPTY, ended by status_marks_wipe. */
struct received_mark;
struct received_marks {
    struct received_mark *items;
    size_t count, room;
    bool is_taken; /* else nothing is told to have come */
};
#define RECEIVED_MARKS_EMPTY ((struct received_marks){.count = 0})
enum rc status_mark_received(struct call *call, struct received_marks *marks) MUST_CHECK;
void status_marks_wipe(struct received_marks *marks);
/* status_sum_received of all families, and what came since. */
enum rc status_sum_since(struct call *call, const struct received_marks *marks, struct received_sum *sum) MUST_CHECK;
/* For people: what it waits for that came too late or waits, after "waits for". */
const char *status_say_reason(const char *reason, enum received_fate fate);
/* What is parked or held, by feed and reason, and what to do about it. */
enum rc status_received(struct call *call) MUST_CHECK;

#endif
