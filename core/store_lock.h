/* One program at a time writes to a store, and the others are told which. */
#ifndef CORE_STORE_LOCK_H
#define CORE_STORE_LOCK_H

#include "core/clock.h"
#include "core/rc.h"

enum { STORE_LOCK_WAIT_MS = 5000 };

/*
 * Takes the turn of the one writing program: VFS_LOCK_WRITER of DIRECTORY/lock, which then says "PID COMMAND" of the
 * holder. Waits up to STORE_LOCK_WAIT_MS by `clock`. Readers need no turn.
 *
 * fd     out; give it to store_lock_release
 * fails  RC_BUSY, whose sentence names the holder; RC_ABSENT no such directory; RC_IO
 */
enum rc store_lock_take(const char *directory, const struct clock *clock, int *fd) MUST_CHECK;
void store_lock_release(int fd); /* accepts -1 */

#endif
