/* Part of `baken status`: where the latest notes are. */
#ifndef CLI_STATUS_ARRIVALS_H
#define CLI_STATUS_ARRIVALS_H

#include "cli/command.h"

/* A row for each family that this device sees and each other device that may read its file: whether that shows the owner's last
 * note and one's own, and how many saves it is not known to have. */
enum rc status_arrivals(struct call *call) MUST_CHECK;

#endif
