/* What a modified program of a member's can do and ours does not: bundles of any content, devices that are keys alone. Failure ends the test. */
#ifndef TESTS_SUPPORT_FORGER_H
#define TESTS_SUPPORT_FORGER_H

#include "sync/wire_run.h"
#include "tests/support/office.h"

/* A bundle of that content, signed by device `from` and sealed to `to`, into `bundle`, the caller's to wipe, as `content` is. */
void forger_pack(struct office *office, int from, int to, struct wire_run_bundle *content, struct buf *bundle);
/* The person of device `at` invites and approves one more device of theirs, which has no store. Its keys are the caller's to wipe. */
void forger_add_device(struct office *office, int at, struct identity *identity);

#endif
