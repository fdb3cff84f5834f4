/* What opens (O4): with all keys and boxes that a device ever had, and all that lies at the server, nothing opens that it was not
 * granted; and to the server nothing does. */
#ifndef TESTS_SIM_OPENS_H
#define TESTS_SIM_OPENS_H

#include "tests/sim/world.h"

/* A true answer of the server to GET /boxes: each of them was for this device to have. */
void opens_note_boxes(struct device *device, const struct buf *body);
/* The keys that are in the device's ring now. */
void opens_look(struct device *device);
/* Every device that made that key, or had it and may hold it still, was put back to an older backup; so was at least one that made or had it. */
bool opens_holders_were_put_back(struct world *world, struct id stream, uint32_t epoch);
void opens_check(struct world *world);

#endif
