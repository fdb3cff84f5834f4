/* Where a store lies when nobody says. */
#ifndef CORE_HOME_H
#define CORE_HOME_H

#include "core/buf.h"

/* Appends the directory of the store: `chosen` unless NULL, BAKEN_HOME, $XDG_DATA_HOME/baken, or
 * ~/.local/share/baken. RC_INVALID when there is no home directory either. */
enum rc home_directory(const char *chosen, struct buf *path) MUST_CHECK;

#endif
