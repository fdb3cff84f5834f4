/* One encrypted store: make, open, migrate, close; one directory per device. */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include "core/clock.h"
#include "core/db.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"
#include "core/store_key.h"
#include "core/vfs.h"
#include "core/vfs_kept.h"

#include <stdbool.h>

struct store;
struct store_token_disk;

/* What keyslots.json is to the store that it opened. */
enum store_slots_state {
    STORE_SLOTS_FINE,
    STORE_SLOTS_OLD,     /* a newer one was here: an earlier passphrase or sheet opens the store again */
    STORE_SLOTS_ALTERED, /* it is not as whoever had the key wrote it */
    STORE_SLOTS_UNKNOWN, /* whole, but damage hides whether a newer one was here: opened to be read, for a checkup */
};

struct store_options {
    const char *directory;
    const char *state_directory; /* where instance tokens lie; NULL: $XDG_STATE_HOME/baken, else
                                    ~/.local/state/baken */
    const char *base_vfs;        /* the VFS below ours; NULL is "unix". Tests put faults there. */
    const struct store_token_disk *token_disk; /* lent while the store is open; NULL: the machine's own. Tests. */
    struct clock clock;
    const struct secret *key; /* the store key, lent for the call; store_key_open() or
                                    keyslot_fetch() give it. store_create: NULL draws one. */
    bool is_checkup; /* the doctor's: a damaged structure is not refused, for it looks itself */
};

/*
 * Makes a store in `directory` (made, with its parents, where missing) and opens it.
 *
 * passphrase  of the first slot; NULL makes a store without any (tests, which hold the key)
 * cost        NULL is STORE_KEY_COST
 * fails       RC_EXISTS there is one already; RC_FULL, RC_IO, RC_BUSY; RC_INVALID empty passphrase.
 *             keyslots.json is written last: a creation that was cut is simply begun anew.
 */
enum rc store_create(const struct store_options *options, const struct secret *passphrase,
                     const struct store_key_cost *cost, struct store **store) MUST_CHECK;

/*
 * Makes a store in `options->directory` that goes on for `old`, lent: its id, key and slots, another file. It writes no instance token
 * and is in doubt, so that it counts as a copy of the old one from its first opening on. Call with nothing else to do there than
 * to fill and to close it.
 *
 * fails  as store_create
 */
enum rc store_create_after(const struct store_options *options, const struct store *old, struct store **store) MUST_CHECK;

/*
 * Opens a store: lock, key, migrations, quick_check where the last end was not clean.
 *
 * fails  RC_ABSENT no store; RC_LOCKED no key or a wrong one, and no byte was changed; RC_BUSY, saying
 *        who holds it; RC_CORRUPT; RC_UNSUPPORTED newer than this program; RC_FULL, RC_IO
 */
enum rc store_open(const struct store_options *options, struct store **store) MUST_CHECK;
/*
 * Opens a store to look at it, while another program may write to it, also on a disk or in a directory that may only be
 * read: no turn is taken, nothing is counted, marked, checked or brought up to date, and the reading is not logged.
 * Statements that write fail (RC_IO).
 *
 * fails  as store_open; RC_STALE an older program wrote it: it is to be opened once as usual
 */
enum rc store_open_to_read(const struct store_options *options, struct store **store) MUST_CHECK;
/*
 * Has a store that was opened to be read go on in a copy in memory of this moment, where statements write and of which nothing
 * reaches the disk, the instance token included; continuity and key slots are judged as store_open does.
 *
 * fails  and leaves the store as it was: RC_CORRUPT a page in use is damaged; RC_TOO_LARGE, RC_NOMEM it does not fit into
 *        memory; RC_IO, RC_BUSY
 */
enum rc store_go_on_in_memory(struct store *store) MUST_CHECK;
/* Checkpoints, marks the end as clean, releases the lock. Accepts NULL. */
void store_close(struct store *store);

/* All lent, until store_close. */
struct db *store_db(struct store *store);
const struct clock *store_clock(const struct store *store);
struct id store_id(const struct store *store);
const char *store_directory(const struct store *store);
const struct secret *store_secret(const struct store *store); /* the store key */
const struct store_slots *store_slots(const struct store *store);

/* A key of this store alone, to seal secrets under that lie in its rows: what SQLite holds in memory is in the clear there. */
enum rc store_sealing_key(const struct store *store, struct secret *sealing) MUST_CHECK;

/* Whether this store is the one last used here. When not (restored from a backup, copied, moved, or
 * the token was lost), *reason is a sentence for the user and nothing may be sealed until the own
 * feeds were compared with the server's; then store_prove_continuity. */
bool store_is_continuous(const struct store *store, const char **reason);
/* Ends the doubt, durably. */
enum rc store_prove_continuity(struct store *store) MUST_CHECK;
/* Whether saves that were acknowledged here may be missing: the store was once found older than its token (its log was cut,
 * altered or foreign, or an older copy was put in its place). Lasts, also over a sync, until a person says to have
 * looked. */
bool store_may_lack_saves(const struct store *store);
/* A person looked: ends that, durably. */
enum rc store_accept_lack(struct store *store) MUST_CHECK;
/* What was found in the log at this opening: where recovery ended although later commits were whole, is_cut. Copies lie in
 * the directory until vfs_kept_forget. */
const struct vfs_kept *store_kept_log(const struct store *store);
/* As it was at the opening. */
enum store_slots_state store_slots_state(const struct store *store);
/* A person looked at old slots and takes them: from now on they are the newest. Altered ones stay so until they are changed. */
enum rc store_accept_slots(struct store *store) MUST_CHECK;
/* Ends a transaction with saves as db_end does, and counts on with it: a store that loses one of these is older than its
 * token. The token is written after the commit; where that fails the saves stand and the next opening tells. Inside
 * another transaction it leaves that to the end of the outer one. */
enum rc store_end_saves(struct store *store, enum rc rc) MUST_CHECK;
/* Counts on, in the store and in its instance token: after something was sealed and before it leaves this
 * device, so that a copy from before can never pass for this store. Outside a transaction. */
enum rc store_count_on(struct store *store) MUST_CHECK;
/* Deletes the copies of logs (core/vfs_kept.h); of a store that was opened to be read it deletes nothing. */
enum rc store_forget_kept(struct store *store) MUST_CHECK;
/* Empties the log into the file, then authenticates every page, free pages too, as vfs_verify does. Outside a
 * transaction. RC_OK also when pages are bad. A store that was opened to be read is left as it is; RC_STALE: pages are bad and
 * there is a log beside it, which may hold them. */
enum rc store_verify(struct store *store, struct vfs_verdict *verdict) MUST_CHECK;

#endif
