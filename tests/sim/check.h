/* What the checks at each step and those at the end share. For tests/sim/check*.c alone. */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "tests/sim/world.h"

bool check_is_there(const struct world *world, int stream);
/* The device's stream against the view that the model has of `view_of`; MODEL_NONE: of everything that counts. */
void check_against(struct device *device, int view_of, int stream);
/* Everything at the server below the cursor, of streams that are here and whole, is in the log. */
void check_cursor(struct device *device);
/* A liar kept an entry of that stream from it which nothing ever names: the device cannot know that it lacks it. */
bool check_is_withheld_for_good(struct device *device, int stream);
/* A device that has read every line holds nothing of streams that it may not read. */
void check_rights(struct device *device);
/* By a cover that no line knows yet: then neither does the model. */
bool check_is_carried(struct device *device, int stream);

/* Decision 024: its author purged the stream, and the server said once more in a later session that it has it; then a backup of the server
 * that is older than both was put back, and nobody else had fetched it. The stream may have come back since, without it. */
bool check_is_given_up(struct world *world, int stream, int writer, uint32_t save);

#endif
