/* The visits that every side of a benchmark writes, eight fields and a note of 28 words; and the office that writes ours. */
#ifndef TESTS_BENCH_VISITS_H
#define TESTS_BENCH_VISITS_H

#include "tests/support/office.h"

enum { VISITS_FIELDS = 8, VISITS_NOTE = 400 };

/* An office whose first device has founded the team and made `count` families. */
void visits_found(struct office *office, struct id *families, int count);
/* The next note of that seed; every side begins with the same. */
void visits_note(char note[VISITS_NOTE], unsigned *seed);
/* Its date, as a number of eight digits. */
uint32_t visits_day(int number);
/* A new visit by device `at`: file, twin and search index, as one durable save or within the transaction that is open. */
struct id visits_put(struct office *office, int at, struct id family, int number, unsigned *seed);
/* Its note and duration are other ones now, with a reason, as its author amends it. */
void visits_amend(struct office *office, int at, struct id family, struct id visit, int number, unsigned *seed);

#endif
