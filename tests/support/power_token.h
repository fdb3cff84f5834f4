/* The instance token on a disk that can lose power: its slots are torn as everything else is. */
#ifndef TESTS_SUPPORT_POWER_TOKEN_H
#define TESTS_SUPPORT_POWER_TOKEN_H

#include "core/store_token.h"
#include "tests/support/power_vfs.h"

/* `disk` is lent for as long as the store is open. A write is two operations of the disk, or three where it makes the file. */
struct store_token_disk power_token_disk(struct power_disk *disk);

#endif
