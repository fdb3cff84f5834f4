/* What people write and see of a family's plan, on the devices of an office. Each demands success, unless it says a code. */
#ifndef TESTS_SUPPORT_OFFICE_PLAN_H
#define TESTS_SUPPORT_OFFICE_PLAN_H

#include "tests/support/office.h"

/* A new office of three coaches with a device each, 0 to 2, who all work with the family "vos", which is Bram's (1). */
struct id office_three(struct office *office);

struct id office_goal(struct office *office, int at, struct id family, const char *text);
enum rc office_try_edit_goal(struct office *office, int at, struct id family, struct id goal, const char *text);
void office_edit_goal(struct office *office, int at, struct id family, struct id goal, const char *text);
void office_delete_goal(struct office *office, int at, struct id family, struct id goal);
/* Whether the device shows the goal, with that text. */
bool office_shows_goal(struct office *office, int at, struct id goal, const char *text);

/* How many visits to the family the device shows; with a note, only those of that note. */
unsigned office_visits(struct office *office, int at, struct id family, const char *note);
unsigned office_conflicts(struct office *office, int at);
/* How many saves the device holds as late work, in streams of that kind. */
uint64_t office_held(struct office *office, int at, enum stream_kind kind);
/* Whether two devices show the same of the family, file and index, and something at all. */
bool office_are_equal(struct office *office, int a, int b, struct id family);

#endif
