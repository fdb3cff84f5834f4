/* "Can that device see it?": each answer against what the model knows. */
#ifndef TESTS_SIM_SIGHTS_H
#define TESTS_SIM_SIGHTS_H

#include "tests/sim/world.h"

/* At any moment: of one colleague, who may be one that this seed leaves out, and one save of each writer in one stream. */
void sights_check(struct device *device);
/* When all is well, of a stream that the device reads: of every colleague, and of those who read it nothing but "yes". In a thorough seed
 * of all saves, else of each writer's last and one before it. */
void sights_check_end(struct device *device, int stream, const bool *reads);

#endif
