/* Exit codes of `baken`, from result codes; and what a person is told when something fails. */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

#include "core/buf.h"
#include "core/rc.h"

/* docs/CLI.md has the same table. A code that a script does not know is a failure. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_OTHER = 1,     /* memory ran out, or our own mistake */
    EXIT_USAGE = 2,     /* the command line was not understood */
    EXIT_BAD_INPUT = 3, /* a value that cannot be */
    EXIT_NOT_FOUND = 4,
    EXIT_AMBIGUOUS = 5,
    EXIT_BUSY = 6,
    EXIT_LOCKED = 7, /* no passphrase, a wrong one, or a key that is not here yet */
    EXIT_DENIED = 8,
    EXIT_OFFLINE = 9,
    EXIT_NO_STORE = 10,
    EXIT_DAMAGED = 11,
    EXIT_TOO_LARGE = 12,
    EXIT_EXISTS = 13,
    EXIT_STALE = 14,
    EXIT_UNTRUSTED = 15,
    EXIT_UNSUPPORTED = 16,
    EXIT_DISK_FULL = 17,
    EXIT_DISK = 18,
    EXIT_PARTLY = 19, /* done, and something asks for a person: held, refused, a finding */
    EXIT_INTERRUPTED = 130,
};

/* How the sentence of a failure ends where the code alone would not tell it right; NULL: as the code does. */
struct ending {
    const char *safe;
    const char *advice;
};

enum exit_code exit_of(enum rc rc);
/* The one sentence for a person, in the user's language: what happened; what is safe; what to do. `rc` is
 * not RC_OK. */
enum rc exit_message(enum rc rc, const struct ending *ending, struct buf *out) MUST_CHECK;

#endif
