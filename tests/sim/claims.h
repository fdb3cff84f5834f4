/* What is said in public, and must stay true: one entry has one content, an acknowledgement speaks of what is on the disk, a cursor
 * passes nothing that is not here. */
#ifndef TESTS_SIM_CLAIMS_H
#define TESTS_SIM_CLAIMS_H

#include "server/depot.h"
#include "tests/sim/world.h"

/* The entries of a push, as they leave a device; whether they arrive or not. */
void claims_note_push(struct device *device, const uint8_t *body, size_t len);
/* What the server answered to a push, as it came to the device: one that a liar changed says nothing. */
void claims_note_answer(struct device *device, const struct late_request *request, const struct transport_reply *reply);
/* The entries that a device holds of others, or that it has sent. */
void claims_note_log(struct device *device);
/* An entry with that save is in the log. Judged anew by lines that came since, it may wait there for its turn. */
bool claims_is_logged(struct device *device, int stream, int writer, uint32_t save);
/* A gap ends a session with an alarm. Whether there are any, and at each the server has not got what is missing: it lost that itself. */
bool claims_gaps_are_lost(struct device *device);
void claims_free(struct world *world);

/* Tells the model the acknowledgements that are new at the server. */
enum rc claims_follow(struct world *world, struct depot *depot, int64_t team);
/* Each acknowledgement of the device is true (O8): what it speaks of is applied or held, or was, and is in the log. */
void claims_check_acks(struct device *device, bool is_end);
/* When all is quiet: each box below the device's cursor, of a stream that it may read, was taken (O6). Before that, those
 * of a cover lie there until it is accepted. */
void claims_check_cursors(struct device *device);

#endif
