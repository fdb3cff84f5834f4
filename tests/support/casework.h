/* What a coach wrote about one family up to a fixed day, for the tests of what is read from it. */
#ifndef TESTS_SUPPORT_CASEWORK_H
#define TESTS_SUPPORT_CASEWORK_H

#include "tests/support/devices.h"

enum { CASEWORK_TODAY = 20240310 };

/* Each saves one record about the family on device 0, by its person; texts may be NULL. */
void casework_contact(struct devices *devices, uint32_t date, const char *kind, uint32_t next,
                      const char *note);
void casework_goal(struct devices *devices, const char *text, uint32_t deadline,
                   const char *status);
void casework_agreement(struct devices *devices, const char *text, uint32_t due, bool is_done);
void casework_member(struct devices *devices, const char *name, uint32_t birth);
void casework_safety(struct devices *devices, uint32_t date, const char *level);
/* The whole of it: the family "Duin" with some of everything, due before and after CASEWORK_TODAY. */
void casework_fill(struct devices *devices);

#endif
